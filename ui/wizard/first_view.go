package wizard

import (
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/ui/theme"
)

// firstHeader says in two lines what this is: real or not, which node, where, for how long; that it only looks, and who looks.
func (r *root) firstHeader() []string {
	f, w := r.first, r.layout.w
	style, word, what := r.t.Live, "LIVE", "triage "+r.t.Glyphs.Dot+" only looks, changes nothing"
	if f.opts.Lesson != nil {
		style, word, what = r.t.Badge, "SIMULATED", "rehearsal "+r.t.Glyphs.Dot+" "+r.t.Clean(f.opts.Lesson.Title)
	}
	right := stopwatch(r.opts.Clock.Now().Sub(f.began)) + " "
	left := " " + style.Render(" "+word+" ") + " "
	node := r.t.Clean(f.look.Node)
	if node == "" {
		node = "node not known yet"
		if f.look.Over {
			node = "node not known"
		}
	}
	first := left + r.t.Title.Render(node)
	if room := w - cellsOf(first) - cellsOf(right) - 4; f.look.Where != "" && room >= 8 {
		first += "   " + r.t.Clip(r.t.Clean(f.look.Where), room)
	}
	return []string{r.t.Spread(first, right, w), r.t.Dim.Render(r.t.Line(what, r.t.Clean(r.opts.Operator), w))}
}

// firstScreen draws the verdict and what to do first over the evidence and the recoveries.
func (r *root) firstScreen(h int) []string {
	w := r.layout.w - 2
	aids := r.aidLines(w)
	rows := stack(h,
		fixed(r.headline(w), 1, 0, nil),
		fixed(aids, 5, 1, r.cutMark(w, r.t.Glyphs.More+" f: all")),
		fixed(r.nextLines(w), 1, 1, nil),
		fixed(r.reasonLines(w), 1, 2, r.cutMark(w, r.t.Glyphs.More+" f: all")),
		gapAt(3),
		section{min: min(8, h/2), want: h, rank: 4, draw: r.firstLower(w)},
	)
	for i := range rows {
		rows[i] = " " + rows[i]
	}
	return fill(rows, h)
}

// headline is the verdict in a line, and how far the look has come.
func (r *root) headline(w int) []string {
	look := r.first.look
	if look.Failed != nil && !look.Stands {
		return []string{r.t.Attention.Render(r.t.Clip("No cluster is looked at", w))}
	}
	text, style := r.t.Clean(look.Headline), r.moodStyle(look.Mood)
	if !look.Stands {
		text, style = "Looking. Nothing is changed by that.", r.t.Accent
		switch left := look.First.Sub(r.opts.Clock.Now()); {
		case look.Doing != "":
			text = sentence(look.Doing) + " Nothing real is touched by that."
			if r.first.opts.Lesson == nil {
				text = sentence(look.Doing)
			}
		case left > 0 && !look.First.IsZero():
			text = fmt.Sprintf("Looking. A first verdict comes in %s.", span(left.Round(1e9)))
		}
	}
	right := r.progress()
	if cellsOf(text)+cellsOf(right)+2 > w {
		if look.Over {
			return coloured(style.Render, r.t.Wrap(text, w))
		}
		return append(coloured(style.Render, r.t.Wrap(text, w)), r.t.Dim.Render(r.t.Clip(right, w)))
	}
	return []string{r.t.Spread(style.Render(text), r.t.Dim.Render(right), w)}
}

// progress says how many sources are still asked.
func (r *root) progress() string {
	f := r.first
	switch n := len(f.look.Open); {
	case f.look.Failed != nil || f.look.Asked == 0:
		return ""
	case f.look.Over:
		return "seen " + span(r.opts.Clock.Now().Sub(f.ended)) + " ago"
	case n == 0:
		return "all sources heard"
	default:
		return fmt.Sprintf("%d of %d sources still asked", n, f.look.Asked)
	}
}

// aidLines are the first aids, what to do before why.
func (r *root) aidLines(w int) []string {
	look := r.first.look
	if fail := look.Failed; fail != nil {
		out := labelled(r, "Tried", sentence(fail.Tried), w, r.t.Plain.Render)
		out = append(out, labelled(r, "Seen", sentence(fail.Seen), w, r.t.Attention.Render)...)
		return append(out, labelled(r, "Next", sentence(fail.Next), w, r.t.Plain.Render)...)
	}
	if !look.Stands {
		return nil
	}
	var out []string
	for i, a := range look.Aids {
		head := "First"
		if len(look.Aids) > 1 {
			head = fmt.Sprintf("Do %d", i+1)
		}
		out = append(out, labelled(r, head, a.First, w, r.t.Title.Render)...)
	}
	return out
}

// nextLines say which key leads on from here.
func (r *root) nextLines(w int) []string {
	f := r.first
	if f.look.Failed != nil && f.opts.Lesson == nil {
		return labelled(r, "Also", "o shows open runs, p practises on a simulated network.", w, r.t.Accent.Render)
	}
	if !f.look.Stands || f.look.Failed != nil || f.decided != "" {
		return nil
	}
	open := 0
	for _, q := range f.look.Queries {
		if q.Said == "" {
			open++
		}
	}
	i := slices.IndexFunc(f.look.Paths, func(p PathSeen) bool { return p.Recommended })
	text := ""
	switch {
	case f.look.Calm && len(f.look.Aids) > 0:
		text = "When that is done, r looks again."
	case f.look.Calm:
		text = "Nothing has to be done."
	case i >= 0 && !f.opens(f.look.Paths[i]) && open > 0:
		text = fmt.Sprintf("a asks %s first. svrescue does not lead through %s yet.", count(open, "question"), f.look.Paths[i].Name)
	case i >= 0 && !f.opens(f.look.Paths[i]):
		text = "svrescue does not lead through " + f.look.Paths[i].Name + " yet: enter says more."
	case i >= 0 && open > 0:
		text = fmt.Sprintf("a asks %s first; then enter opens %s.", count(open, "question"), f.look.Paths[i].Name)
	case i >= 0 && i != f.cursor:
		text = "tab goes to " + f.look.Paths[i].Name + "; enter then opens it."
	case i >= 0:
		text = "enter opens " + f.look.Paths[i].Name + ". It begins nothing yet."
	case open > 0:
		text = fmt.Sprintf("a asks %s that only you can answer.", count(open, "question"))
	default:
		return nil
	}
	return labelled(r, "Next", text, w, r.t.Accent.Render)
}

// reasonLines are why: what is seen and what it means, and what was said before.
func (r *root) reasonLines(w int) []string {
	look := r.first.look
	if !look.Stands || look.Failed != nil {
		return nil
	}
	var out []string
	if look.Changed != "" {
		out = append(out, coloured(r.t.Attention.Render, r.t.Wrap(look.Changed, w))...)
	}
	return append(out, labelled(r, "Why", look.Summary, w, r.t.Plain.Render)...)
}

// firstLower is the evidence beside the recoveries; on narrow screens the recoveries over the evidence.
func (r *root) firstLower(w int) func(h int) []string {
	return func(h int) []string {
		if r.layout.w < listWidth {
			paths := r.pathRows(w, max(h-3, 4))
			rows := append(paths, r.t.Title.Render("What is seen")+r.t.Dim.Render(" (e: all)"))
			return append(rows, r.seenRows(w, h-len(rows))...)
		}
		left := w * 11 / 20
		right := w - left - 2
		a := append([]string{r.t.Title.Render("What is seen")}, r.seenRows(left, h-1)...)
		b := append([]string{r.pathTitle(right)}, r.pathRows(right, h-1)...)
		a, b = fill(a, h), fill(b, h)
		rows := make([]string, h)
		for i := range rows {
			rows[i] = r.t.Pad(a[i], left) + "  " + r.t.Clip(b[i], right)
		}
		return rows
	}
}

func (r *root) pathTitle(w int) string {
	title := "Which recovery"
	if look := r.first.look; look.Stands && look.Calm {
		title = "Which recovery: none is needed"
	}
	return r.t.Title.Render(r.t.Clip(title, w))
}

// order of the evidence: what is wrong first, what is well last.
var order = []Mark{MarkWrong, MarkOpen, MarkUnsure, MarkAbsent, MarkHolds}

// rows are the items of the evidence in that order.
func (f *first) rows() []Seen {
	all := slices.Clone(f.look.Seen)
	slices.SortStableFunc(all, func(a, b Seen) int { return slices.Index(order, a.Mark) - slices.Index(order, b.Mark) })
	return all
}

// detail is what was found, or how long it is asked for.
func (f *first) detail(r *root, s Seen) string {
	if s.Mark == MarkOpen {
		return "asked for " + span(r.opts.Clock.Now().Sub(f.look.Since))
	}
	return r.t.Clean(s.Detail)
}

// seenRows are the items as far as they fit; the last line says what does not.
func (r *root) seenRows(w, h int) []string {
	if h <= 0 {
		return nil
	}
	var out []string
	rows := r.first.rows()
	for n, s := range rows {
		mark, style := r.mark(s.Mark)
		lines := r.t.Wrap(s.Name+": "+r.first.detail(r, s), w-2)
		most := 1
		if s.Mark == MarkWrong && r.layout.w >= listWidth {
			most = 2
		}
		if r.layout.w >= sideWidth {
			most = 3
		}
		if s.Mark == MarkOpen {
			lines = []string{r.t.Clip(s.Name, w-14) + r.t.Dim.Render("  "+r.first.detail(r, s))}
		}
		if len(lines) > most {
			lines = append(lines[:most-1:most-1], r.t.Clip(strings.Join(lines[most-1:], " "), w-2))
		}
		if left := len(rows) - n; len(out)+len(lines) > h-1 && (left > 1 || len(out)+len(lines) > h) {
			return append(out, r.t.Dim.Render(r.t.Clip(r.t.Glyphs.More+" "+r.left(rows[n:]), w)))
		}
		for i, l := range lines {
			if i == 0 {
				l = style.Render(mark) + " " + l
			} else {
				l = "  " + l
			}
			out = append(out, l)
		}
	}
	return out
}

// left says what does not fit any more.
func (r *root) left(rows []Seen) string {
	n := map[Mark]int{}
	for _, s := range rows {
		n[s.Mark]++
	}
	var parts []string
	for _, m := range order {
		if n[m] > 0 {
			mark, _ := r.mark(m)
			parts = append(parts, fmt.Sprintf("%d %s", n[m], mark))
		}
	}
	return "more: " + strings.Join(parts, "  ") + "   e shows all"
}

// pathRows are the recoveries; the one under the cursor says most.
func (r *root) pathRows(w, h int) []string {
	f := r.first
	var sections []section
	for i, p := range f.look.Paths {
		word, style := r.verdictWord(p, f.look.Calm)
		mark, name := " ", r.t.Pad(p.Name, 10)
		if p.Recommended && f.look.Stands {
			mark = r.t.Accent.Render(r.t.Glyphs.Now)
		}
		if i == f.cursor {
			if !p.Recommended {
				mark = r.t.Accent.Render(r.t.Glyphs.Cursor)
			}
			name = r.t.Selected.Render(r.t.Pad(p.Name, 9)) + " "
		}
		head := mark + " " + name + style.Render(word)
		lines := r.reasons(p, i == f.cursor, w)
		rank, more := 2, r.t.Glyphs.More
		if i == f.cursor {
			rank, more = 1, r.t.Glyphs.More+" enter: all"
		}
		sections = append(sections, fixed([]string{head}, 1, 0, nil), fixed(lines, min(len(lines), 1), rank, r.cutMark(w, more)))
	}
	return stack(h, sections...)
}

// reasons are for and against; the one that decides first.
func (r *root) reasons(p PathSeen, here bool, w int) []string {
	if !r.first.look.Stands {
		return nil
	}
	var out []string
	add := func(mark string, texts []string, style theme.Style) {
		for _, text := range texts {
			lines := r.t.Hang(mark+" "+text, w-2, 2)
			if !here && r.layout.w < sideWidth && len(lines) > 2 {
				lines = append(lines[:1:1], "  "+r.t.Clip(strings.TrimSpace(strings.Join(lines[1:], " ")), w-4))
			}
			for _, l := range lines {
				out = append(out, "  "+style.Render(l))
			}
		}
	}
	style := r.t.Dim
	if here {
		style = r.t.Plain
	}
	pro, con := p.For, p.Against
	if !here && r.layout.w < sideWidth {
		switch {
		case p.Recommended && len(pro) > 0:
			pro, con = pro[:1], nil
		case len(con) > 0:
			pro, con = nil, con[:1]
		}
	}
	if p.Recommended {
		add("+", pro, style)
		add(r.minus(), con, style)
	} else {
		add(r.minus(), con, style)
		add("+", pro, style)
	}
	return out
}

// verdictWord is the verdict of a recovery as it is drawn. Where none is needed, none looks like the thing to choose.
func (r *root) verdictWord(p PathSeen, calm bool) (string, theme.Style) {
	switch {
	case !r.first.look.Stands:
		return r.t.Glyphs.More, r.t.Dim
	case p.Recommended:
		return "RECOMMENDED", r.t.Accent
	case calm && !p.Impossible:
		return "not needed", r.t.Dim
	}
	return r.t.Clean(p.Verdict), r.t.Dim
}

func (r *root) minus() string {
	if r.t.Abilities.ASCII {
		return "-"
	}
	return "−"
}

func (r *root) mark(m Mark) (string, theme.Style) {
	g := r.t.Glyphs
	switch m {
	case MarkHolds:
		return g.Done, r.t.Proven
	case MarkWrong:
		return g.Failed, r.t.Danger
	case MarkAbsent:
		return g.Skipped, r.t.Dim
	case MarkUnsure:
		return g.Unknown, r.t.Attention
	}
	return r.t.Clip(g.More, 1), r.t.Dim
}

func (r *root) moodStyle(m Mood) theme.Style {
	switch m {
	case MoodGood:
		return r.t.Proven
	case MoodAct:
		return r.t.Accent
	case MoodGrave:
		return r.t.Danger
	}
	return r.t.Attention
}
