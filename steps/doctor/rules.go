package doctor

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/steps/wire"
)

const (
	// cadence is how old a backup may be: every 4 hours (reference/deployment.md 8.1).
	cadence = 4 * time.Hour
	// maxSkew is how far clocks may be apart before ages mean little.
	maxSkew = 30 * time.Second
)

// rules are all conditions (reference/backups.md 4), in the order in which they are told.
func rules() []rule {
	all := []rule{
		{id: "recovery-route", title: "There is at least one way to recover",
			consequence: "If the node is lost now, its assets are lost with it.",
			fix:         "Take a database backup, the apps before the participant, and fetch an identities backup from the SV app (/v0/admin/domain/identities-dump).", judge: route},
		{id: "backup-set", title: "A backup set is whole and in order",
			consequence: "A full node cannot be restored from backups; what is left is to re-onboard, which loses what only the databases hold.",
			fix:         "Run the backup again, the apps first, and wait until they are done before the participant's begins; then: svrescue backup check, or svrescue plan restore.", judge: taken("backup-set")},
		{id: "backup-age", title: "The newest usable set is not older than 4 hours",
			consequence: "What happened since then has to be caught up from the network, and users onboarded since then are missing.",
			fix:         "See why the backups stopped, and take one now.", judge: age},
		{id: "backup-managed", title: "Servers outside the cluster are backed up by their provider",
			consequence: "The set is not whole without them.",
			fix:         "Look at the backups at the provider, and declare what you saw.", judge: managed},
		{id: "backup-spacing", title: "Backup sets lie closer together than what is kept",
			consequence: "What happened between two sets further apart is in none of them, once the node has pruned it.",
			fix:         "Keep a set about every two weeks.", judge: spacing},
		{id: "backup-synchronizer", title: "A usable set is of the synchronizer that runs",
			consequence: "A set from before a migration or an upgrade can be restored only while the old synchronizer's nodes still run.",
			fix:         "Take a backup now, of the synchronizer that runs.", judge: synchronizer},
		{id: "restore-point", title: "The restore point lies inside the history that sequencers keep",
			consequence: "A node restored to it could not catch up any more.",
			fix:         "Take a backup now. If the retention is not known, ask the other SVs for theirs and declare the shortest (retention).", judge: taken("runway")},
		{id: "acknowledgement-age", title: "The sequencers have heard of this node lately",
			consequence: "Sequencers disable a member that is silent for as long as they keep history; its data is whole then, and of no use.",
			fix:         "See that the participant runs and reaches its sequencers.", judge: acknowledged},
		{id: "pruning-schedule", title: "The participant's pruning is configured and known",
			consequence: "How far back the participant's own history goes is not known.",
			fix:         "Set participantPruningSchedule in the values of the validator app.", judge: schedule},
		{id: "identities", title: "An identities backup exists, and is this node's",
			consequence: "Without the databases, the assets could not be recovered.",
			fix:         "Fetch one from the SV app (/v0/admin/domain/identities-dump), and keep it outside the cluster.", judge: taken("identities")},
		{id: "identities-private", title: "Nobody else can read an identities backup",
			consequence: "It holds private keys: whoever reads it can act as this node.",
			fix:         "Take the rights away from others: chmod 600 FILE, and see who had read it.", judge: private},
		{id: "identities-current", title: "The identities backup is newer than the last change of keys",
			consequence: "It would bring back keys that are no longer those of the node.",
			fix:         "Fetch a new identities backup.", judge: current},
		{id: "permissions", title: "The permissions that a recovery needs are there",
			consequence: "In an incident somebody with more rights has to be found first.",
			fix:         "Have a cluster administrator grant them: svrescue plan restore names each.", judge: permissions},
		{id: "token", title: "The SV app takes a token of the right audience",
			consequence: "Identities cannot be fetched, and a re-onboarding cannot be driven.",
			fix:         "Compare oidc.audiences with auth.audience in the values of the apps, and the client's rights at the provider.", judge: token},
		{id: "reachable", title: "A way leads to each of the node's apps",
			consequence: "In an incident the apps cannot be asked.",
			fix:         "See hosts and ca in the configuration, the allow list of the ingress, and the right to forward ports.", judge: hosts},
		{id: "disk", title: "This machine has room for the dumps",
			consequence: "Dumps cannot be taken or unpacked here.",
			fix:         "Make room, or name another folder.", judge: disk},
		{id: "clock", title: "This machine's clock agrees with the cluster's",
			consequence: "Ages of backups are told by it, and would be wrong.",
			fix:         "Correct this machine's clock.", judge: clock},
		{id: "copy-helm-values", title: "A record of the node lies outside the cluster",
			consequence: "A lost cluster would have to be put together from memory.",
			fix:         "svrescue record FOLDER, after every upgrade, away from the cluster.", judge: recorded},
	}
	for _, kind := range slices.Sorted(maps.Keys(CopyKinds())) {
		what := CopyKinds()[kind]
		all = append(all, rule{id: "copy-" + kind, title: "A copy outside the cluster: " + what,
			consequence: "If the cluster is lost, it is lost with it.", fix: "Keep a copy where the cluster's loss does not reach it, and declare where.",
			judge: func(l look) finding { return kept(l, kind, what) }})
	}
	return append(all,
		rule{id: "users-since-backup", title: "Users onboarded since the newest set", informational: true,
			consequence: "They have to be onboarded again by hand after a restore.", judge: users},
		rule{id: "parties", title: "Parties that a re-onboarding does not carry over", informational: true,
			consequence: "They stay behind where the node is re-onboarded, and need a restore from databases.", judge: parties})
}

// route holds where any way is there; only where every one was looked at and none is there, it is violated.
func route(l look) finding {
	f := finding{verdict: triage.Violated, source: "backups, identities and KMS"}
	var routes, open []string
	if s, ok := l.usable(); ok {
		routes = append(routes, "the backup set "+s.Name)
	} else {
		for _, s := range l.sets {
			if s.Verdict == triage.NotDetermined {
				open = append(open, "whether set "+s.Name+" can be restored is not known")
			}
		}
	}
	open = append(open, l.unread...)
	for _, way := range []struct{ id, name string }{{"identities", "an identities backup"}, {"kms", "the KMS"}} {
		switch item, _ := l.judged.Item(way.id); item.Verdict {
		case triage.Holds:
			routes = append(routes, way.name)
		case triage.NotDetermined:
			open = append(open, item.Detail)
		}
	}
	switch {
	case len(routes) > 0:
		f.verdict, f.detail = triage.Holds, "it could be recovered with "+triage.List(routes)
	case len(open) > 0:
		f.verdict, f.detail = triage.NotDetermined, triage.Sentences(append([]string{"no way has been seen, and not everything has been looked at"}, open...)...)
	default:
		f.detail = "there is no backup set that can be restored, no identities backup of this node, and no KMS that holds its keys"
	}
	return f
}

func age(l look) finding {
	f := finding{verdict: triage.Violated, source: "backup sets"}
	s, ok := l.usable()
	switch {
	case ok:
		f.detail = fmt.Sprintf("set %s is %s old", s.Name, triage.Span(l.now.Sub(s.Begin)))
		if l.now.Sub(s.Begin) <= cadence {
			f.verdict = triage.Holds
		}
	case len(l.unread) > 0:
		f.verdict, f.detail = triage.NotDetermined, triage.Sentences(append([]string{"no usable set has been seen"}, l.unread...)...)
	case slices.ContainsFunc(l.sets, func(s triage.JudgedSet) bool { return s.Verdict == triage.NotDetermined }):
		f.verdict, f.detail = triage.NotDetermined, "sets were found, and it could not be told of any whether it is usable"
	default:
		f.detail = "there is no usable set"
	}
	return f
}

// managed looks at each server outside the cluster that the node names: what was declared or asked of its backups.
func managed(l look) finding {
	return l.of(l.Cluster.Reading, "which databases the node has", func() (triage.Verdict, string) {
		verdict, texts := triage.Holds, []string{}
		for _, server := range l.Cluster.Node.Servers() {
			if !server.Managed() {
				continue
			}
			name := server.String()
			i := slices.IndexFunc(l.Managed, func(m Managed) bool { return m.Server == name })
			v, text := triage.NotDetermined, "nothing is known of the backups of "+name
			if i >= 0 {
				v, text = l.backedUp(l.Managed[i])
			}
			texts = append(texts, text)
			if v == triage.Violated || verdict == triage.Holds {
				verdict = v
			}
		}
		if len(texts) == 0 {
			return triage.Holds, "no database server of the node lies outside the cluster"
		}
		return verdict, triage.Sentences(texts...)
	})
}

func (l look) backedUp(m Managed) (triage.Verdict, string) {
	old := l.now.Sub(m.Taken)
	switch {
	case !m.Until.IsZero() && !m.Until.After(l.now):
		return triage.NotDetermined, fmt.Sprintf("the word that was given for the backups of %s ran out on %s", m.Server, triage.Moment(m.Until))
	case !m.Until.IsZero():
		return triage.Holds, fmt.Sprintf("somebody has given their word for the backups of %s until %s", m.Server, triage.Moment(m.Until))
	case !m.Known(l.now):
		return triage.NotDetermined, m.Why("the newest backup of "+m.Server, l.now)
	case m.Taken.IsZero() || old < -maxSkew:
		return triage.NotDetermined, "the time that was told of the newest backup of " + m.Server + " cannot be right"
	case old > cadence:
		return triage.Violated, fmt.Sprintf("the newest backup of %s is %s old", m.Server, triage.Span(old))
	}
	return triage.Holds, fmt.Sprintf("the newest backup of %s is %s old", m.Server, triage.Span(old))
}

// spacing looks at the gaps between the sets in which nothing is wrong, also those too old to catch up from, and at the one up to now: each
// holds what the node kept at its time (reference/deployment.md 8.1: historical backups about every two weeks, blocks for 30 days).
func spacing(l look) finding {
	f := finding{verdict: triage.NotDetermined, source: "backup sets"}
	var begins []time.Time
	for _, s := range l.sets {
		wrong := slices.ContainsFunc(s.Checks, func(f wire.Finding) bool {
			return f.Verdict == wire.Violated && f.ID != "age" && f.ID != backup.DumpAge
		})
		if !wrong && !s.Begin.IsZero() && !s.Begin.After(l.now) {
			begins = append(begins, s.Begin)
		}
	}
	if !l.Pruning.Known(l.now) || l.Pruning.Period <= 0 {
		f.detail = "the retention of the sequencers is not known"
		return f
	}
	if len(begins) < 2 {
		f.detail = fmt.Sprintf("%d sound set was found, and a spacing needs two", len(begins))
		if len(begins) == 0 {
			f.detail = "no sound set was found"
		}
		return f
	}
	widest, after := time.Duration(0), l.now
	for _, b := range begins {
		widest, after = max(widest, after.Sub(b)), b
	}
	f.verdict = triage.Holds
	if widest >= l.Pruning.Period {
		f.verdict = triage.Violated
	}
	f.detail = fmt.Sprintf("the widest gap is %s, and the sequencers keep %s (%s)", triage.Span(widest), triage.Span(l.Pruning.Period), cmp.Or(l.Pruning.From, "where that was read is not known"))
	return f
}

func synchronizer(l look) finding {
	return l.of(l.Cluster.Reading, "which synchronizer runs", func() (triage.Verdict, string) {
		serial := l.Cluster.Node.Serial
		if serial == "" {
			return triage.NotDetermined, "which synchronizer is the current one is not known"
		}
		if i := slices.IndexFunc(l.sets, func(s triage.JudgedSet) bool { return s.Verdict == triage.Holds && s.Serial == serial }); i >= 0 {
			return triage.Holds, fmt.Sprintf("set %s is of synchronizer %s, which runs", l.sets[i].Name, serial)
		}
		if s, ok := l.usable(); ok {
			return triage.NotDetermined, "set " + s.Name + " does not tell in which synchronizer it was taken"
		}
		var of []string
		for _, s := range l.sets {
			if s.Serial != "" && s.Serial != serial {
				of = append(of, "set "+s.Name+" (synchronizer "+s.Serial+")")
			}
		}
		if len(of) > 0 && len(of) == len(l.sets) && len(l.unread) == 0 {
			return triage.Violated, fmt.Sprintf("synchronizer %s runs, and there is only %s", serial, triage.List(of))
		}
		return triage.NotDetermined, "there is no usable set to look at"
	})
}

func acknowledged(l look) finding {
	return l.of(l.Pruning.Reading, "when the sequencers last heard of this node", func() (triage.Verdict, string) {
		switch silent := l.now.Sub(l.Pruning.LastAck); {
		case l.Pruning.LastAck.IsZero():
			return triage.NotDetermined, "when the sequencers last heard of this node is not known"
		case l.Pruning.Period <= 0:
			return triage.NotDetermined, fmt.Sprintf("they heard of it %s ago; how long they wait is not known", triage.Span(silent))
		case silent >= l.Pruning.Period:
			return triage.Violated, fmt.Sprintf("they heard of it %s ago, and wait %s", triage.Span(silent), triage.Span(l.Pruning.Period))
		default:
			return triage.Holds, fmt.Sprintf("they heard of it %s ago, and wait %s: %s are left", triage.Span(silent), triage.Span(l.Pruning.Period), triage.Span(l.Pruning.Period-silent))
		}
	})
}

func schedule(l look) finding {
	return l.of(l.Schedule.Reading, "the pruning schedule of the participant", func() (triage.Verdict, string) {
		if !l.Schedule.Set {
			return triage.Violated, "no pruning schedule is configured"
		}
		return triage.Holds, cmp.Or(l.Schedule.Seen, "a pruning schedule is configured")
	})
}

func private(l look) finding {
	return l.of(l.Identities.Reading, "identities backups", func() (triage.Verdict, string) {
		var open []string
		for _, f := range l.Identities.Files {
			if f.Open {
				open = append(open, f.Name)
			}
		}
		if len(open) > 0 {
			return triage.Violated, "others can read " + triage.List(open)
		}
		return triage.Holds, "none that was found can be read by others"
	})
}

// current compares the newest identities backup that can be used with the last change of keys.
func current(l look) finding {
	return l.of(l.KeysChanged.Reading, "when the participant's keys were last changed", func() (triage.Verdict, string) {
		item, _ := l.judged.Item("identities")
		var newest time.Time
		for _, f := range l.Identities.Files {
			if f.Problem == "" && f.Taken.After(newest) && (f.Party == "" || l.Own.Party == "" || f.Party == l.Own.Party) {
				newest = f.Taken
			}
		}
		switch {
		case item.Verdict != triage.Holds:
			return triage.NotDetermined, "there is no identities backup that is known to be this node's"
		case l.KeysChanged.Last.IsZero():
			return triage.Holds, "the keys have never been changed"
		case newest.IsZero():
			return triage.NotDetermined, "when the identities backup was taken is not known"
		case newest.Before(l.KeysChanged.Last):
			return triage.Violated, fmt.Sprintf("it was taken at %s, and keys were changed at %s", triage.Moment(newest), triage.Moment(l.KeysChanged.Last))
		}
		return triage.Holds, fmt.Sprintf("it was taken at %s, and keys were last changed at %s", triage.Moment(newest), triage.Moment(l.KeysChanged.Last))
	})
}

func permissions(l look) finding {
	return l.of(l.Permissions.Reading, "the permissions in the cluster", func() (triage.Verdict, string) {
		switch p := l.Permissions; {
		case p.Asked == 0:
			return triage.NotDetermined, "no permission was asked for"
		case len(p.Missing) > 0:
			return triage.Violated, fmt.Sprintf("%d of %d are missing: %s", len(p.Missing), p.Asked, triage.List(p.Missing))
		default:
			return triage.Holds, fmt.Sprintf("all %d are there", p.Asked)
		}
	})
}

func token(l look) finding {
	return l.of(l.Token.Reading, "whether the SV app takes a token", func() (triage.Verdict, string) {
		if l.Token.Refused != "" {
			return triage.Violated, l.Token.Refused
		}
		return triage.Holds, "it was taken"
	})
}

func hosts(l look) finding {
	if len(l.Hosts) == 0 {
		return finding{verdict: triage.NotDetermined, detail: "no app has been asked", source: "the node's apps"}
	}
	f := finding{verdict: triage.Holds, source: "the node's apps"}
	var texts []string
	for _, h := range l.Hosts {
		switch {
		case !h.Known(l.now):
			texts = append(texts, h.Why("the way to "+h.App, l.now))
			if f.verdict == triage.Holds {
				f.verdict = triage.NotDetermined
			}
		case h.Refused != "":
			texts = append(texts, "no way leads to "+h.App+": "+h.Refused)
			f.verdict = triage.Violated
		default:
			texts = append(texts, h.App+" answers by "+h.Way)
		}
		if h.At.After(f.at) {
			f.at = h.At
		}
	}
	f.detail = triage.Sentences(texts...)
	return f
}

func disk(l look) finding {
	return l.of(l.Disk.Reading, "the room for dumps", func() (triage.Verdict, string) {
		const gib = 1 << 30
		switch d := l.Disk; {
		case d.Need <= 0:
			return triage.NotDetermined, fmt.Sprintf("%s has %.1f GiB free; how much the databases need is not known", d.Folder, float64(d.Free)/gib)
		case d.Free < d.Need:
			return triage.Violated, fmt.Sprintf("%s has %.1f GiB free, and the databases have %.1f GiB", d.Folder, float64(d.Free)/gib, float64(d.Need)/gib)
		default:
			return triage.Holds, fmt.Sprintf("%s has %.1f GiB free, and the databases have %.1f GiB", d.Folder, float64(d.Free)/gib, float64(d.Need)/gib)
		}
	})
}

func clock(l look) finding {
	return l.of(l.Clock.Reading, "the cluster's clock", func() (triage.Verdict, string) {
		if l.Clock.Skew.Abs() > maxSkew {
			return triage.Violated, "they are " + triage.Span(l.Clock.Skew.Abs()) + " apart"
		}
		return triage.Holds, "they agree"
	})
}

func recorded(l look) finding {
	return l.of(l.Record.Reading, "the record of the node", func() (triage.Verdict, string) {
		if l.Record.Made.IsZero() {
			return triage.Violated, "there is none"
		}
		return triage.Holds, "it was made at " + triage.Moment(l.Record.Made) + "; whether it lies outside the cluster only you know"
	})
}

func kept(l look, kind, what string) finding {
	f := finding{verdict: triage.NotDetermined, detail: "nobody has said where a copy of " + what + " lies", source: "the configuration"}
	for _, c := range l.Copies {
		switch {
		case c.What != kind:
		case strings.TrimSpace(c.Where) == "":
			f.detail = "it is not said where the copy lies"
		case !c.Until.After(l.now):
			f.detail = fmt.Sprintf("it was to lie in %s, and that word ran out on %s: look again", c.Where, triage.Moment(c.Until))
		default:
			return finding{triage.Holds, fmt.Sprintf("declared to lie in %s, which counts until %s", c.Where, triage.Moment(c.Until)), f.source, f.at}
		}
	}
	return f
}

func users(l look) finding {
	return l.of(l.Users.Reading, "users onboarded since the newest set", func() (triage.Verdict, string) {
		if l.Users.Since > 0 {
			return triage.Violated, fmt.Sprintf("%d were onboarded since then", l.Users.Since)
		}
		return triage.Holds, "there are none"
	})
}

func parties(l look) finding {
	return l.of(l.Parties.Reading, "parties that a re-onboarding does not carry over", func() (triage.Verdict, string) {
		if len(l.Parties.Stay) > 0 {
			return triage.Violated, "they are " + triage.List(l.Parties.Stay)
		}
		return triage.Holds, "there are none"
	})
}
