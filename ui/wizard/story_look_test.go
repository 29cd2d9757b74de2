package wizard

import (
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/wizard/internal/fixture"
)

// TestKeysThatAnswerNothingNeedNoWait checks that a question which could be read before takes keys that only look around
// as soon as it is back in sight, and keys that answer after a moment.
func TestKeysThatAnswerNothingNeedNoWait(t *testing.T) {
	d := live(t, fixture.ScaleDown)
	d.press("l", "esc", "tab", "enter").expect("$ kubectl", "esc back").expectNot("keys count in a moment")
	d.press("esc", "l", "esc", "y").expectNoAnswer().expect("Too soon after the screen changed", "Press y again.")
	d.wait(settle)
	if d.press("y"); len(d.answers()) != 1 {
		t.Error("the question takes no answer")
	}
}

func TestTheRareAnswersOfAConfirmation(t *testing.T) {
	d := live(t, fixture.ScaleDown)
	d.expect("1 No, not now", "2 Yes, send it", "3 Something else").press("3", "enter").expect("Other answers", "None of these")
	d.press("enter").expectNoAnswer()
}

func TestTheStepBeforeSaysWhatItProved(t *testing.T) {
	d := live(t, fixture.Preflight)
	d.expect("── ✓ 2 Backup set: The apps database is not later than the participant's.")
	d.press("[").expect("A question is open at step 3; enter goes there").expectNot("✓ 2 Backup set: The")
}

func TestAPlanToTakeBackShowsOnlyThat(t *testing.T) {
	tape := fixture.ScaleDown(wire.Real, wire.Live)
	step := "restore/scale-down"
	tape.Answer("scale-down", wire.ChoiceUndo, "")
	tape.Add(time.Second, wire.Event{Kind: wire.KindPlan, Step: step, Undo: true, Plan: &wire.Plan{Effect: wire.Repeatable, Hash: "undo",
		Actions: []wire.Preview{{Key: "up", Effect: wire.Repeatable, Title: "scale deployment sv-app to 1"}}}})
	tape.Ask("scale-down", wire.Question{Kind: wire.AskConfirm, Title: "Take Scale down back?", Hash: "undo", Choices: []wire.Choice{
		{ID: wire.ChoiceYes, Label: "Take it back"}, {ID: wire.ChoiceBack, Label: "Leave it as it is"}}})
	d := drive(t, tape, plainTheme)
	d.expect("Will be sent to take the step back", "1 of 1", "scale deployment sv-app to 1").expectNot("to 0", "r look again")
	d.press("r").expectNoAnswer()
}

func TestActingByHandShowsWhatIsToBeDone(t *testing.T) {
	tape := fixture.ScaleDown(wire.Real, wire.Live)
	tape.Answer("scale-down", wire.ChoiceByHand, "")
	tape.Ask("scale-down", wire.Question{Name: "restore/scale-down.by-hand", Kind: wire.AskChoice, Title: "Waiting for you",
		Choices: []wire.Choice{{ID: wire.ChoiceBack, Label: "Let the tool do it after all"}}})
	tape.Log("scale-down", "6 of 7 not done yet; next: scale deployment scan-app to 0")
	d := drive(t, tape, plainTheme)
	d.expect("To be done by you", "scale deployment sv-app to 0", "6 of 7 not done yet", "› 1 Go on watching").expectNot("look again")
	d.press("enter").expectNoAnswer()
}

func TestAWorkerThatStopsByItselfSaysWhy(t *testing.T) {
	tape := fixture.Running(wire.Real, wire.Live)
	tape.Add(time.Second, wire.Event{Kind: wire.KindHalt, Failure: &wire.Failure{Tried: "writing the journal of the run",
		Seen: "no space left on device", Next: "make room, then resume"}})
	d := drive(t, tape, plainTheme)
	d.close()
	d.expect("The worker has stopped", "left on device. Make room, then resume.", "under way:", "create pvc pg-data-participant-pg-0",
		"Go on with: svrescue resume").expectNot("without a word")
}

func TestTheHeaderSaysHowTheNodeIsHeld(t *testing.T) {
	holder := wire.Holder{Operator: "bob", Host: "ops2", Run: "r-9"}
	for state, want := range map[wire.LeaseState]string{
		wire.LeaseHeld: "alice on ops1 · Lease", wire.LeaseAway: "alice on ops1 · writes pause", wire.LeaseLocal: "alice on ops1 · no Lease",
		wire.LeaseForeign: "alice on ops1 · held by bob",
	} {
		tape := fixture.Running(wire.Real, wire.Live)
		tape.Add(time.Second, wire.Event{Kind: wire.KindLease, Lease: &wire.Lease{State: state, Why: "no route", Holder: holder, Since: fixture.Start}})
		drive(t, tape, plainTheme).expect(want)
	}
	tape := fixture.Running(wire.Real, wire.Live)
	tape.Add(time.Second, wire.Event{Kind: wire.KindLease, Lease: &wire.Lease{State: wire.LeaseHeld}})
	tape.Add(time.Second, wire.Event{Kind: wire.KindPark, Text: "nobody looked"})
	drive(t, tape, plainTheme).expectNot("· Lease")
}

func TestTheWorkerIsGoneAndArrowsMoveInTheSteps(t *testing.T) {
	d := live(t, fixture.ScaleDown)
	d.close()
	d.expect("It stood at step 5 of 10", "asked again").press("up").expect("4 · Record the state")
	if strings.Contains(d.screen(), "enter choose") {
		t.Error("a question can still be answered")
	}
}

// The card of the call stands on every screen, also the narrow one, and one key shows and copies it.
func TestTheCardOfTheCall(t *testing.T) {
	tape := fixture.Running(wire.Real, wire.Live)
	d := drive(t, tape, plainTheme)
	d.press("f").expectNot("Parameter card")
	tape.Add(time.Second, wire.Event{Kind: wire.KindCard, Card: fixture.TheCard(false)})
	proposed := drive(t, tape, plainTheme)
	proposed.expect("proposal 417-093-220").press("f").expect("A proposal: it is not settled yet.")
	tape.Add(time.Second, wire.Event{Kind: wire.KindCard, Card: fixture.TheCard(true)})
	d = drive(t, tape, plainTheme)
	d.expect("card 417-093-220", "r-20260111-0830-ab12")
	d.size(60, 20)
	d.expect("card 417-093-220").press("f").expect("Settled for this run.", "new migration ID: 4")
	if sent := d.out.String(); !strings.Contains(sent, "\x1b]52;") {
		t.Errorf("nothing was sent to the clipboard: %q", sent)
	}
	d.press("esc", "s").expect("card 417-093-220")
	tape.Add(time.Second, wire.Event{Kind: wire.KindCard})
	drive(t, tape, plainTheme).expectNot("417-093-220")
}
