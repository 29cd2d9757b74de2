package command

import (
	"strings"
	"testing"

	"canton.example/svrescue/steps/triage"
)

// Only what this program leads through is offered as a command.
func TestNextCommand(t *testing.T) {
	recommending := func(path string) triage.Result {
		return triage.Result{Release: triage.Release{Splice: "0.6.4"}, Paths: []triage.Path{{Path: path, Verdict: triage.Recommended}}}
	}
	for _, c := range []struct {
		of   triage.Result
		lost bool
		want string
	}{
		{triage.Result{}, false, ""},
		{recommending(triage.Restore), false, "svrescue run restore goes"},
		{recommending(triage.Restore), true, "svrescue run restore-lost goes"},
		{recommending(triage.Reonboard), false, "svrescue run reonboard goes"},
		{triage.Result{Release: triage.Release{Splice: "0.5.10"}, Paths: []triage.Path{{Path: triage.Network, Verdict: triage.Recommended}}}, false, "svrescue run network goes"},
		{recommending(triage.Network), true, "svrescue run network-roll-forward goes"},
	} {
		got := nextCommand(c.of, c.lost)
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s, lost %v: %q, want %q", c.of.Recommended(), c.lost, got, c.want)
		}
	}
}
