package durable

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

// All that is written arrives, in order and in whatever parts.
func TestBehindWritesAll(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 5*behindBuffer+17)
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	var got bytes.Buffer
	b := NewBehind(&got)
	for rest := data; len(rest) > 0; {
		n := min(len(rest), random.IntN(3*behindBuffer))
		if written, err := b.Write(rest[:n]); err != nil || written != n {
			t.Fatal(written, err)
		}
		rest = rest[n:]
	}
	if err := b.Close(); err != nil || !bytes.Equal(got.Bytes(), data) {
		t.Fatalf("%v: %d bytes of %d", err, got.Len(), len(data))
	}
	if err := NewBehind(&got).Close(); err != nil {
		t.Fatal(err)
	}
}

type failing struct{ after int }

var errFull = errors.New("the disk is full")

func (f *failing) Write(part []byte) (int, error) {
	if f.after--; f.after < 0 {
		return 0, errFull
	}
	return len(part), nil
}

// An error of the writer ends the writing, and is that of Close.
func TestBehindTellsErrors(t *testing.T) {
	b := NewBehind(&failing{after: 2})
	var err error
	for n := 0; err == nil && n < 100; n++ {
		_, err = b.Write(make([]byte, behindBuffer))
	}
	if end := b.Close(); !errors.Is(err, errFull) || !errors.Is(end, errFull) {
		t.Fatalf("writing: %v; closing: %v", err, end)
	}
	b = NewBehind(&failing{})
	b.Write([]byte("x"))
	if err := b.Close(); !errors.Is(err, errFull) {
		t.Fatal(err)
	}
}
