package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/charts"
	records "canton.example/svrescue/steps/record"
	"canton.example/svrescue/steps/wire"
)

// A lost node is made of what its record holds, or of what saved values and charts make of it. The second is a record too, which is made
// anew whenever it is read (package charts); its digest says whether it is still the one that was shown.

// fromValues says whether there is no record, and the node is rendered from saved values.
func (l LostNode) fromValues() bool { return l.Values != "" }

// source is what the node is made of, as it is named in sentences.
func (l LostNode) source() string {
	if l.fromValues() {
		return "the saved values in " + l.Values + " with the charts in " + l.Charts
	}
	return "the record in " + l.Folder
}

// saved is what is rendered.
func (f Facts) saved() charts.Saved {
	return charts.Saved{Values: f.Lost.Values, Charts: f.Lost.Charts, Namespace: f.Wanted}
}

// openLost reads the record, or makes it.
func openLost(ctx context.Context, c charts.Cluster, l LostNode, saved charts.Saved) (charts.Made, error) {
	if l.fromValues() {
		return charts.Make(ctx, c, saved)
	}
	r, err := records.Open(records.Folder(l.Folder))
	if err != nil {
		return charts.Made{}, &steps.Problem{Tried: "reading " + l.source(), Seen: err.Error(), Err: err, Next: "Put the record back as it was, or use another copy of it"}
	}
	return charts.Made{Record: r}, nil
}

// sourceQuestions ask for what the node is made of, until it is known.
func sourceQuestions(f Facts) []wire.Question {
	switch l := f.Lost; {
	case l == nil || l.Folder == "" && !l.fromValues():
		q := wire.Question{Name: "record", Kind: wire.AskText, Title: "Which folder holds the record of the node, or its saved values?",
			Text: "What svrescue record wrote in peace, or the folder artifacts/record of an earlier run; where there is none, the values files that the node was installed with. It is only read, and must stay there until this run is over."}
		if l != nil {
			q.Default = l.Hint
		}
		return []wire.Question{q}
	case l.fromValues() && l.Charts == "":
		return []wire.Question{{Name: "charts", Kind: wire.AskText, Title: "Which folder holds the charts?", Default: l.ChartsHint,
			Text: "Folders with a Chart.yaml, or .tgz files as helm pull leaves them, of the version that the node had. Nothing is fetched. They must stay there until this run is over."}}
	case l.fromValues() && f.Wanted == "":
		return []wire.Question{{Name: "namespace", Kind: wire.AskText, Title: "In which namespace was the node?",
			Text: "Values do not tell it, and addresses in them can hold it: the node must be restored into one of the same name. The documentation's is sv."}}
	}
	return nil
}

// forgetLost takes back what the inventory was told, and what it made of it. A namespace that was named on the command line stays where the
// inventory does not ask for it.
func forgetLost(f *Facts) {
	if f.Lost != nil {
		if f.Lost.fromValues() {
			f.Wanted = ""
		}
		f.Lost = &LostNode{Hint: f.Lost.Hint, ChartsHint: f.Lost.ChartsHint}
	}
	f.Node, f.Serial, f.Namespace = nil, "", ""
}

// takeLost takes an answer of the inventory. The facts before it are kept as they are.
func takeLost(f *Facts, ask, value string) error {
	value = strings.TrimSpace(value)
	switch ask {
	case "synchronizer":
		f.Serial = value
		return nil
	case "namespace":
		if value == "" || strings.ContainsAny(value, "/ .") {
			return fmt.Errorf("%q is no name of a namespace", value)
		}
		f.Wanted = value
		return nil
	}
	path, err := filepath.Abs(value)
	if err != nil || value == "" {
		return fmt.Errorf("%q is no path", value)
	}
	var lost LostNode
	if f.Lost != nil {
		lost = *f.Lost
	}
	if ask == "charts" {
		found, err := release.Charts(path)
		switch {
		case err != nil:
			return fmt.Errorf("the charts in %s cannot be used: %w", path, err)
		case len(found) == 0:
			return fmt.Errorf("there is no chart in %s: neither a folder with a Chart.yaml nor a .tgz file. Where the network is, helm pull %s --version VERSION fetches one, and the like for the others", path, charts.Address("splice-sv-node"))
		}
		lost.Charts = path
		f.Lost = &lost
		return nil
	}
	_, err = records.Open(records.Folder(path))
	switch {
	case err == nil:
		lost.Folder = path
	case errors.Is(err, os.ErrNotExist) && charts.HoldsValues(path):
		if _, err := os.Stat(filepath.Join(filepath.Dir(path), records.IndexFile)); err == nil {
			return fmt.Errorf("%s is inside a record, which tells more than the values alone: name %s", path, filepath.Dir(path))
		}
		lost.Values = path
	default:
		return notARecord(path, err)
	}
	f.Lost = &lost
	return nil
}

// notARecord says what the folder is not.
func notARecord(folder string, err error) error {
	var broken *records.Broken
	switch {
	case errors.As(err, &broken):
		return fmt.Errorf("the record in %s cannot be used: %w. Use another copy of it", folder, err)
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("there is no record in %s, and no saved values: it has no %s, and no .yaml file", folder, records.IndexFile)
	}
	return fmt.Errorf("%s cannot be read: %w", folder, err)
}

// ofValues says what is to be known of a node that is made of values alone.
func ofValues(m charts.Made, l LostNode) []wire.Finding {
	if !l.fromValues() {
		return nil
	}
	var found []wire.Finding
	versions := m.Versions()
	var each, told []string
	for _, v := range slices.Sorted(maps.Keys(versions)) {
		each = append(each, v+" ("+strings.Join(versions[v], ", ")+")")
	}
	switch {
	case len(versions) == 1:
		found = append(found, wire.Finding{ID: "chart-version", Verdict: wire.Attention, Text: "the charts are of version " + each[0],
			Next: "Make sure that the node ran this version when the backup was made: nothing in the values tells, and an older one cannot read the data of a newer one"})
	case len(versions) > 1:
		found = append(found, wire.Finding{ID: "chart-version", Verdict: wire.Undetermined, Text: "the charts are of several versions: " + strings.Join(each, ", "),
			Next: "Splice is installed in one version. Use the charts of that which the node had when the backup was made", Waive: "the node ran with these versions side by side"})
	}
	for _, r := range m.Releases {
		if r.Told != "" {
			told = append(told, r.Name+" (by "+r.Told+")")
		}
	}
	if len(told) > 0 {
		found = append(found, wire.Finding{ID: "names", Verdict: wire.Holds, Text: "names of releases that no name of a file tells: " + strings.Join(told, ", ")})
	}
	if len(m.Unused) > 0 {
		found = append(found, wire.Finding{ID: "unlisted", Verdict: wire.Attention, Text: charts.ListFile + " does not name these files, so they are not used: " + strings.Join(m.Unused, ", "),
			Next: "If one of them was given to a release, add it there, and start anew"})
	}
	for i, x := range m.Rendered {
		name := m.Releases[i].Name
		if len(x.Asked) > 0 {
			found = append(found, wire.Finding{ID: "lookup-" + name, Verdict: wire.Undetermined,
				Text: fmt.Sprintf("while release %s was rendered, its chart asked the cluster for %s and was told that it is not there (lookup in %s)", name, strings.Join(x.Asked, ", "), cmp.Or(strings.Join(x.Askers, ", "), "a template")),
				Next: "Nothing is looked up, so that what was shown is what is made. Look into the template what depends on it", Waive: "what the chart makes without an answer is what the node needs"})
		}
	}
	return append(found, wire.Finding{ID: "values-only", Verdict: wire.Attention, Text: "there is no record of the node: what was changed on the cluster beside Helm is not known, and Secrets are known only by what pods refer to",
		Next: "Think of what was made by hand: Secrets with other keys, ConfigMaps, changed replica counts"})
}
