package theme

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

// Width counts the cells that text takes, colours not counted.
func Width(text string) int { return ansi.StringWidth(text) }

// Clean makes text from a server, a log or a file fit to be drawn: escape sequences and control characters are gone,
// so are characters that reorder or hide others; line ends and tabs become spaces; broken UTF-8 becomes a question mark.
func (t Theme) Clean(text string) string {
	if plain(text) {
		return text
	}
	text = ansi.Strip(strings.ToValidUTF8(text, "?"))
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t', r == '\r', r == '\u2028', r == '\u2029':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r):
			return -1
		case t.Abilities.ASCII && r > unicode.MaxASCII:
			return toASCII(r)
		}
		return r
	}, text)
}

// Paragraphs cleans text and keeps its line ends.
func (t Theme) Paragraphs(text string) []string {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i := range lines {
		lines[i] = t.Clean(lines[i])
	}
	return lines
}

// plain says that every byte is printable ASCII, which is most text and needs no work.
func plain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}

// toASCII keeps the sense of the typographic characters that our own sentences use.
func toASCII(r rune) rune {
	switch r {
	case '→', '›', '▸':
		return '>'
	case '–', '—', '−', '·', '•', '─':
		return '-'
	case '…':
		return '.'
	case '“', '”', '„', '«', '»':
		return '"'
	case '‘', '’':
		return '\''
	case '×':
		return 'x'
	case '✓':
		return '+'
	case '\u00a0', '\u202f', '\u2009':
		return ' '
	}
	return '?'
}

// Clip cuts text, which may carry colours, to width cells; what was cut shows as an ellipsis.
func (t Theme) Clip(text string, width int) string {
	if width <= 0 {
		return ""
	}
	if len(text) <= width && utf8.RuneCountInString(text) == len(text) && !strings.Contains(text, "\x1b") {
		return text
	}
	tail := t.Glyphs.More
	if Width(tail) >= width {
		tail = ""
	}
	return ansi.Truncate(text, width, tail)
}

// ClipLeft keeps the end of text, for names that differ at their end.
func (t Theme) ClipLeft(text string, width int) string {
	over := Width(text) - width
	if over <= 0 {
		return text
	}
	mark := t.Glyphs.More
	if Width(mark) >= width {
		mark = ""
	}
	// A wide character that is cut in half stays whole: take one more cell away.
	for cut := over + Width(mark); ; cut++ {
		if got := ansi.TruncateLeft(text, cut, mark); Width(got) <= width || cut > over+Width(mark)+2 {
			return got
		}
	}
}

// ClipMiddle keeps both ends of text, for lines whose verb is at the start and whose tail tells names apart.
func (t Theme) ClipMiddle(text string, width int) string {
	if Width(text) <= width {
		return text
	}
	room := width - Width(t.Glyphs.More)
	if room < 8 {
		return t.Clip(text, width)
	}
	tail := room * 2 / 5
	return ansi.Truncate(text, room-tail, "") + t.ClipLeft(text, tail+Width(t.Glyphs.More))
}

// Pad clips text to width cells and fills it up to them.
func (t Theme) Pad(text string, width int) string {
	text = t.Clip(text, width)
	if gap := width - Width(text); gap > 0 {
		text += strings.Repeat(" ", gap)
	}
	return text
}

// noBreak is the hyphen at which no line is broken.
const noBreak = "\u2011"

// Wrap breaks text into lines of at most width cells, at spaces where it can. Newlines in text are kept as line ends;
// everything else is cleaned.
func (t Theme) Wrap(text string, width int) []string {
	if width <= 0 || strings.TrimSpace(text) == "" {
		return nil
	}
	var lines []string
	for _, p := range t.Paragraphs(strings.TrimSpace(text)) {
		// Names hold hyphens, and a name that is broken at one reads as another name.
		p = strings.ReplaceAll(p, "-", noBreak)
		p = strings.ReplaceAll(ansi.Wrap(p, width, " "), noBreak, "-")
		for l := range strings.SplitSeq(p, "\n") {
			if Width(l) > width { // leading spaces before a word that fills the line
				l = ansi.Hardwrap(strings.TrimSpace(l), width, false)
			}
			lines = append(lines, strings.Split(l, "\n")...)
		}
	}
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
}

// Hang wraps text to width cells; every line but the first is indented.
func (t Theme) Hang(text string, width, indent int) []string {
	lines := t.Wrap(text, max(width-indent, 1))
	for i := 1; i < len(lines); i++ {
		lines[i] = strings.Repeat(" ", indent) + lines[i]
	}
	return lines
}

// Spread puts left and right at the two ends of width cells. Left gives way where both do not fit.
func (t Theme) Spread(left, right string, width int) string {
	rw := Width(right)
	if rw == 0 {
		return t.Clip(left, width)
	}
	if rw+2 > width {
		return t.Clip(right, width)
	}
	return t.Pad(left, width-rw-1) + " " + right
}

// Line is a rule of width cells with words set into it at both ends.
func (t Theme) Line(left, right string, width int) string {
	rule := func(n int) string { return strings.Repeat(t.Glyphs.Rule, max(n, 0)) }
	if left != "" {
		left = rule(2) + " " + left + " "
	}
	if right != "" {
		right = " " + right + " " + rule(2)
	}
	if Width(left)+Width(right) > width {
		right = ""
	}
	left = t.Clip(left, width)
	return left + rule(width-Width(left)-Width(right)) + right
}

// Bar draws how much of total is done. It is full only when all is done.
func (t Theme) Bar(done, total int64, width int) string {
	n := 0
	if total > 0 {
		n = min(max(int(float64(done)/float64(total)*float64(width)), 0), width)
	}
	if n == width && done < total {
		n--
	}
	return strings.Repeat(t.Glyphs.Full, n) + strings.Repeat(t.Glyphs.Empty, width-n)
}
