package reonboard

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/engine"
	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

// tale is a journal in memory.
type tale struct{ events []wire.Event }

func (j *tale) Append(e wire.Event) (wire.Event, error) {
	e.Seq = uint64(len(j.events)) + 1
	j.events = append(j.events, e)
	return e, nil
}

// play runs the deploying steps by the engine. operator answers each question.
func (r *deployRig) play(acting wire.Acting, operator func(wire.Question) wire.Answer) (wire.View, *tale) {
	r.t.Helper()
	path := New()
	path.Steps = []steps.Step[Facts]{validatorValues(), validatorDeploy(), freshValues(), freshSV()}
	j := &tale{}
	m, err := engine.New(engine.Config[Facts]{Path: path, Facts: r.facts, Run: wire.Run{ID: r.facts.Run, Acting: acting, Operator: "you", Host: "here"}, World: r.world,
		Hands: func(refs []steps.Ref, dry bool) steps.Hands {
			var accesses []kube.Access
			var files []string
			for _, ref := range refs {
				if ref.Kube != nil {
					accesses = append(accesses, *ref.Kube)
				} else {
					files = append(files, ref.File)
				}
			}
			return steps.Hands{World: r.world, Kube: r.world.Kube.Hands(accesses, dry), Files: only{r.files, files}}
		}, Journal: j, Clock: clock.RealClock{}, ParkAfter: 30 * time.Minute})
	if err != nil {
		r.t.Fatal(err)
	}
	viewer := m.Hub.Join()
	go func() {
		for e := range viewer.C {
			if e.Kind != wire.KindAsk {
				continue
			}
			answer := operator(*e.Question)
			answer.Question, answer.Hash = e.Question.ID, e.Question.Hash
			if answer.Choice == "" && answer.Text == "" {
				if answer.Text = e.Question.Default; e.Question.Kind == wire.AskChoice {
					answer.Choice = e.Question.Default
				}
			}
			m.Say(r.t.Context(), wire.Message{Kind: wire.SayAnswer, Answer: &answer, By: "you"})
		}
	}()
	if err := m.Run(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	m.Hub.Close()
	viewer.Leave()
	synctest.Wait()
	return m.View(), j
}

// An import fails; the operator takes the step back, chooses another identifier, and it goes well. Then the fresh SV is onboarded. No secret
// is in the journal.
func TestStoryOfASecondImport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := freshRig(t)
		r.facts.Validator.Namespace = ""
		r.facts.Hints.Values = freshValuesFolder(t)
		bad := sim.Workload{NeverReady: true, Log: []sim.Line{{Text: "Node has ID PAR::x::1220 instead of expected ID PAR::y::1220."}}}
		r.sim.Set(sim.Knobs{Workloads: map[string]sim.Workload{"validator/validator-app": bad}})
		go func() { time.Sleep(5 * time.Minute); r.makesSecrets() }()
		places := chartsAt(t, "0.6.4", svCharts...)
		remedies, identifiers := []string{}, []string{}
		v, j := r.play(wire.Live, func(q wire.Question) wire.Answer {
			_, name, _ := strings.Cut(strings.TrimPrefix(q.Name, "reonboard/"), ".")
			switch {
			case name == "charts":
				return wire.Answer{Text: places}
			case name == "audience" || name == "ledger":
				return wire.Answer{Text: "https://example"}
			case name == "jwks":
				return wire.Answer{Text: "https://login.example/jwks"}
			case name == "approved":
				return wire.Answer{Choice: approvedYes}
			case name == "identifier":
				identifiers = append(identifiers, q.Default)
				r.apps.set("* /api/scan/v0/domains/global-domain::1220dd/parties/"+lostParty+"/participant-id", `{"participant_id":"PAR::`+q.Default+`::1220aa"}`)
				return wire.Answer{Text: q.Default}
			case q.Kind == wire.AskRemedy:
				remedies = append(remedies, q.Error.Seen)
				switch len(remedies) {
				case 1: // the import
					return wire.Answer{Choice: wire.ChoiceUndo}
				case 2: // its volume is there still
					r.sim.Set(sim.Knobs{Workloads: map[string]sim.Workload{"validator/validator-app": {Log: goodImport}}})
					return wire.Answer{Choice: wire.ChoiceAsk}
				}
				t.Errorf("%+v", q.Error)
				return wire.Answer{Choice: wire.ChoiceAbort}
			case name == "confirm" && strings.Contains(q.Name, "fresh-sv"):
				for _, n := range []string{"sequencer-pg-secret", "mediator-pg-secret", "participant-pg-secret", "apps-pg-secret"} {
					r.secret("sv-fresh", n, passwordKey)
				}
				r.secret("sv-fresh", "splice-app-sv-ledger-api-auth", "ledger-api-user")
				r.secret("sv-fresh", ledgerSecret, "client-id")
				r.joins(10 * time.Minute)
				return wire.Answer{Choice: wire.ChoiceYes}
			case q.Kind == wire.AskConfirm:
				return wire.Answer{Choice: wire.ChoiceYes}
			case q.Kind == wire.AskWord:
				t.Errorf("something is destroyed: %+v", q)
				return wire.Answer{Choice: wire.ChoiceAbort}
			}
			return wire.Answer{}
		})
		for _, s := range v.Steps {
			if s.State != wire.StepDone {
				t.Errorf("%s is %s", s.ID, s.State)
			}
		}
		if len(remedies) != 2 || !strings.Contains(remedies[0], "another identifier") || !strings.Contains(remedies[1], "is still there") {
			t.Errorf("remedies: %q", remedies)
		}
		if len(identifiers) != 2 || identifiers[0] == identifiers[1] {
			t.Errorf("identifiers: %q", identifiers)
		}
		claims, err := r.world.Kube.Claims(t.Context(), "validator")
		if err != nil || len(claims) != 2 {
			t.Errorf("%d claims: the first try's must be kept, %v", len(claims), err)
		}
		data, err := json.Marshal(j.events)
		if err != nil || strings.Contains(string(data), canarySecret) {
			t.Errorf("a secret is in the journal, or %v", err)
		}
	})
}

// A dry run tries what can be tried, and changes nothing.
func TestDryRunOfTheDeployment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := freshRig(t)
		r.facts.Validator.Namespace = ""
		r.facts.Hints.Values = freshValuesFolder(t)
		places := chartsAt(t, "0.6.4", svCharts...)
		v, _ := r.play(wire.DryRun, func(q wire.Question) wire.Answer {
			switch _, name, _ := strings.Cut(strings.TrimPrefix(q.Name, "reonboard/"), "."); {
			case name == "charts":
				return wire.Answer{Text: places}
			case name == "audience" || name == "ledger":
				return wire.Answer{Text: "https://example"}
			case name == "jwks":
				return wire.Answer{Text: "https://login.example/jwks"}
			case name == "approved":
				return wire.Answer{Choice: approvedYes}
			case q.Kind == wire.AskRemedy:
				t.Errorf("%+v", q.Error)
				return wire.Answer{Choice: wire.ChoiceAbort}
			}
			return wire.Answer{}
		})
		if v.Ended == nil {
			t.Error("it did not end")
		}
		for _, w := range r.sim.Writes() {
			if !w.DryRun {
				t.Errorf("a dry run wrote: %+v", w)
			}
		}
	})
}
