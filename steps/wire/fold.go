package wire

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"canton.example/svrescue/internal/plain"
)

// Fold returns the view after one more event. It never changes what v points to, so an old view stays as it was.
// A durable event that the view has already seen is ignored: replaying is harmless. So is an event without the payload
// of its kind, which no engine writes.
func Fold(v View, e Event) View {
	if !e.whole() {
		return v
	}
	if e.Kind.Durable() {
		if e.Seq != 0 && e.Seq <= v.Seq {
			return v
		}
		v.Seq = max(v.Seq, e.Seq)
	}
	if e.At.After(v.Last) {
		v.Last = e.At
	}
	switch e.Kind {
	case KindRun:
		v = foldRun(v, e)
	case KindSubject:
		v.Subject = *e.Subject
	case KindCard:
		v = foldCard(v, e)
	case KindStep:
		v = foldStep(v, e)
	case KindFindings:
		v = withStep(v, e.Step, func(s *StepView) {
			s.Findings = maps.Clone(s.Findings)
			if s.Findings == nil {
				s.Findings = map[Phase][]Finding{}
			}
			s.Findings[e.Phase] = e.Findings
		})
	case KindPlan:
		v = withStep(v, e.Step, func(s *StepView) {
			if !e.Plan.Remedy {
				s.Later, s.Worst = e.Plan.Later, e.Plan.Effect
			}
			s.Undoing, s.Mending = e.Undo, e.Plan.Remedy
			s.Actions = mergeActions(s.Actions, e.Plan.Actions, e.Undo, e.Plan.Remedy)
		})
		v = standAt(v, e.Step)
	case KindAsk:
		q := *e.Question
		v.Question, v.Refusal, v.Retry = &q, "", nil
		v = standAt(v, e.Step)
		v = moveState(v, e.Step, StepRunning, StepWaiting)
	case KindAnswer:
		v = foldAnswer(v, e)
	case KindIntent:
		mending := false
		v = withAction(v, e, func(a *ActionView) {
			a.State, a.Failure, a.Progress, a.Started, a.Moved = ActionRunning, nil, nil, e.At, e.At
			a.Tries++
			a.Rate = RateWindow{}
			mending = a.Remedy
		})
		v = withStep(v, e.Step, func(s *StepView) { s.Mending = mending })
	case KindResult:
		v = foldResult(v, e)
	case KindProgress:
		v = withAction(v, e, func(a *ActionView) {
			if a.Progress == nil || !reflect.DeepEqual(*a.Progress, *e.Progress) {
				a.Moved = e.At
			}
			a.Progress = e.Progress
			a.Rate = a.Rate.Add(e.At, e.Progress.Done)
		})
	case KindLog:
		v.Log = append(slices.Clip(v.Log), Entry{At: e.At, Step: e.Step, Text: e.Text, Kind: e.Kind})
		if len(v.Log) > LogLines {
			v.Log = v.Log[len(v.Log)-LogLines:]
		}
	case KindNote:
		v.Notes = append(slices.Clip(v.Notes), Note{At: e.At, By: e.By, Step: e.Step, Text: e.Text})
		v = entry(v, e, "note by "+e.By+": "+e.Text, false)
	case KindRetry:
		v.Retry = e.Retry
	case KindRetried:
		v.Retry = nil
		done := Retried{Retry: *e.Retry, Step: e.Step, Ended: e.At}
		v.Retries = append(slices.Clip(v.Retries), done)
		v = entry(v, e, done.Sentence(), done.Outcome != RetryPassed)
	case KindPark:
		v.Parked, v.Question, v.Retry = e.Text, nil, nil
		v = letGo(v)
		v = entry(v, e, "parked: "+e.Text, false)
	case KindResume:
		v.Parked, v.Halted, v.Question, v.Refusal, v.Lease, v.Retry = "", nil, nil, "", Lease{}, nil // the worker that asked is gone
		v = entry(v, e, "taken up again by "+e.By, false)
	case KindEnd:
		v.Ended, v.Question, v.Retry = e.End, nil, nil
		v = letGo(v)
		v = entry(v, e, string(e.End.Outcome)+": "+e.End.Text, e.End.Outcome == Failed)
	case KindViewers:
		v.Viewers = e.Viewers
	case KindRefusal:
		v.Refusal = e.Text
	case KindLease:
		v.Lease = *e.Lease
	case KindHalt:
		v.Halted, v.Retry = e.Failure, nil
		if e.Text != "" { // the run is whole up to here, and can be gone on with
			v.Parked, v.Question = e.Text, nil
		}
	}
	return v
}

// letGo is the view of a run whose worker ends: the node is not held any more, unless somebody else holds it.
func letGo(v View) View {
	if v.Lease.State != LeaseForeign {
		v.Lease = Lease{}
	}
	return v
}

// FoldAll folds events from the start.
func FoldAll(events []Event) View {
	v := View{Current: -1}
	for _, e := range events {
		v = Fold(v, e)
	}
	return v
}

// whole says whether the payload that the event's kind needs is there.
func (e Event) whole() bool {
	switch e.Kind {
	case KindRun:
		return e.Run != nil
	case KindSubject:
		return e.Subject != nil
	case KindPlan:
		return e.Plan != nil
	case KindAsk:
		return e.Question != nil
	case KindAnswer:
		return e.Answer != nil
	case KindEnd:
		return e.End != nil
	case KindProgress:
		return e.Progress != nil
	case KindLease:
		return e.Lease != nil
	case KindRetry, KindRetried:
		return e.Retry != nil
	}
	return true
}

func foldRun(v View, e Event) View {
	v.Run, v.Current = *e.Run, -1
	v.Steps = make([]StepView, len(e.Run.Steps))
	for i, info := range e.Run.Steps {
		v.Steps[i] = StepView{StepInfo: info, Worst: info.Effect}
	}
	return entry(v, e, fmt.Sprintf("%s began by %s on %s", e.Run.Title, e.Run.Operator, e.Run.Host), false)
}

// foldCard takes the card, and tells in the timeline when it is settled.
func foldCard(v View, e Event) View {
	v.Card = e.Card
	if e.Card != nil && e.Card.Frozen {
		v = entry(v, e, "the parameter card is settled: fingerprint "+e.Card.Fingerprint, false)
	}
	return v
}

func foldStep(v View, e Event) View {
	for i := range v.Steps {
		if v.Steps[i].ID == e.Step && e.State != StepPending {
			v.Current = i
		}
	}
	v = withStep(v, e.Step, func(s *StepView) {
		s.State, s.Reason = e.State, e.Text
		if e.State == StepPending || e.State == StepUndone {
			openActions(s)
		}
		if e.State == StepRunning && s.Started.IsZero() {
			s.Started = e.At
		}
		if e.State != StepRunning && e.State != StepWaiting {
			s.Ended = e.At
		}
	})
	if e.State == StepPending || e.State == StepUndone { // what came after it stood on it
		at := slices.IndexFunc(v.Steps, func(s StepView) bool { return s.ID == e.Step })
		for i := at + 1; at >= 0 && i < len(v.Steps); i++ {
			v.Steps[i].State, v.Steps[i].Reason = StepPending, ""
			openActions(&v.Steps[i])
		}
	}
	if e.State == StepRunning {
		return entry(v, e, "step begins", false)
	}
	text := "step " + string(e.State)
	if e.State == StepPending {
		text = "step is open again"
	}
	if e.Text != "" {
		text += ": " + e.Text
	}
	return entry(v, e, text, e.State == StepFailed)
}

// openActions makes the step's own actions pending again; those that took it back, and remedies, stay as what happened.
func openActions(s *StepView) {
	s.Actions = slices.Clone(s.Actions)
	for i := range s.Actions {
		if !s.Actions[i].Undo && !s.Actions[i].Remedy {
			s.Actions[i].State, s.Actions[i].Progress = ActionPending, nil
		}
	}
}

// standAt makes a step the one that the run stands at: it is the one that is planned or asked about, also when it is an
// earlier one that is taken back.
func standAt(v View, id string) View {
	for i := range v.Steps {
		if v.Steps[i].ID == id {
			v.Current = i
		}
	}
	return v
}

// saidMax is how much of a typed answer stands in the timeline: whole documents are pasted too, and the journal has all of it.
const saidMax = 400

func foldAnswer(v View, e Event) View {
	q := v.Question
	v.Question, v.Refusal = nil, ""
	v = moveState(v, e.Step, StepWaiting, StepRunning)
	said := e.Answer.Choice
	if q != nil {
		for _, c := range q.Choices {
			if c.ID == e.Answer.Choice {
				said = c.Label
			}
		}
	}
	label := said
	if e.Answer.Text != "" && (q == nil || q.Kind != AskWord || e.Answer.Choice != ChoiceYes) {
		said = strings.TrimPrefix(said+": "+plain.Cut(e.Answer.Text, saidMax), ": ")
	}
	title, done := "answer", Answered{At: e.At, Step: e.Step, By: e.Answer.By, Said: label}
	if q != nil {
		title = q.Title
		done.Name, done.Title = q.Name, q.Title
	}
	if q != nil && q.Kind == AskSecret {
		said = "given, and not shown"
		if e.Answer.Text != "" {
			said = e.Answer.Text
		}
	}
	switch text := e.Answer.Text; {
	case q != nil && q.Kind == AskSecret:
		done.Said = said
	case e.Answer.Choice == "":
		done.Said = plain.Cut(text, saidMax)
	case text != "" && (q == nil || q.Kind != AskWord || e.Answer.Choice != ChoiceYes):
		done.Why = text
	}
	v.Answers = append(slices.Clip(v.Answers), done)
	if !strings.HasSuffix(title, "?") {
		title += ":"
	}
	return entry(v, e, title+" "+said+" ("+e.Answer.By+")", false)
}

func foldResult(v View, e Event) View {
	title := e.Action
	v = withAction(v, e, func(a *ActionView) {
		title = a.Title
		a.State, a.Failure, a.Ended = e.Outcome, e.Failure, e.At
		if a.Started.IsZero() {
			a.Started = e.At
		}
	})
	text := title + ": " + string(e.Outcome)
	if e.Failure != nil {
		text += ", " + e.Failure.Seen
	}
	return entry(v, e, text, e.Outcome == ActionFailed)
}

// mergeActions replaces the plan but keeps what has already happened to actions of the same key. What another plan of the
// step has shown stays: its own, the one that takes it back, and each remedy that was sent.
func mergeActions(old []ActionView, plan []Preview, undo, remedy bool) []ActionView {
	var next []ActionView
	for _, a := range old {
		again := a.Remedy == remedy && slices.ContainsFunc(plan, func(p Preview) bool { return p.Key == a.Key })
		if a.Undo != undo || a.Remedy && a.State != ActionPending && !again || !a.Remedy && remedy {
			next = append(next, a)
		}
	}
	for _, p := range plan {
		a := ActionView{Preview: p, Undo: undo, Remedy: remedy}
		for _, o := range old {
			if o.Key == p.Key && o.Undo == undo && o.Remedy == remedy {
				a = o
				a.Preview = p
			}
		}
		next = append(next, a)
	}
	return next
}

// moveState changes a step's state if it is from: a question about taking a step back does not open the step.
func moveState(v View, id string, from, to StepState) View {
	return withStep(v, id, func(s *StepView) {
		if s.State == from {
			s.State = to
		}
	})
}

func withStep(v View, id string, change func(*StepView)) View {
	v.Steps = slices.Clone(v.Steps)
	for i := range v.Steps {
		if v.Steps[i].ID == id {
			change(&v.Steps[i])
		}
	}
	return v
}

func withAction(v View, e Event, change func(*ActionView)) View {
	return withStep(v, e.Step, func(s *StepView) {
		s.Actions = slices.Clone(s.Actions)
		for i := range s.Actions {
			if s.Actions[i].Key == e.Action && s.Actions[i].Undo == e.Undo {
				change(&s.Actions[i])
			}
		}
	})
}

func entry(v View, e Event, text string, bad bool) View {
	v.Timeline = append(slices.Clip(v.Timeline), Entry{At: e.At, Step: e.Step, Text: text, Kind: e.Kind, Bad: bad})
	return v
}
