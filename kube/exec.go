package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/client-go/kubernetes/scheme"

	"canton.example/svrescue/internal/plain"
)

// ExecSpec is a command in a container. The command is in the address of the request, in the audit log of the cluster and in errors:
// what is secret goes to its standard input.
type ExecSpec struct {
	Namespace string   `json:"namespace"`
	Pod       string   `json:"pod"`
	Container string   `json:"container,omitempty"` // empty: the only one
	Command   []string `json:"command"`
	Input     string   `json:"input,omitempty"` // name of the file that CommandExec shows as its input; what is sent is Exec's stdin
}

// name is the command in short.
func (s ExecSpec) name() string {
	if len(s.Command) == 0 {
		return ""
	}
	words := make([]string, len(s.Command))
	for i, w := range s.Command {
		words[i] = quote(w)
	}
	if line := strings.Join(words, " "); len(line) <= 60 {
		return clean(line, 60)
	}
	return clean(s.Command[0], 60)
}

// ExitError is a command that ran and ended with another exit code than 0.
type ExitError struct {
	Code      int    `json:"code"`
	Command   string `json:"command"` // its name, with its arguments if they are short
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	Stderr    string `json:"stderr,omitempty"` // the last it said on standard error, cleaned; if nobody else took that
}

func (e *ExitError) Error() string { return e.problem().Error() }

func (e *ExitError) problem() *Error {
	seen := fmt.Sprintf("exit code %d", e.Code)
	if e.Stderr != "" {
		seen += ": " + strings.Join(strings.Fields(e.Stderr), " ")
	}
	return &Error{Kind: Failed, Tried: "run " + e.Command + " in pod " + e.Namespace + "/" + e.Pod, Seen: clean(seen, maxSeen),
		Next: "read what the command said; what it did before it failed is done", err: e}
}

// AccessExec is what Exec needs. Servers ask for "create" on the request that opens the streams; those that authorise a WebSocket
// as "get" too are asked again with SPDY.
func AccessExec(ns, pod string) []Access {
	return []Access{{Verb: "create", Resource: "pods", Subresource: "exec", Namespace: ns, Name: pod}}
}

// CommandExec is Exec as a command line.
func CommandExec(w Where, s ExecSpec) string {
	words := []string{"exec", "", s.Pod, "", "", "--"}
	if s.Input != "" {
		words[1] = "-i"
	}
	if s.Container != "" {
		words[3], words[4] = "-c", s.Container
	}
	line := w.kubectl(s.Namespace, words...)
	for _, word := range s.Command {
		line += " " + quote(word)
	}
	if s.Input != "" {
		line += " < " + quote(s.Input)
	}
	return line
}

// Exec runs a command in a container and returns when it has ended: nil for exit code 0, an *ExitError for another one, an *Error
// if the command could not be started or its end is not known. A connection that breaks is Unreachable; what happened to the
// command is then not known, and a command that reads its input has seen the end of it, as if it were complete: what must not be taken
// for complete needs an end mark of its own.
//
// A command that ends before it has read its input may never be told to have ended: kubelets stop at what is not read (seen
// with containerd 1.6; kubectl waits for ever too). Draining makes a command that reads all of it.
//
// stdin may be nil. Its end is passed on to the command; an error from it is not an end: it cuts the connection, and comes back.
// stdout and stderr may be nil: what comes is thrown away, but for the last part of stderr, which an *ExitError shows.
// The end of ctx ends the call at once, not the command. A Read of stdin that is under way when the command ends is left
// behind: whoever passes a pipe closes it.
func (h *Hands) Exec(ctx context.Context, spec ExecSpec, stdin io.Reader, stdout, stderr io.Writer) error {
	a := AccessExec(spec.Namespace, spec.Pod)[0]
	tried := "run " + spec.name() + " in pod " + spec.Namespace + "/" + spec.Pod
	if err := h.ready(a); err != nil {
		return err
	}
	if spec.Namespace == "" || spec.Pod == "" || len(spec.Command) == 0 {
		return &Error{Kind: Invalid, Tried: tried, Seen: "no namespace, pod or command", Next: "name all three", Access: &a}
	}
	at := h.kube.CoreV1().RESTClient().Post().Namespace(spec.Namespace).Resource("pods").Name(spec.Pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{Container: spec.Container, Command: spec.Command, Stdin: stdin != nil, Stdout: true, Stderr: true},
			scheme.ParameterCodec).URL()
	ch, err := h.openExec(ctx, a, at, stdin != nil)
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return notRunning(explain(tried, &a, err))
	}
	var tail *lastPart
	if stderr == nil {
		tail = &lastPart{max: 4 << 10}
		stderr = tail
	}
	if stdout == nil {
		stdout = io.Discard
	}
	status, err := h.converse(ctx, ch, stdin, stdout, stderr)
	switch {
	case err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()):
		return explain(tried, &a, err)
	case errors.Is(err, errCut):
		return &Error{Kind: Unreachable, Tried: tried, Seen: "the connection was cut before the command's end was told", Access: &a, err: err,
			Next: "look whether the command still runs in the pod, and what it has done, before running it again"}
	case err != nil:
		return &Error{Kind: Unknown, Tried: tried, Seen: clean(err.Error(), maxSeen), Next: "look what the command has done before running it again",
			Access: &a, err: err}
	}
	if code, ok := exitCode(status); ok {
		e := &ExitError{Code: code, Command: spec.name(), Namespace: spec.Namespace, Pod: spec.Pod}
		if tail != nil {
			e.Stderr = strings.TrimSpace(plain.Clean(string(tail.b)))
		}
		return e
	}
	if status.Status != metav1.StatusSuccess {
		return notStarted(tried, a, status)
	}
	return nil
}

// Draining is a command that reads what is left of its input when the given one has ended, and ends with its exit code. The
// container needs a shell.
func Draining(command ...string) []string {
	return append([]string{"sh", "-c", `"$@"; code=$?; cat >/dev/null; exit $code`, "sh"}, command...)
}

// openExec opens the streams of a command, by WebSocket or else by SPDY.
func (h *Hands) openExec(ctx context.Context, a Access, at *url.URL, input bool) (*channels, error) {
	ws, err := h.webSocket(ctx, a, at, remotecommand.StreamProtocolV5Name)
	if err == nil {
		return h.socketChannels(ws, input), nil
	}
	if !otherwise(err) {
		return nil, err
	}
	l, err := h.spdyOver(ctx, a, at, remotecommand.StreamProtocolV5Name, remotecommand.StreamProtocolV4Name)
	if err != nil {
		return nil, err
	}
	return h.spdyChannels(ctx, l, input)
}

// exitCode is the code in the status that ends a command, if it has one other than 0.
func exitCode(s metav1.Status) (int, bool) {
	if s.Status == metav1.StatusSuccess || s.Reason != remotecommand.NonZeroExitCodeReason || s.Details == nil {
		return 0, false
	}
	for _, c := range s.Details.Causes {
		if c.Type == remotecommand.ExitCodeCauseType {
			n, err := strconv.Atoi(c.Message)
			return n, err == nil
		}
	}
	return 0, false
}

// notStarted explains a status that ends a command which did not run. The text comes through three programs, each of which calls it an
// internal error of its own.
func notStarted(tried string, a Access, s metav1.Status) *Error {
	for t := ""; t != s.Message; {
		t = s.Message
		s.Message = strings.TrimPrefix(t, "Internal error occurred: ")
	}
	s.Code = cmp.Or(s.Code, http.StatusInternalServerError)
	return notRunning(explain(tried, &a, &apierrors.StatusError{ErrStatus: s}))
}

// notRunning gives what servers and kubelets say about a pod in which nothing can be started the kind and the advice that fit.
func notRunning(e *Error) *Error {
	has := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(e.Seen, p) })
	}
	switch {
	case e.Kind != Server && e.Kind != Invalid && e.Kind != NotFound && e.Kind != Unknown:
	case has("container not found", "not running", "does not have a host assigned", "pod not found"):
		e.Kind, e.Next = NotFound, "look at the state of the pod: it does not run; nothing was started"
	case has("executable file not found", "no such file or directory"):
		e.Kind, e.Next = Invalid, "look into the container's image: it does not have this program; nothing was started"
	}
	return e
}

func parseStatus(b []byte) (metav1.Status, error) {
	var s metav1.Status
	if err := json.Unmarshal(b, &s); err != nil || s.Status == "" {
		return s, errCut
	}
	return s, nil
}

// lastPart keeps the end of what is written to it.
type lastPart struct {
	max int
	b   []byte
}

func (l *lastPart) Write(p []byte) (int, error) {
	l.b = append(l.b, p...)
	if len(l.b) > l.max {
		l.b = append(l.b[:0], l.b[len(l.b)-l.max:]...)
	}
	return len(p), nil
}

// later answers a channel that gets a value in d, and how to stop waiting.
func (h *Hands) later(d time.Duration) (<-chan time.Time, func()) {
	t := h.cluster.timers.NewTimer(d)
	return t.C(), func() { t.Stop() }
}
