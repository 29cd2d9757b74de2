package rehearsal

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"canton.example/svrescue/kube/sim"
	"sigs.k8s.io/yaml"
)

// helmRelease is a release of the node as an operator would have installed it (reference/deployment.md 4).
type helmRelease struct {
	name, chart string
	values      map[string]any
}

// helmReleases are those whose values tell the node's name, its network and which synchronizer is current.
func helmReleases(o sim.NodeOptions) []helmRelease {
	sequencer := fmt.Sprintf("global-domain-%d-sequencer", o.SerialID)
	return []helmRelease{
		{"sv", "splice-sv-node", map[string]any{"onboardingName": o.SVName, "nodeIdentifier": o.SVName, "participantAddress": o.Participant(),
			"scan":          map[string]any{"publicUrl": "https://scan.sv.acme.example", "internalUrl": "http://scan-app." + o.Namespace + ":5012"},
			"auth":          map[string]any{"audience": svAudience},
			"synchronizers": map[string]any{"current": map[string]any{"sequencerAddress": sequencer}}}},
		{fmt.Sprintf("global-domain-%d-cometbft", o.SerialID), "splice-cometbft", map[string]any{
			"genesis": map[string]any{"chainId": fmt.Sprintf("%s-%d", o.Network, o.SerialID)}}},
		{"scan", "splice-scan", map[string]any{"participantAddress": o.Participant()}},
		{"validator", "splice-validator", map[string]any{"svValidator": true, "participantAddress": o.Participant()}},
	}
}

// helmRecords are the release records that Helm would keep of the node.
func helmRecords(o sim.NodeOptions) (string, error) { return recordsOf(o, helmReleases(o)) }

func recordsOf(o sim.NodeOptions, releases []helmRelease) (string, error) {
	var docs bytes.Buffer
	for _, r := range releases {
		record, err := helmRecord(o, r, "")
		if err != nil {
			return "", err
		}
		doc, err := yaml.Marshal(map[string]any{
			"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
			"metadata": map[string]any{"name": "sh.helm.release.v1." + r.name + ".v1", "namespace": o.Namespace,
				"labels": map[string]any{"owner": "helm", "name": r.name, "status": "deployed", "version": "1"}},
			"data": map[string]any{"release": base64.StdEncoding.EncodeToString([]byte(record))},
		})
		if err != nil {
			return "", err
		}
		docs.WriteString("\n---\n")
		docs.Write(doc)
	}
	return docs.String(), nil
}

// helmRecord is what Helm keeps of a release: base64 of gzip of JSON, below the encoding of the Secret.
func helmRecord(o sim.NodeOptions, r helmRelease, manifest string) (string, error) {
	body, err := json.Marshal(map[string]any{
		"name": r.name, "namespace": o.Namespace, "version": 1, "config": r.values, "manifest": manifest,
		"info": map[string]any{"status": "deployed", "last_deployed": o.Start.Add(-30 * 24 * time.Hour), "first_deployed": o.Start.Add(-30 * 24 * time.Hour)},
		"chart": map[string]any{"metadata": map[string]any{"name": r.chart, "version": o.Release, "apiVersion": "v2"},
			"templates": []any{map[string]any{"name": "templates/all.yaml", "data": []byte("# the templates of a rehearsal are not part of it\n")}}},
	})
	if err != nil {
		return "", err
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	if _, err := zip.Write(body); err != nil {
		return "", err
	}
	if err := zip.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(packed.Bytes()), nil
}

func runID(now time.Time, age time.Duration) string {
	return strconv.FormatInt(now.Add(-age).Unix(), 10)
}
