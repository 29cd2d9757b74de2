package network

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/steps/wire"
)

// rollForward is what to do instead on a release that knows no migration dumps any more (reference/deployment.md 11).
const rollForward = "From 0.6.2 on a network is recovered by the roll-forward logical synchronizer upgrade: the SVs agree on the last good time, deploy a successor " +
	"sequencer and mediator with a new serial ID, and start the SV app with rollForwardLsu: svrescue run network-roll-forward. Nothing of this path helps there"

func releaseGate() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "network/release-gate", Title: "Release gate", Effect: wire.Observe,
		Summary: "Looks which Splice release runs here and how Helm applies it, and refuses where it cannot be recovered with migration dumps.",
		Check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			if f.Node == nil {
				return nil, nil
			}
			seen, err := sightings(ctx, w, *f.Node)
			if err != nil {
				return nil, err
			}
			late, err := f.serverSide(ctx, w, wire.Violated)
			return append(gate(*f.Node, seen), late...), err
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			seen, err := sightings(ctx, w, *f.Node)
			if err != nil {
				return nil, err
			}
			late, err := f.serverSide(ctx, w, wire.Violated)
			if err != nil {
				return nil, err
			}
			found := append(gate(*f.Node, seen), late...)
			look, err := chain(ctx, w, *f.Node)
			if err != nil {
				return nil, err
			}
			f.Chain = blockOf(look)
			f.Gate = &Gate{}
			for _, s := range seen {
				if triage.FamilyOf(s.release) == triage.FamilyA && f.Gate.Release == "" { // that of the SV app comes first
					f.Gate.Release = s.release
				}
				f.Gate.Seen = append(f.Gate.Seen, s.source+": "+s.said)
			}
			return found, nil
		},
	}
}

// sighting is a place that tells which release runs. release is empty where what it said is none.
type sighting struct{ source, said, release string }

// gateParts are the parts whose release counts. The SV app comes first: it is the one that exports the data and reads the dump.
var gateParts = []node.Part{node.SVApp, node.ScanApp, node.Validator, node.Participant, node.Sequencer, node.Mediator, node.CometBFT}

var (
	chartVersion = regexp.MustCompile(`-v?(\d+\.\d+\.\d+.*)$`)
	imageTag     = regexp.MustCompile(`:v?(\d+\.\d+\.\d+[^:/@]*)(?:@.*)?$`)
)

// sightings are what the SV app says, and what image tags and chart labels of the current synchronizer and its apps say.
func sightings(ctx context.Context, w steps.World, n node.Node) ([]sighting, error) {
	var all []sighting
	switch v, err := appVersion(ctx, w, n); {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case kube.KindOf(err) == kube.Unauthorized:
		return nil, err
	case err != nil:
		all = append(all, sighting{"the SV app's /version", "it does not answer: " + why(err), ""})
	default:
		all = append(all, sighting{"the SV app's /version", v, v})
	}
	for _, part := range gateParts {
		for _, c := range n.Of(part) {
			workload, there, err := w.Kube.Workload(ctx, c.Ref.Kind, c.Ref.Namespace, c.Ref.Name)
			if err != nil {
				return nil, err
			}
			if !there {
				continue
			}
			for _, k := range workload.Containers {
				if m := imageTag.FindStringSubmatch(k.Image); !k.Init && m != nil {
					all = append(all, sighting{"image of " + c.Ref.Name + ", container " + k.Name, m[1], m[1]})
				}
			}
			if m := chartVersion.FindStringSubmatch(c.Chart); m != nil {
				release := strings.ReplaceAll(m[1], "_", "+")
				all = append(all, sighting{"chart of " + c.Ref.Name, release, release})
			}
		}
	}
	return all, nil
}

// gate judges what was seen. Images of other makers have tags of their own: what belongs to no line of releases counts for nothing.
func gate(n node.Node, seen []sighting) []wire.Finding {
	var old, new []sighting
	var evidence []wire.Evidence
	releases := map[string]bool{}
	for _, s := range seen {
		evidence = append(evidence, wire.Evidence{Source: s.source, Seen: s.said})
		switch triage.FamilyOf(s.release) {
		case triage.FamilyA:
			old = append(old, s)
			releases[core(s.release)] = true
		case triage.FamilyB, triage.FamilyC:
			new = append(new, s)
		}
	}
	one := func(v wire.Verdict, text, next string) []wire.Finding {
		return []wire.Finding{{ID: "release", Verdict: v, Text: text, Next: next, Evidence: evidence}}
	}
	switch {
	case len(old) > 0 && len(new) > 0:
		return one(wire.Violated, fmt.Sprintf("this node is between two releases: %s is %s, and %s is %s", old[0].source, old[0].release, new[0].source, new[0].release),
			"Which recovery can work depends on the release. Finish the upgrade or take it back, and look again. "+rollForward)
	case len(new) > 0:
		return one(wire.Violated, "Splice "+new[0].release+" cannot be recovered with migration dumps: 0.6.2 took that out ("+new[0].source+")", rollForward)
	case len(old) == 0:
		return one(wire.Violated, "which Splice release runs here could not be seen, and this path must not be taken on a guess: it helps up to 0.6.1 and does harm from 0.6.2 on",
			"Bring the SV app up so that its /version answers, or look what its image is; then look again")
	}
	found := one(wire.Holds, "Splice "+old[0].release+" can be recovered with migration dumps ("+old[0].source+")", "")
	if len(releases) > 1 {
		found = append(found, wire.Finding{ID: "release-differs", Verdict: wire.Attention, Text: "the parts of this node are of different releases, all of them up to 0.6.1",
			Next: "Look whether an upgrade was left half done: all SVs have to start the new synchronizer with the chart version of the card"})
	}
	if len(n.Of(node.CometBFT)) == 0 {
		found = append(found, wire.Finding{ID: "ordering", Verdict: wire.Undetermined, Text: "no CometBFT was found, and this path is for the loss of the CometBFT layer",
			Next: "Look whether it was uninstalled, or whether this sequencer orders without it"})
	}
	return found
}

// core is a release without what tells its builds apart.
func core(release string) string {
	return strings.TrimPrefix(release[:max(0, slices.IndexFunc([]byte(release+"-"), func(b byte) bool { return b == '-' || b == '+' }))], "v")
}
