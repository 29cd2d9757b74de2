package network

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"canton.example/svrescue/internal/durable"
	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp/dump"
)

func merge() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "network/merge", Title: "Migration dump", Effect: wire.Observe,
		Summary: "Puts identities and snapshot together to the dump that the SV app starts from, and reads it as the app would.",
		Plan: func(f Facts) ([]steps.Action, error) {
			a, err := f.agreed()
			switch {
			case err != nil:
				return nil, err
			case f.Identities == nil:
				return nil, &steps.NotYet{Step: "network/identities", What: "what the identities are"}
			case f.Snapshot == nil:
				return nil, &steps.NotYet{Step: "network/snapshot", What: "what the snapshot is"}
			}
			return []steps.Action{mergeDump{identities: f.Identities.SHA256, snapshot: f.Snapshot.SHA256, bytes: f.Snapshot.Bytes, migration: a.migration, lender: f.Snapshot.Lender}}, nil
		},
		Verify: verifyDump,
		Remedies: func(error) []steps.Remedy {
			return []steps.Remedy{
				{Choice: "snapshot-again", Label: "Take another snapshot", Detail: "opens the step Data snapshot again", Again: "network/snapshot"},
				{Choice: "identities-again", Label: "Take other identities", Detail: "opens the step Identities again", Again: "network/identities"},
			}
		},
	}
}

// dumpSource is the artifact that says what the dump in the artifacts was made of.
const dumpSource = "domain_migration_dump-source.json"

// merged is what it says.
type merged struct {
	Identities string `json:"identities"` // SHA-256 of each input
	Snapshot   string `json:"snapshot"`
	SHA256     string `json:"sha256"` // of the dump
	Bytes      int64  `json:"bytes"`
	Unproven   bool   `json:"unproven,omitempty"` // nothing in the snapshot told whose it is
}

func readMerged(files steps.FileReader) (merged, error) {
	var m merged
	data, err := files.Read(dumpSource)
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal(data, &m)
}

// mergeDump makes the dump of the two artifacts, whose checksums it compares while it reads them.
type mergeDump struct {
	identities, snapshot string // SHA-256
	bytes                int64  // of the snapshot
	migration            int64
	lender               string
}

func (a mergeDump) Key() string         { return "merge identities and snapshot" }
func (a mergeDump) Effect() wire.Effect { return wire.Observe }
func (a mergeDump) Refs() []steps.Ref   { return []steps.Ref{{File: DumpFile}, {File: dumpSource}} }

func (a mergeDump) Show() wire.Preview {
	command := fmt.Sprintf("svrescue dump merge --identities %s --snapshot %s --migration-id %d -o %s", IdentitiesFile, SnapshotFile, a.migration, DumpFile)
	if a.lender != "" {
		command += " --borrowed-from " + a.lender
	}
	return wire.Preview{Title: "put identities and snapshot together", Commands: []string{command},
		After: "artifacts/" + DumpFile + " in the run folder, readable by you only. It holds private keys, unless a KMS does"}
}

func (a mergeDump) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (a mergeDump) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	m, err := readMerged(w.Files)
	if err != nil || m.Identities != a.identities || m.Snapshot != a.snapshot {
		return wire.ActionPending, []wire.Evidence{{Source: DumpFile, Seen: "not made of these identities and this snapshot"}}, nil
	}
	sum, size, err := digest(ctx, w.Files, DumpFile)
	if err != nil || sum != m.SHA256 || size != m.Bytes {
		return wire.ActionPending, []wire.Evidence{{Source: DumpFile, Seen: "it is not what was made"}}, ctx.Err()
	}
	return wire.ActionDone, []wire.Evidence{{Source: DumpFile, Seen: fmt.Sprintf("made of these identities and this snapshot, %d bytes, SHA-256 %s", size, sum)}}, nil
}

func (a mergeDump) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	const tried = "merging identities and snapshot"
	if err := room(h.World.Files, tried, a.bytes); err != nil {
		return err
	}
	identities, err := h.World.Files.Open(IdentitiesFile)
	if err != nil {
		return &steps.Problem{Tried: tried, Seen: "the identities in the run folder cannot be read", Next: "Take them anew", Err: err}
	}
	defer identities.Close()
	snapshot, err := h.World.Files.Open(SnapshotFile)
	if err != nil {
		return &steps.Problem{Tried: tried, Seen: "the snapshot in the run folder cannot be read", Next: "Take it anew", Err: err}
	}
	defer snapshot.Close()
	teller := &teller{text: "merging", clock: h.World.Clock, total: a.bytes, report: report}
	defer teller.stop()
	done := merged{Identities: a.identities, Snapshot: a.snapshot}
	one, other := sha256.New(), sha256.New()
	read := &counting{tell: teller.tell}
	err = h.Files.Create(DumpFile, func(to io.Writer) error {
		sum, size := sha256.New(), &counting{tell: func(int64) {}}
		behind := durable.NewBehind(io.MultiWriter(to, sum, size))
		all := io.TeeReader(until{ctx, snapshot}, io.MultiWriter(other, read))
		m, err := dump.Merge(behind, io.TeeReader(identities, one), all, dump.MergeOptions{MigrationID: &a.migration, BorrowedFrom: a.lender})
		if written := behind.Close(); err == nil {
			err = written
		}
		if err == nil { // what stands behind the last of its members
			_, err = io.Copy(io.Discard, all)
		}
		if err != nil {
			return err
		}
		if hex.EncodeToString(one.Sum(nil)) != a.identities || hex.EncodeToString(other.Sum(nil)) != a.snapshot {
			return &steps.Problem{Tried: tried, Seen: "identities or snapshot in the run folder are not what was taken", Next: "Find out who changed them, and take them anew"}
		}
		done.SHA256, done.Bytes, done.Unproven = hex.EncodeToString(sum.Sum(nil)), size.n, m.Unproven
		return nil
	})
	if dump.IsRefused(err) {
		return &steps.Problem{Tried: tried, Seen: "no dump was made: " + plain.Line(err.Error()), Next: "Take the snapshot or the identities anew, from elsewhere"}
	}
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(done, "", "  ")
	if err != nil {
		return err
	}
	return h.Files.Write(dumpSource, append(data, '\n'))
}

// verifyDump reads the dump as the app would.
func verifyDump(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
	a, err := f.agreed()
	if err != nil {
		return nil, err
	}
	bad := func(why string) ([]wire.Finding, error) {
		return []wire.Finding{{ID: "dump", Verdict: wire.Violated, Text: "there is no whole migration dump in the run folder: " + plain.Line(why), Next: "Do this step again"}}, ctx.Err()
	}
	m, err := readMerged(w.Files)
	if err != nil {
		return bad("it was not made")
	}
	file, err := w.Files.Open(DumpFile)
	if err != nil {
		return bad("it cannot be opened")
	}
	defer file.Close()
	sum := sha256.New()
	all := io.TeeReader(until{ctx, file}, sum)
	of, err := dump.CheckMigration(all, &a.migration)
	if err == nil {
		_, err = io.Copy(io.Discard, all)
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return bad("it cannot be read to its end")
	case hex.EncodeToString(sum.Sum(nil)) != m.SHA256:
		return bad("it is not what was made")
	}
	f.Dump = &Dump{SHA256: m.SHA256, Bytes: m.Bytes, MigrationID: a.migration, Borrowed: f.Snapshot.Lender}
	found := []wire.Finding{{ID: "dump", Verdict: wire.Holds, Text: fmt.Sprintf("the migration dump of %s for migration ID %d is made", f.Identities.Party, a.migration),
		Evidence: []wire.Evidence{{Source: "artifacts/" + DumpFile, Seen: fmt.Sprintf("%d bytes, SHA-256 %s", m.Bytes, m.SHA256)}}}}
	return append(found, dumpFindings(of, f.Snapshot.Lender)...), nil
}

// dumpFindings are what the reader's rules say of a dump, in the words of this path.
func dumpFindings(of dump.Migration, lender string) []wire.Finding {
	var found []wire.Finding
	for _, d := range of.Findings {
		f := wire.Finding{ID: "dump-" + d.ID, Verdict: wire.Holds, Text: lowered(d.Detail)}
		switch {
		case d.Verdict == dump.Violated:
			f.Verdict, f.Next = wire.Violated, "The app would not start from it: take identities or snapshot from elsewhere"
		case d.Verdict == dump.NotDetermined && d.ID == "users" && lender != "":
			f.Verdict, f.Text, f.Next = wire.Attention, lentText(lender), "Tell the call whose data this SV starts from"
		case d.Verdict == dump.NotDetermined:
			f.Verdict, f.Next = wire.Attention, "What it can be of is not told by the dump alone"
		}
		found = append(found, f)
	}
	return found
}

// lowered is a sentence as the text of a finding.
func lowered(sentence string) string {
	if sentence == "" {
		return ""
	}
	return strings.ToLower(sentence[:1]) + strings.TrimSuffix(sentence[1:], ".")
}
