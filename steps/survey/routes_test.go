package survey

import (
	"testing"

	"canton.example/svrescue/kube"
	"github.com/google/go-cmp/cmp"
)

// Routes of plain TCP are told apart by the port, and only those into the namespace count.
func TestRoutes(t *testing.T) {
	service := func(name, text string) kube.Custom {
		return kube.Custom{Meta: kube.Meta{Namespace: "cluster-ingress", Name: name}, Content: []byte(text)}
	}
	c := &cluster{customs: map[string][]kube.Custom{"virtualservices": {
		service("comet", `{"spec":{"hosts":["*"],"tcp":[{"match":[{"port":26356},{"port":26456}],"route":[{"destination":{"host":"d-cometbft-p2p.sv.svc.cluster.local"}}]}]}}`),
		service("other", `{"spec":{"hosts":["*"],"tcp":[{"match":[{"port":26556}],"route":[{"destination":{"host":"d-cometbft-p2p.elsewhere.svc.cluster.local"}}]}]}}`),
		service("sequencer", `{"spec":{"hosts":["sequencer-4.sv.acme.example"],"http":[{"route":[{"destination":{"host":"d-sequencer.sv.svc.cluster.local"}}]}]}}`),
	}}}
	got, unread := Routes(t.Context(), c, "sv")
	want := []Route{{Host: "sequencer-4.sv.acme.example", Service: "d-sequencer", Object: "VirtualService cluster-ingress/sequencer"},
		{Port: 26356, Service: "d-cometbft-p2p", Object: "VirtualService cluster-ingress/comet"},
		{Port: 26456, Service: "d-cometbft-p2p", Object: "VirtualService cluster-ingress/comet"}}
	if diff := cmp.Diff(want, got); diff != "" || len(unread) != 0 {
		t.Error(diff, unread)
	}
}
