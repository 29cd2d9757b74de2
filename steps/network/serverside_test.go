package network

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"canton.example/svrescue/steps/wire"
)

// made is a manifest with one Deployment, marked by some label.
func made(name, label string) string {
	return fmt.Sprintf("---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %s, namespace: sv, labels: {%s}}\n", name, label)
}

// Releases that this program cannot upgrade are told by the inventory, and stop the path at its gate, before anything is changed.
func TestReleasesOfTheServersSideAreRefusedEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		if err := r.sim.LoadYAML([]byte(helmApplied(t, "acme", "splice-sv-node", "0.5.10", nil, made("sv-app", ""), "ssa") +
			helmApplied(t, "scan", "splice-scan", "0.5.10", nil, made("scan-app", ""), "csa") +
			helmApplied(t, "validator", "splice-validator", "0.5.10", nil, made("validator-app", "helm.toolkit.fluxcd.io/name: validator, helm.toolkit.fluxcd.io/namespace: flux"), "ssa"))); err != nil {
			t.Fatal(err)
		}
		var asked []wire.Question
		v := r.drive(theCall(), &journal{}, script(t, &asked, map[string][]string{"network/release-gate.remedy": {"@abort"}}))
		if v.Ended == nil || v.Ended.Outcome != wire.Refused || asked[len(asked)-1].Name != "network/release-gate.remedy" {
			t.Fatalf("it ended with %+v, asked last %s", v.Ended, asked[len(asked)-1].Name)
		}
		told := find(t, v.Step("network/inventory").Findings[wire.PhaseVerify], "server-side")
		if told.Verdict != wire.Attention || !strings.Contains(told.Text, "by default: acme. ") {
			t.Errorf("%+v", told)
		}
		stops := find(t, v.Step("network/release-gate").Findings[wire.PhaseCheck], "server-side")
		if stops.Verdict != wire.Violated || stops.Waive != "" || len(stops.Evidence) != 1 || !strings.Contains(stops.Evidence[0].Seen, "upgrade acme CHART --version 0.5.10 --reuse-values --server-side=false") {
			t.Errorf("%+v", stops)
		}
		for _, w := range r.sim.Writes() {
			if !w.DryRun {
				t.Errorf("sent: %s %s", w.Verb, w.Path)
			}
		}
	})
}
