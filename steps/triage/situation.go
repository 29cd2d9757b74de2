package triage

import "slices"

// situation names what is the matter, the gravest first, and says it in a sentence or two.
func (s seen) situation(recommended string) (Situation, string) {
	then := map[string]string{
		Restore:   "Restore it from its backup.",
		Reonboard: "Re-onboard the SV and recover its assets.",
		Network:   "Recover the network together with the other SVs.",
		"":        "No recovery can be recommended yet: the reasons and the open questions say what is missing.",
	}[recommended]
	if s.held() && !s.healthy() {
		return Unclear, sentences(s.e.Hold.says(), "what is down may be so because of that. Talk to whoever began it before anything else")
	}
	switch {
	case s.lostNetwork():
		return NetworkLost, sentences("the ledger stands still for all, and the SVs have declared the network lost", s.procedure(then))
	case s.keys.verdict == Violated:
		return AssetsLost, "There is no database backup, no identities backup and no KMS, and nothing was found that could still hold the keys. The assets of this SV cannot be recovered. Have a second person check that before you believe it."
	case s.net.membership == isOffboarded:
		return VotedOut, sentences("the other SVs have voted this SV out: its party is among the offboarded ones", then)
	case s.cond.disabled:
		return NodeDisabled, sentences("the sequencers have disabled this member, since it was silent for longer than they keep data. Its data may be whole and is of no use for going on", then)
	case s.damaged():
		return NodeLost, sentences(s.whatIsLost(), then)
	case s.net.state == networkStands && s.chain == chainRuns:
		return Unclear, "The scans say that the ledger stands still, and the chain of this node makes blocks. One of the two is wrong, so nothing is recommended."
	case s.net.state == networkStands:
		return NetworkStanding, "The ledger stands still for all, so this is not about this node alone. Nobody has said that the SVs declared the network lost. Talk to the other SVs first."
	}
	if len(s.running()) > 0 && s.e.Answers.DeclaredLost == Yes {
		return Unclear, "You say that the SVs declared the network lost, and it was seen to run. Clear that up with the other SVs before anything else."
	}
	if i := slices.IndexFunc(s.aids, func(a aid) bool { return a.cause && !a.wait }); i >= 0 {
		return Fixable, sentences("this is no disaster", s.aids[i].Seen, s.aids[i].Means, "Take the first aid: the best recovery is the one that is not needed")
	}
	if i := slices.IndexFunc(s.aids, func(a aid) bool { return a.cause }); i >= 0 {
		return Waiting, sentences("nothing is broken, the node needs time", s.aids[i].Seen)
	}
	switch {
	case s.cond.empty && s.e.Answers.RightNamespace == No:
		return Fixable, "Nothing of a node is here, and you say that this is not its namespace. Look in the right one."
	case s.cond.empty:
		return Unclear, "Nothing of a node is in this namespace. Whether it is lost or was looked for in the wrong place is not known."
	case s.healthy() && s.net.state == networkRuns:
		return Healthy, "Nothing is wrong: the node is up, its data is there, and the network runs."
	case s.healthy():
		return Healthy, "Nothing is wrong with this node: it is up and its chain makes blocks. The other SVs' scans were not heard."
	}
	if s.net.membership == isNeither {
		return Unclear, "The scans of the other SVs do not know the party of this SV. It may be the wrong party, or the network was reset."
	}
	if len(s.cond.doubtful) > 0 && s.databasesWhole() {
		return Unclear, sentences(s.cond.doubtful[0], "the databases answer and have their tables, so what is damaged, if anything, is not known")
	}
	if len(s.aids) > 0 {
		return Unclear, sentences("something is wrong, and whether it is a disaster is not known", s.aids[0].Seen, s.aids[0].Means)
	}
	return Unclear, "Too little has been seen to say what is the matter."
}

func (s seen) procedure(then string) string {
	switch s.rel.Family {
	case FamilyB, FamilyC:
		return "From Splice 0.6.2 on the way is the roll-forward logical synchronizer upgrade, which all SVs take together"
	}
	return then
}

func (s seen) whatIsLost() string {
	switch {
	case len(s.cond.lost) > 0:
		return sentences(s.cond.lost...)
	case s.vanished():
		return "Nothing of the node is in its namespace any more."
	case s.cond.pruned:
		return "What this node would have to read next has been pruned by the sequencers: it cannot go on from the data that it has."
	}
	return sentences(s.cond.doubtful...)
}

// besides are things to do first that explain nothing.
func (s seen) besides(now Situation) (all []aid) {
	add := func(id, seen, means, first string, evidence ...string) {
		all = append(all, aid{FirstAid: FirstAid{ID: id, Seen: sentence(seen), Means: sentence(means), First: sentence(first), Evidence: evidence}})
	}
	if len(s.keys.leftovers) > 0 && s.keys.verdict != Holds {
		add("keys-may-remain", "these may still hold keys: "+list(s.keys.leftovers), "They may be the last copy of the keys of the participant.",
			"Set released volumes to Retain, delete none of these, and look into them before you give anything up.", "leftover-volumes", "leftover-claims", "leftover-secrets")
	}
	if s.held() {
		add("recovery-under-way", s.e.Hold.says(), "Two recoveries at once can destroy what one of them saves. A run that died without letting the node go looks the same.",
			"Talk to whoever began it. On that machine, svrescue attach shows it and svrescue resume goes on with it; begin no other.", "lease")
	}
	if h := s.e.Hold; h.unfinished(s.now) && (len(s.cond.lost)+len(s.cond.stopped) > 0 || s.cond.empty) {
		add("earlier-run", "run "+h.Run+" of svrescue let the node go: "+h.Note, "What is down may be what that run has stopped or put aside.",
			"Go on with it, or take it back, on the machine where it was begun: svrescue resume "+h.Run+". Start nothing that it has stopped.", "lease")
	}
	switch now {
	case NodeLost, NodeDisabled, AssetsLost:
		add("keep", "this node needs a recovery, or has lost what it needs for one", "What is left on its volumes may still be needed: for keys, and for what no backup has.",
			"Delete nothing. Set the reclaim policy of its volumes to Retain, and take an identities backup now if the SV app still answers.", "storage", "keys")
	case VotedOut:
		add("ask-the-others", "the other SVs have voted this SV out", "That is a decision of people. It may be a mistake, or part of a recovery that is under way.",
			"Ask the other SVs why, before anything is changed here.", "membership")
	case NetworkStanding:
		add("call-the-others", "the ledger stands still on more than two thirds of the scans", "It is a matter of all SVs. What one of them does alone can make it worse.",
			"Call the other SVs in the incident channel. Keep the databases, the participant and the sequencer as they are, and take backups.", "network")
	case NetworkLost:
		first := "Take backups, and keep participant and sequencer as they are. Write down what is agreed: the times, the numbers, the addresses."
		if s.rel.Family == FamilyA {
			first += " Stop CometBFT only when all SVs do."
		}
		add("keep-the-rest", "the SVs have declared the network lost", "The recovery starts from what the participants and sequencers still have, and all SVs have to use the same values.",
			first, "network", askDeclared)
	case Unclear:
		if s.chain == chainStands && s.net.state == networkUnknown {
			add("ask-the-others", "the chain of this node stands still, and too few scans can be reached from here", "Either this node is cut off, or all of the network stands. From here the two look the same.",
				"Ask another SV whether its chain makes blocks. Until then change nothing.", "chain", "network")
		}
		if !s.e.Cluster.known(s.now) {
			add("reach-the-cluster", s.e.Cluster.why("the cluster", s.now), "What cannot be read from here may still be in order there.",
				"Check the address, the context and the permissions, then look again.", "components")
		}
	}
	if s.cond.empty && now != NodeLost {
		add("right-namespace", "nothing of a node is in this namespace", "A wrong context or namespace looks the same as a node that is gone.",
			"Compare the context and the namespace with the record of the node.", "components")
	}
	if len(s.cond.doubtful) > 0 && !s.damaged() {
		means, first := "The databases answer and have their tables, which speaks against it. Damage of a single page shows only when it is read.",
			"Take a snapshot of the volume now, and have the database checked before anything is restored."
		if s.excused() {
			means, first = "There is another cause that explains it: a full disk often looks like this.",
				"Deal with the other cause first, then look again. Take a snapshot of the volume before the database is started."
		}
		add("damage-or-not", s.cond.doubtful[0], means, first, "pods", "databases")
	}
	if (now == Healthy || now == Waiting) && s.backups.searched && s.backups.found == 0 && s.e.Answers.BackupsElsewhere != Yes {
		add("unprotected", "no backup set was found", "If this node were lost now, nothing could be restored.",
			"Take a backup, the apps first and the participant after them, and an identities backup.", "backup-set")
	}
	if len(s.net.outvoted) > 0 {
		add("tell-them", "outvoted: "+list(s.net.outvoted), "These scans say something else than enough of the others. They are out of date, or wrong.",
			"Tell the operators of these SVs, and do not rely on these scans.", "peers")
	}
	if s.nearlyFull() != "" && now != NodeLost {
		add("nearly-full", s.nearlyFull(), "A database whose disk becomes full stops. It can be made larger while it still runs.",
			"Make the volume larger before it is full. Delete nothing in the data folder of a database.", "storage")
	}
	return all
}

// questions are those that matter in this situation and that nobody has answered yet. "I don't know" is an answer.
func (s seen) questions(now Situation) []Question {
	all := []Question{}
	ask := func(id string, said Answer, when bool) {
		if when && said == "" {
			all = append(all, s.e.Answers.question(id))
		}
	}
	a := s.e.Answers
	grave := slices.Contains([]Situation{NodeLost, NodeDisabled, VotedOut, NetworkLost}, now)
	best := s.backups.best
	ask(askNamespace, a.RightNamespace, s.cond.empty)
	ask(askPurpose, a.OnPurpose, len(s.cond.stopped) > 0)
	ask(askDeclared, a.DeclaredLost, now == NodeLost || now == NodeDisabled || now != Healthy && s.net.state != networkRuns && s.chain != chainRuns)
	ask(askBackups, a.BackupsElsewhere, grave && (best == nil || best.verdict != Holds))
	ask(askIdentities, a.IdentitiesElsewhere, grave && s.keys.verdict != Holds)
	return all
}

// missing names what was not determined of what every verdict needs, for whoever can make it readable.
func missing(items []Item) []FirstAid {
	var what, ids []string
	for _, i := range items {
		needed := slices.Contains([]string{"components", "pods", "storage", "databases", "chain", "network", "apps"}, i.ID)
		if needed && i.Verdict == NotDetermined {
			what, ids = append(what, i.Source), append(ids, i.ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	return []FirstAid{{ID: "missing", Seen: sentence("not determined yet, from: " + list(what)), Means: "Without this it cannot be told whether there is a disaster at all.",
		First: "Wait for what is still being read. For the rest, the evidence says why it could not be read: put that right and look again.", Evidence: ids}}
}
