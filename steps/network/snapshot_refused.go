package network

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// refusalFile is the artifact that keeps why the SV app gave no snapshot the last time.
const refusalFile = "snapshot-refused.json"

// refusal is what is kept of it.
type refusal struct {
	Of         string              `json:"of"` // the time that was asked for
	At         time.Time           `json:"at"`
	Cause      svapp.SnapshotCause `json:"cause"`
	Generation string              `json:"generation,omitempty"` // X or Y, where the code tells it
	Code       string              `json:"code,omitempty"`       // Canton's
	Force      bool                `json:"force"`                // the generation answers for this time in no other way
}

func (r refusal) fits(at time.Time) bool { return r.Of == wanted{at: at}.stamp() }

func readRefusal(files steps.FileReader) (refusal, error) {
	var r refusal
	data, err := files.Read(refusalFile)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(data, &r)
}

// noSnapshot is why there is none. It is tried again by a person, and not by itself: what waiting mends was waited for.
type noSnapshot struct {
	of string
	no *svapp.NoSnapshot
}

func (n *noSnapshot) Error() string { return n.Failure().Error() }

// Unwrap is the error of the app where it says that somebody has to log in.
func (n *noSnapshot) Unwrap() error {
	if svapp.KindOf(n.no) == svapp.NoToken {
		return n.no
	}
	return nil
}

func (n *noSnapshot) Failure() wire.Failure {
	f := wire.Failure{Tried: "fetching the data snapshot of " + n.of, Seen: plain.Line(strings.TrimSuffix(steps.FailureOf("", n.no.Unwrap()).Seen, ".")), Next: n.next(),
		Detail: []string{"On the call: " + n.no.Refusal.Call}}
	if n.no.Tries > 1 {
		f.Detail = append(f.Detail, fmt.Sprintf("It was asked for %d times, each time for this time alone.", n.no.Tries))
	}
	return f
}

// next is what to do, by what the refusal means.
func (n *noSnapshot) next() string {
	switch n.no.Refusal.Cause {
	case svapp.SnapshotTooLate:
		return "The participant has not got as far. Where it still catches up, try again later; else have the call agree on an earlier time, or borrow the snapshot of another SV"
	case svapp.SnapshotPruned:
		return "Nothing brings that time back. Have the call agree on a later one, or borrow the snapshot of another SV"
	case svapp.SnapshotNotExact:
		return "Answer this step again: force is offered there, with the proof that this participant was past the time beside it"
	case svapp.SnapshotGoesOn:
		return "The export may still go on in the app: another try waits first, by itself. If it never comes to an end, give the app more memory or its ingress more time, or borrow the snapshot of another SV"
	case svapp.SnapshotAway:
		return "Look that SV app, participant and sequencer of the old synchronizer run, and what they log; then try again"
	case svapp.SnapshotGone:
		return "Look at the release of the SV app: from 0.6.2 on there are no data snapshots"
	case svapp.SnapshotLogin:
		return "Log in as the service user of the SV app, with the audience of the SV API: others may not export. A participant that is down refuses as well"
	case svapp.SnapshotThrottled:
		return "Find out what limits requests before the app, or take the way through the cluster; then try again"
	case svapp.SnapshotWay:
		return "Look how the SV app is reached, then try again; or fetch it in another terminal with svrescue snapshot fetch, and take the file"
	}
	return "Read the log of the SV app and of the participant; try again, or borrow the snapshot of another SV"
}

// refused keeps why there is no snapshot, and tells it.
func (a fetchSnapshot) refused(h steps.Hands, no *svapp.NoSnapshot) error {
	r := refusal{Of: a.stamp(), At: h.World.Clock.Now().UTC(), Cause: no.Refusal.Cause, Generation: no.Refusal.Generation, Force: no.Refusal.Force}
	var e *svapp.Error
	if errors.As(no, &e) && e.Canton != nil {
		r.Code = e.Canton.Name
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := h.Files.Write(refusalFile, append(data, '\n')); err != nil {
		return err
	}
	return &noSnapshot{a.stamp(), no}
}

// snapshotRemedies lead elsewhere: to force, to another source, or back to the agreement.
func snapshotRemedies(err error) []steps.Remedy {
	elsewhere := steps.Remedy{Choice: wire.ChoiceAsk, Label: "Take it from elsewhere", Detail: "asks again where the snapshot comes from"}
	var none *noSnapshot
	if !errors.As(err, &none) {
		return []steps.Remedy{elsewhere}
	}
	another := steps.Remedy{Choice: "agree-again", Label: "The call agrees on another time", Again: "network/agree",
		Detail: "opens the agreement again, with the reports that are there; all SVs need a snapshot of the new time"}
	switch none.no.Refusal.Cause {
	case svapp.SnapshotTooLate, svapp.SnapshotPruned:
		return []steps.Remedy{another, elsewhere}
	case svapp.SnapshotNotExact:
		elsewhere.Label = "Answer this step again, with force if it is proven"
		return []steps.Remedy{elsewhere, another}
	}
	return []steps.Remedy{elsewhere}
}
