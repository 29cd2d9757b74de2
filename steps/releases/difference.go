package releases

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// leaf is one place where two trees of JSON differ. nothing stands for what is not there.
type leaf struct {
	path     []string // "[name]" for an item of a list that has names in it
	from, to any
}

// nothing is what is not there: null is something else in values.
type nothing struct{}

func (l leaf) key() string { return fmt.Sprintf("%q", l.path) }

// differences are the places where two trees differ, in the order of their names. Lists whose items have names are compared by name, as
// Kubernetes merges them; a variable of a container, and any other list, is one thing.
func differences(from, to any) []leaf {
	var all []leaf
	var walk func(path []string, a, b any)
	down := func(path []string, key string) []string { return append(slices.Clone(path), key) }
	walk = func(path []string, a, b any) {
		if reflect.DeepEqual(a, b) {
			return
		}
		if x, y, ok := maps2(a, b); ok && !variable(path) {
			for _, key := range keys(x, y) {
				walk(down(path, key), at(x, key), at(y, key))
			}
			return
		}
		if x, y, ok := byName(a, b); ok {
			for _, name := range names(x, y) {
				walk(down(path, "["+name+"]"), item(x, name), item(y, name))
			}
			return
		}
		all = append(all, leaf{path, a, b})
	}
	walk(nil, from, to)
	return all
}

// variable says whether a path is that of a variable of a container, which is told as a whole.
func variable(path []string) bool {
	return len(path) > 1 && (path[len(path)-2] == "env" || strings.HasSuffix(path[len(path)-2], "EnvVars"))
}

// maps2 are both as maps, where one of them may be nothing.
func maps2(a, b any) (x, y map[string]any, ok bool) {
	x, okX := a.(map[string]any)
	y, okY := b.(map[string]any)
	_, noX := a.(nothing)
	_, noY := b.(nothing)
	return x, y, okX && okY || okX && noY && len(x) > 0 || noX && okY && len(y) > 0
}

func keys(x, y map[string]any) []string {
	all := slices.Collect(maps.Keys(x))
	for key := range y {
		if _, ok := x[key]; !ok {
			all = append(all, key)
		}
	}
	slices.Sort(all)
	return all
}

func at(m map[string]any, key string) any {
	if x, ok := m[key]; ok {
		return x
	}
	return nothing{}
}

// byName are two lists whose items all have different names.
func byName(a, b any) (x, y []any, ok bool) {
	x, okX := a.([]any)
	y, okY := b.([]any)
	_, noX := a.(nothing)
	_, noY := b.(nothing)
	if !(okX && okY || okX && noY || noX && okY) || len(x)+len(y) == 0 {
		return nil, nil, false
	}
	for _, list := range [][]any{x, y} {
		seen := map[string]bool{}
		for _, i := range list {
			name := nameOf(i)
			if name == "" || seen[name] {
				return nil, nil, false
			}
			seen[name] = true
		}
	}
	return x, y, true
}

func nameOf(x any) string {
	m, _ := x.(map[string]any)
	name, _ := m["name"].(string)
	return name
}

// names are those of the new list in its order, after those that are gone.
func names(x, y []any) []string {
	var all []string
	for _, i := range x {
		if _, gone := item(y, nameOf(i)).(nothing); gone {
			all = append(all, nameOf(i))
		}
	}
	for _, i := range y {
		all = append(all, nameOf(i))
	}
	return all
}

func item(list []any, name string) any {
	for _, i := range list {
		if nameOf(i) == name {
			return i
		}
	}
	return nothing{}
}
