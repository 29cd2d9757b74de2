package kube_test

import (
	"flag"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/contract"
	"canton.example/svrescue/kube/sim"
)

var soak = flag.Bool("soak", false, "cut a connection at every byte instead of a sample")

// echoing is a pod that echoes on a port.
const echoing = `
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: default}
spec: {containers: [{name: main, image: "docker.io/library/busybox:rig", imagePullPolicy: Never}]}
`

// errands are what goes over a connection that is cut. Each says whether it was done whole; anything but an error or the whole of it fails.
var errands = []struct {
	name, resource string
	whole          func(*testing.T, *kube.Hands) bool
}{
	{"a tunnel", "pods/portforward", echoes},
	{"a tunnel to a closed port", "pods/portforward", refuses},
	{"a command", "pods/exec", answers},
}

// TestIsCutAnywhere breaks the connection of a tunnel or a command after so many bytes, counted in both directions. Whatever was under way, the
// answer is whole or an error, and no goroutine is left on either side: the bubble fails a test that leaves one.
func TestIsCutAnywhere(t *testing.T) {
	for name, handler := range map[string]func(http.Handler) http.Handler{"websocket": nil, "spdy": withoutWebSocket} {
		for _, e := range errands {
			t.Run(e.name+" by "+name, func(t *testing.T) {
				step := int64(17)
				if *soak {
					step = 1
				}
				whole := false
				for at := int64(0); !whole; at += step {
					if at > 1<<14 {
						t.Fatal("no connection is long enough")
					}
					inBubble(t, sim.Options{Inside: busybox{}}, handler, func(t *testing.T, world *sim.Server, o contract.Options) {
						if err := world.LoadYAML([]byte(echoing)); err != nil {
							t.Fatal(err)
						}
						time.Sleep(time.Minute) // it starts
						world.Set(sim.Knobs{Faults: []sim.Fault{{Do: "cut", Resource: e.resource, Bytes: at}}})
						access := append(kube.AccessTunnel("default", "p"), kube.AccessExec("default", "p")...)
						whole = e.whole(t, o.Connect(t).Hands(access, false))
					})
				}
			})
		}
	}
}

// echoes sends two words through a tunnel, one after the other.
func echoes(t *testing.T, h *kube.Hands) bool {
	conn, err := h.Tunnel(t.Context(), "default", "p", contract.EchoPort)
	if err != nil {
		return false
	}
	defer conn.Close()
	for _, word := range []string{"one", "two"} {
		if _, err := io.WriteString(conn, word); err != nil {
			return false
		}
		got := make([]byte, len(word))
		if _, err := io.ReadFull(conn, got); err != nil {
			return false
		}
		if string(got) != word {
			t.Fatalf("the echo of %s is %q", word, got)
		}
	}
	return true
}

// refuses hears that nobody listens on a port.
func refuses(t *testing.T, h *kube.Hands) bool {
	conn, err := h.Tunnel(t.Context(), "default", "p", 1)
	if err == nil {
		defer conn.Close()
		_, err = conn.Read(make([]byte, 1))
	}
	if err == nil {
		t.Fatal("a port that nobody listens on answered")
	}
	return strings.Contains(err.Error(), "connection refused")
}

// answers has a command repeat what it is given.
func answers(t *testing.T, h *kube.Hands) bool {
	var out strings.Builder
	err := h.Exec(t.Context(), kube.ExecSpec{Namespace: "default", Pod: "p", Command: []string{"sh", "-c", contract.Cat}},
		strings.NewReader("word"), &out, nil)
	if err == nil && out.String() != "word" {
		t.Fatalf("the command ended well, and said %q", out.String())
	}
	return err == nil
}
