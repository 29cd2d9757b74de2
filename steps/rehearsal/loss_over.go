package rehearsal

import (
	"context"
	"maps"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/kube"
	helm "canton.example/svrescue/kube/release"
	"canton.example/svrescue/kube/sim"
	"sigs.k8s.io/yaml"
)

// afterRecovery are the releases of a node that has gone through the recovery of its network: the new synchronizer runs beside the old one, of which the
// participant was left running, and the apps work on the new one and are still told to migrate (reference/deployment.md 10.5 to 10.7).
func afterRecovery(o sim.NodeOptions, old []charted, plan Loss) (all []charted, err error) {
	for i, r := range lossReleases(plan, oldID+1) {
		was := old[i]
		switch r.chart {
		case "splice-sv-node", "splice-scan", "splice-validator":
			r.values = migrating(r)
		case "splice-cometbft", "splice-global-domain", "splice-participant":
			stands := was
			stands.stopped = r.chart != "splice-participant"
			all = append(all, stands)
		default:
			all = append(all, was)
			continue
		}
		now := charted{helmRelease: r, template: was.template}
		if now.manifest, err = renders(o, was, r); err != nil {
			return nil, err
		}
		all = append(all, now)
	}
	return all, nil
}

// migrating are the values of an app that is told to migrate from the old synchronizer.
func migrating(r helmRelease) map[string]any {
	values := maps.Clone(r.values)
	migration := map[string]any{"id": oldID + 1, "migrating": true}
	if r.chart == "splice-sv-node" {
		migration["legacyId"] = oldID
	}
	values["migration"] = migration
	return values
}

// renders is what the chart of a release makes under another name and of other values.
func renders(o sim.NodeOptions, chart charted, as helmRelease) (string, error) {
	record, err := chartedRecord(o, chart)
	if err != nil {
		return "", err
	}
	stored, err := helm.Decode(secret.New(record))
	if err != nil {
		return "", err
	}
	text, err := yaml.Marshal(as.values)
	if err != nil {
		return "", err
	}
	values, err := helm.ReadValues(text)
	if err != nil {
		return "", err
	}
	made, err := stored.Kept().Render(context.Background(), as.name, o.Namespace, values, kube.Offers{Version: "v1.35.0", Major: "1", Minor: "35"})
	if err != nil {
		return "", err
	}
	return made.Manifest.Reveal(), nil
}
