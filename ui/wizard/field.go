package wizard

import (
	"github.com/charmbracelet/bubbles/cursor"
	"github.com/charmbracelet/bubbles/key"
	"github.com/charmbracelet/bubbles/textinput"
	tea "github.com/charmbracelet/bubbletea"

	"canton.example/svrescue/ui/theme"
)

// field is one line of text. Editing is that of bubbles; drawing is ours, because its cursor needs colour to be seen.
type field struct{ input textinput.Model }

// fieldLimit bounds what is typed: an answer is a line, not a document.
const fieldLimit = 2000

func newField(value string) field {
	in := textinput.New()
	in.CharLimit = fieldLimit
	in.Cursor.SetMode(cursor.CursorStatic)
	in.KeyMap.Paste = key.NewBinding(key.WithDisabled()) // it would run a program; the terminal pastes by itself
	in.SetValue(value)
	in.CursorEnd()
	in.Focus()
	return field{in}
}

func (f *field) typed(msg tea.KeyMsg) { f.input, _ = f.input.Update(msg) }

func (f *field) value() string { return f.input.Value() }

// draw shows the text around the cursor in at most width cells.
func (f *field) draw(t theme.Theme, width int, hint string) string {
	value, at := []rune(f.value()), f.input.Position()
	if len(value) == 0 {
		return t.Accent.Render(t.Glyphs.Caret) + t.Dim.Render(t.Clip(hint, width-1))
	}
	before, after := t.Clean(string(value[:at])), t.Clean(string(value[at:]))
	before = t.ClipLeft(before, max(width-1-min(theme.Width(after), width/4), 1))
	after = t.Clip(after, width-1-theme.Width(before))
	return before + t.Accent.Render(t.Glyphs.Caret) + after
}
