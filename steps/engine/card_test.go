package engine

import (
	"testing"
	"testing/synctest"

	"canton.example/svrescue/steps/engine/report"
	"canton.example/svrescue/steps/wire"
)

// The card of the call is journaled when it has come or changed, and not again while it stays the same; the report has it.
func TestTheCardIsJournaledWhenItChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path, j := toyPath(newToy(), wire.Repeatable), &memory{}
		path.Card = func(f facts) *wire.Card {
			if f.Size == "" {
				return nil
			}
			return &wire.Card{Fingerprint: "000-000-007", Text: "size: " + f.Size, Frozen: f.Found}
		}
		v, err := playPath(t, path, j, wire.Live, willing)
		if err != nil {
			t.Fatal(err)
		}
		var frozen []bool
		for _, e := range j.events {
			if e.Kind == wire.KindCard {
				frozen = append(frozen, e.Card.Frozen)
			}
		}
		if len(frozen) != 2 || frozen[0] || !frozen[1] {
			t.Errorf("cards in the journal: %v", frozen)
		}
		if d := report.Of(v); d.Card == nil || *d.Card != (wire.Card{Fingerprint: "000-000-007", Text: "size: big", Frozen: true}) {
			t.Errorf("the report has %+v", d.Card)
		}
	})
}
