package releases

import (
	"cmp"

	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/charts"
)

// Source is where the chart comes from. The zero one is Helm's own record of the running release, which lacks charts that the chart is made
// of (as those of Splice are, of splice-util-lib): then rendering says so, and a folder or a registry has to be named.
type Source struct {
	Place   string `json:"place,omitempty"`   // a folder with charts or one chart; a registry as oci://HOST/PATH; empty: the record
	Version string `json:"version,omitempty"` // empty: that of the running release
}

// Fetch is the action that fetches the chart for a release into the run folder; nil where the source is no registry.
func (s Source) Fetch(r Running) steps.Action {
	if !charts.IsRegistry(s.Place) {
		return nil
	}
	return s.fetched(r)
}

func (s Source) fetched(r Running) action.FetchChart {
	return action.FetchChart{Registry: s.Place, Chart: r.Chart, Version: cmp.Or(s.Version, r.ChartVersion)}
}

// Chart is the chart, out of the record, the folder, or what Fetch has fetched. Its errors are *steps.Problem.
func (s Source) Chart(files steps.FileReader, r Running) (release.Chart, error) {
	switch {
	case s.Place == "" && s.Version != "" && s.Version != r.ChartVersion:
		return release.Chart{}, &steps.Problem{Tried: "finding the chart " + r.Chart + " " + s.Version, Seen: "Helm's record of release " + r.Name + " has " + r.ChartVersion,
			Next: "Name a folder with the chart, or a registry"}
	case s.Place == "":
		return r.Kept(), nil
	case charts.IsRegistry(s.Place):
		return s.fetched(r).Fetched(files)
	}
	have, err := release.Charts(s.Place)
	if err != nil {
		return release.Chart{}, &steps.Problem{Tried: "reading the charts in " + s.Place, Seen: err.Error(), Next: "Name the folder in which they are"}
	}
	return charts.Pick(have, cmp.Or(s.Version, r.ChartVersion), r.Chart)
}

// words are how a command line of Helm names the chart.
func (s Source) words(c release.Chart) []string {
	switch {
	case charts.IsRegistry(s.Place):
		return []string{charts.AddressIn(s.Place, c.Name), "--version", c.Version}
	case s.Place == "":
		return []string{charts.Address(c.Name), "--version", c.Version} // Helm takes no chart out of its record
	}
	return []string{c.Path}
}
