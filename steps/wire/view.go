package wire

import "time"

// View is all that a front end shows. It is built by Fold alone.
type View struct {
	Seq      uint64 // of the last durable event
	Run      Run
	Subject  Subject
	Card     *Card // of the call, as far as it is known; nil: there is none
	Steps    []StepView
	Current  int       // index of the step that runs or was last touched; -1 before the first
	Question *Question // open question
	Refusal  string    // why the last answer to it was not accepted
	Notes    []Note
	Answers  []Answered // every answer that was taken, oldest first
	Timeline []Entry    // every durable event worth a line, oldest first
	Log      []Entry    // live lines, oldest first, at most LogLines
	Last     time.Time
	Parked   string // reason; empty while a worker runs
	Ended    *End
	Halted   *Failure // the worker stopped by itself; resume goes on
	Viewers  int
	Lease    Lease     // how the node is held against other operators
	Retry    *Retry    // what failed and is tried again by itself; nil: nothing
	Retries  []Retried // what was tried again by itself, oldest first
}

// LogLines is how many live lines a view keeps.
const LogLines = 500

// StepView is one step of the path and what has happened in it.
type StepView struct {
	StepInfo
	State    StepState
	Started  time.Time
	Ended    time.Time
	Reason   string // why it was skipped, undone or failed
	Findings map[Phase][]Finding
	Later    string
	Worst    Effect // of the plan, once there is one
	Actions  []ActionView
	Undoing  bool // the last plan was one to take the step back
	Mending  bool // the last plan was a remedy, and the step has not gone on since
}

// Shown are the actions of the last plan: those of the step, those that take it back, or those of a remedy.
func (s *StepView) Shown() []ActionView {
	var shown []ActionView
	for _, a := range s.Actions {
		if a.Undo == s.Undoing && a.Remedy == s.Mending {
			shown = append(shown, a)
		}
	}
	return shown
}

// ActionView is one action of a step's plan.
type ActionView struct {
	Preview
	Undo     bool
	Remedy   bool // it cures an error of the step; it is kept whatever is planned later
	State    ActionState
	Tries    int // how often it was begun
	Started  time.Time
	Ended    time.Time
	Failure  *Failure
	Progress *Progress
	Moved    time.Time  // when progress last differed from the one before
	Rate     RateWindow // of Progress.Done
}

// Note is a line that a person added.
type Note struct {
	At   time.Time `json:"at"`
	By   string    `json:"by,omitempty"`
	Step string    `json:"step,omitempty"`
	Text string    `json:"text"`
}

// Answered is one answer that was taken.
type Answered struct {
	At    time.Time `json:"at"`
	Step  string    `json:"step,omitempty"`
	Name  string    `json:"name"`  // of the question, "restore/scale-down.confirm"
	Title string    `json:"title"` // of the question
	Said  string    `json:"said"`  // label of the choice, or the text
	Why   string    `json:"why,omitempty"`
	By    string    `json:"by"`
}

// Entry is one line of the timeline or the log.
type Entry struct {
	At   time.Time `json:"at"`
	Step string    `json:"step,omitempty"`
	Text string    `json:"text"`
	Kind Kind      `json:"kind"`
	Bad  bool      `json:"bad,omitempty"`
}

// Step returns the step with that id, nil if there is none.
func (v *View) Step(id string) *StepView {
	for i := range v.Steps {
		if v.Steps[i].ID == id {
			return &v.Steps[i]
		}
	}
	return nil
}

// CurrentStep returns the step the run stands at, nil before the first.
func (v *View) CurrentStep() *StepView {
	if v.Current < 0 || v.Current >= len(v.Steps) {
		return nil
	}
	return &v.Steps[v.Current]
}

// Running returns the action that runs now, nil if none does.
func (v *View) Running() *ActionView {
	step := v.CurrentStep()
	if step == nil {
		return nil
	}
	for i := range step.Actions {
		if step.Actions[i].State == ActionRunning {
			return &step.Actions[i]
		}
	}
	return nil
}

// DoneSteps counts the steps that are behind the run.
func (v *View) DoneSteps() int {
	n := 0
	for i := range v.Steps {
		if v.Steps[i].State.Over() {
			n++
		}
	}
	return n
}
