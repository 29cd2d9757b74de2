package steps

import (
	"context"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

// Action is one thing sent to the world. Its methods take all they need from what Plan gave them: an action planned
// from the same facts is the same action, also in another process.
type Action interface {
	// Key is unique and stable within the step; it is journaled, and idempotency keys derive from it.
	Key() string
	Effect() wire.Effect
	// Refs is everything that Do may touch; hands refuse the rest.
	Refs() []Ref
	// Show is what the operator reads before it is sent. Refs are filled in by the engine.
	Show() wire.Preview
	// Trial tries what can be tried without changing anything, with hands that only dry-run.
	Trial(context.Context, Hands) ([]wire.Finding, error)
	// Probe reads from the world whether the action is done.
	Probe(context.Context, World) (wire.ActionState, []wire.Evidence, error)
	// Do sends it. It may be called again after a crash at any point; where that matters, Probe comes first.
	Do(context.Context, Hands, func(wire.Progress)) error
}

// Ref is one thing an action may touch. Exactly one field is set.
type Ref struct {
	Kube *kube.Access // a verb on a Kubernetes object
	File string       // a file of the run folder, relative to its artifacts
}

func (r Ref) String() string {
	if r.Kube != nil {
		return r.Kube.String()
	}
	return "write file " + r.File
}

// KubeRefs wraps accesses.
func KubeRefs(accesses ...kube.Access) []Ref {
	refs := make([]Ref, len(accesses))
	for i := range accesses {
		refs[i] = Ref{Kube: &accesses[i]}
	}
	return refs
}

// World is what may be looked at. It cannot write.
type World struct {
	Kube  *kube.Cluster
	Files FileReader
	Clock clock.WithTicker
	// Dry makes hands for these references that only try: the server says what it would do and changes nothing.
	Dry func([]Ref) Hands
}

// Hands write what the references of the running action cover, and nothing else.
type Hands struct {
	World World
	Kube  *kube.Hands
	Files FileWriter
}

// FileReader reads the artifacts of the run.
type FileReader interface {
	Read(name string) ([]byte, error)
}

// FileWriter writes artifacts of the run: whole, synced, readable by their owner only.
type FileWriter interface {
	Write(name string, data []byte) error
}
