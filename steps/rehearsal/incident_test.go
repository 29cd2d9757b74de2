package rehearsal

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/steps/evidence"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/svapp"
	"k8s.io/utils/clock"
)

// look triages the world of a rig and answers what is said after five seconds and at the end, with the sources that were heard by then.
func look(t *testing.T, r *rig, answers triage.Answers) (first, last triage.Result, e triage.Evidence) {
	t.Helper()
	e.Answers = answers
	o := evidence.Options{Cluster: r.cluster(), Context: "sim", Namespace: namespace, Clock: clock.RealClock{}, Out: svapp.Out{Dial: outside}, Dial: outside}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	began, done := time.Now(), map[string]bool{}
	evidence.Gather(ctx, o, func(p evidence.Piece) {
		p.Set(&e)
		done[p.Source] = done[p.Source] || p.Last
		if time.Since(began) <= 5*time.Second {
			first = triage.Judge(e, time.Now())
		}
	})
	for _, s := range evidence.Sources() {
		if !done[s] {
			t.Errorf("source %s was not done in a minute", s)
		}
	}
	return first, triage.Judge(e, time.Now()), e
}

// Each incident is told for what it is, from the world alone.
func TestIncidentsAreToldForWhatTheyAre(t *testing.T) {
	for _, i := range Incidents() {
		t.Run(i.ID, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, i.Scenario)
				if i.Happens != nil {
					if err := i.Happens(t.Context(), Elsewhere{Cluster: r.cluster(), Namespace: namespace}); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(Develops)
				writes := len(r.world.Writes())
				first, got, e := look(t, r, i.Answers)
				if got.Situation != i.Situation || got.Recommended() != i.Recommended {
					t.Errorf("%s, recommended %q; want %s, %q\n%s", got.Situation, got.Recommended(), i.Situation, i.Recommended, written(got))
				}
				if i.Aid != "" && !slices.ContainsFunc(got.FirstAid, func(a triage.FirstAid) bool { return a.ID == i.Aid }) {
					t.Errorf("no first aid %s\n%s", i.Aid, written(got))
				}
				if first.Situation == "" {
					t.Error("nothing was said within five seconds")
				}
				if after := r.world.Writes()[writes:]; len(after) > 0 {
					for _, w := range after {
						if w.Verb != "create" || !strings.HasSuffix(w.Resource, "/exec") && !strings.HasSuffix(w.Resource, "/portforward") {
							t.Errorf("triage sent %+v", w)
						}
					}
				}
				for _, what := range r.pods.Unknown() {
					t.Errorf("sent to a pod, and not one of the product's statements and commands: %s", what)
				}
				all, _ := json.Marshal([]any{e, got})
				for _, secret := range []string{credential, "invented-", "aW52ZW50ZWQ="} {
					if strings.Contains(string(all), secret) {
						t.Errorf("%q is in the evidence", secret)
					}
				}
			})
		})
	}
}

func written(r triage.Result) string {
	text, _ := json.MarshalIndent(r, "", " ")
	return string(text)
}
