package dump

import (
	"bytes"
	"io"
)

// rowLimit is the longest row, comment or command that is looked into, and statementLimit the longest statement. Longer ones
// are passed over, so that memory does not grow with them.
const (
	rowLimit       = 64 << 10
	statementLimit = 4 << 20
	bufferSize     = 256 << 10
	decideAfter    = 512 // bytes of a statement by which it is known whether it matters
)

// scan reads SQL as psql does, as far as that is needed to tell statements, comments, psql's own commands and the data of COPY
// apart: what stands in a string or in the body of a function is none of them. Data that nobody wants is skipped line by line
// without being copied.
type scan struct {
	r   io.Reader
	buf []byte
	pos int // of what is not yet read in buf
	eof bool
	err error // of r, other than its end

	lineStart bool // what comes next stands at the beginning of a line
	begun     bool // a statement began
	first     bool // it began at the beginning of a line
	keep      keep
	statement []byte
	backslash bool // escapes in every string: standard_conforming_strings is off

	on handler
}

type keep int

const (
	undecided keep = iota
	kept
	dropped
)

// handler is told what is read. Slices are valid during the call only.
type handler interface {
	comment(text []byte)         // of one line that begins with --, without them
	command(text []byte)         // of psql: a line that begins with a backslash
	matters(head []byte) bool    // whether a statement that begins so is wanted whole
	sql(statement []byte) *block // a statement; not nil: data follow
	long(head []byte)            // a statement that matters is too long
	cut()                        // the stream ended inside a statement, a string or data
}

// block is the data that follow a COPY.
type block struct {
	want   want
	row    func(line []byte)
	tooBig func()
	end    func()
}

func newScan(r io.Reader, on handler) *scan {
	return &scan{r: r, buf: make([]byte, 0, bufferSize), lineStart: true, on: on}
}

// fill reads more behind what is not yet read; false at the end.
func (s *scan) fill() bool {
	if s.eof {
		return false
	}
	if s.pos > 2 { // what stands before a quote or a dollar sign is looked at
		n := copy(s.buf[:cap(s.buf)], s.buf[s.pos-2:])
		s.buf, s.pos = s.buf[:n], 2
	}
	for tries := 0; ; tries++ {
		n, err := s.r.Read(s.buf[len(s.buf):cap(s.buf)])
		s.buf = s.buf[:len(s.buf)+n]
		if err == nil && n == 0 && tries > 100 {
			err = io.ErrNoProgress
		}
		if err != nil {
			s.eof = true
			if err != io.EOF {
				s.err = err
			}
		}
		if n > 0 || err != nil {
			return n > 0
		}
	}
}

// ahead is what is buffered, at least n bytes unless the stream ends before.
func (s *scan) ahead(n int) []byte {
	for len(s.buf)-s.pos < n && s.fill() {
	}
	return s.buf[s.pos:]
}

var special = func() (t [256]bool) {
	for _, c := range "'\"$-/;\\\n" {
		t[c] = true
	}
	return t
}()

// run reads the stream to its end, or to the first error of it, which it returns.
func (s *scan) run() error {
	for {
		b := s.ahead(128)
		if len(b) == 0 {
			break
		}
		if !s.begun && s.between(b) {
			continue
		}
		n := 0
		for n < len(b) && !special[b[n]] {
			n++
		}
		if n > 0 {
			s.take(n)
			s.lineStart = false
			continue
		}
		s.token(b)
	}
	if s.begun {
		s.on.cut()
	}
	return s.err
}

// between passes over what stands between statements; false where a statement begins.
func (s *scan) between(b []byte) bool {
	switch c := b[0]; {
	case c == '\n':
		s.pos++
		s.lineStart = true
	case c == ' ' || c == '\t' || c == '\r':
		s.pos++
		s.lineStart = false
	case c == '\\':
		at := s.lineStart
		if line, _, ok := s.line(); ok && at {
			s.on.command(line)
		}
	case c == '-' && len(b) > 1 && b[1] == '-':
		at := s.lineStart
		if line, _, ok := s.line(); ok && at {
			s.on.comment(bytes.TrimRight(line[2:], "\r"))
		}
	case c == '/' && len(b) > 1 && b[1] == '*':
		s.blockComment()
	case c == ';':
		s.pos++
		s.lineStart = false
	default:
		s.begun, s.first, s.keep, s.statement = true, s.lineStart, undecided, s.statement[:0]
		return false
	}
	return true
}

// token reads what begins with a character that means something inside a statement.
func (s *scan) token(b []byte) {
	at := s.lineStart
	s.lineStart = b[0] == '\n'
	switch c := b[0]; {
	case c == '\'':
		s.quoted('\'', s.backslash || s.escaped())
	case c == '"':
		s.quoted('"', false)
	case c == '$':
		s.dollar(b)
	case c == '-' && len(b) > 1 && b[1] == '-':
		s.line()
	case c == '/' && len(b) > 1 && b[1] == '*':
		s.blockComment()
	case c == '\\' && at:
		line, _, ok := s.line()
		if ok {
			s.on.command(line)
		}
	case c == ';':
		s.take(1)
		s.end()
	default:
		s.take(1)
	}
}

// take moves over n bytes of the statement.
func (s *scan) take(n int) {
	if s.keep != dropped {
		part := s.buf[s.pos : s.pos+n]
		if len(s.statement)+len(part) > statementLimit {
			if s.decide() {
				s.on.long(s.statement[:decideAfter])
			}
			s.keep = dropped
		} else {
			s.statement = append(s.statement, part...)
			if s.keep == undecided && len(s.statement) >= decideAfter {
				s.decide()
			}
		}
	}
	s.pos += n
}

func (s *scan) decide() bool {
	if s.keep == undecided {
		s.keep = dropped
		if s.first && s.on.matters(s.statement) {
			s.keep = kept
		}
	}
	return s.keep == kept
}

// end ends a statement, and reads the data that follow it.
func (s *scan) end() {
	s.begun = false
	if !s.decide() {
		return
	}
	if b := s.on.sql(s.statement); b != nil {
		s.line() // what is left of it
		s.data(b)
	}
	if cap(s.statement) > bufferSize {
		s.statement = nil
	}
}

// line takes the rest of the line. ok is false where it is too long to be looked at; the line is passed over all the same.
// ended is false where the stream ends without a line break.
func (s *scan) line() (line []byte, ended, ok bool) {
	searched := 0
	for {
		b := s.buf[s.pos:]
		if i := bytes.IndexByte(b[searched:], '\n'); i >= 0 {
			line = b[:searched+i]
			s.pos += searched + i + 1
			s.lineStart = true
			return line, true, true
		}
		searched = len(b)
		if searched > rowLimit {
			return nil, s.skipLine(), false
		}
		if !s.fill() {
			line = s.buf[s.pos:]
			s.pos = len(s.buf)
			return line, false, true
		}
	}
}

// skipLine passes over the rest of a line without keeping it; false where the stream ends in it.
func (s *scan) skipLine() bool {
	for {
		b := s.buf[s.pos:]
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			s.pos += i + 1
			s.lineStart = true
			return true
		}
		s.pos = len(s.buf)
		if !s.fill() {
			return false
		}
	}
}

// quoted takes a string or a quoted name; a doubled quote stands for itself.
func (s *scan) quoted(quote byte, backslash bool) {
	s.take(1)
	for {
		b := s.ahead(2)
		if len(b) == 0 {
			return
		}
		i := bytes.IndexByte(b, quote)
		if backslash {
			if j := bytes.IndexByte(b, '\\'); j >= 0 && (i < 0 || j < i) {
				if j+2 > len(b) && !s.eof {
					s.take(j)
				} else {
					s.take(min(j+2, len(b)))
				}
				continue
			}
		}
		switch {
		case i < 0:
			s.take(len(b))
		case i+1 < len(b) && b[i+1] == quote:
			s.take(i + 2)
		case i+1 == len(b) && !s.eof:
			s.take(i) // whether it is doubled shows in what follows
			s.ahead(2)
		default:
			s.take(i + 1)
			return
		}
	}
}

// escaped says whether the quote that follows opens an E” string.
func (s *scan) escaped() bool { return s.pos > 0 && isE(s.buf[max(0, s.pos-2):s.pos]) }

func isE(before []byte) bool {
	n := len(before)
	return (before[n-1] == 'E' || before[n-1] == 'e') && (n == 1 || !nameByte(before[n-2]))
}

func nameByte(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

// dollar takes $tag$ ... $tag$, or a lone dollar sign.
func (s *scan) dollar(b []byte) {
	n := 1
	for n < len(b) && n < 100 && b[n] != '$' && nameByte(b[n]) {
		n++
	}
	if n >= len(b) || b[n] != '$' || n > 1 && b[1] >= '0' && b[1] <= '9' || s.pos > 0 && nameByte(s.buf[s.pos-1]) {
		s.take(1)
		return
	}
	tag := bytes.Clone(b[:n+1])
	s.take(len(tag))
	for {
		b := s.ahead(len(tag))
		if len(b) < len(tag) {
			s.take(len(b))
			return
		}
		if i := bytes.Index(b, tag); i >= 0 {
			s.take(i + len(tag))
			return
		}
		s.take(len(b) - len(tag) + 1)
	}
}

// blockComment takes a comment; they can stand inside each other.
func (s *scan) blockComment() {
	s.lineStart = false
	s.pos += 2
	for depth := 1; depth > 0; {
		b := s.ahead(2)
		if len(b) < 2 {
			s.pos = len(s.buf)
			return
		}
		i := bytes.IndexAny(b[:len(b)-1], "*/")
		switch {
		case i < 0:
			s.pos += len(b) - 1
		case b[i] == '*' && b[i+1] == '/':
			depth--
			s.pos += i + 2
		case b[i] == '/' && b[i+1] == '*':
			depth++
			s.pos += i + 2
		default:
			s.pos += i + 1
		}
	}
}

// data reads the lines of a COPY to the line that ends them.
func (s *scan) data(to *block) {
	rows := to.want
	for {
		b := s.ahead(4)
		switch {
		case len(b) == 0:
			s.on.cut()
			return
		case b[0] == '\\' && len(b) > 1 && b[1] == '.' && (len(b) == 2 && s.eof && s.err == nil || len(b) > 2 && (b[2] == '\n' || b[2] == '\r')):
			s.line()
			s.lineStart = true
			to.end()
			return
		case rows == nothing:
			s.skipLines(b)
		default:
			line, ended, ok := s.line()
			switch {
			case !ended: // cut off inside a row
				s.on.cut()
				return
			case !ok:
				to.tooBig()
			default:
				to.row(bytes.TrimSuffix(line, []byte{'\r'}))
			}
			if rows == anyRow {
				rows = nothing
			}
		}
	}
}

// skipLines passes over the lines in b, up to one that may end the data.
func (s *scan) skipLines(b []byte) {
	at := 0
	for {
		i := bytes.IndexByte(b[at:], '\n')
		if i < 0 {
			s.pos += at
			s.skipLine()
			return
		}
		at += i + 1
		if len(b)-at < 4 || b[at] == '\\' {
			s.pos += at
			return
		}
	}
}
