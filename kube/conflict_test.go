package kube

import (
	"strings"
	"testing"
)

const managed = `{
  "metadata": {"uid": "u-2", "resourceVersion": "15", "creationTimestamp": "2026-05-01T03:00:00Z", "annotations": {"example.com/a": "two"},
    "managedFields": [
      {"manager": "helm", "operation": "Update", "time": "2026-05-01T03:00:00Z", "fieldsV1": {"f:spec": {"f:replicas": {}, "f:template": {}}}},
      {"manager": "kubectl", "operation": "Update", "time": "2026-05-01T03:05:00Z", "subresource": "scale", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
      {"manager": "argocd-controller", "operation": "Update", "time": "2026-05-01T03:07:00Z", "fieldsV1": {"f:metadata": {"f:annotations": {}}}},
      {"manager": "kube-controller-manager", "operation": "Update", "subresource": "status", "time": "2026-05-01T03:09:00Z", "fieldsV1": {"f:status": {}}}]},
  "spec": {"replicas": 3, "password": "hush"}}`

func TestDifference(t *testing.T) {
	for name, c := range map[string]struct {
		resource string
		body     string
		expected []op
		want     string
	}{
		"a field, by whoever wrote it last": {"", managed, []op{test("/metadata/uid", "u-2"), test("/spec/replicas", 2)},
			"someone else changed spec.replicas from 2 to 3 (kubectl, at 03:05:00 UTC)"},
		"a field that was not there": {"", managed, []op{test("/metadata/annotations/example.com~1a", nil)},
			"someone else changed metadata.annotations.example.com/a from nothing to two (argocd-controller, at 03:07:00 UTC)"},
		"a field that is gone": {"", managed, []op{test("/spec/paused", true)},
			"someone else changed spec.paused from true to nothing (last written by argocd-controller at 03:07:00 UTC)"},
		"another object": {"", managed, []op{test("/metadata/uid", "u-1"), test("/spec/replicas", 2)},
			"someone else put another object of this name in its place at 03:00:00 UTC (uid u-2, not u-1) (last written by argocd-controller at 03:07:00 UTC)"},
		"only the version": {"", managed, []op{test("/spec/replicas", 3), test("/metadata/resourceVersion", "12")},
			"someone else changed it from version 12 to 15 after it was read (last written by argocd-controller at 03:07:00 UTC)"},
		"a secret says no values": {"secrets", managed, []op{test("/spec/password", "old")},
			"someone else changed spec.password from $OLD to $NEW (last written by argocd-controller at 03:07:00 UTC)"},
		"nothing is known of who": {"", `{"spec": {"replicas": 3}}`, []op{test("/spec/replicas", 2)}, "someone else changed spec.replicas from 2 to 3"},
		"as expected after all":   {"", managed, []op{test("/metadata/uid", "u-2"), test("/spec/replicas", 3), test("/spec/none", nil)}, ""},
		"not an object":           {"", `[]`, []op{test("/spec/replicas", 2)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := difference(Access{Resource: c.resource}, []byte(c.body), c.expected)
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if c.resource == "secrets" && strings.Contains(got, "hush") {
				t.Error("a value of a secret is told")
			}
		})
	}
}
