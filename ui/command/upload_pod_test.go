package command

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/upload"
)

// A container that crashes again and again is given up after some tries, with the way out; one that comes back is not.
func TestContainerThatCrashes(t *testing.T) {
	fails := errors.New("container not found")
	crashing, up := kube.Carried{Container: "sv-app", Pod: "sv-app-1", Claim: "dumps", State: "waiting: CrashLoopBackOff"}, kube.Carried{Running: true}
	for name, c := range map[string]struct {
		states  []kube.Carried
		works   int // the try that works; 0: none does
		refused bool
	}{
		"for ever":                    {states: []kube.Carried{crashing, crashing, crashing, crashing}, refused: true},
		"it runs between, and cannot": {states: []kube.Carried{crashing, up, crashing, crashing, crashing}, refused: true},
		"not yet":                     {states: []kube.Carried{crashing, crashing, crashing}},
		"it has worked between":       {states: []kube.Carried{crashing, crashing, crashing, crashing, crashing}, works: 3},
		"it only starts slowly":       {states: []kube.Carried{{State: "waiting: ContainerCreating"}, {}, {}, {}, {}, {}}},
	} {
		t.Run(name, func(t *testing.T) {
			n := 0
			pod := &container{exec: func(context.Context, []string, io.Reader, io.Writer, io.Writer) error {
				if n++; n == c.works {
					return nil
				}
				return fails
			}, state: func(context.Context) (kube.Carried, error) { return c.states[n-1], nil }}
			var err error
			for range c.states {
				err = pod.Exec(t.Context(), nil, nil, nil, nil)
			}
			var refused *upload.Refused
			if errors.As(err, &refused) != c.refused || c.refused && !strings.Contains(err.Error(), "--helper-pod writes to its claim dumps") {
				t.Errorf("%v", err)
			}
		})
	}
}
