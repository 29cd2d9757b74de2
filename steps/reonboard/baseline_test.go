package reonboard

import (
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/svapp"
	svsim "canton.example/svrescue/svapp/sim"
)

func TestBaseline(t *testing.T) {
	now := time.Now().UTC()
	at := func(age time.Duration) time.Time { return now.Add(-age).Truncate(time.Microsecond) }
	for _, c := range []struct {
		name     string
		scans    func(*scans)
		want     string
		unlocked string
		locked   string
		at       time.Time
		differ   string
	}{
		{"all agree", nil, "holds owned, attention locked, attention differences", "1234.5600000001", "10.0000000000", at(time.Hour), ""},
		{"one is a day behind, and does not hold the others back", func(s *scans) {
			n := s.state
			n.Snapshots = []time.Time{at(25 * time.Hour)}
			n.Amulets = n.Amulets[:1]
			s.stale["SV-2"] = n
		}, "holds owned, attention outvoted, attention locked, attention differences", "1234.5600000001", "10.0000000000", at(time.Hour), ""},
		{"one lies", func(s *scans) {
			n := s.state
			n.Amulets = append([]svsim.Amulet{{Owner: lostParty, Amount: "1000000.0000000000"}}, n.Amulets...)
			s.stale["SV-4"] = n
		}, "holds owned, attention outvoted, attention locked, attention differences", "1234.5600000001", "10.0000000000", at(time.Hour), "SV-4: 1001234.5600000001 unlocked"},
		{"too few to be sure", func(s *scans) {
			for i := 3; i < 6; i++ {
				s.down[s.url(i)] = true
			}
		}, "undetermined owned, attention silent, attention locked, attention differences", "1234.5600000001", "10.0000000000", at(time.Hour), ""},
		{"it owned nothing", func(s *scans) { s.change(func(n *svsim.Network) { n.Amulets = nil }) }, "holds owned, attention differences", "0.0000000000", "0.0000000000", at(time.Hour), ""},
		{"no snapshot", func(s *scans) { s.change(func(n *svsim.Network) { n.Snapshots = nil }) }, "undetermined owned", "", "", time.Time{}, ""},
		{"half say so and half say otherwise", func(s *scans) {
			n := s.state
			n.Amulets = nil
			s.stale["SV-1"], s.stale["SV-2"] = n, n
			s.down[s.url(5)] = true
		}, "undetermined owned, attention silent", "", "", time.Time{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLostWorld(t, lostParty)
			l.scans.change(func(n *svsim.Network) {
				n.Snapshots = []time.Time{at(25 * time.Hour), at(4 * time.Hour), at(time.Hour)}
				n.Amulets = []svsim.Amulet{{Owner: lostParty, Amount: "1234.0000000000"}, {Owner: lostParty, Amount: "0.5600000001"}, {Owner: lostParty, Amount: "10.0000000000", Locked: true},
					{Owner: "SV-1::1220b1", Amount: "7.0000000000"}}
			})
			if c.scans != nil {
				c.scans(l.scans)
			}
			step := baseline()
			if got := strings.Join(askedAlong(t, l, step, nil), " "); got != "since" {
				t.Error(got)
			}
			if got := l.proves(step); got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
			l.journaled()
			b := l.facts.Baseline
			if c.unlocked == "" {
				if b != nil {
					t.Errorf("%+v", b)
				}
				return
			}
			if b == nil || b.Unlocked != c.unlocked || b.Locked != c.locked || !b.At.Equal(c.at) || len(b.Told) == 0 || !strings.Contains(strings.Join(b.Differ, ""), c.differ) {
				t.Errorf("%+v, want %s, %s at %s", b, c.unlocked, c.locked, c.at)
			}
		})
	}
}

func TestSinceWhenItIsLost(t *testing.T) {
	for text, want := range map[string]string{"2026-01-31T14:00Z": "2026-01-31 14:00:00 UTC", "2026-01-31T14:00:05+01:00": "2026-01-31 13:00:05 UTC", "2026-01-31 14:00": "2026-01-31 14:00:00 UTC",
		"not known": "", "yesterday": "refused"} {
		var f Facts
		err := baseline().Take(&f, "since", text)
		got := ""
		switch {
		case err != nil:
			got = "refused"
		case !f.Old.NoSince:
			got = clockTime(f.Old.Since)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	now := time.Date(2026, 2, 3, 0, 0, 0, 0, time.UTC)
	f := Facts{Old: Old{Since: now.Add(-72 * time.Hour)}, Baseline: &Baseline{At: now.Add(-96 * time.Hour), Locked: "0.0000000000"}}
	found := explanations(f, now)
	if verdictsOf(found) != "attention differences" || !strings.Contains(found[0].Text, "lost for 3 days") || !strings.Contains(found[0].Text, "the snapshot is older") {
		t.Errorf("%+v", found)
	}
}

func TestAmountsAreComparedByTheirValue(t *testing.T) {
	a, b := owned{unlocked: "1.5", locked: "0.0"}, owned{unlocked: "1.5000000000"}
	if a.key() != b.key() || a.key() == (owned{unlocked: svapp.Decimal("1.5000000001")}).key() {
		t.Error(a.key(), b.key())
	}
}
