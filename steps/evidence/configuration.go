package evidence

import (
	"cmp"
	"context"
	"regexp"
	"slices"
	"strings"

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
		// The key of the chart (reference/deployment.md 4, 9.6).
		var settings any
		if settings, set = at(values, "kms"); set && settings != nil && settings != false {
			which := plain.Line(cmp.Or(text(values, "kms.type"), "its kind is not named"))
			kms.Problem = "the participant is set up with a KMS (" + which + "), and this program cannot ask it"
		} else if tells := l.tellOfKMS(participants); len(tells) > 0 {
			kms.Problem = "the values name no KMS, and the environment of the participant may set one up: " + strings.Join(tells, ", ") + ". Whether it does was not verified; ask whoever set it up"
		} else {
			kms.State = triage.KMSNone
		}
	}
	pruning := triage.Pruning{Reading: l.reading("configuration"), Retention: n.Retention}
	if n.Retention.From != "" {
		pruning.Source = n.Retention.From
	}
	deliver(func(e *triage.Evidence) {
		pruning.LastAck = e.Pruning.LastAck // that is read by another source
		e.KMS, e.Pruning = kms, pruning
	})
	return nil
}

// cloud are names of variables by which the libraries of AWS and of Google find their credentials. A participant has little other use for them.
var cloud = regexp.MustCompile(`^(AWS_|GOOGLE_APPLICATION_CREDENTIALS$)`)

// tellOfKMS names variables of participants that tell of a KMS: by their names, by what they are taken from, or by what they hold, which may be
// a block of configuration (ADDITIONAL_CONFIG_*). Which of them Splice reads for that was not verified. A value is looked at and never told.
func (l *look) tellOfKMS(participants []node.Component) (names []string) {
	workloads, err := l.workloads()
	if err != nil {
		return nil
	}
	for _, w := range workloads {
		if !slices.ContainsFunc(participants, func(c node.Component) bool { return c.Ref == w.Ref() }) {
			continue
		}
		for _, k := range w.Containers {
			for _, v := range k.Env {
				if tells := strings.Contains(strings.ToLower(v.Name+" "+v.From+" "+v.Value), "kms"); tells || cloud.MatchString(v.Name) {
					names = append(names, plain.Line("variable "+v.Name+" of container "+k.Name))
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
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
