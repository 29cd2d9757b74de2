package wizard

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"canton.example/svrescue/ui/theme"
)

// ErrNothingPicked says that the operator left the list without choosing.
var ErrNothingPicked = errors.New("nothing was chosen")

// Item is one line of a list to pick from.
type Item struct {
	ID     string
	Group  string // heading under which it stands; items of one group follow each other
	Title  string
	Detail string // one sentence: what it is, what it teaches
	Badge  string // a word at the right: "parked 3 h ago"
	Refuse string // why it cannot be chosen; shown, not selectable
}

// PickOptions say what to pick from and where.
type PickOptions struct {
	Title string // "svrescue", "Rehearsals"
	Text  string // a sentence or two above the list
	Items []Item
	Start string // id of the item under the cursor at first; empty: the first that can be chosen

	In    io.Reader
	Out   io.Writer
	Theme theme.Theme
}

// Pick shows a list on the whole screen and returns the id of the chosen item. It returns ErrNothingPicked when the
// operator left, and also when the terminal or its input went away: end of input chooses nothing.
func Pick(ctx context.Context, opts PickOptions) (string, error) {
	out := newScreen(opts.Out)
	p := newPicker(opts)
	p.stuck = !canSuspend()
	p.resize(sizeOf(opts.Out))
	hangup, err := runProgram(ctx, p, opts.In, out)
	switch {
	case err != nil:
		return "", err
	case hangup || p.chosen == "":
		return "", ErrNothingPicked
	}
	return p.chosen, nil
}

// picker is the model of Pick.
type picker struct {
	opts   PickOptions
	t      theme.Theme
	w, h   int
	cursor int // in shown
	shown  []int
	filter field
	typing bool
	help   bool
	stuck  bool // ctrl-z would stop the program for good
	chosen string
}

func newPicker(opts PickOptions) *picker {
	p := &picker{opts: opts, t: opts.Theme, filter: newField(""), w: 80, h: 24}
	p.refresh()
	if i := slices.IndexFunc(p.shown, func(i int) bool { return opts.Items[i].ID == opts.Start }); opts.Start != "" && i >= 0 {
		p.cursor = i
	}
	return p
}

func (p *picker) resize(w, h int) { p.w, p.h = w, h }

// refresh takes the items that contain what is typed, and keeps the cursor on one that can be chosen.
func (p *picker) refresh() {
	want := strings.ToLower(strings.TrimSpace(p.filter.value()))
	p.shown = p.shown[:0]
	for i, it := range p.opts.Items {
		if strings.Contains(strings.ToLower(it.Group+" "+it.ID+" "+it.Title+" "+it.Detail+" "+it.Badge), want) {
			p.shown = append(p.shown, i)
		}
	}
	p.cursor = min(max(p.cursor, 0), max(len(p.shown)-1, 0))
	if it := p.item(); it != nil && it.Refuse != "" && !p.move(1) {
		p.move(-1)
	}
}

func (p *picker) item() *Item {
	if p.cursor >= len(p.shown) {
		return nil
	}
	return &p.opts.Items[p.shown[p.cursor]]
}

// move goes to the next item that can be chosen; false when there is none in that direction.
func (p *picker) move(by int) bool {
	step := 1
	if by < 0 {
		step = -1
	}
	moved := false
	for n := by * step; n > 0; n-- {
		i := p.cursor + step
		for i >= 0 && i < len(p.shown) && p.opts.Items[p.shown[i]].Refuse != "" {
			i += step
		}
		if i < 0 || i >= len(p.shown) {
			return moved
		}
		p.cursor, moved = i, true
	}
	return moved
}

func (p *picker) choosable() bool {
	it := p.item()
	return it != nil && it.Refuse == "" && p.w >= minWidth && p.h >= minHeight
}

// keys is the list that keys are taken from and the footer is drawn from.
func (p *picker) keys() []binding {
	by := func(n int) func() action {
		return func() action { p.move(n); return none{} }
	}
	free := !p.typing && !p.help
	return []binding{
		{[]string{"esc", "enter", "?", "q"}, "close", "Closes the help.", p.help,
			func() action { p.help = false; return none{} }},
		{[]string{"enter"}, "choose", "Takes the line under the cursor.", !p.help && p.choosable(),
			func() action { p.chosen = p.item().ID; return leave{} }},
		{[]string{"up"}, "move", "One line up.", !p.help && len(p.shown) > 1, by(-1)},
		{[]string{"down"}, "", "One line down.", !p.help && len(p.shown) > 1, by(1)},
		{[]string{"k"}, "", "One line up.", free && len(p.shown) > 1, by(-1)},
		{[]string{"j"}, "", "One line down.", free && len(p.shown) > 1, by(1)},
		{[]string{"pgup"}, "", "Five lines up.", !p.help && len(p.shown) > 1, by(-5)},
		{[]string{"pgdown"}, "", "Five lines down.", !p.help && len(p.shown) > 1, by(5)},
		{[]string{"/"}, "filter", "Shows only what contains the letters you type.", free,
			func() action { p.typing = true; return none{} }},
		{[]string{"esc"}, "no filter", "Shows everything again.", !p.help && (p.typing || p.filter.value() != ""),
			func() action { p.typing, p.filter = false, newField(""); p.refresh(); return none{} }},
		{[]string{"q", "esc"}, "leave", "Leaves without choosing.", free, func() action { return leave{} }},
		{[]string{"ctrl+c"}, "", "Leaves without choosing.", true, func() action { return leave{} }},
		{[]string{"ctrl+z"}, "", "Suspends this screen; fg in the shell brings it back.", !p.stuck,
			func() action { return suspend{} }},
		{[]string{"?"}, "help", "Shows all keys.", free, func() action { p.help = true; return none{} }},
	}
}

// Init has nothing to wait for.
func (p *picker) Init() tea.Cmd { return nil }

// Update takes one message.
func (p *picker) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		p.resize(msg.Width, msg.Height)
	case hangupMsg:
		p.chosen = ""
		return p, tea.Quit
	case tea.KeyMsg:
		return p, p.key(msg)
	}
	return p, nil
}

func (p *picker) key(msg tea.KeyMsg) tea.Cmd {
	for _, b := range p.keys() {
		if b.on && slices.Contains(b.keys, msg.String()) {
			switch b.do().(type) {
			case leave:
				return tea.Quit
			case suspend:
				return tea.Suspend
			}
			return nil
		}
	}
	if p.typing {
		p.filter.typed(msg)
		p.cursor = 0
		p.refresh()
	}
	return nil
}
