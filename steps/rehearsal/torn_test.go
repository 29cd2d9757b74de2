package rehearsal

import (
	"context"
	"io"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"

	"canton.example/svrescue/steps/engine/journal"
	"canton.example/svrescue/steps/wire"
	"github.com/google/go-cmp/cmp"
)

// disk is a file on a disk that fails: it takes no more than room bytes, the last write is cut short there, a sync may fail, and a power
// cut drops what was not synced, or all of it but the beginning.
type disk struct {
	data    []byte
	synced  int
	pos     int
	room    int // bytes; 0: no end
	syncs   int // until one fails; 0: none does
	journal *journal.Journal
	failed  func() // called at the first failure
}

func (d *disk) Read(p []byte) (int, error) {
	if d.pos >= len(d.data) {
		return 0, io.EOF
	}
	n := copy(p, d.data[d.pos:])
	d.pos += n
	return n, nil
}

func (d *disk) Write(p []byte) (int, error) {
	n := len(p)
	if d.room > 0 {
		n = max(min(n, d.room-len(d.data)), 0)
	}
	d.data = append(d.data, p[:n]...)
	if n < len(p) {
		d.failed()
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (d *disk) Sync() error {
	if d.syncs > 0 {
		if d.syncs--; d.syncs == 0 {
			d.failed()
			return syscall.EIO
		}
	}
	d.synced = len(d.data)
	return nil
}

func (d *disk) Truncate(size int64) error {
	if d.syncs == 0 && d.room == 0 {
		return syscall.EIO // a disk whose sync has failed does nothing more
	}
	d.data = d.data[:size]
	return nil
}
func (d *disk) Close() error                                 { return nil }
func (d *disk) Seek(offset int64, whence int) (int64, error) { d.pos = int(offset); return offset, nil }

func (d *disk) append(e wire.Event) (wire.Event, error) { return d.journal.Append(e) }

// open makes the disk the journal of the rig, with what is on it.
func (r *rig) open(d *disk) {
	r.t.Helper()
	d.pos = 0
	var err error
	if d.journal, r.journal, err = journal.Use(d); err != nil {
		r.t.Fatal(err)
	}
	r.disk = d
}

// A disk that is full, or that fails, stops the run before anything more is sent, with a sentence. When there is room again it goes on,
// also when the power was cut meanwhile, and ends in the same world.
func TestTornDisk(t *testing.T) {
	beside(t)
	size, syncs := 0, 0
	var want any
	inScenario(t, clean(), nil, func(t *testing.T, r *rig) {
		d := &disk{failed: func() { t.Error("this disk is good") }}
		r.open(d)
		v, _, _ := r.play(t.Context(), 0, r.player())
		must(t, v, wire.Recovered)
		size, syncs, want = len(d.data), len(r.journal), settled(t, r)
	})
	tries := 4
	if *soak {
		tries = 200
	}
	random := rand.New(rand.NewPCG(1, 2))
	for n := range tries {
		d := &disk{room: 1 + random.IntN(size-2)}
		if n%2 == 1 {
			d = &disk{syncs: 1 + random.IntN(syncs-2)}
		}
		cut := random.IntN(1 << 20)
		inScenario(t, clean(), nil, func(t *testing.T, r *rig) {
			sent, failures := 0, 0
			d.failed = func() { failures++; sent = r.wire.sofar() }
			r.open(d)
			r.play(context.Background(), 0, r.player())
			if failures == 0 {
				t.Fatalf("disk %d never failed (room %d, syncs %d)", n, d.room, d.syncs)
			}
			if !strings.Contains(r.left.Parked, "the journal cannot be written, and nothing is sent without it") || !strings.Contains(r.left.Halted.Next, "svrescue resume r-1") {
				t.Errorf("it does not say why it stopped: parked %q, halted %+v", r.left.Parked, r.left.Halted)
			}
			if now := r.wire.sofar(); now != sent {
				t.Errorf("%d writes took effect after the journal had failed", now-sent)
			}
			promised := len(r.journal)
			if unsynced := len(d.data) - d.synced; unsynced > 0 { // the power is cut: some of what was not synced is there, some is not
				d.data = d.data[:d.synced+cut%(unsynced+1)]
			}
			d.room, d.syncs = 0, 1<<30
			r.hangUp()
			r.open(d)
			if len(r.journal) < promised {
				t.Fatalf("%d records were promised, %d are there", promised, len(r.journal))
			}
			v, _, _ := r.play(t.Context(), 0, r.player())
			must(t, v, wire.Recovered)
			if diff := cmp.Diff(want, settled(t, r)); diff != "" {
				t.Errorf("the world differs (-undisturbed +torn):\n%s", diff)
			}
		})
	}
}

// sofar is how many writes have taken effect.
func (t *tap) sofar() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.count
}
