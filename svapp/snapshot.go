package svapp

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"

	"canton.example/svrescue/internal/secret"
)

// SnapshotQuery is a data snapshot that is asked for (reference/apis.md 3.1).
type SnapshotQuery struct {
	At time.Time // of which the contracts are; finer than a microsecond is cut
	// MigrationID is only echoed in the answer; nil: the app says the one that it is configured with, plus one.
	MigrationID *int64
	// Force means another thing in each generation of Canton, and in none of them is its answer a proof of its content
	// (reference/apis.md 3.4).
	Force bool
}

// Time is the time as it is asked for: in UTC, with at most six digits of a fraction.
func (q SnapshotQuery) Time() string { return q.At.UTC().Format("2006-01-02T15:04:05.999999Z") }

func (q SnapshotQuery) values() url.Values {
	v := url.Values{"timestamp": {q.Time()}}
	if q.MigrationID != nil {
		v.Set("migration_id", strconv.FormatInt(*q.MigrationID, 10))
	}
	if q.Force {
		v.Set("force", "true")
	}
	return v
}

// SnapshotPatience is how long a snapshot is waited for. There is no limit to the whole: gigabytes may come for an hour.
type SnapshotPatience struct {
	Clock clock.Clock
	// Answer is the time until the answer begins: the app has made all of it by then (reference/apis.md 3.3). Stall is the time in which
	// nothing more comes, once it has begun.
	Answer, Stall time.Duration
}

var errStalled = errors.New("nothing came for too long")

// Snapshot asks for a data snapshot, once, and gives the answer's body to take while it comes. length is that of the body in bytes, -1 where
// the app does not say it. An error of take comes back as it is, unless the connection was the cause of it; all others are *Error.
// On every error but a refusal that was answered the export may go on in the app (reference/apis.md 1.1).
func (s *SV) Snapshot(ctx context.Context, q SnapshotQuery, p SnapshotPatience, take func(body io.Reader, length int64) error) error {
	a := ask{what: "fetch the data snapshot of " + q.Time(), path: "/v0/admin/domain/data-snapshot", query: q.values(), token: true}
	var taken error
	err := s.attempt(ctx, a, func(t Token) *Error {
		problem, failed := s.stream(ctx, a, t, p, take)
		taken = failed
		return problem
	})
	if err != nil {
		return err
	}
	return taken
}

// stream sends one request. Of its errors, the second is what take said.
func (c *Client) stream(caller context.Context, a ask, token Token, p SnapshotPatience, take func(io.Reader, int64) error) (*Error, error) {
	ctx, cancel := context.WithCancelCause(caller)
	defer cancel(nil)
	watch := newStallWatch(p.Clock, cancel)
	defer watch.stop()
	r, problem := c.request(ctx, a, token)
	if problem != nil {
		return problem, nil
	}
	var sent atomic.Bool
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }}))
	r.Header.Set("Accept-Encoding", "identity") // nearly all of it is packed and random already
	watch.begin(p.Answer)
	got, err := c.http.Do(r)
	watch.end()
	if err != nil {
		e := c.silent(ctx, caller, err, token)
		e.unsent = !sent.Load()
		return e, nil
	}
	defer got.Body.Close()
	c.noteClock(got.Header)
	back := answer{status: got.StatusCode, header: got.Header, token: true, known: []secret.String{token.Value}}
	if got.StatusCode < 200 || got.StatusCode > 299 {
		watch.begin(p.Stall)
		back.body, _ = c.read(got) // what was read of it tells enough
		watch.end()
		return back.problem(), nil
	}
	body := &watchedBody{from: got.Body, watch: watch, stall: p.Stall}
	var from io.Reader = body
	length := got.ContentLength
	if strings.EqualFold(got.Header.Get("Content-Encoding"), "gzip") { // something on the way packs it all the same
		length = -1
		if from, err = gzip.NewReader(body); err != nil {
			return c.unread(caller, back, err), nil
		}
	}
	start := bufio.NewReaderSize(from, 64<<10)
	back.body, _ = start.Peek(1024)
	if back.page() {
		e := &Error{Code: back.status}
		back.byPage(e)
		e.Next = next(e)
		return e, nil
	}
	err = take(start, length)
	switch {
	case errors.Is(context.Cause(ctx), errStalled), body.err != nil && body.err != io.EOF:
		return c.cutOff(ctx, caller, back, body), nil
	case caller.Err() != nil && err != nil:
		return noAnswer(caller, caller.Err()), nil
	}
	return nil, err
}

// silent is a request whose answer did not begin.
func (c *Client) silent(ctx, caller context.Context, err error, token Token) *Error {
	if errors.Is(context.Cause(ctx), errStalled) {
		e := &Error{Kind: Timeout, Seen: "the answer did not begin in time"}
		e.Next = next(e)
		return e
	}
	return noAnswer(caller, err, token.Value)
}

// cutOff is an answer that began and did not come to its end.
func (c *Client) cutOff(ctx, caller context.Context, back answer, body *watchedBody) *Error {
	so := " after " + strconv.FormatInt(body.read, 10) + " bytes"
	if errors.Is(context.Cause(ctx), errStalled) {
		e := &Error{Kind: Cut, Code: back.status, Seen: "nothing more came" + so}
		e.Next = next(e)
		return e
	}
	e := c.unread(caller, back, body.err)
	if e.Kind == Cut {
		e.Seen = "the answer was cut" + so
	}
	return e
}

// watchedBody is a body of which each read has its time. What happens between the reads, on the disk, has none.
type watchedBody struct {
	from  io.Reader
	watch *stallWatch
	stall time.Duration
	read  int64
	err   error
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.watch.begin(b.stall)
	n, err := b.from.Read(p)
	b.watch.end()
	b.read += int64(n)
	b.err = err
	return n, err
}

// stallWatch ends a context when a wait that has begun takes too long. It looks once a second.
type stallWatch struct {
	clock clock.Clock
	until atomic.Int64 // nanoseconds since 1970; 0: nothing is waited for
	over  chan struct{}
}

func newStallWatch(c clock.Clock, cancel context.CancelCauseFunc) *stallWatch {
	w := &stallWatch{clock: c, over: make(chan struct{})}
	go func() {
		for {
			timer := c.NewTimer(time.Second)
			select {
			case <-timer.C():
			case <-w.over:
				timer.Stop()
				return
			}
			if until := w.until.Load(); until != 0 && c.Now().UnixNano() >= until {
				cancel(errStalled)
				return
			}
		}
	}()
	return w
}

// begin starts a wait that may take so long; 0: for ever.
func (w *stallWatch) begin(d time.Duration) {
	if d > 0 {
		w.until.Store(w.clock.Now().Add(d).UnixNano())
	}
}

func (w *stallWatch) end()  { w.until.Store(0) }
func (w *stallWatch) stop() { close(w.over) }
