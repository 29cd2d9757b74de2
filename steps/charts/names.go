package charts

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
)

// byNames tells the releases by the names of the files and what is in them, as the documentation has both.
func (f folder) byNames(s Saved, have []release.Chart) ([]Release, error) {
	var all []Release
	var known list
	var open []string
	taken := map[string]bool{}
	for _, stem := range slices.Sorted(maps.Keys(f.files)) {
		n, ok := byFile(stem)
		if !ok {
			continue
		}
		taken[stem] = true
		r, gaps, err := f.one(n, have)
		if err != nil {
			return nil, err
		}
		for _, m := range n.more {
			taken[m] = true
		}
		open = append(open, gaps...)
		line := listed{Name: or(r.Name, "RELEASE"), Chart: or(r.Chart.Name, "CHART")}
		for _, file := range r.Files {
			line.Values = append(line.Values, filepath.Base(file))
		}
		if i := slices.IndexFunc(all, func(x Release) bool { return x.Name == r.Name && r.Name != "" }); i >= 0 {
			open = append(open, fmt.Sprintf("%s and %s are both of release %s", filepath.Base(all[i].Files[0]), filepath.Base(r.Files[0]), r.Name))
		}
		all, known.Releases = append(all, r), append(known.Releases, line)
	}
	for _, stem := range slices.Sorted(maps.Keys(f.files)) {
		if !taken[stem] {
			open = append(open, f.files[stem]+" has no name that tells its release")
			known.Releases = append(known.Releases, listed{Name: "RELEASE", Chart: "CHART", Values: []string{f.files[stem]}})
		}
	}
	if len(all) == 0 && len(open) == 0 {
		return nil, &steps.Problem{Tried: "looking for values files in " + s.Values, Seen: "there is none", Next: "Name the folder with the saved values"}
	}
	if len(open) > 0 {
		return nil, &steps.Problem{Tried: "telling which release each values file in " + s.Values + " is of", Seen: strings.Join(open, "; "),
			Next: "Write " + filepath.Join(s.Values, ListFile) + " with every release, its chart and its files in their order; as far as it is known: " + known.text()}
	}
	return all, nil
}

func or(text, other string) string {
	if text == "" {
		return other
	}
	return text
}

// byFile is what the name of a file tells.
func byFile(stem string) (named, bool) {
	if i := slices.IndexFunc(documented, func(n named) bool { return n.file == stem }); i >= 0 {
		return documented[i], true
	}
	if name, ok := strings.CutSuffix(stem, "-values"); ok {
		for _, r := range ofRelease {
			if r.name.MatchString(name) {
				return named{file: stem, release: name, charts: r.charts}, true
			}
		}
	}
	return named{}, false
}

// one puts a release together, and says what is not told of it.
func (f folder) one(n named, have []release.Chart) (r Release, gaps []string, err error) {
	file := f.files[n.file]
	if err := f.add(&r, file); err != nil {
		return r, nil, err
	}
	for _, m := range n.more {
		if name, ok := f.files[m]; ok {
			if err := f.add(&r, name); err != nil {
				return r, nil, err
			}
		}
	}
	if r.Name = n.release; r.Name == "" {
		if r.Name, r.Told, err = f.told(n); err != nil {
			return r, nil, err
		}
		switch {
		case r.Name == "":
			gaps = append(gaps, fmt.Sprintf("the release of %s is told by no values: %s", file, paths(n)))
		case !releaseName.MatchString(r.Name):
			gaps = append(gaps, fmt.Sprintf("the release of %s is told differently: %s", file, r.Told))
			r.Name = ""
		}
	}
	var fit []release.Chart
	for _, c := range have {
		if slices.Contains(n.charts, c.Name) {
			fit = append(fit, c)
		}
	}
	switch len(fit) {
	case 0:
		gaps = append(gaps, fmt.Sprintf("%s needs the chart %s, and the charts are %s", file, strings.Join(n.charts, " or "), names(have)))
	case 1:
		r.Chart = fit[0]
	default:
		gaps = append(gaps, fmt.Sprintf("%s is of one of %s", file, names(fit)))
	}
	return r, gaps, nil
}

// serviceName is an address inside the namespace.
var serviceName = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`)

// differently is a name that no release can have: values contradict each other.
const differently = "?"

// told reads the name of a release where values hold it, and says where.
func (f folder) told(n named) (name, where string, err error) {
	var places []string
	for _, t := range n.told {
		file, ok := f.files[t.file]
		if !ok {
			continue
		}
		v, err := f.read(file)
		if err != nil {
			return "", "", err
		}
		got := v.Text(t.path)
		if got == "" || !strings.HasSuffix(got, t.suffix) {
			continue
		}
		got = strings.TrimSuffix(got, t.suffix)
		if !serviceName.MatchString(got) {
			continue // such as an address with a domain: no name of a service in the namespace
		}
		places = append(places, t.path+" in "+file)
		if name != "" && name != got {
			return differently, strings.Join(places, ", "), nil
		}
		name = got
	}
	return name, strings.Join(places, ", "), nil
}

func paths(n named) string {
	var all []string
	for _, t := range n.told {
		all = append(all, t.path+" in "+t.file)
	}
	return strings.Join(all, ", ")
}
