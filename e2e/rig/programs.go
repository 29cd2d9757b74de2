//go:build e2e

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
)

// helmVersion is that of the library in the product's module.
const helmVersion = "v4.3.1"

var programs struct {
	helm, chain sync.Once
	path        string // of helm
	errHelm     error
	errChain    error
}

// Helm is the real one: that of this machine, or one that is built once and kept with the cluster.
func Helm(t testing.TB) string {
	t.Helper()
	programs.helm.Do(func() {
		if programs.path, programs.errHelm = exec.LookPath("helm"); programs.errHelm == nil {
			return
		}
		programs.path = filepath.Join(Folder(), "bin", "helm")
		if _, programs.errHelm = os.Stat(programs.path); programs.errHelm == nil {
			return
		}
		build := exec.Command("go", "install", "-trimpath", "-gcflags=all=-dwarf=false", "-ldflags", "-s -w", "helm.sh/helm/v4/cmd/helm@"+helmVersion)
		build.Env = append(os.Environ(), "GOBIN="+filepath.Dir(programs.path), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
		out, err := build.CombinedOutput()
		if programs.errHelm = err; err != nil {
			programs.errHelm = fmt.Errorf("build helm: %w\n%s", err, out)
		}
	})
	if programs.errHelm != nil {
		t.Fatal(programs.errHelm)
	}
	return programs.path
}

// RunHelm runs helm on the cluster, without anything of whoever runs the test.
func (c *Cluster) RunHelm(ctx context.Context, t testing.TB, namespace string, args ...string) (string, error) {
	t.Helper()
	home := t.TempDir()
	cmd := exec.CommandContext(ctx, Helm(t), append(args, "--namespace", namespace, "--kubeconfig", c.Kubeconfig)...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home}
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("helm %s: %w: %s", strings.Join(args, " "), err, complaints.String())
	}
	return out.String(), nil
}

// LoadChain builds e2e/chain, a real CometBFT node, and loads it as image chain:rig, unless the cluster has the same one already.
func (c *Cluster) LoadChain(t testing.TB) {
	t.Helper()
	programs.chain.Do(func() { programs.errChain = c.loadChain(t.TempDir()) })
	if programs.errChain != nil {
		t.Fatal(programs.errChain)
	}
}

func (c *Cluster) loadChain(w string) error {
	if out, err := exec.Command("cp", "-a", filepath.Join(Folder(), "images", "busybox")+"/.", w).CombinedOutput(); err != nil {
		return fmt.Errorf("copy busybox: %w: %s", err, out)
	}
	root, err := Root()
	if err != nil {
		return err
	}
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", filepath.Join(w, "chain"), ".")
	build.Dir = filepath.Join(root, "e2e", "chain")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=-buildvcs=false")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build CometBFT: %w\n%s", err, out)
	}
	program, err := os.ReadFile(filepath.Join(w, "chain"))
	if err != nil {
		return err
	}
	sum := fmt.Appendf(nil, "%x", sha256.Sum256(program))
	loaded := filepath.Join(Folder(), "run", "chain.sha256")
	if old, err := os.ReadFile(loaded); err == nil && bytes.Equal(old, sum) {
		return nil
	}
	if err := os.Chmod(w, 0o755); err != nil {
		return err
	}
	if err := c.Load("docker.io/library/chain:rig", w, `["/chain"]`); err != nil {
		return err
	}
	return os.WriteFile(loaded, sum, 0o600)
}
