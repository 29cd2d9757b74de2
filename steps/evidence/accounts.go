package evidence

import (
	"context"
	"errors"
	"slices"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/doctor"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/triage"
)

// askAccounts reads what the participant's database tells of keys and users, since the newest usable backup run.
func (l *look) askAccounts(ctx context.Context) (postgres.Accounts, error) {
	n, err := l.node()
	if err != nil {
		return postgres.Accounts{}, err
	}
	i := slices.IndexFunc(n.Databases, func(d postgres.Database) bool { return d.Role == postgres.Participant })
	if i < 0 {
		return postgres.Accounts{}, errors.New("where the participant's database is is not known")
	}
	var since time.Time
	if set, _ := l.restorable(n); set != nil {
		since = set.Begin()
	}
	return l.databases.Accounts(ctx, n.Databases[i], since)
}

// readAccounts is when the participant's keys were last changed, and how many users were made since the newest usable backup run.
func readAccounts(_ context.Context, l *look, deliver func(func(*doctor.Evidence))) error {
	a, err := l.accounts()
	if err != nil {
		return err
	}
	at := triage.Reading{Source: "the participant's database", At: l.Clock.Now()}
	keys, users := doctor.KeysChanged{Reading: at, Last: a.KeysChanged}, doctor.Users{Reading: at, Since: a.Users}
	keys.Problem, users.Problem = plain.Line(a.KeysWhy), plain.Line(a.UsersWhy)
	deliver(func(e *doctor.Evidence) { e.KeysChanged, e.Users = keys, users })
	return nil
}

// readAcknowledgement is when this node's sequencer last heard of its participant. Other sequencers hear the same: acknowledgements are sequenced.
// That it does not tell leaves open when it was.
func readAcknowledgement(ctx context.Context, l *look, deliver func(func(*doctor.Evidence))) error {
	n, err := l.node()
	if err != nil {
		return err
	}
	sequencers := n.Of(node.Sequencer)
	a, err := l.accounts()
	if err != nil || len(sequencers) == 0 {
		return err
	}
	c := sequencers[0]
	last, err := action.ReadAcknowledged(ctx, l.world(), action.Pods{Workload: c.Ref, Selector: c.Selector}, a.Participant)
	if err != nil || last.IsZero() {
		return err
	}
	deliver(func(e *doctor.Evidence) { e.Pruning.LastAck = last })
	return nil
}

// readParties does not find out which parties a re-onboarding does not carry over: which are hosted on several participants stands in the topology,
// serialised by Canton, and no endpoint that is known lists them for a node.
func readParties(context.Context, *look, func(func(*doctor.Evidence))) error {
	return errors.New("no endpoint of the apps lists which parties are hosted elsewhere too, or are external; the console of the participant does (party_to_participant_mappings.list)")
}
