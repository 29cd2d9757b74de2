package release

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	chart "helm.sh/helm/v4/pkg/chart/v2"

	"canton.example/svrescue/internal/plain"
)

// What Helm says of a template that fails can hold values, which can be passwords: `fail` and `required` say what the chart's author made
// of them, and YAML that cannot be read is quoted. So of an error only this is repeated: where in the chart it is, what stands in the
// chart itself, and what Go's templates say about names.

var (
	// inChart is a place in a chart.
	inChart = regexp.MustCompile(`[\w.-]+/(?:charts/[\w.-]+/)*templates/[\w./-]+\.\w+(?::\d+)?`)
	// atExpression is the expression of a template that failed.
	atExpression = regexp.MustCompile(`at <([^<>]{1,80})>`)
	// ofNames are messages of Go's templates that hold names of values, and no value.
	ofNames = regexp.MustCompile(`nil pointer evaluating [\w.{} ]+|map has no entry for key "[\w.-]+"|no template "[\w./-]+" associated with template "[\w./-]+"|function "\w+" not defined`)
	// notYAML is what Helm says where a template makes no YAML; the rest of that sentence quotes it.
	notYAML = regexp.MustCompile(`^YAML parse error on .*?line (\d+)`)
)

// failing turns an error of rendering into a sentence.
func failing(c Chart, ch *chart.Chart, name string, err error) *Unusable {
	text := err.Error()
	var said []string
	say := func(what string) {
		if what = plain.Cut(plain.Line(what), 200); what != "" && !slices.Contains(said, what) {
			said = append(said, what)
		}
	}
	for _, line := range strings.Split(text, "\n") {
		if own := ownWords(ch, line); own != "" {
			say(own)
		}
	}
	for _, m := range ofNames.FindAllString(text, 2) {
		say(strings.TrimSpace(m))
	}
	if m := notYAML.FindStringSubmatch(text); m != nil {
		say("what it makes is not YAML at line " + m[1])
	}
	at := "does not render at " + whereIn(text)
	if m := atExpression.FindStringSubmatch(text); m != nil && stands(ch, m[1]) {
		at += " (" + plain.Line(m[1]) + ")"
	}
	if len(said) == 0 {
		return unsaid(c, name, at)
	}
	return &Unusable{Why: at + ": " + strings.Join(said, ", "), Next: "Correct the values file, and try again"}
}

// whereIn is the place in the chart that an error names: the innermost, with its line if there is one.
func whereIn(text string) string {
	at := "one of its templates"
	for _, p := range inChart.FindAllString(text, -1) {
		if strings.Contains(p, ":") || !strings.Contains(at, ":") {
			at = plain.Line(p)
		}
	}
	return at
}

// ownWords is what a line says after the place of the error, if it stands in the chart word by word: an author's `required` or `fail`.
func ownWords(ch *chart.Chart, line string) string {
	_, message, ok := strings.Cut(line, "): ")
	if message = strings.TrimSpace(message); !ok || len(message) < 4 || !stands(ch, message) {
		return ""
	}
	return message
}

// stands says whether the text stands in a template of the chart or of one inside it.
func stands(ch *chart.Chart, text string) bool {
	for _, x := range family(ch) {
		for _, t := range x.Templates {
			if t != nil && strings.Contains(string(t.Data), text) {
				return true
			}
		}
	}
	return false
}

// unsaid is the sentence where Helm's own words are not repeated: they can hold values.
func unsaid(c Chart, name, why string) *Unusable {
	return &Unusable{Why: why + ". What Helm says of it is not repeated here, since it can hold values",
		Next: fmt.Sprintf("See it where nobody else reads along: helm template %s %s -f VALUES; then correct the values file", name, c.Path)}
}
