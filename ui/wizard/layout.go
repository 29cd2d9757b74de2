package wizard

// Sizes at which the screen changes its shape.
const (
	minWidth, minHeight = 40, 12 // below: a sentence, and no question can be answered
	listWidth           = 72     // from here on the steps have a column of their own
	sideWidth           = 120    // from here on evidence or the live log has one, too
)

// rect is a named part of the screen, in cells.
type rect struct{ x, y, w, h int }

// layout is computed once for each size. The parts never overlap and lie within the screen.
type layout struct {
	w, h     int
	tooSmall bool

	header rect // two lines: what, where and how; path, run, operator
	crumb  rect // one line in place of the steps where these have no column
	steps  rect // h is 0 where crumb is used
	body   rect // everything between header and message, dialogs take it whole
	main   rect // the step
	side   rect // w is 0 below sideWidth
	notice rect // one line: what just happened, or a rule
	footer rect // one line: the keys that work now
}

func newLayout(w, h int) layout {
	l := layout{w: w, h: h}
	if w < minWidth || h < minHeight {
		l.tooSmall = true
		return l
	}
	l.header = rect{0, 0, w, 2}
	l.footer = rect{0, h - 1, w, 1}
	l.notice = rect{0, h - 2, w, 1}
	l.body = rect{0, 2, w, h - 4}
	main := l.body
	if w < listWidth {
		l.crumb = rect{0, 2, w, 1}
		main.y, main.h = 3, main.h-1
		main.x, main.w = 1, w-2
		l.main = main
		return l
	}
	left := 26
	if w >= sideWidth {
		left = 30
	}
	l.steps = rect{0, main.y, left, main.h}
	main.x, main.w = left, w-left-1
	if w >= sideWidth {
		side := max(36, (w-left)*2/5)
		l.side = rect{w - side, main.y, side - 1, main.h}
		main.w = w - left - side - 2
	}
	l.main = main
	return l
}
