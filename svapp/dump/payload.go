package dump

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
)

// decoder looks at what is written to it, a JSON text with base64 in it, to its end, while it passes. It keeps nothing of it.
type decoder struct {
	to   *io.PipeWriter
	over chan struct{}
	size int64 // of what was encoded, unpacked where it was packed
	err  error
}

// decode is a decoder; packed says that what is encoded is gzip. Whoever has it calls close.
func decode(packed bool) *decoder {
	from, to := io.Pipe()
	d := &decoder{to: to, over: make(chan struct{})}
	go func() {
		defer close(d.over)
		var r io.Reader = base64.NewDecoder(base64.StdEncoding, &inside{from: bufio.NewReaderSize(from, 128<<10)})
		if packed {
			unpacked, err := gzip.NewReader(r)
			if err != nil {
				d.err = fmt.Errorf("it is not gzip: %w", err)
				io.Copy(io.Discard, from)
				return
			}
			r = unpacked
		}
		d.size, d.err = io.Copy(io.Discard, r)
		if _, err := io.Copy(io.Discard, from); d.err == nil {
			d.err = err // an end of the text before the end of what is in it
		}
	}()
	return d
}

func (d *decoder) Write(part []byte) (int, error) { return d.to.Write(part) }

// close says what was found, once all was written. It may be called again.
func (d *decoder) close() (size int64, err error) {
	d.to.Close()
	<-d.over
	return d.size, d.err
}

// inside is what stands between the quotes of a text, whose only escape may be that of a slash: base64 needs no other.
type inside struct {
	from  *bufio.Reader
	begun bool
}

var errEscape = errors.New("it has escapes, which base64 does not need")

func (i *inside) Read(to []byte) (int, error) {
	if !i.begun {
		i.begun = true
		if _, err := i.from.Discard(1); err != nil { // the quote
			return 0, err
		}
	}
	if i.from.Buffered() == 0 {
		if _, err := i.from.Peek(1); err != nil {
			return 0, err
		}
	}
	next, _ := i.from.Peek(min(i.from.Buffered(), len(to)))
	for at, c := range next {
		if c != '"' && c != '\\' && c != '\n' && c != '\r' {
			continue
		}
		if at > 0 {
			next = next[:at]
			break
		}
		if c == '"' {
			return 0, io.EOF
		}
		escape, err := i.from.Peek(2)
		if err != nil {
			return 0, err
		}
		if string(escape) != `\/` {
			return 0, errEscape
		}
		i.from.Discard(2)
		to[0] = '/'
		return 1, nil
	}
	n := copy(to, next)
	i.from.Discard(n)
	return n, nil
}
