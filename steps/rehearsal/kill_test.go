package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"canton.example/svrescue/steps/wire"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// course is a run that is killed: what it does, and which outcome it has.
type course struct {
	name    string
	prepare func(t *testing.T, r *rig)
	drive   func(r *rig, ctx context.Context, killAt int, answer operator) (wire.View, int, bool)
	answer  func(r *rig) operator
	ends    func(v wire.View) bool
	world   func(t *testing.T, r *rig) any
	sample  int // how many points are tried when not soaking, wherever they fall; 0: it is played by a soak alone
	in      func() Scenario
	between func(t *testing.T, r *rig)              // what happens before another process takes the run up; nil: nothing
	also    func(t *testing.T, r *rig, v wire.View) // what else must hold at the end; nil: nothing
	first   func(t *testing.T, r *rig, v wire.View) // and at that of a run that nothing disturbed; nil: nothing
}

func restoring(r *rig, ctx context.Context, at int, o operator) (wire.View, int, bool) {
	return r.play(ctx, at, o)
}
func releasing(r *rig, ctx context.Context, at int, o operator) (wire.View, int, bool) {
	return r.release(ctx, at, o)
}

var courses = slices.Concat(restoreCourses, networkCourses(), rollCourses(), reonboardCourses())

// networkCourses are all scenarios of a lost network and of what comes days later, to be killed and spoiled.
func networkCourses() []course {
	often := []string{networkClean().ID, networkCleanUp().ID}
	all := recoveries(networkScenarios(), often)
	for i := range all {
		if c := &all[i]; c.name == networkCleanUp().ID {
			c.also = func(t *testing.T, r *rig, v wire.View) { onlyOnce(t, r); checkCleanedUp(t, r, v) }
		}
	}
	return all
}

// rollCourses are all scenarios of a roll-forward.
func rollCourses() []course { return recoveries(rollScenarios(), []string{rollClean().ID}) }

// recoveries are courses that end as their scenarios say. Points of some are tried in every test.
func recoveries(scenarios []Scenario, often []string) []course {
	var all []course
	for _, s := range scenarios {
		c := course{name: s.ID, in: func() Scenario { return s }, drive: restoring, answer: (*rig).player, world: reonboarded,
			ends: func(v wire.View) bool { return v.Ended.Outcome == s.Expect }, also: func(t *testing.T, r *rig, _ wire.View) { onlyOnce(t, r) }}
		if slices.Contains(often, s.ID) {
			c.sample = 1
		}
		all = append(all, c)
	}
	return all
}

var restoreCourses = []course{
	{name: "restore", in: clean, drive: restoring, answer: (*rig).player, world: settled, sample: 3, ends: recovered},
	{name: "dumps", in: dropped, drive: restoring, answer: (*rig).player, world: settled, sample: 2, ends: recovered},
	{name: "dumps anew", in: dumpsAnew, drive: restoring, answer: (*rig).player, world: settled, sample: 1, ends: recovered},
	{name: "managed", in: managed, drive: restoring, answer: (*rig).player, world: settled, sample: 1, ends: recovered},
	{name: "managed, dumps", in: managedDumps, drive: restoring, answer: (*rig).player, world: settled, sample: 2, ends: recovered},
	{name: "GitOps", in: gitOps, drive: restoring, answer: (*rig).player, world: settled, sample: 1, ends: recovered},
	{name: "dumps, back", in: dropped, drive: restoring, sample: 1, world: func(t *testing.T, r *rig) any { return stands(t, r) },
		answer: backFrom("restore/prove-restored"), ends: takenBack},
	{name: "managed, dumps, back", in: managedDumps, drive: restoring, sample: 1, world: func(t *testing.T, r *rig) any { return stands(t, r) },
		answer: backFrom("restore/prove-restored"), ends: takenBack},
	{name: "undo", in: clean, drive: restoring, sample: 1, world: func(t *testing.T, r *rig) any { return stands(t, r) },
		answer: backFrom("restore/restore-volumes"), ends: takenBack},
	{name: "managed, release", in: managedDumps, drive: releasing, answer: (*rig).player, world: settled, sample: 1,
		prepare: restored, ends: recovered},
	{name: "release", in: clean, drive: releasing, answer: (*rig).player, world: settled, sample: 1,
		prepare: restored, ends: recovered},
}

// restored is what comes before a release.
func restored(t *testing.T, r *rig) {
	v, _, _ := r.play(t.Context(), 0, r.player())
	must(t, v, wire.Recovered)
	r.journal = nil
	r.wire.count = 0
}

func recovered(v wire.View) bool { return v.Ended.Outcome == wire.Recovered }
func takenBack(v wire.View) bool {
	return v.Ended.Outcome == wire.Aborted || v.Ended.Outcome == wire.Failed
}

// backFrom goes forward until a step is done, then back to the start.
func backFrom(step string) func(r *rig) operator {
	return func(r *rig) operator {
		good := r.player()
		return func(ctx context.Context, v wire.View, q wire.Question) (wire.Answer, bool) {
			if v.Step(step).State == wire.StepDone || undoing(v) {
				return backwards(ctx, v, q)
			}
			return good(ctx, v, q)
		}
	}
}

// undisturbed is what a course comes to when nothing happens to it.
type undisturbed struct {
	once           sync.Once
	points, writes int
	at             []place  // where something is asked of the cluster
	accepts        []string // proofs that its operator goes on without: see waived
	want           any      // the world at the end; nil: it did not get there
}

// differs tells in what a world differs from that of the undisturbed run, texts by their lines; empty where it does not.
func (u *undisturbed) differs(world any) string {
	return cmp.Diff(u.want, world, cmpopts.AcyclicTransformer("lines", func(text string) []string { return strings.Split(text, "\n") }))
}

var digits = regexp.MustCompile(`[0-9]+`)

// waived is a proof that is missing, as a question about it says, but for times and numbers.
func waived(q wire.Question) string {
	if q.Kind != wire.AskRemedy || q.Error == nil {
		return ""
	}
	return q.Name + ": " + digits.ReplaceAllString(q.Error.Seen, "N")
}

// alone is what comes of the course by itself. It is played once for all matrices.
func (c course) alone(t *testing.T) *undisturbed {
	t.Helper()
	known, _ := played.LoadOrStore(c.name, &undisturbed{})
	u := known.(*undisturbed)
	u.once.Do(func() {
		inScenario(t, c.in(), nil, func(t *testing.T, r *rig) {
			if c.prepare != nil {
				c.prepare(t, r)
			}
			var asks sync.Mutex // several scans are asked at once
			r.wire.spoil = func(_ http.ResponseWriter, q *http.Request, _ http.HandlerFunc) bool {
				what, write := kindOf(q)
				asks.Lock()
				defer asks.Unlock()
				if p := (place{stepNow(r), what, write}); what != "" && p.step != "" && !slices.Contains(u.at, p) {
					u.at = append(u.at, p)
				}
				return false
			}
			answer := c.answer(r)
			v, n, _ := c.drive(r, t.Context(), 0, func(ctx context.Context, v wire.View, q wire.Question) (wire.Answer, bool) {
				a, ok := answer(ctx, v, q)
				if ok && q.Kind == wire.AskRemedy && a.Choice == wire.ChoiceAccept {
					u.accepts = append(u.accepts, waived(q))
				}
				return a, ok
			})
			r.wire.spoil = nil // what is looked at afterwards is none of the run's
			if v.Ended == nil || !c.ends(v) {
				t.Fatalf("the undisturbed run ended %+v, parked %q\n%s", v.Ended, v.Parked, lines(v))
			}
			u.points, u.writes = n, r.wire.count
			for _, check := range []func(*testing.T, *rig, wire.View){c.also, c.first} {
				if check != nil {
					check(t, r, v)
				}
			}
			u.want = c.world(t, r)
		})
	})
	if u.want == nil {
		t.Fatal("the undisturbed run failed")
	}
	return u
}

var played sync.Map // by the name of a course

// TestKillMatrix kills the process at a point of the run, lets a new one take the journal up, and compares the world at
// the end with that of a run which nobody killed. A point lies before and after every journal record, around every
// action that is sent, and inside every write: the server took it, and the process died before the answer.
//
// The whole of one course: go test -run 'KillMatrix/reonboard-clean$' -soak; with -part 3/20 each twentieth point, from the third on.
func TestKillMatrix(t *testing.T) {
	beside(t)
	for _, c := range courses {
		if !passedOver() && !c.rests() {
			t.Run(c.name, func(t *testing.T) { killMatrix(t, c) })
		}
	}
}

func killMatrix(t *testing.T, c course) {
	u := c.alone(t)
	total := u.points + u.writes
	cases, until := pick(total, anywhere(total, c.sample))
	var killed, equal, tried atomic.Int32
	t.Cleanup(func() {
		fmt.Printf("kill matrix: %d points in the run; points %d, killed %d, equal %d (%s, %d of them inside writes%s)\n",
			total, tried.Load(), killed.Load(), equal.Load(), c.name, u.writes, ordered())
	})
	for _, n := range cases {
		at := n + 1
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			t.Parallel()
			if late(until) {
				return
			}
			tried.Add(1)
			inScenario(t, c.in(), nil, func(t *testing.T, r *rig) {
				if c.prepare != nil {
					c.prepare(t, r)
				}
				hook := at
				if at > u.points { // inside a write
					hook, r.wire.killAt = 0, at-u.points
				}
				_, _, dead := c.drive(r, t.Context(), hook, c.answer(r))
				if !dead {
					t.Fatalf("point %d was not reached", at)
				}
				killed.Add(1)
				r.hangUp()
				if c.between != nil {
					c.between(t, r)
				}
				v, _, _ := c.drive(r, t.Context(), 0, c.answer(r))
				if v.Ended == nil || !c.ends(v) {
					t.Fatalf("resumed after point %d it ended %+v, parked %q\n%s", at, v.Ended, v.Parked, lines(v))
				}
				if c.also != nil {
					c.also(t, r, v)
				}
				if diff := u.differs(c.world(t, r)); diff != "" {
					t.Fatalf("killed at point %d the world differs (-undisturbed +killed):\n%s\n%s", at, diff, lines(v))
				}
				if !t.Failed() {
					equal.Add(1)
				}
			})
		})
	}
}

// rests says that the course is none of what is played when not soaking.
func (c course) rests() bool { return c.sample == 0 && !*soak && *soakFor == 0 }

// settled is the world, normalised, as plain JSON values.
func settled(t *testing.T, r *rig) any {
	t.Helper()
	data, err := json.Marshal(whole(r.world, r.pods))
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(data, &plain); err != nil {
		t.Fatal(err)
	}
	all := plain.(map[string]any)
	for _, host := range slices.Sorted(maps.Keys(r.pods.managed)) {
		all["outside "+host] = r.pods.outsideData(host)
	}
	return untimed(all)
}

var stampTime = regexp.MustCompile(`restored at [0-9TZ:.-]+;`)

// untimed takes out of what volumes hold when they were stamped.
func untimed(v any) any {
	all, _ := v.(map[string]any)
	for key, value := range all {
		if text, ok := value.(string); ok {
			all[key] = stampTime.ReplaceAllString(text, "restored at TIME;")
		}
	}
	return v
}
