package commitment

import (
	"bytes"
	"context"
	"io"
)

// blockSize is how much of a log is read at a time: small enough to stay in a core's cache.
const blockSize = 256 << 10

// scanner reads one log.
type scanner struct {
	lines
	blocks [2]block
	// ahead: while one block is looked through, another goroutine reads the next one. It costs more than it saves where every core has a log of its
	// own.
	ahead bool
}

// block is a piece of a log, with room in front of it for the start of its first line, which is the end of the block before.
type block struct {
	bytes []byte
	room  int
}

// newBlocks are blocks for scanners that hold lines up to a length; several may use them, one after the other.
func newBlocks(size, longest int) (b [2]block) {
	room := max(longest, lookahead+behind)
	for i := range b {
		b[i] = block{make([]byte, room+size), room}
	}
	return b
}

func newScanner(blocks [2]block, longest int) *scanner {
	return &scanner{lines: lines{t: newTally(), max: longest}, blocks: blocks}
}

// filled is a block that was read.
type filled struct {
	block int
	bytes int
	err   error // why it is the last; io.EOF at the end
}

// read reads to the end. After an error, what came before it counts.
func (s *scanner) read(ctx context.Context, r io.Reader) error {
	next, done := s.inTurn(r), func() {}
	free := func(int) {}
	if s.ahead {
		next, free, done = s.readAhead(r)
	}
	defer done()
	var left []byte // of a line that is not whole yet, in the block before
	inLong, long := false, piece{}
	before := -1
	for {
		f := next()
		if err := ctx.Err(); err != nil {
			return err
		}
		s.t.bytes += int64(f.bytes)
		b := s.blocks[f.block]
		start := b.room - len(left)
		copy(b.bytes[start:], left)
		data := b.bytes[start : b.room+f.bytes]
		if before >= 0 {
			free(before)
		}
		before = f.block
		if inLong {
			end := bytes.IndexByte(data[long.from:], '\n')
			switch {
			case end >= 0:
				end += long.from
				s.long(&long, data[:end], true)
				inLong, data = false, data[end+1:]
			case f.err == nil:
				left = data[s.long(&long, data, false):]
				continue
			default:
				s.long(&long, data, true)
				data = nil
			}
		}
		if f.err != nil {
			s.take(data)
			s.end()
			if f.err == io.EOF {
				return nil
			}
			return f.err
		}
		whole := bytes.LastIndexByte(data, '\n') + 1
		s.take(data[:whole])
		left = data[whole:]
		if len(left) > s.max {
			s.t.lines++
			inLong, long = true, piece{}
			left = left[s.long(&long, left, false):]
		}
	}
}

// inTurn fills one block and then the other.
func (s *scanner) inTurn(r io.Reader) (next func() filled) {
	i := 0
	return func() filled {
		i = 1 - i
		n, err := readFull(r, s.blocks[i].bytes[s.blocks[i].room:])
		return filled{i, n, err}
	}
}

// readAhead fills blocks as soon as they are free. Neither r nor the blocks are in use any more when done returns.
func (s *scanner) readAhead(r io.Reader) (next func() filled, free func(block int), done func()) {
	empty, full := make(chan int, len(s.blocks)), make(chan filled)
	stop, ended := make(chan struct{}), make(chan struct{})
	for i := range s.blocks {
		empty <- i
	}
	go func() {
		defer close(ended)
		for i := range empty {
			n, err := readFull(r, s.blocks[i].bytes[s.blocks[i].room:])
			select {
			case full <- filled{i, n, err}:
			case <-stop:
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return func() filled { return <-full }, func(i int) { empty <- i }, func() {
		close(stop)
		close(empty)
		<-ended
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
