package wire

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// MaxLine bounds one framed value; a peer that sends a longer one is not ours.
const MaxLine = 8 << 20

// Hello is the first line each side sends.
type Hello struct {
	Wire   int    `json:"wire"`
	Binary string `json:"binary"` // version of svrescue
	Run    string `json:"run,omitempty"`
	PID    int    `json:"pid,omitempty"`
	Watch  bool   `json:"watch,omitempty"` // a front end that only looks
}

// MismatchError says that the peer speaks another version of the format.
type MismatchError struct{ Ours, Theirs Hello }

func (e *MismatchError) Error() string {
	return fmt.Sprintf("the worker of this run was started by svrescue %s (format %d), this is %s (format %d): "+
		"attach with the version that started it, or let the run park and resume it", e.Theirs.Binary, e.Theirs.Wire,
		e.Ours.Binary, e.Ours.Wire)
}

// Conn frames values as JSON lines over a stream. Send is safe for several goroutines, Receive for one.
type Conn struct {
	rw  io.ReadWriteCloser
	in  *bufio.Scanner
	mu  sync.Mutex
	enc *json.Encoder
}

// Open exchanges hellos and refuses a peer of another format version.
func Open(rw io.ReadWriteCloser, ours Hello) (*Conn, Hello, error) {
	c := &Conn{rw: rw, in: bufio.NewScanner(rw), enc: json.NewEncoder(rw)}
	c.in.Buffer(make([]byte, 0, 64<<10), MaxLine)
	ours.Wire = Version
	sent := make(chan error, 1)
	go func() { sent <- c.Send(ours) }() // both sides speak first; an unbuffered pipe needs both hands
	var theirs Hello
	err := c.Receive(&theirs)
	if sendErr := <-sent; err == nil {
		err = sendErr
	}
	if err != nil {
		return nil, theirs, err
	}
	if theirs.Wire != Version {
		rw.Close()
		return nil, theirs, &MismatchError{Ours: ours, Theirs: theirs}
	}
	return c, theirs, nil
}

// Send writes one value as one line.
func (c *Conn) Send(value any) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.enc.Encode(value)
}

// Receive reads one value. At the end of the stream it returns io.EOF.
func (c *Conn) Receive(value any) error {
	if !c.in.Scan() {
		if err := c.in.Err(); err != nil {
			return err
		}
		return io.EOF
	}
	if err := json.Unmarshal(c.in.Bytes(), value); err != nil {
		return fmt.Errorf("the other side sent a line that is not of this format: %w", err)
	}
	return nil
}

// Close ends the stream.
func (c *Conn) Close() error { return c.rw.Close() }
