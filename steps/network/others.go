package network

import (
	"context"
	"strings"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/hold"
	"canton.example/svrescue/steps/wire"
)

// others are those who act on the node beside this run, such as GitOps. They are paused by the step that stops the first workload, and act
// again when their manifests say that the old synchronizer stands still: let go before that, they would bring it back. That is before the apps
// migrate, since apps that are applied from a repository can migrate only by what is committed there.
func (f Facts) others() hold.On {
	return hold.On{Where: f.Where, Namespace: f.Namespace, Node: f.Node, Held: f.Held}
}

// stillHeld proves that whoever was paused stands still.
func stillHeld(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	return f.others().Still(ctx, w)
}

func letOthersGo() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "network/let-others-go", Title: "Let others go", Effect: wire.Repeatable,
		Summary: "Lets GitOps and autoscalers act again that this run has paused, once their manifests say that the old synchronizer stands still.",
		Asks:    []steps.Ask{{Name: "manifests", Kind: wire.AskChoice, Help: "ready: what GitOps applies says that the old synchronizer stands still; keep: they stay paused"}},
		Inputs: func(_ context.Context, _ steps.World, f Facts) ([]wire.Question, error) {
			if f.LetGo != "" || len(f.others().LetGo()) == 0 {
				return nil, nil
			}
			var names []string
			for _, a := range f.others().LetGo() {
				names = append(names, a.Show().Title)
			}
			return []wire.Question{{Name: "manifests", Kind: wire.AskChoice, Title: "Do the manifests of GitOps say that the old synchronizer stands still?",
				Text: "This run has paused who acts on the node. What would be sent: " + strings.Join(names, "; ") + ". Whoever acts again makes the node what its manifests say. " + f.toCommit(),
				Choices: []wire.Choice{
					{ID: manifestsReady, Label: "They do: let them act again"},
					{ID: manifestsKeep, Label: "No: leave them paused", Detail: "nothing is sent; the commands that let them act again stand in the findings. Apps that they apply then migrate only when somebody has them applied by hand"},
				}}}, nil
		},
		Take:   func(f *Facts, _, value string) error { f.LetGo = value; return nil },
		Forget: func(f *Facts) { f.LetGo = "" },
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needNode(f); err != nil || f.LetGo != manifestsReady {
				return nil, err
			}
			return f.others().LetGo(), nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			if len(f.others().LetGo()) == 0 {
				return []wire.Finding{{ID: "released", Verdict: wire.Holds, Text: "this run has paused nobody"}}, nil
			}
			if f.LetGo == manifestsReady {
				return f.others().Released(ctx, w)
			}
			kept := wire.Finding{ID: "kept-paused", Verdict: wire.Attention, Text: "who was paused stays paused", Next: "Let them act again when their manifests say what the node is then"}
			for _, a := range f.others().LetGo() {
				p := a.Show()
				kept.Evidence = append(kept.Evidence, wire.Evidence{Source: p.Title, Seen: strings.Join(p.Commands, "; ")})
			}
			return []wire.Finding{kept}, nil
		},
		Undo: func(f Facts) ([]steps.Action, string) {
			if f.Node == nil || f.LetGo != manifestsReady {
				return nil, "nobody was let go"
			}
			return f.others().Pause(), "nobody was let go"
		},
	}
}

// Whether what was paused may act again.
const (
	manifestsReady = "ready"
	manifestsKeep  = "keep"
)
