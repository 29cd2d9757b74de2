package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

// Journal is where durable events go; steps/engine/journal is the one on disk.
type Journal interface {
	Append(wire.Event) (wire.Event, error)
}

// Config is all that a machine needs. Facts are where a new run starts; a resumed one has its own.
type Config[F any] struct {
	Path    steps.Path[F]
	Facts   F
	Run     wire.Run
	World   steps.World
	Hands   func(refs []steps.Ref, dryRun bool) steps.Hands
	Journal Journal
	Past    []wire.Event     // what the journal holds already
	Clock   clock.WithTicker // of the run's world
	// Wall is this machine's own clock, by which requests are paced; nil: Clock, as in a run whose world goes as fast as this machine.
	Wall clock.WithTicker
	// Operator and Host say who resumes; they are in Run for a new run.
	Operator, Host string
	// ParkAfter is how long an open question waits without a viewer before the run parks; 0 means for ever.
	ParkAfter time.Duration
	// Lease keeps other operators away while the run changes something; nil: nothing does.
	Lease Lease
	// Patience is for what fails and passes by itself.
	Patience Patience
	// Login renews the login to the cluster; nil: nothing does, and a person is asked.
	Login Login
	// Altered reads how the journal in Past differs from the one that the Lease of a namespace mirrors: "" where it does not, or where
	// that cannot be told. Errors that pass by themselves are of package kube; nil: nothing mirrors it.
	Altered func(ctx context.Context, namespace string) (how string, err error)
	// Hook is called at each point where a process may die; tests use it. It may call runtime.Goexit.
	Hook func(point string)
}

// Machine runs one path. Make it with New, talk to it through Hub and Say, and call Run once.
type Machine[F any] struct {
	Config[F]
	Hub       *Hub
	inbox     chan wire.Message
	over      chan struct{} // closed when Run returns
	facts     F
	view      wire.View
	opened    bool
	accepted  string // step and finding that the operator last accepted without proof; a worker that takes the run up asks again
	askedOn   bool   // whoever took the run up was asked whether to go on with the wait that was parked
	met       bool   // it was looked who holds the node
	trusted   bool   // the journal was compared with its mirror, or there is none
	doubt     string // why it could not be compared yet
	holding   bool   // this run has held the node, or no Lease can be taken
	parkAfter bool   // a viewer asked to park when the running action is over
	wish      wish   // what a viewer asked of what is tried again
	reached   bool   // a request for the Lease was left while it was under way, so that the node may be ours without our knowing
}

// ErrInterrupted is returned by Run when its context ended or a viewer parked the run; the journal says where to go on.
var ErrInterrupted = errors.New("interrupted")

// New prepares a machine. A run that is taken up must be of the same path and version.
func New[F any](c Config[F]) (*Machine[F], error) {
	if c.Hook == nil {
		c.Hook = func(string) {}
	}
	if c.Wall == nil {
		c.Wall = c.Clock
	}
	m := &Machine[F]{Config: c, Hub: NewHub(c.Past), inbox: make(chan wire.Message, 16), over: make(chan struct{}), facts: c.Facts}
	if m.Login == nil && c.World.Kube != nil {
		m.Login = c.World.Kube
	}
	m.World.Dry = func(refs []steps.Ref) steps.Hands { return c.Hands(refs, true) }
	m.view = wire.FoldAll(c.Past)
	if len(c.Past) == 0 {
		return m, nil
	}
	if run := m.view.Run; run.Path != c.Path.Name || run.PathVersion != c.Path.Version {
		return nil, &steps.Problem{Tried: "taking up run " + run.ID,
			Seen: fmt.Sprintf("it is of path %s version %d, written by svrescue %s; this program has %s version %d",
				run.Path, run.PathVersion, run.Binary, c.Path.Name, c.Path.Version),
			Next: "Resume it with the version that started it"}
	}
	for i := len(c.Past) - 1; i >= 0; i-- {
		if c.Past[i].Kind == wire.KindFacts {
			if err := json.Unmarshal(c.Past[i].Facts, &m.facts); err != nil {
				return nil, fmt.Errorf("the facts in the journal cannot be read: %w", err)
			}
			break
		}
	}
	return m, nil
}

// ErrOver is returned by Say when Run has returned: nobody listens any more.
var ErrOver = errors.New("the run is not driven any more")

// Say hands a message to the machine. It blocks only while the machine is busy with sixteen others.
func (m *Machine[F]) Say(ctx context.Context, msg wire.Message) error {
	select {
	case <-m.over:
		return ErrOver
	default:
	}
	select {
	case m.inbox <- msg:
		return nil
	case <-m.over:
		return ErrOver
	case <-ctx.Done():
		return ctx.Err()
	}
}

// View is the folded state; call it only when Run has returned.
func (m *Machine[F]) View() wire.View { return m.view }

// Facts are the path's facts; call it only when Run has returned.
func (m *Machine[F]) Facts() F { return m.facts }

// Run drives the path to its end, until it parks, or until the context ends. Parked and interrupted runs return
// ErrInterrupted; a journal that cannot be written returns its error. How the run ended is in the view.
func (m *Machine[F]) Run(ctx context.Context) error {
	defer close(m.over)
	if m.view.Ended != nil {
		return nil
	}
	if err := m.Open(); err != nil {
		return m.halt(err)
	}
	stop := func() {}
	if m.guarded() {
		stop = m.keep(ctx)
	}
	err := m.drive(ctx)
	stop() // a renewal that hangs must not stand before the release
	m.release(ctx)
	return err
}

// keep renews the Lease meanwhile; what it returns ends that.
func (m *Machine[F]) keep(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		m.Lease.Keep(ctx)
	}()
	return func() {
		cancel()
		<-over
	}
}

// drive goes through the steps and writes how that ended.
func (m *Machine[F]) drive(ctx context.Context) error {
	err := m.steps(ctx)
	var end *ending
	var parked *parking
	switch {
	case err == nil:
		end = &ending{wire.Recovered, m.Path.Ending(m.facts)}
		if m.view.Run.Acting != wire.Live {
			end = &ending{wire.Rehearsed, "every step was gone through; nothing was changed by this program"}
		}
	case errors.As(err, &end):
	case errors.As(err, &parked):
		if err := m.emit(wire.Event{Kind: wire.KindPark, Text: parked.why}); err != nil {
			return m.halt(err)
		}
		return ErrInterrupted
	case ctx.Err() != nil:
		return ErrInterrupted
	default:
		return m.halt(err)
	}
	if err := m.emit(wire.Event{Kind: wire.KindEnd, End: &wire.End{Outcome: end.outcome, Text: end.text}}); err != nil {
		return m.halt(err)
	}
	return nil
}

// ending and parking leave the step loop.
type ending struct {
	outcome wire.Outcome
	text    string
}

func (e *ending) Error() string { return e.text }

type parking struct{ why string }

func (p *parking) Error() string { return p.why }

// journalError says that nothing more may be sent.
type journalError struct{ error }

func (e journalError) Unwrap() error { return e.error }

func (m *Machine[F]) halt(err error) error {
	failure := steps.FailureOf("going on with the run", err)
	var j journalError
	stopped := "" // parked, though the journal cannot say so
	if errors.As(err, &j) {
		failure = wire.Failure{Tried: "writing the journal of the run", Seen: j.Error(),
			Next: "Nothing is sent without it. Make room or mend the disk, then: svrescue resume " + m.Config.Run.ID}
		stopped = "the journal cannot be written, and nothing is sent without it (" + j.Error() + "); make room or mend the disk first"
	}
	m.publish(wire.Event{Kind: wire.KindHalt, Failure: &failure, Text: stopped})
	return err
}

// Open writes the first record of a new run, or that a run is taken up. Run does it where it was not done; a worker does
// it before viewers can join, so that a question which the worker before it left open is never taken for an open one.
func (m *Machine[F]) Open() error {
	if m.opened {
		return nil
	}
	m.opened = true
	if len(m.Past) == 0 {
		run := m.Config.Run
		run.Wire, run.Path, run.Title, run.PathVersion = wire.Version, m.Path.Name, m.Path.Title, m.Path.Version
		run.Steps = m.infos(run.Steps)
		if err := m.emit(wire.Event{Kind: wire.KindRun, Run: &run}); err != nil {
			return err
		}
		return m.keepFacts("")
	}
	return m.emit(wire.Event{Kind: wire.KindResume, By: m.Operator + " on " + m.Host})
}

// infos completes what is given for each step (its prose) by what the step knows of itself.
func (m *Machine[F]) infos(prose []wire.StepInfo) []wire.StepInfo {
	why := map[string]string{}
	for _, p := range prose {
		why[p.ID] = p.Why
	}
	infos := make([]wire.StepInfo, len(m.Path.Steps))
	for i, s := range m.Path.Steps {
		infos[i] = wire.StepInfo{ID: s.ID, Title: s.Title, Summary: s.Summary, Effect: s.Effect, Why: why[s.ID], Undo: s.CanUndo()}
	}
	return infos
}

func (m *Machine[F]) steps(ctx context.Context) error {
	if i := m.next(); i >= 0 {
		if err := m.trust(ctx, m.Path.Steps[i].ID); err != nil {
			return err
		}
	}
	if err := m.undoAgain(ctx); err != nil {
		return err
	}
	for {
		i := m.next()
		if i < 0 {
			return nil
		}
		if err := m.runStep(ctx, m.Path.Steps[i]); err != nil {
			return err
		}
		if m.parkAfter && m.next() >= 0 {
			return &parking{"asked for by the operator"}
		}
	}
}

// next is the first step that the run has not gone past, -1 when there is none.
func (m *Machine[F]) next() int {
	for i := range m.view.Steps {
		if !m.view.Steps[i].State.Over() {
			return i
		}
	}
	return -1
}

// emit journals a durable event, then folds and publishes it. What is hidden in an answer goes no further than here.
func (m *Machine[F]) emit(e wire.Event) error {
	e.At, e.Answer = m.Clock.Now().UTC(), e.Answer.Shown()
	m.Hook("before journal " + string(e.Kind) + " " + e.Step + " " + e.Action)
	e, err := m.Journal.Append(e)
	if err != nil {
		return journalError{err}
	}
	m.view = wire.Fold(m.view, e)
	m.Hub.Publish(e)
	m.Hook("after journal " + string(e.Kind) + " " + e.Step + " " + e.Action)
	return nil
}

// publish shows an event that is not durable.
func (m *Machine[F]) publish(e wire.Event) {
	e.At, e.Answer = m.Clock.Now().UTC(), e.Answer.Shown()
	m.view = wire.Fold(m.view, e)
	m.Hub.Publish(e)
}

func (m *Machine[F]) log(step, text string) {
	m.publish(wire.Event{Kind: wire.KindLog, Step: step, Text: text})
}

// keepFacts journals the facts, and the subject and the card of the call where they have become known.
func (m *Machine[F]) keepFacts(step string) error {
	data, err := json.Marshal(m.facts)
	if err != nil {
		return fmt.Errorf("the facts of %s cannot be written: %w", step, err)
	}
	if err := m.emit(wire.Event{Kind: wire.KindFacts, Step: step, Facts: data}); err != nil {
		return err
	}
	if subject := m.Path.Subject(m.facts); subject != m.view.Subject {
		if err := m.emit(wire.Event{Kind: wire.KindSubject, Subject: &subject}); err != nil {
			return err
		}
	}
	return m.keepCard(step)
}

// keepCard journals the parameter card of the call, where it is another one than before.
func (m *Machine[F]) keepCard(step string) error {
	if m.Path.Card == nil {
		return nil
	}
	now, before := m.Path.Card(m.facts), m.view.Card
	if now == before || now != nil && before != nil && *now == *before {
		return nil
	}
	return m.emit(wire.Event{Kind: wire.KindCard, Step: step, Card: now})
}

func (m *Machine[F]) state(step string, state wire.StepState, text string) error {
	return m.emit(wire.Event{Kind: wire.KindStep, Step: step, State: state, Text: text})
}

// die ends this goroutine as the process would end, where a test's hook ended the goroutine of an action.
func die() { runtime.Goexit() }
