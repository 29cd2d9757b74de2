//go:build e2e

package node

import (
	"fmt"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

type values = map[string]any

// releases are the Helm releases of an SV, in the order in which they are installed (deployment.md 5), with the values
// that section 4 lists for family B.
func (n *Node) releases() []release {
	var list []release
	add := func(r release) {
		r.version, r.namespace = n.Release, n.Namespace
		r.mark()
		list = append(list, r)
	}
	for _, s := range Servers {
		add(release{name: s, chart: "splice-postgres", first: true, objects: n.pgObjects(s), values: values{
			"db":          values{"volumeSize": "1Gi", "volumeStorageClass": "rig"},
			"persistence": values{"secretName": s + "-secret"}}})
	}
	// the chart keeps the claims of CometBFT and of the SV app when the release goes (deployment.md 3.5)
	data := n.claim(n.CometBFTClaim, n.CometBFTClaim, "2Gi")
	data.Annotations = map[string]string{"helm.sh/resource-policy": "keep"}
	add(release{name: n.CometBFT, chart: "splice-cometbft",
		objects: []runtime.Object{data, n.deployment(n.comet()), service(n.CometBFTP2P, n.CometBFT, "p2p", 26656),
			service(n.CometBFTRPC, n.CometBFT, "rpc", 26657, "metrics", 26660)},
		values: values{
			"node": values{"id": "0011223344556677889900112233445566778899", "identifier": n.CometBFT, "keysSecret": "cometbft-keys",
				"externalAddress": "sv.example.invalid:26056", "retainBlocks": 5040000},
			"genesis": values{"chainId": fmt.Sprintf("%s-%d", n.Network, n.Serial), "chainIdSuffix": fmt.Sprint(n.Serial)},
			"db":      values{"volumeSize": "2Gi", "volumeStorageClass": "rig"}}})

	sequencer := n.canton(n.Sequencer, "sequencer", ports("public", 5008, "admin", 5009, "metrics", 10013), n.CometBFTRPC+":26657")
	mediator := n.canton(n.Mediator, "mediator", ports("admin", 5007, "metrics", 10013), n.Sequencer+":5008")
	add(release{name: n.Domain, chart: "splice-global-domain",
		objects: []runtime.Object{n.deployment(sequencer), n.deployment(mediator),
			service(n.Sequencer, n.Sequencer, "public", 5008, "admin", 5009, "metrics", 10013),
			service(n.Mediator, n.Mediator, "admin", 5007, "metrics", 10013)},
		values: values{
			"sequencer": values{"persistence": n.persistence("sequencer"),
				"driver": values{"type": "cometbft", "host": n.CometBFTRPC, "port": 26657}},
			"mediator": values{"persistence": n.persistence("mediator")}}})

	participant := n.canton(n.Participant, "participant", ports("lapi", 5001, "admin", 5002, "json", 7575, "metrics", 10013), "")
	add(release{name: n.Participant, chart: "splice-participant",
		objects: []runtime.Object{n.deployment(participant),
			service(n.Participant, n.Participant, "lapi", 5001, "admin", 5002, "json", 7575, "metrics", 10013)},
		values: values{"persistence": n.persistence("participant"), "enableHealthProbes": true,
			"auth": values{"jwksUrl": "https://login.example.invalid/.well-known/jwks.json", "targetAudience": "https://canton.network.global"}}})

	svEnv := []v1.EnvVar{{Name: "COMETBFT", Value: "http://" + n.CometBFTRPC + ":26657"},
		{Name: "SEQUENCER", Value: n.Sequencer + ":5008"}, {Name: "MEDIATOR", Value: n.Mediator + ":5007"}}
	sv := n.app("sv-app", "/api/sv", 5014, n.Participant+":5001", svEnv...)
	dump := n.claim("sv-app-global-domain-migration-pvc", "", "1Gi")
	dump.Annotations = map[string]string{"helm.sh/resource-policy": "keep"}
	sv.volumes = []v1.Volume{volume("domain-upgrade-dump-volume", dump.Name)}
	sv.mounts = []v1.VolumeMount{{Name: "domain-upgrade-dump-volume", MountPath: "/domain-upgrade-dump"}}
	add(release{name: "sv", chart: "splice-sv-node",
		objects: []runtime.Object{dump, n.deployment(sv), n.deployment(plain("sv-web-ui", "web-ui")),
			service("sv-app", "sv-app", "http", 5014, "metrics", 10013), service("sv-web-ui", "sv-web-ui", "http", 8080)},
		values: values{
			"migration": values{"id": n.Migration}, "onboardingName": n.SV, "onboardingType": "join-with-key",
			"joinWithKeyOnboarding": values{"sponsorApiUrl": "https://sv.sponsor.example.invalid"},
			"nodeIdentifier":        n.SV, "isDevNet": n.Network == "devnet", "participantAddress": n.Participant,
			"decentralizedSynchronizerUrl": "https://sequencer.sponsor.example.invalid",
			"scan":                         values{"publicUrl": "https://scan.sv.example.invalid", "internalUrl": "http://scan-app:5012"},
			"auth":                         values{"audience": "https://canton.network.global", "jwksUrl": "https://login.example.invalid/.well-known/jwks.json"},
			"persistence":                  n.persistence("sv-app"),
			"synchronizers": values{"skipInitialization": false, "current": values{
				"sequencerAddress": n.Sequencer, "mediatorAddress": n.Mediator,
				"sequencerPublicUrl":     fmt.Sprintf("https://sequencer-%d.sv.example.invalid", n.Serial),
				"sequencerPruningConfig": values{"enabled": true, "pruningInterval": "1 hour", "retentionPeriod": "30 days"},
				"cometBFT":               values{"enabled": true, "connectionUri": "http://" + n.CometBFTRPC + ":26657"}}}}})

	add(release{name: "scan", chart: "splice-scan",
		objects: []runtime.Object{n.deployment(n.app("scan-app", "/api/scan", 5012, n.Participant+":5001")),
			n.deployment(plain("scan-web-ui", "web-ui")),
			service("scan-app", "scan-app", "http", 5012, "metrics", 10013), service("scan-web-ui", "scan-web-ui", "http", 8080)},
		values: values{"migration": values{"id": n.Migration}, "participantAddress": n.Participant, "persistence": n.persistence("scan-app"),
			"synchronizers": values{"current": values{"sequencer": n.Sequencer, "mediator": n.Mediator}}}})

	add(release{name: "validator", chart: "splice-validator",
		objects: []runtime.Object{n.deployment(n.app("validator-app", "/api/validator", 5003, n.Participant+":5001,scan-app:5012")),
			n.deployment(plain("wallet-web-ui", "web-ui")), n.deployment(plain("ans-web-ui", "web-ui")),
			service("validator-app", "validator-app", "http", 5003, "metrics", 10013),
			service("wallet-web-ui", "wallet-web-ui", "http", 8080), service("ans-web-ui", "ans-web-ui", "http", 8080)},
		values: values{"migration": values{"id": n.Migration}, "svValidator": true, "participantAddress": n.Participant,
			"scanClient": values{"scanType": "trust-single", "scanAddress": "http://scan-app:5012"},
			"topup":      values{"enabled": false}, "validatorWalletUsers": []string{"auth0|example"},
			"participantPruningSchedule": values{"cron": "0 0 * * * ?", "maxDuration": "5m", "retention": "30d"},
			"persistence":                n.persistence("validator-app")}})

	add(release{name: "info", chart: "splice-info",
		objects: []runtime.Object{n.deployment(plain("info", "info")), service("info", "info", "http", 8080)},
		values:  values{"deploymentDetails": values{"network": n.Network, "sv": values{"version": n.Release}}}})
	return list
}

func (n *Node) persistence(component string) values {
	d := n.database(component)
	return values{"host": n.host(d.Server), "port": 5432, "databaseName": d.Name, "schema": d.Schema, "user": "cnadmin", "secretName": d.Server + "-secret"}
}

// loose are the objects that operators make beside Helm (deployment.md 3.7). Every value is invented.
func (n *Node) loose() []runtime.Object {
	secret := func(name string, pairs ...string) runtime.Object {
		s := &v1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: map[string]string{}}
		for i := 0; i < len(pairs); i += 2 {
			s.StringData[pairs[i]] = pairs[i+1]
		}
		return s
	}
	auth := func(name, client string) runtime.Object {
		return secret(name, "ledger-api-user", client+"@clients", "url", "https://login.example.invalid/.well-known/openid-configuration",
			"client-id", client, "client-secret", "invented-"+client, "audience", "https://canton.network.global")
	}
	ui := func(name string) runtime.Object {
		return secret(name, "url", "https://login.example.invalid", "client-id", "invented-ui")
	}
	list := []runtime.Object{
		auth("splice-app-sv-ledger-api-auth", "sv-backend"), auth("splice-app-validator-ledger-api-auth", "validator-backend"),
		ui("splice-app-sv-ui-auth"), ui("splice-app-wallet-ui-auth"), ui("splice-app-cns-ui-auth"),
		secret("splice-app-sv-key", "public", "invented-public-"+n.SV, "private", "invented-private-"+n.SV),
		secret("cometbft-keys", "node_key.json", fmt.Sprintf(`{"invented":%q}`, n.SV),
			"priv_validator_key.json", fmt.Sprintf(`{"pub_key":{"type":"tendermint/PubKeyEd25519","value":%q}}`, "invented-"+n.SV)),
		&v1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "ui-config-values"}, Data: map[string]string{"networkName": n.Network, "amuletName": "Amulet"}},
	}
	for _, s := range Servers {
		list = append(list, secret(s+"-secret", "postgresPassword", "invented-"+s))
	}
	return list
}
