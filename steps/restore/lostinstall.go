package restore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/charts"
	"canton.example/svrescue/steps/wire"
)

// installRelease puts a release into the namespace, object by object: as it was in force when the record was made, or as saved values
// render. It does not wait until anything runs.
type installRelease struct {
	where        kube.Where
	release      LostRelease
	installation release.Installation
	lost         LostNode     // where it comes from, and its digest as it was read
	saved        charts.Saved // where it is rendered
}

func (i installRelease) Key() string         { return "install release " + i.release.Name }
func (i installRelease) Effect() wire.Effect { return wire.Repeatable }
func (i installRelease) Refs() []steps.Ref {
	return steps.KubeRefs(i.installation.AccessInstall()...)
}

func (i installRelease) Show() wire.Preview {
	var names []string
	for _, p := range i.release.Parts {
		names = append(names, p.String())
	}
	how, command := "recorded", []string{"install", i.release.Name, chartAddress(i.release.Chart), "--version", i.release.Version, "-f", i.lost.Folder + "/helm/" + i.release.Name + "-values.yaml"}
	if i.lost.fromValues() {
		how, command = "rendered", []string{"install", i.release.Name, i.release.ChartPath}
		for _, file := range i.release.Files {
			command = append(command, "-f", file)
		}
	}
	after := fmt.Sprintf("%s as %s, and Helm's record of it: %s", count(len(names), "object"), how, strings.Join(names, ", "))
	if n := len(i.release.Hooks); n > 0 {
		after += fmt.Sprintf(". Not made: %s of the chart: %s", count(n, "hook"), strings.Join(i.release.Hooks, ", "))
	}
	return wire.Preview{Title: fmt.Sprintf("%s (%s %s)", i.Key(), i.release.Chart, i.release.Version), Before: "no release of that name", After: after,
		Commands: []string{kube.CommandHelm(i.where, i.installation.Namespace, command...)}}
}

// count is a number of things, as one says it.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// stored reads the release, which must be of what was read before.
func (i installRelease) stored(ctx context.Context, c charts.Cluster) (release.Stored, error) {
	r, err := openLost(ctx, c, i.lost, i.saved)
	if err != nil {
		return release.Stored{}, err
	}
	if r.Digest != i.lost.Digest {
		p := &steps.Problem{Tried: "reading release " + i.release.Name + " from " + i.lost.source(), Seen: "it is another record than the one that was read and shown",
			Next: "Put the record back as it was; or start a new run, which reads it again"}
		if i.lost.fromValues() {
			p.Seen = "they do not make what was read and shown: the values, the charts, or what this cluster offers have changed since, or a chart writes down the time"
			p.Next = "Put them back as they were; or start a new run, which renders them again"
		}
		return release.Stored{}, p
	}
	return r.Stored(i.release.Name)
}

func (i installRelease) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	s, err := i.stored(ctx, h.World.Kube)
	if err != nil {
		return nil, err
	}
	tried, err := i.installation.Try(ctx, h.World.Kube, h.Kube, s)
	if err != nil {
		return nil, i.taken(err)
	}
	return []wire.Finding{{ID: i.Key(), Verdict: wire.Holds, Text: fmt.Sprintf("the server would make %s of release %s", count(tried, "object"), i.release.Name)}}, nil
}

func (i installRelease) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	s, err := i.installation.Look(ctx, w.Kube)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	seen := fmt.Sprintf("%d of %d objects are there", len(s.There), len(i.release.Parts))
	if s.Record != "" {
		seen = "Helm says " + s.Record + ", " + seen
	}
	evidence := []wire.Evidence{{Source: "release " + i.release.Name, Seen: seen}}
	switch {
	case s.Done():
		return wire.ActionDone, evidence, nil
	case s.Record != "" && s.Ours:
		return wire.ActionPartly, evidence, nil
	}
	return wire.ActionPending, evidence, nil // over what is not ours nothing is installed: Do says so
}

func (i installRelease) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	s, err := i.stored(ctx, h.World.Kube)
	if err != nil {
		return err
	}
	return i.taken(i.installation.Do(ctx, h.World.Kube, h.Kube, s, h.World.Clock.Now(), func(done int, what string) {
		report(wire.Progress{Text: what, Done: int64(done), Total: int64(len(i.release.Parts)), Unit: "objects"})
	}))
}

// taken says what to do where something else has the place of the release.
func (i installRelease) taken(err error) error {
	if taken, ok := errors.AsType[*release.Taken](err); ok {
		return &steps.Problem{Tried: i.Key(), Seen: taken.What, Err: err,
			Next: "Nothing of it was changed. Find out who made it; remove it only if nothing of it is needed, then try again"}
	}
	return err
}

// uninstallRelease removes what an installation made. Claims stay.
type uninstallRelease struct {
	where        kube.Where
	installation release.Installation
}

func (u uninstallRelease) Key() string         { return "uninstall release " + u.installation.Name }
func (u uninstallRelease) Effect() wire.Effect { return wire.Repeatable } // it can be installed again from where it came
func (u uninstallRelease) Refs() []steps.Ref {
	return steps.KubeRefs(u.installation.AccessUninstall()...)
}

func (u uninstallRelease) Show() wire.Preview {
	return wire.Preview{Title: u.Key(), Before: "installed by this run", After: "its objects are gone, and Helm's record of it; its claims stay",
		Commands: []string{kube.CommandHelm(u.where, u.installation.Namespace, "uninstall", u.installation.Name)}}
}

func (u uninstallRelease) Trial(context.Context, steps.Hands) ([]wire.Finding, error) {
	return []wire.Finding{{ID: u.Key(), Verdict: wire.Undetermined, Text: u.Key() + " can be tried only when it is installed"}}, nil
}

func (u uninstallRelease) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	s, err := u.installation.Look(ctx, w.Kube)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	left := 0
	for _, p := range u.installation.Parts {
		for _, there := range s.There {
			if there == p.String() && !p.Keep {
				left++
			}
		}
	}
	evidence := []wire.Evidence{{Source: "release " + u.installation.Name, Seen: fmt.Sprintf("%s to remove", count(left, "object"))}}
	switch {
	case left == 0 && s.Record == "":
		return wire.ActionDone, evidence, nil
	case s.Record == "" || !s.Ours:
		return wire.ActionUnknown, evidence, nil
	}
	return wire.ActionPending, evidence, nil
}

func (u uninstallRelease) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	err := u.installation.Undo(ctx, h.World.Kube, h.Kube, func(done int, what string) {
		report(wire.Progress{Text: what, Done: int64(done), Total: int64(len(u.installation.Parts)), Unit: "objects"})
	})
	if taken, ok := errors.AsType[*release.Taken](err); ok {
		return &steps.Problem{Tried: u.Key(), Seen: taken.What, Err: err, Next: "Nothing was removed. Look who works on it: helm history " + u.installation.Name}
	}
	return err
}
