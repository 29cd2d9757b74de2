package engine

import (
	"testing"
	"time"

	"canton.example/svrescue/steps/wire"
)

// What has a time keeps it, what has none gets that of the look, and the step's own findings stay as they were.
func TestDated(t *testing.T) {
	began, earlier := time.Date(2026, 1, 11, 3, 0, 0, 0, time.UTC), time.Date(2026, 1, 10, 3, 0, 0, 0, time.UTC)
	own := []wire.Finding{{ID: "a", Evidence: []wire.Evidence{{Source: "new"}, {Source: "old", At: earlier}}}, {ID: "b"}}
	got := dated(own, began)
	if e := got[0].Evidence; !e[0].At.Equal(began) || !e[1].At.Equal(earlier) || got[1].Evidence != nil {
		t.Errorf("%+v", got)
	}
	if !own[0].Evidence[0].At.IsZero() {
		t.Error("the step's own findings were changed")
	}
	if dated(nil, began) != nil {
		t.Error("no findings became some")
	}
}
