//go:build e2e

package node

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/yaml"
)

// Save writes what an operator would have kept of the node who never made a record: a values file for each release, a list of the
// releases, and charts. The charts are stand-ins with the documented names; what they render is this node, and nothing of them is from
// Splice.
func (n *Node) Save(values, charts string) error {
	var list []map[string]any
	for _, r := range n.releases() {
		file := "of-" + r.name + ".yaml" // a name that tells nothing
		list = append(list, map[string]any{"name": r.name, "chart": r.chart, "chartVersion": r.version, "values": []string{file}})
		text, err := yaml.Marshal(r.values)
		if err != nil {
			return err
		}
		if err := write(values, file, text); err != nil {
			return err
		}
		if err := r.save(filepath.Join(charts, r.chart), nil); err != nil {
			return err
		}
	}
	text, err := yaml.Marshal(map[string]any{"version": 1, "releases": list})
	if err != nil {
		return err
	}
	return write(values, "releases.yaml", text)
}

// save writes the chart of a release. The databases have one chart in common, in which the release gives the names. More pairs of a text and what
// stands in its place go before these; with them texts of more than one line can be replaced.
func (r release) save(folder string, more []string) error {
	changes := []string{"namespace: " + r.namespace + "\n", "namespace: {{ .Release.Namespace }}\n"}
	if r.chart == "splice-postgres" {
		changes = append(changes, r.name, "{{ .Release.Name }}", "storage: 1Gi", "storage: {{ .Values.db.volumeSize }}")
	}
	changes = append(more, changes...)
	if err := write(folder, "Chart.yaml", fmt.Appendf(nil, "apiVersion: v2\nname: %s\nversion: %s\nappVersion: %s\n", r.chart, r.version, r.version)); err != nil {
		return err
	}
	for _, o := range r.objects {
		text, err := yaml.Marshal(o)
		if err != nil {
			return err
		}
		m, err := meta.Accessor(o)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("templates/%s-%s.yaml", strings.ToLower(o.GetObjectKind().GroupVersionKind().Kind), strings.ReplaceAll(m.GetName(), r.name, "x"))
		if err := write(folder, name, []byte(strings.NewReplacer(changes...).Replace(string(text)))); err != nil {
			return err
		}
	}
	return nil
}

func write(folder, name string, text []byte) error {
	path := filepath.Join(folder, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}
