package jsonwalk

import "hash/maphash"

// names are those of the objects that one is in, to notice one that stands twice. They are kept as hashes under a seed that nobody knows: two
// names of one object that are not the same have the same hash once in 2^64 pairs, and such a document would be refused.
type names struct {
	seed   maphash.Seed
	hashes []uint64
	starts []int                       // of the objects in hashes
	large  map[set]map[uint64]struct{} // of objects with many members
}

// set is one of the objects; none is none.
type set int

const (
	none set = -1
	// few is up to how many names are compared one by one.
	few = 32
)

func (n *names) begin() set {
	if len(n.starts) == 0 && len(n.hashes) == 0 && cap(n.hashes) == 0 {
		n.seed, n.hashes = maphash.MakeSeed(), make([]uint64, 0, 4*few)
	}
	n.starts = append(n.starts, len(n.hashes))
	return set(len(n.starts) - 1)
}

// add is false where the object has the name already.
func (n *names) add(of set, name []byte) bool {
	hash := maphash.Bytes(n.seed, name)
	if large, is := n.large[of]; is {
		_, there := large[hash]
		large[hash] = struct{}{}
		return !there
	}
	own := n.hashes[n.starts[of]:]
	for _, have := range own {
		if have == hash {
			return false
		}
	}
	n.hashes = append(n.hashes, hash)
	if len(own) == few {
		large := map[uint64]struct{}{}
		for _, have := range n.hashes[n.starts[of]:] {
			large[have] = struct{}{}
		}
		if n.large == nil {
			n.large = map[set]map[uint64]struct{}{}
		}
		n.large[of] = large
	}
	return true
}

// end forgets the names of the innermost object.
func (n *names) end(of set) {
	if of == none {
		return
	}
	n.hashes, n.starts = n.hashes[:n.starts[of]], n.starts[:of]
	if n.large != nil {
		delete(n.large, of)
	}
}
