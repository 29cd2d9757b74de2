//go:build e2e

package rig

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
)

// Exec runs a command in a pod, with input on its standard input, and gives its standard output.
func (c *Cluster) Exec(ctx context.Context, namespace, pod, container, input string, command ...string) (string, error) {
	var out bytes.Buffer
	var in io.Reader
	if input != "" {
		in = strings.NewReader(input)
	}
	err := c.Stream(ctx, namespace, pod, container, in, &out, command...)
	return out.String(), err
}

// Stream runs a command in a pod between a reader, which may be nil, and a writer.
func (c *Cluster) Stream(ctx context.Context, namespace, pod, container string, in io.Reader, out io.Writer, command ...string) error {
	options := &v1.PodExecOptions{Container: container, Command: command, Stdin: in != nil, Stdout: true, Stderr: true}
	q := c.Kube.CoreV1().RESTClient().Post().Resource("pods").Namespace(namespace).Name(pod).SubResource("exec").
		VersionedParams(options, scheme.ParameterCodec)
	e, err := remotecommand.NewWebSocketExecutor(c.Config, "GET", q.URL().String())
	if err != nil {
		return err
	}
	var complaints bytes.Buffer
	if err := e.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: in, Stdout: out, Stderr: &complaints}); err != nil {
		return fmt.Errorf("%s in %s/%s: %w: %s", command[0], namespace, pod, err, strings.TrimSpace(complaints.String()))
	}
	return nil
}

// PodOf is the newest pod of an app that is not ending.
func (c *Cluster) PodOf(ctx context.Context, namespace, app string) (*v1.Pod, error) {
	pods, err := c.Kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + app})
	if err != nil {
		return nil, err
	}
	var newest *v1.Pod
	for i, p := range pods.Items {
		if p.DeletionTimestamp == nil && (newest == nil || newest.CreationTimestamp.Before(&p.CreationTimestamp)) {
			newest = &pods.Items[i]
		}
	}
	if newest == nil {
		return nil, fmt.Errorf("%s has no pod in %s", app, namespace)
	}
	return newest, nil
}
