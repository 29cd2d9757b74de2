//go:build e2e

// Package e2e runs the built binary against a whole Super Validator node on a real Kubernetes cluster. README.md says
// how, and what each test proves.
package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"canton.example/svrescue/e2e/rig"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if built.path != "" {
		os.RemoveAll(filepath.Dir(built.path))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	if err := rig.Vanished(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	cancel()
	os.Exit(code)
}

// within is the test's context with an end.
func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// stopwatch logs how long each part of a test took.
func stopwatch(t *testing.T) func(what string) {
	last := time.Now()
	return func(what string) {
		t.Helper()
		now := time.Now()
		t.Logf("%-12s %5.1f s", what, now.Sub(last).Seconds())
		last = now
	}
}
