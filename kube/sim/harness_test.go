package sim

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"canton.example/svrescue/internal/pipes"
)

// inWorld runs f in a bubble with a server whose controllers run and who is reached by the configuration.
func inWorld(t *testing.T, o Options, f func(t *testing.T, s *Server, cfg *rest.Config)) {
	inStoppable(t, o, func(t *testing.T, s *Server, cfg *rest.Config, _ func()) { f(t, s, cfg) })
}

// inStoppable is inWorld for a test that ends the server itself.
func inStoppable(t *testing.T, o Options, f func(t *testing.T, s *Server, cfg *rest.Config, stop func())) {
	synctest.Test(t, func(t *testing.T) {
		if o.Clock == nil {
			o.Clock = clock.RealClock{}
		}
		s := New(o)
		if err := s.LoadYAML([]byte(classes)); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { s.Run(ctx); close(ended) }()
		p := pipes.Listen()
		h := &http.Server{Handler: s}
		go h.Serve(p)
		t.Cleanup(func() { stop(); <-ended; h.Close(); synctest.Wait() })
		f(t, s, &rest.Config{Host: "http://sim", BearerToken: "admin", Dial: p.Dial, QPS: -1}, stop)
	})
}

const classes = `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: rig, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: csi.rig.local
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: rig-wait}
provisioner: csi.rig.local
volumeBindingMode: WaitForFirstConsumer
---
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshotClass
metadata: {name: rig, annotations: {snapshot.storage.kubernetes.io/is-default-class: "true"}}
driver: csi.rig.local
deletionPolicy: Delete
`

// client makes a typed client whose connections end with the test.
func client(t *testing.T, cfg *rest.Config) *kubernetes.Clientset {
	t.Helper()
	hc, err := rest.HTTPClientFor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hc.CloseIdleConnections)
	c, err := kubernetes.NewForConfigAndClient(cfg, hc)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var bg = context.Background()

func until(t *testing.T, what string, within time.Duration, f func() bool) {
	t.Helper()
	step := max(50*time.Millisecond, within/500)
	for waited := time.Duration(0); waited <= within; waited += step {
		if f() {
			return
		}
		time.Sleep(step)
	}
	t.Fatalf("%s: not within %v", what, within)
}

func getPod(t *testing.T, c *kubernetes.Clientset, ns, name string) *corev1.Pod {
	t.Helper()
	p, err := c.CoreV1().Pods(ns).Get(bg, name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}
