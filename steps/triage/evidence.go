package triage

import (
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
)

// Evidence is all that triage goes by. The zero value means that nothing has been read yet. Each field belongs to one gatherer.
type Evidence struct {
	Own        Own        // who this node is on the network
	Cluster    Cluster    // the inventory
	Pods       Pods       // events and last log lines
	Storage    Storage    // claims and their volumes
	Leftovers  Leftovers  // what lies about and may still hold keys or data
	Databases  Databases  //
	Chain      Chain      // this node's CometBFT
	Apps       Apps       // this node's own apps
	Peers      Peers      // the scans of other SVs
	Pruning    Pruning    // how long sequencers wait for a node that is silent
	Backups    Backups    // backup sets and their proofs
	Identities Identities // identities backups
	KMS        KMS        //
	Record     Record     // the record of the node, for a cluster that is lost
	Hold       Hold       // whether somebody works on the node with this program
	Answers    Answers    // what only a person knows
}

// Reading says whether and when a source was read. The zero value: not yet. Problem, a sentence or the part of one, says why it could
// not be; whatever else was filled in does not count then.
type Reading struct {
	Source  string    `json:"source,omitempty"` // what was read, for people: "workloads of namespace sv"
	At      time.Time `json:"at,omitzero"`
	Problem string    `json:"problem,omitempty"`
}

// Evidence that is older than this says nothing of now, and none can be younger than now by more than clocks differ.
const (
	fresh = time.Hour
	skew  = 5 * time.Minute
)

// known says whether the source was read, and lately.
func (r Reading) known(now time.Time) bool {
	return r.Problem == "" && !r.At.IsZero() && now.Sub(r.At) <= fresh && r.At.Sub(now) <= skew
}

// why says in a sentence that what is not known, and for which reason.
func (r Reading) why(what string, now time.Time) string {
	switch {
	case r.Problem != "":
		return sentence(what + " could not be read: " + plain.Line(r.Problem))
	case r.At.IsZero():
		return sentence(what + " has not been read yet")
	case r.At.Sub(now) > skew:
		return sentence(what + " was read at a time that is still to come: compare the clocks, and look again")
	}
	return sentence(what + " was read " + span(now.Sub(r.At)) + " ago, which says nothing of now: look again")
}

// Own is who this node is: from its configuration, its record, its scan or the operator. Parties are compared, never names: a name
// comes back with a re-onboarding (reference/apis.md 7).
type Own struct {
	Reading
	Name  string
	Party string // "Acme-SV::1220aa..", of the SV that is looked at
	DSO   string // party of the network's DSO
}

// Cluster is the inventory: the node as node.Discover puts it together, and the driver of its sequencer.
type Cluster struct {
	Reading
	Node node.Node
	// Driver is sequencer.driver.type in the values of Helm: "cometbft" or "cantonbft". Empty: not found. No version and no
	// Deployment tells it (reference/deployment.md 1).
	Driver string
}

// Pods are what keeps pods from running or working, as their status, events and last log lines tell. A kind is told only from what is
// known to mean it; everything else is Crash or NotReady.
type Pods struct {
	Reading
	Troubles []Trouble
}

// Trouble is what is the matter with one workload.
type Trouble struct {
	Part node.Part
	Name string // of the workload
	Kind Kind
	Why  kube.Explanation
}

// Storage are the claims that workloads of the node use for data.
type Storage struct {
	Reading
	Stores []Store
}

// Store is one claim.
type Store struct {
	Claim  string
	Parts  []node.Part // whose data it holds
	State  StoreState
	Volume string    // it is, or was, bound to
	Used   int       // percent of its space; 100: too little is free to go on with; 0: not read
	Made   time.Time // the claim; zero: not known
	// Going: the claim was deleted and stays only as long as a pod uses it.
	Going bool
	// Doomed: the reclaim policy of its volume is Delete, so the volume goes with the claim. Kept: it is Retain. Neither: it could not be read.
	Doomed, Kept bool
}

// StoreState is what has become of a claim.
type StoreState string

const (
	StoreBound   StoreState = "bound"
	StorePending StoreState = "pending" // not bound, or not yet
	StoreMissing StoreState = "missing" // a workload names it and it does not exist
	StoreLost    StoreState = "lost"    // its volume does not exist any more
)

// Leftovers are the three places in which keys are found that nobody thought of. Each is searched by itself, since each needs its own
// permission.
type Leftovers struct {
	Volumes Search // released or available volumes that were this node's
	Claims  Search // claims that no workload uses
	Secrets Search // secrets that may hold an identities dump or keys
}

// Search is one place that was looked through.
type Search struct {
	Reading
	Found []Leftover
}

// Leftover is a thing that may still hold data or keys of the node. What it really holds is known only when it is looked into.
type Leftover struct {
	Name  string
	Claim string      // for a volume: the claim that it was bound to
	Parts []node.Part // whose data, or keys, it may hold; empty: not known
	Seen  string      // what was seen of it: "released 3 h ago, kept, 512 Gi"
	// Doomed: a released volume that the cluster deletes, since its reclaim policy is Delete.
	Doomed bool
	// KeptBy is the run that put the volume aside when it restored the node; empty: none did.
	KeptBy string
}

// Databases are those of the node's components.
type Databases struct {
	Reading
	All []Database
}

// Database is one of them.
type Database struct {
	Name  string
	Role  postgres.Role
	State DatabaseState
	Seen  string // what was seen of it
}

// DatabaseState is what has become of a database.
type DatabaseState string

const (
	DatabaseWhole   DatabaseState = "whole"   // it answers and has its tables
	DatabaseSilent  DatabaseState = "silent"  // its server does not answer: that says nothing about its data
	DatabaseDamaged DatabaseState = "damaged" // PostgreSQL itself says that its data is damaged
	DatabaseGone    DatabaseState = "gone"    // its server answers and does not have it, or has it empty
	DatabaseOther   DatabaseState = "other"   // as gone, and the server has another one whose name is of the same kind
)

// Chain is what this node's CometBFT says of itself, a few times in a row. CatchingUp is shown and never judged by: a chain that
// stands still says false (reference/apis.md 2.3).
type Chain struct {
	Reading
	Network    string // the chain's ID; it ends in the migration or serial ID
	Samples    []Block
	Peers      int
	CatchingUp bool
}

// Block is the newest block at the time of a reading.
type Block struct {
	Height int64
	Time   time.Time // of the block
	At     time.Time // of the reading
}

// Apps is what this node's own apps answer.
type Apps struct {
	Reading             // of the SV app: without it, nothing of the rest is known
	Version     string  // of the SV app, "0.6.1"
	MigrationID int64   // 0 is a migration ID too: see Numbered
	Numbered    bool    // MigrationID was read
	Lags        []Lag   // how far components are behind, a few times in a row
	Failed      []Fault // components whose status is failed or not initialised, though HTTP said 200
}

// Lag is how far a component is behind at one time.
type Lag struct {
	Part   node.Part
	Behind time.Duration
	At     time.Time
}

// Fault is a component whose own status is not good.
type Fault struct {
	Part node.Part
	Seen string // "not initialised", "UNAVAILABLE: io exception"
}

// Peers are the scans of other SVs, one entry each, also for those that did not answer.
type Peers struct {
	Reading     // of the list of scans
	SVs     int // how many SVs the network has, this one included, by the longest list that was seen; 0: not known
	Scans   []Peer
}

// Peer is one SV's scan. It may be out of date, and it may lie.
type Peer struct {
	Reading
	Name       string
	DSO        string
	Round      int64     // newest open mining round
	RoundAt    time.Time // when its contract was created
	SVs        []string  // parties
	Offboarded []string  // parties
}

// Pruning is how long sequencers keep what a silent node has to read, and when this node was last heard (reference/backups.md 3).
type Pruning struct {
	Reading
	node.Retention           // Period 0: not known
	LastAck        time.Time // last acknowledgement of this node's participant; zero: not known
}

// Backups are the places where database backups are looked for. A place that this node does not have counts as read, with nothing in it.
type Backups struct {
	Snapshots Place // VolumeSnapshots of the cluster
	Dumps     Place // folders with dump files
	Managed   Place // backups of a managed database service
}

// Place is one place that was looked through.
type Place struct {
	Reading
	Sets []Set
}

// Set is a backup set and what the checks of package backup found of it. Their finding about age is left aside: the runway is computed
// here, from what is known about the retention.
type Set struct {
	Name   string // what people call it: "02:00", the run of a script
	Begin  time.Time
	Serial string         // migration or serial ID that it was taken in, if it tells
	Checks []wire.Finding // of backup.Judge, or the checks of backup.CheckDumps
	Keys   bool           // it holds the participant's database, whole: keys can be had from it
}

// Identities are the identities backups that were found, wherever it was looked.
type Identities struct {
	Reading
	Files []IdentitiesFile
}

// IdentitiesFile is one of them, as its own content tells (reference/apis.md 5).
type IdentitiesFile struct {
	Name    string
	Taken   time.Time // zero: not known
	Problem string    // why it cannot be used at all: it does not parse, it has no participant
	Party   string    // of the SV in it
	DSO     string
	// Namespace is the fingerprint of its participant's, by which a dump that names no party is known; empty: not told.
	Namespace string
	Keys      int  // private keys in it
	Remote    int  // keys that a KMS holds
	Open      bool // others can read the file
}

// KMS is the key management service that the participant's configuration names.
type KMS struct {
	Reading
	State KMSState
	Seen  string // which, and what it said
}

// KMSState is what is known of the participant's KMS.
type KMSState string

const (
	KMSNone   KMSState = "none"   // the participant keeps its keys itself
	KMSHolds  KMSState = "holds"  // it answered, and holds the participant's keys
	KMSSilent KMSState = "silent" // it is configured, and did not answer
	KMSEmpty  KMSState = "empty"  // it answered that the keys are gone
)

// Hold is what the Lease of the node says of runs of this program. Held without a renewal for long is no proof that nobody works: only the
// holder's clock tells (kube.Lease).
type Hold struct {
	Reading
	Held bool   // a run holds the node now
	By   string // who, and on which machine
	Run  string // the run that holds it, or held it last
	Step string // that it was last in
	Note string // why it was let go, in the words of the run
}

// Record is the record of the node (svrescue record), needed where its workloads are gone.
type Record struct {
	Reading
	Made time.Time // zero: there is none
}
