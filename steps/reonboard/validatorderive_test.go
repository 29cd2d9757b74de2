package reonboard

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/kube/release"
)

func valuesOf(t *testing.T, text string) release.Values {
	t.Helper()
	v, err := release.ReadValues([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// at is what stands at a path of values, as JSON; "-" where there is nothing.
func at(t *testing.T, values map[string]any, path string) string {
	t.Helper()
	text, err := valuesYAML(values)
	if err != nil {
		t.Fatal(err)
	}
	x, ok := valuesOf(t, text).At(path)
	if !ok {
		return "-"
	}
	b, err := json.Marshal(x)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What every release needs, and what only some do (reference/deployment.md 1, 4).
func TestDerivedValues(t *testing.T) {
	for _, c := range []struct {
		release            string
		migration, chart   string // of the values: migration.id, and that of PostgreSQL
		fullnameOverridden string
	}{
		{"0.4.21", `"3"`, "splice-postgres", "-"},
		{"0.5.10", `"3"`, "splice-postgres", "-"},
		{"0.6.1", `"3"`, "splice-postgres", "-"},
		{"0.6.2", `"3"`, "splice-postgres", "-"},
		{"0.6.7", `"3"`, "splice-postgres", "-"},
		{"0.6.8", "-", "splice-postgres", "-"},
		{"0.6.12", "-", "splice-postgres", "-"},
		{"0.6.13", "-", "postgresql", `"postgres"`},
		{"0.7.4", "-", "postgresql", `"postgres"`},
		{"0.8.0", "-", "postgresql", `"postgres"`},
	} {
		t.Run(c.release, func(t *testing.T) {
			f := Facts{Run: "r-1", Old: Old{SV: "Acme-SV", Release: c.release, MigrationID: 3}, Peers: []Peer{{SV: "Beta", URL: "https://scan.beta.example/api/scan"}, {SV: "Gamma", URL: "https://scan.gamma.example/"}}}
			f.Validator = Validator{Namespace: "validator", Identifier: "Acme-SV-recovery-20260102-abcd",
				Answers: ValidatorAnswers{Identifier: "Acme-SV-recovery-20260102-abcd", Scan: scansTogether, Database: newServer, Class: "fast", Charts: "oci://mirror.example/helm"}}
			m := material{
				"splice-participant": valuesOf(t, "auth: {jwksUrl: https://login.example/jwks, targetAudience: https://ledger.example}"),
				"splice-validator":   valuesOf(t, "auth: {audience: https://validator.example}\nvalidatorWalletUsers: [auth0|alice]\nsvValidator: true\nscanClient: {scanType: trust-single}"),
			}
			values := f.recipe(m).values(m)
			if names := f.wantedCharts(); names[0].names[0] != c.chart || len(names) != 3 {
				t.Errorf("charts: %v", names)
			}
			for _, want := range []struct{ release, path, value string }{
				{"validator", "validatorPartyHint", `"Acme-SV"`},
				{"validator", "nodeIdentifier", `"Acme-SV-recovery-20260102-abcd"`},
				{"validator", "participantIdentitiesDumpImport.newParticipantIdentifier", `"Acme-SV-recovery-20260102-abcd"`},
				{"validator", "participantIdentitiesDumpImport.secretName", `"participant-bootstrap-dump"`},
				{"validator", "migrateValidatorParty", "true"},
				{"validator", "svSponsorAddress", "-"},
				{"validator", "onboardingSecretFrom", "-"},
				{"validator", "svValidator", "-"},
				{"validator", "scanClient.scanType", `"bft"`},
				{"validator", "scanClient.seedUrls", `["https://scan.beta.example","https://scan.gamma.example"]`},
				{"validator", "migration.id", c.migration},
				{"validator", "auth.audience", `"https://validator.example"`},
				{"validator", "auth.jwksUrl", `"https://login.example/jwks"`},
				{"validator", "validatorWalletUsers", `["auth0|alice"]`},
				{"validator", "persistence.host", `"postgres"`},
				{"validator", "topup.enabled", "false"},
				{"participant", "auth.targetAudience", `"https://ledger.example"`},
				{"participant", "persistence.databaseName", `"participant_3"`},
				{"participant", "participantAdminUserNameFrom.secretKeyRef.name", `"splice-app-validator-ledger-api-auth"`},
				{"postgres", "fullnameOverride", c.fullnameOverridden},
			} {
				if got := at(t, values[want.release], want.path); got != want.value {
					t.Errorf("%s of %s is %s, not %s", want.path, want.release, got, want.value)
				}
			}
		})
	}
}

// What can be a secret is not taken over, and named.
func TestSecretsStayBehind(t *testing.T) {
	m := material{"splice-participant": valuesOf(t, `
auth: {jwksUrl: https://login.example/jwks, secretOverrides: {ledgerApiUser: hunter2}}
kms: {type: aws, region: eu-1}
additionalEnvVars:
- {name: AWS_SECRET_ACCESS_KEY, valueFrom: {secretKeyRef: {name: aws-credentials, key: secretAccessKey}}}
- {name: PASSWORD, value: hunter2}
persistence: {secretOverrides: {postgresPassword: hunter2}}
nodeSelector: {pool: canton}
disableAutoInit: false
nodeIdentifier: Acme-SV
`), "splice-validator": valuesOf(t, "additionalEnvVars: [{name: TOKEN, value: hunter2}]")}
	f := Facts{Old: Old{SV: "Acme-SV", Release: "0.6.4"}, Validator: Validator{Identifier: "new", Answers: ValidatorAnswers{Database: newServer, Scan: "https://scan.beta.example", Fatal: goOn}}}
	values := f.recipe(m).values(m)
	all, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	lines := valueChanges(m["splice-participant"], values["participant"])
	findings, err := json.Marshal(untaken(m))
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(all), strings.Join(lines, "\n"), string(findings)} {
		if strings.Contains(text, "hunter2") {
			t.Errorf("a secret was taken over: %s", text)
		}
	}
	for _, line := range []string{`  kms.region: "eu-1"`, "- persistence.secretOverrides.postgresPassword", "~ disableAutoInit: true", `~ nodeIdentifier: "new"`, `  nodeSelector.pool: "canton"`} {
		if !slices.Contains(lines, line) {
			t.Errorf("no line %q in\n%s", line, strings.Join(lines, "\n"))
		}
	}
	for _, text := range []string{"PASSWORD", "TOKEN", "secretOverrides"} {
		if !strings.Contains(string(findings), text) {
			t.Errorf("%s is not named: %s", text, findings)
		}
	}
	env := at(t, values["participant"], "additionalEnvVars")
	if !strings.Contains(env, "aws-credentials") || !strings.Contains(env, "EXIT_ON_FATAL_FAILURES") || strings.Contains(env, "PASSWORD\"") {
		t.Errorf("env: %s", env)
	}
	if got := at(t, values["validator"], "scanClient"); got != `{"scanAddress":"https://scan.beta.example","scanType":"trust-single"}` {
		t.Errorf("scan: %s", got)
	}
	driver := material{"splice-participant": valuesOf(t, "kms: {type: driver, config: {token: hunter2}}")}
	if got := at(t, f.recipe(driver).values(driver)["participant"], "kms"); got != "-" {
		t.Errorf("the configuration of a driver is taken over: %s", got)
	}
}

// An identifier stays the same on every retry; another one gets databases of its own.
func TestIdentifierAndServer(t *testing.T) {
	f := Facts{Run: "reonboard-0102-0304-abcd", Old: Old{SV: "Acme SV", Participant: "PAR::Acme-SV::1220aa"}}
	now := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	first := f.proposed(now)
	if !validIdentifier.MatchString(first) || !strings.HasPrefix(first, "Acme-SV-recovery-20260102-") || first != f.proposed(now) {
		t.Errorf("proposed %q", first)
	}
	if err := takeValidator(&f, "identifier", "Acme-SV"); err == nil {
		t.Error("the identifier of the lost participant is taken")
	}
	take := func(ask, value string) {
		t.Helper()
		if err := takeValidator(&f, ask, value); err != nil {
			t.Fatal(err)
		}
	}
	take("identifier", first)
	take("database", newServer)
	host, _, own := f.server()
	if host != "postgres" || !own {
		t.Errorf("server %s", host)
	}
	f.Validator.Server = host // the values were derived
	before := f
	forgetValidator(&f)
	if before.Validator.Identifier != first || len(before.Validator.Tries) != 0 {
		t.Error("the facts before were changed")
	}
	second := f.proposed(now)
	if second == first || f.Validator.Before.Identifier != first {
		t.Errorf("after %q comes %q", first, second)
	}
	take("database", newServer)
	take("identifier", first)
	if host, _, _ := f.server(); host != "postgres" {
		t.Errorf("the same identifier has its databases on %s", host)
	}
	take("identifier", second)
	if host, _, _ := f.server(); host != "postgres-2" {
		t.Errorf("another identifier has its databases on %s", host)
	}
	take("database", "db.example:5433")
	if host, port, own := f.server(); host != "db.example" || port != 5433 || own {
		t.Errorf("%s %d %v", host, port, own)
	}
}

func TestValidatorAnswers(t *testing.T) {
	folder := t.TempDir()
	for _, c := range []struct{ ask, value, refused string }{
		{"namespace", "validator", ""}, {"namespace", "sv", "lost node"}, {"namespace", "A B", "no name"},
		{"source", folder, ""}, {"source", none, ""}, {"source", fromCluster, ""}, {"source", folder + "/nothing", "nothing at"},
		{"version", "0.6.4", ""}, {"version", "latest", "no release"},
		{"charts", "oci://registry.example/helm", ""}, {"charts", folder, ""}, {"charts", folder + "/x", "nothing at"},
		{"identifier", "a b", "no identifier"}, {"users", " , ", "at least one"},
		{"jwks", "https://login.example/.well-known/jwks.json", ""}, {"jwks", "login.example", "no address"}, {"jwks", "https://me:pw@login.example/", "no address"},
		{"database", "new", ""}, {"database", "a b", "neither"}, {"extra", none, ""}, {"nonsense", "x", "no answer"},
	} {
		f := Facts{Old: Old{Namespace: "sv"}}
		err := takeValidator(&f, c.ask, c.value)
		if (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%s %q: %v", c.ask, c.value, err)
		}
	}
}

func TestReadSplice(t *testing.T) {
	for text, want := range map[string]bool{"0.6.4": true, "0.6.4-snapshot.20260102": true, "1.0.0+x": true, "0.6": false, "": false, "0.6.x": false, "v0.6.4": false, "0.6.4x": false} {
		if _, ok := readSplice(text); ok != want {
			t.Errorf("%q: %v", text, ok)
		}
	}
}

// Each known text leads to its own failure, and a log without any to none.
func TestFailureIn(t *testing.T) {
	for id, line := range map[string]string{
		"dump":         `{"message":"Could not parse participant bootstrap dump at /participant-bootstrapping-dump/content: DecodingFailure"}`,
		"other-node":   `Node has ID PAR::a::1220 instead of expected ID PAR::b::1220.`,
		"kms-name":     "KMS key without name in dump is not supported",
		"owner-keys":   "Expected exactly one OwnerToKeyMapping for old node id PAR::a::1220",
		"authorizers":  "Missing authorizers: ReferencedAuthorizations(extraKeys = ...",
		"acs":          "ACS_COMMITMENT_MISMATCH(5,0): ...",
		"licence":      "ValidatorLicense not found",
		"database":     "ERROR: Refusing to create participant database 'participant_3' because the following participant database(s) already exist: participant_0.",
		"not-migrated": "The following parties were not migrated: alice::1220",
	} {
		fail, ok := failureIn("a line before\n" + line + "\na line after")
		if !ok || fail.id != id {
			t.Errorf("%q is %q", line, fail.id)
		}
	}
	if fail, ok := failureIn("Loading participant identities dump from file\nUploading node keys Vector(..) from dump\nAuthorizedStore snapshot is imported"); ok {
		t.Errorf("a good log is %q", fail.id)
	}
}
