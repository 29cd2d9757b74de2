package reonboard

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube/release"
)

// The names that the documentation gives to a standalone validator's releases, objects and keys (reference/deployment.md 3.7, 5, 9.3).
const (
	participantRelease = "participant"
	validatorRelease   = "validator"
	postgresRelease    = "postgres"
	dumpSecret         = "participant-bootstrap-dump"
	dumpKey            = "content"
	databaseSecret     = "postgres-secrets"
	passwordKey        = "postgresPassword"
	ledgerSecret       = "splice-app-validator-ledger-api-auth"
	defaultAudience    = "https://canton.network.global"
	databaseUser       = "cnadmin"
	adminDatabase      = "cantonnet"
	validatorDatabase  = "cantonnet_validator"
	// serverSize is what the documentation's example of 0.6.13 begins with.
	serverSize = "50Gi"
)

// kmsDriver is the type of a KMS that is reached by a driver: what its configuration holds is the driver's own, and can be a password.
const kmsDriver = "driver"

// material is what an operator has of the lost node's values, by the chart that they are for. It can hold secrets: only what is named in
// this file is taken from it.
type material map[string]release.Values

// recipe is what the values of the recovery validator are made from.
type recipe struct {
	SV, Identifier         string
	Version                splice
	Migration              int64
	Scans                  []string // addresses of scans; the first is asked alone where one is trusted
	BFT                    bool
	Users                  []string
	JWKS, Audience, Ledger string
	Host                   string // of PostgreSQL
	Own                    bool   // it is installed beside the validator, as a release of the host's name
	Port                   int
	Class                  string // storage class; empty: that of the chart
	Bitnami                bool   // PostgreSQL is installed by Bitnami's chart
	Open                   bool   // there is no login at all
	Tolerant               bool   // a fatal error does not end the participant
}

// database is the name of the participant's database. It keeps the migration ID when that is frozen (reference/deployment.md 3.6).
func (r recipe) database() string { return fmt.Sprintf("participant_%d", r.Migration) }

// everywhere are values that every chart of Splice has and that say where and how its pods run. None is a secret.
var everywhere = []string{"imageRepo", "imagePullPolicy", "imagePullSecrets", "nodeSelector", "affinity", "tolerations", "serviceAccountName", "logLevel", "enableReloader"}

// values are those of the three releases, by the release. They hold no secret.
func (r recipe) values(m material) map[string]map[string]any {
	all := map[string]map[string]any{participantRelease: r.participant(m), validatorRelease: r.validator(m)}
	if r.Own {
		all[r.Host] = r.postgres(m)
	}
	return all
}

func (r recipe) postgres(m material) map[string]any {
	if r.Bitnami {
		storage := map[string]any{"size": serverSize}
		if r.Class != "" {
			storage["storageClass"] = r.Class
		}
		return map[string]any{
			"fullnameOverride": r.Host,
			"auth": map[string]any{"enablePostgresUser": false, "username": databaseUser, "database": adminDatabase, "existingSecret": databaseSecret,
				"secretKeys": map[string]any{"userPasswordKey": passwordKey}},
			"primary": map[string]any{"persistence": storage,
				"initdb": map[string]any{"scripts": map[string]any{"createdb.sql": "ALTER USER " + databaseUser + " CREATEDB;"}}},
		}
	}
	values := map[string]any{"db": map[string]any{"volumeSize": serverSize}, "persistence": map[string]any{"secretName": databaseSecret}}
	if r.Class != "" {
		values["db"].(map[string]any)["volumeStorageClass"] = r.Class
	}
	copyValues(values, m["splice-postgres"], everywhere...)
	return values
}

func (r recipe) participant(m material) map[string]any {
	old := m["splice-participant"]
	values := map[string]any{
		"persistence": map[string]any{"host": r.Host, "port": r.Port, "secretName": databaseSecret, "databaseName": r.database(), "schema": "participant"},
		"auth":        map[string]any{"jwksUrl": r.JWKS, "targetAudience": r.Ledger},
		// The chart's own is the SV's.
		"participantAdminUserNameFrom": map[string]any{"secretKeyRef": map[string]any{"name": ledgerSecret, "key": "ledger-api-user", "optional": false}},
		"enableHealthProbes":           true,
	}
	if r.Open {
		delete(values, "auth")
		values["disableAuth"] = true
	}
	copyValues(values, old, append([]string{"resources"}, everywhere...)...)
	if old.Text("kms.type") != kmsDriver {
		copyValues(values, old, "kms")
	}
	// Older charts name the node here too, and initialise it by themselves unless they are told not to: then the identities cannot be imported.
	if _, ok := old.At("nodeIdentifier"); ok {
		values["nodeIdentifier"] = r.Identifier
	}
	if _, ok := old.At("disableAutoInit"); ok {
		values["disableAutoInit"] = true
	}
	env, _ := envReferences(old)
	if r.Tolerant {
		env = append(env, map[string]any{"name": "ADDITIONAL_CONFIG_EXIT_ON_FATAL_FAILURES", "value": "canton.parameters.exit-on-fatal-failures = false"})
	}
	if len(env) > 0 {
		values["additionalEnvVars"] = env
	}
	return values
}

func (r recipe) validator(m material) map[string]any {
	old := m["splice-validator"]
	values := map[string]any{
		"participantAddress":              participantRelease,
		"validatorPartyHint":              r.SV,
		"nodeIdentifier":                  r.Identifier,
		"participantIdentitiesDumpImport": map[string]any{"secretName": dumpSecret, "newParticipantIdentifier": r.Identifier},
		"migrateValidatorParty":           true,
		"enableWallet":                    true,
		"auth":                            map[string]any{"audience": r.Audience, "jwksUrl": r.JWKS},
		"persistence":                     map[string]any{"host": r.Host, "port": r.Port, "secretName": databaseSecret},
		"validatorWalletUsers":            r.Users,
		// Traffic is bought with Amulets, and these are to be given back.
		"topup": map[string]any{"enabled": false},
	}
	if r.BFT {
		values["scanClient"] = map[string]any{"scanType": "bft", "seedUrls": r.Scans}
	} else if len(r.Scans) > 0 {
		values["scanClient"] = map[string]any{"scanType": "trust-single", "scanAddress": r.Scans[0]}
	}
	if len(r.Scans) > 0 {
		values["scanAddress"] = r.Scans[0] // what older charts read
	}
	if r.Version.migrationID() {
		values["migration"] = map[string]any{"id": strconv.FormatInt(r.Migration, 10)}
	}
	if r.Class != "" {
		values["pvc"] = map[string]any{"volumeStorageClass": r.Class}
	}
	if r.Open {
		delete(values, "auth")
		values["disableAuth"] = true
	}
	copyValues(values, old, append([]string{"spliceInstanceNames", "contactPoint", "resources", "failOnAppVersionMismatch", "clusterUrl"}, everywhere...)...)
	return values
}

// copyValues takes values as they are, where they are set.
func copyValues(values map[string]any, from release.Values, paths ...string) {
	for _, p := range paths {
		if x, ok := from.At(p); ok {
			values[p] = x
		}
	}
}

// envReferences are the additional environment variables of a chart that refer to a Secret or a ConfigMap, such as the login of a KMS; literal
// are the names of those that hold their values, which can be passwords.
func envReferences(v release.Values) (taken []any, literal []string) {
	list, _ := v.At("additionalEnvVars")
	vars, _ := list.([]any)
	for _, x := range vars {
		m, _ := x.(map[string]any)
		name, _ := m["name"].(string)
		if _, refers := m["valueFrom"].(map[string]any); refers && name != "" {
			taken = append(taken, map[string]any{"name": name, "valueFrom": m["valueFrom"]})
		} else if name != "" {
			literal = append(literal, name)
		}
	}
	return taken, literal
}

// leftOut are the paths of what the lost node had set for a chart and the recovery validator has not: names alone, since what stands there can be
// a secret.
func leftOut(old release.Values, now map[string]any) []string {
	var lacking []string
	for _, path := range old.Keys() {
		if !isSet(now, strings.Split(path, ".")) {
			lacking = append(lacking, path)
		}
	}
	return lacking
}

func isSet(at map[string]any, path []string) bool {
	x, ok := at[path[0]]
	if !ok || len(path) == 1 {
		return ok
	}
	inside, ok := x.(map[string]any)
	return ok && isSet(inside, path[1:])
}

// valueChanges are the lines of what is set: as it was, otherwise than it was, or new. They hold no secret, since what is set holds none.
func valueChanges(old release.Values, now map[string]any) []string {
	var lines []string
	var walk func(prefix string, m map[string]any)
	walk = func(prefix string, m map[string]any) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			path := prefix + key
			if inside, ok := m[key].(map[string]any); ok && len(inside) > 0 {
				walk(path+".", inside)
				continue
			}
			text := valueLine(m[key])
			switch was, ok := old.At(path); {
			case !ok:
				lines = append(lines, "+ "+path+": "+text)
			case valueLine(was) == text:
				lines = append(lines, "  "+path+": "+text)
			default:
				lines = append(lines, "~ "+path+": "+text)
			}
		}
	}
	walk("", now)
	for _, path := range leftOut(old, now) {
		lines = append(lines, "- "+path)
	}
	return lines
}

// valueLine is a value in one line.
func valueLine(x any) string {
	text, err := json.Marshal(x)
	if err != nil {
		return "?"
	}
	return plain.Line(string(text))
}
