package release

import (
	"bytes"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"k8s.io/apimachinery/pkg/runtime"
)

// Values are what an operator sets of a chart. Passwords can be among them, so they have no printed and no JSON form, and the error of
// reading them tells a line and nothing of what stands there.
type Values struct{ tree map[string]any }

func (Values) String() string               { return "(values)" }
func (Values) GoString() string             { return "(values)" }
func (Values) MarshalText() ([]byte, error) { return []byte("(values)"), nil }

var atLine = regexp.MustCompile(`\bline (\d+)`)

// ReadValues reads the text of a values file as Helm does.
func ReadValues(data []byte) (Values, error) {
	tree, err := loader.LoadValues(bytes.NewReader(data))
	if err == nil {
		return Values{tree}, nil
	}
	if m := atLine.FindStringSubmatch(err.Error()); m != nil {
		return Values{}, errors.New("it is not YAML as a values file must be: look at line " + m[1])
	}
	return Values{}, errors.New("it is not YAML as a values file must be: names and their values")
}

// With are the values, and more over them: what both set is that of more, as where Helm is given two files.
func (v Values) With(more Values) Values { return Values{loader.MergeMaps(v.tree, more.tree)} }

// Without are the values, and nothing at these paths.
func (v Values) Without(paths ...string) Values {
	var drop func(m map[string]any, path []string) map[string]any
	drop = func(m map[string]any, path []string) map[string]any {
		left := maps.Clone(m)
		if len(path) == 1 {
			delete(left, path[0])
		} else if inside, ok := left[path[0]].(map[string]any); ok {
			left[path[0]] = drop(inside, path[1:])
		}
		return left
	}
	tree := v.tree
	for _, p := range paths {
		tree = drop(tree, strings.Split(p, "."))
	}
	return Values{tree}
}

// Text is the text at a path such as "node.identifier"; empty where there is none, or something else.
func (v Values) Text(path string) string {
	var at any = v.tree
	for key := range strings.SplitSeq(path, ".") {
		m, ok := at.(map[string]any)
		if !ok {
			return ""
		}
		at = m[key]
	}
	s, _ := at.(string)
	return s
}

// Holding are those of the words that stand somewhere in a text of the values, in the order given. It is how a placeholder is found that
// nobody has filled.
func (v Values) Holding(words []string) []string {
	var has func(x any, word string) bool
	has = func(x any, word string) bool {
		switch x := x.(type) {
		case map[string]any:
			for _, y := range x {
				if has(y, word) {
					return true
				}
			}
		case []any:
			return slices.ContainsFunc(x, func(y any) bool { return has(y, word) })
		case string:
			return strings.Contains(x, word)
		}
		return false
	}
	return slices.DeleteFunc(slices.Clone(words), func(word string) bool { return !has(v.tree, word) })
}

// At is a copy of what stands at a path such as "auth.jwksUrl"; ok is false where there is nothing. Whoever asks answers for what becomes of
// it: ask only for what is no secret.
func (v Values) At(path string) (found any, ok bool) {
	var at any = v.tree
	for key := range strings.SplitSeq(path, ".") {
		m, isMap := at.(map[string]any)
		if !isMap {
			return nil, false
		}
		if at, ok = m[key]; !ok || at == nil {
			return nil, false
		}
	}
	return runtime.DeepCopyJSONValue(at), true
}

// Keys are the paths of all that is set, such as "auth.jwksUrl", sorted. A list counts as one thing.
func (v Values) Keys() []string {
	var all []string
	var walk func(prefix string, m map[string]any)
	walk = func(prefix string, m map[string]any) {
		for key, x := range m {
			if inside, ok := x.(map[string]any); ok && len(inside) > 0 {
				walk(prefix+key+".", inside)
			} else {
				all = append(all, prefix+key)
			}
		}
	}
	walk("", v.tree)
	slices.Sort(all)
	return all
}

// Tree is a copy of all that is set, as JSON has it. Passwords can be in it: whoever asks answers for what becomes of it.
func (v Values) Tree() map[string]any { return runtime.DeepCopyJSON(v.tree) }
