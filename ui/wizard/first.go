package wizard

import (
	"context"
	"io"
	"time"

	"k8s.io/utils/clock"

	"canton.example/svrescue/ui/theme"
)

// Look is what is known of a node at one moment: all that the first screen shows of it. It is a value that nobody changes once it was
// handed over. Texts are plain sentences; they are cleaned when they are drawn.
type Look struct {
	Rev   int    // counts up; an older one that arrives late is not shown
	Node  string // network and name of the SV; empty: not known yet
	Where string // namespace and cluster
	Doing string // what is done before anything is asked, a phrase: "making the rehearsal network"; empty: sources are asked

	Asked int      // how many sources there are
	Open  []string // those that have not answered yet
	Since time.Time
	First time.Time // when a first verdict stands
	Over  bool      // nothing more comes until the operator looks again

	Stands   bool // a verdict can be said
	Headline string
	Mood     Mood
	Calm     bool   // no recovery is needed
	Summary  string // what is seen and what it means
	Changed  string // what was said before, and when it changed; empty: it did not
	Aids     []Aid
	Seen     []Seen
	Paths    []PathSeen
	Queries  []Query
	Failed   *Failed // why nothing could be looked at
}

// Mood says how a headline is drawn; the words say the same.
type Mood int

const (
	MoodOpen  Mood = iota // not known
	MoodGood              // nothing has to be done, or nothing grave
	MoodAct               // something has to be done
	MoodGrave             // something is lost
)

// Aid is something to do before any recovery.
type Aid struct{ Seen, Means, First string }

// Mark is what was found of one item of the evidence.
type Mark int

const (
	MarkOpen   Mark = iota // still asked
	MarkHolds              //
	MarkWrong              // it does not hold
	MarkAbsent             // it is not there, and need not be
	MarkUnsure             // not determined
)

// Seen is one item of the evidence.
type Seen struct {
	Name, Detail, Source string
	Mark                 Mark
	At                   time.Time // zero: not read
}

// PathSeen is what is said of one recovery.
type PathSeen struct {
	Name, Title string
	Verdict     string // in words: "possible"
	Recommended bool
	Impossible  bool
	For         []string
	Against     []string
	Lost, Needs []string
	Takes       string
	Open        []Item // ways to open it: a dry run, live, a checklist
	Closed      string // why it cannot be opened from here; empty: it can
}

// Query is a question that no program can answer.
type Query struct {
	ID, Text, Why string
	Said          string // "yes", "no", "i-dont-know"; empty: not answered
}

// Failed is why nothing could be looked at.
type Failed struct{ Tried, Seen, Next string }

// Lesson makes the screen a rehearsal, at whose end the operator says what they conclude.
type Lesson struct {
	Title       string
	Conclusions []Item
	Told        func(id string) Told
}

// Told is what is said of a conclusion.
type Told struct {
	Right bool
	Text  []string // paragraphs
}

// FirstOptions say what the first screen of an incident shows and where.
type FirstOptions struct {
	// Look begins to look at the node, for as long as its context lasts; the channel closes when nothing more comes. It is called after
	// the first frame, and again when the operator looks again.
	Look func(context.Context) <-chan Look
	// Answer judges anew with what a person says. It reads nothing from the world.
	Answer func(id, said string) Look
	Back   []Item // open runs on the real node, newest first: they are offered before anything else
	List   []Item // everything that can be opened: runs, recoveries, rehearsals
	Lesson *Lesson

	In       io.Reader
	Out      io.Writer
	Clock    clock.PassiveClock
	Theme    theme.Theme
	Operator string
}

// FirstResult is how the first screen was left.
type FirstResult struct {
	Chosen  string // id of the item that was chosen
	Decided string // id of the conclusion of a rehearsal; empty: none
	Right   bool
}

// First shows the first screen of an incident: what is seen, what it means, what to do first and which recovery applies. It changes
// nothing. ErrNothingPicked: the operator left without choosing, or the terminal went away.
func First(ctx context.Context, opts FirstOptions) (FirstResult, error) {
	if opts.Clock == nil {
		opts.Clock = clock.RealClock{}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	out := newScreen(opts.Out)
	r := newFirst(ctx, opts, out)
	r.stuck = !canSuspend()
	r.resize(sizeOf(opts.Out))
	hangup, err := runProgram(ctx, r, opts.In, out)
	result := FirstResult{Chosen: r.first.chosen, Decided: r.first.decided, Right: r.first.right}
	switch {
	case err != nil:
		return result, err
	case hangup || result.Chosen == "":
		result.Chosen = ""
		return result, ErrNothingPicked
	}
	return result, nil
}

// FirstModel is the program that First runs, for a driver that presses keys and reads the screen without a terminal.
func FirstModel(ctx context.Context, opts FirstOptions, out io.Writer) *FirstProgram {
	if opts.Clock == nil {
		opts.Clock = clock.RealClock{}
	}
	return &FirstProgram{newFirst(ctx, opts, out)}
}

// FirstProgram is the model of the first screen and what came of it.
type FirstProgram struct{ *root }

// Result is how it was left.
func (p *FirstProgram) Result() (FirstResult, error) {
	r := FirstResult{Chosen: p.first.chosen, Decided: p.first.decided, Right: p.first.right}
	if r.Chosen == "" {
		return r, ErrNothingPicked
	}
	return r, nil
}

func newFirst(ctx context.Context, opts FirstOptions, out io.Writer) *root {
	r := newRoot(ctx, Options{Clock: opts.Clock, Theme: opts.Theme, Operator: opts.Operator}, out)
	r.first = &first{opts: opts, began: opts.Clock.Now(), cursor: -1}
	if len(opts.Back) > 0 {
		r.dialogs = append(r.dialogs, r.first.backDialog())
		r.quiet.begin(opts.Clock.Now())
	}
	return r
}
