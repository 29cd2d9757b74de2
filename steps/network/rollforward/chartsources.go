package rollforward

import (
	"cmp"
	"context"
	"regexp"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/charts"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/releases"
	"canton.example/svrescue/steps/wire"
)

// fromRecord says that charts come out of Helm's own record.
const fromRecord = "record"

// chartSources asks where the charts are, and fetches them before anything is changed.
func chartSources() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: prefix + "charts", Title: "Charts", Effect: wire.Observe,
		Summary: "Gets the charts with which releases are rendered: those that run, and those of the successor.",
		Asks:    []steps.Ask{{Name: "place", Kind: wire.AskText, Help: "a folder with the charts; a registry as oci://HOST/PATH; or record, for those that Helm has kept"}},
		Inputs: func(_ context.Context, _ steps.World, f Facts) ([]wire.Question, error) {
			if f.Place != "" {
				return nil, nil
			}
			return []wire.Question{{Name: "place", Kind: wire.AskText, Title: "Where are the charts?", Default: cmp.Or(f.ChartsHint, charts.Registry),
				Text: "A folder with charts, as helm pull leaves them, or a registry. record takes those that Helm has kept with its releases, which Splice's charts do not always allow."}}, nil
		},
		Take: func(f *Facts, _, value string) error {
			f.Place = strings.TrimSpace(value)
			return nil
		},
		Forget: func(f *Facts) { f.Place = "" },
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needCard(f); err != nil {
				return nil, err
			}
			var all []steps.Action
			had := map[string]bool{}
			for _, n := range f.charted() {
				if fetch := n.source.Fetch(n.running); fetch != nil && !had[fetch.Key()] {
					had[fetch.Key()] = true
					all = append(all, fetch)
				}
			}
			return all, nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			all, err := releases.InForce(ctx, w, f.Node.Subject.Namespace)
			if err != nil {
				return nil, err
			}
			var found []wire.Finding
			for _, n := range f.charted() {
				running, err := releases.Named(all, n.running.Name)
				if err != nil {
					return nil, err
				}
				c, err := n.source.Chart(w.Files, running)
				one := wire.Finding{ID: "chart-" + n.running.Name + "-" + n.source.Version, Verdict: wire.Holds, Text: "the chart for release " + n.running.Name + " is there"}
				if err != nil {
					failed := steps.FailureOf("getting the chart", err)
					one.Verdict, one.Text, one.Next = wire.Violated, "the chart for release "+n.running.Name+" is not there: "+plain.Line(failed.Seen), failed.Next
				} else {
					one.Evidence = []wire.Evidence{{Source: "the chart", Seen: c.String()}}
				}
				found = append(found, one)
			}
			return found, nil
		},
	}
}

// source is where the chart of a version comes from; empty: the version that runs.
func (f Facts) source(version string) releases.Source {
	s := releases.Source{Place: f.Place, Version: version}
	if f.Place == fromRecord {
		s.Place = ""
	}
	return s
}

type charted struct {
	running releases.Running // its name, chart and version alone
	source  releases.Source
}

var nameVersion = regexp.MustCompile(`^(.+?)-v?(\d+\.\d+\.\d+.*)$`)

// charted are the releases that are changed or derived from, and which chart each needs.
func (f Facts) charted() []charted {
	var all []charted
	add := func(release_, version string) {
		m := nameVersion.FindStringSubmatch(f.Node.Releases[release_])
		if release_ == "" || m == nil {
			return
		}
		all = append(all, charted{releases.Running{Stored: release.Stored{Release: release.Release{Name: release_, Namespace: f.Node.Subject.Namespace, Chart: m[1], ChartVersion: m[2]}}}, f.source(version)})
	}
	for _, part := range []node.Part{node.Sequencer, node.CometBFT} {
		if old, err := f.oldRelease(part); err == nil {
			if part == node.Sequencer && f.Situation != NothingSequenced {
				add(old, "")
			}
			if part == node.Sequencer || f.Agreed.Driver == CometBFT {
				add(old, f.Agreed.Chart)
			}
		}
	}
	for _, part := range []node.Part{node.SVApp, node.ScanApp} {
		for _, c := range f.Node.Of(part) {
			add(c.Release, "")
		}
	}
	return all
}
