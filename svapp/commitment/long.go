package commitment

// piece is what is known of a line that is too long to be held, and is read piece by piece.
type piece struct {
	begun, found, mismatch, other bool
	from                          int // where in the next piece marks are looked for
}

// long reads a piece of a long line, which begins with what was kept of the one before. It answers from where on it must be kept; last says
// that the line ends here. Marks near the end wait for what follows them.
func (l *lines) long(w *piece, text []byte, last bool) (keep int) {
	if !w.begun {
		l.finish()
		w.begun = true
	}
	until := len(text)
	if !last {
		until = max(w.from, len(text)-lookahead)
	}
	from := w.from
	for from < until {
		at, kind := nextMark(text, from)
		if at < 0 || at >= until {
			break
		}
		from = at + 1
		switch kind {
		case markAgreement:
			if n := l.agreement(text[at:]); n > 0 {
				w.found, from = true, at+n
			} else {
				l.t.kinds[Cut]++
				w.found = true
			}
		case markReceived:
			w.found = true
			if n, whole := l.row(text[at-len(receivedAcs):]); whole {
				from = at - len(receivedAcs) + n
			} else {
				l.t.kinds[RowsStrange]++
			}
		case markSent:
			l.t.kinds[RowsStrange]++
			w.found = true
		case markMismatch:
			w.mismatch = true
		default:
			w.other = true
		}
	}
	if last {
		switch {
		case w.found:
		case w.mismatch:
			l.t.kinds[Nameless]++
		case w.other:
			l.t.kinds[Other]++
		}
		*w = piece{}
		return len(text)
	}
	keep = max(0, max(from, until)-behind)
	w.from = max(from, until) - keep
	return keep
}
