package rollforward

import (
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/steps/network/card"
	"canton.example/svrescue/steps/wire"
)

var noon = time.Date(2026, 10, 5, 12, 0, 0, 0, time.UTC)

// whole are values as upstream's test chooses them: what is exported and the maximum nearly one time, the bounds five seconds later.
func whole() Agreed {
	return Agreed{Situation: Broken, Network: "MainNet", LastGood: noon.Add(-time.Hour), TopologyExport: noon.Add(-time.Hour), TrafficExport: noon.Add(-time.Hour),
		MaxSequencing: noon.Add(30 * time.Minute), LowerBound: noon.Add(30*time.Minute + 5*time.Second), Upgrade: noon.Add(30*time.Minute + 5*time.Second),
		CurrentSerial: 4, NewSerial: 5, ProtocolVersion: "34", Chart: "0.7.5", Driver: CometBFT}
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(*Agreed)
		verdict wire.Verdict
		id      string
	}{
		{"as upstream has it", func(*Agreed) {}, wire.Holds, "values"},
		{"bounds at the maximum", func(a *Agreed) { a.LowerBound = a.MaxSequencing }, wire.Holds, "values"},
		{"no upgrade time", func(a *Agreed) { a.Upgrade = time.Time{} }, wire.Violated, "missing-upgrade time"},
		{"nanoseconds", func(a *Agreed) { a.Upgrade = a.Upgrade.Add(time.Nanosecond) }, wire.Violated, "digits-upgrade time"},
		{"the maximum is the last message", func(a *Agreed) { a.MaxSequencing = a.LastGood }, wire.Attention, "cap-is-last"},
		{"the maximum is before the last message", func(a *Agreed) { a.MaxSequencing = a.LastGood.Add(-time.Microsecond) }, wire.Violated, "order-cap"},
		{"the successor begins before the end", func(a *Agreed) { a.LowerBound = a.MaxSequencing.Add(-time.Microsecond) }, wire.Violated, "order-bounds"},
		{"local time taken for UTC", func(a *Agreed) { a.Upgrade = a.Upgrade.Add(-2 * time.Hour) }, wire.Violated, "order-upgrade"},
		{"topology after the successor begins", func(a *Agreed) { a.TopologyExport = a.LowerBound.Add(time.Second) }, wire.Violated, "order-topology"},
		{"traffic of a time that never was", func(a *Agreed) { a.TrafficExport = a.Upgrade.Add(time.Second) }, wire.Attention, "traffic-late"},
		{"topology of a time when nothing is sequenced", func(a *Agreed) { a.TopologyExport = a.LastGood.Add(time.Microsecond) }, wire.Attention, "topology-late"},
		{"topology of the maximum", func(a *Agreed) { a.TopologyExport = a.MaxSequencing }, wire.Violated, "topology-waits"},
		{"participants that are told where they stand", func(a *Agreed) { a.ParticipantUpgrade = a.LastGood }, wire.Holds, "values"},
		{"participants that are told what never comes", func(a *Agreed) { a.ParticipantUpgrade = a.Upgrade }, wire.Attention, "participant-upgrade"},
		{"traffic too early", func(a *Agreed) { a.TrafficExport = a.LastGood.Add(-time.Second) }, wire.Attention, "traffic-early"},
		{"topology too early", func(a *Agreed) { a.TopologyExport = a.LastGood.Add(-time.Second) }, wire.Attention, "topology-early"},
		{"the maximum has passed", func(a *Agreed) { a.MaxSequencing = noon }, wire.Attention, "cap-passed"},
		{"the upgrade time has passed", func(a *Agreed) {
			a.MaxSequencing, a.LowerBound, a.Upgrade = noon.Add(-3*time.Minute), noon.Add(-2*time.Minute), noon.Add(-time.Minute)
		}, wire.Attention, "upgrade-passed"},
		{"the same serial", func(a *Agreed) { a.NewSerial = 4 }, wire.Violated, "serial"},
		{"a serial is left out", func(a *Agreed) { a.NewSerial = 6 }, wire.Attention, "serial"},
		{"the serial of the failed upgrade", func(a *Agreed) { a.Situation = NothingSequenced }, wire.Attention, "serial"},
		{"a failed upgrade", func(a *Agreed) { a.Situation, a.NewSerial = NothingSequenced, 6 }, wire.Holds, "values"},
		{"a failed upgrade without times", func(a *Agreed) {
			*a = Agreed{Situation: NothingSequenced, Network: "MainNet", CurrentSerial: 4, NewSerial: 6, ProtocolVersion: "34", Chart: "0.7.5", Driver: CantonBFT}
		}, wire.Holds, "values"},
		{"a version with a name", func(a *Agreed) { a.ProtocolVersion = "v34" }, wire.Violated, "protocol"},
		{"another driver", func(a *Agreed) { a.Driver = "dabft" }, wire.Violated, "driver"},
		{"no charts", func(a *Agreed) { a.Chart = "" }, wire.Violated, "chart"},
		{"a name on two lines", func(a *Agreed) { a.Chart = "0.7\n.5" }, wire.Violated, "card"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := whole()
			c.change(&a)
			found := a.Check(noon, false)
			for _, f := range found {
				if f.ID == c.id && f.Verdict == c.verdict {
					if f.Verdict != wire.Holds && f.Next == "" {
						t.Error("it does not say what to do")
					}
					if c.verdict == wire.Holds && len(found) > 1 {
						t.Errorf("found besides: %+v", found)
					}
					return
				}
			}
			t.Errorf("found %+v", found)
		})
	}
	a := whole()
	a.MaxSequencing, a.LowerBound, a.Upgrade = noon.Add(-3*time.Minute), noon.Add(-2*time.Minute), noon.Add(-time.Minute)
	if found := a.Check(noon, true); wire.WorstVerdict(found) != wire.Holds {
		t.Errorf("times that have passed after they were in force: %+v", found)
	}
}

// Each value that must be the same on all SVs changes the fingerprint.
func TestFingerprintCoversEverything(t *testing.T) {
	was := whole().Card()
	for name, change := range map[string]func(*Agreed){
		"situation": func(a *Agreed) { a.Situation = SuccessorBroken }, "network": func(a *Agreed) { a.Network = "TestNet" },
		"last good": func(a *Agreed) { a.LastGood = a.LastGood.Add(time.Microsecond) }, "cap": func(a *Agreed) { a.MaxSequencing = a.MaxSequencing.Add(time.Microsecond) },
		"lower": func(a *Agreed) { a.LowerBound = a.LowerBound.Add(time.Microsecond) }, "upgrade": func(a *Agreed) { a.Upgrade = a.Upgrade.Add(time.Microsecond) },
		"topology": func(a *Agreed) { a.TopologyExport = a.TopologyExport.Add(time.Microsecond) }, "traffic": func(a *Agreed) { a.TrafficExport = a.TrafficExport.Add(time.Microsecond) },
		"current": func(a *Agreed) { a.CurrentSerial++ }, "new": func(a *Agreed) { a.NewSerial++ }, "protocol": func(a *Agreed) { a.ProtocolVersion = "35" },
		"participants": func(a *Agreed) { a.ParticipantUpgrade = a.LastGood },
		"chart":        func(a *Agreed) { a.Chart = "0.7.6" }, "driver": func(a *Agreed) { a.Driver = CantonBFT },
	} {
		a := whole()
		change(&a)
		if a.Card().Fingerprint() == was.Fingerprint() {
			t.Errorf("another %s has the same fingerprint", name)
		}
		if len(card.Compare(was, a.Card())) != 1 {
			t.Errorf("another %s differs in %+v", name, card.Compare(was, a.Card()))
		}
	}
}

func TestEnvironment(t *testing.T) {
	a := whole()
	if got, want := a.Cap(), "canton.sequencers.sequencer.parameters.lsu-repair.global-max-sequencing-time-exclusive=2026-10-05T12:30:00Z"; got != want {
		t.Errorf("the cap is %s", got)
	}
	lines := strings.Split(strings.TrimSpace(a.Bounds()), "\n")
	want := []string{"canton.sequencers.sequencer.parameters.lsu-repair.lsu-sequencing-bounds-override.lower-bound-sequencing-time-exclusive=2026-10-05T12:30:05Z",
		"canton.sequencers.sequencer.parameters.lsu-repair.lsu-sequencing-bounds-override.upgrade-time=2026-10-05T12:30:05Z"}
	if strings.Join(lines, "|") != strings.Join(want, "|") {
		t.Errorf("the bounds are %q", lines)
	}
}
