package evidence

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps/doctor"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/triage"
)

// scheduleKey is how the validator app's configuration names the schedule. The values of its chart are written into the environment, and people
// set it there themselves (the name is that of upstream's own deployment; the chart's template was not read).
const scheduleKey = "participant-pruning-schedule"

var scheduleWord = regexp.MustCompile(`(cron|retention)\s*[=:]\s*"?([^"\n}]{1,60})`)

// readSchedule looks for the pruning schedule of the participant in the values of the validator app's release (reference/deployment.md 4), and in
// the environment of the app.
func readSchedule(_ context.Context, l *look, deliver func(func(*doctor.Evidence))) error {
	n, err := l.node()
	if err != nil {
		return err
	}
	s := doctor.Schedule{Reading: triage.Reading{Source: "the validator app's values and environment", At: l.Clock.Now()}}
	var unread error
	releases, err := l.releases()
	if err != nil {
		unread = err
	}
	for _, c := range n.Of(node.Validator) {
		for _, r := range releases {
			if r.Name != c.Release || r.Problem != "" {
				continue
			}
			values := valuesOf(r)
			if set, has := at(values, "participantPruningSchedule"); has && set != nil && set != false {
				s.Set, s.Seen = true, saysSchedule(text(values, "participantPruningSchedule.cron"), text(values, "participantPruningSchedule.retention"), "the values of release "+r.Name)
			}
		}
		if seen, has := l.scheduleOf(c); !s.Set && has {
			s.Set, s.Seen = true, seen
		}
	}
	switch {
	case len(n.Of(node.Validator)) == 0:
		return errors.New("there is no validator app among the workloads")
	case !s.Set && unread != nil:
		return unread // it may stand there
	}
	deliver(func(e *doctor.Evidence) { e.Schedule = s })
	return nil
}

// scheduleOf looks through what stands literally in the environment of a component. Of a value that has it, the schedule and nothing else is told.
func (l *look) scheduleOf(c node.Component) (string, bool) {
	workloads, err := l.workloads()
	if err != nil {
		return "", false
	}
	for _, w := range workloads {
		if w.Kind != c.Ref.Kind || w.Name != c.Ref.Name {
			continue
		}
		for _, k := range w.Containers {
			for _, v := range k.Env {
				_, after, has := strings.Cut(v.Value, scheduleKey)
				if !has {
					continue
				}
				found := map[string]string{}
				for _, m := range scheduleWord.FindAllStringSubmatch(after, 2) {
					found[m[1]] = m[2]
				}
				return saysSchedule(found["cron"], found["retention"], "variable "+v.Name+" of "+c.Ref.Name), true
			}
		}
	}
	return "", false
}

func saysSchedule(cron, retention, where string) string {
	told := "it is set"
	if cron != "" {
		told = "it prunes by the schedule " + plain.Line(strings.TrimSpace(cron))
	}
	if retention != "" {
		told += " and keeps " + plain.Line(strings.TrimSpace(retention))
	}
	return told + " (" + where + ")"
}
