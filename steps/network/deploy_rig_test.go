package network

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/network/card"
	"canton.example/svrescue/steps/postgres"
	appsim "canton.example/svrescue/svapp/sim"
	"sigs.k8s.io/yaml"
)

// The stand-in charts have the names and the objects of the documentation (reference/deployment.md 3.2, 3.3, 3.5). Nothing of them is from Splice.
const standInDeployment = `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[1]s, namespace: {{ .Release.Namespace }}, labels: {app: %[1]s}}
spec:
  replicas: 1
  selector: {matchLabels: {app: %[1]s}}
  template:
    metadata: {labels: {app: %[1]s}}
    spec:
      containers:
      - name: main
        image: i
        env:
%[2]s
---
apiVersion: v1
kind: Service
metadata: {name: %[3]s, namespace: {{ .Release.Namespace }}}
spec: {selector: {app: %[1]s}, ports: [{name: main, port: %[4]d}]}
`

var standInCharts = map[string]string{
	"splice-cometbft": fmt.Sprintf(standInDeployment, "{{ .Values.node.identifier }}", `        - {name: KEY, valueFrom: {secretKeyRef: {name: {{ .Values.node.keysSecret }}, key: node_key.json}}}
        - {name: ADDRESS, value: {{ .Values.node.externalAddress | quote }}}
        - {name: SYNC, value: {{ .Values.stateSync.enable | quote }}}
        volumeMounts: [{name: data, mountPath: /cometbft/data}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: {{ .Values.node.identifier }}-cometbft-data}}]`, "{{ .Values.node.identifier }}-cometbft-p2p", 26656) + `---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: {{ .Values.node.identifier }}-cometbft-data, namespace: {{ .Release.Namespace }}, annotations: {helm.sh/resource-policy: keep}}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`,
	"splice-global-domain": fmt.Sprintf(standInDeployment, "{{ .Release.Name }}-sequencer", `        - {name: DB, value: {{ .Values.sequencer.persistence.databaseName }}}
        - {name: DRIVER, value: {{ .Values.sequencer.driver.host }}}`, "{{ .Release.Name }}-sequencer", 5008) +
		fmt.Sprintf(standInDeployment, "{{ .Release.Name }}-mediator", `        - {name: DB, value: {{ .Values.mediator.persistence.databaseName }}}`, "{{ .Release.Name }}-mediator", 5007),
	"splice-participant": fmt.Sprintf(standInDeployment, "{{ .Release.Name }}", `        - {name: DB, value: {{ .Values.persistence.databaseName }}}
        - {name: PGPASSWORD, valueFrom: {secretKeyRef: {name: {{ .Values.persistence.secretName }}, key: postgresPassword}}}`, "{{ .Release.Name }}", 5001),
}

// deployRig is a rig whose synchronizer was made by Helm, with charts in a folder and databases that can be listed.
func deployRig(t *testing.T) (*rig, Facts) {
	t.Helper()
	r := newRig(t, "0.5.10")
	folder := t.TempDir()
	objects := ""
	for _, x := range []struct{ name, chart, values string }{
		{"global-domain-3-cometbft", "splice-cometbft", cometValues}, {"global-domain-3", "splice-global-domain", domainValues}, {"participant-3", "splice-participant", strings.ReplaceAll(participantValues, `, password: "global-domain-3"`, "")},
	} {
		var values map[string]any
		if err := yaml.Unmarshal([]byte(x.values), &values); err != nil {
			t.Fatal(err)
		}
		for file, text := range map[string]string{"Chart.yaml": "apiVersion: v2\nname: " + x.chart + "\nversion: 0.5.10\n", "templates/all.yaml": standInCharts[x.chart]} {
			path := filepath.Join(folder, x.chart, file)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		objects += helmMade(t, x.name, x.chart, "0.5.10", values, rendered(t, folder, x.chart, x.name, x.values))
	}
	if err := r.sim.LoadYAML([]byte(objects)); err != nil {
		t.Fatal(err)
	}
	r.data = &fakeDatabases{have: map[string][]string{"sequencer-pg": {"sequencer_3"}, "mediator-pg": {"mediator_3"}, "participant-pg": {"participant_3"}}}
	r.world.Databases = r.data
	reached := func() (time.Time, time.Time, int) { return r.stood, r.stood, 0 }
	r.pods.handlers["global-domain-4-cometbft:26657"] = appsim.Comet{Network: "MainNet-4", Lag: appsim.Lag{Floor: time.Nanosecond}, Times: reached}.Handler()
	f := r.known()
	f.Deploy = newFacts().Deploy
	f.Deploy.Charts = folder
	return r, f
}

// rendered is what Helm has made of the chart: what its record keeps.
func rendered(t *testing.T, folder, chart, name, values string) string {
	t.Helper()
	all, err := release.Charts(folder)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(c release.Chart) bool { return c.Name == chart })
	v, err := release.ReadValues([]byte(values))
	if err != nil {
		t.Fatal(err)
	}
	out, err := all[i].Render(t.Context(), name, "sv", v, kube.Offers{Version: "v1.35.0", Major: "1", Minor: "35"})
	if err != nil {
		t.Fatal(err)
	}
	return out.Manifest.Reveal()
}

// fakeDatabases answer which databases there are, by the host of the server.
type fakeDatabases struct {
	steps.DatabaseReader // nil: nothing else is asked
	have                 map[string][]string
	fail                 error
}

func (d *fakeDatabases) Databases(_ context.Context, s postgres.Server) ([]postgres.Stored, string, error) {
	var all []postgres.Stored
	for _, name := range d.have[s.Host] {
		all = append(all, postgres.Stored{Name: name})
	}
	return all, "14.1", d.fail
}

// packs are charts of a registry, packed from a folder.
type packs struct {
	folder string
	asked  []string
}

func (p *packs) Pull(_ context.Context, address, version string) ([]byte, error) {
	p.asked = append(p.asked, address+" "+version)
	name := address[strings.LastIndex(address, "/")+1:]
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	pack := tar.NewWriter(zip)
	for _, file := range []string{"Chart.yaml", "templates/all.yaml"} {
		data, err := os.ReadFile(filepath.Join(p.folder, name, file))
		if err != nil {
			return nil, err
		}
		if err := pack.WriteHeader(&tar.Header{Name: name + "/" + file, Mode: 0o600, Size: int64(len(data))}); err != nil {
			return nil, err
		}
		if _, err := pack.Write(data); err != nil {
			return nil, err
		}
	}
	err := errors.Join(pack.Close(), zip.Close())
	return out.Bytes(), err
}

// answersOfAll go through the path, with what cannot be seen in this world accepted.
func answersOfAll(f Facts, agreed time.Time) map[string][]string {
	return map[string][]string{
		"network/go.who": {"alice of Acme-SV"}, "network/go.where": {"the incident call"}, "network/go.remedy": {"@accept|the call knows"},
		"network/identities.source":        {"@app"},
		"network/new-values.chain-id":      {"MainNet-4"},
		"network/new-values.sequencer-url": {f.Deploy.Sequencer},
		"network/new-values.charts":        {f.Deploy.Charts},
		"network/new-synchronizer.confirm": {"@yes"},
		"network/new-synchronizer.remedy":  {"@accept|Beta has tested it"},
		"network/freeze.confirm":           {"@yes"},
		"network/safety-backup.class":      {"@rig"},
		"network/safety-backup.confirm":    {"@yes"},
		"network/agree.next":               {"@add", "@add", "@at:" + card.Stamp(agreed)},
		"network/agree.report":             {reportOf("Beta-SV", []time.Time{agreed}, ownName, "Gamma-SV"), reportOf("Gamma-SV", []time.Time{agreed}, ownName, "Beta-SV")},
		"network/agree.card":               {"@settle"},
		"network/agree.remedy":             {"@accept|they were heard on the call"},
		"network/stop-old.who":             {"alice of Acme-SV"}, "network/stop-old.where": {"the incident call"},
		"network/stop-old.remedy":  {"@accept|Beta lends its dump"},
		"network/stop-old.confirm": {"@yes"},
	}
}
