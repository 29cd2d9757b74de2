package network

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp/dump"
)

// wanted is what a snapshot must be.
type wanted struct {
	at        time.Time
	migration int64  // the new migration ID, which the apps that are configured with the one before put in by themselves
	party     string // of this SV
	lender    string // name of the SV whose it must be instead; empty: this one's
}

// stamp is the time as it is asked for and kept.
func (w wanted) stamp() string { return w.at.Format("2006-01-02T15:04:05.999999Z") }

// unfit is why a whole snapshot is not the one that is wanted; nil: it is.
func (w wanted) unfit(of dump.Fetched) error {
	if err := of.Fits(w.at, &w.migration); err != nil {
		return err
	}
	parties := of.Users.Parties
	acts := "its users act for " + strings.Join(parties[:min(3, len(parties))], ", ")
	refuse := func(why string) error { return &dump.Refused{Input: "the snapshot", Why: why} }
	switch {
	case w.lender != "" && slices.Contains(parties, w.party):
		return refuse("it is that of this SV itself, so nothing is borrowed from " + w.lender)
	case w.lender != "" && !of.Users.ActFor(w.lender):
		return refuse("it is not that of " + w.lender + ": " + acts)
	case w.lender == "" && len(parties) == 0:
		return refuse("it has no users that would tell whose it is")
	case w.lender == "" && !slices.Contains(parties, w.party):
		return refuse("it is that of another node: " + acts + ", and the identities are those of " + w.party)
	}
	return nil
}

// keep writes a snapshot into the artifacts while it comes, if it is whole and the one that is wanted. Its *dump.Refused says why it is not; what
// was there before then stands. tell is told of the bytes that came.
func (w wanted) keep(h steps.Hands, from io.Reader, source string, force bool, tell func(int64)) (Snapshot, error) {
	s := Snapshot{Source: source, Timestamp: w.stamp(), Force: force, Lender: w.lender}
	err := h.Files.Create(SnapshotFile, func(to io.Writer) error {
		sum, size := sha256.New(), &counting{tell: tell}
		of, err := dump.ReadSnapshot(io.TeeReader(from, io.MultiWriter(to, sum, size)))
		if err == nil {
			err = w.unfit(of)
		}
		if err != nil {
			return err
		}
		s.SHA256, s.Bytes = hex.EncodeToString(sum.Sum(nil)), size.n
		s.MigrationID, s.Format, s.DARs = *of.MigrationID, of.Data.Format, of.Data.DARs
		return nil
	})
	if err != nil {
		return s, err
	}
	s.At = h.World.Clock.Now().UTC()
	return s, writeSource(h.Files, s)
}

// kept says whether the snapshot in the artifacts is whole, the one that is wanted, and from that source.
func (w wanted) kept(ctx context.Context, files steps.FileReader, source string, force bool) (wire.ActionState, []wire.Evidence, error) {
	pending := func(seen string) (wire.ActionState, []wire.Evidence, error) {
		return wire.ActionPending, []wire.Evidence{{Source: SnapshotFile, Seen: seen}}, ctx.Err()
	}
	s, err := readSource(files)
	if err != nil || s.Source != source || s.Timestamp != w.stamp() || s.MigrationID != w.migration || s.Force != force || s.Lender != w.lender {
		return pending("not taken from " + source)
	}
	sum, size, err := digest(ctx, files, SnapshotFile)
	if err != nil || sum != s.SHA256 || size != s.Bytes {
		return pending("it is not what was taken")
	}
	return wire.ActionDone, []wire.Evidence{{Source: SnapshotFile, Seen: fmt.Sprintf("taken from %s, %d bytes, SHA-256 %s", source, size, sum)}}, nil
}

// snapshotRefs are what an action that takes a snapshot writes.
func snapshotRefs(more ...string) []steps.Ref {
	refs := []steps.Ref{{File: SnapshotFile}, {File: snapshotSource}}
	for _, name := range more {
		refs = append(refs, steps.Ref{File: name})
	}
	return refs
}

// copySnapshot takes a snapshot that was fetched before, here or by another SV.
type copySnapshot struct {
	file string
	wanted
}

func (a copySnapshot) Key() string         { return "take the data snapshot" }
func (a copySnapshot) Effect() wire.Effect { return wire.Observe }
func (a copySnapshot) Refs() []steps.Ref   { return snapshotRefs() }

func (a copySnapshot) source() string {
	if a.lender != "" {
		return "the file " + a.file + ", lent by " + a.lender
	}
	return "the file " + a.file
}

func (a copySnapshot) Show() wire.Preview {
	return wire.Preview{Title: "copy the data snapshot " + a.file, Commands: []string{"cp " + a.file + " snapshot.json"},
		After: "artifacts/" + SnapshotFile + " in the run folder, readable by you only, if it is whole and of " + a.stamp()}
}

func (a copySnapshot) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (a copySnapshot) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	return a.kept(ctx, w.Files, a.source(), false)
}

func (a copySnapshot) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	tried := "taking the data snapshot " + a.file
	file, err := os.Open(a.file)
	if err != nil {
		return &steps.Problem{Tried: tried, Seen: "it cannot be opened", Next: "Put it where it can be read, or take another one", Err: err}
	}
	defer file.Close()
	teller := &teller{text: "copying and checking the snapshot", clock: h.World.Clock, report: report}
	defer teller.stop()
	if info, err := file.Stat(); err == nil {
		teller.total = info.Size()
		if err := room(h.World.Files, tried, info.Size()); err != nil {
			return err
		}
	}
	_, err = a.keep(h, until{ctx, file}, a.source(), false, teller.tell)
	if dump.IsRefused(err) {
		return &steps.Problem{Tried: tried, Seen: "it was not kept: " + plain.Line(err.Error()), Next: "Take another one, or fetch it from the SV app"}
	}
	return err
}

// room refuses what the disk of the run folder has no room for. Where that cannot be told, writing tells.
func room(files steps.FileReader, tried string, bytes int64) error {
	free, err := files.Room()
	if err != nil || bytes <= free {
		return nil
	}
	return &steps.Problem{Tried: tried, Seen: fmt.Sprintf("it has %d MiB, and the disk of the run folder has room for %d MiB", bytes>>20, free>>20), Next: "Make room on it, then try again"}
}
