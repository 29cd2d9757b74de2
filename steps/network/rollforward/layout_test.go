package rollforward

import (
	"strings"
	"testing"

	"canton.example/svrescue/steps/wire"
	"github.com/google/go-cmp/cmp"
)

// nodesOf is what the chart of the SV app renders for one synchronizer, with invented values.
func nodesOf(name, sequencer string) string {
	return "canton.sv-apps.sv.local-synchronizer-nodes." + name + " {\n  sequencer {\n    admin-api {\n      address = \"" + sequencer + "\"\n      port = 5009\n    }\n" +
		"    external-public-api-url = \"https://" + sequencer + ".example.com\"\n  }\n  mediator {\n    admin-api {\n      address = \"m\"\n      port = 5007\n    }\n  }\n}\n"
}

func TestLayout(t *testing.T) {
	const old, next = "global-domain-4-sequencer", "global-domain-5-sequencer"
	needed := map[string]string{"ADDITIONAL_CONFIG_SV_DOMAIN_CURRENT": nodesOf("current", next), "ADDITIONAL_CONFIG_SV_DOMAIN_LEGACY": nodesOf("legacy", old), "OTHER": "}"}
	asOnThePage := map[string]string{"ADDITIONAL_CONFIG_SV_DOMAIN_CURRENT": nodesOf("current", old), "ADDITIONAL_CONFIG_SV_DOMAIN_SUCCESSOR": nodesOf("successor", next)}
	single := map[string]string{"ADDITIONAL_CONFIG_SV_DOMAIN": nodesOf("current", old)}
	for _, c := range []struct {
		name    string
		env     map[string]string
		layout  Layout
		verdict wire.Verdict
		says    string
	}{
		{"what the app needs", needed, LegacyCurrent, wire.Holds, old + " as legacy and " + next + " as current"},
		{"what the page has", asOnThePage, CurrentSuccessor, wire.Holds, next + " as successor"},
		{"the page's, where the app's is meant", asOnThePage, LegacyCurrent, wire.Violated, "none as its legacy"},
		{"the app's, where the page's is meant", needed, CurrentSuccessor, wire.Violated, "its current synchronizer"},
		{"only the old one", single, LegacyCurrent, wire.Violated, "legacy"},
		{"what cannot be read", map[string]string{"ADDITIONAL_CONFIG_SV_DOMAIN_CURRENT": nodesOf("current", next)[:60]}, LegacyCurrent, wire.Undetermined, "could not be read"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := svSequencers(c.env)
			f := laid("layout", "the SV app", got, err, c.layout, old, next)
			if f.Verdict != c.verdict || !strings.Contains(f.Text, c.says) {
				t.Errorf("found %+v", f)
			}
		})
	}
	got, err := scanSequencers(map[string]string{"SPLICE_APP_SCAN_SEQUENCER_ADDRESS": next,
		"ADDITIONAL_CONFIG_SYNCHRONIZER_LEGACY": "canton.scan-apps.scan-app.synchronizer-nodes.legacy {\n  sequencer {\n    address = \"" + old + "\"\n    port = 5009\n  }\n}\n"})
	if d := cmp.Diff(map[string]string{"current": next, "legacy": old}, got); d != "" || err != nil {
		t.Errorf("scan: %v %s", err, d)
	}
}

func TestExports(t *testing.T) {
	env := map[string]string{ExportVariable: exportKey + " = \"/domain-upgrade-dump/domain_migration_dump.json\"\n"}
	if f := exports(env, []string{"/domain-upgrade-dump"}); f.Verdict != wire.Holds {
		t.Errorf("with a claim: %+v", f)
	}
	if f := exports(env, []string{"/domain-upgrade"}); f.Verdict != wire.Attention {
		t.Errorf("without a claim: %+v", f)
	}
	if f := exports(nil, nil); f.Verdict != wire.Violated {
		t.Errorf("off: %+v", f)
	}
	if f := exports(map[string]string{ExportVariable: "x = 1"}, nil); f.Verdict != wire.Undetermined {
		t.Errorf("something else: %+v", f)
	}
}

func TestValidatorsFollow(t *testing.T) {
	failed := Agreed{Situation: NothingSequenced}
	timed := failed
	timed.Upgrade = noon
	at := func(text string) map[string]string {
		return map[string]string{"ADDITIONAL_CONFIG_ROLL_FORWARD_LSU": "canton.scan-apps.scan-app.roll-forward-lsu {\n" + text + "}\n"}
	}
	for _, c := range []struct {
		name string
		a    Agreed
		env  map[string]string
		want wire.Verdict
	}{
		{"by hand", whole(), nil, wire.Holds}, {"by themselves, where it must be by hand", whole(), at(""), wire.Violated},
		{"by themselves", failed, at(""), wire.Holds}, {"not told", failed, nil, wire.Violated},
		{"told a time that was not agreed on", failed, at("  upgrade-time = \"2026-10-05T12:00:00Z\"\n"), wire.Violated},
		{"told the time", timed, at("  upgrade-time = \"2026-10-05T12:00:00.000Z\"\n"), wire.Holds},
		{"told another time", timed, at("  upgrade-time = \"2026-10-05T12:00:01Z\"\n"), wire.Violated}, {"told no time", timed, at(""), wire.Violated},
		{"told what cannot be read", failed, at("  x\n"), wire.Undetermined},
	} {
		if f := c.a.validators(c.env); f.Verdict != c.want {
			t.Errorf("%s: %+v", c.name, f)
		}
	}
}
