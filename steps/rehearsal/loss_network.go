package rehearsal

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/kube/upload/podfiles"
	svapp "canton.example/svrescue/svapp/sim"
)

// exports are the data snapshots of the node's SV app.
func (l *loss) exports() *svapp.Snapshots {
	s := &svapp.Snapshots{Generation: l.plan.Generation, Clean: l.tick.Add(15 * time.Minute), LedgerEnd: l.stood(), PrunedTo: l.tick.Add(-90 * 24 * time.Hour), Every: max(l.plan.Every, time.Second),
		MigrationID: oldID, Genesis: 3000, ACS: 3000, Party: l.own.party(), Takes: 20 * time.Second, Clock: l.clock}
	if s.Generation == "" {
		s.Generation = svapp.X
	}
	if l.plan.Clean > 0 {
		s.Clean = l.tick.Add(l.plan.Clean)
	}
	if l.plan.Pruned != 0 {
		s.PrunedTo = l.tick.Add(-l.plan.Pruned)
	}
	if l.plan.CutAt > 0 {
		s.CutFirst, s.CutAfter = l.plan.CutTimes, cutSize*int64(l.plan.CutAt)/100
	}
	if l.plan.Slow > 0 {
		s.SlowFirst, s.Slow, s.Limit = l.plan.Slow, 3*time.Minute, 40*time.Second
	}
	return s
}

// cutSize is about how long an answer of these exports is, in bytes.
const cutSize = 8700

// What the SV and another owner have; amounts came in at the time of the last commitments less this.
func (l *loss) coins() []svapp.Amulet {
	at := func(before time.Duration) time.Time { return l.tick.Add(-before) }
	return []svapp.Amulet{
		{ContractID: "00c1", Owner: l.own.party(), Amount: "9007199254740993.0000000001", Created: at(30 * 24 * time.Hour)},
		{ContractID: "00c2", Owner: l.own.party(), Amount: "250.5000000000", Locked: true, Created: at(20 * 24 * time.Hour)},
		{ContractID: "00c3", Owner: l.svs[1].Party, Amount: "1000.0000000000", Created: at(10 * 24 * time.Hour)},
		{ContractID: "00c4", Owner: l.own.party(), Amount: "77.0000000000", Created: at(-5 * time.Minute)}, // after any time that the SVs can agree on
	}
}

// until are the amulets that there are at a time.
func until(all []svapp.Amulet, at time.Time) []svapp.Amulet {
	return slices.DeleteFunc(slices.Clone(all), func(a svapp.Amulet) bool { return a.Created.After(at) })
}

// network is what an app knows of the network: next says that it is configured with the new migration ID. What happened after the time of the dump is
// gone there, and scan's own snapshots of then are too (reference/deployment.md 13).
func (l *loss) network(next bool) svapp.Network {
	l.mu.Lock()
	asOf, runs := l.asOf, l.runs()
	l.mu.Unlock()
	n := svapp.Network{DSO: dsoParty, Synchronizer: syncID, MigrationID: oldID, Threshold: len(l.svs)*2/3 + 1, SVs: slices.Clone(l.svs)}
	now, known := l.stood(), l.stood()
	if next {
		n.MigrationID, known = oldID+1, asOf
		if now = asOf; !runs.IsZero() && l.clock.Now().After(runs) {
			now = l.clock.Now()
		}
	}
	n.RoundAt = now.Truncate(roundTime)
	n.Round = n.RoundAt.Unix() / int64(roundTime/time.Second)
	n.Amulets = until(l.coins(), known)
	n.Holdings = func(at time.Time) []svapp.Amulet { return until(n.Amulets, at) }
	for at := known.Truncate(3 * time.Hour).Add(-24 * time.Hour); !at.After(known); at = at.Add(3 * time.Hour) {
		n.Snapshots = append(n.Snapshots, at)
	}
	if now.After(known) {
		n.Snapshots = append(n.Snapshots, runs)
	}
	return n
}

// wallet is the SV's own.
func (l *loss) wallet(next bool) *svapp.Wallet {
	n := l.network(next)
	w := &svapp.Wallet{Party: l.own.party(), User: validatorUser, Onboarded: true, Installed: true, Round: n.Round, Unlocked: "9007199254740993.0000000001", Locked: "250.5000000000", Fees: "0.0000000000"}
	if !next {
		w.Unlocked = "9007199254741070.0000000001"
	}
	return w
}

// peer is the scan of another SV, by its host; nil where there is none. When the network runs again it tells of the new synchronizer.
func (l *loss) peer(host string) http.Handler {
	for i, m := range l.svs[1:] {
		if !strings.HasSuffix(m.ScanURL, "//"+host) {
			continue
		}
		return svapp.App{Base: svapp.Scan, ID: nameOfPeer(i), Version: lossRelease, Built: "2026-01-20T10:11:12Z", Port: scanPort, Uptime: func() time.Duration { return time.Hour },
			NotReady: func() string { return "" }, Network: func() svapp.Network { return l.network(l.migrated()) }}.Handler()
	}
	return nil
}

// onClaim is what is on the SV app's claim.
func (l *loss) onClaim() *podfiles.Disk {
	return l.disk(sim.Pod{Namespace: namespace, Claims: map[string]string{migrationMount: migrationClaim}}, migrationDump)
}

// state is how far the recovery is: the dump on the SV app's claim, and with which one this SV has migrated.
func (l *loss) state() map[string]any {
	file, there := l.onClaim().File(migrationDump)
	l.mu.Lock()
	defer l.mu.Unlock()
	all := map[string]any{"migrated": !l.since.IsZero()}
	if there {
		all["dump"] = fmt.Sprintf("%x", sha256.Sum256(file))
	}
	if !l.asOf.IsZero() {
		all["asOf"] = l.asOf.UTC().Format(time.RFC3339)
	}
	return all
}
