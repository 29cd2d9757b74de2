package rehearsal

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"canton.example/svrescue/assets"
	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/kube"
	helm "canton.example/svrescue/kube/release"
	"canton.example/svrescue/kube/sim"
)

// The stand-in charts of releases from 0.6.2 on: they have the branches of upstream's templates that matter to a roll-forward
// (reference/deployment.md 11), in words of their own. Nothing of them is from Splice.

// rollReleases are the releases of the node, in the order of their installation.
func rollReleases(plan Roll) []helmRelease {
	store := func(server, database string) map[string]any {
		return map[string]any{"host": server, "port": 5432, "secretName": server + "-secret", "databaseName": database}
	}
	synchronizer := func(serial int64) []helmRelease {
		rel := fmt.Sprintf("global-domain-%d", serial)
		return []helmRelease{
			{rel + "-cometbft", "splice-cometbft", map[string]any{
				"node":    map[string]any{"identifier": rel + "-cometbft", "keysSecret": "cometbft-keys", "externalAddress": fmt.Sprintf("%s-cometbft.sv.acme.example:26%d56", rel, serial), "retainBlocks": 5040000},
				"sv1":     map[string]any{"externalAddress": fmt.Sprintf("%s-cometbft.sv-01.rehearsal.example:26%d16", rel, serial)},
				"genesis": map[string]any{"chainId": fmt.Sprintf("%s-%d", network, serial)}, "stateSync": map[string]any{"enable": true, "rpcServers": "https://sv.sv-01.rehearsal.example:443/cometbft-rpc"},
				"db": map[string]any{"volumeSize": "20Gi", "volumeStorageClass": "standard-rwo"}}},
			{rel, "splice-global-domain", map[string]any{"sequencer": map[string]any{"persistence": store("sequencer-pg", fmt.Sprintf("sequencer_%d", serial)),
				"driver": map[string]any{"type": "cometbft", "host": rel + "-cometbft-cometbft-rpc", "port": 26657}},
				"mediator": map[string]any{"persistence": store("mediator-pg", fmt.Sprintf("mediator_%d", serial))}}},
		}
	}
	svBlock := func(serial int64) map[string]any {
		rel := fmt.Sprintf("global-domain-%d", serial)
		return map[string]any{"sequencerAddress": rel + "-sequencer", "mediatorAddress": rel + "-mediator", "sequencerPublicUrl": fmt.Sprintf("https://sequencer-%d.sv.acme.example", serial),
			"cometBFT": map[string]any{"enabled": true, "connectionUri": "http://" + rel + "-cometbft-cometbft-rpc:26657"}}
	}
	scanBlock := func(serial int64) map[string]any {
		rel := fmt.Sprintf("global-domain-%d", serial)
		return map[string]any{"sequencer": rel + "-sequencer", "mediator": rel + "-mediator"}
	}
	svBlocks, scanBlocks := map[string]any{"current": svBlock(rollSerial)}, map[string]any{"current": scanBlock(rollSerial)}
	var all []helmRelease
	for _, server := range []string{"sequencer-pg", "mediator-pg", "participant-pg", "apps-pg"} {
		all = append(all, helmRelease{server, "splice-postgres", map[string]any{"db": map[string]any{"volumeSize": "20Gi", "volumeStorageClass": "standard-rwo"}}})
	}
	all = append(all, synchronizer(rollSerial)...)
	if plan.second() {
		all = append(all, synchronizer(rollSerial+1)...)
		svBlocks["successor"], scanBlocks["successor"] = svBlock(rollSerial+1), scanBlock(rollSerial+1)
	}
	return append(all,
		helmRelease{"participant", "splice-participant", map[string]any{"persistence": store("participant-pg", fmt.Sprintf("participant_%d", rollMigration))}},
		helmRelease{"sv", "splice-sv-node", map[string]any{"onboardingName": svName, "nodeIdentifier": svName, "participantAddress": "participant",
			"decentralizedSynchronizerUrl": fmt.Sprintf("https://sequencer-%d.sv-01.rehearsal.example", rollSerial), "migration": map[string]any{"id": rollMigration},
			"joinWithKeyOnboarding": map[string]any{"sponsorApiUrl": "https://sv.sv-01.rehearsal.example"}, "auth": map[string]any{"audience": svAudience}, "persistence": store("apps-pg", "cantonnet_sv"),
			"scan": map[string]any{"publicUrl": "https://scan.sv.acme.example", "internalUrl": "http://scan-app." + namespace + ":5012"}, "synchronizers": svBlocks}},
		helmRelease{"scan", "splice-scan", map[string]any{"participantAddress": "participant", "migration": map[string]any{"id": rollMigration}, "persistence": store("apps-pg", "cantonnet_scan"), "synchronizers": scanBlocks}},
		helmRelease{"validator", "splice-validator", map[string]any{"svValidator": true, "participantAddress": "participant", "migration": map[string]any{"id": rollMigration}, "persistence": store("apps-pg", "cantonnet_validator"),
			"auth": map[string]any{"audience": validatorAudience}, "scanClient": map[string]any{"scanType": "trust-single", "scanAddress": "http://scan-app." + namespace + ":5012"}}},
		helmRelease{"info", "splice-info", map[string]any{}})
}

// rollContainers are the containers that get the variables of a chart (assets.ChartVariables).
var rollContainers = map[string]string{"splice-cometbft": "cometbft", "splice-global-domain": "sequencer", "splice-sv-node": "sv-app", "splice-scan": "scan-app"}

// rollNode is a node of a release that rolls forward: names have the serial in them, and there is one participant for all (reference/deployment.md 3.2).
func rollNode(now time.Time) sim.NodeOptions {
	o := node(now)
	o.Release, o.MigrationID, o.SerialID, o.Runs = rollRelease, rollMigration, rollSerial, nil
	o.Token, o.ValidatorToken = token(svAudience), validatorToken()
	return o
}

// world is that node, as Helm renders it, and Helm's records with the charts in them.
func (plan Roll) world(now time.Time) (sim.Scenario, error) {
	o := rollNode(now)
	s, err := o.Scenario()
	if err != nil {
		return s, err
	}
	s.Knobs.Workloads = map[string]sim.Workload{"*": {ReadyDelay: sim.D(4 * time.Second), Termination: sim.D(3 * time.Second)}}
	if plan.SlowSequencer > 0 {
		s.Knobs.Workloads[fmt.Sprintf("%s/global-domain-%d-sequencer", namespace, rollSerial)] = sim.Workload{StartDelay: sim.D(plan.SlowSequencer), Termination: sim.D(3 * time.Second)}
	}
	manifests, all, err := manifestsOf(s)
	if err != nil {
		return s, err
	}
	byChart := map[string]string{} // a template, of the first release with that chart
	for _, r := range rollReleases(plan) {
		kind := r.chart
		if r.chart == "splice-postgres" {
			kind = r.name // each has the name of its server in it
		}
		if byChart[kind] == "" {
			byChart[kind] = substituted(inserted(manifests[r.name], rollContainers[r.chart], assets.ChartVariables(r.chart)), placeholders(r, rollRelease, rollSerial))
		}
		text, err := installed(o, charted{helmRelease: r, template: byChart[kind]})
		if err != nil {
			return s, err
		}
		all += text
	}
	s.Objects = all
	return s, nil
}

// installed is a release that Helm has rendered from its chart: its record, and its objects.
func installed(o sim.NodeOptions, r charted) (string, error) {
	record, err := chartedRecord(o, r)
	if err != nil {
		return "", err
	}
	stored, err := helm.Decode(secret.New(record))
	if err != nil {
		return "", err
	}
	made, err := stored.Kept().Render(context.Background(), r.name, o.Namespace, stored.Settings(), kube.Offers{})
	if err != nil {
		return "", fmt.Errorf("the stand-in of chart %s: %w", r.chart, err)
	}
	r.manifest = made.Manifest.Reveal()
	if record, err = chartedRecord(o, r); err != nil {
		return "", err
	}
	doc, err := recordSecret(o, r.name, record)
	if err != nil {
		return "", err
	}
	objects, err := made.Objects()
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "\n---\n%s", doc)
	for _, object := range objects {
		text, err := object.YAML()
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "---\n%s", text)
	}
	return out.String(), nil
}
