package evidence

import (
	"cmp"
	"context"
	"slices"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/record"
	"canton.example/svrescue/steps/triage"
)

// readConfiguration is what the values of Helm tell of the KMS and of the retention.
func readConfiguration(_ context.Context, l *look, deliver func(func(*triage.Evidence))) error {
	n, err := l.node()
	if err != nil {
		return err
	}
	releases, err := l.releases()
	if err != nil {
		return err
	}
	kms := triage.KMS{Reading: l.reading("configuration")}
	participants := n.Of(node.Participant)
	i := slices.IndexFunc(releases, func(r release.Release) bool {
		return r.Problem == "" && (r.Chart == "splice-participant" && len(participants) == 0 || slices.ContainsFunc(participants, func(c node.Component) bool { return c.Release == r.Name }))
	})
	switch {
	case i < 0:
		kms.Problem = "no record of Helm of the participant's release was found, and only its values tell whether there is one"
	default:
		kms.Source = "values of release " + releases[i].Name
		values, set := valuesOf(releases[i]), false
		// The key of the chart (reference/deployment.md 4). A KMS that is set up by a variable of the environment alone is not seen.
		var settings any
		if settings, set = at(values, "kms"); set && settings != nil && settings != false {
			which := plain.Line(cmp.Or(text(values, "kms.type"), "its kind is not named"))
			kms.Problem = "the participant is set up with a KMS (" + which + "), and this program cannot ask it"
		} else {
			kms.State = triage.KMSNone
		}
	}
	pruning := triage.Pruning{Reading: l.reading("configuration"), Retention: n.Retention}
	if n.Retention.From != "" {
		pruning.Source = n.Retention.From
	}
	deliver(func(e *triage.Evidence) { e.KMS, e.Pruning = kms, pruning })
	return nil
}

// readManaged tells whether there are servers whose backups only their service knows.
func readManaged(_ context.Context, l *look, deliver func(func(*triage.Evidence))) error {
	n, err := l.node()
	if err != nil {
		return err
	}
	m := triage.Place{Reading: triage.Reading{Source: "no managed database service", At: l.Clock.Now()}}
	for _, s := range n.Servers() {
		if s.Managed() {
			m.Source, m.Problem = "the managed database service", "the backups of "+s.String()+", a server outside the cluster, cannot be seen from here"
		}
	}
	deliver(func(e *triage.Evidence) { e.Backups.Managed = m })
	return nil
}

// readRecord looks at the record of the node, where one is named.
func readRecord(_ context.Context, l *look, deliver func(func(*triage.Evidence))) error {
	r := triage.Record{Reading: triage.Reading{Source: "the record of the node", At: l.Clock.Now()}}
	if l.Record == "" {
		r.Problem = "none was named"
	} else {
		read, err := record.Open(record.Folder(l.Record))
		if err != nil {
			return err
		}
		r.Source, r.Made = "the record in "+plain.Line(l.Record), read.Made
	}
	deliver(func(e *triage.Evidence) { e.Record = r })
	return nil
}
