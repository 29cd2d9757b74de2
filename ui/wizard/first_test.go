package wizard

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/muesli/termenv"
	clocktesting "k8s.io/utils/clock/testing"

	"canton.example/svrescue/ui/theme"
)

// seat is a first screen whose looks are handed over by the test.
type seat struct {
	*driver
	looks   int // how often it began to look
	replies []string
	answer  func(id, said string) Look
}

var firstStart = time.Date(2026, 1, 11, 3, 12, 0, 0, time.UTC)

func sitDown(t *testing.T, th theme.Theme, change func(*FirstOptions)) *seat {
	t.Helper()
	s := &seat{driver: &driver{t: t, clock: clocktesting.NewFakePassiveClock(firstStart)}}
	opts := FirstOptions{Clock: s.clock, Theme: th, Operator: "alice", List: home.Items,
		Look: func(context.Context) <-chan Look { s.looks++; over := make(chan Look); close(over); return over },
		Answer: func(id, said string) Look {
			s.replies = append(s.replies, id+"="+said)
			return s.answer(id, said)
		}}
	if change != nil {
		change(&opts)
	}
	s.root = newFirst(context.Background(), opts, &s.out)
	s.noTicks()
	s.root.first.begin(context.Background(), firstStart)
	s.size(80, 24)
	return s
}

// shows hands over a look, some time after the one before.
func (s *seat) shows(after time.Duration, look Look) *seat {
	s.clock.SetTime(firstStart.Add(after))
	look.Rev = s.root.first.look.Rev + 1
	s.root.Update(lookMsg{turn: s.root.first.turn, look: look})
	s.root.View()
	return s
}

// rests lets the operator read.
func (s *seat) rests() *seat { s.wait(settle + rest); s.wait(rest); return s }

func (s *seat) press(keys ...string) *seat   { s.t.Helper(); s.driver.press(keys...); return s }
func (s *seat) expect(parts ...string) *seat { s.t.Helper(); s.driver.expect(parts...); return s }

// begun is a look in its third second; lost is one at its end, with a verdict.
func begun() Look {
	return Look{Where: "ns sv @ prod-eu1", Node: "mainnet/Acme-SV", Asked: 16, Open: []string{"databases", "network", "chain"}, Since: firstStart, First: firstStart.Add(5 * time.Second),
		Seen: []Seen{
			{Name: "components", Mark: MarkWrong, Detail: "9 of 11 parts of the node are ready. Not ready: participant and sv-app.", Source: "workloads of namespace sv", At: firstStart.Add(time.Second)},
			{Name: "databases", Mark: MarkOpen}, {Name: "network", Mark: MarkOpen},
			{Name: "release", Mark: MarkHolds, Detail: "The node is of Splice 0.7.5, family B.", Source: "workloads of namespace sv", At: firstStart.Add(time.Second)},
			{Name: "KMS", Mark: MarkAbsent, Detail: "The participant uses no KMS: it keeps its keys in its database.", Source: "the values of Helm", At: firstStart.Add(2 * time.Second)},
			{Name: "runway", Mark: MarkUnsure, Detail: "How long the sequencers keep what a silent node has to read is not known.", Source: "the values of Helm"},
		},
		Paths: []PathSeen{{Name: "restore", Title: "restore the node from its backup", Verdict: "not determined"},
			{Name: "reonboard", Title: "re-onboard the SV and recover its assets", Verdict: "not determined"},
			{Name: "network", Title: "recover the network together with the other SVs", Verdict: "not determined"}}}
}

func lost() Look {
	l := begun()
	l.Open, l.Stands = []string{"network"}, true
	l.Headline, l.Mood = "Data of this node is lost: restore is recommended", MoodGrave
	l.Summary = "The volume of pg-data-participant-pg-0 is gone, with the data of participant. Restore it from its backup."
	l.Aids = []Aid{{Seen: "This node needs a recovery.", Means: "What is left on its volumes may still be needed.", First: "Delete nothing. Set the reclaim policy of its volumes to Retain."}}
	l.Seen[1] = Seen{Name: "databases", Mark: MarkWrong, Detail: "No answer from the server of database participant_4 (participant).", Source: "the database servers of the node", At: firstStart.Add(4 * time.Second)}
	l.Paths[0] = PathSeen{Name: "restore", Title: "restore the node from its backup", Verdict: "recommended", Recommended: true, For: []string{"Backup set 1768100400 can be restored.", "The network runs."},
		Against: []string{"3 users were onboarded since then."}, Lost: []string{"Users who were onboarded after the backup."}, Takes: "Usually hours.", Needs: []string{"A network that runs."},
		Open: []Item{{ID: "dry-run restore", Title: "Dry run", Badge: "changes nothing"}, {ID: "run restore", Title: "LIVE", Badge: "on the real node"}}}
	l.Paths[1].Verdict, l.Paths[1].Against, l.Paths[1].Closed = "possible", []string{"Days instead of hours."}, "svrescue does not lead through the path reonboard yet."
	l.Paths[2].Verdict, l.Paths[2].Impossible, l.Paths[2].Against = "impossible", true, []string{"12 of 13 peers run."}
	l.Queries = []Query{{ID: "scaled-on-purpose", Text: "Did somebody scale these components down on purpose?", Why: "If not, starting them again may be all that is needed."},
		{ID: "declared-lost", Text: "Have the SVs of this network together declared it lost?", Why: "Nothing that can be measured replaces it."}}
	return l
}

// calm is no disaster.
func calm() Look {
	l := lost()
	l.Headline, l.Mood, l.Calm = "NO DISASTER: first aid is needed, and no recovery", MoodAct, true
	l.Summary = "The volume of claim pg-data-participant-pg-0 is full."
	l.Aids = []Aid{{Seen: "The volume is full.", Means: "It is not broken.", First: "Make the volume larger. Delete nothing in the data folder of a database."}}
	l.Paths[0].Recommended, l.Paths[0].Verdict, l.Queries = false, "possible", nil
	return l
}

func unreachable() Look {
	l := begun()
	l.Node, l.Where, l.Stands, l.Open = "", "", true, nil
	l.Headline, l.Failed = "No cluster could be looked at", &Failed{Tried: "read the kubeconfig", Seen: "no kubeconfig found at /home/alice/.kube/config", Next: "Name the right file with --kubeconfig or $KUBECONFIG"}
	for i := range l.Seen {
		l.Seen[i] = Seen{Name: l.Seen[i].Name, Mark: MarkUnsure, Detail: "Could not be read: no kubeconfig found at /home/alice/.kube/config."}
	}
	return l
}

var firstScenes = []struct {
	name string
	show func(*seat)
}{
	{"first-blank", func(*seat) {}},
	{"first-arriving", func(s *seat) { s.shows(3*time.Second, begun()) }},
	{"first-lost", func(s *seat) { s.shows(7*time.Second, lost()) }},
	{"first-calm", func(s *seat) { s.shows(7*time.Second, calm()) }},
	{"first-changed", func(s *seat) {
		s.shows(5*time.Second, calm())
		l := lost()
		l.Changed = "Changed after 12 s. Before, it said: NO DISASTER: first aid is needed, and no recovery."
		s.shows(12*time.Second, l)
	}},
	{"first-question", func(s *seat) { s.shows(7*time.Second, lost()).press("a").rests() }},
	{"first-evidence", func(s *seat) { s.shows(7*time.Second, lost()).press("e") }},
	{"first-path", func(s *seat) { s.shows(7*time.Second, lost()).press("enter").rests() }},
	{"first-closed", func(s *seat) { s.shows(7*time.Second, lost()).press("tab", "enter").rests() }},
	{"first-unreachable", func(s *seat) {
		s.shows(time.Second, unreachable())
		s.root.Update(lookMsg{turn: s.root.first.turn, closed: true})
	}},
	{"first-list", func(s *seat) { s.shows(7*time.Second, lost()).press("o") }},
	{"first-help", func(s *seat) { s.shows(7*time.Second, lost()).press("?") }},
}

func TestFirstScreens(t *testing.T) {
	for _, scene := range firstScenes {
		for _, size := range [][2]int{{60, 20}, {80, 24}, {120, 40}} {
			name := fmt.Sprintf("%s-%dx%d", scene.name, size[0], size[1])
			t.Run(name, func(t *testing.T) {
				s := sitDown(t, plainTheme, nil)
				s.size(size[0], size[1])
				scene.show(s)
				golden(t, name, s.driver)
			})
		}
	}
}

func TestFirstScreenColours(t *testing.T) {
	for mode, th := range map[string]theme.Theme{
		"colour":  colourTheme,
		"nocolor": theme.New(theme.Abilities{Profile: termenv.Ascii}),
		"ascii":   theme.New(theme.Abilities{Profile: termenv.Ascii, ASCII: true}),
	} {
		t.Run(mode, func(t *testing.T) {
			s := sitDown(t, th, nil)
			s.shows(7*time.Second, lost())
			golden(t, "first-lost-"+mode, s.driver)
			screen := s.root.View()
			if mode != "colour" && strings.Contains(screen, "\x1b") {
				t.Error("there are escape sequences in a screen without colours")
			}
			for _, c := range screen {
				if mode == "ascii" && c > 127 {
					t.Fatalf("%q is not ASCII", c)
				}
			}
		})
	}
}

func TestFirstScreenAtAnySize(t *testing.T) {
	for _, scene := range firstScenes {
		s := sitDown(t, plainTheme, nil)
		scene.show(s)
		for w := 1; w <= 130; w += 7 {
			for h := 1; h <= 42; h += 5 {
				s.size(w, h)
				lines := strings.Split(s.root.View(), "\n")
				if len(lines) > h {
					t.Fatalf("%s at %dx%d: %d lines", scene.name, w, h, len(lines))
				}
				for _, l := range lines {
					if theme.Width(l) > w {
						t.Fatalf("%s at %dx%d: %q is too wide", scene.name, w, h, l)
					}
				}
			}
		}
	}
}

// The first frame is there before anything is asked of the network: what looks is a command that has not run yet.
func TestTheFirstFrameComesBeforeAnyLook(t *testing.T) {
	s := sitDown(t, plainTheme, nil)
	s.root = newFirst(context.Background(), s.root.first.opts, &s.out)
	s.noTicks()
	cmd := s.root.Init()
	s.size(80, 24)
	s.expect("LIVE", "Looking.", "only looks, changes nothing", "q leave")
	if s.looks != 0 {
		t.Fatalf("it looked %d times before the first frame was drawn", s.looks)
	}
	if cmd == nil {
		t.Error("nothing begins to look")
	}
}

// Enter alone begins nothing, however often it is pressed, and whatever the verdict.
func TestEnterAloneBeginsNothing(t *testing.T) {
	for _, look := range []Look{begun(), lost(), calm(), unreachable()} {
		s := sitDown(t, plainTheme, nil)
		s.shows(7*time.Second, look)
		for range 6 {
			s.press("enter")
			s.rests()
		}
		if s.quit || s.root.first.chosen != "" || len(s.replies) > 0 {
			t.Errorf("Enter alone chose %q and answered %v", s.root.first.chosen, s.replies)
		}
	}
}

// Where no recovery is needed, none is under the cursor and the footer names no key that opens one.
func TestNoDisasterOffersNoRecovery(t *testing.T) {
	s := sitDown(t, plainTheme, nil)
	s.shows(7*time.Second, calm())
	s.expect("NO DISASTER", "First Make the volume larger", "none is needed", "not needed").expectNot("enter ", "›", "▸", "RECOMMENDED")
	s.press("tab").expect("› restore", "enter open restore")
}

func TestOpeningTheRecommendedPath(t *testing.T) {
	s := sitDown(t, plainTheme, nil)
	s.shows(7*time.Second, lost())
	s.press("enter").expect("› 1 Not now", "keys count in a moment")
	s.press("3", "enter") // typed ahead: not meant for what was not seen yet
	s.rests()
	s.expect("› 1 Not now")
	if s.quit {
		t.Fatal("keys that were typed ahead have begun something")
	}
	s.press("2", "enter")
	if !s.quit || s.root.first.chosen != "dry-run restore" {
		t.Errorf("chose %q", s.root.first.chosen)
	}
}

// A recovery that is recommended and not built says so, instead of doing nothing.
func TestARecommendedPathThatCannotBeBegun(t *testing.T) {
	look := lost()
	look.Queries = nil
	look.Paths[0].Recommended, look.Paths[1].Recommended = false, true
	s := sitDown(t, plainTheme, nil)
	s.shows(7*time.Second, look)
	s.expect("svrescue does not lead through reonboard yet: enter says more.", "▸ reonboard RECOMMENDED", "enter about reonboard")
	s.press("enter").rests()
	s.expect("svrescue does not lead through the path reonboard yet.", "› 1 Back: it cannot be begun from here")
	if s.press("enter"); s.quit || s.root.first.chosen != "" {
		t.Errorf("chose %q", s.root.first.chosen)
	}
}

func TestQuestionsAreAnsweredOneByOne(t *testing.T) {
	s := sitDown(t, plainTheme, nil)
	now := lost()
	s.answer = func(id, said string) Look {
		for i := range now.Queries {
			if now.Queries[i].ID == id {
				now.Queries[i].Said = said
			}
		}
		now.Rev = 100 + len(s.replies)
		return now
	}
	s.shows(7*time.Second, now)
	s.press("a", "enter").expect("on purpose?") // too early
	s.rests()
	s.press("enter").expect("together declared it lost?", "keys count in a moment")
	s.press("2", "enter")
	s.rests()
	s.press("3", "enter").expect("Judged anew with your answers.", "a answers")
	if got := strings.Join(s.replies, " "); got != "scaled-on-purpose=i-dont-know declared-lost=no" {
		t.Errorf("answered %s", got)
	}
	s.press("a")
	s.rests()
	s.expect("1 I don't know (your answer so far)", "4 The next question")
}

// What an earlier look still has to say is dropped, and so is what arrives late.
func TestLookingAgain(t *testing.T) {
	s := sitDown(t, plainTheme, nil)
	s.shows(7*time.Second, lost())
	s.press("tab").press("r")
	old := calm()
	old.Rev = 99
	s.root.Update(lookMsg{turn: s.root.first.turn - 1, look: old})
	s.expect("Data of this node is lost", "Looking again")
	late := calm()
	late.Rev = 0
	s.root.Update(lookMsg{turn: s.root.first.turn, look: late})
	s.expect("Data of this node is lost")
	s.shows(9*time.Second, calm())
	s.expect("NO DISASTER")
}

// Whoever lost the connection is offered their run before anything else, and a key typed blindly takes nothing.
func TestAnOpenRunComesFirst(t *testing.T) {
	back := func(o *FirstOptions) {
		o.Back = []Item{{ID: "resume r-1", Title: "Go on with r-1", Badge: "waits for an answer at Scale down", Detail: "live of mainnet/Acme-SV; it waits."}}
	}
	s := sitDown(t, plainTheme, back)
	s.expect("An open run waits for you", "› 1 Go on with r-1 (waits for an answer at Scale down)", "2 Look at the node anew")
	s.press("enter").rests()
	if s.quit {
		t.Fatal("a key that was typed before it could be read has chosen")
	}
	golden(t, "first-back-80x24", s.driver)
	s.press("enter")
	if !s.quit || s.root.first.chosen != "resume r-1" {
		t.Errorf("chose %q", s.root.first.chosen)
	}
	s = sitDown(t, plainTheme, back)
	s.rests().press("2", "enter")
	s.shows(7*time.Second, lost()).expect("Data of this node is lost")
}

func TestLeavingTheFirstScreenChoosesNothing(t *testing.T) {
	for _, key := range []string{"q", "ctrl+c"} {
		s := sitDown(t, plainTheme, nil)
		s.shows(7*time.Second, lost())
		if s.press(key); !s.quit || s.root.first.chosen != "" {
			t.Errorf("%s: chose %q", key, s.root.first.chosen)
		}
	}
}
