package doctor

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/steps/wire"
)

// route holds where any way is there; only where every one was looked at and none is there, it is violated.
func route(l look) finding {
	f := finding{verdict: triage.Violated, source: "backups, identities and KMS"}
	var routes, open []string
	if s, ok := l.usable(); ok {
		routes = append(routes, "the backup set "+s.Name+" (a restore of the whole node)")
	} else {
		for _, s := range l.sets {
			if s.Verdict == triage.NotDetermined {
				open = append(open, "whether set "+s.Name+" can be restored is not known")
			}
		}
	}
	open = append(open, l.unread...)
	if known := l.provided(); len(known) > 0 {
		open = append(open, "the provider has backups of "+triage.List(known)+"; whether they fit together is proven only when they are restored")
	}
	for _, way := range []struct{ id, name string }{{"identities", "an identities backup (a re-onboarding)"}, {"kms", "the KMS (a re-onboarding)"}} {
		switch item, _ := l.judged.Item(way.id); {
		case way.id == "identities" && item.Verdict == triage.Holds && current(l).verdict == triage.Violated:
			open = append(open, "the identities backup is from before the last change of keys, and whether it still serves is not known")
		case item.Verdict == triage.Holds:
			routes = append(routes, way.name)
		case item.Verdict == triage.NotDetermined:
			open = append(open, item.Detail)
		}
	}
	switch {
	case len(routes) > 0:
		f.verdict, f.detail = triage.Holds, "it could be recovered with "+strings.Join(routes, ", and with ")
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

// provided are the servers outside the cluster of which a young backup is known.
func (l look) provided() (known []string) {
	for _, m := range l.Managed {
		if v, _ := l.backedUp(m); v == triage.Holds {
			known = append(known, m.Server)
		}
	}
	return known
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
			return triage.NotDetermined, fmt.Sprintf("the sequencers heard of this node %s ago; how long they wait is not known", triage.Span(silent))
		case silent >= l.Pruning.Period:
			return triage.Violated, fmt.Sprintf("the sequencers heard of this node %s ago, and wait %s", triage.Span(silent), triage.Span(l.Pruning.Period))
		default:
			return triage.Holds, fmt.Sprintf("the sequencers heard of this node %s ago, and wait %s: %s are left", triage.Span(silent), triage.Span(l.Pruning.Period), triage.Span(l.Pruning.Period-silent))
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
