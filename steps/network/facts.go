package network

import (
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/hold"
	"canton.example/svrescue/steps/network/card"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/releases"
	"canton.example/svrescue/svapp"
)

// Facts are what the path knows. They are journaled and hold no secret.
type Facts struct {
	Wanted    string     `json:"wanted,omitempty"` // namespace asked for on the command line
	Namespace string     `json:"namespace,omitempty"`
	Run       string     `json:"run"`              // id of this run
	Where     kube.Where `json:"where"`            // for the commands that are shown
	Serial    string     `json:"serial,omitempty"` // the operator's word on which synchronizer is current
	Hints     Hints      `json:"hints,omitzero"`
	Node      *node.Node `json:"node,omitempty"`

	Gate       *Gate       `json:"gate,omitempty"`
	Chain      *Block      `json:"chain,omitempty"`   // the first look at the own CometBFT
	Declared   Decision    `json:"declared,omitzero"` // that the network is lost
	Logs       *Logs       `json:"logs,omitempty"`
	Source     string      `json:"source,omitempty"`     // of the identities: app, or file
	Backup     string      `json:"backup,omitempty"`     // the file, where that is the source
	Identities *Identities `json:"identities,omitempty"` //
	More       string      `json:"more,omitempty"`       // older logs of the participant that are scanned too: a path, or "none"
	Report     *OwnReport  `json:"report,omitempty"`
	Agree      Agreeing    `json:"agree,omitzero"`
	Card       *card.Card  `json:"card,omitempty"` // nil: not settled yet

	Held      []hold.Hold `json:"held,omitempty"`      // who else acts on the node, and is paused while it is recovered
	Deploy    Deploying   `json:"deploy,omitzero"`     // what was answered of the new synchronizer
	Successor *Successor  `json:"successor,omitempty"` // nil: its values are not derived
	Stopped   []Stopped   `json:"stopped,omitempty"`   // of the old synchronizer
	Safety    *Safety     `json:"safety,omitempty"`    // what was backed up before the migration
	Dumped    Decision    `json:"dumped,omitzero"`     // the word of the call that all SVs have their dumps
	LetGo     string      `json:"letGo,omitempty"`     // whether those who were paused may act again: ready, keep

	// Login is how one logs in to the SV app, where a person chose it.
	Login    steps.Login `json:"login,omitempty"`
	Taking   Taking      `json:"taking,omitzero"` // where the data snapshot comes from
	Snapshot *Snapshot   `json:"snapshot,omitempty"`
	Dump     *Dump       `json:"dump,omitempty"`
	Through  string      `json:"through,omitempty"` // how the dump gets to the SV app's claim: helper; empty: through the app's own pod

	Apps     Apps      `json:"apps,omitzero"`      // the values with which the apps migrate
	Migrated *Migrated `json:"migrated,omitempty"` // nil: they have not
	Cleaning Cleaning  `json:"cleaning,omitzero"`  // of the path that cleans up
}

// Hints are what the configuration and the command line propose; the operator confirms it.
type Hints struct {
	Identities []string `json:"identities,omitempty"` // files or folders with identities backups
	Logs       []string `json:"logs,omitempty"`       // files or folders with older logs of the participant
	SVs        []string `json:"svs,omitempty"`        // names of all SVs
	Charts     string   `json:"charts,omitempty"`     // a folder with charts, or a registry
	Scans      []string `json:"scans,omitempty"`      // public addresses of other SVs' scans
	Reports    []string `json:"reports,omitempty"`    // files with the reports of other SVs
	// SV is how the SV app is reached and logged in to; its Kind, Namespace and Workload are found.
	SV steps.App `json:"sv,omitzero"`
}

// Deploying is what was answered of the new synchronizer.
type Deploying struct {
	MigrationID string `json:"migrationID,omitempty"`
	ChainID     string `json:"chainID,omitempty"`
	Address     string `json:"address,omitempty"`   // HOST:PORT at which other SVs reach the new CometBFT
	Sequencer   string `json:"sequencer,omitempty"` // public URL of the new sequencer
	Version     string `json:"version,omitempty"`   // of the charts
	Charts      string `json:"charts,omitempty"`    // a folder, a registry, or "record"
	// More are further changes of values, RELEASE:PATH=VALUE, or "none".
	More string `json:"more,omitempty"`
}

// Deployed is a release of the new synchronizer: its name, chart, objects and digest, and how it differs from the one that it is derived from.
type Deployed = releases.Derived

// Successor is the new synchronizer, as its values say; Deployed says that it runs.
type Successor struct {
	Suffix   string     `json:"suffix"`   // the next migration ID, as names carry it: "4"
	Releases []Deployed `json:"releases"` // in the order in which they are installed
	// Participant, Sequencer, Mediator and CometBFT are Deployments.
	Participant string `json:"participant"`
	Sequencer   string `json:"sequencer"`
	Mediator    string `json:"mediator"`
	CometBFT    string `json:"cometBFT"`
	ChainID     string `json:"chainID"`
	Address     string `json:"address"`      // HOST:PORT of the new CometBFT, for its peers
	URL         string `json:"sequencerURL"` // public address of the new sequencer
	// Databases are those that it makes, on servers of the old ones.
	Databases []postgres.Database `json:"databases"`
	Digest    string              `json:"digest"`   // of all releases
	Deployed  bool                `json:"deployed"` // it was installed and seen to run
}

// Stopped is a workload of the old synchronizer that this run has scaled to 0.
type Stopped struct {
	Part     node.Part        `json:"part"`
	Workload kube.WorkloadRef `json:"workload"`
	Selector string           `json:"selector"`
	Replicas int32            `json:"replicas"` // as it was found: what it goes back to
	Step     string           `json:"step"`     // by which it was stopped
}

// Safety is what was backed up before the migration.
type Safety struct {
	// Classes are the snapshot classes by storage driver, as the operator chose them; "none" where no snapshot is taken.
	Classes   map[string]string `json:"classes,omitempty"`
	Snapshots []SafetySnapshot  `json:"snapshots,omitempty"`
	Record    string            `json:"record,omitempty"`   // digest of the record in the run folder; empty: there is none
	NotTaken  []string          `json:"notTaken,omitempty"` // in words
}

// SafetySnapshot is a snapshot that this run has taken.
type SafetySnapshot struct {
	Claim string    `json:"claim"`
	Name  string    `json:"name"`
	UID   string    `json:"uid"`
	Taken time.Time `json:"taken"` // by the storage
}

// Gate is the release that decides whether this path can work.
type Gate struct {
	Release string   `json:"release"` // "0.6.1"
	Seen    []string `json:"seen"`    // by what, in words
}

// Block is the newest block of the own CometBFT at one time: whether a chain stands is told by two looks.
type Block struct {
	Network string    `json:"network"` // the chain's ID
	Height  int64     `json:"height"`
	Time    time.Time `json:"time"` // of the block
	At      time.Time `json:"at"`   // of the look
}

// Decision is what was decided on a call.
type Decision struct {
	Who   string    `json:"who,omitempty"`
	Where string    `json:"where,omitempty"`
	At    time.Time `json:"at,omitzero"`
}

func (d Decision) whole() bool { return d.Who != "" && d.Where != "" && !d.At.IsZero() }

// Logs are the participant's logs that were saved, without what is in them. LogsIndex tells them one by one.
type Logs struct {
	Files  int       `json:"files"`
	Bytes  int64     `json:"bytes"`  // without compression
	SHA256 string    `json:"sha256"` // of LogsIndex
	Saved  time.Time `json:"saved"`
}

// IdentitiesFile is the artifact of the run that holds the identities dump, readable by its owner alone. It holds private keys, but for a KMS.
const IdentitiesFile = "identities.json"

// Identities are those that go into the migration dump.
type Identities struct {
	Source      string    `json:"source"` // in words
	SHA256      string    `json:"sha256"` // of IdentitiesFile
	Party       string    `json:"party"`
	DSO         string    `json:"dso"`
	Participant string    `json:"participant"` // PAR::...
	Keys        int       `json:"keys"`
	KMSKeys     int       `json:"kmsKeys"`
	At          time.Time `json:"at"` // when it was taken, or when the backup was last changed
}

// ReportFile is the artifact that is sent to the other SVs: the document of svrescue commitments scan.
const ReportFile = "report.json"

// OwnReport is what this participant's logs say, in short.
type OwnReport struct {
	Reporter string     `json:"reporter"`
	SHA256   string     `json:"sha256"`           // of ReportFile
	Latest   *time.Time `json:"latest,omitempty"` // end of the latest period for which it agreed with anybody
	Made     time.Time  `json:"made"`             // from then on the others are waited for
}

// Agreeing is what the call has come to so far.
type Agreeing struct {
	SVs     []string `json:"svs,omitempty"`     // all SVs of the network, by name
	Margin  string   `json:"margin,omitempty"`  // "15m"
	Reports []Packed `json:"reports,omitempty"` // of the others
	Adding  string   `json:"adding,omitempty"`  // what is being put in: report, card, timestamp
	// Timestamp is the chosen one; Basis says how it was come to.
	Timestamp time.Time  `json:"timestamp,omitzero"`
	AgreedAt  *time.Time `json:"agreedAt,omitempty"` // nil: the call named the timestamp alone
	Basis     string     `json:"basis,omitempty"`
	Decided   Decision   `json:"decided,omitzero"`

	// The other values of the card, by their names in values.
	Values map[string]string `json:"values,omitempty"`
	Theirs []Theirs          `json:"theirs,omitempty"` // cards of others
	Settle bool              `json:"settle,omitempty"` // the operator has settled the card
}

// Taking is where the data snapshot comes from.
type Taking struct {
	From   string `json:"from,omitempty"`   // app, force, file or lent
	Of     string `json:"of,omitempty"`     // the time that was agreed on when it was chosen
	File   string `json:"file,omitempty"`   // where it is file or lent
	Lender string `json:"lender,omitempty"` // name of the SV whose snapshot it is, where it is lent
}

// SnapshotFile is the artifact of the run that holds the data snapshot: the state of the ledger at the agreed time.
const SnapshotFile = "snapshot.json"

// Snapshot is the data snapshot that goes into the migration dump. It was made for the timestamp, which is no proof of what is in it.
type Snapshot struct {
	Source      string    `json:"source"` // in words
	SHA256      string    `json:"sha256"` // of SnapshotFile
	Bytes       int64     `json:"bytes"`
	Timestamp   string    `json:"timestamp"` // as it was asked for
	MigrationID int64     `json:"migrationID"`
	Format      string    `json:"format"` // acs_format; empty: not said
	DARs        int       `json:"dars"`
	Force       bool      `json:"force,omitempty"`
	Lender      string    `json:"lender,omitempty"` // name of the SV whose it is, where it is lent
	At          time.Time `json:"at"`               // when it was taken
}

// DumpFile is the artifact of the run that holds the migration dump. It holds private keys, but for a KMS.
const DumpFile = "domain_migration_dump.json"

// Dump is the migration dump that the SV app starts from.
type Dump struct {
	SHA256      string `json:"sha256"` // of DumpFile
	Bytes       int64  `json:"bytes"`
	MigrationID int64  `json:"migrationID"`
	Borrowed    string `json:"borrowed,omitempty"` // name of the SV that lent the data; empty: they are this SV's own
	Uploaded    string `json:"uploaded,omitempty"` // where it is in the SV app, once it was seen there
}

// Apps are the releases of the apps as they are to be.
type Apps struct {
	Charts   string             `json:"charts,omitempty"`   // where their charts come from: record, or a folder, or a registry (oci://HOST/PATH)
	Founding string             `json:"founding,omitempty"` // drop: values of a founding SV are left out while it migrates
	Releases []releases.Derived `json:"releases,omitempty"` // in the order in which they are upgraded
	Peers    []svapp.Address    `json:"peers,omitempty"`    // scans of the other SVs, as the own scan listed them while it answered
	Owned    *Owned             `json:"owned,omitempty"`    // what this SV owned at the agreed time; nil: no scan told it before the migration
}

// Migrated is that the apps work on the new synchronizer.
type Migrated struct {
	At time.Time `json:"at"` // when that was seen
}

// Cleaning is what was said of the end of the recovery.
type Cleaning struct {
	Decided Decision `json:"decided,omitzero"`
	Legacy  string   `json:"legacy,omitempty"` // whether the ID of the old synchronizer goes: keep, drop
}

// Theirs is the card of another SV, or its fingerprint alone.
type Theirs struct {
	SV          string     `json:"sv"`
	Fingerprint string     `json:"fingerprint"`
	Card        *card.Card `json:"card,omitempty"` // nil: the fingerprint was read out
}
