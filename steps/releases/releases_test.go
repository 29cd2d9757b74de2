package releases

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/wire"
)

var site = Site{Where: kube.Where{Context: "prod"}, Run: "r-1"}

func migrate(r *rig) Want {
	return Want{Release: "sv", What: "migration ID 4", Source: Source{Place: r.charts},
		Edit: Edit{Set: map[string]any{"migration.id": "4", "migration.migrating": true}, Add: map[string][]any{"additionalEnvVars": {map[string]any{"name": "NEW", "value": "1"}}}}}
}

const (
	svBefore = "MIGRATION_ID=3 DB_PASSWORD=hunter2 PGPASSWORD=secret apps-pg-secret/postgresPassword MINE=kept"
	svAfter  = "MIGRATION_ID=4 DB_PASSWORD=hunter2 PGPASSWORD=secret apps-pg-secret/postgresPassword MINE=kept NEW=1 ADDITIONAL_CONFIG_SV_ONBOARDING=canton.sv-apps.sv.onboarding.type = domain-migration"
)

func same(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n%s\nwant:\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestUpgradeOfItself(t *testing.T) {
	r := newRig(t)
	d := r.derive(migrate(r))
	same(t, "values", d.Values, "additionalEnvVars[NEW]: (not set) -> 1", "migration.id: 3 -> 4", "migration.migrating: (not set) -> true")
	same(t, "objects", d.Objects, "Deployment/sv-app env MIGRATION_ID: 3 -> 4", "Deployment/sv-app env NEW: (not set) -> 1",
		"Deployment/sv-app env ADDITIONAL_CONFIG_SV_ONBOARDING: (not set) -> canton.sv-apps.sv.onboarding.type = domain-migration")
	same(t, "unlike", d.Unlike)
	if d.Chart != "splice-sv-node" || d.Version != "0.6.1" || d.Upgrade.From != 1 || len(d.Workloads) != 1 || d.Digest == "" {
		t.Errorf("%+v", d)
	}
	text, err := json.Marshal(d)
	r.ok(err)
	if strings.Contains(string(text), "hunter2") {
		t.Error("a password is in what is journaled")
	}
	var again Derived
	r.ok(json.Unmarshal(text, &again)) // another process
	actions := again.Actions(site)
	if len(actions) != 2 {
		t.Fatalf("%d actions", len(actions))
	}
	show := actions[1].Show()
	if !strings.Contains(show.After, "env MIGRATION_ID: 3 -> 4") || strings.Contains(show.After, "hunter2") ||
		!strings.HasPrefix(show.Commands[0], "helm --kube-context prod -n sv upgrade sv ") {
		t.Errorf("%+v", show)
	}
	if found, err := actions[1].Trial(t.Context(), r.hands(actions[1], true)); err != nil || len(found) != 1 || found[0].Verdict != wire.Holds {
		t.Fatalf("%v, %v", found, err)
	}
	if r.env("sv-app") != svBefore || r.state(actions[1]) != wire.ActionPending {
		t.Fatal("the trial changed something")
	}
	for _, a := range actions {
		r.ok(r.do(a))
		if r.state(a) != wire.ActionDone {
			t.Errorf("%s is not done", a.Key())
		}
	}
	if got := r.env("sv-app"); got != svAfter {
		t.Error(got)
	}
	if s := r.running("sv"); s.Revision != 2 || s.Newest != 2 || s.Settings().Text("extra.of") != "another file" || s.Settings().Text("migration.id") != "4" ||
		s.Description != "svrescue run r-1: upgraded for migration ID 4" {
		t.Errorf("%+v", s.Release)
	}
	patch := string(r.files.files["releases/sv-values.yaml"])
	if !strings.Contains(patch, "migration:\n  id: \"4\"\n  migrating: true\n") || !strings.Contains(patch, "#   - name: NEW") || strings.Contains(patch, "hunter2") {
		t.Error(patch)
	}
	undo, why := again.Undo(site)
	if why != "" || len(undo) != 1 {
		t.Fatal(why)
	}
	r.ok(r.do(undo[0]))
	if got := r.env("sv-app"); got != svBefore || r.state(undo[0]) != wire.ActionDone || r.state(actions[1]) != wire.ActionPending {
		t.Error(got)
	}
	r.ok(r.do(actions[1])) // once more, as it was shown
	if got := r.env("sv-app"); got != svAfter || r.state(actions[1]) != wire.ActionDone {
		t.Error(got)
	}
}

func TestOutOfTheRecord(t *testing.T) {
	r := newRig(t)
	want := migrate(r)
	want.Source = Source{}
	r.ok(os.RemoveAll(r.charts))
	d := r.derive(want)
	if d.Version != "0.6.1" || len(d.Unlike) != 0 {
		t.Errorf("%+v", d)
	}
	r.ok(r.do(d.Actions(site)[1]))
	if got := r.env("sv-app"); got != svAfter {
		t.Error(got)
	}
	want.Source.Version = "0.6.2"
	if _, err := Derive(t.Context(), r.world, r.running("sv"), want); !isProblem(err, "has 0.6.1") {
		t.Error(err)
	}
}

// TestRecordWithoutItsLibrary: a chart that is made of others, as those of Splice are, cannot be had out of a record, and it is said so.
func TestRecordWithoutItsLibrary(t *testing.T) {
	r := newRig(t)
	lib := filepath.Join(r.charts, "splice-sv-node-0.6.1")
	r.ok(os.WriteFile(filepath.Join(lib, "Chart.yaml"), []byte("apiVersion: v2\nname: splice-sv-node\nversion: 0.6.1\ndependencies: [{name: splice-util-lib, version: 0.6.1, repository: \"\"}]\n"), 0o600))
	r.ok(os.MkdirAll(filepath.Join(lib, "charts/splice-util-lib/templates"), 0o700))
	r.ok(os.WriteFile(filepath.Join(lib, "charts/splice-util-lib/Chart.yaml"), []byte("apiVersion: v2\nname: splice-util-lib\nversion: 0.6.1\ntype: library\n"), 0o600))
	want := migrate(r)
	r.ok(r.do(r.derive(want).Actions(site)[1]))
	want.Source = Source{}
	_, err := Derive(t.Context(), r.world, r.running("sv"), want)
	if !isProblem(err, "the chart in Helm's record lacks charts that it is made of: splice-util-lib 0.6.1") {
		t.Error(err)
	}
	want.Source = Source{Place: r.charts}
	if d := r.derive(want); len(d.Unlike) != 0 {
		t.Errorf("%v", d.Unlike)
	}
}

func isProblem(err error, seen string) bool {
	var p *steps.Problem
	return errors.As(err, &p) && strings.Contains(p.Seen, seen)
}

func TestBeside(t *testing.T) {
	r := newRig(t)
	want := Want{Release: "global-domain-3", As: "global-domain-4", What: "migration ID 4",
		Edit: Edit{Set: map[string]any{"sequencer.persistence.databaseName": "sequencer_4"}}}
	d := r.derive(want)
	same(t, "values", d.Values, "sequencer.persistence.databaseName: sequencer_3 -> sequencer_4")
	same(t, "objects", d.Objects, "Service/global-domain-4-sequencer: is made as Service/global-domain-3-sequencer is, under its own name",
		"Deployment/global-domain-4-sequencer env DATABASE: sequencer_3 -> sequencer_4")
	actions := d.Actions(site)
	install, ok := actions[1].(action.InstallRelease)
	if !ok || len(install.Show().Commands) != 2 || !strings.HasSuffix(install.Show().Commands[0], "get values global-domain-3 -o yaml > global-domain-3-values.yaml") {
		t.Fatalf("%+v", actions[1].Show())
	}
	r.ok(r.do(actions[1]))
	if got := r.env("global-domain-4-sequencer"); got != "DATABASE=sequencer_4 RETAIN=5.04e+06" { // as Helm itself writes a big number
		t.Error(got)
	}
	if got := r.env("global-domain-3-sequencer"); got != "DATABASE=sequencer_3 RETAIN=5.04e+06" {
		t.Error(got)
	}
	if s := r.running("global-domain-4"); s.Revision != 1 || s.Chart != "splice-global-domain" {
		t.Errorf("%+v", s.Release)
	}
	undo, _ := d.Undo(site)
	r.ok(r.do(undo[0]))
	if got := r.env("global-domain-4-sequencer"); got != "not there" {
		t.Error(got)
	}
}

// TestNotWhatWasShown: what is applied is what was shown, or nothing.
func TestNotWhatWasShown(t *testing.T) {
	r := newRig(t)
	d := r.derive(migrate(r))
	r.chart("splice-sv-node", "0.6.1", strings.Replace(svTemplate, "image: sv", "image: evil", 1))
	a := d.Actions(site)[1]
	if err := r.do(a); !isProblem(err, "it is not what was shown") || r.env("sv-app") != svBefore {
		t.Error(err)
	}
	if d := r.derive(migrate(r)); !slices.Equal(d.Unlike, []string{"Deployment/sv-app"}) {
		t.Errorf("%v", d.Unlike)
	}
}

func TestSomebodyElse(t *testing.T) {
	r := newRig(t)
	d := r.derive(migrate(r))
	theirs := r.derive(Want{Release: "sv", Source: Source{Place: r.charts}, Edit: Edit{Set: map[string]any{"migration.id": "9"}}})
	r.ok(r.do(theirs.Actions(Site{Run: "r-2"})[1]))
	a := d.Actions(site)[1]
	if err := r.do(a); !isProblem(err, "somebody else has changed release sv") || !strings.HasPrefix(r.env("sv-app"), "MIGRATION_ID=9") {
		t.Errorf("%v, %s", err, r.env("sv-app"))
	}
}

// TestPending: what was interrupted is told, cannot be upgraded, and is marked as failed where somebody says so.
func TestPending(t *testing.T) {
	r := newRig(t)
	theirs := r.derive(Want{Release: "sv", Source: Source{Place: r.charts}, Edit: Edit{Set: map[string]any{"migration.id": "9"}}})
	r.ends = func(q *http.Request) (bool, bool) { return q.Method == http.MethodPatch, true }
	if err := r.do(theirs.Actions(Site{Run: "r-2"})[1]); err == nil {
		t.Fatal("the cut was not noticed")
	}
	r.ends = nil
	all, err := InForce(t.Context(), r.world, "sv")
	r.ok(err)
	found := PendingFindings(site.Where, all)
	if len(found) != 1 || found[0].Verdict != wire.Violated || !strings.Contains(found[0].Text, "revision 2 of release sv is pending-upgrade, begun by") || !strings.Contains(found[0].Next, "helm rollback sv 1") {
		t.Fatalf("%+v", found)
	}
	if err := Settled(site, all, "global-domain-3"); err != nil {
		t.Error(err)
	}
	err = Settled(site, all, "sv")
	remedies := Remedies(err)
	if err == nil || len(remedies) != 2 || len(remedies[1].Actions) != 1 {
		t.Fatalf("%v, %+v", err, remedies)
	}
	if f := steps.FailureOf("x", err); !strings.Contains(f.Next, "Ask who works on sv") {
		t.Errorf("%+v", f)
	}
	sv, err := Named(all, "sv")
	r.ok(err)
	if sv.Revision != 1 || sv.Newest != 2 {
		t.Errorf("%+v", sv)
	}
	var unfinished *Unfinished
	if _, err := Derive(t.Context(), r.world, sv, migrate(r)); !errors.As(err, &unfinished) {
		t.Errorf("it was derived from one that is pending: %v", err)
	}
	mark := remedies[1].Actions[0]
	if found, err := mark.Trial(t.Context(), r.hands(mark, true)); err != nil || len(found) != 1 || r.state(mark) != wire.ActionPending {
		t.Fatal(err)
	}
	r.ok(r.do(mark))
	if r.state(mark) != wire.ActionDone {
		t.Error("it is not marked")
	}
	d := r.derive(migrate(r)) // from revision 1, as revision 3, over what the interrupted one has left
	if d.Upgrade.From != 1 || d.Upgrade.Newest != 2 {
		t.Errorf("%+v", d.Upgrade)
	}
	same(t, "objects", d.Objects[:1], "Deployment/sv-app env MIGRATION_ID: 9 -> 4")
	r.ok(r.do(d.Actions(site)[1]))
	if s := r.running("sv"); s.Revision != 3 || r.env("sv-app") != svAfter {
		t.Errorf("%+v, %s", s.Release, r.env("sv-app"))
	}
}

func TestManaged(t *testing.T) {
	r := newRig(t)
	object := kube.Place{Group: "apps", Version: "v1", Resource: "deployments", Namespaced: true}.Access("get", "sv", "sv-app")
	label := func(key, value string) {
		t.Helper()
		w, _, err := r.world.Kube.Workload(t.Context(), kube.Deployment, "sv", "sv-app")
		r.ok(err)
		r.ok(r.world.Kube.Hands(kube.AccessMark(object), false).Label(t.Context(), object, w.UID, kube.Mark{Key: key, To: &value}))
	}
	label("helm.toolkit.fluxcd.io/name", "sv")
	label("helm.toolkit.fluxcd.io/namespace", "flux-system")
	m, err := ManagerOf(t.Context(), r.world, kube.Deployment, "sv", "sv-app")
	if err != nil || m == nil || m.String() != "HelmRelease flux-system/sv" {
		t.Fatalf("%v, %v", m, err)
	}
	d := r.derive(migrate(r))
	actions := d.Actions(site)
	r.ok(r.do(actions[0]))
	wait := actions[1]
	if len(wait.Refs()) != 0 || r.state(wait) != wire.ActionPending || !strings.Contains(wait.Show().After, "artifacts/releases/sv-values.yaml") {
		t.Fatalf("%+v", wait.Show())
	}
	if _, why := d.Undo(site); !strings.Contains(why, "take the commit back") {
		t.Error(why)
	}
	d.Managed = nil // Flux applies what was committed: by Helm, in its own name
	r.ok(r.do(d.Actions(Site{Run: "flux"})[1]))
	if r.state(wait) != wire.ActionDone {
		_, e, _ := wait.Probe(t.Context(), r.world)
		t.Errorf("%+v", e)
	}
}

func TestOfRepository(t *testing.T) {
	r := newRig(t)
	d, err := OfRepository("sv", "splice-sv-node", Manager{"Application", "argocd/sv"}, Want{Release: "sv", Edit: Edit{Set: map[string]any{"migration.id": "4"}, Drop: []string{"migration.legacyId"}}},
		[]Expected{{Kind: kube.Deployment, Name: "sv-app", Env: "MIGRATION_ID", Value: "4"}, {Kind: kube.Deployment, Name: "sv-app", Env: "GONE", Absent: true}})
	r.ok(err)
	if !strings.Contains(d.Patch, "id: \"4\"") || !strings.Contains(d.Patch, "#   migration.legacyId") {
		t.Error(d.Patch)
	}
	wait := d.Actions(site)[1]
	if r.state(wait) != wire.ActionPending {
		t.Error("it is not waited for")
	}
	if _, err := d.Render(t.Context(), r.world); !isProblem(err, "Application argocd/sv") {
		t.Error(err)
	}
	other := r.derive(migrate(r))
	r.ok(r.do(other.Actions(site)[1]))
	if r.state(wait) != wire.ActionDone {
		t.Error("it is not seen")
	}
}

func TestFound(t *testing.T) {
	r := newRig(t)
	all, err := InForce(t.Context(), r.world, "sv")
	r.ok(err)
	if x, ok := Making(all, "Deployment", "global-domain-3-sequencer"); !ok || x.Name != "global-domain-3" {
		t.Errorf("%v", x.Release)
	}
	if _, ok := Making(all, "Deployment", "nothing"); ok {
		t.Error("found what is not there")
	}
	if _, err := Named(all, "scan"); !isProblem(err, "global-domain-3, sv") {
		t.Error(err)
	}
	objects, err := r.running("sv").Objects()
	r.ok(err)
	if e := Environment(objects); len(e) != 1 || e[0].Container != "sv-app" || e[0].Env[0].Value != "3" {
		t.Errorf("%+v", e)
	}
}
