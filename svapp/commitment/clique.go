package commitment

import "math/bits"

// graph is who is mutual with whom at one time: for each SV the set of the others, a bit for each. It has at most graphMax of them.
type graph []uint64

const graphMax = 64

func (g graph) connect(a, b int) {
	g[a] |= 1 << b
	g[b] |= 1 << a
}

// clique is a largest set in which every pair is connected: of several, the one that comes first when they are written in the order of the
// SVs.
func (g graph) clique() uint64 {
	all := g.all()
	size := g.largest(all, 0)
	var chosen uint64
	for left := all; size > 0; {
		v := bits.TrailingZeros64(left)
		left &^= 1 << v
		if rest := left & g[v]; 1+g.largest(rest, size-2) >= size {
			chosen |= 1 << v
			left = rest
			size--
		}
	}
	return chosen
}

func (g graph) all() uint64 {
	if len(g) == graphMax {
		return ^uint64(0)
	}
	return 1<<len(g) - 1
}

// largest is the size of a largest clique in the set, if it is more than atLeast; else it may answer atLeast. It goes through the set by branch and
// bound: a set that can be coloured in k colours, no two connected ones alike, has no clique of more than k.
func (g graph) largest(set uint64, atLeast int) int {
	best := max(atLeast, 0)
	var grow func(set uint64, size int)
	grow = func(set uint64, size int) {
		if set == 0 {
			best = max(best, size)
			return
		}
		// In the order of their colours; what comes late has high ones.
		var order [graphMax]uint8
		var colour [graphMax]uint8
		n := 0
		for left, c := set, uint8(1); left != 0; c++ {
			for free := left; free != 0; {
				v := bits.TrailingZeros64(free)
				left &^= 1 << v
				free &^= 1<<v | g[v]
				order[n], colour[n] = uint8(v), c
				n++
			}
		}
		for n--; n >= 0; n-- {
			if size+int(colour[n]) <= best {
				return
			}
			v := order[n]
			grow(set&g[v], size+1)
			set &^= 1 << v
		}
	}
	grow(set, 0)
	return best
}
