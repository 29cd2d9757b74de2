//go:build e2e

// Package rig gives tests the local Kubernetes cluster of e2e/cluster: it starts the cluster if need be, loads images
// into it, makes namespaces that vanish with the test, and runs commands in pods.
package rig

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	snapshots "github.com/kubernetes-csi/external-snapshotter/client/v8/clientset/versioned"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Cluster is the running cluster, reached with all rights.
type Cluster struct {
	Kubeconfig string // path of the file
	Context    string // the context in it
	Config     *rest.Config
	Kube       kubernetes.Interface
	Snapshots  snapshots.Interface
	Scripts    string // the folder with up.sh and image.sh
}

var once struct {
	sync.Mutex
	cluster *Cluster
	err     error
	removed []string // namespaces
}

// Start gives the cluster, started, with the image standin:rig loaded and the kinds of GitOps defined. It happens once in a test process.
func Start(t testing.TB) *Cluster {
	t.Helper()
	once.Lock()
	defer once.Unlock()
	if once.cluster == nil && once.err == nil {
		once.cluster, once.err = start()
	}
	if once.err != nil {
		t.Fatal(once.err)
	}
	return once.cluster
}

func start() (*Cluster, error) {
	root, err := Root()
	if err != nil {
		return nil, err
	}
	c := &Cluster{Scripts: filepath.Join(root, "e2e", "cluster"), Context: "rig"}
	if _, err := c.script("up.sh"); err != nil {
		return nil, err
	}
	c.Kubeconfig = filepath.Join(Folder(), "run", "admin.kubeconfig")
	if c.Config, err = clientcmd.BuildConfigFromFlags("", c.Kubeconfig); err != nil {
		return nil, err
	}
	c.Config.QPS, c.Config.Burst = 200, 400
	if c.Kube, err = kubernetes.NewForConfig(c.Config); err != nil {
		return nil, err
	}
	if c.Snapshots, err = snapshots.NewForConfig(c.Config); err != nil {
		return nil, err
	}
	if err := c.defineKinds(); err != nil {
		return nil, err
	}
	return c, c.loadStandin(root)
}

// Folder is where the cluster keeps its binaries and state, as e2e/cluster/env.sh has it.
func Folder() string {
	if d := os.Getenv("CLUSTER_DIR"); d != "" {
		return d
	}
	cache := os.Getenv("XDG_CACHE_HOME")
	if cache == "" {
		home, _ := os.UserHomeDir()
		cache = filepath.Join(home, ".cache")
	}
	return filepath.Join(cache, "local-cluster")
}

// Root is the folder of the product's module.
func Root() (string, error) {
	d, err := os.Getwd()
	for ; err == nil; d = filepath.Dir(d) {
		if b, e := os.ReadFile(filepath.Join(d, "go.mod")); e == nil && strings.HasPrefix(string(b), "module canton.example/svrescue") {
			return d, nil
		}
		if d == filepath.Dir(d) {
			return "", fmt.Errorf("no go.mod of the product above the working directory")
		}
	}
	return "", err
}

// script runs one of the cluster's scripts; what it printed is in the error.
func (c *Cluster) script(name string, args ...string) (string, error) {
	out, err := exec.Command(filepath.Join(c.Scripts, name), args...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return string(out), nil
}

// Shrink puts a small file system in the place of an empty volume, before a pod uses it: one that can be full. It goes with the test.
func (c *Cluster) Shrink(t testing.TB, volume, size string) {
	t.Helper()
	if err := c.inNode("mount", "-t", "tmpfs", "-o", "mode=0777,size="+size, "tmpfs", volumeFolder(volume)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.inNode("umount", "-l", volumeFolder(volume)); err != nil {
			t.Error(err)
		}
	})
}

// RemoveFrom removes a file of a volume, whether a pod uses it or not.
func (c *Cluster) RemoveFrom(volume, file string) error {
	return c.inNode("rm", filepath.Join(volumeFolder(volume), file))
}

func volumeFolder(volume string) string {
	return filepath.Join(Folder(), "run", "csi", "volumes", volume)
}

// inNode runs a command where the cluster's node has its mounts.
func (c *Cluster) inNode(args ...string) error {
	pid, err := os.ReadFile(filepath.Join(Folder(), "run", "init.pid"))
	if err != nil {
		return err
	}
	args = append([]string{"-t", strings.TrimSpace(string(pid)), "-m", "-p"}, args...)
	if out, err := exec.Command("nsenter", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("nsenter %v: %w: %s", args, err, out)
	}
	return nil
}

// Load packs a folder as an image and loads it into the cluster.
func (c *Cluster) Load(image, folder, entrypoint string) error {
	_, err := c.script("image.sh", image, folder, entrypoint)
	return err
}

// loadStandin builds e2e/standin on top of busybox, because the product runs commands in pods, and loads it, unless the cluster has the same one
// already: each test binary comes by here.
func (c *Cluster) loadStandin(root string) error {
	w, err := os.MkdirTemp("", "standin")
	if err != nil {
		return err
	}
	defer os.RemoveAll(w)
	base := filepath.Join(Folder(), "images", "busybox")
	if out, err := exec.Command("cp", "-a", base+"/.", w).CombinedOutput(); err != nil {
		return fmt.Errorf("copy %s: %w: %s", base, err, out)
	}
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(w, "standin"), "./e2e/standin")
	build.Dir = root
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the stand-in: %w\n%s", err, out)
	}
	if err := os.Chmod(w, 0o755); err != nil {
		return err
	}
	program, err := os.ReadFile(filepath.Join(w, "standin"))
	if err != nil {
		return err
	}
	sum := fmt.Appendf(nil, "%x", sha256.Sum256(program))
	loaded := filepath.Join(Folder(), "run", "standin.sha256") // this folder is made anew with each cluster
	if old, err := os.ReadFile(loaded); err == nil && bytes.Equal(old, sum) {
		return nil
	}
	if err := c.Load("docker.io/library/standin:rig", w, `["/standin"]`); err != nil {
		return err
	}
	return os.WriteFile(loaded, sum, 0o600)
}

// Poll calls done every 200 ms until it says so; an error is remembered, and told when the context ends.
func Poll(ctx context.Context, what string, done func(context.Context) (bool, error)) error {
	var last error
	for {
		ok, err := done(ctx)
		if ok && err == nil {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w (last seen: %v)", what, ctx.Err(), last)
		case <-time.After(200 * time.Millisecond):
		}
	}
}
