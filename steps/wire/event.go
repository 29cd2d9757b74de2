package wire

import (
	"encoding/json"
	"time"
)

// Kind names an event. Exactly the payload field of that kind is set.
type Kind string

const (
	KindRun      Kind = "run"      // first: what this run is
	KindSubject  Kind = "subject"  // which node, once it is known
	KindCard     Kind = "card"     // the parameter card of the call, where it has come or changed; without one there is none any more
	KindStep     Kind = "step"     // a step changed its state
	KindFindings Kind = "findings" // what a check, trial or verification found
	KindPlan     Kind = "plan"     // the actions of a step, as they would be sent now
	KindAsk      Kind = "ask"
	KindAnswer   Kind = "answer"
	KindIntent   Kind = "intent" // written before the action is sent
	KindResult   Kind = "result"
	KindFacts    Kind = "facts"
	KindNote     Kind = "note"
	KindPark     Kind = "park"   // the worker ends here; resume goes on
	KindResume   Kind = "resume" // another worker took the journal up
	KindEnd      Kind = "end"
	KindRetried  Kind = "retried" // something that was tried again by itself is not any more (Retry, with its outcome)

	KindProgress Kind = "progress" // not durable
	KindLog      Kind = "log"      // not durable
	KindRetry    Kind = "retry"    // not durable: something failed and is tried again by itself (Retry)
	KindViewers  Kind = "viewers"  // not durable; the first one a viewer receives ends the replay of what was before
	KindRefusal  Kind = "refusal"  // not durable: an answer that was not accepted (Answer), and why (Text)
	KindLease    Kind = "lease"    // not durable: how the node is held against other operators (Lease)
	KindHalt     Kind = "halt"     // not durable: the worker stops because of Failure; nothing more will be sent
)

// Durable says whether events of this kind are journaled.
func (k Kind) Durable() bool {
	switch k {
	case KindProgress, KindLog, KindRetry, KindViewers, KindRefusal, KindLease, KindHalt:
		return false
	}
	return true
}

// Event is one thing that happened in a run. Seq counts durable events from 1; it is 0 for the others.
type Event struct {
	Seq    uint64    `json:"seq,omitempty"`
	At     time.Time `json:"at"`
	Kind   Kind      `json:"kind"`
	Step   string    `json:"step,omitempty"`
	Action string    `json:"action,omitempty"` // key of the action
	Undo   bool      `json:"undo,omitempty"`   // the action takes a step back

	Run      *Run            `json:"run,omitempty"`
	Subject  *Subject        `json:"subject,omitempty"`
	Card     *Card           `json:"card,omitempty"`
	State    StepState       `json:"state,omitempty"`
	Text     string          `json:"text,omitempty"`
	By       string          `json:"by,omitempty"`
	Phase    Phase           `json:"phase,omitempty"`
	Findings []Finding       `json:"findings,omitempty"`
	Plan     *Plan           `json:"plan,omitempty"`
	Question *Question       `json:"question,omitempty"`
	Answer   *Answer         `json:"answer,omitempty"`
	Outcome  ActionState     `json:"outcome,omitempty"`
	Failure  *Failure        `json:"failure,omitempty"`
	Evidence []Evidence      `json:"evidence,omitempty"`
	Facts    json.RawMessage `json:"facts,omitempty"`
	Progress *Progress       `json:"progress,omitempty"`
	End      *End            `json:"end,omitempty"`
	Viewers  int             `json:"viewers,omitempty"`
	Lease    *Lease          `json:"lease,omitempty"`
	Retry    *Retry          `json:"retry,omitempty"`
}

// World is where actions arrive.
type World string

const (
	Real      World = "real"
	Simulated World = "simulated"
)

// Acting is how actions are taken.
type Acting string

const (
	Live      Acting = "live"
	DryRun    Acting = "dry-run"
	Checklist Acting = "checklist"
)

// Run is the first event: all that does not change in a run.
type Run struct {
	Wire        int        `json:"wire"` // Version of this format
	ID          string     `json:"id"`   // "r-20260111-0830-ab12"
	Path        string     `json:"path"` // "restore"
	Title       string     `json:"title"`
	PathVersion int        `json:"pathVersion"`
	Binary      string     `json:"binary"` // version of svrescue
	World       World      `json:"world"`
	Acting      Acting     `json:"acting"`
	Scenario    string     `json:"scenario,omitempty"`
	Operator    string     `json:"operator"`
	Host        string     `json:"host"`
	Folder      string     `json:"folder,omitempty"`
	Started     time.Time  `json:"started"`
	Speed       float64    `json:"speed,omitempty"`    // simulated seconds in one real second
	Origin      time.Time  `json:"origin,omitzero"`    // real time at which simulated time began
	SimOrigin   time.Time  `json:"simOrigin,omitzero"` // simulated time at Origin
	Steps       []StepInfo `json:"steps"`
}

// StepInfo is what is known of a step before it runs.
type StepInfo struct {
	ID      string `json:"id"`
	Title   string `json:"title"`
	Summary string `json:"summary"` // one sentence: what it does
	Why     string `json:"why"`     // the prose of the step: why, and what to know
	Effect  Effect `json:"effect"`  // the worst that it may do
	Undo    string `json:"undo"`    // "yes", or why not
}

// Subject names the node that the run is about.
type Subject struct {
	Network   string `json:"network,omitempty"`
	SV        string `json:"sv,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Cluster   string `json:"cluster,omitempty"` // context name, or the address of the API
}

// Word is what an operator types to confirm destruction: NETWORK/SV-NAME; the namespace stands for a name that is not
// known, the cluster for a network. Empty: nothing is known yet.
func (s Subject) Word() string {
	if s.SV == "" && s.Namespace == "" {
		return ""
	}
	network, sv := s.Network, s.SV
	if sv == "" {
		sv = s.Namespace
	}
	if network == "" {
		network = s.Cluster
	}
	if network == "" {
		return sv
	}
	return network + "/" + sv
}

// StepState is where a step stands.
type StepState string

const (
	StepPending StepState = ""
	StepRunning StepState = "running"
	StepWaiting StepState = "waiting" // a question is open
	StepDone    StepState = "done"
	StepByHand  StepState = "by-hand" // done by a person, and proven
	StepSkipped StepState = "skipped"
	StepPlanned StepState = "planned" // a dry run showed it and changed nothing
	StepFailed  StepState = "failed"
	StepUndone  StepState = "undone"
)

// Over says that the run has gone past the step.
func (s StepState) Over() bool {
	return s == StepDone || s == StepByHand || s == StepSkipped || s == StepPlanned
}

// Phase says when findings were made.
type Phase string

const (
	PhaseCheck   Phase = "check"   // before the plan
	PhaseRecheck Phase = "recheck" // after the confirmation, before the first action
	PhaseTrial   Phase = "trial"   // what a dry run could try
	PhaseVerify  Phase = "verify"  // proof from the world
)

// Plan is what a step would send now. Hash covers the previews and the findings of the check.
type Plan struct {
	Actions []Preview `json:"actions"`
	Effect  Effect    `json:"effect"`
	Hash    string    `json:"hash"`
	Later   string    `json:"later,omitempty"` // what can only be planned after another step, and which
	// Remedy says that these actions cure an error of the step; they stand beside the actions of its own plan.
	Remedy bool `json:"remedy,omitempty"`
}

// Preview shows one action before it is sent. Secrets appear as $NAME.
type Preview struct {
	Key      string   `json:"key"`
	Effect   Effect   `json:"effect"`
	Title    string   `json:"title"`              // "delete pvc participant-pg-data-0"
	Commands []string `json:"commands,omitempty"` // what a person could type
	Before   string   `json:"before,omitempty"`
	After    string   `json:"after,omitempty"`
	Lost     string   `json:"lost,omitempty"` // what is gone afterwards and cannot be put back
	Refs     []string `json:"refs,omitempty"` // every object that may be touched
}

// ActionState is where an action stands, as its probe or its result says.
type ActionState string

const (
	ActionPending ActionState = ""
	ActionRunning ActionState = "running"
	ActionDone    ActionState = "done"
	ActionAlready ActionState = "already" // the world showed it done before it was sent
	ActionByHand  ActionState = "by-hand"
	ActionFailed  ActionState = "failed"
	ActionPartly  ActionState = "partly"
	ActionUnknown ActionState = "unknown"
	ActionSkipped ActionState = "skipped"
)

// Progress is how far a running action has come.
type Progress struct {
	Text  string `json:"text,omitempty"` // one sentence: what is being waited for
	Done  int64  `json:"done,omitempty"`
	Total int64  `json:"total,omitempty"` // 0: not known
	Unit  string `json:"unit,omitempty"`  // "bytes", "pods", "claims"
	Items []Item `json:"items,omitempty"` // things that go on side by side
}

// Item is one of several things that an action waits for.
type Item struct {
	Name  string `json:"name"`
	State string `json:"state"` // in words: "2 of 2 ready"
	Done  bool   `json:"done,omitempty"`
	Note  string `json:"note,omitempty"` // why it is not done yet
}

// Outcome is how a run ended.
type Outcome string

const (
	Recovered Outcome = "recovered" // all steps done and proven
	Refused   Outcome = "refused"   // a precondition does not hold
	Parked    Outcome = "parked"
	Failed    Outcome = "failed"
	Rehearsed Outcome = "rehearsed" // a dry run or a checklist came to its end
	Aborted   Outcome = "aborted"
)

// End closes a run.
type End struct {
	Outcome Outcome `json:"outcome"`
	Text    string  `json:"text"`
}
