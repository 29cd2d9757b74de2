package linear

import (
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/steps/wire"
)

// event prints what one event changed. before and after are the views around it.
func (p printer) event(before, after wire.View, e wire.Event) {
	at := e.At.UTC().Format("15:04:05")
	switch e.Kind {
	case wire.KindRun:
		r := e.Run
		p.line("%s %s", world(*r), r.Title)
		p.line("run %s, by %s on %s, %d steps", r.ID, r.Operator, r.Host, len(r.Steps))
	case wire.KindSubject:
		p.line("%s node %s, namespace %s, cluster %s", at, e.Subject.Word(), e.Subject.Namespace, e.Subject.Cluster)
	case wire.KindStep:
		p.step(at, after, e)
	case wire.KindFindings:
		for _, f := range e.Findings {
			p.line("%s   %s %s", at, mark(f.Verdict), f.Text)
			if f.Next != "" && f.Verdict != wire.Holds {
				p.line("%s       next: %s", at, f.Next)
			}
		}
	case wire.KindPlan:
		p.plan(at, e)
	case wire.KindAsk:
		p.question(after)
	case wire.KindAnswer:
		p.line("%s   %s", at, after.Timeline[len(after.Timeline)-1].Text)
	case wire.KindIntent:
		p.line("%s   … %s", at, title(after, e))
	case wire.KindResult:
		text := fmt.Sprintf("%s   %s: %s", at, title(after, e), e.Outcome)
		if e.Failure != nil {
			text += ": " + e.Failure.Error()
		}
		p.line("%s", text)
	case wire.KindProgress:
		p.progress(at, before, after, e)
	case wire.KindLog:
		p.line("%s   %s", at, e.Text)
	case wire.KindNote, wire.KindPark, wire.KindResume:
		p.line("%s %s", at, after.Timeline[len(after.Timeline)-1].Text)
	case wire.KindRefusal:
		p.line("%s   not taken: %s", at, e.Text)
	case wire.KindHalt:
		p.line("%s the worker stops: %s", at, e.Failure.Error())
	case wire.KindEnd:
		p.line("%s %s: %s", at, e.End.Outcome, e.End.Text)
	}
}

// world says where actions arrive, in words.
func world(r wire.Run) string {
	switch {
	case r.World == wire.Simulated:
		return "SIMULATED " + strings.ToUpper(string(r.Acting))
	default:
		return strings.ToUpper(string(r.Acting))
	}
}

func (p printer) step(at string, v wire.View, e wire.Event) {
	for i := range v.Steps {
		if v.Steps[i].ID != e.Step {
			continue
		}
		state := string(e.State)
		if e.State == wire.StepRunning {
			state = v.Steps[i].Summary
		}
		if e.Text != "" {
			state += " (" + e.Text + ")"
		}
		p.line("%s step %d of %d, %s: %s", at, i+1, len(v.Steps), v.Steps[i].Title, state)
	}
}

func (p printer) plan(at string, e wire.Event) {
	if e.Plan.Later != "" {
		p.line("%s   %s", at, e.Plan.Later)
	}
	for i, a := range e.Plan.Actions {
		text := fmt.Sprintf("%s   %d. %s (%s)", at, i+1, a.Title, a.Effect.Words())
		if a.Lost != "" {
			text += "; lost: " + a.Lost
		}
		p.line("%s", text)
	}
}

// question prints an open question with every choice.
func (p printer) question(v wire.View) {
	q := v.Question
	p.line("")
	p.line("QUESTION %s: %s", q.Name, q.Title)
	if q.Error != nil {
		p.line("  tried: %s", q.Error.Tried)
		p.line("  seen:  %s", q.Error.Seen)
		if q.Error.Next != "" {
			p.line("  next:  %s", q.Error.Next)
		}
		for _, d := range q.Error.Detail {
			p.line("  | %s", d)
		}
	}
	if q.Text != "" {
		p.line("  %s", strings.ReplaceAll(q.Text, "\n", "\n  "))
	}
	for i, c := range q.Choices {
		text := fmt.Sprintf("  %d. %s", i+1, c.Label)
		if c.Effect.Rank() > 0 {
			text += " [" + c.Effect.Words() + "]"
		}
		if c.Detail != "" {
			text += ": " + c.Detail
		}
		if c.Refuse != "" {
			text += " (cannot be chosen: " + c.Refuse + ")"
		}
		p.line("%s", text)
	}
}

// quiet is how long progress without news is not repeated.
const quiet = 15 * time.Second

// progress prints what is new, and now and then that nothing is.
func (p printer) progress(at string, before, after wire.View, e wire.Event) {
	a, old := action(after, e), action(before, e)
	if a == nil {
		return
	}
	fresh := old == nil || old.Progress == nil || a.Moved.After(old.Moved)
	if !fresh {
		since := e.At.Sub(a.Moved)
		last := before.Last.Sub(a.Moved)
		if int(since/quiet) > int(last/quiet) {
			p.line("%s   no progress for %s: %s", at, since.Round(time.Second), a.Title)
		}
		return
	}
	text := e.Progress.Text
	if e.Progress.Total > 0 {
		text = strings.TrimSpace(fmt.Sprintf("%d of %d %s %s", e.Progress.Done, e.Progress.Total, e.Progress.Unit, text))
	}
	var open []string
	for _, item := range e.Progress.Items {
		if !item.Done {
			open = append(open, strings.TrimSpace(item.Name+" "+item.State+"; "+item.Note))
		}
	}
	if len(open) > 0 {
		text += ": " + strings.TrimRight(strings.Join(open, ", "), "; ")
	}
	p.line("%s     %s", at, text)
}

func action(v wire.View, e wire.Event) *wire.ActionView {
	s := v.Step(e.Step)
	if s == nil {
		return nil
	}
	for i := range s.Actions {
		if s.Actions[i].Key == e.Action && s.Actions[i].Undo == e.Undo {
			return &s.Actions[i]
		}
	}
	return nil
}

func title(v wire.View, e wire.Event) string {
	if a := action(v, e); a != nil {
		return a.Title
	}
	return e.Action
}

func mark(v wire.Verdict) string {
	switch v {
	case wire.Holds:
		return "ok:"
	case wire.Violated:
		return "VIOLATED:"
	case wire.Undetermined:
		return "NOT DETERMINED:"
	}
	return "attention:"
}
