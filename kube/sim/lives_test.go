package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// witness notes which containers start and end, and what they see.
type witness struct {
	mu    sync.Mutex
	notes []string
}

func (w *witness) note(format string, a ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notes = append(w.notes, fmt.Sprintf(format, a...))
}

func (w *witness) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.notes, "; ")
}

func (w *witness) Exec(context.Context, Pod, []string, io.Reader, io.Writer, io.Writer) (int, error) {
	return 0, errors.New("no command")
}
func (w *witness) Dial(context.Context, Pod, int) (net.Conn, error) {
	return nil, errors.New("connection refused")
}

func (w *witness) Started(in Pod) *Workload {
	w.note("%s starts with %s %s, blank %v", in.Owner, in.Files["/dump"]["content"], in.Env["IDENTIFIER"], in.Blank)
	if in.Owner != "app" {
		return nil
	}
	if in.Starts == 0 {
		return &Workload{Crash: &Crash{After: D(5 * time.Second), Log: []string{"Unknown secret"}}}
	}
	return &Workload{ReadyDelay: D(time.Minute), Log: []Line{{Text: "imported"}}}
}

func (w *witness) Ended(in Pod) { w.note("%s ends", in.Owner) }

const lively = `
apiVersion: v1
kind: Secret
metadata: {name: dump, namespace: validator}
stringData: {content: the-dump}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: validator}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: app, namespace: validator}
spec:
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      containers:
      - name: app
        image: app
        env: [{name: IDENTIFIER, value: recovery-1}]
        volumeMounts: [{name: dump, mountPath: /dump, readOnly: true}, {name: data, mountPath: /data}]
      volumes: [{name: dump, secret: {secretName: dump}}, {name: data, persistentVolumeClaim: {claimName: data}}]
`

// What is inside hears of each start and each end once, sees the files of the pod, and decides how the container does.
func TestLives(t *testing.T) {
	w := &witness{}
	inWorld(t, Options{Inside: w}, func(t *testing.T, s *Server, cfg *rest.Config) {
		if err := s.LoadYAML([]byte(lively)); err != nil {
			t.Fatal(err)
		}
		c := client(t, cfg)
		ready := func() bool {
			d, err := c.AppsV1().Deployments("validator").Get(bg, "app", metav1.GetOptions{})
			return err == nil && d.Status.ReadyReplicas == 1
		}
		time.Sleep(50 * time.Second)
		if ready() {
			t.Error("ready before what is inside said so")
		}
		until(t, "ready", 2*time.Minute, ready)
		if err := c.AppsV1().Deployments("validator").Delete(bg, "app", metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		const start = "app starts with the-dump recovery-1, blank "
		if got, want := w.text(), start+"[data]; app ends; "+start+"[]; app ends"; got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	})
}
