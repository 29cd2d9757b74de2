package rollforward

import (
	"context"
	"errors"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/releases"
	"canton.example/svrescue/steps/wire"
)

const (
	// choiceUntold is the choice that starts the SV app without an upgrade time for its participant.
	choiceUntold = "without-upgrade-time"

	upgradeTimeValue = "rollForwardLsu.exportTimes.upgradeTime"

	// atTimePatience is for how long a participant may wait for the time that it is told: a capped synchronizer may not reach it, ever.
	atTimePatience = 10 * time.Minute
)

// stuck is the error of a participant that is told an upgrade time at which it does not stand. Canton's notes say to repeat it without one
// (reference/deployment.md 11), which actions do; none: the values do not have it.
type stuck struct {
	failure wire.Failure
	actions []steps.Action
}

func (s *stuck) Error() string         { return s.failure.Error() }
func (s *stuck) Failure() wire.Failure { return s.failure }

// untoldRemedies offer to start the SV app without the upgrade time.
func untoldRemedies(err error) []steps.Remedy {
	var s *stuck
	if !errors.As(err, &s) || len(s.actions) == 0 {
		return nil
	}
	return []steps.Remedy{{Choice: choiceUntold, Label: "Roll forward without the upgrade time", Actions: s.actions,
		Detail: "as Canton's notes have it: the SV app is started anew, and its participant moves from where it stands; tell the call"}}
}

// stuckAt is the error for what was seen, with what it takes to go on.
func (f Facts) stuckAt(ctx context.Context, w steps.World, seen string) error {
	actions, err := f.withoutTime(ctx, w)
	if err != nil {
		return err
	}
	next := "Its values have no " + upgradeTimeValue + ": look in its log which time it is told, and ask the call"
	if len(actions) > 0 {
		next = "Canton's notes say to repeat it without an upgrade time: that takes " + upgradeTimeValue + " out of the values of the SV app. Tell the call"
	}
	return &stuck{wire.Failure{Tried: "following the SV app", Seen: seen, Next: next}, actions}
}

// withoutTime are the actions that start the SV app without the upgrade time; none: its values have no such time.
func (f Facts) withoutTime(ctx context.Context, w steps.World) ([]steps.Action, error) {
	all, err := releases.InForce(ctx, w, f.Node.Subject.Namespace)
	if err != nil {
		return nil, err
	}
	running, err := f.running(all, node.SVApp)
	if err != nil {
		return nil, err
	}
	values, err := valuesOf(running)
	if err != nil || values.at(upgradeTimeValue) == nil {
		return nil, err
	}
	d, err := releases.Derive(ctx, w, running, releases.Want{Release: running.Name, What: "without an upgrade time", Source: f.source(""), Edit: releases.Edit{Drop: []string{upgradeTimeValue}}})
	if err != nil {
		return nil, err
	}
	return append(d.Actions(f.site()), awaitStarted{namespace: f.Node.Subject.Namespace, workloads: d.Workloads}), nil
}
