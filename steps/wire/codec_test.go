package wire

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
)

// both opens a connection from both sides over an unbuffered pipe.
func both(t *testing.T) (a, b *Conn) {
	t.Helper()
	x, y := net.Pipe()
	type opened struct {
		c   *Conn
		err error
	}
	far := make(chan opened)
	go func() {
		c, _, err := Open(y, Hello{Binary: "far"})
		far <- opened{c, err}
	}()
	a, theirs, err := Open(x, Hello{Binary: "near"})
	other := <-far
	if err != nil || other.err != nil || theirs.Binary != "far" {
		t.Fatal(err, other.err, theirs)
	}
	t.Cleanup(func() { a.Close(); other.c.Close() })
	return a, other.c
}

func TestCodec(t *testing.T) {
	a, b := both(t)
	go a.Send(Message{Kind: SayNote, Text: "line\nbreak \u2028 and \x00"})
	var got Message
	if err := b.Receive(&got); err != nil || got.Text != "line\nbreak \u2028 and \x00" {
		t.Errorf("%v %q", err, got.Text)
	}
	a.Close()
	if err := b.Receive(&got); !errors.Is(err, io.EOF) {
		t.Errorf("at the end: %v", err)
	}
}

func TestCodecRefusesAnotherFormat(t *testing.T) {
	x, y := net.Pipe()
	go func() {
		y.Write([]byte(`{"wire":99,"binary":"9.9"}` + "\n"))
		io.Copy(io.Discard, y)
	}()
	_, _, err := Open(x, Hello{Binary: "1.0"})
	var mismatch *MismatchError
	if !errors.As(err, &mismatch) || mismatch.Theirs.Wire != 99 || !strings.Contains(err.Error(), "9.9") {
		t.Errorf("%v", err)
	}
	if _, err := x.Write([]byte("x")); err == nil {
		t.Error("the connection is still open")
	}
}

func TestCodecBoundsALine(t *testing.T) {
	a, b := both(t)
	go a.Send(Message{Text: strings.Repeat("x", MaxLine)})
	var got Message
	if err := b.Receive(&got); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("a line that is too long: %v", err)
	}
	a, b = both(t)
	go a.Send(Message{Text: strings.Repeat("x", MaxLine-100)})
	if err := b.Receive(&got); err != nil || len(got.Text) != MaxLine-100 {
		t.Errorf("a line that is just short enough: %v", err)
	}
}

// stream is what a peer has sent.
type stream struct{ io.Reader }

func (stream) Write(p []byte) (int, error) { return len(p), nil }
func (stream) Close() error                { return nil }

func FuzzReceive(f *testing.F) {
	f.Add([]byte(`{"wire":1}` + "\n" + `{"kind":"answer","answer":{"question":"q1"}}` + "\n"))
	f.Add([]byte(`{"wire":1}` + "\n" + `{"seq":1,"kind":"step","step":"a","state":"done"}` + "\n"))
	f.Add([]byte("{}\n\n\x00\n"))
	f.Add([]byte(`{"wire":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, _, err := Open(stream{bytes.NewReader(data)}, Hello{})
		if err != nil {
			return
		}
		for range bytes.Count(data, []byte("\n")) + 2 {
			var m Message
			if err := c.Receive(&m); errors.Is(err, io.EOF) {
				return
			}
			if m.Answer != nil {
				_ = Question{ID: "q1", Kind: AskWord, Word: "w"}.Accepts(*m.Answer)
			}
		}
		t.Error("the stream does not end")
	})
}
