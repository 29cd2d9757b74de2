// Package report writes down how a run went, from its journal alone: Markdown for people, JSON for programs. It names no
// artifact's content and no secret, because neither is in the journal.
package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/steps/wire"
)

// Document is the report as JSON.
type Document struct {
	Version  int          `json:"version"` // 1
	Run      string       `json:"run"`
	Path     string       `json:"path"`
	World    wire.World   `json:"world"`
	Acting   wire.Acting  `json:"acting"`
	Scenario string       `json:"scenario,omitempty"`
	Subject  wire.Subject `json:"subject"`
	Operator string       `json:"operator"`
	Started  time.Time    `json:"started"`
	Ended    time.Time    `json:"ended,omitzero"`
	Outcome  wire.Outcome `json:"outcome"` // empty while the run is open
	Text     string       `json:"text,omitempty"`
	Steps    []Step       `json:"steps"`
	Notes    []wire.Note  `json:"notes,omitempty"`
	Timeline []wire.Entry `json:"timeline,omitempty"`
}

// Step is one step of the report.
type Step struct {
	ID       string         `json:"id"`
	Title    string         `json:"title"`
	State    wire.StepState `json:"state"` // empty: not reached
	Seconds  float64        `json:"seconds"`
	Reason   string         `json:"reason,omitempty"`
	Actions  []Action       `json:"actions,omitempty"`
	Findings []wire.Finding `json:"findings,omitempty"` // of the last verification, else of the last check
}

// Action is one action that was sent, found done, or left out.
type Action struct {
	Key     string           `json:"key"`
	Title   string           `json:"title"`
	Undo    bool             `json:"undo,omitempty"`
	State   wire.ActionState `json:"state"`
	Seconds float64          `json:"seconds"`
	Seen    string           `json:"seen,omitempty"` // of a failure
}

// Of makes the report of a view.
func Of(v wire.View) Document {
	d := Document{Version: 1, Run: v.Run.ID, Path: v.Run.Path, World: v.Run.World, Acting: v.Run.Acting, Scenario: v.Run.Scenario,
		Subject: v.Subject, Operator: v.Run.Operator, Started: v.Run.Started, Notes: v.Notes, Timeline: v.Timeline}
	switch {
	case v.Ended != nil:
		d.Outcome, d.Text, d.Ended = v.Ended.Outcome, v.Ended.Text, v.Last
	case v.Parked != "":
		d.Outcome, d.Text = wire.Parked, v.Parked
	}
	for i := range v.Steps {
		d.Steps = append(d.Steps, step(&v.Steps[i]))
	}
	return d
}

func step(s *wire.StepView) Step {
	out := Step{ID: s.ID, Title: s.Title, State: s.State, Reason: s.Reason, Seconds: seconds(s.Started, s.Ended)}
	for _, phase := range []wire.Phase{wire.PhaseVerify, wire.PhaseTrial, wire.PhaseRecheck, wire.PhaseCheck} {
		if found, ok := s.Findings[phase]; ok {
			out.Findings = found
			break
		}
	}
	for _, a := range s.Actions {
		entry := Action{Key: a.Key, Title: a.Title, Undo: a.Undo, State: a.State, Seconds: seconds(a.Started, a.Ended)}
		if a.Failure != nil {
			entry.Seen = a.Failure.Seen
		}
		out.Actions = append(out.Actions, entry)
	}
	return out
}

func seconds(from, to time.Time) float64 {
	if from.IsZero() || to.Before(from) {
		return 0
	}
	return float64(to.Sub(from).Round(time.Millisecond)) / float64(time.Second)
}

// Markdown writes the report for people.
func Markdown(d Document) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# %s: %s", d.Path, outcome(d))
	line("")
	if d.World == wire.Simulated {
		line("**A rehearsal in a simulated world.** Nothing of this happened to a real node.")
		line("")
	}
	if d.Text != "" {
		line("%s.", strings.TrimSuffix(upper(d.Text), "."))
		line("")
	}
	line("| | |")
	line("|---|---|")
	line("| Node | %s, namespace %s, cluster %s |", cell(d.Subject.Word()), cell(d.Subject.Namespace), cell(d.Subject.Cluster))
	line("| Run | %s (%s) |", cell(d.Run), d.Acting)
	line("| Operator | %s |", cell(d.Operator))
	line("| Began | %s |", d.Started.UTC().Format(time.RFC3339))
	if !d.Ended.IsZero() {
		line("| Ended | %s, after %s |", d.Ended.UTC().Format(time.RFC3339), d.Ended.Sub(d.Started).Round(time.Second))
	}
	line("")
	line("## Steps")
	line("")
	line("| Step | State | Seconds | Proven |")
	line("|---|---|---|---|")
	for _, s := range d.Steps {
		var proof []string
		for _, f := range s.Findings {
			proof = append(proof, fmt.Sprintf("%s: %s", f.Verdict, f.Text))
		}
		state := string(s.State)
		if state == "" {
			state = "not reached"
		}
		if s.Reason != "" {
			state += " (" + s.Reason + ")"
		}
		line("| %s | %s | %.1f | %s |", cell(s.Title), cell(state), s.Seconds, cell(strings.Join(proof, "; ")))
	}
	for _, s := range d.Steps {
		sent := slices.DeleteFunc(slices.Clone(s.Actions), func(a Action) bool { return a.State == wire.ActionPending })
		if len(sent) == 0 {
			continue
		}
		line("")
		line("### %s", s.Title)
		line("")
		for _, a := range sent {
			text := fmt.Sprintf("- %s: %s", plain(a.Title), a.State)
			if a.Undo {
				text = fmt.Sprintf("- taken back: %s: %s", plain(a.Title), a.State)
			}
			if a.Seen != "" {
				text += ", " + plain(a.Seen)
			}
			line("%s", text)
		}
	}
	if len(d.Notes) > 0 {
		line("")
		line("## Notes")
		line("")
		for _, n := range d.Notes {
			line("- %s, %s: %s", n.At.UTC().Format("15:04:05"), plain(n.By), plain(n.Text))
		}
	}
	line("")
	line("## Timeline")
	line("")
	for _, e := range d.Timeline {
		step := ""
		if e.Step != "" {
			step = " [" + e.Step + "]"
		}
		line("- %s%s %s", e.At.UTC().Format("2006-01-02 15:04:05"), step, plain(e.Text))
	}
	return b.String()
}

func outcome(d Document) string {
	if d.Outcome == "" {
		return "still open"
	}
	return string(d.Outcome)
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// cell and plain keep text from breaking the Markdown around it.
func cell(s string) string { return strings.ReplaceAll(plain(s), "|", `\|`) }

func plain(s string) string { return strings.Join(strings.Fields(s), " ") }
