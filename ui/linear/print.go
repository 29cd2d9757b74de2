package linear

import (
	"fmt"
	"io"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps/wire"
)

// printer writes lines.
type printer struct {
	out  io.Writer
	mid  bool   // a prompt stands on the line
	last string // the action whose beginning was the last line
	wait waiting
}

// line prints one line of clean text.
func (p *printer) line(format string, args ...any) {
	if p.mid {
		fmt.Fprintln(p.out)
		p.mid = false
	}
	p.last = ""
	fmt.Fprintln(p.out, strings.TrimRight(plain.Clean(fmt.Sprintf(format, args...)), " \n"))
}

// same prints a prompt, after which the line stays open.
func (p *printer) same(text string) {
	if p.mid {
		fmt.Fprintln(p.out)
	}
	fmt.Fprint(p.out, plain.Clean(text))
	p.mid = true
}

// inShort says whether an event is told of a past that is told in short.
func inShort(e wire.Event) bool {
	switch e.Kind {
	case wire.KindRun, wire.KindCard, wire.KindStep, wire.KindAnswer, wire.KindNote, wire.KindPark, wire.KindResume, wire.KindHalt, wire.KindEnd:
		return true
	case wire.KindResult:
		return e.Outcome == wire.ActionFailed
	}
	return false
}

// event prints what one event changed. after is the view with it.
func (p *printer) event(after wire.View, e wire.Event) {
	at := e.At.UTC().Format("15:04:05")
	switch e.Kind {
	case wire.KindRun:
		r := e.Run
		p.line("%s %s", world(*r), r.Title)
		p.line("run %s, by %s on %s, %d steps", r.ID, r.Operator, r.Host, len(r.Steps))
	case wire.KindSubject:
		if e.Subject.SV != "" || e.Subject.Network != "" {
			p.line("%s node %s, namespace %s, cluster %s", at, e.Subject.Word(), e.Subject.Namespace, e.Subject.Cluster)
		}
	case wire.KindCard:
		if e.Card != nil && e.Card.Frozen {
			p.line("%s the parameter card is settled; \"card\" prints it again:", at)
			p.card(*e.Card)
		} else if e.Card != nil {
			p.line("%s parameter card, a proposal: %s; \"card\" prints it", at, e.Card.Fingerprint)
		}
	case wire.KindStep:
		p.step(at, after, e)
	case wire.KindFindings:
		p.findings(at, e.Findings)
	case wire.KindPlan:
		p.plan(at, *e.Plan)
	case wire.KindAsk:
		p.question(*e.Question)
	case wire.KindAnswer:
		p.line("%s   %s", at, after.Timeline[len(after.Timeline)-1].Text)
	case wire.KindIntent:
		p.line("%s   … %s", at, title(after, e))
		p.last, p.wait = e.Step+" "+e.Action, waiting{}
	case wire.KindResult:
		p.result(at, after, e)
	case wire.KindProgress:
		p.progress(at, after, e)
	case wire.KindLog:
		p.line("%s   %s", at, e.Text)
	case wire.KindRetry:
		if !e.Retry.Next.IsZero() {
			p.line("%s     %s", at, e.Retry.Sentence(after.Run, e.At))
		}
	case wire.KindRetried:
		p.line("%s     %s", at, after.Timeline[len(after.Timeline)-1].Text)
	case wire.KindNote, wire.KindPark, wire.KindResume:
		p.line("%s %s", at, after.Timeline[len(after.Timeline)-1].Text)
	case wire.KindRefusal:
		p.line("%s   not taken: %s", at, e.Text)
	case wire.KindLease:
		p.lease(at, *e.Lease)
	case wire.KindHalt:
		p.line("%s the worker stops: %s", at, e.Failure.Error())
	case wire.KindEnd:
		p.line("%s %s: %s", at, e.End.Outcome, e.End.Text)
	}
}

// card prints the whole card, as it is pasted into a chat.
func (p *printer) card(c wire.Card) {
	for l := range strings.Lines(c.Text) {
		p.line("%s", l)
	}
}

// lease prints how the node is held. Of somebody else who holds it the question tells that follows, or why the run parks.
func (p *printer) lease(at string, l wire.Lease) {
	switch l.State {
	case wire.LeaseHeld:
		p.line("%s   %s", at, l.Sentence())
	case wire.LeaseAway, wire.LeaseLocal:
		p.line("%s   attention: %s", at, l.Sentence())
	}
}

// world says where actions arrive, in words.
func world(r wire.Run) string {
	if r.World == wire.Simulated {
		return "SIMULATED " + strings.ToUpper(string(r.Acting))
	}
	return strings.ToUpper(string(r.Acting))
}

func (p *printer) step(at string, v wire.View, e wire.Event) {
	for i := range v.Steps {
		if v.Steps[i].ID != e.Step {
			continue
		}
		state := string(e.State)
		switch e.State {
		case wire.StepRunning:
			state = v.Steps[i].Summary
		case wire.StepPending:
			state = "open again"
		}
		if e.Text != "" {
			state += " (" + e.Text + ")"
		}
		p.line("%s step %d of %d, %s: %s", at, i+1, len(v.Steps), v.Steps[i].Title, state)
	}
}

func (p *printer) findings(at string, findings []wire.Finding) {
	for _, f := range findings {
		p.line("%s   %s %s", at, mark(f.Verdict), f.Text)
		if f.Next != "" && f.Verdict != wire.Holds {
			p.line("%s       next: %s", at, f.Next)
		}
	}
}

func (p *printer) plan(at string, plan wire.Plan) {
	if plan.Later != "" {
		p.line("%s   %s", at, plan.Later)
	}
	for i, a := range plan.Actions {
		text := fmt.Sprintf("%s   %d. %s (%s)", at, i+1, a.Title, a.Effect.Words())
		if a.Lost != "" {
			text += "; lost: " + a.Lost
		}
		p.line("%s", text)
	}
}

// standing prints the step that an open question is about, for somebody who comes back to it.
func (p *printer) standing(v wire.View) {
	s := v.Step(v.Question.Step)
	if s == nil {
		return
	}
	at := v.Last.UTC().Format("15:04:05")
	if v.Subject.Word() != "" {
		p.line("%s node %s, namespace %s, cluster %s", at, v.Subject.Word(), v.Subject.Namespace, v.Subject.Cluster)
	}
	p.findings(at, s.Findings[wire.PhaseCheck])
	plan := wire.Plan{Later: s.Later}
	for _, a := range s.Actions {
		if !a.Undo {
			plan.Actions = append(plan.Actions, a.Preview)
		}
	}
	p.plan(at, plan)
}

// question prints an open question with every choice.
func (p *printer) question(q wire.Question) {
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

// result prints how an action came out; right after its beginning its name is not said again.
func (p *printer) result(at string, v wire.View, e wire.Event) {
	text := string(e.Outcome)
	if e.Outcome == wire.ActionAlready {
		text = "was done already"
	}
	if p.last != e.Step+" "+e.Action {
		text += ": " + title(v, e)
	}
	if e.Failure != nil {
		text += ": " + e.Failure.Seen // what to do next is in the question that follows
	}
	p.line("%s     %s", at, text)
}

// How often progress is told, in the time of the run: a count that goes up after a few seconds; that nothing has changed,
// with the reasons, after a while; both ever more seldom. A change in what is waited for is told at once.
const (
	counting = 5 * time.Second
	steadily = time.Minute
	quiet    = 15 * time.Second
	seldom   = 2 * time.Minute
	reasons  = 5 // at most so many
)

// waiting is what was last told of the action that runs.
type waiting struct {
	shape string
	open  string    // the part of the shape that is not a count
	at    time.Time // when it was told
	since time.Time // since when it has this shape
	quiet time.Duration
	count time.Duration // how long a count that goes up is not told
}

func (p *printer) progress(at string, v wire.View, e wire.Event) {
	now := *e.Progress
	if now.Total > 0 && now.Done >= now.Total {
		return // its result follows
	}
	fresh := p.wait.at.IsZero()
	shape, open := shapeOf(now)
	if fresh || shape != p.wait.shape {
		p.wait.since, p.wait.quiet = e.At, quiet
	}
	passed := e.At.Sub(p.wait.at)
	switch {
	case fresh, open != p.wait.open:
		p.wait.count = counting
		p.line("%s     %s", at, summary(now))
	case shape != p.wait.shape && passed >= p.wait.count:
		p.wait.count = min(2*p.wait.count, steadily)
		p.line("%s     %s", at, summary(now))
	case shape != p.wait.shape:
		return
	case passed >= p.wait.quiet:
		p.wait.quiet = min(2*p.wait.quiet, seldom)
		p.line("%s     no change for %s: %s", at, e.At.Sub(p.wait.since).Round(time.Second), strings.TrimSuffix(title(v, e)+"; "+now.Text, "; "))
		told := 0
		for _, item := range now.Items {
			if item.Done || item.Note == "" || told == reasons {
				continue
			}
			told++
			p.line("%s       %s: %s", at, item.Name, item.Note)
		}
	default:
		return
	}
	p.wait.shape, p.wait.open, p.wait.at = shape, open, e.At
}

// shapeOf is what of a progress is news, not its notes, which count seconds; and the part of it that is told at once.
func shapeOf(now wire.Progress) (shape, open string) {
	var b strings.Builder
	for _, item := range now.Items {
		fmt.Fprint(&b, "\n", item.Name, item.State, item.Done)
	}
	shape = fmt.Sprint(now.Done, now.Total) + b.String()
	if len(now.Items) == 0 {
		shape += now.Text
	}
	return shape, b.String()
}

// summary is a progress as one line: how far, and what is open.
func summary(now wire.Progress) string {
	text := now.Text
	if now.Total > 0 {
		text = strings.TrimSpace(fmt.Sprintf("%d of %d %s %s", now.Done, now.Total, now.Unit, text))
	}
	var open []string
	for _, item := range now.Items {
		if !item.Done {
			open = append(open, strings.TrimSpace(item.Name+" "+item.State))
		}
	}
	if len(open) > 0 {
		text = strings.TrimPrefix(text+"; open: "+strings.Join(open, ", "), "; ")
	}
	return text
}

func title(v wire.View, e wire.Event) string {
	if s := v.Step(e.Step); s != nil {
		for i := range s.Actions {
			if s.Actions[i].Key == e.Action && s.Actions[i].Undo == e.Undo {
				return s.Actions[i].Title
			}
		}
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
