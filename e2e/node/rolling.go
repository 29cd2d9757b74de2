//go:build e2e

package node

import (
	"context"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"canton.example/svrescue/assets"
	"canton.example/svrescue/e2e/rig"
)

// Rolling is a node of a release from 0.6.2 on, of serial 3, whose network has ended and rolls forward. Its parts are stand-ins, its databases and
// its chain are real.
type Rolling struct {
	Namespace string
	SV        string
	Release   string            // of Splice, and of all charts: "0.7.5"
	Peers     map[string]string // addresses of other SVs' scans, by name
	Stood     time.Time         // when the last round was opened
}

// Chart is a release that Helm installs.
type Chart struct{ Release, Folder, Values string }

// SaveCharts writes the charts and the values of the node into a folder, and gives its releases in the order of their installation.
func (n Rolling) SaveCharts(folder string) ([]Chart, error) {
	svs := n.SV + "="
	for _, name := range slices.Sorted(maps.Keys(n.Peers)) {
		svs += "," + name + "=" + n.Peers[name]
	}
	fill := strings.NewReplacer(`"PEERS"`, strconv.Quote(svs), "STOOD", n.Stood.UTC().Format(time.RFC3339))
	for name, template := range map[string]string{"splice-sv-node": rollingSV, "splice-scan": rollingScan, "splice-validator": rollingValidator, "splice-global-domain": rollingDomain,
		"splice-cometbft": rollingComet, "splice-participant": rollingParticipant} {
		for file, text := range map[string]string{"Chart.yaml": "apiVersion: v2\nname: " + name + "\nversion: " + n.Release + "\nappVersion: " + n.Release + "\n",
			"values.yaml": "{}\n", "templates/_parts.tpl": rollingParts, "templates/all.yaml": fill.Replace(strings.Replace(template, "VARIABLES", assets.ChartVariables(name), 1))} {
			if err := write(filepath.Join(folder, name), file, []byte(text)); err != nil {
				return nil, err
			}
		}
	}
	server := release{name: "participant-pg", chart: "splice-postgres", version: n.Release, namespace: n.Namespace, objects: New(nil, Config{Namespace: n.Namespace, Late: []string{}}).pgObjects("participant-pg")}
	server.mark()
	if err := server.save(filepath.Join(folder, server.chart), nil); err != nil {
		return nil, err
	}
	var all []Chart
	for _, r := range n.releases() {
		text, err := yaml.Marshal(r.values)
		if err != nil {
			return nil, err
		}
		if err := write(folder, "of-"+r.name+".yaml", text); err != nil {
			return nil, err
		}
		all = append(all, Chart{r.name, filepath.Join(folder, r.chart), filepath.Join(folder, "of-"+r.name+".yaml")})
	}
	return all, nil
}

// releases have the values that reference/deployment.md 4 lists for family B, as far as they matter here.
func (n Rolling) releases() []release {
	persistence := func(server, database string) values {
		return values{"host": server, "port": 5432, "databaseName": database, "user": "cnadmin", "secretName": server + "-secret"}
	}
	db := values{"db": values{"volumeSize": "1Gi", "volumeStorageClass": "rig"}}
	of := func(name, chart string, v values) release { return release{name: name, chart: chart, values: v} }
	return []release{
		of("participant-pg", "splice-postgres", db), of("sequencer-pg", "splice-postgres", db),
		of("participant", "splice-participant", values{"persistence": persistence("participant-pg", "participant_3"), "serial": 3}),
		of("global-domain-3-cometbft", "splice-cometbft", values{
			"node":    values{"identifier": "global-domain-3-cometbft", "keysSecret": "cometbft-keys", "externalAddress": "global-domain-3-cometbft.sv.example.invalid:26356"},
			"sv1":     values{"externalAddress": "global-domain-3-cometbft.sv-1.example.invalid:26316"},
			"genesis": values{"chainId": "testnet-3"}, "stateSync": values{"enable": true}, "db": values{"volumeSize": "1Gi"}}),
		of("global-domain-3", "splice-global-domain", values{
			"sequencer": values{"persistence": persistence("sequencer-pg", "sequencer_3"), "driver": values{"type": "cometbft", "host": "global-domain-3-cometbft-cometbft-rpc", "port": 26657}},
			"mediator":  values{"persistence": persistence("sequencer-pg", "mediator_3")}}),
		of("sv", "splice-sv-node", values{"onboardingName": n.SV, "nodeIdentifier": n.SV, "joinWithKeyOnboarding": values{"sponsorApiUrl": "https://sv.sv-1.example.invalid"},
			"decentralizedSynchronizerUrl": "https://sequencer-3.sv-1.example.invalid",
			"synchronizers": values{"skipInitialization": true, "current": values{
				"sequencerAddress": "global-domain-3-sequencer", "mediatorAddress": "global-domain-3-mediator", "sequencerPublicUrl": "https://sequencer-3.sv.example.invalid",
				"sequencerPruningConfig": values{"enabled": true, "pruningInterval": "1 hour", "retentionPeriod": "30 days"},
				"cometBFT":               values{"enabled": true, "connectionUri": "http://global-domain-3-cometbft-cometbft-rpc:26657"}}}}),
		of("scan", "splice-scan", values{"synchronizers": values{"current": values{"sequencer": "global-domain-3-sequencer", "mediator": "global-domain-3-mediator"}}}),
		of("validator", "splice-validator", values{"svValidator": true}),
	}
}

// Secrets makes what operators make beside Helm; comet are the keys of CometBFT.
func (n Rolling) Secrets(ctx context.Context, cluster *rig.Cluster, comet map[string]string) error {
	for name, data := range map[string]map[string]string{"participant-pg-secret": {"postgresPassword": "invented-participant-pg"}, "sequencer-pg-secret": {"postgresPassword": "invented-sequencer-pg"},
		"cometbft-keys": comet} {
		s := &v1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: data}
		if _, err := cluster.Kube.CoreV1().Secrets(n.Namespace).Create(ctx, s, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	return nil
}
