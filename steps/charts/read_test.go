package charts

import (
	"fmt"
	"strings"
	"testing"
)

func TestReadFolder(t *testing.T) {
	for _, c := range []struct {
		name   string
		values map[string]string
		want   string
	}{
		{"the bundle's names", map[string]string{"participant-values.yaml": "auth: {jwksUrl: a}", "validator-values.yaml": "auth: {audience: b}", "sv-validator-values.yaml": "svValidator: true",
			"ui-config-values.yaml": "spliceInstanceNames: {}", "notes.yaml": "x: 1"},
			`"" [splice-participant] [participant-values.yaml]
"validator" [splice-validator] [validator-values.yaml sv-validator-values.yaml ui-config-values.yaml]
unknown [notes.yaml]`},
		{"one of two files", map[string]string{"sv-validator-values.yaml": "svValidator: true", "ui-config-values.yaml": "{}"},
			`"validator" [splice-validator] [sv-validator-values.yaml ui-config-values.yaml]
unknown []`},
		{"the name of a release", map[string]string{"participant-3-values.yaml": "{}"}, "\"participant-3\" [splice-participant] [participant-3-values.yaml]\nunknown []"},
		{"a list", map[string]string{"a.yaml": "{}", "b.yaml": "{}", ListFile: "version: 1\nreleases: [{name: p, chart: splice-participant, values: [a.yaml]}]\n"},
			"\"p\" [splice-participant] [a.yaml]\nunknown [b.yaml]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			read, unknown, err := ReadFolder(saved(t, c.values).Values)
			if err != nil {
				t.Fatal(err)
			}
			var lines []string
			for _, r := range read {
				lines = append(lines, fmt.Sprintf("%q %v %v", r.Release, r.Charts, r.Files))
			}
			if got := strings.Join(append(lines, fmt.Sprintf("unknown %v", unknown)), "\n"); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
	if _, _, err := ReadFolder(saved(t, map[string]string{"sv-values.yaml": "a: [hunter2"}).Values); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("err = %v", err)
	}
}
