package rehearsal

import (
	"net/http"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/svapp/dump"
	svapp "canton.example/svrescue/svapp/sim"
	"k8s.io/utils/clock"
)

// Network is the ledger of a re-onboarding and all who tell of it, where the pods are real ones: stand-ins in them say what they were given, and
// answer as the ledger says.
type Network struct{ pods *pods }

// What stand-ins tell of themselves, by the names of a container's variables and the path of its mount.
const (
	IdentifierVar = identifierVar
	HintVar       = hintVar
	MigrateVar    = migrateVar
	AudienceVar   = audienceVar
	UsersVar      = usersVar
	ServerVar     = serverVar
	DatabaseVar   = databaseVar
	DumpMount     = dumpMount
)

// NewNetwork makes a network of which some scans are silent or behind. What the lost SV owns is that of the rehearsals.
func NewNetwork(clk clock.WithTicker, b Books, net Net) *Network {
	b.Coins, b.FreeTransfers = coinsOf(b.Place), b.HoldingFee == ""
	return &Network{newPods(clk, Scenario{Books: &b, Net: net})}
}

// Started takes an app or a participant for one of the network's. What is answered says what it logs, and whether it ends; whether it is ready, its
// App says.
func (n *Network) Started(in sim.Pod) *sim.Workload { return n.pods.Started(in) }

// Ended is the end of what Started began.
func (n *Network) Ended(in sim.Pod) { n.pods.Ended(in) }

// App is what answers in the pod of an app.
func (n *Network) App(in sim.Pod) http.Handler { return n.pods.app(in).Handler() }

// Peer is what answers at a host of another SV; nil: nothing.
func (n *Network) Peer(host string) http.Handler { return n.pods.peer(host) }

// Ledger is the network's.
func (n *Network) Ledger() *svapp.Ledger { return n.pods.tenants.books }

// Fresh is the party of the SV that was started anew in a namespace; empty: none was.
func (n *Network) Fresh(namespace string) string { return n.pods.tenants.partyOf(namespace) }

// Vote is one by the other SVs on the lost one, which comes up at once: so many accept, one after the other.
func (p Place) Vote(accept int) svapp.VotePlan {
	v := vote(accept, 0)
	v.Opens, v.Offboard = 0, p.lost().party()
	for i := range v.Ballots {
		v.Ballots[i].After = p.paced(v.Ballots[i].After)
	}
	return v
}

// Lost is the party of the SV that was lost.
func (p Place) Lost() string { return p.lost().party() }

// Identities is the identities backup of the lost SV, and the text of the private keys in it.
func (p Place) Identities() (backup []byte, private string, err error) {
	if private, err = p.lost().pair(); err != nil {
		return nil, "", err
	}
	backup, err = p.lost().dumped()
	return backup, private, err
}

// Token is one for the validator app's own user, and an audience.
func Token(audience string) string { return tokenFor(audience) }

// Initialised is the participant that the SV app of a namespace makes of an empty one, or that a validator's dump makes; empty: none yet.
func (n *Network) Initialised(namespace string) string {
	t := n.pods.tenants
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.spaces[namespace]; s != nil && s.participant != nil {
		return s.identities[s.participant.database]
	}
	return ""
}

// Imported is the participant that identities make of an empty one under a new identifier; empty: they are no participant's.
func Imported(ids dump.Identities, identifier string) string {
	switch {
	case ids.Shape != dump.ParticipantDump || ids.Participant == nil:
		return ""
	case identifier == "":
		return ids.Participant.ID
	}
	return "PAR::" + identifier + "::" + ids.Namespace()
}
