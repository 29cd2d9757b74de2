package command

import (
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/steps/engine/journal"
	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

// A worker that has parked its run is waited for; one that works is not.
func TestARunIsHeldOnceItsWorkerHasParked(t *testing.T) {
	for name, c := range map[string]struct {
		says []wire.Event
		ends bool
		held bool
	}{
		"it parks and goes":          {[]wire.Event{{Kind: wire.KindPark, Text: "asked for by you"}}, true, true},
		"it parks and does not go":   {[]wire.Event{{Kind: wire.KindPark, Text: "asked for by you"}}, false, false},
		"it works":                   {nil, true, false},
		"it was taken up again then": {[]wire.Event{{Kind: wire.KindPark, Text: "x"}, {Kind: wire.KindResume}}, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			folder := runs.Folder{Path: t.TempDir()}
			j, _, err := journal.Open(filepath.Join(folder.Path, "journal.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			defer j.Close()
			for _, e := range c.says {
				if _, err := j.Append(e); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Test(t, func(t *testing.T) {
				p := &program{}
				p.Clock = clock.RealClock{}
				if c.ends {
					time.AfterFunc(ending/2, func() { j.Close() })
				}
				held, err := p.holdParked(t.Context(), folder)
				if (err == nil) != c.held || err != nil && !errors.Is(err, journal.ErrHeld) {
					t.Fatal(err)
				}
				if held != nil {
					held.Close()
				}
				time.Sleep(ending)
			})
		})
	}
}
