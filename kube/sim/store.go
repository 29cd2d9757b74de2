package sim

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
)

// object is what the store holds. A stored object is never changed in place: readers, the event log and watchers share it.
type object = unstructured.Unstructured

// key names an object within one resource; namespace is empty for cluster-wide resources.
type key struct {
	res      *resource
	ns, name string
}

// change is one entry of the event log. prev is nil for ADDED; for DELETED obj carries the version of the deletion.
type change struct {
	rv        int64
	kind      watch.EventType
	res       *resource
	obj, prev *object
}

// store is the object table, the one version counter and the event log. Not locked: the Server's mutex guards it.
type store struct {
	objects map[*resource]map[string]*object // resource -> "namespace/name" -> object
	version int64
	log     []change
	keep    int   // changes kept in the log
	dropped int64 // version of the newest change that left the log
	notify  []func(change)
}

// firstVersion is where versions begin: as on a cluster with a past, small ones are too old to watch from.
const firstVersion = 1000

func newStore(keep int) *store {
	return &store{objects: map[*resource]map[string]*object{}, version: firstVersion, dropped: firstVersion, keep: keep}
}

func path(ns, name string) string { return ns + "/" + name }

func (st *store) get(r *resource, ns, name string) *object {
	return st.objects[r][path(ns, name)]
}

// list returns the objects of a resource in key order, all namespaces when ns is empty.
func (st *store) list(r *resource, ns string) []*object {
	var keys []string
	for k := range st.objects[r] {
		if ns == "" || strings.HasPrefix(k, ns+"/") {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	out := make([]*object, len(keys))
	for i, k := range keys {
		out[i] = st.objects[r][k]
	}
	return out
}

// put stores obj under the next version. The caller must not touch obj afterwards.
func (st *store) put(r *resource, obj *object) {
	p := path(obj.GetNamespace(), obj.GetName())
	prev := st.objects[r][p]
	st.version++
	obj.SetResourceVersion(strconv.FormatInt(st.version, 10))
	if st.objects[r] == nil {
		st.objects[r] = map[string]*object{}
	}
	st.objects[r][p] = obj
	kind := watch.Added
	if prev != nil {
		kind = watch.Modified
	}
	st.append(change{st.version, kind, r, obj, prev})
}

func (st *store) remove(r *resource, obj *object) {
	p := path(obj.GetNamespace(), obj.GetName())
	prev := st.objects[r][p]
	if prev == nil {
		return
	}
	delete(st.objects[r], p)
	st.version++
	last := obj.DeepCopy()
	last.SetResourceVersion(strconv.FormatInt(st.version, 10))
	st.append(change{st.version, watch.Deleted, r, last, prev})
}

func (st *store) append(c change) {
	st.log = append(st.log, c)
	if len(st.log) > st.keep+st.keep/4 {
		cut := len(st.log) - st.keep
		st.dropped = st.log[cut-1].rv
		st.log = append([]change(nil), st.log[cut:]...)
	}
	for _, f := range st.notify {
		f(c)
	}
}

// since returns the changes after version rv, and false when some of them have left the log.
func (st *store) since(rv int64) ([]change, bool) {
	if rv < st.dropped {
		return nil, false
	}
	i := sort.Search(len(st.log), func(i int) bool { return st.log[i].rv > rv })
	return st.log[i:], true
}

// as converts an object to its Go type. The store holds only objects that passed decoding, so a failure is a defect here.
func as[T any](o *object) *T {
	t := new(T)
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, t); err != nil {
		panic(fmt.Sprintf("sim: %s %s/%s: %v", o.GetKind(), o.GetNamespace(), o.GetName(), err))
	}
	return t
}

// raw converts a Go object to the stored form and stamps the resource's kind on it.
func raw(r *resource, o any) *object {
	m, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		panic(fmt.Sprintf("sim: %s: %v", r.kind, err))
	}
	u := &object{Object: m}
	u.SetGroupVersionKind(r.gvk())
	tidy(u)
	return u
}

// tidy removes the nulls that Go types leave behind and real servers do not send.
func tidy(u *object) {
	if v, ok := u.Object["metadata"].(map[string]any); ok && v["creationTimestamp"] == nil {
		delete(v, "creationTimestamp")
	}
	for _, p := range [][]string{{"spec", "template", "metadata", "creationTimestamp"}} {
		if v, found, _ := unstructured.NestedFieldNoCopy(u.Object, p...); found && v == nil {
			unstructured.RemoveNestedField(u.Object, p...)
		}
	}
	list, _, _ := unstructured.NestedFieldNoCopy(u.Object, "spec", "volumeClaimTemplates")
	if l, ok := list.([]any); ok {
		for _, e := range l {
			if m, ok := e.(map[string]any)["metadata"].(map[string]any); ok && m["creationTimestamp"] == nil {
				delete(m, "creationTimestamp")
			}
		}
	}
}

// owner returns the controlling owner reference, nil if there is none.
func owner(o *object) *metav1.OwnerReference { return metav1.GetControllerOf(o) }
