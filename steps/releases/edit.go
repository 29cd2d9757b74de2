package releases

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"sigs.k8s.io/yaml"
)

// Edit is what is changed of values. It is journaled and shown: it holds no secret. Paths are such as "migration.id".
type Edit struct {
	Set  map[string]any   `json:"set,omitempty"`  // by path; what is there is replaced, a map with all that is in it
	Add  map[string][]any `json:"add,omitempty"`  // by path of a list: items at its end; one with the same "name" takes the place of that one
	Drop []string         `json:"drop,omitempty"` // paths; what is not there is no error
}

// on makes the changes. Drops come first, so that a path that is dropped and set has what is set.
func (e Edit) on(v release.Values) (release.Values, error) {
	v = v.Without(e.Drop...)
	for _, path := range slices.Sorted(maps.Keys(e.Set)) {
		var err error
		if v, err = set(v, path, e.Set[path]); err != nil {
			return v, err
		}
	}
	for _, path := range slices.Sorted(maps.Keys(e.Add)) {
		was, _ := v.At(path)
		list, isList := was.([]any)
		if was != nil && !isList {
			return v, fmt.Errorf("the value %s is no list", path)
		}
		for _, x := range e.Add[path] {
			i := slices.IndexFunc(list, func(y any) bool { return nameOf(x) != "" && nameOf(x) == nameOf(y) })
			if i < 0 {
				list = append(list, x)
			} else {
				list[i] = x
			}
		}
		var err error
		if v, err = set(v, path, list); err != nil {
			return v, err
		}
	}
	return v, nil
}

// set puts a value at a path, instead of what is there.
func set(v release.Values, path string, x any) (release.Values, error) {
	more, err := asValues(nested(path, x))
	if err != nil {
		return v, fmt.Errorf("the value %s cannot be written", path)
	}
	return v.Without(path).With(more), nil
}

// nested is a value at the end of a path.
func nested(path string, x any) map[string]any {
	keys := strings.Split(path, ".")
	for i := len(keys) - 1; i >= 0; i-- {
		x = map[string]any{keys[i]: x}
	}
	return x.(map[string]any)
}

// asValues reads a tree as Helm reads a values file, so that it has the same types.
func asValues(tree map[string]any) (release.Values, error) {
	text, err := json.Marshal(tree)
	if err != nil {
		return release.Values{}, err
	}
	return release.ReadValues(text)
}

// patch is the changes as YAML, as they are merged over the values in a repository. of says which values those are.
func (e Edit) patch(of string) (string, error) {
	merged := release.Values{}
	for _, path := range slices.Sorted(maps.Keys(e.Set)) {
		var err error
		if merged, err = set(merged, path, e.Set[path]); err != nil {
			return "", err
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n", of)
	if tree := merged.Tree(); len(tree) > 0 {
		text, err := yaml.Marshal(tree)
		if err != nil {
			return "", err
		}
		b.Write(text)
	}
	for _, path := range slices.Sorted(maps.Keys(e.Add)) {
		text, err := yaml.Marshal(e.Add[path])
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "# Put into the list %s, in the place of items of the same name:\n", path)
		for l := range strings.Lines(string(text)) {
			b.WriteString("#   " + strings.TrimRight(l, "\n") + "\n")
		}
	}
	if len(e.Drop) > 0 {
		b.WriteString("# Take out:\n")
		for _, path := range slices.Sorted(slices.Values(e.Drop)) {
			b.WriteString("#   " + path + "\n")
		}
	}
	return b.String(), nil
}

// wrong is the error of changes that cannot be made.
func wrong(name string, err error) error {
	return &steps.Problem{Tried: "changing the values of release " + name, Seen: err.Error(), Next: "Look at them: helm get values " + name}
}
