package kube

import (
	"bytes"
	"context"
	"io"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"canton.example/svrescue/internal/plain"
)

// LogOptions choose a piece of a log.
type LogOptions struct {
	Container string    // empty: the only one
	Tail      int64     // lines from the end; 0: 100
	Previous  bool      // of the container before the last restart
	Since     time.Time // not older than this, if set
}

// maxLog bounds what Logs holds in memory; the end of a longer piece is what is kept.
const maxLog = 1 << 20

// Logs answers the end of a container's log, made safe for a screen. At most 1 MiB is kept, cut at a line.
func (c *Cluster) Logs(ctx context.Context, ns, pod string, o LogOptions) (string, error) {
	a := Access{Verb: "get", Resource: "pods", Subresource: "log", Namespace: ns, Name: pod}
	tail := o.Tail
	if tail <= 0 {
		tail = 100
	}
	opts := &corev1.PodLogOptions{Container: o.Container, TailLines: &tail, Previous: o.Previous}
	if !o.Since.IsZero() {
		t := metav1.NewTime(o.Since)
		opts.SinceTime = &t
	}
	r, err := c.kube.CoreV1().Pods(ns).GetLogs(pod, opts).Stream(ctx)
	if err != nil {
		return "", failed(a, err)
	}
	defer r.Close()
	b, err := last(r, maxLog)
	if err != nil {
		return "", failed(a, err)
	}
	return plain.Clean(string(b)), nil
}

// OpenLog opens all that the kubelet has of a container's log, as it stands there: no bound, and not cleaned. Kubelets hand out the file that
// is being written and not those that were rotated away. Of o, Tail counts only if it is set. The caller closes it.
func (c *Cluster) OpenLog(ctx context.Context, ns, pod string, o LogOptions) (io.ReadCloser, error) {
	a := Access{Verb: "get", Resource: "pods", Subresource: "log", Namespace: ns, Name: pod}
	opts := &corev1.PodLogOptions{Container: o.Container, Previous: o.Previous}
	if o.Tail > 0 {
		opts.TailLines = &o.Tail
	}
	if !o.Since.IsZero() {
		t := metav1.NewTime(o.Since)
		opts.SinceTime = &t
	}
	r, err := c.kube.CoreV1().Pods(ns).GetLogs(pod, opts).Stream(ctx)
	if err != nil {
		return nil, failed(a, err)
	}
	return r, nil
}

// last reads to the end and keeps the last max bytes, from the start of a line.
func last(r io.Reader, max int) ([]byte, error) {
	var kept []byte
	cut := false
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		kept = append(kept, buf[:n]...)
		if len(kept) > 2*max {
			kept = append(kept[:0], kept[len(kept)-max:]...)
			cut = true
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	if len(kept) > max {
		kept, cut = kept[len(kept)-max:], true
	}
	if cut {
		if i := bytes.IndexByte(kept, '\n'); i >= 0 {
			kept = kept[i+1:]
		}
	}
	return kept, nil
}
