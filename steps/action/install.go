package action

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// InstallRelease puts a release into a namespace, object by object, and never over what is not of this run. It does not wait until
// anything runs.
type InstallRelease struct {
	Where          kube.Where
	Chart, Version string
	Installation   release.Installation
	// Stored reads or renders what is installed. It refuses what is not what was shown.
	Stored func(context.Context, steps.World) (release.Stored, error)
	How    string   // how its objects came about: "recorded", "rendered"
	Helm   []string // the words with which Helm does the same
	Before []string // command lines that come before that, where it needs any
	Lines  []string // how its objects differ from those of a release that it is made after; without secrets
	Hooks  []string // of the chart, which are not made
}

func (i InstallRelease) Key() string         { return "install release " + i.Installation.Name }
func (i InstallRelease) Effect() wire.Effect { return wire.Repeatable }
func (i InstallRelease) Refs() []steps.Ref {
	return steps.KubeRefs(i.Installation.AccessInstall()...)
}

func (i InstallRelease) Show() wire.Preview {
	var names []string
	for _, p := range i.Installation.Parts {
		names = append(names, p.String())
	}
	after := fmt.Sprintf("%s as %s, and Helm's record of it: %s", counted(len(names), "object"), i.How, strings.Join(names, ", "))
	if len(i.Lines) > 0 {
		after += ". " + inShort(i.Lines)
	}
	if n := len(i.Hooks); n > 0 {
		after += fmt.Sprintf(". Not made: %s of the chart: %s", counted(n, "hook"), strings.Join(i.Hooks, ", "))
	}
	return wire.Preview{Title: fmt.Sprintf("%s (%s %s)", i.Key(), i.Chart, i.Version), Before: "no release of that name", After: after,
		Commands: append(slices.Clone(i.Before), kube.CommandHelm(i.Where, i.Installation.Namespace, i.Helm...))}
}

// counted is a number of things, as one says it.
func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func (i InstallRelease) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	s, err := i.Stored(ctx, h.World)
	if err != nil {
		return nil, err
	}
	if _, there, err := h.World.Kube.Namespace(ctx, i.Installation.Namespace); err == nil && !there {
		return []wire.Finding{{ID: i.Key(), Verdict: wire.Undetermined, Text: i.Key() + " can be tried only when namespace " + i.Installation.Namespace + " is there"}}, nil
	}
	tried, err := i.Installation.Try(ctx, h.World.Kube, h.Kube, s)
	if err != nil {
		return nil, i.taken(err)
	}
	return []wire.Finding{{ID: i.Key(), Verdict: wire.Holds, Text: fmt.Sprintf("the server would make %s of release %s", counted(tried, "object"), i.Installation.Name)}}, nil
}

func (i InstallRelease) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	s, err := i.Installation.Look(ctx, w.Kube)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	seen := fmt.Sprintf("%d of %d objects are there", len(s.There), len(i.Installation.Parts))
	if s.Record != "" {
		seen = "Helm says " + s.Record + ", " + seen
	}
	evidence := []wire.Evidence{{Source: "release " + i.Installation.Name, Seen: seen}}
	switch {
	case s.Done():
		return wire.ActionDone, evidence, nil
	case s.Record != "" && s.Ours:
		return wire.ActionPartly, evidence, nil
	}
	return wire.ActionPending, evidence, nil // over what is not ours nothing is installed: Do says so
}

func (i InstallRelease) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	s, err := i.Stored(ctx, h.World)
	if err != nil {
		return err
	}
	return i.taken(i.Installation.Do(ctx, h.World.Kube, h.Kube, s, h.World.Clock.Now(), func(done int, what string) {
		report(wire.Progress{Text: what, Done: int64(done), Total: int64(len(i.Installation.Parts)), Unit: "objects"})
	}))
}

// taken says what to do where something else has the place of the release.
func (i InstallRelease) taken(err error) error {
	if taken, ok := errors.AsType[*release.Taken](err); ok {
		return &steps.Problem{Tried: i.Key(), Seen: taken.What, Err: err,
			Next: "Nothing of it was changed. Find out who made it; remove it only if nothing of it is needed, then try again"}
	}
	return err
}

// UninstallRelease removes what an installation made. Claims stay.
type UninstallRelease struct {
	Where        kube.Where
	Installation release.Installation
}

func (u UninstallRelease) Key() string         { return "uninstall release " + u.Installation.Name }
func (u UninstallRelease) Effect() wire.Effect { return wire.Repeatable } // it can be installed again from where it came
func (u UninstallRelease) Refs() []steps.Ref {
	return steps.KubeRefs(u.Installation.AccessUninstall()...)
}

func (u UninstallRelease) Show() wire.Preview {
	return wire.Preview{Title: u.Key(), Before: "installed by this run", After: "its objects are gone, and Helm's record of it; its claims stay",
		Commands: []string{kube.CommandHelm(u.Where, u.Installation.Namespace, "uninstall", u.Installation.Name)}}
}

func (u UninstallRelease) Trial(context.Context, steps.Hands) ([]wire.Finding, error) {
	return []wire.Finding{{ID: u.Key(), Verdict: wire.Undetermined, Text: u.Key() + " can be tried only when it is installed"}}, nil
}

func (u UninstallRelease) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	s, err := u.Installation.Look(ctx, w.Kube)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	left := 0
	for _, p := range u.Installation.Parts {
		for _, there := range s.There {
			if there == p.String() && !p.Keep {
				left++
			}
		}
	}
	evidence := []wire.Evidence{{Source: "release " + u.Installation.Name, Seen: fmt.Sprintf("%s to remove", counted(left, "object"))}}
	switch {
	case left == 0 && s.Record == "":
		return wire.ActionDone, evidence, nil
	case s.Record == "" || !s.Ours:
		return wire.ActionUnknown, evidence, nil
	}
	return wire.ActionPending, evidence, nil
}

func (u UninstallRelease) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	err := u.Installation.Undo(ctx, h.World.Kube, h.Kube, func(done int, what string) {
		report(wire.Progress{Text: what, Done: int64(done), Total: int64(len(u.Installation.Parts)), Unit: "objects"})
	})
	if taken, ok := errors.AsType[*release.Taken](err); ok {
		return &steps.Problem{Tried: u.Key(), Seen: taken.What, Err: err, Next: "Nothing was removed. Look who works on it: helm history " + u.Installation.Name}
	}
	return err
}
