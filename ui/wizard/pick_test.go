package wizard

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"
)

var home = PickOptions{Title: "svrescue", Text: "What shall be done?", Theme: plainTheme, Items: []Item{
	{ID: "r-1", Group: "Open runs", Title: "Go on: restore of mainnet/Acme-SV", Badge: "parked 3 h ago",
		Detail: "Stands at step 7, Restore volumes; nobody works on it."},
	{ID: "r-0", Group: "Open runs", Title: "Watch: restore of testnet/Acme-SV", Badge: "runs",
		Refuse: "bob on ops2 holds it with another version"},
	{ID: "restore", Group: "Recover this node", Title: "Restore a full node from backups", Badge: "recommended",
		Detail: "The set of 02:00 holds and the network is healthy."},
	{ID: "network", Group: "Recover this node", Title: "Network recovery", Refuse: "12 of 13 peers run"},
	{ID: "damaged-disk", Group: "Rehearse", Title: "A damaged participant disk", Detail: "Teaches to restore a whole set, never one database alone."},
	{ID: "gitops", Group: "Rehearse", Title: "Somebody else scales it up again", Detail: "Teaches to look for other actors before acting."},
}}

func pressPicker(p *picker, keys ...string) (quit bool) {
	for _, k := range keys {
		msg := tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(k)}
		if kt, ok := keyTypes[k]; ok {
			msg = tea.KeyMsg{Type: kt}
		}
		_, cmd := p.Update(msg)
		if cmd != nil {
			_, quit = cmd().(tea.QuitMsg)
		}
	}
	return quit
}

func TestPickerScreens(t *testing.T) {
	for name, size := range map[string][2]int{"pick-80x24": {80, 24}, "pick-60x20": {60, 20}} {
		p := newPicker(home)
		p.resize(size[0], size[1])
		pressPicker(p, "down")
		var lines []string
		for l := range strings.SplitSeq(p.View(), "\n") {
			lines = append(lines, strings.TrimRight(l, " "))
		}
		got, path := strings.Join(lines, "\n")+"\n", filepath.Join("testdata", name+".golden")
		if *update {
			os.WriteFile(path, []byte(got), 0o644)
			continue
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s:\n%s", path, diff)
		}
	}
}

func TestPickingSkipsWhatCannotBeChosen(t *testing.T) {
	p := newPicker(home)
	if !pressPicker(p, "down", "enter") || p.chosen != "restore" {
		t.Errorf("chose %q", p.chosen)
	}
	p = newPicker(home)
	if pressPicker(p, "/", "r", "u", "n", "s", "down", "down", "enter"); p.chosen != "r-1" {
		t.Errorf("chose %q", p.chosen)
	}
}

func TestFilteringThePicker(t *testing.T) {
	p := newPicker(home)
	pressPicker(p, "/", "g", "i", "t", "o", "p", "s")
	if s := ansi.Strip(p.View()); !strings.Contains(s, "Somebody else scales") || strings.Contains(s, "Acme-SV") {
		t.Error(s)
	}
	if !pressPicker(p, "enter") || p.chosen != "gitops" {
		t.Errorf("chose %q", p.chosen)
	}
	p = newPicker(home)
	pressPicker(p, "/", "q", "q")
	if s := p.View(); !strings.Contains(s, "Nothing contains that") || strings.Contains(s, "choose") {
		t.Error(s)
	}
	if pressPicker(p, "enter") {
		t.Error("Enter on an empty list left it")
	}
	if pressPicker(p, "esc"); len(p.shown) != len(home.Items) {
		t.Error("esc does not show everything again")
	}
}

func TestLeavingThePickerChoosesNothing(t *testing.T) {
	for _, key := range []string{"q", "esc", "ctrl+c"} {
		if p := newPicker(home); !pressPicker(p, key) || p.chosen != "" {
			t.Errorf("%s: chose %q", key, p.chosen)
		}
	}
	opts := home
	opts.In, opts.Out = strings.NewReader(""), io.Discard
	if id, err := Pick(context.Background(), opts); !errors.Is(err, ErrNothingPicked) {
		t.Errorf("at the end of input: %q, %v", id, err)
	}
}
