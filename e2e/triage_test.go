//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"canton.example/svrescue/e2e/node"
	"canton.example/svrescue/e2e/rig"
	"canton.example/svrescue/steps/triage"
)

// TestTriage has svrescue triage look at one node, to which one thing after another happens, and compares what it says with what the API
// says at that moment. What happens is put right in between as triage says, where it says how.
func TestTriage(t *testing.T) {
	t.Parallel()
	ctx := within(t, 10*time.Minute)
	s := stage(t, ctx, node.Config{Namespace: "triage", Small: map[string]string{"pg-data-mediator-pg-0": "200m"}})
	s.backUp(t, ctx)
	o := newOperator(t, s.cluster, s.node.Namespace)
	healthy := expected{situation: triage.Healthy, restore: triage.Possible}
	on := func(name string, f func(t *testing.T)) {
		if !t.Run(name, f) {
			t.FailNow()
		}
	}

	on("nothing is wrong", func(t *testing.T) {
		w := healthy
		w.evidence = map[string]string{"components": "All 11 parts", "storage": "5 claims", "databases": "All 6 databases", "chain": "makes blocks", "release": s.node.Release,
			"backup-set": s.run, "lease": "No run", "leftover-volumes": "there are no released volumes", "network": "name one with --scan"}
		o.triage(ctx).expect(t, w)
		text := o.run(ctx, "triage")
		if text.code != exitDone || !strings.Contains(text.stdout, "Situation: healthy\n") || !strings.Contains(text.stdout, "restore    POSSIBLE") {
			t.Errorf("as text: %s", text)
		}
	})
	// One after the other: a part that asks to run beside others waits behind whole tests, while the time of this one runs on.
	t.Run("init", func(t *testing.T) { describe(t, ctx, s) })
	t.Run("the wrong namespace", func(t *testing.T) { triageElsewhere(t, ctx, s) })
	t.Run("a slow way", func(t *testing.T) { triageOverSlowWay(t, ctx, s) })
	t.Run("an API server that stops answering", func(t *testing.T) { triageOfHungServer(t, ctx, s) })
	on("an app crashes", func(t *testing.T) {
		s.patch(t, ctx, "scan-app", "scan-app", `"env":[{"name":"ROLE","value":"broken"}]`)
		before := s.pod(t, ctx, "scan-app", "crashing", func(p *v1.Pod) bool { return waits("CrashLoopBackOff")(p) && restarts(p) > 0 })
		got := o.triage(ctx)
		after := s.pod(t, ctx, "scan-app", "there", func(*v1.Pod) bool { return true })
		got.expect(t, expected{situation: triage.Fixable, restore: triage.Possible, aid: "crash", says: []string{"that is no disaster", "scan-app"},
			evidence: map[string]string{"components": "scan-app", "pods": before.Name, "databases": "All 6"}})
		item, _ := got.Item("pods")
		if a, b := fmt.Sprintf("(%d restart", restarts(before)), fmt.Sprintf("(%d restart", restarts(after)); !strings.Contains(item.Detail, a) && !strings.Contains(item.Detail, b) {
			t.Errorf("the API says %d to %d restarts, triage %s", restarts(before), restarts(after), item.Detail)
		}
		s.patch(t, ctx, "scan-app", "scan-app", `"env":[{"name":"ROLE","value":"scan-app"}]`)
	})
	on("the participant crashes and takes the apps with it", func(t *testing.T) {
		s.patch(t, ctx, "participant", "participant", `"env":[{"name":"ROLE","value":"broken"}]`)
		s.pod(t, ctx, "participant", "crashing", waits("CrashLoopBackOff"))
		for _, app := range node.Apps {
			s.pod(t, ctx, app, "not ready", unready)
		}
		o.triage(ctx).expect(t, expected{situation: triage.Fixable, restore: triage.Possible, aid: "crash", says: []string{"participant", "The other parts that are down need it"},
			evidence: map[string]string{"components": "participant, scan-app, sv-app and validator-app"}})
		s.patch(t, ctx, "participant", "participant", `"env":[{"name":"ROLE","value":"participant"}]`)
	})
	on("an image that cannot be fetched", func(t *testing.T) {
		const image = "registry.example.invalid/splice/scan-app:0.6.4"
		s.patch(t, ctx, "scan-app", "scan-app", `"image":"`+image+`","imagePullPolicy":"Always"`)
		s.pod(t, ctx, "scan-app", "without its image", waits("ErrImagePull", "ImagePullBackOff"))
		o.triage(ctx).expect(t, expected{situation: triage.Fixable, restore: triage.Possible, aid: "image", says: []string{image, "cannot be fetched"}})
		s.patch(t, ctx, "scan-app", "scan-app", `"image":"standin:rig","imagePullPolicy":"Never"`)
	})
	on("too little memory", func(t *testing.T) {
		s.patch(t, ctx, "scan-app", "scan-app", `"resources":{"limits":{"memory":"48Mi"}},"command":["sh","-c","exec awk 'BEGIN { s = \"xxxxxxxx\"; while (1) s = s s }'"]`)
		s.pod(t, ctx, "scan-app", "killed", func(p *v1.Pod) bool {
			c := p.Status.ContainerStatuses
			return len(c) > 0 && c[0].LastTerminationState.Terminated != nil && c[0].LastTerminationState.Terminated.Reason == "OOMKilled"
		})
		o.triage(ctx).expect(t, expected{situation: triage.Fixable, restore: triage.Possible, aid: "memory", says: []string{"scan-app", "more memory than its limit"}})
		s.patch(t, ctx, "scan-app", "scan-app", `"resources":null,"command":null`)
	})
	on("a participant that was scaled down", func(t *testing.T) {
		s.scaleDeployment(t, ctx, "participant", 0)
		for _, app := range node.Apps {
			s.pod(t, ctx, app, "not ready", unready)
		}
		got := o.triage(ctx)
		got.expect(t, expected{situation: triage.Fixable, restore: triage.Possible, aid: "scaled-down", says: []string{"Participant is scaled down to nothing", "Ask who stopped participant"},
			evidence: map[string]string{"components": "Scaled down to nothing: participant"}})
		if len(got.Questions) == 0 || got.Questions[0].ID != "scaled-on-purpose" {
			t.Errorf("it asks %+v", got.Questions)
		}
		s.scaleDeployment(t, ctx, "participant", 1)
	})
	on("a secret that is missing", func(t *testing.T) {
		must(t, s.cluster.Kube.CoreV1().Secrets(s.node.Namespace).Delete(ctx, "mediator-pg-secret", metav1.DeleteOptions{}))
		s.end(t, ctx, s.node.Mediator)
		s.pod(t, ctx, s.node.Mediator, "without its secret", waits("CreateContainerConfigError"))
		s.ready(t, ctx, append(node.Apps, "participant")...)
		o.triage(ctx).expect(t, expected{situation: triage.Fixable, restore: triage.Possible, aid: "config", says: []string{`secret "mediator-pg-secret" not found`, "Put back what the message names"},
			evidence: map[string]string{"databases": "mediator_0"}})
	})
	on("a password that the database refuses", func(t *testing.T) {
		secret := func(password string) {
			object := &v1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "mediator-pg-secret"}, StringData: map[string]string{"postgresPassword": password}}
			_, err := s.cluster.Kube.CoreV1().Secrets(s.node.Namespace).Create(ctx, object, metav1.CreateOptions{})
			must(t, err)
		}
		secret("invented-and-wrong")
		s.pod(t, ctx, s.node.Mediator, "waiting for its database", func(p *v1.Pod) bool {
			return len(p.Status.InitContainerStatuses) > 0 && p.Status.InitContainerStatuses[0].State.Running != nil && time.Since(p.Status.InitContainerStatuses[0].State.Running.StartedAt.Time) > 2*time.Second
		})
		o.triage(ctx).expect(t, expected{situation: triage.Fixable, restore: triage.Possible, aid: "password", says: []string{`password authentication failed for user "cnadmin"`}})
		must(t, s.cluster.Kube.CoreV1().Secrets(s.node.Namespace).Delete(ctx, "mediator-pg-secret", metav1.DeleteOptions{}))
		secret("invented-mediator-pg")
		s.end(t, ctx, s.node.Mediator)
		s.ready(t, ctx, s.node.Mediator)
	})
	on("a full disk", func(t *testing.T) {
		// while the server runs, Kubernetes shows nothing at all
		must(t, s.node.Fill(ctx, "mediator-pg", 0))
		o.triage(ctx).expect(t, expected{situation: triage.Fixable, restore: triage.Possible, aid: "disk-full", says: []string{"pg-data-mediator-pg-0 is full"}, evidence: map[string]string{"storage": "100 percent", "components": "All 11 parts"}})
		// and when it starts again, it cannot
		_, _ = s.cluster.Exec(ctx, s.node.Namespace, "mediator-pg-0", "mediator-pg", "", "sh", "-c",
			`cd /var/lib/postgresql/data; rm pgdata/postmaster.pid; dd if=/dev/zero of=filling2 bs=512 2> /dev/null; kill -QUIT 1`) // it ends with what it ends
		s.pod(t, ctx, "mediator-pg", "crashing", waits("CrashLoopBackOff"))
		o.triage(ctx).expect(t, expected{situation: triage.Fixable, restore: triage.Possible, aid: "disk-full", says: []string{"mediator-pg", "No space left on device", "Delete nothing in the data folder"}})
		for _, file := range []string{"filling", "filling2"} {
			must(t, s.cluster.RemoveFrom(s.volumes["pg-data-mediator-pg-0"], file))
		}
		s.end(t, ctx, "mediator-pg")
		s.ready(t, ctx, "mediator-pg", s.node.Mediator)
	})
	const claim = "pg-data-participant-pg-0"
	on("a claim that was deleted under a running server", func(t *testing.T) {
		s.policy(t, ctx, s.volumes[claim], v1.PersistentVolumeReclaimDelete)
		s.deleteClaim(t, ctx, claim)
		if s.claim(t, ctx, claim).DeletionTimestamp == nil {
			t.Fatal("the claim is not being deleted")
		}
		o.triage(ctx).expect(t, expected{situation: triage.Fixable, restore: triage.Possible, aid: "claim-going",
			says:     []string{"its volume is deleted with the data of participant", "Do not restart or stop that pod", "volume " + s.volumes[claim] + " to Retain now"},
			evidence: map[string]string{"storage": "was deleted and stays only as long as a pod uses it"}})
	})
	on("a claim that is gone, and its volume is kept", func(t *testing.T) {
		s.policy(t, ctx, s.volumes[claim], v1.PersistentVolumeReclaimRetain) // as triage has just said
		s.end(t, ctx, "participant-pg")                                      // and then somebody restarts the pod after all
		s.anew(t, ctx, claim)
		o.triage(ctx).expect(t, expected{situation: triage.Fixable, restore: triage.Possible, aid: "volume-kept", says: []string{s.volumes[claim], "The data is not lost", "Retain"},
			evidence: map[string]string{"leftover-volumes": s.volumes[claim], "databases": "participant_0"}})
		s.rebind(t, ctx, claim)
		s.ready(t, ctx, "participant-pg")
		s.end(t, ctx, "participant")
		s.ready(t, ctx, "participant")
		back, err := s.node.Fingerprint(ctx)
		must(t, err)
		for _, d := range back.CompareWith(s.saved) {
			t.Errorf("after the volume was bound again: %s", d)
		}
		var got told
		limit, cancel := context.WithTimeout(ctx, 90*time.Second)
		defer cancel()
		must(t, rig.Poll(limit, "the node is not healthy", func(context.Context) (bool, error) { // the apps were without their participant
			if got = o.triage(ctx); got.Situation != triage.Healthy {
				return false, fmt.Errorf("%s: %s", got.Situation, got.Summary)
			}
			return true, nil
		}))
		w := healthy
		w.evidence = map[string]string{"leftover-volumes": "there are no released volumes"}
		got.expect(t, w)
	})
	on("a claim that is gone with its volume", func(t *testing.T) {
		s.policy(t, ctx, s.volumes[claim], v1.PersistentVolumeReclaimDelete)
		s.deleteClaim(t, ctx, claim)
		s.end(t, ctx, "participant-pg")
		s.anew(t, ctx, claim)
		must(t, rig.Poll(ctx, "the volume is not gone", func(ctx context.Context) (bool, error) {
			_, err := s.cluster.Kube.CoreV1().PersistentVolumes().Get(ctx, s.volumes[claim], metav1.GetOptions{})
			return err != nil, nil
		}))
		got := o.triage(ctx)
		got.expect(t, expected{situation: triage.NodeLost, restore: triage.Recommended, aid: "keep", evidence: map[string]string{"databases": "participant_0", "leftover-volumes": "there are no released volumes", "backup-set": s.run}})
		text := o.run(ctx, "triage")
		if text.code != exitDone || !strings.Contains(text.stdout, "restore    RECOMMENDED") || !strings.Contains(text.stdout, "svrescue run restore") {
			t.Errorf("as text: %s", text)
		}
	})
}

// ready waits until the newest pod of each app is.
func (s *scene) ready(t *testing.T, ctx context.Context, apps ...string) {
	t.Helper()
	for _, app := range apps {
		s.pod(t, ctx, app, "ready", ready)
	}
}

// anew waits until a StatefulSet has made its claim again by itself and its server runs on the new volume.
func (s *scene) anew(t *testing.T, ctx context.Context, claim string) {
	t.Helper()
	must(t, rig.Poll(ctx, "claim "+claim+" is not made anew", func(ctx context.Context) (bool, error) {
		c, err := s.cluster.Kube.CoreV1().PersistentVolumeClaims(s.node.Namespace).Get(ctx, claim, metav1.GetOptions{})
		return err == nil && c.Status.Phase == v1.ClaimBound && c.Spec.VolumeName != s.volumes[claim], err
	}))
	server := strings.TrimSuffix(strings.TrimPrefix(claim, "pg-data-"), "-0")
	s.ready(t, ctx, server)
	must(t, rig.Poll(ctx, server+" does not answer", func(ctx context.Context) (bool, error) {
		_, err := s.node.SQL(ctx, server, "cantonnet", "SELECT 1;")
		return err == nil, err
	}))
}

// rebind does what triage says of a volume that was kept.
func (s *scene) rebind(t *testing.T, ctx context.Context, claim string) {
	t.Helper()
	server := strings.TrimSuffix(strings.TrimPrefix(claim, "pg-data-"), "-0")
	s.scaleServer(t, ctx, server, 0)
	s.end(t, ctx, server)
	again := s.claim(t, ctx, claim)
	s.deleteClaim(t, ctx, claim)
	free := []byte(`{"spec":{"claimRef":null}}`)
	_, err := s.cluster.Kube.CoreV1().PersistentVolumes().Patch(ctx, s.volumes[claim], types.MergePatchType, free, metav1.PatchOptions{})
	must(t, err)
	again.ObjectMeta = metav1.ObjectMeta{Name: claim, Labels: again.Labels}
	again.Spec.VolumeName, again.Status = s.volumes[claim], v1.PersistentVolumeClaimStatus{}
	must(t, rig.Poll(ctx, "claim "+claim+" is not made again", func(ctx context.Context) (bool, error) {
		_, err := s.cluster.Kube.CoreV1().PersistentVolumeClaims(s.node.Namespace).Create(ctx, again, metav1.CreateOptions{})
		return err == nil, err
	}))
	s.scaleServer(t, ctx, server, 1)
}

// triageElsewhere looks where no node is.
func triageElsewhere(t *testing.T, ctx context.Context, s *scene) {
	o := newOperator(t, s.cluster, s.cluster.Namespace(t, "empty"))
	got := o.triage(ctx)
	got.expect(t, expected{situation: triage.Unclear, code: exitOpen, restore: triage.NotDetermined, aid: "right-namespace", evidence: map[string]string{"components": "Nothing of a node is in this namespace"}})
	if len(got.Questions) == 0 || got.Questions[0].ID != "right-namespace" {
		t.Errorf("it asks %+v", got.Questions)
	}
	answers := filepath.Join(o.home, "answers.yaml")
	must(t, os.WriteFile(answers, []byte("answers:\n  right-namespace: no\n"), 0o600))
	o.triage(ctx, "--answers", answers).expect(t, expected{situation: triage.Fixable, restore: triage.NotDetermined})
}

// triageOverSlowWay looks over a way on which every answer takes a second: what is said after five seconds names what is open, and the end is the
// same as over a fast one.
func triageOverSlowWay(t *testing.T, ctx context.Context, s *scene) {
	o := newOperator(t, s.cluster, s.node.Namespace)
	newRoad(t, s.cluster, o).slow(500 * time.Millisecond)
	began := time.Now()
	text := o.run(ctx, "triage")
	t.Logf("%.1f s: %s", time.Since(began).Seconds(), text.stdout)
	if text.code != exitDone || !strings.Contains(text.stdout, "\nSituation: healthy\n") || !strings.Contains(text.stdout, "\n  after 5s: ") || !strings.Contains(text.stdout, "Still being read: ") {
		t.Errorf("over a slow way: %s", text)
	}
}

// triageOfHungServer looks while the API server stops answering without closing a connection: what was heard stands, and what was not is not
// guessed.
func triageOfHungServer(t *testing.T, ctx context.Context, s *scene) {
	o := newOperator(t, s.cluster, s.node.Namespace)
	r := newRoad(t, s.cluster, o)
	r.slow(200 * time.Millisecond)
	cmd := o.command(ctx, "triage", "--wait", "12s")
	out, err := cmd.StdoutPipe()
	must(t, err)
	began := time.Now()
	must(t, cmd.Start())
	said, verdict := readSlowly(out, func(all string) {
		if strings.Contains(all, "  components  ") {
			r.hang()
		}
	}, "  after 5s: ")
	err = cmd.Wait()
	took := time.Since(began)
	t.Logf("first verdict after %.1f s, the end after %.1f s\n%s", verdict.Sub(began).Seconds(), took.Seconds(), said)
	if verdict.IsZero() || verdict.Sub(began) > 7*time.Second || took > 20*time.Second {
		t.Errorf("the first verdict came after %s, the end after %s", verdict.Sub(began), took)
	}
	if code := cmd.ProcessState.ExitCode(); code != exitOpen {
		t.Errorf("exit code %d (%v)", code, err)
	}
	for _, text := range []string{"Still being read: ", "All 11 parts of the node are ready", "Situation: not determined", "databases", "no answer in "} {
		if !strings.Contains(said, text) {
			t.Errorf("it does not say %q", text)
		}
	}
	if strings.Contains(said, "RECOMMENDED") {
		t.Error("something is recommended")
	}
}
