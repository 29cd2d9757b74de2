package wizard

// list is the cursor in the lines that can be opened: actions of a plan, findings of a board. It belongs to one step;
// when another is shown it starts anew.
type list struct {
	key    string
	len    int
	cursor int
	open   bool // the entry under the cursor shows its detail
}

func (l *list) keep(key string, n int) {
	if l.key != key {
		*l = list{key: key}
	}
	l.len = n
	l.cursor = min(max(l.cursor, 0), max(n-1, 0))
}

func (l *list) move(by int) {
	l.cursor = min(max(l.cursor+by, 0), max(l.len-1, 0))
}

// entry is one thing in a list: its head, and what it shows when opened.
type entry struct {
	head   []string
	detail []string
}

// window draws the entries into h lines so that the cursor's entry is in sight, and says how many lie outside.
func window(entries []entry, cursor int, open bool, h int, more func(before, after int) string) []string {
	if h <= 0 {
		return nil
	}
	size := func(i int) int {
		n := len(entries[i].head)
		if open && i == cursor {
			n += len(entries[i].detail)
		}
		return n
	}
	total := 0
	for i := range entries {
		total += size(i)
	}
	var lines []string
	draw := func(i int) {
		lines = append(lines, entries[i].head...)
		if open && i == cursor {
			lines = append(lines, entries[i].detail...)
		}
	}
	if total <= h {
		for i := range entries {
			draw(i)
		}
		return lines
	}
	room := h - 1 // one line says what is out of sight
	from, used := cursor, min(size(cursor), room)
	for from > 0 && used+size(from-1) <= room/2 {
		from--
		used += size(from)
	}
	to := cursor + 1
	for to < len(entries) && used+size(to) <= room {
		used += size(to)
		to++
	}
	for from > 0 && used+size(from-1) <= room {
		from--
		used += size(from)
	}
	for i := from; i < to; i++ {
		draw(i)
	}
	if len(lines) > room {
		lines = lines[:max(room, 0)]
	}
	return append(lines, more(from, len(entries)-to))
}

// section is a part of a screen that wants a number of lines and can do with fewer.
type section struct {
	min, want int
	rank      int  // who gets spare lines first: lower is earlier
	urgent    bool // its least comes before that of all others: without it the screen would mislead
	draw      func(h int) []string
}

// fixed is a section of lines; where they do not fit, cut marks the last one that does.
func fixed(lines []string, least, rank int, cut func(last string) string) section {
	return section{min: min(least, len(lines)), want: len(lines), rank: rank, draw: func(h int) []string {
		if h >= len(lines) {
			return lines
		}
		some := append([]string(nil), lines[:h]...)
		if h > 0 && cut != nil {
			some[h-1] = cut(some[h-1])
		}
		return some
	}}
}

// gap is an empty line that is the first to go.
func gap() section { return gapAt(99) }

// gapAt is an empty line of some rank.
func gapAt(rank int) section {
	return section{want: 1, rank: rank, draw: func(int) []string { return []string{""} }}
}

// stack gives h lines to the sections: each its least, in order of rank, then what is left, in order of rank.
func stack(h int, sections ...section) []string {
	got := make([]int, len(sections))
	for _, need := range []func(section) int{
		func(s section) int {
			if s.urgent {
				return s.min
			}
			return 0
		}, func(s section) int { return s.min }, func(s section) int { return s.want }} {
		for rank := 0; rank < 100; rank++ {
			for i, s := range sections {
				if s.rank == rank {
					more := min(max(need(s)-got[i], 0), h)
					got[i] += more
					h -= more
				}
			}
		}
	}
	var lines []string
	for i, s := range sections {
		if got[i] > 0 {
			drawn := s.draw(got[i])
			lines = append(lines, drawn[:min(len(drawn), got[i])]...)
		}
	}
	return lines
}
