package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"

	rspb "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/kube"
)

// Stored is a release with all that Helm keeps of it: its chart, its values, and the objects that it made. It can be installed
// again without a registry, and without rendering anything: what is installed is what was in force.
type Stored struct {
	Release
	rls    *rspb.Release
	record secret.String
}

// InForce answers what Helm keeps of the revision of each release that is in force, by name; of a release that has none, of its newest
// revision. Errors are *kube.Error. One whose record cannot be decoded has a Problem, and its record as it is.
func (r Records) InForce(ctx context.Context) ([]Stored, error) {
	secrets, err := r.cluster.Secrets(ctx, r.ns, "owner=helm")
	if err != nil {
		return nil, err
	}
	list, keys := newest(r.ns, secrets)
	var out []Stored
	for i, l := range list {
		key := keys[i]
		if l.Deployed > 0 && l.Deployed != l.Revision {
			j := slices.IndexFunc(secrets, func(s kube.SecretName) bool {
				return s.Labels["name"] == l.Name && s.Labels["version"] == fmt.Sprint(l.Deployed)
			})
			key, l.Revision, l.Status = secrets[j].Name, l.Deployed, "deployed"
		}
		record, ok, err := r.cluster.SecretValue(ctx, r.ns, key, "release")
		if err != nil {
			return nil, err
		}
		if !ok {
			out = append(out, Stored{Release: Release{Name: l.Name, Namespace: r.ns, Problem: "it was removed while it was read"}})
			continue
		}
		s, err := Decode(record)
		if err != nil {
			l.Problem = plain.Cut(plain.Line(fmt.Sprintf("record %s cannot be decoded: %v", key, err)), 200)
			s = Stored{Release: l, record: record}
		}
		s.Deployed = l.Deployed
		out = append(out, s)
	}
	return out, nil
}

// Decode reads the text that Helm keeps of a release in a Secret, under the key "release". Its error says nothing of the content.
func Decode(record secret.String) (Stored, error) {
	d := driver.NewSecrets(fixed{record: record})
	d.SetLogger(slog.NewTextHandler(io.Discard, nil))
	got, err := d.Get("release")
	if err != nil {
		return Stored{}, errors.New("it is not what Helm writes, or it was cut")
	}
	rls, ok := got.(*rspb.Release)
	if !ok || rls.Info == nil || rls.Chart == nil || rls.Chart.Metadata == nil || rls.Name == "" {
		return Stored{}, errors.New("it is incomplete")
	}
	s := Stored{rls: rls, record: record}
	s.Name, s.Namespace, s.Revision = rls.Name, rls.Namespace, rls.Version
	return s, s.fill(rls)
}

// Record is the text that Helm keeps: base64 of gzip of JSON. Values and manifest are in it.
func (s Stored) Record() secret.String { return s.record }

// HasChart says whether templates are kept with the release, so that it can be upgraded from what is kept.
func (s Stored) HasChart() bool { return s.rls != nil && len(s.rls.Chart.Templates) > 0 }

// Kept is the chart as Helm keeps it with the release. Charts that it is made of are not kept with it: rendering says which it lacks.
func (s Stored) Kept() Chart {
	return Chart{Path: "Helm's record of release " + s.Name, Name: s.Chart, Version: s.ChartVersion, kept: s.record}
}

// Settings are the values that the operator has set, as Helm itself would take them up again.
func (s Stored) Settings() Values {
	if s.rls == nil {
		return Values{}
	}
	return Values{runtime.DeepCopyJSON(s.rls.Config)}
}

// Hooks are the objects that Helm makes at certain moments and that are no part of the release, such as "Job/migrate (pre-install)".
func (s Stored) Hooks() []string {
	var out []string
	if s.rls == nil {
		return nil
	}
	for _, h := range s.rls.Hooks {
		if h == nil {
			continue
		}
		var events []string
		for _, e := range h.Events {
			events = append(events, string(e))
		}
		out = append(out, plain.Line(fmt.Sprintf("%s/%s (%s)", h.Kind, h.Name, strings.Join(events, ", "))))
	}
	return out
}

// Definitions are the definitions of kinds (CRDs) that the chart brings.
func (s Stored) Definitions() []string {
	var out []string
	if s.rls == nil {
		return nil
	}
	for _, crd := range s.rls.Chart.CRDObjects() {
		out = append(out, plain.Line(crd.Name))
	}
	return out
}

// Objects are the objects of the release as they were rendered, in the order in which Helm made them, with the marks by which Helm
// knows its own. An object whose manifest names no namespace has none here.
func (s Stored) Objects() ([]kube.Object, error) {
	objects, err := kube.Objects([]byte(s.Manifest.Reveal()))
	if err != nil {
		return nil, fmt.Errorf("the manifest of release %s cannot be read: %w", s.Name, err)
	}
	for i := range objects {
		objects[i] = objects[i].Marked("", map[string]string{managedBy: "Helm"}, map[string]string{ofRelease: s.Name, ofNamespace: s.Namespace})
	}
	return objects, nil
}

// The marks by which Helm knows the objects of a release (pkg/action/validate.go of Helm).
const (
	managedBy   = "app.kubernetes.io/managed-by"
	ofRelease   = "meta.helm.sh/release-name"
	ofNamespace = "meta.helm.sh/release-namespace"
	// policy with the value keep says that Helm leaves an object when its release goes.
	policy = "helm.sh/resource-policy"
)

// Owned says whether an object has the marks of the release.
func Owned(m kube.Meta, name, ns string) bool {
	return m.Labels[managedBy] == "Helm" && m.Annotations[ofRelease] == name && m.Annotations[ofNamespace] == ns
}

// Marks are the label and the annotations by which Helm takes an object that exists for one of the release.
func Marks(name, ns string) (labels, annotations map[string]string) {
	return map[string]string{managedBy: "Helm"}, map[string]string{ofRelease: name, ofNamespace: ns}
}

// fixed is a client for secrets as Helm's driver wants it, with one record in it.
type fixed struct {
	typedv1.SecretInterface // nil: everything but Get panics
	record                  secret.String
}

func (f fixed) Get(context.Context, string, metav1.GetOptions) (*corev1.Secret, error) {
	return &corev1.Secret{Data: map[string][]byte{"release": []byte(f.record.Reveal())}}, nil
}

// copyOf is the release, to be changed without changing s.
func (s Stored) copyOf() *rspb.Release {
	c, info := *s.rls, *s.rls.Info
	c.Info, c.Labels = &info, maps.Clone(s.rls.Labels)
	return &c
}

// HookManifests are the hooks as they were rendered. Passwords can be in them.
func (s Stored) HookManifests() []string {
	var all []string
	if s.rls == nil {
		return nil
	}
	for _, h := range s.rls.Hooks {
		if h != nil {
			all = append(all, h.Manifest)
		}
	}
	return all
}
