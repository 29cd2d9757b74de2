package network

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/releases"
)

// Names, addresses and ports get the new number where the old one stands as a number, and nowhere else.
func TestRenumbering(t *testing.T) {
	for _, c := range []struct{ old, next, text, want string }{
		{"3", "4", "global-domain-3-cometbft", "global-domain-4-cometbft"},
		{"3", "4", "participant-3", "participant-4"},
		{"3", "4", "participant", "participant-4"},
		{"3", "4", "sv-3-global-domain-3", "sv-3-global-domain-4"}, // the last one counts
		{"3", "4", "global-domain-30", "global-domain-30-4"},
		{"9", "10", "global-domain-9-cometbft", "global-domain-10-cometbft"},
	} {
		if got := (renumbering{c.old, c.next}).name(c.text, "-"); got != c.want {
			t.Errorf("%s: %s", c.text, got)
		}
	}
	for _, c := range []struct {
		old, next, text, want string
		ok                    bool
	}{
		{"3", "4", "global-domain-3-cometbft.sv.acme.example:26356", "global-domain-4-cometbft.sv.acme.example:26456", true},
		{"3", "4", "sv.acme.example:26356", "sv.acme.example:26456", true},
		{"3", "4", "sv.acme.example:443", "sv.acme.example:443", false},
		{"3", "4", "sequencer-3.sv.acme.example", "sequencer-4.sv.acme.example", true},
		{"0", "1", "sv.acme.example:26056", "sv.acme.example:26156", true},
		{"9", "10", "sv.acme.example:26956", "sv.acme.example:26956", false}, // 261056 is no port: it has to be asked
	} {
		got, ok := (renumbering{c.old, c.next}).address(c.text)
		if got != c.want || ok != c.ok {
			t.Errorf("%s: %s, %v", c.text, got, ok)
		}
	}
}

const (
	cometValues = `
node:
  identifier: global-domain-3-cometbft
  externalAddress: global-domain-3-cometbft.sv.acme.example:26356
  keysSecret: cometbft-keys
  retainBlocks: 1000
sv1:
  externalAddress: "sv-1.example:26316"
  nodeId: aa33bb
genesis: {chainId: MainNet-3, chainIdSuffix: ""}
stateSync: {enable: true, rpcServers: "https://sv.sv-1.example:443/api/sv/v0/admin/domain/cometbft/json-rpc"}
metrics: {enable: true, migration: {id: "3"}}
`
	domainValues = `
sequencer:
  persistence: {databaseName: sequencer_3, host: sequencer-pg, secretName: sequencer-pg-secret}
  driver: {type: cometbft, host: global-domain-3-cometbft-cometbft-rpc, port: 26657}
mediator:
  persistence: {databaseName: mediator_3, host: mediator-pg, secretName: mediator-pg-secret}
additionalEnvVars: [{name: PEER, value: global-domain-3-sequencer}]
`
	participantValues = `
persistence: {databaseName: participant_3, host: participant-pg, secretName: participant-pg-secret, password: "global-domain-3"}
auth: {jwksUrl: "https://id.example/keys", targetAudience: "https://ledger.example"}
`
)

// threeModels are the running releases of a synchronizer with these values.
func threeModels(t *testing.T, comet, domain, participant string) []model {
	t.Helper()
	part := func(p node.Part, release, name string) node.Component {
		return node.Component{Part: p, Release: release, Serial: "3", Ref: kube.WorkloadRef{Kind: kube.Deployment, Namespace: "sv", Name: name}}
	}
	var all []model
	for _, m := range []struct {
		name, values string
		parts        []node.Component
	}{
		{"global-domain-3-cometbft", comet, []node.Component{part(node.CometBFT, "global-domain-3-cometbft", "global-domain-3-cometbft")}},
		{"global-domain-3", domain, []node.Component{part(node.Sequencer, "global-domain-3", "global-domain-3-sequencer"), part(node.Mediator, "global-domain-3", "global-domain-3-mediator")}},
		{"participant-3", participant, []node.Component{part(node.Participant, "participant-3", "participant-3")}},
	} {
		r := releases.Running{Stored: release.Stored{Release: release.Release{Name: m.name, Namespace: "sv", Values: secret.New(m.values)}}}
		tr, err := treeOf(r.Release)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, model{Running: r, values: tr, parts: m.parts})
	}
	return all
}

func newFacts() Facts {
	database := func(role postgres.Role, name, host string) postgres.Database {
		return postgres.Database{Role: role, Name: name, Server: postgres.Server{Namespace: "sv", Host: host, Workload: host}}
	}
	return Facts{Run: "r-1", Namespace: "sv", Gate: &Gate{Release: "0.5.10"},
		Node: &node.Node{Serial: "3", Release: "0.5.10", Databases: []postgres.Database{database(postgres.Sequencer, "sequencer_3", "sequencer-pg"),
			database(postgres.Mediator, "mediator_3", "mediator-pg"), database(postgres.Participant, "participant_3", "participant-pg")}},
		Deploy: Deploying{MigrationID: "4", ChainID: "MainNet-4", Address: "global-domain-4-cometbft.sv.acme.example:26456", Sequencer: "https://sequencer-4.sv.acme.example",
			Version: "0.5.10", Charts: "/charts", More: nothingElse}}
}

// The new releases have the values of the old ones but for what names the synchronizer; nothing of a password is taken up, and what the rules do
// not reach is named.
func TestTheNewSynchronizerIsDerived(t *testing.T) {
	d, err := designed(newFacts(), threeModels(t, cometValues, domainValues, participantValues))
	if err != nil {
		t.Fatal(err)
	}
	want := []map[string]any{
		{"node.identifier": "global-domain-4-cometbft", "node.externalAddress": "global-domain-4-cometbft.sv.acme.example:26456", "genesis.chainId": "MainNet-4", "stateSync.enable": false,
			"sv1.externalAddress": "sv-1.example:26416", "metrics.migration.id": "4"},
		{"sequencer.persistence.databaseName": "sequencer_4", "mediator.persistence.databaseName": "mediator_4", "sequencer.driver.host": "global-domain-4-cometbft-cometbft-rpc"},
		{"persistence.databaseName": "participant_4"},
	}
	for i, w := range d.want {
		if !maps.Equal(w.Edit.Set, want[i]) {
			t.Errorf("%s:\n%v\nwant\n%v", w.As, w.Edit.Set, want[i])
		}
		if w.Source.Place != "/charts" || w.Source.Version != "0.5.10" || w.What != "migration ID 4" {
			t.Errorf("%+v", w)
		}
	}
	if d.want[0].As != "global-domain-4-cometbft" || d.want[1].As != "global-domain-4" || d.want[2].As != "participant-4" {
		t.Errorf("%+v", d.want)
	}
	if !slices.Equal(d.edits[0].guessed, []string{"sv1.externalAddress"}) {
		t.Errorf("guessed: %v", d.edits[0].guessed)
	}
	if !slices.Equal(d.edits[1].kept, []string{"additionalEnvVars[0].value"}) || !slices.Equal(d.edits[2].kept, []string{"persistence.password"}) {
		t.Errorf("kept: %v, %v", d.edits[1].kept, d.edits[2].kept)
	}
	var names []string
	for _, x := range d.databases {
		names = append(names, x.Name+" on "+x.Server.Host)
	}
	if got := strings.Join(names, ", "); got != "sequencer_4 on sequencer-pg, mediator_4 on mediator-pg, participant_4 on participant-pg" {
		t.Error(got)
	}
}

// What the operator sets stands over what is derived, and is no longer called a guess.
func TestFurtherValues(t *testing.T) {
	f := newFacts()
	f.Deploy.More = "global-domain-4-cometbft:sv1.externalAddress=sv-1.example:26999 global-domain-4-cometbft:node.retainBlocks=2000"
	d, err := designed(f, threeModels(t, cometValues, domainValues, participantValues))
	if err != nil {
		t.Fatal(err)
	}
	if set := d.want[0].Edit.Set; set["sv1.externalAddress"] != "sv-1.example:26999" || set["node.retainBlocks"] != 2000 || len(d.edits[0].guessed) != 0 {
		t.Errorf("%v, %v", set, d.edits[0].guessed)
	}
	f.Deploy.More = "global-domain-3-cometbft:node.retainBlocks=2000"
	if _, err := designed(f, threeModels(t, cometValues, domainValues, participantValues)); err == nil {
		t.Error("a value of the old release was changed")
	}
	for text, ok := range map[string]bool{"none": true, "": false, "a.b=c": false, "r:a=b": true, "r:a.b=": true, "r:persistence.password=x": false, "r:a[0]=b": false, "r:a..b=c": false} {
		if _, err := changes(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A new sequencer is never wired to the old chain, and what cannot be derived is no guess.
func TestWhatCannotBeDerived(t *testing.T) {
	for name, c := range map[string]struct {
		change func(f *Facts) (comet, domain, participant string)
		says   string
	}{
		"a driver without a number": {func(*Facts) (string, string, string) {
			return cometValues, strings.ReplaceAll(domainValues, "global-domain-3-cometbft-cometbft-rpc", "comet-rpc"), participantValues
		}, "would talk to the old CometBFT"},
		"no driver": {func(*Facts) (string, string, string) {
			return cometValues, strings.ReplaceAll(domainValues, "host: global-domain-3-cometbft-cometbft-rpc, ", ""), participantValues
		}, "do not say where its CometBFT is"},
		"another driver": {func(*Facts) (string, string, string) {
			return cometValues, strings.ReplaceAll(domainValues, "type: cometbft", "type: cantonbft"), participantValues
		}, "not cometbft"},
		"the old address": {func(f *Facts) (string, string, string) {
			f.Deploy.Address = "global-domain-3-cometbft.sv.acme.example:26356"
			return cometValues, domainValues, participantValues
		}, "the address of the old one"},
		"no number": {func(f *Facts) (string, string, string) {
			f.Node.Serial = "unnumbered"
			return cometValues, domainValues, participantValues
		}, "number of the old synchronizer is not known"},
		"no database": {func(f *Facts) (string, string, string) {
			f.Node.Databases = nil
			return cometValues, domainValues, strings.ReplaceAll(participantValues, "databaseName: participant_3, ", "")
		}, "participant's database"},
	} {
		f := newFacts()
		a, b, p := c.change(&f)
		_, err := designed(f, threeModels(t, a, b, p))
		var problem *steps.Problem
		if !errors.As(err, &problem) || !strings.Contains(problem.Seen, c.says) || problem.Next == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	f := newFacts()
	f.Deploy.More = "global-domain-4:sequencer.driver.host=other-rpc"
	if _, err := designed(f, threeModels(t, cometValues, strings.ReplaceAll(domainValues, "global-domain-3-cometbft-cometbft-rpc", "comet-rpc"), participantValues)); err != nil {
		t.Errorf("where it was named by hand: %v", err)
	}
}

// Answers that cannot be right are refused with a sentence.
func TestAnswersOfTheNewSynchronizer(t *testing.T) {
	for _, c := range []struct {
		ask, value string
		ok         bool
	}{
		{"migration-id", "4", true}, {"migration-id", "5", false}, {"migration-id", "x", false},
		{"chain-id", "MainNet-4", true}, {"chain-id", "MainNet-3", false},
		{"address", "comet.example:26456", true}, {"address", "comet.example", false}, {"address", "comet.example:99999", false}, {"address", "https://comet.example:1", false},
		{"sequencer-url", "https://sequencer-4.sv.acme.example/", true}, {"sequencer-url", "sequencer-4.sv.acme.example", false}, {"sequencer-url", "https://u:p@x.example", false},
		{"chart-version", "0.5.10", true}, {"chart-version", "0.6.2", false},
		{"charts", "record", true}, {"charts", "oci://ghcr.io/x/y", true}, {"charts", "/nowhere/at/all", false}, {"charts", t.TempDir(), true},
		{"more", "none", true}, {"more", "nonsense", false},
	} {
		f := newFacts()
		if err := newValues().Take(&f, c.ask, c.value); (err == nil) != c.ok {
			t.Errorf("%s %q: %v", c.ask, c.value, err)
		}
	}
}
