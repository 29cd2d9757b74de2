package restore

import (
	"testing"

	"canton.example/svrescue/steps/node"
)

func TestHoldingNobody(t *testing.T) {
	if actions, why := holdOthers().Undo(Facts{}); len(actions) != 0 || why == "" {
		t.Error(actions, why)
	}
	if actions, err := holdOthers().Plan(Facts{Node: &node.Node{}}); err != nil || len(actions) != 0 {
		t.Errorf("with nothing to pause there is nothing to ask: %v, %v", actions, err)
	}
	if _, err := holdOthers().Plan(Facts{}); err == nil {
		t.Error("before the inventory nothing can be planned")
	}
}
