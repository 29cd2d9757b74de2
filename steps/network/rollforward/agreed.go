// Package rollforward is the recovery of a network whose ordering layer or synchronizer is broken, on releases from 0.6.2 on: all SVs roll
// forward to a successor synchronizer (reference/deployment.md 11). Upstream calls the procedure a preview that may change.
package rollforward

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"canton.example/svrescue/steps/network/card"
	"canton.example/svrescue/steps/wire"
)

// Situation is what has happened to the network, which decides what is done.
type Situation string

const (
	// Broken: the synchronizer sequences nothing any more after a record time.
	Broken Situation = "broken"
	// NothingSequenced: an announced upgrade was not cancelled and failed, and its successor sequenced nothing.
	NothingSequenced Situation = "nothing-sequenced"
	// SuccessorBroken: an upgrade went ahead, its successor sequenced something and broke then. Three synchronizers stay for a while.
	SuccessorBroken Situation = "successor-broken"
)

// Driver is the ordering layer of a synchronizer.
type Driver string

const (
	CometBFT  Driver = "cometbft"
	CantonBFT Driver = "cantonbft"
)

// Agreed are the values that all SVs must have alike. Times are UTC with at most microseconds. Where they come from and what they mean is in the
// comments of upstream's test of the disaster (RollForwardLsuDRIntegrationTest), and in its page on logical synchronizer upgrades.
type Agreed struct {
	Situation Situation `json:"situation"`
	Network   string    `json:"network"`
	// LastGood is the record time of the last message that the old synchronizer sequenced.
	LastGood time.Time `json:"lastGood,omitzero"`
	// MaxSequencing is after when the old sequencers deliver nothing. Whether a message of that very time is delivered upstream does not agree on:
	// the setting is called exclusive, and the comment in Canton's code says "strictly greater".
	MaxSequencing time.Time `json:"maxSequencing,omitzero"`
	// LowerBound is after when the successor sequences test messages, itself excluded; Upgrade is when it takes all traffic.
	LowerBound time.Time `json:"lowerBound,omitzero"`
	Upgrade    time.Time `json:"upgrade,omitzero"`
	// TopologyExport and TrafficExport are as of when the SV apps read topology and traffic from the old synchronizer.
	TopologyExport time.Time `json:"topologyExport,omitzero"`
	TrafficExport  time.Time `json:"trafficExport,omitzero"`
	// ParticipantUpgrade is what the SV app tells its participant as upgrade time; zero: it is left out, and the participant moves from where it
	// stands. Upstream's page gives the upgrade time here, and upstream's test of the disaster leaves it out: a participant that is told a time waits
	// until it stands exactly there, which a capped synchronizer does not reach, and refuses for good where it is past it.
	ParticipantUpgrade time.Time `json:"participantUpgrade,omitzero"`

	CurrentSerial   int    `json:"currentSerial"` // of the synchronizer that is broken
	NewSerial       int    `json:"newSerial"`
	ProtocolVersion string `json:"protocolVersion"` // of the successor: 34
	Chart           string `json:"chart"`           // version of the charts of the successor
	Driver          Driver `json:"driver"`          // of the successor
}

// Card is what is compared with the other SVs. Times that the situation has no use for are not on it.
func (a Agreed) Card() card.Card {
	c := card.Card{Purpose: "roll-forward of " + a.Network}
	add := func(name, text string) { c.Values = append(c.Values, card.Value{Name: name, Text: text}) }
	add("situation", string(a.Situation))
	for _, t := range a.times() {
		if !t.at.IsZero() {
			add(t.name, card.Stamp(t.at))
		}
	}
	if a.Situation != NothingSequenced {
		add(ValueParticipantUpgrade, a.participantUpgrade())
	}
	add("current serial", strconv.Itoa(a.CurrentSerial))
	add("new serial", strconv.Itoa(a.NewSerial))
	add("protocol version", a.ProtocolVersion)
	add("chart version", a.Chart)
	add("ordering layer", string(a.Driver))
	return c
}

// ValueParticipantUpgrade is the name on the card of what the participants are told.
const ValueParticipantUpgrade = "participant upgrade time"

func (a Agreed) participantUpgrade() string {
	if a.ParticipantUpgrade.IsZero() {
		return leftOut
	}
	return card.Stamp(a.ParticipantUpgrade)
}

const leftOut = "left out"

type named struct {
	name   string
	at     time.Time
	needed bool
}

// times are in the order in which they lie on a clock when all is well. In a failed upgrade of which nothing was sequenced the scans know the
// upgrade time from the announcement, and none of them has to be given.
func (a Agreed) times() []named {
	all := a.Situation != NothingSequenced
	return []named{{"last good record time", a.LastGood, all}, {"topology export time", a.TopologyExport, all}, {"traffic export time", a.TrafficExport, all},
		{"maximum sequencing time", a.MaxSequencing, all}, {"lower bound", a.LowerBound, all}, {"upgrade time", a.Upgrade, all}}
}

// Check compares the values with each other and with the time of day. capped says that the old sequencers have the maximum sequencing time
// already, so that it may have passed.
func (a Agreed) Check(now time.Time, capped bool) []wire.Finding {
	var all []wire.Finding
	add := func(id string, verdict wire.Verdict, text, next string) {
		all = append(all, wire.Finding{ID: id, Verdict: verdict, Text: text, Next: next})
	}
	a.checkTimes(add)
	if a.Situation != NothingSequenced && !capped && !a.MaxSequencing.IsZero() && !a.MaxSequencing.After(now) {
		add("cap-passed", wire.Attention, "the maximum sequencing time "+card.Stamp(a.MaxSequencing)+" has passed, and this SV's old sequencer does not have it yet",
			"That is right only while the old synchronizer stands still for all SVs: every sequencer must have it before the synchronizer reaches it")
	}
	if !a.Upgrade.IsZero() && !a.Upgrade.After(now) && !capped {
		add("upgrade-passed", wire.Attention, "the upgrade time "+card.Stamp(a.Upgrade)+" has passed already",
			"From then on the successor takes all traffic, of those SVs too that are not ready: agree on a later one, if the call has not decided otherwise")
	}
	if p := a.ParticipantUpgrade; !p.IsZero() && !p.Equal(a.LastGood) {
		add("participant-upgrade", wire.Attention, "the participants are told the upgrade time "+card.Stamp(p)+", which is not the last good record time",
			"A participant waits until it stands exactly there, and refuses where it is past it. Leave it out, as upstream's test does, unless the call knows better")
	}
	a.checkSerials(add)
	if _, err := strconv.Atoi(a.ProtocolVersion); err != nil {
		add("protocol", wire.Violated, fmt.Sprintf("the protocol version %q is no number", a.ProtocolVersion), "It is a whole number, such as 34")
	}
	if a.Driver != CometBFT && a.Driver != CantonBFT {
		add("driver", wire.Violated, fmt.Sprintf("%q is no ordering layer", string(a.Driver)), "It is cometbft or cantonbft")
	}
	if a.Chart == "" {
		add("chart", wire.Violated, "no chart version is named", "All SVs deploy the same; an older one is allowed where the fault is in the new version")
	}
	if err := a.Card().Check(); err != nil {
		add("card", wire.Violated, "the values do not fit on a card: "+err.Error(), "Write each on one line")
	}
	if len(all) == 0 {
		add("values", wire.Holds, "the values fit together: "+a.Card().Fingerprint(), "")
	}
	return all
}

// checkTimes are the rules of order. The successor must not sequence before the old synchronizer has ended, and must not know less of the topology
// than was sequenced before it begins (upstream's test: lower bound at or after the topology's export time).
func (a Agreed) checkTimes(add func(id string, verdict wire.Verdict, text, next string)) {
	for _, t := range a.times() {
		switch {
		case t.at.IsZero() && t.needed:
			add("missing-"+t.name, wire.Violated, "the "+t.name+" is not given", "The call decides it; enter what was decided")
		case !t.at.Equal(t.at.Truncate(time.Microsecond)):
			add("digits-"+t.name, wire.Violated, "the "+t.name+" has more digits than microseconds", "Canton's times have microseconds: shorten it on all SVs alike")
		}
	}
	order := func(id string, early, late named, same bool, why string) {
		if early.at.IsZero() || late.at.IsZero() || early.at.Before(late.at) || same && early.at.Equal(late.at) {
			return
		}
		add(id, wire.Violated, fmt.Sprintf("the %s %s is not %s the %s %s: %s", late.name, card.Stamp(late.at), map[bool]string{true: "at or after", false: "after"}[same],
			early.name, card.Stamp(early.at), why), "Look for a wrong time zone or swapped values, and correct it with all SVs")
	}
	t := a.times()
	good, topology, traffic, most, lower, upgrade := t[0], t[1], t[2], t[3], t[4], t[5]
	order("order-cap", good, most, true, "what was sequenced in between would be lost")
	if !good.at.IsZero() && good.at.Equal(most.at) { // upstream's page takes that time; what the setting makes of it upstream does not agree on
		add("cap-is-last", wire.Attention, "the maximum sequencing time is the last good record time itself",
			"Upstream's page has it so, and the setting is called exclusive: by its name the last message would not be delivered, by the comment in Canton's code only what is later. Have the call confirm it, or take a microsecond more")
	}
	order("order-bounds", most, lower, true, "both synchronizers would sequence in between")
	order("order-upgrade", lower, upgrade, true, "the successor would take all traffic before it may sequence anything")
	order("order-topology", topology, lower, true, "the successor would begin with less topology than there is")
	order("topology-waits", topology, most, false, "the old sequencer hands the topology out only when it has passed that time, which it never does")
	for _, export := range []named{topology, traffic} {
		if !good.at.IsZero() && export.at.After(good.at) {
			add(strings.Fields(export.name)[0]+"-late", wire.Attention, "the "+export.name+" lies after the last good record time",
				"The old sequencer hands out what is exported only when it has passed that time, which it does only where it still sequences")
		}
	}
	if !good.at.IsZero() && !traffic.at.IsZero() && traffic.at.Before(good.at) {
		add("traffic-early", wire.Attention, "the traffic export time lies before the last good record time", "What was paid for in between would be given back: usually it is the time of the last sequenced message")
	}
	if !good.at.IsZero() && !topology.at.IsZero() && topology.at.Before(good.at) {
		add("topology-early", wire.Attention, "the topology export time lies before the last good record time", "Topology that was sequenced in between would be lost: that is right only where there is none")
	}
}

// checkSerials: the next serial is one more; after a failed announced upgrade its own serial is spent, so it is two more.
func (a Agreed) checkSerials(add func(id string, verdict wire.Verdict, text, next string)) {
	want := a.CurrentSerial + 1
	why := "one more than that of the broken synchronizer"
	if a.Situation == NothingSequenced {
		want, why = a.CurrentSerial+2, "two more than that of the synchronizer that still runs, since the announced successor has spent one"
	}
	switch {
	case a.NewSerial <= a.CurrentSerial:
		add("serial", wire.Violated, fmt.Sprintf("the new serial %d is not higher than the current one, %d", a.NewSerial, a.CurrentSerial), fmt.Sprintf("Usually it is %d: %s", want, why))
	case a.NewSerial != want:
		add("serial", wire.Attention, fmt.Sprintf("the new serial is %d", a.NewSerial), fmt.Sprintf("Usually it is %d: %s. Have the call confirm it", want, why))
	}
}

// Overrides are the environment variables that carry the bounds into the sequencers (reference/deployment.md 11). The key of the maximum is that of
// the current page and of Canton's code; the page for 0.5.18 has parameters twice in it, and Splice's own test of the disaster has
// global-max-sequencing-time-inclusive, so what the running sequencer knows must be looked at.
const (
	CapVariable    = "ADDITIONAL_CONFIG_SEQUENCER_LSU_MAX_SEQUENCING_TIME"
	BoundsVariable = "ADDITIONAL_CONFIG_SEQUENCER_LSU_SEQUENCING_BOUNDS"
	repair         = "canton.sequencers.sequencer.parameters.lsu-repair."
)

// Cap is the value of CapVariable on the old sequencer.
func (a Agreed) Cap() string {
	return repair + "global-max-sequencing-time-exclusive=" + card.Stamp(a.MaxSequencing)
}

// Bounds is the value of BoundsVariable on the successor's sequencer.
func (a Agreed) Bounds() string {
	return repair + "lsu-sequencing-bounds-override.lower-bound-sequencing-time-exclusive=" + card.Stamp(a.LowerBound) + "\n" +
		repair + "lsu-sequencing-bounds-override.upgrade-time=" + card.Stamp(a.Upgrade) + "\n"
}
