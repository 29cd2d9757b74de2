// Package journal keeps the durable events of a run: an append-only file of JSON lines, each synced before Append
// returns and each carrying the hash of the one before. A last line that was cut by a crash is legal and is removed
// when the journal is opened for writing; anything else that does not fit the chain is an error.
package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"canton.example/svrescue/internal/durable"
	"canton.example/svrescue/steps/wire"
	"golang.org/x/sys/unix"
)

// File is what the journal needs of its file; tests pass one that tears writes.
type File interface {
	io.Reader
	io.Writer
	io.Closer
	Sync() error
	Truncate(size int64) error
	Seek(offset int64, whence int) (int64, error)
}

// record is one line. Hash is the hex SHA-256 over the previous hash and the bytes of the event.
type record struct {
	Prev  string          `json:"prev"`
	Hash  string          `json:"hash"`
	Event json.RawMessage `json:"event"`
}

// BrokenError says that a journal is not the chain that was written.
type BrokenError struct {
	Line int
	Why  string
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("the journal is damaged at line %d: %s. Nothing was done; keep the run folder, look at the world "+
		"with svrescue plan, and start a new run", e.Line, e.Why)
}

// ErrHeld says that another process writes this journal.
var ErrHeld = errors.New("another process holds this run")

// Journal appends events. It is not safe for several goroutines: the engine is its only writer.
type Journal struct {
	file   File
	head   string
	seq    uint64
	size   int64
	broken error
}

// Open opens or creates the journal at path, takes its lock, removes a torn last line, and returns the events so far.
// ErrHeld means that another process has it.
func Open(path string) (*Journal, []wire.Event, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, durable.FilePerm)
	if err != nil {
		return nil, nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		file.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, nil, ErrHeld
		}
		return nil, nil, fmt.Errorf("locking %s: %w", path, err)
	}
	j, events, err := Use(file)
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return j, events, nil
}

// Held says whether a process holds the journal at path. A journal that cannot be opened is an error.
func Held(path string) (bool, error) {
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	if err := unix.Flock(int(file.Fd()), unix.LOCK_SH|unix.LOCK_NB); err != nil {
		if errors.Is(err, unix.EWOULDBLOCK) {
			return true, nil
		}
		return false, err
	}
	return false, nil
}

// Use takes over an open file, from its start.
func Use(file File) (*Journal, []wire.Event, error) {
	data, err := io.ReadAll(file)
	if err != nil {
		return nil, nil, err
	}
	events, head, whole, err := parse(data)
	if err != nil {
		return nil, nil, err
	}
	j := &Journal{file: file, head: head, size: int64(whole)}
	if n := len(events); n > 0 {
		j.seq = events[n-1].Seq
	}
	if whole < len(data) {
		if err := j.rewind(); err != nil {
			return nil, nil, fmt.Errorf("removing a torn last line: %w", err)
		}
	} else if _, err := file.Seek(j.size, io.SeekStart); err != nil {
		return nil, nil, err
	}
	return j, events, nil
}

// Read returns the events of the journal at path without taking its lock; a torn last line is left out.
func Read(path string) ([]wire.Event, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	events, _, _, err := parse(data)
	if err != nil {
		return nil, err
	}
	return events, nil
}

// Chain checks the journal at path without taking its lock, and returns its events with the hash of each. torn says that the last
// line was cut, which is legal. A *BrokenError says where it is not the chain that was written.
func Chain(path string) (events []wire.Event, hashes []string, torn bool, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, false, err
	}
	events, _, whole, err := parse(data)
	if err != nil {
		return nil, nil, false, err
	}
	for line := range bytes.Lines(data[:whole]) {
		var r record
		if err := json.Unmarshal(line, &r); err != nil {
			return nil, nil, false, err
		}
		hashes = append(hashes, r.Hash)
	}
	return events, hashes, whole < len(data), nil
}

// Append gives the event its number, writes it and syncs. After an error the file is as it was before, or the journal
// refuses further appends: an event is never half believed.
func (j *Journal) Append(e wire.Event) (wire.Event, error) {
	if j.broken != nil {
		return e, j.broken
	}
	e.Seq = j.seq + 1
	body, err := json.Marshal(e)
	if err != nil {
		return e, fmt.Errorf("event %s cannot be written: %w", e.Kind, err)
	}
	hash := chain(j.head, body)
	line, err := json.Marshal(record{Prev: j.head, Hash: hash, Event: body})
	if err != nil {
		return e, err
	}
	line = append(line, '\n')
	n, err := j.file.Write(line)
	if err == nil && n < len(line) {
		err = io.ErrShortWrite
	}
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		// After a failed sync the kernel may have dropped the pages: what is on disk is no longer known, so only a
		// fresh Open, which reads it back, may go on.
		j.broken = fmt.Errorf("the journal cannot be written: %w", err)
		if undone := j.rewind(); undone != nil && !errors.Is(err, undone) {
			return e, fmt.Errorf("%w, and what was written of the event could not be taken back: %w", j.broken, undone)
		}
		return e, j.broken
	}
	j.head, j.seq, j.size = hash, e.Seq, j.size+int64(len(line))
	return e, nil
}

// Head returns the number and the hash of the last event.
func (j *Journal) Head() (uint64, string) { return j.seq, j.head }

// Close releases the lock.
func (j *Journal) Close() error { return j.file.Close() }

func (j *Journal) rewind() error {
	if err := j.file.Truncate(j.size); err != nil {
		return err
	}
	_, err := j.file.Seek(j.size, io.SeekStart)
	return err
}

// parse returns the events, the head hash, and how many bytes form whole records; with a BrokenError, of what stands before the damage.
func parse(data []byte) (events []wire.Event, head string, whole int, err error) {
	line := 0
	for rest := data; len(rest) > 0; {
		line++
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			break // torn: the newline is written last
		}
		text := rest[:end]
		rest = rest[end+1:]
		event, hash, why := check(text, head, uint64(len(events))+1)
		if why != "" {
			if len(rest) == 0 && !json.Valid(text) {
				break // torn, and the lost part happened to hold a line break
			}
			return events, head, whole, &BrokenError{Line: line, Why: why}
		}
		events, head, whole = append(events, event), hash, len(data)-len(rest)
	}
	return events, head, whole, nil
}

func check(text []byte, head string, seq uint64) (event wire.Event, hash, why string) {
	var r record
	if err := json.Unmarshal(text, &r); err != nil {
		return event, "", "it is not a record: " + err.Error()
	}
	if r.Prev != head {
		return event, "", "it does not follow the record before it"
	}
	if chain(r.Prev, r.Event) != r.Hash {
		return event, "", "its content is not what was hashed"
	}
	if err := json.Unmarshal(r.Event, &event); err != nil {
		return event, "", "its event is not of this format: " + err.Error()
	}
	if event.Seq != seq {
		return event, "", fmt.Sprintf("its number is %d, not %d", event.Seq, seq)
	}
	return event, r.Hash, ""
}

func chain(prev string, body []byte) string {
	h := sha256.New()
	io.WriteString(h, prev)
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}
