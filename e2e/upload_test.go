//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"canton.example/svrescue/e2e/rig"
)

// holder is an app of the rig that holds a claim: it runs as an ordinary user and does nothing.
type holder struct {
	cluster   *rig.Cluster
	namespace string
}

const (
	holderApp  = "sv-app"
	holderPath = "/domain-upgrade-dump"
	holderUser = int64(1001)
)

func newHolder(t *testing.T, ctx context.Context) holder {
	t.Helper()
	h := holder{rig.Start(t), ""}
	h.namespace = h.cluster.Namespace(t, "upload")
	class, user, yes := "rig", holderUser, true
	_, err := h.cluster.Kube.CoreV1().PersistentVolumeClaims(h.namespace).Create(ctx, &v1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: "sv-app-migration-pvc"},
		Spec: v1.PersistentVolumeClaimSpec{StorageClassName: &class, AccessModes: []v1.PersistentVolumeAccessMode{v1.ReadWriteOnce},
			Resources: v1.VolumeResourceRequirements{Requests: v1.ResourceList{v1.ResourceStorage: resource.MustParse("2Gi")}}}}, metav1.CreateOptions{})
	must(t, err)
	one := int32(1)
	labels := map[string]string{"app": holderApp}
	_, err = h.cluster.Kube.AppsV1().Deployments(h.namespace).Create(ctx, &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: holderApp},
		Spec: appsv1.DeploymentSpec{Replicas: &one, Selector: &metav1.LabelSelector{MatchLabels: labels}, Strategy: appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType},
			Template: v1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: v1.PodSpec{
				SecurityContext: &v1.PodSecurityContext{RunAsUser: &user, RunAsGroup: &user, FSGroup: &user, RunAsNonRoot: &yes},
				Tolerations:     []v1.Toleration{{Key: "splice", Operator: v1.TolerationOpExists}},
				Containers: []v1.Container{{Name: holderApp, Image: "busybox:rig", ImagePullPolicy: v1.PullNever, Command: []string{"sh", "-c", "trap 'exit 0' TERM; sleep 86400 & wait"},
					VolumeMounts: []v1.VolumeMount{{Name: "dump", MountPath: holderPath}}}},
				Volumes: []v1.Volume{{Name: "dump", VolumeSource: v1.VolumeSource{PersistentVolumeClaim: &v1.PersistentVolumeClaimVolumeSource{ClaimName: "sv-app-migration-pvc"}}}},
			}}}}, metav1.CreateOptions{})
	must(t, err)
	h.ready(t, ctx)
	return h
}

// ready waits for the pod of the app and answers its name.
func (h holder) ready(t *testing.T, ctx context.Context) string {
	t.Helper()
	name := ""
	must(t, rig.Poll(ctx, "the app does not run", func(ctx context.Context) (bool, error) {
		p, err := h.cluster.PodOf(ctx, h.namespace, holderApp)
		if err != nil {
			return false, err
		}
		name = p.Name
		return len(p.Status.ContainerStatuses) > 0 && p.Status.ContainerStatuses[0].State.Running != nil, nil
	}))
	return name
}

func (h holder) patch(t *testing.T, ctx context.Context, patch string) {
	t.Helper()
	_, err := h.cluster.Kube.AppsV1().Deployments(h.namespace).Patch(ctx, holderApp, types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{})
	must(t, err)
}

// pods are the names of the pods in the namespace.
func (h holder) pods(t *testing.T, ctx context.Context) string {
	t.Helper()
	l, err := h.cluster.Kube.CoreV1().Pods(h.namespace).List(ctx, metav1.ListOptions{})
	must(t, err)
	var names []string
	for _, p := range l.Items {
		names = append(names, p.Name)
	}
	return strings.Join(names, " ")
}

// part is how many bytes of a file have come, as the pod sees it.
func (h holder) part(ctx context.Context, pod, container, name string) int64 {
	out, err := h.cluster.Exec(ctx, h.namespace, pod, container, "", "stat", "-c", "%s", holderPath+"/"+name+".part")
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(out), 10, 64)
	return n
}

// sum is what the pod says of a file: its hash, rights, user and size.
func (h holder) sum(t *testing.T, ctx context.Context, pod, name string) string {
	t.Helper()
	out, err := h.cluster.Exec(ctx, h.namespace, pod, holderApp, "", "sh", "-c", `cd "$0" && sha256sum < "$1" && stat -c '%a %u %s' "$1"`, holderPath, name)
	must(t, err)
	return strings.Join(strings.Fields(out), " ")
}

// svrescue is the command that uploads a file under a name; input is what is typed.
func (h holder) svrescue(t *testing.T, input, file, name string, flags ...string) (*exec.Cmd, *bytes.Buffer, *bytes.Buffer) {
	t.Helper()
	home := t.TempDir()
	args := append([]string{"upload", file, h.namespace + "/" + holderApp + ":" + holderPath + "/" + name, "--kubeconfig", h.cluster.Kubeconfig, "--format", "json"}, flags...)
	c := exec.Command(binary(t), args...)
	c.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_STATE_HOME="+home)
	c.Stdin = strings.NewReader(input)
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	return c, &out, &errs
}

type uploaded struct {
	Pod     string
	Sent    int64
	Resumed int64
	Cuts    int
	Old     *string
	Already bool
}

// upload runs the command to its end.
func (h holder) upload(t *testing.T, input, file, name string, flags ...string) uploaded {
	t.Helper()
	c, out, errs := h.svrescue(t, input, file, name, flags...)
	if err := c.Run(); err != nil {
		t.Fatalf("upload %s: %v\n%s", name, err, errs)
	}
	var u uploaded
	must(t, json.Unmarshal(out.Bytes(), &u))
	return u
}

// bigFile is a file of random bytes, with what the pod must say of its copy.
func bigFile(t *testing.T, seed byte, size int64) (path, want string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), fmt.Sprintf("big-%d.bin", seed))
	f, err := os.Create(path)
	must(t, err)
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, h), io.LimitReader(rand.NewChaCha8([32]byte{seed}), size))
	must(t, errors.Join(err, f.Close()))
	return path, fmt.Sprintf("%s - 600 %d %d", hex.EncodeToString(h.Sum(nil)), holderUser, size)
}

// A file is copied into a pod by the real kubelet, with real programs; what kills svrescue, or the container, in the middle costs at most
// 64 MiB that are sent again, and nothing else.
func TestUpload(t *testing.T) {
	t.Parallel()
	ctx := within(t, 6*time.Minute)
	h := newHolder(t, ctx)
	pod := h.ready(t, ctx)
	const size, again = 400 << 20, 64 << 20
	file, want := bigFile(t, 1, size+12345)

	t.Run("whole", func(t *testing.T) {
		small, want := bigFile(t, 2, 3<<20)
		if got := h.upload(t, "", small, "whole"); h.sum(t, ctx, pod, "whole") != want || got.Sent != 3<<20 {
			t.Errorf("%+v; %s, want %s", got, h.sum(t, ctx, pod, "whole"), want)
		}
		if got := h.upload(t, "", small, "whole"); !got.Already || got.Sent != 0 {
			t.Errorf("%+v", got)
		}
		other, _ := bigFile(t, 3, 1<<20)
		c, _, errs := h.svrescue(t, "", other, "whole")
		if err := c.Run(); exitOf(err) != exitRefused {
			t.Errorf("%v: %s", err, errs)
		}
		if got := h.upload(t, "", other, "whole", "--keep-old"); got.Old == nil || h.sum(t, ctx, pod, strings.TrimPrefix(*got.Old, holderPath+"/")) != want {
			t.Errorf("%+v", got)
		}
	})
	t.Run("killed and gone on with", func(t *testing.T) {
		c, _, errs := h.svrescue(t, "", file, "killed")
		must(t, c.Start())
		had := h.until(t, ctx, pod, holderApp, "killed", 100<<20)
		must(t, c.Process.Kill())
		_ = c.Wait()
		left := h.part(ctx, pod, holderApp, "killed")
		got := h.upload(t, "", file, "killed")
		t.Logf("killed when %d bytes were there, %d afterwards; then %+v %s", had, left, got, errs)
		if h.sum(t, ctx, pod, "killed") != want {
			t.Error("the copy is not the file")
		}
		if got.Resumed < had-again || left-got.Resumed > again || got.Resumed+got.Sent != size+12345 {
			t.Errorf("%d bytes were there, and %+v", left, got)
		}
	})
	t.Run("the container restarts", func(t *testing.T) {
		c, out, errs := h.svrescue(t, "", file, "restarted")
		must(t, c.Start())
		h.until(t, ctx, pod, holderApp, "restarted", 100<<20)
		_, _ = h.cluster.Exec(ctx, h.namespace, pod, holderApp, "", "kill", "1") // which may end with the container; that it restarted is seen below
		if err := c.Wait(); err != nil {
			t.Fatalf("%v\n%s", err, errs)
		}
		var got uploaded
		must(t, json.Unmarshal(out.Bytes(), &got))
		t.Logf("%+v\n%s", got, errs)
		if h.sum(t, ctx, pod, "restarted") != want || got.Cuts == 0 || got.Sent > size+12345+int64(got.Cuts)*again {
			t.Errorf("%+v", got)
		}
	})
	t.Run("through a helper pod", func(t *testing.T) {
		small, want := bigFile(t, 4, 20<<20)
		h.patch(t, ctx, `{"spec":{"template":{"spec":{"containers":[{"name":"sv-app","command":["sh","-c","exit 1"]}]}}}}`)
		must(t, rig.Poll(ctx, "the app does not crash", func(ctx context.Context) (bool, error) {
			p, err := h.cluster.PodOf(ctx, h.namespace, holderApp)
			return err == nil && len(p.Status.ContainerStatuses) > 0 && p.Status.ContainerStatuses[0].State.Waiting != nil && p.Status.ContainerStatuses[0].RestartCount > 0, nil
		}))
		c, _, errs := h.svrescue(t, "", small, "helped")
		if err := c.Run(); exitOf(err) != exitRefused || !strings.Contains(errs.String(), "--helper-pod") {
			t.Errorf("%v: %s", err, errs)
		}
		c, _, errs = h.svrescue(t, "no\n", small, "helped", "--helper-pod")
		if err := c.Run(); exitOf(err) != exitParked {
			t.Errorf("%v: %s", err, errs)
		}
		got := h.upload(t, "yes\n", small, "helped", "--helper-pod")
		if names := h.pods(t, ctx); strings.Contains(names, "svrescue") || !strings.HasPrefix(got.Pod, "svrescue-upload-") {
			t.Errorf("%+v, and there are %s", got, names)
		}
		// Interrupted in the middle, it goes as well, and what came is gone on with.
		c, _, errs = h.svrescue(t, "yes\n", file, "interrupted", "--helper-pod")
		must(t, c.Start())
		h.until(t, ctx, got.Pod, "carrier", "interrupted", 100<<20)
		must(t, c.Process.Signal(syscall.SIGINT))
		if err := c.Wait(); exitOf(err) != 130 {
			t.Errorf("%v: %s", err, errs)
		}
		if names := h.pods(t, ctx); strings.Contains(names, "svrescue") {
			t.Errorf("there are %s", names)
		}
		h.patch(t, ctx, `{"spec":{"template":{"spec":{"containers":[{"name":"sv-app","command":["sh","-c","sleep 86400"]}]}}}}`)
		must(t, rig.Poll(ctx, "the app does not run again", func(ctx context.Context) (bool, error) {
			p, err := h.cluster.PodOf(ctx, h.namespace, holderApp)
			return err == nil && len(p.Status.ContainerStatuses) > 0 && p.Status.ContainerStatuses[0].State.Running != nil, nil
		}))
		pod := h.ready(t, ctx)
		if sum := h.sum(t, ctx, pod, "helped"); sum != want {
			t.Errorf("%s, want %s", sum, want)
		}
		if got := h.upload(t, "", file, "interrupted"); got.Resumed < 36<<20 {
			t.Errorf("%+v", got)
		}
	})
}

// until waits until so many bytes of a file have come.
func (h holder) until(t *testing.T, ctx context.Context, pod, container, name string, bytes int64) (had int64) {
	t.Helper()
	for had < bytes {
		if ctx.Err() != nil {
			t.Fatalf("%d bytes came", had)
		}
		had = max(had, h.part(ctx, pod, container, name))
	}
	return had
}

func exitOf(err error) int {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}
