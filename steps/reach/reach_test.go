package reach_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/reach"
	"k8s.io/utils/clock"
)

// pods is a cluster with one ready pod, whose one port answers HTTP.
type pods struct {
	answer func(io.Writer) // to a request
	opened []kube.Access
	none   bool
	said   string // by a command, before it fails
	code   int
}

func (p *pods) Pods(context.Context, string, string) ([]kube.Pod, error) {
	if p.none {
		return []kube.Pod{{Meta: kube.Meta{Name: "participant-0"}, Phase: "Pending"}}, nil
	}
	return []kube.Pod{{Meta: kube.Meta{Name: "participant-0"}, Phase: "Pending"}, {Meta: kube.Meta{Name: "participant-1"}, Ready: true}}, nil
}

func (p *pods) SecretValue(context.Context, string, string, string) (secret.String, bool, error) {
	return secret.New("invented"), true, nil
}
func (p *pods) Hands([]kube.Access, bool) *kube.Hands { return nil }

func (p *pods) Exec(_ context.Context, _ kube.ExecSpec, _ io.Reader, _, stderr io.Writer) error {
	_, _ = io.WriteString(stderr, p.said)
	return &kube.ExitError{Code: p.code}
}

func (p *pods) Tunnel(context.Context, string, string, int) (net.Conn, error) {
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		if _, err := http.ReadRequest(bufio.NewReader(far)); err == nil {
			p.answer(far)
		}
	}()
	return near, nil
}

func (p *pods) options() reach.Options {
	return reach.Options{Cluster: p, Clock: clock.RealClock{}, Inside: func(a []kube.Access) reach.Inside { p.opened = append(p.opened, a...); return p }}
}

func TestGet(t *testing.T) {
	text := func(s string) func(io.Writer) { return func(w io.Writer) { _, _ = io.WriteString(w, s) } }
	for _, c := range []struct {
		name, want, problem string
		answer              func(io.Writer)
	}{
		{"an answer", "metric 1\n", "", text("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nmetric 1\n")},
		{"not found", "", "404", text("HTTP/1.1 404 Not Found\r\nContent-Length: 6\r\n\r\n<html>")},
		{"elsewhere", "", "302", text("HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n")},
		{"cut", "", "cut", text("HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\nmetric 1\n")},
		{"no HTTP", "", "ended the conversation", text("SSH-2.0-x\r\n")},
		{"too long", "", "4 MiB", text("HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 5<<20))},
		{"no answer", "", "no answer", func(w io.Writer) { _, _ = io.Copy(io.Discard, w.(io.Reader)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &pods{answer: c.answer}
				got, err := reach.NewPods(p.options()).Get(t.Context(), "sv", "app=participant", 10013, "/metrics")
				if string(got) != c.want || (err == nil) != (c.problem == "") || err != nil && !strings.Contains(err.Error(), c.problem) {
					t.Errorf("%.40q, %v", got, err)
				}
				if want := kube.AccessTunnel("sv", "participant-1")[0]; len(p.opened) != 1 || p.opened[0] != want {
					t.Errorf("opened with %v, want %v alone", p.opened, want)
				}
			})
		})
	}
}

func TestNoReadyPod(t *testing.T) {
	p := &pods{none: true}
	if _, err := reach.NewPods(p.options()).Get(t.Context(), "sv", "app=participant", 1, "/"); err == nil || !strings.Contains(err.Error(), "participant-0 is not ready (Pending)") || len(p.opened) > 0 {
		t.Errorf("%v, opened %v", err, p.opened)
	}
}

func TestAccesses(t *testing.T) {
	s := postgres.Server{Namespace: "sv", Workload: "apps-pg", Secret: "apps-pg-secret"}
	text := func(all []kube.Access) string {
		var words []string
		for _, a := range all {
			words = append(words, a.String())
		}
		return strings.Join(words, ", ")
	}
	if got := text(reach.AccessesOf(postgres.Change{Verb: "load"}, s)); got != "list pods sv/*, get secrets sv/apps-pg-secret, create pods/portforward sv/apps-pg-0, create pods/exec sv/apps-pg-0" {
		t.Error(got)
	}
	s.Workload = ""
	if got := text(reach.AccessesOf(postgres.Change{Verb: "load"}, s)); got != "list pods sv/*, get secrets sv/apps-pg-secret, create pods/exec sv/*" {
		t.Error(got)
	}
}
