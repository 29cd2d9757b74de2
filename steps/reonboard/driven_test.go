package reonboard

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/engine"
	"canton.example/svrescue/steps/reonboard/payment"
	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

// keptEvents is a journal that is kept.
type keptEvents struct{ events []wire.Event }

func (m *keptEvents) Append(e wire.Event) (wire.Event, error) {
	e.Seq, e.At = uint64(len(m.events)+1), time.Now()
	m.events = append(m.events, e)
	return e, nil
}

// drive runs the steps of the money by the engine. choose answers remedies by the words of the error; "" parks.
func (r *rig) drive(acting wire.Acting, j *keptEvents, choose func(wire.Question) string) (wire.View, error) {
	path := New()
	path.Steps = slices.DeleteFunc(path.Steps, func(s steps.Step[Facts]) bool { return !mine(s.ID) })
	hands := func(refs []steps.Ref, dry bool) steps.Hands {
		h := r.hands(refsOf(refs))
		if dry {
			h.Kube = r.world.Kube.Hands(h.Kube.Allowed(), true)
		}
		return h
	}
	m, err := engine.New(engine.Config[Facts]{Path: path, Facts: r.facts, Run: wire.Run{ID: "r-1", Path: path.Name, PathVersion: path.Version, Acting: acting},
		World: r.world, Hands: hands, Journal: j, Past: slices.Clone(j.events), Clock: clock.RealClock{}})
	if err != nil {
		r.Fatal(err)
	}
	viewer := m.Hub.Join()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for e := range viewer.C {
			if e.Kind != wire.KindAsk {
				continue
			}
			q := *e.Question
			a := wire.Answer{Question: q.ID, Hash: q.Hash}
			_, ask, _ := strings.Cut(strings.TrimPrefix(q.Name, "reonboard/"), ".")
			switch q.Kind {
			case wire.AskConfirm:
				a.Choice = wire.ChoiceYes
			case wire.AskWord:
				a.Choice, a.Text = wire.ChoiceYes, q.Word
			case wire.AskText:
				a.Text = answers[ask]
			case wire.AskChoice:
				a.Choice = answers[ask]
			default:
				if a.Choice = choose(q); a.Choice == "" {
					a.Choice = wire.ChoicePark
				}
				a.Text = "a reason"
			}
			_ = m.Say(r.Context(), wire.Message{Kind: wire.SayAnswer, Answer: &a, By: "you"})
		}
	}()
	err = m.Run(r.Context())
	m.Hub.Close()
	viewer.Leave()
	<-ended
	r.facts = m.Facts()
	return m.View(), err
}

// refsOf is an action that has these references and nothing else.
type refsOf []steps.Ref

func (a refsOf) Key() string         { return "" }
func (a refsOf) Effect() wire.Effect { return wire.Observe }
func (a refsOf) Refs() []steps.Ref   { return a }
func (a refsOf) Show() wire.Preview  { return wire.Preview{} }
func (a refsOf) Trial(context.Context, steps.Hands) ([]wire.Finding, error) {
	return nil, nil
}
func (a refsOf) Probe(context.Context, steps.World) (wire.ActionState, []wire.Evidence, error) {
	return "", nil, nil
}
func (a refsOf) Do(context.Context, steps.Hands, func(wire.Progress)) error { return nil }

// The engine drives the steps from the first question to the end, through trouble, and each payment arrives once.
func TestEngineMovesTheMoney(t *testing.T) {
	cases := map[string]struct {
		trouble func(*rig)
		choose  map[string]string // by words of the error
		offers  int
		met     string
	}{
		"nothing happens":              {func(*rig) {}, nil, 2, ""},
		"the test is rejected":         {func(r *rig) { r.once(func(o *bankOffer) { o.Status, o.Failure = "failed", "rejected" }) }, map[string]string{"rejected": "again"}, 3, "again"},
		"the rest is withdrawn":        {func(r *rig) { r.second(func(o *bankOffer) { o.Status, o.Failure = "failed", "withdrawn" }) }, map[string]string{"withdrawn": "again"}, 3, "again"},
		"an answer is lost":            {func(r *rig) { r.meets = lose("offer", true, 1) }, nil, 2, ""},
		"the cluster does not answer":  {func(r *rig) { r.meets = lose("ask the recovery validator", false, 4) }, nil, 2, ""},
		"the wallet forgets, and paid": {func(r *rig) { r.once(func(o *bankOffer) { r.complete(o); o.forgotten = true }) }, map[string]string{"does not know it any more": "arrived"}, 2, "arrived"},
		"the wallet forgets, and did not pay": {func(r *rig) { r.once(func(o *bankOffer) { o.Status, o.forgotten = "failed", true }) },
			map[string]string{"does not know it any more": "over", "an operator said": "again"}, 3, "over"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			inRig(t, newBank(60, 40), func(r *rig) {
				c.trouble(r)
				var met []string
				j := &keptEvents{}
				v, err := r.drive(wire.Live, j, func(q wire.Question) string {
					for word, choice := range c.choose {
						if q.Error != nil && strings.Contains(q.Error.Error(), word) {
							met = append(met, choice)
							return choice
						}
					}
					return ""
				})
				if err != nil || v.Ended == nil || v.Ended.Outcome != wire.Recovered {
					last := wire.Event{}
					for _, e := range j.events {
						if e.Question != nil && e.Question.Error != nil {
							last = e
						}
					}
					b, _ := json.Marshal(last.Question)
					r.Fatalf("%v, ended %+v, parked %q; last question %s", err, v.Ended, v.Parked, b)
				}
				r.arrivedOnce(r.total())
				if len(r.offers) != c.offers {
					r.Errorf("%d offers", len(r.offers))
				}
				if c.met != "" && !slices.Contains(met, c.met) {
					r.Errorf("the trouble was not met: %v", met)
				}
			})
		})
	}
}

// When all attempts of a payment have failed none is offered any more, and the words say how it is paid by hand: that way leads to the end.
func TestAllAttemptsAreUsedUp(t *testing.T) {
	inRig(t, newBank(60, 40), func(r *rig) {
		r.automatic = func(o *bankOffer) {
			if o.Amount.Cmp(payment.Coins(1)) > 0 {
				o.Status, o.Failure = "failed", "rejected"
			}
		}
		byHand := false
		v, err := r.drive(wire.Live, &keptEvents{}, func(q wire.Question) string {
			offers := func(id string) bool {
				return slices.ContainsFunc(q.Choices, func(c wire.Choice) bool { return c.ID == id })
			}
			if offers("again") || offers("less") {
				return "again"
			}
			if q.Error != nil && strings.Contains(q.Error.Seen, "all 5 attempts of it are used up") && !byHand {
				if !strings.Contains(q.Error.Next, "in the wallet's own screen, to "+newParty) {
					r.Errorf("it does not say what to do: %s", q.Error.Next)
				}
				byHand = true
				rest := r.owns(oldParty)
				r.coins[oldParty], r.coins[newParty] = nil, append(r.coins[newParty], rest)
			}
			for _, id := range []string{wire.ChoiceSkip, wire.ChoiceAccept} {
				if byHand && offers(id) {
					return id
				}
			}
			return ""
		})
		if err != nil || v.Ended == nil || v.Ended.Outcome != wire.Recovered {
			r.Fatalf("%v, ended %+v, parked %q, asked %+v", err, v.Ended, v.Parked, v.Question)
		}
		if !byHand || len(r.offers) != 1+tries {
			r.Errorf("by hand: %v, %d offers", byHand, len(r.offers))
		}
	})
}

// second changes the first offer that is not the test.
func (r *rig) second(change func(*bankOffer)) {
	did := false
	r.automatic = func(o *bankOffer) {
		if !did && o.Amount.Cmp(payment.Coins(1)) > 0 {
			did = true
			change(o)
		}
	}
}

// A dry run asks and looks, and sends nothing.
func TestDryRunSendsNothing(t *testing.T) {
	inRig(t, newBank(60, 40), func(r *rig) {
		v, err := r.drive(wire.DryRun, &keptEvents{}, func(q wire.Question) string { return fmt.Sprint(wire.ChoiceAbort) })
		if err != nil || v.Ended == nil {
			r.Fatalf("%v %+v", err, v.Ended)
		}
		_, found, err := r.world.Kube.ConfigMap(r.Context(), "validator", accountOf(r.facts).name())
		if err != nil || found || len(r.calls) > 0 {
			r.Errorf("it sent %v, stored %v, %v", r.calls, found, err)
		}
	})
}

// Where the run has no right to keep the plan, nothing is paid.
func TestNothingIsPaidThatIsNotStored(t *testing.T) {
	inRig(t, newBank(60, 40), func(r *rig) {
		if _, err := r.play(r.Context(), transferPlan()); err != nil {
			r.Fatal(err)
		}
		send := sendPayment{accountOf(r.facts), 1, payment.Coins(1)}
		h := r.hands(send)
		h.Kube = r.world.Kube.Hands(nil, false)
		if err := send.Do(r.Context(), h, func(wire.Progress) {}); err == nil {
			r.Error("it was sent without a plan")
		}
		keep := keepIntent{accountOf(r.facts), *r.facts.Transfers.Plan}
		if err := keep.Do(r.Context(), r.hands(keep), func(wire.Progress) {}); err != nil {
			r.Fatal(err)
		}
		if err := send.Do(r.Context(), h, func(wire.Progress) {}); kube.KindOf(err) != kube.Refused {
			r.Errorf("got %v", err)
		}
		if len(r.offers) > 0 {
			r.Errorf("%d offers", len(r.offers))
		}
	})
}
