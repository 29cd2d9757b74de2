package kube

import (
	"strings"
	"testing"
)

// What is confidential is read from a file: a command line is kept by the shell and seen by others.
func TestCommandSecretKeepsSecretsOutOfArguments(t *testing.T) {
	for _, c := range []struct {
		kind string
		keys []string
		want string
	}{
		{"", []string{"public", "private"}, "kubectl -n v create secret generic s --from-literal=public=… --from-file=private=…  # a file of one value, without a newline at its end"},
		{"Opaque", []string{"postgresPassword"}, "kubectl -n v create secret generic s --from-file=postgresPassword=…  # a file of one value, without a newline at its end"},
		{"", []string{"client-id", "client-secret"}, "kubectl -n v create secret generic s --from-literal=client-id=… --from-file=client-secret=…  # a file of one value, without a newline at its end"},
		{"", []string{"node_key.json"}, "kubectl -n v create secret generic s --from-file=node_key.json=…"},
		{"kubernetes.io/dockerconfigjson", nil, "kubectl -n v create secret generic s --type=kubernetes.io/dockerconfigjson --from-file=.dockerconfigjson=…"},
	} {
		got := CommandSecret(Where{}, "v", "s", c.kind, c.keys)
		if strings.ReplaceAll(got, "'", "") != c.want {
			t.Errorf("%v: %s", c.keys, got)
		}
	}
}
