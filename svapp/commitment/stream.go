package commitment

import (
	"bytes"
	"context"
	"io"
)

// blockSize is how much of a log is held at a time: small enough to stay in a core's cache.
const blockSize = 512 << 10

// scanner reads one log.
type scanner struct {
	lines
	buffer []byte // at least twice as long as the longest line that is held
}

func newScanner(buffer []byte) *scanner {
	return &scanner{lines: lines{t: newTally(), max: lineMax}, buffer: buffer}
}

// read reads to the end. After an error, what came before it counts.
func (s *scanner) read(ctx context.Context, r io.Reader) error {
	buffer := s.buffer
	held := 0 // bytes of a line that is not whole yet
	inLong, rest := false, piece{}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := readFull(r, buffer[held:])
		s.t.bytes += int64(n)
		data, ended := buffer[:held+n], err != nil
		if inLong {
			end := bytes.IndexByte(data[rest.from:], '\n')
			if end >= 0 {
				end += rest.from
				s.long(&rest, data[:end], true)
				inLong, data = false, data[end+1:]
			} else if !ended {
				held = copy(buffer, data[s.long(&rest, data, false):])
				continue
			} else {
				s.long(&rest, data, true)
				data = nil
			}
		}
		whole := bytes.LastIndexByte(data, '\n') + 1
		if ended {
			whole = len(data)
		}
		s.take(data[:whole])
		if ended {
			s.end()
			if err == io.EOF {
				err = nil
			}
			return err
		}
		data = data[whole:]
		if len(data) > s.max {
			s.t.lines++
			inLong, rest = true, piece{}
			data = data[s.long(&rest, data, false):]
		}
		held = copy(buffer, data)
	}
}

// readFull reads until p is full or the log ends, and answers how it ended.
func readFull(r io.Reader, p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		var m int
		m, err = r.Read(p[n:])
		n += m
	}
	return n, err
}
