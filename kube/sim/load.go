package sim

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
)

// Load puts objects into the world as they are, status and creationTimestamp included: the way to build the start of a
// scenario. Missing namespaces are created; an object that exists is replaced. Nothing is authorised or recorded.
func (s *Server) Load(objects ...runtime.Object) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range objects {
		if err := s.load(o); err != nil {
			return err
		}
	}
	return nil
}

// LoadYAML is Load for one or more YAML or JSON documents.
func (s *Server) LoadYAML(doc []byte) error {
	d := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(doc), 4096)
	for {
		var u object
		if err := d.Decode(&u.Object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("sim: load: %w", err)
		}
		if len(u.Object) == 0 {
			continue
		}
		if err := s.Load(&u); err != nil {
			return err
		}
	}
}

func (s *Server) mustLoad(o runtime.Object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.load(o); err != nil {
		panic(err)
	}
}

func kindOf(o runtime.Object) (schema.GroupVersionKind, error) {
	if gvk := o.GetObjectKind().GroupVersionKind(); gvk.Kind != "" {
		return gvk, nil
	}
	kinds, _, err := scheme.Scheme.ObjectKinds(o)
	if err != nil {
		return schema.GroupVersionKind{}, fmt.Errorf("sim: load: %w", err)
	}
	return kinds[0], nil
}

func (s *Server) load(in runtime.Object) error {
	gvk, err := kindOf(in)
	if err != nil {
		return err
	}
	r := findKind(gvk)
	if r == nil {
		return fmt.Errorf("sim: load: %s is not served", gvk)
	}
	b, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("sim: load: %w", err)
	}
	o, err := parseObject(withKind(b, r), r, metav1.FieldValidationStrict)
	if err != nil {
		return fmt.Errorf("sim: load %s: %w", gvk.Kind, err)
	}
	if r.namespaced && s.store.get(rNamespace, "", o.GetNamespace()) == nil {
		if err := s.load(namespaceObject(o.GetNamespace())); err != nil {
			return err
		}
	}
	if old := s.store.get(r, o.GetNamespace(), o.GetName()); old != nil {
		s.store.remove(r, old)
	}
	status, created, uid := o.Object["status"], o.GetCreationTimestamp(), o.GetUID()
	o.SetResourceVersion("")
	n, err := s.create(r, o, false)
	if err != nil {
		return fmt.Errorf("sim: load: %w", err)
	}
	s.edit(key{r, n.GetNamespace(), n.GetName()}, func(x *object) {
		if m, ok := status.(map[string]any); ok && len(m) > 0 {
			x.Object["status"] = m
		}
		if !created.IsZero() {
			x.SetCreationTimestamp(created)
		}
		if uid != "" {
			x.SetUID(uid)
		}
	})
	return nil
}

// withKind stamps apiVersion and kind on an object that a Go program made without them.
func withKind(b []byte, r *resource) []byte {
	var m map[string]any
	if json.Unmarshal(b, &m) != nil {
		return b
	}
	u := &unstructured.Unstructured{Object: m}
	if u.GetKind() != "" {
		return b
	}
	u.SetGroupVersionKind(r.gvk())
	out, err := json.Marshal(m)
	if err != nil {
		return b
	}
	return out
}

// Scenario is a whole starting world as plain data, for a simulator in a process of its own.
type Scenario struct {
	Objects   string            `json:"objects,omitempty"`   // YAML documents
	Contents  map[string]string `json:"contents,omitempty"`  // text of volumes, by "namespace/claim"
	Snapshots map[string]string `json:"snapshots,omitempty"` // text of snapshots, by "namespace/name"
	Backups   []PastSnapshot    `json:"backups,omitempty"`   // snapshots that were taken before
	Age       *Duration         `json:"age,omitempty"`       // how long the world has been running; default 30 days
	Knobs     Knobs             `json:"knobs"`
}

// LoadScenario loads the objects, lets the world settle as if it had run for Age, fills volumes and snapshots, and only then
// turns the knobs: a fault of the scenario meets a node that was well. Call it before Run.
func (s *Server) LoadScenario(sc Scenario) error {
	age := orElse(sc.Age, 30*24*time.Hour)
	s.mu.Lock()
	s.age = age
	s.mu.Unlock()
	if err := s.LoadYAML([]byte(sc.Objects)); err != nil {
		return err
	}
	s.Settle(age)
	for _, p := range sc.Backups {
		if err := s.AddSnapshot(p); err != nil {
			return err
		}
	}
	for k, text := range sc.Contents {
		ns, name := splitKey(k)
		if err := s.SetContent(ns, name, text); err != nil {
			return err
		}
	}
	for k, text := range sc.Snapshots {
		ns, name := splitKey(k)
		if err := s.SetSnapshotContent(ns, name, text); err != nil {
			return err
		}
	}
	s.Set(sc.Knobs)
	return nil
}

func splitKey(k string) (ns, name string) {
	for i := range k {
		if k[i] == '/' {
			return k[:i], k[i+1:]
		}
	}
	return "default", k
}
