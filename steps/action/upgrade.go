package action

import (
	"context"
	"errors"

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
	Lines               []string // how its objects differ
	// Stored renders what is put in force. It refuses what is not what was shown.
	Stored func(context.Context, steps.World) (release.Stored, error)
	Helm   []string // the words with which Helm does the same
	Hooks  []string // of the chart, which are not run
}

func (u UpgradeRelease) Key() string         { return "upgrade release " + u.Upgrade.Name }
func (u UpgradeRelease) Effect() wire.Effect { return wire.Repeatable }
func (u UpgradeRelease) Refs() []steps.Ref   { return steps.KubeRefs(u.Upgrade.AccessUpgrade()...) }
func (u UpgradeRelease) Show() wire.Preview  { return wire.Preview{Title: u.Key()} }

func (u UpgradeRelease) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	return nil, errors.ErrUnsupported
}

func (u UpgradeRelease) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	return wire.ActionUnknown, nil, errors.ErrUnsupported
}

func (u UpgradeRelease) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	return errors.ErrUnsupported
}

// RollBackRelease takes an upgrade back by the next revision, which has what was in force before it.
type RollBackRelease struct {
	Where   kube.Where
	Upgrade release.Upgrade
}

func (r RollBackRelease) Key() string         { return "roll back release " + r.Upgrade.Name }
func (r RollBackRelease) Effect() wire.Effect { return wire.Repeatable }
func (r RollBackRelease) Refs() []steps.Ref   { return steps.KubeRefs(r.Upgrade.AccessBack()...) }
func (r RollBackRelease) Show() wire.Preview  { return wire.Preview{Title: r.Key()} }

func (r RollBackRelease) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	return nil, errors.ErrUnsupported
}

func (r RollBackRelease) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	return wire.ActionUnknown, nil, errors.ErrUnsupported
}

func (r RollBackRelease) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	return errors.ErrUnsupported
}
