package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/postgres"
	pg "canton.example/svrescue/steps/postgres/sim"
	"canton.example/svrescue/steps/reach"
	"canton.example/svrescue/steps/restore"
	"canton.example/svrescue/steps/wire"
	"github.com/google/go-cmp/cmp"
)

// told answers by name of the question, in the order given for each name; the rest as the scenario's good operator does.
// "yes" types the word where one is needed.
type told map[string][]any // string: a choice; func(): done before the good answer

func (r *rig) told(answers told) operator {
	good := r.player()
	used := map[string]int{}
	return func(ctx context.Context, v wire.View, q wire.Question) (wire.Answer, bool) {
		list := answers[q.Name]
		n := used[q.Name]
		used[q.Name]++
		if n >= len(list) {
			return good(ctx, v, q)
		}
		switch do := list[n].(type) {
		case string:
			a := wire.Answer{Choice: do, Text: "as the test says"}
			if do == wire.ChoiceYes {
				a.Text = q.Word
			}
			return a, true
		case func():
			do()
			return good(ctx, v, q)
		case func() string:
			return wire.Answer{Choice: do(), Text: "as the test says"}, true
		}
		return wire.Answer{}, false
	}
}

// inWorld runs a test in a bubble, in a world that tune has changed.
func inWorld(t *testing.T, tune func(*sim.NodeOptions, *sim.Scenario), test func(t *testing.T, r *rig)) {
	t.Helper()
	inScenario(t, clean(), tune, test)
}

// inScenario does so in the world of a scenario, which tune replaces by a tuned one of a plain restore.
func inScenario(t *testing.T, s Scenario, tune func(*sim.NodeOptions, *sim.Scenario), test func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if tune == nil {
			test(t, newRig(t, s))
			return
		}
		s.World = func(now time.Time) (sim.Scenario, error) {
			o := node(now)
			if tune != nil {
				tune(&o, nil)
			}
			w, err := world(o)
			if err == nil && tune != nil {
				tune(&o, &w)
			}
			return w, err
		}
		test(t, newRig(t, s))
	})
}

// options makes a tune of the node alone.
func options(change func(*sim.NodeOptions)) func(*sim.NodeOptions, *sim.Scenario) {
	return func(o *sim.NodeOptions, w *sim.Scenario) {
		if w == nil {
			change(o)
		}
	}
}

func must(t *testing.T, v wire.View, want wire.Outcome) {
	t.Helper()
	if v.Ended == nil || v.Ended.Outcome != want {
		t.Fatalf("ended %+v, want %s (parked %q)\n%s", v.Ended, want, v.Parked, lines(v))
	}
}

// stands is the world without what taking a step back cannot and need not restore: counters, and how a binding came about.
func stands(t *testing.T, r *rig) map[string]any {
	t.Helper()
	time.Sleep(10 * time.Minute) // the world comes to rest
	all := settled(t, r).(map[string]any)
	out := map[string]any{}
	for key, value := range all {
		if strings.HasPrefix(key, "pods") || strings.HasPrefix(key, "replicasets") || strings.HasPrefix(key, "endpoints") {
			continue
		}
		if strings.HasPrefix(key, "persistentvolumes ") { // named by the uid of the claim that it was made for, which is another one now
			claim := value.(map[string]any)["spec"].(map[string]any)["claimRef"].(map[string]any)
			status := value.(map[string]any)["status"].(map[string]any)
			key = fmt.Sprintf("persistentvolume of %v/%v, %v", claim["namespace"], claim["name"], status["phase"])
		}
		out[key] = unbound(value)
	}
	return out
}

var anyUID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|uid\([^)]*\)`)

func unbound(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range x {
			switch {
			case k == "generation", k == "observedGeneration", k == "conditions", k == "lastPhaseTransitionTime", strings.HasPrefix(k, "pv.kubernetes.io/bound-by"),
				strings.HasPrefix(k, "pv.kubernetes.io/bind-completed"), k == "managedFields", strings.HasPrefix(k, "volume.kubernetes.io/"), strings.HasPrefix(k, "volume.beta.kubernetes.io/"):
				continue
			}
			e = unbound(e)
			if m, ok := e.(map[string]any); ok && len(m) == 0 {
				continue
			}
			out[k] = e
		}
		return out
	case []any:
		out := []any{}
		for _, e := range x {
			out = append(out, unbound(e))
		}
		return out
	case string:
		return anyUID.ReplaceAllString(x, "UID")
	}
	return v
}

// sent are the writes that arrived and were not mere trials. What went through tunnels and commands in pods is not among them: the
// simulated servers say what they were changed by.
func sent(r *rig) []sim.Write {
	return slices.DeleteFunc(r.world.Writes(), func(w sim.Write) bool { return w.DryRun || opens(w) || w.Resource == "leases" })
}

func opens(w sim.Write) bool { return w.Resource == "pods/portforward" || w.Resource == "pods/exec" }

// checkShown proves that each write which arrived was covered by a reference of a plan that was shown before, and that
// the plan was agreed to before.
func checkShown(t *testing.T, r *rig) {
	t.Helper()
	for _, w := range r.world.Writes() {
		if opens(w) || w.Resource == "leases" {
			continue
		}
		resource, sub, _ := strings.Cut(w.Resource, "/")
		shown, agreed := false, w.DryRun
		for _, e := range r.journal {
			if e.At.After(w.Time) {
				break
			}
			if e.Kind == wire.KindAnswer && e.Answer.Choice == wire.ChoiceYes {
				agreed = true
			}
			if e.Kind != wire.KindPlan {
				continue
			}
			for _, p := range e.Plan.Actions {
				for _, ref := range p.Refs {
					verb, rest, _ := strings.Cut(ref, " ")
					what, where, _ := strings.Cut(rest, " ")
					kind, s, _ := strings.Cut(what, "/")
					kind, _, _ = strings.Cut(kind, ".")
					if verb == w.Verb && kind == resource && s == sub && (where == strings.TrimPrefix(w.Namespace+"/"+w.Name, "/") || w.Name == "" && strings.HasPrefix(where, w.Namespace+"/")) {
						shown = true
					}
				}
			}
		}
		if !w.DryRun && (!shown || !agreed) || w.Namespace != "" && w.Namespace != namespace {
			t.Errorf("%s %s %s/%s arrived; shown %v, agreed %v", w.Verb, w.Resource, w.Namespace, w.Name, shown, agreed)
		}
	}
}

// checkRestored proves that the participant's volume holds a ledger that ends before this world began, which is that of a backup.
func checkRestored(t *testing.T, r *rig) {
	t.Helper()
	text, _ := r.world.ContentOf(namespace, participantClaim)
	var state pg.State
	if err := json.Unmarshal([]byte(text), &state); err != nil {
		t.Errorf("the participant's volume holds %q: %v", text, err)
		return
	}
	var d *pg.Database
	for name, database := range state.Databases {
		if strings.HasPrefix(name, "participant_") {
			d = database
		}
	}
	if d == nil || d.LedgerEnd == nil || *d.LedgerEnd >= ledgerEnd(r.began) {
		t.Errorf("the participant's volume holds %q, which is of no backup", text)
	}
}

func checkDamaged(t *testing.T, r *rig) {
	t.Helper()
	if text, _ := r.world.ContentOf(namespace, participantClaim); text != damaged {
		t.Errorf("the participant's volume holds %q, not what was damaged", text)
	}
}

func TestWhatArrivesWasShown(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, r *rig) {
		v, _, _ := r.play(t.Context(), 0, r.player())
		must(t, v, wire.Recovered)
		if len(sent(r)) < 30 {
			t.Errorf("only %d writes arrived", len(sent(r)))
		}
		checkShown(t, r)
		checkNoSecret(t, r)
		checkRestored(t, r)
	})
}

func TestDryRunChangesNothing(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, r *rig) {
		before := stands(t, r)
		r.acting = wire.DryRun
		v, _, _ := r.play(t.Context(), 0, r.player())
		must(t, v, wire.Rehearsed)
		if all := sent(r); len(all) > 0 {
			t.Errorf("sent %v", all)
		}
		if len(r.world.Writes()) == 0 {
			t.Error("nothing was tried")
		}
		if diff := cmp.Diff(before, stands(t, r)); diff != "" {
			t.Error(diff)
		}
		checkShown(t, r)
	})
}

// backwards takes back whatever can be taken back, and then ends the run.
func backwards(_ context.Context, _ wire.View, q wire.Question) (wire.Answer, bool) {
	if strings.HasSuffix(q.Name, ".undo") {
		return wire.Answer{Choice: wire.ChoiceYes, Text: q.Word}, true
	}
	for _, want := range []string{wire.ChoiceUndo, wire.ChoiceAbort} {
		for _, c := range q.Choices {
			if c.ID == want && c.Refuse == "" {
				return wire.Answer{Choice: want}, true
			}
		}
	}
	return wire.Answer{}, false
}

// Whatever was done can be taken back, from wherever the run stands, and the node stands as it was found, with the old
// volumes and their old content. The run is stopped at every write in turn: it is forbidden, and the operator turns back.
func TestUndoFromEveryPoint(t *testing.T) {
	beside(t)
	for _, in := range []func() Scenario{clean, managedDumps} {
		t.Run(in().ID, func(t *testing.T) { undoMatrix(t, in) })
	}
}

func undoMatrix(t *testing.T, in func() Scenario) {
	var writes []sim.Write
	var before map[string]any
	inScenario(t, in(), nil, func(t *testing.T, r *rig) {
		before = stands(t, r)
		v, _, _ := r.play(t.Context(), 0, r.player())
		must(t, v, wire.Recovered)
		writes = sent(r)
	})
	equal, tried := 0, 0
	t.Run("points", func(t *testing.T) {
		for i := 0; i <= len(writes); i++ {
			if !*soak && i%9 != 0 && i != len(writes) {
				continue
			}
			tried++
			name := "at the end"
			if i < len(writes) {
				w := writes[i]
				name = fmt.Sprintf("%d %s %s %s", i, w.Verb, w.Resource, w.Name)
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				inScenario(t, in(), nil, func(t *testing.T, r *rig) {
					stands(t, r)
					turned := i == len(writes)
					if !turned {
						r.wire.refuseAt = i + 1
					}
					good := r.player()
					v, _, _ := r.play(t.Context(), 0, func(ctx context.Context, v wire.View, q wire.Question) (wire.Answer, bool) {
						if q.Kind == wire.AskRemedy && !asksRoom(q) {
							turned = true
						}
						if !turned || i == len(writes) && v.Step("restore/restore-databases").State != wire.StepDone && !undoing(v) {
							return good(ctx, v, q)
						}
						return backwards(ctx, v, q)
					})
					if v.Ended == nil {
						t.Fatalf("not ended, parked %q\n%s", v.Parked, lines(v))
					}
					if _, outside := before["outside "+managedParticipant]; !outside {
						checkDamaged(t, r)
					}
					if diff := cmp.Diff(before, stands(t, r)); diff != "" {
						t.Fatalf("(-found +left)\n%s\n%s", diff, lines(v))
					}
					checkShown(t, r)
					if len(r.journal) > 1000 {
						t.Errorf("the journal has %d events: the operator was sent in circles", len(r.journal))
					}
					equal++
				})
			})
		}
	})
	fmt.Printf("undo matrix in %s: %d writes in the run; tried %d, as found %d\n", in().ID, len(writes), tried, equal)
}

// asksRoom says whether the operator is asked about room that only they can see: nothing went wrong.
func asksRoom(q wire.Question) bool {
	return q.Error != nil && strings.Contains(q.Error.Seen, "how much room") && q.Name == "restore/reach-servers.remedy"
}

// asksSecrets: the question is about Secrets that the operator has to make, which is nothing that waiting helps with.
func asksSecrets(q wire.Question) bool {
	return q.Error != nil && strings.Contains(q.Error.Seen, "waiting for what pods need") && q.Name == "reonboard/validator-deploy.remedy"
}

func undoing(v wire.View) bool {
	for _, s := range v.Steps {
		for _, a := range s.Actions {
			if a.Undo && a.State != wire.ActionPending {
				return true
			}
		}
	}
	return false
}

// handsOf does the actions of a step as somebody else would who has the same plan.
func (r *rig) handsOf(step string) {
	r.t.Helper()
	var f restore.Facts
	for _, e := range r.journal {
		if e.Kind == wire.KindFacts {
			f = restore.Facts{}
			if err := json.Unmarshal(e.Facts, &f); err != nil {
				r.t.Fatal(err)
			}
		}
	}
	cluster := r.cluster()
	databases := reach.NewDatabases(reach.Options{Cluster: cluster, Clock: r.clock(), Run: "r-1", Dial: outside})
	for _, s := range restore.New().Steps {
		if s.ID != step {
			continue
		}
		actions, err := s.Plan(f)
		if err != nil {
			r.t.Fatal(err)
		}
		w := steps.World{Kube: cluster, Databases: databases, Files: r.folder.Artifacts(), Clock: r.clock()}
		for _, a := range actions {
			var allowed []kube.Access
			for _, ref := range a.Refs() {
				if ref.Kube != nil {
					allowed = append(allowed, *ref.Kube)
				}
			}
			var changes []postgres.Change
			for _, ref := range a.Refs() {
				if ref.SQL != nil {
					changes = append(changes, *ref.SQL)
				}
			}
			hands := steps.Hands{World: w, Kube: cluster.Hands(allowed, false), Files: r.folder.Artifacts().Only(a.Refs()), Databases: databases.Writer(changes, false)}
			if err := a.Do(r.t.Context(), hands, func(wire.Progress) {}); err != nil {
				r.t.Errorf("by hand: %s: %v", a.Key(), err)
			}
		}
	}
}

func TestEveryStepByHand(t *testing.T) {
	changing := []string{"restore/scale-down", "restore/keep-old-volumes", "restore/restore-volumes", "restore/start-databases", "restore/prove-restored", "restore/scale-up"}
	inWorld(t, nil, func(t *testing.T, r *rig) {
		answers := told{}
		for _, step := range changing {
			answers[step+".confirm"] = []any{wire.ChoiceByHand}
			answers[step+".by-hand"] = []any{func() string { r.handsOf(step); return "no choice: the world answers" }}
		}
		before := len(r.world.Writes())
		v, _, _ := r.play(t.Context(), 0, r.told(answers))
		must(t, v, wire.Recovered)
		for _, step := range changing {
			if s := v.Step(step); s.State != wire.StepByHand {
				t.Errorf("%s is %s", step, s.State)
			}
		}
		for _, e := range r.journal {
			if e.Kind == wire.KindIntent && e.Step != "restore/record" && e.Step != "restore/catch-up" { // which only look
				t.Errorf("the tool itself sent %s of %s", e.Action, e.Step)
			}
		}
		if before == len(r.world.Writes()) {
			t.Error("nobody did anything")
		}
		checkRestored(t, r)
	})
}

func TestSkippedStep(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, r *rig) {
		answers := told{"restore/keep-old-volumes.confirm": {wire.ChoiceSkip}, "restore/restore-volumes.remedy": {wire.ChoiceAbort}}
		v, _, _ := r.play(t.Context(), 0, r.told(answers))
		must(t, v, wire.Failed)
		if s := v.Step("restore/keep-old-volumes"); s.State != wire.StepSkipped || s.Reason != "as the test says" {
			t.Errorf("%s %q", s.State, s.Reason)
		}
		for _, w := range sent(r) {
			if w.Verb == "delete" {
				t.Errorf("%s %s was deleted although its volume was not kept", w.Resource, w.Name)
			}
		}
		checkDamaged(t, r)
	})
}

func TestWorlds(t *testing.T) {
	for _, c := range []struct {
		name string
		tune func(*sim.NodeOptions, *sim.Scenario)
		also func(t *testing.T, r *rig, v wire.View)
	}{
		{"a class that waits for its first consumer", options(func(o *sim.NodeOptions) { o.WaitForConsumer = true }), nil},
		{"volumes that are kept already", options(func(o *sim.NodeOptions) { o.Retain = true }), func(t *testing.T, r *rig, v wire.View) {
			for _, a := range v.Step("restore/keep-old-volumes").Actions {
				if strings.HasPrefix(a.Key, "set ") {
					t.Errorf("%s was planned", a.Key)
				}
			}
		}},
		{"a participant with its suffix, family A", options(func(o *sim.NodeOptions) {
			o.Release, o.ParticipantSuffix, o.MigrationID, o.SerialID = "0.5.18", true, 3, -1
		}), nil},
		{"exporters", options(func(o *sim.NodeOptions) { o.Exporters = true }), func(t *testing.T, r *rig, v wire.View) {
			for _, w := range sent(r) {
				if strings.HasPrefix(w.Name, "pge-") {
					t.Errorf("%s %s %s", w.Verb, w.Resource, w.Name)
				}
			}
		}},
		{"legacy and successor synchronizers", options(func(o *sim.NodeOptions) { o.Legacy, o.Successor, o.MigrationID, o.SerialID = true, true, 3, 4 }), func(t *testing.T, r *rig, v wire.View) {
			for _, w := range r.world.Writes() {
				if strings.Contains(w.Name+w.Path, "global-domain-3") || strings.Contains(w.Name+w.Path, "global-domain-5") {
					t.Errorf("%s %s %s: it is not of the current synchronizer", w.Verb, w.Resource, w.Name)
				}
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, c.tune, func(t *testing.T, r *rig) {
				v, _, _ := r.play(t.Context(), 0, r.player())
				must(t, v, wire.Recovered)
				checkShown(t, r)
				checkRestored(t, r)
				if c.also != nil {
					c.also(t, r, v)
				}
			})
		})
	}
}

// scale sets a workload's count as somebody else would.
func (r *rig) scale(kind, name string, from, to int32) {
	r.t.Helper()
	ref := kube.WorkloadRef{Kind: kind, Namespace: namespace, Name: name}
	if err := r.cluster().Hands(kube.AccessScale(ref), false).Scale(r.t.Context(), ref, from, to, ""); err != nil {
		r.t.Error(err)
	}
}

func TestWorkloadsFoundAtZero(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, r *rig) {
		for _, name := range []string{"scan-app", "validator-app"} {
			r.scale(kube.Deployment, name, 1, 0)
		}
		r.scale(kube.StatefulSet, "participant-pg", 1, 0)
		time.Sleep(time.Minute)
		v, _, _ := r.play(t.Context(), 0, r.told(told{"restore/scale-up.remedy": {wire.ChoiceAbort}}))
		if v.Ended == nil {
			t.Fatalf("parked %q\n%s", v.Parked, lines(v))
		}
		for _, w := range r.world.Writes()[3:] {
			if w.Resource == "deployments/scale" && (w.Name == "scan-app" || w.Name == "validator-app") && !w.DryRun {
				t.Errorf("%s was scaled although it was found at 0", w.Name)
			}
		}
		checkRestored(t, r)
		checkSaid(t, v, "participant-pg is scaled to 0 already")
	})
}

// checkSaid looks for a text in the findings.
func checkSaid(t *testing.T, v wire.View, text string) {
	t.Helper()
	data, _ := json.Marshal(v)
	if !strings.Contains(string(data), text) {
		t.Errorf("nothing says %q", text)
	}
}

func TestTwoNodesAreChosenFrom(t *testing.T) {
	second := func(o *sim.NodeOptions, w *sim.Scenario) {
		if w == nil {
			return
		}
		other := *o
		other.Namespace, other.SVName, other.NoClasses = "sv-2", "Other-SV", true
		s, err := other.Scenario()
		if err != nil {
			panic(err)
		}
		w.Objects += "\n---\n" + s.Objects
		for k, text := range s.Contents {
			w.Contents[k] = text
		}
		w.Backups = append(w.Backups, s.Backups...)
	}
	inWorld(t, second, func(t *testing.T, r *rig) {
		r.wanted = ""
		v, _, _ := r.play(t.Context(), 0, r.told(told{"restore/inventory.namespace": {namespace}}))
		must(t, v, wire.Recovered)
		if v.Subject.Namespace != namespace {
			t.Errorf("subject %+v", v.Subject)
		}
		checkShown(t, r) // refuses a write in another namespace
		for _, e := range r.journal {
			if e.Kind == wire.KindAsk && e.Question.Name == "restore/inventory.namespace" && len(e.Question.Choices) == 2 {
				return
			}
		}
		t.Error("nobody was asked which")
	})
}

func TestAClaimThatIsGone(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, r *rig) {
		ctx, cluster := t.Context(), r.cluster()
		r.scale(kube.StatefulSet, "participant-pg", 1, 0)
		time.Sleep(time.Minute)
		claim, _, err := cluster.Claim(ctx, namespace, participantClaim)
		if err != nil {
			t.Fatal(err)
		}
		if err := cluster.Hands(kube.AccessDeleteClaim(namespace, participantClaim), false).DeleteClaim(ctx, namespace, participantClaim, claim.UID); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		v, _, _ := r.play(ctx, 0, r.player())
		must(t, v, wire.Recovered)
		checkRestored(t, r)
		for _, a := range v.Step("restore/restore-volumes").Actions {
			if a.Key == "delete pvc/"+participantClaim {
				t.Error("a claim that is gone is deleted")
			}
		}
	})
}

func TestSomebodyElseIsThere(t *testing.T) {
	deleteSnapshot := func(r *rig, which int) {
		ctx, cluster := r.t.Context(), r.cluster()
		all, err := cluster.Snapshots(ctx, namespace)
		if err != nil {
			r.t.Fatal(err)
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodDelete, "http://127.0.0.1:1/apis/snapshot.storage.k8s.io/v1/namespaces/"+namespace+"/volumesnapshots/"+all[which].Name, nil)
		if err != nil {
			r.t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+credential)
		client := http.Client{Transport: &http.Transport{DialContext: r.dial, DisableKeepAlives: true}}
		answer, err := client.Do(request)
		if err != nil || answer.StatusCode >= 300 {
			r.t.Fatal(answer, err)
		}
		answer.Body.Close()
		time.Sleep(time.Minute)
	}
	chosen := func(r *rig) int { // index of the participant's snapshot in the chosen run
		all, _ := r.cluster().Snapshots(r.t.Context(), namespace)
		return slices.IndexFunc(all, func(s kube.Snapshot) bool {
			return s.SourceClaim == participantClaim && strings.HasSuffix(s.Name, runID(r.began, 5*time.Hour))
		})
	}
	t.Run("a snapshot is deleted between the confirmation and the sending", func(t *testing.T) {
		inWorld(t, nil, func(t *testing.T, r *rig) {
			v, _, _ := r.play(t.Context(), 0, r.told(told{
				"restore/restore-volumes.confirm": {func() { deleteSnapshot(r, chosen(r)) }},
				"restore/restore-volumes.remedy":  {wire.ChoiceAbort}}))
			must(t, v, wire.Failed)
			for _, w := range sent(r) {
				if w.Resource == "persistentvolumeclaims" {
					t.Errorf("%s %s arrived", w.Verb, w.Name)
				}
			}
			checkDamaged(t, r)
		})
	})
	t.Run("a database is scaled up while claims are being replaced", func(t *testing.T) {
		inWorld(t, nil, func(t *testing.T, r *rig) {
			// The second claim cannot be deleted at first; meanwhile somebody starts the third one's database.
			r.wire.refuse = func(verb, path string) bool { return verb == "DELETE" && strings.Contains(path, participantClaim) }
			deleted, met := 0, false
			v, _, _ := r.play(t.Context(), 0, r.told(told{"restore/restore-volumes.remedy": {func() string {
				r.wire.mu.Lock()
				r.wire.refuse = nil
				r.wire.mu.Unlock()
				r.scale(kube.StatefulSet, "mediator-pg", 0, 1)
				time.Sleep(time.Minute)
				deleted = count(r, "delete")
				return wire.ChoiceRetry
			}, func() string {
				met = true
				if n := count(r, "delete"); n != deleted {
					t.Errorf("%d claims were deleted while a database ran", n-deleted)
				}
				r.scale(kube.StatefulSet, "mediator-pg", 1, 0)
				time.Sleep(time.Minute)
				return wire.ChoiceRetry
			}}}))
			must(t, v, wire.Recovered)
			if !met {
				t.Error("the running database was not noticed")
			}
			checkRestored(t, r)
		})
	})
	t.Run("a volume is set back to Delete while claims are being replaced", func(t *testing.T) {
		inWorld(t, nil, func(t *testing.T, r *rig) {
			var volume kube.Volume
			policy := func(from, to string) {
				if err := r.cluster().Hands(kube.AccessPatchVolume(volume.Name), false).SetReclaimPolicy(t.Context(), volume.Name, volume.UID, from, to); err != nil {
					t.Error(err)
				}
			}
			once, met := false, false
			r.wire.before = func(verb, path string) { // just when the first claim is created again
				if verb != "POST" || !strings.HasSuffix(path, "/persistentvolumeclaims") || once {
					return
				}
				once = true
				claim, _, _ := r.cluster().Claim(t.Context(), namespace, "pg-data-sequencer-pg-0")
				volume, _, _ = r.cluster().Volume(t.Context(), claim.Volume)
				policy(kube.Retain, kube.Delete)
			}
			v, _, _ := r.play(t.Context(), 0, r.told(told{"restore/restore-volumes.remedy": {func() string {
				met = true
				policy(kube.Delete, kube.Retain)
				return wire.ChoiceRetry
			}}}))
			must(t, v, wire.Recovered)
			if !met {
				t.Error("the policy was not noticed")
			}
			if now, found, _ := r.cluster().Volume(t.Context(), volume.Name); !found || now.UID != volume.UID {
				t.Error("the old volume is gone")
			}
		})
	})
}

func count(r *rig, verb string) int {
	n := 0
	for _, w := range sent(r) {
		if w.Verb == verb && w.Code < 300 {
			n++
		}
	}
	return n
}

// patient is an operator who tries again, and otherwise does what is right.
func patient(r *rig) operator {
	good := r.player()
	return func(ctx context.Context, v wire.View, q wire.Question) (wire.Answer, bool) {
		if asksRoom(q) || asksSecrets(q) {
			return good(ctx, v, q)
		}
		if strings.HasSuffix(q.Name, ".login") {
			return r.logsIn(), true
		}
		if q.Kind == wire.AskRemedy && q.Default == "" || q.Kind == wire.AskRemedy && q.Default == wire.ChoiceAbort {
			time.Sleep(time.Minute)
			return wire.Answer{Choice: wire.ChoiceRetry}, true
		}
		return good(ctx, v, q)
	}
}

func TestTroubleWithTheAPI(t *testing.T) {
	for name, knobs := range map[string]func(k *sim.Knobs){
		"away for five minutes in the middle": func(k *sim.Knobs) {
			k.Outages = []sim.Outage{{From: *sim.D(20 * time.Second), Until: *sim.D(5*time.Minute + 20*time.Second)}}
		},
		"slow":      func(k *sim.Knobs) { k.Latency = sim.D(400 * time.Millisecond) },
		"throttled": func(k *sim.Knobs) { k.Faults = []sim.Fault{{Code: 429, Retry: 2, Skip: 150, Count: 6}} },
		"every write's answer is lost": func(k *sim.Knobs) {
			for _, verb := range []string{"update", "patch", "delete", "create"} {
				k.Faults = append(k.Faults, sim.Fault{Verb: verb, Resource: "persistentvolumeclaims", Do: "close", After: true, Count: 3},
					sim.Fault{Verb: verb, Resource: "persistentvolumes", Do: "close", After: true, Count: 3},
					sim.Fault{Verb: verb, Resource: "deployments/scale", Do: "close", After: true, Count: 3})
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inWorld(t, func(o *sim.NodeOptions, w *sim.Scenario) {
				if w != nil {
					knobs(&w.Knobs)
				}
			}, func(t *testing.T, r *rig) {
				v, _, _ := r.play(t.Context(), 0, patient(r))
				must(t, v, wire.Recovered)
				checkRestored(t, r)
				checkShown(t, r)
			})
		})
	}
}

// The later run removes only what a restore has marked, what is released, and what is of this namespace.
func TestReleaseOldVolumes(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, r *rig) {
		ctx := t.Context()
		v, _, _ := r.play(ctx, 0, r.player())
		must(t, v, wire.Recovered)
		cluster := r.cluster()
		volumes, err := cluster.Volumes(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var kept []kube.Volume
		for _, v := range volumes {
			if v.Annotations[action.KeptBy] != "" {
				kept = append(kept, v)
			}
		}
		if len(kept) != 5 {
			t.Fatalf("%d volumes are kept", len(kept))
		}
		// One loses its mark: it is somebody's now, and must stay.
		object := kube.Access{Resource: "persistentvolumes", Name: kept[0].Name}
		run := kept[0].Annotations[action.KeptBy]
		if err := cluster.Hands(kube.AccessMark(object), false).Annotate(ctx, object, kept[0].UID, kube.Mark{Key: action.KeptBy, From: &run}); err != nil {
			t.Fatal(err)
		}
		r.journal = nil
		past := len(r.world.Writes())
		v, _, _ = r.release(ctx, 0, r.player())
		must(t, v, wire.Recovered)
		left := map[string]bool{}
		after, _ := cluster.Volumes(ctx)
		for _, v := range after {
			left[v.Name] = true
		}
		for i, k := range kept {
			if left[k.Name] != (i == 0) {
				t.Errorf("%s (marked: %v) is left: %v", k.Name, i > 0, left[k.Name])
			}
		}
		if len(after) != len(volumes)-4 {
			t.Errorf("%d volumes before, %d after", len(volumes), len(after))
		}
		for _, w := range r.world.Writes()[past:] {
			if opens(w) || w.Resource == "leases" {
				continue
			}
			if w.Resource != "persistentvolumes" || w.Verb != "patch" {
				t.Errorf("%s %s %s", w.Verb, w.Resource, w.Name)
			}
		}
		checkRestored(t, r)
		// Nothing is left to release.
		r.journal = nil
		v, _, _ = r.release(ctx, 0, r.player())
		must(t, v, wire.Recovered)
	})
}

// A database that deletes its claims when it is scaled down would lose its data before anything of it is kept.
func TestADatabaseThatDeletesItsClaims(t *testing.T) {
	inWorld(t, func(_ *sim.NodeOptions, w *sim.Scenario) {
		if w != nil {
			w.Objects = strings.ReplaceAll(w.Objects, `"volumeClaimTemplates":`, `"persistentVolumeClaimRetentionPolicy":{"whenScaled":"Delete","whenDeleted":"Retain"},"volumeClaimTemplates":`)
		}
	}, func(t *testing.T, r *rig) {
		v, _, _ := r.play(t.Context(), 0, r.told(told{"restore/preflight.remedy": {wire.ChoiceAbort}}))
		must(t, v, wire.Refused)
		checkSaid(t, v, "deletes its claims when it is scaled down")
		if all := sent(r); len(all) > 0 {
			t.Errorf("sent %v", all)
		}
	})
}
