package rehearsal

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

var (
	soak    = flag.Bool("soak", false, "kill, spoil and tear at every point instead of a sample")
	soakFor = flag.Duration("soak-for", 0, "do so in random order for about this long, all matrices together")
	seed    = flag.Uint64("seed", uint64(time.Now().UnixNano()), "of that order")
)

// What shares the time of -soak-for: the courses of the kill matrix, two fault matrices and two of stream faults, in the order in
// which they begin.
var (
	begun    = time.Now()
	matrices = len(courses) + 4
	turn     atomic.Int32
)

// pick is which of the cases 0..total-1 are tried, and until when one may be begun; the zero time is no bound. Without -soak and -soak-for they
// are those of sample.
func pick(total int, sample func(i int) bool) (cases []int, until time.Time) {
	if *soakFor > 0 {
		at := turn.Add(1)
		return rand.New(rand.NewPCG(*seed, uint64(total))).Perm(total), begun.Add(*soakFor * time.Duration(at) / time.Duration(matrices))
	}
	for i := range total {
		if *soak || sample(i) {
			cases = append(cases, i)
		}
	}
	return cases, until
}

// late says that the time of this matrix is over.
func late(until time.Time) bool { return !until.IsZero() && time.Now().After(until) }

// every is a sample of each n-th case.
func every(n int) func(int) bool { return func(i int) bool { return i%max(1, n) == 0 } }

// ordered tells how to have the order of a bounded run again; empty where it was not random.
func ordered() string {
	if *soakFor == 0 {
		return ""
	}
	return fmt.Sprintf("; in the order of -seed %d", *seed)
}
