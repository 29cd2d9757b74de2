package kube

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const documents = `# a comment
---
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: "1"}}
---
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: apps-pg, namespace: sv, labels: {app: apps-pg}}
spec:
  serviceName: apps-pg
  selector: {matchLabels: {app: apps-pg}}
  template:
    metadata: {labels: {app: apps-pg}}
    spec:
      serviceAccountName: robot
      imagePullSecrets: [{name: registry}]
      initContainers:
      - {name: init, image: i, envFrom: [{configMapRef: {name: settings, optional: true}}]}
      containers:
      - name: apps-pg
        image: postgres
        env:
        - {name: A, valueFrom: {secretKeyRef: {name: apps-pg-secret, key: postgresPassword}}}
        - {name: B, valueFrom: {secretKeyRef: {name: apps-pg-secret, key: replication, optional: true}}}
        volumeMounts: [{name: pg-data, mountPath: /var/lib/postgresql/data}]
      volumes:
      - {name: keys, secret: {secretName: cometbft-keys}}
      - {name: one, secret: {secretName: one, items: [{key: b, path: b}, {key: a, path: a}]}}
      - {name: more, projected: {sources: [{configMap: {name: projected}}]}}
  volumeClaimTemplates:
  - {metadata: {name: pg-data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 20Gi}}}}
---
{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}
`

func TestObjects(t *testing.T) {
	list, err := Objects([]byte(documents))
	if err != nil || len(list) != 3 {
		t.Fatalf("%v, %v", list, err)
	}
	w, ok := list[1].Workload()
	if !ok || w.Kind != StatefulSet || w.Replicas != 1 || w.ClaimNames()[0] != "pg-data-apps-pg-0" || w.Selector != "app=apps-pg" {
		t.Errorf("%+v", w)
	}
	want := []Needed{
		{Kind: "ConfigMap", Name: "projected", Whole: true}, {Kind: "ConfigMap", Name: "settings", Whole: true, Optional: true},
		{Kind: "Secret", Name: "apps-pg-secret", Keys: []string{"postgresPassword"}}, {Kind: "Secret", Name: "cometbft-keys", Whole: true},
		{Kind: "Secret", Name: "one", Keys: []string{"a", "b"}}, {Kind: "Secret", Name: "registry", Pull: true},
		{Kind: "ServiceAccount", Name: "robot"},
	}
	if diff := cmp.Diff(want, list[1].Needs()); diff != "" {
		t.Error(diff)
	}
	if c, ok := list[2].Claim(); !ok || c.Name != "data" || c.Request.Text != "1Gi" {
		t.Errorf("%+v", c)
	}
	marked := list[0].Marked("sv", map[string]string{"l": "1"}, map[string]string{"a": "2"})
	if marked.Namespace() != "sv" || marked.Labels()["l"] != "1" || marked.Annotations()["a"] != "2" || list[0].Namespace() != "" || len(list[0].Labels()) != 0 {
		t.Errorf("%v, %v", marked, list[0])
	}
}

// A document on one line is read whatever its length, with its end and without it.
func TestObjectsOnOneLine(t *testing.T) {
	const before, after = `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"x"},"data":{"release":"`, `"}}`
	for i := range 5 * 8 {
		length := 4096*(1+i/5) - 2 + i%5
		text := before + strings.Repeat("A", length-len(before)-len(after)) + after
		for _, end := range []string{"", "\n"} {
			if objects, err := Objects([]byte(text + end)); err != nil || len(objects) != 1 {
				t.Fatalf("of %d bytes and %q: %d objects, %v", length, end, len(objects), err)
			}
		}
	}
}

func TestObjectsRefuses(t *testing.T) {
	for name, text := range map[string]string{"no name": "{apiVersion: v1, kind: Secret, metadata: {}}", "no kind": "a: b", "no object": "- a", "no YAML": "a: [\x1b"} {
		if list, err := Objects([]byte(text)); err == nil || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: %v, %v", name, list, err)
		}
	}
	if list, err := Objects(nil); err != nil || len(list) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}
