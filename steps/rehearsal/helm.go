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

// helmRecords are the release records that Helm would keep of the node: what tells its name, its network and which
// synchronizer is current (reference/deployment.md 4).
func helmRecords(o sim.NodeOptions) (string, error) {
	sequencer := fmt.Sprintf("global-domain-%d-sequencer", o.SerialID)
	records := []struct {
		name, chart string
		values      map[string]any
	}{
		{"sv", "splice-sv-node", map[string]any{"onboardingName": o.SVName, "nodeIdentifier": o.SVName, "participantAddress": o.Participant(),
			"synchronizers": map[string]any{"current": map[string]any{"sequencerAddress": sequencer}}}},
		{fmt.Sprintf("global-domain-%d-cometbft", o.SerialID), "splice-cometbft", map[string]any{
			"genesis": map[string]any{"chainId": fmt.Sprintf("%s-%d", o.Network, o.SerialID)}}},
		{"scan", "splice-scan", map[string]any{"participantAddress": o.Participant()}},
		{"validator", "splice-validator", map[string]any{"svValidator": true, "participantAddress": o.Participant()}},
	}
	var docs bytes.Buffer
	for _, r := range records {
		body, err := json.Marshal(map[string]any{
			"name": r.name, "namespace": o.Namespace, "version": 1, "config": r.values,
			"info":  map[string]any{"status": "deployed", "last_deployed": o.Start.Add(-30 * 24 * time.Hour), "first_deployed": o.Start.Add(-30 * 24 * time.Hour)},
			"chart": map[string]any{"metadata": map[string]any{"name": r.chart, "version": o.Release, "apiVersion": "v2"}},
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
		encoded := base64.StdEncoding.EncodeToString(packed.Bytes()) // Helm's own encoding, below that of the Secret
		doc, err := yaml.Marshal(map[string]any{
			"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
			"metadata": map[string]any{"name": "sh.helm.release.v1." + r.name + ".v1", "namespace": o.Namespace,
				"labels": map[string]any{"owner": "helm", "name": r.name, "status": "deployed", "version": "1"}},
			"data": map[string]any{"release": base64.StdEncoding.EncodeToString([]byte(encoded))},
		})
		if err != nil {
			return "", err
		}
		docs.WriteString("\n---\n")
		docs.Write(doc)
	}
	return docs.String(), nil
}

func runID(now time.Time, age time.Duration) string {
	return strconv.FormatInt(now.Add(-age).Unix(), 10)
}
