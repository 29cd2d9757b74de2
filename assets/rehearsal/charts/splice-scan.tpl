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
