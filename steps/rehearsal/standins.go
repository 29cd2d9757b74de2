package rehearsal

import (
	"fmt"
	"strings"
)

// The stand-in charts of a re-onboarding: those of the node, which take the values of the documentation's examples by which a standalone
// validator and a fresh SV differ from it (reference/deployment.md 4). Nothing of them is from Splice.

// change puts something else in place of a text that a chart must have.
type change struct{ from, to string }

// reonboardCharts makes the charts of a saved node fit for other deployments.
func reonboardCharts(files map[string][]byte) error {
	for chart, c := range map[string]struct {
		values  string
		changes []change
	}{
		"splice-postgres": {"db: {volumeSize: 20Gi, volumeStorageClass: standard-rwo}\npersistence: {}\n", []change{
			{"name: {{ .Release.Name }}-secret", `name: {{ .Values.persistence.secretName | default (printf "%s-secret" .Release.Name) }}`}}},
		"splice-participant": {`persistence: {host: participant-pg, port: 5432, secretName: participant-pg-secret, databaseName: participant_0, schema: participant}
participantAdminUserNameFrom: {secretKeyRef: {name: splice-app-sv-ledger-api-auth, key: ledger-api-user}}
additionalEnvVars: []
`, []change{
			{"        - name: CANTON_PARTICIPANT_POSTGRES_SCHEMA\n", "{{- with .Values.additionalEnvVars }}{{ toYaml . | nindent 8 }}{{- end }}\n" +
				"{{- with .Values.kms }}\n        - name: " + kmsVar + "\n          value: {{ .type | quote }}\n{{- end }}\n        - name: CANTON_PARTICIPANT_POSTGRES_SCHEMA\n"},
			{"value: participant-pg\n", "value: {{ .Values.persistence.host }}\n"},
			{"name: participant-pg-secret", "name: {{ .Values.persistence.secretName }}"},
			{"value: participant_0", "value: {{ .Values.persistence.databaseName }}"},
			{"key: client-secret\n              name: splice-app-sv-ledger-api-auth", "key: {{ .Values.participantAdminUserNameFrom.secretKeyRef.key }}\n              name: {{ .Values.participantAdminUserNameFrom.secretKeyRef.name }}"}}},
		"splice-validator": {`svValidator: false
persistence: {host: apps-pg, secretName: apps-pg-secret, databaseName: cantonnet_validator}
auth: {audience: ` + validatorAudience + `}
validatorWalletUsers: []
`, []change{
			{`serverName = "apps-pg"`, `serverName = "{{ .Values.persistence.host }}"`},
			{`databaseName = "cantonnet_validator"`, `databaseName = "{{ .Values.persistence.databaseName | default "cantonnet_validator" }}"`},
			{"name: apps-pg-secret", "name: {{ .Values.persistence.secretName }}"},
			{"        - name: ADDITIONAL_CONFIG_PERSISTENCE\n", fmt.Sprintf(`        - name: %s
          value: {{ .Values.auth.audience | quote }}
        - name: %s
          value: {{ join " " .Values.validatorWalletUsers | quote }}
{{- with .Values.participantIdentitiesDumpImport }}
        - name: %s
          value: {{ .newParticipantIdentifier | default "" | quote }}
        - name: %s
          value: {{ $.Values.validatorPartyHint | quote }}
        - name: %s
          value: {{ $.Values.migrateValidatorParty | default false | quote }}
{{- end }}
        - name: ADDITIONAL_CONFIG_PERSISTENCE
`, audienceVar, usersVar, identifierVar, hintVar, migrateVar)},
			{"          name: http\n        resources: {}\n      initContainers:", fmt.Sprintf(`          name: http
        resources: {}
{{- if .Values.participantIdentitiesDumpImport }}
        volumeMounts:
        - {name: bootstrap-dump, mountPath: %s, readOnly: true}
      volumes:
      - name: bootstrap-dump
        secret: {secretName: {{ .Values.participantIdentitiesDumpImport.secretName }}}
{{- end }}
      initContainers:`, dumpMount)}}},
	} {
		file := ChartsFolder + "/" + chart + "/templates/all.yaml"
		text := string(files[file])
		for _, one := range c.changes {
			if !strings.Contains(text, one.from) {
				return fmt.Errorf("the stand-in of chart %s has no %q", chart, one.from)
			}
			text = strings.ReplaceAll(text, one.from, one.to)
		}
		files[file], files[ChartsFolder+"/"+chart+"/values.yaml"] = []byte(text), []byte(c.values)
	}
	return nil
}
