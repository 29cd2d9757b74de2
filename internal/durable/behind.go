package durable

import "io"

const (
	behindBuffers = 4
	behindBuffer  = 256 << 10 // bytes
)

// Behind passes what is written to it on to a writer in another goroutine, so that making something and writing it go on at the same time. Close
// waits until all is written and has the error; after an error Write has it too, though not at once.
type Behind struct {
	free, full chan []byte
	now        []byte
	over       chan struct{}
	err        error // once over is closed
}

// NewBehind writes to a writer. Whoever has it calls Close once.
func NewBehind(to io.Writer) *Behind {
	b := &Behind{free: make(chan []byte, behindBuffers), full: make(chan []byte, behindBuffers), over: make(chan struct{})}
	for range behindBuffers {
		b.free <- make([]byte, 0, behindBuffer)
	}
	go func() {
		defer close(b.over)
		for part := range b.full {
			if _, err := to.Write(part); err != nil {
				b.err = err
				return
			}
			clear(part)
			b.free <- part[:0]
		}
	}()
	return b
}

func (b *Behind) Write(data []byte) (int, error) {
	written := len(data)
	for len(data) > 0 {
		if b.now == nil {
			select {
			case b.now = <-b.free:
			case <-b.over:
				return 0, b.err
			}
		}
		n := min(len(data), cap(b.now)-len(b.now))
		b.now = append(b.now, data[:n]...)
		data = data[n:]
		if len(b.now) == cap(b.now) {
			if err := b.pass(); err != nil {
				return 0, err
			}
		}
	}
	return written, nil
}

func (b *Behind) pass() error {
	part := b.now
	b.now = nil
	select {
	case b.full <- part:
		return nil
	case <-b.over:
		return b.err
	}
}

// Close writes what is left.
func (b *Behind) Close() error {
	if len(b.now) > 0 {
		b.pass() // its error is that of the end
	}
	close(b.full)
	<-b.over
	return b.err
}
