package stories

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/google/go-cmp/cmp"
	"github.com/muesli/termenv"
	"k8s.io/utils/clock"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/evidence"
	"canton.example/svrescue/steps/rehearsal"
	"canton.example/svrescue/ui/command/firstlook"
	"canton.example/svrescue/ui/theme"
	"canton.example/svrescue/ui/wizard"
)

var update = flag.Bool("update", false, "write the golden screens anew")

// incident is the first screen on the world of an incident, and an operator in front of it who knows nothing but what it says.
type incident struct {
	*screen
	model   *wizard.FirstProgram
	cluster *kube.Cluster
	id      string
}

// happens runs a story in a bubble: the world, what happens in it, and a screen of 80x24.
func happens(t *testing.T, id string, play func(*incident)) {
	t.Helper()
	t.Parallel()
	found, is := rehearsal.IsIncident(id)
	if !is {
		t.Fatalf("there is no incident %s", id)
	}
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		defer time.Sleep(2 * time.Minute) // timers of what is gone run out
		w := startWorld(t, found.Scenario, dir)
		defer w.stop()
		cluster := w.cluster(t)
		outside := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no route to host") }
		looker := &firstlook.Looker{Clock: clock.RealClock{}, Preparing: "making the rehearsal network",
			Prepare: func(ctx context.Context) error {
				if found.Happens != nil {
					if err := found.Happens(ctx, rehearsal.Elsewhere{Cluster: cluster, Namespace: namespace}); err != nil {
						return err
					}
				}
				time.Sleep(rehearsal.Develops)
				return nil
			},
			Find: func(context.Context) (evidence.Options, error) {
				o := evidence.Options{Cluster: cluster, Context: "rehearsal", Namespace: namespace, Clock: clock.RealClock{}, Dial: outside}
				o.Out.Dial = outside
				return o, nil
			}}
		i := &incident{screen: newScreen(t), cluster: cluster, id: id}
		defer i.close()
		i.model = wizard.FirstModel(i.ctx, wizard.FirstOptions{Look: looker.Look, Answer: looker.Answer, Lesson: firstlook.LessonOf(found), Operator: "alice",
			Clock: clock.RealClock{}, Theme: theme.New(theme.Abilities{Profile: termenv.Ascii})}, io.Discard)
		i.screen.model = i.model
		i.begin()
		i.expect("SIMULATED", "Making the rehearsal network")
		i.expect("ns sv @ rehearsal", "seen 0 s ago")
		play(i)
	})
}

// concludes decides by the list of conclusions, and is told that it was right.
func (i *incident) concludes(line string) {
	i.t.Helper()
	i.press("d")
	i.expect("What do you conclude?", line)
	for n := 2; n < 9; n++ {
		if strings.Contains(i.view(), fmt.Sprintf("%d %s", n, line)) {
			i.press(fmt.Sprint(n))
		}
	}
	i.expect("› ", line).press("enter")
	i.right()
}

// opens decides by opening a recovery.
func (i *incident) opens(path string) {
	i.t.Helper()
	i.expect("▸ "+path, "RECOMMENDED", "enter open "+path)
	i.press("enter")
	i.expect("For it", "2 Yes: "+path+" is what this node needs").press("2", "enter")
	i.right()
}

func (i *incident) right() {
	i.t.Helper()
	i.expect("Right", "that is what a good operator", "What was the matter:", "What a good operator does:")
	i.press("esc", "q")
	if result, err := i.model.Result(); !i.left || !result.Right || !errors.Is(err, wizard.ErrNothingPicked) {
		i.t.Errorf("left %v with %+v, %v", i.left, result, err)
	}
}

// answers the question with that text.
func (i *incident) answers(text, line string) *incident {
	i.t.Helper()
	i.expect(text, "› 1 I don't know")
	i.press(line, "enter")
	return i
}

func (i *incident) expect(parts ...string) *incident {
	i.t.Helper()
	i.screen.expect(parts...)
	return i
}
func (i *incident) expectNot(parts ...string) *incident {
	i.t.Helper()
	i.screen.expectNot(parts...)
	return i
}
func (i *incident) press(keys ...string) *incident { i.t.Helper(); i.screen.press(keys...); return i }

// golden compares the screen with its file at each size. Nothing on it may depend on chance.
func (i *incident) golden(sizes ...[2]int) *incident {
	i.t.Helper()
	for _, size := range append([][2]int{{80, 24}}, sizes...) {
		i.update(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
		var lines []string
		for l := range strings.SplitSeq(i.view(), "\n") {
			if w := theme.Width(l); w > size[0] {
				i.t.Errorf("%d cells on a terminal of %d: %q", w, size[0], l)
			}
			lines = append(lines, strings.TrimRight(l, " "))
		}
		if len(lines) != size[1] {
			i.t.Errorf("%d lines on a terminal of %d", len(lines), size[1])
		}
		got, path := strings.Join(lines, "\n")+"\n", filepath.Join("testdata", fmt.Sprintf("%s-%dx%d.golden", i.id, size[0], size[1]))
		if *update {
			if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
				i.t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			i.t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
			i.t.Errorf("%s (-want +got), -update writes it anew:\n%s", path, diff)
		}
	}
	i.update(tea.WindowSizeMsg{Width: 80, Height: 24})
	return i
}

func TestEveryIncidentHasAStory(t *testing.T) {
	for _, i := range rehearsal.Incidents() {
		if _, err := os.Stat(filepath.Join("testdata", i.ID+"-80x24.golden")); err != nil {
			t.Errorf("no story shows the screen of %s: %v", i.ID, err)
		}
		if i.Does == "" {
			t.Errorf("%s does not say what a good operator does", i.ID)
		}
	}
}

var otherSizes = [][2]int{{60, 20}, {120, 40}}

const (
	noDisaster = "Take the first aid, and no recovery"
	noRecovery = "Which recovery: none is needed"
)

func TestIncidentNothing(t *testing.T) {
	happens(t, "incident-nothing", func(i *incident) {
		i.expect("ALL IS WELL", "Nothing has to be done.", noRecovery).expectNot("RECOMMENDED", "enter ").golden(otherSizes...)
		i.concludes("Nothing has to be done for this node")
	})
}

func TestIncidentImage(t *testing.T) {
	happens(t, "incident-image", func(i *incident) {
		i.expect("NO DISASTER", "First Compare image name and version", noRecovery).expectNot("RECOMMENDED", "enter ").golden()
		i.concludes(noDisaster)
	})
}

func TestIncidentFullDisk(t *testing.T) {
	happens(t, "incident-full-disk", func(i *incident) {
		i.expect("NO DISASTER", "First Make the volume larger", "No space left on device", noRecovery).expectNot("RECOMMENDED", "enter ").golden(otherSizes...)
		i.press("f").expect("What to do first", "Seen", "Means").press("esc")
		i.concludes(noDisaster)
	})
}

func TestIncidentScaledDown(t *testing.T) {
	happens(t, "incident-scaled-down", func(i *incident) {
		i.expect("NO DISASTER", "First Ask who stopped participant", noRecovery).golden()
		i.press("a").answers("Did somebody scale these components down on purpose", "3").expect("First Find out what stopped it")
		i.concludes(noDisaster)
	})
}

func TestIncidentGoingClaim(t *testing.T) {
	happens(t, "incident-going-claim", func(i *incident) {
		i.expect("NO DISASTER", noRecovery).expectNot("RECOMMENDED", "enter ").golden()
		i.concludes(noDisaster)
	})
}

func TestIncidentKeptVolume(t *testing.T) {
	happens(t, "incident-kept-volume", func(i *incident) {
		i.expect("NO DISASTER", noRecovery).expectNot("RECOMMENDED", "enter ").golden()
		i.concludes(noDisaster)
	})
}

func TestIncidentCertificate(t *testing.T) {
	happens(t, "incident-certificate", func(i *incident) {
		i.expect("NO DISASTER", "First Renew the certificate", noRecovery).golden()
		i.concludes(noDisaster)
	})
}

func TestIncidentOneCrash(t *testing.T) {
	happens(t, "incident-one-crash", func(i *incident) {
		i.expect("NO DISASTER", "First Read the log of global-domain-0-mediator", "its data is", noRecovery).golden()
		i.concludes(noDisaster)
	})
}

func TestIncidentSlow(t *testing.T) {
	happens(t, "incident-slow", func(i *incident) {
		i.expect("NO DISASTER: the node needs time", "First Let the node run and look again", "r look again", noRecovery).golden()
		i.press("r").expect("still asked").expect("NO DISASTER: the node needs time", "seen 0 s ago")
		i.concludes("Wait, and look again")
	})
}

func TestIncidentLostClaim(t *testing.T) {
	happens(t, "incident-lost-claim", func(i *incident) {
		i.expect("Data of this node is lost: restore is recommended", "Delete nothing.").golden(otherSizes...)
		i.press("a").answers("Did somebody scale", "1").answers("together declared it lost?", "3")
		i.opens("restore")
	})
}

func TestIncidentDamaged(t *testing.T) {
	happens(t, "incident-damaged", func(i *incident) {
		i.expect("Data of this node is lost: restore is recommended", "says that its data is damaged").golden()
		i.press("enter").expect("restore the node from its backup", "1 No, go on looking").press("enter")
		i.expect("enter open restore") // Enter alone has begun and concluded nothing
		i.opens("restore")
	})
}

func TestIncidentNoBackup(t *testing.T) {
	happens(t, "incident-no-backup", func(i *incident) {
		i.expect("Data of this node is lost", "a asks 3 questions that only you can answer").expectNot("RECOMMENDED").golden()
		i.press("a").answers("Did somebody scale", "1").answers("together declared it lost?", "3").answers("any backup of the databases", "3")
		i.expect("Your answer has changed the verdict", "reonboard is recommended")
		i.opens("reonboard")
	})
}

func TestIncidentDisabled(t *testing.T) {
	happens(t, "incident-disabled", func(i *incident) {
		i.expect("The sequencers have disabled this node", "a asks 1 question that only you can answer").expectNot("RECOMMENDED").golden()
		i.press("tab").expect("enter restore: why not").press("enter").expect("no backup changes that").press("esc")
		i.press("a").answers("together declared it lost?", "3")
		i.opens("reonboard")
	})
}

func TestIncidentVotedOut(t *testing.T) {
	happens(t, "incident-voted-out", func(i *incident) {
		i.expect("The other SVs have voted this SV out", "First Ask the other SVs why, before anything is changed").expectNot("RECOMMENDED").golden()
		i.concludes("Talk to the other SVs before anything is changed")
	})
}

func TestIncidentStaleScans(t *testing.T) {
	happens(t, "incident-stale-scans", func(i *incident) {
		i.expect("ALL IS WELL", "First Tell the operators of these SVs", "✗ peers", noRecovery).expectNot("RECOMMENDED").golden()
		i.concludes("Nothing has to be done for this node")
	})
}

func TestIncidentStanding(t *testing.T) {
	happens(t, "incident-standing", func(i *incident) {
		i.expect("The network stands still, not this node alone", "First Call the other SVs").expectNot("RECOMMENDED").golden()
		i.press("a").answers("together declared it lost?", "1").expect("The network stands still, not this node alone")
		i.concludes("Talk to the other SVs before anything is changed")
	})
}

func TestIncidentNetworkLost(t *testing.T) {
	happens(t, "incident-network-lost", func(i *incident) {
		i.expect("The network stands still, not this node alone", "a asks 1 question that only you can answer").expectNot("RECOMMENDED").golden(otherSizes...)
		i.press("a").answers("together declared it lost?", "2")
		i.expect("Your answer has changed the verdict", "network is recommended")
		i.opens("network")
	})
}

func TestIncidentEmpty(t *testing.T) {
	happens(t, "incident-empty", func(i *incident) {
		i.expect("Not determined", "Compare the context and the namespace").expectNot("RECOMMENDED").golden()
		i.press("a").answers("Is this the cluster and the namespace", "3").answers("together declared it lost?", "1")
		i.expect("NO DISASTER", "Compare the context and the namespace")
		i.concludes(noDisaster)
	})
}
