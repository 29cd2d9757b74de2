package commitment

// tally is what was found, in few bytes for each agreement: a log can hold very many.
type tally struct {
	bytes int64 // read, without compression
	lines int64
	kinds [kinds]int64

	names   []string         // of counterparties, by number
	number  map[string]int32 // by name
	senders map[string]int32 // by what stands in the log

	agreed, mismatched map[entry]struct{}

	levels levels
	early  int64 // agreements on a period that ends after the time of their line
	clock  clock
}

// entry is one agreement or mismatch.
type entry struct {
	party int32
	period
}

func newTally() *tally {
	return &tally{number: map[string]int32{}, senders: map[string]int32{}, agreed: map[entry]struct{}{}, mismatched: map[entry]struct{}{}}
}

// party is the number of a sender as it stands in a log; false where it is no participant.
func (t *tally) party(sender []byte) (int32, bool) {
	if n, ok := t.senders[string(sender)]; ok {
		return n, true
	}
	name, ok := parseParticipant(sender)
	if !ok {
		return 0, false
	}
	n := t.numberOf(name)
	t.senders[string(sender)] = n
	return n, true
}

func (t *tally) numberOf(name string) int32 {
	n, ok := t.number[name]
	if !ok {
		n = int32(len(t.names))
		t.names, t.number[name] = append(t.names, name), n
	}
	return n
}

// note keeps an agreement or a mismatch; false where the sender is no participant.
func (t *tally) note(to map[entry]struct{}, sender []byte, p period) bool {
	n, ok := t.party(sender)
	if ok {
		to[entry{n, p}] = struct{}{}
	}
	return ok
}

// add takes over what another one has found, whose lines come after those of this one.
func (t *tally) add(o *tally) {
	t.bytes += o.bytes
	t.lines += o.lines
	for k, n := range o.kinds {
		t.kinds[k] += n
	}
	renumbered := make([]int32, len(o.names))
	for i, name := range o.names {
		renumbered[i] = t.numberOf(name)
	}
	for e := range o.agreed {
		t.agreed[entry{renumbered[e.party], e.period}] = struct{}{}
	}
	for e := range o.mismatched {
		t.mismatched[entry{renumbered[e.party], e.period}] = struct{}{}
	}
	t.early += o.early
	t.levels.add(o.levels)
	t.clock.add(o.clock)
}
