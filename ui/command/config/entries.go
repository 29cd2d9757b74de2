package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Managed is what is known of the backups of one database server outside the cluster. Exactly one of Until and Command says it: somebody's
// word, which ends, or a command that prints the time of the newest backup.
type Managed struct {
	Server  string // HOST:PORT
	Taken   time.Time
	Until   time.Time
	Command []string
}

// Copy is the word that something lies outside the cluster. It ends: somebody looks again.
type Copy struct {
	What, Where string
	Until       time.Time
}

// Acknowledgement takes a condition of svrescue doctor out of its exit code, until a time.
type Acknowledgement struct {
	Condition, Why string
	Until          time.Time
}

// The lists of these, each with its own fields.
type (
	ManagedList         []Managed
	CopyList            []Copy
	AcknowledgementList []Acknowledgement
)

// Field is one word of an entry.
type Field struct {
	Name   string
	Kind   Kind
	Needed bool
	Help   string
}

// entry is one entry of a list, by the names of its fields. A field with one value has a list of one.
type entry map[string][]string

func (e entry) text(field string) string { return strings.Join(e[field], " ") }

func (e entry) moment(field string) time.Time {
	t, _ := ParseMoment(e.text(field)) // it was looked at when it was read
	return t
}

// entries is a list of them as the table of keys knows it.
type entries interface {
	fields() []Field
	// put replaces the list. why follows the name of the key.
	put([]entry) (why string)
	get() []entry
}

func (*ManagedList) fields() []Field {
	return []Field{
		{"server", Text, true, "the server, as HOST:PORT"},
		{"taken", Moment, false, "when the newest backup was taken, as you saw it at the provider"},
		{"until", Moment, false, "until when your word counts"},
		{"command", Words, false, "a program with its arguments that prints when the newest backup was taken, instead of a word of yours; it is run without a shell and has 20 s"},
	}
}

func (l *ManagedList) put(all []entry) string {
	*l = nil
	for _, e := range all {
		m := Managed{Server: e.text("server"), Taken: e.moment("taken"), Until: e.moment("until"), Command: e["command"]}
		switch {
		case !strings.Contains(m.Server, ":"):
			return "has a server without its port: write it as HOST:PORT, such as db.example.com:5432"
		case len(m.Command) > 0 && (!m.Until.IsZero() || !m.Taken.IsZero()):
			return "has an entry with a command and a word of yours: leave out command, or taken and until"
		case len(m.Command) == 0 && (m.Until.IsZero() || m.Taken.IsZero()):
			return "has an entry without an end: a word needs taken and until, or else name a command"
		case slices.ContainsFunc(*l, func(o Managed) bool { return o.Server == m.Server }):
			return "names a server twice"
		}
		*l = append(*l, m)
	}
	return ""
}

func (l *ManagedList) get() (all []entry) {
	for _, m := range *l {
		e := entry{"server": {m.Server}, "taken": writeMoment(m.Taken), "until": writeMoment(m.Until)}
		if len(m.Command) > 0 {
			e["command"] = m.Command
		}
		all = append(all, e)
	}
	return all
}

func (*CopyList) fields() []Field {
	return []Field{
		{"what", Text, true, "sv-key, cometbft-keys, database-passwords or oidc-client"},
		{"where", Text, true, "where it lies, in words that find it at night"},
		{"until", Moment, true, "when somebody is to look again"},
	}
}

func (l *CopyList) put(all []entry) string {
	*l = nil
	for _, e := range all {
		*l = append(*l, Copy{What: e.text("what"), Where: e.text("where"), Until: e.moment("until")})
	}
	return ""
}

func (l *CopyList) get() (all []entry) {
	for _, c := range *l {
		all = append(all, entry{"what": {c.What}, "where": {c.Where}, "until": writeMoment(c.Until)})
	}
	return all
}

func (*AcknowledgementList) fields() []Field {
	return []Field{
		{"condition", Text, true, "the condition, by the name that svrescue doctor gives it"},
		{"why", Text, true, "why it is as it is"},
		{"until", Moment, true, "when it counts again"},
	}
}

func (l *AcknowledgementList) put(all []entry) string {
	*l = nil
	for _, e := range all {
		a := Acknowledgement{Condition: e.text("condition"), Why: e.text("why"), Until: e.moment("until")}
		if slices.ContainsFunc(*l, func(o Acknowledgement) bool { return o.Condition == a.Condition }) {
			return "names a condition twice"
		}
		*l = append(*l, a)
	}
	return ""
}

func (l *AcknowledgementList) get() (all []entry) {
	for _, a := range *l {
		all = append(all, entry{"condition": {a.Condition}, "why": {a.Why}, "until": writeMoment(a.Until)})
	}
	return all
}

// fields are those of the key's entries; nil where it has none.
func (k Key) fields() []Field {
	if e, ok := k.field(&Config{}).(entries); ok {
		return e.fields()
	}
	return nil
}

// readEntry reads one entry of a list. What is wrong with it is told to fail, with the place; no value is repeated.
func (k Key) readEntry(n *yaml.Node, fail func(at *yaml.Node, format string, args ...any)) entry {
	if n.Kind != yaml.MappingNode {
		fail(n, "%s is a list of entries, each with %s", k.Path, strings.Join(k.fieldNames(), ", "))
		return nil
	}
	e := entry{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, value := n.Content[i], n.Content[i+1]
		at := slices.IndexFunc(k.fields(), func(f Field) bool { return f.Name == name.Value })
		_, twice := e[name.Value]
		switch {
		case at < 0:
			fail(name, "an entry of %s has no %q: %s", k.Path, name.Value, nearest(name.Value, k.fieldNames()))
			continue
		case twice:
			fail(name, "an entry of %s has %s twice", k.Path, name.Value)
			continue
		case null(value):
			continue
		}
		f := k.fields()[at]
		var values []string
		of := []*yaml.Node{value}
		if f.Kind == Words && value.Kind == yaml.SequenceNode {
			of = value.Content
		}
		for _, v := range of {
			if v.Kind != yaml.ScalarNode || null(v) || strings.TrimSpace(v.Value) == "" {
				fail(v, "%s of %s is no %s", f.Name, k.Path, f.Kind)
				return nil
			}
			if why := f.Kind.wrong(strings.TrimSpace(v.Value)); why != "" {
				fail(v, "%s of %s %s", f.Name, k.Path, why)
				return nil
			}
			values = append(values, strings.TrimSpace(v.Value))
		}
		e[f.Name] = values
	}
	for _, f := range k.fields() {
		if f.Needed && len(e[f.Name]) == 0 {
			fail(n, "an entry of %s has no %s: %s", k.Path, f.Name, f.Help)
			return nil
		}
	}
	return e
}

func (k Key) fieldNames() (names []string) {
	for _, f := range k.fields() {
		names = append(names, f.Name)
	}
	return names
}

func nearest(word string, known []string) string {
	best := slices.MinFunc(known, func(a, b string) int { return apart(word, a) - apart(word, b) })
	if apart(word, best) <= (len(word)+1)/3 {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "there are " + strings.Join(known, ", ")
}

// setEntries puts entries that are each one line of YAML, as a variable of the environment or the table has them.
func (k Key) setEntries(to entries, values []string) (why string) {
	var all []entry
	for _, v := range values {
		var n yaml.Node
		if yaml.Unmarshal([]byte(v), &n) != nil || len(n.Content) == 0 {
			return "is no list of entries: write each as {" + strings.Join(k.fieldNames(), ": …, ") + ": …}"
		}
		e := k.readEntry(n.Content[0], func(_ *yaml.Node, format string, args ...any) {
			if why == "" {
				why = "is not right: " + fmt.Sprintf(format, args...)
			}
		})
		if why != "" {
			return why
		}
		all = append(all, e)
	}
	return to.put(all)
}

// line is an entry as one line of YAML.
func (k Key) line(e entry) string {
	var parts []string
	for _, f := range k.fields() {
		if len(e[f.Name]) > 0 {
			parts = append(parts, f.Name+": "+f.write(e[f.Name]))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (f Field) write(values []string) string {
	switch f.Kind {
	case Words:
	case Moment: // as YAML knows times, without quotes
		return values[0]
	default:
		return quoted(values[0])
	}
	var all []string
	for _, v := range values {
		all = append(all, quoted(v))
	}
	return "[" + strings.Join(all, ", ") + "]"
}

// quoted is a text as it may stand inside brackets, where a comma or a bracket would end it.
func quoted(v string) string {
	if strings.ContainsAny(v, ",[]{}") {
		return fmt.Sprintf("%q", v)
	}
	return scalar(v)
}

// block is an entry, in the form of line, as lines of a file.
func (k Key) block(line string) (lines []string) {
	var n yaml.Node
	if yaml.Unmarshal([]byte(line), &n) != nil || len(n.Content) == 0 {
		return []string{"- " + line}
	}
	e := k.readEntry(n.Content[0], func(*yaml.Node, string, ...any) {})
	for _, f := range k.fields() {
		if len(e[f.Name]) > 0 {
			lines = append(lines, "  "+f.Name+": "+f.write(e[f.Name]))
		}
	}
	if len(lines) == 0 {
		return []string{"- " + line}
	}
	lines[0] = "- " + lines[0][2:]
	return lines
}

// ParseMoment reads a time, or the day at whose beginning, in UTC, it is.
func ParseMoment(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

func writeMoment(t time.Time) []string {
	switch {
	case t.IsZero():
		return nil
	case t.Equal(t.Truncate(24 * time.Hour)):
		return []string{t.Format(time.DateOnly)}
	}
	return []string{t.Format(time.RFC3339)}
}

// splitEntries takes a list in YAML apart into its entries, one line each. What is no such list comes back as it is, to be refused.
func splitEntries(text string) []string {
	var n yaml.Node
	if yaml.Unmarshal([]byte(text), &n) != nil || len(n.Content) == 0 || n.Content[0].Kind != yaml.SequenceNode {
		return []string{text}
	}
	var lines []string
	for _, one := range n.Content[0].Content {
		flow(one)
		line, err := yaml.Marshal(one)
		if err != nil {
			return []string{text}
		}
		lines = append(lines, strings.TrimSpace(string(line)))
	}
	return lines
}

func flow(n *yaml.Node) {
	n.Style |= yaml.FlowStyle
	for _, below := range n.Content {
		if below.Kind != yaml.ScalarNode {
			flow(below)
		}
	}
}
