package network

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/charts"
	"canton.example/svrescue/steps/releases"
	"canton.example/svrescue/steps/wire"
	"sigs.k8s.io/yaml"
)

// template is a stand-in for the charts of the apps: a Deployment whose environment tells what the values say.
func template(name, label string) string {
	return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ` + name + `
  namespace: sv
  labels: {app: ` + name + `}
spec:
  replicas: 1
  strategy: {type: Recreate}
  selector: {matchLabels: {app: ` + name + `}}
  template:
    metadata: {labels: {app: ` + name + `, migration: "{{ .Values.migration.id }}"}}
    spec:
      containers:
      - name: ` + label + `
        image: example/app:0.5.10
        env:
        - {name: PARTICIPANT, value: "{{ .Values.participantAddress }}"}
        - {name: LEGACY, value: "{{ .Values.migration.legacyId }}"}
        {{- if .Values.migration.migrating }}
        - {name: ADDITIONAL_CONFIG_SV_ONBOARDING, value: "canton.sv-apps.sv.onboarding { type = domain-migration }"}
        {{- end }}
`
}

// installed is Helm's record of a release that was made of the stand-in: its chart, its values, and what they make.
func installed(t *testing.T, name, chart, workload, values string) string {
	t.Helper()
	var config map[string]any
	if err := yaml.Unmarshal([]byte(values), &config); err != nil {
		t.Fatal(err)
	}
	text := template(workload, workload)
	id := fmt.Sprint(config["migration"].(map[string]any)["id"])
	manifest := strings.NewReplacer("{{ .Values.migration.id }}", id, "{{ .Values.migration.legacyId }}", "", "{{ .Values.participantAddress }}", config["participantAddress"].(string)).Replace(text)
	from, to := strings.Index(manifest, "        {{- if"), strings.Index(manifest, "{{- end }}")
	manifest = manifest[:from] + strings.TrimLeft(manifest[to+len("{{- end }}"):], "\n")
	encoded := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	body, err := json.Marshal(map[string]any{"name": name, "namespace": "sv", "version": 1, "config": config, "info": map[string]any{"status": "deployed", "last_deployed": "2026-01-01T00:00:00Z"},
		"manifest": "---\n# Source: " + chart + "/templates/app.yaml\n" + manifest,
		"chart": map[string]any{"metadata": map[string]any{"name": chart, "version": "0.5.10", "apiVersion": "v2"}, "values": map[string]any{"migration": map[string]any{"legacyId": ""}},
			"templates": []any{map[string]any{"name": "templates/app.yaml", "data": encoded(text)}}}})
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	if _, err := zip.Write(body); err != nil {
		t.Fatal(err)
	}
	zip.Close()
	return fmt.Sprintf("\n---\napiVersion: v1\nkind: Secret\ntype: helm.sh/release.v1\nmetadata:\n  name: sh.helm.release.v1.%s.v1\n  namespace: sv\n"+
		"  labels: {owner: helm, name: %s, status: deployed, version: \"1\"}\ndata: {release: %s}\n", name, name, encoded(base64.StdEncoding.EncodeToString(packed.Bytes())))
}

// deployed gives the rig releases of the stand-in charts, and a new synchronizer that runs.
func (r *rig) deployed(sv string) {
	r.t.Helper()
	objects := installed(r.t, "sv", "splice-sv-node", "sv-app", sv) +
		installed(r.t, "scan", "splice-scan", "scan-app", "participantAddress: participant-3\nsequencerAddress: global-domain-3-sequencer\nmediatorAddress: global-domain-3-mediator\nmigration: {id: 3}\n") +
		installed(r.t, "validator", "splice-validator", "validator-app", "participantAddress: participant-3\nsvValidator: true\nmigration: {id: 3}\n")
	for _, name := range []string{"participant-4", "global-domain-4-sequencer", "global-domain-4-mediator"} {
		objects += "\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " + name + ", namespace: sv}\nspec:\n  replicas: 1\n  selector: {matchLabels: {app: " + name + "}}\n" +
			"  template:\n    metadata: {labels: {app: " + name + "}}\n    spec: {containers: [{name: x, image: example/x:1}]}\n"
	}
	// The record of the rig's own that the releases take the place of.
	if err := r.sim.LoadScenario(sim.Scenario{Objects: objects}); err != nil {
		r.t.Fatal(err)
	}
	for _, name := range []string{"sv-app", "scan-app", "validator-app", "participant-4", "global-domain-4-sequencer", "global-domain-4-mediator"} {
		r.scale(name, 1, 1)
	}
}

// valued are the facts with the releases of the apps derived.
func (r *rig) valued(f Facts) (Facts, []wire.Finding) {
	r.t.Helper()
	f.Apps.Charts = fromRecord
	found, err := appValues().Verify(r.t.Context(), r.world, &f)
	if err != nil {
		r.t.Fatal(err)
	}
	return f, found
}

// run sends all actions of a step, one after the other, and proves it.
func (r *rig) run(s steps.Step[Facts], f *Facts) []wire.Finding {
	r.t.Helper()
	actions, err := s.Plan(*f)
	if err != nil {
		r.t.Fatal(err)
	}
	r.send(actions)
	found, err := s.Verify(r.t.Context(), r.world, f)
	if err != nil {
		r.t.Fatal(err)
	}
	return found
}

func (r *rig) send(actions []steps.Action) {
	r.t.Helper()
	for _, a := range actions {
		if err := a.Do(r.t.Context(), r.hands(a), func(wire.Progress) {}); err != nil {
			r.t.Fatalf("%s: %v", a.Key(), err)
		}
		if got := r.state(a); got != wire.ActionDone {
			r.t.Errorf("%s is %s", a.Key(), got)
		}
	}
}

// The apps are upgraded to the new synchronizer in order, what they become was shown, it can be taken back, and cleaned up later.
func TestTheAppsMigrateAndAreCleanedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		r.deployed(svValues)
		f := r.dumped(r.moved(r.settledFacts(time.Hour, 0)))
		r.run(uploadStep(), &f)
		f, found := r.valued(f)
		for _, x := range found {
			if x.Verdict == wire.Violated {
				t.Errorf("%+v", x)
			}
		}
		find(t, found, "arms")
		var shown []string
		for _, x := range found {
			for _, e := range x.Evidence {
				shown = append(shown, e.Seen)
			}
		}
		for _, want := range []string{"participant-3", "participant-4", "migration.migrating", "legacyId", svOnboarding} {
			if !strings.Contains(strings.Join(shown, "\n"), want) {
				t.Errorf("%s is not among what is shown:\n%s", want, strings.Join(shown, "\n"))
			}
		}
		check, err := migrate().Check(t.Context(), r.world, f)
		if err != nil || strings.Contains(said(check), "violated") {
			t.Fatalf("%v, %s", err, said(check))
		}
		actions, err := migrate().Plan(f)
		if err != nil {
			t.Fatal(err)
		}
		var upgrades []string
		for _, a := range actions {
			if a.Effect() == wire.Repeatable {
				upgrades = append(upgrades, a.Key())
			}
		}
		if got := strings.Join(slices.Compact(upgrades), ", "); !strings.HasPrefix(got, "upgrade release sv") || strings.Index(got, "scan") > strings.Index(got, "validator") {
			t.Errorf("in this order: %s", got)
		}
		if got := said(r.run(migrate(), &f)); got != "holds migrated, attention armed" || f.Migrated == nil {
			t.Errorf("it says %s", got)
		}
		env := r.env("sv-app")
		if env["PARTICIPANT"] != "participant-4" || env["LEGACY"] != "3" || !strings.Contains(env[svOnboarding], domainMigration) {
			t.Errorf("the environment is %v", env)
		}
		check, err = migrate().Check(t.Context(), r.world, f)
		if err != nil || strings.Contains(said(check), "violated") {
			t.Errorf("done, its check says %v, %s", err, said(check))
		}

		// Taken back, and done again.
		back, _ := migrate().Undo(f)
		r.send(back)
		if env := r.env("sv-app"); env["PARTICIPANT"] != "participant-3" || env[svOnboarding] != "" {
			t.Errorf("taken back, the environment is %v", env)
		}
		r.send(actions)

		// Days later.
		c := Facts{Run: "r-2", Namespace: "sv", Node: f.Node, Where: f.Where, Apps: Apps{Charts: fromRecord}, Cleaning: Cleaning{Decided: Decision{Who: "alice", Where: "the call", At: time.Now()}, Legacy: dropLegacy}}
		found, err = cleanUpDecided().Verify(t.Context(), r.world, &c)
		if err != nil || said(found) != "holds decided, attention armed-sv-app" {
			t.Errorf("%v, %s", err, said(found))
		}
		if found, err = cleanUpValues().Verify(t.Context(), r.world, &c); err != nil || len(c.Apps.Releases) != 1 {
			t.Fatalf("%v, %s", err, said(found))
		}
		if got := said(r.run(cleanUpUpgrade(), &c)); got != "holds disarmed" {
			t.Errorf("cleaned up: %s", got)
		}
		if env := r.env("sv-app"); env[svOnboarding] != "" || env["LEGACY"] != "" || env["PARTICIPANT"] != "participant-4" {
			t.Errorf("cleaned up, the environment is %v", env)
		}
		if found, err = cleanUpOld().Verify(t.Context(), r.world, &c); err != nil || said(found) != "holds old" {
			t.Errorf("%v, %s", err, said(found))
		}
	})
}

// env is the environment of a workload's first container.
func (r *rig) env(name string) map[string]string {
	r.t.Helper()
	now, there, err := r.world.Kube.Workload(r.t.Context(), "Deployment", "sv", name)
	if err != nil || !there {
		r.t.Fatalf("%v", err)
	}
	all := map[string]string{}
	for _, c := range now.Containers {
		for _, e := range c.Env {
			all[e.Name] = e.Value
		}
	}
	return all
}

// A founding SV is asked before its values are left out; what Helm has not ended stops it with a way out; what nothing of Helm's makes is said.
func TestWhatStandsInTheWayOfAnUpgrade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		r.deployed(svValues + "initialSynchronizerFeesConfig: {x: 1}\n")
		f := r.moved(r.settledFacts(time.Hour, 0))
		f.Apps.Charts = fromRecord
		open, err := appValues().Inputs(t.Context(), r.world, f)
		if err != nil || len(open) != 1 || open[0].Name != "founding" {
			t.Fatalf("%v, %+v", err, open)
		}
		if _, found := r.valued(f); find(t, found, "founding").Verdict != wire.Violated {
			t.Error("they are not refused")
		}
		if err := takeApps(&f, "founding", dropFounding); err != nil {
			t.Fatal(err)
		}
		g, found := r.valued(f)
		if strings.Contains(said(found), "founding") || len(g.Apps.Releases) != 3 || !slices.Contains(g.Apps.Releases[0].Want.Edit.Drop, foundingValues[0]) {
			t.Errorf("%s", said(found))
		}
		if len(releases.Remedies(&releases.Unfinished{})) == 0 || len(valuesRemedies(&releases.Unfinished{})) < 3 {
			t.Error("there is no way out of a revision that Helm has not ended")
		}
		n := *f.Node
		n.Components = slices.Clone(n.Components)
		for i := range n.Components {
			if n.Components[i].Ref.Name == "scan-app" {
				n.Components[i].Ref.Name = "info"
			}
		}
		f.Node = &n
		if _, found = r.valued(f); find(t, found, "release-scan-app").Verdict != wire.Violated {
			t.Errorf("%s", said(found))
		}
	})
}

// Where the charts of the new synchronizer came from is proposed for those of the apps.
func TestChartsAreProposedAgain(t *testing.T) {
	for want, f := range map[string]Facts{
		"/charts":       {Deploy: Deploying{Charts: "/charts"}, Hints: Hints{Charts: "record"}},
		"record":        {Hints: Hints{Charts: "record"}},
		charts.Registry: {},
	} {
		if got := chartsQuestion(f, "0.5.10").Default; got != want {
			t.Errorf("%s is proposed, and not %s", got, want)
		}
	}
}
