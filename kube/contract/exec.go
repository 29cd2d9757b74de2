package contract

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"canton.example/svrescue/kube"
)

// Commands are what the cases run, each as "sh -c". What stands in for a container knows them by their text.
const (
	Both     = "echo out; echo err >&2; exit 7"
	Cat      = "cat"
	Sum      = "sha256sum"
	Enough   = "head -c 1 >/dev/null; echo enough; exit 5"
	Wait     = "echo started; sleep 600"
	Complain = "echo 'disk is full' >&2; exit 3"
	Zeros    = "head -c 8388608 /dev/zero"
)

func (e *Env) exec(script string) kube.ExecSpec {
	return kube.ExecSpec{Namespace: e.ns, Pod: "p", Command: []string{"sh", "-c", script}}
}

func (e *Env) hands() *kube.Hands {
	return e.cluster.Hands(append(kube.AccessExec(e.ns, ""), kube.AccessTunnel(e.ns, "")...), false)
}

// pattern is data that no part of it repeats, as a stream.
type pattern struct{ at, size int64 }

func (p *pattern) Read(b []byte) (int, error) {
	n := 0
	for n < len(b) && p.at < p.size {
		b[n] = byte(p.at*2654435761>>16) ^ byte(p.at)
		n++
		p.at++
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Checksum is what sha256sum prints of a stream.
func Checksum(r io.Reader) string {
	h := sha256.New()
	io.Copy(h, r)
	return hex.EncodeToString(h.Sum(nil))
}

// gate signals the first write to it.
type gate struct {
	first chan struct{}
	bytes.Buffer
}

func (g *gate) Write(p []byte) (int, error) {
	if g.Len() == 0 {
		close(g.first)
	}
	return g.Buffer.Write(p)
}

var commands = []Case{
	{"a command's two outputs and its exit code", func(e *Env) {
		e.pod("p")
		var out, errs bytes.Buffer
		err := e.hands().Exec(e.ctx, e.exec(Both), nil, &out, &errs)
		var exit *kube.ExitError
		if !errors.As(err, &exit) || exit.Code != 7 || exit.Stderr != "" {
			e.Fatalf("got %v", err)
		}
		e.kind(err, kube.Failed)
		if out.String() != "out\n" || errs.String() != "err\n" {
			e.Errorf("out %q err %q", &out, &errs)
		}
	}},
	{"the last of an unclaimed standard error is in the error", func(e *Env) {
		e.pod("p")
		err := e.hands().Exec(e.ctx, e.exec(Complain), nil, nil, nil)
		var exit *kube.ExitError
		if !errors.As(err, &exit) || exit.Code != 3 || exit.Stderr != "disk is full" {
			e.Fatalf("got %v", err)
		}
		if want := "exit code 3: disk is full"; !strings.Contains(err.Error(), want) {
			e.Errorf("%q is not in %q", want, err)
		}
	}},
	{"the end of the input reaches the command", func(e *Env) {
		e.pod("p")
		for _, input := range []string{"", "one\ntwo\n"} {
			var out bytes.Buffer
			e.ok(e.hands().Exec(e.ctx, e.exec(Cat), strings.NewReader(input), &out, nil))
			if out.String() != input {
				e.Errorf("got %q for %q", &out, input)
			}
		}
	}},
	{"a command without input", func(e *Env) {
		e.pod("p")
		var out bytes.Buffer
		e.ok(e.hands().Exec(e.ctx, e.exec(Cat), nil, &out, nil))
		if out.Len() != 0 {
			e.Errorf("got %q", &out)
		}
	}},
	{"much data in", func(e *Env) {
		e.pod("p")
		var out bytes.Buffer
		e.ok(e.hands().Exec(e.ctx, e.exec(Sum), &pattern{size: e.size()}, &out, nil))
		if got, want := strings.Fields(out.String()), Checksum(&pattern{size: e.size()}); len(got) == 0 || got[0] != want {
			e.Errorf("got %q, want %s", &out, want)
		}
	}},
	{"much data out", func(e *Env) {
		e.pod("p")
		h := sha256.New()
		e.ok(e.hands().Exec(e.ctx, e.exec(Zeros), nil, h, nil))
		if got, want := hex.EncodeToString(h.Sum(nil)), Checksum(io.LimitReader(zeros{}, 8<<20)); got != want {
			e.Errorf("got %s, want %s", got, want)
		}
	}},
	{"much data both ways", func(e *Env) {
		e.pod("p")
		h := sha256.New()
		e.ok(e.hands().Exec(e.ctx, e.exec(Cat), &pattern{size: e.size()}, h, nil))
		if got, want := hex.EncodeToString(h.Sum(nil)), Checksum(&pattern{size: e.size()}); got != want {
			e.Errorf("got %s, want %s", got, want)
		}
	}},
	{"a command that does not want all of its input", func(e *Env) {
		e.pod("p")
		var out bytes.Buffer
		spec := e.exec(Enough)
		spec.Command = kube.Draining(spec.Command...)
		err := e.hands().Exec(e.ctx, spec, &pattern{size: e.size()}, &out, nil)
		var exit *kube.ExitError
		if !errors.As(err, &exit) || exit.Code != 5 || out.String() != "enough\n" {
			e.Errorf("got %v, out %q", err, &out)
		}
	}},
	{"an input that fails is no end of input", func(e *Env) {
		e.pod("p")
		var out bytes.Buffer
		broken := errors.New("the archive is damaged")
		in := io.MultiReader(strings.NewReader("half"), failing{broken})
		err := e.hands().Exec(e.ctx, e.exec(Sum), in, &out, nil)
		if !errors.Is(err, broken) || out.Len() != 0 {
			e.Errorf("got %v, out %q", err, &out)
		}
	}},
	{"an output that cannot be kept", func(e *Env) {
		e.pod("p")
		full := errors.New("no space left")
		if err := e.hands().Exec(e.ctx, e.exec(Zeros), nil, unwilling{full}, nil); !errors.Is(err, full) {
			e.Errorf("got %v", err)
		}
	}},
	{"giving up ends the call at once", func(e *Env) {
		e.pod("p")
		ctx, cancel := context.WithCancel(e.ctx)
		out := &gate{first: make(chan struct{})}
		in, feeder := io.Pipe()
		defer feeder.Close()
		go func() { <-out.first; cancel() }()
		e.within(5*time.Second, "the call", func() { e.kind(e.hands().Exec(ctx, e.exec(Wait), in, out, nil), kube.Canceled) })
		if out.String() != "started\n" {
			e.Errorf("got %q", out)
		}
		ctx, stop := context.WithTimeout(e.ctx, 300*time.Millisecond)
		defer stop()
		e.within(5*time.Second, "the call", func() { e.kind(e.hands().Exec(ctx, e.exec(Wait), nil, nil, nil), kube.Timeout) })
	}},
	{"a pod that goes does not look like success", func(e *Env) {
		e.pod("p")
		out := &gate{first: make(chan struct{})}
		ended := make(chan error, 1)
		go func() { ended <- e.hands().Exec(e.ctx, e.exec(Wait), nil, out, nil) }()
		<-out.first
		e.removePod("p")
		var exit *kube.ExitError
		if err := <-ended; !errors.As(err, &exit) && kube.KindOf(err) != kube.Unreachable {
			e.Errorf("got %v", err)
		} else if exit != nil && exit.Code != 137 {
			e.Errorf("exit code %d", exit.Code)
		}
	}},
	{"what cannot run a command says why", func(e *Env) {
		e.pod("p")
		e.makePod("waiting", "docker.io/library/no-such-image:rig")
		try := func(pod, container string, command ...string) error {
			return e.hands().Exec(e.ctx, kube.ExecSpec{Namespace: e.ns, Pod: pod, Container: container, Command: command}, nil, nil, nil)
		}
		for _, c := range []struct {
			err  error
			kind kube.Kind
			text string
		}{
			{try("nobody", "", "true"), kube.NotFound, `pods "nobody" not found`},
			{try("p", "other", "true"), kube.Invalid, "container other is not valid for pod p"},
			{try("p", "", "no-such-program", "x"), kube.Invalid, "executable file not found"},
			{try("p", "main", "true"), "", ""},
		} {
			if kube.KindOf(c.err) != c.kind || c.err != nil && !strings.Contains(c.err.Error(), c.text) {
				e.Errorf("got %q: %v; want %q: %s", kube.KindOf(c.err), c.err, c.kind, c.text)
			}
		}
		e.eventually("the pod has a node, and no container", func() error {
			err := try("waiting", "", "true")
			if kube.KindOf(err) != kube.NotFound {
				e.Fatal(err)
			}
			if !strings.Contains(err.Error(), `container not found ("main")`) {
				return fmt.Errorf("got %w", err)
			}
			return nil
		})
	}},
	{"hands that only try run nothing", func(e *Env) {
		e.pod("p")
		hands := e.cluster.Hands(kube.AccessExec(e.ns, "p"), true)
		e.kind(hands.Exec(e.ctx, e.exec(Both), nil, nil, nil), kube.Refused)
		hands = e.cluster.Hands(kube.AccessExec(e.ns, "other"), false)
		e.kind(hands.Exec(e.ctx, e.exec(Both), nil, nil, nil), kube.Refused)
	}},
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

type unwilling struct{ err error }

func (u unwilling) Write([]byte) (int, error) { return 0, u.err }
