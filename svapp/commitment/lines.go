package commitment

import "bytes"

const (
	// lineMax is the longest line that is held as a whole. Of a longer one agreements are found too, wherever they stand in it; a mismatch in one
	// is counted and not understood.
	lineMax = 256 << 10
	// lookahead is how much of a long line must follow a mark before it is looked at: more than anything that is read there.
	lookahead = 2 * rowMax
	// statementMax bounds a message of several lines.
	statementMax = 64 << 10
)

// lines reads lines and keeps what they say in a tally. What it does depends on the lines alone, not on how they come in blocks.
type lines struct {
	t      *tally
	max    int // lineMax, smaller in tests
	open   *statement
	chains [2]chain // of stdout and stderr
	last   []byte   // the beginning of the last line that is not too long
	until  Instant  // the latest end of a period of which the line says that it agrees
}

// statement is a message that goes on in the following lines: a mismatch in text, or a row of a console.
type statement struct {
	console bool
	text    []byte
}

// chain is a line that a runtime has split into several records.
type chain struct {
	active, docker bool
	text           []byte
	piece          piece
}

// take reads whole lines. Every one but the last ends with a line break.
func (l *lines) take(block []byte) {
	next, _ := nextMark(block, 0)
	var last []byte
	for at := 0; at < len(block); {
		end := bytes.IndexByte(block[at:], '\n')
		if end < 0 {
			end = len(block)
		} else {
			end += at
		}
		line := block[at:end]
		due := l.t.lines < sampleFirst || l.t.lines%sampleEvery == 0
		l.t.lines++
		marked := next >= 0 && next < end
		long := len(line) > l.max
		if due && !long {
			l.sample(line)
		}
		switch {
		case long:
			l.long(&piece{}, line, true)
		case len(line) > 8 && (line[2] == 'l' || line[4] == '-') && l.split(line): // {"log" or a date: it was put to a chain
		case marked || l.open != nil:
			l.line(line)
		}
		if at = end + 1; marked {
			next, _ = nextMark(block, at)
		}
		if !long {
			last = line
		}
	}
	if last != nil {
		l.last = append(l.last[:0], last[:min(len(last), sampleLine)]...)
	}
}

// end is called after the last line.
func (l *lines) end() {
	for i := range l.chains {
		l.endChain(&l.chains[i])
	}
	l.finish()
	l.sample(l.last)
}

func (l *lines) sample(line []byte) {
	line = line[:min(len(line), sampleLine)]
	l.t.levels.see(line)
	l.t.clock.see(line)
}

// split sees to a line that a runtime has split: it takes the record if it is a piece of a chain.
func (l *lines) split(line []byte) bool {
	line = bytes.TrimSuffix(line, []byte("\r"))
	if line[0] == '{' && (!bytes.HasPrefix(line, dockerHead) || !l.chains[0].active && !l.chains[1].active && endsWhole(line)) {
		return false
	}
	r, ok := criOf(line)
	docker := false
	if !ok {
		if r, ok = dockerOf(line); !ok {
			return false
		}
		docker = true
	}
	c := &l.chains[0]
	if r.stream == 'e' {
		c = &l.chains[1]
	}
	if !r.partial && !c.active {
		return false
	}
	if c.active && c.docker != docker {
		l.endChain(c)
		if !r.partial {
			return false
		}
	}
	c.active, c.docker = true, docker
	c.text = append(c.text, r.inner...)
	if len(c.text) > l.max {
		kept := l.long(&c.piece, c.text, false)
		c.text = append(c.text[:0], c.text[kept:]...)
	}
	if !r.partial {
		l.endChain(c)
	}
	return true
}

// endsWhole says quickly of a line from Docker that it does not go on in the next record.
func endsWhole(line []byte) bool {
	return bytes.Contains(line[max(0, len(line)-100):], []byte(`\n","stream":"std`))
}

func (l *lines) endChain(c *chain) {
	if !c.active {
		return
	}
	text := c.text
	if c.docker {
		text = unescape(text)
	}
	if c.piece.begun {
		l.long(&c.piece, text, true)
	} else {
		l.line(text)
	}
	if cap(c.text) > 2*lookahead {
		c.text = nil
	}
	*c = chain{text: c.text[:0]}
}

// line reads one line that has a mark, or that follows an open statement.
func (l *lines) line(text []byte) {
	text = bytes.TrimRight(text, "\r")
	if l.open != nil && l.goesOn(text) {
		return
	}
	var agreed, rows, mismatch, cut, other bool
	l.until = firstPeriod
	for from := 0; ; {
		at, kind := nextMark(text, from)
		if at < 0 {
			break
		}
		from = at + 1
		switch kind {
		case markAgreement:
			if n := l.agreement(text[at:]); n > 0 {
				agreed, from = true, at+n
			} else {
				cut = true
			}
		case markReceived:
			rows = true
			start := at - len(receivedAcs)
			if n, whole := l.row(text[start:]); whole {
				from = start + n
			} else if len(text)-start < rowMax {
				l.open = &statement{console: true, text: bytes.Clone(text[start:])}
				return
			} else {
				l.t.kinds[RowsStrange]++
			}
		case markSent:
			rows = true
			l.t.kinds[RowsStrange]++
		case markMismatch:
			mismatch = true
		default:
			other = true
		}
	}
	switch {
	case agreed:
		if at, ok := timeOf(text); ok && l.until > at+backMin {
			l.t.early++
		}
	case rows:
	case mismatch:
		l.mismatch(text)
	case cut:
		l.t.kinds[Cut]++
	case other:
		l.t.kinds[kindOf(text)]++
	}
}

// agreement reads the agreement at the start of b and answers its length; 0 where it is none.
func (l *lines) agreement(b []byte) int {
	b = b[len(agreementHead):]
	sender, p, n, ok := parseAgreement(b)
	if !ok {
		// Some encoders escape what need not be escaped, such as the equals sign.
		window := b[:min(len(b), 2048)]
		if bytes.IndexByte(window, '\\') < 0 {
			return 0
		}
		if sender, p, _, ok = parseAgreement(flatten(window)); !ok {
			return 0
		}
		n = 0
	}
	if !l.t.note(l.t.agreed, sender, p) {
		return 0
	}
	l.t.kinds[Agreements]++
	l.until = max(l.until, p.to)
	return len(agreementHead) + n
}

// rows reads rows of a console, and answers what is left where the last one is not whole.
func (l *lines) rows(text []byte) []byte {
	for {
		i := bytes.Index(text, receivedHead)
		if i < 0 {
			return nil
		}
		text = text[i:]
		n, whole := l.row(text)
		if !whole {
			if len(text) < rowMax {
				return text
			}
			l.t.kinds[RowsStrange]++
			n = len(receivedHead)
		}
		text = text[n:]
	}
}

// row reads the row at the start of text and answers its length.
func (l *lines) row(text []byte) (int, bool) {
	r, n, whole, ok := parseRow(text)
	if !whole {
		return 0, false
	}
	kind := RowsStrange
	switch {
	case !ok:
	case r.state == "Match" && l.t.note(l.t.agreed, r.counterparty, r.period):
		kind = RowsMatch
	case r.state == "Mismatch" && l.t.note(l.t.mismatched, r.counterparty, r.period):
		kind = RowsMismatch
	case r.state == "Buffered" || r.state == "Outstanding":
		kind = RowsOpen
	}
	l.t.kinds[kind]++
	return n, true
}

// mismatch reads a line that tells of one. In text, what it is about may follow in further lines.
func (l *lines) mismatch(text []byte) {
	if l.remote(text) {
		return
	}
	o := unwrap(text)
	if o.entry {
		l.t.kinds[Nameless]++
		return
	}
	l.open = &statement{text: bytes.Clone(o.text)}
}

func (l *lines) remote(text []byte) bool {
	sender, p, ok := parseRemote(flatten(text))
	if !ok || !l.t.note(l.t.mismatched, sender, p) {
		return false
	}
	l.t.kinds[Mismatches]++
	return true
}

// goesOn adds a line to the open statement; false where it does not belong to it, which is over then.
func (l *lines) goesOn(text []byte) bool {
	o, s := unwrap(text), l.open
	if o.begins() || len(s.text) > statementMax || !s.console && alone(text) {
		l.finish()
		return false
	}
	s.text = append(append(s.text, '\n'), o.text...)
	if !s.console {
		if l.remote(s.text) {
			l.open = nil
		}
		return true
	}
	if rest := l.rows(s.text); rest != nil {
		s.text = append(s.text[:0], rest...)
	} else {
		l.open = nil
	}
	return true
}

// alone says whether a line says by itself what it is about, so that it cannot be a further line of a mismatch.
func alone(text []byte) bool {
	for at, kind := nextMark(text, 0); at >= 0; at, kind = nextMark(text, at+1) {
		if kind != markPeriod {
			return true
		}
	}
	return false
}

// finish ends a statement that is not whole.
func (l *lines) finish() {
	switch {
	case l.open == nil:
	case l.open.console:
		l.t.kinds[RowsStrange]++
	default:
		l.t.kinds[Nameless]++
	}
	l.open = nil
}
