package engine

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

// A run whose journal is not the one that the Lease mirrors sends nothing and takes nothing until its id was typed, also where the API was
// away when it was taken up.
func TestAnAlteredJournalIsNotGoneOnWith(t *testing.T) {
	const cut = "its end was cut off"
	away := &kube.Error{Kind: kube.Timeout, Tried: "read the Lease", Seen: "no answer in time"}
	for name, c := range map[string]struct {
		sees   []error // what the first readings end with; then it is read
		how    string
		answer wire.Answer
		asked  bool
		sent   string
	}{
		"whole":                     {sent: "a b c"},
		"cut, and parked":           {how: cut, answer: wire.Answer{Choice: wire.ChoicePark}, asked: true},
		"cut, and ended":            {how: cut, answer: wire.Answer{Choice: wire.ChoiceAbort}, asked: true},
		"cut, and typed":            {how: cut, answer: wire.Answer{Choice: wire.ChoiceYes, Text: "r-1"}, asked: true, sent: "a b c"},
		"away at first, then cut":   {sees: []error{away, away, away}, how: cut, answer: wire.Answer{Choice: wire.ChoicePark}, asked: true},
		"away at first, then whole": {sees: []error{away, away, away}, sent: "a b c"},
		"never to be read":          {sees: []error{&kube.Error{Kind: kube.Forbidden}}, sent: "a b c"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, g := newToy(), newGrip(theirs)
				_, j, _ := gripped(t, w, g, wire.Live, nil) // parked: somebody else holds the node
				g = newGrip(mine)
				path := toyPath(w, wire.Repeatable)
				path.Subject = func(facts) wire.Subject { return wire.Subject{Network: "testnet", SV: "Acme-SV", Namespace: "sv"} }
				m, err := New(Config[facts]{Path: path, Run: wire.Run{ID: "r-1", Acting: wire.Live}, Hands: func([]steps.Ref, bool) steps.Hands { return steps.Hands{} },
					Journal: j, Past: slices.Clone(j.events), Clock: clock.RealClock{}, ParkAfter: 30 * time.Minute, Lease: g,
					Altered: func(context.Context, string) (string, error) {
						if len(c.sees) > 0 {
							err := c.sees[0]
							c.sees = c.sees[1:]
							return "", err
						}
						return c.how, nil
					}})
				if err != nil {
					t.Fatal(err)
				}
				asked := false
				viewer := m.Hub.Join()
				go func() {
					for e := range viewer.C {
						if e.Kind != wire.KindAsk || e.Seq <= uint64(len(m.Past)) {
							continue
						}
						a := willing(*e.Question)
						if strings.HasSuffix(e.Question.Name, ".journal") {
							asked, a = true, c.answer
							if g.takes > 0 {
								t.Error("the node was taken before the word was typed")
							}
						}
						a.Question, a.Hash = e.Question.ID, e.Question.Hash
						m.Say(t.Context(), wire.Message{Kind: wire.SayAnswer, Answer: &a, By: "you"})
					}
				}()
				if err := m.Run(t.Context()); err != nil && err != ErrInterrupted {
					t.Fatal(err)
				}
				m.Hub.Close()
				viewer.Leave()
				synctest.Wait()
				if sent := strings.Join(w.sent, " "); asked != c.asked || sent != c.sent {
					t.Errorf("asked %v, sent %q; want %v, %q", asked, sent, c.asked, c.sent)
				}
			})
		})
	}
}
