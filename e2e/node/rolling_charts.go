//go:build e2e

package node

// The charts of a node that rolls forward (reference/deployment.md 3 and 4), in words of their own; nothing of them is from Splice. PEERS, STOOD and
// VARIABLES are filled in when they are saved: VARIABLES are those of the rehearsals' charts, of which upstream's branches for a roll-forward are part.

const rollingParts = `{{- define "labels" }}{app: {{ .name }}, splice-component: {{ .component | default "" | quote }}, app.kubernetes.io/instance: {{ .r.Release.Name }}, app.kubernetes.io/name: {{ .r.Chart.Name }}, app.kubernetes.io/managed-by: Helm, app.kubernetes.io/version: {{ .r.Chart.Version | quote }}, helm.sh/chart: {{ .r.Chart.Name }}-{{ .r.Chart.Version }}}{{ end }}
{{- define "pod" }}apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  labels: {{ include "labels" . }}
spec:
  replicas: 1
  strategy: {type: Recreate}
  selector: {matchLabels: {app: {{ .name }}}}
  template:
    metadata:
      labels: {{ include "labels" . }}
    spec:
      terminationGracePeriodSeconds: 10
      securityContext: {runAsUser: 1001, runAsGroup: 1001, fsGroup: 1001}
      {{- with .volumes }}
      volumes: {{ . | toJson }}
      {{- end }}
      {{- with .database }}
      initContainers:
      - name: pg-init
        image: postgres:rig
        imagePullPolicy: Never
        env:
        - {name: PGPASSWORD, valueFrom: {secretKeyRef: {name: {{ .secretName }}, key: postgresPassword}}}
        command:
        - sh
        - -c
        - |
          q() { psql -h {{ .host }} -U cnadmin -d cantonnet -Atc "$1"; }
          until q 'SELECT 1' > /dev/null; do sleep 1; done
          q "SELECT 1 FROM pg_database WHERE datname = '{{ .databaseName }}'" | grep -q 1 || q 'CREATE DATABASE {{ .databaseName }}'
      {{- end }}
      containers:
      - name: {{ .container }}
        image: {{ .image | default "standin:rig" }}
        imagePullPolicy: Never
        readinessProbe: {{ merge (dict "periodSeconds" 2 "timeoutSeconds" 10) .probe | toJson }}
        {{- with .mounts }}
        volumeMounts: {{ . | toJson }}
        {{- end }}
        env:
        - {name: ROLE, value: {{ .container }}}
        - {name: VERSION, value: {{ .r.Chart.Version | quote }}}
        {{- with .needs }}
        - {name: NEEDS, value: {{ . | quote }}}
        {{- end }}
        {{- with .database }}
        - {name: DATABASE, value: "{{ .host }}:5432/{{ .databaseName }}"}
        - {name: DB_USER, value: cnadmin}
        - {name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: {{ .secretName }}, key: postgresPassword}}}
        - {name: DB_QUERY, value: SELECT 1}
        - {name: {{ .prefix }}_SERVER, value: {{ .host }}}
        - {name: {{ .prefix }}_PORT, value: "5432"}
        - {name: {{ .prefix }}_PASSWORD, valueFrom: {secretKeyRef: {name: {{ .secretName }}, key: postgresPassword}}}
        - {name: {{ .variable }}, value: {{ .databaseName }}}
        {{- end }}{{ end }}
{{- define "service" }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ .service | default .name }}
  labels: {{ include "labels" . }}
spec:
  selector: {app: {{ .name }}}
  ports:{{ range .ports }}
  - {name: {{ printf "p%v" . }}, port: {{ . }}}{{ end }}
---
{{ end }}`

const rollingSV = `apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: sv-app-global-domain-migration-pvc
  annotations: {helm.sh/resource-policy: keep}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: rig
  resources: {requests: {storage: 1Gi}}
{{- $app := dict "name" "sv-app" "container" "sv-app" "r" . "ports" (list 5014) "needs" "participant:5001" "probe" (dict "httpGet" (dict "path" "/api/sv/readyz" "port" 5014))
  "volumes" (list (dict "name" "dump" "persistentVolumeClaim" (dict "claimName" "sv-app-global-domain-migration-pvc"))) "mounts" (list (dict "name" "dump" "mountPath" "/domain-upgrade-dump")) }}
{{ include "service" $app }}
{{- include "pod" $app }}
        - {name: ROLLS, value: "STOOD"}
        - {name: PARTICIPANT, value: "participant:7575"}
VARIABLES`

const rollingScan = `{{- $app := dict "name" "scan-app" "container" "scan-app" "r" . "ports" (list 5012) "needs" (printf "participant:5001,%s:5008" .Values.synchronizers.current.sequencer) "probe" (dict "httpGet" (dict "path" "/api/scan/readyz" "port" 5012)) }}
{{- include "service" $app }}
{{- include "pod" $app }}
        - {name: ROLLS, value: "STOOD"}
        - {name: PARTICIPANT, value: "participant:7575"}
        - {name: PEERS, value: "PEERS"}
VARIABLES`

const rollingValidator = `{{- $app := dict "name" "validator-app" "container" "validator-app" "r" . "ports" (list 5003) "needs" "participant:5001" "probe" (dict "httpGet" (dict "path" "/api/validator/readyz" "port" 5003)) }}
{{- include "service" $app }}
{{- include "pod" $app }}
`

// rollingDomain: the list of variables beside the parts reaches the mediator; that of the sequencer is among VARIABLES.
const rollingDomain = `{{- $name := printf "%s-sequencer" .Release.Name }}
{{- $driver := .Values.sequencer.driver }}
{{- $part := dict "name" $name "component" "sequencer" "container" "sequencer" "r" . "ports" (list 5008 5009 10013) "probe" (dict "grpc" (dict "port" 5061)) "needs" (printf "%s:%v" $driver.host $driver.port)
  "database" (merge (dict "prefix" "CANTON_DOMAIN_POSTGRES" "variable" "CANTON_SEQUENCER_POSTGRES_DB") .Values.sequencer.persistence) }}
{{- include "service" $part }}
{{- include "pod" $part }}
VARIABLES{{- $part := dict "name" (printf "%s-mediator" .Release.Name) "component" "mediator" "container" "mediator" "r" . "ports" (list 5007 10013) "probe" (dict "grpc" (dict "port" 5061)) "needs" (printf "%s:5008" $name)
  "database" (merge (dict "prefix" "CANTON_DOMAIN_POSTGRES" "variable" "CANTON_MEDIATOR_POSTGRES_DB") .Values.mediator.persistence) }}
{{ include "service" $part }}
{{- include "pod" $part }}
        {{- range .Values.additionalEnvVars }}
        - {{ . | toJson }}
        {{- end }}
`

const rollingComet = `{{- $id := .Values.node.identifier }}
{{- $node := dict "name" $id "service" (printf "%s-cometbft-rpc" $id) "component" "cometbft" "container" "cometbft" "image" "chain:rig" "r" . "ports" (list 26657 26660) "probe" (dict "httpGet" (dict "path" "/health" "port" 26657))
  "volumes" (list (dict "name" "cometbft-data" "persistentVolumeClaim" (dict "claimName" (printf "%s-cometbft-data" $id))) (dict "name" "keys" "secret" (dict "secretName" .Values.node.keysSecret "defaultMode" 288)))
  "mounts" (list (dict "name" "cometbft-data" "mountPath" "/cometbft/data") (dict "name" "keys" "mountPath" "/files")) }}
{{- include "service" $node }}
{{- include "service" (merge (dict "service" (printf "%s-cometbft-p2p" $id) "ports" (list 26656)) $node) }}
{{- include "pod" $node }}
        - {name: CHAIN_ID, value: {{ .Values.genesis.chainId | quote }}}
        - {name: MONIKER, value: {{ $id | quote }}}
        - {name: KEYS, value: /files}
        - {name: DATA, value: /cometbft/data}
VARIABLES---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ $id }}-cometbft-data
  annotations: {helm.sh/resource-policy: keep}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: rig
  resources: {requests: {storage: {{ .Values.db.volumeSize }}}}
`

const rollingParticipant = `{{- $node := dict "name" .Release.Name "component" "participant" "container" "participant" "r" . "ports" (list 5001 5002 7575 10013) "probe" (dict "grpc" (dict "port" 5061))
  "database" (merge (dict "prefix" "CANTON_PARTICIPANT_POSTGRES" "variable" "CANTON_PARTICIPANT_POSTGRES_DB") .Values.persistence) }}
{{- include "service" $node }}
{{- include "pod" $node }}
        - {name: ROLLS, value: "STOOD"}
        - {name: SERIAL, value: {{ .Values.serial | quote }}}
`
