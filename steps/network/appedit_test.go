package network

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

// moved are the facts with a new synchronizer.
func (r *rig) moved(f Facts) Facts {
	f.Successor = &Successor{Suffix: "4", Participant: "participant-4", Sequencer: "global-domain-4-sequencer", Mediator: "global-domain-4-mediator", CometBFT: "global-domain-4-cometbft", ChainID: "MainNet-4"}
	return f
}

const svValues = `
onboardingName: Acme-SV
participantAddress: participant-3
domain:
  sequencerAddress: global-domain-3-sequencer
  mediatorAddress: global-domain-3-mediator
  sequencerPublicUrl: https://sequencer-3.sv.acme.example
cometBFT:
  connectionUri: http://global-domain-3-cometbft-cometbft-rpc:26657
decentralizedSynchronizerUrl: https://sequencer-3.sv.acme.example
migration: {id: 3}
persistence: {databaseName: cantonnet_sv, host: apps-pg}
additionalEnvVars:
- {name: WATCHED, value: "http://global-domain-3-sequencer:5009"}
- {name: OTHER, value: "unchanged"}
`

// Every name of the old synchronizer gives way, nothing else does, and what cannot be changed without being shown is told.
func TestWhatChangesOfTheApps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		f := r.moved(r.settledFacts(time.Hour, 0))
		for name, c := range map[string]struct {
			values string
			change func(*Facts)
			legacy bool
			want   string // of the edit
			said   string
		}{
			"sv": {svValues, nil, true, `{"set":{"cometBFT.connectionUri":"http://global-domain-4-cometbft-cometbft-rpc:26657","decentralizedSynchronizerUrl":"https://sequencer-4.sv.acme.example",` +
				`"domain.mediatorAddress":"global-domain-4-mediator","domain.sequencerAddress":"global-domain-4-sequencer","domain.sequencerPublicUrl":"https://sequencer-4.sv.acme.example",` +
				`"migration.id":4,"migration.legacyId":3,"migration.migrating":true,"participantAddress":"participant-4"},"add":{"additionalEnvVars":[{"name":"WATCHED","value":"http://global-domain-4-sequencer:5009"}]}}`, ""},
			"an ID as a text, and a chart without legacyId": {strings.Replace(svValues, "{id: 3}", `{id: "3"}`, 1), nil, false, `"migration.id":"4","migration.migrating":true`, ""},
			"a founding SV":              {svValues + "initialSynchronizerFeesConfig: {x: 1}\n", nil, false, `"migration.id":4`, "violated founding"},
			"a founding SV, left out":    {svValues + "initialSynchronizerFeesConfig: {x: 1}\n", func(f *Facts) { f.Apps.Founding = dropFounding }, false, `"drop":["initialSynchronizerFeesConfig"]`, ""},
			"something else is left":     {svValues + "extra: {url: https://info-3.acme.example}\n", nil, false, `"migration.id":4`, "violated still-sv"},
			"what may be a secret":       {svValues + "extra: {url: https://me:pw@global-domain-3-sequencer}\n", nil, false, `"migration.id":4`, "violated still-sv"},
			"an address of other naming": {strings.Replace(svValues, "participantAddress: participant-3", "participantAddress: ledger.acme.example", 1), nil, false, `"migration.id":4`, "violated address-sv-participantAddress"},
			"nothing is set":             {"onboardingName: Acme-SV\n", nil, false, `{"set":{"migration.id":4,"migration.migrating":true}}`, "attention unset-sv"},
		} {
			v, err := release.ReadValues([]byte(c.values))
			if err != nil {
				t.Fatal(err)
			}
			g := f
			if c.change != nil {
				c.change(&g)
			}
			edit, found := g.appEdit(node.SVApp, "sv", v, c.legacy)
			text, err := json.Marshal(edit)
			if err != nil || !strings.Contains(string(text), c.want) || said(found) != c.said {
				t.Errorf("%s: %v\n%s\nwant %s\nsaid %q, want %q", name, err, text, c.want, said(found), c.said)
			}
			if strings.Contains(string(text), "pw") || strings.Contains(string(text), "apps-pg") {
				t.Errorf("%s: %s", name, text)
			}
			for _, x := range found {
				if strings.Contains(x.Text, "pw") || x.Next == "" || x.ID == "founding" && x.Waive != "" {
					t.Errorf("%s: %+v", name, x)
				}
			}
		}
		for part, c := range map[node.Part][2]string{
			node.ScanApp:   {"participantAddress: participant-3\nsequencerAddress: global-domain-3-sequencer\nmediatorAddress: global-domain-3-mediator\n", `{"set":{"mediatorAddress":"global-domain-4-mediator","migration.id":4,"participantAddress":"participant-4","sequencerAddress":"global-domain-4-sequencer"}}`},
			node.Validator: {"participantAddress: participant-3\nsvValidator: true\n", `{"set":{"migration.id":4,"participantAddress":"participant-4"}}`},
		} {
			v, err := release.ReadValues([]byte(c[0]))
			if err != nil {
				t.Fatal(err)
			}
			edit, found := f.appEdit(part, "x", v, true)
			if text, _ := json.Marshal(edit); string(text) != c[1] || len(found) > 0 {
				t.Errorf("%s: %s, said %s", part, text, said(found))
			}
		}
	})
}

// A participant without a number in its name is replaced as a host alone.
func TestNamesWithoutANumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		f := r.moved(r.settledFacts(time.Hour, 0))
		n := *f.Node
		n.Components = append([]node.Component{}, n.Components...)
		for i, c := range n.Components {
			if c.Part == node.Participant {
				n.Components[i].Ref.Name = "participant"
			}
		}
		f.Node = &n
		all := f.renames()
		for text, want := range map[string]string{"participant": "participant-4", "http://participant:5001": "http://participant-4:5001", "participant.sv.svc": "participant-4.sv.svc",
			"participant-pg": "participant-pg", "the participant": "the participant", "global-domain-3": "global-domain-4", "global-domain-33": "global-domain-33", "xglobal-domain-3": "xglobal-domain-3"} {
			if got := renamed(text, all); got != want {
				t.Errorf("%s becomes %s, want %s", text, got, want)
			}
		}
	})
}

// The SV app's refusals of its dump are recognised, and each has a remedy; other lines are none.
func TestMigrationFailures(t *testing.T) {
	for line, want := range map[string]string{
		"Migration id from the dump 5 does not match the configured migration id in ths SV 4. Please check": "migration-id",
		"Failed to find domain migration dump file at /domain-upgrade-dump/domain_migration_dump.json":      "missing",
		"Failed to parse domain migration dump file: expected json value":                                   "unreadable",
		"Domain nodes cannot be initialized without a genesis dump":                                         "genesis",
		"Sequencer is not initialized with dump id":                                                         "sequencer",
		"Mediator is not initialized with dump id":                                                          "mediator",
		"Node has ID PAR::x::1220 instead of expected ID PAR::y::1220.":                                     "participant",
		"KMS key without name in dump is not supported":                                                     "kms-name",
		"Init new domain nodes from snapshot":                                                               "",
		"Sequencer is not initialized, initializing from dump":                                              "",
	} {
		got, ok := migrateFailureIn("a line before\n" + line + "\n")
		if ok != (want != "") || got.id != want {
			t.Errorf("%q is %q, want %q", line, got.id, want)
		}
		if ok {
			f := (&MigrationFailed{Kind: got.id, Pod: "sv-app-1", fail: got, where: "kubectl logs"}).Failure()
			if f.Next == "" || f.Seen == "" || strings.Contains(f.Seen, "PAR::") {
				t.Errorf("%+v", f)
			}
		}
	}
	if len(migrateRemedies(&MigrationFailed{})) != 2 || migrateRemedies(errors.New("another")) != nil {
		t.Error("remedies")
	}
}

// The text for the validators has the values of the call in it.
func TestTheTextForValidators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		f := r.settledFacts(time.Hour, 0)
		text := validatorsText(f)
		for _, want := range []string{"migration ID 4", "timestamp=" + f.Card.Value(ValueTimestamp) + "&force=true", "--version 0.5.10", ".data_snapshot", dumpPath} {
			if !strings.Contains(text, want) {
				t.Errorf("no %q in\n%s", want, text)
			}
		}
		a := tellValidators{text}
		if err := a.Do(t.Context(), r.hands(a), nil); err != nil || r.state(a) != wire.ActionDone {
			t.Errorf("%v", err)
		}
	})
}
