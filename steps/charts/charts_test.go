package charts

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
)

type cluster struct{}

func (cluster) Offers(context.Context) (kube.Offers, error) {
	return kube.Offers{Version: "v1.35.4", Major: "1", Minor: "35", APIs: []string{"apps/v1", "v1"}}, nil
}

// saved lays values files, and charts of these names and versions that render a ConfigMap of the release.
func saved(t *testing.T, values map[string]string, charts ...string) Saved {
	t.Helper()
	s := Saved{Values: filepath.Join(t.TempDir(), "values"), Charts: filepath.Join(t.TempDir(), "charts"), Namespace: "sv"}
	write := func(folder, name, text string) {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(s.Values, "notes.txt", "not a values file")
	for name, text := range values {
		write(s.Values, name, text)
	}
	for _, c := range charts {
		name, version, _ := strings.Cut(c, " ")
		write(s.Charts, c+"/Chart.yaml", "apiVersion: v2\nname: "+name+"\nversion: "+version+"\n")
		write(s.Charts, c+"/templates/map.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}-map}\n")
	}
	return s
}

// describe is what Make made of it, a line for each release.
func describe(m Made) string {
	var lines []string
	for _, r := range m.Releases {
		line := r.Name + " " + r.Chart.String()
		for _, f := range r.Files {
			line += " " + filepath.Base(f)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// The bundle's names of files tell the releases; where they do not, the values that the documentation ties to a release do.
func TestBundle(t *testing.T) {
	s := saved(t, map[string]string{
		"postgres-values-apps.yaml": "", "postgres-values-participant.yaml": "a: 1",
		"cometbft-values.yaml":      "node: {identifier: global-domain-3-cometbft}",
		"global-domain-values.yaml": "sequencer: {driver: {type: cometbft}}",
		"participant-values.yaml":   "",
		"sv-values.yaml":            "participantAddress: participant-2\nsynchronizers: {current: {sequencerAddress: global-domain-3-sequencer}}",
		"approved-sv-id-values.yml": "", "ui-config-values.yaml": "",
		"scan-values.yaml":         "participantAddress: participant-2",
		"sv-validator-values.yaml": "svValidator: true", "validator-values.yaml": "",
		"global-domain-2-values.yaml": "",
	}, "splice-postgres 0.6.4", "splice-cometbft 0.6.4", "splice-global-domain 0.6.4", "splice-participant 0.6.4", "splice-sv-node 0.6.4", "splice-scan 0.6.3", "splice-validator 0.6.4", "unused 1.0.0")
	m, err := Make(t.Context(), cluster{}, s)
	if err != nil {
		t.Fatal(err)
	}
	want := `apps-pg splice-postgres 0.6.4 postgres-values-apps.yaml
global-domain-2 splice-global-domain 0.6.4 global-domain-2-values.yaml
global-domain-3 splice-global-domain 0.6.4 global-domain-values.yaml
global-domain-3-cometbft splice-cometbft 0.6.4 cometbft-values.yaml
participant-2 splice-participant 0.6.4 participant-values.yaml
participant-pg splice-postgres 0.6.4 postgres-values-participant.yaml
scan splice-scan 0.6.3 scan-values.yaml ui-config-values.yaml
sv splice-sv-node 0.6.4 sv-values.yaml approved-sv-id-values.yml ui-config-values.yaml
validator splice-validator 0.6.4 validator-values.yaml sv-validator-values.yaml ui-config-values.yaml`
	if got := describe(m); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	if v := m.Versions(); len(v) != 2 || !slices.Equal(v["0.6.3"], []string{"scan"}) {
		t.Errorf("%v", v)
	}
	if len(m.Helm) != 9 || m.Namespace != "sv" || m.Digest == "" {
		t.Errorf("%+v", m.Index)
	}
	again, err := Make(t.Context(), cluster{}, s)
	if err != nil || again.Digest != m.Digest {
		t.Errorf("the same files make another record: %v", err)
	}
	if x, err := m.Stored("sv"); err != nil || x.ChartVersion != "0.6.4" || x.Namespace != "sv" {
		t.Errorf("%+v, %v", x.Release, err)
	}
}

// A list beside the files is the only word where it is there.
func TestList(t *testing.T) {
	s := saved(t, map[string]string{
		ListFile:                  `{version: 1, releases: [{name: participant, chart: splice-participant, values: [participant-values.yaml, kms/aws.yaml]}, {name: db, chart: postgresql, chartVersion: 16.7.27}]}`,
		"participant-values.yaml": "kms: {type: none}", "kms/aws.yaml": "kms: {type: aws}", "sv-values.yaml": "",
	}, "splice-participant 0.6.4", "postgresql 16.7.27", "postgresql 16.0.0")
	m, err := Make(t.Context(), cluster{}, s)
	if err != nil {
		t.Fatal(err)
	}
	if got := describe(m); got != "db postgresql 16.7.27\nparticipant splice-participant 0.6.4 participant-values.yaml aws.yaml" {
		t.Error(got)
	}
	if x, err := m.Stored("participant"); err != nil || x.Values.Reveal() != "kms:\n  type: aws\n" {
		t.Errorf("%v: later files are not over earlier ones", err)
	}
	if !slices.Equal(m.Unused, []string{"sv-values.yaml"}) {
		t.Errorf("unused: %v", m.Unused)
	}
}

// Nothing is guessed: what is not told is refused, all of it in one sentence, and no value is in it.
func TestWhatIsNotTold(t *testing.T) {
	const one = "splice-sv-node 0.6.4"
	for name, c := range map[string]struct {
		values map[string]string
		charts []string
		want   []string
	}{
		"a file of no release": {map[string]string{"sv-values.yaml": "", "mine.yaml": "password: hunter2"}, []string{one},
			[]string{"mine.yaml has no name that tells its release", "{version: 1, releases: [{name: sv, chart: splice-sv-node, values: [sv-values.yaml]}, {name: RELEASE, chart: CHART, values: [mine.yaml]}]}"}},
		"a name that no value tells": {map[string]string{"participant-values.yaml": "", "sv-values.yaml": "participantAddress: participant.example.com"}, []string{one, "splice-participant 0.6.4"},
			[]string{"the release of participant-values.yaml is told by no values", "participantAddress in sv-values"}},
		"a name that values tell differently": {map[string]string{"participant-values.yaml": "", "sv-values.yaml": "participantAddress: participant", "scan-values.yaml": "participantAddress: participant-0"},
			[]string{one, "splice-participant 0.6.4", "splice-scan 0.6.4"}, []string{"told differently", "participantAddress in scan-values.yaml"}},
		"two files of one release":            {map[string]string{"postgres-values-apps.yaml": "", "apps-pg-values.yaml": ""}, []string{"splice-postgres 0.6.4"}, []string{"are both of release apps-pg"}},
		"two files of one name":               {map[string]string{"sv-values.yaml": "", "sv-values.yml": ""}, []string{one}, []string{"differ in their ending only"}},
		"two charts of databases":             {map[string]string{"apps-pg-values.yaml": ""}, []string{"splice-postgres 0.6.4", "postgresql 16.7.27"}, []string{"apps-pg-values.yaml is of one of postgresql 16.7.27, splice-postgres 0.6.4"}},
		"no chart for it":                     {map[string]string{"scan-values.yaml": ""}, []string{one}, []string{"scan-values.yaml needs the chart splice-scan, and the charts are splice-sv-node 0.6.4"}},
		"no charts":                           {map[string]string{"scan-values.yaml": ""}, nil, []string{"looking for charts in"}},
		"no values":                           {nil, []string{one}, []string{"there is none"}},
		"an example of the bundle":            {map[string]string{"sv-values.yaml": "x: https://sv.sv.YOUR_HOSTNAME/MIGRATION_ID"}, []string{one}, []string{"it still has MIGRATION_ID, YOUR_HOSTNAME in it"}},
		"no YAML":                             {map[string]string{"sv-values.yaml": "a:\n  - hunter2\n b: c"}, []string{one}, []string{"reading the values file sv-values.yaml", "line"}},
		"a list of another version":           {map[string]string{ListFile: "version: 2"}, []string{one}, []string{"of version 2 of the format"}},
		"a list with a typing error":          {map[string]string{ListFile: "version: 1\nrelease: []"}, []string{one}, []string{`unknown key "release"`}},
		"a list of nothing":                   {map[string]string{ListFile: "version: 1"}, []string{one}, []string{"it lists no release"}},
		"a list that names it twice":          {map[string]string{ListFile: "{version: 1, releases: [{name: sv, chart: splice-sv-node}, {name: sv, chart: splice-sv-node}]}"}, []string{one}, []string{"lists release sv twice"}},
		"a list of a file elsewhere":          {map[string]string{ListFile: "{version: 1, releases: [{name: sv, chart: splice-sv-node, values: [../x.yaml]}]}"}, []string{one}, []string{"not inside the folder"}},
		"a list of a file that is gone":       {map[string]string{ListFile: "{version: 1, releases: [{name: sv, chart: splice-sv-node, values: [x.yaml]}]}"}, []string{one}, []string{"reading the values file x.yaml", "no such file"}},
		"a list of a chart that is not there": {map[string]string{ListFile: "{version: 1, releases: [{name: sv, chart: splice-sv, values: []}]}"}, []string{one}, []string{"release sv needs the chart splice-sv"}},
		"a list that does not tell which":     {map[string]string{ListFile: "{version: 1, releases: [{name: sv, chart: splice-sv-node}]}"}, []string{one, "splice-sv-node 0.6.3"}, []string{"add chartVersion"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Make(t.Context(), cluster{}, saved(t, c.values, c.charts...))
			p, ok := errors.AsType[*steps.Problem](err)
			if !ok {
				t.Fatalf("%v", err)
			}
			said := p.Tried + ": " + p.Seen + ". " + p.Next
			for _, want := range c.want {
				if !strings.Contains(said, want) {
					t.Errorf("no %q in: %s", want, said)
				}
			}
			if strings.Contains(said, "hunter2") {
				t.Errorf("a value is told: %s", said)
			}
		})
	}
}

// What the refusal proposes is a list, once its gaps are filled.
func TestProposedList(t *testing.T) {
	l := list{Version: listVersion, Releases: []listed{{Name: "sv", Chart: "splice-sv-node", Values: []string{"a.yaml", "b.yaml"}}, {Name: "scan", Chart: "splice-scan"}}}
	got, err := parseList([]byte(l.text()))
	if err != nil || len(got.Releases) != 2 || !slices.Equal(got.Releases[0].Values, l.Releases[0].Values) || len(got.Releases[1].Values) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// A chart that cannot be used is told with the release that needs it, and keeps the cause.
func TestChartThatCannotBeUsed(t *testing.T) {
	s := saved(t, map[string]string{"sv-values.yaml": "password: hunter2"}, "splice-sv-node 0.6.4")
	if err := os.WriteFile(filepath.Join(s.Charts, "splice-sv-node 0.6.4", "templates", "x.yaml"), []byte("{{ required \"set the sponsor\" .Values.sponsor }}"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Make(t.Context(), cluster{}, s)
	if err == nil || !strings.Contains(err.Error(), "rendering release sv from") || !strings.Contains(err.Error(), "set the sponsor") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}
