package rollforward

import (
	"strings"
	"testing"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
)

func TestReady(t *testing.T) {
	joins := "_onboarding {\n  type = \"join-with-key\"\n}\n"
	dump := exportKey + " = \"/domain-upgrade-dump/x.json\"\n"
	prepared := node.Node{Serial: "4", Components: []node.Component{{Part: node.Sequencer, Role: node.Successor, Ref: kube.WorkloadRef{Name: "global-domain-5-sequencer"}}}}
	noURL := strings.Replace(nodesOf("successor", "global-domain-5-sequencer"), "external-public-api-url", "other", 1)
	for _, c := range []struct {
		name   string
		n      node.Node
		env    map[string]string
		mounts []kube.Mount
		known  bool
		want   []string
	}{
		{"not what the charts render", node.Node{}, nil, nil, false, nil},
		{"as it must be", node.Node{}, map[string]string{ExportVariable: dump}, []kube.Mount{{Path: "/domain-upgrade-dump"}}, true, nil},
		{"the trap", node.Node{}, map[string]string{ExportVariable: dump, OnboardingVariable: joins}, []kube.Mount{{Path: "/domain-upgrade-dump"}}, true, []string{"joinWithKeyOnboarding"}},
		{"exports off", node.Node{}, map[string]string{OnboardingVariable: "_onboarding {\n  type = \"found-dso\"\n}\n"}, nil, true, []string{ExportVariable}},
		{"a successor that the SV app does not know", prepared, map[string]string{ExportVariable: dump}, []kube.Mount{{Path: "/domain-upgrade-dump"}}, true, []string{"does not know it"}},
		{"a successor without an ingress", prepared, map[string]string{ExportVariable: dump, "ADDITIONAL_CONFIG_SV_DOMAIN_SUCCESSOR": noURL}, []kube.Mount{{Path: "/domain-upgrade-dump"}}, true, []string{"ingress"}},
	} {
		w := kube.Workload{Containers: []kube.Container{{Name: string(node.SVApp)}}, Mounts: c.mounts}
		for name, value := range c.env {
			w.Containers[0].Env = append(w.Containers[0].Env, kube.EnvVar{Name: name, Value: value})
		}
		lacks, known := Ready(c.n, w)
		if known != c.known || len(lacks) != len(c.want) {
			t.Errorf("%s: %v %q", c.name, known, lacks)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(lacks[i], want) {
				t.Errorf("%s: %q", c.name, lacks[i])
			}
		}
	}
}
