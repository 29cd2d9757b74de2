package release

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"canton.example/svrescue/kube"
)

// chartOf writes a chart of the files, besides a Chart.yaml where they have none.
func chartOf(t *testing.T, files map[string]string) Chart {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "splice-scan")
	if _, ok := files["Chart.yaml"]; !ok {
		write(t, folder, "Chart.yaml", "apiVersion: v2\nname: splice-scan\nversion: 0.6.4\nappVersion: 0.6.4\n")
	}
	for name, text := range files {
		write(t, folder, name, text)
	}
	found, err := Charts(folder)
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	return found[0]
}

func write(t *testing.T, folder, name, text string) {
	t.Helper()
	path := filepath.Join(folder, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func valuesOf(t *testing.T, text string) Values {
	t.Helper()
	v, err := ReadValues([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

var cluster = kube.Offers{Version: "v1.35.4", Major: "1", Minor: "35", APIs: []string{"apps/v1", "apps/v1/Deployment", "v1"}}

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"

func TestRender(t *testing.T) {
	c := chartOf(t, map[string]string{
		"values.yaml": "replicas: 1\nimage: {repo: r, name: scan}\n",
		"templates/app.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: scan-app, namespace: {{ .Release.Namespace }}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: scan-app}}
  template:
    metadata: {labels: {app: scan-app}}
    spec: {containers: [{name: scan, image: "{{ .Values.image.repo }}/{{ .Values.image.name }}:{{ .Chart.AppVersion }}"}]}
---
{{- if .Capabilities.APIVersions.Has "monitoring.coreos.com/v1" }}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: scan-app}
{{- end }}
`,
		"templates/a-service.yaml":    "apiVersion: v1\nkind: Service\nmetadata: {name: scan-app}\nspec: {ports: [{port: 5012}]}\n",
		"templates/hook.yaml":         "apiVersion: batch/v1\nkind: Job\nmetadata: {name: before, annotations: {helm.sh/hook: pre-install}}\n",
		"templates/_lib.tpl":          `{{ define "x" }}y{{ end }}`,
		"templates/NOTES.txt":         "{{ .Release.Name }} is there",
		"crds/kinds.yaml":             "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a.b}\n",
		"charts/lib/Chart.yaml":       "apiVersion: v2\nname: lib\nversion: 1.0.0\n",
		"charts/lib/templates/c.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: of-lib}\ndata: {x: {{ .Values.x | quote }}, g: {{ .Values.global.g | quote }}}\n",
		"charts/lib/crds/more.yaml":   "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: c.d}\n",
	})
	v := valuesOf(t, "image: {repo: old}\nlib: {x: one}\n").With(valuesOf(t, "image: {repo: ghcr.example}\nglobal: {g: two}\n"))
	r, err := c.Render(t.Context(), "scan", "sv", v, cluster)
	if err != nil {
		t.Fatal(err)
	}
	if r.Name != "scan" || r.Namespace != "sv" || r.Chart != "splice-scan" || r.ChartVersion != "0.6.4" || r.Revision != 1 || !r.HasChart() || r.ServerSide {
		t.Errorf("%+v", r.Release)
	}
	if want := "global:\n  g: two\nimage:\n  repo: ghcr.example\nlib:\n  x: one\n"; r.Values.Reveal() != want {
		t.Errorf("kept as its values: %s", r.Values.Reveal())
	}
	objects, err := r.Objects()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range objects {
		names = append(names, o.String())
	}
	if got := strings.Join(names, " "); got != "ConfigMap/of-lib Service/scan-app Deployment/scan-app" {
		t.Errorf("objects in the order of Helm: %s", got)
	}
	for _, text := range []string{"# Source: splice-scan/templates/app.yaml\n", `image: "ghcr.example/scan:0.6.4"`, `x: "one", g: "two"`, "namespace: sv"} {
		if !strings.Contains(r.Manifest.Reveal(), text) {
			t.Errorf("no %s in:\n%s", text, r.Manifest.Reveal())
		}
	}
	if h := r.Hooks(); len(h) != 1 || h[0] != "Job/before (pre-install)" {
		t.Errorf("hooks %v", h)
	}
	if !slices.Equal(r.Brings, []string{"crds/kinds.yaml", "crds/more.yaml"}) || r.rls.Info.Notes != "scan is there" || len(r.Asked)+len(r.Askers) != 0 {
		t.Errorf("%v, %q, %v %v", r.Brings, r.rls.Info.Notes, r.Asked, r.Askers)
	}
	for range 8 { // nothing in it depends on the order of a map
		again, err := c.Render(t.Context(), "scan", "sv", v, cluster)
		if err != nil || again.Record().Reveal() != r.Record().Reveal() {
			t.Fatalf("the same files make another record: %v", err)
		}
	}
	var kept map[string]any
	text, err := json.Marshal(r)
	if err != nil || strings.Contains(string(text), "ghcr.example") || json.Unmarshal(text, &kept) != nil {
		t.Errorf("values are in the JSON form: %v", err)
	}
}

// What a template asks of the cluster is not looked up; it is told.
func TestRenderWithLookup(t *testing.T) {
	c := chartOf(t, map[string]string{
		"templates/_lib.tpl": `{{ define "old" }}{{ (lookup "v1" "Secret" .Release.Namespace "key") | len }}{{ end }}`,
		"templates/x.yaml":   configMap + `data: {n: "{{ include "old" . }}"}`,
		"templates/y.yaml":   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\n",
	})
	r, err := c.Render(t.Context(), "scan", "sv", Values{}, cluster)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(r.Asked, []string{"v1 Secret sv/key"}) || !slices.Equal(r.Askers, []string{"splice-scan/templates/_lib.tpl"}) || !strings.Contains(r.Manifest.Reveal(), `n: "0"`) {
		t.Errorf("%v %v\n%s", r.Asked, r.Askers, r.Manifest.Reveal())
	}
}

// A chart that makes no release is refused with a sentence that tells where, and never what was set.
func TestUnusableCharts(t *testing.T) {
	const password = "hunter2-is-secret"
	for name, c := range map[string]struct {
		files  map[string]string
		values string
		want   []string
	}{
		"a value is missing": {map[string]string{"templates/x.yaml": configMap + `data: {a: {{ required "name the host of the database" .Values.host }}}`}, "",
			[]string{"splice-scan/templates/x.yaml:4", "name the host of the database"}},
		"an author quotes a value": {map[string]string{"templates/x.yaml": `{{ fail (printf "the password %s is too short" .Values.password) }}`}, "",
			[]string{"splice-scan/templates/x.yaml:1", "not repeated", "helm template scan "}},
		"a name that is not set": {map[string]string{"templates/x.yaml": configMap + "data: {a: {{ .Values.a.b.c }}}"}, "",
			[]string{"splice-scan/templates/x.yaml:4", "nil pointer evaluating interface {}.b", "(.Values.a.b.c)"}},
		"a template that is none":    {map[string]string{"templates/x.yaml": "{{ if }}"}, "", []string{"splice-scan/templates/x.yaml:1", "not repeated"}},
		"a value as a template":      {map[string]string{"templates/x.yaml": configMap + "data: {a: {{ tpl .Values.broken . }}}"}, "broken: '{{ " + password + " }'", []string{"splice-scan/templates/x.yaml", "not repeated"}},
		"no YAML":                    {map[string]string{"templates/x.yaml": configMap + "data:\n  a: {{ .Values.password }}: {{ .Values.password }}\n\t- b"}, "", []string{"splice-scan/templates/x.yaml", "not YAML at line"}},
		"no object":                  {map[string]string{"templates/x.yaml": "a: {{ .Values.password }}"}, "", []string{"not a list of objects"}},
		"another type":               {map[string]string{"values.schema.json": `{"properties":{"password":{"type":"integer"}}}`}, "", []string{"password is string and must be integer"}},
		"a rule that quotes":         {map[string]string{"values.schema.json": `{"properties":{"password":{"pattern":"^x$"}}}`}, "", []string{"password is not what the rule pattern"}},
		"a list of choices":          {map[string]string{"values.schema.json": `{"properties":{"password":{"enum":["a"]}}}`}, "", []string{"password is not what the rule enum"}},
		"what is required":           {map[string]string{"values.schema.json": `{"required":["host","password"],"properties":{"db":{"required":["port"]}}}`}, "db: {x: 1}", []string{"the values lacks host", "db lacks port"}},
		"what is not known":          {map[string]string{"values.schema.json": `{"additionalProperties":false,"properties":{"password":{}}}`}, "hosts: a", []string{"has what the chart does not know: hosts"}},
		"a schema of the network":    {map[string]string{"values.schema.json": `{"$ref":"https://schemas.example.invalid/a.json"}`}, "", []string{"https://schemas.example.invalid/a.json", "not fetched"}},
		"no schema":                  {map[string]string{"values.schema.json": `{`}, "", []string{"the schema of splice-scan cannot be used"}},
		"a schema of a chart inside": {map[string]string{"charts/lib/Chart.yaml": "apiVersion: v2\nname: lib\nversion: 1.0.0\n", "charts/lib/values.schema.json": `{"properties":{"size":{"type":"integer"}}}`}, "lib: {size: " + password + "}", []string{"size is string and must be integer"}},
		"no map for a chart inside":  {map[string]string{"charts/lib/Chart.yaml": "apiVersion: v2\nname: lib\nversion: 1.0.0\n"}, "lib: " + password, []string{"not repeated"}},
		"a chart that is missing": {map[string]string{"Chart.yaml": "apiVersion: v2\nname: splice-scan\nversion: 0.6.4\ndependencies: [{name: splice-util-lib, version: 0.6.4, repository: 'file://../lib'}]\n"}, "",
			[]string{"lacks charts that it is made of: splice-util-lib 0.6.4", "helm dependency build"}},
		"a library":          {map[string]string{"Chart.yaml": "apiVersion: v2\nname: splice-util-lib\nversion: 0.6.4\ntype: library\n"}, "", []string{"of type library"}},
		"another Kubernetes": {map[string]string{"Chart.yaml": "apiVersion: v2\nname: splice-scan\nversion: 0.6.4\nkubeVersion: '>=1.99.0'\n"}, "", []string{"is for Kubernetes >=1.99.0, and this cluster has v1.35.4"}},
		"a password made up": {map[string]string{"templates/x.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: pg}\nstringData: {postgresPassword: {{ randAlphaNum 12 | quote }}}\n"}, "",
			[]string{"renders differently each time", "splice-scan/templates/x.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := chartOf(t, c.files).Render(t.Context(), "scan", "sv", valuesOf(t, c.values).With(valuesOf(t, "password: "+password)), cluster)
			u, ok := errors.AsType[*Unusable](err)
			if !ok {
				t.Fatalf("%v", err)
			}
			said := u.Why + " / " + u.Next
			for _, want := range c.want {
				if !strings.Contains(said, want) {
					t.Errorf("no %q in: %s", want, said)
				}
			}
			if strings.Contains(said, "hunter2") {
				t.Errorf("a value is told: %s", said)
			}
		})
	}
}

func TestValues(t *testing.T) {
	for text, want := range map[string]string{"a: hunter2: b": "not YAML as a values file", "a: 1\nb:\n\t- hunter2": "line", "hunter2": "not YAML as a values file"} {
		if _, err := ReadValues([]byte(text)); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
	v := valuesOf(t, "a: {b: hunter2, c: [x SERIAL_ID]}")
	text, err := json.Marshal(v)
	if err != nil || strings.Contains(fmt.Sprintf("%s %v %+v %#v %s", v, v, v, v, text), "hunter2") {
		t.Errorf("printed with its content: %s", text)
	}
	if v.Text("a.b") != "hunter2" || v.Text("a") != "" || v.Text("a.b.c") != "" || !slices.Equal(v.Holding([]string{"MIGRATION_ID", "SERIAL_ID"}), []string{"SERIAL_ID"}) {
		t.Error("texts of values")
	}
}

func TestCharts(t *testing.T) {
	folder := t.TempDir()
	for _, version := range []string{"0.6.4", "0.6.3"} {
		write(t, folder, version+"/Chart.yaml", "apiVersion: v2\nname: splice-scan\nversion: "+version+"\n")
	}
	write(t, folder, "README.md", "x")
	write(t, folder, "other/x.yaml", "x")
	found, err := Charts(folder)
	if err != nil || len(found) != 2 || found[0].String() != "splice-scan 0.6.3" || found[1].Path != filepath.Join(folder, "0.6.4") {
		t.Errorf("%v, %v", found, err)
	}
	write(t, folder, "broken.tgz", "x")
	if _, err := Charts(folder); err == nil || !strings.Contains(err.Error(), "broken.tgz is not a chart that can be read") {
		t.Errorf("%v", err)
	}
	if _, err := Charts(filepath.Join(folder, "gone")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}
