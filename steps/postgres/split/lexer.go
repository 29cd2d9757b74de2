package split

import "bytes"

// lexer knows whether a place in SQL is inside a string, a quoted name, the body of a function or a comment. It is fed in pieces that
// may end anywhere.
type lexer struct {
	quote   byte   // ' or " or 0; $ inside a body; * inside a comment; - in a comment to the end of the line
	escapes bool   // of an E'' string
	tag     []byte // of the body, "$tag$"
	depth   int    // of comments in comments
	before  byte   // the byte before this piece
	word    []byte // the last bytes, as far as they may belong to a mark that goes on in the next piece
}

// outside says that a statement may begin here.
func (l *lexer) outside() bool { return l.quote == 0 }

// scan takes b up to the end of a statement, else all of it.
func (l *lexer) scan(b []byte) (n int, ended bool) {
	for n < len(b) {
		switch l.quote {
		case 0:
			if l.open(b, &n) {
				return n, true
			}
		case '\'', '"':
			l.inQuote(b, &n)
		case '$':
			l.inBody(b, &n)
		case '*':
			l.inComment(b, &n)
		case '-':
			if i := bytes.IndexByte(b[n:], '\n'); i >= 0 {
				n, l.quote = n+i+1, 0
			} else {
				n = len(b)
			}
		}
	}
	if n > 0 {
		l.before = b[n-1]
	}
	return n, false
}

func (l *lexer) previous(b []byte, n int) byte {
	if n > 0 {
		return b[n-1]
	}
	return l.before
}

// open moves over one byte outside of everything, true behind the semicolon that ends a statement. A mark of several bytes
// that is cut by the end of a piece only occurs in lines longer than the buffer, and these are data or literals.
func (l *lexer) open(b []byte, n *int) (ended bool) {
	c, next := b[*n], byte(0)
	if *n+1 < len(b) {
		next = b[*n+1]
	}
	switch {
	case c == ';':
		*n++
		return true
	case c == '\'':
		p := l.previous(b, *n)
		l.word = l.word[:0]
		l.quote, l.escapes = '\'', (p == 'E' || p == 'e') && (*n < 2 || !nameByte(b[*n-2]))
	case c == '"':
		l.quote = '"'
	case c == '-' && next == '-':
		l.quote = '-'
	case c == '/' && next == '*':
		l.quote, l.depth = '*', 1
		*n++
	case c == '$' && !nameByte(l.previous(b, *n)):
		end := *n + 1
		for end < len(b) && nameByte(b[end]) && b[end] != '$' {
			end++
		}
		if end < len(b) && b[end] == '$' && (next < '0' || next > '9') {
			l.quote, l.tag = '$', bytes.Clone(b[*n:end+1])
			l.word = l.word[:0]
			*n = end
		}
	}
	*n++
	return false
}

func (l *lexer) inQuote(b []byte, n *int) {
	for ; *n < len(b); *n++ {
		switch {
		case l.escapes && len(l.word) > 0:
			l.word = l.word[:0] // it follows a backslash
		case l.escapes && b[*n] == '\\':
			l.word = append(l.word[:0], '\\')
		case b[*n] == l.quote:
			// A doubled quote closes and opens again, which comes to the same.
			l.quote, l.escapes = 0, l.escapes && *n+1 < len(b) && b[*n+1] == '\''
			if l.escapes {
				l.quote = '\''
				*n++
				continue
			}
			*n++
			return
		}
	}
}

func (l *lexer) inBody(b []byte, n *int) {
	for ; *n < len(b); *n++ {
		l.word = append(l.word, b[*n])
		if extra := len(l.word) - len(l.tag); extra > 0 {
			l.word = append(l.word[:0], l.word[extra:]...)
		}
		if bytes.Equal(l.word, l.tag) {
			l.quote = 0
			l.word = l.word[:0]
			*n++
			return
		}
	}
}

func (l *lexer) inComment(b []byte, n *int) {
	for ; *n < len(b); *n++ {
		switch {
		case b[*n] == '*' && *n+1 < len(b) && b[*n+1] == '/':
			*n++
			if l.depth--; l.depth == 0 {
				l.quote = 0
				*n++
				return
			}
		case b[*n] == '/' && *n+1 < len(b) && b[*n+1] == '*':
			*n++
			l.depth++
		}
	}
}

func nameByte(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
