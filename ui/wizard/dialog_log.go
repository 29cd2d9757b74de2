package wizard

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"canton.example/svrescue/steps/wire"
)

// logDialog shows the timeline (durable) or the live log (the last lines, kept only while the worker runs). It follows the
// end until the operator scrolls up.
type logDialog struct {
	pager
	live      bool
	follow    bool
	filtering bool
	filter    field
}

func newLogDialog() *logDialog { return &logDialog{follow: true, filter: newField("")} }

func (d *logDialog) keys() []binding {
	if d.filtering {
		return []binding{
			{[]string{"enter"}, "keep the filter", "Keeps the filter and goes back to reading.", true,
				func() action { d.filtering = false; return none{} }},
			{[]string{"esc"}, "no filter", "Drops the filter.", true,
				func() action { d.filtering, d.filter = false, newField(""); return none{} }},
		}
	}
	other := "live log"
	if d.live {
		other = "timeline"
	}
	own := []binding{
		{[]string{"tab"}, other, "Switches between the timeline and the live log.", true,
			func() action { d.live, d.follow = !d.live, true; return none{} }},
		{[]string{"/"}, "filter", "Shows only lines that contain what is typed.", true,
			func() action { d.filtering = true; return none{} }},
		{[]string{"end", "G"}, "newest", "Goes to the end and follows it.", !d.follow,
			func() action { d.follow = true; return none{} }},
	}
	for _, b := range d.pager.keys() {
		if b.keys[0] == "end" || b.keys[0] == "enter" {
			continue
		}
		if do := b.do; b.keys[0] != "esc" {
			b.do = func() action { d.follow = false; return do() }
		}
		own = append(own, b)
	}
	return own
}

func (d *logDialog) typed(msg tea.KeyMsg) {
	if d.filtering {
		d.filter.typed(msg)
		d.follow = true
	}
}

func (d *logDialog) draw(r *root, w, h int) []string {
	entries := r.view.Timeline
	d.title = "Timeline, times in UTC"
	if d.live {
		d.title, entries = "Live log, times in UTC", r.view.Log
	}
	if f := d.filter.value(); f != "" && !d.filtering {
		d.title += ", only lines with " + r.t.Clean(f)
	}
	lines := d.text(r, entries, w)
	if d.follow {
		d.top = 1 << 20
	}
	if d.filtering {
		out := d.page(r, lines, w, h-1)
		for len(out) < h-1 {
			out = append(out, "")
		}
		return append(out, "/"+d.filter.draw(r.t, w-1, "type to filter"))
	}
	out := d.page(r, lines, w, h)
	d.follow = d.follow || d.all <= d.rows
	return out
}

func (d *logDialog) text(r *root, entries []wire.Entry, w int) []string {
	want := strings.ToLower(d.filter.value())
	var lines []string
	for _, e := range entries {
		if want != "" && !strings.Contains(strings.ToLower(e.Text+" "+e.Step), want) {
			continue
		}
		lines = append(lines, r.entryLines(e, w)...)
	}
	if len(lines) == 0 {
		word := "Nothing yet."
		if want != "" {
			word = "No line contains that."
		}
		lines = []string{r.t.Dim.Render(word)}
	}
	return lines
}

// entryLines writes one entry with its time; what does not fit goes on below, indented.
func (r *root) entryLines(e wire.Entry, w int) []string {
	stamp := e.At.UTC().Format("15:04:05")
	style := r.t.Plain
	if e.Bad {
		style = r.t.Attention
	}
	var out []string
	text := e.Text
	if s := r.view.Step(e.Step); s != nil && e.Kind == wire.KindStep {
		text = s.Title + ": " + text
	}
	for i, l := range r.t.Wrap(text, w-9) {
		if i > 0 {
			stamp = "        "
		}
		out = append(out, r.t.Dim.Render(stamp)+" "+style.Render(l))
	}
	return out
}
