package sim

import (
	"bytes"
	"errors"
	"io"
	"strconv"

	"k8s.io/apimachinery/pkg/util/yaml"
)

// send sends those off who have something to make in a namespace that has changed.
func (s *Server) send(namespace string) {
	for i, e := range s.knobs.Errands {
		if e.Namespace == namespace {
			s.later("errand", "", strconv.Itoa(i), e.After.Duration)
		}
	}
}

// run makes what an errand is for, where its namespace is still there.
func (s *Server) run(index string) {
	i, err := strconv.Atoi(index)
	if err != nil || i >= len(s.knobs.Errands) {
		return // the knobs have been turned since
	}
	e := s.knobs.Errands[i]
	if s.store.get(rNamespace, "", e.Namespace) == nil {
		return
	}
	d := yaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(e.Objects)), 4096)
	for {
		var o object
		if err := d.Decode(&o.Object); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			panic("sim: an errand cannot be read: " + err.Error()) // the scenario is wrong
		}
		if r := findKind(o.GroupVersionKind()); r != nil && s.store.get(r, e.Namespace, o.GetName()) == nil {
			o.SetNamespace(e.Namespace)
			_, _ = s.create(r, &o, false) // a namespace that goes takes nothing
		}
	}
}
