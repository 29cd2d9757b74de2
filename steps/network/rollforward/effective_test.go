package rollforward

import (
	"strings"
	"testing"

	"canton.example/svrescue/steps/wire"
	"github.com/google/go-cmp/cmp"
)

// rolls is the variable as the chart renders it, with invented values.
const rolls = `_onboarding {
  type = "roll-forward-lsu"
  new-physical-synchronizer-serial = 5
  new-physical-synchronizer-protocol-version = "34"
  export-times = {
    topology-export-time = {
      type = "timestamp"
      time = "2026-10-05T11:00:00Z"
    }
    traffic-export-time = {
      type = "timestamp"
      time = "2026-10-05T11:00:00.000000Z"
    }
    upgrade-time = {
      type = "timestamp"
      time = "2026-10-05T12:30:05Z"
    }
  }
}
`

func TestOnboarding(t *testing.T) {
	joins := "_onboarding {\n  type = \"join-with-key\"\n  sv-client.admin-api.url = \"https://sv.sv-2.example.com\"\n}\n"
	for _, c := range []struct {
		name, text, id string
		verdict        wire.Verdict
		says           string
	}{
		{"as agreed", rolls, "onboarding", wire.Holds, "serial 5"},
		{"the trap of the template", joins, "onboarding", wire.Violated, "joinWithKeyOnboarding"},
		{"a leftover of a migration", "_onboarding {\n  type = \"domain-migration\"\n}\n", "onboarding", wire.Violated, "migration.migrating"},
		{"another type", strings.Replace(rolls, "roll-forward-lsu", "found-dso", 1), "onboarding", wire.Violated, "found-dso"},
		{"another serial", strings.Replace(rolls, "serial = 5", "serial = 6", 1), "onboarding-new serial", wire.Violated, "6"},
		{"another protocol", strings.Replace(rolls, `"34"`, `"35"`, 1), "onboarding-protocol version", wire.Violated, "35"},
		{"another time", strings.Replace(rolls, "12:30:05", "12:30:06", 1), "onboarding-upgrade time", wire.Violated, "12:30:06"},
		{"the time zone was lost", strings.Replace(rolls, "12:30:05Z", "12:30:05", 1), "onboarding-upgrade time", wire.Violated, "12:30:05"},
		{"no upgrade time", strings.Replace(rolls, "    upgrade-time = {\n      type = \"timestamp\"\n      time = \"2026-10-05T12:30:05Z\"\n    }\n", "", 1), "onboarding-upgrade time", wire.Violated, "gets no upgrade time"},
		{"a later line wins", rolls + "_onboarding.type = \"join-with-key\"\n", "onboarding", wire.Violated, "joins with its key"},
		{"cut", rolls[:len(rolls)-4], "onboarding", wire.Undetermined, "not closed"},
		{"something else", "include \"x\"\n", "onboarding", wire.Undetermined, "no setting"},
	} {
		t.Run(c.name, func(t *testing.T) {
			told := whole()
			told.ParticipantUpgrade = told.Upgrade
			found := told.Onboarding(map[string]string{OnboardingVariable: c.text})
			if len(found) != 1 || found[0].ID != c.id || found[0].Verdict != c.verdict || !strings.Contains(found[0].Text, c.says) {
				t.Errorf("found %+v", found)
			}
		})
	}
	if found := whole().Onboarding(map[string]string{OnboardingVariable: rolls}); len(found) != 1 || found[0].Verdict != wire.Violated || !strings.Contains(found[0].Text, "leaves out") {
		t.Errorf("an upgrade time that was not agreed on: %+v", found)
	}
	if found := whole().Onboarding(nil); found[0].Verdict != wire.Violated {
		t.Errorf("without the variable: %+v", found)
	}
}

// What is written is what is read.
func TestBoundsAreReadBack(t *testing.T) {
	a := whole()
	env := map[string]string{CapVariable: a.Cap(), BoundsVariable: a.Bounds()}
	if f := a.Capped(env); f.Verdict != wire.Holds {
		t.Errorf("the cap: %+v", f)
	}
	if f := a.Bounded(env); f.Verdict != wire.Holds {
		t.Errorf("the bounds: %+v", f)
	}
	other := whole()
	other.MaxSequencing, other.Upgrade = other.MaxSequencing.Add(1e6), other.Upgrade.Add(1e6)
	if f := other.Capped(env); f.Verdict != wire.Violated {
		t.Errorf("another cap: %+v", f)
	}
	if f := other.Bounded(env); f.Verdict != wire.Violated || !strings.Contains(f.Text, "upgrade time") {
		t.Errorf("other bounds: %+v", f)
	}
	inclusive := map[string]string{CapVariable: strings.Replace(a.Cap(), "exclusive", "inclusive", 1)}
	if f := a.Capped(inclusive); f.Verdict != wire.Violated {
		t.Errorf("another key: %+v", f)
	}
	if a.Capped(nil).Verdict != wire.Violated || a.Bounded(nil).Verdict != wire.Violated {
		t.Error("what is missing is taken for there")
	}
}

func TestSettings(t *testing.T) {
	got, err := settings("# a comment\na {\n  b = {\n    c = \"d e\"\n  }\n  f.g = ${HOST}\n}\n\nh=1\n")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{"a.b.c": "d e", "a.f.g": "${HOST}", "h": "1"}, got); d != "" {
		t.Error(d)
	}
	for _, text := range []string{"}", "a {", "a", "a =", "a = [1]", "a = { b = 1 }", "a { b = 1 }", "a b = 1", "a = \"b\" \"c\""} {
		if got, err := settings(text); err == nil {
			t.Errorf("%q is read as %v", text, got)
		}
	}
}

func FuzzSettings(f *testing.F) {
	f.Add(rolls)
	f.Add("a {\nb = 1\n}")
	f.Fuzz(func(t *testing.T, text string) {
		set, err := settings(text)
		if err != nil {
			return
		}
		for key := range set {
			if !isKey(key) {
				t.Errorf("the key %q", key)
			}
		}
	})
}
