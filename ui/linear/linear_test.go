package linear

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"canton.example/svrescue/steps/wire"
	"github.com/creack/pty"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

var update = flag.Bool("update", false, "write the golden files anew")

// engine plays a worker: it emits its events in order, and at each question waits for what the front end says, which it
// answers as the real one does.
type engine struct {
	events chan wire.Event
	said   chan wire.Message
	mu     sync.Mutex
	heard  []wire.Message
	seq    uint64
	now    time.Time
}

func newEngine() *engine {
	return &engine{events: make(chan wire.Event), said: make(chan wire.Message, 8), now: time.Date(2026, 1, 11, 3, 0, 0, 0, time.UTC)}
}

func (e *engine) Events() <-chan wire.Event { return e.events }
func (e *engine) Send(m wire.Message) error {
	e.mu.Lock()
	e.heard = append(e.heard, m)
	e.mu.Unlock()
	e.said <- m
	return nil
}

func (e *engine) emit(ev wire.Event) {
	e.now = e.now.Add(time.Second)
	if ev.At.IsZero() {
		ev.At = e.now
	}
	if ev.Kind.Durable() {
		e.seq++
		ev.Seq = e.seq
	}
	e.events <- ev
}

// play emits the events and closes the stream. A question waits for its answer, "park" ends it early; what is before
// the event present is the past.
func (e *engine) play(events ...wire.Event) {
	defer close(e.events)
	here, asked := false, wire.Event{}
	for _, ev := range events {
		e.emit(ev)
		here = here || ev.Kind == wire.KindViewers
		if ev.Kind == wire.KindAsk {
			asked = ev
		}
		// A question that was put before the front end came is answered after its present begins.
		for open := ev.Kind == wire.KindAsk && here || ev.Kind == wire.KindViewers && asked.Question != nil; open; {
			here, ev = true, asked
			m := <-e.said
			switch m.Kind {
			case wire.SayNote:
				e.emit(wire.Event{Kind: wire.KindNote, Text: m.Text, By: m.By, Step: ev.Step})
			case wire.SayPark:
				e.emit(wire.Event{Kind: wire.KindPark, Text: "asked for by " + m.By})
				return
			case wire.SayAnswer:
				if err := ev.Question.Accepts(*m.Answer); err != nil {
					e.emit(wire.Event{Kind: wire.KindRefusal, Text: err.Error()})
					continue
				}
				m.Answer.By = m.By
				e.emit(wire.Event{Kind: wire.KindAnswer, Step: ev.Step, Answer: m.Answer, By: m.By})
				open = false
			}
		}
	}
}

var present = wire.Event{Kind: wire.KindViewers, Viewers: 1}

func begin() []wire.Event {
	return []wire.Event{
		{Kind: wire.KindRun, Run: &wire.Run{ID: "restore-0111-0300-abcd", Path: "restore", Title: "Restore a node", World: wire.Real, Acting: wire.Live,
			Operator: "alice", Host: "ops1", Steps: []wire.StepInfo{
				{ID: "restore/scale-down", Title: "Scale down", Summary: "Stops the node.", Effect: wire.Repeatable},
				{ID: "restore/restore-volumes", Title: "Restore volumes", Summary: "Replaces the claims.", Effect: wire.Destroy}}}},
		{Kind: wire.KindStep, Step: "restore/scale-down", State: wire.StepRunning},
		{Kind: wire.KindFindings, Step: "restore/scale-down", Phase: wire.PhaseCheck, Findings: []wire.Finding{
			{Verdict: wire.Holds, Text: "replica counts are as they were"},
			{Verdict: wire.Undetermined, Text: "no rights to look for autoscalers", Next: "ask for them"}}},
		{Kind: wire.KindPlan, Step: "restore/scale-down", Plan: &wire.Plan{Effect: wire.Repeatable, Hash: "h1", Actions: []wire.Preview{
			{Key: "a", Title: "scale sv-app to 0", Effect: wire.Repeatable}, {Key: "w", Title: "wait until the pods are gone"}}}},
	}
}

func confirm() wire.Event {
	return wire.Event{Kind: wire.KindAsk, Step: "restore/scale-down", Question: &wire.Question{ID: "q5", Name: "restore/scale-down.confirm", Step: "restore/scale-down",
		Kind: wire.AskConfirm, Title: "Send this?", Hash: "h1", Choices: []wire.Choice{
			{ID: wire.ChoiceYes, Label: "Send it", Effect: wire.Repeatable}, {ID: wire.ChoiceBack, Label: "Not now"},
			{ID: wire.ChoiceSkip, Label: "Skip", Reason: true}, {ID: wire.ChoiceUndo, Label: "Take back", Refuse: "nothing was done"}}}}
}

func word() wire.Event {
	return wire.Event{Kind: wire.KindAsk, Step: "restore/restore-volumes", Question: &wire.Question{ID: "q9", Name: "restore/restore-volumes.confirm",
		Step: "restore/restore-volumes", Kind: wire.AskWord, Word: "mainnet/Acme-SV", Title: "Type mainnet/Acme-SV to go on", Hash: "h2",
		Choices: []wire.Choice{{ID: wire.ChoiceYes, Label: "Send it", Effect: wire.Destroy}, {ID: wire.ChoiceBack, Label: "Not now"}}}}
}

func end() wire.Event {
	return wire.Event{Kind: wire.KindEnd, End: &wire.End{Outcome: wire.Recovered, Text: "the node runs"}}
}

// show runs a front end over the events with these lines as input; a nil input is nobody.
func show(t *testing.T, input io.Reader, o Options, events ...wire.Event) (string, *engine, error) {
	t.Helper()
	e := newEngine()
	go e.play(events...)
	var out bytes.Buffer
	o.Source, o.Out, o.Operator, o.Come = e, &out, "alice", "svrescue attach abcd"
	if input != nil {
		o.In = NewPrompter(input)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err := Run(ctx, o)
	return out.String(), e, err
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-golden +printed):\n%s", path, diff)
	}
}

// The lines of a run: what it is, what was found, what is sent, what is waited for, and how it ended. A wait is told once
// for each change, and then with its reasons, ever more seldom, not at every look.
func TestLinesOfARun(t *testing.T) {
	action := func(kind wire.Kind, key string, at int) wire.Event {
		return wire.Event{Kind: kind, Step: "restore/scale-down", Action: key, At: time.Date(2026, 1, 11, 3, 1, 0, 0, time.UTC).Add(time.Duration(at) * time.Second)}
	}
	events := append(begin(), present, confirm())
	events = append(events, action(wire.KindIntent, "a", 0))
	result := action(wire.KindResult, "a", 1)
	result.Outcome = wire.ActionDone
	events = append(events, result, action(wire.KindIntent, "w", 2))
	for second := 0; second < 120; second++ {
		p := action(wire.KindProgress, "w", 3+second)
		item := wire.Item{Name: "sv-app", State: "1 pod left", Note: "pod sv-app-1 is ending"}
		p.Progress = &wire.Progress{Total: 2, Unit: "workloads", Items: []wire.Item{{Name: "scan", State: "gone", Done: true}, item}, Done: 1}
		if second < 3 {
			p.Progress.Done, p.Progress.Items[0] = 0, wire.Item{Name: "scan", State: "1 pod left"}
		}
		events = append(events, p)
	}
	result = action(wire.KindResult, "w", 130)
	result.Outcome, result.Failure = wire.ActionFailed, &wire.Failure{Tried: "waiting", Seen: "it\x1b[2J still runs", Next: "look"}
	events = append(events, result, wire.Event{Kind: wire.KindStep, Step: "restore/scale-down", State: wire.StepDone},
		wire.Event{Kind: wire.KindStep, Step: "restore/restore-volumes", State: wire.StepRunning}, word(), end())
	out, e, err := show(t, strings.NewReader("1\nmainnet/Acme-SV\n"), Options{}, events...)
	if err != nil {
		t.Fatal(err)
	}
	if len(e.heard) != 2 || e.heard[0].Answer.Hash != "h1" || e.heard[1].Answer.Text != "mainnet/Acme-SV" {
		t.Errorf("it said %+v", e.heard)
	}
	golden(t, "run", out)
}

// What is no answer says why and asks again; a reason is asked for; a note leaves the question open.
func TestPrompt(t *testing.T) {
	input := "\nyes\n7\n4\nnote the pager is quiet\n3\n  \n3\nit stands still already\n" + "1\nmainnet/other\nmainnet/Acme-SV \n"
	out, e, err := show(t, strings.NewReader(input), Options{}, append(begin(), present, confirm(), word(), end())...)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "prompt", out)
	var said []string
	for _, m := range e.heard {
		text := string(m.Kind) + " " + m.Text
		if m.Answer != nil {
			text += m.Answer.Choice + " " + m.Answer.Text
		}
		said = append(said, text)
	}
	want := []string{"note the pager is quiet", "answer skip it stands still already", "answer yes mainnet/Acme-SV"}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("said (-want +got):\n%s", diff)
	}
}

// The end of the input is no answer.
func TestInputEnds(t *testing.T) {
	out, e, err := show(t, strings.NewReader(""), Options{}, append(begin(), present, confirm(), end())...)
	if err != io.EOF || len(e.heard) != 0 {
		t.Errorf("error %v, said %+v", err, e.heard)
	}
	if !strings.Contains(out, "that is no answer. The question stays open. Come back with: svrescue attach abcd") {
		t.Errorf("it does not say how to come back:\n%s", out)
	}
}

// Whichever kind of question is open, the end of the input answers nothing, and neither do lines that are empty or of spaces.
func TestInputEndsAtEveryKindOfQuestion(t *testing.T) {
	for _, kind := range []wire.QuestionKind{wire.AskChoice, wire.AskText, wire.AskConfirm, wire.AskWord, wire.AskRemedy, wire.AskTick} {
		q := &wire.Question{ID: "q5", Name: "restore/scale-down.x", Step: "restore/scale-down", Kind: kind, Title: "What?", Hash: "h1", Error: &wire.Failure{Tried: "a", Seen: "b"}}
		if kind != wire.AskText {
			q.Default, q.Word = wire.ChoiceYes, "mainnet/Acme-SV"
			q.Choices = []wire.Choice{{ID: wire.ChoiceYes, Label: "Send it", Effect: wire.Destroy}, {ID: wire.ChoiceBack, Label: "Not now"}}
		}
		for _, input := range []string{"", "\n", " \n\t\n", "y", "yes\n"} {
			if kind == wire.AskText && input != "" && input != "\n" && input != " \n\t\n" {
				continue // any text is one
			}
			out, e, err := show(t, strings.NewReader(input), Options{}, append(begin(), present, wire.Event{Kind: wire.KindAsk, Step: "restore/scale-down", Question: q}, end())...)
			if err != io.EOF || len(e.heard) != 0 {
				t.Errorf("%s, %q: error %v, said %+v", kind, input, err, e.heard)
			}
			if !strings.Contains(out, "that is no answer. The question stays open.") {
				t.Errorf("%s, %q: it does not say that the question stays open:\n%s", kind, input, out)
			}
		}
	}
}

// ctrl+c asks and is no answer; what is typed then is none either; pressed again it parks.
func TestCtrlC(t *testing.T) {
	for name, c := range map[string]struct {
		keys  []string // "^C", a line, or "? TEXT": wait for that text
		heard []string
		err   error
	}{
		"twice":               {[]string{"^C", "^C"}, []string{"park"}, nil},
		"and leave":           {[]string{"^C", "leave"}, nil, context.Canceled},
		"and a number":        {[]string{"^C", "1", "2"}, []string{"answer back"}, nil},
		"a reason is not one": {[]string{"3", "? Why", "^C", "because", "2"}, []string{"answer back"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEngine()
			go e.play(append(begin(), present, confirm(), end())...)
			in, lines := io.Pipe()
			defer lines.Close()
			out := &watched{grown: make(chan struct{}, 1000)}
			interrupts := make(chan struct{})
			done := make(chan error, 1)
			go func() {
				_, err := Run(t.Context(), Options{Source: e, Out: out, In: NewPrompter(in), Operator: "alice", Come: "svrescue attach abcd", Interrupts: interrupts})
				done <- err
			}()
			out.until(t, "A number from 1 to 4")
			for _, k := range c.keys {
				if k == "^C" {
					interrupts <- struct{}{}
					continue
				}
				if text, wait := strings.CutPrefix(k, "? "); wait {
					out.until(t, text)
					continue
				}
				io.WriteString(lines, k+"\n")
			}
			if err := <-done; !errors.Is(err, c.err) {
				t.Errorf("error %v, want %v", err, c.err)
			}
			var heard []string
			for _, m := range e.heard {
				text := string(m.Kind)
				if m.Answer != nil {
					text += " " + m.Answer.Choice
				}
				heard = append(heard, text)
			}
			if diff := cmp.Diff(c.heard, heard); diff != "" {
				t.Errorf("heard (-want +got):\n%s\n%s", diff, out.text())
			}
		})
	}
}

func TestParkAsked(t *testing.T) {
	out, e, err := show(t, strings.NewReader("park\n"), Options{}, append(begin(), present, confirm(), end())...)
	if err != nil || len(e.heard) != 1 || e.heard[0].Kind != wire.SayPark || !strings.Contains(out, "parked: asked for by alice") {
		t.Errorf("error %v, said %+v\n%s", err, e.heard, out)
	}
}

// Whoever comes back is told the past in short and is asked what is open now, never what was answered before.
func TestComeBack(t *testing.T) {
	answered := wire.Event{Kind: wire.KindAnswer, Step: "restore/scale-down", Answer: &wire.Answer{Question: "q5", Choice: wire.ChoiceYes, By: "bob"}}
	volumes := wire.Event{Kind: wire.KindPlan, Step: "restore/restore-volumes", Plan: &wire.Plan{Effect: wire.Destroy, Actions: []wire.Preview{
		{Key: "d", Title: "delete pvc/a", Effect: wire.Destroy, Lost: "what was written after 02:00"}}}}
	events := append(begin(), confirm(), answered, wire.Event{Kind: wire.KindStep, Step: "restore/scale-down", State: wire.StepDone},
		wire.Event{Kind: wire.KindStep, Step: "restore/restore-volumes", State: wire.StepRunning}, volumes, word(), present)
	out, e, err := show(t, strings.NewReader("2\n"), Options{Brief: true}, events...)
	if err != nil || len(e.heard) != 1 || e.heard[0].Answer.Question != "q9" || e.heard[0].Answer.Choice != wire.ChoiceBack {
		t.Errorf("error %v, said %+v", err, e.heard)
	}
	golden(t, "comeback", out)
}

// An answers file that does not answer parks the run and names the question.
func TestAnswersRunOut(t *testing.T) {
	file, err := ParseFile([]byte("confirm: yes\nword: testnet/Acme-SV\n"))
	if err != nil {
		t.Fatal(err)
	}
	out, e, err := show(t, nil, Options{Answers: file}, append(begin(), present, confirm(), word(), end())...)
	if err != nil || len(e.heard) != 2 || e.heard[1].Kind != wire.SayPark {
		t.Errorf("error %v, said %+v", err, e.heard)
	}
	for _, text := range []string{"does not fit: type mainnet/Acme-SV exactly", "No answer is given for restore/restore-volumes.confirm"} {
		if !strings.Contains(out, text) {
			t.Errorf("%q is not in\n%s", text, out)
		}
	}
}

// What is typed on a terminal before a question is no answer to it: whole lines are dropped with a word, the beginning of
// one is forgotten by the terminal.
func TestTypedAhead(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	in := NewPrompter(slave)
	in.Flush = func() { _ = unix.IoctlSetInt(int(slave.Fd()), unix.TCFLSH, unix.TCIFLUSH) }
	out := &watched{grown: make(chan struct{}, 1000)}
	e := newEngine()
	done := make(chan error, 1)
	go func() {
		_, err := Run(t.Context(), Options{Source: e, Out: out, In: in, Operator: "alice", Come: "svrescue attach abcd"})
		done <- err
	}()
	for _, ev := range append(begin(), present) {
		e.emit(ev)
	}
	io.WriteString(master, "1\n") // too early
	out.until(t, "that line is dropped")
	io.WriteString(master, "1") // the beginning of a line, also too early
	for echo, buffer := "", make([]byte, 64); strings.Count(echo, "1") < 2; {
		n, err := master.Read(buffer) // what the terminal shows, it has in its buffer
		if err != nil {
			t.Fatal(err)
		}
		echo += string(buffer[:n])
	}
	go e.play(present, confirm(), end())
	out.until(t, "A number from 1 to 4")
	io.WriteString(master, "2\n")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if len(e.heard) != 1 || e.heard[0].Answer == nil || e.heard[0].Answer.Choice != wire.ChoiceBack {
		t.Errorf("it said %+v, not the second choice alone\n%s", e.heard, out.text())
	}
}

// watched is a writer that can be waited for.
type watched struct {
	mu    sync.Mutex
	b     bytes.Buffer
	grown chan struct{}
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case w.grown <- struct{}{}:
	default:
	}
	return w.b.Write(p)
}
func (w *watched) text() string { w.mu.Lock(); defer w.mu.Unlock(); return w.b.String() }
func (w *watched) until(t *testing.T, text string) {
	t.Helper()
	limit := time.After(30 * time.Second)
	for !strings.Contains(w.text(), text) {
		select {
		case <-w.grown:
		case <-limit:
			t.Fatalf("%q never came:\n%s", text, w.text())
		}
	}
}

// How the node is held is said when it matters: taken, not to be had, and while writes pause.
func TestHowTheNodeIsHeld(t *testing.T) {
	since := time.Date(2026, 1, 11, 3, 0, 0, 0, time.UTC)
	lease := func(l wire.Lease) wire.Event { return wire.Event{Kind: wire.KindLease, Lease: &l} }
	out, _, err := show(t, nil, Options{}, lease(wire.Lease{State: wire.LeaseHeld}), lease(wire.Lease{State: wire.LeaseAway, Since: since, Why: "no route to host"}),
		lease(wire.Lease{State: wire.LeaseLocal, Why: "403 not allowed"}), end())
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"this run holds the node; a Lease keeps other operators away",
		"attention: writes pause since 03:00:00 UTC, because the Lease of the node cannot be renewed (no route to host); they go on by themselves when it can, unless somebody else has taken the node over by then",
		"attention: No Lease: 403 not allowed; only the lock on this run holds, and nobody else is kept away from the node",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
}

// What is tried again is told as it comes and when it is over, and a person hurries or stops it with a word; at other times those words are
// nothing.
func TestWhatIsTriedAgain(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	in := NewPrompter(slave)
	in.Flush = func() {}
	out := &watched{grown: make(chan struct{}, 1000)}
	e := newEngine()
	done := make(chan error, 1)
	go func() {
		_, err := Run(t.Context(), Options{Source: e, Out: out, In: in, Operator: "alice", Come: "svrescue attach abcd"})
		done <- err
	}()
	for _, ev := range append(begin(), present) {
		e.emit(ev)
	}
	io.WriteString(master, "stop\n")
	out.until(t, "that line is dropped")
	at := e.now.Add(time.Second)
	retry := wire.Retry{Tried: "list pods", Seen: "503 busy", Tries: 1, Since: at, Next: at.Add(12 * time.Second), Until: at.Add(10 * time.Minute)}
	e.emit(wire.Event{Kind: wire.KindRetry, At: at, Retry: &retry})
	out.until(t, "trying again in 12 s (2nd time since 03:00, until 03:10): list pods: 503 busy")
	out.until(t, `"now" tries at once, "stop" tries it no more, "park" parks the run.`)
	for word, kind := range map[string]wire.MessageKind{"now": wire.SayNow, "stop": wire.SayStop} {
		io.WriteString(master, word+"\n")
		if m := <-e.said; m.Kind != kind || m.By != "alice" {
			t.Errorf("%q said %+v", word, m)
		}
	}
	over := retry
	over.Outcome = wire.RetryPassed
	e.emit(wire.Event{Kind: wire.KindRetried, At: at.Add(12 * time.Second), Retry: &over})
	out.until(t, "tried again for 12 s, 1 failure, then it worked: list pods: 503 busy")
	go e.play(end())
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// A card that is settled is printed whole, and again where a line asks for it; without a card that line is an answer.
func TestTheCardIsPrinted(t *testing.T) {
	card := &wire.Card{Purpose: "network recovery of MainNet", Fingerprint: "417-093-220", Text: "svrescue parameter card 1: x\ntimestamp: now\n", Frozen: true}
	proposal := *card
	proposal.Frozen, proposal.Fingerprint = false, "000-000-001"
	out, e, err := show(t, strings.NewReader("card\n1\n"), Options{},
		append(begin(), present, wire.Event{Kind: wire.KindCard, Card: &proposal}, wire.Event{Kind: wire.KindCard, Card: card}, confirm(), end())...)
	if err != nil || strings.Count(out, "svrescue parameter card 1: x\ntimestamp: now\n") != 2 || !strings.Contains(out, "a proposal: 000-000-001") {
		t.Errorf("%v\n%s", err, out)
	}
	if len(e.heard) != 1 || e.heard[0].Answer == nil || e.heard[0].Answer.Choice != wire.ChoiceYes {
		t.Errorf("the worker heard %+v", e.heard)
	}
}
