package wizard

import (
	"strings"

	"github.com/charmbracelet/bubbles/cursor"
	"github.com/charmbracelet/bubbles/key"
	"github.com/charmbracelet/bubbles/textinput"
	tea "github.com/charmbracelet/bubbletea"

	"canton.example/svrescue/ui/theme"
)

// field is one line of text. Editing is that of bubbles; drawing is ours, because its cursor needs colour to be seen.
type field struct {
	input  textinput.Model
	hidden bool // what is in it is drawn as stars
}

// fieldLimit bounds what is typed or pasted: an answer is a line, but for the report of another SV, which may be pasted. Line ends in what is
// pasted become blanks.
const fieldLimit = 128 << 10

// hiddenLimit bounds what is hidden: a token may be long.
const hiddenLimit = 64 << 10

func newField(value string) field {
	in := textinput.New()
	in.CharLimit = fieldLimit
	in.Cursor.SetMode(cursor.CursorStatic)
	in.KeyMap.Paste = key.NewBinding(key.WithDisabled()) // it would run a program; the terminal pastes by itself
	in.SetValue(value)
	in.CursorEnd()
	in.Focus()
	return field{input: in}
}

// newHidden is a field whose text is never drawn.
func newHidden() field {
	f := newField("")
	f.input.CharLimit, f.input.EchoMode = hiddenLimit, textinput.EchoPassword
	f.hidden = true
	return f
}

func (f *field) typed(msg tea.KeyMsg) { f.input, _ = f.input.Update(msg) }

func (f *field) value() string { return f.input.Value() }

// maxStars is how many stars are drawn at most: how long a secret is says something of it, that some of it arrived does not.
const maxStars = 16

// shown is the text as it may be drawn.
func (f *field) shown() string {
	if !f.hidden {
		return f.value()
	}
	return strings.Repeat("*", min(len([]rune(f.value())), maxStars))
}

// draw shows the text around the cursor in at most width cells.
func (f *field) draw(t theme.Theme, width int, hint string) string {
	value, at := []rune(f.shown()), f.input.Position()
	if len(value) == 0 {
		return t.Accent.Render(t.Glyphs.Caret) + t.Dim.Render(t.Clip(hint, width-1))
	}
	if f.hidden {
		at = len(value)
	}
	before, after := t.Clean(string(value[:at])), t.Clean(string(value[at:]))
	before = t.ClipLeft(before, max(width-1-min(theme.Width(after), width/4), 1))
	after = t.Clip(after, width-1-theme.Width(before))
	return before + t.Accent.Render(t.Glyphs.Caret) + after
}
