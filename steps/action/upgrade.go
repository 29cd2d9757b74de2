package action

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// UpgradeRelease puts another revision of a release in force, object by object, and never over a revision of somebody else. It does not wait
// until anything runs.
type UpgradeRelease struct {
	Where               kube.Where
	Chart, Version, Was string // chart, its version, and the version of the chart before
	Upgrade             release.Upgrade
	Lines               []string // how its objects differ; without secrets
	// Stored renders what is put in force. It refuses what is not what was shown.
	Stored func(context.Context, steps.World) (release.Stored, error)
	Helm   []string // the words with which Helm does the same
	Hooks  []string // of the chart, which are not run
}

// linesShown is how many differences a preview tells; the findings of the step before tell all.
const linesShown = 12

// inShort is the first of the differences, and how many more there are.
func inShort(lines []string) string {
	if n := len(lines); n > linesShown {
		return strings.Join(lines[:linesShown], "; ") + fmt.Sprintf("; and %s more, told before", counted(n-linesShown, "difference"))
	}
	return strings.Join(lines, "; ")
}

func (u UpgradeRelease) Key() string         { return "upgrade release " + u.Upgrade.Name }
func (u UpgradeRelease) Effect() wire.Effect { return wire.Repeatable }
func (u UpgradeRelease) Refs() []steps.Ref   { return steps.KubeRefs(u.Upgrade.AccessUpgrade()...) }

func (u UpgradeRelease) Show() wire.Preview {
	before := fmt.Sprintf("revision %d is in force", u.Upgrade.From)
	if u.Upgrade.From != u.Upgrade.Newest {
		before += fmt.Sprintf("; revision %d is not, though it is newer", u.Upgrade.Newest)
	}
	after := "a new revision, in which no object differs"
	if len(u.Lines) > 0 {
		after = "a new revision, and: " + inShort(u.Lines)
	}
	if n := len(u.Hooks); n > 0 {
		after += fmt.Sprintf(". Not run: %s of the chart: %s", counted(n, "hook"), strings.Join(u.Hooks, ", "))
	}
	title := fmt.Sprintf("%s (%s %s)", u.Key(), u.Chart, u.Version)
	if u.Was != "" && u.Was != u.Version {
		title = fmt.Sprintf("%s (%s %s to %s)", u.Key(), u.Chart, u.Was, u.Version)
	}
	return wire.Preview{Title: title, Before: before, After: after, Commands: []string{kube.CommandHelm(u.Where, u.Upgrade.Namespace, u.Helm...)}}
}

func (u UpgradeRelease) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	s, err := u.Stored(ctx, h.World)
	if err != nil {
		return nil, err
	}
	tried, err := u.Upgrade.Try(ctx, h.World.Kube, h.Kube, s)
	if err != nil {
		return nil, unsettled(u.Key(), u.Upgrade.Name, err)
	}
	return []wire.Finding{{ID: u.Key(), Verdict: wire.Holds, Text: fmt.Sprintf("the server would take the changes of %s of release %s", counted(tried, "object"), u.Upgrade.Name)}}, nil
}

func (u UpgradeRelease) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	s, err := u.Upgrade.Look(ctx, w.Kube)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	evidence := seenOf(u.Upgrade, s)
	switch {
	case s.Done():
		return wire.ActionDone, evidence, nil
	case s.Revision > 0 && s.Back == 0 && s.Taken == "":
		return wire.ActionPartly, evidence, nil
	}
	return wire.ActionPending, evidence, nil // over a revision of somebody else nothing is done: Do says so
}

// seenOf is what Helm's records say of an upgrade.
func seenOf(u release.Upgrade, s release.Upgraded) []wire.Evidence {
	seen := fmt.Sprintf("the newest revision is %d", s.Newest)
	switch {
	case s.Back > 0 && s.Revision == 0:
		seen = fmt.Sprintf("it was taken back by revision %d", s.Back)
	case s.Back > 0:
		seen = fmt.Sprintf("it is being taken back by revision %d", s.Back)
	case s.Revision > 0:
		seen = fmt.Sprintf("Helm says that revision %d is %s", s.Revision, s.Status)
	}
	if s.Taken != "" {
		seen += "; " + s.Taken
	}
	return []wire.Evidence{{Source: "release " + u.Name, Seen: seen}}
}

func (u UpgradeRelease) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	s, err := u.Stored(ctx, h.World)
	if err != nil {
		return err
	}
	return unsettled(u.Key(), u.Upgrade.Name, u.Upgrade.Do(ctx, h.World.Kube, h.Kube, s, h.World.Clock.Now(), func(done int, what string) {
		report(wire.Progress{Text: what, Done: int64(done), Total: int64(len(u.Upgrade.Parts)), Unit: "objects"})
	}))
}

// unsettled says what to do where the release is not ours to change.
func unsettled(tried, name string, err error) error {
	if taken, ok := errors.AsType[*release.Taken](err); ok {
		return &steps.Problem{Tried: tried, Seen: taken.What, Err: err,
			Next: "Find out who works on it (helm history " + name + "), and agree with them; then look again, so that it is derived from what is in force now"}
	}
	if unusable, ok := errors.AsType[*release.Unusable](err); ok {
		return &steps.Problem{Tried: tried, Seen: "release " + name + " " + unusable.Why, Err: err, Next: unusable.Next}
	}
	return err
}

// RollBackRelease takes an upgrade back by the next revision, which has what was in force before it.
type RollBackRelease struct {
	Where   kube.Where
	Upgrade release.Upgrade
}

func (r RollBackRelease) Key() string         { return "roll back release " + r.Upgrade.Name }
func (r RollBackRelease) Effect() wire.Effect { return wire.Repeatable }
func (r RollBackRelease) Refs() []steps.Ref   { return steps.KubeRefs(r.Upgrade.AccessBack()...) }

func (r RollBackRelease) Show() wire.Preview {
	return wire.Preview{Title: r.Key(), Before: "upgraded by this run", After: fmt.Sprintf("the next revision, with what revision %d has", r.Upgrade.From),
		Commands: []string{kube.CommandHelm(r.Where, r.Upgrade.Namespace, "rollback", r.Upgrade.Name, fmt.Sprint(r.Upgrade.From), "--no-hooks")}}
}

func (r RollBackRelease) Trial(context.Context, steps.Hands) ([]wire.Finding, error) {
	return []wire.Finding{{ID: r.Key(), Verdict: wire.Undetermined, Text: r.Key() + " can be tried only when it is upgraded"}}, nil
}

func (r RollBackRelease) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	s, err := r.Upgrade.Look(ctx, w.Kube)
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	evidence := seenOf(r.Upgrade, s)
	switch {
	case s.Revision > 0 && s.Taken != "":
		return wire.ActionUnknown, evidence, nil
	case s.Revision == 0 && s.Settled():
		return wire.ActionDone, evidence, nil
	}
	return wire.ActionPending, evidence, nil
}

func (r RollBackRelease) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	return unsettled(r.Key(), r.Upgrade.Name, r.Upgrade.Back(ctx, h.World.Kube, h.Kube, h.World.Clock.Now(), func(done int, what string) {
		report(wire.Progress{Text: what, Done: int64(done), Total: int64(len(r.Upgrade.Parts)), Unit: "objects"})
	}))
}
