package rehearsal

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"canton.example/svrescue/steps/engine"
	"canton.example/svrescue/steps/wire"
)

// An API server that takes a request for the Lease and never answers it keeps nobody from parking. What the request has taken all the same
// is given back, where the server answers by then; where it does not, the worker ends soon without.
func TestALeaseThatIsNotAnswered(t *testing.T) {
	for name, c := range map[string]struct {
		method string
		all    bool // not one more is answered
	}{
		"the first look":                      {http.MethodGet, false},
		"the request that takes it":           {http.MethodPost, false},
		"the request that takes it, for good": {http.MethodPost, true},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(t *testing.T, r *rig) {
				met, hung := make(chan struct{}), &atomic.Bool{}
				r.wire.spoil = func(w http.ResponseWriter, q *http.Request, serve http.HandlerFunc) bool {
					if !strings.Contains(q.URL.Path, "coordination.k8s.io") || q.Method != c.method && !hung.Load() || hung.Load() && !c.all {
						return false
					}
					if hung.CompareAndSwap(false, true) {
						close(met)
					}
					it := request{q, w, serve}
					if q.Method != http.MethodGet {
						it.done()
					}
					it.hang()
					return true
				}
				var asked, parked time.Time
				r.front = func(ctx context.Context, hub *engine.Hub, say func(context.Context, wire.Message) error, answer operator) {
					viewer := hub.Join()
					defer viewer.Leave()
					v := wire.View{Current: -1}
					due := met
					for {
						select {
						case <-due:
							due = nil
							time.Sleep(time.Second)
							asked = time.Now()
							say(ctx, wire.Message{Kind: wire.SayPark, By: "you"})
						case e, ok := <-viewer.C:
							if !ok {
								return
							}
							v = wire.Fold(v, e)
							if e.Kind == wire.KindPark {
								parked = e.At
							}
							if e.Kind != wire.KindAsk {
								continue
							}
							if a, ok := answer(ctx, v, *v.Question); ok {
								a.Question, a.Hash = v.Question.ID, v.Question.Hash
								say(ctx, wire.Message{Kind: wire.SayAnswer, Answer: &a, By: "you"})
							}
						}
					}
				}
				r.play(t.Context(), 0, r.player())
				if asked.IsZero() || parked.Sub(asked) > 100*time.Millisecond {
					t.Errorf("asked to park at %s, parked at %s", asked, parked)
				}
				if took := time.Since(asked); took > 6*time.Second {
					t.Errorf("the worker was there for %s more", took)
				}
				if c.all {
					return
				}
				if l, found := r.held(); found && l.Holder != "" {
					t.Errorf("it is held by %s", l.Holder)
				}
			})
		})
	}
}
