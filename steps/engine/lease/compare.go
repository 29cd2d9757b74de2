package lease

import (
	"fmt"

	"canton.example/svrescue/kube"
)

// Compared is what a Lease says of a journal.
type Compared struct {
	Cannot  string // why nothing can be said; "" where something can
	Altered string // how the journal differs from the one that is mirrored; "" where it does not
	Seq     uint64 // the record that is mirrored
}

// Compare compares the hashes of the records of a run's journal, in order, with what the Lease mirrors of it.
func Compare(l kube.Lease, run string, hashes []string) Compared {
	m, ok := Mirrored(l)
	c := Compared{Seq: m.Seq}
	switch records := uint64(len(hashes)); {
	case !ok:
		c.Cannot = "the Lease mirrors no journal"
	case m.Run != run:
		c.Cannot = fmt.Sprintf("the Lease mirrors that of run %s by now", m.Run)
	case m.Seq > records:
		c.Altered = fmt.Sprintf("its end was cut off: the Lease says that record %d was written, and the last one here is %d", m.Seq, records)
	case m.Seq == 0 || hashes[m.Seq-1] != m.Head:
		c.Altered = fmt.Sprintf("it was written anew at or before record %d: that record is not the one which the Lease mirrors", m.Seq)
	}
	return c
}
