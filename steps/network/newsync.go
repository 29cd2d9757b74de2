package network

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/releases"
	"canton.example/svrescue/steps/wire"
)

func newSynchronizer() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "network/new-synchronizer", Title: "New synchronizer", Effect: wire.Repeatable,
		Summary: "Installs the new CometBFT, sequencer, mediator and participant beside the old ones, and looks whether they can be reached.",
		Check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			if needSuccessor(f) != nil {
				return nil, nil
			}
			var found []wire.Finding
			for _, look := range []func(context.Context, steps.World, Facts) ([]wire.Finding, error){placeFree, databasesNew, needsThere, quotas} {
				more, err := look(ctx, w, f)
				if err != nil {
					return nil, err
				}
				found = append(found, more...)
			}
			return found, nil
		},
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needSuccessor(f); err != nil {
				return nil, err
			}
			var actions []steps.Action
			for _, d := range f.Successor.Releases {
				actions = append(actions, f.deploying(d)...)
				if len(d.Workloads) > 0 {
					actions = append(actions, action.WaitReady{Name: "the workloads of " + d.Name, Namespace: f.Namespace, Workloads: d.Workloads})
				}
			}
			return actions, nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			var found []wire.Finding
			for _, look := range []func(context.Context, steps.World, Facts) ([]wire.Finding, error){newStands, newChain, oldUntouched, reachable} {
				more, err := look(ctx, w, *f)
				if err != nil {
					return nil, err
				}
				found = append(found, more...)
			}
			s := *f.Successor
			s.Deployed = found[0].Verdict == wire.Holds
			f.Successor = &s
			return found, nil
		},
		Undo: func(f Facts) ([]steps.Action, string) {
			if needSuccessor(f) != nil {
				return nil, "nothing was installed"
			}
			var actions []steps.Action
			var byHand []string
			gone := action.WaitGone{Name: "the new synchronizer", Namespace: f.Namespace}
			for _, d := range slices.Backward(f.Successor.Releases) {
				back, hand := d.Undo(f.site())
				actions = append(actions, back...)
				if hand != "" {
					byHand = append(byHand, hand)
				}
				for _, wanted := range d.Workloads {
					gone.Workloads = append(gone.Workloads, wanted.Pods)
				}
			}
			if len(actions) == 0 {
				return nil, strings.Join(byHand, "; ")
			}
			return append(actions, gone), ""
		},
		Remedies: func(err error) []steps.Remedy {
			return []steps.Remedy{{Choice: wire.ChoiceRetry, Detail: "a few restarts are normal while a node comes up"},
				{Choice: wire.ChoiceUndo, Detail: "uninstalls the new releases; their claims and databases stay, and are named when this step is begun anew"}}
		},
	}
}

// needSuccessor is the error of a plan that comes before the values are derived, nil afterwards.
func needSuccessor(f Facts) error {
	if f.Successor == nil {
		return &steps.NotYet{Step: "network/new-values", What: "which releases the new synchronizer is made of"}
	}
	return needNode(f)
}

func (f Facts) site() releases.Site { return releases.Site{Where: f.Where, Run: f.Run} }

// deploying are the actions that put a new release in force. Of one that is rendered in a repository, what is to be committed there is written down,
// and its workloads are waited for: what they are to be like cannot be compared here.
func (f Facts) deploying(d Deployed) []steps.Action {
	if d.Digest != "" {
		return d.Actions(f.site())
	}
	files := slices.DeleteFunc(d.Actions(f.site()), func(a steps.Action) bool { return len(a.Refs()) == 0 })
	return append(files, waitMade{namespace: f.Namespace, release: d})
}

// installed says whether a new release is there, whole or in part, and is of this run; one that is applied from a repository, whether the cluster shows
// what was to be committed.
func (f Facts) installed(ctx context.Context, w steps.World, d Deployed) (bool, error) {
	if d.Digest == "" { // it is rendered elsewhere
		state, _, err := waitMade{namespace: f.Namespace, release: d}.Probe(ctx, w)
		return state == wire.ActionDone, err
	}
	actions := d.Actions(f.site())
	for i, a := range actions {
		if _, install := a.(action.InstallRelease); !install && (d.Managed == nil || i < len(actions)-1) {
			continue
		}
		state, _, err := a.Probe(ctx, w)
		if err != nil || state == wire.ActionDone || state == wire.ActionPartly {
			return err == nil, err
		}
	}
	return false, nil
}

// newStands proves that the new workloads are ready. It says no more: what is not initialised is ready too (reference/deployment.md 3.4, 10.5).
func newStands(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	finding := wire.Finding{ID: "new-ready", Verdict: wire.Holds}
	var open []string
	n := 0
	for _, d := range f.Successor.Releases {
		for _, wanted := range d.Workloads {
			now, there, err := w.Kube.Workload(ctx, wanted.Workload.Kind, f.Namespace, wanted.Workload.Name)
			if err != nil {
				return nil, err
			}
			seen := "it is not there"
			if there {
				seen = fmt.Sprintf("%d of %d ready", now.Ready, wanted.Replicas)
			}
			if n++; !there || now.Replicas != wanted.Replicas || now.Ready != wanted.Replicas {
				open = append(open, wanted.Workload.Name+" ("+seen+")")
			}
			finding.Evidence = append(finding.Evidence, wire.Evidence{Source: wanted.Workload.String(), Seen: seen, At: w.Clock.Now()})
		}
	}
	finding.Text = fmt.Sprintf("all %d workloads of the new synchronizer are ready. They are not initialised yet, and healthy all the same: the SV app initialises them when it migrates", n)
	if len(open) > 0 {
		finding.Verdict, finding.Text = wire.Violated, "not ready: "+strings.Join(open, ", ")
		finding.Next = "Look at their pods; a few restarts are normal while they come up"
	}
	return []wire.Finding{finding}, nil
}

// newChain asks the new CometBFT of which chain it is: one that is wired to the old chain says so there (reference/apis.md 2.3).
func newChain(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	s := f.Successor
	finding := wire.Finding{ID: "new-chain", Verdict: wire.Undetermined, Text: "of which chain the new CometBFT is: there is no way to ask it in this run", Next: "Ask the new CometBFT: its /status has the chain as node_info.network"}
	comet := s.workload(s.CometBFT)
	if w.Pods == nil || comet == nil {
		return []wire.Finding{finding}, nil
	}
	followed := action.Followed{Part: string(node.CometBFT), Follows: action.ByChain, Pods: comet.Pods}
	lags, err := action.ReadLags(ctx, w, []action.Followed{followed}, action.ReadSkew(ctx, w))
	if err != nil {
		return nil, err
	}
	l := lags[0]
	switch {
	case l.Chain == s.ChainID:
		finding = wire.Finding{ID: "new-chain", Verdict: wire.Holds, Text: "the new CometBFT says that it is of chain " + l.Chain}
	case l.Chain != "":
		finding.Verdict, finding.Text = wire.Violated, fmt.Sprintf("the new CometBFT says that it is of chain %s, and not of %s", l.Chain, s.ChainID)
		finding.Next = "Take this step back: it must not join with another chain"
	default:
		finding.Text = "of which chain the new CometBFT is: " + l.Seen
	}
	return []wire.Finding{finding}, nil
}

// workload finds one of the new ones by its name.
func (s *Successor) workload(name string) *action.Wanted {
	for _, d := range s.Releases {
		for i := range d.Workloads {
			if d.Workloads[i].Workload.Name == name {
				return &d.Workloads[i]
			}
		}
	}
	return nil
}

// oldUntouched proves that the old synchronizer is as it was found: nothing of this step is meant to change it.
func oldUntouched(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	found, err := action.AsFound(ctx, w, slices.Concat(f.chains(), f.servers()))
	for i := range found {
		if found[i].ID == "counts" {
			found[i].ID, found[i].Text = "old-as-found", "the old synchronizer is as it was found"
		}
	}
	return found, err
}
