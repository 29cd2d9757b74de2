package lease

import "canton.example/svrescue/steps/wire"

// Journal is one that knows where it stands.
type Journal interface {
	Append(wire.Event) (wire.Event, error)
	Head() (seq uint64, hash string)
}

// Mirroring is the journal with its head mirrored in the Lease: a chain cannot show that its end was cut off.
func (k *Keeper) Mirroring(j Journal) Journal {
	k.Mark(j.Head())
	return mirroring{j, k}
}

type mirroring struct {
	Journal
	keeper *Keeper
}

func (m mirroring) Append(e wire.Event) (wire.Event, error) {
	e, err := m.Journal.Append(e)
	if err == nil {
		m.keeper.Mark(m.Head())
	}
	return e, err
}
