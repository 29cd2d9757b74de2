package wizard

import (
	"strconv"

	tea "github.com/charmbracelet/bubbletea"

	"canton.example/svrescue/ui/theme"
)

// dialog is a screen on top of the screen. It keeps only what belongs to it (a cursor, a text); what it says of the run it
// takes from root when it is drawn.
type dialog interface {
	keys() []binding
	// draw returns at most h lines of at most w cells.
	draw(r *root, w, h int) []string
	// lines is how many lines it wants at the bottom of the body; 0 means the whole body.
	lines(r *root, w int) int
	// belongs names the question without which the dialog makes no sense; empty: none.
	belongs() string
}

// typist is a dialog that takes letters.
type typist interface{ typed(tea.KeyMsg) }

func (r *root) top() dialog {
	if len(r.dialogs) == 0 {
		return nil
	}
	return r.dialogs[len(r.dialogs)-1]
}

// closeFor drops dialogs that belong to a question other than the one that is open now.
func (r *root) closeFor(question string) {
	kept := r.dialogs[:0]
	for _, d := range r.dialogs {
		if d.belongs() == "" || d.belongs() == question {
			kept = append(kept, d)
		}
	}
	r.dialogs = kept
}

// pager shows lines that can be scrolled.
type pager struct {
	title string
	text  func(r *root, w int) []string
	extra []binding
	top   int
	rows  int // of the last frame
	all   int
}

func (p *pager) lines(*root, int) int { return 0 }
func (p *pager) belongs() string      { return "" }

func (p *pager) keys() []binding {
	far := p.all > p.rows
	by := func(n int) func() action {
		return func() action { p.top += n; return none{} }
	}
	return append(append([]binding(nil), p.extra...), []binding{
		{[]string{"esc", "q", "enter"}, "close", "Closes the dialog.", true, func() action { return closeTop{} }},
		{[]string{"down", "j"}, "", "One line down.", far, by(1)},
		{[]string{"up", "k"}, "scroll", "One line up.", far, by(-1)},
		{[]string{"pgdown", " "}, "page", "One page down.", far, func() action { p.top += p.rows - 1; return none{} }},
		{[]string{"pgup", "b"}, "", "One page up.", far, func() action { p.top -= p.rows - 1; return none{} }},
		{[]string{"home", "g"}, "", "To the start.", far, by(-1 << 20)},
		{[]string{"end", "G"}, "", "To the end.", far, by(1 << 20)},
	}...)
}

func (p *pager) draw(r *root, w, h int) []string {
	return p.page(r, p.text(r, w), w, h)
}

// page draws the lines from top on, under a heading that says where one is.
func (p *pager) page(r *root, lines []string, w, h int) []string {
	p.rows, p.all = h-1, len(lines)
	p.top = min(max(p.top, 0), max(p.all-p.rows, 0))
	where := ""
	if p.all > p.rows {
		where = r.position(p.top+1, min(p.top+p.rows, p.all), p.all)
	}
	out := []string{r.t.Title.Render(r.t.Line(r.t.Clean(p.title), where, w))}
	return append(out, lines[p.top:min(p.top+p.rows, p.all)]...)
}

// prompt asks for one line of text.
type prompt struct {
	title, text string
	empty       string // what to say to an empty line
	field       field
	problem     string
	done        func(string) action
	question    string
}

func newPrompt(title, text, value, empty string, done func(string) action) *prompt {
	return &prompt{title: title, text: text, empty: empty, field: newField(value), done: done}
}

// about ties the prompt to a question: when that is answered elsewhere, the prompt goes away.
func (p *prompt) about(question string) *prompt { p.question = question; return p }

func (p *prompt) lines(r *root, w int) int { return 4 + len(r.t.Wrap(p.text, w-2)) }
func (p *prompt) belongs() string          { return p.question }
func (p *prompt) typed(msg tea.KeyMsg)     { p.problem = ""; p.field.typed(msg) }

func (p *prompt) keys() []binding {
	return []binding{
		{[]string{"enter"}, "send", "Sends the line.", true, p.submit},
		{[]string{"esc"}, "cancel", "Closes the dialog; nothing is sent.", true, func() action { return closeTop{} }},
	}
}

func (p *prompt) submit() action {
	if theme.Width(p.field.value()) == 0 || onlySpace(p.field.value()) {
		p.problem = p.empty
		return none{}
	}
	return finish{p.done(p.field.value())}
}

func (p *prompt) draw(r *root, w, h int) []string {
	out := []string{r.t.Title.Render(r.t.Line(r.t.Clean(p.title), "", w))}
	for _, l := range r.t.Wrap(p.text, w-2) {
		out = append(out, " "+r.t.Dim.Render(l))
	}
	out = append(out, " "+p.field.draw(r.t, w-2, ""), " "+r.t.Attention.Render(r.t.Clip(p.problem, w-2)))
	return out
}

// chooser offers a few lines, the first of which does nothing.
type chooser struct {
	title, text string
	options     []option
	cursor      int
	take        func(i int) action
	question    string
	quits       bool // it asks whether to leave; ctrl+c means yes here
	parks       bool // ctrl+c parks here
	details     bool // the line under the cursor says what it means
}

func (c *chooser) lines(r *root, w int) int {
	n := 2 + len(r.t.Wrap(c.text, w-2)) + len(c.options) + 1
	if c.details {
		most := 0
		for _, o := range c.options {
			most = max(most, len(r.optionDetail(o, w)))
		}
		n += most
	}
	return n
}
func (c *chooser) belongs() string { return c.question }

func (c *chooser) keys() []binding {
	by := func(n int) func() action {
		return func() action {
			for i := c.cursor + n; i >= 0 && i < len(c.options); i += n {
				if c.options[i].Refuse == "" {
					c.cursor = i
					break
				}
			}
			return none{}
		}
	}
	list := []binding{
		{[]string{"enter"}, "choose", "Takes the line under the cursor.", true, c.submit},
		{[]string{"up", "k"}, "move", "One line up.", true, by(-1)},
		{[]string{"down", "j"}, "", "One line down.", true, by(1)},
		{[]string{"esc", "q"}, "back", "Closes the dialog; nothing is sent.", true, func() action { return closeTop{} }},
	}
	for i := range min(len(c.options), 9) {
		list = append(list, binding{[]string{strconv.Itoa(i + 1)}, "", "Moves the cursor to that line.", true, c.to(i)})
	}
	return list
}

// to puts the cursor on a line that can be chosen.
func (c *chooser) to(i int) func() action {
	return func() action {
		if i < len(c.options) && c.options[i].Refuse == "" {
			c.cursor = i
		}
		return none{}
	}
}

func (c *chooser) submit() action {
	if c.cursor == 0 {
		return closeTop{}
	}
	return finish{c.take(c.cursor)}
}

func (c *chooser) draw(r *root, w, h int) []string {
	out := []string{r.t.Title.Render(r.t.Line(r.t.Clean(c.title), "", w))}
	for _, l := range r.t.Wrap(c.text, w-2) {
		out = append(out, " "+l)
	}
	out = append(out, "")
	for i, o := range c.options {
		out = append(out, r.optionLine(i, o, i == c.cursor, w))
		if c.details && i == c.cursor {
			out = append(out, r.optionDetail(o, w)...)
		}
	}
	if len(out) > h { // the options matter more than the text
		out = append(out[:1], out[len(out)-h+1:]...)
	}
	return out
}
