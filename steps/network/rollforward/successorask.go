package rollforward

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/releases"
	"canton.example/svrescue/steps/wire"
)

// Addresses are those of this SV's successor, which other nodes reach it by.
type Addresses struct {
	Sequencer string `json:"sequencer,omitempty"` // https://sequencer-5.sv.example.com
	Comet     string `json:"comet,omitempty"`     // global-domain-5-cometbft.sv.example.com:26556
	Founder   string `json:"founder,omitempty"`   // of the founding SV's CometBFT, where the values name it; none: they do not
	Peer      string `json:"peer,omitempty"`      // of CantonBFT's peers: sequencer-p2p-5.sv.example.com
}

var successorAsks = []steps.Ask{
	{Name: "sequencer-url", Kind: wire.AskText, Help: "the public address of the successor's sequencer: https://sequencer-5.sv.YOUR_HOSTNAME"},
	{Name: "comet-address", Kind: wire.AskText, Help: "where peers reach the successor's CometBFT: HOST:PORT"},
	{Name: "founder-address", Kind: wire.AskText, Help: "where the founding SV's CometBFT of the successor is reached: HOST:PORT; none: the values do not name it"},
	{Name: "peer-host", Kind: wire.AskText, Help: "with CantonBFT: the host at which peers reach the successor's sequencer"},
}

func successorInputs(_ context.Context, _ steps.World, f Facts, all []releases.Running) ([]wire.Question, error) {
	a := f.Addresses
	from, to := strconv.Itoa(f.Agreed.CurrentSerial), strconv.Itoa(f.Agreed.NewSerial)
	ask := func(name, title, text, proposed string) ([]wire.Question, error) {
		return []wire.Question{{Name: name, Kind: wire.AskText, Title: title, Text: text, Default: proposed}}, nil
	}
	if a.Sequencer == "" {
		proposed := ""
		if sv, err := f.running(all, node.SVApp); err == nil {
			if b, ok := blockOf(sv, f.oldName(node.Sequencer)); ok {
				proposed, _ = renumber(b.publicURL, from, to)
			}
		}
		return ask("sequencer-url", "Which public address has the successor's sequencer?", "Other nodes reach it there. Its ingress is yours to make: a new host for the new serial, beside the old one.", proposed)
	}
	if f.Agreed.Driver == CantonBFT {
		if a.Peer == "" {
			return ask("peer-host", "At which host do peers reach the successor's sequencer?", "CantonBFT orders inside the sequencer, on port 443 of that host. Upstream leaves further settings of CantonBFT open.",
				strings.Replace(hostOf(a.Sequencer), "sequencer-", "sequencer-p2p-", 1))
		}
		return nil, nil
	}
	comet, err := f.oldRelease(node.CometBFT)
	if err != nil {
		return nil, err
	}
	r, err := releases.Named(all, comet)
	if err != nil {
		return nil, err
	}
	values, err := valuesOf(r)
	if err != nil {
		return nil, err
	}
	switch {
	case a.Comet == "":
		proposed, _ := readdress(values.text("node.externalAddress"), from, to)
		return ask("comet-address", "Where do peers reach the successor's CometBFT?", "A host or a port of its own, beside the old one: CometBFT cannot share one. The ingress is yours to make.", proposed)
	case a.Founder == "" && values.text("sv1.externalAddress") != "":
		proposed, _ := readdress(values.text("sv1.externalAddress"), from, to)
		return ask("founder-address", "Where is the founding SV's CometBFT of the successor?", "The old values name that of the old synchronizer; the call knows that of the successor.", proposed)
	}
	return nil, nil
}

func takeAddress(f *Facts, ask, value string) error {
	value = strings.TrimSpace(plain.Line(value))
	switch ask {
	case "sequencer-url":
		u, err := url.Parse(value)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || strings.Trim(u.Path, "/") != "" {
			return fmt.Errorf("%q is no address: write it as https://HOST", plain.Cut(value, 80))
		}
		f.Addresses.Sequencer = strings.TrimSuffix(value, "/")
	case "comet-address":
		f.Addresses.Comet = value
		return fits(value)
	case "founder-address":
		f.Addresses.Founder = value
		return fits(value)
	case "peer-host":
		if value == "" || strings.ContainsAny(value, " /:") {
			return fmt.Errorf("%q is no host", plain.Cut(value, 80))
		}
		f.Addresses.Peer = value
	}
	return nil
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// running is the release of an app of this node.
func (f Facts) running(all []releases.Running, part node.Part) (releases.Running, error) {
	for _, c := range f.Node.Of(part) {
		return releases.Named(all, c.Release)
	}
	return releases.Running{}, &steps.Problem{Tried: "finding the release of the " + string(part), Seen: "this node has none", Next: "Look whether it runs in another namespace"}
}
