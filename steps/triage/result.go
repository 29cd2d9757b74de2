package triage

import "time"

// Version is that of the document that a Result is as JSON.
const Version = 1

// Result is what triage says: the document of svrescue triage --format json.
type Result struct {
	Version   int        `json:"version"`
	Situation Situation  `json:"situation"`
	Summary   string     `json:"summary"` // what is seen and what it means, in a sentence or two
	FirstAid  []FirstAid `json:"first_aid"`
	Release   Release    `json:"release"`
	Evidence  []Item     `json:"evidence"`
	Paths     []Path     `json:"paths"` // always three: restore, reonboard, network
	Questions []Question `json:"questions"`
}

// Situation is what is the matter, as one word for scripts.
type Situation string

const (
	Healthy         Situation = "healthy"          // nothing is wrong
	Fixable         Situation = "first-aid"        // something is wrong, and it is no disaster
	Waiting         Situation = "waiting"          // the node starts or catches up by itself
	NodeLost        Situation = "node-lost"        // data of this node is gone or damaged; the network is another matter
	NodeDisabled    Situation = "node-disabled"    // the sequencers do not take this node back
	VotedOut        Situation = "voted-out"        // the other SVs have offboarded this SV
	NetworkStanding Situation = "network-standing" // the ledger stands still for all; nobody has declared it lost
	NetworkLost     Situation = "network-lost"     // it stands still, and the SVs have declared it lost
	AssetsLost      Situation = "assets-lost"      // nothing is left that could bring the assets back
	Unclear         Situation = "not-determined"
)

// Verdict is what is said of a path.
type Verdict string

const (
	Recommended Verdict = "recommended"
	Possible    Verdict = "possible"
	Impossible  Verdict = "impossible"
)

// Those of evidence. NotDetermined is one of a path too.
const (
	Holds         Verdict = "holds"
	Violated      Verdict = "violated"
	NotDetermined Verdict = "not-determined"
)

// Item is one condition, what was found of it, and from where and when that is known.
type Item struct {
	ID      string    `json:"id"`
	Verdict Verdict   `json:"verdict"` // holds, violated, not-determined
	Detail  string    `json:"detail"`
	Source  string    `json:"source"`
	At      time.Time `json:"at,omitzero"` // absent: not read
}

// Reason is why a path is or is not to be taken, and the ids of the evidence that says so.
type Reason struct {
	Text     string   `json:"text"`
	Evidence []string `json:"evidence"`
}

// The names of the three paths (design, section 1).
const (
	Restore   = "restore"
	Reonboard = "reonboard"
	Network   = "network"
)

// Goes is the name of the path with which this program goes a recovery: network has two variants behind one name, and the release that is seen
// decides (design, section 1).
func Goes(path, release string) string {
	if family := FamilyOf(release); path == Network && (family == FamilyB || family == FamilyC) {
		return "network-roll-forward"
	}
	return path
}

// Path is what is said of one recovery.
type Path struct {
	Path    string   `json:"path"`
	Verdict Verdict  `json:"verdict"`
	For     []Reason `json:"for"`
	Against []Reason `json:"against"`
	Lost    []string `json:"lost"`  // what is lost by choosing it
	Takes   string   `json:"takes"` // how long it usually takes, and from where that is known
	Needs   []string `json:"needs"`
}

// FirstAid is a cause that is no disaster, or a thing to do before any recovery: what is seen, what it means, what to do first.
type FirstAid struct {
	ID       string   `json:"id"`
	Seen     string   `json:"seen"`
	Means    string   `json:"means"`
	First    string   `json:"first"`
	Evidence []string `json:"evidence"`
}

// Path returns what is said of the path of that name.
func (r Result) Path(name string) Path {
	for _, p := range r.Paths {
		if p.Path == name {
			return p
		}
	}
	return Path{}
}

// Recommended is the path that is recommended, or "".
func (r Result) Recommended() string {
	for _, p := range r.Paths {
		if p.Verdict == Recommended {
			return p.Path
		}
	}
	return ""
}

// ExitCode is 0 when a path is recommended, when a cause that is no disaster was found, or when nothing is wrong; else 6: a person has to
// look, since evidence is missing or nothing can be recommended.
func (r Result) ExitCode() int {
	switch r.Situation {
	case Healthy, Fixable, Waiting:
		return 0
	}
	if r.Recommended() != "" {
		return 0
	}
	return 6
}
