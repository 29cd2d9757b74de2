package network

import (
	"fmt"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// ownDump says whether what cannot be made any more once the old sequencer is stopped has been made: the data snapshot, and the migration dump
// that it is merged into. Its checksum was compared when it was made; here it is seen that it is still there.
func ownDump(f Facts, files steps.FileReader) []wire.Finding {
	d := wire.Finding{ID: "own-dump", Verdict: wire.Violated, Next: "Take the data snapshot and merge it first: without the old sequencer no snapshot can be taken any more"}
	switch {
	case f.Dump == nil && f.Snapshot == nil:
		d.Text = "this run has neither taken a data snapshot nor merged a migration dump"
		d.Waive = "this SV borrows the dump of another one, or re-onboards"
	case f.Dump == nil:
		d.Text = "the data snapshot of this run is not merged into a migration dump yet"
		d.Waive = "it can be merged later; the snapshot is enough"
	case f.Snapshot == nil:
		d.Text = "this run has a migration dump, and no data snapshot of its own"
		d.Waive = "the dump is whole, and where its data are from is known on the call"
	default:
		file, err := files.Open(DumpFile)
		if err != nil {
			d.Text = "the migration dump of this run cannot be read any more: " + plain.Line(err.Error())
			d.Next = "Find artifacts/" + DumpFile + " again, or merge it anew"
			break
		}
		file.Close()
		whose := "this SV's own data"
		if f.Dump.Borrowed != "" {
			whose = "data that " + f.Dump.Borrowed + " has lent"
		}
		return []wire.Finding{{ID: "own-dump", Verdict: wire.Holds, Text: fmt.Sprintf("the migration dump of this run is there: %d bytes, migration ID %d, %s", f.Dump.Bytes, f.Dump.MigrationID, whose),
			Evidence: []wire.Evidence{{Source: "artifacts/" + DumpFile, Seen: "SHA-256 " + f.Dump.SHA256}}}}
	}
	return []wire.Finding{d}
}
