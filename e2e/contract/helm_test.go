//go:build e2e

package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"canton.example/svrescue/e2e/rig"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/releases"
	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

const helmTemplate = `apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}-app}
spec: {selector: {app: {{ .Release.Name }}}, ports: [{name: http, port: 5014}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}-app}
spec:
  replicas: 0
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec:
      containers:
      - name: app
        image: docker.io/library/busybox:rig
        env:
        - {name: MIGRATION_ID, value: {{ .Values.migration.id | quote }}}
        - {name: PASSWORD, value: {{ .Values.password | quote }}}
        {{- if .Values.migration.migrating }}
        - {name: MIGRATING, value: "true"}
        {{- end }}
{{- if .Values.migration.migrating }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-migrating}
data: {k: v}
{{- else }}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-settled}
data: {k: v}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-kept, annotations: {helm.sh/resource-policy: keep}}
data: {k: v}
{{- end }}
`

// TestHelm takes turns with Helm itself, on one release: Helm installs, this program upgrades and takes back and upgrades again, Helm shows the
// history, upgrades and rolls back. Each takes the other's revisions for its own. It needs helm on the PATH.
func TestHelm(t *testing.T) {
	helm, err := exec.LookPath("helm")
	if err != nil {
		t.Skip("there is no helm on this machine")
	}
	cluster := rig.Start(t)
	for _, side := range []string{"client", "server"} {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			h := &helmed{T: t, helm: helm, cluster: cluster, ns: cluster.Namespace(t, "helm"), charts: t.TempDir()}
			if h.kube, err = kube.Connect(kube.Target{Kubeconfig: cluster.Kubeconfig, Context: cluster.Context}, kube.Options{}); err != nil {
				t.Fatal(err)
			}
			h.world = steps.World{Kube: h.kube, Clock: clock.RealClock{}, Files: nowhere{}}
			chart := filepath.Join(h.charts, "stand-in")
			h.write(filepath.Join(chart, "Chart.yaml"), "apiVersion: v2\nname: stand-in\nversion: 0.6.1\n")
			h.write(filepath.Join(chart, "templates/all.yaml"), helmTemplate)
			h.write(filepath.Join(h.charts, "values.yaml"), "migration: {id: \"3\"}\npassword: hunter2\nother: {file: kept}\n")
			h.run("install", "sv", chart, "-f", filepath.Join(h.charts, "values.yaml"), "--server-side="+fmt.Sprint(side == "server"))
			if side == "server" {
				h.refusesServerSide()
				return
			}
			h.takesTurns(chart)
		})
	}
}

func (h *helmed) takesTurns(chart string) {
	h.expect("3", "", "sv-kept sv-settled")
	// What nobody's manifest speaks of stays through all of it.
	h.annotate("mine", "x")
	d := h.derive(releases.Want{Release: "sv", What: "migration ID 4", Source: releases.Source{Place: h.charts},
		Edit: releases.Edit{Set: map[string]any{"migration.id": "4", "migration.migrating": true}}})
	if len(d.Unlike) > 0 {
		h.Errorf("its own values render otherwise than Helm did: %v", d.Unlike)
	}
	want := []string{"ConfigMap/sv-migrating: is made", "Deployment/sv-app env MIGRATION_ID: 3 -> 4", "Deployment/sv-app env MIGRATING: (not set) -> true",
		"ConfigMap/sv-kept: leaves the release, and stays", "ConfigMap/sv-settled: is removed"}
	slices.Sort(want)
	if got := slices.Sorted(slices.Values(d.Objects)); !slices.Equal(got, want) {
		h.Errorf("objects: %v", got)
	}
	site := releases.Site{Run: "r-1"}
	up := d.Actions(site)[1]
	if found, err := up.Trial(h.Context(), h.hands(up, true)); err != nil || len(found) != 1 || found[0].Verdict != wire.Holds {
		h.Fatalf("%v, %v", found, err)
	}
	h.expect("3", "", "sv-kept sv-settled")
	h.do(up)
	h.expect("4", "true", "sv-kept sv-migrating")
	h.history("1 superseded", "2 deployed")
	back, _ := d.Undo(site)
	h.do(back[0])
	h.expect("3", "", "sv-kept sv-settled")
	h.history("1 superseded", "2 superseded", "3 deployed")
	h.do(up)
	h.expect("4", "true", "sv-kept sv-migrating")
	h.history("1 superseded", "2 superseded", "3 superseded", "4 deployed")
	if status := h.run("status", "sv"); !strings.Contains(status, "REVISION: 4") {
		h.Errorf("helm status says %s", status)
	}
	if got := h.run("get", "values", "sv", "-o", "json"); strings.TrimSpace(got) != `{"migration":{"id":"4","migrating":true},"other":{"file":"kept"},"password":"hunter2"}` {
		h.Errorf("helm get values says %s", got)
	}
	// Helm goes on from there.
	h.run("upgrade", "sv", chart, "--reuse-values", "--set", "migration.migrating=false")
	h.expect("4", "", "sv-kept sv-settled")
	h.run("rollback", "sv", "4")
	h.expect("4", "true", "sv-kept sv-migrating")
	h.run("rollback", "sv", "1")
	h.expect("3", "", "sv-kept sv-settled")
	// And this program from what Helm has made.
	d = h.derive(releases.Want{Release: "sv", Edit: releases.Edit{Set: map[string]any{"migration.id": "5"}}}) // out of Helm's own record
	h.do(d.Actions(releases.Site{Run: "r-2"})[1])
	h.expect("5", "", "sv-kept sv-settled")
	// A release beside it, which Helm then takes away.
	d = h.derive(releases.Want{Release: "sv", As: "sv-next", Source: releases.Source{Place: h.charts}, Edit: releases.Edit{Set: map[string]any{"migration.id": "6"}}})
	h.do(d.Actions(site)[1])
	if list := h.run("list", "-q"); strings.Join(strings.Fields(list), " ") != "sv sv-next" {
		h.Errorf("helm list says %s", list)
	}
	h.run("upgrade", "sv-next", chart, "--reuse-values", "--set", "migration.id=7")
	h.run("uninstall", "sv-next")
	// What was interrupted is marked as failed, and then Helm goes on.
	h.interrupt()
	if out, err := h.try("upgrade", "sv", chart, "--reuse-values"); err == nil || !strings.Contains(out, "in progress") {
		h.Errorf("helm upgrades over one that is pending: %s", out)
	}
	all, err := releases.InForce(h.Context(), h.world, h.ns)
	h.ok(err)
	remedies := releases.Remedies(releases.Settled(site, all))
	if len(remedies) != 2 {
		h.Fatalf("%+v", remedies)
	}
	h.do(remedies[1].Actions[0])
	h.run("upgrade", "sv", chart, "--reuse-values", "--set", "migration.id=8")
	h.expect("8", "", "sv-kept sv-settled")
	if a := h.annotation("mine"); a != "x" {
		h.Errorf("what somebody has set is %q", a)
	}
}

// refusesServerSide: what Helm applies on the server's side is left to Helm, with the words for it.
func (h *helmed) refusesServerSide() {
	all, err := releases.InForce(h.Context(), h.world, h.ns)
	h.ok(err)
	r, err := releases.Named(all, "sv")
	h.ok(err)
	_, err = releases.Derive(h.Context(), h.world, r, releases.Want{Release: "sv", Source: releases.Source{Place: h.charts}, Edit: releases.Edit{Set: map[string]any{"migration.id": "4"}}})
	if f := steps.FailureOf("", err); err == nil || !strings.Contains(f.Seen, "on the server's side") || !strings.Contains(f.Next, "helm") || !strings.Contains(f.Next, "upgrade sv") {
		h.Errorf("%v", err)
	}
}

type helmed struct {
	*testing.T
	helm    string
	cluster *rig.Cluster
	ns      string
	charts  string
	kube    *kube.Cluster
	world   steps.World
}

func (h *helmed) ok(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *helmed) write(path, text string) {
	h.Helper()
	h.ok(os.MkdirAll(filepath.Dir(path), 0o700))
	h.ok(os.WriteFile(path, []byte(text), 0o600))
}

func (h *helmed) try(words ...string) (string, error) {
	cmd := exec.CommandContext(h.Context(), h.helm, append([]string{"--kubeconfig", h.cluster.Kubeconfig, "--kube-context", h.cluster.Context, "-n", h.ns}, words...)...)
	cmd.Env = append(os.Environ(), "HELM_CACHE_HOME="+h.charts+"/.cache", "HELM_CONFIG_HOME="+h.charts+"/.config", "HELM_DATA_HOME="+h.charts+"/.data")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (h *helmed) run(words ...string) string {
	h.Helper()
	out, err := h.try(words...)
	if err != nil {
		h.Fatalf("helm %s: %v\n%s", strings.Join(words, " "), err, out)
	}
	return out
}

// history is what Helm says of the release.
func (h *helmed) history(want ...string) {
	h.Helper()
	var list []struct {
		Revision int
		Status   string
	}
	h.ok(json.Unmarshal([]byte(h.run("history", "sv", "-o", "json")), &list))
	var got []string
	for _, r := range list {
		got = append(got, fmt.Sprintf("%d %s", r.Revision, r.Status))
	}
	if !slices.Equal(got, want) {
		h.Errorf("helm history says %v, want %v", got, want)
	}
}

// expect looks at the variables of the Deployment and at the config maps of the release.
func (h *helmed) expect(id, migrating, maps string) {
	h.Helper()
	w, ok, err := h.kube.Workload(h.Context(), kube.Deployment, h.ns, "sv-app")
	h.ok(err)
	if !ok {
		h.Fatal("the Deployment is gone")
	}
	env := map[string]string{}
	for _, e := range w.Containers[0].Env {
		env[e.Name] = e.Value
	}
	var names []string
	list, err := h.kube.Names(h.Context(), "", "configmaps", h.ns)
	h.ok(err)
	for _, m := range list {
		if strings.HasPrefix(m.Name, "sv-") && !strings.HasPrefix(m.Name, "sv-next") { // the other's policy keeps one of its own
			names = append(names, m.Name)
		}
	}
	if got := strings.Join(names, " "); env["MIGRATION_ID"] != id || env["MIGRATING"] != migrating || env["PASSWORD"] != "hunter2" || got != maps {
		h.Errorf("MIGRATION_ID %q MIGRATING %q, %s; want %q %q, %s", env["MIGRATION_ID"], env["MIGRATING"], got, id, migrating, maps)
	}
}

func (h *helmed) derive(want releases.Want) releases.Derived {
	h.Helper()
	all, err := releases.InForce(h.Context(), h.world, h.ns)
	h.ok(err)
	r, err := releases.Named(all, want.Release)
	h.ok(err)
	d, err := releases.Derive(h.Context(), h.world, r, want)
	h.ok(err)
	return d
}

func (h *helmed) hands(a steps.Action, dry bool) steps.Hands {
	var allowed []kube.Access
	for _, ref := range a.Refs() {
		if ref.Kube != nil {
			allowed = append(allowed, *ref.Kube)
		}
	}
	return steps.Hands{World: h.world, Kube: h.kube.Hands(allowed, dry)}
}

func (h *helmed) do(a steps.Action) {
	h.Helper()
	h.ok(a.Do(h.Context(), h.hands(a, false), func(wire.Progress) {}))
	state, seen, err := a.Probe(h.Context(), h.world)
	if err != nil || state != wire.ActionDone {
		h.Fatalf("%s: %s, %v, %v", a.Key(), state, seen, err)
	}
}

var deployment = kube.Place{Group: "apps", Version: "v1", Resource: "deployments", Namespaced: true}

func (h *helmed) annotate(key, value string) {
	h.Helper()
	m, _, err := h.kube.Find(h.Context(), deployment, h.ns, "sv-app")
	h.ok(err)
	object := deployment.Access("get", h.ns, "sv-app")
	h.ok(h.kube.Hands(kube.AccessMark(object), false).Annotate(h.Context(), object, m.UID, kube.Mark{Key: key, To: &value}))
}

func (h *helmed) annotation(key string) string {
	h.Helper()
	m, _, err := h.kube.Find(h.Context(), deployment, h.ns, "sv-app")
	h.ok(err)
	return m.Annotations[key]
}

// interrupt leaves an upgrade of Helm's as one that was killed does: it waits for a Deployment that never comes up.
func (h *helmed) interrupt() {
	h.Helper()
	chart := filepath.Join(h.charts, "stuck", "stand-in")
	h.write(filepath.Join(chart, "Chart.yaml"), "apiVersion: v2\nname: stand-in\nversion: 0.6.1\n")
	h.write(filepath.Join(chart, "templates/all.yaml"), strings.Replace(strings.Replace(helmTemplate, "replicas: 0", "replicas: 1", 1), "busybox:rig", "is-not-there:rig", 1))
	cmd := exec.CommandContext(h.Context(), h.helm, "--kubeconfig", h.cluster.Kubeconfig, "--kube-context", h.cluster.Context, "-n", h.ns, "upgrade", "sv", chart, "--reuse-values", "--wait")
	h.ok(cmd.Start())
	h.ok(rig.Poll(h.Context(), "Helm has not begun", func(ctx context.Context) (bool, error) {
		all, err := releases.InForce(ctx, h.world, h.ns)
		if err != nil {
			return false, err
		}
		r, err := releases.Named(all, "sv")
		return r.Pending != nil, err
	}))
	h.ok(cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
}

// nowhere is a run without artifacts.
type nowhere struct{}

func (nowhere) Read(string) ([]byte, error)        { return nil, fs.ErrNotExist }
func (nowhere) Open(string) (io.ReadCloser, error) { return nil, fs.ErrNotExist }
func (nowhere) Room() (int64, error)               { return 0, nil }
