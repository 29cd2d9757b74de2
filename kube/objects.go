package kube

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// Object is one document of a manifest: an object as it is written down, not as a server has it.
type Object struct{ u *unstructured.Unstructured }

// Objects reads the documents of a manifest, in their order; those of a List one by one. Empty documents are left out. A document without
// kind or name is an error: what it would make could not be shown.
func Objects(manifest []byte) ([]Object, error) {
	var out []Object
	var add func(m map[string]any) error
	add = func(m map[string]any) error {
		u := &unstructured.Unstructured{Object: m}
		if u.IsList() {
			items, _ := m["items"].([]any)
			for _, item := range items {
				one, ok := item.(map[string]any)
				if !ok {
					return errors.New("an item of a list is not an object")
				}
				if err := add(one); err != nil {
					return err
				}
			}
			return nil
		}
		if u.GetAPIVersion() == "" || u.GetKind() == "" || u.GetName() == "" {
			return fmt.Errorf("document %d has no apiVersion, kind or name", len(out)+1)
		}
		out = append(out, Object{u})
		return nil
	}
	// The library loses a last line without its end whose length is a multiple of its buffer's, as a Secret on one line may have.
	whole := io.MultiReader(bytes.NewReader(manifest), strings.NewReader("\n"))
	for d := utilyaml.NewYAMLToJSONDecoder(whole); ; {
		var raw json.RawMessage
		switch err := d.Decode(&raw); {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return nil, fmt.Errorf("document %d cannot be read: %s", len(out)+1, clean(err.Error(), maxSeen))
		case len(raw) == 0 || string(raw) == "null":
			continue
		}
		var u unstructured.Unstructured
		if err := runtime.DecodeInto(unstructured.UnstructuredJSONScheme, raw, &u); err != nil {
			var list unstructured.UnstructuredList
			if listErr := runtime.DecodeInto(unstructured.UnstructuredJSONScheme, raw, &list); listErr != nil {
				return nil, fmt.Errorf("document %d cannot be read: %s", len(out)+1, clean(err.Error(), maxSeen))
			}
			for i := range list.Items {
				if err := add(list.Items[i].Object); err != nil {
					return nil, err
				}
			}
			continue
		}
		if err := add(u.Object); err != nil {
			return nil, err
		}
	}
}

func (o Object) Group() string   { return o.u.GroupVersionKind().Group }
func (o Object) Version() string { return o.u.GroupVersionKind().Version }
func (o Object) Kind() string    { return o.u.GetKind() }

// Namespace is empty for an object of the cluster, and for one whose manifest leaves it to whoever applies it.
func (o Object) Namespace() string { return o.u.GetNamespace() }
func (o Object) Name() string      { return o.u.GetName() }

// Labels and Annotations are copies.
func (o Object) Labels() map[string]string      { return maps.Clone(o.u.GetLabels()) }
func (o Object) Annotations() map[string]string { return maps.Clone(o.u.GetAnnotations()) }

// String is the kind and the name, such as "Deployment/sv-app".
func (o Object) String() string { return o.Kind() + "/" + o.Name() }

// Marked is the object in a namespace (empty: that of the object), with these labels and annotations besides its own.
func (o Object) Marked(namespace string, labels, annotations map[string]string) Object {
	u := o.u.DeepCopy()
	if namespace != "" {
		u.SetNamespace(namespace)
	}
	if len(labels) > 0 {
		u.SetLabels(with(u.GetLabels(), labels))
	}
	if len(annotations) > 0 {
		u.SetAnnotations(with(u.GetAnnotations(), annotations))
	}
	return Object{u}
}

func with(have, more map[string]string) map[string]string {
	all := maps.Clone(have)
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, more)
	return all
}

// YAML is the object as a person would write it. A Secret has its values in it.
func (o Object) YAML() ([]byte, error) { return yaml.Marshal(o.u.Object) }

// Workload reads the object as a Deployment or StatefulSet; false for any other kind, or one that cannot be read as such.
func (o Object) Workload() (Workload, bool) {
	if o.Group() != groupApps {
		return Workload{}, false
	}
	switch o.Kind() {
	case Deployment:
		var d appsv1.Deployment
		if runtime.DefaultUnstructuredConverter.FromUnstructured(o.u.Object, &d) == nil {
			return deployment(&d), true
		}
	case StatefulSet:
		var s appsv1.StatefulSet
		if runtime.DefaultUnstructuredConverter.FromUnstructured(o.u.Object, &s) == nil {
			return statefulSet(&s), true
		}
	}
	return Workload{}, false
}

// Claim reads the object as a PersistentVolumeClaim; false for any other kind.
func (o Object) Claim() (Claim, bool) {
	var p corev1.PersistentVolumeClaim
	if o.Group() != "" || o.Kind() != "PersistentVolumeClaim" || runtime.DefaultUnstructuredConverter.FromUnstructured(o.u.Object, &p) != nil {
		return Claim{}, false
	}
	return claimOf(&p), true
}

// Needed is an object that the pods of a workload need to be there before they can start.
type Needed struct {
	Kind     string   `json:"kind"` // Secret, ConfigMap or ServiceAccount
	Name     string   `json:"name"`
	Keys     []string `json:"keys,omitempty"`     // that are used by name; others may be used by a mount of all
	Whole    bool     `json:"whole,omitempty"`    // all of it is mounted or turned into variables
	Pull     bool     `json:"pull,omitempty"`     // a Secret with which images are pulled
	Optional bool     `json:"optional,omitempty"` // pods start without it
}

// Needs are the Secrets, ConfigMaps and the ServiceAccount that the pods of a workload refer to, each once, by kind and name.
func (o Object) Needs() []Needed {
	var spec corev1.PodSpec
	if template, ok, err := unstructured.NestedMap(o.u.Object, "spec", "template", "spec"); err != nil || !ok ||
		runtime.DefaultUnstructuredConverter.FromUnstructured(template, &spec) != nil {
		return nil
	}
	var found []Needed
	need := func(kind, name string, optional *bool, key string) {
		if name == "" {
			return
		}
		i := slices.IndexFunc(found, func(n Needed) bool { return n.Kind == kind && n.Name == name })
		if i < 0 {
			i = len(found)
			found = append(found, Needed{Kind: kind, Name: name, Optional: true})
		}
		n := &found[i]
		n.Optional = n.Optional && deref(optional)
		switch {
		case key == "":
			n.Whole = true
		case !deref(optional) && !slices.Contains(n.Keys, key):
			n.Keys = append(n.Keys, key)
		}
	}
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		for _, e := range c.Env {
			if e.ValueFrom == nil {
				continue
			}
			if s := e.ValueFrom.SecretKeyRef; s != nil {
				need("Secret", s.Name, s.Optional, s.Key)
			}
			if m := e.ValueFrom.ConfigMapKeyRef; m != nil {
				need("ConfigMap", m.Name, m.Optional, m.Key)
			}
		}
		for _, e := range c.EnvFrom {
			if s := e.SecretRef; s != nil {
				need("Secret", s.Name, s.Optional, "")
			}
			if m := e.ConfigMapRef; m != nil {
				need("ConfigMap", m.Name, m.Optional, "")
			}
		}
	}
	for _, v := range spec.Volumes {
		files := func(kind, name string, optional *bool, items []corev1.KeyToPath) {
			for _, i := range items {
				need(kind, name, optional, i.Key)
			}
			if len(items) == 0 {
				need(kind, name, optional, "")
			}
		}
		if s := v.Secret; s != nil {
			files("Secret", s.SecretName, s.Optional, s.Items)
		}
		if m := v.ConfigMap; m != nil {
			files("ConfigMap", m.Name, m.Optional, m.Items)
		}
		if v.Projected == nil {
			continue
		}
		for _, p := range v.Projected.Sources {
			if s := p.Secret; s != nil {
				files("Secret", s.Name, s.Optional, s.Items)
			}
			if m := p.ConfigMap; m != nil {
				files("ConfigMap", m.Name, m.Optional, m.Items)
			}
		}
	}
	for _, s := range spec.ImagePullSecrets {
		if s.Name != "" {
			found = append(found, Needed{Kind: "Secret", Name: s.Name, Pull: true})
		}
	}
	if spec.ServiceAccountName != "" && spec.ServiceAccountName != "default" {
		found = append(found, Needed{Kind: "ServiceAccount", Name: spec.ServiceAccountName})
	}
	slices.SortStableFunc(found, func(a, b Needed) int {
		return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
	})
	for i := range found {
		slices.Sort(found[i].Keys)
	}
	return found
}

// metadata reads what every object has from the answer of a server.
func metadata(body []byte) (metav1.PartialObjectMetadata, error) {
	var o metav1.PartialObjectMetadata
	err := json.Unmarshal(body, &o)
	return o, err
}

// DataKeys are the keys of a ConfigMap or Secret, sorted.
func (o Object) DataKeys() []string {
	var keys []string
	for _, field := range []string{"data", "binaryData"} {
		m, _, _ := unstructured.NestedMap(o.u.Object, field)
		for k := range m {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// Stateful are the claims that a StatefulSet makes from its templates, for each of its replicas, or for its first pod when it is scaled to
// nothing; none for any other object. The labels are those that the controller gives them: of the template, and of the selector.
func (o Object) Stateful(namespace string) ([]Object, error) {
	var s appsv1.StatefulSet
	if o.Group() != groupApps || o.Kind() != StatefulSet || runtime.DefaultUnstructuredConverter.FromUnstructured(o.u.Object, &s) != nil {
		return nil, nil
	}
	first := int32(0)
	if s.Spec.Ordinals != nil {
		first = s.Spec.Ordinals.Start
	}
	var all []Object
	for _, t := range s.Spec.VolumeClaimTemplates {
		for i := range max(wanted(s.Spec.Replicas), 1) {
			c := corev1.PersistentVolumeClaim{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PersistentVolumeClaim"}, Spec: t.Spec,
				ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%s-%d", t.Name, s.Name, first+i), Namespace: namespace, Annotations: t.Annotations, Labels: maps.Clone(t.Labels)}}
			if s.Spec.Selector != nil {
				c.Labels = with(c.Labels, s.Spec.Selector.MatchLabels)
			}
			m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&c)
			if err != nil {
				return nil, err
			}
			delete(m, "status")
			all = append(all, Object{&unstructured.Unstructured{Object: m}})
		}
	}
	return all, nil
}
