package release

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"helm.sh/helm/v4/pkg/chart/common"
	chart "helm.sh/helm/v4/pkg/chart/v2"

	"canton.example/svrescue/internal/plain"
)

// Helm checks values against a chart's schema by the same library as this does. It is not left to Helm because its sentences quote
// values, and because a schema that refers to another one would be fetched from the network.

// schemaSays is what is wrong with the values, by the schemas of the chart and of those inside it: where, and which rule, without the value.
func schemaSays(ch *chart.Chart, values map[string]any) []string {
	var wrong []string
	if ch.Schema != nil {
		wrong = checked(ch.Name(), ch.Schema, values)
	}
	for _, inside := range inside(ch) {
		switch own := values[inside.Name()].(type) {
		case nil:
		case map[string]any:
			wrong = append(wrong, schemaSays(inside, own)...)
		case common.Values:
			wrong = append(wrong, schemaSays(inside, own)...)
		default:
			wrong = append(wrong, "what is set for the chart "+plain.Line(inside.Name())+" inside it is no map")
		}
	}
	return wrong
}

// unfetched refuses to load what a schema refers to outside itself.
type unfetched struct{}

func (unfetched) Load(url string) (any, error) {
	return nil, fmt.Errorf("it refers to %s, which is not fetched", plain.Cut(plain.Line(url), 100))
}

func checked(name string, schema []byte, values map[string]any) []string {
	broken := func(err error) []string {
		return []string{"the schema of " + plain.Line(name) + " cannot be used: " + plain.Cut(plain.Line(err.Error()), 200)}
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(schema))
	if err != nil {
		return broken(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(unfetched{})
	if err := compiler.AddResource("file:///values.schema.json", parsed); err != nil {
		return broken(err)
	}
	rules, err := compiler.Compile("file:///values.schema.json")
	if err != nil {
		return broken(err)
	}
	err = rules.Validate(map[string]any(values))
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if err != nil && !ok {
		return []string{"the values of " + plain.Line(name) + " cannot be compared with its schema"}
	}
	if invalid == nil {
		return nil
	}
	var wrong []string
	leaves(invalid, func(e *jsonschema.ValidationError) {
		if rule := inValues(e.InstanceLocation) + " " + broke(e.ErrorKind); !slices.Contains(wrong, rule) {
			wrong = append(wrong, rule)
		}
	})
	slices.Sort(wrong)
	return wrong
}

// leaves are the rules that were broken, not those which are broken because of them.
func leaves(e *jsonschema.ValidationError, each func(*jsonschema.ValidationError)) {
	for _, cause := range e.Causes {
		leaves(cause, each)
	}
	if len(e.Causes) == 0 {
		each(e)
	}
}

func inValues(location []string) string {
	if len(location) == 0 {
		return "the values"
	}
	return plain.Cut(plain.Line(strings.Join(location, ".")), 120)
}

// broke says which rule was broken, in words that hold no value.
func broke(rule jsonschema.ErrorKind) string {
	names := func(list []string) string { return plain.Cut(plain.Line(strings.Join(list, ", ")), 120) }
	switch k := rule.(type) {
	case *kind.Required:
		return "lacks " + names(k.Missing)
	case *kind.AdditionalProperties:
		return "has what the chart does not know: " + names(k.Properties)
	case *kind.Type:
		return fmt.Sprintf("is %s and must be %s", k.Got, names(k.Want))
	case *kind.FalseSchema:
		return "must not be set"
	}
	return "is not what the rule " + strings.Join(rule.KeywordPath(), "/") + " of the chart's schema allows"
}
