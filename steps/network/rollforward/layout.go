package rollforward

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps/wire"
)

// Layout is under which names the SV app and scan know the two synchronizers while they roll forward.
type Layout string

const (
	// LegacyCurrent: the old synchronizer is legacy and the successor is current. The app of upstream that rolls forward needs it: it exports from
	// legacy, initialises current, and does not start without legacy ("Legacy node must be set for roll-forward LSU",
	// RollForwardLsuInitializer.scala at 24d6320e; upstream's tests have it so).
	LegacyCurrent Layout = "legacy-current"
	// CurrentSuccessor: the old synchronizer is current and the successor is successor, as upstream's page has it for upgrades that are announced.
	CurrentSuccessor Layout = "current-successor"
)

// names are those of the old synchronizer and of the successor.
func (l Layout) names() (old, next string) {
	if l == CurrentSuccessor {
		return "current", "successor"
	}
	return "legacy", "current"
}

// svSequencers are the sequencers that the SV app's environment names, by the name of their synchronizer: current -> global-domain-4-sequencer.
func svSequencers(env map[string]string) (map[string]string, error) {
	const at, end = "canton.sv-apps.sv.local-synchronizer-nodes", "sequencer.admin-api.address"
	return sequencers(env, "ADDITIONAL_CONFIG_SV_DOMAIN", at, end)
}

// scanSequencers are those that scan's environment names.
func scanSequencers(env map[string]string) (map[string]string, error) {
	const at, end = "canton.scan-apps.scan-app.synchronizer-nodes", "sequencer.address"
	all, err := sequencers(env, "ADDITIONAL_CONFIG_SYNCHRONIZER", at, end)
	if address := env["SPLICE_APP_SCAN_SEQUENCER_ADDRESS"]; err == nil && address != "" {
		all["current"] = address
	}
	return all, err
}

func sequencers(env map[string]string, prefix, at, end string) (map[string]string, error) {
	all := map[string]string{}
	for _, variable := range slices.Sorted(maps.Keys(env)) {
		if !strings.HasPrefix(variable, prefix) || !strings.Contains(env[variable], at) {
			continue
		}
		set, err := settings(env[variable])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", variable, err)
		}
		for key, value := range set {
			name, ok := strings.CutPrefix(key, at+".")
			if name, ok2 := strings.CutSuffix(name, "."+end); ok && ok2 {
				all[name] = value
			}
		}
	}
	return all, nil
}

// laid judges whether an app has the sequencers under the names of the layout.
func laid(id, who string, got map[string]string, err error, l Layout, old, next string) wire.Finding {
	if err != nil {
		return wire.Finding{ID: id, Verdict: wire.Undetermined, Text: "which synchronizers " + who + " knows could not be read: " + plain.Line(err.Error()), Next: "Look at its environment"}
	}
	oldName, nextName := l.names()
	for _, w := range []struct{ name, sequencer string }{{oldName, old}, {nextName, next}} {
		if got[w.name] != w.sequencer {
			seen := "none"
			if got[w.name] != "" {
				seen = plain.Line(got[w.name])
			}
			return wire.Finding{ID: id, Verdict: wire.Violated, Text: fmt.Sprintf("%s has %s as its %s synchronizer, and it has to be %s", who, seen, w.name, w.sequencer),
				Next: "Look at synchronizers." + w.name + " in the values of its release"}
		}
	}
	return wire.Finding{ID: id, Verdict: wire.Holds, Text: fmt.Sprintf("%s has %s as %s and %s as %s", who, old, oldName, next, nextName)}
}

// ExportVariable is the environment variable of the SV app that says where it writes what it exports from the old synchronizer. Without it the app
// that rolls forward does not start ("Domain migration dump path must be set for LSU").
const ExportVariable = "ADDITIONAL_CONFIG_GLOBAL_DOMAIN_UPGRADE_DUMP_PATH"

const exportKey = "canton.sv-apps.sv.domain-migration-dump-path"

// exports judges whether the SV app can export the state of the old synchronizer. mounted are the paths at which a claim is mounted.
func exports(env map[string]string, mounted []string) wire.Finding {
	const id = "exports"
	text, has := env[ExportVariable]
	if !has {
		return wire.Finding{ID: id, Verdict: wire.Violated, Text: "the SV app gets no " + ExportVariable + ", and without it it does not roll forward", Next: "Look whether this chart knows it, and whether additionalEnvVars take it away"}
	}
	set, err := settings(text)
	path := set[exportKey]
	switch {
	case err != nil || path == "":
		return wire.Finding{ID: id, Verdict: wire.Undetermined, Text: "where the SV app writes its exports could not be read from " + ExportVariable, Next: "Look at it"}
	case !slices.ContainsFunc(mounted, func(m string) bool { return strings.HasPrefix(path, strings.TrimSuffix(m, "/")+"/") }):
		return wire.Finding{ID: id, Verdict: wire.Attention, Text: "the SV app writes its exports to " + plain.Line(path) + ", where no claim is mounted",
			Next: "Upstream's charts mount one there while migration.attachPvc is true. Whether the app can write there without is not verified; what it exports is gone with its pod"}
	}
	return wire.Finding{ID: id, Verdict: wire.Holds, Text: "the SV app can export the state of the old synchronizer"}
}

// validators judges whether scan tells validators' apps to follow by themselves, which is the variant for an upgrade of which nothing was sequenced.
func (a Agreed) validators(env map[string]string) wire.Finding {
	const id, variable, key = "validators-follow", "ADDITIONAL_CONFIG_ROLL_FORWARD_LSU", "canton.scan-apps.scan-app.roll-forward-lsu.upgrade-time"
	text, has := env[variable]
	switch {
	case !has && a.Situation != NothingSequenced:
		return wire.Finding{ID: id, Verdict: wire.Holds, Text: "scan tells validators nothing: in this situation they roll forward by hand"}
	case !has:
		return wire.Finding{ID: id, Verdict: wire.Violated, Text: "scan gets no " + variable + ", so validators do not follow", Next: "Put rollForwardLsu.enabled into the values of scan, and look whether this chart knows it"}
	case a.Situation != NothingSequenced:
		return wire.Finding{ID: id, Verdict: wire.Violated, Text: "scan tells validators to follow by themselves, which is for an upgrade of which nothing was sequenced", Next: "Take rollForwardLsu out of the values of scan"}
	}
	set, err := settings(text)
	got, given := set[key]
	switch {
	case err != nil:
		return wire.Finding{ID: id, Verdict: wire.Undetermined, Text: "what " + variable + " of scan means could not be read: " + plain.Line(err.Error()), Next: "Look at it"}
	case given && a.Upgrade.IsZero():
		return wire.Finding{ID: id, Verdict: wire.Violated, Text: "scan gets upgrade time " + plain.Line(got) + ", and the card has none", Next: "Take upgradeTime out of rollForwardLsu in the values of scan"}
	case !a.Upgrade.IsZero() && !sameTime(got, stamp(a.Upgrade)):
		return wire.Finding{ID: id, Verdict: wire.Violated, Text: fmt.Sprintf("scan gets upgrade time %q", plain.Line(got)), Next: "The card says " + stamp(a.Upgrade)}
	}
	return wire.Finding{ID: id, Verdict: wire.Holds, Text: "scan tells validators to follow"}
}
