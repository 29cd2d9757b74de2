package reonboard

import (
	"cmp"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/hold"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/reonboard/payment"
)

// Facts are what the path knows. They are journaled and hold no secret.
type Facts struct {
	Wanted string     `json:"wanted,omitempty"` // namespace of the lost node, asked for on the command line
	Run    string     `json:"run"`              // id of this run
	Where  kube.Where `json:"where"`            // for the commands that are shown
	Hints  Hints      `json:"hints,omitzero"`

	Reach      Reach       `json:"reach,omitzero"`
	Old        Old         `json:"old,omitzero"`
	Peers      []Peer      `json:"peers,omitempty"` // whose scans are asked
	Identities *Identities `json:"identities,omitempty"`
	Baseline   *Baseline   `json:"baseline,omitempty"`
	Fence      Fence       `json:"fence,omitzero"`
	Vote       Vote        `json:"vote,omitzero"`
	Validator  Validator   `json:"validator,omitzero"`
	Fresh      Fresh       `json:"fresh,omitzero"`
	Transfers  Transfers   `json:"transfers,omitzero"`
}

// Hints are what the configuration and the command line propose; the operator confirms it.
type Hints struct {
	Identities []string `json:"identities,omitempty"` // files or folders
	Scans      []string `json:"scans,omitempty"`      // addresses of other SVs' scans
	Values     string   `json:"values,omitempty"`     // folder with saved Helm values of the node
	Charts     string   `json:"charts,omitempty"`     // folder with chart tarballs
	Hosts      struct {
		Validator string `json:"validator,omitempty"`
	} `json:"hosts,omitzero"`
	// RecoveryValidator and FreshWallet are what the configuration says of the two apps that the run logs in to.
	RecoveryValidator AppHint `json:"recoveryValidator,omitzero"`
	FreshWallet       AppHint `json:"freshWallet,omitzero"`
}

// AppHint is what is proposed of an app: its public address, the audience of its API, and the user whose wallet is meant.
type AppHint struct {
	Host     string `json:"host,omitempty"`
	Audience string `json:"audience,omitempty"`
	User     string `json:"user,omitempty"`
}

// Put takes over what an app does not say itself.
func (h AppHint) Put(app *steps.App) {
	app.Host, app.Audience, app.User = cmp.Or(app.Host, h.Host), cmp.Or(app.Audience, h.Audience), cmp.Or(app.User, h.User)
}

// Reach is how the network is asked from here.
type Reach struct {
	Nothing bool     `json:"nothing,omitempty"` // the operator says that nothing is left of the node
	Scans   []string `json:"scans,omitempty"`   // addresses of other SVs' scans, as the operator named them
	Image   string   `json:"image,omitempty"`   // of the pod of the run through which scans are asked; "none": they are asked without
}

// Old is the SV that was lost.
type Old struct {
	Namespace    string     `json:"namespace,omitempty"`
	Node         *node.Node `json:"node,omitempty"` // what is left of it in the cluster; nil: nothing
	SV           string     `json:"sv,omitempty"`
	Party        string     `json:"party,omitempty"`
	Participant  string     `json:"participant,omitempty"` // PAR::...
	DSO          string     `json:"dso,omitempty"`
	Synchronizer string     `json:"synchronizer,omitempty"`
	Network      string     `json:"network,omitempty"` // MainNet, TestNet, DevNet or the name of another
	Release      string     `json:"release,omitempty"` // Splice release of the network: 0.6.4
	MigrationID  int64      `json:"migrationID"`
	Since        time.Time  `json:"since,omitzero"`   // since when it is lost, as the operator says
	NoSince      bool       `json:"noSince,omitzero"` // the operator does not know
}

// Peer is another SV whose scan is asked.
type Peer struct {
	SV    string `json:"sv"`
	URL   string `json:"url"`
	Party string `json:"party,omitempty"`
}

// IdentitiesFile is the artifact of the run that holds the participant's bare dump, readable by its owner alone. It holds private keys, but for
// a KMS. It is not exported with the run.
const IdentitiesFile = "dump_identities.json"

// Identities are those that the recovery validator will have.
type Identities struct {
	Source      string    `json:"source"`      // file, secret or backup, in words
	Shape       string    `json:"shape"`       // as identities check names it
	Participant string    `json:"participant"` // PAR::...
	Keys        int       `json:"keys"`
	KMSKeys     int       `json:"kmsKeys"`
	SHA256      string    `json:"sha256"` // of IdentitiesFile
	At          time.Time `json:"at,omitzero"`
	From        From      `json:"from,omitzero"`
	// Tried is the operator's word on whether the keys of the KMS can be described with the identity of the new participant: tried, not-tried.
	Tried string `json:"tried,omitempty"`
}

// From is where identities are read.
type From struct {
	Route  Route  `json:"route,omitempty"`
	Path   string `json:"path,omitempty"` // that was named: a file or a folder; absolute
	File   string `json:"file,omitempty"` // that is read; absolute
	Secret string `json:"secret,omitempty"`
	Space  string `json:"space,omitempty"` // namespace of the Secret
	Key    string `json:"key,omitempty"`
}

// Route is the kind of source.
type Route string

const (
	FromFile     Route = "file"
	FromSecret   Route = "secret"
	FromDatabase Route = "database" // a dump is made from a backup of the participant's database, and is a file then
	FromVolume   Route = "volume"   // the same from a volume of the old participant's database
	FromKMS      Route = "kms"      // no dump is there yet
)

// Baseline is what the lost SV owned. Amounts are Daml decimals.
type Baseline struct {
	At       time.Time `json:"at"` // record time of the snapshot
	Unlocked string    `json:"unlocked"`
	Locked   string    `json:"locked"`
	Told     []string  `json:"told"`             // SVs whose scans agree on it
	Differ   []string  `json:"differ,omitempty"` // who says otherwise, in words
}

// Fence is how the lost node was kept from running beside the recovery validator.
type Fence struct {
	Stopped []string `json:"stopped,omitempty"` // workloads
	Kept    []string `json:"kept,omitempty"`    // claims and databases, until the end
	// Gone is the operator's word that the node cannot run any more, where no cluster shows it.
	Gone string `json:"gone,omitempty"`
	// Attested is the name that the operator typed to say that the node runs in no other cluster.
	Attested string      `json:"attested,omitempty"`
	Held     []hold.Hold `json:"held,omitempty"` // who else acts on the node, as it was before it was paused
}

// Vote is what is known of the offboarding.
type Vote struct {
	Tracking   string    `json:"tracking,omitempty"`
	Asked      bool      `json:"asked,omitempty"`     // the operator has seen the text for the others
	Offboarded time.Time `json:"offboarded,omitzero"` // when it was seen
	Since      time.Time `json:"since,omitzero"`      // when the lost SV was named: a vote that is lost after that is told; zero in older journals
	Told       []string  `json:"told,omitempty"`      // SVs whose scans show the party offboarded
}

// Validator is the standalone validator that takes over what the lost SV owned.
type Validator struct {
	Namespace   string    `json:"namespace,omitempty"`
	Release     string    `json:"release,omitempty"`     // of the Helm chart splice-validator
	Participant string    `json:"participant,omitempty"` // its Deployment
	Identifier  string    `json:"identifier,omitempty"`  // newParticipantIdentifier, the same for ever
	Hint        string    `json:"hint,omitempty"`        // validatorPartyHint
	App         steps.App `json:"app,omitzero"`          // its wallet
	// Balance is what its wallet showed when it had come up, as Daml decimals.
	Unlocked string `json:"unlocked,omitempty"`
	Locked   string `json:"locked,omitempty"`

	Answers ValidatorAnswers `json:"answers,omitzero"`
	// Before are the answers that were given before they were asked anew; they are proposed again.
	Before ValidatorAnswers `json:"before,omitzero"`
	// Tries are the identifiers that were frozen before, each with the server that its databases are on. None is used again for another.
	Tries []Try `json:"tries,omitempty"`
	// Server is the host of PostgreSQL: the name of the release that is installed, or a server that is there, as HOST:PORT.
	Server string `json:"server,omitempty"`
	// Values are those that were derived, as YAML by the release. They hold no secret.
	Values map[string]string `json:"values,omitempty"`
	Wallet []string          `json:"wallet,omitempty"` // its users
	// Audience of tokens for its API, as it was derived.
	Audience string `json:"audience,omitempty"`
	// Differences are the lines by which they differ from what the lost node had.
	Differences map[string][]string `json:"differences,omitempty"`
	Releases    []Deployment        `json:"releases,omitempty"` // in the order in which they are installed
	Needs       []Need              `json:"needs,omitempty"`
	Digest      string              `json:"digest,omitempty"` // of what was rendered
}

// ValidatorAnswers are what the operator said of the recovery validator.
type ValidatorAnswers struct {
	Namespace  string `json:"namespace,omitempty"`
	Source     string `json:"source,omitempty"` // folder with saved values, or one of the sources
	Version    string `json:"version,omitempty"`
	Charts     string `json:"charts,omitempty"` // folder, or address of a registry
	Identifier string `json:"identifier,omitempty"`
	Scan       string `json:"scan,omitempty"` // address of one peer's, or bft
	Users      string `json:"users,omitempty"`
	JWKS       string `json:"jwks,omitempty"`
	Audience   string `json:"audience,omitempty"`
	Ledger     string `json:"ledger,omitempty"`   // audience of the ledger API
	Database   string `json:"database,omitempty"` // new, or HOST or HOST:PORT
	Class      string `json:"class,omitempty"`    // storage class, or none
	Extra      string `json:"extra,omitempty"`    // folder, or none
	Fatal      string `json:"fatal,omitempty"`    // end, go-on
	Way        string `json:"way,omitempty"`      // helm, gitops
}

// Try is an identifier that was frozen, and the server with its databases.
type Try struct {
	Identifier string `json:"identifier"`
	Server     string `json:"server"`
}

// Deployment is a release that is to be there: what it is made of, and what it makes.
type Deployment struct {
	Name      string          `json:"name"`
	Chart     string          `json:"chart"`
	Version   string          `json:"version"`
	Place     string          `json:"place"` // of the chart: a path, or an artifact of the run
	Parts     []release.Part  `json:"parts"`
	Files     []string        `json:"files,omitempty"`   // values files, where they are the operator's
	LeftOut   []string        `json:"leftOut,omitempty"` // paths of values in them that are not used
	Hooks     []string        `json:"hooks,omitempty"`
	Workloads []action.Wanted `json:"workloads,omitempty"` // that are waited for
}

// Need is something that pods refer to and no release makes.
type Need struct {
	kube.Needed
	By []string `json:"by"` // workloads
}

// Fresh is the SV that was onboarded in place of the lost one.
type Fresh struct {
	Namespace string    `json:"namespace,omitempty"`
	Party     string    `json:"party,omitempty"` // as its wallet says; never typed
	SVApp     steps.App `json:"svApp,omitzero"`
	Wallet    steps.App `json:"wallet,omitzero"`

	Answers  FreshAnswers `json:"answers,omitzero"`
	Before   FreshAnswers `json:"before,omitzero"`  // proposed again, when they are asked anew
	Charts   []string     `json:"charts,omitempty"` // that the saved values are for
	Audience string       `json:"audience,omitempty"`
	Users    []string     `json:"users,omitempty"`    // of its wallet
	Releases []Deployment `json:"releases,omitempty"` // in the order in which they are installed
	Needs    []Need       `json:"needs,omitempty"`
	Digest   string       `json:"digest,omitempty"` // of what was rendered
}

// FreshAnswers are what the operator said of the fresh SV.
type FreshAnswers struct {
	Namespace string `json:"namespace,omitempty"`
	Way       string `json:"way,omitempty"` // helm, gitops
	Source    string `json:"source,omitempty"`
	Charts    string `json:"charts,omitempty"`
	Sponsor   string `json:"sponsor,omitempty"`  // host of the SV app that is asked for the onboarding, or none
	Approved  string `json:"approved,omitempty"` // yes, no: whether the peers approved the identity
	Users     string `json:"users,omitempty"`
	Audience  string `json:"audience,omitempty"` // of the validator's API
}

// Transfers are how the money moves. Amounts are Daml decimals. What was sent, and what became of it, is not here but in the cluster, where every
// operator sees it: the ConfigMap of that name in the recovery validator's namespace.
type Transfers struct {
	Test     string        `json:"test,omitempty"`    // amount of the first payment, at most
	Fee      string        `json:"fee,omitempty"`     // set aside for each payment
	Days     int           `json:"days,omitempty"`    // for which an offer is good
	Accepts  string        `json:"accepts,omitempty"` // AcceptsHere or AcceptsOperator
	Receiver string        `json:"receiver,omitempty"`
	Before   string        `json:"before,omitempty"` // what the receiver had unlocked when the plan was made
	Kind     payment.Kind  `json:"kind,omitempty"`
	Plan     *payment.Plan `json:"plan,omitempty"`
	Stored   string        `json:"stored,omitempty"` // name of the ConfigMap
	Typed    string        `json:"typed,omitempty"`  // the end of the receiver's party, as the operator typed it
	// Moved is what has arrived for certain, and At when the last of it was seen.
	Moved string    `json:"moved,omitempty"`
	At    time.Time `json:"at,omitzero"`
}
