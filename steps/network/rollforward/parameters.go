package rollforward

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps/network"
	"canton.example/svrescue/steps/network/card"
	"canton.example/svrescue/steps/wire"
)

// parameter is one of the values of the card that are asked for one by one.
type parameter struct {
	ask, title, text, help string
	// propose is what is proposed where nothing was entered before; nil: nothing is.
	propose func(Facts) string
	choices func(Facts) []wire.Choice // nil: it is typed
	put     func(*Agreed, string) error
	// needed says whether the situation asks for it; nil: it always does.
	needed func(Situation) bool
}

const none = "none"

func withTimes(s Situation) bool { return s != NothingSequenced }

// parameters are asked for in this order. Upstream's page names them and leaves to the call how they are chosen; the proposals are what upstream's
// tests of the disaster do.
var parameters = []parameter{
	{ask: "last-good", title: "What is the last good record time?", help: "when the old synchronizer sequenced its last message, in UTC", needed: withTimes,
		text: "The record time of the last message that the old synchronizer sequenced, as the call has found it.",
		put:  timeOf(func(a *Agreed) *time.Time { return &a.LastGood })},
	{ask: "topology-export", title: "As of when is the topology exported?", help: "the topology export time, in UTC", needed: withTimes,
		text:    "Upstream's tests take the time of the last topology transaction. It must be a time that the old sequencer has passed, or passes before the maximum: it waits for it.",
		propose: func(f Facts) string { return f.Call.Values["last-good"] },
		put:     timeOf(func(a *Agreed) *time.Time { return &a.TopologyExport })},
	{ask: "traffic-export", title: "As of when is the traffic exported?", help: "the traffic export time, in UTC", needed: withTimes,
		text:    "The time of a message that the sequencers have processed, usually the last one.",
		propose: func(f Facts) string { return f.Call.Values["last-good"] },
		put:     timeOf(func(a *Agreed) *time.Time { return &a.TrafficExport })},
	{ask: "max-sequencing", title: "What is the maximum sequencing time of the old synchronizer?", help: "from when on the old synchronizer sequences nothing, in UTC", needed: withTimes,
		text: "After it the old sequencers deliver nothing. All SVs must have set it before the synchronizer reaches it, so leave time for that where it still runs. Upstream's page takes the last good record time itself, though the setting is called exclusive.",
		put:  timeOf(func(a *Agreed) *time.Time { return &a.MaxSequencing })},
	{ask: "lower-bound", title: "What is the lower bound of the successor?", help: "after when the successor sequences test messages, in UTC", needed: withTimes,
		text:    "After it the successor sequences test messages. Not before the maximum of the old one, and by Canton's code not before the highest effective time of its topology.",
		propose: func(f Facts) string { return f.Call.Values["max-sequencing"] },
		put:     timeOf(func(a *Agreed) *time.Time { return &a.LowerBound })},
	{ask: "upgrade-time", title: "What is the upgrade time?", help: "when the successor takes all traffic, in UTC; none: that of the announcement",
		text: "From then on the successor takes all traffic. Not before its lower bound, and late enough that all SVs have initialised theirs.",
		propose: func(f Facts) string {
			if f.Situation == NothingSequenced {
				return none // upstream: that of the announcement usually suffices
			}
			return f.Call.Values["lower-bound"]
		},
		put: func(a *Agreed, text string) error {
			if text == none && a.Situation == NothingSequenced {
				return nil
			}
			return timeOf(func(a *Agreed) *time.Time { return &a.Upgrade })(a, text)
		}},
	{ask: "participant-upgrade", title: "What are the SVs' participants told as upgrade time?", help: "left-out; last-good: the last good record time; upgrade-time: that of the card", needed: withTimes,
		text: "Upstream does not agree with itself here: its page has the upgrade time, its test of the disaster leaves it out, and Canton's notes say: empty, or the time of the last message that the participant has to process.",
		choices: func(Facts) []wire.Choice {
			return []wire.Choice{
				{ID: "left-out", Label: "Leave it out", Detail: "As upstream's test does: the participant moves from where it stands. Proposed."},
				{ID: "last-good", Label: "The last good record time", Detail: "A participant that stands exactly there moves; one that is past it refuses, and rolls forward without it afterwards."},
				{ID: "upgrade-time", Label: "The upgrade time", Detail: "As upstream's page has it. By Canton's code a participant waits until it stands exactly there, which a capped synchronizer does not reach.", Reason: true}}
		},
		put: func(a *Agreed, text string) error {
			switch text {
			case "left-out":
				a.ParticipantUpgrade = time.Time{}
			case "last-good":
				a.ParticipantUpgrade = a.LastGood
			case "upgrade-time":
				a.ParticipantUpgrade = a.Upgrade
			default:
				return fmt.Errorf("%q is no choice", plain.Cut(plain.Line(text), 40))
			}
			return nil
		}},
	{ask: "new-serial", title: "What is the serial of the successor?", help: "the new serial, usually the current one plus one; after a failed upgrade plus two",
		text: "Usually one more than that of the broken synchronizer. After an announced upgrade that failed it is two more than that of the original one.",
		propose: func(f Facts) string {
			now, ok := f.currentSerial()
			if !ok {
				return ""
			}
			return strconv.Itoa(nextSerial(now, f.Situation))
		},
		put: func(a *Agreed, text string) error {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 || n > 1000 {
				return fmt.Errorf("%q is no serial: it is a whole number", plain.Cut(plain.Line(text), 20))
			}
			a.NewSerial = n
			return nil
		}},
	{ask: "protocol", title: "Which protocol version has the successor?", help: "the protocol version, like 34",
		text:    "A whole number, such as 34. It may be an older one than that of the broken synchronizer where the fault is in the new version.",
		propose: announcedProtocol,
		put: func(a *Agreed, text string) error {
			if n, err := strconv.Atoi(text); err != nil || n < 1 || strconv.Itoa(n) != text {
				return fmt.Errorf("%q is no protocol version: it is a whole number, such as 34", plain.Cut(plain.Line(text), 20))
			}
			a.ProtocolVersion = text
			return nil
		}},
	{ask: "chart-version", title: "Which chart version has the successor?", help: "the release of the charts of the successor, like 0.7.5",
		text: "The proposal is what runs here. An older one is allowed where the fault is in the new version.",
		propose: func(f Facts) string {
			if f.Gate == nil {
				return ""
			}
			return f.Gate.Release
		},
		put: func(a *Agreed, text string) error {
			if !since(text, 0, 6, 2) {
				return fmt.Errorf("%q is no chart version that knows roll-forward: it is 0.6.2 or later", plain.Cut(plain.Line(text), 40))
			}
			a.Chart = text
			return nil
		}},
	{ask: "driver", title: "What orders the successor?", help: "cometbft or cantonbft: the ordering layer of the successor",
		text: "All SVs have the same. With CantonBFT there is no CometBFT; upstream leaves the further settings of its sequencer and SV app open.",
		choices: func(f Facts) []wire.Choice {
			all := []wire.Choice{{ID: string(CometBFT), Label: "CometBFT"}, {ID: string(CantonBFT), Label: "CantonBFT", Detail: "It runs inside the sequencer's pod."}}
			for i := range all {
				if f.Gate != nil && f.Gate.Driver == Driver(all[i].ID) {
					all[i].Detail = strings.TrimSpace(all[i].Detail + " As it is now.")
				}
			}
			return all
		},
		put: func(a *Agreed, text string) error {
			a.Driver = Driver(text)
			if a.Driver.name() == "" {
				return fmt.Errorf("%q is no ordering layer", plain.Cut(plain.Line(text), 20))
			}
			return nil
		}},
}

func timeOf(field func(*Agreed) *time.Time) func(*Agreed, string) error {
	return func(a *Agreed, text string) error {
		at, err := network.ParseMoment(text)
		*field(a) = at
		return err
	}
}

// announcedProtocol is the protocol version of the upgrade that was announced: global-domain::1220...::34-5.
func announcedProtocol(f Facts) string {
	if f.Gate == nil || f.Gate.Announced == nil {
		return ""
	}
	id := f.Gate.Announced.Successor
	version, _, ok := strings.Cut(id[strings.LastIndex(id, ":")+1:], "-")
	if _, err := strconv.Atoi(version); !ok || err != nil {
		return ""
	}
	return version
}

func (p parameter) question(f Facts) wire.Question {
	q := wire.Question{Name: p.ask, Kind: wire.AskText, Title: p.title, Text: p.text, Default: f.Call.Was[p.ask]}
	if p.choices != nil {
		q.Kind, q.Default, q.Choices = wire.AskChoice, "", p.choices(f)
		return q
	}
	if q.Default == "" && p.propose != nil {
		q.Default = p.propose(f)
	}
	if p.ask == "last-good" && f.Gate != nil && f.Gate.Chain != nil {
		q.Text += " This node's CometBFT made its last block at " + card.Stamp(f.Gate.Chain.Time) + "."
	}
	return q
}

// begun are the values that are not asked for.
func (f Facts) begun() Agreed {
	now, _ := f.currentSerial()
	network := f.Node.Subject.Network
	if network == "" {
		network = "a network whose name is not known here"
	}
	return Agreed{Situation: f.Situation, Network: network, CurrentSerial: now}
}

// open is the first value that is not given; nil: all are.
func (f Facts) open() *parameter {
	for i, p := range parameters {
		if (p.needed == nil || p.needed(f.Situation)) && f.Call.Values[p.ask] == "" {
			return &parameters[i]
		}
	}
	return nil
}

// proposal is what was entered so far; false: values are missing.
func (f Facts) proposal() (Agreed, bool) {
	if f.Node == nil || f.Situation == "" || f.open() != nil {
		return Agreed{}, false
	}
	a := f.begun()
	for _, p := range parameters {
		if text := f.Call.Values[p.ask]; text != "" && p.put(&a, text) != nil {
			return Agreed{}, false
		}
	}
	return a, true
}

// takeParameter puts a value into a new map: that of the facts before is still in use.
func (c *Call) takeParameter(p parameter, text string, f Facts) error {
	text, err := network.ParseLine(text, strings.ReplaceAll(p.ask, "-", " "))
	if err != nil {
		return err
	}
	a := f.begun()
	if err := p.put(&a, text); err != nil {
		return err
	}
	c.Values = with(c.Values, p.ask, text)
	return nil
}

func with(m map[string]string, key, value string) map[string]string {
	m = maps.Clone(m)
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m
}
