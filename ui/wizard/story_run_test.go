package wizard

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/google/go-cmp/cmp"
	"github.com/muesli/termenv"
	clocktesting "k8s.io/utils/clock/testing"

	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/theme"
	"canton.example/svrescue/ui/wizard/internal/fixture"
)

// TestEveryKeyInTheFooterDoesSomething presses each key that a footer names: the screen must change, or something must be
// sent, copied or left.
func TestEveryKeyInTheFooterDoesSomething(t *testing.T) {
	for _, s := range scenes {
		count := 0
		for i := 0; i == 0 || i < count; i++ {
			d := live(t, s.tape)
			if s.then != nil {
				s.then(d)
			}
			d.wait(time.Second)
			bindings := d.root.active()
			count = len(bindings)
			b := bindings[i]
			if !b.on || b.short == "" {
				continue
			}
			before := d.root.View()
			same := true
			keys := b.keys[:1]
			if keys[0] == "up" {
				keys = []string{"up", "down"}
			}
			for _, k := range keys {
				d.press(k)
				same = same && d.root.View() == before
			}
			if same && !d.quit && len(d.sent) == 0 && d.out.Len() == 0 {
				t.Errorf("%s: the footer names %q (%s), and nothing happens", s.name, b.keys[0], b.short)
			}
		}
	}
}

func TestReadingAnotherStepAndComingBack(t *testing.T) {
	d := live(t, fixture.Running)
	d.press("down", "down").expect("9 · Scale up", "No: once the node has signed on restored").press("esc")
	d.expect("7 · Restore volumes", "408/512 GiB")
}

func TestANoteLandsWithTheRun(t *testing.T) {
	d := live(t, fixture.Running)
	d.press("n").text("called the cloud provider").press("enter")
	want := []wire.Message{{Kind: wire.SayNote, Text: "called the cloud provider", By: "alice"}}
	if diff := cmp.Diff(want, d.sent); diff != "" {
		t.Error(diff)
	}
	d.expect("Note sent")
}

func TestParkingAsksFirst(t *testing.T) {
	d := live(t, fixture.Running)
	d.press("p").expect("is finished", "svrescue resume r-20260111-0830-ab12").press("enter")
	if len(d.sent) > 0 {
		t.Fatal("Enter alone parked the run")
	}
	d.press("p", "down", "enter")
	if len(d.sent) != 1 || d.sent[0].Kind != wire.SayPark {
		t.Errorf("sent: %+v", d.sent)
	}
}

func TestCommandsAndStatusGoToTheClipboard(t *testing.T) {
	d := live(t, fixture.ScaleDown)
	d.press("c").expect("kubectl -n sv scale deployment/sv-app --replicas=0", "if it allows that")
	if !strings.HasPrefix(d.out.String(), "\x1b]52;c;") {
		t.Errorf("wrote %q", d.out.String())
	}
	d.press("esc")
	d.wait(time.Second)
	d.press("s").expect("UTC, step ", "a person is asked: Scale the", "svrescue, LIVE: Restore a full node from backups of mainnet/Acme-SV")
	d.expect("A person is asked: Scale the")
	if n := strings.Count(d.out.String(), "\x1b]52;c;"); n != 2 {
		t.Errorf("%d texts were offered to the clipboard", n)
	}
}

func TestTheLogCanBeFiltered(t *testing.T) {
	d := live(t, fixture.Running)
	d.press("l").expect("Timeline", "mediator").press("/").text("note by").press("enter")
	d.expect("told #sv-ops", "only lines with note by").expectNot("step begins")
	d.press("tab").expect("Live log", "No line contains that.")
}

func TestEvidenceAges(t *testing.T) {
	colours := theme.New(theme.Abilities{Profile: termenv.ANSI256})
	d := drive(t, fixture.ScaleDown(wire.Real, wire.Live), colours)
	line := func() string {
		for _, l := range strings.Split(d.root.View(), "\n") {
			if strings.Contains(l, "Evidence:") {
				return l
			}
		}
		return ""
	}
	d.wait(40 * time.Second)
	if !strings.Contains(line(), "oldest 47 s ago") || strings.Contains(line(), colours.Attention.Render("E")[:5]) {
		t.Errorf("fresh: %q", line())
	}
	d.wait(20 * time.Second)
	if !strings.Contains(line(), "38;5;179mEvidence: 2 readings, oldest 67 s ago") {
		t.Errorf("after a minute: %q", line())
	}
	d.wait(5 * time.Minute)
	if !strings.Contains(line(), "203mEvidence: 2 readings, oldest 6 min ago; r look again") {
		t.Errorf("after five minutes: %q", line())
	}
	d.press("r")
	if got := d.answers(); len(got) != 1 || got[0].Choice != wire.ChoiceBack {
		t.Errorf("answers: %+v", got)
	}
}

func TestAnActionThatDoesNotMoveIsSaidSo(t *testing.T) {
	d := live(t, fixture.Running)
	d.expectNot("no progress")
	d.wait(12 * time.Second)
	d.expect("no progress for 18 s", "408/512 GiB").expectNot(" left")
}

func TestConnectingIsShownAndCanBeTriedAgain(t *testing.T) {
	tries := 0
	d := &driver{t: t, clock: clocktesting.NewFakePassiveClock(fixture.Start)}
	d.root = newRoot(context.Background(), Options{Clock: d.clock, Theme: plainTheme, Doing: "starting the worker of r-0412",
		Connect: func(context.Context) (Source, error) {
			if tries++; tries == 1 {
				return nil, errors.New("the socket /run/user/1000/svrescue/r-0412 is not there: no worker runs")
			}
			return d, nil
		}}, &d.out)
	d.root.after = func(time.Duration) tea.Cmd { return nil }
	d.expect("Starting the worker of r-0412.") // before any command has run
	cmd := d.root.Init()
	d.wait(3 * time.Second)
	d.expect("for 3 s")
	d.run(cmd)
	d.expect("no worker runs", "r try again").expectNot("p park")
	d.root.Update(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("r")})
	source, err := d.root.opts.Connect(context.Background())
	d.root.Update(connectedMsg{source, err})
	d.feed(fixture.Running(wire.Real, wire.Live).Events...)
	d.expect("408/512 GiB")
}

func TestAWorkerThatIsGone(t *testing.T) {
	d := live(t, fixture.ScaleDown)
	d.close()
	d.expect("The worker is gone", "Go on with: svrescue resume r-20260111-0830-ab12").expectNot("p park", "y yes", "n note")
	d.press("y", "down", "enter").expectNoAnswer()
}

// What can be typed is never cut: it stands on lines of its own where it does not fit.
func TestACommandIsNotCut(t *testing.T) {
	r := &root{t: plainTheme}
	const line = "svrescue resume network-roll-forward-1123-0852-zh3f"
	for w, want := range map[int][]string{
		80: {"Go on with: " + line},
		53: {"Go on with:", line},
	} {
		if got := r.command("Go on with: ", line, w); !slices.Equal(got, want) {
			t.Errorf("%d columns: %q", w, got)
		}
	}
	if got := strings.Join(r.command("Go on with: ", line, 30), " "); strings.ReplaceAll(got, " ", "") != strings.ReplaceAll("Go on with: "+line, " ", "") {
		t.Errorf("30 columns: %q", got)
	}
}

// What a dead worker was at does not go on: nothing says that it runs, and no time counts.
func TestAStepWhoseWorkerIsGoneStandsStill(t *testing.T) {
	d := live(t, fixture.Running)
	d.size(60, 20)
	d.expect("running")
	d.close()
	before := d.expect("The worker is gone", "not finished").expectNot("running").root.stepSpan(*d.root.step())
	d.clock.SetTime(d.clock.Now().Add(time.Minute))
	if after := d.root.stepSpan(*d.root.step()); after != before || before == "" {
		t.Errorf("the step took %q, and a minute later %q", before, after)
	}
}

func TestAParkedRun(t *testing.T) {
	tape := fixture.Running(wire.Real, wire.Live)
	tape.Add(time.Second, wire.Event{Kind: wire.KindPark, Text: "nobody watched for 30 min"})
	d := drive(t, tape, plainTheme)
	d.expect("Parked", "Nobody watched for 30 min.", "svrescue resume r-20260111-0830-ab12").expectNot("p park", "You can close")
	d.press("q")
	if !strings.Contains(d.root.farewell, "is parked: nobody watched for 30 min.") {
		t.Errorf("said %q", d.root.farewell)
	}
}

func TestLeavingARunWithoutAWorkerAsksFirst(t *testing.T) {
	d := live(t, fixture.Running)
	d.root.opts.Attach = ""
	d.expectNot("You can close this window").press("q").expect("its work ends with this program")
	if d.press("enter"); d.quit {
		t.Fatal("left by Enter alone")
	}
	if d.press("q", "down", "enter"); !d.quit {
		t.Error("still there")
	}
}

func TestTextOfServersCannotDrawOnTheScreen(t *testing.T) {
	tape := fixture.Failure(wire.Real, wire.Live)
	q := *tape.Events[len(tape.Events)-1].Question
	q.Choices = slices.Clone(q.Choices)
	q.Choices[4].Label = "skip\x1b[7m\rit"
	q.Title = "\x1b[2J\x1b]0;owned\x07safe\u202e title"
	q.Error = &wire.Failure{Tried: "a\x1b[31mb", Seen: "<html>\r\n\x9b31mc\x00d\xff", Detail: []string{"\x1b[1A\x1b[2Kup"}}
	tape.Ask("restore-volumes", q)
	tape.Log("restore-volumes", "line\x1b[5m")
	d := drive(t, tape, plainTheme)
	for _, keys := range [][]string{{}, {"w"}, {"e"}, {"c"}, {"s"}, {"l"}, {"l", "tab"}, {"5", "enter"}, {"h"}, {"p"}} {
		d.wait(time.Second)
		d.press(keys...)
		for _, c := range d.root.View() {
			if c < ' ' && c != '\n' || c == 0x7f || c == 0x9b || c == '\u202e' {
				t.Fatalf("after %v the screen holds %U", keys, c)
			}
		}
		d.press("esc")
	}
}

func TestARehearsalRunsInItsOwnTime(t *testing.T) {
	tape := fixture.Running(wire.Simulated, wire.Live)
	real := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	run := *tape.Events[0].Run
	run.Speed, run.Origin, run.SimOrigin = 60, real, fixture.Start
	tape.Events[0].Run = &run
	d := drive(t, tape, plainTheme)
	d.clock.SetTime(real.Add(30 * time.Second))
	d.expect("SIMULATED", "time x60  00:30:00").expectNot("LIVE")
}

func TestWordsForEveryWayOfActing(t *testing.T) {
	for _, c := range []struct {
		world  wire.World
		acting wire.Acting
		badge  string
		plan   string
	}{
		{wire.Real, wire.Live, " LIVE ", "Will be sent"},
		{wire.Real, wire.DryRun, " DRY RUN ", "Would be sent; this is a dry run"},
		{wire.Real, wire.Checklist, " CHECKLIST ", "svrescue sends nothing"},
		{wire.Simulated, wire.Live, " SIMULATED ", "Will be sent"},
	} {
		drive(t, fixture.ScaleDown(c.world, c.acting), plainTheme).expect(c.badge, c.plan)
	}
}

func TestOnlyPlannedIsNeverShownAsDone(t *testing.T) {
	tape := fixture.ScaleDown(wire.Real, wire.DryRun)
	tape.Answer("scale-down", wire.ChoiceYes, "")
	tape.Add(time.Second, wire.Event{Kind: wire.KindStep, Step: "restore/scale-down", State: wire.StepPlanned})
	d := drive(t, tape, plainTheme)
	d.expect("○  5 Scale down", "not sent", "only planned, nothing was changed").expectNot("✓  5 Scale down")
}

func TestSuspend(t *testing.T) {
	d := live(t, fixture.Destroy)
	_, cmd := d.root.Update(tea.KeyMsg{Type: tea.KeyCtrlZ})
	found := false
	var look func(tea.Cmd)
	look = func(c tea.Cmd) {
		if c == nil {
			return
		}
		switch m := c().(type) {
		case tea.SuspendMsg:
			found = true
		case tea.BatchMsg:
			for _, c := range m {
				look(c)
			}
		}
	}
	if look(cmd); !found {
		t.Error("ctrl+z does not suspend")
	}
	d.update(tea.ResumeMsg{}, true)
	d.expect("7 · Restore volumes").expectNoAnswer()
}

// What is tried again can be hurried, stopped and parked, from the screen of any step; a viewer that only watches decides nothing.
func TestWhatIsTriedAgainIsDecidedWithAKey(t *testing.T) {
	for key, want := range map[string]wire.MessageKind{"t": wire.SayNow, "x": wire.SayStop} {
		for _, away := range []bool{false, true} {
			d := live(t, fixture.Retry)
			if away {
				d.press("]").expect("Start databases")
			}
			d.expect("Trying again in 12 s (6th time since 08:34, until 08:44)", "in namespace sv: 503 the", "trying again", "t try now  x stop trying  p park")
			d.press(key)
			if len(d.sent) != 1 || d.sent[0].Kind != want || d.sent[0].By != "alice" {
				t.Errorf("%s sent %+v", key, d.sent)
			}
		}
	}
	d := live(t, fixture.Retry)
	d.press("p").expect("Park this run")
	d = live(t, fixture.Retry)
	d.root.link.watching = "this screen only watches"
	d.wait(time.Second)
	d.expect("Trying again in").press("t", "x")
	if len(d.sent) != 0 {
		t.Errorf("who only watches sent %+v", d.sent)
	}
}

// It counts down, says that it is tried at this moment, and is gone when it worked; the short status tells of it.
func TestARetryGoesAway(t *testing.T) {
	d := live(t, fixture.Retry)
	if got, want := ShortStatus(d.root.view, d.clock.Now()), "Restore volumes, trying again in 12 s (6th time since 08:34, until 08:44): get persistentvolumeclaims"; !strings.Contains(got, want) {
		t.Errorf("the status is %q", got)
	}
	d.wait(5 * time.Second)
	d.expect("Trying again in 7 s")
	retry := *d.root.view.Retry
	retry.Next = time.Time{}
	d.feed(wire.Event{Kind: wire.KindRetry, At: d.clock.Now(), Retry: &retry})
	d.expect("Trying again now (6th time")
	retry.Outcome = wire.RetryPassed
	d.feed(wire.Event{Kind: wire.KindRetried, Seq: d.root.view.Seq + 1, At: d.clock.Now(), Retry: &retry})
	if screen := d.root.View(); strings.Contains(screen, "Trying again") || strings.Contains(screen, "x stop trying") {
		t.Errorf("it is still there:\n%s", screen)
	}
}

// What is said of the wish to stop goes when the question is there, whichever of the two is faster.
func TestAskedToStopGoesWithTheQuestion(t *testing.T) {
	ask := func(d *driver) {
		failure := wire.Failure{Tried: "reading the world", Seen: "503"}
		d.feed(wire.Event{Kind: wire.KindAsk, Seq: d.root.view.Seq + 1, At: d.clock.Now(), Step: d.root.view.CurrentStep().ID, Question: &wire.Question{ID: "q9", Step: d.root.view.CurrentStep().ID,
			Kind: wire.AskRemedy, Title: "It cannot go on", Error: &failure, Choices: []wire.Choice{{ID: wire.ChoiceRetry, Label: "Try again"}}}})
	}
	d := live(t, fixture.Retry)
	d.press("x").expect("Asked to stop trying")
	ask(d)
	d.expect("It cannot go on").expectNot("Asked to stop trying")
	d = live(t, fixture.Retry)
	ask(d)
	d.root.sent(sentMsg{message: wire.Message{Kind: wire.SayStop}})
	d.expect("It cannot go on").expectNot("Asked to stop trying")
}

// Nothing on any screen counts on, or says that it runs, when the worker is gone: not the header, not the action, not the short status.
func TestNothingCountsWithoutAWorker(t *testing.T) {
	d := live(t, fixture.Running)
	d.size(60, 20)
	d.close()
	d.root.shown = d.root.view.Current
	step := d.root.View()
	if strings.Count(step, "not finished") != 2 { // the step, and the action
		t.Errorf("the step is not shown as it stands:\n%s", step)
	}
	d.clock.SetTime(d.clock.Now().Add(time.Hour))
	if later := d.root.View(); later != step {
		t.Errorf("an hour later it is another screen:\n%s\n%s", step, later)
	}
	d.press("c")
	for _, text := range []string{ShortStatus(d.root.known(), d.clock.Now()), StatusText(d.root.known(), d.clock.Now())} {
		if !strings.Contains(text, "worker has stopped: it ended without a word") || strings.Contains(text, "unning") {
			t.Errorf("the status says %q", text)
		}
	}
}

// Whoever leaves a run whose worker has stopped is told why, once and with what to do.
func TestLeavingARunWhoseWorkerHasStopped(t *testing.T) {
	d := live(t, fixture.Running)
	d.feed(wire.Event{Kind: wire.KindHalt, At: d.clock.Now(), Failure: &wire.Failure{Tried: "writing", Seen: "it is read-only", Next: "Mend it"}})
	d.close()
	d.press("q")
	if !strings.Contains(d.root.farewell, "has stopped. Tried writing") && !strings.Contains(d.root.farewell, "it is read-only") {
		t.Errorf("said %q", d.root.farewell)
	}
}

// What is tried again in the middle of a wait stands below the action that waits, which keeps what was last known of it.
func TestARetryInTheMiddleOfAnAction(t *testing.T) {
	for _, size := range [][2]int{{60, 20}, {80, 24}, {120, 40}} {
		d := live(t, fixture.Running)
		d.size(size[0], size[1])
		now := d.clock.Now()
		d.feed(wire.Event{Kind: wire.KindRetry, Step: d.root.view.CurrentStep().ID, At: now, Retry: &wire.Retry{Tried: "list pods in namespace sv", Seen: "503 busy", Tries: 2,
			Since: now, Next: now.Add(4 * time.Second), Until: now.Add(10 * time.Minute)}})
		d.expect("Trying again in 4 s (3rd time since", "list pods in namespace sv: 503 busy", "408/512 GiB", "t try now  x stop trying  p park")
		d.press("x")
		if len(d.sent) != 1 || d.sent[0].Kind != wire.SayStop {
			t.Errorf("sent %+v", d.sent)
		}
	}
}
