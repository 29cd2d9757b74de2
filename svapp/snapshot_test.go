package svapp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/svapp"
	"canton.example/svrescue/svapp/dump"
	"canton.example/svrescue/svapp/sim"
	"k8s.io/utils/clock"
)

// exporter is an SV app of 0.5.10 with data snapshots, reached through pipes. Its admin is user sv, its audience exportAudience.
const exportAudience = "https://sv.example.org"

func exporter(t *testing.T, s *sim.Snapshots) svapp.Way {
	t.Helper()
	return exporterOf(t, "0.5.10", s)
}

func exporterOf(t *testing.T, release string, s *sim.Snapshots) svapp.Way {
	t.Helper()
	s.Clock = clock.RealClock{}
	a := sim.App{Base: sim.SV, ID: "Acme-SV", Version: release, Snapshots: s, Part: func(context.Context, string) error { return nil },
		Allow: sim.Unsafe("unsafe", exportAudience, time.Now, "sv")}
	l := &exportPipes{conns: make(chan net.Conn), over: make(chan struct{})}
	server := &http.Server{Handler: a.Handler()}
	var running sync.WaitGroup
	running.Go(func() { server.Serve(l) })
	w := svapp.Tunnel("test", "sv.example", l.dial)
	t.Cleanup(func() { w.Close(); server.Close(); running.Wait() })
	return w
}

// exportPipes is a listener on pipes.
type exportPipes struct {
	conns chan net.Conn
	over  chan struct{}
	once  sync.Once
}

func (p *exportPipes) dial(ctx context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.over:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *exportPipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.over:
		return nil, net.ErrClosed
	}
}
func (p *exportPipes) Close() error   { p.once.Do(func() { close(p.over) }); return nil }
func (p *exportPipes) Addr() net.Addr { return &net.UnixAddr{Name: "exportPipes"} }

func svOf(t *testing.T, w svapp.Way, audience string) *svapp.SV {
	t.Helper()
	tokens, err := svapp.TokenFrom("the test", strings.NewReader(sim.UnsafeToken("unsafe", audience, "sv", time.Now().Add(100*time.Hour))))
	if err != nil {
		t.Fatal(err)
	}
	s, err := svapp.NewSV(svapp.Settings{Way: w, Tokens: tokens, Audience: exportAudience})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var patience = svapp.SnapshotPatience{Clock: clock.RealClock{}, Answer: 3 * time.Hour, Stall: 2 * time.Minute}

// world is an app whose participant has state after 10:00, is clean up to 12:00, and has its ledger's end at 12:30.
func world(g sim.Generation) *sim.Snapshots {
	day := time.Date(2026, 1, 11, 0, 0, 0, 0, time.UTC)
	return &sim.Snapshots{Generation: g, PrunedTo: day.Add(10 * time.Hour), Clean: day.Add(12 * time.Hour), LedgerEnd: day.Add(12*time.Hour + 30*time.Minute), Every: time.Hour,
		MigrationID: 3, Genesis: 3000, ACS: 100_000, Party: "Acme-SV::1220aa"}
}

func at(clock string) svapp.SnapshotQuery {
	t, err := time.Parse(time.RFC3339, "2026-01-11T"+clock+"Z")
	if err != nil {
		panic(err)
	}
	return svapp.SnapshotQuery{At: t}
}

// Each condition of both generations has its own sentence for the call, whatever its status; force is offered in one case alone.
func TestSnapshotRefusals(t *testing.T) {
	force := func(q svapp.SnapshotQuery) svapp.SnapshotQuery { q.Force = true; return q }
	for _, c := range []struct {
		name       string
		generation sim.Generation
		q          svapp.SnapshotQuery
		cause      svapp.SnapshotCause
		of, call   string
		again      bool
		force      bool
	}{
		{"X answers", sim.X, at("11:20:00"), "", "", "", false, false},
		{"X too late", sim.X, at("12:20:00"), svapp.SnapshotTooLate, "X", "We need a time before 2026-01-11T12:20:00Z", true, false},
		{"X too late with force answers", sim.X, force(at("12:20:00")), "", "", "", false, false},
		{"X pruned", sim.X, at("09:20:00"), svapp.SnapshotPruned, "X", "We need a time after 2026-01-11T09:20:00Z", false, false},
		{"X pruned with force too", sim.X, force(at("09:20:00")), svapp.SnapshotPruned, "X", "We need a time after", false, false},
		{"Y answers", sim.Y, at("11:20:00"), "", "", "", false, false},
		{"Y too late", sim.Y, at("12:20:00"), svapp.SnapshotTooLate, "Y", "We need a time before", true, false},
		{"Y too late with force answers something else", sim.Y, force(at("12:20:00")), "", "", "", false, false},
		{"Y pruned", sim.Y, at("09:20:00"), svapp.SnapshotPruned, "Y", "We need a time after", false, false},
		{"Y exact, nothing happened then", sim.YExact, at("11:20:00"), svapp.SnapshotNotExact, "Y", "answers only for times at which something happened", false, true},
		{"Y exact, something happened then", sim.YExact, at("11:00:00"), "", "", "", false, false},
		{"Y exact with force", sim.YExact, force(at("11:20:00")), "", "", "", false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := world(c.generation)
			var f dump.Fetched
			err := svOf(t, exporter(t, s), exportAudience).Snapshot(t.Context(), c.q, patience, func(body io.Reader, _ int64) (err error) {
				f, err = dump.ReadSnapshot(body)
				return err
			})
			if c.cause == "" {
				if err != nil || f.Data.At != c.q.Time() || *f.MigrationID != 4 || f.GenesisBytes != 3008 || f.ACSBytes < 100_000 {
					t.Fatalf("%+v, %v", f, err)
				}
				return
			}
			if err == nil {
				t.Fatal("it answered")
			}
			r := c.q.Refusal(err)
			if r.Cause != c.cause || r.Generation != c.of || r.Again != c.again || r.Force != c.force || !strings.Contains(r.Call, c.call) {
				t.Errorf("%+v of %v", r, err)
			}
		})
	}
}

// What the reference has samples of, or names, and what is behind each.
func TestSnapshotRefusalOfBodies(t *testing.T) {
	for _, c := range []struct {
		status int
		text   string
		cause  svapp.SnapshotCause
		again  bool
		call   string
	}{
		{503, "INCONSISTENT_ACS_SNAPSHOT(1,9d2c7be1): The ACS snapshot for d cannot be returned because it contains inconsistencies.", svapp.SnapshotAway, true, "pruned while it exported"},
		{503, "io exception", svapp.SnapshotAway, true, "participant or our sequencer does not answer"},
		{503, "The server is taking too long to respond to the request at http://x", svapp.SnapshotGoesOn, true, "not done"},
		{400, "UNIMPLEMENTED: Method not found: com.digitalasset.canton.X", svapp.SnapshotAway, true, "starting"},
		{500, "An unexpected error occurred.", svapp.SnapshotFailed, false, "log"},
		{500, "CONTRACT_SERIALIZATION_ERROR(4,1): x", svapp.SnapshotFailed, false, "cannot write one of its contracts"},
		{500, "INVALID_TIMESTAMP_PARTY_MANAGEMENT_ERROR(12,1): (using force flag = false): the clean index is empty", svapp.SnapshotFailed, false, "whether it is too early or too late"},
		{400, "IO_STREAM_ERROR(9,1): Transactions are pruned at that offset", svapp.SnapshotPruned, false, "We need a time after"},
		{400, "SOMETHING_INVALID(8,1): unknown synchronizer", svapp.SnapshotFailed, false, "does not take the request"},
		{400, "a bad party", svapp.SnapshotFailed, false, "does not take the request"},
		{404, "NOT_FOUND: DsoRules", svapp.SnapshotFailed, false, "rules of the DSO"},
		{429, "too many", svapp.SnapshotThrottled, true, "limits requests"},
	} {
		s := world(sim.X)
		s.Fails = func(int) (int, string) { return c.status, c.text }
		q := at("11:20:00")
		err := svOf(t, exporter(t, s), exportAudience).Snapshot(t.Context(), q, patience, func(io.Reader, int64) error { return nil })
		if r := q.Refusal(err); r.Cause != c.cause || r.Again != c.again || !strings.Contains(r.Call, c.call) || r.Force {
			t.Errorf("%d %s: %+v of %v", c.status, c.text, r, err)
		}
	}
}

// With split audiences the token of another API is refused, and the release without the endpoint has none.
func TestSnapshotNeedsTheAudienceOfTheApp(t *testing.T) {
	s := world(sim.X)
	q := at("11:20:00")
	never := func(io.Reader, int64) error { t.Error("there is a body"); return nil }
	err := svOf(t, exporter(t, s), "https://ledger.example.org").Snapshot(t.Context(), q, patience, never)
	if r := q.Refusal(err); r.Cause != svapp.SnapshotLogin || !strings.Contains(err.Error(), "get a token for the audience "+exportAudience) {
		t.Error(err)
	}
	err = svOf(t, exporterOf(t, "0.6.2", s), exportAudience).Snapshot(t.Context(), q, patience, never)
	if r := q.Refusal(err); r.Cause != svapp.SnapshotGone {
		t.Error(r, err)
	}
	if _, _, asked, _ := s.Load(); asked != 0 {
		t.Errorf("%d exports were begun", asked)
	}
}

// An answer that is cut, at whatever byte, is never taken for a whole one, and one that no longer comes is not waited for.
func TestSnapshotCutOff(t *testing.T) {
	whole := world(sim.Y)
	var text bytes.Buffer
	q := at("11:20:00")
	err := svOf(t, exporter(t, whole), exportAudience).Snapshot(t.Context(), q, patience, func(body io.Reader, _ int64) error {
		_, err := io.Copy(&text, body)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for after := int64(1); after < int64(text.Len()); after += int64(text.Len()) / 23 {
		s := world(sim.Y)
		s.CutAfter = after
		err := svOf(t, exporter(t, s), exportAudience).Snapshot(t.Context(), q, patience, func(body io.Reader, _ int64) error {
			_, err := dump.ReadSnapshot(body)
			return err
		})
		if kind := svapp.KindOf(err); kind != svapp.Cut && (kind != svapp.Unreachable || after > 4096) { // the first bytes wait for more
			t.Errorf("cut after %d of %d bytes: %v", after, text.Len(), err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		s := world(sim.Y)
		s.StopAfter = int64(text.Len() / 2)
		began := time.Now()
		err := svOf(t, exporter(t, s), exportAudience).Snapshot(t.Context(), q, patience, func(body io.Reader, _ int64) error {
			_, err := dump.ReadSnapshot(body)
			return err
		})
		if took := time.Since(began); svapp.KindOf(err) != svapp.Cut || took < patience.Stall || took > patience.Stall+2*time.Second {
			t.Errorf("after %s: %v", took, err)
		}
		time.Sleep(48 * time.Hour) // the app gives up too
	})
}

// An export that takes longer than its server waits goes on. The next request waits longer each time, and says why.
func TestSnapshotOneExportAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := world(sim.X)
		s.Takes, s.Limit = 40*time.Minute, 5*time.Minute
		sv := svOf(t, exporter(t, s), exportAudience)
		q := at("11:20:00")
		var waits []svapp.SnapshotWait
		retry := svapp.SnapshotRetry{Clock: clock.RealClock{}, Patience: 2 * time.Hour, Waiting: func(w svapp.SnapshotWait) {
			waits = append(waits, w)
			if len(waits) == 2 { // something was done about it
				s.Takes = time.Minute
			}
		}}
		err := retry.Run(t.Context(), q, func(ctx context.Context) error {
			return sv.Snapshot(ctx, q, patience, func(body io.Reader, _ int64) error { _, err := dump.ReadSnapshot(body); return err })
		})
		if err != nil || len(waits) != 2 || waits[0].For != 10*time.Minute || waits[1].For != 20*time.Minute || !strings.Contains(waits[0].Refusal.Why, "may still go on") {
			t.Errorf("%v, waits %+v", err, waits)
		}
		time.Sleep(time.Hour)
		if running, _, asked, forced := s.Load(); running != 0 || asked != 3 || forced != 0 {
			t.Errorf("%d run, %d were asked for, %d with force", running, asked, forced)
		}
	})
}

// Where the wait can be as long as the export, no two run at once.
func TestSnapshotWaitsAsLongAsTheExportTook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := world(sim.X)
		s.Takes, s.Limit = 14*time.Minute, 5*time.Minute
		sv := svOf(t, exporter(t, s), exportAudience)
		q := at("11:20:00")
		retry := svapp.SnapshotRetry{Clock: clock.RealClock{}, Patience: 2 * time.Hour}
		err := retry.Run(t.Context(), q, func(ctx context.Context) error {
			return sv.Snapshot(ctx, q, patience, func(io.Reader, int64) error { return nil })
		})
		var no *svapp.NoSnapshot
		if !errors.As(err, &no) || no.Refusal.Cause != svapp.SnapshotGoesOn || no.Tries < 3 {
			t.Error(err)
		}
		time.Sleep(time.Hour)
		if _, most, _, _ := s.Load(); most != 1 {
			t.Errorf("%d exports ran at once", most)
		}
	})
}

// A participant that catches up answers for the same time; one that does not is asked a few times and no more, and never with force.
func TestSnapshotTooLateIsAskedAFewTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := world(sim.Y)
		sv := svOf(t, exporter(t, s), exportAudience)
		q := at("12:20:00")
		ask := func(ctx context.Context) error {
			return sv.Snapshot(ctx, q, patience, func(body io.Reader, _ int64) error { _, err := dump.ReadSnapshot(body); return err })
		}
		retry := svapp.SnapshotRetry{Clock: clock.RealClock{}, Patience: 10 * time.Hour}
		err := retry.Run(t.Context(), q, ask)
		var no *svapp.NoSnapshot
		if _, _, asked, forced := s.Load(); !errors.As(err, &no) || no.Refusal.Cause != svapp.SnapshotTooLate || asked != 6 || forced != 0 {
			t.Errorf("asked %d times, %d with force: %v", asked, forced, err)
		}
		retry.Waiting = func(w svapp.SnapshotWait) { s.Clean = q.At }
		if err := retry.Run(t.Context(), q, ask); err != nil {
			t.Error(err)
		}
	})
}

// An interrupt ends the wait at once.
func TestSnapshotWaitIsInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := world(sim.X)
		s.Fails = func(int) (int, string) { return 503, "io exception" }
		sv := svOf(t, exporter(t, s), exportAudience)
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		retry := svapp.SnapshotRetry{Clock: clock.RealClock{}, Patience: time.Hour, Waiting: func(svapp.SnapshotWait) { cancel() }}
		q := at("11:20:00")
		err := retry.Run(ctx, q, func(ctx context.Context) error {
			return sv.Snapshot(ctx, q, patience, func(io.Reader, int64) error { return nil })
		})
		if err == nil || time.Since(began) > time.Second {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}

// What answers 200 and is no snapshot is refused with its reason.
func TestSnapshotOfAnotherShape(t *testing.T) {
	s := world(sim.Y)
	s.NoUsers = true
	q := at("11:20:00")
	err := svOf(t, exporter(t, s), exportAudience).Snapshot(t.Context(), q, patience, func(body io.Reader, _ int64) error {
		_, err := dump.ReadSnapshot(body)
		return err
	})
	if !dump.IsRefused(err) || !strings.Contains(err.Error(), "participant_users") {
		t.Error(err)
	}
}

// An app that nobody could ask exports nothing, so the next try comes soon.
func TestSnapshotThatWasNotSent(t *testing.T) {
	w := svapp.Tunnel("test", "sv.example", func(context.Context) (net.Conn, error) { return nil, errors.New("no pod") })
	q := at("11:20:00")
	err := svOf(t, w, exportAudience).Snapshot(t.Context(), q, patience, func(io.Reader, int64) error { return nil })
	if r := q.Refusal(err); r.Cause != svapp.SnapshotAway || !r.Again {
		t.Error(r, err)
	}
}
