package restore

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/wire"
)

func acme(namespace, network string) sim.NodeOptions {
	return sim.NodeOptions{Namespace: namespace, SVName: "Acme-SV", Network: network}
}

func TestFence(t *testing.T) {
	other := acme("other", "testnet")
	other.SVName = "Other-SV"
	for _, c := range []struct {
		name  string
		nodes []sim.NodeOptions
		deny  []sim.Rule
		stop  bool // the other namespace's workloads stand at 0
		want  string
		texts []string
	}{
		{"alone", []sim.NodeOptions{acme("sv", "testnet")}, nil, false, "holds namespaces, holds attested", nil},
		{"the node runs in another namespace", []sim.NodeOptions{acme("sv", "testnet"), acme("sv-old", "testnet")}, nil, false,
			"violated namespace-sv-old, holds attested", []string{"sv-app", "same SV name Acme-SV", "same SV key", "kubectl --context test -n sv-old scale deployment/global-domain-0-cometbft deployment/", " deployment/validator-app --replicas=0"}},
		{"it stands still there", []sim.NodeOptions{acme("sv", "testnet"), acme("sv-old", "testnet")}, nil, true,
			"attention namespace-sv-old, holds namespaces, holds attested", []string{"They must stay so"}},
		{"a node of the same name on another network", []sim.NodeOptions{acme("sv", "testnet"), acme("sv-dev", "devnet")}, nil, false,
			"attention namespace-sv-dev, holds namespaces, holds attested", []string{"on another network: devnet"}},
		{"namespaces may not be listed", []sim.NodeOptions{acme("sv", "testnet")}, []sim.Rule{{Verbs: []string{"list"}, Resources: []string{"deployments"}, Namespaces: []string{""}}}, false,
			"undetermined namespaces, holds attested", []string{"may not list"}},
		{"another namespace may not be read", []sim.NodeOptions{acme("sv", "testnet"), other}, []sim.Rule{{Verbs: []string{"list"}, Resources: []string{"statefulsets"}, Namespaces: []string{"other"}}}, false,
			"undetermined namespace-other, holds attested", nil},
		{"secrets may not be read, and so no names", []sim.NodeOptions{acme("sv", "testnet"), acme("sv-old", "testnet")}, []sim.Rule{{Verbs: []string{"list", "get"}, Resources: []string{"secrets"}}}, false,
			"undetermined namespace-sv-old, holds attested", []string{"could be compared"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, c.nodes...)
				if len(c.nodes) > 1 && c.stop {
					for _, name := range []string{"sv-app", "scan-app", "validator-app", "participant", "global-domain-0-sequencer", "global-domain-0-mediator", "global-domain-0-cometbft"} {
						r.scale(kube.Deployment, c.nodes[1].Namespace, name, 1, 0)
					}
					waitFor(t, func() bool {
						pods, err := r.world.Kube.Pods(t.Context(), c.nodes[1].Namespace, "app=sv-app")
						return err == nil && len(pods) == 0
					})
				}
				r.sim.Set(sim.Knobs{Deny: c.deny})
				r.facts.Fence.Attested = "testnet/Acme-SV"
				found, err := fence().Verify(t.Context(), r.world, &r.facts)
				if err != nil {
					t.Fatal(err)
				}
				if got := said(found); got != c.want {
					t.Fatalf("%s\nwant %s\n%+v", got, c.want, found)
				}
				text := ""
				for _, f := range found {
					text += f.Text + " " + f.Next + "\n"
				}
				for _, want := range c.texts {
					if !strings.Contains(text, want) {
						t.Errorf("%q is not said:\n%s", want, text)
					}
				}
				for _, hidden := range []string{"invented-public", "invented-private", "INVENTED"} {
					journaled, _ := json.Marshal(r.facts)
					shown, _ := json.Marshal(found)
					if strings.Contains(string(journaled)+string(shown), hidden) {
						t.Errorf("a key is shown or journaled: %s", hidden)
					}
				}
			})
		})
	}
}

func TestFenceIsAttestedByTheExactName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, acme("sv", "testnet"))
		step := fence()
		open, err := step.Inputs(t.Context(), r.world, r.facts)
		if err != nil || len(open) != 1 || open[0].Kind != wire.AskText || open[0].Default != "" || !strings.Contains(open[0].Text, attestation) {
			t.Fatalf("%+v, %v", open, err)
		}
		for _, no := range []string{"", "yes", "Acme-SV", "testnet/acme-sv", "testnet/Acme-SV "} {
			if err := step.Take(&r.facts, "attest", no); err == nil || r.facts.Fence.Attested != "" {
				t.Errorf("%q was taken", no)
			}
		}
		if err := step.Take(&r.facts, "attest", "testnet/Acme-SV"); err != nil {
			t.Fatal(err)
		}
		if open, err := step.Inputs(t.Context(), r.world, r.facts); err != nil || len(open) != 0 {
			t.Fatalf("%+v, %v", open, err)
		}
	})
}
