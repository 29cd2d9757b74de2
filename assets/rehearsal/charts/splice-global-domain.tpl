{{- if eq .Values.sequencer.driver.type "cometbft" }}
        - name: ADDITIONAL_CONFIG_SEQUENCER_DRIVER_COMETBFT
          value: |
            canton.sequencers.sequencer.sequencer.config.cometbft-node-host = {{ .Values.sequencer.driver.host | quote }}
            canton.sequencers.sequencer.sequencer.config.cometbft-node-port = {{ .Values.sequencer.driver.port }}
{{- else }}
        - name: ADDITIONAL_CONFIG_SEQUENCER_DRIVER_BFT
          value: external-address = {{ .Values.sequencer.driver.externalAddress }}
{{- end }}
{{- with .Values.sequencer.additionalEnvVars }}{{ toYaml . | nindent 8 }}{{- end }}
