package rehearsal

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// A run that goes in a circle does not end by itself, and eats memory: time in a bubble costs nothing. So a rig ends one that asks or writes the same
// this often, in all of its life or within a minute of its world.
const (
	maxSameRecord  = 1000 // records of one kind and step in a journal
	maxSameRequest = 5000 // requests for the same within a minute
)

// circling counts what a run does again and again.
type circling struct {
	mu       sync.Mutex
	records  map[string]int
	requests map[string]int
	minute   time.Time // that the requests are of
	stop     context.CancelFunc
	said     string // why the run was ended; empty: it was not
}

// driven begins to look after a machine, which stop ends.
func (c *circling) driven(stop context.CancelFunc) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.records, c.requests, c.stop = map[string]int{}, map[string]int{}, stop
}

func (c *circling) wrote(e wire.Event) {
	what := e.Step + " " + string(e.Kind)
	if e.Question != nil {
		what += " " + e.Question.Name
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.records == nil {
		return
	}
	if c.records[what]++; c.records[what] > maxSameRecord {
		c.end(fmt.Sprintf("the run goes in a circle: it has written %q more than %d times", what, maxSameRecord))
	}
}

func (c *circling) asked(q *http.Request) {
	what := q.Method + " " + q.URL.RequestURI()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.requests == nil { // no machine was begun: the world is asked without a run
		return
	}
	if now := time.Now().Truncate(time.Minute); !now.Equal(c.minute) {
		c.minute = now
		clear(c.requests)
	}
	if c.requests[what]++; c.requests[what] > maxSameRequest {
		c.end(fmt.Sprintf("the run goes in a circle: it has sent %q more than %d times within a minute", what, maxSameRequest))
	}
}

func (c *circling) end(why string) {
	if c.said == "" && c.stop != nil {
		c.said = why
		c.stop()
	}
}

func (c *circling) why() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.said
}

// A run that asks for its step again without end is ended, with a sentence.
func TestARunInACircleIsEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, clean())
		looks := 0
		path := steps.Path[int]{Name: "circle", Version: 1, Subject: func(int) wire.Subject { return wire.Subject{} }, Ending: func(int) string { return "" },
			Steps: []steps.Step[int]{{ID: "circle/round", Title: "Round", Effect: wire.Observe, Asks: []steps.Ask{{Name: "again", Kind: wire.AskChoice}},
				Inputs: func(context.Context, steps.World, int) ([]wire.Question, error) {
					looks++
					return []wire.Question{{Name: "again", Kind: wire.AskChoice, Title: "Again?", Choices: []wire.Choice{{ID: "yes", Label: "Yes"}}}}, nil
				},
				Take: func(*int, string, string) error { return nil }}}}
		v, _, _ := drive(r, t.Context(), 0, func(context.Context, wire.View, wire.Question) (wire.Answer, bool) {
			return wire.Answer{Choice: "yes"}, true
		}, path, 0)
		if want := `the run goes in a circle: it has written "circle/round ask circle/round.again" more than 1000 times`; r.circle.why() != want || v.Ended != nil || looks > 2*maxSameRecord {
			t.Errorf("%q after %d looks, ended %+v", r.circle.why(), looks, v.Ended)
		}
		r.circle.said = "" // it was to be
	})
}
