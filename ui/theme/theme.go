// Package theme holds what a terminal can show: colours, glyphs and widths. A Theme is a value that is passed down; no
// style is global, and the terminal is never asked for anything.
//
// Colours carry five meanings and no more: Accent is what comes next, Proven is what the world has shown, Attention is
// what the operator should know, Danger is what destroys and that this is real, Dim is what can wait. Every one of them is
// said in words or by a glyph as well, because colour may be missing.
package theme

import (
	"io"

	osc52 "github.com/aymanbagabas/go-osc52/v2"
	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"

	_ "canton.example/svrescue/ui/theme/dark" // before any package that asks the terminal
)

// Style is one meaning. It renders text and nothing else: no width, no padding, no newline handling.
type Style struct{ style lipgloss.Style }

// Render marks text with the meaning. Empty text stays empty.
func (s Style) Render(text string) string {
	if text == "" {
		return ""
	}
	return s.style.Render(text)
}

// Theme is how things are drawn on one terminal.
type Theme struct {
	Abilities Abilities
	Glyphs    Glyphs

	Plain     Style // running text
	Title     Style // headings
	Dim       Style // what can wait
	Accent    Style // what is next
	Proven    Style // what the world has shown
	Attention Style // what the operator should know
	Danger    Style // what destroys
	Live      Style // the badge of a run that is real
	Badge     Style // the badge of any other run
	Selected  Style // the line under the cursor
}

// New builds the theme for what the terminal can show.
func New(a Abilities) Theme {
	r := lipgloss.NewRenderer(io.Discard, termenv.WithProfile(a.Profile))
	r.SetColorProfile(a.Profile)
	r.SetHasDarkBackground(true)
	style := func() Style { return Style{r.NewStyle().TabWidth(lipgloss.NoTabConversion)} }
	color := func(full, ansi256, ansi string) Style {
		s := style()
		s.style = s.style.Foreground(lipgloss.CompleteColor{TrueColor: full, ANSI256: ansi256, ANSI: ansi})
		return s
	}
	bold := func(s Style) Style { s.style = s.style.Bold(true); return s }
	flip := func(s Style) Style { s.style = s.style.Reverse(true); return s }

	t := Theme{Abilities: a, Glyphs: unicodeGlyphs}
	if a.ASCII {
		t.Glyphs = asciiGlyphs
	}
	t.Plain, t.Title = style(), bold(style())
	t.Dim = color("#8a8f98", "245", "8")
	t.Accent = bold(color("#7fb4ff", "111", "14"))
	t.Proven = color("#79c98f", "114", "2")
	t.Attention = color("#e0b050", "179", "3")
	t.Danger = bold(color("#ff6b6b", "203", "9"))
	t.Live = flip(bold(color("#ff6b6b", "203", "9")))
	t.Badge = flip(bold(color("#7fb4ff", "111", "14")))
	t.Selected = flip(style())
	return t
}

// Glyphs are the signs that carry a state, one cell each, and the marks that text is drawn with.
type Glyphs struct {
	Done, Now, Warn, Skipped, Failed, Pending, Planned, Unknown string

	Cursor, Arrow, Caret, Rule, Pipe, Full, Empty, More, Dot, UpDown string

	Observe, Repeatable, Once, Destroy string
}

var unicodeGlyphs = Glyphs{
	Done: "✓", Now: "▸", Warn: "!", Skipped: "–", Failed: "✗", Pending: " ", Planned: "○", Unknown: "?",
	Cursor: "›", Arrow: "→", Caret: "▏", Rule: "─", Pipe: "│", Full: "█", Empty: "░", More: "…", Dot: "·", UpDown: "↑↓",
	Observe: "○", Repeatable: "~", Once: "1", Destroy: "×",
}

var asciiGlyphs = Glyphs{
	Done: "+", Now: ">", Warn: "!", Skipped: "-", Failed: "x", Pending: " ", Planned: "o", Unknown: "?",
	Cursor: ">", Arrow: "->", Caret: "_", Rule: "-", Pipe: "|", Full: "#", Empty: ".", More: "...", Dot: "-", UpDown: "up/down",
	Observe: "o", Repeatable: "~", Once: "1", Destroy: "x",
}

// Clipboard is the byte sequence that offers text to the terminal's clipboard. Whether the terminal takes it cannot be
// known: many do not, and none says so.
func (t Theme) Clipboard(text string) string {
	s := osc52.New(text)
	switch t.Abilities.Multiplex {
	case "tmux":
		// Both forms: tmux takes the plain one where set-clipboard is on, and passes the wrapped one through where
		// allow-passthrough is on. The other is ignored.
		return s.String() + s.Tmux().String()
	case "screen":
		return s.Screen().String()
	}
	return s.String()
}
