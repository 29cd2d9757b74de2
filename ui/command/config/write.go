package config

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Fill is what is written of a key: its values, or why there are none. Then the key stands there commented out, with its example.
type Fill struct {
	Values []string
	From   string   // where the values were seen
	Why    string   // why there are none; empty: nobody looked, because no cluster tells it
	Notes  []string // what to know when reviewing it
}

// Commented is a configuration to be read and changed by people: every key with its explanation, filled where a value is known. head
// is its first comment. What is filled in is what Parse reads from it.
func Commented(head []string, fill map[string]Fill) []byte {
	var b strings.Builder
	for _, line := range head {
		b.WriteString(strings.TrimRight("# "+line, " ") + "\n")
	}
	for _, s := range Sections() {
		fmt.Fprintf(&b, "\n# ---- %s %s\n", s.Title, strings.Repeat("-", max(3, 72-len(s.Title))))
		var above []string // the parents that are open
		for _, k := range s.Keys {
			words := strings.Split(k.Path, ".")
			parents := words[:len(words)-1]
			b.WriteString("\n")
			for i, parent := range parents {
				if i < len(above) && above[i] == parent {
					continue
				}
				above = above[:min(i, len(above))]
				fmt.Fprintf(&b, "%s%s:\n", strings.Repeat("  ", i), parent)
			}
			above = parents
			k.write(&b, strings.Repeat("  ", len(parents)), fill[k.Path])
		}
	}
	return []byte(b.String())
}

// write is one key with its comments, indented.
func (k Key) write(b *strings.Builder, indent string, f Fill) {
	say := func(text string) {
		for _, line := range wrap(text, 98-len(indent)) {
			fmt.Fprintf(b, "%s# %s\n", indent, line)
		}
	}
	say(k.Help)
	mark := ""
	switch {
	case len(f.Values) > 0 && f.From != "":
		say("From: " + f.From + ".")
	case len(f.Values) > 0:
	case f.Why != "":
		mark = "#"
		say("NOT SEEN: " + strings.TrimSuffix(f.Why, "…") + ".")
	default:
		mark = "#"
		if k.Default != "" {
			say("Without it: " + k.Default + ".")
		}
	}
	for _, note := range f.Notes {
		say(note)
	}
	values := f.Values
	if mark != "" {
		values = strings.Split(k.Example, "\n")
	}
	if !k.Kind.list() {
		fmt.Fprintf(b, "%s%s%s: %s\n", indent, mark, k.Name(), scalar(values[0]))
		return
	}
	fmt.Fprintf(b, "%s%s%s:\n", indent, mark, k.Name())
	for _, v := range values {
		for _, line := range k.items(v) {
			fmt.Fprintf(b, "%s%s  %s\n", indent, mark, line)
		}
	}
}

// items are the lines of one item of a list.
func (k Key) items(value string) []string {
	if k.Kind == Entries {
		return k.block(value)
	}
	return []string{"- " + scalar(value)}
}

// scalar is a text as YAML, in quotes where it would mean something else without.
func scalar(v string) string {
	text, err := yaml.Marshal(v)
	if one := strings.TrimSuffix(string(text), "\n"); err == nil && !strings.Contains(one, "\n") {
		return one
	}
	return fmt.Sprintf("%q", v)
}

// wrap breaks a text into lines of at most width letters, where its words allow it.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case len(line)+1+len(word) > width:
			lines, line = append(lines, line), word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}
