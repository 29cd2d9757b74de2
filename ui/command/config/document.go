package config

import (
	"fmt"
	"regexp"
	"strings"
)

// flags finds what is typed, such as --retention and PATH.
var flags = regexp.MustCompile(`--[a-z-]+|\bPATH\b`)

// Document is docs/configuration.md.
func Document() []byte {
	var b strings.Builder
	b.WriteString(`# Configuration

Made by ` + "`make configuration`" + ` from the table that the parser reads by. Do not edit it here.

svrescue reads ` + "`svrescue.yaml`" + `: the file that ` + "`--config`" + ` or ` + "`SVRESCUE_CONFIG`" + ` names, else
` + "`$XDG_CONFIG_HOME/svrescue/svrescue.yaml`" + `, by default ` + "`~/.config/svrescue/svrescue.yaml`" + `. No key is needed and no file is.
` + "`svrescue init`" + ` writes one from what the cluster shows; review it before you rely on it.

A variable of the environment comes before the file, a flag before both. A key that is not in this list is an error, told with its
line and the key that was probably meant, and so is a value that is not of its kind. A dot in a name is a level of the file. The
configuration holds no secret, and there is no key for one.

| Key | What it is |
|---|---|
`)
	for _, k := range keys() {
		first, _, _ := strings.Cut(k.Help, ". ")
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s |\n", k.Path, strings.ToLower(strings.ReplaceAll(k.Path, ".", "")), strings.TrimSuffix(first, "."))
	}
	for _, s := range Sections() {
		fmt.Fprintf(&b, "\n## %s\n", s.Title)
		for _, k := range s.Keys {
			fmt.Fprintf(&b, "\n### %s\n\n%s\n\n%s\n\n", k.Path, k.Help, k.snippet())
			fmt.Fprintf(&b, "- Value: %s\n", k.Kind)
			for _, f := range k.fields() {
				needed := ""
				if f.Needed {
					needed = ", needed"
				}
				fmt.Fprintf(&b, "  - `%s`: %s (%s%s)\n", f.Name, f.Help, f.Kind, needed)
			}
			if k.Default != "" {
				fmt.Fprintf(&b, "- Without it: %s\n", k.Default)
			}
			separated := ""
			if k.Kind == Folders {
				separated = ", separated by `:`"
			} else if k.Kind == Addresses {
				separated = ", separated by commas"
			} else if k.Kind == Entries {
				separated = ", as a list in YAML"
			}
			fmt.Fprintf(&b, "- Environment: `%s`%s\n", k.Env(), separated)
			if k.Flag != "" {
				fmt.Fprintf(&b, "- Flag: %s\n", flags.ReplaceAllString(k.Flag, "`$0`"))
			}
		}
	}
	return []byte(b.String())
}

// snippet is the example of a key as it stands in a file, as a block of code.
func (k Key) snippet() string {
	var b strings.Builder
	words := strings.Split(k.Path, ".")
	for i, w := range words[:len(words)-1] {
		fmt.Fprintf(&b, "    %s%s:\n", strings.Repeat("  ", i), w)
	}
	indent := strings.Repeat("  ", len(words)-1)
	if !k.Kind.list() {
		fmt.Fprintf(&b, "    %s%s: %s", indent, k.Name(), scalar(k.Example))
		return b.String()
	}
	fmt.Fprintf(&b, "    %s%s:", indent, k.Name())
	for v := range strings.SplitSeq(k.Example, "\n") {
		for _, line := range k.items(v) {
			fmt.Fprintf(&b, "\n    %s  %s", indent, line)
		}
	}
	return b.String()
}
