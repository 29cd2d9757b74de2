package report

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/steps/wire"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// view is a run with everything a report shows, and what must not get into it.
func view() wire.View {
	at := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	var events []wire.Event
	add := func(after time.Duration, e wire.Event) {
		at = at.Add(after)
		e.At, e.Seq = at, uint64(len(events)+1)
		events = append(events, e)
	}
	plan := &wire.Plan{Effect: wire.Destroy, Actions: []wire.Preview{
		{Key: "delete", Title: "delete pvc/data", Effect: wire.Destroy, Commands: []string{"kubectl delete pvc data"}},
		{Key: "create", Title: "create pvc/data from data-17", Effect: wire.Repeatable}}}
	add(0, wire.Event{Kind: wire.KindRun, Run: &wire.Run{ID: "restore-0301-0300-abcd", Path: "restore", Title: "Restore", World: wire.Simulated, Acting: wire.Live,
		Operator: "you", Host: "here", Started: at, Steps: []wire.StepInfo{{ID: "restore/a", Title: "First | step"}, {ID: "restore/b", Title: "Second"}, {ID: "restore/c", Title: "Third"}, {ID: "restore/d", Title: "Fourth"}}}})
	add(time.Second, wire.Event{Kind: wire.KindSubject, Subject: &wire.Subject{Network: "testnet", SV: "Acme-SV", Namespace: "sv", Cluster: "prod"}})
	add(time.Second, wire.Event{Kind: wire.KindFacts, Facts: json.RawMessage(`{"note":"hunter2"}`)})
	add(time.Second, wire.Event{Kind: wire.KindStep, Step: "restore/a", State: wire.StepRunning})
	add(time.Second, wire.Event{Kind: wire.KindPlan, Step: "restore/a", Plan: plan})
	add(time.Second, wire.Event{Kind: wire.KindAsk, Step: "restore/a", Question: &wire.Question{ID: "q6", Name: "restore/a.confirm", Kind: wire.AskWord, Title: "Type testnet/Acme-SV to go on",
		Choices: []wire.Choice{{ID: wire.ChoiceYes, Label: "Send it"}}}})
	add(40*time.Second, wire.Event{Kind: wire.KindAnswer, Step: "restore/a", Answer: &wire.Answer{Question: "q6", Choice: wire.ChoiceYes, Text: "testnet/Acme-SV", By: "you"}})
	add(time.Second, wire.Event{Kind: wire.KindIntent, Step: "restore/a", Action: "delete"})
	add(3*time.Second, wire.Event{Kind: wire.KindResult, Step: "restore/a", Action: "delete", Outcome: wire.ActionDone})
	add(time.Second, wire.Event{Kind: wire.KindIntent, Step: "restore/a", Action: "create"})
	add(time.Second, wire.Event{Kind: wire.KindResult, Step: "restore/a", Action: "create", Outcome: wire.ActionFailed, Failure: &wire.Failure{Tried: "create", Seen: "500 | quota\n<html>", Detail: []string{"not for the report"}}})
	add(time.Second, wire.Event{Kind: wire.KindIntent, Step: "restore/a", Action: "create"})
	add(time.Second, wire.Event{Kind: wire.KindRetried, Step: "restore/a", Retry: &wire.Retry{Tried: "create pvc/data", Seen: "500 | quota", Tries: 1, Since: at.Add(-2 * time.Second), Until: at.Add(10 * time.Minute), Outcome: wire.RetryPassed}})
	add(time.Second, wire.Event{Kind: wire.KindResult, Step: "restore/a", Action: "create", Outcome: wire.ActionDone})
	add(time.Second, wire.Event{Kind: wire.KindFindings, Step: "restore/a", Phase: wire.PhaseVerify, Findings: []wire.Finding{{ID: "x", Verdict: wire.Holds, Text: "all 5 claims are new",
		Evidence: []wire.Evidence{{Source: "pvc/data", Seen: "uid 7, bound", At: at}}}}})
	add(time.Second, wire.Event{Kind: wire.KindNote, Step: "restore/a", Text: "called\nthe storage team", By: "you"})
	add(time.Second, wire.Event{Kind: wire.KindStep, Step: "restore/a", State: wire.StepDone})
	add(time.Second, wire.Event{Kind: wire.KindStep, Step: "restore/b", State: wire.StepSkipped, Text: "done yesterday"})
	add(time.Second, wire.Event{Kind: wire.KindStep, Step: "restore/c", State: wire.StepRunning})
	add(time.Second, wire.Event{Kind: wire.KindPlan, Step: "restore/c", Plan: &wire.Plan{Actions: []wire.Preview{{Key: "w", Title: "wait for | pods"}, {Key: "s", Title: "scale a to 1", Effect: wire.Repeatable}}}})
	add(time.Second, wire.Event{Kind: wire.KindAsk, Step: "restore/c", Question: &wire.Question{ID: "q20", Name: "restore/c.remedy", Kind: wire.AskRemedy, Title: "Third cannot go on",
		Choices: []wire.Choice{{ID: wire.ChoiceSkip, Label: "Leave this action out", Reason: true}}}})
	add(time.Minute, wire.Event{Kind: wire.KindAnswer, Step: "restore/c", Answer: &wire.Answer{Question: "q20", Choice: wire.ChoiceSkip, Text: "it never was there", By: "bob"}})
	add(time.Second, wire.Event{Kind: wire.KindResult, Step: "restore/c", Action: "w", Outcome: wire.ActionSkipped})
	add(time.Second, wire.Event{Kind: wire.KindResult, Step: "restore/c", Action: "s", Outcome: wire.ActionByHand})
	add(time.Second, wire.Event{Kind: wire.KindStep, Step: "restore/c", State: wire.StepDone})
	add(time.Second, wire.Event{Kind: wire.KindStep, Step: "restore/d", State: wire.StepByHand, Text: "by the cloud team"})
	add(time.Second, wire.Event{Kind: wire.KindEnd, End: &wire.End{Outcome: wire.Failed, Text: "the operator ended the run"}})
	return wire.FoldAll(events)
}

func TestMarkdown(t *testing.T) {
	const golden = "testdata/report.md"
	got := Markdown(Of(view()))
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Error(diff)
	}
}

func TestNoSecretAndNoBrokenTable(t *testing.T) {
	d := Of(view())
	data, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	text := Markdown(d)
	for _, secret := range []string{"hunter2", "not for the report"} {
		if strings.Contains(text, secret) || strings.Contains(string(data), secret) {
			t.Errorf("%q is in the report", secret)
		}
	}
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "| First") && strings.Count(strings.ReplaceAll(line, `\|`, ""), "|") != 5 {
			t.Errorf("the row has the wrong number of cells: %s", line)
		}
	}
}

// What a postmortem asks for: who decided what and why, what was sent again, done by hand, left out, and what proofs stand on.
func TestWhatAPostmortemAsksFor(t *testing.T) {
	d := Of(view())
	text := Markdown(d)
	for _, part := range []string{
		"2026-03-01 03:00:45 you: **Type testnet/Acme-SV to go on** Send it (`restore/a.confirm`)",
		"bob: **Third cannot go on** Leave this action out, because: it never was there (`restore/c.remedy`)",
		"- step skipped: Second, because: done yesterday", "- step done by hand: Fourth, because: by the cloud team",
		"- done by hand: scale a to 1", "- left out: wait for | pods", "- sent 2 times: create pvc/data from data-17",
		"  - pvc/data: uid 7, bound (2026-03-01 03:00:", "(+45s)", "delete pvc/data: done, after 3s",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("the report does not say %q:\n%s", part, text)
		}
	}
	if len(d.Answers) != 2 || d.Answers[1].By != "bob" || d.Answers[1].Why != "it never was there" {
		t.Errorf("answers %+v", d.Answers)
	}
}

func TestAnOpenRun(t *testing.T) {
	v := view()
	v.Ended = nil
	if d := Of(v); d.Outcome != "" || !strings.Contains(Markdown(d), "still open") {
		t.Errorf("outcome %q", d.Outcome)
	}
	v.Parked = "nobody looked"
	if d := Of(v); d.Outcome != wire.Parked || d.Text != "nobody looked" {
		t.Errorf("parked: %+v", d)
	}
}
