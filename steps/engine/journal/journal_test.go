package journal

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"canton.example/svrescue/steps/wire"
)

func note(text string) wire.Event {
	return wire.Event{Kind: wire.KindNote, Text: text, At: time.Date(2026, 1, 11, 8, 30, 0, 0, time.UTC)}
}

func write(t *testing.T, path string, texts ...string) {
	t.Helper()
	j, _, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	for _, text := range texts {
		if _, err := j.Append(note(text)); err != nil {
			t.Fatal(err)
		}
	}
}

func texts(events []wire.Event) string {
	var all []string
	for _, e := range events {
		all = append(all, e.Text)
	}
	return strings.Join(all, " ")
}

func TestGoesOnWhereItStopped(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	write(t, path, "a", "b")
	write(t, path, "c")
	events, err := Read(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := texts(events); got != "a b c" || events[2].Seq != 3 {
		t.Fatalf("read %q, last seq %d", got, events[2].Seq)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v", info.Mode())
	}
}

func TestOneWriterOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	j, _, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(path); !errors.Is(err, ErrHeld) {
		t.Fatalf("second open: %v", err)
	}
	if held, err := Held(path); err != nil || !held {
		t.Fatalf("held %v %v", held, err)
	}
	j.Close()
	if held, err := Held(path); err != nil || held {
		t.Fatalf("held %v %v after close", held, err)
	}
}

// Every prefix of a journal is what a crash may leave: it must open, keep the whole records, and go on.
func TestEveryTornTailIsLegal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	write(t, path, "a", "b", "c")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range whole {
		torn := filepath.Join(t.TempDir(), "torn.jsonl")
		if err := os.WriteFile(torn, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		lines := bytes.Count(whole[:cut], []byte("\n"))
		j, events, err := Open(torn)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if len(events) != lines {
			t.Fatalf("cut at %d: %d events, want %d", cut, len(events), lines)
		}
		if _, err := j.Append(note("after")); err != nil {
			t.Fatal(err)
		}
		j.Close()
		again, err := Read(torn)
		if err != nil || len(again) != lines+1 || again[lines].Text != "after" {
			t.Fatalf("cut at %d: after going on: %d events, %v", cut, len(again), err)
		}
	}
}

func TestAnyChangeInTheMiddleIsFound(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	write(t, path, "a", "b", "c")
	whole, _ := os.ReadFile(path)
	lines := bytes.SplitAfter(whole, []byte("\n"))
	for name, data := range map[string][]byte{
		"text changed":    bytes.Replace(whole, []byte(`"text":"b"`), []byte(`"text":"x"`), 1),
		"line removed":    append(append([]byte{}, lines[0]...), lines[2]...),
		"lines swapped":   append(append(append([]byte{}, lines[1]...), lines[0]...), lines[2]...),
		"line twice":      append(append([]byte{}, whole...), lines[2]...),
		"garbage between": append(append(append([]byte{}, lines[0]...), []byte("{}\n")...), lines[1]...),
	} {
		os.WriteFile(path, data, 0o600)
		var broken *BrokenError
		if _, err := Read(path); !errors.As(err, &broken) {
			t.Errorf("%s: err = %v", name, err)
		}
	}
}

// Chain tells a line that was cut from damage, and where the damage is.
func TestChain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.jsonl")
	write(t, path, "a", "b", "c")
	whole, _ := os.ReadFile(path)
	events, hashes, torn, err := Chain(path)
	if err != nil || torn || len(events) != 3 || len(hashes) != 3 || hashes[2] == "" {
		t.Errorf("whole: %d events, %q, torn %v, %v", len(events), hashes, torn, err)
	}
	os.WriteFile(path, append(bytes.Clone(whole), `{"prev":`...), 0o600)
	if _, again, torn, err := Chain(path); err != nil || !torn || !slices.Equal(again, hashes) {
		t.Errorf("torn: %q, torn %v, %v", again, torn, err)
	}
	os.WriteFile(path, bytes.Replace(whole, []byte(`"text":"b"`), []byte(`"text":"x"`), 1), 0o600)
	var broken *BrokenError
	if _, _, _, err := Chain(path); !errors.As(err, &broken) || broken.Line != 2 {
		t.Errorf("damaged: %v", err)
	}
	if _, _, _, err := Chain(path + ".not"); err == nil {
		t.Error("a journal that is not there was read")
	}
}

// tornFile is a disk that fails: room bounds its size, syncs counts down to an error.
type tornFile struct {
	data  []byte
	pos   int
	room  int
	syncs int
}

func (f *tornFile) Read(p []byte) (int, error) {
	if f.pos >= len(f.data) {
		return 0, io.EOF
	}
	n := copy(p, f.data[f.pos:])
	f.pos += n
	return n, nil
}

func (f *tornFile) Write(p []byte) (int, error) {
	n := min(len(p), f.room-len(f.data))
	f.data = append(f.data, p[:n]...)
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (f *tornFile) Sync() error {
	if f.syncs--; f.syncs < 0 {
		return syscall.EIO
	}
	return nil
}

func (f *tornFile) Truncate(size int64) error { f.data = f.data[:size]; return nil }
func (f *tornFile) Close() error              { return nil }
func (f *tornFile) Seek(offset int64, _ int) (int64, error) {
	f.pos = int(offset)
	return offset, nil
}

func TestDiskFullLosesNothingThatWasPromised(t *testing.T) {
	for room := 0; room < 900; room += 7 {
		file := &tornFile{room: room, syncs: 1 << 20}
		j, _, err := Use(file)
		if err != nil {
			t.Fatal(err)
		}
		promised := 0
		for range 5 {
			if _, err := j.Append(note("x")); err != nil {
				if !errors.Is(err, syscall.ENOSPC) {
					t.Fatalf("room %d: %v", room, err)
				}
				if _, err := j.Append(note("y")); err == nil {
					t.Fatalf("room %d: an append after a failed one was taken", room)
				}
				break
			}
			promised++
		}
		events, _, _, err := parse(file.data)
		if err != nil || len(events) != promised {
			t.Fatalf("room %d: promised %d, found %d, %v", room, promised, len(events), err)
		}
	}
}

func TestAfterAFailedSyncNothingMoreIsWritten(t *testing.T) {
	file := &tornFile{room: 1 << 20, syncs: 2}
	j, _, _ := Use(file)
	for i := range 4 {
		_, err := j.Append(note("x"))
		if (err != nil) != (i >= 2) {
			t.Fatalf("append %d: %v", i, err)
		}
	}
	if events, _, _, err := parse(file.data); err != nil || len(events) != 2 {
		t.Fatalf("%d events, %v", len(events), err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"prev":"","hash":"x","event":{"seq":1}}` + "\n"))
	f.Add([]byte("{\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		events, _, whole, err := parse(data)
		if err == nil && whole > len(data) {
			t.Fatalf("whole %d of %d", whole, len(data))
		}
		for i, e := range events {
			if e.Seq != uint64(i)+1 {
				t.Fatalf("event %d has number %d", i, e.Seq)
			}
		}
	})
}

// BenchmarkAppend and BenchmarkRawAppend run side by side: what a journaled event costs over a bare append and sync.
func BenchmarkAppend(b *testing.B) {
	j, _, err := Open(filepath.Join(b.TempDir(), "journal.jsonl"))
	if err != nil {
		b.Fatal(err)
	}
	defer j.Close()
	for b.Loop() {
		if _, err := j.Append(note("scaled sv-app from 1 to 0")); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRawAppend(b *testing.B) {
	file, err := os.OpenFile(filepath.Join(b.TempDir(), "raw"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	line := bytes.Repeat([]byte("x"), 330)
	for b.Loop() {
		if _, err := file.Write(line); err != nil {
			b.Fatal(err)
		}
		if err := file.Sync(); err != nil {
			b.Fatal(err)
		}
	}
}
