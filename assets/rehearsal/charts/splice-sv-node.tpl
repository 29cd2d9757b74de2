        - name: ADDITIONAL_CONFIG_GLOBAL_DOMAIN_UPGRADE_DUMP_PATH
          value: canton.sv-apps.sv.domain-migration-dump-path = "/domain-upgrade-dump/domain_migration_dump.json"
{{- if .Values.joinWithKeyOnboarding }}
        - name: ADDITIONAL_CONFIG_SV_ONBOARDING
          value: |
            _onboarding {
              type = "join-with-key"
              sv-client.admin-api.url = {{ .Values.joinWithKeyOnboarding.sponsorApiUrl | quote }}
            }
{{- else if .Values.rollForwardLsu }}
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
            }
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
              mediator {
                admin-api {
                  address = {{ $sync.mediatorAddress | quote }}
                  port = 5007
                }
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
