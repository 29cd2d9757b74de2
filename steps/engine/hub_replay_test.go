package engine

import (
	"testing"

	"canton.example/svrescue/steps/wire"
)

// Whoever joins is told where the past ends, however long it is: a front end must not answer questions of the past.
func TestReplayEnds(t *testing.T) {
	past := make([]wire.Event, 2*maxQueued)
	for i := range past {
		past[i] = wire.Event{Seq: uint64(i + 1), Kind: wire.KindNote}
	}
	hub := NewHub(past)
	v := hub.Join()
	defer v.Leave()
	for range past {
		if e := <-v.C; e.Kind != wire.KindNote {
			t.Fatalf("%s before the past was over", e.Kind)
		}
	}
	if e := <-v.C; e.Kind != wire.KindViewers || e.Viewers != 1 {
		t.Errorf("after the past came %+v", e)
	}
}
