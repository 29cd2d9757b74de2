// Package contract says what way to a database server, the server, and the programs in its pod promise together. Its cases run against the
// simulated server in the tests of package reach, and against real ones end to end, so that the simulated one stays honest.
package contract

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/reach"
	"k8s.io/utils/clock"
)

// World is a server with nothing in it but the administration database Admin, and what the cases do to it behind the product's back.
type World struct {
	Password string
	Port     int
	Dial     func(ctx context.Context) (net.Conn, error)
	Exec     func(ctx context.Context, command []string, stdin io.Reader, stdout, stderr io.Writer) int
	// Seed makes a database with tables.
	Seed func(t testing.TB, name string, tables []Table)
	// Tables reads back how many rows tables have: "schema.name" to rows. Other tables need not be in it.
	Count func(t testing.TB, name string, table Table) (rows int, there bool)
	// Session connects somebody else, who stays until ended. Hold holds a database in a way that nobody can end.
	Session func(t testing.TB, name string)
	Hold    func(t testing.TB, name string)
	// Dumps are files that were dumped from a database, by form.
	Dumps func(t testing.TB, name string) map[Form]string
	// Locale is how a database was made, in any words that differ when it differs.
	Locale func(t testing.TB, name string) string
	// Plain answers a user who may make databases, is no superuser, has the password of the world, and owns this one database alone. What
	// there is by then belongs to somebody else.
	Plain func(t testing.TB, owns string) (user string)
	// Fill leaves the volume of the server so many bytes; nil where that is not possible.
	Fill func(t testing.TB, left int64)

	cutAfter  int64 // of what is sent to a command; 0: not at all
	clientPod bool  // the run has made a pod that reaches servers outside the cluster
}

// Form is a form of dump.
type Form string

const (
	Custom    Form = "custom archive"
	Directory Form = "directory archive"
	Plain     Form = "SQL"
	Create    Form = "SQL that makes its database"
	Cluster   Form = "SQL of the whole cluster"
	Gzip      Form = "SQL, compressed"
)

// Table is a table to seed.
type Table struct {
	Schema, Name string
	Columns      [][2]string // name, type
	Rows         [][]string  // "NULL" is NULL
}

// Admin is the administration database.
const Admin = "cantonnet"

const namespace, workload, clientName = "sv", "apps-pg", "svrescue-client"

func (w *World) server() postgres.Server {
	return postgres.Server{Namespace: namespace, Workload: workload, Selector: "app=" + workload, Container: workload, Host: workload, Port: w.Port,
		User: "cnadmin", Secret: workload + "-secret", Key: "postgresPassword", Admin: Admin}
}

func (w *World) databases(clk clock.WithTicker) *reach.Databases {
	return reach.NewDatabases(reach.Options{Cluster: w, Clock: clk, Run: "run1", Dial: w.direct, Inside: func(allowed []kube.Access) reach.Inside { return inside{w, allowed} }})
}

// direct is the way from this machine to a server outside the cluster, which is closed where there is a pod for it.
func (w *World) direct(ctx context.Context, _, _ string) (net.Conn, error) {
	if w.clientPod {
		return nil, errors.New("connection timed out")
	}
	return w.Dial(ctx)
}

// outside is the server as one outside the cluster.
func (w *World) outside() postgres.Server {
	s := w.server()
	s.Workload, s.Selector, s.Container, s.Host = "", "", "", "127.0.0.1"
	return s
}

// writer may do everything that the cases do; what is not shown is a case of its own.
func (w *World) writer(clk clock.WithTicker, changes ...postgres.Change) *reach.Writer {
	for i := range changes {
		changes[i].Server = workload
	}
	return w.databases(clk).Writer(changes, false)
}

// Pods, SecretValue and Hands make the world a reach.Cluster with one pod.
func (w *World) Pods(_ context.Context, ns, selector string) ([]kube.Pod, error) {
	if w.clientPod && selector == reach.ClientLabel+"=run1" {
		return []kube.Pod{{Meta: kube.Meta{Namespace: ns, Name: clientName}, Ready: true}}, nil
	}
	if ns != namespace || selector != "app="+workload {
		return nil, nil
	}
	return []kube.Pod{
		{Meta: kube.Meta{Namespace: ns, Name: workload + "-backup-x"}, Ready: true},
		{Meta: kube.Meta{Namespace: ns, Name: workload + "-0"}, Ready: true, Phase: "Running"},
	}, nil
}

func (w *World) SecretValue(_ context.Context, ns, name, key string) (secret.String, bool, error) {
	if ns != namespace || name != workload+"-secret" || key != "postgresPassword" {
		return secret.String{}, false, nil
	}
	return secret.New(w.Password), true, nil
}

func (w *World) Hands([]kube.Access, bool) *kube.Hands { return nil }

// inside opens what the accesses cover, in the one pod.
type inside struct {
	world   *World
	allowed []kube.Access
}

var errNotAllowed = errors.New("the way was opened with an access that does not cover it")

func (i inside) covers(a kube.Access) bool { return len(i.allowed) == 1 && i.allowed[0] == a }

func (i inside) Tunnel(ctx context.Context, ns, pod string, port int) (net.Conn, error) {
	if !i.covers(kube.AccessTunnel(ns, pod)[0]) || pod != workload+"-0" || port != i.world.Port {
		return nil, errNotAllowed
	}
	return i.world.Dial(ctx)
}

func (i inside) Exec(ctx context.Context, spec kube.ExecSpec, stdin io.Reader, stdout, stderr io.Writer) error {
	if !i.covers(kube.AccessExec(spec.Namespace, spec.Pod)[0]) || !(spec.Pod == workload+"-0" && spec.Container == workload || spec.Pod == clientName && spec.Container == "") {
		return errNotAllowed
	}
	watched := &input{Reader: stdin}
	if stdin == nil {
		watched.Reader = errReader{}
	}
	if i.world.cutAfter > 0 && stdin != nil {
		watched.Reader = io.LimitReader(stdin, i.world.cutAfter)
		_ = i.world.Exec(ctx, spec.Command, watched, stdout, stderr) // how it ended is never told
		return &kube.Error{Kind: kube.Unreachable, Tried: "run the command", Seen: "the connection was cut"}
	}
	code := i.world.Exec(ctx, spec.Command, watched, stdout, stderr)
	switch {
	case watched.err != nil:
		return watched.err // the connection is cut
	case code != 0:
		return &kube.ExitError{Code: code, Command: spec.Command[0], Namespace: spec.Namespace, Pod: spec.Pod}
	}
	return nil
}

// input remembers an error of stdin, and ends it as a broken connection does.
type input struct {
	io.Reader
	err error
}

func (r *input) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if err != nil && err != io.EOF {
		r.err, err = err, io.EOF
	}
	return n, err
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, io.EOF }

// hasty is a clock on which a minute is over soon: each look at it is a minute later.
type hasty struct {
	clock.RealClock
	looks int
}

func (h *hasty) Now() time.Time {
	h.looks++
	return time.Unix(int64(h.looks)*60, 0)
}
