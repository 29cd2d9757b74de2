package network

import (
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps/network/card"
	"canton.example/svrescue/steps/wire"
)

// parseMoment reads a moment as people write one on a call: RFC 3339, or "2026-01-11 08:15" and "2026-01-11 08:15:00", in UTC.
func parseMoment(text string) (time.Time, error) {
	text = strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(text), "UTC"))
	for _, form := range []string{time.RFC3339Nano, "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04"} {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is no moment: write it in UTC like 2026-01-11T08:15:00Z or 2026-01-11 08:15", plain.Cut(plain.Line(text), 60))
}

// minute is a moment as it is proposed and told.
func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// parseText takes a short text of a person, fit for a screen.
func parseText(value, what string) (string, error) {
	value = strings.Join(strings.Fields(plain.Line(value)), " ")
	switch {
	case len(value) < 2:
		return "", fmt.Errorf("say %s, so that it can be told later", what)
	case len([]rune(value)) > 160:
		return "", fmt.Errorf("that is too long: say %s in one short line", what)
	}
	return value, nil
}

// take puts one of the answers who, where and when into the decision; false: it is another one.
func (d *Decision) take(ask, value string) (ok bool, err error) {
	switch ask {
	case "who":
		d.Who, err = parseText(value, "who decided it")
	case "where":
		d.Where, err = parseText(value, "where it was decided")
	case "when":
		d.At, err = parseMoment(value)
	default:
		return false, nil
	}
	return true, err
}

// question asks for what is missing of a decision about something; nil: nothing is. Names have the prefix.
func (d Decision) question(prefix, about string, like Decision, now time.Time) *wire.Question {
	switch {
	case d.Who == "":
		return &wire.Question{Name: prefix + "who", Kind: wire.AskText, Title: "Who decided " + about + "?", Default: like.Who,
			Text: "Names and SVs of those who decided it, in one line. It goes into the journal and the report."}
	case d.Where == "":
		return &wire.Question{Name: prefix + "where", Kind: wire.AskText, Title: "Where was that decided?", Default: like.Where,
			Text: "The call or the channel, so that it can be found again."}
	case d.At.IsZero():
		return &wire.Question{Name: prefix + "when", Kind: wire.AskText, Title: "When was that decided?", Default: minute(now),
			Text: "In UTC, like 2026-01-11 08:15."}
	}
	return nil
}

// finding tells a decision, and that it cannot be of a time that is still to come.
func (d Decision) finding(id, what string, now time.Time) wire.Finding {
	f := wire.Finding{ID: id, Verdict: wire.Holds, Text: fmt.Sprintf("%s: %s, %s UTC, %s", what, d.Who, minute(d.At), d.Where),
		Evidence: []wire.Evidence{{Source: "the operator's word", Seen: card.Stamp(d.At)}}}
	switch {
	case d.At.After(now.Add(10 * time.Minute)):
		f.Verdict, f.Next = wire.Violated, "That time is still to come: give it in UTC, and look at this machine's clock"
		f.Waive = "the clock of this machine is behind"
	case d.At.Before(now.Add(-7 * 24 * time.Hour)):
		f.Verdict, f.Next = wire.Attention, "That is more than a week ago: look whether it still holds"
	}
	return f
}
