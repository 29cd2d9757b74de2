package action

import (
	"context"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// MadeBy is the annotation on what a run has made; its value is the run.
const MadeBy = "svrescue/made-by"

// MakeNamespace makes a namespace where there is none. One that is there is left as it is.
type MakeNamespace struct {
	Where     kube.Where
	Namespace string
	Run       string
}

func (m MakeNamespace) Key() string         { return "make namespace " + m.Namespace }
func (m MakeNamespace) Effect() wire.Effect { return wire.Repeatable }
func (m MakeNamespace) Refs() []steps.Ref {
	return steps.KubeRefs(kube.AccessCreateNamespace(m.Namespace)...)
}

func (m MakeNamespace) Show() wire.Preview {
	return wire.Preview{Title: m.Key(), After: "it is there; one that is there already is left as it is", Commands: []string{kube.CommandCreateNamespace(m.Where, m.Namespace)}}
}

func (m MakeNamespace) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	state, _, err := m.Probe(ctx, h.World)
	switch {
	case err != nil:
		return nil, err
	case state == wire.ActionDone:
		return []wire.Finding{{ID: m.Key(), Verdict: wire.Holds, Text: "namespace " + m.Namespace + " is there"}}, nil
	}
	if err := m.send(ctx, h); err != nil {
		return nil, err
	}
	return []wire.Finding{{ID: m.Key(), Verdict: wire.Holds, Text: "the server would " + m.Key()}}, nil
}

func (m MakeNamespace) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	n, there, err := w.Kube.Namespace(ctx, m.Namespace)
	switch {
	case err != nil:
		return wire.ActionUnknown, nil, err
	case !there:
		return wire.ActionPending, []wire.Evidence{{Source: "namespace " + m.Namespace, Seen: "is not there"}}, nil
	case n.Phase == "Terminating":
		return wire.ActionPending, []wire.Evidence{{Source: "namespace " + m.Namespace, Seen: "is being removed"}}, nil
	}
	return wire.ActionDone, []wire.Evidence{{Source: "namespace " + m.Namespace, Seen: "is there"}}, nil
}

func (m MakeNamespace) Do(ctx context.Context, h steps.Hands, _ func(wire.Progress)) error {
	if state, _, err := m.Probe(ctx, h.World); err != nil || state == wire.ActionDone {
		return err
	}
	err := m.send(ctx, h)
	if kube.KindOf(err) == kube.AlreadyExists { // an answer was lost, or somebody was faster
		return nil
	}
	return err
}

// send makes it, and says what to do where this account may not.
func (m MakeNamespace) send(ctx context.Context, h steps.Hands) error {
	err := h.Kube.CreateNamespace(ctx, m.Namespace, map[string]string{MadeBy: m.Run})
	if kube.KindOf(err) == kube.Forbidden {
		return &steps.Problem{Tried: m.Key(), Seen: "this account may not make namespaces", Err: err,
			Next: "Have a cluster administrator make it, with the right to work in it: " + kube.CommandCreateNamespace(m.Where, m.Namespace)}
	}
	return err
}
