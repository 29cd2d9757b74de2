package contract

import (
	"fmt"
	"strings"
	"time"

	authv1 "k8s.io/api/authorization/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	coordv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
)

const stale = "the object has been modified; please apply your changes to the latest version and try again"

var dry = []string{metav1.DryRunAll}

var writing = []Case{
	{"stale resourceVersion conflicts", func(e *env) {
		c := e.configMap("a", nil)
		old := c.DeepCopy()
		c.Data["k"] = "2"
		c, err := e.kube.CoreV1().ConfigMaps(e.ns).Update(e.ctx, c, metav1.UpdateOptions{})
		e.ok(err)
		if c.ResourceVersion == old.ResourceVersion {
			e.Fatal("an update left the resourceVersion alone")
		}
		old.Data["k"] = "3"
		_, err = e.kube.CoreV1().ConfigMaps(e.ns).Update(e.ctx, old, metav1.UpdateOptions{})
		e.reason(err, metav1.StatusReasonConflict, 409, `Operation cannot be fulfilled on configmaps "a": `+stale)
		p := fmt.Sprintf(`{"metadata":{"resourceVersion":%q},"data":{"k":"4"}}`, old.ResourceVersion)
		_, err = e.kube.CoreV1().ConfigMaps(e.ns).Patch(e.ctx, "a", types.MergePatchType, []byte(p), metav1.PatchOptions{})
		e.reason(err, metav1.StatusReasonConflict, 409, `Operation cannot be fulfilled on configmaps "a": `+stale)
	}},
	{"update without change keeps the version", func(e *env) {
		c := e.configMap("a", nil)
		n, err := e.kube.CoreV1().ConfigMaps(e.ns).Update(e.ctx, c, metav1.UpdateOptions{})
		e.ok(err)
		if n.ResourceVersion != c.ResourceVersion {
			e.Fatalf("version went from %s to %s", c.ResourceVersion, n.ResourceVersion)
		}
	}},
	{"update with a foreign uid conflicts", func(e *env) {
		c := e.configMap("a", nil)
		uid := c.UID
		c.UID, c.ResourceVersion = "other", ""
		_, err := e.kube.CoreV1().ConfigMaps(e.ns).Update(e.ctx, c, metav1.UpdateOptions{})
		e.reason(err, metav1.StatusReasonConflict, 409, fmt.Sprintf(
			`Operation cannot be fulfilled on configmaps "a": StorageError: invalid object, Code: 4, Key: /registry/configmaps/%s/a, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: other, UID in object meta: %s`, e.ns, uid))
	}},
	{"a lease needs a resourceVersion to be updated", func(e *env) {
		l, err := e.kube.CoordinationV1().Leases(e.ns).Create(e.ctx, &coordv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "l"}}, metav1.CreateOptions{})
		e.ok(err)
		l.ResourceVersion = ""
		l.Spec.HolderIdentity = ptr("me")
		_, err = e.kube.CoordinationV1().Leases(e.ns).Update(e.ctx, l, metav1.UpdateOptions{})
		e.reason(err, metav1.StatusReasonInvalid, 422, `leases.coordination.k8s.io "l" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update`)
	}},
	{"a lease goes from hand to hand, and only with its version", func(e *env) {
		leases := e.kube.CoordinationV1().Leases(e.ns)
		now := metav1.NowMicro()
		spec := coordv1.LeaseSpec{HolderIdentity: ptr("alice"), LeaseDurationSeconds: ptr(int32(30)), AcquireTime: &now, RenewTime: &now, LeaseTransitions: ptr(int32(1))}
		l, err := leases.Create(e.ctx, &coordv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "l", Annotations: map[string]string{"svrescue/run": "r-1"}}, Spec: spec}, metav1.CreateOptions{})
		e.ok(err)
		_, err = leases.Create(e.ctx, &coordv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "l"}, Spec: spec}, metav1.CreateOptions{})
		e.reason(err, metav1.StatusReasonAlreadyExists, 409, `leases.coordination.k8s.io "l" already exists`)
		bobs := l.DeepCopy()
		later := metav1.NewMicroTime(now.Add(1234 * time.Microsecond).Truncate(time.Microsecond))
		l.Spec.RenewTime = &later
		l, err = leases.Update(e.ctx, l, metav1.UpdateOptions{})
		e.ok(err)
		if l.ResourceVersion == bobs.ResourceVersion || !l.Spec.RenewTime.Equal(&later) || l.Annotations["svrescue/run"] != "r-1" {
			e.Errorf("renewed it is %+v", l)
		}
		bobs.Spec.HolderIdentity = ptr("bob")
		_, err = leases.Update(e.ctx, bobs, metav1.UpdateOptions{})
		e.reason(err, metav1.StatusReasonConflict, 409, `Operation cannot be fulfilled on leases.coordination.k8s.io "l": `+stale)
		l.Spec.HolderIdentity = ptr("") // released
		l, err = leases.Update(e.ctx, l, metav1.UpdateOptions{})
		e.ok(err)
		if *l.Spec.HolderIdentity != "" || *l.Spec.LeaseDurationSeconds != 30 || *l.Spec.LeaseTransitions != 1 {
			e.Errorf("released it is %+v", l.Spec)
		}
		e.ok(leases.Delete(e.ctx, "l", metav1.DeleteOptions{}))
		_, err = leases.Update(e.ctx, l, metav1.UpdateOptions{}) // an update may make a lease, but not one of this uid
		e.reason(err, metav1.StatusReasonConflict, 409, fmt.Sprintf(
			`Operation cannot be fulfilled on leases.coordination.k8s.io "l": StorageError: invalid object, Code: 4, Key: /registry/leases/%s/l, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: %s, UID in object meta: `, e.ns, l.UID))
		_, err = leases.Get(e.ctx, "l", metav1.GetOptions{})
		e.reason(err, metav1.StatusReasonNotFound, 404, `leases.coordination.k8s.io "l" not found`)
		_, err = e.kube.CoordinationV1().Leases("no-such-namespace").Create(e.ctx, &coordv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: "l"}, Spec: spec}, metav1.CreateOptions{})
		e.reason(err, metav1.StatusReasonNotFound, 404, `namespaces "no-such-namespace" not found`)
	}},
	{"dry run changes nothing", func(e *env) {
		cms := e.kube.CoreV1().ConfigMaps(e.ns)
		made, err := cms.Create(e.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "d"}}, metav1.CreateOptions{DryRun: dry})
		e.ok(err)
		if made.UID == "" {
			e.Error("a dry-run create answers without uid")
		}
		_, err = cms.Get(e.ctx, "d", metav1.GetOptions{})
		e.reason(err, metav1.StatusReasonNotFound, 404, `configmaps "d" not found`)
		c := e.configMap("a", nil)
		c.Data["k"] = "2"
		n, err := cms.Update(e.ctx, c, metav1.UpdateOptions{DryRun: dry})
		e.ok(err)
		if n.Data["k"] != "2" {
			e.Error("a dry-run update does not show the result")
		}
		_, err = cms.Patch(e.ctx, "a", types.MergePatchType, []byte(`{"data":{"k":"3"}}`), metav1.PatchOptions{DryRun: dry})
		e.ok(err)
		e.ok(cms.Delete(e.ctx, "a", metav1.DeleteOptions{DryRun: dry}))
		e.ok(cms.DeleteCollection(e.ctx, metav1.DeleteOptions{DryRun: dry}, metav1.ListOptions{}))
		got, err := cms.Get(e.ctx, "a", metav1.GetOptions{})
		e.ok(err)
		if got.ResourceVersion != c.ResourceVersion || got.Data["k"] != "1" {
			e.Errorf("after dry runs: version %s, data %v", got.ResourceVersion, got.Data)
		}
	}},
	{"create twice", func(e *env) {
		e.configMap("a", nil)
		_, err := e.kube.CoreV1().ConfigMaps(e.ns).Create(e.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a"}}, metav1.CreateOptions{})
		e.reason(err, metav1.StatusReasonAlreadyExists, 409, `configmaps "a" already exists`)
	}},
	{"generateName", func(e *env) {
		c, err := e.kube.CoreV1().ConfigMaps(e.ns).Create(e.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "g-"}}, metav1.CreateOptions{})
		e.ok(err)
		if len(c.Name) != 7 || c.Name[:2] != "g-" {
			e.Errorf("name %q", c.Name)
		}
	}},
	{"namespace must exist", func(e *env) {
		_, err := e.kube.CoreV1().ConfigMaps("no-such-namespace").Create(e.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a"}}, metav1.CreateOptions{})
		e.reason(err, metav1.StatusReasonNotFound, 404, `namespaces "no-such-namespace" not found`)
	}},
	{"names are DNS names", func(e *env) {
		_, err := e.kube.CoreV1().ConfigMaps(e.ns).Create(e.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "Bad_Name"}}, metav1.CreateOptions{})
		e.reason(err, metav1.StatusReasonInvalid, 422, `ConfigMap "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`)
	}},
	{"a selector must match its template", func(e *env) {
		d := e.deployment("d", 0)
		d.Spec.Template.Labels = map[string]string{"app": "other"}
		_, err := e.kube.AppsV1().Deployments(e.ns).Create(e.ctx, d, metav1.CreateOptions{})
		e.reason(err, metav1.StatusReasonInvalid, 422, "Deployment.apps \"d\" is invalid: spec.template.metadata.labels: Invalid value: {\"app\":\"other\"}: `selector` does not match template `labels`")
	}},
	{"generation counts changes of the spec", func(e *env) {
		d, err := e.kube.AppsV1().Deployments(e.ns).Create(e.ctx, e.deployment("d", 0), metav1.CreateOptions{})
		e.ok(err)
		if d.Generation != 1 || d.Spec.Template.Spec.RestartPolicy != corev1.RestartPolicyAlways || *d.Spec.RevisionHistoryLimit != 10 {
			e.Errorf("generation %d, restartPolicy %q", d.Generation, d.Spec.Template.Spec.RestartPolicy)
		}
		d, err = e.kube.AppsV1().Deployments(e.ns).Patch(e.ctx, "d", types.MergePatchType, []byte(`{"metadata":{"labels":{"x":"y"}}}`), metav1.PatchOptions{})
		e.ok(err)
		if d.Generation != 1 {
			e.Errorf("a label raised the generation to %d", d.Generation)
		}
		d, err = e.kube.AppsV1().Deployments(e.ns).Patch(e.ctx, "d", types.MergePatchType, []byte(`{"spec":{"minReadySeconds":1}}`), metav1.PatchOptions{})
		e.ok(err)
		if d.Generation != 2 {
			e.Errorf("generation %d after a change of the spec", d.Generation)
		}
		d, err = e.kube.AppsV1().Deployments(e.ns).Patch(e.ctx, "d", types.MergePatchType, []byte(`{"metadata":{"annotations":{"x":"y"}}}`), metav1.PatchOptions{})
		e.ok(err)
		if d.Generation != 3 {
			e.Errorf("generation %d: an annotation of a Deployment counts too", d.Generation)
		}
	}},
}

var patching = []Case{
	{"patch types", func(e *env) {
		e.configMap("a", nil)
		cms := e.kube.CoreV1().ConfigMaps(e.ns)
		c, err := cms.Patch(e.ctx, "a", types.JSONPatchType, []byte(`[{"op":"test","path":"/data/k","value":"1"},{"op":"replace","path":"/data/k","value":"2"}]`), metav1.PatchOptions{})
		e.ok(err)
		if c.Data["k"] != "2" {
			e.Errorf("JSON patch: %v", c.Data)
		}
		_, err = cms.Patch(e.ctx, "a", types.JSONPatchType, []byte(`[{"op":"test","path":"/data/k","value":"1"}]`), metav1.PatchOptions{})
		e.reason(err, metav1.StatusReasonInvalid, 422, "the server rejected our request due to an error in our request")
		c, err = cms.Patch(e.ctx, "a", types.MergePatchType, []byte(`{"data":{"k":null,"n":"x"}}`), metav1.PatchOptions{})
		e.ok(err)
		if _, there := c.Data["k"]; there || c.Data["n"] != "x" {
			e.Errorf("merge patch: %v", c.Data)
		}
		_, err = cms.Patch(e.ctx, "nope", types.MergePatchType, []byte(`{}`), metav1.PatchOptions{})
		e.reason(err, metav1.StatusReasonNotFound, 404, `configmaps "nope" not found`)
		_, err = cms.Patch(e.ctx, "a", types.MergePatchType, []byte(`{"metadata":{"name":"b"}}`), metav1.PatchOptions{})
		e.reason(err, metav1.StatusReasonBadRequest, 400, "the name of the object (b) does not match the name on the URL (a)")
	}},
	{"strategic merge patch merges lists by key", func(e *env) {
		_, err := e.kube.AppsV1().Deployments(e.ns).Create(e.ctx, e.deployment("d", 0), metav1.CreateOptions{})
		e.ok(err)
		d, err := e.kube.AppsV1().Deployments(e.ns).Patch(e.ctx, "d", types.StrategicMergePatchType,
			[]byte(`{"spec":{"template":{"spec":{"containers":[{"name":"main","env":[{"name":"A","value":"1"}]},{"name":"second","image":"x:1"}]}}}}`), metav1.PatchOptions{})
		e.ok(err)
		l := d.Spec.Template.Spec.Containers
		if len(l) != 2 {
			e.Fatalf("%d containers", len(l))
		}
		for _, c := range l {
			if c.Name == "main" && (c.Image != e.Image || len(c.Env) != 1) {
				e.Errorf("main became %+v", c)
			}
		}
	}},
	{"strategic merge patch for one version, which takes away by name", func(e *env) {
		ds := e.kube.AppsV1().Deployments(e.ns)
		made := e.deployment("d", 0)
		made.Spec.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "A", Value: "1"}, {Name: "B", Value: "2"}, {Name: "MINE", Value: "3"}}
		_, err := ds.Create(e.ctx, made, metav1.CreateOptions{})
		e.ok(err)
		e.settled("d") // or the controllers' writes come between
		old, err := ds.Get(e.ctx, "d", metav1.GetOptions{})
		e.ok(err)
		patch := func(version string) []byte {
			return fmt.Appendf(nil, `{"metadata":{"uid":%q,"resourceVersion":%q,"labels":{"new":"x"}},"spec":{"template":{"spec":{"$setElementOrder/containers":[{"name":"main"}],`+
				`"containers":[{"name":"main","$setElementOrder/env":[{"name":"A"}],"env":[{"name":"A","value":"9"},{"name":"B","$patch":"delete"}]}]}}}}`, old.UID, version)
		}
		d, err := ds.Patch(e.ctx, "d", types.StrategicMergePatchType, patch(old.ResourceVersion), metav1.PatchOptions{FieldManager: "helm", DryRun: dry})
		e.ok(err)
		if d.Labels["new"] != "x" {
			e.Error("a dry-run patch does not show the result")
		}
		d, err = ds.Patch(e.ctx, "d", types.StrategicMergePatchType, patch(old.ResourceVersion), metav1.PatchOptions{FieldManager: "helm"})
		e.ok(err)
		var env []string
		for _, v := range d.Spec.Template.Spec.Containers[0].Env {
			env = append(env, v.Name+"="+v.Value)
		}
		if got := strings.Join(env, " "); d.Labels["new"] != "x" || got != "A=9 MINE=3" {
			e.Errorf("labels %v, env %s", d.Labels, got)
		}
		_, err = ds.Patch(e.ctx, "d", types.StrategicMergePatchType, patch(old.ResourceVersion), metav1.PatchOptions{FieldManager: "helm"})
		e.reason(err, metav1.StatusReasonConflict, 409, `Operation cannot be fulfilled on deployments.apps "d": `+stale)
	}},
	{"custom resources take no strategic merge patch", func(e *env) {
		e.makeClaim(e.claim("c", e.Immediate, "8Mi"))
		_, err := e.snap.SnapshotV1().VolumeSnapshots(e.ns).Create(e.ctx, e.snapshot("s", "c"), metav1.CreateOptions{})
		e.ok(err)
		_, err = e.snap.SnapshotV1().VolumeSnapshots(e.ns).Patch(e.ctx, "s", types.StrategicMergePatchType, []byte(`{}`), metav1.PatchOptions{})
		e.reason(err, metav1.StatusReasonUnsupportedMediaType, 415, "")
	}},
	{"scale subresource", func(e *env) {
		ds := e.kube.AppsV1().Deployments(e.ns)
		_, err := ds.Create(e.ctx, e.deployment("d", 0), metav1.CreateOptions{})
		e.ok(err)
		e.settled("d") // or the controllers' writes come between
		sc, err := ds.GetScale(e.ctx, "d", metav1.GetOptions{})
		e.ok(err)
		if sc.Spec.Replicas != 0 || sc.Status.Selector != "app=d" {
			e.Errorf("scale %+v", sc)
		}
		sc.Spec.Replicas = 1
		n, err := ds.UpdateScale(e.ctx, "d", sc, metav1.UpdateOptions{DryRun: dry})
		e.ok(err)
		if n.Spec.Replicas != 1 {
			e.Error("a dry-run scale does not show the result")
		}
		n, err = ds.UpdateScale(e.ctx, "d", sc, metav1.UpdateOptions{})
		e.ok(err)
		if n.ResourceVersion == sc.ResourceVersion {
			e.Error("scaling left the version alone")
		}
		_, err = ds.UpdateScale(e.ctx, "d", sc, metav1.UpdateOptions{})
		e.reason(err, metav1.StatusReasonConflict, 409, `Operation cannot be fulfilled on deployments.apps "d": `+stale)
		_, err = ds.Patch(e.ctx, "d", types.MergePatchType, []byte(`{"spec":{"replicas":0}}`), metav1.PatchOptions{}, "scale")
		e.ok(err)
		d, err := ds.Get(e.ctx, "d", metav1.GetOptions{})
		e.ok(err)
		if *d.Spec.Replicas != 0 || d.Generation != 3 {
			e.Errorf("replicas %d, generation %d", *d.Spec.Replicas, d.Generation)
		}
		_, err = ds.UpdateScale(e.ctx, "d", &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: "d", Namespace: e.ns}, Spec: autoscalingv1.ScaleSpec{Replicas: -1}}, metav1.UpdateOptions{})
		e.reason(err, metav1.StatusReasonInvalid, 422, "")
		_, err = ds.GetScale(e.ctx, "nope", metav1.GetOptions{})
		e.reason(err, metav1.StatusReasonNotFound, 404, `deployments.apps "nope" not found`)
	}},
}

var reading = []Case{
	{"label and field selectors", func(e *env) {
		e.configMap("a", map[string]string{"x": "1"})
		e.configMap("b", map[string]string{"x": "2"})
		e.configMap("c", nil)
		count := func(o metav1.ListOptions, want ...string) {
			e.Helper()
			l, err := e.kube.CoreV1().ConfigMaps(e.ns).List(e.ctx, o)
			e.ok(err)
			var got []string
			for _, c := range l.Items {
				if c.Name != "kube-root-ca.crt" {
					got = append(got, c.Name)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) {
				e.Errorf("%+v: got %v, want %v", o, got, want)
			}
		}
		count(metav1.ListOptions{LabelSelector: "x=1"}, "a")
		count(metav1.ListOptions{LabelSelector: "x"}, "a", "b")
		count(metav1.ListOptions{LabelSelector: "x in (1,2),x!=1"}, "b")
		count(metav1.ListOptions{LabelSelector: "!x"}, "c")
		count(metav1.ListOptions{FieldSelector: "metadata.name=b"}, "b")
		_, err := e.kube.CoreV1().ConfigMaps(e.ns).List(e.ctx, metav1.ListOptions{FieldSelector: "data.k=1"})
		e.reason(err, metav1.StatusReasonBadRequest, 400, "")
		_, err = e.kube.CoreV1().ConfigMaps(e.ns).List(e.ctx, metav1.ListOptions{LabelSelector: "x in"})
		e.reason(err, metav1.StatusReasonBadRequest, 400, "")
	}},
	{"limit and continue", func(e *env) {
		for i := range 5 {
			e.configMap(fmt.Sprintf("m%d", i), map[string]string{"m": "y"})
		}
		o := metav1.ListOptions{LabelSelector: "m=y", Limit: 2}
		var got []string
		for pages := 1; ; pages++ {
			l, err := e.kube.CoreV1().ConfigMaps(e.ns).List(e.ctx, o)
			e.ok(err)
			if len(l.Items) > 2 {
				e.Fatalf("page of %d", len(l.Items))
			}
			for _, c := range l.Items {
				got = append(got, c.Name)
			}
			if o.Continue = l.Continue; o.Continue == "" {
				if pages != 3 {
					e.Errorf("%d pages", pages)
				}
				break
			}
		}
		if fmt.Sprint(got) != "[m0 m1 m2 m3 m4]" {
			e.Errorf("got %v", got)
		}
	}},
	{"watch from a resourceVersion", func(e *env) {
		c := e.configMap("a", map[string]string{"w": "y"})
		cms := e.kube.CoreV1().ConfigMaps(e.ns)
		_, err := cms.Patch(e.ctx, "a", types.MergePatchType, []byte(`{"data":{"k":"2"}}`), metav1.PatchOptions{})
		e.ok(err)
		e.configMap("other", nil)
		w, err := cms.Watch(e.ctx, metav1.ListOptions{ResourceVersion: c.ResourceVersion, LabelSelector: "w=y"})
		e.ok(err)
		defer w.Stop()
		expect := func(t watch.EventType, k string) {
			e.Helper()
			ev, open := <-w.ResultChan()
			if !open {
				e.Fatal("watch closed")
			}
			got := ev.Object.(*corev1.ConfigMap)
			if ev.Type != t || got.Name != "a" || got.Data["k"] != k {
				e.Fatalf("got %s %s %v, want %s %s", ev.Type, got.Name, got.Data, t, k)
			}
		}
		expect(watch.Modified, "2")
		_, err = cms.Patch(e.ctx, "a", types.MergePatchType, []byte(`{"metadata":{"labels":{"w":"n"}},"data":{"k":"3"}}`), metav1.PatchOptions{})
		e.ok(err)
		expect(watch.Deleted, "2") // it left the selection
		_, err = cms.Patch(e.ctx, "a", types.MergePatchType, []byte(`{"metadata":{"labels":{"w":"y"}}}`), metav1.PatchOptions{})
		e.ok(err)
		expect(watch.Added, "3")
		e.ok(cms.Delete(e.ctx, "a", metav1.DeleteOptions{}))
		expect(watch.Deleted, "3")
	}},
	{"watch without a version begins with what is there", func(e *env) {
		e.configMap("a", map[string]string{"w": "y"})
		w, err := e.kube.CoreV1().ConfigMaps(e.ns).Watch(e.ctx, metav1.ListOptions{LabelSelector: "w=y"})
		e.ok(err)
		defer w.Stop()
		if ev := <-w.ResultChan(); ev.Type != watch.Added {
			e.Errorf("got %s", ev.Type)
		}
	}},
	{"watch from a version too old ends with 410", func(e *env) {
		w, err := e.kube.CoreV1().ConfigMaps(e.ns).Watch(e.ctx, metav1.ListOptions{ResourceVersion: "1", TimeoutSeconds: ptr(int64(2))})
		e.ok(err)
		defer w.Stop()
		ev, open := <-w.ResultChan()
		if !open || ev.Type != watch.Error {
			e.Skipf("the server still keeps its whole history (%v)", ev.Type)
		}
		if st := ev.Object.(*metav1.Status); st.Code != 410 || st.Reason != metav1.StatusReasonExpired {
			e.Errorf("got %d %s", st.Code, st.Reason)
		}
	}},
	{"not found", func(e *env) {
		_, err := e.kube.AppsV1().Deployments(e.ns).Get(e.ctx, "x", metav1.GetOptions{})
		e.reason(err, metav1.StatusReasonNotFound, 404, `deployments.apps "x" not found`)
		_, err = e.snap.SnapshotV1().VolumeSnapshots(e.ns).Get(e.ctx, "x", metav1.GetOptions{})
		e.reason(err, metav1.StatusReasonNotFound, 404, `volumesnapshots.snapshot.storage.k8s.io "x" not found`)
	}},
}

var access = []Case{
	{"access review", func(e *env) {
		r, err := e.kube.AuthorizationV1().SelfSubjectAccessReviews().Create(e.ctx, &authv1.SelfSubjectAccessReview{Spec: authv1.SelfSubjectAccessReviewSpec{
			ResourceAttributes: &authv1.ResourceAttributes{Verb: "patch", Group: "apps", Resource: "deployments", Subresource: "scale", Namespace: e.ns}}}, metav1.CreateOptions{})
		e.ok(err)
		if !r.Status.Allowed || r.Spec.ResourceAttributes.Verb != "patch" {
			e.Errorf("an administrator was answered %+v", r.Status)
		}
		_, err = e.kube.AuthorizationV1().SelfSubjectAccessReviews().Create(e.ctx, &authv1.SelfSubjectAccessReview{}, metav1.CreateOptions{})
		e.reason(err, metav1.StatusReasonInvalid, 422, "")
	}},
	{"discovery names what the product needs", func(e *env) {
		for gv, want := range map[string][]string{
			"v1":                         {"pods", "pods/log", "persistentvolumeclaims", "persistentvolumes", "secrets", "events"},
			"apps/v1":                    {"deployments", "deployments/scale", "statefulsets/scale", "replicasets"},
			"snapshot.storage.k8s.io/v1": {"volumesnapshots", "volumesnapshotcontents", "volumesnapshotclasses"},
			"coordination.k8s.io/v1":     {"leases"},
			"storage.k8s.io/v1":          {"storageclasses"},
		} {
			l, err := e.kube.Discovery().ServerResourcesForGroupVersion(gv)
			e.ok(err)
			have := map[string]bool{}
			for _, r := range l.APIResources {
				have[r.Name] = true
			}
			for _, w := range want {
				if !have[w] {
					e.Errorf("%s lacks %s", gv, w)
				}
			}
		}
		v, err := e.kube.Discovery().ServerVersion()
		e.ok(err)
		if v.Major != "1" {
			e.Errorf("version %+v", v)
		}
	}},
}
