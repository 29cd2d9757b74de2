// Package contract states what the product relies on in a Kubernetes API server, as tests that are run against the
// simulator and against a real cluster alike. Each case works in a namespace of its own and cleans up; it is patient about
// time and strict about meaning.
package contract

import (
	"context"
	"testing"
	"time"

	snapclient "github.com/kubernetes-csi/external-snapshotter/client/v8/clientset/versioned"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Options name what the cluster under test offers.
type Options struct {
	Immediate     string        // storage class that binds at once and is the default; "rig"
	Wait          string        // storage class with WaitForFirstConsumer; "rig-wait"
	SnapshotClass string        // "rig"
	Image         string        // with a shell and sleep, present on the node; "docker.io/library/busybox:rig"
	Patience      time.Duration // how long a state may take to come; 90 s
	Quiet         time.Duration // how long a state must hold to count as staying; 3 s
}

func (o Options) withDefaults() Options {
	set := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	set(&o.Immediate, "rig")
	set(&o.Wait, "rig-wait")
	set(&o.SnapshotClass, "rig")
	set(&o.Image, "docker.io/library/busybox:rig")
	if o.Patience == 0 {
		o.Patience = 90 * time.Second
	}
	if o.Quiet == 0 {
		o.Quiet = 3 * time.Second
	}
	return o
}

// Case is one promise. Test must be called once per *testing.T.
type Case struct {
	Name string
	test func(*env)
}

// Test runs the case against the server that cfg names, as an administrator.
func (c Case) Test(t *testing.T, cfg *rest.Config, o Options) {
	t.Helper()
	c.test(newEnv(t, cfg, o.withDefaults()))
}

// Run runs every case as a subtest.
func Run(t *testing.T, cfg *rest.Config, o Options) {
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) { c.Test(t, cfg, o) })
	}
}

// Cases lists every case, for callers that need a world of their own for each.
func Cases() []Case {
	var all []Case
	for _, l := range [][]Case{writing, patching, reading, deleting, workloads, storage, snapshots, access, streams} {
		all = append(all, l...)
	}
	return all
}

// env is what a case works with.
type env struct {
	*testing.T
	Options
	ctx  context.Context
	kube *kubernetes.Clientset
	snap *snapclient.Clientset
	dyn  *dynamic.DynamicClient
	ns   string
}

func newEnv(t *testing.T, cfg *rest.Config, o Options) *env {
	t.Helper()
	cfg = rest.CopyConfig(cfg)
	cfg.QPS = -1
	cfg.WarningHandler = rest.NoWarnings{}
	e := &env{T: t, Options: o, ctx: context.Background()}
	hc, err := rest.HTTPClientFor(cfg)
	e.ok(err)
	t.Cleanup(func() { utilnet.CloseIdleConnectionsFor(hc.Transport) })
	e.kube, err = kubernetes.NewForConfigAndClient(cfg, hc)
	e.ok(err)
	e.snap, err = snapclient.NewForConfigAndClient(cfg, hc)
	e.ok(err)
	e.dyn, err = dynamic.NewForConfigAndClient(cfg, hc)
	e.ok(err)
	ns, err := e.kube.CoreV1().Namespaces().Create(e.ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "contract-"}}, metav1.CreateOptions{})
	e.ok(err)
	e.ns = ns.Name
	t.Cleanup(func() {
		if err := e.kube.CoreV1().Namespaces().Delete(e.ctx, e.ns, metav1.DeleteOptions{}); err != nil {
			t.Errorf("cleaning up: %v", err)
		}
	})
	return e
}

func (e *env) ok(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// eventually waits until f returns an empty string; what f returns otherwise says what is missing.
func (e *env) eventually(what string, f func() string) {
	e.Helper()
	missing := ""
	for waited := time.Duration(0); waited <= e.Patience; waited += 100 * time.Millisecond {
		if missing = f(); missing == "" {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	e.Fatalf("%s: not within %v: %s", what, e.Patience, missing)
}

// stays fails when f stops returning an empty string within the quiet time.
func (e *env) stays(what string, f func() string) {
	e.Helper()
	for waited := time.Duration(0); waited <= e.Quiet; waited += 250 * time.Millisecond {
		if v := f(); v != "" {
			e.Fatalf("%s: %s", what, v)
		}
		time.Sleep(250 * time.Millisecond)
	}
}

// reason fails unless err is a Status error of that reason, code and message; an empty message matches any.
func (e *env) reason(err error, reason metav1.StatusReason, code int32, message string) {
	e.Helper()
	st, ok := err.(apierrors.APIStatus)
	if !ok {
		e.Fatalf("got %v, want a status error with reason %s", err, reason)
	}
	got := st.Status()
	if got.Reason != reason || got.Code != code {
		e.Fatalf("got %d %s (%s), want %d %s", got.Code, got.Reason, got.Message, code, reason)
	}
	if message != "" && got.Message != message {
		e.Fatalf("message:\n got %s\nwant %s", got.Message, message)
	}
}

func (e *env) gone(err error) string {
	if apierrors.IsNotFound(err) {
		return ""
	}
	if err != nil {
		return err.Error()
	}
	return "still there"
}

func ptr[T any](v T) *T { return &v }
