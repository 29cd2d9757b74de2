package triage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
)

// aid is a first aid and what it says about the situation.
type aid struct {
	FirstAid
	cause bool // it explains what is seen, and it is no disaster
	wait  bool // patience is the cure
}

// known causes: what each means, and what to do first. storage says that it is no disaster only where the claims were seen to be there.
var causes = map[Kind]struct {
	means, first string
	storage      bool
	named        bool // what the machine says of it names the thing that is to be put right
}{
	Image: {"The program itself cannot be fetched. No data is touched by that.",
		"Compare image name and version with the release that ran before, then look at the pull secret and the way to the registry.", false, true},
	Config: {"A secret, a config map or a key in one is missing, so the container is not even created. No data is touched by that.",
		"Put back what the message names. The pod then starts by itself.", false, true},
	Memory: {"The program was ended because it used more memory than its limit. Its data is as safe as after any restart.",
		"Raise the memory limit of what was ended, and let it start. A node that catches up needs more memory than one that runs.", false, false},
	Room: {"No machine of the cluster takes the pod. Its data waits on its volume.",
		"Read the scheduler's reason: add a machine, free some room, or bring back the zone in which the volume is.", false, true},
	Mount: {"The volume is there and cannot be attached or mounted where the pod is.",
		"Find out what still holds the volume, or why the storage driver does not attach it. Do not delete the claim.", true, true},
	MachineGone: {"The machine on which the pod was does not answer. Its volume can be attached elsewhere once the machine is known to be off.",
		"Bring the machine back, or make sure that it is off and have it removed from the cluster. Do not force the pod away before: two databases on one volume destroy it.", true, false},
	DiskFull: {"The disk is full, so the database stops to protect its data. A full disk often looks like a broken database, and it is not one.",
		"Make the volume larger, or free space outside the data folder. Delete nothing in the data folder of a database. Then let it start and look again.", false, false},
	Certificate: {"A certificate has expired. Nodes refuse to talk to each other, and no data is touched by that.",
		"Renew the certificate, and restart what has the old one loaded.", false, false},
	Password: {"The database refuses the password that the component has. The data is there.",
		"Compare the secret that the component uses with the password in the database. Somebody has changed one of the two.", false, false},
	Replaying: {"CometBFT replays old messages and does not come out of that by itself. Its data is whole.",
		"Restart the CometBFT Deployment. From 0.7.4 a watchdog does that, if its addresses are set.", false, false},
	Locked: {"Another copy of the app holds the database: from 0.6.10 only one may.",
		"Find the other copy and stop it. Two copies at work on one database would damage it.", false, false},
}

// firstAid finds what to do before any recovery, the most likely cause first.
func firstAid(e Evidence, c condition, chain chainState, n network, now time.Time) []aid {
	var all []aid
	all = append(all, going(e, now)...)
	all = append(all, rebind(e, now)...)
	all = append(all, otherDatabase(e, now)...)
	all = append(all, fullDisk(e, c, now)...)
	all = append(all, troubles(e, now)...)
	all = append(all, twice(e, now)...)
	all = append(all, scaledDown(e, c, n, now)...)
	all = append(all, keyService(e, c, now)...)
	if uninstalled(e, c, now) {
		all = append(all, aid{cause: true, FirstAid: FirstAid{ID: "uninstalled", Seen: "Nothing of the node runs here, and claims with its data are still there.",
			Means: "The releases were uninstalled, which keeps the claims. The data is most likely whole.",
			First: "Find out who uninstalled them. Take snapshots of the claims, then install the same releases with the same values again: they take the claims that are there.", Evidence: []string{"components", "leftover-claims"}}})
	}
	if chain == chainForeign {
		all = append(all, aid{cause: true, FirstAid: FirstAid{ID: "wrong-chain", Seen: sentence("CometBFT follows the chain " + e.Chain.Network),
			Means: "It is set up for another synchronizer than the rest of the node: the old one after an upgrade, or the next one too early.",
			First: "Compare the chain ID and the addresses in the values of CometBFT and of the sequencer with the current number of the network.", Evidence: []string{"chain", "synchronizers"}}})
	}
	if chain == chainStands && n.state == networkRuns {
		all = append(all, aid{cause: e.Storage.known(now), FirstAid: FirstAid{ID: "chain-stuck", Seen: sentence(fmt.Sprintf("the chain of this node stands still with %s, and the network goes on", count(e.Chain.Peers, "peer", "peers"))),
			Means: "CometBFT of this node is cut off from the others or is stuck. Its data is there, and the others do not wait for it.",
			First: "Read its log, check that its peers can be reached, and restart the CometBFT Deployment. Look again after some minutes.", Evidence: []string{"chain", "network", "storage"}}})
	}
	if !slices.ContainsFunc(all, func(a aid) bool { return a.cause }) {
		all = append(all, crashes(e, c, now)...)
	}
	all = append(all, catchingUp(e, c, chain, n)...)
	return all
}

// uninstalled says whether the workloads are gone and claims with data of the node are still there: Splice's claims are kept when a
// release is uninstalled (reference/deployment.md 3.5).
func uninstalled(e Evidence, c condition, now time.Time) bool {
	return c.empty && e.Leftovers.Claims.known(now) && slices.ContainsFunc(e.Leftovers.Claims.Found, func(l Leftover) bool { return slices.Contains(l.Parts, node.Participant) })
}

// keyService is for a KMS that does not give the participant its keys.
func keyService(e Evidence, c condition, now time.Time) []aid {
	if !e.KMS.known(now) {
		return nil
	}
	down := slices.ContainsFunc(c.down, func(p node.Component) bool { return p.Part == node.Participant })
	switch {
	case e.KMS.State == KMSEmpty:
		return []aid{{FirstAid: FirstAid{ID: "kms-keys-gone", Seen: sentences("the KMS answers that the keys of the participant are gone", e.KMS.Seen),
			Means: "Without its keys the participant cannot sign anything, whatever its database holds.",
			First: "Ask whoever runs the KMS at once whether the keys are only disabled, or their deletion can still be called off.", Evidence: []string{"kms"}}}}
	case e.KMS.State == KMSSilent && down:
		return []aid{{cause: intact(e, node.Participant) && e.Databases.known(now), FirstAid: FirstAid{ID: "kms-silent", Seen: sentences("the participant is down, and its KMS does not answer", e.KMS.Seen),
			Means: "A participant does not start without its KMS. That touches no data.",
			First: "Look at the credentials, the permissions and the network between the participant and the KMS.", Evidence: []string{"kms", "components", "databases"}}}}
	}
	return nil
}

// troubles are the known causes among what events and logs tell, one first aid for each kind.
func troubles(e Evidence, now time.Time) (all []aid) {
	if !e.Pods.known(now) {
		return nil
	}
	for _, kind := range []Kind{DiskFull, MachineGone, Mount, Room, Config, Image, Password, Locked, Certificate, Memory, Replaying} {
		var names, seen []string
		for _, t := range e.Pods.Troubles {
			if t.Kind == kind {
				names = append(names, t.Name)
				text := cmp.Or(t.Why.Summary, t.Name+": "+string(kind))
				if t.Why.Detail != "" && causes[kind].named {
					text += " (" + strings.TrimSuffix(plain.Line(t.Why.Detail), ".") + ")"
				}
				seen = append(seen, text)
			}
		}
		if len(names) == 0 {
			continue
		}
		cause := causes[kind]
		all = append(all, aid{cause: !cause.storage || e.Storage.known(now), FirstAid: FirstAid{ID: string(kind), Seen: sentence(list(seen)),
			Means: cause.means, First: cause.first, Evidence: []string{"pods"}}})
	}
	return all
}

// fullDisk is one that the claims show and no log line has told yet.
func fullDisk(e Evidence, c condition, now time.Time) []aid {
	if !e.Storage.known(now) || e.Pods.known(now) && slices.ContainsFunc(e.Pods.Troubles, func(t Trouble) bool { return t.Kind == DiskFull }) {
		return nil
	}
	for _, s := range e.Storage.Stores {
		if s.Used >= 100 {
			return []aid{{cause: true, FirstAid: FirstAid{ID: string(DiskFull), Seen: sentence("the volume of claim " + s.Claim + " is full"),
				Means: causes[DiskFull].means, First: causes[DiskFull].first, Evidence: []string{"storage"}}}}
		}
	}
	return nil
}

// scaledDown is for what was stopped. Where the network stands still, data is lost or a run has been at work, it may well be a part of a recovery that is under way,
// so nobody is told to start it.
func scaledDown(e Evidence, c condition, n network, now time.Time) []aid {
	if len(c.stopped) == 0 {
		return nil
	}
	var names []string
	for _, p := range c.stopped {
		names = append(names, p.Ref.Name)
	}
	a := aid{cause: true, FirstAid: FirstAid{ID: "scaled-down", Seen: sentence(list(names) + either(len(names), " is", " are") + " scaled down to nothing"),
		Means:    "Somebody or something has stopped this. A stopped part loses no data, and the clock of the sequencers runs all the same.",
		First:    sentence("ask who stopped " + list(names) + ", and whether a recovery or an upgrade is under way. If nobody needs it stopped, scale it up again, databases first"),
		Evidence: []string{"components"}}}
	if n.state == networkStands || len(c.lost) > 0 || e.Hold.known(now) && e.Hold.Held || e.Hold.unfinished(now) {
		a.Means = "It may have been stopped for a recovery: in a network recovery all SVs stop CometBFT first, and for a restore the whole node stands."
		a.First = "Leave " + list(names) + " stopped until you know who stopped it, and why."
		return []aid{a}
	}
	switch e.Answers.OnPurpose {
	case Yes:
		a.Means = "It was stopped on purpose, so this is no failure. A stopped part loses no data, and the clock of the sequencers runs all the same."
		a.First = "Talk to whoever stopped it before you touch anything."
		a.Evidence = append(a.Evidence, askPurpose)
	case No:
		a.First = "Find out what stopped it (an autoscaler, GitOps, an operator), or it will do so again. Then scale it up, databases first."
		a.Evidence = append(a.Evidence, askPurpose)
	}
	return []aid{a}
}

// needs are the parts without which a part cannot run; every part needs its database besides.
var needs = map[node.Part][]node.Part{
	node.Sequencer: {node.CometBFT},
	node.Mediator:  {node.Sequencer, node.CometBFT},
	node.SVApp:     {node.Participant},
	node.ScanApp:   {node.Participant},
	node.Validator: {node.Participant, node.ScanApp}, // scanClient.scanAddress in its values (reference/deployment.md 4)
}

// roles are the databases of the parts.
var roles = map[node.Part]postgres.Role{node.Participant: postgres.Participant, node.Sequencer: postgres.Sequencer, node.Mediator: postgres.Mediator,
	node.SVApp: postgres.SV, node.ScanApp: postgres.Scan, node.Validator: postgres.Validator}

// crashes is for parts that do not run while nothing says why. One alone, with its data whole, is no disaster; with several, what the
// others need is the one to look at first.
func crashes(e Evidence, c condition, now time.Time) []aid {
	if !e.Pods.known(now) || len(c.lost) > 0 || c.disabled || c.pruned || len(c.doubtful) > 0 {
		return nil
	}
	names, why := map[node.Part]string{}, map[node.Part]string{}
	for _, p := range c.down {
		names[p.Part] = p.Ref.Name
	}
	for _, t := range e.Pods.Troubles {
		if t.Kind == Crash || t.Kind == NotReady || t.Kind == Starting || t.Kind == NoDatabase {
			names[t.Part], why[t.Part] = t.Name, t.Why.Summary
		}
	}
	faulty := map[node.Part]bool{}
	for _, f := range e.Apps.Failed {
		if e.Apps.known(now) && names[f.Part] == "" {
			names[f.Part], why[f.Part], faulty[f.Part] = string(f.Part), "the "+string(f.Part)+" is up and says of itself: "+f.Seen, true
		}
	}
	starting := len(names) > 0 && len(faulty) == 0 && !slices.ContainsFunc(e.Pods.Troubles, func(t Trouble) bool { return t.Kind != Starting })
	for part := range names {
		starting = starting && why[part] != ""
	}
	var roots []node.Part
	for _, part := range working() {
		_, down := names[part]
		if down && !slices.ContainsFunc(needs[part], func(p node.Part) bool { return names[p] != "" }) {
			roots = append(roots, part)
		}
	}
	if len(roots) == 0 {
		return nil
	}
	if names[node.Postgres] != "" { // a database is below everything
		roots = []node.Part{node.Postgres}
	}
	root := roots[0]
	a := aid{FirstAid: FirstAid{ID: string(Crash), Seen: sentence(cmp.Or(why[root], names[root]+" is not ready")), Evidence: []string{"components", "pods"}}}
	keyless := root == node.Participant && e.KMS.known(now) && e.KMS.State == KMSEmpty
	whole := e.Databases.known(now) && e.Storage.known(now) && root != node.Postgres && intact(e, root) && !keyless
	if faulty[root] {
		a.Evidence = append(a.Evidence, "apps")
	}
	switch {
	case starting:
		a.ID, a.wait, a.cause = string(Starting), true, true
		a.Means, a.First = "It is starting. Nothing is wrong yet.", "Wait some minutes and look again."
	case len(roots) == 1 && faulty[root]:
		a.ID = "status"
		a.Means = "A node that was never set up, or lost its data and started anew, is ready for Kubernetes and says this. It may also still be starting."
		a.First = sentence("wait some minutes and look again. If it stays so, read the log of the " + string(root) + " and compare its database with the one that the node had")
	case len(roots) == 1 && whole:
		a.cause = true
		a.Evidence = append(a.Evidence, "databases", "storage")
		a.Means = sentence("one part fails, and its data is whole: that is no disaster")
		if len(names) > 1 {
			a.Means += " The other parts that are down need it."
		}
		a.First = sentence("read the log of " + names[root] + " from before its last restart, undo the last change to it, and restart it")
	case len(roots) == 1:
		a.Means = "Whether its data is whole is not known yet, so whether this is a disaster is not known either."
		a.First = sentence("read the log of " + names[root] + " from before its last restart. Change and delete nothing before that")
	default:
		var others []string
		for _, p := range roots {
			others = append(others, names[p])
		}
		a.Seen = sentence("several parts fail that do not need each other: " + list(others))
		a.Means = "They may have one cause: a machine, the storage, the network of the cluster, a change of all values."
		a.First = sentence("ask what was changed last, and read the log of " + names[root] + " first")
	}
	return []aid{a}
}

// intact says whether the database of a part was seen to be whole. CometBFT has none.
func intact(e Evidence, part node.Part) bool {
	role, has := roles[part]
	return !has || slices.ContainsFunc(e.Databases.All, func(d Database) bool { return d.Role == role && d.State == DatabaseWhole })
}

// catchingUp is for a node that is only slow.
func catchingUp(e Evidence, c condition, chain chainState, n network) []aid {
	if !c.behind || c.disabled || c.pruned || len(c.lost) > 0 || chain == chainStands && n.state != networkRuns {
		return nil
	}
	worst := Lag{}
	for _, l := range e.Apps.Lags {
		if last := lastOf(e.Apps.Lags, l.Part); last == l && l.Behind > worst.Behind {
			worst = l
		}
	}
	a := aid{cause: true, wait: true, FirstAid: FirstAid{ID: "catching-up", Seen: "The node is behind and catches up.",
		Means: "It reads what it missed. Everything is there, it only takes time, and a restore would take longer.",
		First: "Let the node run and look again in an hour. Restart nothing.", Evidence: []string{"apps", "chain"}}}
	if worst.Behind > behindFor {
		a.Seen = fmt.Sprintf("The %s is %s behind%s.", worst.Part, span(worst.Behind), trend(e.Apps.Lags, worst))
		if t := trend(e.Apps.Lags, worst); t != "" && t != ", and it comes closer" {
			a.ID, a.wait = "slow", false
			a.Means = "It works and is too slow to keep up. Its data is whole, and a restore would put it further behind."
			a.First = "Look at its disk, its processor limit and its database. Give it more of what it lacks, and watch whether the distance shrinks."
		}
	}
	return []aid{a}
}
