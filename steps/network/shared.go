package network

import (
	"context"
	"fmt"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// What the variant for 0.6.2 and later (package rollforward) goes by as well: what was decided on the call, how times are written there, which
// release is seen, and what speaks against the loss.

// ParseMoment reads a moment as people write one on a call, in UTC.
func ParseMoment(text string) (time.Time, error) { return parseMoment(text) }

// ParseLine takes a short text of a person for the card; what names it in the error.
func ParseLine(text, what string) (string, error) { return parseLine(text, what) }

// Take puts one of the answers who, where and when into the decision; false: it is another one.
func (d *Decision) Take(ask, value string) (ok bool, err error) { return d.take(ask, value) }

// Question asks for what is missing of a decision about something; nil: nothing is. Names have the prefix.
func (d Decision) Question(prefix, about string, like Decision, now time.Time) *wire.Question {
	return d.question(prefix, about, like, now)
}

// Finding tells a decision, and that it cannot be of a time that is still to come.
func (d Decision) Finding(id, what string, now time.Time) wire.Finding {
	return d.finding(id, what, now)
}

// ParseSVs reads the names of all SVs, this SV itself among them.
func ParseSVs(text, own string) ([]string, error) {
	var a Agreeing
	err := a.takeSVs(text, own)
	return a.names(), err
}

// OwnScan asks this node's own scan who it is and who belongs to the network, with the addresses of the others' scans where it lists them.
func OwnScan(ctx context.Context, w steps.World, n node.Node) (svapp.DSO, []svapp.Address, error) {
	return ownScan(ctx, w, n)
}

// AskOwnScan asks this node's own scan something, through a tunnel to its pod.
func AskOwnScan(ctx context.Context, w steps.World, n node.Node, ask func(*svapp.Scan) error) error {
	s, err := settings(w, n, node.ScanApp, scanPort)
	if err != nil {
		return err
	}
	scan, err := svapp.NewScan(s)
	if err != nil {
		return err
	}
	return ask(scan)
}

// Against looks for what speaks against the loss of the network: this node's chain, seen once before where that was possible, and the scans of the
// other SVs, those named with it among them.
func Against(ctx context.Context, w steps.World, n node.Node, before *Block, scans []string) ([]wire.Finding, error) {
	return against(ctx, w, Facts{Node: &n, Chain: before, Hints: Hints{Scans: scans}})
}

// Look is one look at this node's CometBFT; nil: there is none, or it does not answer.
func Look(ctx context.Context, w steps.World, n node.Node) (*Block, error) {
	look, err := chain(ctx, w, n)
	if err != nil || len(look.Samples) == 0 {
		return nil, err
	}
	b := look.Samples[len(look.Samples)-1]
	return &Block{Network: look.Network, Height: b.Height, Time: b.Time, At: b.At}, nil
}

// Releases are the releases of Splice that a node shows: those up to 0.6.1, and those from 0.6.2 on, that of the SV app first.
type Releases struct {
	Old, New []string
	Evidence []wire.Evidence
}

// ReleasesOf looks which releases of Splice run on a node.
func ReleasesOf(ctx context.Context, w steps.World, n node.Node) (Releases, error) {
	var r Releases
	seen, err := sightings(ctx, w, n)
	for _, s := range seen {
		r.Evidence = append(r.Evidence, wire.Evidence{Source: s.source, Seen: s.said})
		switch triage.FamilyOf(s.release) {
		case triage.FamilyA:
			r.Old = append(r.Old, s.release)
		case triage.FamilyB, triage.FamilyC:
			r.New = append(r.New, s.release)
		}
	}
	return r, err
}

// Core is a release without what tells its builds apart.
func Core(release string) string { return core(release) }

// Between says what is wrong with a node that shows releases of both kinds.
func (r Releases) Between() string {
	return fmt.Sprintf("this node is between two releases: %s and %s", r.Old[0], r.New[0])
}
