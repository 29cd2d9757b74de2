package wizard

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/muesli/termenv"

	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/theme"
	"canton.example/svrescue/ui/wizard/internal/fixture"
)

var update = flag.Bool("update", false, "write the golden screens anew")

// golden compares a screen with its file, and checks what must hold of every screen: no line is wider than the terminal,
// and there are exactly as many as it has.
func golden(t *testing.T, name string, d *driver) {
	t.Helper()
	screen := d.root.View()
	lines := strings.Split(screen, "\n")
	if len(lines) != d.root.layout.h {
		t.Errorf("%d lines on a terminal of %d", len(lines), d.root.layout.h)
	}
	for i, l := range lines {
		if w := theme.Width(l); w > d.root.layout.w {
			t.Errorf("line %d takes %d cells of %d: %q", i+1, w, d.root.layout.w, l)
		}
		lines[i] = strings.TrimRight(l, " ")
	}
	got := strings.ReplaceAll(strings.Join(lines, "\n"), "\x1b", "␛") + "\n"
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got), -update writes it anew:\n%s", path, diff)
	}
}

// scenes are the moments that a front end must show well.
var scenes = []struct {
	name string
	tape func(wire.World, wire.Acting) *fixture.Tape
	then func(*driver)
}{
	{"overview", fixture.Begin, nil},
	{"inputs", fixture.Inputs, nil},
	{"secret", fixture.Secret, nil},
	{"secret-pasted", fixture.Secret, func(d *driver) { d.paste(strings.Repeat("canary", 200)) }},
	{"device", fixture.Device, nil},
	{"preflight", fixture.Preflight, nil},
	{"confirm", fixture.ScaleDown, nil},
	{"destroy", fixture.Destroy, nil},
	{"destroy-open", fixture.Destroy, func(d *driver) { d.press("tab", "enter", "down") }},
	{"running", fixture.Running, nil},
	{"tick", func(w wire.World, _ wire.Acting) *fixture.Tape { return fixture.Tick(w) }, nil},
	{"retry", fixture.Retry, nil},
	{"retry-log", fixture.Retry, func(d *driver) { d.press("l") }},
	{"login", fixture.Login, nil},
	{"failure", fixture.Failure, nil},
	{"report", fixture.Report, nil},
	{"help", fixture.Running, func(d *driver) { d.press("?") }},
	{"park", fixture.Running, func(d *driver) { d.press("p") }},
	{"log", fixture.Running, func(d *driver) { d.press("l") }},
	{"commands", fixture.Running, func(d *driver) { d.press("c") }},
	{"status", fixture.Running, func(d *driver) { d.press("s") }},
	{"why", fixture.Failure, func(d *driver) { d.press("w") }},
	{"evidence", fixture.Preflight, func(d *driver) { d.press("e") }},
	{"path", fixture.Running, func(d *driver) { d.press("v") }},
	{"card", fixture.Card, nil},
	{"call", fixture.Call, nil},
	{"call-why", fixture.Call, func(d *driver) { d.press("w") }},
	{"card-open", fixture.Card, func(d *driver) { d.press("f") }},
	{"read", fixture.Running, func(d *driver) { d.press("]", "]") }},
}

func TestGoldenScreens(t *testing.T) {
	for _, s := range scenes {
		for _, size := range [][2]int{{60, 20}, {80, 24}, {120, 40}} {
			name := fmt.Sprintf("%s-%dx%d", s.name, size[0], size[1])
			t.Run(name, func(t *testing.T) {
				d := drive(t, s.tape(wire.Real, wire.Live), plainTheme)
				d.size(size[0], size[1])
				d.wait(settle)
				if s.then != nil {
					s.then(d)
				}
				golden(t, name, d)
			})
		}
	}
}

func TestGoldenColours(t *testing.T) {
	modes := map[string]theme.Theme{
		"colour":  theme.New(theme.Abilities{Profile: termenv.ANSI256}),
		"nocolor": theme.New(theme.Abilities{Profile: termenv.Ascii}),
		"ascii":   theme.New(theme.Abilities{Profile: termenv.Ascii, ASCII: true}),
	}
	for _, s := range scenes {
		switch s.name {
		case "preflight", "destroy", "running", "retry", "report":
		default:
			continue
		}
		for mode, th := range modes {
			t.Run(s.name+"-"+mode, func(t *testing.T) {
				d := drive(t, s.tape(wire.Real, wire.Live), th)
				golden(t, s.name+"-"+mode, d)
				screen := d.root.View()
				if mode != "colour" && strings.Contains(screen, "\x1b") {
					t.Error("there are escape sequences in a screen without colours")
				}
				if mode == "ascii" {
					for _, c := range screen {
						if c > 127 {
							t.Fatalf("%q is not ASCII", c)
						}
					}
				}
			})
		}
	}
}

// TestAnySize draws every scene at every small size: nothing may break, and nothing may be wider or higher than the
// terminal.
func TestAnySize(t *testing.T) {
	for _, s := range scenes {
		d := drive(t, s.tape(wire.Simulated, wire.Live), plainTheme)
		if s.then != nil {
			s.then(d)
		}
		for w := 1; w <= 130; w += 7 {
			for h := 1; h <= 42; h += 5 {
				d.size(w, h)
				lines := strings.Split(d.root.View(), "\n")
				if len(lines) > h {
					t.Fatalf("%s at %dx%d: %d lines", s.name, w, h, len(lines))
				}
				for _, l := range lines {
					if theme.Width(l) > w {
						t.Fatalf("%s at %dx%d: %q is too wide", s.name, w, h, l)
					}
				}
			}
		}
	}
}

// TestTheSmallestScreenShowsWhatIsConfirmed checks that no confirmation can be given without a look at what it sends.
func TestTheSmallestScreenShowsWhatIsConfirmed(t *testing.T) {
	for _, s := range scenes {
		if s.name != "confirm" && s.name != "destroy" {
			continue
		}
		d := live(t, s.tape)
		d.size(minWidth, minHeight)
		d.wait(settle)
		d.expect("LIVE", "Will be sent", " 1 ", "more below", "Cannot be undone:", "Evidence")
		golden(t, s.name+"-40x12", d)
	}
}
