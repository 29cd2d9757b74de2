package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Parse reads the text of a configuration. The error tells every mistake with its line, and repeats no value.
func Parse(data []byte) (Config, error) {
	var p parser
	decode := yaml.NewDecoder(bytes.NewReader(data))
	var document, more yaml.Node
	switch err := decode.Decode(&document); {
	case errors.Is(err, io.EOF):
		return p.config, nil
	case err != nil:
		return p.config, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))
	}
	if err := decode.Decode(&more); !errors.Is(err, io.EOF) {
		return p.config, fmt.Errorf("line %d: a second document begins, and it holds one", max(more.Line, 1))
	}
	p.mapping("", document.Content[0])
	if len(p.wrong) > 0 {
		return p.config, errors.New(strings.Join(p.wrong, "\n  "))
	}
	return p.config, nil
}

type parser struct {
	config Config
	wrong  []string
}

func (p *parser) fail(at *yaml.Node, format string, args ...any) {
	p.wrong = append(p.wrong, fmt.Sprintf("line %d: ", at.Line)+fmt.Sprintf(format, args...))
}

// mapping reads the keys below prefix, which is empty or ends in a dot.
func (p *parser) mapping(prefix string, n *yaml.Node) {
	if null(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		p.fail(n, "%s holds keys with their values, such as: %s", subject(prefix), exampleBelow(prefix))
		return
	}
	lines := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		path := prefix + name.Value
		if before, twice := lines[name.Value]; twice {
			p.fail(name, "%s stands there twice: first in line %d", path, before)
			continue
		}
		lines[name.Value] = name.Line
		all := keys()
		if i := slices.IndexFunc(all, func(k Key) bool { return k.Path == path }); i >= 0 {
			p.value(all[i], value)
		} else if slices.ContainsFunc(all, func(k Key) bool { return strings.HasPrefix(k.Path, path+".") }) {
			p.mapping(path+".", value)
		} else {
			p.fail(name, "there is no key %q%s", path, meant(path))
		}
	}
}

func (p *parser) value(k Key, n *yaml.Node) {
	if null(n) {
		return
	}
	if to, ok := k.field(&p.config).(entries); ok {
		p.entries(k, to, n)
		return
	}
	of := []*yaml.Node{n}
	if k.Kind.list() && n.Kind == yaml.SequenceNode {
		of = n.Content
	}
	var values []string
	for _, v := range of {
		if v.Kind != yaml.ScalarNode || null(v) || v.Value == "" && v.Tag == "!!str" {
			p.fail(v, "%s is no %s", k.Path, k.Kind)
			return
		}
		values = append(values, v.Value)
	}
	if len(values) == 0 {
		return
	}
	if why := k.set(&p.config, values); why != "" {
		p.fail(n, "%s %s", k.Path, why)
	}
}

// entries reads a list of entries, or one of them alone.
func (p *parser) entries(k Key, to entries, n *yaml.Node) {
	of := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		of = n.Content
	}
	var all []entry
	before := len(p.wrong)
	for _, one := range of {
		all = append(all, k.readEntry(one, p.fail))
	}
	if len(p.wrong) > before || len(all) == 0 {
		return
	}
	if why := to.put(all); why != "" {
		p.fail(n, "%s %s", k.Path, why)
	}
}

// null is a value that is not there: the key counts as not written.
func null(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func subject(prefix string) string {
	if prefix == "" {
		return "the file"
	}
	return strings.TrimSuffix(prefix, ".")
}

// exampleBelow is the first key below prefix, as it would be written there.
func exampleBelow(prefix string) string {
	for _, k := range keys() {
		if rest, ok := strings.CutPrefix(k.Path, prefix); ok && !strings.Contains(rest, ".") && !k.Kind.list() {
			return rest + ": " + k.Example
		}
	}
	return "context: sv-mainnet"
}

// meant says which key, or which of the words above keys, somebody may have meant who wrote another one.
func meant(path string) string {
	last := path[strings.LastIndexByte(path, '.')+1:]
	best, distance := "", (len(last)+1)/3
	try := func(candidate string) {
		name := candidate[strings.LastIndexByte(candidate, '.')+1:]
		if d := min(apart(path, candidate), apart(last, name)); d < distance || d == distance && best == "" {
			best, distance = candidate, d
		}
	}
	for _, k := range keys() {
		try(k.Path)
		for i, r := range k.Path {
			if r == '.' {
				try(k.Path[:i])
			}
		}
	}
	if best == "" {
		return ": docs/configuration.md has all that there are"
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// apart is how many letters have to be changed, put in or left out to make one word of another, whatever their case.
func apart(a, b string) int {
	x, y := []rune(strings.ToLower(a)), []rune(strings.ToLower(b))
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j := range y {
			change := diagonal
			if x[i] != y[j] {
				change++
			}
			diagonal, row[j+1] = row[j+1], min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(y)]
}
