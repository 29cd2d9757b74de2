package contract

import (
	"fmt"
	"reflect"

	"canton.example/svrescue/kube"
)

// merges hold a server to what an upgrade of a release relies on.
var merges = []Case{
	{"a merge changes what the manifests differ in, for one version, and leaves the rest", func(e *Env) {
		p := kube.Place{Group: "apps", Version: "v1", Resource: "deployments", Namespaced: true}
		object := func(replicas, env string) kube.Object {
			list, err := kube.Objects(fmt.Appendf(nil, `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","namespace":%q},"spec":{%s"selector":{"matchLabels":{"app":"d"}},`+
				`"template":{"metadata":{"labels":{"app":"d"}},"spec":{"containers":[{"name":"main","image":"x","env":[%s]}]}}}}`, e.ns, replicas, env))
			e.ok(err)
			return list[0]
		}
		hands := func(dry bool) *kube.Hands {
			return e.cluster.Hands([]kube.Access{p.Access("create", e.ns, "d"), p.Access("patch", e.ns, "d")}, dry)
		}
		was := object(`"replicas":0,`, `{"name":"A","value":"1"},{"name":"B","value":"2"}`)
		now := object(`"replicas":0,`, `{"name":"A","value":"9"},{"name":"C","value":"3"}`)
		e.ok(hands(false).Create(e.ctx, p, was, "helm"))
		// Somebody adds what no manifest speaks of.
		_, err := e.admin.CoreV1().RESTClient().Patch("application/strategic-merge-patch+json").AbsPath("/apis/apps/v1/namespaces/" + e.ns + "/deployments/d").
			Body([]byte(`{"metadata":{"annotations":{"mine":"x"}},"spec":{"template":{"spec":{"containers":[{"name":"main","env":[{"name":"MINE","value":"y"}]}]}}}}`)).DoRaw(e.ctx)
		e.ok(err)
		look := func() (kube.Object, kube.Meta) {
			live, meta, found, err := e.cluster.Live(e.ctx, p, e.ns, "d")
			e.ok(err)
			if !found {
				e.Fatal("it is not found")
			}
			return live, meta
		}
		send := func(h *kube.Hands, meta kube.Meta, live kube.Object) error {
			m, err := kube.Merging(was, now, live)
			e.ok(err)
			return h.Merge(e.ctx, p, now, meta, m, "helm")
		}
		live, meta := look()
		env := func(o kube.Object) map[string]string {
			w, _ := o.Workload()
			all := map[string]string{}
			for _, v := range w.Containers[0].Env {
				all[v.Name] = v.Value
			}
			return all
		}
		foretold := func() map[string]string {
			m, err := kube.Merging(was, now, live)
			e.ok(err)
			after, err := m.On(live)
			e.ok(err)
			return env(after)
		}()
		stale := meta
		stale.ResourceVersion = "1"
		e.kind(send(hands(false), stale, live), kube.Conflict)
		for try := 0; ; try++ { // the controller writes its status now and then
			live, meta = look()
			if err = send(hands(true), meta, live); err == nil {
				err = send(hands(false), meta, live)
			}
			if kube.KindOf(err) != kube.Conflict || try == 20 {
				break
			}
		}
		e.ok(err)
		live, meta = look()
		if got, want := env(live), map[string]string{"A": "9", "C": "3", "MINE": "y"}; !reflect.DeepEqual(got, want) || !reflect.DeepEqual(got, foretold) || meta.Annotations["mine"] != "x" {
			e.Errorf("env %v, foretold %v, annotations %v", got, foretold, meta.Annotations)
		}
		if m, err := kube.Merging(was, now, live); err != nil || !m.Empty() {
			e.Errorf("a second merge is not empty: %v", err)
		}
	}},
}
