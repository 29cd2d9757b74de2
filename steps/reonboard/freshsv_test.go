package reonboard

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/charts"
	"canton.example/svrescue/steps/wire"
	"github.com/google/go-cmp/cmp"
)

const freshParty = "Acme-SV::1220ff"

// freshRig is a world in which the recovery validator runs, and no fresh SV.
func freshRig(t *testing.T) *deployRig {
	r := validatorRig(t)
	r.facts.Old.Namespace = "sv" // nothing of it is left but Secrets
	r.facts.Validator.Namespace = "validator"
	r.facts.Vote.Offboarded = time.Now().Add(-time.Hour)
	r.load("apiVersion: v1\nkind: Namespace\nmetadata: {name: sv-fresh}")
	r.named("sv", svKeySecret, map[string]string{"public": "pub", "private": canarySecret})
	r.named("sv", cometKeySecret, map[string]string{"node_key.json": "old", "priv_validator_key.json": "old"})
	r.named("sv-fresh", svKeySecret, map[string]string{"public": "pub", "private": canarySecret})
	r.named("sv-fresh", cometKeySecret, map[string]string{"node_key.json": "new", "priv_validator_key.json": "new"})
	return r
}

func (r *deployRig) load(text string) {
	r.t.Helper()
	if err := r.sim.LoadYAML([]byte(text)); err != nil {
		r.t.Fatal(err)
	}
}

// named makes a Secret with these values, over one that is there.
func (r *deployRig) named(ns, name string, values map[string]string) {
	r.t.Helper()
	text := "apiVersion: v1\nkind: Secret\nmetadata: {name: " + name + ", namespace: " + ns + "}\nstringData:\n"
	for k, v := range values {
		text += "  " + k + ": " + v + "\n"
	}
	r.load(text)
}

// freshValuesFolder are the values files of an SV.
func freshValuesFolder(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range map[string]string{
		"postgres-values-sequencer":   "db: {volumeSize: 1Gi, volumeStorageClass: fast}\npersistence: {secretName: sequencer-pg-secret}",
		"postgres-values-mediator":    "db: {volumeSize: 1Gi, volumeStorageClass: fast}\npersistence: {secretName: mediator-pg-secret}",
		"postgres-values-participant": "db: {volumeSize: 1Gi, volumeStorageClass: fast}\npersistence: {secretName: participant-pg-secret}",
		"postgres-values-apps":        "db: {volumeSize: 1Gi, volumeStorageClass: fast}\npersistence: {secretName: apps-pg-secret}",
		"cometbft-values":             "node: {identifier: global-domain-3-cometbft, keysSecret: cometbft-keys}\nstateSync: {enable: false}",
		"global-domain-values":        "persistence: {secretName: sequencer-pg-secret}",
		"participant-values":          "persistence: {secretName: participant-pg-secret, databaseName: participant_3}\nparticipantAdminUserNameFrom: {secretKeyRef: {name: splice-app-sv-ledger-api-auth}}",
		"sv-values":                   "persistence: {secretName: apps-pg-secret}\nparticipantAddress: participant\nsynchronizers: {current: {sequencerAddress: global-domain-3-sequencer}}\njoinWithKeyOnboarding: {sponsorApiUrl: https://sv.beta.example/api/sv}\nparticipantIdentitiesDumpImport: {secretName: old}",
		"scan-values":                 "persistence: {secretName: apps-pg-secret}\nparticipantAddress: participant",
		"validator-values":            "persistence: {secretName: apps-pg-secret}\nvalidatorPartyHint: x\nnodeIdentifier: Acme-SV\nvalidatorWalletUsers: [auth0|alice]\nauth: {audience: https://validator.example}\nparticipantIdentitiesDumpImport: {secretName: apps-pg-secret}",
	} {
		if err := os.WriteFile(filepath.Join(folder, name+".yaml"), []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

var svCharts = []string{"splice-postgres", "splice-cometbft", "splice-global-domain", "splice-participant", "splice-sv-node", "splice-scan", "splice-validator"}

// joins makes the network take the fresh SV in after a while.
func (r *deployRig) joins(after time.Duration) {
	r.apps.set("sv-fresh.sv-app /api/sv/v0/dso", strings.Replace(dsoJSON(nil, nil), "x::1220", freshParty, 1))
	r.apps.set("sv-fresh.validator-app /api/validator/v0/wallet/user-status", `{"party_id":"`+freshParty+`","user_onboarded":true,"user_wallet_installed":true}`)
	r.apps.set(".sv-app /api/sv/v0/onboard/sv/status/"+freshParty, `{"state":"requested","name":"Acme-SV","contract_id":"00","confirmed_by":["Beta"],"required_num_confirmations":2}`)
	go func() {
		time.Sleep(after)
		r.apps.set("* /api/scan/v0/dso", dsoJSON([][3]string{{"Beta", "Beta::1220bb", ""}, {"Acme-SV", freshParty, "PAR::Acme-SV::1220ff"}}, [][3]string{{"Acme-SV", oldOwner, "PAR::Acme-SV::1220aa"}}))
	}()
}

// The whole way by this tool: what is left out, the order, the onboarding, the wallet's party; and the way back.
func TestFreshSV(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := freshRig(t)
		r.answer(freshValues(), map[string]string{"source": freshValuesFolder(t), "charts": chartsAt(t, "0.6.4", svCharts...), "approved": approvedYes})
		found, err := r.carry(freshValues())
		if err != nil {
			t.Fatal(err)
		}
		if worst := wire.WorstVerdict(found); worst == wire.Violated || worst == wire.Undetermined {
			t.Fatalf("%+v", found)
		}
		var order []string
		for _, d := range r.facts.Fresh.Releases {
			order = append(order, d.Name)
		}
		if got := strings.Join(order, " "); got != "apps-pg mediator-pg participant-pg sequencer-pg global-domain-3-cometbft global-domain-3 participant sv scan validator" {
			t.Errorf("order: %s", got)
		}
		if r.facts.Fresh.Answers.Sponsor != "https://sv.beta.example" {
			t.Errorf("sponsor %q", r.facts.Fresh.Answers.Sponsor)
		}
		for _, n := range r.facts.Fresh.Needs {
			if n.Kind == "Secret" && n.Name != cometKeySecret {
				r.secret("sv-fresh", n.Name, keysOf(n)...)
			}
		}
		step := freshSV()
		checked, err := step.Check(t.Context(), r.world, r.facts)
		if err != nil || wire.WorstVerdict(checked) != wire.Holds {
			t.Fatalf("%+v, %v", checked, err)
		}
		r.joins(20 * time.Minute)
		proof, err := r.carry(step)
		if err != nil {
			t.Fatalf("%v", err)
		}
		if wire.WorstVerdict(proof) != wire.Holds || r.facts.Fresh.Party != freshParty {
			t.Errorf("party %q: %+v", r.facts.Fresh.Party, proof)
		}
		if w := r.facts.Fresh.Wallet; w.User != "auth0|alice" || w.Namespace != "sv-fresh" {
			t.Errorf("the wallet is %+v", w)
		}
		app, _, err := r.world.Kube.Workload(t.Context(), kube.Deployment, "sv-fresh", "sv-app")
		if err != nil || len(app.Containers) == 0 {
			t.Fatal(err)
		}
		for _, e := range app.Containers[0].Env {
			if e.Name == "IMPORT" && e.Value != "null" {
				t.Errorf("identities are imported: %s", e.Value)
			}
		}
		claim, _, err := r.world.Kube.Claim(t.Context(), "sv-fresh", "global-domain-3-cometbft-cometbft-data")
		if err != nil || claim.Annotations["sync"] != "true" {
			t.Errorf("state sync: %v, %v", claim.Annotations, err)
		}
		again, err := step.Check(t.Context(), r.world, r.facts)
		if err != nil || wire.WorstVerdict(again) == wire.Violated {
			t.Errorf("half done: %+v, %v", again, err)
		}
		back, _ := step.Undo(r.facts)
		for _, a := range back {
			if err := r.do(a); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Where others install it the run waits, follows the onboarding by party, and reads the party from the wallet.
func TestFreshSVByHand(t *testing.T) {
	for _, c := range []struct {
		name   string
		wallet string
		member string
		holds  bool
	}{
		{"it joins", freshParty, freshParty, true},
		{"the wallet is the lost party's", oldOwner, freshParty, false},
		{"the wallet is somebody else's", "bob::1220", freshParty, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := freshRig(t)
				r.answer(freshValues(), map[string]string{"way": wayGitOps, "approved": approvedYes, "users": "auth0|alice", "sponsor": "https://sv.beta.example/api/sv"})
				found, err := r.carry(freshValues())
				if err != nil || wire.WorstVerdict(found) != wire.Holds {
					t.Fatalf("%+v, %v", found, err)
				}
				r.joins(time.Hour)
				r.apps.set("sv-fresh.validator-app /api/validator/v0/wallet/user-status", `{"party_id":"`+c.wallet+`","user_onboarded":true,"user_wallet_installed":true}`)
				go func() {
					time.Sleep(time.Minute)
					for _, name := range []string{"sv-app", "scan-app", "validator-app"} {
						r.load("apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: " + name + ", namespace: sv-fresh}\nspec: {replicas: 1, selector: {matchLabels: {app: " + name + "}}, template: {metadata: {labels: {app: " + name + "}}, spec: {containers: [{name: c, image: i}]}}}")
					}
				}()
				proof, err := r.carry(freshSV())
				if err != nil {
					t.Fatal(err)
				}
				v, text := verdictOf(t, proof, "wallet")
				if (v == wire.Holds) != c.holds || (r.facts.Fresh.Party != "") != c.holds {
					t.Errorf("%s: %s; party %q", v, text, r.facts.Fresh.Party)
				}
			})
		})
	}
}

// Where nobody saved the values, Helm's records of the lost node tell them, and make the same releases.
func TestFreshSVFromHelmsRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := freshRig(t)
		folder, saved := chartsAt(t, "0.6.4", svCharts...), freshValuesFolder(t)
		if err := takeFresh(&r.facts, "source", fromCluster); err != nil {
			t.Fatal(err)
		}
		forgetFresh(&r.facts)
		made, err := charts.Make(t.Context(), r.world.Kube, charts.Saved{Values: saved, Charts: folder, Namespace: "sv"})
		if err != nil {
			t.Fatal(err)
		}
		all, _, err := deployments(t.Context(), r.world.Kube, made)
		if err != nil {
			t.Fatal(err)
		}
		for n, d := range all {
			i := release.Installation{Name: d.Name, Namespace: "sv", Parts: d.Parts, Mark: "Install", From: "x"}
			if err := i.Do(t.Context(), r.world.Kube, r.world.Kube.Hands(i.AccessInstall(), false), made.Rendered[n].Stored, time.Now(), func(int, string) {}); err != nil {
				t.Fatal(err)
			}
		}
		derived := func(source string) Fresh {
			t.Helper()
			forgetFresh(&r.facts)
			answers := map[string]string{"charts": folder, "approved": approvedYes}
			if source != "" {
				answers["source"] = source
			}
			r.answer(freshValues(), answers)
			if _, err := r.carry(freshValues()); err != nil {
				t.Fatal(err)
			}
			return r.facts.Fresh
		}
		told := derived(saved)
		r.facts.Validator.Answers.Source, r.facts.Fresh = fromCluster, Fresh{}
		recorded := derived("") // it is what is proposed then
		if recorded.Answers.Source != fromCluster || recorded.Answers.Sponsor != told.Answers.Sponsor || recorded.Audience != told.Audience || !slices.Equal(recorded.Users, told.Users) {
			t.Errorf("%+v\nand from the files\n%+v", recorded.Answers, told.Answers)
		}
		if len(recorded.Releases) != len(told.Releases) {
			t.Fatalf("%d releases, and %d from the files", len(recorded.Releases), len(told.Releases))
		}
		for i, d := range recorded.Releases {
			want := told.Releases[i]
			want.Files = nil
			if diff := cmp.Diff(want, d); diff != "" {
				t.Errorf("release %s (-from the files +from the records):\n%s", d.Name, diff)
			}
		}
		if words := strings.Join(r.facts.freshHelm(recorded.Releases[0]), " "); !strings.Contains(words, "-f "+recordedFile(recorded.Releases[0].Name)) {
			t.Errorf("helm %s", words)
		}
	})
}

// What must not be picked up, and what a name may cost.
func TestCleanSlate(t *testing.T) {
	claim := "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: pg-data-apps-pg-0, namespace: sv-fresh}\nspec: {accessModes: [ReadWriteOnce], storageClassName: fast, resources: {requests: {storage: 1Gi}}}"
	for _, c := range []struct {
		name    string
		change  func(*deployRig)
		id      string
		verdict wire.Verdict
	}{
		{"clean", func(*deployRig) {}, "claims", wire.Holds},
		{"the same key", func(*deployRig) {}, "sv-key", wire.Holds},
		{"new keys of CometBFT", func(*deployRig) {}, "comet-keys", wire.Holds},
		{"the name is free", func(*deployRig) {}, "name", wire.Holds},
		{"another key", func(r *deployRig) {
			r.named("sv-fresh", svKeySecret, map[string]string{"public": "other", "private": "x"})
		}, "sv-key", wire.Violated},
		{"no key", func(r *deployRig) { r.facts.Fresh.Namespace = "elsewhere" }, "sv-key", wire.Violated},
		{"half a key", func(r *deployRig) {
			r.load("apiVersion: v1\nkind: Namespace\nmetadata: {name: half}")
			r.named("half", svKeySecret, map[string]string{"public": "pub"})
			r.facts.Fresh.Namespace = "half"
		}, "sv-key", wire.Violated},
		{"old keys of CometBFT", func(r *deployRig) {
			r.named("sv-fresh", cometKeySecret, map[string]string{"node_key.json": "new", "priv_validator_key.json": "old"})
		}, "comet-keys", wire.Violated},
		{"kept claims", func(r *deployRig) { r.load(claim); r.facts.Vote.Offboarded = time.Now().Add(time.Hour) }, "claims", wire.Violated},
		{"claims of an earlier try", func(r *deployRig) { r.load(claim) }, "claims", wire.Undetermined},
		{"not approved", func(r *deployRig) { r.facts.Fresh.Answers.Approved = approvedNo }, "approved", wire.Violated},
		{"the lost party is an SV still", func(r *deployRig) {
			r.apps.set("* /api/scan/v0/dso", dsoJSON([][3]string{{"Acme-SV", oldOwner, ""}}, nil))
		}, "name", wire.Violated},
		{"no scan answers", func(r *deployRig) { r.apps.clear() }, "name", wire.Undetermined},
		{"a second try", func(r *deployRig) {
			r.apps.set("* /api/scan/v0/dso", dsoJSON(nil, [][3]string{{"Acme-SV", oldOwner, ""}, {"Acme-SV", "Acme-SV::1220ee", ""}}))
		}, "second-try", wire.Violated},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := freshRig(t)
				r.facts.Fresh = Fresh{Namespace: "sv-fresh", Answers: FreshAnswers{Way: wayHelm, Approved: approvedYes}}
				r.facts.Fresh.Needs = []Need{{Needed: kube.Needed{Kind: "Secret", Name: cometKeySecret}}}
				c.change(r)
				found, err := cleanSlate(t.Context(), r.world, r.facts)
				if err != nil {
					t.Fatal(err)
				}
				if v, text := verdictOf(t, found, c.id); v != c.verdict {
					t.Errorf("%s: %s", v, text)
				}
			})
		})
	}
}

// A stale scan, a lying one, and an app of the lost party: membership is what most say, of a party that is new.
func TestOnboarded(t *testing.T) {
	in := func(party string) string { return dsoJSON([][3]string{{"Acme-SV", party, ""}}, nil) }
	out := dsoJSON(nil, [][3]string{{"Acme-SV", oldOwner, ""}})
	for _, c := range []struct {
		name   string
		says   map[string]string // by peer
		own    string
		member string
	}{
		{"all", map[string]string{"a": in(freshParty), "b": in(freshParty), "c": in(freshParty)}, freshParty, freshParty},
		{"one is behind", map[string]string{"a": in(freshParty), "b": in(freshParty), "c": out}, freshParty, freshParty},
		{"most are behind", map[string]string{"a": in(freshParty), "b": out, "c": out}, freshParty, ""},
		{"the lost party under the name", map[string]string{"a": in(oldOwner), "b": in(oldOwner), "c": in(oldOwner)}, freshParty, ""},
		{"they differ", map[string]string{"a": in(freshParty), "b": in("Acme-SV::1220ee")}, freshParty, ""},
		{"nobody answers", nil, freshParty, ""},
		{"the app is the lost one's", map[string]string{"a": in(freshParty), "b": in(freshParty)}, oldOwner, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				apps := &talkers{answers: map[string]string{}}
				o := followOnboarding{sv: "Acme-SV", old: oldOwner, own: steps.App{Namespace: "sv-fresh"}}
				for _, name := range []string{"a", "b", "c"} {
					o.peers = append(o.peers, Peer{SV: name, URL: "https://" + name})
					if text, ok := c.says[name]; ok {
						apps.set(name+" /api/scan/v0/dso", text)
					}
				}
				apps.set("sv-fresh.sv-app /api/sv/v0/dso", strings.Replace(dsoJSON(nil, nil), "x::1220", c.own, 1))
				if s := o.see(t.Context(), steps.World{Apps: apps}); s.member != c.member {
					t.Errorf("member %q: %+v", s.member, s.progress)
				}
			})
		})
	}
}

// Values that would bring something of the lost node are told.
func TestOfSaved(t *testing.T) {
	folder := freshValuesFolder(t)
	base := map[string]string{}
	for _, name := range []string{"sv-values", "validator-values", "scan-values"} {
		data, err := os.ReadFile(filepath.Join(folder, name+".yaml"))
		if err != nil {
			t.Fatal(err)
		}
		base[name] = string(data)
	}
	synctest.Test(t, func(t *testing.T) {
		r := freshRig(t)
		files := maps.Clone(base)
		files["validator-values"] += "walletSweep: {x: {receiver: " + oldOwner + "}}\n"
		files["scan-values"] += "externalAddress: participant.sv.svc.cluster.local\n"
		files["sv-values"] = strings.Replace(files["sv-values"], "persistence: {", "persistence: {host: db.example.com, ", 1)
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(folder, name+".yaml"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		r.answer(freshValues(), map[string]string{"source": folder, "charts": chartsAt(t, "0.6.4", svCharts...), "approved": approvedYes})
		found, err := r.carry(freshValues())
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"old-party-splice-validator", "old-namespace-splice-scan", "outside-splice-sv-node-persistence.host"} {
			if v, _ := verdictOf(t, found, id); v != wire.Undetermined {
				t.Errorf("%s: %s", id, v)
			}
		}
		if v, text := verdictOf(t, found, "left-out-sv"); v != wire.Holds || !strings.Contains(text, "participantIdentitiesDumpImport") {
			t.Error(text)
		}
	})
}
