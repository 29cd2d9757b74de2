//go:build e2e

package node

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

// release is a Helm release: what it was given and what it made.
type release struct {
	name, chart, version string
	namespace            string
	values               values
	objects              []runtime.Object
	first                bool // installed before the data is seeded
}

// mark puts the charts' common labels on every object and every pod template (c-lib; deployment.md 3.2), and kind and
// version, which the manifest needs.
func (r release) mark() {
	for _, o := range r.objects {
		m, err := meta.Accessor(o)
		if err != nil {
			panic(err)
		}
		labels := map[string]string{
			"app.kubernetes.io/instance": r.name, "app.kubernetes.io/name": r.chart, "app.kubernetes.io/managed-by": "Helm",
			"app.kubernetes.io/version": r.version, "helm.sh/chart": r.chart + "-" + r.version,
		}
		m.SetLabels(join(m.GetLabels(), labels))
		m.SetAnnotations(join(m.GetAnnotations(), map[string]string{
			"meta.helm.sh/release-name": r.name, "meta.helm.sh/release-namespace": r.namespace}))
		switch o := o.(type) {
		case *appsv1.Deployment:
			o.Spec.Template.Labels = join(o.Spec.Template.Labels, labels)
		case *appsv1.StatefulSet:
			o.Spec.Template.Labels = join(o.Spec.Template.Labels, labels)
		}
		kinds, _, err := scheme.Scheme.ObjectKinds(o)
		if err != nil {
			panic(err)
		}
		o.GetObjectKind().SetGroupVersionKind(kinds[0])
	}
}

func join(a, b map[string]string) map[string]string {
	all := map[string]string{}
	for _, m := range []map[string]string{a, b} {
		for k, v := range m {
			all[k] = v
		}
	}
	return all
}

// record is the Secret in which Helm 3 and 4 keep a release: base64 of gzip of JSON under the key "release".
func (r release) record(now time.Time) (*v1.Secret, error) {
	var manifest strings.Builder
	for _, o := range r.objects {
		b, err := yaml.Marshal(o)
		if err != nil {
			return nil, err
		}
		m, _ := meta.Accessor(o)
		fmt.Fprintf(&manifest, "---\n# Source: %s/templates/%s.yaml\n%s", r.chart, m.GetName(), b)
	}
	at := now.UTC().Format(time.RFC3339Nano)
	body, err := json.Marshal(map[string]any{
		"name": r.name, "namespace": r.namespace, "version": 1, "config": r.values, "manifest": manifest.String(),
		"info": map[string]any{"first_deployed": at, "last_deployed": at, "deleted": "", "description": "Install complete", "status": "deployed"},
		"chart": map[string]any{"metadata": map[string]any{"name": r.chart, "version": r.version, "appVersion": r.version, "apiVersion": "v2", "type": "application"},
			"lock": nil, "templates": []any{}, "values": map[string]any{}, "schema": nil, "files": nil},
		"hooks": []any{},
	})
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(body); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return &v1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("sh.helm.release.v1.%s.v1", r.name),
			Labels: map[string]string{"owner": "helm", "name": r.name, "status": "deployed", "version": "1", "modifiedAt": fmt.Sprint(now.Unix())}},
		Type: "helm.sh/release.v1",
		Data: map[string][]byte{"release": []byte(base64.StdEncoding.EncodeToString(packed.Bytes()))},
	}, nil
}
