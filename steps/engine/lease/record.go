package lease

import (
	"cmp"
	"maps"
	"strconv"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/wire"
)

// Annotations of the Lease: who holds it, or held it last, and where the journal of that run stands.
const (
	Operator = "svrescue/operator"
	Host     = "svrescue/host"
	Run      = "svrescue/run"
	Step     = "svrescue/step"
	Note     = "svrescue/note" // why it was released
	Seq      = "svrescue/journal-seq"
	Head     = "svrescue/journal-head"
)

// Mirror is where a journal stood when the Lease was last written.
type Mirror struct {
	Run  string
	Seq  uint64
	Head string // hash of the record Seq
}

// Mirrored reads what a Lease says of a journal; false where it says nothing.
func Mirrored(l kube.Lease) (Mirror, bool) {
	seq, err := strconv.ParseUint(l.Annotations[Seq], 10, 64)
	m := Mirror{Run: l.Annotations[Run], Seq: seq, Head: l.Annotations[Head]}
	return m, err == nil && m.Run != "" && m.Head != ""
}

// HolderOf is who holds a Lease, or held it last. Of a Lease that another program made only its holder is known.
func HolderOf(l kube.Lease) wire.Holder {
	return wire.Holder{Operator: cmp.Or(l.Annotations[Operator], l.Holder), Host: l.Annotations[Host], Run: l.Annotations[Run], Step: l.Annotations[Step],
		Since: l.Acquired, Renewed: l.Renewed}
}

// Self is who holds a Lease on this side.
type Self struct{ Operator, Host, Run string }

func (s Self) identity() string { return s.Operator + "@" + s.Host + "/" + s.Run }

// earlier says whether the Lease is held by an earlier worker of the same run on this machine. The lock on the run folder is
// ours, so that worker is gone.
func (s Self) earlier(l kube.Lease) bool {
	return l.Holder != "" && l.Annotations[Run] == s.Run && l.Annotations[Host] == s.Host
}

// taken is the Lease as it is written to take it.
func (s Self) taken(l kube.Lease, now time.Time) kube.Lease {
	l.Holder, l.Acquired, l.Duration = s.identity(), now, wire.LeaseSpan
	l.Transitions++
	l.Annotations = maps.Clone(l.Annotations)
	if l.Annotations == nil {
		l.Annotations = map[string]string{}
	}
	l.Annotations[Operator], l.Annotations[Host], l.Annotations[Run] = s.Operator, s.Host, s.Run
	for _, old := range []string{Step, Note, Seq, Head} {
		delete(l.Annotations, old)
	}
	return l
}

// renewed is the Lease as it is written to go on holding it.
func renewed(l kube.Lease, now time.Time, step string, seq uint64, head string) kube.Lease {
	l.Renewed = now
	l.Annotations = maps.Clone(l.Annotations)
	if step != "" {
		l.Annotations[Step] = step
	}
	if head != "" {
		l.Annotations[Seq], l.Annotations[Head] = strconv.FormatUint(seq, 10), head
	}
	return l
}
