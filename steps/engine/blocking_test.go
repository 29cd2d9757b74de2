package engine

import (
	"testing"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// What to do next is about what is told first, and it is said where there is more to do than that.
func TestWhatToDoAboutFindings(t *testing.T) {
	unknown := wire.Finding{Verdict: wire.Undetermined, Text: "the disk", Next: "Look at it."}
	broken := wire.Finding{Verdict: wire.Violated, Text: "no space", Next: "Make room."}
	silent := wire.Finding{Verdict: wire.Undetermined, Text: "the clock"}
	for name, c := range map[string]struct {
		found      []wire.Finding
		seen, next string
	}{
		"one":                    {[]wire.Finding{unknown}, "not determined: the disk", "Look at it."},
		"what does not hold":     {[]wire.Finding{unknown, broken}, "no space; not determined: the disk", "Make room. There are 2 things to do: each stands with its evidence"},
		"the same for both":      {[]wire.Finding{unknown, unknown}, "not determined: the disk; not determined: the disk", "Look at it."},
		"nothing is said of one": {[]wire.Finding{silent, unknown}, "not determined: the clock; not determined: the disk", "Look at it."},
	} {
		p, ok := blocking(append(c.found, wire.Finding{Verdict: wire.Holds, Text: "fine", Next: "never"})).(*steps.Problem)
		if !ok || p.Seen != c.seen || p.Next != c.next {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if err := blocking([]wire.Finding{{Verdict: wire.Holds}, {Verdict: wire.Attention}}); err != nil {
		t.Error(err)
	}
}
