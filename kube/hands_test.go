package kube

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/kube/sim"
)

const world = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: sv-app, namespace: sv, labels: {app: sv-app}}
spec:
  replicas: 1
  selector: {matchLabels: {app: sv-app}}
  template:
    metadata: {labels: {app: sv-app}}
    spec: {containers: [{name: sv-app, image: "ghcr.io/sv-app:0.6.1"}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: apps-pg, namespace: sv, labels: {app: apps-pg}}
spec:
  replicas: 1
  serviceName: apps-pg
  selector: {matchLabels: {app: apps-pg}}
  template:
    metadata: {labels: {app: apps-pg}}
    spec:
      containers:
      - name: apps-pg
        image: postgres:14
        env:
        - {name: POSTGRES_USER, value: cnadmin}
        - {name: POSTGRES_PASSWORD, valueFrom: {secretKeyRef: {name: apps-pg-secret, key: postgresPassword}}}
        volumeMounts: [{name: pg-data, mountPath: /var/lib/postgresql/data}, {name: dump, mountPath: /dump}]
      volumes: [{name: dump, persistentVolumeClaim: {claimName: dump}}]
  volumeClaimTemplates:
  - metadata: {name: pg-data}
    spec: {accessModes: [ReadWriteOnce], storageClassName: fast, resources: {requests: {storage: 20Gi}}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: sv}
spec: {accessModes: [ReadWriteOnce], storageClassName: fast, volumeName: pv-1, resources: {requests: {storage: 20Gi}}}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: pv-1}
spec:
  accessModes: [ReadWriteOnce]
  capacity: {storage: 20Gi}
  storageClassName: fast
  persistentVolumeReclaimPolicy: Delete
  csi: {driver: csi.example, volumeHandle: disk-1}
  claimRef: {apiVersion: v1, kind: PersistentVolumeClaim, namespace: sv, name: data, uid: old, resourceVersion: "7"}
---
apiVersion: v1
kind: PersistentVolume
metadata: {name: pv-free}
spec:
  accessModes: [ReadWriteOnce]
  capacity: {storage: 20Gi}
  storageClassName: fast
  persistentVolumeReclaimPolicy: Retain
  csi: {driver: csi.example, volumeHandle: disk-2}
---
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: sv}
spec: {containers: [{name: c, image: i}]}
---
apiVersion: v1
kind: Secret
metadata: {name: apps-pg-secret, namespace: sv, labels: {x: "y"}}
data: {postgresPassword: aHVudGVyMg==, other: YQ==}
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {name: fast}
provisioner: csi.example
volumeBindingMode: WaitForFirstConsumer
reclaimPolicy: Delete
---
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshot
metadata: {name: data-old, namespace: sv}
spec: {source: {persistentVolumeClaimName: data}}
`

// simulated is a cluster with that world in it, whose controllers stand still.
func simulated(t *testing.T) (*Cluster, *sim.Server) {
	t.Helper()
	s := sim.New(sim.Options{Clock: clock.RealClock{}})
	if err := s.LoadYAML([]byte(world)); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	text := string(sim.Kubeconfig(server.URL, "admin", nil, "sv"))
	cl, err := Connect(Target{Kubeconfig: write(t, text)}, Options{Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return cl, s
}

func sumOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// must fails the test if there is no such object.
func must[T any](t *testing.T) func(v T, ok bool, err error) T {
	return func(v T, ok bool, err error) T {
		t.Helper()
		if err != nil || !ok {
			t.Fatalf("found %v, %v", ok, err)
		}
		return v
	}
}

// Each write is tried by hands that may not, by hands that only try, with a broken precondition, and for real. Only the last may change
// the world, and each refusal has its kind.
func TestWrites(t *testing.T) {
	type ids struct{ claim, volume, free, pod, secret, snapshot string }
	app := WorkloadRef{Deployment, "sv", "sv-app"}
	pg := WorkloadRef{StatefulSet, "sv", "apps-pg"}
	deploy := access("", groupApps, "deployments", "sv", "sv-app")
	one, two := "1", "2"
	for _, c := range []struct {
		name   string
		access []Access
		do     func(context.Context, *Hands, ids) error
		stale  func(context.Context, *Hands, ids) error // nil: the second do
		kind   Kind                                     // of stale; Conflict unless set
		check  func(*testing.T, context.Context, *Cluster) bool
	}{
		{
			name: "scale a deployment", access: AccessScale(app),
			do:    func(ctx context.Context, h *Hands, _ ids) error { return h.Scale(ctx, app, 1, 0, "") },
			stale: func(ctx context.Context, h *Hands, _ ids) error { return h.Scale(ctx, app, 2, 0, "") },
			check: func(t *testing.T, ctx context.Context, cl *Cluster) bool {
				return must[Workload](t)(cl.Workload(ctx, Deployment, "sv", "sv-app")).Replicas == 0
			},
		},
		{
			name: "scale a stateful set of a version", access: AccessScale(pg),
			do:    func(ctx context.Context, h *Hands, _ ids) error { return h.Scale(ctx, pg, 1, 0, "") },
			stale: func(ctx context.Context, h *Hands, _ ids) error { return h.Scale(ctx, pg, 1, 0, "1") },
			check: func(t *testing.T, ctx context.Context, cl *Cluster) bool {
				return must[Workload](t)(cl.Workload(ctx, StatefulSet, "sv", "apps-pg")).Replicas == 0
			},
		},
		{
			name: "reclaim policy", access: AccessPatchVolume("pv-1"),
			do: func(ctx context.Context, h *Hands, i ids) error {
				return h.SetReclaimPolicy(ctx, "pv-1", i.volume, Delete, Retain)
			},
			stale: func(ctx context.Context, h *Hands, i ids) error {
				return h.SetReclaimPolicy(ctx, "pv-1", "another", Delete, Retain)
			},
			check: func(t *testing.T, ctx context.Context, cl *Cluster) bool {
				return must[Volume](t)(cl.Volume(ctx, "pv-1")).ReclaimPolicy == Retain
			},
		},
		{
			name: "release a volume", access: AccessPatchVolume("pv-1"),
			do: func(ctx context.Context, h *Hands, i ids) error {
				return h.ReleaseVolume(ctx, "pv-1", i.volume, ClaimRef{"sv", "data", "old"})
			},
			stale: func(ctx context.Context, h *Hands, i ids) error {
				return h.ReleaseVolume(ctx, "pv-1", i.volume, ClaimRef{"sv", "data", "newer"})
			},
			check: func(t *testing.T, ctx context.Context, cl *Cluster) bool {
				r := must[Volume](t)(cl.Volume(ctx, "pv-1")).Claim
				return r != nil && *r == ClaimRef{"sv", "data", ""}
			},
		},
		{
			name: "keep a free volume for a claim", access: AccessPatchVolume("pv-free"),
			do: func(ctx context.Context, h *Hands, i ids) error {
				return h.BindVolumeTo(ctx, "pv-free", i.free, nil, "sv", "data-2")
			},
			check: func(t *testing.T, ctx context.Context, cl *Cluster) bool {
				r := must[Volume](t)(cl.Volume(ctx, "pv-free")).Claim
				return r != nil && *r == ClaimRef{"sv", "data-2", ""}
			},
		},
		{
			name: "delete a volume", access: AccessDeleteVolume("pv-free"),
			do:    func(ctx context.Context, h *Hands, i ids) error { return h.DeleteVolume(ctx, "pv-free", i.free) },
			stale: func(ctx context.Context, h *Hands, _ ids) error { return h.DeleteVolume(ctx, "pv-free", "another") },
			check: func(t *testing.T, ctx context.Context, cl *Cluster) bool {
				v, ok, err := cl.Volume(ctx, "pv-free")
				return err == nil && (!ok || v.Deleting != nil)
			},
		},
		{
			name: "delete a claim", access: AccessDeleteClaim("sv", "data"),
			do:    func(ctx context.Context, h *Hands, i ids) error { return h.DeleteClaim(ctx, "sv", "data", i.claim) },
			stale: func(ctx context.Context, h *Hands, _ ids) error { return h.DeleteClaim(ctx, "sv", "data", "another") },
			check: func(t *testing.T, ctx context.Context, cl *Cluster) bool {
				c, ok, err := cl.Claim(ctx, "sv", "data")
				return err == nil && (!ok || c.Deleting != nil)
			},
		},
		{
			name: "create a secret", access: AccessCreateSecret("sv", "dump"), kind: AlreadyExists,
			do: func(ctx context.Context, h *Hands, _ ids) error {
				return h.CreateSecret(ctx, SecretSpec{Namespace: "sv", Name: "dump", Annotations: map[string]string{"a": "b"}, Data: map[string]secret.String{"content": secret.New("a key")}})
			},
			check: func(t *testing.T, ctx context.Context, cl *Cluster) bool {
				m, ok, err := cl.SecretMatches(ctx, "sv", "dump", "content", sumOf("a key"))
				if err != nil || !ok {
					return false
				}
				if !m.Has || !m.Same || m.Annotations["a"] != "b" {
					t.Errorf("%+v", m)
				}
				if m, _, _ = cl.SecretMatches(ctx, "sv", "dump", "content", sumOf("another key")); !m.Has || m.Same {
					t.Errorf("another value matches: %+v", m)
				}
				if m, _, _ = cl.SecretMatches(ctx, "sv", "dump", "other", sumOf("")); m.Has || m.Same {
					t.Errorf("a key that is not there matches: %+v", m)
				}
				return true
			},
		},
		{
			name: "delete a secret", access: AccessDeleteSecret("sv", "apps-pg-secret"),
			do: func(ctx context.Context, h *Hands, i ids) error {
				return h.DeleteSecret(ctx, "sv", "apps-pg-secret", i.secret)
			},
			stale: func(ctx context.Context, h *Hands, i ids) error {
				return h.DeleteSecret(ctx, "sv", "apps-pg-secret", "another")
			},
			check: func(t *testing.T, ctx context.Context, cl *Cluster) bool {
				_, ok, err := cl.SecretKeys(ctx, "sv", "apps-pg-secret")
				return err == nil && !ok
			},
		},
		{
			name: "create a namespace", access: AccessCreateNamespace("validator"), kind: AlreadyExists,
			do: func(ctx context.Context, h *Hands, _ ids) error {
				return h.CreateNamespace(ctx, "validator", map[string]string{"a": "b"})
			},
			check: func(t *testing.T, ctx context.Context, cl *Cluster) bool {
				n, ok, err := cl.Namespace(ctx, "validator")
				return err == nil && ok && n.Annotations["a"] == "b"
			},
		},
		{
			name: "create a claim", access: AccessCreateClaim("sv", "data-2"), kind: AlreadyExists,
			do: func(ctx context.Context, h *Hands, _ ids) error {
				_, err := h.CreateClaim(ctx, ClaimSpec{Namespace: "sv", Name: "data-2", Class: "fast", Size: "20G", Snapshot: "data-1700000000", Labels: map[string]string{"a": "b"}})
				return err
			},
			check: func(t *testing.T, ctx context.Context, cl *Cluster) bool {
				c, ok, err := cl.Claim(ctx, "sv", "data-2")
				if err != nil || !ok {
					return false
				}
				if c.Source == nil || *c.Source != (DataSource{groupSnapshot, "VolumeSnapshot", "data-1700000000"}) || c.Request != (Size{20e9, "20G"}) ||
					c.Class != "fast" || c.Labels["a"] != "b" || len(c.Modes) != 1 || c.Modes[0] != "ReadWriteOnce" {
					t.Errorf("%+v", c)
				}
				return true
			},
		},
		{
			name: "take a snapshot", access: AccessCreateSnapshot("sv", "data-1"), kind: AlreadyExists,
			do: func(ctx context.Context, h *Hands, _ ids) error {
				_, err := h.CreateSnapshot(ctx, SnapshotSpec{Namespace: "sv", Name: "data-1", Claim: "data"})
				return err
			},
			check: func(t *testing.T, ctx context.Context, cl *Cluster) bool {
				s, ok, err := cl.Snapshot(ctx, "sv", "data-1")
				return err == nil && ok && s.SourceClaim == "data"
			},
		},
		{
			name: "delete a snapshot", access: AccessDeleteSnapshot("sv", "data-old"),
			do: func(ctx context.Context, h *Hands, i ids) error {
				return h.DeleteSnapshot(ctx, "sv", "data-old", i.snapshot)
			},
			stale: func(ctx context.Context, h *Hands, _ ids) error {
				return h.DeleteSnapshot(ctx, "sv", "data-old", "another")
			},
			check: func(t *testing.T, ctx context.Context, cl *Cluster) bool {
				s, ok, err := cl.Snapshot(ctx, "sv", "data-old")
				return err == nil && (!ok || s.Deleting != nil)
			},
		},
		{
			name: "delete a pod", access: AccessDeletePod("sv", "p"),
			do: func(ctx context.Context, h *Hands, i ids) error {
				return h.DeletePod(ctx, "sv", "p", i.pod, new(int64))
			},
			stale: func(ctx context.Context, h *Hands, _ ids) error { return h.DeletePod(ctx, "sv", "p", "another", nil) },
			check: func(t *testing.T, ctx context.Context, cl *Cluster) bool {
				p, ok, err := cl.Pod(ctx, "sv", "p")
				return err == nil && (!ok || p.Deleting != nil)
			},
		},
		{
			name: "first annotation", access: AccessMark(deploy),
			do: func(ctx context.Context, h *Hands, i ids) error {
				return h.Annotate(ctx, deploy, deploymentUID(t, h), Mark{"svrescue/run~1", nil, &one})
			},
			check: func(t *testing.T, ctx context.Context, cl *Cluster) bool {
				return must[Workload](t)(cl.Workload(ctx, Deployment, "sv", "sv-app")).Annotations["svrescue/run~1"] == "1"
			},
		},
		{
			name: "second label", access: AccessMark(deploy),
			do: func(ctx context.Context, h *Hands, i ids) error {
				return h.Label(ctx, deploy, deploymentUID(t, h), Mark{"second", nil, &one})
			},
			stale: func(ctx context.Context, h *Hands, i ids) error {
				return h.Label(ctx, deploy, deploymentUID(t, h), Mark{"app", &two, &one})
			},
			check: func(t *testing.T, ctx context.Context, cl *Cluster) bool {
				return must[Workload](t)(cl.Workload(ctx, Deployment, "sv", "sv-app")).Labels["second"] == "1"
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := testContext(t)
			cl, s := simulated(t)
			i := ids{
				claim:    must[Claim](t)(cl.Claim(ctx, "sv", "data")).UID,
				volume:   must[Volume](t)(cl.Volume(ctx, "pv-1")).UID,
				free:     must[Volume](t)(cl.Volume(ctx, "pv-free")).UID,
				pod:      must[Pod](t)(cl.Pod(ctx, "sv", "p")).UID,
				secret:   must[SecretMatch](t)(cl.SecretMatches(ctx, "sv", "apps-pg-secret", "other", "")).UID,
				snapshot: must[Snapshot](t)(cl.Snapshot(ctx, "sv", "data-old")).UID,
			}
			if c.kind == "" {
				c.kind = Conflict
			}
			if err := c.do(ctx, cl.Hands(nil, false), i); KindOf(err) != Refused {
				t.Errorf("hands that may nothing: %v", err)
			}
			if n := len(s.Writes()); n != 0 {
				t.Errorf("hands that may nothing sent %d writes", n)
			}
			if err := c.do(ctx, cl.Hands(c.access, true), i); err != nil {
				t.Errorf("trial: %v", err)
			}
			if c.check(t, ctx, cl) {
				t.Fatal("the trial changed the world")
			}
			if w := s.Writes(); len(w) == 0 || !w[len(w)-1].DryRun {
				t.Errorf("the trial was sent as %+v", w)
			}
			hands := cl.Hands(c.access, false)
			if c.stale != nil {
				if err := c.stale(ctx, hands, i); KindOf(err) != c.kind {
					t.Errorf("broken precondition: %v (%v)", err, KindOf(err))
				}
				if c.check(t, ctx, cl) {
					t.Fatal("a broken precondition changed the world")
				}
			}
			if err := c.do(ctx, hands, i); err != nil {
				t.Fatalf("for real: %v", err)
			}
			if !c.check(t, ctx, cl) {
				t.Error("nothing was done")
			}
			if c.stale == nil {
				if err := c.do(ctx, hands, i); KindOf(err) != c.kind {
					t.Errorf("a second time: %v (%v)", err, KindOf(err))
				}
			}
		})
	}
}

func deploymentUID(t *testing.T, h *Hands) string {
	return must[Workload](t)(h.cluster.Workload(t.Context(), Deployment, "sv", "sv-app")).UID
}

func TestDeletionNeedsUID(t *testing.T) {
	cl, s := simulated(t)
	h := cl.Hands([]Access{access("delete", "", "persistentvolumeclaims", "sv", ""), access("delete", "", "pods", "sv", ""), access("delete", "", "persistentvolumes", "", "")}, false)
	for _, err := range []error{h.DeleteClaim(t.Context(), "sv", "data", ""), h.DeletePod(t.Context(), "sv", "p", "", nil), h.DeleteVolume(t.Context(), "pv-1", "")} {
		if KindOf(err) != Invalid {
			t.Errorf("err = %v", err)
		}
	}
	if n := len(s.Writes()); n != 0 {
		t.Errorf("%d writes were sent", n)
	}
}

// A cluster cannot write, whatever is done with its client.
func TestClusterCannotWrite(t *testing.T) {
	cl, s := simulated(t)
	for _, call := range []func() error{
		func() error {
			return cl.kube.CoreV1().RESTClient().Delete().AbsPath("/api/v1/namespaces/sv/pods/p").Do(t.Context()).Error()
		},
		func() error {
			return cl.kube.CoreV1().RESTClient().Post().AbsPath("/api/v1/namespaces").Body([]byte("{}")).Do(t.Context()).Error()
		},
		func() error {
			return cl.kube.CoreV1().RESTClient().Get().AbsPath("/api/v1/namespaces/sv/pods/p/exec").Do(t.Context()).Error()
		},
	} {
		if err := call(); KindOf(err) != Refused {
			t.Errorf("err = %v", err)
		}
	}
	if n := len(s.Writes()); n != 0 {
		t.Errorf("%d writes were sent", n)
	}
}

func TestCommands(t *testing.T) {
	w := Where{Context: "gke_it's me"}
	grace := int64(0)
	claim, err := CommandCreateClaim(Where{}, ClaimSpec{Namespace: "sv", Name: "data", Size: "20Gi", Annotations: map[string]string{"note": "a\nEOF\nb"}})
	if err != nil {
		t.Fatal(err)
	}
	volume := CommandSetReclaimPolicy(Where{}, "pv-1", "u", Delete, Retain)
	for _, c := range []struct{ got, want string }{
		{CommandScale(w, WorkloadRef{Deployment, "sv", "sv-app"}, 1, 0), `kubectl --context 'gke_it'\''s me' -n sv scale deployment/sv-app --current-replicas=1 --replicas=0`},
		{CommandDeleteClaim(Where{Kubeconfig: "/home/a b/c"}, "sv", "data"), `kubectl --kubeconfig '/home/a b/c' -n sv delete persistentvolumeclaim data --wait=false`},
		{CommandDeletePod(Where{}, "sv", "p", &grace), "kubectl -n sv delete pod p --wait=false --grace-period=0 --force"},
		{CommandSecretFiles(Where{}, "v", "dump", map[string]string{"content": "/a b/dump.json"}), `kubectl -n v create secret generic dump --from-file=content='/a b/dump.json'`},
		{CommandDeleteSecret(Where{}, "v", "dump"), "kubectl -n v delete secret dump"},
		{CommandCreateNamespace(Where{}, "v"), "kubectl create namespace v"},
		{CommandLabel(Where{}, access("", groupApps, "deployments", "sv", "d"), Mark{Key: "k", From: &w.Context}), "kubectl -n sv label deployments.apps d k-"},
		{volume, `kubectl patch persistentvolume pv-1 --type=json -p '[{"op":"test","path":"/metadata/uid","value":"u"},{"op":"test","path":"/spec/persistentVolumeReclaimPolicy","value":"Delete"},{"op":"replace","path":"/spec/persistentVolumeReclaimPolicy","value":"Retain"}]'`},
	} {
		if c.got != c.want {
			t.Errorf("got  %s\nwant %s", c.got, c.want)
		}
	}
	if !strings.HasPrefix(claim, "kubectl -n sv create -f - <<'EOF'\napiVersion: v1\n") || !strings.HasSuffix(claim, "\nEOF") || strings.Count(claim, "\nEOF\n") != 0 ||
		strings.Contains(claim, "status") || strings.Contains(claim, "creationTimestamp") {
		t.Errorf("%s", claim)
	}
}
