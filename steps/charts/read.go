package charts

import (
	"os"
	"path/filepath"
	"slices"

	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
)

// Read are the values that a folder holds for one release. No chart is needed to read them.
type Read struct {
	Release string   // empty where the name of the file does not tell it
	Charts  []string // one of these
	Files   []string // names, in the order in which Helm is given them
	Values  release.Values
}

// ReadFolder reads the values files of a folder by the list beside them or, where there is none, by the names that the documentation gives
// them. unknown are files that neither tells. Its errors are *steps.Problem, and hold no value.
func ReadFolder(path string) (read []Read, unknown []string, err error) {
	f, err := open(path)
	if err != nil {
		return nil, nil, &steps.Problem{Tried: "looking for values files in " + path, Seen: reason(err), Next: "Name the folder with the saved values"}
	}
	used := map[string]bool{}
	take := func(r Read, files []string) error {
		for _, name := range files {
			v, err := f.read(name)
			if err != nil {
				return err
			}
			r.Values, r.Files, used[name] = r.Values.With(v), append(r.Files, name), true
		}
		read = append(read, r)
		return nil
	}
	if f.lists() {
		l, err := f.list()
		if err != nil {
			return nil, nil, err
		}
		for _, r := range l.Releases {
			if err := take(Read{Release: r.Name, Charts: []string{r.Chart}}, r.Values); err != nil {
				return nil, nil, err
			}
		}
	} else {
		for _, n := range f.stems() {
			files := []string{f.files[n.file]}
			for _, m := range n.more {
				if name, ok := f.files[m]; ok {
					files = append(files, name)
				}
			}
			if err := take(Read{Release: n.release, Charts: n.charts}, files); err != nil {
				return nil, nil, err
			}
		}
	}
	for _, name := range f.files {
		if !used[name] {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return read, unknown, nil
}

// stems are the files whose names tell a release, in the order of the documentation. Where a release has two files with names of their own,
// such as validator-values and sv-validator-values, it is the first one's.
func (f folder) stems() []named {
	var all []named
	for _, n := range documented {
		if _, ok := f.files[n.file]; ok {
			all = append(all, n)
		} else if i := slices.IndexFunc(n.more, func(m string) bool { _, ok := f.files[m]; return ok && m == "sv-validator-values" }); i >= 0 {
			n.file, n.more = n.more[i], n.more[i+1:]
			all = append(all, n)
		}
	}
	var rest []string
	for stem := range f.files {
		if !slices.ContainsFunc(all, func(n named) bool { return n.file == stem }) {
			rest = append(rest, stem)
		}
	}
	slices.Sort(rest)
	for _, stem := range rest {
		if n, ok := byFile(stem); ok && !slices.ContainsFunc(documented, func(d named) bool { return d.file == stem }) {
			all = append(all, n)
		}
	}
	return all
}

// list reads the list beside the files.
func (f folder) list() (list, error) {
	at := filepath.Join(f.path, ListFile)
	data, err := os.ReadFile(at)
	if err == nil {
		var l list
		if l, err = parseList(data); err == nil {
			return l, nil
		}
	}
	return list{}, &steps.Problem{Tried: "reading " + at, Seen: reason(err), Next: "Correct it, and try again"}
}
