package doctor

import (
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/steps/triage"
)

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
			return triage.Violated, fmt.Sprintf("%d of %d are missing: %s", max(p.Denied, len(p.Missing)), p.Asked, triage.List(p.Missing))
		case p.Common:
			return triage.Holds, fmt.Sprintf("all %d that every restore needs are there; which more one from volume snapshots needs is known once there is a set", p.Asked)
		default:
			return triage.Holds, fmt.Sprintf("all %d that a restore needs are there", p.Asked)
		}
	})
}

func token(l look) finding {
	return l.of(l.Token.Reading, "whether the SV app takes a token", func() (triage.Verdict, string) {
		if l.Token.Refused != "" {
			return triage.Violated, l.Token.Refused
		}
		return triage.Holds, "the SV app took it"
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
		for _, shut := range h.Shut {
			texts = append(texts, "of "+h.App+", "+shut)
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
		case len(d.Unread) > 0 && d.Free >= d.Need:
			return triage.NotDetermined, fmt.Sprintf("%s has %.1f GiB free; the databases that could be asked have %.1f GiB, and of %s it is not known", d.Folder, float64(d.Free)/gib, float64(d.Need)/gib, triage.List(d.Unread))
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
			return triage.Violated, "this machine and the cluster are " + triage.Span(l.Clock.Skew.Abs()) + " apart"
		}
		return triage.Holds, "this machine and the cluster agree to " + triage.Span(maxSkew)
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
			return triage.Violated, fmt.Sprintf("%d of the participant's users were made since then", l.Users.Since)
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

func rollsForward(l look) finding {
	return l.of(l.RollForward.Reading, "whether the SV app could roll forward", func() (triage.Verdict, string) {
		switch r := l.RollForward; {
		case r.Known && !r.Applies:
			return triage.Holds, "up to 0.6.1 a network is recovered with migration dumps, and nothing rolls forward"
		case !r.Known:
			return triage.NotDetermined, "the SV app's environment is not what upstream's charts render"
		case len(r.Lacks) > 0:
			return triage.Violated, strings.Join(r.Lacks, "; ")
		}
		return triage.Holds, "nothing that it gets stands against it"
	})
}
