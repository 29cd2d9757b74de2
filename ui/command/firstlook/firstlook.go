// Package firstlook stands behind the first screen of an incident: it gathers the evidence, has it judged, and hands over what the screen
// shows, whenever something has changed. It is the one place that knows both the words of triage and those of the screen.
package firstlook

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/evidence"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/ui/wizard"
	"k8s.io/utils/clock"
)

// Verdict is when something is said, whatever has been heard by then; Wait is how long sources may take together.
const (
	Verdict = 5 * time.Second
	Wait    = time.Minute
)

// Looker looks at a node as often as the operator wants. Its methods may be called from anywhere.
type Looker struct {
	// Clock is that of the person at the screen; what is looked at may have another.
	Clock clock.WithTicker
	// Answers were given in advance.
	Answers triage.Answers
	// Prepare makes what is looked at, once, before the first look; nil: it is there. Preparing says in a phrase what it does.
	Prepare   func(context.Context) error
	Preparing string
	// Find says where to look. It is the first that asks anything of the network.
	Find func(context.Context) (evidence.Options, error)
	// Ways are how a recovery can be begun from here, or why it cannot.
	Ways func(path string, seen Seen) (ways []wizard.Item, closed string)

	mu       sync.Mutex
	turn     int
	rev      int
	prepared bool
	judging  *evidence.Judging
	found    evidence.Options
	look     wizard.Look // what is not in the judgement
	told     *said
	changed  string
}

// Seen is what the ways to begin a recovery depend on.
type Seen struct {
	Reached bool   // there is a cluster to begin it on
	Empty   bool   // nothing of a node was found there
	Release string // of Splice; empty: not known
}

// Found is where was looked, as far as that has come, and whether a node was seen there.
func (l *Looker) Found() (where evidence.Options, node bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.found, l.judging != nil && !l.judging.Now().Empty
}

// said is a verdict as it was told.
type said struct{ situation, recommended, headline string }

// Look begins to look. The channel has what is newest, and closes when nothing more comes, or when ctx ends.
func (l *Looker) Look(ctx context.Context) <-chan wizard.Look {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn++
	answers := l.Answers
	if l.judging != nil {
		answers = l.judging.Answers()
	}
	l.judging = evidence.NewJudging(l.Clock, answers)
	l.look, l.changed = wizard.Look{}, ""
	out, turn := make(chan wizard.Look, 1), l.turn
	go func() {
		defer close(out)
		l.run(ctx, turn, out)
	}()
	return out
}

// Answer judges anew with what a person says.
func (l *Looker) Answer(id, answer string) wizard.Look {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.judging.Answer(id, triage.Answer(answer)) // both are ours: no other id and no other answer is offered
	return l.shown("Your answer has changed the verdict")
}

func (l *Looker) run(ctx context.Context, turn int, out chan wizard.Look) {
	push := func(change func(*wizard.Look)) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.turn != turn {
			return
		}
		change(&l.look)
		look := l.shown(fmt.Sprintf("Changed after %d s", int(l.Clock.Since(l.look.Since).Seconds())))
		select { // only this goroutine sends: after this there is room
		case <-out:
		default:
		}
		out <- look
	}
	if !l.prepare(ctx, push) {
		return
	}
	push(func(look *wizard.Look) {
		look.Since = l.Clock.Now()
		look.First, look.Doing = look.Since.Add(Verdict), ""
	})
	ctx, cancel := context.WithTimeout(ctx, Wait)
	defer cancel()
	verdict := l.Clock.NewTimer(Verdict)
	defer verdict.Stop()
	found, arrived, ended := make(chan evidence.Options, 1), make(chan struct{}, 1), make(chan struct{})
	failed := make(chan error, 1)
	go func() {
		if o, err := l.Find(ctx); err != nil {
			failed <- err
		} else {
			found <- o
		}
	}()
	for {
		select {
		case <-verdict.C():
			push(func(look *wizard.Look) { look.Stands = true })
		case err := <-failed:
			push(func(look *wizard.Look) { l.fail(look, "finding the node", err) })
			return
		case o := <-found:
			var judging *evidence.Judging
			push(func(look *wizard.Look) {
				judging = evidence.NewJudging(o.Clock, l.judging.Answers())
				l.judging, l.found = judging, o
				look.Where = "ns " + o.Namespace + " @ " + o.Context
			})
			if judging == nil { // the operator looks again already
				return
			}
			go func() {
				defer close(ended)
				evidence.Gather(ctx, o, func(p evidence.Piece) {
					judging.Take(p)
					select {
					case arrived <- struct{}{}:
					default:
					}
				})
			}()
		case <-arrived:
			push(func(*wizard.Look) {})
		case <-ended:
			push(func(look *wizard.Look) { look.Stands, look.Over = true, true })
			return
		}
	}
}

// prepare makes what is looked at, where that has not been done yet; false: nothing can be looked at.
func (l *Looker) prepare(ctx context.Context, push func(func(*wizard.Look))) bool {
	l.mu.Lock()
	needed := l.Prepare != nil && !l.prepared
	l.mu.Unlock()
	if !needed {
		return true
	}
	push(func(look *wizard.Look) { look.Since, look.Doing = l.Clock.Now(), l.Preparing })
	err := l.Prepare(ctx)
	push(func(look *wizard.Look) {
		l.prepared = err == nil
		if err != nil {
			l.fail(look, l.Preparing, err)
		}
	})
	return err == nil
}

// fail says that nothing can be looked at, and why.
func (l *Looker) fail(look *wizard.Look, trying string, err error) {
	f := steps.FailureOf(trying, err)
	if errors.Is(err, context.DeadlineExceeded) {
		f.Seen, f.Next = "no answer within a minute", "Check the address, the context and the way to the cluster, then look again"
	}
	if f.Next == "" {
		f.Next = "Put that right and look again"
	}
	l.judging.Fail(plain.Line(f.Seen))
	look.Failed = &wizard.Failed{Tried: f.Tried, Seen: f.Seen, Next: f.Next}
	look.Doing, look.Stands, look.Over = "", true, true
}

// shown is what the screen shows now. A verdict that is not the one that was told says so, and why.
func (l *Looker) shown(why string) wizard.Look {
	l.rev++
	to := l.judging.Now()
	look := l.look
	look.Rev = l.rev
	l.put(&look, to)
	if !look.Stands || look.Failed != nil {
		return look
	}
	now := said{string(to.Situation), to.Recommended(), look.Headline}
	if l.told != nil && (l.told.situation != now.situation || l.told.recommended != now.recommended) {
		l.changed = why + ". Before, it said: " + l.told.headline + "."
	}
	l.told = &now
	look.Changed = l.changed
	return look
}
