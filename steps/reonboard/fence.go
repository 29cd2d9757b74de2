package reonboard

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/hold"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/twin"
	"canton.example/svrescue/steps/wire"
)

// attestation is what an operator says by typing the node's name.
const attestation = "no other cluster or machine runs this node's participant, and nobody will start it again"

// fence stops what is left of the lost node, so that its participant never runs beside the recovery validator, and keeps its data: it may be
// the last copy of the keys.
func fence() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "reonboard/fence", Title: "Fence", Effect: wire.Repeatable,
		Summary: "Stops the lost node for good, proves that it runs nowhere, and keeps its volumes until the end.",
		Asks: []steps.Ask{
			{Name: "attest", Kind: wire.AskText, Help: "NETWORK/SV-NAME: attests that " + attestation + "; there is no default"},
			{Name: "gone", Kind: wire.AskText, Help: "where no cluster shows the node: a sentence that says who turned it off and how that is certain; there is no default"},
		},
		Inputs: fenceInputs,
		Take:   takeFence,
		Forget: func(f *Facts) { f.Fence.Attested, f.Fence.Gone = "", "" },
		Check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			if f.Old.Node == nil {
				return nil, nil
			}
			counts, err := action.AsFound(ctx, w, allOf(f))
			if err != nil {
				return nil, err
			}
			others, err := f.others().Ready(ctx, w)
			return append(counts, others...), err
		},
		Plan: planFence,
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			if f.Old.Node == nil {
				return []wire.Finding{{ID: "gone", Verdict: wire.Attention, Text: "by your word, and not by this tool's: " + f.Fence.Gone,
					Next: "If the node should ever come back, turn it off at once: its participant must not run beside the validator"}}, nil
			}
			found, err := stopped(ctx, w, *f)
			if err != nil {
				return nil, err
			}
			if found, err = mustHold("proving that the lost node is stopped", found); err != nil {
				return nil, err
			}
			takeFenced(f)
			return append(found, outside(*f)...), nil
		},
		Undo: undoFence,
	}
}

// others are those who act on what is left of the node.
func (f Facts) others() hold.On {
	return hold.On{Where: f.Where, Namespace: f.Old.Namespace, Node: f.Old.Node, Held: f.Fence.Held}
}

func word(f Facts) string {
	return wire.Subject{Network: f.Old.Network, SV: f.Old.SV, Namespace: holds(f), Cluster: f.Where.Context}.Word()
}

func fenceInputs(_ context.Context, _ steps.World, f Facts) ([]wire.Question, error) {
	switch {
	case f.Old.Node == nil && f.Fence.Gone == "":
		return []wire.Question{{Name: "gone", Kind: wire.AskText, Title: "Who turned the lost node off, and how is that certain?",
			Text: "No cluster shows the node, so this tool cannot stop it and cannot see that it is stopped. Its participant must never run beside the recovery validator: two with one identity damage what they own.\n" +
				"Write a sentence with a name, such as: Ana Ruiz deleted the cluster sv-east on 31 January and saw its machines gone. It is kept in the journal and in the report."}}, nil
	case f.Old.Node != nil && f.Fence.Attested != word(f):
		return []wire.Question{{Name: "attest", Kind: wire.AskText, Title: "Type " + word(f) + " if this node runs nowhere else", Word: word(f),
			Text: "In this cluster it is stopped and looked for. Other clusters and machines cannot be seen from here: a standby, an earlier attempt, a participant started to make a dump.\n" +
				"By typing " + word(f) + " you attest: " + attestation + "."}}, nil
	}
	return nil, nil
}

func takeFence(f *Facts, ask, value string) error {
	if ask == "attest" {
		if value != word(*f) {
			return fmt.Errorf("type %s exactly to attest it; if it runs elsewhere, stop it there first", word(*f))
		}
		f.Fence.Attested = value
		return nil
	}
	if len(strings.Fields(value)) < 5 {
		return fmt.Errorf("write a whole sentence: who turned the node off, and how that is certain")
	}
	f.Fence.Gone = value
	return nil
}

// applications are the workloads that must not run, of every synchronizer, those that depend on others first.
func applications(n node.Node) []node.Component {
	var found []node.Component
	for _, part := range []node.Part{node.Validator, node.ScanApp, node.SVApp, node.Participant, node.Mediator, node.Sequencer, node.CometBFT} {
		found = append(found, parts(n, part)...)
	}
	return found
}

// parts are the workloads of those parts, whatever synchronizer they belong to.
func parts(n node.Node, of ...node.Part) []node.Component {
	return slices.DeleteFunc(slices.Clone(n.Components), func(c node.Component) bool { return !slices.Contains(of, c.Part) })
}

func allOf(f Facts) []node.Component {
	return append(applications(*f.Old.Node), parts(*f.Old.Node, node.Postgres)...)
}

func planFence(f Facts) ([]steps.Action, error) {
	if f.Old.Party == "" {
		return nil, &steps.NotYet{Step: "reonboard/lost-sv", What: "which SV was lost"}
	}
	if f.Old.Node == nil {
		return nil, nil
	}
	n := *f.Old.Node
	actions := append(action.KeepVolumes(f.Where, f.Run, n.Claims, kube.Retain), f.others().Pause()...)
	actions = append(actions, action.Down(f.Where, f.Old.Namespace, "the applications", applications(n))...)
	if databases := parts(n, node.Postgres); len(databases) > 0 {
		actions = append(actions, action.Down(f.Where, f.Old.Namespace, "the databases", databases)...)
	}
	return actions, nil
}

// stopped proves that the node stands still, that nobody starts it again, that it runs in no other namespace, and that its volumes are kept.
func stopped(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	found, err := action.Standing(ctx, w, allOf(f))
	if err != nil {
		return nil, err
	}
	for _, prove := range []func() ([]wire.Finding, error){
		func() ([]wire.Finding, error) { return f.others().Still(ctx, w) },
		func() ([]wire.Finding, error) { return action.VolumesKept(ctx, w, f.Old.Node.Claims) },
		func() ([]wire.Finding, error) {
			found, _, err := twin.Of{Where: f.Where, Namespace: f.Old.Namespace, Node: f.Old.Node}.Look(ctx, w)
			return found, err
		},
	} {
		more, err := prove()
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	return append(found, wire.Finding{ID: "attested", Verdict: wire.Holds, Text: "you attest that " + attestation,
		Evidence: []wire.Evidence{{Source: "typed by the operator", Seen: f.Fence.Attested}}}), nil
}

// takeFenced takes down what stands still and what is kept.
func takeFenced(f *Facts) {
	f.Fence.Stopped, f.Fence.Kept = nil, nil
	for _, c := range allOf(*f) {
		f.Fence.Stopped = append(f.Fence.Stopped, c.Ref.String())
	}
	for _, c := range f.Old.Node.Claims {
		if c.Old.Name != "" {
			f.Fence.Kept = append(f.Fence.Kept, fmt.Sprintf("claim %s of %s, volume %s", c.Name, c.Owner, c.Old.Name))
		}
	}
	for _, d := range f.Old.Node.Databases {
		f.Fence.Kept = append(f.Fence.Kept, fmt.Sprintf("database %s on %s", d.Name, d.Server.String()))
	}
}

// outside tells of database servers that this tool cannot stop.
func outside(f Facts) []wire.Finding {
	var names []string
	for _, s := range f.Old.Node.Servers() {
		if s.Managed() {
			names = append(names, s.String())
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []wire.Finding{{ID: "outside", Verdict: wire.Attention, Text: "database servers outside the cluster were not stopped: " + strings.Join(names, ", "),
		Next: "Keep their databases until the end: they may be the last copy of the keys. Let no new participant use them"}}
}

func undoFence(f Facts) ([]steps.Action, string) {
	switch {
	case !f.Vote.Offboarded.IsZero():
		return nil, "the SV is offboarded: its node must not run again"
	case f.Old.Node == nil:
		return nil, "nothing was stopped"
	}
	var actions []steps.Action
	for _, c := range slices.Backward(allOf(f)) {
		if c.Replicas > 0 {
			actions = append(actions, action.Scale{Where: f.Where, Workload: c.Ref, From: 0, To: c.Replicas})
		}
	}
	actions = append(actions, f.others().LetGo()...)
	return append(actions, action.KeepVolumes(f.Where, f.Run, f.Old.Node.Claims, kube.Delete)...), ""
}

// stillFenced proves in later steps that nothing of the lost node came back while the run waited. It is for the check of every step that starts
// something with the lost participant's keys.
func stillFenced(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	if f.Old.Node == nil {
		return nil, nil
	}
	found, err := action.Standing(ctx, w, allOf(f))
	if err != nil {
		return nil, err
	}
	held, err := f.others().Still(ctx, w)
	return append(found, held...), err
}
