package command

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"syscall"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/svapp"
	"canton.example/svrescue/svapp/dump"
)

// failed says why there is no file.
func (g *snapshotFetching) failed(ctx context.Context, err error) error {
	var no *svapp.NoSnapshot
	switch {
	case ctx.Err() != nil:
		text := "fetching the snapshot was interrupted, and nothing was written"
		if g.tries > 0 {
			text += ". The export may still go on in the SV app: wait before you ask again"
		}
		return exit(exitInterrupted, errors.New(text))
	case dump.IsRefused(err):
		return exit(exitRefused, fmt.Errorf("nothing was written: %w", err))
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("nothing was written: the disk of %s is full.\n  Name a file on another disk with -o; the export may still go on in the SV app, so wait before you ask again", plain.Line(g.out()))
	case !errors.As(err, &no):
		return fmt.Errorf("nothing was written: %w", err)
	}
	if g.json() {
		d := snapshotRefused{Version: 1, Timestamp: g.query.Time(), Cause: no.Refusal.Cause, Generation: no.Refusal.Generation, Call: no.Refusal.Call, Tries: no.Tries,
			ForceFits: no.Refusal.Force, Proof: g.proof.document()}
		var e *svapp.Error
		if errors.As(err, &e) {
			if d.Status = e.Code; e.Canton != nil {
				d.Code = e.Canton.Name
			}
		}
		if err := g.tell(d); err != nil {
			return err
		}
	}
	text := fmt.Sprintf("there is no snapshot of %s: %v.\n  On the call: %s", g.query.Time(), no, no.Refusal.Call)
	if no.Tries > 1 {
		text += "\n  Asked " + strconv.Itoa(no.Tries) + " times, each time for this time alone."
	}
	switch no.Refusal.Cause {
	case svapp.SnapshotNotExact:
		return exit(exitRefused, errors.New(text+"\n"+g.offer()))
	case svapp.SnapshotTooLate, svapp.SnapshotPruned, svapp.SnapshotGone:
		return exit(exitRefused, errors.New(text))
	}
	return exit(exitFailed, errors.New(text))
}

// told tells of the file.
func (g *snapshotFetching) told(got fetchedSnapshot) error {
	switch got.Data.Format {
	case "", "admin_api":
		fmt.Fprintln(g.Err, "svrescue: the format of the contracts is admin_api, which releases from 0.5.8 on do not read")
	}
	if g.query.MigrationID != nil {
		fmt.Fprintf(g.Err, "svrescue: the app only echoes the migration ID %d, which you named: the new synchronizer must be configured with it\n", *got.MigrationID)
	}
	d := snapshotDocument{Version: 1, Output: g.out(), Bytes: got.bytes, SHA256: got.sum, Timestamp: g.query.Time(), Release: g.release, Way: g.way.Name, Tries: g.tries,
		MigrationID: *got.MigrationID, CreatedAt: got.CreatedAt, ACSTimestamp: got.Data.At, ACSFormat: got.Data.Format, GenesisBytes: got.GenesisBytes, ACSBytes: got.ACSBytes,
		DARs: got.Data.DARs, Force: g.query.Force, Proof: g.proof.document()}
	if g.json() {
		return g.tell(d)
	}
	forced := ""
	if d.Force {
		forced = "\n  with force   " + g.proof.Detail
	}
	_, err := fmt.Fprintf(g.Out, "%s\n  of           %s, as it was asked for: what is inside is not proven by that\n  for          migration ID %d\n  from         release %s, %s\n  size         %d bytes\n  SHA-256      %s\n  inside       genesis state %s, contracts %s, %s%s\nAll SVs must use the same time. Keep the file where only you can read it.\nNext: svrescue dump merge --identities IDENTITIES --snapshot %s -o DUMP\n",
		plain.Line(d.Output), d.Timestamp, d.MigrationID, d.Release, d.Way, d.Bytes, d.SHA256, bytesText(d.GenesisBytes), bytesText(d.ACSBytes), packages(d.DARs), forced, plain.Line(d.Output))
	return err
}

func packages(n int) string {
	if n == 1 {
		return "1 package"
	}
	return fmt.Sprintf("%d packages", n)
}
