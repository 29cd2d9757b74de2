package rehearsal

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"testing"

	"canton.example/svrescue/steps/engine"
	"canton.example/svrescue/steps/wire"
	"github.com/google/go-cmp/cmp"
)

// How TestHangUps spends its hang-ups: all in all, and in one run.
const (
	hangUps       = 200
	hangUpsPerRun = 50
)

// caller is an operator whose connection breaks at seeded moments: between two events, before an answer is sent, or right after.
type caller struct {
	t      *testing.T
	random *rand.Rand
	all    int // breaks of this run
	breaks int // that are still to come
	done   int
}

// sit is a front end that comes back as often as its connection breaks.
func (c *caller) sit(ctx context.Context, hub *engine.Hub, say func(context.Context, wire.Message) error, answer operator) {
	hello := wire.Hello{Binary: "hang-up", Run: "r-1"}
	for over := false; !over; {
		near, far := net.Pipe()
		served := make(chan struct{})
		go func() { defer close(served); engine.ServeConn(ctx, far, hub, hello, say) }()
		client, err := engine.Connect(near, hello)
		if err != nil {
			if ctx.Err() == nil { // else the run was over before they came back
				c.t.Errorf("coming back: %v", err)
			}
			return
		}
		left := 1 << 30
		if c.breaks > 0 {
			left = 1 + c.random.IntN(600/c.all)
		}
		over = c.look(ctx, client, answer, left)
		client.Close()
		if !over {
			c.breaks--
			c.done++
		}
		<-served
	}
}

// look answers questions until the connection breaks, after so many events of the present. It returns whether the run is over.
func (c *caller) look(ctx context.Context, client *engine.Client, answer operator, left int) (over bool) {
	v := wire.View{Current: -1}
	present, tried := false, ""
	for e := range client.Events() {
		v = wire.Fold(v, e)
		present = present || e.Kind == wire.KindViewers
		if v.Ended != nil || v.Parked != "" {
			return true
		}
		if !present {
			continue
		}
		if left--; left <= 0 {
			return false
		}
		if v.Question == nil || v.Question.ID == tried {
			continue
		}
		tried = v.Question.ID
		a, ok := answer(ctx, v, *v.Question)
		if !ok {
			c.t.Errorf("no answer for %s", v.Question.Name)
			return true
		}
		if c.breaks > 0 && c.random.IntN(6) == 0 {
			return false
		}
		a.Question, a.Hash = v.Question.ID, v.Question.Hash
		if client.Send(wire.Message{Kind: wire.SayAnswer, Answer: &a, By: "you"}) != nil {
			return false
		}
		if c.breaks > 0 && c.random.IntN(6) == 0 {
			return false
		}
	}
	return true
}

// A connection that breaks loses no run, answers nothing, and changes nothing: whenever it breaks, the run ends as one that nobody
// disturbed, in the same world, driven by the same worker.
func TestHangUps(t *testing.T) {
	beside(t)
	var want any
	inScenario(t, clean(), nil, func(t *testing.T, r *rig) {
		v, _, _ := r.play(t.Context(), 0, r.player())
		must(t, v, wire.Recovered)
		want = settled(t, r)
	})
	perRun := hangUpsPerRun
	if *soak {
		perRun = 1
	}
	all, lost := 0, 0
	for n := 0; all < hangUps && n < 2*hangUps/perRun; n++ { // a run may be over before all of its hang-ups came about
		inScenario(t, clean(), nil, func(t *testing.T, r *rig) {
			c := &caller{t: t, random: rand.New(rand.NewPCG(1, uint64(n))), all: perRun, breaks: min(perRun, hangUps-all)}
			r.front = c.sit
			v, _, _ := r.play(t.Context(), 0, r.player())
			all += c.done
			if v.Ended == nil || v.Ended.Outcome != wire.Recovered {
				lost++
				t.Fatalf("run %d, hung up on %d times: ended %+v, parked %q\n%s", n, c.done, v.Ended, v.Parked, lines(v))
			}
			if diff := cmp.Diff(want, settled(t, r)); diff != "" {
				t.Errorf("run %d: the world differs (-undisturbed +hung up on):\n%s", n, diff)
			}
			once := map[string]bool{}
			for _, e := range r.journal {
				if e.Kind == wire.KindAnswer && once[e.Answer.Question] {
					t.Errorf("run %d: %s was answered twice", n, e.Answer.Question)
				}
				if e.Kind == wire.KindAnswer {
					once[e.Answer.Question] = true
				}
				if e.Kind == wire.KindResume {
					t.Errorf("run %d: the worker did not last", n)
				}
			}
		})
	}
	fmt.Printf("hang-ups: %d, lost runs %d\n", all, lost)
	if all < hangUps {
		t.Errorf("only %d of %d hang-ups came about", all, hangUps)
	}
}
