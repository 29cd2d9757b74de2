//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"canton.example/svrescue/e2e/node"
	"canton.example/svrescue/e2e/rig"
	"canton.example/svrescue/steps/wire"
)

// rolling is a node of a release from 0.6.2 on, installed by Helm, whose synchronizer has ended, since its CometBFT has lost its quorum. The scans of
// the other SVs and the ingress of the successor are addresses on this machine that lead into the cluster.
type rolling struct {
	lostNetwork
	charts  string
	ingress string    // public address of the successor's sequencer
	ended   time.Time // the last block of the old chain
	maximum time.Time // the maximum sequencing time of the call
}

// endSynchronizer sets the scene.
func endSynchronizer(t *testing.T, ctx context.Context, home string) *rolling {
	t.Helper()
	r := &rolling{lostNetwork: lostNetwork{cluster: rig.Start(t)}, charts: filepath.Join(home, "charts")}
	r.cluster.LoadChain(t)
	r.namespace = r.cluster.Namespace(t, "roll")
	r.ingress = r.leads(t, "global-domain-4-sequencer:5008")
	n := node.Rolling{Namespace: r.namespace, SV: "Acme-SV", Release: "0.7.5", Stood: time.Now().Add(-time.Hour), Peers: map[string]string{}}
	for _, sv := range []string{"Beta-SV", "Gamma-SV", "Delta-SV"} { // whose scans say what that of this SV says: they have rolled forward when it has
		n.Peers[sv] = r.leads(t, "scan-app:5012")
	}
	must(t, n.Secrets(ctx, r.cluster, cometKeys(t)))
	releases, err := n.SaveCharts(r.charts)
	must(t, err)
	for _, c := range releases {
		_, err := r.cluster.RunHelm(ctx, t, r.namespace, "install", c.Release, c.Folder, "--server-side=false", "--values", c.Values)
		must(t, err)
	}
	must(t, rig.Poll(ctx, "the node is not ready", r.ready))
	r.takeQuorum(t, ctx)
	var last struct {
		Sync struct {
			Time time.Time `json:"latest_block_time"`
		} `json:"sync_info"`
	}
	must(t, r.ask(ctx, oldComet, "status", nil, &last))
	r.ended = last.Sync.Time.UTC().Truncate(time.Microsecond)
	return r
}

// leads is an address on this machine that leads to a port of a Service, as the public ones of ingresses do, whether the Service is there or not.
func (r *rolling) leads(t *testing.T, service string) string {
	t.Helper()
	through, err := rest.TransportFor(r.cluster.Config)
	must(t, err)
	api, err := url.Parse(r.cluster.Config.Host)
	must(t, err)
	api.Path = "/"
	to := api.JoinPath("api/v1/namespaces", r.namespace, "services/http:"+service, "proxy")
	public := httptest.NewServer(&httputil.ReverseProxy{Transport: through, Rewrite: func(q *httputil.ProxyRequest) { q.SetURL(to) }})
	t.Cleanup(public.Close)
	return public.URL
}

// onTheCall is what the operator answers up to the changes of the SV app, with that much time until the maximum.
func (r *rolling) onTheCall(until time.Duration) map[string]any {
	r.maximum = time.Now().Add(until).UTC().Truncate(time.Second)
	answers := r.onCall("network/roll-forward/go.")
	for _, proposed := range []string{"parameter-card.svs", "parameter-card.topology-export", "parameter-card.traffic-export", "parameter-card.lower-bound", "parameter-card.new-serial",
		"parameter-card.chart-version", "deploy-successor-diff.comet-address", "deploy-successor-diff.founder-address"} {
		answers["network/roll-forward/"+proposed] = "default"
	}
	for name, answer := range map[string]any{
		"release-gate.situation":              "broken",
		"go.remedy":                           insists("the call knows that the network stands"),
		"parameter-card.last-good":            r.ended.Format(time.RFC3339Nano),
		"parameter-card.max-sequencing":       r.maximum.Format(time.RFC3339),
		"parameter-card.upgrade-time":         r.maximum.Add(5 * time.Second).Format(time.RFC3339),
		"parameter-card.participant-upgrade":  "left-out",
		"parameter-card.protocol":             "34",
		"parameter-card.driver":               "cometbft",
		"parameter-card.card":                 "settle",
		"parameter-card.remedy":               insists("the cards were compared by voice"),
		"charts.place":                        r.charts,
		"deploy-successor-diff.sequencer-url": r.ingress,
		"wait-end.remedy":                     insists("the collected logs end there"),
		"roll-forward-diff.layout":            "legacy-current",
		"roll-forward-diff.join":              "leave",
	} {
		answers["network/roll-forward/"+name] = answer
	}
	return answers
}

// judged are the findings of the last proof of a step, by id.
func judged(t *testing.T, folder, step string) map[string]wire.Finding {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(folder, "journal.jsonl"))
	must(t, err)
	var found map[string]wire.Finding
	lines := bufio.NewScanner(bytes.NewReader(b))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r struct{ Event wire.Event }
		must(t, json.Unmarshal(lines.Bytes(), &r))
		if e := r.Event; e.Kind == wire.KindFindings && e.Phase == wire.PhaseVerify && e.Step == "network/roll-forward/"+step {
			found = map[string]wire.Finding{}
			for _, f := range e.Findings {
				found[f.ID] = f
			}
		}
	}
	return found
}

// expectJudged says how findings of the last proof of a step must stand, as "verdict id".
func expectJudged(t *testing.T, folder, step string, want ...string) {
	t.Helper()
	found := judged(t, folder, step)
	for _, w := range want {
		verdict, id, _ := strings.Cut(w, " ")
		if f, ok := found[id]; !ok || string(f.Verdict) != verdict {
			t.Errorf("%s: want %s, found %+v", step, w, found)
		}
	}
}

// environment is that of workloads, by name and variable. What comes from Secrets is not in it.
type environment map[string]map[string]string

func literal(c v1.Container) map[string]string {
	all := map[string]string{}
	for _, v := range c.Env {
		if v.ValueFrom == nil {
			all[v.Name] = v.Value
		}
	}
	return all
}

// rendered is the environment of a release in its newest revision, as Helm itself tells it.
func (r *rolling) rendered(t *testing.T, ctx context.Context, release string) environment {
	t.Helper()
	manifest, err := r.cluster.RunHelm(ctx, t, r.namespace, "get", "manifest", release)
	must(t, err)
	all := environment{}
	for doc := range strings.SplitSeq(manifest, "\n---\n") {
		var d appsv1.Deployment
		must(t, yaml.Unmarshal([]byte(doc), &d))
		if d.Kind == "Deployment" {
			all[d.Name] = literal(d.Spec.Template.Spec.Containers[0])
		}
	}
	if len(all) == 0 {
		t.Fatalf("release %s has no Deployment:\n%s", release, manifest)
	}
	return all
}

// expectRunning says that the pods of releases were admitted with, and their processes were started with, what Helm says was rendered; it gives all
// of it.
func (r *rolling) expectRunning(t *testing.T, ctx context.Context, releases ...string) environment {
	t.Helper()
	all := environment{}
	for _, release := range releases {
		for workload, want := range r.rendered(t, ctx, release) {
			pod, err := r.cluster.PodOf(ctx, r.namespace, workload)
			must(t, err)
			container := pod.Spec.Containers[0]
			if got := literal(container); !maps.Equal(got, want) {
				t.Errorf("pod %s was admitted with\n%q\nrendered was\n%q", pod.Name, got, want)
			}
			text, err := r.cluster.Exec(ctx, r.namespace, pod.Name, container.Name, "", "cat", "/proc/1/environ")
			must(t, err)
			process := map[string]string{}
			for pair := range strings.SplitSeq(text, "\x00") {
				name, value, _ := strings.Cut(pair, "=")
				process[name] = value
			}
			for name, value := range want {
				if got, has := process[name]; !has || got != value {
					t.Errorf("the process of %s has %s=%q, rendered was %q", pod.Name, name, got, value)
				}
			}
			all[workload] = process
		}
	}
	return all
}

// standing is what tells pods, claims and Deployments from others: uids, restarts, volumes, generations.
func (r *rolling) standing(t *testing.T, ctx context.Context) map[string]string {
	t.Helper()
	all := map[string]string{}
	pods, err := r.cluster.Kube.CoreV1().Pods(r.namespace).List(ctx, metav1.ListOptions{})
	must(t, err)
	for _, p := range pods.Items {
		if p.DeletionTimestamp != nil {
			continue
		}
		restarts := int32(0)
		for _, c := range p.Status.ContainerStatuses {
			restarts += c.RestartCount
		}
		all["pod of "+p.Labels["app"]] = fmt.Sprintf("%s, %d restarts", p.UID, restarts)
	}
	claims, err := r.cluster.Kube.CoreV1().PersistentVolumeClaims(r.namespace).List(ctx, metav1.ListOptions{})
	must(t, err)
	for _, c := range claims.Items {
		all["claim "+c.Name] = fmt.Sprintf("%s on %s", c.UID, c.Spec.VolumeName)
	}
	deployments, err := r.cluster.Kube.AppsV1().Deployments(r.namespace).List(ctx, metav1.ListOptions{})
	must(t, err)
	for _, d := range deployments.Items {
		all["deployment "+d.Name] = fmt.Sprintf("%s, generation %d", d.UID, d.Generation)
	}
	return all
}

// expectUntouched says that everything that was there is the same but for what is named.
func expectUntouched(t *testing.T, before, now map[string]string, but ...string) {
	t.Helper()
	changed := map[string]bool{}
	for _, name := range but {
		changed["pod of "+name], changed["deployment "+name] = true, true
	}
	for what, was := range before {
		if changed[what] == (now[what] == was) {
			t.Errorf("%s was %s and is %s; it was to change: %v", what, was, now[what], changed[what])
		}
	}
}

// expectRevisions is what Helm says of all releases: nothing besides them is there.
func (r *rolling) expectRevisions(t *testing.T, ctx context.Context, want map[string]string) {
	t.Helper()
	out, err := r.cluster.RunHelm(ctx, t, r.namespace, "list", "--output", "json")
	must(t, err)
	var all []struct{ Name, Revision, Status, Chart string }
	must(t, json.Unmarshal([]byte(out), &all))
	got := map[string]string{}
	for _, one := range all {
		got[one.Name] = one.Revision
		if one.Status != "deployed" {
			t.Errorf("Helm says of release %s: %s", one.Name, one.Status)
		}
	}
	if !maps.Equal(got, want) {
		t.Errorf("Helm has revisions %v, want %v", got, want)
	}
}
