package network

import (
	"cmp"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps/network/card"
	"canton.example/svrescue/steps/wire"
)

// value is one of the values of the card that are asked for one by one.
type value struct {
	ask, name, title, text, help string
	propose                      func(Facts) string
	check                        func(string, Facts) error // nil: any short text
}

// Names of values on the card. Other steps look for them.
const (
	ValueTimestamp   = "timestamp"
	ValueAgreedAt    = "agreed at"
	ValueMargin      = "margin"
	ValueMigrationID = "new migration ID"
	ValueChainID     = "chain ID"
	ValuePort        = "CometBFT port"
	ValueChart       = "chart version"
	ValueRoles       = "roles"
	ValueSVs         = "SVs"
)

// values are asked for in this order.
var values = []value{
	{ask: "migration-id", name: ValueMigrationID, title: "What is the new migration ID?", help: "the number of the new synchronizer: the current one plus one",
		text:    "The current one plus one: the data snapshot carries that number, and the apps read no dump with another.",
		propose: nextMigration, check: checkMigration},
	{ask: "chain-id", name: ValueChainID, title: "What is the chain ID of the new CometBFT network?", help: "as in genesis.chainId, with the new migration ID at its end",
		text:    "It ends in the new migration ID, like MainNet-4. CometBFT nodes with another one do not talk to each other.",
		propose: proposeChain, check: checkChain},
	{ask: "port", name: ValuePort, title: "Which port has the new CometBFT for its peers?", help: "from 1 to 65535; the documented one is 26, the new migration ID, 56",
		text:    "That of externalAddress; the documented values have 26, the migration ID, 56. Each SV opens it in its ingress.",
		propose: proposePort, check: checkPort},
	{ask: "chart-version", name: ValueChart, title: "Which chart version do all SVs deploy?", help: "the release of the charts, like 0.5.10",
		text:    "The proposal is what runs here. It must be 0.6.1 or older, and the same for all.",
		propose: func(f Facts) string { return cmp.Or(f.Deploy.Version, core(f.Gate.Release)) }, check: checkChart},
	{ask: "roles", name: ValueRoles, title: "Who does what on the call?", help: "who leads, who keeps the times, in one line",
		text:    "Who leads, who says when the old synchronizer is stopped, and whoever lends a dump, in one line.",
		propose: func(f Facts) string { return "lead: " + f.Declared.Who }},
}

// serial is the current migration ID; up to 0.6.1 the number of the synchronizer is that.
func serial(f Facts) (int, bool) {
	n, err := strconv.Atoi(f.Node.Serial)
	return n, err == nil
}

func nextMigration(f Facts) string {
	if n, ok := serial(f); ok {
		return strconv.Itoa(n + 1)
	}
	return ""
}

func checkMigration(text string, f Facts) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 1000 || strconv.Itoa(n) != text {
		return fmt.Errorf("%q is no migration ID", plain.Cut(text, 20))
	}
	if now, ok := serial(f); ok && n != now+1 {
		return fmt.Errorf("this node has migration ID %d, so the new one is %d: a data snapshot carries that number, and the apps read no dump with another", now, now+1)
	}
	return nil
}

var lastNumber = regexp.MustCompile(`-(\d+)$`)

// proposeChain is the chain ID as it is, with the new number.
func proposeChain(f Facts) string {
	next := f.Agree.Values[ValueMigrationID]
	if f.Deploy.ChainID != "" && f.Deploy.MigrationID == next {
		return f.Deploy.ChainID
	}
	if f.Node.Subject.Network == "" || next == "" {
		return ""
	}
	return f.Node.Subject.Network + "-" + next
}

func checkChain(text string, f Facts) error {
	m := lastNumber.FindStringSubmatch(text)
	next := f.Agree.Values[ValueMigrationID]
	switch {
	case strings.ContainsAny(text, " /") || len(text) > 50:
		return fmt.Errorf("%q is no chain ID", plain.Cut(text, 60))
	case m == nil || m[1] != next:
		return fmt.Errorf("%s does not end in -%s, the new migration ID: a chain with an old number is taken for the old chain", plain.Cut(text, 60), next)
	}
	return nil
}

func proposePort(f Facts) string {
	if _, port, err := net.SplitHostPort(f.Deploy.Address); err == nil {
		return port
	}
	text := "26" + f.Agree.Values[ValueMigrationID] + "56"
	if checkPort(text, f) != nil {
		return ""
	}
	return text
}

func checkPort(text string, _ Facts) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 65535 || strconv.Itoa(n) != text {
		return fmt.Errorf("%q is no port: those go from 1 to 65535", plain.Cut(text, 20))
	}
	return nil
}

func checkChart(text string, _ Facts) error {
	switch {
	case !isFamilyA(text) && isNewer(text):
		return fmt.Errorf("charts of %s know no migration dump any more: 0.6.2 took that out", plain.Cut(text, 40))
	case !isFamilyA(text):
		return fmt.Errorf("%q is no version that is recovered with migration dumps: write it like 0.5.10", plain.Cut(text, 40))
	}
	return nil
}

func (v value) question(f Facts) wire.Question {
	return wire.Question{Name: v.ask, Kind: wire.AskText, Title: v.title, Text: v.text, Default: v.propose(f)}
}

// takeValue puts a value of the card into a new map: that of the facts before is still in use.
func (a *Agreeing) takeValue(ask, text string, f Facts) error {
	for _, v := range values {
		if v.ask != ask {
			continue
		}
		text, err := parseLine(text, v.name)
		if err == nil && v.check != nil {
			err = v.check(text, f)
		}
		if err != nil {
			return err
		}
		all := map[string]string{v.name: text}
		for name, known := range a.Values {
			if name != v.name {
				all[name] = known
			}
		}
		a.Values = all
		return nil
	}
	return fmt.Errorf("there is no question %s", ask)
}

func parseLine(text, what string) (string, error) {
	text = strings.Join(strings.Fields(plain.Line(text)), " ")
	switch {
	case text == "":
		return "", fmt.Errorf("a value for %s is needed", what)
	case len([]rune(text)) > 160:
		return "", fmt.Errorf("that is too long for the card: write %s in one short line", what)
	}
	return text, nil
}

// cardOf is the card of what was agreed on so far; false: values are missing.
func cardOf(f Facts) (card.Card, bool) {
	a := f.Agree
	if a.Timestamp.IsZero() || f.Node == nil {
		return card.Card{}, false
	}
	network := f.Node.Subject.Network
	if network == "" {
		network = "a network whose name is not known here"
	}
	c := card.Card{Purpose: "network recovery of " + network, Values: []card.Value{{Name: ValueTimestamp, Text: card.Stamp(a.Timestamp)}}}
	if a.AgreedAt != nil {
		c.Values = append(c.Values, card.Value{Name: ValueAgreedAt, Text: card.Stamp(*a.AgreedAt)}, card.Value{Name: ValueMargin, Text: marginText(a.Margin)})
	}
	for _, v := range values {
		if a.Values[v.name] == "" {
			return card.Card{}, false
		}
		c.Values = append(c.Values, card.Value{Name: v.name, Text: a.Values[v.name]})
	}
	names := a.names()
	return card.Card{Purpose: c.Purpose, Values: append(c.Values, card.Value{Name: ValueSVs, Text: sorted(names)})}, true
}

// shownCard is what stands on the screens: the settled card, before that the proposal.
func shownCard(f Facts) *wire.Card {
	if f.Card != nil {
		return &wire.Card{Purpose: f.Card.Purpose, Fingerprint: f.Card.Fingerprint(), Text: f.Card.Text(), Frozen: true}
	}
	c, ok := cardOf(f)
	if !ok {
		return nil
	}
	return &wire.Card{Purpose: c.Purpose, Fingerprint: c.Fingerprint(), Text: c.Text()}
}
