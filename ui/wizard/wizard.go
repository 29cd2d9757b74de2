package wizard

import (
	"context"
	"errors"
	"fmt"
	"io"

	tea "github.com/charmbracelet/bubbletea"
	"k8s.io/utils/clock"

	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/theme"
)

// Source is a run as a front end sees it. Events closes when the worker is gone; everything durable is replayed from the
// start of the run. Send may be called from any goroutine and may block; it is never called while a frame is drawn.
type Source interface {
	Events() <-chan wire.Event
	Send(wire.Message) error
}

// Options say what to show and where. Either Source or Connect is set.
type Options struct {
	Source  Source
	Connect func(context.Context) (Source, error) // called after the first frame; again when the operator asks for it
	Doing   string                                // what Connect does, a phrase: "starting the worker of r-0412"

	In       io.Reader
	Out      io.Writer
	Clock    clock.PassiveClock
	Theme    theme.Theme
	Operator string // signs answers and notes
	Attach   string // command line that comes back: "svrescue attach r-0412"; empty when leaving ends the work
	Risk     string // why the work may end although a window is only closed, a phrase; empty: it does not
	Report   string // command line that prints the report; empty: "svrescue report ID"
	Resume   string // command line that takes a parked run up again; empty: "svrescue resume ID"
}

// Result is how the wizard was left. The run itself may well go on.
type Result struct {
	View wire.View // the last state that was shown
	Why  Leaving
	Told bool // what goes on, and how to come back, was said on Out
	Gone bool // the worker was gone
}

// Leaving says why the wizard ended.
type Leaving string

const (
	ByOperator Leaving = "operator" // a key
	ByHangup   Leaving = "hangup"   // the terminal is gone, its input ended, or a signal or the context said to stop
)

// Run shows the run until the operator leaves or the terminal goes away. Neither answers a question: only a key that
// was pressed on a question that could be read does. After a regular leave, one or two lines on Out say what goes on and
// how to come back. The error is set only when the terminal could not be used at all.
func Run(ctx context.Context, opts Options) (Result, error) {
	if opts.Source == nil && opts.Connect == nil {
		return Result{}, errors.New("the wizard needs a run to show")
	}
	if opts.Clock == nil {
		opts.Clock = clock.RealClock{}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := newScreen(opts.Out)
	r := newRoot(ctx, opts, out)
	r.stuck = !canSuspend()
	r.resize(sizeOf(opts.Out))
	hangup, err := runProgram(ctx, r, opts.In, out)
	if err != nil {
		return Result{View: r.view, Why: ByHangup}, err
	}
	result := Result{View: r.view, Why: ByOperator, Gone: r.link.state == gone}
	if hangup || r.farewell == "" {
		result.Why = ByHangup
		return result, nil
	}
	_, err = fmt.Fprintln(out, r.farewell)
	result.Told = err == nil
	return result, nil
}

// Model is the program that Run runs, for a driver that presses keys and reads the screen without a terminal. What goes to
// the clipboard is written to out.
func Model(ctx context.Context, opts Options, out io.Writer) tea.Model {
	if opts.Clock == nil {
		opts.Clock = clock.RealClock{}
	}
	return newRoot(ctx, opts, out)
}

// compile-time check: root is the one model of the program.
var _ tea.Model = (*root)(nil)
