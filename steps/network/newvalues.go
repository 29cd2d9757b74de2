package network

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/charts"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/releases"
	"canton.example/svrescue/steps/wire"
)

const (
	fromRecord  = "record" // charts are taken out of Helm's own records
	nothingElse = "none"   // no further changes of values
)

// newValues asks what all SVs must use alike, derives the releases of the new synchronizer from those that run, and shows how they differ.
func newValues() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "network/new-values", Title: "Values of the new synchronizer", Effect: wire.Observe, Firm: true,
		Summary: "Derives CometBFT, sequencer, mediator and participant with the next migration ID from the running releases, and shows what differs.",
		Asks: []steps.Ask{
			{Name: "migration-id", Kind: wire.AskText, Help: "the new migration ID: the current one plus one"},
			{Name: "chain-id", Kind: wire.AskText, Help: "chain ID of the new CometBFT network, with the new migration ID at its end"},
			{Name: "address", Kind: wire.AskText, Help: "HOST:PORT at which the other SVs reach the new CometBFT"},
			{Name: "sequencer-url", Kind: wire.AskText, Help: "public URL of the new sequencer"},
			{Name: "chart-version", Kind: wire.AskText, Help: "version of the charts, the same for all SVs"},
			{Name: "charts", Kind: wire.AskText, Help: "where the charts are: a folder, a registry as oci://HOST/PATH, or record: those that Helm has kept"},
			{Name: "more", Kind: wire.AskText, Help: "further changes of values as RELEASE:PATH=VALUE, separated by blanks; none"},
		},
		Inputs: newValuesInputs,
		Take: func(f *Facts, ask, value string) error {
			d := f.Deploy
			if err := d.take(ask, strings.TrimSpace(value), *f); err != nil {
				return err
			}
			f.Deploy = d
			return nil
		},
		Forget: func(f *Facts) { f.Deploy, f.Successor = Deploying{}, nil },
		Check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			if needNode(f) != nil {
				return nil, nil
			}
			all, err := releases.InForce(ctx, w, f.Namespace)
			if err != nil {
				return nil, err
			}
			var names []string
			for _, m := range f.models() {
				names = append(names, m.Name)
			}
			return nil, releases.Settled(f.site(), all, names...)
		},
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needNode(f); err != nil {
				return nil, err
			}
			return f.fetches(), nil
		},
		Verify:   deriveSuccessor,
		Remedies: releases.Remedies,
	}
}

// newValuesInputs proposes what the running releases tell.
func newValuesInputs(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
	d := f.Deploy
	one := func(q wire.Question) ([]wire.Question, error) { return []wire.Question{q}, nil }
	r, numbered := f.numbers()
	switch {
	case needNode(f) != nil || d.More != "":
		return nil, nil
	case d.MigrationID == "":
		return one(wire.Question{Name: "migration-id", Kind: wire.AskText, Title: "What is the new migration ID?", Default: nextMigration(f),
			Text: "The current one plus one: the data snapshot carries that number, and the apps read no dump with another."})
	case d.ChainID == "":
		q := wire.Question{Name: "chain-id", Kind: wire.AskText, Title: "What is the chain ID of the new CometBFT network?",
			Text: "It ends in the new migration ID, like MainNet-4, and must be the same for all SVs: CometBFT nodes with another one do not talk to each other. The card of the call has it too."}
		q.Default = cmp.Or(f.Agree.Values[ValueChainID], f.proposedChain())
		return one(q)
	case d.Address == "":
		q := wire.Question{Name: "address", Kind: wire.AskText, Title: "At which HOST:PORT do the other SVs reach the new CometBFT?",
			Text: "node.externalAddress of the new CometBFT. Each migration ID needs its own host or port, since CometBFT's connections are told apart by them alone; the documented port is 26, the migration ID, 56."}
		was, err := f.valueOf(ctx, w, node.CometBFT, "node.externalAddress")
		if err != nil {
			return nil, err
		}
		if was != "" {
			if next, _ := r.address(was); numbered && portOf(next) != portOf(was) { // a host alone does not tell connections apart where both lead to one machine
				q.Default = next
			}
			q.Text += " It is " + plain.Cut(plain.Line(was), 120) + " now."
		}
		return one(q)
	case d.Sequencer == "":
		q := wire.Question{Name: "sequencer-url", Kind: wire.AskText, Title: "At which public address do others reach the new sequencer?",
			Text: "Each migration ID has its own host; the documented one is sequencer-ID and the rest of the host name."}
		was, err := f.valueOf(ctx, w, node.SVApp, "domain.sequencerPublicUrl")
		if err != nil {
			return nil, err
		}
		if was != "" {
			if at, err := url.Parse(was); err == nil && numbered && r.marks().MatchString(at.Host) {
				at.Host, _ = r.address(at.Host)
				q.Default = at.String()
			}
			q.Text += " It is " + plain.Cut(plain.Line(was), 120) + " now."
		}
		return one(q)
	case d.Version == "":
		return one(wire.Question{Name: "chart-version", Kind: wire.AskText, Title: "Which version of the charts is deployed?", Default: cmp.Or(f.Agree.Values[ValueChart], f.Node.Release, core(f.Gate.Release)),
			Text: "The proposal is what runs here. It must be 0.6.1 or older, and the same for all SVs."})
	case d.Charts == "":
		return one(wire.Question{Name: "charts", Kind: wire.AskText, Title: "Where are the charts?", Default: cmp.Or(f.Hints.Charts, charts.Registry),
			Text: "A folder with the packed charts, or a registry as oci://HOST/PATH, from which this machine fetches them. record: what Helm has kept of the running releases, where it has kept all of it and the version is the same."})
	}
	return one(wire.Question{Name: "more", Kind: wire.AskText, Title: "Which further values are to be changed?", Default: nothingElse,
		Text: "What the rules do not derive, as RELEASE:PATH=VALUE with the name of the new release, separated by blanks, such as " + f.example() + ":node.retainBlocks=2000. What differs is shown next, and can be answered anew. Passwords do not belong here: they would be journaled."})
}

// portOf is the port of a HOST:PORT.
func portOf(address string) string {
	_, port, _ := strings.Cut(address, ":")
	return port
}

// example is the name of a release of the new synchronizer.
func (f Facts) example() string {
	if r, ok := f.numbers(); ok && len(f.chains()) > 0 {
		return r.name(f.chains()[0].Release, "-")
	}
	return "global-domain-4-cometbft"
}

// numbers are the old and the new migration ID; false: one of them is not known.
func (f Facts) numbers() (renumbering, bool) {
	if f.Node == nil {
		return renumbering{}, false
	}
	r := renumbering{f.Node.Serial, f.Deploy.MigrationID}
	_, err := strconv.Atoi(r.old)
	return r, err == nil && r.next != ""
}

// proposedChain is the name of the network, with the new migration ID.
func (f Facts) proposedChain() string {
	if f.Node.Subject.Network == "" {
		return ""
	}
	return f.Node.Subject.Network + "-" + f.Deploy.MigrationID
}

// valueOf is a value of the release that makes the current workload of a part; empty where there is none.
func (f Facts) valueOf(ctx context.Context, w steps.World, part node.Part, path string) (string, error) {
	of := f.Node.Of(part)
	if len(of) == 0 {
		return "", nil
	}
	all, err := releases.InForce(ctx, w, f.Namespace)
	if err != nil {
		return "", err
	}
	r, ok := releases.Making(all, of[0].Ref.Kind, of[0].Ref.Name)
	if !ok {
		return "", nil
	}
	t, err := treeOf(r.Release)
	return t.text(path), err
}

// take takes one answer.
func (d *Deploying) take(ask, value string, f Facts) error {
	switch ask {
	case "migration-id":
		d.MigrationID = value
		return checkMigration(value, f)
	case "chain-id":
		d.ChainID = value
		f.Agree.Values = map[string]string{ValueMigrationID: d.MigrationID}
		return checkChain(value, f)
	case "address":
		host, port, err := net.SplitHostPort(value)
		if err != nil || host == "" || strings.ContainsAny(value, "/ ") {
			return fmt.Errorf("%q is no HOST:PORT", plain.Cut(plain.Line(value), 60))
		}
		d.Address = value
		return checkPort(port, f)
	case "sequencer-url":
		at, err := url.Parse(value)
		if err != nil || at.Host == "" || at.Scheme != "https" && at.Scheme != "http" || at.User != nil || strings.Trim(at.Path, "/") != "" {
			return fmt.Errorf("%q is no address such as https://sequencer-4.sv.example.com", plain.Cut(plain.Line(value), 80))
		}
		d.Sequencer = strings.TrimSuffix(value, "/")
		return nil
	case "chart-version":
		d.Version = value
		return checkChart(value, f)
	case "charts":
		if value != fromRecord && !charts.IsRegistry(value) {
			if _, err := os.Stat(value); err != nil {
				return fmt.Errorf("%q is neither a registry such as oci://HOST/PATH nor a folder that can be read, nor record", plain.Cut(plain.Line(value), 80))
			}
		}
		d.Charts = value
		return nil
	case "more":
		_, err := changes(value)
		d.More = value
		return err
	}
	return fmt.Errorf("there is no question %s", ask)
}

// change is one further change of a value.
type change struct{ release, path, value string }

// changes reads RELEASE:PATH=VALUE, separated by blanks.
func changes(text string) (all []change, err error) {
	if text == nothingElse {
		return nil, nil
	}
	for word := range strings.FieldsSeq(text) {
		where, value, ok := strings.Cut(word, "=")
		name, path, named := strings.Cut(where, ":")
		switch {
		case !ok || !named || name == "" || path == "" || strings.ContainsAny(path, "[]{}") || slices.Contains(strings.Split(path, "."), ""):
			return nil, fmt.Errorf("%q is no RELEASE:PATH=VALUE; write none where nothing else is changed", plain.Cut(plain.Line(word), 80))
		case private.MatchString(path) || private.MatchString(value):
			return nil, fmt.Errorf("%s looks like a secret, which does not belong here: it would be journaled. Put it into a Secret, as the chart reads it", plain.Cut(plain.Line(path), 80))
		}
		all = append(all, change{name, path, value})
	}
	if len(all) == 0 {
		return nil, errors.New("write RELEASE:PATH=VALUE, or none")
	}
	return all, nil
}

// scalar is a value as YAML reads it.
func scalar(text string) any {
	switch text {
	case "true":
		return true
	case "false":
		return false
	}
	if n, err := strconv.Atoi(text); err == nil && strconv.Itoa(n) == text {
		return n
	}
	return text
}

// source is where the chart of a release comes from.
func (d Deploying) source() releases.Source {
	if d.Charts == fromRecord {
		return releases.Source{Version: d.Version}
	}
	return releases.Source{Place: d.Charts, Version: d.Version}
}

// models are the running releases that the new ones are derived from, by the components that they make, in the order of installation. Only what
// the inventory knows of them is in it.
func (f Facts) models() (all []release.Release) {
	for _, c := range slices.Concat(f.chains(), f.ordering(), f.Node.Of(node.Participant)) {
		if c.Release == "" || slices.ContainsFunc(all, func(r release.Release) bool { return r.Name == c.Release }) {
			continue
		}
		chart := strings.TrimSuffix(c.Chart, "-"+f.Node.Release)
		if i := strings.LastIndex(c.Chart, "-"); i > 0 && chart == c.Chart {
			chart = c.Chart[:i]
		}
		all = append(all, release.Release{Name: c.Release, Namespace: f.Namespace, Chart: chart, ChartVersion: f.Node.Release})
	}
	return all
}

// fetches fetch the charts, where they come from a registry.
func (f Facts) fetches() (actions []steps.Action) {
	for _, m := range f.models() {
		a := f.Deploy.source().Fetch(releases.Running{Stored: release.Stored{Release: m}})
		if a != nil && !slices.ContainsFunc(actions, func(b steps.Action) bool { return b.Key() == a.Key() }) {
			actions = append(actions, a)
		}
	}
	return actions
}
