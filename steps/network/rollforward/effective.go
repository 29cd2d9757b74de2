package rollforward

import (
	"fmt"
	"strconv"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps/network/card"
	"canton.example/svrescue/steps/wire"
)

// OnboardingVariable is the environment variable of the SV app that says in which way it starts. The chart renders one of several branches into
// it: where joinWithKeyOnboarding is in the values, rollForwardLsu is left out without a word (splice-sv-node/templates/sv.yaml of 2026, in which
// the branch migration.migrating stands before both up to about release 0.6.5).
const OnboardingVariable = "ADDITIONAL_CONFIG_SV_ONBOARDING"

// Ways in which the SV app starts, as the variable names them.
const (
	JoinWithKey     = "join-with-key"
	RollForwardLSU  = "roll-forward-lsu"
	DomainMigration = "domain-migration"
)

// Onboarding judges what the SV app really does, from its environment: of a rendered Deployment, or of a pod that runs.
func (a Agreed) Onboarding(env map[string]string) []wire.Finding {
	const id = "onboarding"
	text, has := env[OnboardingVariable]
	if !has {
		return []wire.Finding{{ID: id, Verdict: wire.Violated, Text: "the SV app gets no " + OnboardingVariable + ", so it does not roll forward",
			Next: "Put rollForwardLsu into the values of its release, and look whether this chart knows it"}}
	}
	set, err := settings(text)
	if err != nil {
		return []wire.Finding{{ID: id, Verdict: wire.Undetermined, Text: "what " + OnboardingVariable + " of the SV app means could not be read: " + err.Error(),
			Next: "Look at it: it must say type = \"" + RollForwardLSU + "\", with the values of the card"}}
	}
	const at = "_onboarding."
	switch kind := set[at+"type"]; kind {
	case RollForwardLSU:
	case JoinWithKey:
		return []wire.Finding{{ID: id, Verdict: wire.Violated, Text: "the SV app joins with its key and does not roll forward: joinWithKeyOnboarding is in the values, and the chart takes it before rollForwardLsu",
			Next: "Take joinWithKeyOnboarding out of the values of the SV app for this upgrade, and put it back afterwards"}}
	case DomainMigration:
		return []wire.Finding{{ID: id, Verdict: wire.Violated, Text: "the SV app looks for a migration dump: migration.migrating is in the values, and the chart takes it before rollForwardLsu",
			Next: "Take migration.migrating out of the values of the SV app"}}
	default:
		return []wire.Finding{{ID: id, Verdict: wire.Violated, Text: fmt.Sprintf("the SV app starts with onboarding type %q and does not roll forward", kind),
			Next: "Look at the values of its release"}}
	}
	var all []wire.Finding
	compare := func(name, key, want string, same func(got, want string) bool) {
		got, has := set[at+key]
		switch {
		case !has:
			all = append(all, wire.Finding{ID: id + "-" + name, Verdict: wire.Violated, Text: "the SV app gets no " + name, Next: "The card says " + want})
		case !same(got, want):
			all = append(all, wire.Finding{ID: id + "-" + name, Verdict: wire.Violated, Text: fmt.Sprintf("the SV app gets %s %s", name, got), Next: "The card says " + want})
		}
	}
	equal := func(got, want string) bool { return got == want }
	compare("new serial", "new-physical-synchronizer-serial", strconv.Itoa(a.NewSerial), equal)
	compare("protocol version", "new-physical-synchronizer-protocol-version", a.ProtocolVersion, equal)
	for _, t := range []struct {
		name, key string
		at        time.Time
	}{{"topology export time", "topology-export-time", a.TopologyExport}, {"traffic export time", "traffic-export-time", a.TrafficExport}, {"upgrade time", "upgrade-time", a.ParticipantUpgrade}} {
		if !t.at.IsZero() {
			compare(t.name, "export-times."+t.key+".time", card.Stamp(t.at), sameTime)
		}
	}
	if got, has := set[at+"export-times.upgrade-time.time"]; has && a.ParticipantUpgrade.IsZero() {
		all = append(all, wire.Finding{ID: id + "-upgrade time", Verdict: wire.Violated, Text: "the SV app gets upgrade time " + got + " for its participant, which the card leaves out",
			Next: "Take upgradeTime out of rollForwardLsu.exportTimes"})
	}
	if len(all) == 0 {
		all = append(all, wire.Finding{ID: id, Verdict: wire.Holds, Text: "the SV app rolls forward to serial " + strconv.Itoa(a.NewSerial) + ", with the values of the card",
			Evidence: []wire.Evidence{{Source: OnboardingVariable, Seen: plain.Line(text)}}})
	}
	return all
}

// Capped judges whether an old sequencer has the maximum sequencing time, from its environment.
func (a Agreed) Capped(env map[string]string) wire.Finding {
	return bound(env, "cap", CapVariable, "the old sequencer", []want{{"maximum sequencing time", repair + "global-max-sequencing-time-exclusive", a.MaxSequencing}})
}

// Bounded judges whether the successor's sequencer has its bounds, from its environment.
func (a Agreed) Bounded(env map[string]string) wire.Finding {
	const override = repair + "lsu-sequencing-bounds-override."
	return bound(env, "bounds", BoundsVariable, "the successor's sequencer",
		[]want{{"lower bound", override + "lower-bound-sequencing-time-exclusive", a.LowerBound}, {"upgrade time", override + "upgrade-time", a.Upgrade}})
}

type want struct {
	name, key string
	at        time.Time
}

func bound(env map[string]string, id, variable, who string, all []want) wire.Finding {
	text, has := env[variable]
	if !has {
		return wire.Finding{ID: id, Verdict: wire.Violated, Text: who + " gets no " + variable, Next: "Put it into the environment of the sequencer in the values of its release"}
	}
	set, err := settings(text)
	if err != nil {
		return wire.Finding{ID: id, Verdict: wire.Undetermined, Text: "what " + variable + " means could not be read: " + err.Error(), Next: "Look at it"}
	}
	for _, w := range all {
		switch got := set[w.key]; {
		case got == "":
			return wire.Finding{ID: id, Verdict: wire.Violated, Text: who + " gets no " + w.name, Next: "The card says " + card.Stamp(w.at) + ", as " + w.key}
		case !sameTime(got, card.Stamp(w.at)):
			return wire.Finding{ID: id, Verdict: wire.Violated, Text: fmt.Sprintf("%s gets %s %s", who, w.name, got), Next: "The card says " + card.Stamp(w.at)}
		}
	}
	return wire.Finding{ID: id, Verdict: wire.Holds, Text: who + " has the values of the card", Evidence: []wire.Evidence{{Source: variable, Seen: plain.Line(text)}}}
}

// sameTime compares two times however they are written.
func sameTime(got, want string) bool {
	g, err := time.Parse(time.RFC3339Nano, got)
	w, err2 := time.Parse(time.RFC3339Nano, want)
	return err == nil && err2 == nil && g.Equal(w)
}
