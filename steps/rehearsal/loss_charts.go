package rehearsal

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"sigs.k8s.io/yaml"
)

// The stand-in charts of releases up to 0.6.1: what they render of the documentation's values (reference/deployment.md 4) is the node of the rehearsal,
// and from values with another migration ID they render the parts of another synchronizer. Nothing of them is from Splice.

// What they tell a container of their values. The variables of the real charts have other names, but for the last two (reference/deployment.md 10.7).
const (
	chainVar       = "STANDIN_CHAIN_ID"
	driverVar      = "STANDIN_DRIVER_HOST"
	migrationVar   = "STANDIN_MIGRATION_ID"
	participantVar = "STANDIN_PARTICIPANT"
	sequencerVar   = "STANDIN_SEQUENCER"
	mediatorVar    = "STANDIN_MEDIATOR"
	onboardingVar  = "ADDITIONAL_CONFIG_SV_ONBOARDING"
	restoringVar   = "ADDITIONAL_CONFIG_VALIDATOR_MIGRATION_RESTORE"
)

// The Secret in which an additional variable of the SV app has its value, where Loss.Stuck is set: no values file shows what is in it.
const (
	stuckSecret = "sv-app-overrides"
	stuckKey    = "config"
)

// stuckDoc is that Secret, with a migration ID.
func stuckDoc(id int) string {
	return fmt.Sprintf("---\napiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: %s}\nstringData: {%s: \"canton.sv-apps.sv.domain-migration-id = %d\"}\n", stuckSecret, namespace, stuckKey, id)
}

// lossReleases are the releases of the node with the synchronizer of a migration ID, in the order of their installation.
func lossReleases(plan Loss, id int) []helmRelease {
	sequencer := fmt.Sprintf("https://sequencer-%d.sv.acme.example", id)
	rel, comet, participant := fmt.Sprintf("global-domain-%d", id), fmt.Sprintf("global-domain-%d-cometbft", id), fmt.Sprintf("participant-%d", id)
	store := func(server, database string) map[string]any {
		return map[string]any{"host": server, "port": 5432, "secretName": server + "-secret", "databaseName": database}
	}
	migration := map[string]any{"id": id}
	sv := map[string]any{"onboardingName": svName, "nodeIdentifier": svName, "participantAddress": participant, "decentralizedSynchronizerUrl": sequencer, "migration": migration,
		"joinWithKeyOnboarding": map[string]any{"sponsorApiUrl": "https://sv.sv-01.rehearsal.example"}, "auth": map[string]any{"audience": svAudience}, "persistence": store("apps-pg", "cantonnet_sv"),
		"scan":     map[string]any{"publicUrl": "https://scan.sv.acme.example", "internalUrl": "http://scan-app." + namespace + ":5012"},
		"domain":   map[string]any{"sequencerAddress": rel + "-sequencer", "mediatorAddress": rel + "-mediator", "sequencerPublicUrl": sequencer},
		"cometBFT": map[string]any{"enabled": true, "connectionUri": "http://" + comet + "-cometbft-rpc:26657"}}
	if plan.Stuck > 0 {
		sv["additionalEnvVars"] = []any{map[string]any{"name": "ADDITIONAL_CONFIG_MIGRATION_ID", "valueFrom": map[string]any{"secretKeyRef": map[string]any{"name": stuckSecret, "key": stuckKey}}}}
	}
	var all []helmRelease
	for _, server := range []string{"sequencer-pg", "mediator-pg", "participant-pg", "apps-pg"} {
		all = append(all, helmRelease{server, "splice-postgres", map[string]any{"db": map[string]any{"volumeSize": "20Gi", "volumeStorageClass": "standard-rwo"}}})
	}
	return append(all,
		helmRelease{comet, "splice-cometbft", map[string]any{"node": map[string]any{"identifier": comet, "keysSecret": "cometbft-keys", "externalAddress": fmt.Sprintf("sv.acme.example:26%d56", id), "retainBlocks": 5040000},
			"genesis": map[string]any{"chainId": fmt.Sprintf("%s-%d", network, id)}, "stateSync": map[string]any{"enable": id == oldID, "rpcServers": "https://sv.sv-01.rehearsal.example:443/cometbft-rpc"},
			"db": map[string]any{"volumeSize": "20Gi", "volumeStorageClass": "standard-rwo"}}},
		helmRelease{rel, "splice-global-domain", map[string]any{"sequencer": map[string]any{"persistence": store("sequencer-pg", fmt.Sprintf("sequencer_%d", id)),
			"driver": map[string]any{"type": "cometbft", "host": comet + "-cometbft-rpc", "port": 26657}},
			"mediator": map[string]any{"persistence": store("mediator-pg", fmt.Sprintf("mediator_%d", id))}}},
		helmRelease{participant, "splice-participant", map[string]any{"persistence": store("participant-pg", fmt.Sprintf("participant_%d", id)),
			"auth": map[string]any{"targetAudience": "https://ledger.example.com", "jwksUrl": "https://auth.example.com/.well-known/jwks.json"}, "enableHealthProbes": true}},
		helmRelease{"sv", "splice-sv-node", sv},
		helmRelease{"scan", "splice-scan", map[string]any{"participantAddress": participant, "sequencerAddress": rel + "-sequencer", "mediatorAddress": rel + "-mediator", "migration": migration, "persistence": store("apps-pg", "cantonnet_scan")}},
		helmRelease{"validator", "splice-validator", map[string]any{"svValidator": true, "participantAddress": participant, "migration": migration, "persistence": store("apps-pg", "cantonnet_validator"),
			"auth": map[string]any{"audience": validatorAudience}, "validatorWalletUsers": []any{"auth0|example"}, "scanClient": map[string]any{"scanType": "trust-single", "scanAddress": "http://scan-app." + namespace + ":5012"}}},
		helmRelease{"info", "splice-info", map[string]any{}})
}

// chartVars are the variables that the stand-in of a chart gives its container, with the placeholder of each value.
func chartVars(chart string) (container string, vars []change) {
	apps := []change{{migrationVar, "{{ .Values.migration.id | quote }}"}, {participantVar, "{{ .Values.participantAddress | quote }}"}}
	switch chart {
	case "splice-cometbft":
		return "cometbft", []change{{chainVar, "{{ .Values.genesis.chainId | quote }}"}}
	case "splice-global-domain":
		return "sequencer", []change{{driverVar, "{{ .Values.sequencer.driver.host | quote }}"}}
	case "splice-sv-node":
		return "sv-app", append(apps, change{sequencerVar, "{{ .Values.domain.sequencerAddress | quote }}"}, change{mediatorVar, "{{ .Values.domain.mediatorAddress | quote }}"})
	case "splice-scan":
		return "scan-app", apps
	case "splice-validator":
		return "validator-app", apps
	}
	return "", nil
}

// blocks are what a container has besides, by chart: variables that depend on values. The way of coming up that is configured is the SV app's; that
// of domain-migration has priority (reference/deployment.md 10.6).
var blocks = map[string]string{
	"splice-sv-node": `{{- if .Values.migration.migrating }}
        - name: ` + onboardingVar + `
          value: |
            canton.sv-apps.sv.onboarding = {
              type = "domain-migration"
              name = "{{ .Values.onboardingName }}"
              dump-file-path = "` + migrationDump + `"
            }
{{- else if .Values.joinWithKeyOnboarding }}
        - name: ` + onboardingVar + `
          value: |
            canton.sv-apps.sv.onboarding = {
              type = "join-with-key"
              name = "{{ .Values.onboardingName }}"
              sponsor-api-url = "{{ .Values.joinWithKeyOnboarding.sponsorApiUrl }}"
            }
{{- end }}
{{- with .Values.additionalEnvVars }}{{ toYaml . | nindent 8 }}{{- end }}
`,
	"splice-validator": `{{- if .Values.migration.migrating }}
        - name: ` + restoringVar + `
          value: canton.validator-apps.validator_backend.restore-from-migration-dump = "` + migrationDump + `"
{{- end }}
`,
}

// placeholders put a chart's values in the place of what the node has of them, of that release and with that number of the synchronizer. The longer
// texts come first.
func placeholders(r helmRelease, release string, number int) []change {
	id := fmt.Sprint(number)
	rel := "global-domain-" + id
	all := []change{{"namespace: " + namespace + "\n", "namespace: {{ .Release.Namespace }}\n"}, {release, "{{ .Chart.Version }}"},
		{`migration_id: "` + id + `"`, `migration_id: {{ regexFind "[0-9]+" .Release.Name | quote }}`}, {`migration: "` + id + `"`, "migration: {{ .Values.migration.id | quote }}"}}
	store := func(part, values string) []change {
		return []change{{"name: " + part + "-pg-secret", "name: {{ .Values." + values + "persistence.secretName }}"}, {"value: " + part + "-pg\n", "value: {{ .Values." + values + "persistence.host }}\n"},
			{"value: " + part + "_" + id, "value: {{ .Values." + values + "persistence.databaseName }}"}}
	}
	switch r.chart {
	case "splice-postgres":
		all = append(all, change{r.name, "{{ .Release.Name }}"}, change{"storage: 20Gi", "storage: {{ .Values.db.volumeSize }}"}, change{"standard-rwo", "{{ .Values.db.volumeStorageClass }}"})
	case "splice-cometbft":
		all = append(all, change{rel + "-cometbft", "{{ .Values.node.identifier }}"}, change{"cometbft-keys", "{{ .Values.node.keysSecret }}"}, change{"storage: 20Gi", "storage: {{ .Values.db.volumeSize }}"},
			change{"standard-rwo", "{{ .Values.db.volumeStorageClass }}"})
	case "splice-global-domain":
		all = append(append(append(all, store("sequencer", "sequencer.")...), store("mediator", "mediator.")...), change{rel, "{{ .Release.Name }}"})
	case "splice-participant":
		all = append(append(all, store("participant", "")...), change{"participant-" + id, "{{ .Release.Name }}"})
	}
	return all
}

// bare is an object as a chart renders it: without what Helm adds and what a server does.
func bare(object kube.Object) (string, error) {
	text, err := object.YAML()
	if err != nil {
		return "", err
	}
	all, _, _ := strings.Cut(string(text), "\nstatus:")
	var out strings.Builder
	for line := range strings.Lines(all) {
		if !strings.Contains(line, "meta.helm.sh/") && strings.TrimSpace(line) != "targetPort: 0" { // no chart says which port it does not name
			out.WriteString(line)
		}
	}
	return strings.Replace(strings.TrimSuffix(out.String(), "\n")+"\n", "  annotations:\n  labels:", "  labels:", 1), nil
}

// withVars gives the container of a chart its variables: as the values have them now, and as the chart has them.
func withVars(manifest string, r helmRelease, now bool) string {
	container, vars := chartVars(r.chart)
	if container == "" {
		return manifest
	}
	var lines strings.Builder
	for _, v := range vars {
		fmt.Fprintf(&lines, "        - name: %s\n          value: %s\n", v.from, v.to)
	}
	lines.WriteString(blocks[r.chart])
	text := lines.String()
	if now {
		text = settledNow(text, r)
	}
	return inserted(manifest, container, text)
}

// inserted is a manifest with more variables of a container, before those that it has.
func inserted(manifest, container, text string) string {
	docs := strings.Split(manifest, "---\n")
	for i, doc := range docs {
		if !strings.Contains(doc, "kind: Deployment\n") || !strings.Contains(doc, "        name: "+container+"\n        ports:") {
			continue
		}
		if strings.Contains(doc, "      containers:\n      - env:\n") {
			docs[i] = strings.Replace(doc, "      containers:\n      - env:\n", "      containers:\n      - env:\n"+text, 1)
		} else {
			docs[i] = strings.Replace(doc, "      containers:\n      - image:", "      containers:\n      - env:\n"+text+"        image:", 1)
		}
	}
	return strings.Join(docs, "---\n")
}

// settledNow is a text of a chart with the values of a release that does not migrate.
func settledNow(text string, r helmRelease) string {
	var out strings.Builder
	skip := false
	for line := range strings.Lines(text) {
		switch {
		case strings.HasPrefix(line, "{{- if "):
			skip = true
		case strings.HasPrefix(line, "{{- else"):
			skip = false
		case strings.HasPrefix(line, "{{- end"):
			skip = false
		case strings.HasPrefix(line, "{{- with .Values.additionalEnvVars"):
			more, _ := r.values["additionalEnvVars"].([]any)
			for _, v := range more {
				one, _ := v.(map[string]any)
				fmt.Fprintf(&out, "        - name: %v\n          valueFrom:\n            secretKeyRef:\n              key: %s\n              name: %s\n", one["name"], stuckKey, stuckSecret)
			}
		case !skip:
			out.WriteString(line)
		}
	}
	all := out.String()
	for strings.Contains(all, "{{ ") {
		before, rest, _ := strings.Cut(all, "{{ ")
		inside, after, _ := strings.Cut(rest, " }}")
		path, quoted := strings.CutSuffix(inside, " | quote")
		value := fmt.Sprint(valueAt(r.values, strings.TrimPrefix(path, ".Values.")))
		if quoted {
			value = fmt.Sprintf("%q", value)
		}
		all = before + value + after
	}
	return all
}

func valueAt(values map[string]any, path string) any {
	first, rest, more := strings.Cut(path, ".")
	if inner, is := values[first].(map[string]any); more && is {
		return valueAt(inner, rest)
	}
	return values[first]
}

// charted is a release with what it renders now, and the template of its chart.
type charted struct {
	helmRelease
	manifest, template string
	stopped            bool   // its workloads were scaled to 0 since
	flux               string // the HelmRelease of Flux that applies it; empty: nobody does
}

// live is what the release is in the cluster.
func (r charted) live() string {
	text := owned(r.manifest, r.name)
	if r.stopped {
		text = strings.ReplaceAll(text, "\n  replicas: 1\n", "\n  replicas: 0\n")
	}
	if r.flux != "" {
		text = strings.ReplaceAll(text, "\n  labels:\n", fmt.Sprintf("\n  labels:\n    helm.toolkit.fluxcd.io/name: %s\n    helm.toolkit.fluxcd.io/namespace: %s\n", r.flux, namespace))
	}
	return text
}

// chartedNode are the releases of the node, and its objects that no release has.
func chartedNode(s sim.Scenario, plan Loss) (releases []charted, rest string, err error) {
	manifests, rest, err := manifestsOf(s)
	if err != nil {
		return nil, "", err
	}
	for _, r := range lossReleases(plan, oldID) {
		template := substituted(withVars(manifests[r.name], r, false), placeholders(r, lossRelease, oldID))
		releases = append(releases, charted{helmRelease: r, manifest: withVars(manifests[r.name], r, true), template: template})
	}
	return releases, rest, nil
}

func substituted(text string, all []change) string {
	var pairs []string
	for _, c := range all {
		pairs = append(pairs, c.from, c.to)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// manifestsOf are the objects of a node by release, as charts render them, and those that no release has.
func manifestsOf(s sim.Scenario) (manifests map[string]string, rest string, err error) {
	objects, err := kube.Objects([]byte(s.Objects))
	if err != nil {
		return nil, "", err
	}
	manifests = map[string]string{}
	for _, object := range objects {
		name := object.Annotations()["meta.helm.sh/release-name"]
		if name == "" {
			text, err := object.YAML()
			if err != nil {
				return nil, "", err
			}
			rest += "---\n" + string(text)
			continue
		}
		text, err := bare(object)
		if err != nil {
			return nil, "", err
		}
		manifests[name] += "---\n" + text
	}
	return manifests, rest, nil
}

// lossObjects are the objects of the node as its charts render them now, and Helm's records with these charts in them.
func lossObjects(o sim.NodeOptions, s sim.Scenario, plan Loss) (string, error) {
	releases, all, err := chartedNode(s, plan)
	if err != nil {
		return "", err
	}
	if plan.Stuck > 0 {
		all += stuckDoc(plan.Stuck)
	}
	if plan.Over > 0 {
		if releases, err = afterRecovery(o, releases, plan); err != nil {
			return "", err
		}
	}
	for _, r := range releases {
		if plan.Flux && isApp(r.chart) {
			r.flux = r.name
			all += "\n---\n" + fmt.Sprintf(helmReleaseDoc, r.name, namespace, r.chart, lossRelease)
		}
		record, err := chartedRecord(o, r)
		if err != nil {
			return "", err
		}
		text, err := recordSecret(o, r.name, record)
		if err != nil {
			return "", err
		}
		all += "\n---\n" + text + r.live()
	}
	return all, nil
}

// owned is a manifest with the marks that Helm puts on what it installs.
func owned(manifest, name string) string {
	marks := fmt.Sprintf("    meta.helm.sh/release-name: %s\n    meta.helm.sh/release-namespace: %s\n", name, namespace)
	docs := strings.Split(manifest, "---\n")
	for i, doc := range docs {
		if strings.Contains(doc, "metadata:\n  annotations:\n") {
			docs[i] = strings.Replace(doc, "metadata:\n  annotations:\n", "metadata:\n  annotations:\n"+marks, 1)
		} else {
			docs[i] = strings.Replace(doc, "metadata:\n", "metadata:\n  annotations:\n"+marks, 1)
		}
	}
	return strings.Join(docs, "---\n")
}

// chartedRecord is what Helm keeps of a release, with its chart: base64 of gzip of JSON.
func chartedRecord(o sim.NodeOptions, r charted) (string, error) {
	at := o.Start.Add(-30 * 24 * time.Hour)
	body, err := json.Marshal(map[string]any{"name": r.name, "namespace": o.Namespace, "version": 1, "config": r.values, "manifest": r.manifest,
		"info": map[string]any{"status": "deployed", "first_deployed": at, "last_deployed": at, "description": "Install complete"},
		"chart": map[string]any{"metadata": map[string]any{"name": r.chart, "version": o.Release, "appVersion": o.Release, "apiVersion": "v2"}, "values": map[string]any{},
			"templates": []any{map[string]any{"name": "templates/all.yaml", "data": []byte(r.template)}}}})
	if err != nil {
		return "", err
	}
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	if _, err := zip.Write(body); err != nil {
		return "", err
	}
	if err := zip.Close(); err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(packed.Bytes()), nil
}

// recordSecret is the Secret in which Helm keeps a record.
func recordSecret(o sim.NodeOptions, name, record string) (string, error) {
	doc, err := yaml.Marshal(map[string]any{"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1", "data": map[string]any{"release": base64.StdEncoding.EncodeToString([]byte(record))},
		"metadata": map[string]any{"name": "sh.helm.release.v1." + name + ".v1", "namespace": o.Namespace, "labels": map[string]any{"owner": "helm", "name": name, "status": "deployed", "version": "1"}}})
	return string(doc), err
}
