package engine

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

// mute is a Lease whose requests of one kind get no answer.
type mute struct {
	*grip
	kind     string // look, take, take over, release, altered
	stubborn bool   // a request does not even end when it is cancelled
}

func (m mute) hang(ctx context.Context, kind string) {
	switch {
	case m.kind != kind:
	case m.stubborn:
		time.Sleep(5 * time.Minute)
	default:
		<-ctx.Done()
	}
}

func (m mute) Look(ctx context.Context, namespace string) wire.Lease {
	m.hang(ctx, "look")
	return m.grip.Look(ctx, namespace)
}

func (m mute) Take(ctx context.Context, namespace string) wire.Lease {
	m.hang(ctx, "take")
	return m.grip.Take(ctx, namespace)
}

func (m mute) TakeOver(ctx context.Context, namespace string) wire.Lease {
	m.hang(ctx, "take over")
	return m.grip.TakeOver(ctx, namespace)
}

func (m mute) Release(ctx context.Context, note string) error {
	m.hang(ctx, "release")
	return m.grip.Release(ctx, note)
}

// held is the toy path of a node that is known, with a Lease and a login.
func held(t *testing.T, w *toy, l Lease, login Login) *ridden {
	t.Helper()
	path := toyPath(w, wire.Repeatable)
	path.Subject = func(f facts) wire.Subject {
		return wire.Subject{Network: "testnet", SV: "Acme-SV", Namespace: "sv"}
	}
	return rideOn(t, path, login, func(c *Config[facts]) { c.Lease = l })
}

// A cluster that takes requests for the Lease and never answers them keeps nobody from parking, nor from stopping the worker.
func TestARequestForTheLeaseThatHangs(t *testing.T) {
	over := wire.Answer{Choice: wire.ChoiceYes, Text: "bob"}
	for kind, script := range map[string][]wire.Lease{"look": {none}, "take": {none, mine}, "take over": {silent(time.Minute)}, "release": {none, mine}} {
		for name, stubborn := range map[string]bool{"": false, " whatever is done": true} {
			t.Run(kind+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newToy()
					w.fail["a"] = []error{errStuck} // a question, where it comes as far as that
					g := newGrip(script...)
					g.over = mine
					r := held(t, w, mute{g, kind, stubborn}, nil)
					if q := r.view().Question; q != nil && strings.HasSuffix(q.Name, ".take-over") {
						over.Question, over.Hash = q.ID, q.Hash
						r.say(wire.Message{Kind: wire.SayAnswer, Answer: &over})
					}
					time.Sleep(2 * time.Second)
					asked := time.Now()
					r.say(wire.Message{Kind: wire.SayPark})
					if v := r.written(); v.Parked == "" || time.Since(asked) > 0 {
						t.Errorf("parked %q after %s, ended %+v, question %+v", v.Parked, time.Since(asked), v.Ended, v.Question)
					}
					if kind == "release" && stubborn {
						time.Sleep(time.Hour)
						return // the library underneath ends its requests when they are cancelled
					}
					<-r.over
					if took := time.Since(asked); took > leaseRelease {
						t.Errorf("the worker was there for %s more", took)
					}
					time.Sleep(time.Hour) // until what was left has ended
				})
			})
		}
	}
}

func TestAHungComparisonOfTheJournalIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := held(t, newToy(), newGrip(none, mine), nil)
		first.ends()
		past := first.j.events[:3] // its worker died soon
		path := toyPath(newToy(), wire.Repeatable)
		path.Subject = func(facts) wire.Subject { return wire.Subject{Namespace: "sv"} }
		r := rideOn(t, path, nil, func(c *Config[facts]) {
			c.Lease, c.Past = newGrip(mine), past
			c.Altered = func(ctx context.Context, _ string) (string, error) {
				<-ctx.Done()
				return "", &kube.Error{Kind: kube.Canceled}
			}
		})
		r.say(wire.Message{Kind: wire.SayPark})
		if v := r.written(); v.Parked == "" {
			t.Fatal("it is not parked")
		}
		<-r.over
	})
}

// While the Lease cannot be renewed because the login has expired, a fresh one is asked for; waiting alone would last for ever.
func TestALoginThatExpiresWhileTheNodeIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &door{opens: time.Now().Add(3 * time.Minute)}
		away := wire.Lease{State: wire.LeaseAway, Why: "401 Unauthorized"}
		r := held(t, newToy(), untilOpen{newGrip(none), d, away}, d)
		time.Sleep(20 * time.Second)
		if q := r.view().Question; q == nil || q.Name != "toy/turn.login" {
			t.Fatalf("question %+v", q)
		}
		if v := r.ends(); v.Ended == nil || time.Since(r.began) > 3*time.Minute+2*loginLooks {
			t.Errorf("ended %+v after %s", v.Ended, time.Since(r.began))
		}
	})
}

// untilOpen is a Lease that can be taken when the login works again.
type untilOpen struct {
	*grip
	door *door
	away wire.Lease
}

func (u untilOpen) Take(context.Context, string) wire.Lease {
	if time.Now().Before(u.door.opens) {
		return u.away
	}
	return mine
}

// rapid is the clock of a world that goes faster than this machine.
type rapid struct {
	clock.RealClock
	origin time.Time
	speed  float64
}

func (r rapid) Now() time.Time {
	return r.origin.Add(time.Duration(float64(time.Since(r.origin)) * r.speed))
}
func (r rapid) Since(t time.Time) time.Duration { return r.Now().Sub(t) }
func (r rapid) real(d time.Duration) time.Duration {
	return time.Duration(float64(d) / r.speed)
}
func (r rapid) NewTimer(d time.Duration) clock.Timer   { return r.RealClock.NewTimer(r.real(d)) }
func (r rapid) NewTicker(d time.Duration) clock.Ticker { return r.RealClock.NewTicker(r.real(d)) }

// However fast the world of a rehearsal goes: a request that hangs for half a minute does not spend the patience of ten.
func TestPatienceIsOfThisMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		origin := time.Now().Round(0)
		world := rapid{origin: origin, speed: 1000}
		r := rideOn(t, reading(newToy(), func(ctx context.Context) error {
			time.Sleep(30 * time.Second)
			return busy
		}), nil, func(c *Config[facts]) {
			c.Clock, c.Wall, c.ParkAfter = world, clock.RealClock{}, 500*time.Hour
			c.Run.Speed, c.Run.Origin, c.Run.SimOrigin = world.speed, origin, origin
		})
		time.Sleep(30*time.Second + 500*time.Millisecond)
		v := r.view()
		if v.Retry == nil || v.Retry.Tries != 1 || !v.Retry.Since.Equal(origin.Add(30000*time.Second)) || !v.Retry.Until.Equal(v.Retry.Since.Add(600000*time.Second)) {
			t.Fatalf("shown: %+v", v.Retry)
		}
		if got, want := v.Retry.Heading(v.Run, v.Run.Now(time.Now())), "trying again in 1 s of real time (2nd time since 08:20, until 8 Jan 07:00, for 10 min more)"; got != want {
			t.Errorf("says %q, want %q", got, want)
		}
		time.Sleep(9 * time.Minute)
		if v := r.view(); v.Question != nil || v.Retry == nil {
			t.Fatalf("before its end: %+v", v.Question)
		}
		time.Sleep(2 * time.Minute)
		if v := r.view(); v.Question == nil || v.Question.Name != "toy/look.remedy" {
			t.Fatalf("after its end: %+v", v.Question)
		}
		r.say(wire.Message{Kind: wire.SayPark})
		r.ends()
	})
}
