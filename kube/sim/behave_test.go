package sim

import (
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

func deployment(name string) *appsv1.Deployment {
	l := map[string]string{"app": name}
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}, Spec: appsv1.DeploymentSpec{
		Selector: &metav1.LabelSelector{MatchLabels: l},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: l}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "x:1"}}}},
	}}
}

// start creates a deployment and returns its pod.
func start(t *testing.T, c *kubernetes.Clientset, name string) *corev1.Pod {
	t.Helper()
	if _, err := c.AppsV1().Deployments("default").Create(bg, deployment(name), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	var p *corev1.Pod
	until(t, "a pod", time.Minute, func() bool {
		l, err := c.CoreV1().Pods("default").List(bg, metav1.ListOptions{LabelSelector: "app=" + name})
		if err == nil && len(l.Items) == 1 {
			p = &l.Items[0]
		}
		return p != nil
	})
	return p
}

func TestStartAndReadyTakeTheirTime(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, s *Server, cfg *rest.Config) {
		s.Set(Knobs{Workloads: map[string]Workload{"default/d": {StartDelay: D(30 * time.Second), ReadyDelay: D(5 * time.Minute)}}})
		c := client(t, cfg)
		p := start(t, c, "d")
		begun := time.Now()
		state := func() string {
			p := getPod(t, c, "default", p.Name)
			if len(p.Status.ContainerStatuses) == 0 {
				return "none"
			}
			st := p.Status.ContainerStatuses[0]
			switch {
			case st.State.Waiting != nil:
				return st.State.Waiting.Reason
			case podReady(p):
				return "ready"
			}
			return string(p.Status.Phase)
		}
		for _, x := range []struct {
			at   time.Duration
			want string
		}{{time.Second, "ContainerCreating"}, {29 * time.Second, "ContainerCreating"}, {31 * time.Second, "Running"}, {5 * time.Minute, "Running"}, {331 * time.Second, "ready"}} {
			time.Sleep(time.Until(begun.Add(x.at)))
			if got := state(); got != x.want {
				t.Errorf("after %v: %s, want %s", x.at, got, x.want)
			}
		}
	})
}

func TestBackoffGrows(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, s *Server, cfg *rest.Config) {
		s.Set(Knobs{Workloads: map[string]Workload{"default/d": {Crash: &Crash{Reason: "OOMKilled", Log: []string{"too much"}}}}})
		c := client(t, cfg)
		p := start(t, c, "d")
		var waits []string
		seen := int32(-1)
		until(t, "eight restarts", time.Hour, func() bool {
			st := getPod(t, c, "default", p.Name).Status.ContainerStatuses
			if len(st) > 0 && st[0].State.Waiting != nil && st[0].State.Waiting.Reason == "CrashLoopBackOff" && st[0].RestartCount != seen {
				seen = st[0].RestartCount
				waits = append(waits, strings.Fields(st[0].State.Waiting.Message)[1])
				if l := st[0].LastTerminationState.Terminated; l == nil || l.Reason != "OOMKilled" || l.ExitCode != 137 {
					t.Errorf("last state %+v", l)
				}
			}
			return seen >= 8
		})
		if got := strings.Join(waits, " "); got != "10s 20s 40s 1m20s 2m40s 5m0s 5m0s 5m0s" {
			t.Errorf("back-offs %s", got)
		}
		s.Set(Knobs{}) // mended: the next start stays
		until(t, "ready", 6*time.Minute, func() bool { return podReady(getPod(t, c, "default", p.Name)) })
	})
}

func TestImagePullAndNeverReady(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, s *Server, cfg *rest.Config) {
		s.Set(Knobs{Workloads: map[string]Workload{"default/i": {ImagePullError: "not found"}, "*/n": {NeverReady: true}}})
		c := client(t, cfg)
		i, n := start(t, c, "i"), start(t, c, "n")
		time.Sleep(time.Minute)
		if w := getPod(t, c, "default", i.Name).Status.ContainerStatuses[0].State.Waiting; w == nil || w.Reason != "ImagePullBackOff" || w.Message != `Back-off pulling image "x:1": ErrImagePull: not found` {
			t.Errorf("waiting %+v", w)
		}
		if p := getPod(t, c, "default", n.Name); podReady(p) || p.Status.Phase != corev1.PodRunning {
			t.Errorf("%+v", p.Status)
		}
		d, err := c.AppsV1().Deployments("default").Get(bg, "n", metav1.GetOptions{})
		if err != nil || d.Status.UnavailableReplicas != 1 || d.Status.ReadyReplicas != 0 {
			t.Errorf("%+v %v", d.Status, err)
		}
	})
}

func TestTermination(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, s *Server, cfg *rest.Config) {
		s.Set(Knobs{Workloads: map[string]Workload{"default/stuck": {NeverTerminates: true}, "default/slow": {Termination: D(time.Hour)}}})
		c := client(t, cfg)
		stuck, slow := start(t, c, "stuck"), start(t, c, "slow")
		time.Sleep(10 * time.Second)
		exists := func(p *corev1.Pod) bool {
			_, err := c.CoreV1().Pods("default").Get(bg, p.Name, metav1.GetOptions{})
			return err == nil
		}
		for _, n := range []string{"stuck", "slow"} {
			if err := c.AppsV1().Deployments("default").Delete(bg, n, metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(29 * time.Second)
		if !exists(slow) {
			t.Error("slow went before its grace period")
		}
		time.Sleep(2 * time.Second)
		if exists(slow) {
			t.Error("slow outlived its grace period")
		}
		time.Sleep(time.Hour)
		if !exists(stuck) {
			t.Fatal("stuck went by itself")
		}
		zero := int64(0)
		if err := c.CoreV1().Pods("default").Delete(bg, stuck.Name, metav1.DeleteOptions{GracePeriodSeconds: &zero}); err != nil {
			t.Fatal(err)
		}
		if exists(stuck) {
			t.Error("stuck survived force")
		}
	})
}

func TestLogs(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, s *Server, cfg *rest.Config) {
		s.Set(Knobs{Workloads: map[string]Workload{"default/d": {
			StartDelay: D(0), Log: []Line{{Text: "hello"}, {After: *D(20 * time.Second), Text: "warmed up"}}, Repeat: &Line{After: *D(10 * time.Second), Text: "block %d"}}}})
		c := client(t, cfg)
		p := start(t, c, "d")
		log := func(o corev1.PodLogOptions) string {
			t.Helper()
			b, err := c.CoreV1().Pods("default").GetLogs(p.Name, &o).DoRaw(bg)
			if err != nil {
				t.Fatal(err)
			}
			return strings.TrimSpace(strings.ReplaceAll(string(b), "\n", "|"))
		}
		time.Sleep(25 * time.Second)
		if got := log(corev1.PodLogOptions{}); got != "starting d|hello|block 1|warmed up|block 2|" {
			t.Errorf("log %s", got)
		}
		two, tail := int64(10), int64(1)
		if got := log(corev1.PodLogOptions{SinceSeconds: &two}); got != "warmed up|block 2|" {
			t.Errorf("since %s", got)
		}
		if got := log(corev1.PodLogOptions{TailLines: &tail}); got != "block 2|" {
			t.Errorf("tail %s", got)
		}
		since := metav1.NewTime(time.Now().Add(-12 * time.Second))
		if got := log(corev1.PodLogOptions{SinceTime: &since}); got != "warmed up|block 2|" {
			t.Errorf("since time %s", got)
		}
		r, err := c.CoreV1().Pods("default").GetLogs(p.Name, &corev1.PodLogOptions{Follow: true, TailLines: &tail}).Stream(bg)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		var a, b string
		if _, err := fmt.Fscanf(r, "block %s\nblock %s\n", &a, &b); err != nil || a != "2" || b != "3" {
			t.Errorf("followed %q %q %v", a, b, err)
		}
		if _, err := c.CoreV1().Pods("default").GetLogs(p.Name, &corev1.PodLogOptions{Previous: true}).Stream(bg); err == nil ||
			err.Error() != fmt.Sprintf(`previous terminated container "main" in pod %q not found`, p.Name) {
			t.Errorf("previous: %v", err)
		}
	})
}

func claimFrom(name, size, snapshot string) *corev1.PersistentVolumeClaim {
	c := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default"}, Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: apiresource.MustParse(size)}}}}
	if snapshot != "" {
		c.Spec.DataSource = &corev1.TypedLocalObjectReference{APIGroup: ptr("snapshot.storage.k8s.io"), Kind: "VolumeSnapshot", Name: snapshot}
	}
	return c
}

const snapshotDoc = `
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshot
metadata: {name: %s, namespace: default}
spec: {source: {persistentVolumeClaimName: c}}
`

func TestSnapshotKnobs(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, s *Server, cfg *rest.Config) {
		c := client(t, cfg)
		if err := s.Load(claimFrom("c", "10Gi", "")); err != nil {
			t.Fatal(err)
		}
		s.Set(Knobs{Snapshots: map[string]Snapshot{"default/never": {Never: true}, "default/late": {After: D(time.Hour)},
			"default/bad": {Error: "disk on fire"}, "default/plain": {NoRestoreSize: true}},
			Claims: map[string]Claim{"default/slow": {RestoreRate: 1 << 20}}})
		time.Sleep(5 * time.Second)
		if err := s.SetContent("default", "c", "data as of noon"); err != nil {
			t.Fatal(err)
		}
		for _, n := range []string{"never", "late", "bad", "plain", "good"} {
			if err := s.LoadYAML(fmt.Appendf(nil, snapshotDoc, n)); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Second)
		if err := s.SetContent("default", "c", "data as of now"); err != nil {
			t.Fatal(err)
		}
		for n, want := range map[string]string{"never": "false", "late": "false", "bad": "false disk on fire", "plain": "true", "good": "true 10Gi"} {
			if got := snapshotState(s, n); got != want {
				t.Errorf("%s: %s, want %s", n, got, want)
			}
		}
		for _, x := range []*corev1.PersistentVolumeClaim{claimFrom("small", "5Gi", "good"), claimFrom("same", "10Gi", "good"), claimFrom("slow", "10Gi", "good"), claimFrom("unready", "10Gi", "never")} {
			if _, err := c.CoreV1().PersistentVolumeClaims("default").Create(bg, x, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		if text, ok := s.ContentOf("default", "same"); !ok || text != "data as of noon" {
			t.Errorf("restored %q", text)
		}
		if _, ok := s.ContentOf("default", "slow"); ok {
			t.Error("slow was restored in a minute")
		}
		for claim, want := range map[string]string{
			"small":   `failed to provision volume with StorageClass "rig": error getting handle for DataSource Type VolumeSnapshot by Name good: requested volume size 5368709120 is less than the size 10737418240 for the source snapshot good`,
			"unready": `failed to provision volume with StorageClass "rig": error getting handle for DataSource Type VolumeSnapshot by Name never: snapshot never is not Ready`,
		} {
			l, err := c.CoreV1().Events("default").List(bg, metav1.ListOptions{FieldSelector: "involvedObject.name=" + claim + ",reason=ProvisioningFailed"})
			if err != nil || len(l.Items) != 1 || l.Items[0].Message != want {
				t.Errorf("%s: %+v %v", claim, l.Items, err)
			}
		}
		time.Sleep(3 * time.Hour) // 10 GiB at 1 MiB/s
		if _, ok := s.ContentOf("default", "slow"); !ok {
			t.Error("slow was never restored")
		}
		if got := snapshotState(s, "late"); got != "true 10Gi" {
			t.Errorf("late: %s", got)
		}
	})
}

func snapshotState(s *Server, name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, _ := s.store.get(rSnapshot, "default", name).Object["status"].(map[string]any)
	out := fmt.Sprint(st["readyToUse"])
	if e, ok := st["error"].(map[string]any); ok {
		out += " " + e["message"].(string)
	}
	if v, ok := st["restoreSize"]; ok {
		out += " " + fmt.Sprint(v)
	}
	return out
}

func TestCrashAfterRestoreOnly(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, s *Server, cfg *rest.Config) {
		c := client(t, cfg)
		s.Set(Knobs{Workloads: map[string]Workload{"*": {Crash: &Crash{AfterRestore: true, Log: []string{"block store is ahead of state"}}}}})
		if err := s.Load(claimFrom("c", "1Gi", "")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if err := s.LoadYAML(fmt.Appendf(nil, snapshotDoc, "s")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		if err := s.Load(claimFrom("r", "1Gi", "s")); err != nil {
			t.Fatal(err)
		}
		for _, claim := range []string{"c", "r"} {
			p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "on-" + claim}, Spec: corev1.PodSpec{
				Containers: []corev1.Container{{Name: "main", Image: "x:1"}}, Volumes: []corev1.Volume{claimVolume("v", claim)}}}
			if _, err := c.CoreV1().Pods("default").Create(bg, p, metav1.CreateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		if !podReady(getPod(t, c, "default", "on-c")) {
			t.Error("the pod on the first volume does not run")
		}
		if p := getPod(t, c, "default", "on-r"); podReady(p) || p.Status.ContainerStatuses[0].RestartCount == 0 {
			t.Errorf("the pod on the restored volume: %+v", p.Status.ContainerStatuses)
		}
	})
}
