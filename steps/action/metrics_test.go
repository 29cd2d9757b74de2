package action

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSamples(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []sample
	}{
		{"bare", "m 12\n", []sample{{nil, 12}}},
		{"labels", `m{a="x",b="y"} 1.77E15`, []sample{{map[string]string{"a": "x", "b": "y"}, 1.77e15}}},
		{"a comma at the end and spaces", `m { a = "x" , } 1`, []sample{{map[string]string{"a": "x"}, 1}}},
		{"spaces within", `m{ a="x" , b="y", } 1`, []sample{{map[string]string{"a": "x", "b": "y"}, 1}}},
		{"escapes", `m{a="q\"}\\ \n"} 1`, []sample{{map[string]string{"a": "q\"}\\ \n"}, 1}}},
		{"time stamp", "m 1 1700000000000\n", []sample{{nil, 1}}},
		{"exemplar", `m{a="x"} 2 # {trace_id="1"} 0.5`, []sample{{map[string]string{"a": "x"}, 2}}},
		{"infinite", "m +Inf\nm -Inf\n", []sample{{nil, math.Inf(1)}, {nil, math.Inf(-1)}}},
		{"too large", "m 1e999\n", []sample{{nil, math.Inf(1)}}},
		{"no number", "m NaN\nm x\nm\nm{} \nm{a=\"x\"\n", nil},
		{"a longer name, comments", "m_total 1\n# m 2\n# TYPE m gauge\n", nil},
		{"name in quotes", `{"m",a="x"} 3`, []sample{{map[string]string{"a": "x"}, 3}}},
		{"line ends of another system", "m 1\r\nm 2\r\n", []sample{{nil, 1}, {nil, 2}}},
		{"an odd line hides no other", "m{\nm 4\n\"\"\n", []sample{{nil, 4}}},
	} {
		if diff := cmp.Diff(c.want, samples([]byte(c.text), "m")["m"], cmp.AllowUnexported(sample{})); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func FuzzSamples(f *testing.F) {
	for _, seed := range []string{`m{a="x\"",b="y"} 1.5 17 # {t="1"} 2`, `{"m",a="x"} 3`, "m NaN", "m{", `m{a=`, `m{"`, `m{a="\`, "# m 1", "\xff{}1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name, found := range samples([]byte(text), "m", "") {
			for _, s := range found {
				if math.IsNaN(s.value) || name == "" {
					t.Fatalf("%q: %+v", name, s)
				}
			}
		}
	})
}

func TestWorst(t *testing.T) {
	of := func(component string, value float64) sample {
		return sample{map[string]string{"component": component}, value}
	}
	for _, c := range []struct {
		name     string
		all      []sample
		smallest bool
		want     float64
		found    bool
	}{
		{"none", nil, false, 0, false},
		{"the largest delay", []sample{{nil, 1}, {nil, 3}, {nil, 2}}, false, 3, true},
		{"the earliest time", []sample{{nil, 2}, {nil, 1}}, true, 1, true},
		{"another component's is not of this one", []sample{of("sequencer", 1), of("mediator", 9)}, false, 1, true},
		{"only another component's", []sample{of("mediator", 9)}, false, 0, false},
		{"without the label it counts", []sample{of("", 4), {nil, 3}}, false, 4, true},
		{"infinite says nothing", []sample{{nil, math.Inf(1)}, {nil, 3}}, false, 3, true},
	} {
		if got, ok := worst(c.all, "sequencer", c.smallest); ok != c.found || got.value != c.want {
			t.Errorf("%s: %v %v", c.name, got, ok)
		}
	}
}
