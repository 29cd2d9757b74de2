package kube

import (
	"log/slog"

	"k8s.io/klog/v2"
)

// Logging sends what the libraries of Kubernetes log to l. They write to standard error otherwise, in the middle of the screen.
// It is process-wide: the main program calls it once, before Connect. What they log through the standard package log goes where
// log.SetOutput, or slog.SetDefault, sends it.
func Logging(l *slog.Logger) { klog.SetSlogLogger(l) }
