package rehearsal

import (
	"fmt"
	"maps"
	"time"

	"canton.example/svrescue/kube/sim"
)

// helmReleaseDoc is a release as Flux applies it: name, namespace, chart, version.
const helmReleaseDoc = `apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: %[1]s, namespace: %[2]s}
spec:
  interval: 5m
  chart: {spec: {chart: %[3]s, version: %[4]s, sourceRef: {kind: HelmRepository, name: splice}}}
`

func isApp(chart string) bool {
	return chart == "splice-sv-node" || chart == "splice-scan" || chart == "splice-validator"
}

// controllers are those of Flux that apply the apps. What their colleague commits is what the apps are on the new synchronizer.
func (plan Loss) controllers(o sim.NodeOptions, s sim.Scenario) (all []sim.GitOps, err error) {
	releases, _, err := chartedNode(s, plan)
	if err != nil {
		return nil, err
	}
	for i, next := range lossReleases(plan, oldID+1) {
		if !isApp(next.chart) {
			continue
		}
		if next.chart == "splice-sv-node" {
			next.values = maps.Clone(next.values)
			next.values["migration"] = map[string]any{"id": oldID + 1, "migrating": true}
		}
		now := charted{helmRelease: next, template: releases[i].template}
		if now.manifest, err = renders(o, releases[i], next); err != nil {
			return nil, err
		}
		app, _ := chartVars(next.chart)
		commit := sim.Commit{Stopped: fmt.Sprintf("%s/global-domain-%d-sequencer", namespace, oldID), After: *sim.D(5 * time.Minute), Objects: now.live()}
		all = append(all, sim.GitOps{Kind: "HelmRelease", Namespace: namespace, Name: next.name, Manages: map[string]int32{namespace + "/" + app: 1}, Commit: &commit})
	}
	return all, nil
}
