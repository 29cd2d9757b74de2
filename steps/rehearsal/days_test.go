package rehearsal

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/internal/durable"
	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/steps/doctor"
	"canton.example/svrescue/steps/evidence"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/svapp"
	"k8s.io/utils/clock"
)

// ready gathers what doctor goes by on a day, as the command does.
func ready(t *testing.T, r *rig, d Day, change func(*evidence.Readiness)) (doctor.Report, doctor.Evidence) {
	t.Helper()
	folder := t.TempDir()
	if d.Record != nil {
		files, err := d.Record(time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if err := layFiles(filepath.Join(folder, RecordFolder), files); err != nil {
			t.Fatal(err)
		}
	}
	o := evidence.Readiness{Options: evidence.Options{Cluster: r.cluster(), Context: "sim", Namespace: namespace, Clock: clock.RealClock{}, Out: svapp.Out{Dial: outside}, Dial: outside},
		Scratch: folder, Room: func(string) (int64, error) { return 200 << 30, nil }}
	if d.Record != nil {
		o.Record = filepath.Join(folder, RecordFolder)
	}
	if d.Identities != nil {
		file := filepath.Join(folder, "identities.json")
		if err := durable.WriteFile(file, d.Identities); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, time.Time{}, time.Now().Add(-d.Old)); err != nil {
			t.Fatal(err)
		}
		o.Identities = []string{file}
	}
	if d.Word != nil {
		o.Copies, o.Acknowledged = d.Word(time.Now())
	}
	through, err := o.Out.Transport()
	if err != nil {
		t.Fatal(err)
	}
	o.Logins = &svapp.Logins{Through: through, Clock: o.Clock, Places: secret.Places{Getenv: func(string) string { return "" }}}
	if change != nil {
		change(&o)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var e doctor.Evidence
	done := map[string]bool{}
	evidence.GatherReadiness(ctx, o, func(p evidence.PieceOf[doctor.Evidence]) {
		p.Set(&e)
		done[p.Source] = done[p.Source] || p.Last
	})
	for _, s := range evidence.ReadinessSources() {
		if !done[s] {
			t.Errorf("source %s was not done in a minute", s)
		}
	}
	return doctor.Judge(e, time.Now()), e
}

// On each day doctor finds what there is to find and nothing else, changes nothing, and tells no secret.
func TestDays(t *testing.T) {
	for _, d := range Days() {
		t.Run(d.ID, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, d.Scenario)
				time.Sleep(d.Settles)
				writes := len(r.world.Writes())
				got, e := ready(t, r, d, nil)
				for _, c := range got.Conditions {
					want := triage.Holds
					if slices.Contains(d.Violated, c.ID) {
						want = triage.Violated
					} else if slices.Contains(d.Open, c.ID) {
						want = triage.NotDetermined
					}
					if c.Verdict != want && !c.Informational {
						t.Errorf("%s: %s, want %s: %s", c.ID, c.Verdict, want, c.Detail)
					}
				}
				for _, w := range r.world.Writes()[writes:] {
					if w.Verb != "create" || !strings.HasSuffix(w.Resource, "/exec") && !strings.HasSuffix(w.Resource, "/portforward") {
						t.Errorf("doctor sent %+v", w)
					}
				}
				for _, what := range r.pods.Unknown() {
					t.Errorf("sent to a pod, and not one of the product's statements and commands: %s", what)
				}
				all, _ := json.Marshal([]any{e, got})
				for _, hidden := range []string{credential, "invented-", "aW52ZW50ZWQ=", "eyJ"} {
					if strings.Contains(string(all), hidden) {
						t.Errorf("%q is in the evidence", hidden)
					}
				}
			})
		})
	}
}

// What cannot be asked is not determined, whatever else is well; a server outside the cluster is asked by a program, and a host that does not
// answer is told beside the way that does.
func TestWhatADayCannotTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := wellKept()
		r := newRig(t, d.Scenario)
		time.Sleep(d.Settles)
		got, e := ready(t, r, d, func(o *evidence.Readiness) {
			o.Logins, o.Room = nil, nil
			o.Hosts = map[svapp.App]string{svapp.SVApp: "https://sv.acme.example", svapp.ScanApp: "https://scan.acme.example/api/scan"}
			o.Managed = []evidence.Managed{{Server: "db:5432", Command: []string{"newest"}}, {Server: "pg:5432", Command: []string{"older"}}}
			o.Run = func(_ context.Context, argv []string) ([]byte, error) {
				if argv[0] == "older" {
					return []byte("canary"), nil
				}
				return []byte("2000-01-01T00:00:00Z"), nil
			}
		})
		for id, says := range map[string]string{"token": "nothing is known to log in with", "disk": "no folder"} {
			if c, _ := got.Condition(id); c.Verdict != triage.NotDetermined || !strings.Contains(c.Detail, says) {
				t.Errorf("%s: %s: %s", id, c.Verdict, c.Detail)
			}
		}
		c, _ := got.Condition("reachable")
		if c.Verdict != triage.Holds || !strings.Contains(c.Detail, "its public host https://sv.acme.example does not lead there from here") || !strings.Contains(c.Detail, "more than a scheme and a host") {
			t.Errorf("%s: %s", c.Verdict, c.Detail)
		}
		if len(e.Managed) != 2 {
			t.Fatalf("%+v", e.Managed)
		}
		slices.SortFunc(e.Managed, func(a, b doctor.Managed) int { return strings.Compare(a.Server, b.Server) })
		if e.Managed[0].Problem != "" || e.Managed[0].Taken.Year() != 2000 || !strings.Contains(e.Managed[1].Problem, "no time") || strings.Contains(e.Managed[1].Problem, "canary") {
			t.Errorf("%+v", e.Managed)
		}
	})
}

// An identities dump is taken for a backup only if it is of the node that the node's own scan says it is.
func TestIdentitiesAreFetched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := wellKept()
		r := newRig(t, d.Scenario)
		time.Sleep(d.Settles)
		o := evidence.Options{Cluster: r.cluster(), Context: "sim", Namespace: namespace, Clock: clock.RealClock{}, Out: svapp.Out{Dial: outside}, Dial: outside}
		through, err := o.Out.Transport()
		if err != nil {
			t.Fatal(err)
		}
		o.Logins = &svapp.Logins{Through: through, Clock: o.Clock}
		writes := len(r.world.Writes())
		got, err := evidence.FetchIdentities(t.Context(), o)
		if err != nil || got.Party != ownParty || len(got.Of.Participant.Keys) != 3 || got.Text.Reveal() == "" {
			t.Fatalf("%+v, %v", got.Of, err)
		}
		for _, w := range r.world.Writes()[writes:] {
			if !strings.HasSuffix(w.Resource, "/exec") && !strings.HasSuffix(w.Resource, "/portforward") {
				t.Errorf("fetching sent %+v", w)
			}
		}
		var refused *evidence.NotKept
		for says, change := range map[string]func(map[string]any){
			"this node's scan says that it is " + ownParty: func(i map[string]any) { i["sv_party_id"] = "Other::1220ff" },
			"it is of another network":                     func(i map[string]any) { i["dso_party_id"] = "DSO::1220ff" },
			"sequencer or mediator is missing":             func(i map[string]any) { delete(i, "mediator") },
			"with the participant PAR::x::1220ff":          func(i map[string]any) { i["participant"].(map[string]any)["id"] = "PAR::x::1220ff" },
			"no participant with its keys":                 func(i map[string]any) { delete(i["participant"].(map[string]any), "keys") },
			"it holds no key":                              func(i map[string]any) { i["participant"].(map[string]any)["keys"] = []any{} },
		} {
			r.pods.identities = func() any {
				all := identities().(map[string]any)
				change(all["identities"].(map[string]any))
				return all
			}
			got, err := evidence.FetchIdentities(t.Context(), o)
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), says) || !got.Text.Empty() || strings.Contains(err.Error(), "aW52ZW50ZWQ") {
				t.Errorf("%s: %v", says, err)
			}
		}
	})
}

// A provider that cannot be asked says nothing of the token; a client that is not there, or not known, does.
func TestATokenThatCannotBeHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := nothingWrong() // its Secret has a client, and no fixed token
		r := newRig(t, i.Scenario)
		time.Sleep(Develops)
		got, _ := ready(t, r, Day{Incident: i}, nil)
		if c, _ := got.Condition("token"); c.Verdict != triage.NotDetermined || !strings.Contains(c.Detail, "no route to host") {
			t.Errorf("%s: %s", c.Verdict, c.Detail)
		}
		got, _ = ready(t, r, Day{Incident: i}, func(o *evidence.Readiness) { o.Logins.Token = "env:NOTHING" })
		if c, _ := got.Condition("token"); c.Verdict != triage.Violated || !strings.Contains(c.Detail, "The environment variable NOTHING") && !strings.Contains(c.Detail, "nothing in it") {
			t.Errorf("%s: %s", c.Verdict, c.Detail)
		}
	})
}
