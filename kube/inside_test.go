package kube_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/contract"
	"canton.example/svrescue/kube/sim"
)

const database = `
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: rig, annotations: {storageclass.kubernetes.io/is-default-class: "true"}}
provisioner: csi.rig.local
---
apiVersion: v1
kind: Secret
metadata: {name: pg-secret, namespace: sv}
stringData: {postgresPassword: s3cret}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: pg, namespace: sv}
spec:
  replicas: 1
  serviceName: pg
  selector: {matchLabels: {app: pg}}
  template:
    metadata: {labels: {app: pg}}
    spec:
      containers:
      - name: postgres
        image: postgres:14
        env:
        - {name: PASSWORD, valueFrom: {secretKeyRef: {name: pg-secret, key: postgresPassword}}}
        - {name: URL, value: "user:$(PASSWORD)@$(NOWHERE)"}
        volumeMounts: [{name: data, mountPath: /data}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
`

// keeper keeps what it is told on its volume.
type keeper struct{ ran *atomic.Int32 }

func (k keeper) Exec(_ context.Context, in sim.Pod, command []string, stdin io.Reader, stdout, _ io.Writer) (int, error) {
	claim := in.Claims["/data"]
	switch command[0] {
	case "store":
		b, err := io.ReadAll(stdin)
		if err != nil {
			return 1, nil
		}
		err = in.SetContent(claim, string(b))
		k.ran.Add(1)
		return 0, err
	case "show":
		fmt.Fprintf(stdout, "%s|%s|%s", in.Owner, in.Content(claim), in.Env["URL"])
		return 0, nil
	case "dump":
		for range 100 {
			if _, err := stdout.Write(make([]byte, 10_000)); err != nil {
				return 1, nil
			}
		}
		return 0, nil
	}
	return 0, errors.New("nobody knows " + command[0])
}

func (keeper) Dial(context.Context, sim.Pod, int) (net.Conn, error) {
	a, b := net.Pipe()
	go func() { io.Copy(b, b); b.Close() }()
	return a, nil
}

// inDatabase runs f on a world with a database whose pod runs.
func inDatabase(t *testing.T, o sim.Options, handler func(http.Handler) http.Handler, f func(*testing.T, *sim.Server, *kube.Cluster)) {
	inBubble(t, o, handler, func(t *testing.T, world *sim.Server, o contract.Options) {
		if err := world.LoadYAML([]byte(database)); err != nil {
			t.Fatal(err)
		}
		cluster := o.Connect(t)
		await(t, "the pod runs", func() bool {
			pods, err := cluster.Pods(t.Context(), "sv", "app=pg")
			return err == nil && len(pods) == 1 && pods[0].Ready
		})
		f(t, world, cluster)
	})
}

func await(t *testing.T, what string, f func() bool) {
	t.Helper()
	for range 600 {
		if f() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("not within a minute: %s", what)
}

func inPod(command ...string) kube.ExecSpec {
	return kube.ExecSpec{Namespace: "sv", Pod: "pg-0", Command: command}
}

func TestWhatCommandsWriteStaysOnTheVolume(t *testing.T) {
	inDatabase(t, sim.Options{Inside: keeper{new(atomic.Int32)}}, nil, func(t *testing.T, world *sim.Server, c *kube.Cluster) {
		hands := c.Hands(kube.AccessExec("sv", "pg-0"), false)
		show := func() string {
			var out bytes.Buffer
			if err := hands.Exec(t.Context(), inPod("show"), nil, &out, nil); err != nil {
				t.Fatal(err)
			}
			return out.String()
		}
		if got, want := show(), "pg||user:s3cret@$(NOWHERE)"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if err := hands.Exec(t.Context(), inPod("store"), strings.NewReader("orders up to 7"), nil, nil); err != nil {
			t.Fatal(err)
		}
		if got, want := show(), "pg|orders up to 7|user:s3cret@$(NOWHERE)"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := world.World()["content sv/data-pg-0"]; got != "orders up to 7" {
			t.Errorf("the world has %q", got)
		}
	})
}

func TestABrokenStreamIsNeverSuccess(t *testing.T) {
	for name, handler := range map[string]func(http.Handler) http.Handler{"websocket": nil, "spdy": withoutWebSocket} {
		t.Run(name, func(t *testing.T) {
			ran := new(atomic.Int32)
			inDatabase(t, sim.Options{Inside: keeper{ran}}, handler, func(t *testing.T, world *sim.Server, c *kube.Cluster) {
				hands := c.Hands(append(kube.AccessExec("sv", "pg-0"), kube.AccessTunnel("sv", "pg-0")...), false)
				broken := func(what string, err error) {
					t.Helper()
					if kube.KindOf(err) != kube.Unreachable || !strings.Contains(err.Error(), "cut") {
						t.Errorf("%s: got %v", what, err)
					}
				}
				cut := func(resource string, f sim.Fault) {
					f.Resource, f.Do = resource, "cut"
					world.Set(sim.Knobs{Faults: []sim.Fault{f}})
				}
				var out bytes.Buffer
				cut("pods/exec", sim.Fault{Bytes: 300_000})
				broken("output", hands.Exec(t.Context(), inPod("dump"), nil, &out, nil))
				if out.Len() >= 1_000_000 {
					t.Errorf("%d bytes came", out.Len())
				}
				cut("pods/exec", sim.Fault{Bytes: 300_000})
				broken("input", hands.Exec(t.Context(), inPod("store"), bytes.NewReader(make([]byte, 1_000_000)), nil, nil))
				// What a command has read until then looks to it like all there is.
				await(t, "the half is stored", func() bool { return ran.Load() == 1 })
				cut("pods/exec", sim.Fault{After: true})
				broken("after the end", hands.Exec(t.Context(), inPod("store"), strings.NewReader("done"), nil, nil))
				if got, _ := world.ContentOf("sv", "data-pg-0"); ran.Load() != 2 || got != "done" {
					t.Errorf("the command did not run: %.20q", got)
				}

				cut("pods/portforward", sim.Fault{Bytes: 100_000})
				conn, err := hands.Tunnel(t.Context(), "sv", "pg-0", 5432)
				if err != nil {
					t.Fatal(err)
				}
				go conn.Write(make([]byte, 1_000_000))
				_, err = io.Copy(io.Discard, conn)
				broken("tunnel", err)
				conn.Close()

				if err := hands.Exec(t.Context(), inPod("show"), nil, nil, nil); err != nil {
					t.Errorf("after the faults: %v", err)
				}
			})
		})
	}
}

func TestAnOutageCutsStreams(t *testing.T) {
	inDatabase(t, sim.Options{Inside: busybox{}}, nil, func(t *testing.T, world *sim.Server, c *kube.Cluster) {
		hands := c.Hands(kube.AccessExec("sv", "pg-0"), false)
		world.Set(sim.Knobs{Outages: []sim.Outage{{From: *sim.D(time.Hour), Until: *sim.D(2 * time.Hour)}}})
		began := time.Now()
		err := hands.Exec(t.Context(), inPod("sh", "-c", contract.Wait), nil, nil, nil)
		if kube.KindOf(err) != kube.Unreachable || time.Since(began) > time.Hour {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

func TestCreatingIsPermissionEnough(t *testing.T) {
	rules := []sim.Rule{{Verbs: []string{"create"}, Resources: []string{"pods/exec", "pods/portforward"}}, {Verbs: []string{"list"}}}
	for name, user := range map[string]sim.User{"only create": {Name: "x", Rules: rules}, "nothing": {Name: "x", Rules: rules[1:]}} {
		t.Run(name, func(t *testing.T) {
			inDatabase(t, sim.Options{Inside: keeper{new(atomic.Int32)}, Users: map[string]sim.User{"admin": user}}, nil, func(t *testing.T, _ *sim.Server, c *kube.Cluster) {
				want := kube.Kind("")
				if len(user.Rules) < 2 {
					want = kube.Forbidden
				}
				hands := c.Hands(append(kube.AccessExec("sv", "pg-0"), kube.AccessTunnel("sv", "pg-0")...), false)
				err := hands.Exec(t.Context(), inPod("show"), nil, nil, nil)
				if kube.KindOf(err) != want {
					t.Errorf("got %v", err)
				}
				var e *kube.Error
				if errors.As(err, &e) && (e.Access == nil || e.Access.String() != "create pods/exec sv/pg-0") {
					t.Errorf("access %v", e.Access)
				}
				conn, err := hands.Tunnel(t.Context(), "sv", "pg-0", 5432)
				if kube.KindOf(err) != want {
					t.Errorf("got %v", err)
				}
				if err == nil {
					conn.Close()
				}
			})
		})
	}
}

func TestStreamsAreNotRedirected(t *testing.T) {
	var elsewhere atomic.Int32
	redirect := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case strings.HasPrefix(r.URL.Path, "/elsewhere"):
				elsewhere.Add(1)
			case r.Header.Get("Upgrade") != "":
				http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	inDatabase(t, sim.Options{Inside: keeper{new(atomic.Int32)}}, redirect, func(t *testing.T, _ *sim.Server, c *kube.Cluster) {
		hands := c.Hands(append(kube.AccessExec("sv", "pg-0"), kube.AccessTunnel("sv", "pg-0")...), false)
		if err := hands.Exec(t.Context(), inPod("show"), nil, nil, nil); err == nil {
			t.Error("a redirected command ran")
		}
		if _, err := hands.Tunnel(t.Context(), "sv", "pg-0", 5432); err == nil {
			t.Error("a redirected tunnel opened")
		}
		if elsewhere.Load() != 0 {
			t.Error("the redirection was followed")
		}
	})
}

func TestWithoutInside(t *testing.T) {
	inDatabase(t, sim.Options{}, nil, func(t *testing.T, _ *sim.Server, c *kube.Cluster) {
		hands := c.Hands(append(kube.AccessExec("sv", "pg-0"), kube.AccessTunnel("sv", "pg-0")...), false)
		if err := hands.Exec(t.Context(), inPod("show"), nil, nil, nil); err == nil || !strings.Contains(err.Error(), "Unimplemented") {
			t.Errorf("got %v", err)
		}
		conn, err := hands.Tunnel(t.Context(), "sv", "pg-0", 5432)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.Read(make([]byte, 1)); kube.KindOf(err) != kube.Unreachable || !strings.Contains(err.Error(), "Unimplemented") {
			t.Errorf("got %v", err)
		}
	})
}
