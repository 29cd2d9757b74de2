// Package plain makes text from servers, logs and files safe to show in a terminal.
package plain

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Clean removes control characters, escape sequences' introducers, bidirectional overrides and invalid UTF-8, so that
// nothing in the text can move the cursor, change colours or reorder what stands beside it. Tabs become spaces; line
// breaks stay.
func Clean(text string) string {
	if isClean(text) {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteRune('\uFFFD')
		case r == '\t':
			b.WriteString("    ")
		case r == '\n':
			b.WriteByte('\n')
		case r == 0x1b:
			size = skipEscape(text[i:])
		case hidden(r):
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

// Line is Clean with line breaks turned into spaces and the ends trimmed.
func Line(text string) string {
	return strings.Join(strings.Fields(Clean(text)), " ")
}

// Cut shortens to at most n runes and says with an ellipsis that it did.
func Cut(text string, n int) string {
	if n < 1 {
		return ""
	}
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	runes := []rune(text)
	return string(runes[:n-1]) + "…"
}

func isClean(text string) bool {
	for _, r := range text {
		if r == utf8.RuneError || r != '\n' && hidden(r) {
			return false
		}
	}
	return true
}

func hidden(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
}

// skipEscape returns the length of the escape sequence at the start of text: CSI, OSC and the other string sequences
// with their bodies, else the escape and one byte.
func skipEscape(text string) int {
	if len(text) < 2 {
		return len(text)
	}
	switch text[1] {
	case '[':
		for i := 2; i < len(text); i++ {
			if c := text[i]; c >= 0x40 && c <= 0x7e {
				return i + 1
			} else if c < 0x20 || c > 0x3f {
				return i
			}
		}
		return len(text)
	case ']', 'P', '^', '_', 'X':
		for i := 2; i < len(text); i++ {
			switch {
			case text[i] == 0x07:
				return i + 1
			case text[i] == 0x1b && i+1 < len(text) && text[i+1] == '\\':
				return i + 2
			case text[i] == '\n':
				return i
			}
		}
		return len(text)
	}
	if text[1] < utf8.RuneSelf {
		return 2
	}
	return 1
}
