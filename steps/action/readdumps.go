package action

import (
	"context"
	"encoding/json"
	"fmt"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/postgres/dump"
	"canton.example/svrescue/steps/wire"
)

// ReadDumps reads every file of a folder to its end and writes what each is into the run folder: kinds, versions, how far their
// databases had got, and whether they are whole; nothing of their data.
type ReadDumps struct {
	Folder string
	File   string // in the run folder
}

func (r ReadDumps) Key() string         { return "read the dumps in " + r.Folder }
func (r ReadDumps) Effect() wire.Effect { return wire.Observe }
func (r ReadDumps) Refs() []steps.Ref   { return []steps.Ref{{File: r.File}} }

func (r ReadDumps) Show() wire.Preview {
	return wire.Preview{Title: r.Key(), Commands: []string{"svrescue backup check " + r.Folder}, After: "every file is read to its end; nothing is changed"}
}

func (r ReadDumps) Trial(context.Context, steps.Hands) ([]wire.Finding, error) {
	return []wire.Finding{{ID: r.Key(), Verdict: wire.Undetermined, Text: "reading the dumps is the trial"}}, nil
}

// Probe says that they were read, once the file with the answer is there. Files that change afterwards are noticed before they are loaded.
func (r ReadDumps) Probe(_ context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	if _, err := w.Files.Read(r.File); err != nil {
		return wire.ActionPending, []wire.Evidence{{Source: r.Folder, Seen: "not read yet"}}, nil
	}
	return wire.ActionDone, []wire.Evidence{{Source: r.Folder, Seen: "was read"}}, nil
}

func (r ReadDumps) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	artifacts, err := dump.Read(ctx, r.Folder, dump.Options{Progress: func(read, total int64) {
		report(wire.Progress{Text: "reading", Done: read, Total: total, Unit: "bytes"})
	}})
	if err != nil {
		return &steps.Problem{Tried: "reading the dumps in " + r.Folder, Seen: err.Error(), Err: err, Next: "Look at the folder and its rights, and try again"}
	}
	if len(artifacts) == 0 {
		return &steps.Problem{Tried: "reading the dumps in " + r.Folder, Seen: "the folder is empty", Next: "Put the dumps there and try again; or answer this step again and name another folder"}
	}
	data, err := json.Marshal(artifacts)
	if err != nil {
		return fmt.Errorf("what the dumps told cannot be written: %w", err)
	}
	return h.Files.Write(r.File, data)
}
