package kube

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Whatever is read must survive the journal.
func survives[T any](t *testing.T, v T) {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var back T
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(v, back); d != "" {
		t.Errorf("JSON changes it:\n%s", d)
	}
}

func TestWorkloads(t *testing.T) {
	cl, _ := simulated(t)
	list, err := cl.Workloads(t.Context(), "sv")
	if err != nil || len(list) != 2 || list[0].Name != "sv-app" || list[1].Name != "apps-pg" {
		t.Fatalf("%+v, %v", list, err)
	}
	pg := list[1]
	want := Workload{
		Kind: StatefulSet, Replicas: 1, Selector: "app=apps-pg", PodLabels: map[string]string{"app": "apps-pg"},
		Containers: []Container{{Name: "apps-pg", Image: "postgres:14", Env: []EnvVar{
			{Name: "POSTGRES_USER", Value: "cnadmin"}, {Name: "POSTGRES_PASSWORD", From: "secret apps-pg-secret/postgresPassword"},
		}}},
		Mounts: []Mount{
			{Volume: "pg-data", Template: "pg-data", Container: "apps-pg", Path: "/var/lib/postgresql/data"},
			{Volume: "dump", Claim: "dump", Container: "apps-pg", Path: "/dump"},
		},
		Templates: []ClaimTemplate{{Name: "pg-data", Class: "fast", Request: Size{20 << 30, "20Gi"}}},
	}
	want.Meta = pg.Meta
	if d := cmp.Diff(want, pg); d != "" {
		t.Error(d)
	}
	if pg.UID == "" || pg.ResourceVersion == "" || pg.Labels["app"] != "apps-pg" {
		t.Errorf("%+v", pg.Meta)
	}
	if d := cmp.Diff([]string{"dump", "pg-data-apps-pg-0"}, pg.ClaimNames()); d != "" {
		t.Error(d)
	}
	survives(t, list)
}

func TestStorage(t *testing.T) {
	cl, _ := simulated(t)
	ctx := t.Context()
	v := must[Volume](t)(cl.Volume(ctx, "pv-1"))
	if v.Driver != "csi.example" || v.Handle != "disk-1" || *v.Claim != (ClaimRef{"sv", "data", "old"}) || v.Capacity.Bytes != 20<<30 {
		t.Errorf("%+v", v)
	}
	survives(t, v)
	if _, ok, err := cl.Volume(ctx, "none"); ok || err != nil {
		t.Errorf("a volume that is not there: %v, %v", ok, err)
	}
	classes, err := cl.StorageClasses(ctx)
	if err != nil || len(classes) != 1 || classes[0].BindingMode != "WaitForFirstConsumer" {
		t.Errorf("%+v, %v", classes, err)
	}
	claims, err := cl.Claims(ctx, "sv")
	if err != nil || len(claims) == 0 || claims[0].Name != "data" || claims[0].Volume != "pv-1" {
		t.Errorf("%+v, %v", claims, err)
	}
	if list, err := cl.Claims(ctx, "empty"); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	if ns, err := cl.NamespacesWith(ctx, "app=apps-pg"); err != nil || len(ns) != 1 || ns[0] != "sv" {
		t.Errorf("%v, %v", ns, err)
	}
}

func TestSecrets(t *testing.T) {
	cl, _ := simulated(t)
	ctx := t.Context()
	list, err := cl.Secrets(ctx, "sv", "x=y")
	if err != nil || len(list) != 1 || list[0].Name != "apps-pg-secret" {
		t.Fatalf("%+v, %v", list, err)
	}
	keys, ok, err := cl.SecretKeys(ctx, "sv", "apps-pg-secret")
	if err != nil || !ok || strings.Join(keys, " ") != "other postgresPassword" {
		t.Errorf("%v, %v, %v", keys, ok, err)
	}
	v, ok, err := cl.SecretValue(ctx, "sv", "apps-pg-secret", "postgresPassword")
	if err != nil || !ok || v.Reveal() != "hunter2" || strings.Contains(fmt.Sprintf("%v %+v %#v", v, v, v), "hunter2") {
		t.Errorf("%v, %v, %v", v, ok, err)
	}
	for _, missing := range []string{"apps-pg-secret", "none"} {
		if _, ok, err := cl.SecretValue(ctx, "sv", missing, "nokey"); ok || err != nil {
			t.Errorf("%s: %v, %v", missing, ok, err)
		}
	}
}

func TestManifest(t *testing.T) {
	cl, _ := serve(t, map[string]http.HandlerFunc{
		"GET /api/v1/namespaces/sv/secrets/s":                                   answer(200, `{"kind":"Secret","apiVersion":"v1","metadata":{"name":"s","managedFields":[{"manager":"x"}],"annotations":{"n":"1"}},"data":{"k":"dg=="}}`),
		"GET /apis/networking.istio.io":                                         answer(200, `{"kind":"APIGroup","preferredVersion":{"version":"v1beta1"}}`),
		"GET /apis/networking.istio.io/v1beta1/namespaces/sv/virtualservices/v": answer(200, `{"metadata":{"name":"v"},"n":9007199254740993}`),
	})
	for _, c := range []struct {
		a    Access
		want string
	}{
		{access("delete", "", "secrets", "sv", "s"), "apiVersion: v1\ndata:\n  k: dg==\nkind: Secret\nmetadata:\n  annotations:\n    \"n\": \"1\"\n  name: s\n"},
		{access("", "networking.istio.io", "virtualservices", "sv", "v"), "metadata:\n  name: v\n\"n\": 9007199254740993\n"},
	} {
		if b, err := cl.Manifest(t.Context(), c.a); err != nil || string(b) != c.want {
			t.Errorf("%v: %s, %v", c.a, b, err)
		}
	}
}

func TestSnapshotsWithoutTheirAPI(t *testing.T) {
	cl, _ := serve(t, map[string]http.HandlerFunc{
		"GET /apis/snapshot.storage.k8s.io/v1/namespaces/sv/volumesnapshots": func(w http.ResponseWriter, _ *http.Request) { http.NotFound(w, nil) },
	})
	if _, err := cl.Snapshots(t.Context(), "sv"); KindOf(err) != NotFound || !strings.Contains(err.Error(), "VolumeSnapshot definitions") {
		t.Errorf("%v", err)
	}
}

func TestSnapshotTimes(t *testing.T) {
	cl, _ := serve(t, map[string]http.HandlerFunc{
		"GET /apis/snapshot.storage.k8s.io/v1/volumesnapshotcontents":        answer(200, `{"kind":"VolumeSnapshotContentList","apiVersion":"snapshot.storage.k8s.io/v1","items":[{"metadata":{"name":"c"},"spec":{"driver":"d","deletionPolicy":"Retain","source":{"volumeHandle":"disk"},"volumeSnapshotRef":{"namespace":"sv","name":"s"}},"status":{"snapshotHandle":"h","creationTime":1700000000000000000,"restoreSize":1024,"readyToUse":true}}]}`),
		"GET /apis/snapshot.storage.k8s.io/v1/namespaces/sv/volumesnapshots": answer(200, `{"kind":"VolumeSnapshotList","apiVersion":"snapshot.storage.k8s.io/v1","items":[{"metadata":{"name":"b"},"spec":{"source":{"persistentVolumeClaimName":"data"}},"status":{"error":{"message":"quota\u001b[2J"}}},{"metadata":{"name":"a"},"spec":{"source":{"persistentVolumeClaimName":"data"}},"status":{"boundVolumeSnapshotContentName":"c","creationTime":"2023-11-14T22:13:20Z","restoreSize":"1Ki","readyToUse":true}}]}`),
	})
	taken := time.Unix(1700000000, 0).UTC()
	c, err := cl.SnapshotContents(t.Context())
	if err != nil || len(c) != 1 || !c[0].Taken.Equal(taken) || c[0].RestoreSize.Bytes != 1024 || c[0].Handle != "h" || c[0].Snapshot.Name != "s" {
		t.Errorf("%+v, %v", c, err)
	}
	s, err := cl.Snapshots(t.Context(), "sv")
	if err != nil || len(s) != 2 || s[0].Name != "a" || !s[0].Ready || !s[0].Taken.Equal(taken) || s[0].RestoreSize != (Size{1024, "1Ki"}) ||
		s[1].Ready || s[1].Taken != nil || s[1].Error != "quota" {
		t.Errorf("%+v, %v", s, err)
	}
	survives(t, s)
}

func TestEvents(t *testing.T) {
	cl, s := serve(t, map[string]http.HandlerFunc{
		"GET /api/v1/namespaces/sv/events": answer(200, `{"kind":"EventList","apiVersion":"v1","items":[
			{"metadata":{"name":"1"},"reason":"Old","lastTimestamp":"2026-05-01T03:00:00Z","firstTimestamp":"2026-05-01T02:00:00Z","count":7,"message":"a\nb"},
			{"metadata":{"name":"2"},"reason":"New","eventTime":"2026-05-01T03:05:00.500000Z","reportingComponent":"kubelet","series":{"count":3,"lastObservedTime":"2026-05-01T03:06:00.000000Z"}},
			{"metadata":{"name":"3"},"reason":"Single","eventTime":"2026-05-01T03:01:00.000000Z"}]}`),
	})
	e, err := cl.Events(t.Context(), "sv", "Pod", "p-0")
	if err != nil || len(e) != 3 || e[0].Reason != "New" || e[1].Reason != "Single" || e[2].Reason != "Old" {
		t.Fatalf("%+v, %v", e, err)
	}
	if e[0].Count != 3 || e[0].Source != "kubelet" || e[1].Count != 1 || e[2].Count != 7 || e[2].Message != "a b" {
		t.Errorf("%+v", e)
	}
	if q := s.last().query; !strings.Contains(q, "involvedObject.kind%3DPod%2CinvolvedObject.name%3Dp-0") {
		t.Errorf("asked with %s", q)
	}
}

func TestLogs(t *testing.T) {
	cl, s := serve(t, map[string]http.HandlerFunc{
		"GET /api/v1/namespaces/sv/pods/p/log": func(w http.ResponseWriter, _ *http.Request) {
			for i := range 60000 {
				fmt.Fprintf(w, "\x1b[31mline %06d of the log, which is long enough\x1b[0m\n", i)
			}
		},
	})
	text, err := cl.Logs(t.Context(), "sv", "p", LogOptions{Container: "c", Tail: 5, Previous: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(text) > maxLog || len(text) < maxLog/2 || !strings.HasPrefix(text, "line ") || !strings.HasSuffix(text, "line 059999 of the log, which is long enough\n") || strings.Contains(text, "\x1b") {
		t.Errorf("%d bytes: %.60q", len(text), text)
	}
	for _, want := range []string{"container=c", "tailLines=5", "previous=true"} {
		if !strings.Contains(s.last().query, want) {
			t.Errorf("asked with %s", s.last().query)
		}
	}
}

// OpenLog hands out all of a log, byte by byte as it stands there.
func TestOpenLog(t *testing.T) {
	const line = "\x1b[31mline of the log\x1b[0m\r\n"
	cl, s := serve(t, map[string]http.HandlerFunc{
		"GET /api/v1/namespaces/sv/pods/p/log": func(w http.ResponseWriter, _ *http.Request) {
			for range 100000 {
				fmt.Fprint(w, line)
			}
		},
		"GET /api/v1/namespaces/sv/pods/q/log": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) },
	})
	log, err := cl.OpenLog(t.Context(), "sv", "p", LogOptions{Container: "c"})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	if text, err := io.ReadAll(log); err != nil || string(text) != strings.Repeat(line, 100000) {
		t.Errorf("%d bytes, %v", len(text), err)
	}
	if q := s.last().query; !strings.Contains(q, "container=c") || strings.Contains(q, "tailLines") {
		t.Errorf("asked with %s", q)
	}
	if _, err := cl.OpenLog(t.Context(), "sv", "q", LogOptions{}); KindOf(err) != Forbidden {
		t.Errorf("%v", err)
	}
}

func TestAllowed(t *testing.T) {
	var asked, now, most atomic.Int32
	cl, _ := serve(t, map[string]http.HandlerFunc{
		"POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews": func(w http.ResponseWriter, r *http.Request) {
			asked.Add(1)
			for n := now.Add(1); ; {
				if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
					break
				}
			}
			defer now.Add(-1)
			answer(201, `{"kind":"SelfSubjectAccessReview","apiVersion":"authorization.k8s.io/v1","status":{"allowed":true}}`)(w, r)
		},
	})
	var list []Access
	for i := range 40 {
		list = append(list, access("get", "", "pods", "sv", fmt.Sprintf("p-%d", i%20)))
	}
	got, err := cl.Allowed(testContext(t), list)
	if err != nil || len(got) != 40 || asked.Load() != 20 || most.Load() > reviewers {
		t.Fatalf("%d answers to %d questions, %d at once, %v", len(got), asked.Load(), most.Load(), err)
	}
	for i := range got {
		if got[i].Access != list[i] || !got[i].Allowed {
			t.Errorf("%d: %+v", i, got[i])
		}
	}
}

// The name of a new object is not known to the server when it authorises the creation: asking with it would get another answer.
func TestAllowedAsksAsTheServerDoes(t *testing.T) {
	cl, s := serve(t, map[string]http.HandlerFunc{
		"POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews": answer(201, `{"status":{"allowed":true,"denied":true,"reason":"no\u0007"}}`),
	})
	got, err := cl.Allowed(testContext(t), AccessCreateClaim("sv", "data"))
	if err != nil || got[0].Allowed || got[0].Reason != "no" {
		t.Errorf("%+v, %v", got, err)
	}
	if strings.Contains(s.last().body, `"data"`) || !strings.Contains(s.last().body, `"persistentvolumeclaims"`) {
		t.Errorf("asked %s", s.last().body)
	}
}

func TestAllowedFailsWhole(t *testing.T) {
	cl, _ := serve(t, map[string]http.HandlerFunc{
		"POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews": status4(500, "InternalError", "etcd"),
	})
	if got, err := cl.Allowed(testContext(t), AccessReads("sv")); KindOf(err) != Server || got != nil {
		t.Errorf("%v, %v", got, err)
	}
}
