// Package jsonwalk reads a JSON document (RFC 8259) as a stream, in one pass and in the same memory whether it has kilobytes or gigabytes.
// A value is skipped, walked into, kept in memory up to a limit, or copied byte by byte as it stands: numbers, escapes and order are never
// changed. All of it is checked on the way. Errors tell where, and never what: documents hold private keys.
package jsonwalk

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

const (
	window   = 256 << 10 // bytes read at once
	maxDepth = 512       // values within values
	// MaxKey is the longest name of a member that is taken, in bytes as it stands in the document.
	MaxKey = 64 << 10
)

// Kind is what a value is.
type Kind string

const (
	Object  Kind = "an object"
	Array   Kind = "an array"
	String  Kind = "a string"
	Number  Kind = "a number"
	Literal Kind = "true, false or null"
)

// Error is a document that is not JSON, or is not whole.
type Error struct {
	Offset int64  // bytes before the place
	Seen   string // "the text ends inside a string"
	Cut    bool   // it ended too early: what was there is right so far
}

func (e *Error) Error() string { return fmt.Sprintf("at byte %d: %s", e.Offset, e.Seen) }

// ErrTooLong is a value that is longer than the limit it was asked with.
var ErrTooLong = errors.New("the value is longer than what is kept of it")

// Reader walks a document. After an error it is of no more use.
type Reader struct {
	from    io.Reader
	buf     []byte
	at, end int   // of buf
	before  int64 // bytes before buf[0]
	depth   int
	sinks   []*sink
	names   names
	failed  error
}

// NewReader is a reader at the start of a document.
func NewReader(from io.Reader) *Reader { return &Reader{from: from, buf: make([]byte, window)} }

// Offset is how many bytes of the document were passed.
func (r *Reader) Offset() int64 { return r.before + int64(r.at) }

// Kind is what the next value is. It passes the blanks before it.
func (r *Reader) Kind() (Kind, error) {
	c, err := r.peek()
	if err != nil {
		return "", err
	}
	switch {
	case c == '{':
		return Object, nil
	case c == '[':
		return Array, nil
	case c == '"':
		return String, nil
	case c == '-' || c >= '0' && c <= '9':
		return Number, nil
	case c == 't' || c == 'f' || c == 'n':
		return Literal, nil
	}
	return "", r.bad("no value begins like this")
}

// Object walks the members of the next value. each gets their names, decoded, and has to pass the value: by Skip, Raw, CopyTo, Object or
// Array. A name that stands twice is an error.
func (r *Reader) Object(each func(name string) error) error {
	if err := r.open('{'); err != nil {
		return err
	}
	seen := r.names.begin()
	err := r.close('}', func() error {
		name, err := r.name()
		if err != nil {
			return err
		}
		if !r.names.add(seen, name) {
			return r.bad("a name stands twice in one object")
		}
		decoded := string(name)
		if err := r.colon(); err != nil {
			return err
		}
		return each(decoded)
	})
	r.names.end(seen)
	return err
}

// Array walks the elements of the next value. each has to pass one.
func (r *Reader) Array(each func() error) error {
	if err := r.open('['); err != nil {
		return err
	}
	return r.close(']', each)
}

// Skip passes a value. A name that stands twice in one object is an error.
func (r *Reader) Skip() error {
	base := r.depth
	var objects [maxDepth + 1]set // by depth; none for an array
	for {
		c, err := r.peek()
		if err != nil {
			return err
		}
		switch {
		case c == '{' || c == '[':
			if err := r.open(c); err != nil {
				return err
			}
			objects[r.depth] = none
			if c == '{' {
				objects[r.depth] = r.names.begin()
			}
			inner, err := r.peek()
			if err != nil {
				return err
			}
			if inner == '}' && c == '{' || inner == ']' && c == '[' {
				r.at++
				r.names.end(objects[r.depth])
				r.depth--
				break
			}
			if err := r.member(objects[r.depth]); err != nil {
				return err
			}
			continue
		case c == '"':
			err = r.text()
		case c == '-' || c >= '0' && c <= '9':
			err = r.number()
		default:
			err = r.literal()
		}
		if err != nil {
			return err
		}
		// A value was passed. What may follow is up to what it stands in.
		for {
			if r.depth == base {
				return nil
			}
			within := objects[r.depth]
			c, err := r.peek()
			if err != nil {
				return err
			}
			if c == ',' {
				r.at++
				if err := r.member(within); err != nil {
					return err
				}
				break
			}
			if within != none && c != '}' || within == none && c != ']' {
				return r.bad("a comma is missing")
			}
			r.at++
			r.names.end(within)
			r.depth--
		}
	}
}

// member passes the name of a member and the colon after it; an element of an array has none.
func (r *Reader) member(of set) error {
	if of == none {
		return nil
	}
	name, err := r.name()
	if err != nil {
		return err
	}
	if !r.names.add(of, name) {
		return r.bad("a name stands twice in one object")
	}
	return r.colon()
}

// name passes the name of a member and is it, decoded, until the next is read.
func (r *Reader) name() ([]byte, error) {
	c, err := r.peek()
	if err != nil {
		return nil, err
	}
	if c != '"' {
		return nil, r.bad("a name must be a string")
	}
	from := r.at + 1
	if n := plainPart(r.buf[from:r.end]); from+n < r.end && r.buf[from+n] == '"' {
		r.at = from + n + 1
		return r.buf[from : from+n], nil
	}
	raw, err := r.raw(MaxKey, r.text) // it has escapes, or lies across the end of the window
	if errors.Is(err, ErrTooLong) {
		return nil, r.bad("a name has more than 64 KiB")
	}
	if err != nil {
		return nil, err
	}
	var name string
	if err := json.Unmarshal(raw, &name); err != nil {
		return nil, r.bad("a name is not a string")
	}
	return []byte(name), nil
}

func (r *Reader) colon() error {
	c, err := r.peek()
	if err != nil {
		return err
	}
	if c != ':' {
		return r.bad("a colon is missing after a name")
	}
	r.at++
	return nil
}

// End makes sure that nothing but blanks follows.
func (r *Reader) End() error {
	if r.failed != nil {
		return r.failed
	}
	_, err := r.peek()
	var e *Error
	switch {
	case errors.As(err, &e) && e.Cut:
		r.failed = nil
		return nil
	case err != nil:
		return err
	}
	return r.bad("something follows after the end of the document")
}

func (r *Reader) fail(err error) error {
	if r.failed == nil {
		r.failed = err
	}
	return err
}

func (r *Reader) bad(seen string) error { return r.fail(&Error{Offset: r.Offset(), Seen: seen}) }

// more reads further; what was passed is given on and forgotten. It must not be called before all of the window was passed.
func (r *Reader) more() error {
	if r.failed != nil {
		return r.failed
	}
	for _, s := range r.sinks {
		if err := r.flush(s); err != nil {
			return r.fail(err)
		}
		s.from = 0
	}
	r.before += int64(r.end)
	r.at, r.end = 0, 0
	for range 100 {
		n, err := r.from.Read(r.buf)
		if n > 0 {
			r.end = n
			return nil // an error that came with it comes again
		}
		if errors.Is(err, io.EOF) {
			return r.fail(&Error{Offset: r.Offset(), Seen: "the text ends here and is not whole", Cut: true})
		}
		if err != nil {
			return r.fail(err)
		}
	}
	return r.fail(io.ErrNoProgress)
}

// next is the byte here, without passing it.
func (r *Reader) next() (byte, error) {
	if r.at == r.end {
		if err := r.more(); err != nil {
			return 0, err
		}
	}
	return r.buf[r.at], nil
}

// peek is the first byte that is no blank, without passing it.
func (r *Reader) peek() (byte, error) {
	for {
		for ; r.at < r.end; r.at++ {
			if c := r.buf[r.at]; c > ' ' || c != ' ' && c != '\n' && c != '\r' && c != '\t' {
				return c, nil
			}
		}
		if err := r.more(); err != nil {
			return 0, err
		}
	}
}

func (r *Reader) open(with byte) error {
	c, err := r.peek()
	if err != nil {
		return err
	}
	if c != with {
		return r.bad("the value is of another kind than it should be")
	}
	if r.depth++; r.depth > maxDepth {
		return r.bad("too many values within values")
	}
	r.at++
	return nil
}

// close passes what stands in an object or an array, up to its end.
func (r *Reader) close(with byte, each func() error) error {
	for first := true; ; first = false {
		c, err := r.peek()
		if err != nil {
			return err
		}
		if c == with && first {
			break
		}
		if !first {
			if c != ',' && c != with {
				return r.bad("a comma is missing")
			}
			if c == with {
				break
			}
			r.at++
		}
		if err := each(); err != nil {
			return r.fail(err)
		}
	}
	r.at++
	r.depth--
	return nil
}
