// Package doctor says, on a quiet day, whether the node could be recovered if it were lost now: the conditions of
// reference/backups.md 4, each with a verdict, what it rests on, what follows if it does not hold, and what to do. It is pure: evidence was
// read elsewhere, and it goes by the rules of triage where triage has one.
package doctor

import (
	"time"

	"canton.example/svrescue/steps/triage"
)

// Evidence is all that doctor goes by. What is not read is not determined.
type Evidence struct {
	triage.Evidence
	KeysChanged KeysChanged
	Schedule    Schedule
	Managed     []Managed // what is known of the backups of servers outside the cluster, one entry for each
	Users       Users
	Parties     Parties
	RollForward RollForward
	Permissions Permissions
	Token       Token
	Hosts       []Host
	Disk        Disk
	Clock       Clock
	Copies      []Copy
	// Acknowledged are conditions that somebody has taken note of until a time.
	Acknowledged []Acknowledgement
}

// KeysChanged is when the participant's keys were last changed; an identities backup from before does not hold the new ones.
type KeysChanged struct {
	triage.Reading
	Last time.Time // zero: never since the node was made
}

// Schedule is the pruning schedule of the participant (participantPruningSchedule of the validator app's values).
type Schedule struct {
	triage.Reading
	Set  bool
	Seen string // "every day at 02:00, keeps 30d"
}

// Managed is the newest backup that is known of a server outside the cluster. Its reading is that of a command which printed the time;
// Until is set instead where somebody has given their word for it, and is when that word ends.
type Managed struct {
	triage.Reading
	Server string // as node.Server names it
	Taken  time.Time
	Until  time.Time
}

// Users are those onboarded since the newest backup set began. They have to be onboarded again by hand.
type Users struct {
	triage.Reading
	Since int
}

// Parties are those that a re-onboarding does not carry over: hosted on several participants, or external.
type Parties struct {
	triage.Reading
	Stay []string
}

// RollForward is what would make the SV app fail to roll forward with the network as it is deployed.
type RollForward struct {
	triage.Reading
	Applies bool     // the release is one that rolls forward, 0.6.2 or later
	Known   bool     // the SV app gets what upstream's charts render
	Lacks   []string // sentences without a full stop
}

// Permissions are those that a recovery needs in the cluster.
type Permissions struct {
	triage.Reading
	Asked   int
	Common  bool     // only those that every restore needs could be asked for, since there is no backup set to plan one with
	Denied  int      // how many of those asked for
	Missing []string // by verb and resource
}

// Token is whether the SV app takes a token that this program gets for it.
type Token struct {
	triage.Reading
	Refused string // what the provider or the app said; empty: it was taken
}

// Host is one of the node's own apps, and whether any way leads to it.
type Host struct {
	triage.Reading
	App     string   // "the SV app"
	Way     string   // by which it answered
	Refused string   // why none leads there; empty: one does
	Shut    []string // other ways that were tried, and what came of them
}

// Disk is the room for dumps on this machine, in bytes. Need is that of the node's databases; Unread says of which servers it is not known.
type Disk struct {
	triage.Reading
	Folder     string
	Free, Need int64
	Unread     []string
}

// Clock is how far this machine's clock is from the cluster's.
type Clock struct {
	triage.Reading
	Skew time.Duration
}

// Copy is the word of the operator that something which only they can keep lies outside the cluster.
type Copy struct {
	What  string // one of CopyKinds
	Where string
	Until time.Time // the word counts until then: somebody looks again
}

// CopyKinds are what has to be kept outside the cluster, by the names that a configuration uses, and what each is.
func CopyKinds() map[string]string {
	return map[string]string{
		"sv-key":             "the SV's key pair (Secret splice-app-sv-key)",
		"cometbft-keys":      "the keys of CometBFT (Secret cometbft-keys)",
		"database-passwords": "the passwords of the databases",
		"oidc-client":        "the clients at the identity provider",
	}
}

// Acknowledgement takes a condition out of the exit code until a time.
type Acknowledgement struct {
	Condition string
	Why       string
	Until     time.Time
}
