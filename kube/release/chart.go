package release

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/internal/secret"
)

// Chart is a chart that lies in a folder, or in a file as `helm pull` leaves it, or that is held in memory as such a file.
type Chart struct {
	Path    string // of the folder, or of the .tgz file; of one in memory, what it is called
	Name    string // as its Chart.yaml has it
	Version string
	packed  []byte        // of one in memory
	kept    secret.String // the record of Helm that holds it, of one out of a record
}

// ReadChart reads a chart as `helm pull` leaves it in a .tgz file. path is what it is called in sentences.
func ReadChart(path string, packed []byte) (Chart, error) {
	return read(Chart{Path: path, packed: packed})
}

// String is such as "splice-scan 0.6.4".
func (c Chart) String() string { return c.Name + " " + c.Version }

// Charts finds the charts in a folder, each a folder with a Chart.yaml or a .tgz file, by name and version. The folder may be a chart
// itself, and path may name one .tgz file. What looks like a chart and cannot be read is an error.
func Charts(path string) ([]Chart, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.IsDir() || isChart(path):
		c, err := chartAt(path)
		return []Chart{c}, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var found []Chart
	for _, e := range entries {
		at := filepath.Join(path, e.Name())
		if filepath.Ext(at) != ".tgz" && !isChart(at) {
			continue
		}
		c, err := chartAt(at)
		if err != nil {
			return nil, err
		}
		found = append(found, c)
	}
	slices.SortFunc(found, func(a, b Chart) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Version, b.Version), strings.Compare(a.Path, b.Path))
	})
	return found, nil
}

func isChart(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "Chart.yaml"))
	return err == nil
}

func chartAt(path string) (Chart, error) { return read(Chart{Path: path}) }

func read(c Chart) (Chart, error) {
	inside, err := c.load()
	if err != nil {
		return Chart{}, err
	}
	c.Name, c.Version = plain.Line(inside.Metadata.Name), plain.Line(inside.Metadata.Version)
	return c, nil
}

// load reads a chart anew: rendering writes into it.
func (c Chart) load() (inside *chart.Chart, err error) {
	if c.kept != (secret.String{}) {
		var s Stored
		if s, err = Decode(c.kept); err == nil {
			inside = s.rls.Chart
		}
	} else if c.packed != nil {
		inside, err = loader.LoadArchive(bytes.NewReader(c.packed))
	} else {
		inside, err = loader.Load(c.Path)
	}
	if err == nil && inside.Metadata == nil {
		err = errors.New("it has no Chart.yaml")
	}
	if err != nil {
		return nil, fmt.Errorf("%s is not a chart that can be read: %s", c.Path, plain.Cut(plain.Line(err.Error()), 200))
	}
	return inside, nil
}

// Mentions says whether a word stands anywhere in the templates or the default values of the chart, or of the charts inside it: so whether the
// release knows a value at all.
func (c Chart) Mentions(word string) (bool, error) {
	whole, err := c.load()
	if err != nil {
		return false, err
	}
	for _, one := range family(whole) {
		defaults, err := json.Marshal(one.Values)
		if err == nil && bytes.Contains(defaults, []byte(word)) {
			return true, nil
		}
		for _, file := range one.Templates {
			if strings.HasPrefix(file.Name, "templates/") && bytes.Contains(file.Data, []byte(word)) {
				return true, nil
			}
		}
	}
	return false, nil
}

// missing are the charts that Chart.yaml names as dependencies and that do not lie in charts/.
func missing(c *chart.Chart) []string {
	var names []string
	for _, want := range c.Metadata.Dependencies {
		if want != nil && !slices.ContainsFunc(c.Dependencies(), func(have *chart.Chart) bool { return have.Name() == want.Name }) {
			names = append(names, plain.Line(want.Name+" "+want.Version))
		}
	}
	return names
}

// inside are the charts inside a chart, in an order that does not change.
func inside(c *chart.Chart) []*chart.Chart {
	all := slices.Clone(c.Dependencies())
	slices.SortFunc(all, func(a, b *chart.Chart) int { return strings.Compare(a.Name(), b.Name()) })
	return all
}

// family is the chart, those inside it, and those inside them.
func family(c *chart.Chart) []*chart.Chart {
	all := []*chart.Chart{c}
	for _, d := range inside(c) {
		all = append(all, family(d)...)
	}
	return all
}
