package sim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	apiremote "k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	"k8s.io/streaming/pkg/httpstream/wsstream"
	utilexec "k8s.io/utils/exec"
)

// internal is how a server begins what it has not foreseen; it says so again about what the kubelet says so about.
const internal = "Internal error occurred: "

// killed is the exit code of a process that ended with its container.
const killed = 137

// exec answers pods/exec. As on a real cluster the API server itself speaks version 5 of the protocol on a WebSocket, which has an end of
// input, and tells what the kubelet says as the status of the command; everything else is passed on to the kubelet, whose
// answers are HTTP.
func (st *stream) exec(w http.ResponseWriter, q *request, down *runningError) {
	flag := func(name string) bool { v, _ := strconv.ParseBool(q.query.Get(name)); return v }
	opts := &remotecommand.Options{Stdin: flag("stdin"), Stdout: flag("stdout"), Stderr: flag("stderr"), TTY: flag("tty")}
	if !opts.Stdin && !opts.Stdout && !opts.Stderr {
		fail(w, badRequest("you must specify at least 1 of stdin, stdout, stderr"))
		return
	}
	command := q.query["command"]
	if wsstream.IsWebSocketRequestWithStreamCloseProtocol(q.Request) {
		st.translate(w, q, command, opts, down)
		return
	}
	if down != nil {
		http.Error(w, down.Error(), http.StatusInternalServerError)
		return
	}
	remotecommand.ServeExec(w, q.Request, (*executor)(st), q.name, string(st.at.uid), st.at.Container, command, opts, 0,
		remotecommand.DefaultStreamCreationTimeout, remotecommand.SupportedStreamingProtocols)
}

// run runs the command and answers its exit code; it returns when the container ends, even if the command does not.
func (st *stream) run(command []string, in io.Reader, out, err io.Writer) (int, error) {
	if st.s.inside == nil {
		return 0, errors.New("rpc error: code = Unimplemented desc = unknown method Exec for service runtime.v1.RuntimeService")
	}
	if in == nil {
		in = eof{}
	}
	if out == nil {
		out = io.Discard
	}
	if err == nil {
		err = io.Discard
	}
	type end struct {
		code int
		err  error
	}
	done := make(chan end, 1)
	go func() {
		code, err := st.s.inside.Exec(st.ctx, st.at.Pod, command, in, out, err)
		done <- end{code, err}
	}()
	select {
	case e := <-done:
		if errors.Is(context.Cause(st.ctx), errContainerEnded) {
			return killed, nil
		}
		if st.cut.Do == "cut" && st.cut.After {
			st.hangUp()
		}
		return e.code, e.err
	case <-st.ctx.Done():
		return killed, nil
	}
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }

// translate is the API server's own end of a WebSocket.
func (st *stream) translate(w http.ResponseWriter, q *request, command []string, opts *remotecommand.Options, down *runningError) {
	channel := func(wanted bool, kind wsstream.ChannelType) wsstream.ChannelType {
		if wanted {
			return kind
		}
		return wsstream.IgnoreChannel
	}
	conn := wsstream.NewConn(map[string]wsstream.ChannelProtocolConfig{apiremote.StreamProtocolV5Name: {Binary: true, Channels: []wsstream.ChannelType{
		channel(opts.Stdin, wsstream.ReadChannel), channel(opts.Stdout, wsstream.WriteChannel), channel(opts.Stderr, wsstream.WriteChannel),
		wsstream.WriteChannel, wsstream.ReadChannel,
	}}})
	_, ch, err := conn.Open(w, q.Request)
	if err != nil {
		return // who asks has been told, or has gone
	}
	defer conn.Close()
	_, _ = ch[1].Write(nil) // tells the client that it is connected; who has gone is noticed below
	var out, errs io.Writer
	if opts.Stdout {
		out = ch[1]
	}
	if opts.Stderr {
		errs = ch[2]
	}
	var in io.Reader
	if opts.Stdin {
		in = ch[0]
	}
	code := 0
	if down != nil {
		err = fmt.Errorf("unable to upgrade connection: %w", down)
	} else if code, err = st.run(command, in, out, errs); err != nil {
		err = fmt.Errorf("%serror executing command in container: %w", internal, err)
	}
	b, merr := json.Marshal(endStatus(code, err))
	if merr != nil {
		panic(merr) // a Status can always be written
	}
	_, _ = ch[apiremote.StreamErr].Write(b) // who has gone is not told
}

// endStatus is how the end of a command is told.
func endStatus(code int, err error) metav1.Status {
	switch {
	case err != nil:
		return metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonInternalError, Code: http.StatusInternalServerError,
			Message: internal + err.Error(),
			Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Message: err.Error()}}}}
	case code != 0:
		return metav1.Status{Status: metav1.StatusFailure, Reason: apiremote.NonZeroExitCodeReason,
			Message: fmt.Sprintf("command terminated with non-zero exit code: command terminated with exit code %d", code),
			Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: apiremote.ExitCodeCauseType, Message: strconv.Itoa(code)}}}}
	}
	return metav1.Status{Status: metav1.StatusSuccess}
}

// executor is a stream as the kubelet's side of SPDY wants it.
type executor stream

func (e *executor) ExecInContainer(_ context.Context, _, _, _ string, command []string, in io.Reader, out, err io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize, _ time.Duration) error {
	// Streams that were not asked for are nil interfaces inside non-nil ones otherwise.
	var o, e2 io.Writer
	if out != nil {
		o = out
	}
	if err != nil {
		e2 = err
	}
	code, failed := (*stream)(e).run(command, in, o, e2)
	if failed == nil && code != 0 {
		failed = utilexec.CodeExitError{Err: fmt.Errorf("command terminated with exit code %d", code), Code: code}
	}
	return failed
}
