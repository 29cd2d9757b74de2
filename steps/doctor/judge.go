package doctor

import (
	"fmt"
	"slices"
	"time"

	"canton.example/svrescue/steps/triage"
)

// look is what the rules share.
type look struct {
	Evidence
	now    time.Time
	judged triage.Result
	sets   []triage.JudgedSet // youngest first
	unread []string
}

// finding is what a rule found.
type finding struct {
	verdict triage.Verdict
	detail  string
	source  string
	at      time.Time
}

// rule is one condition: what it is, what follows if it does not hold, what to do if it is violated, what to do to know, and how it is judged.
type rule struct {
	id, title        string
	consequence, fix string
	learn            string
	informational    bool
	judge            func(look) finding
}

// Judge says what the evidence means at that time.
func Judge(e Evidence, now time.Time) Report {
	l := look{Evidence: e, now: now, judged: triage.Judge(e.Evidence, now)}
	l.sets, l.unread = triage.Sets(e.Evidence, now)
	r := Report{Version: Version, Verdict: triage.Holds, Conditions: []Condition{}, Notes: []string{}, Runway: l.runway()}
	if !e.Cluster.Known(now) {
		r.Blocked = e.Cluster.Why("what the node is made of", now)
	}
	for _, rule := range rules() {
		f := rule.judge(l)
		c := Condition{ID: rule.id, Title: rule.title, Verdict: f.verdict, Detail: triage.Sentences(f.detail), Source: f.source, At: f.at, Informational: rule.informational}
		if c.Verdict != triage.Holds {
			c.Consequence, c.Fix = rule.consequence, rule.fix
			if c.Verdict == triage.NotDetermined && rule.learn != "" {
				c.Fix = rule.learn
			}
		}
		r.Conditions = append(r.Conditions, c)
	}
	r.acknowledge(e.Acknowledged, now)
	for _, c := range r.Conditions {
		switch {
		case !c.Counts() || c.Verdict == triage.Holds:
		case c.Verdict == triage.Violated:
			r.Verdict = triage.Violated
		case r.Verdict == triage.Holds:
			r.Verdict = triage.NotDetermined
		}
	}
	return r
}

// acknowledge takes out what somebody has taken note of. A word that has run out counts for nothing, and is told.
func (r *Report) acknowledge(all []Acknowledgement, now time.Time) {
	for _, a := range all {
		i := slices.IndexFunc(r.Conditions, func(c Condition) bool { return c.ID == a.Condition })
		switch {
		case i < 0:
			r.Notes = append(r.Notes, fmt.Sprintf("There is no condition %q to acknowledge.", a.Condition))
		case !a.Until.After(now):
			r.Notes = append(r.Notes, fmt.Sprintf("The acknowledgement of %s ran out on %s.", a.Condition, triage.Moment(a.Until)))
		case r.Conditions[i].Verdict != triage.Holds:
			r.Conditions[i].Acknowledged, r.Conditions[i].Until = triage.Sentences(a.Why), a.Until
			if a.Why == "" {
				r.Conditions[i].Acknowledged = "No reason was given."
			}
		}
	}
}

// usable is the youngest set that can be restored.
func (l look) usable() (triage.JudgedSet, bool) {
	i := slices.IndexFunc(l.sets, func(s triage.JudgedSet) bool { return s.Verdict == triage.Holds })
	if i < 0 {
		return triage.JudgedSet{}, false
	}
	return l.sets[i], true
}

func (l look) runway() Runway {
	item, _ := l.judged.Item("runway")
	r := Runway{Detail: item.Detail}
	if s, ok := l.usable(); ok && s.LeftKnown {
		r.Known, r.Left = true, max(s.Left, 0)
		r.Seconds = int64(r.Left.Seconds())
	}
	return r
}

// taken is the finding of triage with that id.
func taken(id string) func(look) finding {
	return func(l look) finding {
		item, ok := l.judged.Item(id)
		if !ok {
			return finding{verdict: triage.NotDetermined, detail: "it has not been judged", source: id}
		}
		return finding{item.Verdict, item.Detail, item.Source, item.At}
	}
}

// of is a finding that rests on one reading; without it nothing is known.
func (l look) of(r triage.Reading, what string, judge func() (triage.Verdict, string)) finding {
	source := r.Source
	if source == "" {
		source = what
	}
	if !r.Known(l.now) {
		return finding{verdict: triage.NotDetermined, detail: r.Why(what, l.now), source: source}
	}
	verdict, detail := judge()
	return finding{verdict, detail, source, r.At}
}
