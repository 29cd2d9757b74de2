package rehearsal

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var (
	soak    = flag.Bool("soak", false, "kill, spoil and tear at every point instead of a sample")
	soakFor = flag.Duration("soak-for", 0, "do so in random order for about this long, in some of the matrices")
	part    = flag.String("part", "", "of a soak: 3/20 is each twentieth case of a matrix, from the third on")
	seed    = flag.Uint64("seed", uint64(time.Now().UnixNano()), "of that order and choice")
)

// The matrices of -soak-for: those of kills, of faults, and two of stream faults. In one go some of them, chosen by the seed, share the time, since each
// first needs a run that nothing disturbs.
var (
	matrices = len(courses) + len(faultCourses()) + 2
	turn     = 0
	took     = time.Now() // when the matrix whose turn it is began
)

const inOneGo = 4

// beside lets the test run beside others, but for a bounded soak: its matrices take turns.
func beside(t *testing.T) {
	if *soakFor == 0 {
		t.Parallel()
	}
}

// passedOver says whether the matrix whose turn it is now is left out this time.
func passedOver() bool {
	if *soakFor == 0 {
		return false
	}
	mine := turn
	turn++
	took = time.Now()
	return !slices.Contains(rand.New(rand.NewPCG(*seed, 0)).Perm(matrices)[:inOneGo], mine)
}

// pick is which of the cases 0..total-1 are tried, and until when one may be begun; the zero time is no bound. Without -soak and -soak-for they
// are those of sample.
func pick(total int, sample func(i int) bool) (cases []int, until time.Time) {
	if *soakFor > 0 {
		return rand.New(rand.NewPCG(*seed, uint64(total))).Perm(total), took.Add(*soakFor / inOneGo)
	}
	first, each := 1, 1
	if *part != "" {
		if _, err := fmt.Sscanf(*part, "%d/%d", &first, &each); err != nil || first < 1 || each < first {
			panic("-part is not of the form 3/20: " + *part)
		}
	}
	for i := range total {
		if *soak && i%each == first-1 || !*soak && sample(i) {
			cases = append(cases, i)
		}
	}
	return cases, until
}

// late says that the time of this matrix is over.
func late(until time.Time) bool { return !until.IsZero() && time.Now().After(until) }

// every is a sample of each n-th case.
func every(n int) func(int) bool { return func(i int) bool { return i%max(1, n) == 0 } }

// anywhere is a sample of so many cases, which stays the same for as long as their number does.
func anywhere(total, n int) func(int) bool {
	chosen := rand.New(rand.NewPCG(1, uint64(total))).Perm(total)[:min(n, total)]
	return func(i int) bool { return slices.Contains(chosen, i) }
}

// ordered tells how to have the order of a bounded run again; empty where it was not random.
func ordered() string {
	if *soakFor == 0 {
		return ""
	}
	return fmt.Sprintf("; in the order of -seed %d", *seed)
}
