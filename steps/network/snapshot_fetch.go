package network

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
	"canton.example/svrescue/svapp/dump"
)

const (
	// snapshotPatience is how long further requests are begun before the operator is asked.
	snapshotPatience = 3 * time.Hour
	answerPatience   = time.Hour       // until the answer begins: by then the app has made all of it
	stallPatience    = 2 * time.Minute // in which nothing more comes, once it has begun
)

// fetchSnapshot asks the SV app for the snapshot of the agreed time, one request at a time: the app goes on with an export when nobody waits for
// it any more. Nothing but the export is caused by it, and it may be asked again.
type fetchSnapshot struct {
	app steps.App
	wanted
	force bool
}

func (a fetchSnapshot) Key() string {
	if a.force {
		return "fetch the data snapshot with force"
	}
	return "fetch the data snapshot"
}
func (a fetchSnapshot) Effect() wire.Effect { return wire.Observe }
func (a fetchSnapshot) Refs() []steps.Ref   { return snapshotRefs(exportFile, refusalFile) }
func (a fetchSnapshot) source() string      { return "the SV app" }

func (a fetchSnapshot) Show() wire.Preview {
	command := "svrescue snapshot fetch --timestamp " + a.stamp() + " -o snapshot.json"
	after := "artifacts/" + SnapshotFile + " in the run folder, readable by you only. It is checked while it comes, and kept if it is whole"
	if a.force {
		command += " --force --proof report.json"
		after += ". Mind: " + forceDanger
	}
	return wire.Preview{Title: "ask the SV app for its data snapshot of " + a.stamp(), Commands: []string{command}, After: after}
}

func (a fetchSnapshot) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	if h.World.Apps == nil {
		return []wire.Finding{{ID: a.Key(), Verdict: wire.Undetermined, Text: "this run has no login for the SV app"}}, nil
	}
	if _, err := h.World.Apps.Token(ctx, a.app); err != nil {
		return nil, err
	}
	return []wire.Finding{{ID: a.Key(), Verdict: wire.Holds, Text: "there is a token for the SV app"}}, nil
}

func (a fetchSnapshot) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	return a.kept(ctx, w.Files, a.source(), a.force)
}

func (a fetchSnapshot) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	if h.World.Apps == nil {
		return &steps.Problem{Tried: a.tried(), Seen: "this run has no login for the SV app", Next: "Fetch it in another terminal with svrescue snapshot fetch, and take the file"}
	}
	if err := awaitExport(ctx, h, report); err != nil {
		return err
	}
	q := svapp.SnapshotQuery{At: a.at, Force: a.force}
	retry := svapp.SnapshotRetry{Clock: h.World.Clock, Patience: snapshotPatience, Waiting: func(w svapp.SnapshotWait) {
		report(wire.Progress{Text: fmt.Sprintf("try %d: %s. The next one is at %s UTC: %s", w.Try, plain.Line(w.Err.Seen), h.World.Clock.Now().Add(w.For).UTC().Format("15:04:05"), w.Refusal.Why)})
	}}
	err := retry.Run(ctx, q, func(ctx context.Context) error {
		return h.World.Apps.SV(ctx, a.app, func(app *svapp.SV) error { return a.once(ctx, h, app, q, report) })
	})
	var no *svapp.NoSnapshot
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case errors.As(err, &no):
		return a.refused(h, no)
	case dump.IsRefused(err):
		return &steps.Problem{Tried: a.tried(), Seen: "what came was not kept: " + plain.Line(err.Error()), Next: "Look at the SV app and its log; or take the snapshot from elsewhere"}
	case errors.Is(err, syscall.ENOSPC):
		return &steps.Problem{Tried: a.tried(), Seen: "the disk of the run folder is full", Next: "Make room on it, then try again"}
	}
	return err
}

func (a fetchSnapshot) tried() string { return "fetching the data snapshot of " + a.stamp() }

// once makes one request. After an error there is no new file.
func (a fetchSnapshot) once(ctx context.Context, h steps.Hands, app *svapp.SV, q svapp.SnapshotQuery, report func(wire.Progress)) error {
	export, err := beginExport(ctx, h, a.stamp(), report)
	if err != nil {
		return err
	}
	teller := &teller{text: "receiving the snapshot", clock: h.World.Clock, report: report}
	err = app.Snapshot(ctx, q, svapp.SnapshotPatience{Clock: h.World.Clock, Answer: answerPatience, Stall: stallPatience}, func(body io.Reader, length int64) error {
		export.answered()
		teller.total = max(0, length)
		if err := room(h.World.Files, a.tried(), length); err != nil {
			return err
		}
		_, err := a.keep(h, body, a.source(), a.force, teller.tell)
		return err
	})
	teller.stop()
	if over := export.end(goesOn(q, err)); err == nil {
		err = over
	}
	return err
}

// goesOn says whether the app may still make what was asked for.
func goesOn(q svapp.SnapshotQuery, err error) bool {
	var e *svapp.Error
	if !errors.As(err, &e) {
		return false
	}
	switch q.Refusal(err).Cause {
	case svapp.SnapshotGoesOn, svapp.SnapshotNotAsked:
		return true
	}
	return false
}
