package restore

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps/charts"
	"canton.example/svrescue/steps/node"
	records "canton.example/svrescue/steps/record"
	"canton.example/svrescue/steps/wire"
)

// A Secret must have the keys that pods name and those that it had; where the record does not know it, those of the documentation.
func TestKeysOfASecret(t *testing.T) {
	known := records.Index{Secrets: []kube.SecretShape{{Name: "splice-app-sv-key", Keys: []string{"private", "public"}}}}
	for _, c := range []struct {
		need  kube.Needed
		index records.Index
		want  string
	}{
		{kube.Needed{Name: "cometbft-keys", Whole: true}, known, "node_key.json priv_validator_key.json"},
		{kube.Needed{Name: "splice-app-sv-key", Whole: true}, known, "private public"},
		{kube.Needed{Name: "participant-pg-secret", Keys: []string{"postgresPassword"}}, known, "postgresPassword"},
		{kube.Needed{Name: "splice-app-sv-ledger-api-auth", Keys: []string{"client-id"}}, known, "audience client-id client-secret ledger-api-user url"},
		{kube.Needed{Name: "other", Keys: []string{"a"}}, known, "a"},
	} {
		keys := keysOf(LostNeed{Needed: c.need}, c.index)
		slices.Sort(keys)
		if got := strings.Join(keys, " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.need.Name, got, c.want)
		}
	}
}

// A folder with values files is taken for saved values; what a folder is not is said, with what can be done.
func TestFoldersOfALostNode(t *testing.T) {
	empty, values, record := t.TempDir(), t.TempDir(), t.TempDir()
	for path, text := range map[string]string{filepath.Join(values, "sv-values.yaml"): "", filepath.Join(record, "index.json"): "{}", filepath.Join(record, "helm", "sv-values.yaml"): ""} {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ ask, answer, want string }{
		{"record", empty, "there is no record in"}, {"record", filepath.Join(empty, "gone"), "there is no record in"},
		{"record", record, "cannot be used"}, {"record", filepath.Join(record, "helm"), "is inside a record, which tells more than the values alone: name " + record},
		{"charts", empty, "helm pull oci://ghcr.io/digital-asset/decentralized-canton-sync/helm/splice-sv-node --version VERSION"}, {"charts", filepath.Join(empty, "gone"), "no such file"},
		{"namespace", "", "no name of a namespace"}, {"namespace", "a.b", "no name of a namespace"},
	} {
		f := Facts{Lost: &LostNode{Hint: "h"}}
		if err := takeLost(&f, c.ask, c.answer); err == nil || !strings.Contains(err.Error(), c.want) || f.Lost.Folder+f.Lost.Values+f.Lost.Charts+f.Wanted != "" {
			t.Errorf("%s %s: %v", c.ask, c.answer, err)
		}
	}
	f := Facts{Lost: &LostNode{Hint: "h", ChartsHint: "c"}}
	before := *f.Lost
	lost := f.Lost
	if err := takeLost(&f, "record", values); err != nil || f.Lost.Values != values || f.Lost.Folder != "" || lost.Values != before.Values {
		t.Errorf("%+v, %v", f.Lost, err)
	}
	if q := sourceQuestions(f); len(q) != 1 || q[0].Name != "charts" || q[0].Default != "c" {
		t.Errorf("%+v", q)
	}
	f.Lost.Charts = "c"
	if q := sourceQuestions(f); len(q) != 1 || q[0].Name != "namespace" {
		t.Errorf("%+v", q)
	}
	f.Wanted = "sv"
	if q := sourceQuestions(f); len(q) != 0 {
		t.Errorf("%+v", q)
	}
}

// Databases come first, then the synchronizer, the participant and the apps; what makes none of the node's parts comes last.
func TestInstallOrder(t *testing.T) {
	var n node.Node
	var releases []LostRelease
	for _, c := range []struct {
		release string
		part    node.Part
	}{{"ingress", ""}, {"info", node.Info}, {"validator", node.Validator}, {"scan", node.ScanApp}, {"sv", node.SVApp}, {"participant", node.Participant},
		{"domain", node.Mediator}, {"domain-cometbft", node.CometBFT}, {"b-pg", node.Postgres}, {"a-pg", node.Postgres}} {
		r := LostRelease{Name: c.release}
		if c.part != "" {
			r.Parts = []release.Part{{Kind: kube.Deployment, Namespace: "sv", Name: c.release}}
			n.Components = append(n.Components, node.Component{Part: c.part, Ref: kube.WorkloadRef{Kind: kube.Deployment, Namespace: "sv", Name: c.release}})
		}
		releases = append(releases, r)
	}
	inInstallOrder(releases, n)
	var names []string
	for _, r := range releases {
		names = append(names, r.Name)
	}
	if got := strings.Join(names, " "); got != "a-pg b-pg domain-cometbft domain participant sv scan validator info ingress" {
		t.Error(got)
	}
}

// What cannot be known from values is said; charts of several versions, and what a chart asked of the cluster, hold the run up.
func TestWhatValuesDoNotTell(t *testing.T) {
	l := LostNode{Values: "/v", Charts: "/c"}
	chart := func(name, version string) release.Chart { return release.Chart{Name: name, Version: version} }
	m := charts.Made{Releases: []charts.Release{{Name: "sv", Chart: chart("splice-sv-node", "0.6.4")}, {Name: "pg", Chart: chart("postgresql", "16.7.27")}},
		Rendered: []release.Rendered{{}, {Asked: []string{"v1 Secret sv/pg"}, Askers: []string{"postgresql/templates/secret.yaml"}}}, Unused: []string{"old.yaml"}}
	verdicts := func(m charts.Made) map[string]wire.Finding {
		all := map[string]wire.Finding{}
		for _, f := range ofValues(m, l) {
			all[f.ID] = f
		}
		return all
	}
	found := verdicts(m)
	if f := found["chart-version"]; f.Verdict != wire.Attention || f.Text != "the charts are of version 0.6.4 (sv)" {
		t.Errorf("%+v", f)
	}
	if f := found["lookup-pg"]; f.Verdict != wire.Undetermined || f.Waive == "" || !strings.Contains(f.Text, "v1 Secret sv/pg") || !strings.Contains(f.Text, "lookup in postgresql/templates/secret.yaml") {
		t.Errorf("%+v", f)
	}
	if f := found["unlisted"]; !strings.Contains(f.Text, "old.yaml") {
		t.Errorf("%+v", f)
	}
	m.Releases = append(m.Releases, charts.Release{Name: "scan", Chart: chart("splice-scan", "0.6.3")})
	m.Rendered = append(m.Rendered, release.Rendered{})
	if f := verdicts(m)["chart-version"]; f.Verdict != wire.Undetermined || f.Waive == "" || f.Text != "the charts are of several versions: 0.6.3 (scan), 0.6.4 (sv)" {
		t.Errorf("%+v", f)
	}
	if found := ofValues(m, LostNode{Folder: "/r"}); found != nil {
		t.Errorf("of a record: %+v", found)
	}
}
