package jsonwalk

import (
	"bytes"
	"io"
)

// sink gets what is passed, from a place in the window on.
type sink struct {
	give func([]byte) error
	from int
}

// Raw is the next value as it stands, at most limit bytes of it; ErrTooLong if it has more.
func (r *Reader) Raw(limit int) ([]byte, error) { return r.raw(limit, r.Skip) }

func (r *Reader) raw(limit int, walk func() error) ([]byte, error) {
	var kept bytes.Buffer
	err := r.tee(walk, func(part []byte) error {
		if kept.Len()+len(part) > limit {
			return ErrTooLong
		}
		kept.Write(part)
		return nil
	})
	return kept.Bytes(), err
}

// CopyTo writes the next value as it stands.
func (r *Reader) CopyTo(to io.Writer) error { return r.Tee(to, r.Skip) }

// Tee writes the next value as it stands while walk passes it, which may look into it on the way.
func (r *Reader) Tee(to io.Writer, walk func() error) error {
	return r.tee(walk, func(part []byte) error {
		_, err := to.Write(part)
		return err
	})
}

func (r *Reader) tee(walk func() error, give func([]byte) error) error {
	if _, err := r.peek(); err != nil { // blanks before it are not the value's
		return err
	}
	s := &sink{give, r.at}
	r.sinks = append(r.sinks, s)
	err := walk()
	if err == nil {
		err = r.flush(s)
	}
	r.sinks = r.sinks[:len(r.sinks)-1]
	return r.fail(err)
}

// flush passes on what was read since the last time.
func (r *Reader) flush(s *sink) error {
	part := r.buf[s.from:r.at]
	s.from = r.at
	if len(part) == 0 {
		return nil
	}
	return s.give(part)
}
