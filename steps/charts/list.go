package charts

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"canton.example/svrescue/internal/plain"
	"sigs.k8s.io/yaml"
)

// ListFile says, beside the values files, which release each is of. Where it is there, names of files tell nothing.
const ListFile = "releases.yaml"

// listVersion is that of the format (docs/formats.md).
const listVersion = 1

// list is the content of a ListFile.
type list struct {
	Version  int      `json:"version"`
	Releases []listed `json:"releases"`
}

type listed struct {
	Name         string   `json:"name"`
	Chart        string   `json:"chart"`
	ChartVersion string   `json:"chartVersion,omitempty"` // needed where there are several
	Values       []string `json:"values,omitempty"`       // files, later ones over earlier ones; none: the chart's own values
}

var (
	unknownKey  = regexp.MustCompile(`unknown field "([^"]+)"`)
	releaseName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]{0,51}[a-z0-9])?$`) // as Helm takes it
)

func parseList(data []byte) (list, error) {
	var l list
	if err := yaml.UnmarshalStrict(data, &l); err != nil {
		if m := unknownKey.FindStringSubmatch(err.Error()); m != nil {
			return l, fmt.Errorf("it has an unknown key %q; the keys are version, releases, and of a release name, chart, chartVersion, values", m[1])
		}
		return l, errors.New("it cannot be read: " + plain.Cut(plain.Line(err.Error()), 200))
	}
	if l.Version != listVersion {
		return l, fmt.Errorf("it is of version %d of the format, and this program reads version %d", l.Version, listVersion)
	}
	if len(l.Releases) == 0 {
		return l, errors.New("it lists no release")
	}
	have := map[string]bool{}
	for _, r := range l.Releases {
		switch {
		case !releaseName.MatchString(r.Name):
			return l, fmt.Errorf("%q is no name of a release", r.Name)
		case have[r.Name]:
			return l, fmt.Errorf("it lists release %s twice", r.Name)
		case r.Chart == "":
			return l, fmt.Errorf("release %s has no chart", r.Name)
		}
		have[r.Name] = true
		for _, file := range r.Values {
			if !filepath.IsLocal(file) {
				return l, fmt.Errorf("release %s names %q, which is not inside the folder", r.Name, file)
			}
		}
	}
	return l, nil
}

// text is the list as a person would write it, in one line, so that it stays whole wherever it is shown.
func (l list) text() string {
	var all []string
	for _, r := range l.Releases {
		all = append(all, fmt.Sprintf("{name: %s, chart: %s, values: [%s]}", r.Name, r.Chart, strings.Join(r.Values, ", ")))
	}
	return fmt.Sprintf("{version: %d, releases: [%s]}", listVersion, strings.Join(all, ", "))
}
