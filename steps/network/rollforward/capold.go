package rollforward

import (
	"context"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/releases"
	"canton.example/svrescue/steps/wire"
)

// Capped is that the old sequencer has the maximum sequencing time.
type Capped struct {
	At time.Time `json:"at"` // when that was seen
}

func (f Facts) capped() bool { return f.Cap != nil }

// capOld gives the old sequencer the maximum sequencing time.
func capOld() change {
	return change{name: "cap-old", title: "Cap the old synchronizer", diffTitle: "Cap: what changes", pods: "the old synchronizer", effect: wire.Repeatable, ready: true, tries: 2,
		shown:   "Derives the old sequencer's release with the maximum sequencing time, and shows what differs of values and of what is rendered.",
		summary: "Gives the old sequencer the maximum sequencing time, and looks in the pod that runs whether it has it.",
		idle: func(f Facts) string {
			if f.Situation == NothingSequenced {
				return "after an announced upgrade that failed the old synchronizer is past its upgrade time and needs no cap: upstream's variant has none"
			}
			return ""
		},
		wants: func(f Facts, _ []releases.Running, try int) ([]releases.Want, error) {
			old, err := f.oldRelease(node.Sequencer)
			if err != nil {
				return nil, err
			}
			// The list of the sequencer alone comes first: the other one goes to the mediator too, and what that makes of settings of a sequencer is not
			// verified. Charts that do not know the first leave it out, which the rendered Deployment shows.
			list := []string{"sequencer.additionalEnvVars", "additionalEnvVars"}[try]
			return []releases.Want{{Release: old, What: "maximum sequencing time", Source: f.source(""),
				Edit: releases.Edit{Add: map[string][]any{list: {variable(CapVariable, f.Agreed.Cap())}}}}}, nil
		},
		before: func(f Facts) time.Time { return f.Agreed.MaxSequencing },
		judge: func(f Facts, all []kube.Workload) []wire.Finding {
			return []wire.Finding{f.Agreed.Capped(f.environmentOf(all, f.oldName(node.Sequencer), "sequencer"))}
		},
		check: func(_ context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			if f.Agreed.MaxSequencing.After(w.Clock.Now()) {
				return []wire.Finding{{ID: "in-time", Verdict: wire.Holds, Text: "the maximum sequencing time " + stamp(f.Agreed.MaxSequencing) + " is still to come"}}, nil
			}
			return []wire.Finding{{ID: "in-time", Verdict: wire.Violated, Text: "the maximum sequencing time " + stamp(f.Agreed.MaxSequencing) + " has passed, and the old sequencer does not have it",
				Next:  "That is right only while the old synchronizer stands still for all SVs. Else agree on a later time with the call, and settle a new card",
				Waive: "the old synchronizer stands still for all SVs, and the call knows that this one is late"}}, nil
		},
		proof: func(_ context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			now := w.Clock.Now().UTC()
			f.Cap = &Capped{At: now}
			in := wire.Finding{ID: "before", Verdict: wire.Holds, Text: "the running pod had it before the time came"}
			if !now.Before(f.Agreed.MaxSequencing) {
				in = wire.Finding{ID: "before", Verdict: wire.Attention, Text: "that the running pod has it was seen only after the time had passed", Next: "Tell the call: if the old synchronizer sequenced something here after it, this SV may have it and others not"}
			}
			return []wire.Finding{in, {ID: "keys", Verdict: wire.Attention, Text: "whether the sequencer of this release takes the setting is not seen: it is read when the sequencer starts",
				Next: "Look into its log for an error about lsu-repair. Upstream's page and Canton's code have global-max-sequencing-time-exclusive, Splice's own test has it with inclusive"}}, nil
		},
	}
}

func variable(name, value string) map[string]any { return map[string]any{"name": name, "value": value} }

// oldRelease is the Helm release of a part of the broken synchronizer.
func (f Facts) oldRelease(part node.Part) (string, error) {
	for _, c := range f.old(part) {
		if c.Release != "" {
			return c.Release, nil
		}
	}
	return "", &steps.Problem{Tried: "finding the release of the old " + string(part), Seen: "no workload of serial " + brokenSerial(*f.Node, f.Situation) + " tells the Helm release that made it",
		Next: "Look at the labels of its Deployment; a node that was not installed by Helm is changed by hand"}
}

// oldName is the workload of a part of the broken synchronizer; empty: there is none.
func (f Facts) oldName(part node.Part) string {
	for _, c := range f.old(part) {
		return c.Ref.Name
	}
	return ""
}

// environmentOf is what a container of one of the workloads gets.
func (f Facts) environmentOf(all []kube.Workload, name, container string) map[string]string {
	w, ok := workload(all, name)
	if !ok {
		return nil
	}
	return environment(w, container)
}
