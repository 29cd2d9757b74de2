// Package contract states what the verbs of package kube that reach into pods, change what other programs own, or keep what several operators
// write, promise on any API server, as tests that are run over the simulator and on a real cluster alike. Package kube/sim/contract does the
// same for the API server itself.
package contract

import (
	"context"
	"io"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"canton.example/svrescue/kube"
)

// Options name what the cluster under test offers.
type Options struct {
	Config  *rest.Config                   // of an administrator, for what surrounds the verbs
	Connect func(*testing.T) *kube.Cluster // as the same
	Image   string                         // with a shell, cat, nc, head and sha256sum; "docker.io/library/busybox:rig"
	Small   bool                           // an eighth of the data
}

// Case is one promise.
type Case struct {
	Name string
	Test func(*Env)
}

// Cases lists every case.
func Cases() []Case {
	var all []Case
	for _, l := range [][]Case{commands, tunnels, fields, configMaps, merges} {
		all = append(all, l...)
	}
	return all
}

// Run runs one case. Call it once per *testing.T.
func (c Case) Run(t *testing.T, o Options) {
	t.Helper()
	if o.Image == "" {
		o.Image = "docker.io/library/busybox:rig"
	}
	e := &Env{T: t, Options: o, clock: clock.RealClock{}, ctx: context.Background()}
	hc, err := rest.HTTPClientFor(o.Config)
	e.ok(err)
	t.Cleanup(hc.CloseIdleConnections)
	e.admin, err = kubernetes.NewForConfigAndClient(o.Config, hc)
	e.ok(err)
	ns, err := e.admin.CoreV1().Namespaces().Create(e.ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "verbs-"}}, metav1.CreateOptions{})
	e.ok(err)
	e.ns = ns.Name
	t.Cleanup(func() {
		if err := e.admin.CoreV1().Namespaces().Delete(e.ctx, e.ns, metav1.DeleteOptions{}); err != nil {
			t.Errorf("cleaning up: %v", err)
		}
	})
	e.cluster = o.Connect(t)
	c.Test(e)
}

// Env is what a case works with.
type Env struct {
	*testing.T
	Options
	clock   clock.WithTicker
	ctx     context.Context
	admin   *kubernetes.Clientset
	cluster *kube.Cluster
	ns      string
}

const patience = 60 * time.Second

func (e *Env) ok(err error) {
	e.Helper()
	if err != nil {
		e.Fatal(err)
	}
}

// eventually waits until f answers nil.
func (e *Env) eventually(what string, f func() error) {
	e.Helper()
	end := e.clock.Now().Add(patience)
	for {
		err := f()
		if err == nil {
			return
		}
		if e.clock.Now().After(end) {
			e.Fatalf("%s: not within %v: %v", what, patience, err)
		}
		e.clock.Sleep(100 * time.Millisecond)
	}
}

// within runs f and fails if it takes longer.
func (e *Env) within(d time.Duration, what string, f func()) {
	e.Helper()
	began := e.clock.Now()
	f()
	if took := e.clock.Since(began); took > d {
		e.Errorf("%s took %v", what, took)
	}
}

func (e *Env) kind(err error, want kube.Kind) {
	e.Helper()
	if got := kube.KindOf(err); got != want {
		e.Fatalf("got %q (%v), want %q", got, err, want)
	}
}

// Serving is what the pod of the cases runs: an echo on EchoPort, and nothing on any other port.
const (
	Serving  = "nc -ll -p 7777 -e cat & while :; do sleep 1; done"
	EchoPort = 7777
)

// pod makes a pod and waits until its container runs.
func (e *Env) pod(name string) {
	e.Helper()
	e.makePod(name, e.Image)
	e.eventually("pod "+name+" runs", func() error {
		p, err := e.admin.CoreV1().Pods(e.ns).Get(e.ctx, name, metav1.GetOptions{})
		if err == nil && (p.Status.Phase != corev1.PodRunning || !p.Status.ContainerStatuses[0].Ready) {
			err = io.ErrNoProgress
		}
		return err
	})
}

func (e *Env) makePod(name, image string) {
	e.Helper()
	grace := int64(1)
	_, err := e.admin.CoreV1().Pods(e.ns).Create(e.ctx, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.PodSpec{
		TerminationGracePeriodSeconds: &grace,
		Containers: []corev1.Container{{Name: "main", Image: image, ImagePullPolicy: corev1.PullNever,
			Command: []string{"sh", "-c", Serving}}},
	}}, metav1.CreateOptions{})
	e.ok(err)
}

func (e *Env) removePod(name string) {
	e.Helper()
	e.ok(e.admin.CoreV1().Pods(e.ns).Delete(e.ctx, name, metav1.DeleteOptions{}))
}

// size is how much data "big" is.
func (e *Env) size() int64 {
	if e.Small {
		return 1 << 20
	}
	return 8 << 20
}
