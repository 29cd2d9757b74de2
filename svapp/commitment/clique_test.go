package commitment

import (
	"math/bits"
	"math/rand/v2"
	"testing"
)

// bruteForce tries every set.
func bruteForce(g graph) (best uint64) {
	better := func(a, b uint64) bool { // larger, or as large and first in the order of the SVs
		if n, m := bits.OnesCount64(a), bits.OnesCount64(b); n != m {
			return n > m
		}
		return bits.Reverse64(a) > bits.Reverse64(b)
	}
	for set := uint64(1); set < 1<<len(g); set++ {
		if g.isClique(set) && better(set, best) {
			best = set
		}
	}
	return best
}

func (g graph) isClique(set uint64) bool {
	for left := set; left != 0; left &= left - 1 {
		v := bits.TrailingZeros64(left)
		if set&^(g[v]|1<<v) != 0 {
			return false
		}
	}
	return true
}

func randomGraph(r *rand.Rand, n int, density float64) graph {
	g := make(graph, n)
	for a := range n {
		for b := range a {
			if r.Float64() < density {
				g.connect(a, b)
			}
		}
	}
	return g
}

func TestCliqueIsTheLargest(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for i := range 3000 {
		g := randomGraph(r, r.IntN(11), r.Float64())
		if got, want := g.clique(), bruteForce(g); got != want {
			t.Fatalf("graph %d, %b: got %b, want %b", i, g, got, want)
		}
	}
}

func TestCliqueOfMany(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{30, 40, 64} {
		for _, density := range []float64{0, 0.5, 0.7, 0.9, 1} {
			g := randomGraph(r, n, density)
			if set := g.clique(); !g.isClique(set) || density == 1 && bits.OnesCount64(set) != n {
				t.Errorf("%d SVs, density %v: %b", n, density, set)
			}
		}
	}
}

func BenchmarkClique30(b *testing.B) {
	g := randomGraph(rand.New(rand.NewPCG(7, 8)), 30, 0.8)
	for b.Loop() {
		g.clique()
	}
}
