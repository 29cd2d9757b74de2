package wire

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// story makes a run of random events that an engine could have written: durable ones are numbered.
func story(r *rand.Rand, length int) []Event {
	at := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	steps := []StepInfo{{ID: "p/a", Title: "A", Effect: Observe}, {ID: "p/b", Title: "B", Effect: Destroy}, {ID: "p/c", Title: "C", Effect: Repeatable}}
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	events := []Event{{Kind: KindRun, Run: &Run{ID: "r", Title: "T", Operator: "you", Host: "here", Steps: steps}}}
	question := 0
	for len(events) < length {
		e := Event{Step: pick("p/a", "p/b", "p/c"), Action: pick("x", "y", "z", "cure"), Undo: r.IntN(3) == 0}
		switch e.Kind = Kind(pick(string(KindStep), string(KindFindings), string(KindPlan), string(KindAsk), string(KindAnswer), string(KindIntent),
			string(KindResult), string(KindNote), string(KindPark), string(KindResume), string(KindSubject), string(KindFacts), string(KindProgress),
			string(KindLog), string(KindViewers), string(KindRefusal), string(KindHalt), string(KindEnd))); e.Kind {
		case KindStep:
			e.State, e.Text = StepState(pick("", "running", "done", "by-hand", "skipped", "failed", "undone")), pick("", "why")
		case KindFindings:
			e.Phase, e.Findings = Phase(pick("check", "recheck", "verify")), []Finding{{ID: pick("1", "2"), Verdict: Holds}}
		case KindPlan:
			e.Plan = &Plan{Effect: Destroy, Hash: pick("h1", "h2")}
			for _, key := range []string{"x", "y", "z"}[:1+r.IntN(3)] {
				e.Plan.Actions = append(e.Plan.Actions, Preview{Key: key, Title: "do " + key, Effect: Destroy})
			}
			if !e.Undo && r.IntN(4) == 0 {
				e.Plan.Remedy, e.Plan.Actions = true, []Preview{{Key: "cure", Title: "cure", Effect: Repeatable}}
			}
		case KindAsk:
			question++
			e.Question = &Question{ID: fmt.Sprint("q", question), Kind: AskConfirm, Title: "?", Choices: []Choice{{ID: ChoiceYes, Label: "Yes"}}}
		case KindAnswer:
			e.Answer = &Answer{Choice: ChoiceYes, Text: pick("", "because"), By: "you"}
		case KindResult:
			e.Outcome = ActionState(pick("done", "already", "failed", "by-hand", "skipped"))
			if e.Outcome == ActionFailed {
				e.Failure = &Failure{Seen: "no"}
			}
		case KindProgress:
			e.Progress = &Progress{Done: r.Int64N(100), Items: []Item{{Name: "i"}}}
		case KindSubject:
			e.Subject = &Subject{Network: pick("a", "b")}
		case KindHalt:
			e.Failure = &Failure{Seen: "disk"}
		case KindEnd:
			if r.IntN(10) > 0 {
				continue
			}
			e.End = &End{Outcome: Recovered}
		case KindNote, KindLog, KindPark, KindRefusal:
			e.Text, e.By = pick("one", "two"), "you"
		case KindViewers:
			e.Viewers = r.IntN(3)
		}
		events = append(events, e)
	}
	seq := uint64(0)
	for i := range events {
		at = at.Add(time.Duration(r.IntN(3000)) * time.Millisecond)
		events[i].At = at
		if events[i].Kind.Durable() {
			seq++
			events[i].Seq = seq
		}
	}
	return events
}

func frozen(t *testing.T, v View) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

var unexported = cmp.AllowUnexported(RateWindow{}, mark{})

// Folding a beginning and then the rest is folding all; an old view stays as it was, whichever way the story goes on
// from it; what was seen already changes nothing.
func TestFoldProperties(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		events := story(r, 60+r.IntN(80))
		want := FoldAll(events)
		cut := r.IntN(len(events))
		prefix := FoldAll(events[:cut])
		before := frozen(t, prefix)
		v := prefix
		for _, e := range events[cut:] {
			v = Fold(v, e)
		}
		if diff := cmp.Diff(want, v, unexported); diff != "" {
			t.Fatalf("seed %d, cut at %d:\n%s", seed, cut, diff)
		}
		// Another future from the same view: appends must not land in shared memory.
		other := story(rand.New(rand.NewPCG(seed, 8)), 40)
		branch := prefix
		for _, e := range other[1:] {
			if e.Seq > 0 {
				e.Seq += 1000
			}
			branch = Fold(branch, e)
		}
		if got := frozen(t, prefix); got != before {
			t.Fatalf("seed %d: an old view changed\n%s\n%s", seed, before, got)
		}
		if diff := cmp.Diff(want, v, unexported); diff != "" {
			t.Fatalf("seed %d: a view changed when an older one was folded on:\n%s", seed, diff)
		}
		for _, e := range events {
			if e.Kind.Durable() {
				v = Fold(v, e)
			}
		}
		if diff := cmp.Diff(want, v, unexported); diff != "" {
			t.Fatalf("seed %d: a replay changed the view:\n%s", seed, diff)
		}
	}
}

// Losing events that are not durable never changes what a view says has happened.
func TestDurableEventsAloneTellWhatHappened(t *testing.T) {
	for seed := range uint64(50) {
		events := story(rand.New(rand.NewPCG(seed, 9)), 120)
		var durable []Event
		for _, e := range events {
			if e.Kind.Durable() {
				durable = append(durable, e)
			}
		}
		strip := func(v View) View {
			v.Log, v.Refusal, v.Viewers, v.Halted, v.Last = nil, "", 0, nil, time.Time{}
			for i := range v.Steps {
				for j := range v.Steps[i].Actions {
					a := &v.Steps[i].Actions[j]
					a.Progress, a.Rate, a.Moved = nil, RateWindow{}, time.Time{}
				}
			}
			return v
		}
		if diff := cmp.Diff(strip(FoldAll(events)), strip(FoldAll(durable)), unexported); diff != "" {
			t.Fatalf("seed %d:\n%s", seed, diff)
		}
	}
}

// base is a run of three steps of which the first two are done.
func base() []Event {
	plan := Plan{Effect: Repeatable, Actions: []Preview{{Key: "x", Title: "do x", Effect: Repeatable}}}
	back := Plan{Effect: Repeatable, Actions: []Preview{{Key: "x back", Title: "undo x", Effect: Repeatable}}}
	return []Event{
		{Kind: KindRun, Run: &Run{ID: "r", Steps: []StepInfo{{ID: "a"}, {ID: "b"}, {ID: "c"}}}},
		{Kind: KindStep, Step: "a", State: StepRunning}, {Kind: KindPlan, Step: "a", Plan: &plan}, {Kind: KindIntent, Step: "a", Action: "x"},
		{Kind: KindResult, Step: "a", Action: "x", Outcome: ActionDone}, {Kind: KindStep, Step: "a", State: StepDone},
		{Kind: KindStep, Step: "b", State: StepDone}, {Kind: KindStep, Step: "c", State: StepRunning},
		{Kind: KindPlan, Step: "a", Undo: true, Plan: &back},
		{Kind: KindAsk, Step: "a", Question: &Question{ID: "q", Title: "Take it back?"}},
	}
}

func state(v View) string {
	var all []string
	for _, s := range v.Steps {
		all = append(all, string(s.State))
	}
	return strings.Join(all, ",")
}

func TestTakingAStepBack(t *testing.T) {
	v := FoldAll(base())
	if got := state(v); got != "done,done,running" {
		t.Errorf("a question about taking a step back opens it: %s", got)
	}
	v = Fold(v, Event{Kind: KindAnswer, Step: "a", Answer: &Answer{Choice: ChoiceBack}})
	if got := state(v); got != "done,done,running" || v.Question != nil {
		t.Errorf("after the answer no: %s", got)
	}
	v = Fold(v, Event{Kind: KindResult, Step: "a", Action: "x back", Undo: true, Outcome: ActionDone})
	v = Fold(v, Event{Kind: KindStep, Step: "a", State: StepUndone})
	if got := state(v); got != "undone,," {
		t.Errorf("what stood on a step that was taken back: %s", got)
	}
	if x, back := v.Steps[0].Actions[0], v.Steps[0].Actions[1]; x.State != ActionPending || back.State != ActionDone || !back.Undo {
		t.Errorf("actions %+v", v.Steps[0].Actions)
	}
}

func TestTheQuestionOfAWorkerThatDiedIsNotOpen(t *testing.T) {
	v := Fold(FoldAll(base()), Event{Kind: KindResume, By: "you"})
	if v.Question != nil {
		t.Error("nobody waits for that answer")
	}
}

func TestRateWindow(t *testing.T) {
	at := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name  string
		done  []int64 // one reading each second
		rate  float64
		total int64
		left  time.Duration
		known bool
	}{
		{"nothing", nil, 0, 100, 0, false},
		{"one reading", []int64{5}, 0, 100, 0, false},
		{"steady", []int64{0, 10, 20}, 10, 100, 8 * time.Second, true},
		{"no total", []int64{0, 10}, 10, 0, 0, false},
		{"past the total", []int64{0, 10, 120}, 60, 100, 0, true},
		{"standing still", []int64{10, 10, 10}, 0, 100, 0, false},
		{"started anew", []int64{80, 90, 0, 5}, 5, 10, time.Second, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			var w RateWindow
			for i, done := range c.done {
				w = w.Add(at.Add(time.Duration(i)*time.Second), done)
			}
			left, known := w.Left(c.total)
			if w.PerSecond() != c.rate || left != c.left || known != c.known {
				t.Errorf("rate %v, left %v %v", w.PerSecond(), left, known)
			}
		})
	}
	var w RateWindow // an old speed is forgotten after the span, and memory is bounded
	for i := range 200 {
		w = w.Add(at.Add(time.Duration(i)*time.Second), int64(min(i, 100)*10+max(i-100, 0)))
	}
	if rate := w.PerSecond(); rate < 0.9 || rate > 1.1 || len(w.marks) > 33 {
		t.Errorf("rate %v over %d readings", rate, len(w.marks))
	}
	short := w.Add(at.Add(200*time.Second), 1100)
	other := w.Add(at.Add(200*time.Second), 2000)
	if short.PerSecond() == other.PerSecond() {
		t.Error("two windows share memory")
	}
}

func TestAccepts(t *testing.T) {
	choices := []Choice{{ID: ChoiceYes, Label: "Send it"}, {ID: ChoiceSkip, Label: "Skip", Reason: true}, {ID: "old", Label: "Old", Refuse: "not whole"}}
	word := Question{ID: "q1", Kind: AskWord, Word: "mainnet/Acme-SV", Hash: "h", Choices: choices}
	confirm := Question{ID: "q1", Kind: AskConfirm, Hash: "h", Choices: choices}
	for _, c := range []struct {
		name string
		q    Question
		a    Answer
		ok   bool
	}{
		{"word", word, Answer{Question: "q1", Choice: ChoiceYes, Hash: "h", Text: "mainnet/Acme-SV"}, true},
		{"word with space around", word, Answer{Question: "q1", Choice: ChoiceYes, Hash: "h", Text: " mainnet/Acme-SV\n"}, true},
		{"word in another case", word, Answer{Question: "q1", Choice: ChoiceYes, Hash: "h", Text: "mainnet/acme-sv"}, false},
		{"no word", word, Answer{Question: "q1", Choice: ChoiceYes, Hash: "h"}, false},
		{"word of another hash", word, Answer{Question: "q1", Choice: ChoiceYes, Hash: "old", Text: "mainnet/Acme-SV"}, false},
		{"no word to type", Question{ID: "q1", Kind: AskWord, Choices: choices}, Answer{Question: "q1", Choice: ChoiceYes}, false},
		{"confirm", confirm, Answer{Question: "q1", Choice: ChoiceYes, Hash: "h"}, true},
		{"confirm without hash", confirm, Answer{Question: "q1", Choice: ChoiceYes}, false},
		{"another question", confirm, Answer{Question: "q0", Choice: ChoiceYes, Hash: "h"}, false},
		{"no choice", confirm, Answer{Question: "q1", Hash: "h"}, false},
		{"unknown choice", confirm, Answer{Question: "q1", Choice: "sure", Hash: "h"}, false},
		{"a refused choice", confirm, Answer{Question: "q1", Choice: "old", Hash: "h"}, false},
		{"a reason is missing", confirm, Answer{Question: "q1", Choice: ChoiceSkip, Text: "  "}, false},
		{"a reason is given, and needs no hash", confirm, Answer{Question: "q1", Choice: ChoiceSkip, Text: "done yesterday"}, true},
		{"text", Question{ID: "q1", Kind: AskText}, Answer{Question: "q1", Text: "x"}, true},
		{"no text", Question{ID: "q1", Kind: AskText}, Answer{Question: "q1", Text: " "}, false},
		{"asked again instead of a text", Question{ID: "q1", Kind: AskText, Choices: []Choice{{ID: ChoiceAsk}}}, Answer{Question: "q1", Choice: ChoiceAsk}, true},
		{"asked again, and a text", Question{ID: "q1", Kind: AskText, Choices: []Choice{{ID: ChoiceAsk}}}, Answer{Question: "q1", Choice: ChoiceAsk, Text: "x"}, false},
		{"asked again at a remedy, with a reason", Question{ID: "q1", Kind: AskRemedy, Choices: []Choice{{ID: ChoiceAsk}}}, Answer{Question: "q1", Choice: ChoiceAsk, Text: "x"}, true},
		{"no text, but a default", Question{ID: "q1", Kind: AskText, Default: "d"}, Answer{Question: "q1"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := c.q.Accepts(c.a); (err == nil) != c.ok {
				t.Errorf("%v", err)
			}
		})
	}
}

// What comes over a wire or out of a file is folded without harm, whatever it is.
func FuzzFold(f *testing.F) {
	for _, e := range base() {
		data, _ := json.Marshal(e)
		f.Add(data)
	}
	for _, kind := range []Kind{KindRun, KindSubject, KindPlan, KindAsk, KindAnswer, KindEnd, KindProgress, KindHalt, KindFindings} {
		f.Add([]byte(fmt.Sprintf(`{"kind":%q,"step":"a"}`, kind)))
	}
	before := FoldAll(base())
	want, _ := json.Marshal(before)
	f.Fuzz(func(t *testing.T, data []byte) {
		var e Event
		if json.Unmarshal(data, &e) != nil {
			return
		}
		Fold(Fold(before, e), e)
		Fold(View{}, e)
		if got := frozen(t, before); got != string(want) {
			t.Errorf("an old view changed")
		}
	})
}
