package sim

import (
	"bytes"
	"errors"
	"io"
	"maps"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// committed says whether the colleague of a controller has committed by now.
func (s *Server) committed(controller int, c Commit) bool {
	since, waits := s.commits[controller]
	if waits {
		return !s.now().Before(since.Add(c.After.Duration))
	}
	ns, name := splitKey(c.Stopped)
	o := s.store.get(rDeployment, ns, name)
	if o == nil {
		return false
	}
	if replicas, there, _ := unstructured.NestedInt64(o.Object, "spec", "replicas"); there && replicas == 0 {
		s.commits[controller] = s.now()
	}
	return false
}

// enforce puts what was committed in the place of what is there, but for claims, of which nothing can be changed. What is not there is made.
func (s *Server) enforce(c Commit) {
	d := yaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(c.Objects)), 4096)
	for {
		var raw runtime.RawExtension
		var want object
		err := d.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil && len(raw.Raw) > 0 && string(raw.Raw) != "null" {
			err = want.UnmarshalJSON(raw.Raw)
		}
		if err != nil {
			panic("sim: what is committed cannot be read: " + err.Error()) // the scenario is wrong
		}
		r := findKind(want.GroupVersionKind())
		if r == nil || len(want.Object) == 0 {
			continue
		}
		if s.store.get(r, want.GetNamespace(), want.GetName()) == nil {
			_, _ = s.create(r, &want, false) // a namespace that goes takes nothing
			continue
		}
		if r == rClaim {
			continue
		}
		s.complete(r, &want)
		s.edit(key{r, want.GetNamespace(), want.GetName()}, func(o *object) {
			for field, value := range want.Object {
				if field != "metadata" && field != "status" {
					o.Object[field] = value
				}
			}
			labels := o.GetLabels()
			if labels == nil {
				labels = map[string]string{}
			}
			maps.Copy(labels, want.GetLabels())
			o.SetLabels(labels)
		})
	}
}
