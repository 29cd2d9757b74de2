package wizard

import (
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/google/go-cmp/cmp"

	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/wizard/internal/fixture"
)

func live(t *testing.T, tape func(wire.World, wire.Acting) *fixture.Tape) *driver {
	t.Helper()
	return drive(t, tape(wire.Real, wire.Live), plainTheme)
}

func TestKeysTypedBeforeTheQuestionAreThrownAway(t *testing.T) {
	tape := fixture.ScaleDown(wire.Real, wire.Live)
	last := len(tape.Events) - 1
	ask := tape.Events[last]
	tape.Events = tape.Events[:last]
	d := drive(t, tape, plainTheme)
	d.press("y", "enter") // nothing is open
	d.feed(ask)
	d.press("y", "y", "down", "enter").expectNoAnswer()
	d.expect("keys count in a moment")
	for range 5 { // a keyboard that does not rest
		d.clock.SetTime(d.clock.Now().Add(200 * time.Millisecond))
		d.press("y")
	}
	d.expectNoAnswer()
	d.wait(249 * time.Millisecond)
	d.press("y").expectNoAnswer()
	d.wait(250 * time.Millisecond)
	d.expect("› 1 No, not now").expectNot("keys count in a moment")
	d.press("y")
	if n := len(d.answers()); n != 1 {
		t.Fatalf("%d answers after a key on a question that could be read", n)
	}
	d.press("y", "enter")
	if n := len(d.answers()); n != 1 {
		t.Errorf("%d answers: the question was answered twice", n)
	}
	d.expect("Sent; the worker has not taken it yet.")
}

func TestAQuestionNeedsTimeOnTheScreenEvenWhenTheKeyboardIsQuiet(t *testing.T) {
	tape := fixture.ScaleDown(wire.Real, wire.Live)
	last := len(tape.Events) - 1
	ask := tape.Events[last]
	tape.Events = tape.Events[:last]
	d := drive(t, tape, plainTheme)
	d.feed(ask)
	d.wait(399 * time.Millisecond)
	d.press("y").expectNoAnswer()
}

func TestEnterAloneNeverConfirmsAChange(t *testing.T) {
	for name, tape := range map[string]func(wire.World, wire.Acting) *fixture.Tape{
		"confirm": fixture.ScaleDown, "destroy": fixture.Destroy, "remedy": fixture.Failure} {
		t.Run(name, func(t *testing.T) {
			d := live(t, tape)
			for range 5 {
				d.press("enter")
				d.wait(time.Second)
			}
			d.expectNoAnswer()
		})
	}
}

func TestTheAnswerCarriesTheHashThatWasShown(t *testing.T) {
	d := live(t, fixture.ScaleDown)
	d.press("down").expect("› 2 Yes, send it").press("enter")
	want := []wire.Answer{{Question: d.root.view.Question.ID, Choice: wire.ChoiceYes, Hash: "hash-scale-down", By: "alice",
		At: d.clock.Now()}}
	if diff := cmp.Diff(want, d.answers()); diff != "" {
		t.Error(diff)
	}
}

func TestAWordMustBeTypedExactly(t *testing.T) {
	d := live(t, fixture.Destroy)
	d.press("enter").expect("Nothing was typed.")
	d.text("mainnet/Acme").press("enter").expect("The end is missing")
	d.text("-sv").press("enter").expect("That is not mainnet/Acme-SV, letter for letter").expectNoAnswer()
	d.press("backspace", "backspace").text("SV").expect("Type mainnet/Acme-SV to go on: mainnet/Acme-SV▏").press("enter")
	got := d.answers()
	if len(got) != 1 || got[0].Text != "mainnet/Acme-SV" || got[0].Choice != wire.ChoiceYes || got[0].Hash != "hash-restore-volumes" {
		t.Errorf("answers: %+v", got)
	}
}

func TestLettersOfTheWordAreNoKeys(t *testing.T) {
	d := live(t, fixture.Destroy)
	d.text("nphlq?y").expect("to go on: nphlq?y▏").expectNoAnswer()
	if d.quit || len(d.root.dialogs) > 0 {
		t.Error("a letter in the field was taken for a key")
	}
	d.press("tab", "n").expect("One line for the timeline")
}

func TestTheOtherAnswersOfAWord(t *testing.T) {
	d := live(t, fixture.Destroy)
	d.press("tab", "o").expect("Other answers", "None of these", "Skip the step (asks why)")
	d.press("enter").expectNoAnswer()
	d.wait(time.Second)
	d.press("o", "down", "down", "down", "enter").expect("Why: Skip the step").press("enter").expect("without a reason")
	d.text("restored last night").press("enter")
	got := d.answers()
	if len(got) != 1 || got[0].Choice != wire.ChoiceSkip || got[0].Text != "restored last night" {
		t.Errorf("answers: %+v", got)
	}
}

func TestARemedyWithAReason(t *testing.T) {
	d := live(t, fixture.Failure)
	d.press("5", "enter").expect("Why: Skip this action")
	d.text("   ").press("enter").expect("without a reason nothing is sent").expectNoAnswer()
	d.press("esc").expectNoAnswer()
	d.wait(time.Second)
	d.press("enter").text("quota is raised tomorrow").press("enter")
	got := d.answers()
	if len(got) != 1 || got[0].Choice != wire.ChoiceSkip || got[0].Text != "quota is raised tomorrow" {
		t.Errorf("answers: %+v", got)
	}
}

func TestAPromptGoesAwayWithItsQuestion(t *testing.T) {
	d := live(t, fixture.Failure)
	d.press("5", "enter").text("because")
	step := d.root.view.Question.Step
	at := d.clock.Now()
	d.feed(wire.Event{Seq: 1000, At: at, Kind: wire.KindAnswer, Step: step, Answer: &wire.Answer{Choice: wire.ChoicePark, By: "bob"}})
	d.expectNot("Why: Skip this action")
	d.press("enter").expectNoAnswer()
}

func TestAnAnswerToAnOlderQuestionIsNotSent(t *testing.T) {
	d := live(t, fixture.ScaleDown)
	d.press("h").expect("No, not by hand").press("down")
	q := *d.root.view.Question
	q.ID, q.Hash = "q99", "other"
	d.feed(wire.Event{Seq: 1000, At: d.clock.Now(), Kind: wire.KindAsk, Step: q.Step, Question: &q})
	d.press("enter").expectNoAnswer()
	d.wait(time.Second)
	d.press("enter").expectNoAnswer() // the cursor starts on No again
}

func TestRefusedChoicesCannotBeReached(t *testing.T) {
	d := live(t, fixture.Inputs)
	d.expect("- The set of 06:00", "Cannot be chosen: apps-pg was taken").press("down", "down").expect("› 4 Another place")
	d.press("3").expect("› 4 Another place").press("up", "up", "enter")
	if got := d.answers(); len(got) != 1 || got[0].Choice != "0200" {
		t.Errorf("answers: %+v", got)
	}
}

func TestATextQuestion(t *testing.T) {
	tape := fixture.Inputs(wire.Real, wire.Live)
	tape.Answer("backup-set", "other", "")
	tape.Ask("backup-set", wire.Question{Kind: wire.AskText, Title: "In which folder are the dumps?", Default: "/backup/0200"})
	d := drive(t, tape, plainTheme)
	d.expect("enter alone takes: /backup/0200").press("enter")
	if got := d.answers(); len(got) != 1 || got[0].Text != "/backup/0200" {
		t.Errorf("answers: %+v", got)
	}
	long := "https://sequencer-5.sv." + strings.Repeat("a-long-name.", 6) + "example.com" // nobody takes what cannot be read
	tape.Ask("backup-set", wire.Question{Kind: wire.AskText, Title: "Which address?", Default: long})
	d = drive(t, tape, plainTheme)
	d.expect("enter alone takes:")
	if !strings.Contains(d.screen(), "example.com") {
		t.Errorf("the default is cut:\n%s", d.screen())
	}
	tape.Ask("backup-set", wire.Question{Kind: wire.AskText, Title: "In which folder are the dumps?", Default: "/backup/0200"})
	d = drive(t, tape, plainTheme)
	d.update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("/mnt/dumps\nrm -rf"), Paste: true}, true)
	d.expectNoAnswer().expect("/mnt/dumps rm -rf▏")
}

func TestTheEngineRefusesAndTheOperatorTriesAgain(t *testing.T) {
	d := live(t, fixture.ScaleDown)
	d.press("y")
	d.feed(wire.Event{At: d.clock.Now(), Kind: wire.KindRefusal, Text: "what is shown has changed since that answer was given; read it again"})
	d.expect("What is shown has changed").press("y")
	if n := len(d.answers()); n != 2 {
		t.Errorf("%d answers", n)
	}
}

func TestAnAnswerThatCouldNotBeSentIsSaidSo(t *testing.T) {
	d := live(t, fixture.ScaleDown)
	d.fail = errCut
	d.press("y").expect("It could not be sent: write unix: broken pipe.").expectNot("Sent; the worker")
	d.fail = nil
	d.press("y")
	if n := len(d.answers()); n != 1 {
		t.Errorf("%d answers", n)
	}
}

func TestLeavingNeverAnswers(t *testing.T) {
	for _, s := range scenes {
		for _, how := range []string{"q", "ctrl+c", "hangup"} {
			d := live(t, s.tape)
			if s.then != nil {
				s.then(d)
			}
			if how == "hangup" {
				d.update(hangupMsg{}, true)
			} else {
				d.press(how)
			}
			if len(d.sent) > 0 {
				t.Errorf("%s, %s: %+v was sent", s.name, how, d.sent)
			}
			if how == "hangup" && !d.quit {
				t.Errorf("%s, %s: still there", s.name, how)
			}
		}
	}
	d := live(t, fixture.Running)
	d.press("q")
	if want := "The work goes on; come back with: svrescue attach r-20260111-0830-ab12"; d.root.farewell != want {
		t.Errorf("said %q", d.root.farewell)
	}
	d = live(t, fixture.ScaleDown)
	d.press("q")
	if !strings.HasPrefix(d.root.farewell, "The question stays open") {
		t.Errorf("said %q", d.root.farewell)
	}
}

func TestATerminalThatIsTooSmallTakesNoAnswer(t *testing.T) {
	d := live(t, fixture.ScaleDown)
	d.size(40, 10)
	d.expect("too small: 40 x 10", "40 x 12", "LIVE mainnet/Acme-SV", "Step 5 of 10")
	d.wait(time.Second)
	d.press("y", "down", "enter").expectNoAnswer()
	d.size(80, 24)
	d.press("y").expectNoAnswer() // it has only just come back into sight
	d.wait(time.Second)
	d.expect("› 1 No, not now").press("y")
	if n := len(d.answers()); n != 1 {
		t.Errorf("%d answers", n)
	}
}

func TestAQuestionOutOfSightTakesNoAnswer(t *testing.T) {
	d := live(t, fixture.ScaleDown)
	d.press("[").expect("4 · Record the state", "A question is open at step 5; enter goes there")
	d.press("y").expectNoAnswer()
	d.press("enter").expect("5 · Scale down").press("y").expectNoAnswer()
	d.wait(time.Second)
	d.press("?").expect("They work now").press("y", "esc", "y").expectNoAnswer()
	d.wait(time.Second)
	d.press("y")
	if n := len(d.answers()); n != 1 {
		t.Errorf("%d answers", n)
	}
}

func TestTickingAChecklist(t *testing.T) {
	d := live(t, func(w wire.World, _ wire.Acting) *fixture.Tape { return fixture.Tick(w) })
	d.expect("CHECKLIST", "To be done by you; svrescue sends nothing", "› 1 Not yet")
	d.press("enter").expectNoAnswer()
	d.press("down", "enter")
	if got := d.answers(); len(got) != 1 || got[0].Choice != wire.ChoiceDone {
		t.Errorf("answers: %+v", got)
	}
}

func TestAQuestionThatComesUpUnderADialogWaits(t *testing.T) {
	tape := fixture.ScaleDown(wire.Real, wire.Live)
	last := len(tape.Events) - 1
	ask := tape.Events[last]
	tape.Events = tape.Events[:last]
	d := drive(t, tape, plainTheme)
	d.press("n").text("hell")
	d.feed(ask)
	d.expect("A question has come up; it waits").text("o, y").expect("hello, y▏").press("enter")
	d.press("y", "enter").expectNoAnswer()
	if len(d.sent) != 1 || d.sent[0].Text != "hello, y" {
		t.Errorf("sent: %+v", d.sent)
	}
	d.wait(time.Second)
	if d.press("y"); len(d.answers()) != 1 {
		t.Error("the question takes no answer")
	}
}

// A name may hold any letter, also those that are keys elsewhere: none of them may be lost from a typed confirmation.
func TestEveryCharacterCanBeTyped(t *testing.T) {
	var all strings.Builder
	for c := ' '; c <= '~'; c++ {
		all.WriteRune(c)
	}
	all.WriteString("äß")
	t.Run("the word of a confirmation", func(t *testing.T) {
		d := live(t, fixture.Destroy)
		if d.text(all.String()); d.root.ask.field.value() != all.String() {
			t.Errorf("typed %q\nthe field has %q", all.String(), d.root.ask.field.value())
		}
	})
	t.Run("a note", func(t *testing.T) {
		d := live(t, fixture.ScaleDown)
		d.press("n")
		p, ok := d.root.top().(*prompt)
		if !ok {
			t.Fatal("no dialog for a note")
		}
		if d.text(all.String()); p.field.value() != all.String() {
			t.Errorf("typed %q\nthe field has %q", all.String(), p.field.value())
		}
	})
	t.Run("the filter of the log", func(t *testing.T) {
		d := live(t, fixture.ScaleDown)
		d.press("l", "/")
		log, ok := d.root.top().(*logDialog)
		if !ok {
			t.Fatal("no log")
		}
		if d.text(all.String()); log.filter.value() != all.String() {
			t.Errorf("typed %q\nthe filter has %q", all.String(), log.filter.value())
		}
	})
	t.Run("the filter of a list", func(t *testing.T) {
		p := newPicker(PickOptions{Theme: plainTheme, Items: []Item{{ID: "a", Title: "a"}, {ID: "b", Title: "b"}}})
		for _, c := range "/" + all.String() {
			p.Update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{c}})
		}
		if p.filter.value() != all.String() {
			t.Errorf("typed %q\nthe filter has %q", all.String(), p.filter.value())
		}
	})
}

// A node that somebody else holds: who it is, how to watch them, and, when they were silent for long enough, their name to type.
func TestSomebodyElseHoldsTheNode(t *testing.T) {
	holder := wire.Holder{Operator: "bob", Host: "ops2", Run: "restore-0412-0309-k7qd", Step: "restore/scale-down", Since: fixture.Start, Renewed: fixture.Start}
	begin := func() *fixture.Tape {
		tape := fixture.Begin(wire.Real, wire.Live)
		tape.Add(time.Second, wire.Event{Kind: wire.KindStep, Step: "restore/backup-set", State: wire.StepRunning})
		tape.Add(time.Second, wire.Event{Kind: wire.KindLease, Lease: &wire.Lease{State: wire.LeaseForeign, Holder: holder}})
		return tape
	}
	tape := begin()
	tape.Ask("backup-set", wire.Question{Name: "restore/backup-set.held", Kind: wire.AskRemedy, Title: "Somebody else works on this node",
		Error:   &wire.Failure{Tried: "holding the node for this run", Seen: holder.Sentence(), Next: "Talk to bob, or watch it on ops2: " + holder.Watch()},
		Choices: []wire.Choice{{ID: wire.ChoiceWait, Label: "Watch until it is free"}, {ID: wire.ChoicePark, Label: "Park"}}})
	drive(t, tape, plainTheme).expect("held by bob", "Somebody else works on this node", "bob on ops2 holds", "watch it on ops2: svrescue", "attach restore-0412-0309-k7qd", "Watch until it is free")

	tape = begin()
	tape.Ask("backup-set", wire.Question{Name: "restore/backup-set.take-over", Kind: wire.AskWord, Word: "bob", Hash: "h", Title: "Type bob to take the node over",
		Text:    holder.Sentence() + ".\nIt was not renewed for 30s, counted here.",
		Choices: []wire.Choice{{ID: wire.ChoiceYes, Label: "Take the node over", Effect: wire.Repeatable}, {ID: wire.ChoiceWait, Label: "Go on watching"}, {ID: wire.ChoicePark, Label: "Park"}}})
	d := drive(t, tape, plainTheme)
	d.wait(time.Minute)
	d.expect("Type bob to take the node over: ", "It was not renewed for 30s")
	d.text("alice").press("enter").expect("That is not bob").expectNoAnswer()
	d.press("backspace", "backspace", "backspace", "backspace", "backspace").text("bob").press("enter")
	if got := d.answers(); len(got) != 1 || got[0].Text != "bob" || got[0].Choice != wire.ChoiceYes || got[0].Hash != "h" {
		t.Errorf("answers: %+v", got)
	}
}

// What enter takes is never cut: half a list of SVs reads as another list.
func TestALongProposalIsShownWhole(t *testing.T) {
	tape := fixture.Inputs(wire.Real, wire.Live)
	tape.Answer("backup-set", "other", "")
	proposal := "Acme-SV, Beta-SV, Gamma-SV, Delta-SV, Epsilon-SV, Zeta-SV, Eta-SV, Theta-SV, Iota-SV"
	tape.Ask("backup-set", wire.Question{Kind: wire.AskText, Title: "Which SVs does the network have?", Default: proposal})
	d := drive(t, tape, plainTheme)
	d.expect("enter alone takes:", "Acme-SV, Beta-SV", "Iota-SV", "▏")
	d.press("x").expect("x▏").expectNot("Iota-SV")
	d.press("backspace").expect("Iota-SV").press("enter")
	if got := d.answers(); len(got) != 1 || got[0].Text != proposal {
		t.Errorf("answers: %+v", got)
	}
}
