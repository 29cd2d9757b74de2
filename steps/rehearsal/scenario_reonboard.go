package rehearsal

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/reonboard"
	"canton.example/svrescue/steps/wire"
	svapp "canton.example/svrescue/svapp/sim"
)

// IdentitiesFile is the identities backup in IdentitiesFolder.
const IdentitiesFile = "identities-2026-01-11.json"

// The namespaces beside the lost node's.
const (
	freshNamespace     = "sv-new"    // made by the operator, with the Secrets of a fresh SV
	validatorNamespace = "validator" // made by the run
)

// What the lost SV owned: more than a float holds exactly.
const (
	lostLocked = "250.5000000000"
	lostTotal  = "9007199254741243.4000000001" // with what is locked
)

// lostCoins are its amulets.
func lostCoins() []svapp.Coin { return coinsOf(Place{}) }

func coinsOf(p Place) []svapp.Coin {
	party := p.Lost()
	return []svapp.Coin{{Owner: party, Amount: "9007199254740000.0000000001"}, {Owner: party, Amount: "992.4000000000"}, {Owner: party, Amount: "0.5000000000"},
		{Owner: party, Amount: lostLocked, Locked: true, Until: 400 * 24 * time.Hour}, {Owner: holderOf(nameOfPeer(0)).party(), Amount: "1000.0000000000"}}
}

// The times of a vote: it opens in a while, and the others vote one after the other. Real ones take days.
const (
	voteOpens = time.Minute
	voteEach  = 15 * time.Second
	voteLasts = time.Hour
)

// vote is one by the other SVs: as many accept as are asked for, and after them the rest rejects.
func vote(accept, reject int) svapp.VotePlan {
	v := svapp.VotePlan{Opens: voteOpens, Requester: nameOfPeer(0), Offboard: lost().party(), Reason: "the node is lost", URL: "https://lists.rehearsal.example/1", Lasts: voteLasts}
	for i := range accept + reject {
		v.Ballots = append(v.Ballots, svapp.PlannedBallot{SV: nameOfPeer(i), After: time.Duration(i) * voteEach, Accept: i < accept})
	}
	return v
}

// reonboardNode is a node whose participant's data is lost, and of which no backup set was ever made.
func reonboardNode(now time.Time) sim.NodeOptions {
	o := node(now)
	o.Runs, o.Token, o.ValidatorToken = nil, token(svAudience), validatorToken()
	return o
}

// reonboardWorld is that node, and an empty namespace with the Secrets of a fresh SV, which the operator has made: its SV keys, and new ones of
// CometBFT.
func reonboardWorld(now time.Time) (sim.Scenario, error) {
	s, err := world(reonboardNode(now))
	if err != nil {
		return s, err
	}
	down := crashing(`{"level":"ERROR","message":"Database is not available after 3 attempts; exiting"}`)
	down.NeverReady = true
	for _, name := range []string{"participant", "sv-app", "validator-app"} {
		s.Knobs.Workloads[namespace+"/"+name] = down
	}
	s.Knobs.Errands = append(s.Knobs.Errands, validatorSecrets())
	fresh := reonboardNode(now)
	fresh.Namespace, fresh.SVName = freshNamespace, svName
	prepared, err := freshSecrets(fresh)
	s.Objects += prepared
	return s, err
}

// newChainKeys are those of a CometBFT node that never ran.
const newChainKeys = `
apiVersion: v1
kind: Secret
metadata: {name: cometbft-keys, namespace: ` + freshNamespace + `}
stringData:
  node_key.json: '{"priv_key":{"type":"invented anew"}}'
  priv_validator_key.json: '{"address":"INVENTED ANEW"}'
`

// freshSecrets are the namespace and the Secrets that a fresh SV needs.
func freshSecrets(o sim.NodeOptions) (string, error) {
	s, err := o.Scenario()
	if err != nil {
		return "", err
	}
	objects, err := kube.Objects([]byte(s.Objects))
	if err != nil {
		return "", err
	}
	var docs bytes.Buffer
	for _, object := range objects {
		if k := object.Kind(); k != "Namespace" && k != "Secret" {
			continue
		}
		text, err := object.YAML()
		if err != nil {
			return "", err
		}
		docs.WriteString("\n---\n")
		if object.Name() == "cometbft-keys" {
			docs.WriteString(newChainKeys)
			continue
		}
		docs.Write(text)
	}
	return docs.String(), nil
}

// reonboardFiles are what the operator has in folders: the identities backup, the values files that the node was installed with, and the charts.
func reonboardFiles(whose holder) func(now time.Time) (map[string][]byte, error) {
	return func(now time.Time) (map[string][]byte, error) {
		files, err := savedNode(now)
		if err != nil {
			return nil, err
		}
		if err := reonboardCharts(files); err != nil {
			return nil, err
		}
		if files[IdentitiesFolder+"/"+IdentitiesFile], err = whose.dumped(); err != nil {
			return nil, err
		}
		for name, text := range map[string]string{
			"sv-values": "onboardingName: " + svName + "\nnodeIdentifier: " + svName + "\nparticipantAddress: participant\n" +
				"joinWithKeyOnboarding: {sponsorApiUrl: \"https://sv.sv-01.rehearsal.example\"}\n" +
				"scan: {publicUrl: \"https://scan.sv.acme.example\", internalUrl: \"http://scan-app:5012\"}\nauth: {audience: \"" + svAudience + "\"}\n" +
				"synchronizers: {current: {sequencerAddress: global-domain-0-sequencer}}\n",
			"sv-validator-values": "participantAddress: participant\nsvValidator: true\nauth: {audience: \"" + validatorAudience + "\", jwksUrl: \"https://auth.example.com/.well-known/jwks.json\"}\n",
		} {
			files[ValuesFolder+"/"+name+".yaml"] = []byte(text)
		}
		return files, nil
	}
}

// HintsIn is what is proposed of a node that is to be replaced, from the folder of a world: what the operator has, and some of the others' scans.
func HintsIn(folder string) reonboard.Hints {
	h := reonboard.Hints{Identities: []string{filepath.Join(folder, IdentitiesFolder)}, Values: filepath.Join(folder, ValuesFolder), Charts: filepath.Join(folder, ChartsFolder)}
	for i := range others {
		h.Scans = append(h.Scans, "http://"+hostOfPeer(i))
	}
	return h
}

// replacing is a scenario of the path with the world above.
func replacing(id, title, teaches string, expect wire.Outcome, b Books, faults ...string) Scenario {
	if b.Coins == nil {
		b.Coins = lostCoins()
	}
	b.FreeTransfers = b.HoldingFee == ""
	return Scenario{ID: id, Path: "reonboard", Title: title, Teaches: teaches, Expect: expect, Faults: faults, Books: &b, Net: Net{Silent: 1, Stale: 1},
		World: reonboardWorld, Saved: reonboardFiles(lost()), Operator: reonboardOperator}
}

// reonboardOperator knows what the screens cannot: that Secrets of a deployment are theirs to make.
func reonboardOperator(ctx context.Context, e Elsewhere, v wire.View, q wire.Question) (wire.Answer, bool) {
	if a, ok := watching(ctx, e, v, q); ok {
		return a, true
	}
	switch q.Name {
	case "reonboard/test-transfer.receiver":
		party := freshParty(v)
		if len(party) < 8 {
			return wire.Answer{}, false
		}
		return wire.Answer{Text: party[len(party)-8:]}, true
	case "reonboard/validator-deploy.remedy":
		return afterDeploy(ctx, e, q)
	case "reonboard/fresh-values.namespace":
		return wire.Answer{Text: freshNamespace}, true
	case "reonboard/identities.remedy":
		if strings.Contains(q.Error.Seen, "cannot be used") { // there is no other dump
			return wire.Answer{Choice: wire.ChoiceAbort}, true
		}
		return wire.Answer{Choice: wire.ChoiceRetry}, true
	case "reonboard/offboarding.remedy": // a vote that nobody drove is asked for again; where the others have decided, people talk first
		if strings.Contains(q.Error.Seen, "rejected") {
			return wire.Answer{Choice: wire.ChoiceAbort}, true
		}
		return wire.Answer{Choice: wire.ChoiceRetry}, true
	case "reonboard/test-transfer.remedy", "reonboard/test-accept.remedy", "reonboard/transfer.remedy", "reonboard/accept.remedy":
		return wire.Answer{Choice: offered(q, "less", "again", wire.ChoiceRetry)}, true
	case "reonboard/fresh-sv.remedy":
		return wire.Answer{Choice: wire.ChoiceRetry}, true
	}
	return wire.Answer{}, false
}

// offered is the first of these choices that a question has; the last where it has none of them.
func offered(q wire.Question, wanted ...string) string {
	for _, id := range wanted {
		if slices.ContainsFunc(q.Choices, func(c wire.Choice) bool { return c.ID == id && c.Refuse == "" }) {
			return id
		}
	}
	return wanted[len(wanted)-1]
}

// afterDeploy waits longer; after an import that failed the step is taken back, and done with another identifier.
func afterDeploy(ctx context.Context, e Elsewhere, q wire.Question) (wire.Answer, bool) {
	switch seen := q.Error.Seen; {
	case strings.Contains(seen, ACSMismatch):
		return wire.Answer{Choice: wire.ChoiceUndo}, true
	case strings.Contains(seen, "of an earlier server is still there"):
		return wire.Answer{Choice: wire.ChoiceAsk}, true
	}
	return wire.Answer{Choice: wire.ChoiceRetry}, true
}

// freshParty is the party of the fresh SV as the step that onboarded it told; a person reads it on the node's own screen.
func freshParty(v wire.View) string {
	s := v.Step("reonboard/fresh-sv")
	if s == nil {
		return ""
	}
	for _, found := range s.Findings {
		for _, f := range found {
			if _, party, is := strings.Cut(f.Text, "is an SV again, with the party "); is {
				return party
			}
		}
	}
	return ""
}

// validatorSecrets are those of a standalone validator: its database's password, its client, its UIs' clients (reference/deployment.md 9.3 and 3.7).
// A colleague has what is in them and makes them a while after the namespace, as long as nobody was faster: who practises needs no other program.
func validatorSecrets() sim.Errand {
	var docs bytes.Buffer
	for name, data := range map[string]map[string]string{
		"postgres-secrets": {"postgresPassword": "invented-postgres"},
		"splice-app-validator-ledger-api-auth": {"ledger-api-user": validatorUser, "url": "https://auth.example.com/.well-known/openid-configuration", "client-id": "validator-client",
			"client-secret": "invented-validator", "audience": "https://ledger.example.com", "token": validatorToken()},
		"splice-app-wallet-ui-auth": {"url": "https://auth.example.com", "client-id": "wallet-ui"},
		"splice-app-cns-ui-auth":    {"url": "https://auth.example.com", "client-id": "cns-ui"},
	} {
		doc, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": name}, "stringData": data})
		if err != nil {
			panic(err) // of plain values: there is nothing that could fail
		}
		docs.WriteString("---\n")
		docs.Write(append(doc, '\n'))
	}
	return sim.Errand{Namespace: validatorNamespace, After: *sim.D(4 * time.Minute), Objects: docs.String()}
}
