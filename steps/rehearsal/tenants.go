package rehearsal

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"canton.example/svrescue/kube/sim"
	svapp "canton.example/svrescue/svapp/sim"
)

// What the stand-in charts tell a container of their values. The variables of the real charts have other names.
const (
	identifierVar = "STANDIN_NEW_PARTICIPANT_IDENTIFIER"
	hintVar       = "STANDIN_PARTY_HINT"
	migrateVar    = "STANDIN_MIGRATE_PARTY"
	audienceVar   = "STANDIN_AUDIENCE"
	kmsVar        = "STANDIN_KMS"
	usersVar      = "STANDIN_WALLET_USERS"
	serverVar     = "CANTON_PARTICIPANT_POSTGRES_SERVER"
	databaseVar   = "CANTON_PARTICIPANT_POSTGRES_DB"

	dumpMount = "/participant-bootstrapping-dump" // reference/deployment.md 3.5
	dataMount = "/var/lib/postgresql/data"
)

// tenants are the deployments of a world whose ledger lives: they come to life by what their pods are. The world's lock is held while they hear of
// a start or an end, so they ask the world nothing.
type tenants struct {
	books  *svapp.Ledger
	plan   Books
	now    func() time.Time
	began  time.Time
	mu     sync.Mutex
	spaces map[string]*space
	tried  []string // participants that were to take over the identities, each once
}

// space is what runs in one namespace.
type space struct {
	lost        bool              // the lost node is here
	blank       map[string]int    // by database server: how often it started on an empty volume
	identities  map[string]string // participant ID by database
	participant *participant      // nil: none runs
	validator   *tenant           // nil: none runs
	sv          *tenant           // that was started anew; nil: none was
}

// participant is one that runs.
type participant struct {
	pod      string
	database string // server, volume and name
	kms      string // the type of its KMS; empty: it has none
	started  time.Time
	life     *sim.Workload
}

// tenant is an app that runs, or that ran.
type tenant struct {
	pod   string
	party string
	users []string  // whose wallets it has; empty: the operator's
	ready time.Time // zero: never
}

func newTenants(p *pods, b Books) *tenants {
	took := func() {
		if p.changed != nil {
			p.changed()
		}
	}
	return &tenants{books: b.open(p.clock, took), plan: b, now: p.clock.Now, began: p.began, spaces: map[string]*space{}}
}

func (t *tenants) space(namespace string) *space {
	if t.spaces[namespace] == nil {
		t.spaces[namespace] = &space{blank: map[string]int{}, identities: map[string]string{}}
	}
	return t.spaces[namespace]
}

// started hears of a start. What ran when the world began is the lost node.
func (t *tenants) started(in sim.Pod) *sim.Workload {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.space(in.Namespace)
	server, _, _ := strings.Cut(in.Env[serverVar], ".")
	switch {
	case in.Started.Before(t.began):
		s.lost = s.lost || in.Container == "participant"
	case in.Container == "participant" && s.lost && s.blank[server] == 0: // its data is lost: it comes to nothing
	case in.Claims[dataMount] != "":
		if len(in.Blank) > 0 {
			s.blank[in.Owner]++
		}
	case in.Container == "participant":
		s.participant = &participant{pod: in.Name, database: fmt.Sprintf("%s %d %s", server, s.blank[server], in.Env[databaseVar]), kms: in.Env[kmsVar], started: in.Started, life: quick()}
		return s.participant.life
	case s.lost && s.participant == nil:
	case in.Container == "sv-app":
		return t.sv(s, in)
	case in.Container == "validator-app" && in.Files[dumpMount] != nil:
		return t.recovery(s, in)
	case in.Container == "validator-app" && s.sv != nil:
		s.validator = &tenant{pod: in.Name, party: s.sv.party, users: usersOf(in), ready: s.sv.ready}
		t.books.Tend(s.sv.party)
		return readyAt(s.sv.ready, in.Started)
	}
	return nil
}

// ended hears of an end.
func (t *tenants) ended(in sim.Pod) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.spaces[in.Namespace]
	switch {
	case s == nil || in.Started.Before(t.began):
	case in.Container == "participant":
		if s.participant != nil && s.participant.pod == in.Name {
			s.participant = nil
		}
	case in.Container == "validator-app" && s.validator != nil && s.validator.pod == in.Name:
		if s.validator.party != "" {
			t.books.Neglect(s.validator.party)
		}
		s.validator = nil
	}
}

// quick is a container that is ready soon.
func quick() *sim.Workload {
	return &sim.Workload{ReadyDelay: sim.D(8 * time.Second), Termination: sim.D(3 * time.Second)}
}

// readyAt is a container that is ready at a time.
func readyAt(at, started time.Time, log ...sim.Line) *sim.Workload {
	return &sim.Workload{ReadyDelay: sim.D(max(at.Sub(started), 4*time.Second)), Termination: sim.D(3 * time.Second), Log: log}
}

// gone is a container that ends again and again with these last lines.
func gone(lines ...string) *sim.Workload {
	w := crashing(lines...)
	return &w
}

// unreachable is what an app says whose participant does not run (the wording was not verified).
const unreachable = `{"level":"ERROR","message":"Failed to connect to the participant: UNAVAILABLE: io exception; exiting"}`

// usersOf are the users that a validator has wallets for, as its values name them.
func usersOf(in sim.Pod) []string {
	return strings.FieldsFunc(in.Env[usersVar], func(r rune) bool { return strings.ContainsRune(" ,[]", r) })
}

// sv is an SV app that starts on an empty participant. While an SV has its name it does not get on (reference/deployment.md 9.2; what it logs was
// not verified). Its party follows from the namespace and from how often it began anew.
func (t *tenants) sv(s *space, in sim.Pod) *sim.Workload {
	if s.participant == nil {
		return gone(unreachable)
	}
	database, place := s.participant.database, t.plan.Place
	name := place.lost().name
	if s.identities[database] == "" {
		if t.taken(name) {
			return gone(`{"level":"ERROR","message":"An SV with the name ` + name + ` is onboarded already; exiting"}`)
		}
		h := holderOf(name + " in " + in.Namespace + " on " + database)
		party := name + "::" + h.fingerprint()
		s.identities[database] = "PAR::" + party
		plan := svapp.JoinPlan{SV: svapp.Member{Name: name, Party: party, Participant: "PAR::" + party, Weight: 10000, ScanURL: "http://scan.acme.rehearsal.example"}, Completes: place.paced(joins)}
		for i := range others {
			plan.Confirm = append(plan.Confirm, svapp.PlannedBallot{SV: nameOfPeer(i), After: time.Duration(i+1) * place.paced(confirms), Accept: true})
		}
		t.books.Join(plan)
		s.sv = &tenant{party: party, ready: t.now().Add(time.Duration(len(plan.Confirm)-(len(plan.Confirm)-1)/3)*place.paced(confirms) + place.paced(joins))}
	}
	if s.sv == nil {
		return gone(unreachable)
	}
	s.sv.pod = in.Name
	return readyAt(s.sv.ready, in.Started)
}

// taken says whether an SV has a name.
func (t *tenants) taken(name string) bool {
	for _, m := range t.books.See(svapp.Sight{}).SVs {
		if m.Name == name {
			return true
		}
	}
	return false
}

// partyOf is the party of the SV that was started anew in a namespace; empty where none was.
func (t *tenants) partyOf(namespace string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s := t.spaces[namespace]; s != nil && s.sv != nil {
		return s.sv.party
	}
	return ""
}

// purse is the wallet that a user has in the validator app of a namespace; nil: none.
func (t *tenants) purse(namespace, user string) *svapp.Purse {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.spaces[namespace]
	if s == nil || s.validator == nil || s.validator.party == "" || user == "" {
		return nil
	}
	return &svapp.Purse{Party: s.validator.party, Missing: s.validator.ready.IsZero() || t.now().Before(s.validator.ready)}
}

// notReady says why an app is not; empty: it is.
func (t *tenants) notReady(in sim.Pod) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.spaces[in.Namespace]
	var app *tenant
	switch {
	case s == nil:
	case in.Container == "validator-app":
		app = s.validator
	case in.Container == "sv-app":
		app = s.sv
	}
	if app != nil && (app.ready.IsZero() || t.now().Before(app.ready)) {
		return "it is being initialised"
	}
	return ""
}
