package upload

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"k8s.io/utils/clock"
)

// Pod runs a command in the container that is copied into: nil for exit code 0, a *kube.ExitError for another one, and any other error where
// the end of the command is not known.
type Pod interface {
	Exec(ctx context.Context, command []string, stdin io.Reader, stdout, stderr io.Writer) error
}

// Refused is why nothing is copied, or not gone on with; the file at the path is as it was.
type Refused struct {
	Why  string
	Next string
	// Part says that the reason is the half copy of another file, which Options.StartOver throws away.
	Part bool
}

func (r *Refused) Error() string { return r.Why + ".\n  Next: " + r.Next }

// Phase is what is being done.
type Phase string

const (
	Looking   Phase = "looking into the pod"
	Checking  Phase = "checking what is there already"
	Sending   Phase = "sending"
	Verifying Phase = "verifying all of it in the pod"
)

// Options say how to copy.
type Options struct {
	Path  string // in the container
	Clock clock.WithTicker
	// KeepOld moves what is at the path aside at the end; without it such a file is refused.
	KeepOld bool
	// StartOver throws away a part that is of another file, or that nothing is known of.
	StartOver bool
	// Stall is how long nothing may be taken by the pod before the connection is given up; Patience is how long further tries are made
	// when none gets any further.
	Stall, Patience time.Duration
	// Follow is how many bytes must be to come for the pod to hash the file while it comes; 0: 64 MiB.
	Follow int64
	// Report is told how far it is; total 0 where it cannot be told. Cut is told of each try that ended, and when the next begins.
	Report func(phase Phase, done, total int64)
	Cut    func(err error, next time.Duration)
}

// Result is what is in the pod.
type Result struct {
	Path    string
	Size    int64
	SHA256  string
	Mode    string // in octal, with the ids of user and group; empty where it was there already
	User    string
	Group   string
	Old     string // where what was there before is now; empty: nothing was
	Already bool   // it was there already, verified, and nothing was sent
	Sent    int64  // bytes
	Resumed int64  // bytes that were in the pod already when this call began
	Cuts    int    // tries that ended before their end
}

// upload is one call.
type upload struct {
	pod      Pod
	source   *Source
	o        Options
	good     []bool // chunks that the pod has
	result   Result
	first    bool
	wrong    int    // how often all of it had another hash
	followed string // the hash of all of the part, which the pod made while it came; empty: it did not
	best     int64  // bytes of good chunks, at most
	moved    time.Time
	old      string // suffix for what is at the path
	// moving: the part was told to take its name. replaced: something was at the path.
	moving, replaced bool
}

// maxWrong is how often all of it may have another hash before it is given up.
const maxWrong = 3

// Copy copies the source. It returns when the pod has all of it under its name, verified, or an error. After any error but a *Refused another
// call goes on where this one ended.
func Copy(ctx context.Context, pod Pod, source *Source, o Options) (Result, error) {
	if !path.IsAbs(o.Path) || path.Clean(o.Path) != o.Path || o.Path == "/" || strings.ContainsAny(o.Path, "\n\x00") {
		return Result{}, &Refused{Why: fmt.Sprintf("%q is no whole path in a pod", o.Path), Next: "write it from the root on, like /domain-upgrade-dump/domain_migration_dump.json"}
	}
	u := &upload{pod: pod, source: source, o: o, good: make([]bool, len(source.chunks)), first: true, moved: o.Clock.Now()}
	u.result = Result{Path: o.Path, Size: source.size, SHA256: source.sum}
	if o.KeepOld {
		u.old = "old-" + o.Clock.Now().UTC().Format("20060102T150405Z")
	}
	for wait := time.Duration(0); ; {
		done, err := u.once(ctx)
		switch {
		case done:
			return u.result, nil
		case err != nil && (ctx.Err() != nil || !transient(err)):
			return u.result, err
		}
		if err == nil { // something was not yet right, and is known now
			continue
		}
		u.result.Cuts++
		if have := u.have(); have > u.best {
			u.best, u.moved, wait = have, o.Clock.Now(), 0
		}
		wait = min(max(time.Second, 2*wait), 30*time.Second)
		if o.Clock.Now().Add(wait).Sub(u.moved) > o.Patience {
			return u.result, err
		}
		if o.Cut != nil {
			o.Cut(err, wait)
		}
		timer := o.Clock.NewTimer(wait)
		select {
		case <-timer.C():
		case <-ctx.Done():
			timer.Stop()
			return u.result, ctx.Err()
		}
	}
}

// transient says whether another try may do better. A container that has gone may come back.
func transient(err error) bool {
	var exit *kube.ExitError
	if errors.As(err, &exit) {
		return exit.Code == 137 || exit.Code == 143 || exit.Code == 129 // it was killed
	}
	var refused *Refused
	if errors.As(err, &refused) {
		return false
	}
	switch kube.KindOf(err) {
	case kube.NotFound, kube.Unreachable, kube.Canceled:
		return true
	case kube.Unknown:
		return errors.Is(err, errStalled)
	}
	return kube.IsTransient(err)
}

// once looks and does what is missing. done: all is there. Without an error and not done, another look is needed.
func (u *upload) once(ctx context.Context) (done bool, err error) {
	u.report(Looking, 0, 0)
	seen, err := u.look(ctx)
	if err != nil {
		return false, err
	}
	if done, err := u.judge(ctx, seen); done || err != nil {
		return done, err
	}
	if !seen.resumes(u.source) {
		clear(u.good)
		if _, err := u.run(ctx, begin(u.o.Path, u.source.record())); err != nil {
			return false, err
		}
		seen.part = 0
	}
	if err := u.check(ctx, seen.part); err != nil {
		return false, err
	}
	if u.first {
		u.first, u.result.Resumed = false, u.have()
	}
	if err := u.send(ctx); err != nil {
		return false, err
	}
	return u.end(ctx)
}

// judge decides by what is there. done: the file is there already.
func (u *upload) judge(ctx context.Context, s seen) (done bool, err error) {
	switch {
	case !s.looked:
		return false, &Refused{Why: "the shell of the container did not do what it was told", Next: "use --helper-pod, or copy the file in another way"}
	case len(s.missing) > 0:
		return false, &Refused{Why: "the image of the container has no " + strings.Join(s.missing, ", "), Next: "copy the file in another way; a helper pod has the same image"}
	case !s.folder:
		return false, &Refused{Why: "there is no folder " + path.Dir(u.o.Path) + " in the container", Next: "check the path, and that the volume is mounted there"}
	case s.isFolder:
		return false, &Refused{Why: u.o.Path + " is a folder", Next: "name the file that it is to become"}
	case !s.writable:
		return false, &Refused{Why: "the user of the container may not write to " + path.Dir(u.o.Path), Next: "check the path: a volume may be mounted read-only"}
	}
	if s.there && s.size == u.source.size {
		u.report(Verifying, 0, 0)
		sum, err := u.sum(ctx, hash(u.o.Path))
		if err != nil {
			return false, err
		}
		if sum == u.source.sum {
			u.result.Already = u.result.Sent == 0
			if !u.result.Already && u.old != "" && u.moving && u.replaced {
				u.result.Old = u.o.Path + "." + u.old
			}
			return true, nil
		}
	}
	switch {
	case s.there && !u.o.KeepOld:
		return false, &Refused{Why: fmt.Sprintf("%s is there already and is another file (%d bytes); nothing was sent", u.o.Path, s.size), Next: "look what it is; --keep-old moves it aside"}
	case s.hasPart && !s.resumes(u.source) && !u.o.StartOver:
		return false, &Refused{Why: fmt.Sprintf("%s%s is there already (%d bytes), and is not of this file: %s", u.o.Path, Part, s.part, s.whose()),
			Next: "make sure that nobody is copying it at this moment; --start-over throws it away", Part: true}
	}
	if s.room >= 0 && u.source.size-s.part > s.room {
		return false, &Refused{Why: fmt.Sprintf("the volume has room for %d bytes, and %d are to come", s.room, u.source.size-s.part), Next: "make room on the volume"}
	}
	return false, nil
}

// have is how many bytes of good chunks the pod has.
func (u *upload) have() (n int64) {
	for i, good := range u.good {
		if good {
			start, end := u.source.span(i, i+1)
			n += end - start
		}
	}
	return n
}

func (u *upload) report(p Phase, done, total int64) {
	if u.o.Report != nil {
		u.o.Report(p, done, total)
	}
}

// run runs a short command and answers what it wrote.
func (u *upload) run(ctx context.Context, command []string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 2*time.Minute, errStalled)
	defer cancel()
	var out bytes.Buffer
	if err := u.pod.Exec(ctx, command, nil, &out, nil); err != nil {
		return "", stalled(ctx, err)
	}
	return out.String(), nil
}

// sum runs a command that prints one hash at its end. It may take as long as the volume needs.
func (u *upload) sum(ctx context.Context, command []string) (string, error) {
	var out bytes.Buffer
	if err := u.pod.Exec(ctx, command, nil, &out, nil); err != nil {
		return "", err
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	sum, _, _ := strings.Cut(lines[len(lines)-1], " ")
	return sum, nil
}

// end makes what was sent durable, hashes it in the pod, and gives it its name.
func (u *upload) end(ctx context.Context) (bool, error) {
	u.report(Verifying, 0, 0)
	var out bytes.Buffer
	if err := u.pod.Exec(ctx, settle(u.o.Path), nil, &out, nil); err != nil {
		return false, explain(err, exitNotStored, "the pod cannot make the file durable: neither sync nor dd does it", "look at the volume and its storage")
	}
	size, sum := strings.TrimSpace(out.String()), u.followed
	if sum != u.source.sum {
		var err error
		if sum, err = u.sum(ctx, hash(u.o.Path+Part)); err != nil {
			return false, err
		}
	}
	if size != strconv.FormatInt(u.source.size, 10) || sum != u.source.sum {
		if u.source.changed() {
			return false, &Refused{Why: u.source.file.Name() + " was changed while it was sent", Next: "wait until nothing writes it any more, and start again with --start-over"}
		}
		if u.wrong++; u.wrong == maxWrong {
			return false, fmt.Errorf("the pod has another file than was sent, %d times over: SHA-256 %.16s… and %s bytes instead of %.16s… and %d.\n  Something on the way or the volume damages data; %s%s is what it has, and %s was not touched",
				maxWrong, sum, size, u.source.sum, u.source.size, u.o.Path, Part, u.o.Path)
		}
		clear(u.good) // which chunks it is, is looked for
		u.followed = ""
		return false, nil
	}
	u.moving = true
	told, err := u.run(ctx, finish(u.o.Path, u.old))
	if err != nil {
		err = explain(err, exitThere, u.o.Path+" has come there meanwhile, and is not written over", "look what it is; the copy is whole and stands beside it as "+u.o.Path+Part)
		return false, explain(err, exitNotMoved, "the pod could not give the file its name", "look at the folder in the pod; the copy is whole and stands there as "+u.o.Path+Part)
	}
	fields := append(strings.Fields(told), "", "", "", "")
	u.result.Mode, u.result.User, u.result.Group = fields[0], fields[1], fields[2]
	if fields[3] != strconv.FormatInt(u.source.size, 10) {
		return false, fmt.Errorf("%s has %s bytes after it got its name, and %d were verified: somebody else writes it", u.o.Path, fields[3], u.source.size)
	}
	if u.replaced && u.old != "" {
		u.result.Old = u.o.Path + "." + u.old
	}
	return true, nil
}

// explain turns an exit code of our own scripts into a refusal.
func explain(err error, code int, why, next string) error {
	var exit *kube.ExitError
	if errors.As(err, &exit) && exit.Code == code {
		return &Refused{Why: why, Next: next}
	}
	return err
}
