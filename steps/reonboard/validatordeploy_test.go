package reonboard

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/charts"
	"canton.example/svrescue/steps/wire"
)

const (
	oldOwner  = "Acme-SV::1220aa"
	betaScan  = "https://scan.beta.example"
	gammaScan = "https://scan.gamma.example"
)

// validatorRig is a world in which the lost SV is offboarded and its identities are in the run.
func validatorRig(t *testing.T) *deployRig {
	r := newDeployRig(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: sv}\n")
	r.facts = Facts{Run: "reonboard-0102-0304-abcd", Where: kube.Where{Context: "test"},
		Old:   Old{SV: "Acme-SV", Party: oldOwner, Participant: "PAR::Acme-SV::1220aa", Synchronizer: "global-domain::1220dd", Release: "0.6.4", MigrationID: 3},
		Peers: []Peer{{SV: "Beta", URL: betaScan}, {SV: "Gamma", URL: gammaScan}}, Fence: Fence{Gone: "burnt"}, Vote: Vote{Offboarded: time.Now()},
		Validator: Validator{App: steps.App{Login: steps.LoginDevice}}, Fresh: Fresh{Wallet: steps.App{Login: steps.LoginDevice}}}
	r.identitiesInRun()
	r.apps.answers["* /api/scan/v0/dso"] = dsoJSON([][3]string{{"Beta", "Beta::1220bb", "PAR::Beta::1220bb"}}, [][3]string{{"Acme-SV", oldOwner, "PAR::Acme-SV::1220aa"}})
	return r
}

// derive answers the questions of the values, and derives them.
func (r *deployRig) derive(answers map[string]string) ([]wire.Finding, error) {
	r.t.Helper()
	folder := r.t.TempDir()
	for name, text := range map[string]string{
		"participant-values.yaml":  "auth: {jwksUrl: https://login.example/jwks, targetAudience: https://ledger.example}\nadditionalEnvVars: [{name: X, value: " + canarySecret + "}]",
		"sv-validator-values.yaml": "auth: {audience: https://validator.example}\nvalidatorWalletUsers: [auth0|alice]\nsvValidator: true",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	all := map[string]string{"source": folder, "charts": chartsAt(r.t, "0.6.4", "splice-postgres", "splice-participant", "splice-validator"), "class": "fast"}
	for k, v := range answers {
		all[k] = v
	}
	r.answer(validatorValues(), all)
	return r.carry(validatorValues())
}

// makesSecrets is the operator who makes what is asked for.
func (r *deployRig) makesSecrets() {
	r.secret("validator", databaseSecret, passwordKey)
	r.secret("validator", ledgerSecret, "ledger-api-user", "url", "client-id", "client-secret", "audience")
}

var goodImport = []sim.Line{
	{Text: `{"message":"Loading participant identities dump from file with config"}`},
	{After: sim.Duration{Duration: time.Second}, Text: `{"message":"Uploading node keys from dump for id"}`},
	{After: sim.Duration{Duration: time.Second}, Text: `{"message":"AuthorizedStore snapshot is imported"}`},
}

// The whole way: values, Secrets, releases one after the other, the import; the way back leaves the volumes.
func TestRecoveryValidator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := validatorRig(t)
		r.sim.Set(sim.Knobs{Workloads: map[string]sim.Workload{"validator/validator-app": {Log: goodImport}}})
		found, err := r.derive(nil)
		if err != nil {
			t.Fatal(err)
		}
		if worst := wire.WorstVerdict(found); worst == wire.Violated || worst == wire.Undetermined {
			t.Fatalf("%+v", found)
		}
		id := r.facts.Validator.Identifier
		deploy := validatorDeploy()
		checked, err := deploy.Check(t.Context(), r.world, r.facts)
		if err != nil || wire.WorstVerdict(checked) != wire.Holds {
			t.Fatalf("%+v, %v", checked, err)
		}
		actions, err := deploy.Plan(r.facts)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range actions { // before anything is there
			if _, err := a.Trial(t.Context(), r.hands(a, true)); err != nil {
				t.Errorf("trying to %s: %v", a.Key(), err)
			}
			if text := a.Show(); strings.Contains(strings.Join(append(text.Commands, text.After, text.Before, text.Title), "\n"), canarySecret) {
				t.Errorf("%s shows a secret", a.Key())
			}
		}
		go func() { time.Sleep(10 * time.Minute); r.makesSecrets() }()
		r.apps.answers["validator.validator-app /api/validator/v0/validator-user"] = `{"party_id":"` + oldOwner + `","user_name":"auth0|alice"}`
		r.apps.answers["* /api/scan/v0/domains/global-domain::1220dd/parties/"+oldOwner+"/participant-id"] = `{"participant_id":"PAR::` + id + `::1220aa"}`
		proof, err := r.carry(deploy)
		if err != nil {
			t.Fatalf("%v: %+v", err, steps.FailureOf("", err))
		}
		if wire.WorstVerdict(proof) != wire.Holds {
			t.Errorf("%+v", proof)
		}
		if a := r.facts.Validator.App; a.Namespace != "validator" || a.User != "auth0|alice" || a.Audience != "https://validator.example" || a.Login != steps.LoginDevice {
			t.Errorf("the wallet is %+v", a)
		}
		if m, there, err := r.world.Kube.SecretMatches(t.Context(), "validator", dumpSecret, dumpKey, r.facts.Identities.SHA256); err != nil || !there || !m.Same {
			t.Errorf("the Secret: %+v %v %v", m, there, err)
		}
		if text := string(r.files["validator/validator-values.yaml"]); !strings.Contains(text, "newParticipantIdentifier: "+id) {
			t.Errorf("values:\n%s", text)
		}
		again, err := deploy.Check(t.Context(), r.world, r.facts)
		if err != nil || wire.WorstVerdict(again) == wire.Violated {
			t.Errorf("half done: %+v, %v", again, err)
		}
		back, _ := deploy.Undo(r.facts)
		for _, a := range back {
			if err := r.do(a); err != nil {
				t.Fatal(err)
			}
		}
		if claims, err := r.world.Kube.Claims(t.Context(), "validator"); err != nil || len(claims) != 1 {
			t.Errorf("%d claims are left, %v", len(claims), err)
		}
		if _, there, _ := r.world.Kube.SecretKeys(t.Context(), "validator", dumpSecret); there {
			t.Error("the Secret with the keys is still there")
		}
		// Another identifier gets another server; the one that was frozen goes on with its own.
		forgetValidator(&r.facts)
		found, err = r.derive(nil)
		if err != nil || r.facts.Validator.Server != "postgres-2" || r.facts.Validator.Identifier == id {
			t.Errorf("%s on %s, %v", r.facts.Validator.Identifier, r.facts.Validator.Server, err)
		}
		if v, text := verdictOf(t, found, "server"); v != wire.Holds {
			t.Error(text)
		}
		forgetValidator(&r.facts)
		found, err = r.derive(map[string]string{"identifier": id})
		if err != nil || r.facts.Validator.Server != "postgres" {
			t.Errorf("%s, %v", r.facts.Validator.Server, err)
		}
		if v, text := verdictOf(t, found, "server"); v != wire.Attention || !strings.Contains(text, "taken up again") {
			t.Error(text)
		}
	})
}

// An import that fails says so at once, with its cure, and not after half an hour.
func TestImportFails(t *testing.T) {
	for _, c := range []struct{ name, workload, line, kind, next string }{
		{"commitments", "participant", `{"level":"WARN","message":"ACS_COMMITMENT_MISMATCH(5,abc): ` + canarySecret + `"}`, "acs", "import_acs"},
		{"another dump", "validator-app", "Could not parse participant bootstrap dump at /x: " + canarySecret, "dump", "identities check"},
		{"an old database", "validator-app", "Node has ID PAR::x::1220 instead of expected ID PAR::y::1220.", "other-node", "another identifier"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := validatorRig(t)
				if _, err := r.derive(nil); err != nil {
					t.Fatal(err)
				}
				r.sim.Set(sim.Knobs{Workloads: map[string]sim.Workload{"validator/" + c.workload: {Log: []sim.Line{{After: sim.Duration{Duration: time.Second}, Text: c.line}}},
					"validator/validator-app": {NeverReady: true, Log: []sim.Line{{Text: c.line}}}}})
				go func() { time.Sleep(time.Minute); r.makesSecrets() }()
				began := time.Now()
				_, err := r.carry(validatorDeploy())
				var failed *ImportFailed
				if !errors.As(err, &failed) || failed.Kind != c.kind {
					t.Fatalf("err = %v", err)
				}
				f := steps.FailureOf("", err)
				if !strings.Contains(f.Next, c.next) || strings.Contains(f.Error()+strings.Join(f.Detail, ""), canarySecret) {
					t.Errorf("%+v", f)
				}
				if took := time.Since(began); took > 5*time.Minute {
					t.Errorf("it was told after %s", took)
				}
				if len(importRemedies(err)) == 0 {
					t.Error("no remedy")
				}
			})
		})
	}
}

// What must hold right before the participant starts.
func TestBeforeDeploy(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(*deployRig)
		id      string
		verdict wire.Verdict
	}{
		{"all is well", func(*deployRig) {}, "offboarded", wire.Holds},
		{"a scan is behind", func(r *deployRig) {
			r.facts.Peers = append(r.facts.Peers, Peer{SV: "Delta", URL: "https://scan.delta.example"})
			r.apps.answers["scan.delta.example /api/scan/v0/dso"] = dsoJSON([][3]string{{"Acme-SV", oldOwner, ""}}, nil)
		}, "offboarded", wire.Attention},
		{"it is an SV still", func(r *deployRig) {
			r.apps.answers["* /api/scan/v0/dso"] = dsoJSON([][3]string{{"Acme-SV", oldOwner, ""}}, nil)
		}, "offboarded", wire.Violated},
		{"no scan answers", func(r *deployRig) { clear(r.apps.answers) }, "offboarded", wire.Undetermined},
		{"the identities are not on this machine", func(r *deployRig) { delete(r.files, IdentitiesFile) }, "identities", wire.Violated},
		{"other identities", func(r *deployRig) { r.files[IdentitiesFile] = []byte("{}") }, "identities", wire.Violated},
		{"nobody attested", func(r *deployRig) { r.facts.Fence.Gone = "" }, "fence", wire.Undetermined},
		{"somebody else's release", func(r *deployRig) {
			if err := r.sim.LoadYAML([]byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: validator}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: participant, namespace: validator}\nspec: {replicas: 0, selector: {matchLabels: {app: x}}, template: {metadata: {labels: {app: x}}, spec: {containers: [{name: c, image: i}]}}}")); err != nil {
				r.t.Fatal(err)
			}
		}, "release-participant", wire.Violated},
		{"an earlier server's claim", func(r *deployRig) {
			if err := r.sim.LoadYAML([]byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: validator}\n---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: pg-data-postgres-0, namespace: validator}\nspec: {accessModes: [ReadWriteOnce], storageClassName: fast, resources: {requests: {storage: 1Gi}}}")); err != nil {
				r.t.Fatal(err)
			}
		}, "server", wire.Violated},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := validatorRig(t)
				if _, err := r.derive(nil); err != nil {
					t.Fatal(err)
				}
				c.change(r)
				found, err := validatorDeploy().Check(t.Context(), r.world, r.facts)
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

// Where GitOps installs, nothing but the Secret is sent, and the run waits.
func TestValidatorByGitOps(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := validatorRig(t)
		if _, err := r.derive(map[string]string{"way": wayGitOps}); err != nil {
			t.Fatal(err)
		}
		r.sim.Set(sim.Knobs{Workloads: map[string]sim.Workload{"validator/validator-app": {Log: goodImport}}})
		byTool := r.facts
		byTool.Validator.Answers.Way = wayHelm
		installs, err := planValidator(byTool)
		if err != nil {
			t.Fatal(err)
		}
		go func() { // somebody else installs an hour later
			time.Sleep(time.Minute)
			r.makesSecrets()
			time.Sleep(time.Hour)
			for _, a := range installs {
				if strings.HasPrefix(a.Key(), "install release") {
					if err := a.Do(t.Context(), r.hands(a, false), func(wire.Progress) {}); err != nil {
						t.Error(err)
					}
				}
			}
		}()
		actions, err := planValidator(r.facts)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range actions {
			for _, ref := range a.Refs() {
				if ref.Kube != nil && ref.Kube.Resource != "secrets" && ref.Kube.Resource != "namespaces" {
					t.Errorf("%s touches %s", a.Key(), ref)
				}
			}
		}
		found, err := r.carry(validatorDeploy())
		if err != nil {
			t.Fatal(err)
		}
		if v, text := verdictOf(t, found, "ready"); v != wire.Holds {
			t.Error(text)
		}
	})
}

// A server that holds another participant's database is refused; this run's own database is not.
func TestServerIsRefused(t *testing.T) {
	for _, c := range []struct {
		name    string
		have    []string
		tries   []Try
		verdict wire.Verdict
	}{
		{"empty", nil, nil, wire.Holds},
		{"apps alone", []string{"cantonnet", "cantonnet_sv"}, nil, wire.Holds},
		{"another participant", []string{"cantonnet", "participant_0"}, nil, wire.Violated},
		{"one of the same name that is not ours", []string{"participant_3"}, nil, wire.Violated},
		{"ours, of the earlier try with this identifier", []string{"participant_3"}, []Try{{"again", "db.example:5433"}}, wire.Holds},
		{"ours beside another", []string{"participant_3", "participant"}, []Try{{"again", "db.example:5433"}}, wire.Violated},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := validatorRig(t)
				r.facts.Validator.Tries = c.tries
				r.data["db.example:5433"] = c.have
				found, err := r.derive(map[string]string{"database": "db.example:5433", "identifier": "again"})
				if err != nil {
					t.Fatal(err)
				}
				if v, text := verdictOf(t, found, "server"); v != c.verdict {
					t.Errorf("%s: %s", v, text)
				}
				if len(r.facts.Validator.Releases) != 2 || !strings.Contains(r.facts.Validator.Values["participant"], "port: 5433") {
					t.Errorf("releases %+v", r.facts.Validator.Releases)
				}
			})
		})
	}
}

// shelf is a registry.
type shelf map[string][]byte

func (s shelf) Pull(_ context.Context, address, version string) ([]byte, error) {
	if data, ok := s[address+" "+version]; ok {
		return data, nil
	}
	return nil, errors.New("manifest unknown")
}

// A hint that is not that of the lost party is refused, before anything is deployed, wherever it comes from.
func TestPartyHint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			own, party string
			want       wire.Verdict
		}{
			{"", oldOwner, wire.Holds},
			{"validatorPartyHint: acme-sv-1", oldOwner, wire.Violated},
			{"", "acme-foundation::1220aa", wire.Violated},
			{"validatorPartyHint: acme-foundation", "acme-foundation::1220aa", wire.Holds},
		} {
			r := validatorRig(t)
			r.facts.Old.Party = c.party
			extra := t.TempDir()
			if err := os.WriteFile(filepath.Join(extra, "validator-values.yaml"), []byte(c.own), 0o600); err != nil {
				t.Fatal(err)
			}
			found, err := r.derive(map[string]string{"extra": extra})
			if err != nil {
				t.Fatal(err)
			}
			if v, text := verdictOf(t, found, "party-hint"); v != c.want {
				t.Errorf("%q with %s: %s %s", c.own, c.party, v, text)
			}
			checked, err := validatorDeploy().Check(t.Context(), r.world, r.facts)
			if err != nil {
				t.Fatal(err)
			}
			if v, text := verdictOf(t, checked, "party-hint"); v != c.want {
				t.Errorf("before it is deployed, %q with %s: %s %s", c.own, c.party, v, text)
			}
		}
	})
}

// Charts from a registry are kept with the run, and what was shown is what is installed.
func TestChartsFromARegistry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := validatorRig(t)
		registry := shelf{}
		for _, name := range []string{"splice-postgres", "splice-participant"} {
			registry["oci://mirror.example/helm/"+name+" 0.6.4"] = packedChart(t, name, "0.6.4")
		}
		r.world.Charts = registry
		_, err := r.derive(map[string]string{"charts": "oci://mirror.example/helm/"})
		if err == nil || !strings.Contains(err.Error(), "helm pull oci://mirror.example/helm/splice-validator --version 0.6.4") {
			t.Fatalf("err = %v", err)
		}
		registry["oci://mirror.example/helm/splice-validator 0.6.4"] = packedChart(t, "splice-validator", "0.6.4")
		found, err := r.carry(validatorValues())
		if err != nil || wire.WorstVerdict(found) == wire.Violated {
			t.Fatalf("%+v, %v", found, err)
		}
		if _, err := r.facts.validatorAgain().stored(t.Context(), r.world, "validator"); err != nil {
			t.Error(err)
		}
		clear(registry) // it is not needed any more
		if _, err := r.facts.validatorAgain().stored(t.Context(), r.world, "participant"); err != nil {
			t.Error(err)
		}
		r.files["charts/splice-validator-0.6.4.tgz"] = packedChart(t, "splice-validator", "0.6.5")
		if _, err := r.facts.validatorAgain().stored(t.Context(), r.world, "validator"); err == nil || !strings.Contains(err.Error(), "not what was shown") {
			t.Errorf("another chart: %v", err)
		}
	})
}

// The lost node's values are read from what Helm keeps, where nobody saved them; and an identifier that an SV had is refused.
func TestValuesFromTheCluster(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := validatorRig(t)
		folder := chartsAt(t, "0.6.4", "splice-validator", "splice-participant", "splice-postgres")
		r.facts.Old.Namespace = "sv"
		have, err := release.Charts(folder)
		if err != nil {
			t.Fatal(err)
		}
		chart, err := charts.Pick(have, "", "splice-validator")
		if err != nil {
			t.Fatal(err)
		}
		made, err := charts.MakeOf(t.Context(), r.world.Kube, "sv", []charts.Release{charts.Of("validator", chart,
			valuesOf(t, "svValidator: true\nnodeIdentifier: Acme-SV\nvalidatorPartyHint: x\npersistence: {secretName: apps-pg-secret}\nauth: {audience: https://from.cluster.example, jwksUrl: https://login.example/jwks}\nvalidatorWalletUsers: [auth0|carol]"))})
		if err != nil {
			t.Fatal(err)
		}
		all, _, err := deployments(t.Context(), r.world.Kube, made)
		if err != nil {
			t.Fatal(err)
		}
		i := release.Installation{Name: "validator", Namespace: "sv", Parts: all[0].Parts, Mark: "Install", From: "x"}
		if err := i.Do(t.Context(), r.world.Kube, r.world.Kube.Hands(i.AccessInstall(), false), made.Rendered[0].Stored, time.Now(), func(int, string) {}); err != nil {
			t.Fatal(err)
		}
		if !recordsThere(t.Context(), r.world, r.facts) {
			t.Error("Helm's records are not found")
		}
		if _, err := r.derive(map[string]string{"source": fromCluster, "charts": folder, "ledger": "https://ledger.example"}); err != nil {
			t.Fatal(err)
		}
		if v := r.facts.Validator; v.Wallet[0] != "auth0|carol" || v.Audience != "https://from.cluster.example" {
			t.Errorf("%v %s", v.Wallet, v.Audience)
		}
		forgetValidator(&r.facts)
		r.apps.set("* /api/scan/v0/dso", dsoJSON([][3]string{{"Beta", "Beta::1220bb", "PAR::taken::1220bb"}}, nil))
		found, err := r.derive(map[string]string{"source": fromCluster, "charts": folder, "ledger": "https://ledger.example", "identifier": "taken"})
		if err != nil {
			t.Fatal(err)
		}
		if v, text := verdictOf(t, found, "never-used"); v != wire.Violated {
			t.Errorf("%s: %s", v, text)
		}
	})
}

// A Secret that is there is never written over, and one of others is never removed.
func TestSecretsOfOthersStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := validatorRig(t)
		make := action.SecretFromFile{Namespace: "sv", Name: dumpSecret, Field: dumpKey, File: IdentitiesFile, SHA256: r.facts.Identities.SHA256, Run: "r-1", What: "it"}
		remove := action.RemoveSecret{Namespace: "sv", Name: dumpSecret, Run: "r-1"}
		r.named("sv", dumpSecret, map[string]string{dumpKey: "somebody-elses"})
		err := make.Do(t.Context(), r.hands(make, false), func(wire.Progress) {})
		if err == nil || !strings.Contains(err.Error(), "another content") {
			t.Errorf("err = %v", err)
		}
		if err := r.do(remove); err != nil {
			t.Error(err)
		}
		if _, there, _ := r.world.Kube.SecretKeys(t.Context(), "sv", dumpSecret); !there {
			t.Fatal("somebody else's Secret was removed")
		}
		make.Name, remove.Name = "ours", "ours"
		for range 2 { // a second time after a lost answer
			if err := r.do(make); err != nil {
				t.Fatal(err)
			}
		}
		other := remove
		other.Run = "r-2"
		if err := r.do(other); err != nil {
			t.Error(err)
		}
		if _, there, _ := r.world.Kube.SecretKeys(t.Context(), "sv", "ours"); !there {
			t.Fatal("another run's Secret was removed")
		}
		for range 2 {
			if err := r.do(remove); err != nil {
				t.Fatal(err)
			}
		}
		r.files[IdentitiesFile] = []byte("{}")
		if err := make.Do(t.Context(), r.hands(make, false), func(wire.Progress) {}); err == nil || !strings.Contains(err.Error(), "checksum") {
			t.Errorf("other identities: %v", err)
		}
	})
}
