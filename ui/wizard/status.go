package wizard

import (
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/steps/wire"
)

// badge says in words whether this is real, and how it acts.
func badge(run wire.Run) string {
	var parts []string
	if run.World == wire.Simulated {
		parts = append(parts, "SIMULATED")
	}
	switch run.Acting {
	case wire.DryRun:
		parts = append(parts, "DRY RUN")
	case wire.Checklist:
		parts = append(parts, "CHECKLIST")
	default:
		if run.World != wire.Simulated {
			parts = append(parts, "LIVE")
		}
	}
	return strings.Join(parts, " ")
}

// place writes where the node is: "sv @ prod-eu1".
func place(s wire.Subject) string {
	switch {
	case s.Namespace == "":
		return s.Cluster
	case s.Cluster == "":
		return "ns " + s.Namespace
	}
	return "ns " + s.Namespace + " @ " + s.Cluster
}

// elapsed is how long the run has taken at a time of its world; it stands still once the run has ended.
func elapsed(v wire.View, now time.Time) time.Duration {
	end := now
	if v.Ended != nil || v.Parked != "" {
		end = v.Last
	}
	return max(end.Sub(v.Run.Started), 0)
}

// ShortStatus is one line for a chat: when, which step of how many, what is done there, how far and for how long still. What is no real
// recovery says so first. Nothing in it is secret, and nothing in it claims more than the view shows.
func ShortStatus(v wire.View, real time.Time) string {
	now := v.Run.Now(real)
	var parts []string
	if b := badge(v.Run); b != "LIVE" {
		parts = append(parts, b)
	}
	parts = append(parts, now.UTC().Format("15:04")+" UTC")
	s := v.CurrentStep()
	if s != nil {
		parts = append(parts, fmt.Sprintf("step %d of %d", v.Current+1, len(v.Steps)))
	}
	a := v.Running()
	switch {
	case v.Ended != nil:
		parts = append(parts, string(v.Ended.Outcome))
	case v.Parked != "":
		parts = append(parts, "parked: "+v.Parked)
	case v.Halted != nil:
		parts = append(parts, "the worker has stopped: "+v.Halted.Seen)
	case s == nil:
		parts = append(parts, "no step has begun")
	case v.Question != nil:
		parts = append(parts, "a person is asked: "+v.Question.Title)
	case v.Retry != nil:
		parts = append(parts, s.Title, v.Retry.Sentence(v.Run, now))
	case a != nil:
		parts = append(parts, a.Title)
		if p := a.Progress; p != nil && p.Total > 0 {
			parts = append(parts, fmt.Sprintf("%d %%", min(p.Done*100/p.Total, 100)))
			if left, ok := a.Rate.Left(p.Total); ok && left > 0 {
				parts = append(parts, span(left)+" left")
			}
		}
	default:
		parts = append(parts, s.Title+" "+stateWord(*s))
	}
	if v.Card != nil {
		parts = append(parts, v.Card.Word())
	}
	return strings.Join(parts, ", ")
}

// StatusText is a few plain lines for a chat: what runs, where it stands, what is open. Nothing in it is secret, and
// nothing in it claims more than the view shows.
func StatusText(v wire.View, real time.Time) string {
	now := v.Run.Now(real)
	var b strings.Builder
	fmt.Fprintf(&b, "svrescue, %s: %s", badge(v.Run), v.Run.Title)
	if word := v.Subject.Word(); word != "" {
		fmt.Fprintf(&b, " of %s", word)
	}
	if p := place(v.Subject); p != "" {
		fmt.Fprintf(&b, " (%s)", p)
	}
	fmt.Fprintf(&b, "\nRun %s by %s, %s UTC, %s since the start\n", v.Run.ID, v.Run.Operator,
		now.UTC().Format("2006-01-02 15:04:05"), stopwatch(elapsed(v, now)))
	b.WriteString(standing(v, now))
	if v.Card != nil {
		fmt.Fprintf(&b, "\nParameters: %s", v.Card.Word())
	}
	if n := len(v.Notes); n > 0 {
		last := v.Notes[n-1]
		fmt.Fprintf(&b, "\nLast note (%s UTC, %s): %s", last.At.UTC().Format("15:04"), last.By, last.Text)
	}
	return b.String()
}

// standing says where the run is, in a sentence or two.
func standing(v wire.View, now time.Time) string {
	if v.Ended != nil {
		return sentence(fmt.Sprintf("Ended, %s: %s", v.Ended.Outcome, v.Ended.Text))
	}
	if v.Parked != "" {
		return "Parked: " + stop(v.Parked)
	}
	s := v.CurrentStep()
	if v.Halted != nil {
		text := "The worker has stopped: " + stop(v.Halted.Seen)
		if s != nil {
			text += fmt.Sprintf(" It stood at step %d of %d, %s.", v.Current+1, len(v.Steps), s.Title)
		}
		return text
	}
	if s == nil {
		return fmt.Sprintf("No step has begun; the path has %s.", count(len(v.Steps), "step"))
	}
	text := fmt.Sprintf("Step %d of %d, %s: %s.", v.Current+1, len(v.Steps), s.Title, stateWord(*s))
	if a := v.Running(); a != nil {
		text += " Running: " + a.Title
		if p := a.Progress; p != nil && (p.Total > 0 || p.Done > 0) {
			text += ", " + amount(*p)
			if left, ok := a.Rate.Left(p.Total); ok && left > 0 {
				text += ", about " + span(left) + " left"
			}
		}
		text += "."
	}
	if v.Retry != nil {
		text += " " + sentence(v.Retry.Sentence(v.Run, now))
	}
	if v.Question != nil {
		text += " A person is asked: " + stop(v.Question.Title)
	}
	return text
}

// stateWord says where a step stands: what no worker acts on does not run, nor wait.
func (r *root) stateWord(s wire.StepView) string {
	if r.over() && (s.State == wire.StepRunning || s.State == wire.StepWaiting) {
		return "not finished"
	}
	return stateWord(s)
}

// at is the time of the run's world up to which anything goes on: where no worker acts, that of the last that was heard.
func (r *root) at() time.Time {
	if r.over() && !r.view.Last.IsZero() {
		return r.view.Last
	}
	return r.now()
}

// known is the view with what the connection tells besides: that the worker is gone, where it has not said why.
func (r *root) known() wire.View {
	v := r.view
	if r.link.state == gone && v.Ended == nil && v.Parked == "" && v.Halted == nil {
		v.Halted = &wire.Failure{Tried: "the work", Seen: "it ended without a word"}
	}
	return v
}

// stepSpan is how long a step has taken; it does not count on where no worker acts.
func (r *root) stepSpan(s wire.StepView) string { return stepSpan(s, r.at()) }

// stateWord says where a step stands, as far as the worker has told.
func stateWord(s wire.StepView) string {
	switch s.State {
	case wire.StepPending:
		return "not begun"
	case wire.StepRunning:
		return "running"
	case wire.StepWaiting:
		return "waits for an answer"
	case wire.StepDone:
		return "done"
	case wire.StepByHand:
		return "done by hand, and proven"
	case wire.StepSkipped:
		return "skipped"
	case wire.StepPlanned:
		return "only planned, nothing was changed"
	case wire.StepFailed:
		return "failed"
	case wire.StepUndone:
		return "undone"
	}
	return string(s.State)
}
