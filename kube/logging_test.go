package kube

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"k8s.io/klog/v2"
)

func TestMain(m *testing.M) {
	Logging(slog.New(slog.NewTextHandler(io.Discard, nil)))
	os.Exit(m.Run())
}

func TestLogging(t *testing.T) {
	var b bytes.Buffer
	Logging(slog.New(slog.NewTextHandler(&b, nil)))
	defer Logging(slog.New(slog.NewTextHandler(io.Discard, nil)))
	klog.Error("lost watch")
	klog.Flush()
	if !strings.Contains(b.String(), "lost watch") {
		t.Errorf("logged %q", b.String())
	}
}
