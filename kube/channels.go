package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"

	"github.com/gorilla/websocket"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/remotecommand"
	"k8s.io/streaming/pkg/httpstream"
)

// channels are the streams of a command. The library's own executor is not used: over SPDY it takes a broken connection for success,
// over WebSocket it ends the connection of a command that does not read its input for a minute, it cannot be given a
// dialler, and it hands the command an end of input when reading the input failed.
type channels struct {
	stdin                  io.WriteCloser // nil without input; its Close is the end of input
	stdout, stderr, status io.Reader      // they end with EOF, or with an error if the connection broke
	part                   func()         // ends the connection in good order
	cut                    func()         // ends it at once
}

const maxStatus = 1 << 20

// converse copies until the command has ended and answers the status it ended with. Without a whole status the error is errCut, whatever
// else it looked like.
func (h *Hands) converse(ctx context.Context, ch *channels, stdin io.Reader, stdout, stderr io.Writer) (metav1.Status, error) {
	var once sync.Once
	var local error // a failure on our side of the streams
	fail := func(err error) {
		once.Do(func() { local = err })
		ch.cut()
	}
	if ch.stdin != nil {
		go func() {
			if err := feed(ch.stdin, stdin); err != nil {
				fail(fmt.Errorf("its input could not be read: %w", err))
			}
		}()
	}
	var outputs sync.WaitGroup
	for name, s := range map[string]struct {
		to   io.Writer
		from io.Reader
	}{"standard output": {stdout, ch.stdout}, "standard error": {stderr, ch.stderr}} {
		outputs.Go(func() {
			drain(s.to, s.from, func(err error) { fail(fmt.Errorf("what it wrote to its %s could not be kept: %w", name, err)) })
		})
	}
	var told []byte
	outputs.Go(func() {
		told, _ = io.ReadAll(io.LimitReader(ch.status, maxStatus)) // what is not whole is no status
		_, _ = io.Copy(io.Discard, ch.status)
	})
	ended := make(chan struct{})
	go func() { outputs.Wait(); close(ended) }()

	select {
	case <-ended:
	case <-ctx.Done():
		ch.cut()
		late, stop := h.later(partingTime)
		defer stop()
		select {
		case <-ended:
		case <-late: // whoever takes the output does not come back
		}
		return metav1.Status{}, ctx.Err()
	}
	once.Do(func() {}) // an input that fails from now on does not matter
	if local != nil {
		return metav1.Status{}, local
	}
	status, err := parseStatus(told)
	if err != nil {
		ch.cut()
		return status, err
	}
	ch.part()
	return status, nil
}

// feed copies the input and passes its end on. Only a failure to read is an error: a command that has closed its input, or has ended,
// takes no more of it.
func feed(to io.WriteCloser, from io.Reader) error {
	buf := make([]byte, frame)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if _, werr := to.Write(buf[:n]); werr != nil {
				return nil
			}
		}
		switch {
		case err == io.EOF:
			to.Close()
			return nil
		case err != nil:
			return err
		}
	}
}

// drain copies what comes to its end, whatever the end is. Where it cannot be written it is told once, and the rest is thrown away.
func drain(to io.Writer, from io.Reader, failed func(error)) {
	buf := make([]byte, frame)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if _, werr := to.Write(buf[:n]); werr != nil {
				failed(werr)
				to = io.Discard
			}
		}
		if err != nil {
			return
		}
	}
}

// socketChannels are the channels on a WebSocket: each message begins with the number of its channel.
func (h *Hands) socketChannels(ws *websocket.Conn, input bool) *channels {
	closed := make(chan struct{})
	var once sync.Once
	cut := func() { once.Do(func() { close(closed); ws.Close() }) }
	into := map[byte]*io.PipeWriter{}
	pipe := func(id byte) io.Reader {
		r, w := io.Pipe()
		into[id] = w
		return r
	}
	ch := &channels{stdout: pipe(remotecommand.StreamStdOut), stderr: pipe(remotecommand.StreamStdErr), status: pipe(remotecommand.StreamErr), cut: cut}
	ch.part = func() {
		bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
		_ = ws.WriteControl(websocket.CloseMessage, bye, h.cluster.clock.Now().Add(partingTime)) // it ends either way
		cut()
	}
	if input {
		ch.stdin = &socketInput{ws: ws}
	}
	go func() {
		err := demultiplex(ws, into)
		for _, w := range into {
			w.CloseWithError(err)
		}
	}()
	go func() {
		t := h.cluster.timers.NewTicker(pingEvery)
		defer t.Stop()
		for {
			select {
			case <-closed:
				return
			case <-t.C():
				// It is not sent when data is waiting to be: that keeps the connection alive as well.
				_ = ws.WriteControl(websocket.PingMessage, nil, h.cluster.clock.Now().Add(pingEvery/2))
			}
		}
	}()
	return ch
}

// demultiplex reads until the status of the command is whole, which is the last that comes, or the connection ends.
func demultiplex(ws *websocket.Conn, into map[byte]*io.PipeWriter) error {
	var told []byte
	buf := make([]byte, frame)
	for {
		kind, r, err := ws.NextReader()
		if err != nil {
			return err
		}
		if _, err := io.ReadFull(r, buf[:1]); err != nil || kind != websocket.BinaryMessage {
			return errors.Join(errCut, err)
		}
		id := buf[0]
		w := into[id]
		for {
			n, err := r.Read(buf)
			if n > 0 && w != nil {
				_, _ = w.Write(buf[:n]) // who does not want it has closed the pipe
			}
			if id == remotecommand.StreamErr && len(told) < maxStatus {
				told = append(told, buf[:n]...)
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				return err
			}
		}
		if _, err := parseStatus(told); err == nil {
			return nil
		}
	}
}

// socketInput is the input of a command on a WebSocket. Only one goroutine writes.
type socketInput struct{ ws *websocket.Conn }

func (s *socketInput) Write(p []byte) (int, error) {
	w, err := s.ws.NextWriter(websocket.BinaryMessage)
	if err != nil {
		return 0, err
	}
	if _, err := w.Write([]byte{remotecommand.StreamStdIn}); err != nil {
		return 0, err
	}
	n, err := w.Write(p)
	return n, errors.Join(err, w.Close())
}

func (s *socketInput) Close() error {
	return s.ws.WriteMessage(websocket.BinaryMessage, []byte{remotecommand.StreamClose, remotecommand.StreamStdIn})
}

// spdyChannels are the channels on SPDY: a stream each.
func (h *Hands) spdyChannels(ctx context.Context, l *line, input bool) (*channels, error) {
	ch := &channels{cut: l.cut, part: l.part}
	stop := context.AfterFunc(ctx, ch.cut)
	defer stop()
	kinds := []string{corev1.StreamTypeError, corev1.StreamTypeStdout, corev1.StreamTypeStderr}
	if input {
		kinds = append(kinds, corev1.StreamTypeStdin)
	}
	streams := map[string]httpstream.Stream{}
	for _, kind := range kinds {
		s, err := l.open(ctx, http.Header{corev1.StreamType: {kind}})
		if err != nil {
			ch.cut()
			if !errors.Is(err, errCut) {
				err = errors.Join(errCut, err)
			}
			return nil, err
		}
		streams[kind] = s
	}
	ch.status, ch.stdout, ch.stderr = streams[corev1.StreamTypeError], streams[corev1.StreamTypeStdout], streams[corev1.StreamTypeStderr]
	if input {
		ch.stdin = streams[corev1.StreamTypeStdin]
	}
	return ch, nil
}
