package rehearsal

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/engine/lease"
	"canton.example/svrescue/steps/wire"
)

// held reads the Lease of the node.
func (r *rig) held() (kube.Lease, bool) {
	r.t.Helper()
	l, found, err := r.cluster().Lease(context.Background(), namespace)
	if err != nil {
		r.t.Fatal(err)
	}
	return l, found
}

// at does something once, when the first write of that verb and resource arrives, before it is passed on.
func (r *rig) at(method, part string, do func()) {
	once := false
	r.wire.before = func(m, path string) {
		if m == method && strings.Contains(path, part) && !once {
			once = true
			do()
		}
	}
}

// The Lease is taken when something is about to be changed, and released with a note and the head of the journal.
func TestLeaseOfARun(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, r *rig) {
		good := r.player()
		v, _, _ := r.play(t.Context(), 0, func(ctx context.Context, v wire.View, q wire.Question) (wire.Answer, bool) {
			l, found := r.held()
			if changing := v.CurrentStep().Effect.Rank() > 0; changing != (found && l.Holder == "you@here/r-1") && v.CurrentStep().ID != "restore/catch-up" {
				t.Errorf("at %s the Lease is %+v", q.Name, l)
			}
			return good(ctx, v, q)
		})
		must(t, v, wire.Recovered)
		l, _ := r.held()
		m, ok := lease.Mirrored(l)
		if l.Holder != "" || !strings.HasPrefix(l.Annotations[lease.Note], "recovered: ") || !ok || m.Seq != uint64(len(r.journal)) {
			t.Errorf("after the run the Lease is %+v", l)
		}
	})
}

// A run that changes nothing, or is refused before it does, leaves no Lease behind.
func TestNoLeaseWithoutChange(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, r *rig) {
		r.acting = wire.DryRun
		v, _, _ := r.play(t.Context(), 0, r.player())
		must(t, v, wire.Rehearsed)
		if l, found := r.held(); found {
			t.Errorf("a dry run left %+v", l)
		}
	})
	inScenario(t, wrongOrder(), nil, func(t *testing.T, r *rig) {
		v, _, _ := r.play(t.Context(), 0, r.player())
		must(t, v, wire.Refused)
		if l, found := r.held(); found {
			t.Errorf("a refused run left %+v", l)
		}
	})
}

// Parked while somebody else works: nothing is sent, and nothing of theirs is touched.
func TestSecondOperatorParks(t *testing.T) {
	inScenario(t, secondOperator(), nil, func(t *testing.T, r *rig) {
		v, _, _ := r.play(t.Context(), 0, func(ctx context.Context, v wire.View, q wire.Question) (wire.Answer, bool) {
			if strings.HasSuffix(q.Name, ".held") {
				for _, part := range []string{"bob on ops2", "restore-0412-0309-k7qd", "restore/restore-volumes", "since ", "last heartbeat "} {
					if !strings.Contains(q.Error.Seen, part) {
						t.Errorf("%q does not say %q", q.Error.Seen, part)
					}
				}
				if !strings.Contains(q.Error.Next, "svrescue attach restore-0412-0309-k7qd") {
					t.Errorf("how to watch is not said: %q", q.Error.Next)
				}
				return wire.Answer{}, false
			}
			return Good(q)
		})
		if v.Parked == "" || len(sent(r)) > 0 {
			t.Errorf("parked %q, sent %v", v.Parked, sent(r))
		}
		if l, _ := r.held(); l.Holder != bob {
			t.Errorf("bob's Lease is %+v", l)
		}
	})
}

// away makes the Lease unreachable from the first scaling of the participant on, which itself takes so long that the Lease is not
// renewed in time when the next write is due. back is called a minute later.
func (r *rig) away(back func()) {
	r.at("PUT", "participant/scale", func() {
		r.wire.noLease.Store(true)
		time.AfterFunc(time.Minute, back)
		time.Sleep(lease.Within + time.Second)
	})
}

// writesAfter are the writes that arrived when the participant had been scaled.
func (r *rig) writesAfter() (scaled time.Time, after []sim.Write) {
	for _, w := range sent(r) {
		if !scaled.IsZero() {
			after = append(after, w)
		}
		if w.Resource == "deployments/scale" && w.Name == "participant" && scaled.IsZero() {
			scaled = w.Time
		}
	}
	return scaled, after
}

// While the Lease cannot be renewed writes pause, and the screen says so; when it can be again and nobody came, the work goes on.
func TestWritesPause(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, r *rig) {
		r.away(func() { r.wire.noLease.Store(false) })
		v, _, _ := r.play(t.Context(), 0, r.player())
		must(t, v, wire.Recovered)
		scaled, after := r.writesAfter()
		if pause := after[0].Time.Sub(scaled); pause < 30*time.Second || pause > 60*time.Second {
			t.Errorf("the next write came %s later", pause)
		}
		var told []wire.Lease
		for _, e := range r.shown {
			if e.Kind == wire.KindLease {
				told = append(told, *e.Lease)
			}
		}
		if !slices.ContainsFunc(told, func(l wire.Lease) bool {
			return l.State == wire.LeaseAway && !l.Since.IsZero() && strings.Contains(l.Sentence(), "writes pause since") && strings.Contains(l.Sentence(), "go on by themselves when")
		}) {
			t.Errorf("the viewer was told %+v", told)
		}
		checkRestored(t, r)
		checkShown(t, r)
	})
}

// Somebody else takes the node over while the Lease cannot be renewed: the run stops before its next write, and says who it was.
func TestTakenOverInAnOutage(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, r *rig) {
		r.away(func() { r.stolen(); r.wire.noLease.Store(false) })
		v, _, _ := r.play(t.Context(), 0, r.player())
		if !strings.Contains(v.Parked, "bob on ops2 has taken the node over") || !strings.Contains(v.Parked, "restore-0412-0309-k7qd") {
			t.Fatalf("parked %q\n%s", v.Parked, lines(v))
		}
		if _, after := r.writesAfter(); len(after) > 0 {
			t.Errorf("sent after it was lost: %v", after)
		}
		if l, _ := r.held(); l.Holder != bob {
			t.Errorf("bob's Lease is %+v", l)
		}
		v, _, _ = r.play(t.Context(), 0, func(ctx context.Context, v wire.View, q wire.Question) (wire.Answer, bool) {
			if strings.HasSuffix(q.Name, ".held") {
				return wire.Answer{Choice: wire.ChoiceWait}, true
			}
			return r.player()(ctx, v, q)
		})
		must(t, v, wire.Recovered) // bob was never seen again, and was taken over from
	})
}

// A laptop that slept while somebody else took over notices before it writes, although nothing told it.
func TestSuspendedLaptop(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, r *rig) {
		good, writes := r.player(), 0
		v, _, _ := r.play(t.Context(), 0, func(ctx context.Context, v wire.View, q wire.Question) (wire.Answer, bool) {
			if q.Name == "restore/scale-down.confirm" {
				r.asleep.Add(int64(2 * time.Hour))
				r.stolen()
				writes = len(sent(r))
			}
			return good(ctx, v, q)
		})
		if !strings.Contains(v.Parked, "bob on ops2 has taken the node over") {
			t.Fatalf("parked %q\n%s", v.Parked, lines(v))
		}
		if after := sent(r)[writes:]; len(after) > 0 {
			t.Errorf("sent after the sleep: %v", after)
		}
	})
}

// stolen makes bob the holder, as if he had taken over.
func (r *rig) stolen() {
	if err := r.world.LoadYAML([]byte(bobsLease(time.Now(), time.Now()))); err != nil {
		r.t.Error(err)
	}
}

// Where the permission is missing the run goes on, and says so before anything is changed.
func TestWithoutPermissionForLeases(t *testing.T) {
	inWorld(t, func(_ *sim.NodeOptions, s *sim.Scenario) {
		if s != nil {
			s.Knobs.Deny = []sim.Rule{{Verbs: []string{"create", "update"}, Resources: []string{"leases"}}}
		}
	}, func(t *testing.T, r *rig) {
		v, _, _ := r.play(t.Context(), 0, r.player())
		must(t, v, wire.Recovered)
		if !slices.ContainsFunc(v.Step("restore/preflight").Findings[wire.PhaseVerify], func(f wire.Finding) bool {
			return f.Verdict == wire.Attention && strings.HasPrefix(f.Text, "No Lease: ")
		}) {
			t.Errorf("preflight does not warn: %+v", v.Step("restore/preflight").Findings)
		}
		checkRestored(t, r)
	})
}
