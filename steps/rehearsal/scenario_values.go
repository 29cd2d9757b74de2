package rehearsal

import (
	"context"
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/wire"
	"sigs.k8s.io/yaml"
)

// lostRecordToo is a lost node of which nobody has made a record.
func lostRecordToo() Scenario {
	s := lostCluster()
	s.ID, s.Title = "restore-lost-values", "The whole cluster is lost, and nobody made a record"
	s.Teaches = "what values files and charts still tell of a node, and what they do not"
	s.Faults = append([]string{"there is no record of the node: only the values files that it was installed with, and its charts"}, s.Faults...)
	s.Record, s.Saved = nil, savedNode
	makesKey := s.Operator
	s.Operator = func(ctx context.Context, e Elsewhere, v wire.View, q wire.Question) (wire.Answer, bool) {
		if q.Name == "restore-lost/inventory.namespace" {
			return wire.Answer{Text: e.Namespace}, true
		}
		return makesKey(ctx, e, v, q)
	}
	return s
}

// savedFiles are the values files of a node by the names that the documentation gives them, and the release of each
// (reference/deployment.md 4).
func savedFiles(o sim.NodeOptions) map[string]string {
	cometbft := fmt.Sprintf("global-domain-%d-cometbft", o.SerialID)
	return map[string]string{"sequencer-pg": "postgres-values-sequencer", "mediator-pg": "postgres-values-mediator", "participant-pg": "postgres-values-participant",
		"apps-pg": "postgres-values-apps", cometbft: "cometbft-values", strings.TrimSuffix(cometbft, "-cometbft"): "global-domain-values", o.Participant(): "participant-values",
		"sv": "sv-values", "scan": "scan-values", "validator": "sv-validator-values", "info": "info-values"}
}

// savedNode are values files and charts of the node. The charts are stand-ins: they have the documented names, and what they render is
// the node of the rehearsal. Nothing of them is from Splice.
func savedNode(now time.Time) (map[string][]byte, error) {
	o := node(now)
	s, err := o.Scenario()
	if err != nil {
		return nil, err
	}
	objects, err := kube.Objects([]byte(s.Objects))
	if err != nil {
		return nil, err
	}
	releases, manifests, err := installedReleases(o, objects)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{
		ValuesFolder + "/validator-values.yaml": []byte("validatorWalletUsers: [auth0|example]\n"),
		ValuesFolder + "/ui-config-values.yaml": []byte("spliceInstanceNames: {networkName: Splice}\n"),
	}
	for _, r := range releases {
		file, ok := savedFiles(o)[r.name]
		if !ok {
			return nil, fmt.Errorf("release %s has no values file", r.name)
		}
		values := map[string]any{}
		for k, v := range r.values {
			values[k] = v
		}
		switch r.chart {
		case "splice-postgres":
			values["db"] = map[string]any{"volumeSize": o.DataSize, "volumeStorageClass": o.StorageClass}
		case "splice-cometbft":
			values["node"] = map[string]any{"identifier": r.name}
		}
		text, err := yaml.Marshal(values)
		if err != nil {
			return nil, err
		}
		files[ValuesFolder+"/"+file+".yaml"] = text
		chart, folder := standIn(o, r, manifests[r.name]), ChartsFolder+"/"+r.chart
		for name, text := range chart {
			if other, there := files[folder+"/"+name]; there && string(other) != text {
				return nil, fmt.Errorf("the chart of release %s is another one than that of the others", r.name)
			}
			files[folder+"/"+name] = []byte(text)
		}
	}
	return files, nil
}

// standIn is a chart that renders the manifest of a release.
func standIn(o sim.NodeOptions, r helmRelease, manifest string) map[string]string {
	changes := []string{"namespace: " + o.Namespace + "\n", "namespace: {{ .Release.Namespace }}\n", release, "{{ .Chart.Version }}"}
	if r.chart == "splice-postgres" { // one chart, four releases
		changes = append(changes, r.name, "{{ .Release.Name }}", "storage: "+o.DataSize, "storage: {{ .Values.db.volumeSize }}",
			o.StorageClass, "{{ .Values.db.volumeStorageClass }}")
	}
	return map[string]string{
		"Chart.yaml":         fmt.Sprintf("# a stand-in for rehearsals; nothing of it is from Splice\napiVersion: v2\nname: %s\nversion: %s\nappVersion: %s\n", r.chart, release, release),
		"values.yaml":        "{}\n",
		"templates/all.yaml": strings.NewReplacer(changes...).Replace(manifest),
	}
}
