package rollforward

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps/charts"
)

// The stand-in charts have the branches of upstream's templates that matter here, in words of their own.

const labelled = `metadata:
  name: {{ .name }}
  labels: {app: {{ .name }}, app.kubernetes.io/instance: {{ .r.Release.Name }}, app.kubernetes.io/managed-by: Helm, helm.sh/chart: {{ .r.Chart.Name }}-{{ .r.Chart.Version }}, splice-component: {{ .component }}}
spec:
  replicas: 1
  strategy: {type: Recreate}
  selector: {matchLabels: {app: {{ .name }}}}
  template:
    metadata:
      labels: {app: {{ .name }}, app.kubernetes.io/instance: {{ .r.Release.Name }}, splice-component: {{ .component }}}
    spec:
      containers:
      - name: {{ .container }}
        image: registry.example.com/{{ .container }}:{{ .r.Chart.Version }}
        env:
        - {name: JUST_TO_HAVE_ONE, value: "1"}`

// svChart: the key wins over rollForwardLsu, as upstream's does; with trap false it is the other way round.
func svChart(trap bool) string {
	first, second := "joinWithKeyOnboarding", "rollForwardLsu"
	if !trap {
		first, second = second, first
	}
	branch := map[string]string{"joinWithKeyOnboarding": `
        - name: ADDITIONAL_CONFIG_SV_ONBOARDING
          value: |
            _onboarding {
              type = "join-with-key"
              sv-client.admin-api.url = {{ .Values.joinWithKeyOnboarding.sponsorApiUrl | quote }}
            }`, "rollForwardLsu": `
        - name: ADDITIONAL_CONFIG_SV_ONBOARDING
          value: |
            _onboarding {
              type = "roll-forward-lsu"
              new-physical-synchronizer-serial = {{ .Values.rollForwardLsu.newPhysicalSynchronizerSerial }}
              new-physical-synchronizer-protocol-version = {{ .Values.rollForwardLsu.newPhysicalSynchronizerProtocolVersion | quote }}
              {{- with .Values.rollForwardLsu.exportTimes }}
              export-times = {
                topology-export-time = {
                  type = "timestamp"
                  time = {{ .topologyExportTime | quote }}
                }
                traffic-export-time = {
                  type = "timestamp"
                  time = {{ .trafficExportTime | quote }}
                }
                {{- with .upgradeTime }}
                upgrade-time = {
                  type = "timestamp"
                  time = {{ . | quote }}
                }
                {{- end }}
              }
              {{- end }}
            }`}
	return `apiVersion: apps/v1
kind: Deployment
{{ include "d" (dict "name" "sv-app" "component" "" "container" "sv-app" "r" .) }}
        - name: ADDITIONAL_CONFIG_GLOBAL_DOMAIN_UPGRADE_DUMP_PATH
          value: canton.sv-apps.sv.domain-migration-dump-path = "/domain-upgrade-dump/domain_migration_dump.json"
        {{- if .Values.` + first + ` }}` + branch[first] + `
        {{- else if .Values.` + second + ` }}` + branch[second] + `
        {{- end }}
        {{- range $name, $sync := .Values.synchronizers }}
        {{- if kindIs "map" $sync }}
        - name: ADDITIONAL_CONFIG_SV_DOMAIN_{{ $name | upper }}
          value: |
            canton.sv-apps.sv.local-synchronizer-nodes.{{ $name }} {
              sequencer {
                admin-api {
                  address = {{ $sync.sequencerAddress | quote }}
                  port = 5009
                }
                external-public-api-url = {{ $sync.sequencerPublicUrl | quote }}
              }
            }
        {{- end }}
        {{- end }}
        {{- range $i, $sync := .Values.synchronizers.additionalLegacy }}
        - name: ADDITIONAL_CONFIG_SV_DOMAIN_ADDITIONAL_LEGACY_{{ $i }}
          value: |
            canton.sv-apps.sv.local-synchronizer-nodes.additional-legacy.{{ $i }} {
              sequencer {
                admin-api {
                  address = {{ $sync.sequencerAddress | quote }}
                }
              }
            }
        {{- end }}
`
}

const scanChart = `apiVersion: apps/v1
kind: Deployment
{{ include "d" (dict "name" "scan-app" "component" "" "container" "scan-app" "r" .) }}
        - {name: SPLICE_APP_SCAN_SEQUENCER_ADDRESS, value: {{ .Values.synchronizers.current.sequencer | quote }}}
        {{- range $name, $sync := .Values.synchronizers }}
        {{- if ne $name "current" }}
        - name: ADDITIONAL_CONFIG_SYNCHRONIZER_{{ $name | upper }}
          value: |
            canton.scan-apps.scan-app.synchronizer-nodes.{{ $name }} {
              sequencer {
                address = {{ $sync.sequencer | quote }}
                port = 5009
              }
            }
        {{- end }}
        {{- end }}
        {{- if (.Values.rollForwardLsu).enabled }}
        - name: ADDITIONAL_CONFIG_ROLL_FORWARD_LSU
          value: |
            canton.scan-apps.scan-app.roll-forward-lsu {
              {{- with .Values.rollForwardLsu.upgradeTime }}
              upgrade-time = {{ . | quote }}
              {{- end }}
            }
        {{- end }}
`

// domainChart: of is the path of the list of variables that reach the sequencer.
func domainChart(of string) string {
	return `apiVersion: apps/v1
kind: Deployment
{{ include "d" (dict "name" (printf "%s-sequencer" .Release.Name) "component" "sequencer" "container" "sequencer" "r" .) }}
        - {name: CANTON_SEQUENCER_POSTGRES_DB, value: {{ .Values.sequencer.persistence.databaseName | quote }}}
        {{- if eq .Values.sequencer.driver.type "cometbft" }}
        - name: ADDITIONAL_CONFIG_SEQUENCER_DRIVER_COMETBFT
          value: cometbft-node-host = {{ .Values.sequencer.driver.host }}
        {{- else }}
        - name: ADDITIONAL_CONFIG_SEQUENCER_DRIVER_BFT
          value: external-address = {{ .Values.sequencer.driver.externalAddress }}
        {{- end }}
        {{- with .Values.` + of + ` }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
---
apiVersion: apps/v1
kind: Deployment
{{ include "d" (dict "name" (printf "%s-mediator" .Release.Name) "component" "mediator" "container" "mediator" "r" .) }}
        - {name: CANTON_MEDIATOR_POSTGRES_DB, value: {{ .Values.mediator.persistence.databaseName | quote }}}
`
}

const cometChart = `apiVersion: apps/v1
kind: Deployment
{{ include "d" (dict "name" .Values.node.identifier "component" "cometbft" "container" "cometbft" "r" .) }}
        - {name: CHAIN, value: {{ .Values.genesis.chainId | quote }}}
        - {name: EXTERNAL, value: {{ .Values.node.externalAddress | quote }}}
        - {name: FOUNDER, value: {{ .Values.sv1.externalAddress | quote }}}
        - {name: STATE_SYNC, value: {{ .Values.stateSync.enable | quote }}}
`

const participantChart = `apiVersion: apps/v1
kind: Deployment
{{ include "d" (dict "name" .Release.Name "component" "participant" "container" "participant" "r" .) }}
`

const (
	svValues = `onboardingName: Acme-SV
joinWithKeyOnboarding: {sponsorApiUrl: "https://sv.sv-2.example.com"}
decentralizedSynchronizerUrl: "https://sequencer-4.sv-2.example.com"
password: hunter2
synchronizers:
  skipInitialization: true
  current:
    sequencerAddress: global-domain-4-sequencer
    mediatorAddress: global-domain-4-mediator
    sequencerPublicUrl: "https://sequencer-4.sv.example.com"
    cometBFT: {enabled: true, connectionUri: "http://global-domain-4-cometbft-cometbft-rpc:26657"}
`
	scanValues   = "synchronizers:\n  current: {sequencer: global-domain-4-sequencer, mediator: global-domain-4-mediator}\n"
	domainValues = "sequencer:\n  persistence: {databaseName: sequencer_4}\n  driver: {type: cometbft, host: global-domain-4-cometbft-cometbft-rpc, port: 26657}\nmediator: {persistence: {databaseName: mediator_4}}\n"
	cometValues  = "node: {identifier: global-domain-4-cometbft, externalAddress: \"global-domain-4-cometbft.sv.example.com:26456\"}\nsv1: {externalAddress: \"cometbft.example.com:26416\"}\ngenesis: {chainId: MainNet-4}\nstateSync: {enable: true}\n"
)

// chart writes a chart into the folder.
func (r *rig) chart(name, version, template string) {
	r.t.Helper()
	for file, text := range map[string]string{"Chart.yaml": "apiVersion: v2\nname: " + name + "\nversion: " + version + "\n", "templates/all.yaml": template,
		"templates/_d.tpl": `{{- define "d" }}` + labelled + "{{- end }}\n"} {
		path := filepath.Join(r.charts, name+"-"+version, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			r.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
}

// install installs a release as somebody did before.
func (r *rig) install(name, chart, values string) {
	r.t.Helper()
	ok := func(err error) {
		r.t.Helper()
		if err != nil {
			r.t.Fatal(name, err)
		}
	}
	have, err := release.Charts(r.charts)
	ok(err)
	c, err := charts.Pick(have, "0.7.5", chart)
	ok(err)
	v, err := release.ReadValues([]byte(values))
	ok(err)
	offers, err := r.world.Kube.Offers(r.t.Context())
	ok(err)
	s, err := c.Render(r.t.Context(), name, "sv", v, offers)
	ok(err)
	parts, err := s.Rendered(r.t.Context(), r.world.Kube)
	ok(err)
	i := release.Installation{Name: name, Namespace: "sv", Parts: parts, Mark: "somebody"}
	ok(i.Do(r.t.Context(), r.world.Kube, r.world.Kube.Hands(i.AccessInstall(), false), s.Stored, time.Now(), func(int, string) {}))
}

// newInstalled is a node that was installed with the stand-in charts.
func newInstalled(t *testing.T, sv, domain string) *rig {
	t.Helper()
	r := newRigOf(t, "0.7.5", true)
	r.charts = t.TempDir()
	r.chart("splice-sv-node", "0.7.5", sv)
	r.chart("splice-scan", "0.7.5", scanChart)
	r.chart("splice-global-domain", "0.7.5", domain)
	r.chart("splice-cometbft", "0.7.5", cometChart)
	r.chart("splice-participant", "0.7.5", participantChart)
	r.install("global-domain-4-cometbft", "splice-cometbft", cometValues)
	r.install("global-domain-4", "splice-global-domain", domainValues)
	r.install("participant", "splice-participant", "")
	r.install("sv", "splice-sv-node", svValues)
	r.install("scan", "splice-scan", scanValues)
	for range 600 {
		all, err := r.world.Kube.Workloads(t.Context(), "sv")
		if err != nil {
			t.Fatal(err)
		}
		ready := 0
		for _, w := range all {
			ready += int(w.Ready)
		}
		if ready == 6 {
			return r
		}
		time.Sleep(time.Second)
	}
	t.Fatal("the node does not start")
	return nil
}
