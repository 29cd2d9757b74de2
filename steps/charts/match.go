package charts

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
)

// Saved is what an operator has kept of a node: values files, charts, and the namespace it was in.
type Saved struct {
	Values    string // folder
	Charts    string // folder, or one chart
	Namespace string
	// Have are the charts, where they are not in a folder.
	Have []release.Chart
	// Drop are paths of values that are left out, and Over are values that go over the others, each by the name of the chart.
	Drop map[string][]string
	Over map[string]release.Values
}

// Release is a release to be: its chart, and its values files in the order in which Helm is given them.
type Release struct {
	Name   string
	Chart  release.Chart
	Files  []string // absolute
	Told   string   // what told its name, where that is not the name of the file
	values release.Values
}

// folder are the values files of a folder.
type folder struct {
	path   string
	files  map[string]string // name without its extension, to its name with it
	values map[string]release.Values
}

// HoldsValues says whether a folder has values files, or a list of releases.
func HoldsValues(path string) bool {
	f, _ := open(path) // what is wrong with them is said when they are read
	return len(f.files) > 0 || f.lists()
}

func open(path string) (folder, error) {
	f := folder{path: path, files: map[string]string{}, values: map[string]release.Values{}}
	entries, err := os.ReadDir(path)
	if err != nil {
		return f, err
	}
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		if e.IsDir() || ext != ".yaml" && ext != ".yml" || e.Name() == ListFile {
			continue
		}
		stem := strings.TrimSuffix(e.Name(), ext)
		if other, twice := f.files[stem]; twice {
			return f, fmt.Errorf("%s and %s differ in their ending only", other, e.Name())
		}
		f.files[stem] = e.Name()
	}
	return f, nil
}

func (f folder) lists() bool {
	_, err := os.Stat(filepath.Join(f.path, ListFile))
	return err == nil
}

// read reads a values file by its name.
func (f folder) read(name string) (release.Values, error) {
	if v, ok := f.values[name]; ok {
		return v, nil
	}
	data, err := os.ReadFile(filepath.Join(f.path, filepath.FromSlash(name)))
	if err != nil {
		return release.Values{}, &steps.Problem{Tried: "reading the values file " + plain.Line(name), Seen: reason(err), Next: "Put it there, or take it out of " + ListFile}
	}
	v, err := release.ReadValues(data)
	if err != nil {
		return v, &steps.Problem{Tried: "reading the values file " + plain.Line(name), Seen: err.Error(), Next: "Correct it, and try again"}
	}
	if words := v.Holding(placeholders); len(words) > 0 {
		return v, &steps.Problem{Tried: "reading the values file " + plain.Line(name), Seen: "it still has " + strings.Join(words, ", ") + " in it, which the documentation's examples have where an operator fills in their own",
			Next: "Name the folder with the values that the node was installed with, not the examples"}
	}
	f.values[name] = v
	return v, nil
}

func reason(err error) string {
	if e, ok := err.(*os.PathError); ok {
		err = e.Err
	}
	return err.Error()
}

// match finds out which releases the saved files are of. Nothing is guessed: what the names of files and the values do not tell is
// asked for, all of it at once.
func match(s Saved) (releases []Release, unused []string, err error) {
	have := s.Have
	if have == nil {
		have, err = release.Charts(s.Charts)
	}
	if err == nil && len(have) == 0 {
		err = fmt.Errorf("there is no chart in it, neither a folder with a Chart.yaml nor a .tgz file")
	}
	if err != nil {
		return nil, nil, &steps.Problem{Tried: "looking for charts in " + s.Charts, Seen: err.Error(), Next: "Put the charts there with which the node was installed: helm pull, or the node's bundle"}
	}
	f, err := open(s.Values)
	if err != nil {
		return nil, nil, &steps.Problem{Tried: "looking for values files in " + s.Values, Seen: reason(err), Next: "Name the folder with the saved values"}
	}
	if f.lists() {
		return f.byList(have)
	}
	releases, err = f.byNames(s, have)
	return releases, nil, err
}

// byList takes the releases that the list names, and every values file that it does not name as unused.
func (f folder) byList(have []release.Chart) ([]Release, []string, error) {
	at := filepath.Join(f.path, ListFile)
	refuse := func(why string) error {
		return &steps.Problem{Tried: "reading " + at, Seen: why, Next: "Correct it, and try again"}
	}
	data, err := os.ReadFile(at)
	if err != nil {
		return nil, nil, refuse(reason(err))
	}
	l, err := parseList(data)
	if err != nil {
		return nil, nil, refuse(err.Error())
	}
	var all []Release
	used := map[string]bool{}
	for _, want := range l.Releases {
		r := Release{Name: want.Name, Told: ListFile}
		var fit []release.Chart
		for _, c := range have {
			if c.Name == want.Chart && (want.ChartVersion == "" || c.Version == want.ChartVersion) {
				fit = append(fit, c)
			}
		}
		switch len(fit) {
		case 0:
			return nil, nil, refuse(fmt.Sprintf("release %s needs the chart %s, and the charts are %s", want.Name, strings.TrimSpace(want.Chart+" "+want.ChartVersion), names(have)))
		case 1:
			r.Chart = fit[0]
		default:
			return nil, nil, refuse(fmt.Sprintf("release %s: which of %s is not told; add chartVersion", want.Name, names(fit)))
		}
		for _, file := range want.Values {
			used[file] = true
			if err := f.add(&r, file); err != nil {
				return nil, nil, err
			}
		}
		all = append(all, r)
	}
	var unused []string
	for _, name := range f.files {
		if !used[name] {
			unused = append(unused, name)
		}
	}
	slices.Sort(unused)
	return all, unused, nil
}

// add gives a release a values file, over those that it has.
func (f folder) add(r *Release, name string) error {
	v, err := f.read(name)
	if err != nil {
		return err
	}
	r.values = r.values.With(v)
	r.Files = append(r.Files, filepath.Join(f.path, filepath.FromSlash(name)))
	return nil
}

func names(charts []release.Chart) string {
	var all []string
	for _, c := range charts {
		all = append(all, c.String())
	}
	return strings.Join(all, ", ")
}
