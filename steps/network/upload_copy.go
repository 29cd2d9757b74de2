package network

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/upload"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/reach"
	"canton.example/svrescue/steps/wire"
)

const (
	uploadStall    = time.Minute      // in which the pod may take nothing before the connection is given up
	uploadPatience = 30 * time.Minute // in which further tries are made while none gets any further
)

// uploadDump copies the dump to the SV app's volume. A copy that was cut is gone on with; the file gets its name when the pod has hashed all of
// it, and one that was there before is kept beside it.
type uploadDump struct {
	where     kube.Where
	run       string
	app       kube.WorkloadRef
	claims    []string
	sha256    string
	bytes     int64
	helper    bool // through a pod of its own
	startOver bool // throws away the half copy of another file
}

func (a uploadDump) Key() string {
	key := "upload the migration dump"
	if a.helper {
		key += " through a pod of its own"
	}
	if a.startOver {
		key += ", from its beginning"
	}
	return key
}

func (a uploadDump) Effect() wire.Effect { return wire.Repeatable }

// Refs names no pod of the app: it may be another one by the time.
func (a uploadDump) Refs() []steps.Ref {
	var accesses []kube.Access
	if a.helper {
		for _, claim := range a.claims {
			name := kube.CarrierName(claim)
			accesses = append(append(accesses, kube.AccessCarrier(a.app.Namespace, name)...), kube.AccessExec(a.app.Namespace, name)...)
		}
	} else {
		accesses = kube.AccessExec(a.app.Namespace, "")
	}
	return append(steps.KubeRefs(accesses...), steps.Ref{File: uploadFile})
}

func (a uploadDump) Show() wire.Preview {
	p := wire.Preview{Title: fmt.Sprintf("copy the migration dump, %d bytes, to %s of %s", a.bytes, dumpPath, a.app.Name),
		Commands: []string{fmt.Sprintf("svrescue upload --keep-old %s %s/%s:%s", DumpFile, a.app.Namespace, a.app.Name, dumpPath)},
		After:    "it is there, hashed in the pod, readable by the app alone. A file that was there is kept beside it, with a time in its name. The app reads it only when it is told to migrate"}
	if a.helper {
		p.Commands[0] = fmt.Sprintf("svrescue upload --keep-old --helper-pod %s %s/%s:%s", DumpFile, a.app.Namespace, a.app.Name, dumpPath)
		p.Before = "the SV app does not run: a pod with its image, user and group mounts the claim, and is taken away at the end"
	}
	if a.startOver {
		p.Commands[0] += " --start-over"
		p.Lost = "the half copy " + dumpPath + upload.Part + " of another file"
	}
	return p
}

func (a uploadDump) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	at, err := h.World.Kube.Carry(ctx, a.app.Namespace, a.app.Name, "", dumpPath)
	switch {
	case err != nil:
		return nil, err
	case at.Claim == "":
		return []wire.Finding{{ID: a.Key(), Verdict: wire.Violated, Text: dumpPath + " of " + a.app.Name + " is on no claim", Next: "Look at the values of the release: migration.attachPvc"}}, nil
	}
	return []wire.Finding{{ID: a.Key(), Verdict: wire.Undetermined, Text: dumpPath + " is on claim " + at.Claim + "; whether it can be written is seen when it is"}}, nil
}

// find is what is at the path now. Its error says that it cannot be seen.
func (a uploadDump) find(ctx context.Context, w steps.World) (upload.Found, error) {
	if w.Volumes == nil {
		return upload.Found{}, errors.New("this run cannot look into pods")
	}
	return w.Volumes.Find(ctx, a.app.Namespace, a.app.Name, dumpPath)
}

func (a uploadDump) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	place := a.app.Name + ":" + dumpPath
	found, err := a.find(ctx, w)
	switch {
	case ctx.Err() != nil:
		return wire.ActionUnknown, nil, ctx.Err()
	case err == nil && found.SHA256 == a.sha256:
		return wire.ActionDone, []wire.Evidence{{Source: place, Seen: "the dump, as its container hashes it"}}, nil
	case err == nil && found.There:
		return wire.ActionPending, []wire.Evidence{{Source: place, Seen: fmt.Sprintf("another file, %d bytes", found.Size)}}, nil
	case err == nil:
		return wire.ActionPending, []wire.Evidence{{Source: place, Seen: "nothing"}}, nil
	}
	// A container that does not run hashes nothing. What a pod that carried the dump has hashed in this run holds.
	if u, err := readUploaded(w.Files); err == nil && u.Helper && u.SHA256 == a.sha256 {
		return wire.ActionDone, []wire.Evidence{{Source: place, Seen: "the dump, as pod " + u.Pod + " hashed it", At: u.At}}, nil
	}
	return wire.ActionPending, []wire.Evidence{{Source: place, Seen: "not seen: " + why(err)}}, nil
}

func (a uploadDump) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	const tried = "uploading the migration dump"
	opened, err := h.World.Files.Open(DumpFile)
	if err != nil {
		return &steps.Problem{Tried: tried, Seen: "the dump in the run folder cannot be read", Next: "Make it again in the step Migration dump", Err: err}
	}
	file, ok := opened.(upload.File)
	if !ok {
		opened.Close()
		return &steps.Problem{Tried: tried, Seen: "the dump in the run folder cannot be read twice", Next: "Report this as a defect of the program"}
	}
	hashing := &teller{text: "hashing the dump", clock: h.World.Clock, total: a.bytes, report: report}
	source, err := upload.From(ctx, file, func(done, _ int64) { hashing.tell(done) })
	hashing.stop()
	if err != nil {
		return err
	}
	defer source.Close()
	if source.SHA256() != a.sha256 {
		return &steps.Problem{Tried: tried, Seen: "the dump in the run folder is not what was made", Next: "Make it again in the step Migration dump"}
	}
	if a.helper {
		return a.throughHelper(ctx, h, source, report)
	}
	at, err := h.World.Kube.Carry(ctx, a.app.Namespace, a.app.Name, "", dumpPath)
	if err != nil {
		return err
	}
	if !at.Running {
		return a.down()
	}
	return a.copy(ctx, h, ofApp{h, a.app}, source, report)
}

// appDown says that the app does not run, so that nothing can be written through it.
type appDown struct {
	*steps.Problem
	helper uploadDump
}

func (a uploadDump) down() error {
	p := &steps.Problem{Tried: a.Key(), Seen: "the SV app does not run, so that nothing can be written through it", Next: "Start it; or let a pod of its own carry the dump"}
	a.helper = true
	return &appDown{p, a}
}

// ofApp is the container of the app that has the path, whichever pod it is in by now.
type ofApp struct {
	hands steps.Hands
	app   kube.WorkloadRef
}

func (o ofApp) Exec(ctx context.Context, command []string, stdin io.Reader, stdout, stderr io.Writer) error {
	at, err := o.hands.World.Kube.Carry(ctx, o.app.Namespace, o.app.Name, "", dumpPath)
	if err != nil {
		return err
	}
	if !at.Running {
		return &kube.Error{Kind: kube.NotFound, Tried: "write to the volume of " + o.app.Name, Seen: "no container of it runs", Next: "Start it; or answer this step again, and let a pod of its own carry the dump"}
	}
	return reach.Container{Hands: o.hands.Kube, Namespace: o.app.Namespace, Pod: at.Pod, Name: at.Container}.Exec(ctx, command, stdin, stdout, stderr)
}

// copy copies through one container, and keeps how it came there.
func (a uploadDump) copy(ctx context.Context, h steps.Hands, pod upload.Pod, source *upload.Source, report func(wire.Progress)) error {
	text, last := "", time.Time{}
	got, err := upload.Copy(ctx, pod, source, upload.Options{Path: dumpPath, Clock: h.World.Clock, KeepOld: true, StartOver: a.startOver, Stall: uploadStall, Patience: uploadPatience,
		Report: func(phase upload.Phase, done, total int64) {
			now := h.World.Clock.Now()
			if string(phase) != text || now.Sub(last) >= 200*time.Millisecond || total > 0 && done >= total {
				text, last = string(phase), now
				report(wire.Progress{Text: text, Done: done, Total: total, Unit: "bytes"})
			}
		},
		Cut: func(err error, next time.Duration) {
			report(wire.Progress{Text: fmt.Sprintf("the copy was cut: %s. It goes on in %s, with what the pod does not have", plain.Line(why(err)), next.Round(time.Second))})
		}})
	if err != nil {
		return a.refused(err)
	}
	u := uploaded{Pod: a.app.Name, Helper: a.helper, Path: got.Path, Bytes: got.Size, SHA256: got.SHA256, Mode: got.Mode, Old: got.Old, At: h.World.Clock.Now().UTC()}
	if a.helper {
		u.Pod = kube.CarrierName(a.claims[0])
	}
	if before, err := readUploaded(h.World.Files); err == nil && got.Already && before.SHA256 == u.SHA256 {
		u.Old = before.Old // a try before this one has moved it
	}
	data, err := json.MarshalIndent(u, "", "  ")
	if err != nil {
		return err
	}
	return h.Files.Write(uploadFile, append(data, '\n'))
}

// partThere says that the half copy of another file is in the way.
type partThere struct {
	*steps.Problem
	again uploadDump
}

func (a uploadDump) refused(err error) error {
	r, ok := errors.AsType[*upload.Refused](err)
	switch {
	case !ok && kube.KindOf(err) == kube.NotFound && !a.helper:
		return a.down()
	case !ok:
		return err
	}
	p := &steps.Problem{Tried: a.Key(), Seen: plain.Line(r.Why), Next: plain.Line(r.Next)}
	if !r.Part {
		return p
	}
	p.Next = "Make sure that nobody copies it at this moment; then throw it away, or copy the dump by hand"
	a.startOver = true
	return &partThere{p, a}
}

func uploadRemedies(err error) []steps.Remedy {
	if part, ok := errors.AsType[*partThere](err); ok {
		return []steps.Remedy{{Choice: "start-over", Label: "Throw the half copy away and begin anew", Detail: "only if nobody copies it at this moment", Actions: []steps.Action{part.again}}}
	}
	if down, ok := errors.AsType[*appDown](err); ok {
		return []steps.Remedy{{Choice: throughHelper, Label: "Let a pod of its own carry the dump", Detail: "it has the app's image, user and group, mounts the claim on the right node, and is taken away at the end",
			Actions: []steps.Action{down.helper}}}
	}
	return []steps.Remedy{{Choice: wire.ChoiceAsk, Label: "Look again how the dump can get there", Detail: "asks for a pod of its own where the SV app does not run"}}
}
