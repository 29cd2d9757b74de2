package wizard

import (
	"fmt"
	"strings"

	"canton.example/svrescue/steps/wire"
)

// optionOf is an item as a line to choose.
func optionOf(it Item) option {
	label := it.Title
	if it.Badge != "" {
		label += " (" + it.Badge + ")"
	}
	return option{Choice: wire.Choice{ID: it.ID, Label: label, Detail: it.Detail, Refuse: it.Refuse}}
}

// backDialog comes first where a run on the real node is open: whoever lost the connection wants it back at once.
func (f *first) backDialog() dialog {
	s := &sheet{title: "An open run waits for you", settles: true, text: func(r *root, w int) []string {
		return r.t.Wrap("This machine has a run on the real node that has not ended. Going on shows it where it stands; it confirms nothing and answers nothing.", w)
	}}
	if len(f.opts.Back) > 1 {
		s.title = fmt.Sprintf("%d open runs wait for you", len(f.opts.Back))
	}
	for _, it := range f.opts.Back {
		s.options = append(s.options, optionOf(it))
	}
	s.options = append(s.options, option{stay: true, Choice: wire.Choice{Label: "Look at the node anew", Detail: "Says what is seen now and which recovery applies. The open run stays as it is; o shows it again."}})
	if s.options[0].Refuse != "" {
		s.move(1)()
	}
	s.take = func(i int) action { return choose{f.opts.Back[i].ID} }
	return s
}

// listDialog has everything that can be opened.
func (f *first) listDialog() dialog {
	s := &sheet{title: "Runs, recoveries, rehearsals", text: func(r *root, w int) []string {
		return r.t.Wrap("Every recovery shows each step and asks before anything is sent.", w)
	}}
	s.options = append(s.options, stayOption("Back to what is seen"))
	for _, it := range f.opts.List {
		s.options = append(s.options, optionOf(it))
	}
	s.take = func(i int) action { return choose{f.opts.List[i-1].ID} }
	return s
}

// queryDialog asks one question.
func (f *first) queryDialog(i int) dialog {
	q := f.look.Queries[i]
	s := &sheet{title: "Only you can know", settles: true, text: func(r *root, w int) []string {
		lines := accented(r, r.t.Wrap(q.Text, w))
		return append(append(lines, ""), dimmed(r, r.t.Wrap(q.Why, w))...)
	}}
	if n := len(f.look.Queries); n > 1 {
		s.title = fmt.Sprintf("Only you can know: question %d of %d", i+1, n)
	}
	said := []string{"i-dont-know", "yes", "no"}
	for n, label := range []string{"I don't know", "Yes", "No"} {
		if said[n] == q.Said {
			label += " (your answer so far)"
			s.cursor = n
		}
		s.options = append(s.options, option{Choice: wire.Choice{Label: label}})
	}
	s.options[0].Detail = "A valid answer: nothing is guessed from it."
	if i+1 < len(f.look.Queries) && q.Said != "" {
		s.options = append(s.options, option{Choice: wire.Choice{Label: "The next question"}})
	}
	s.take = func(n int) action {
		if n == len(said) {
			return push{f.queryDialog(i + 1)}
		}
		return reply{q.ID, said[n]}
	}
	return s
}

// pathDialog shows what is for and against a recovery, and how it is begun, if it can be.
func (f *first) pathDialog(p PathSeen) dialog {
	calm := f.look.Calm
	s := &sheet{title: p.Name + ": " + p.Title, settles: true, text: func(r *root, w int) []string { return r.pathText(p, calm, w) }}
	switch {
	case !f.opens(p):
		s.options = []option{stayOption("Back: it cannot be begun from here")}
		s.options[0].Detail = ""
		return s
	case f.opts.Lesson != nil:
		s.options = []option{stayOption("No, go on looking"), {Choice: wire.Choice{Label: "Yes: " + p.Name + " is what this node needs", Detail: "Ends the rehearsal, and says whether a good operator would."}}}
		s.options[0].Detail = ""
		s.take = func(int) action { return conclude{p.Name} }
		return s
	}
	s.options = append(s.options, stayOption("Not now"))
	s.options[0].Detail = "Nothing is begun."
	for _, it := range p.Open {
		s.options = append(s.options, optionOf(it))
	}
	s.take = func(i int) action { return choose{p.Open[i-1].ID} }
	return s
}

// pathText is all that is said of a recovery.
func (r *root) pathText(p PathSeen, calm bool, w int) []string {
	word, style := r.verdictWord(p, calm)
	out := []string{style.Render(word)}
	add := func(head, mark string, texts []string) {
		if len(texts) > 0 && head != "" {
			out = append(out, r.t.Title.Render(head))
		}
		for _, text := range texts {
			out = append(out, r.t.Hang(mark+" "+text, w, 2)...)
		}
	}
	if p.Closed != "" {
		out = append(out, coloured(r.t.Attention.Render, r.t.Wrap(p.Closed, w))...)
	}
	add("For it", "+", p.For)
	add("Against it", r.minus(), p.Against)
	if !p.Impossible {
		add("What is lost by it", r.t.Glyphs.Dot, p.Lost)
		add("What it needs", r.t.Glyphs.Dot, p.Needs)
		if p.Takes != "" {
			add("How long it takes", r.t.Glyphs.Dot, []string{p.Takes})
		}
	}
	return out
}

// aidDialog is the verdict with all that is to be done first.
func (f *first) aidDialog() dialog {
	return &pager{title: "What to do first", text: func(r *root, w int) []string {
		look := r.first.look
		out := []string{r.moodStyle(look.Mood).Render(r.t.Clip(r.t.Clean(look.Headline), w))}
		out = append(out, r.t.Wrap(look.Summary, w)...)
		if look.Changed != "" {
			out = append(out, coloured(r.t.Attention.Render, r.t.Wrap(look.Changed, w))...)
		}
		for i, a := range look.Aids {
			head := "First"
			if len(look.Aids) > 1 {
				head = fmt.Sprintf("%d", i+1)
			}
			out = append(out, "")
			out = append(out, labelled(r, head, a.First, w, r.t.Title.Render)...)
			out = append(out, labelled(r, "Seen", a.Seen, w, r.t.Plain.Render)...)
			out = append(out, labelled(r, "Means", a.Means, w, r.t.Plain.Render)...)
		}
		if len(look.Aids) == 0 {
			out = append(out, "", "Nothing has to be done first.")
		}
		return out
	}}
}

// evidenceDialog is everything that was seen, in full.
func (f *first) evidenceDialog() dialog {
	return &pager{title: "What is seen", text: func(r *root, w int) []string {
		var out []string
		for _, s := range r.first.rows() {
			mark, style := r.mark(s.Mark)
			for i, l := range r.t.Wrap(s.Name+": "+r.first.detail(r, s), w-2) {
				if i == 0 {
					out = append(out, style.Render(mark)+" "+l)
				} else {
					out = append(out, "  "+l)
				}
			}
			if from := r.from(s); from != "" {
				out = append(out, indent(dimmed(r, r.t.Wrap(from, w-2)), "  ")...)
			}
		}
		return out
	}}
}

// from is where and when an item was read.
func (r *root) from(s Seen) string {
	switch {
	case s.Source == "" || s.Mark == MarkOpen:
		return ""
	case s.At.IsZero():
		return "From " + s.Source + "; not read."
	}
	return "From " + s.Source + ", " + s.At.UTC().Format("15:04:05 UTC") + "."
}

// decideDialog asks for the conclusion of a rehearsal.
func (f *first) decideDialog(leaving bool) dialog {
	s := &sheet{title: "What do you conclude?", settles: true, text: func(r *root, w int) []string {
		return r.t.Wrap("It is a rehearsal: nothing is begun. You are told afterwards whether a good operator would conclude the same.", w)
	}}
	s.options = append(s.options, stayOption("Go on looking"))
	s.options[0].Detail = ""
	for _, it := range f.opts.Lesson.Conclusions {
		s.options = append(s.options, optionOf(it))
	}
	if leaving {
		s.options = append(s.options, option{Choice: wire.Choice{Label: "Leave without a conclusion"}})
	}
	s.take = func(i int) action {
		if i > len(f.opts.Lesson.Conclusions) {
			return leave{}
		}
		return conclude{f.opts.Lesson.Conclusions[i-1].ID}
	}
	return s
}

// toldDialog says whether the conclusion was right.
func (f *first) toldDialog(t Told) dialog {
	title := "Not what a good operator concludes"
	if t.Right {
		title = "Right"
	}
	return &pager{title: title, text: func(r *root, w int) []string {
		var out []string
		for i, p := range t.Text {
			lines := r.t.Wrap(p, w)
			if i == 0 && t.Right {
				lines = coloured(r.t.Proven.Render, lines)
			} else if i == 0 {
				lines = coloured(r.t.Attention.Render, lines)
			}
			out = append(append(out, lines...), "")
		}
		return append(out, dimmed(r, r.t.Wrap("esc shows the screen again; q then leaves.", w))...)
	}}
}

func accented(r *root, lines []string) []string { return coloured(r.t.Title.Render, lines) }

// coloured renders each line alike.
func coloured(render func(string) string, lines []string) []string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = render(l)
	}
	return out
}

// labelled is text with a word in front of its first line.
func labelled(r *root, label, text string, w int, render func(string) string) []string {
	const column = 6
	var out []string
	for i, l := range r.t.Wrap(text, max(w-column, 1)) {
		head := strings.Repeat(" ", column)
		if i == 0 {
			head = r.t.Title.Render(r.t.Pad(label, column))
		}
		out = append(out, head+render(l))
	}
	return out
}
