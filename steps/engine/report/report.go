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
	Card     *wire.Card   `json:"card,omitempty"` // of the call, if there is one
	Operator string       `json:"operator"`
	Started  time.Time    `json:"started"`
	Ended    time.Time    `json:"ended,omitzero"`
	Outcome  wire.Outcome `json:"outcome"` // empty while the run is open
	Text     string       `json:"text,omitempty"`
	Steps    []Step       `json:"steps"`
	// Answers are who decided what, oldest first.
	Answers  []wire.Answered `json:"answers,omitempty"`
	Notes    []wire.Note     `json:"notes,omitempty"`
	Retries  []Retry         `json:"retries,omitempty"`
	Timeline []wire.Entry    `json:"timeline,omitempty"`
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
	Tries   int              `json:"tries,omitempty"` // how often it was sent; 0: it was not
	Seconds float64          `json:"seconds"`
	Seen    string           `json:"seen,omitempty"` // of a failure
}

// Retry is one time during which something failed and was tried again by itself.
type Retry struct {
	At      time.Time         `json:"at"` // of the first failure
	Step    string            `json:"step,omitempty"`
	Tried   string            `json:"tried"`
	Seen    string            `json:"seen"`    // the last time
	Tries   int               `json:"tries"`   // how often it failed
	Seconds float64           `json:"seconds"` // from the first failure to the end
	Outcome wire.RetryOutcome `json:"outcome"`
}

// Of makes the report of a view.
func Of(v wire.View) Document {
	d := Document{Version: 1, Run: v.Run.ID, Path: v.Run.Path, World: v.Run.World, Acting: v.Run.Acting, Scenario: v.Run.Scenario,
		Subject: v.Subject, Card: v.Card, Operator: v.Run.Operator, Started: v.Run.Started, Answers: v.Answers, Notes: v.Notes, Timeline: v.Timeline}
	switch {
	case v.Ended != nil:
		d.Outcome, d.Text, d.Ended = v.Ended.Outcome, v.Ended.Text, v.Last
	case v.Parked != "":
		d.Outcome, d.Text = wire.Parked, v.Parked
	}
	for i := range v.Steps {
		d.Steps = append(d.Steps, step(&v.Steps[i]))
	}
	for _, r := range v.Retries {
		d.Retries = append(d.Retries, Retry{At: r.Since, Step: r.Step, Tried: r.Tried, Seen: r.Seen, Tries: r.Tries, Seconds: seconds(r.Since, r.Ended), Outcome: r.Outcome})
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
		entry := Action{Key: a.Key, Title: a.Title, Undo: a.Undo, State: a.State, Tries: a.Tries, Seconds: seconds(a.Started, a.Ended)}
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
	card(d.Card, line)
	line("## Steps")
	line("")
	line("| Step | State | Took | Proven |")
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
		line("| %s | %s | %s | %s |", cell(s.Title), cell(state), took(s.Seconds), cell(strings.Join(proof, "; ")))
	}
	exceptions(d, line)
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
			if a.Seconds > 0 {
				text += ", after " + took(a.Seconds)
			}
			if a.Tries > 1 {
				text += fmt.Sprintf(", sent %d times", a.Tries)
			}
			if a.Seen != "" {
				text += ", " + plain(a.Seen)
			}
			line("%s", text)
		}
	}
	evidence(d, line)
	if len(d.Answers) > 0 {
		line("")
		line("## Who answered what")
		line("")
		for _, a := range d.Answers {
			why := ""
			if a.Why != "" {
				why = ", because: " + plain(a.Why)
			}
			line("- %s %s: **%s** %s%s (`%s`)", clock(a.At), plain(a.By), plain(a.Title), plain(a.Said), why, a.Name)
		}
	}
	if len(d.Notes) > 0 {
		line("")
		line("## Notes")
		line("")
		for _, n := range d.Notes {
			line("- %s %s: %s", clock(n.At), plain(n.By), plain(n.Text))
		}
	}
	if len(d.Retries) > 0 {
		line("")
		line("## Retries")
		line("")
		for _, r := range d.Retries {
			line("- %s [%s] %s: %s; %s in %s, then %s", clock(r.At), r.Step, plain(r.Tried), plain(r.Seen), wire.Times(r.Tries, "failure"), took(r.Seconds), r.Outcome.Words())
		}
	}
	line("")
	line("## Timeline")
	line("")
	line("Times are UTC; in brackets what has passed since the beginning.")
	line("")
	for _, e := range d.Timeline {
		step := ""
		if e.Step != "" {
			step = " [" + e.Step + "]"
		}
		line("- %s (+%s)%s %s", clock(e.At), took(seconds(d.Started, e.At)), step, plain(e.Text))
	}
	return b.String()
}

// card is the parameter card of the call as it was sent into its chat.
func card(c *wire.Card, line func(string, ...any)) {
	if c == nil {
		return
	}
	line("## Parameter card")
	line("")
	if !c.Frozen {
		line("A proposal: it was not settled.")
		line("")
	}
	for l := range strings.Lines(c.Text) {
		line("    %s", plain(strings.TrimRight(l, "\n")))
	}
	line("")
}

// exceptions are what did not go the usual way: what people did by hand, what was left out and why, what had to be sent again.
func exceptions(d Document, line func(string, ...any)) {
	var all []string
	for _, s := range d.Steps {
		switch s.State {
		case wire.StepByHand:
			all = append(all, fmt.Sprintf("- step done by hand: %s%s", plain(s.Title), because(s.Reason)))
		case wire.StepSkipped:
			all = append(all, fmt.Sprintf("- step skipped: %s%s", plain(s.Title), because(s.Reason)))
		case wire.StepDone:
			if s.Reason != "" {
				all = append(all, fmt.Sprintf("- %s: %s", plain(s.Title), plain(s.Reason)))
			}
		}
		for _, a := range s.Actions {
			switch {
			case a.State == wire.ActionByHand && s.State != wire.StepByHand:
				all = append(all, "- done by hand: "+plain(a.Title))
			case a.State == wire.ActionSkipped:
				all = append(all, "- left out: "+plain(a.Title))
			case a.Tries > 1:
				all = append(all, fmt.Sprintf("- sent %d times: %s", a.Tries, plain(a.Title)))
			}
		}
	}
	if len(all) == 0 {
		return
	}
	line("")
	line("## What did not go the usual way")
	line("")
	for _, text := range all {
		line("%s", text)
	}
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ", because: " + plain(reason)
}

// evidence is what the proofs stand on: where it was looked, what was seen, and when.
func evidence(d Document, line func(string, ...any)) {
	headed := false
	for _, s := range d.Steps {
		named := false
		for _, f := range s.Findings {
			if len(f.Evidence) == 0 {
				continue
			}
			if !headed {
				line("")
				line("## Evidence")
			}
			if !named {
				line("")
				line("### %s: what it stands on", s.Title)
				line("")
			}
			headed, named = true, true
			line("- %s: %s", f.Verdict, plain(f.Text))
			for _, e := range f.Evidence {
				at := ""
				if !e.At.IsZero() {
					at = " (" + clock(e.At) + ")"
				}
				line("  - %s: %s%s", plain(e.Source), plain(e.Seen), at)
			}
		}
	}
}

func clock(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05") }

// took writes seconds as a person reads them: 0.4s, 12s, 3m5s, 1h2m3s.
func took(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	if d < 10*time.Second {
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
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
