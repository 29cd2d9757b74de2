package rehearsal

import (
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/kube/upload/podfiles"
	"canton.example/svrescue/steps/postgres"
	svapp "canton.example/svrescue/svapp/sim"
	"k8s.io/utils/clock"
)

// Loss is a network whose CometBFT layer is lost, and how its recovery goes (reference/deployment.md 10). The node runs, but its chain does not; the
// other SVs are there as scans, as reports and as those who migrate too.
type Loss struct {
	Generation svapp.Generation // how data snapshots are exported; empty: svapp.X
	Every      time.Duration    // something happens at its multiples, for svapp.YExact; 0: each second
	// Clean is how long after the last commitments all events are processed; 0: a quarter of an hour. Pruned is how long before them the participant
	// has been pruned up to, below 0 after them; 0: long before.
	Clean, Pruned time.Duration
	// CutAt is at how many per cent of a data snapshot the connection breaks, for the first CutTimes requests; 0: it does not.
	CutAt, CutTimes int
	// Slow is for how many requests an export takes longer than the server lets a request take.
	Slow int
	// Never are SVs, by number from 0, that agreed with nobody.
	Never []int
	// NoIdentities: the SV app cannot answer the identities any more.
	NoIdentities bool
	// Backup is the SV whose identities are in the backup that is proposed to the operator, who has an older one of this node too; empty: there is none.
	Backup string
	// Stale: a dump of an earlier migration lies on the SV app's volume.
	Stale bool
	// Crashes: the node's CometBFT does not stay up.
	Crashes bool
	// Stuck is a migration ID that an additional variable of the SV app fixes, whatever migration.id says; 0: none does.
	Stuck int
	// Migrates is when each of the other SVs has migrated, counted from when this one has; nil: some are first, some are later.
	Migrates []time.Duration
	// Prompt: the first commitments on the new synchronizer come seconds after it runs, and not when the period ends.
	Prompt bool
	// Over is how long ago this SV has migrated, where the recovery is over when the world begins: the apps are still told to migrate; 0: the network is lost.
	Over time.Duration
	// Flux applies sv, scan and validator from a repository, to which a colleague commits what the run has written.
	Flux bool
	// Scans are the addresses of the other SVs' scans; nil: those of rehearsals.
	Scans []string
}

// The network of a rehearsal of its recovery. It has fewer SVs than the others: each of them reports.
const (
	lossOthers  = 6
	lossRelease = "0.5.10"
	oldID       = 3 // migration ID

	lossTick  = 30 * time.Minute // between commitments, as on test networks (reference/apis.md 9.2)
	afterTick = 20 * time.Minute // from the last commitments to the last block
)

// migrates is when the others have migrated where a scenario does not say it.
var migrates = []time.Duration{-4 * time.Minute, -time.Minute, time.Minute, 2 * time.Minute, 3 * time.Minute, 9 * time.Minute}

// loss is what lives of it: the node's apps by what their pods are, and the network around them. The world's lock is held while it hears of a start
// or an end, so it asks the world nothing then.
type loss struct {
	plan        Loss
	clock       clock.WithTicker
	began, tick time.Time // tick is the end of the last period with commitments
	own         holder
	svs         []svapp.Member // the own one first
	snapshots   *svapp.Snapshots
	disk        func(in sim.Pod, path string) *podfiles.Disk

	mu     sync.Mutex
	up     map[string]string                   // pod by namespace/workload, of what runs
	comets map[string]sim.Pod                  // of those the CometBFT nodes, as they were started
	ids    map[string]string                   // of the nodes that were initialised from a dump, by namespace/workload
	since  time.Time                           // when this SV has migrated; zero: it has not
	asOf   time.Time                           // of the dump that it migrated with
	fresh  *freshParticipant                   // the new one that runs; nil: none does
	made   map[string]map[string]postgres.Role // databases of new nodes, by namespace/server
}

// freshParticipant is the participant of the new synchronizer.
type freshParticipant struct {
	started time.Time
	life    *sim.Workload
}

func newLoss(p *pods, plan Loss) *loss {
	l := &loss{plan: plan, clock: p.clock, began: p.began, tick: lastTick(p.began.Add(-plan.Over)), own: lost(), disk: p.disk, up: map[string]string{}, comets: map[string]sim.Pod{}, ids: map[string]string{}, made: map[string]map[string]postgres.Role{}}
	l.svs = plan.members()
	if plan.Over > 0 {
		l.since, l.asOf = l.began.Add(-plan.Over), l.tick.Add(-15*time.Minute)
	}
	l.snapshots = l.exports()
	if plan.Stale {
		l.onClaim().Put(migrationDump, []byte(`{"migration_id":3,"created_at":"2025-02-11T10:00:00Z","identities":{},"data_snapshot":{},"participant_users":{}}`))
	}
	return l
}

// lastTick is when the last period with commitments ended, of a world that begins at a time.
func lastTick(began time.Time) time.Time { return began.Add(-2 * time.Hour).UTC().Truncate(lossTick) }

// stood is the time of the last block.
func (l *loss) stood() time.Time { return l.tick.Add(afterTick) }

func (plan Loss) members() []svapp.Member {
	member := func(h holder, scan string) svapp.Member {
		return svapp.Member{Name: h.name, Party: h.party(), Participant: h.participant(), Weight: 10000, Joined: 3, ScanURL: scan}
	}
	all := []svapp.Member{member(lost(), "http://scan.acme.rehearsal.example")}
	for i := range lossOthers {
		scan := "http://" + hostOfPeer(i)
		if i < len(plan.Scans) {
			scan = plan.Scans[i]
		}
		all = append(all, member(holderOf(nameOfPeer(i)), scan))
	}
	return all
}

// runs is when the new synchronizer runs: as soon as more than two thirds of the SVs have migrated. Zero: this SV has not migrated.
func (l *loss) runs() time.Time {
	if l.since.IsZero() {
		return time.Time{}
	}
	plan := l.plan.Migrates
	if plan == nil {
		plan = migrates
	}
	when := []time.Time{l.since}
	for _, after := range plan {
		when = append(when, l.since.Add(after))
	}
	slices.SortFunc(when, time.Time.Compare)
	needed := len(l.svs)*2/3 + 1
	at := when[needed-1]
	if at.Before(l.since) {
		at = l.since
	}
	return at
}

// migrated says whether the new synchronizer runs by now.
func (l *loss) migrated() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	runs := l.runs()
	return !runs.IsZero() && !l.clock.Now().Before(runs)
}

var numberIn = regexp.MustCompile(`-(\d+)(?:-|$)`)

// isNew says whether a part of a synchronizer is of the new one, by the number in its name (reference/deployment.md 3.2).
func isNew(workload string) bool { return numberOfPart(workload) > oldID }

func placeOf(in sim.Pod) string { return in.Namespace + "/" + in.Owner }

// started hears of a start.
func (l *loss) started(in sim.Pod) *sim.Workload {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := placeOf(in)
	l.up[at] = in.Name
	old := in.Started.Before(l.began)
	if isNew(in.Owner) {
		l.makes(in)
	}
	switch in.Container {
	case "cometbft":
		l.comets[at] = in
		if l.plan.Crashes && !isNew(in.Owner) {
			return gone(`E[2026-01-11|10:31:07.412] CONSENSUS FAILURE!!! module=consensus err="invented for rehearsals"`) // the wording was not verified
		}
	case "participant":
		if !isNew(in.Owner) {
			life := &sim.Workload{ReadyDelay: sim.D(8 * time.Second), Termination: sim.D(6 * time.Second)}
			if old {
				life.Log = l.said(in.Started)
			}
			return life
		}
		l.fresh = &freshParticipant{started: in.Started, life: quick()}
		l.commits()
		return l.fresh.life
	case "sv-app":
		if !old {
			return l.svApp(in)
		}
	case "scan-app", "validator-app":
		if !old {
			return l.follower(in)
		}
	}
	return nil
}

// ended hears of an end.
func (l *loss) ended(in sim.Pod) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := placeOf(in)
	if l.up[at] == in.Name {
		delete(l.up, at)
	}
	if in.Container == "participant" && l.fresh != nil && l.fresh.started.Equal(in.Started) && isNew(in.Owner) {
		l.fresh = nil
	}
}

// isUp says whether a workload of the node runs.
func (l *loss) isUp(ns, workload string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.up[ns+"/"+workload] != ""
}

// handler is what listens on a port of a pod; nil: something else, or nothing.
func (l *loss) handler(in sim.Pod, port int, release string) http.Handler {
	switch {
	case port == metricsPort && (in.Container == "sequencer" || in.Container == "mediator" || in.Container == "participant"):
		return svapp.Metrics{Part: in.Container, Lag: svapp.Lag{Floor: time.Nanosecond, Warmup: l.warmup(in)}, Times: l.times(in), Members: []string{l.own.participant()}}.Handler()
	case port == rpcPort && in.Container == "cometbft":
		return l.comet(in).Handler()
	case port == svPort && in.Container == "sv-app", port == scanPort && in.Container == "scan-app", port == walletPort && in.Container == "validator-app":
		return l.app(in, release).Handler()
	}
	return nil
}

// times are those of a part of a synchronizer: the old one has got to where it stands, the new one is there as soon as it runs.
func (l *loss) times(in sim.Pod) svapp.Times {
	return func() (now, started time.Time, starts int) {
		if !isNew(in.Owner) {
			return l.stood(), l.stood().Add(-24 * time.Hour), 0
		}
		return l.clock.Now(), in.Started, 0
	}
}

// warmup is how long a part of the new synchronizer has no events: until that runs.
func (l *loss) warmup(in sim.Pod) time.Duration {
	if !isNew(in.Owner) {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	runs := l.runs()
	if runs.IsZero() {
		return 100 * 365 * 24 * time.Hour
	}
	return max(runs.Sub(in.Started), 5*time.Second)
}

// comet is a CometBFT of the node: the old one stands, a new one makes blocks when more than two thirds of the SVs have theirs.
func (l *loss) comet(in sim.Pod) svapp.Comet {
	c := svapp.Comet{ID: "a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1", Network: in.Env[chainVar], Moniker: svName, VotingPower: 1, Peers: lossOthers, Lag: svapp.Lag{Floor: time.Nanosecond}, Times: l.times(in)}
	if !isNew(in.Owner) {
		return c
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	c.ID, c.Peers, c.New = "b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2", 0, true
	if runs := l.runs(); !runs.IsZero() {
		c.Peers, c.Genesis = lossOthers, runs
	}
	return c
}
