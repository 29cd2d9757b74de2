package wizard

import (
	"strconv"

	tea "github.com/charmbracelet/bubbletea"
)

// sheet is a text that can be scrolled over lines to choose from. Where the first line is one to stay, it does nothing.
type sheet struct {
	title   string
	text    func(r *root, w int) []string
	options []option
	cursor  int
	take    func(i int) action
	settles bool // keys that were typed before it could be read do not count

	top, rows, all int // of the text, in the last frame
}

func (s *sheet) lines(*root, int) int { return 0 }
func (s *sheet) belongs() string      { return "" }
func (s *sheet) patient() bool        { return s.settles }

// patient is a dialog that takes keys only when it has been in sight for a moment and the keyboard has rested.
type patient interface{ patient() bool }

// hasty says that the dialog on top is in sight for too short a time for keys to be meant for it.
func (r *root) hasty() bool {
	d, is := r.top().(patient)
	return is && d.patient() && !r.quiet.ready(r.opts.Clock.Now())
}

// hurry draws anew when the dialog on top begins to take keys.
func (r *root) hurry() tea.Cmd {
	if !r.hasty() || r.waking {
		return nil
	}
	r.waking = true
	return r.after(rest / 5)
}

func (s *sheet) move(by int) func() action {
	return func() action {
		for i := s.cursor + by; i >= 0 && i < len(s.options); i += by {
			if s.options[i].Refuse == "" {
				s.cursor = i
				break
			}
		}
		return none{}
	}
}

func (s *sheet) keys() []binding {
	far := s.all > s.rows
	page := func(n int) func() action {
		return func() action { s.top += n * max(s.rows-1, 1); return none{} }
	}
	can := len(s.options) > 0 && s.options[s.cursor].Refuse == ""
	list := []binding{
		{[]string{"enter"}, "choose", "Takes the line under the cursor.", can, s.submit},
		{[]string{"up", "k"}, "move", "One line up.", len(s.options) > 1, s.move(-1)},
		{[]string{"down", "j", "tab"}, "", "One line down.", len(s.options) > 1, s.move(1)},
		{[]string{"pgdown", " "}, "read on", "One page of the text down.", far, page(1)},
		{[]string{"pgup", "b"}, "", "One page of the text up.", far, page(-1)},
		{[]string{"esc", "q"}, "back", "Closes this; nothing is begun.", true, func() action { return closeTop{} }},
	}
	for i := range min(len(s.options), 9) {
		list = append(list, binding{[]string{strconv.Itoa(i + 1)}, "", "Moves the cursor to that line.", true, func() action {
			if s.options[i].Refuse == "" {
				s.cursor = i
			}
			return none{}
		}})
	}
	return list
}

func (s *sheet) submit() action {
	if s.options[s.cursor].stay {
		return closeTop{}
	}
	return finish{s.take(s.cursor)}
}

// draw gives the lines to choose from what they need, up to two thirds, and the text the rest.
func (s *sheet) draw(r *root, w, h int) []string {
	var entries []entry
	most := 0 // the text stays where it is when the cursor moves
	for i, o := range s.options {
		e := entry{head: []string{r.optionLine(i, o, i == s.cursor, w)}, detail: r.optionDetail(o, w)}
		entries, most = append(entries, e), max(most, len(e.detail))
	}
	text := s.text(r, w-2)
	room := min(len(s.options)+most, max(h*2/3, h-3-len(text)))
	s.rows, s.all = max(h-2-room, 1), len(text)
	s.top = min(max(s.top, 0), max(s.all-s.rows, 0))
	where := ""
	if s.all > s.rows {
		where = r.position(s.top+1, min(s.top+s.rows, s.all), s.all)
	}
	out := []string{r.t.Title.Render(r.t.Line(r.t.Clean(s.title), where, w))}
	for _, l := range text[s.top:min(s.top+s.rows, s.all)] {
		out = append(out, " "+l)
	}
	out = append(out, "")
	return append(out, window(entries, s.cursor, true, h-len(out), r.outside(w))...)
}
