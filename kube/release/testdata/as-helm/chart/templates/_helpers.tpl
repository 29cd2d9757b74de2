{{- define "scan.labels" -}}
app: {{ .app }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}
