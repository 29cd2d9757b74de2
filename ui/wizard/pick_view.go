package wizard

import (
	"fmt"
	"strings"
)

// View draws the list with its groups; the item under the cursor shows its sentence.
func (p *picker) View() string {
	w, h := p.w, p.h
	if w < minWidth || h < minHeight {
		return strings.Join(fill(p.t.Wrap(fmt.Sprintf("This terminal is too small: %d x %d cells. At least %d x %d are needed. "+
			"ctrl+c leaves.", w, h, minWidth, minHeight), max(w, 1)), h), "\n")
	}
	rows := []string{p.t.Spread(" "+p.t.Title.Render(p.t.Clean(p.opts.Title)), p.t.Dim.Render(p.counts())+" ", w),
		p.t.Dim.Render(p.t.Line("", "", w))}
	for _, l := range p.t.Wrap(p.opts.Text, w-2) {
		rows = append(rows, " "+l)
	}
	if p.opts.Text != "" {
		rows = append(rows, "")
	}
	body := h - len(rows) - 2
	if p.help {
		rows = append(rows, fill(p.helpLines(w-2), body)...)
	} else {
		rows = append(rows, fill(p.list(w, body), body)...)
	}
	return strings.Join(append(rows, p.filterLine(w), p.footer(w)), "\n")
}

func (p *picker) counts() string {
	if len(p.shown) == len(p.opts.Items) {
		return ""
	}
	return fmt.Sprintf("%d of %d", len(p.shown), len(p.opts.Items))
}

func (p *picker) list(w, h int) []string {
	if len(p.shown) == 0 {
		text := "There is nothing to choose."
		if p.filter.value() != "" {
			text = "Nothing contains that; esc shows everything again."
		}
		return []string{" " + p.t.Dim.Render(p.t.Clip(text, w-2))}
	}
	var entries []entry
	group := ""
	for n, i := range p.shown {
		it := p.opts.Items[i]
		var head []string
		if it.Group != group {
			group = it.Group
			if n > 0 {
				head = append(head, "")
			}
			head = append(head, " "+p.t.Title.Render(p.t.Clip(p.t.Clean(group), w-2)))
		}
		head = append(head, p.line(it, n == p.cursor, w))
		detail := p.t.Wrap(p.detail(it), w-6)
		if n != p.cursor && len(detail) > 1 {
			detail = []string{p.t.Clip(p.t.Clean(p.detail(it)), w-6)}
		}
		for _, l := range detail {
			head = append(head, "     "+p.t.Dim.Render(l))
		}
		entries = append(entries, entry{head: head})
	}
	return window(entries, p.cursor, false, h, func(before, after int) string {
		return p.t.Dim.Render(p.t.Clip("   "+p.t.Glyphs.More+" "+hidden(before, after), w))
	})
}

func (p *picker) detail(it Item) string {
	if it.Refuse != "" {
		return "Cannot be chosen: " + stop(it.Refuse)
	}
	return it.Detail
}

func (p *picker) line(it Item, here bool, w int) string {
	mark, title := "   ", p.t.Clip(p.t.Clean(it.Title), w-6)
	switch {
	case it.Refuse != "":
		title = p.t.Dim.Render(title)
	case here:
		mark = " " + p.t.Accent.Render(p.t.Glyphs.Cursor) + " "
		title = p.t.Selected.Render(title)
	}
	return p.t.Spread(mark+title, p.t.Dim.Render(p.t.Clip(p.t.Clean(it.Badge), w/2))+" ", w)
}

func (p *picker) filterLine(w int) string {
	switch {
	case p.typing:
		return " /" + p.filter.draw(p.t, w-3, "type to filter")
	case p.filter.value() != "":
		return p.t.Dim.Render(p.t.Clip(" only lines with "+p.t.Clean(p.filter.value()), w))
	}
	return p.t.Dim.Render(p.t.Line("", "", w))
}

func (p *picker) footer(w int) string {
	line := ""
	for _, b := range p.keys() {
		if !b.on || b.short == "" {
			continue
		}
		item := p.t.Accent.Render(b.label(p.t.Glyphs)) + " " + b.short
		if cellsOf(line)+2+cellsOf(item) > w-1 {
			break
		}
		if line != "" {
			line += "  "
		}
		line += item
	}
	return " " + line
}

func (p *picker) helpLines(w int) []string {
	lines := []string{" " + p.t.Title.Render("Keys")}
	for _, b := range p.keys() {
		if b.keys[0] == "?" || strings.HasPrefix(b.help, "Closes") {
			continue
		}
		lines = append(lines, " "+p.t.Pad(strings.Join(b.keys, ", "), 12)+p.t.Clip(b.help, w-13))
	}
	return lines
}
