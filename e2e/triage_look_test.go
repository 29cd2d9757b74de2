//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"canton.example/svrescue/e2e/rig"
	"canton.example/svrescue/steps/triage"
)

// exitOpen is the code of a triage that cannot recommend anything.
const exitOpen = 6

// told is what one svrescue triage said, as a document.
type told struct {
	triage.Result
	code int
	took time.Duration
}

// triage runs svrescue triage as a script does.
func (o *operator) triage(ctx context.Context, args ...string) told {
	o.t.Helper()
	began := time.Now()
	r := o.run(ctx, append([]string{"triage", "--format", "json"}, args...)...)
	s := told{code: r.code, took: time.Since(began)}
	if err := json.Unmarshal([]byte(r.stdout), &s.Result); err != nil {
		o.t.Fatalf("triage wrote no document: %v: %s", err, r)
	}
	if strings.Contains(r.stdout, "invented-") {
		o.t.Error("a value of a Secret is in the document")
	}
	return s
}

// expected is what a triage must say.
type expected struct {
	situation triage.Situation
	code      int
	restore   triage.Verdict
	aid       string            // id of a first aid; empty: none has to be
	says      []string          // all of these stand in what that first aid says
	evidence  map[string]string // id of evidence to a text that stands in it
}

// expect compares, and logs what was said.
func (s told) expect(t *testing.T, w expected) {
	t.Helper()
	t.Logf("%.1f s, exit code %d, %s: %s", s.took.Seconds(), s.code, s.Situation, s.Summary)
	if s.Situation != w.situation || s.code != w.code || s.Path(triage.Restore).Verdict != w.restore {
		t.Errorf("%s, exit code %d, restore %s; want %s, %d, %s", s.Situation, s.code, s.Path(triage.Restore).Verdict, w.situation, w.code, w.restore)
	}
	if w.aid != "" {
		i := slices.IndexFunc(s.FirstAid, func(a triage.FirstAid) bool { return a.ID == w.aid })
		if i < 0 {
			t.Errorf("no first aid %s", w.aid)
		} else {
			for _, text := range w.says {
				if a := s.FirstAid[i]; !strings.Contains(a.Seen+" "+a.Means+" "+a.First, text) {
					t.Errorf("first aid %s does not say %q: %s %s %s", w.aid, text, a.Seen, a.Means, a.First)
				}
			}
		}
	}
	for id, text := range w.evidence {
		item, has := s.Item(id)
		if !has || !strings.Contains(item.Detail, text) || item.Source == "" || item.Verdict != triage.NotDetermined && item.At.IsZero() {
			t.Errorf("evidence %s does not say %q with its source and time: %+v", id, text, item)
		}
	}
	if t.Failed() {
		b, _ := json.MarshalIndent(s.Result, "", " ")
		t.Log(string(b))
	}
}

// pod waits until the newest pod of an app is as it should be, and gives it.
func (s *scene) pod(t *testing.T, ctx context.Context, app, what string, is func(*v1.Pod) bool) *v1.Pod {
	t.Helper()
	var pod *v1.Pod
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	must(t, rig.Poll(ctx, app+" is not "+what, func(ctx context.Context) (bool, error) {
		var err error
		if pod, err = s.cluster.PodOf(ctx, s.node.Namespace, app); err != nil {
			return false, err
		}
		b, _ := json.Marshal(pod.Status)
		if !is(pod) {
			return false, fmt.Errorf("%s", b)
		}
		return true, nil
	}))
	return pod
}

// waits says whether a container, an init container too, waits for one of these reasons.
func waits(reasons ...string) func(*v1.Pod) bool {
	return func(p *v1.Pod) bool {
		return slices.ContainsFunc(slices.Concat(p.Status.InitContainerStatuses, p.Status.ContainerStatuses), func(c v1.ContainerStatus) bool {
			return c.State.Waiting != nil && slices.Contains(reasons, c.State.Waiting.Reason)
		})
	}
}

func ready(p *v1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c v1.PodCondition) bool { return c.Type == v1.PodReady && c.Status == v1.ConditionTrue })
}

func unready(p *v1.Pod) bool { return !ready(p) }

func restarts(p *v1.Pod) int32 { return p.Status.ContainerStatuses[0].RestartCount }

// patch changes the only container of a Deployment's template.
func (s *scene) patch(t *testing.T, ctx context.Context, deployment, container, change string) {
	t.Helper()
	text := fmt.Sprintf(`{"spec":{"template":{"spec":{"containers":[{"name":%q,%s}]}}}}`, container, change)
	_, err := s.cluster.Kube.AppsV1().Deployments(s.node.Namespace).Patch(ctx, deployment, types.StrategicMergePatchType, []byte(text), metav1.PatchOptions{})
	must(t, err)
}

func (s *scene) scaleDeployment(t *testing.T, ctx context.Context, deployment string, replicas int) {
	t.Helper()
	_, err := s.cluster.Kube.AppsV1().Deployments(s.node.Namespace).Patch(ctx, deployment, types.MergePatchType, fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas), metav1.PatchOptions{})
	must(t, err)
}

func (s *scene) scaleServer(t *testing.T, ctx context.Context, server string, replicas int) {
	t.Helper()
	_, err := s.cluster.Kube.AppsV1().StatefulSets(s.node.Namespace).Patch(ctx, server, types.MergePatchType, fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, replicas), metav1.PatchOptions{})
	must(t, err)
}

// end deletes the pods of an app at once; their controller makes new ones.
func (s *scene) end(t *testing.T, ctx context.Context, app string) {
	t.Helper()
	now := int64(0)
	must(t, s.cluster.Kube.CoreV1().Pods(s.node.Namespace).DeleteCollection(ctx, metav1.DeleteOptions{GracePeriodSeconds: &now}, metav1.ListOptions{LabelSelector: "app=" + app}))
}

func (s *scene) claim(t *testing.T, ctx context.Context, name string) *v1.PersistentVolumeClaim {
	t.Helper()
	c, err := s.cluster.Kube.CoreV1().PersistentVolumeClaims(s.node.Namespace).Get(ctx, name, metav1.GetOptions{})
	must(t, err)
	return c
}

// policy sets what becomes of a volume when its claim goes.
func (s *scene) policy(t *testing.T, ctx context.Context, volume string, p v1.PersistentVolumeReclaimPolicy) {
	t.Helper()
	_, err := s.cluster.Kube.CoreV1().PersistentVolumes().Patch(ctx, volume, types.MergePatchType, fmt.Appendf(nil, `{"spec":{"persistentVolumeReclaimPolicy":%q}}`, p), metav1.PatchOptions{})
	must(t, err)
}

func (s *scene) deleteClaim(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	must(t, s.cluster.Kube.CoreV1().PersistentVolumeClaims(s.node.Namespace).Delete(ctx, name, metav1.DeleteOptions{}))
}
