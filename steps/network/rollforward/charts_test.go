package rollforward

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/assets"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps/charts"
)

// The stand-in charts are Deployments with the variables that the rehearsals' charts have.

const labelled = `metadata:
  name: {{ .name }}
  labels: {app: {{ .name }}, app.kubernetes.io/instance: {{ .r.Release.Name }}, app.kubernetes.io/managed-by: Helm, helm.sh/chart: {{ .r.Chart.Name }}-{{ .r.Chart.Version }}, splice-component: {{ .component }}}
spec:
  replicas: 1
  strategy: {type: Recreate}
  selector: {matchLabels: {app: {{ .name }}}}
  template:
    metadata:
      labels: {app: {{ .name }}, app.kubernetes.io/instance: {{ .r.Release.Name }}, splice-component: {{ .component }}}
    spec:
      containers:
      - name: {{ .container }}
        image: registry.example.com/{{ .container }}:{{ .r.Chart.Version }}
        env:
        - {name: JUST_TO_HAVE_ONE, value: "1"}`

// chartOf is a chart of one Deployment, with the variables of the rehearsals.
func chartOf(chart, name, component, container string) string {
	return "apiVersion: apps/v1\nkind: Deployment\n{{ include \"d\" (dict \"name\" " + name + " \"component\" \"" + component + "\" \"container\" \"" + container + "\" \"r\" .) }}\n" +
		assets.ChartVariables(chart)
}

// changed is a text with another one in it, which has to be there.
func changed(text, old, with string) string {
	if !strings.Contains(text, old) {
		panic("the chart has no " + old)
	}
	return strings.Replace(text, old, with, 1)
}

// svChart: the key wins over rollForwardLsu, as upstream's does; with trap false it is the other way round.
func svChart(trap bool) string {
	text := chartOf("splice-sv-node", `"sv-app"`, "", "sv-app")
	if !trap {
		text = changed(text, "if .Values.joinWithKeyOnboarding }}", "if and .Values.joinWithKeyOnboarding (not .Values.rollForwardLsu) }}")
	}
	return text
}

// domainChart: of is the path of the list of variables that reach the sequencer.
func domainChart(of string) string {
	const database = "        - {name: CANTON_%s_POSTGRES_DB, value: {{ .Values.%s.persistence.databaseName | quote }}}\n"
	return changed(chartOf("splice-global-domain", `(printf "%s-sequencer" .Release.Name)`, "sequencer", "sequencer"), ".Values.sequencer.additionalEnvVars", ".Values."+of) +
		fmt.Sprintf(database, "SEQUENCER", "sequencer") + "---\n" +
		chartOf("", `(printf "%s-mediator" .Release.Name)`, "mediator", "mediator") + fmt.Sprintf(database, "MEDIATOR", "mediator")
}

const (
	svValues = `onboardingName: Acme-SV
joinWithKeyOnboarding: {sponsorApiUrl: "https://sv.sv-2.example.com"}
decentralizedSynchronizerUrl: "https://sequencer-4.sv-2.example.com"
password: hunter2
synchronizers:
  skipInitialization: true
  current:
    sequencerAddress: global-domain-4-sequencer
    mediatorAddress: global-domain-4-mediator
    sequencerPublicUrl: "https://sequencer-4.sv.example.com"
    cometBFT: {enabled: true, connectionUri: "http://global-domain-4-cometbft-cometbft-rpc:26657"}
`
	scanValues   = "synchronizers:\n  current: {sequencer: global-domain-4-sequencer, mediator: global-domain-4-mediator}\n"
	domainValues = "sequencer:\n  persistence: {databaseName: sequencer_4}\n  driver: {type: cometbft, host: global-domain-4-cometbft-cometbft-rpc, port: 26657}\nmediator: {persistence: {databaseName: mediator_4}}\n"
	cometValues  = "node: {identifier: global-domain-4-cometbft, externalAddress: \"global-domain-4-cometbft.sv.example.com:26456\"}\nsv1: {externalAddress: \"cometbft.example.com:26416\"}\ngenesis: {chainId: MainNet-4}\nstateSync: {enable: true}\n"
)

// chart writes a chart into the folder.
func (r *rig) chart(name, version, template string) {
	r.t.Helper()
	for file, text := range map[string]string{"Chart.yaml": "apiVersion: v2\nname: " + name + "\nversion: " + version + "\n", "templates/all.yaml": template,
		"templates/_d.tpl": `{{- define "d" }}` + labelled + "{{- end }}\n"} {
		path := filepath.Join(r.charts, name+"-"+version, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
}

// install installs a release as somebody did before.
func (r *rig) install(name, chart, values string) {
	r.t.Helper()
	ok := func(err error) {
		r.t.Helper()
		if err != nil {
			r.t.Fatal(name, err)
		}
	}
	have, err := release.Charts(r.charts)
	ok(err)
	c, err := charts.Pick(have, "0.7.5", chart)
	ok(err)
	v, err := release.ReadValues([]byte(values))
	ok(err)
	offers, err := r.world.Kube.Offers(r.t.Context())
	ok(err)
	s, err := c.Render(r.t.Context(), name, "sv", v, offers)
	ok(err)
	parts, err := s.Rendered(r.t.Context(), r.world.Kube)
	ok(err)
	i := release.Installation{Name: name, Namespace: "sv", Parts: parts, Mark: "somebody"}
	ok(i.Do(r.t.Context(), r.world.Kube, r.world.Kube.Hands(i.AccessInstall(), false), s.Stored, time.Now(), func(int, string) {}))
}

// newInstalled is a node that was installed with the stand-in charts.
func newInstalled(t *testing.T, sv, domain string) *rig {
	t.Helper()
	r := newRigOf(t, "0.7.5", true)
	r.charts = t.TempDir()
	r.chart("splice-sv-node", "0.7.5", sv)
	r.chart("splice-scan", "0.7.5", chartOf("splice-scan", `"scan-app"`, "", "scan-app"))
	r.chart("splice-global-domain", "0.7.5", domain)
	r.chart("splice-cometbft", "0.7.5", chartOf("splice-cometbft", ".Values.node.identifier", "cometbft", "cometbft"))
	r.chart("splice-participant", "0.7.5", chartOf("splice-participant", ".Release.Name", "participant", "participant"))
	r.install("global-domain-4-cometbft", "splice-cometbft", cometValues)
	r.install("global-domain-4", "splice-global-domain", domainValues)
	r.install("participant", "splice-participant", "")
	r.install("sv", "splice-sv-node", svValues)
	r.install("scan", "splice-scan", scanValues)
	for range 600 {
		all, err := r.world.Kube.Workloads(t.Context(), "sv")
		if err != nil {
			t.Fatal(err)
		}
		ready := 0
		for _, w := range all {
			ready += int(w.Ready)
		}
		if ready == 6 {
			return r
		}
		time.Sleep(time.Second)
	}
	t.Fatal("the node does not start")
	return nil
}
