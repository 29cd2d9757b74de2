package contract

import (
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"canton.example/svrescue/kube"
)

func (e *Env) settingHands() *kube.Hands {
	var allowed []kube.Access
	for _, r := range [][2]string{{"", "configmaps"}, {"argoproj.io", "applications"}, {"kustomize.toolkit.fluxcd.io", "kustomizations"},
		{"helm.toolkit.fluxcd.io", "helmreleases"}, {"keda.sh", "scaledobjects"}} {
		allowed = append(allowed, kube.AccessSetField(kube.Access{Group: r[0], Resource: r[1], Namespace: e.ns})...)
	}
	return e.cluster.Hands(allowed, false)
}

// make creates an object of any kind in the namespace of the case.
func (e *Env) make(apiVersion, resource, body string) {
	e.Helper()
	_, err := e.admin.CoreV1().RESTClient().Post().AbsPath("/apis/"+apiVersion+"/namespaces/"+e.ns+"/"+resource).
		SetHeader("Content-Type", "application/json").Body([]byte(body)).DoRaw(e.ctx)
	e.ok(err)
}

var fields = []Case{
	{"a field is set from one value to another, and only so", func(e *Env) {
		_, err := e.admin.CoreV1().ConfigMaps(e.ns).Create(e.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a"}}, metav1.CreateOptions{})
		e.ok(err)
		object := kube.Access{Resource: "configmaps", Namespace: e.ns, Name: "a"}
		path := []string{"metadata", "annotations", "example.com/a"}
		read := func() kube.Custom {
			o, found, err := e.cluster.Custom(e.ctx, "", "configmaps", e.ns, "a")
			e.ok(err)
			if !found {
				e.Fatal("not found")
			}
			return o
		}
		set := func(version, uid string, from, to any) error {
			return e.settingHands().SetField(e.ctx, object, version, uid, path, from, to)
		}
		o := read()
		e.kind(set("", "another", nil, "1"), kube.Conflict)
		told := func(err error, want string) {
			e.Helper()
			e.kind(err, kube.Conflict)
			if err == nil || !strings.Contains(err.Error(), want) {
				e.Errorf("got %v, want %q", err, want)
			}
			if managers := read().Managers; len(managers) > 0 && err != nil && !strings.Contains(err.Error(), managers[len(managers)-1]) {
				e.Errorf("%v does not say that it was %v", err, managers)
			}
		}
		e.kind(set("1", o.UID, nil, "1"), kube.Conflict)
		told(set("", o.UID, "0", "1"), "someone else changed metadata.annotations.example.com/a from 0 to nothing")
		e.ok(set(o.ResourceVersion, o.UID, nil, "1")) // the map is not there yet
		told(set("", o.UID, nil, "2"), "someone else changed metadata.annotations.example.com/a from nothing to 1")
		e.ok(set("", o.UID, "1", "2"))
		if got := read().Text(path...); got != "2" {
			e.Errorf("got %q", got)
		}
		e.ok(set("", o.UID, "2", "2"))
		e.ok(set("", o.UID, "2", nil))
		if _, ok := read().Field(path...); ok {
			e.Error("it is still there")
		}
		e.ok(set("", o.UID, nil, "3"))
		err = e.settingHands().SetField(e.ctx, kube.Access{Resource: "configmaps", Namespace: e.ns, Name: "b"}, "", o.UID, path, nil, "1")
		e.kind(err, kube.NotFound)
		e.kind(e.cluster.Hands(nil, false).SetField(e.ctx, object, "", o.UID, path, "3", "4"), kube.Refused)
		dry := e.cluster.Hands(kube.AccessSetField(object), true)
		e.ok(dry.SetField(e.ctx, object, "", o.UID, path, "3", "4"))
		if got := read().Text(path...); got != "3" {
			e.Errorf("a trial left %q", got)
		}
	}},
	{"a kind that is not served has no objects", func(e *Env) {
		list, err := e.cluster.Customs(e.ctx, "nobody.example.com", "things", e.ns)
		e.ok(err)
		_, found, err := e.cluster.Custom(e.ctx, "nobody.example.com", "things", e.ns, "a")
		e.ok(err)
		_, other, err := e.cluster.Custom(e.ctx, "apps", "things", e.ns, "a")
		e.ok(err)
		if len(list) != 0 || found || other {
			e.Errorf("got %v, %v, %v", list, found, other)
		}
	}},
	{"what acts on a namespace is found, paused and resumed", func(e *Env) {
		e.make("argoproj.io/v1alpha1", "applications", fmt.Sprintf(`{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{"name":"a"},
			"spec":{"project":"default","destination":{"namespace":%q,"server":"https://kubernetes.default.svc"},"source":{"repoURL":"https://git.example.com"},
			"syncPolicy":{"automated":{"prune":true,"selfHeal":true},"syncOptions":["CreateNamespace=false"]}}}`, e.ns))
		e.make("argoproj.io/v1alpha1", "applications", `{"apiVersion":"argoproj.io/v1alpha1","kind":"Application","metadata":{"name":"elsewhere"},
			"spec":{"project":"default","destination":{"namespace":"elsewhere"},"source":{"repoURL":"https://git.example.com"}}}`)
		e.make("kustomize.toolkit.fluxcd.io/v1", "kustomizations", fmt.Sprintf(`{"apiVersion":"kustomize.toolkit.fluxcd.io/v1","kind":"Kustomization",
			"metadata":{"name":"k"},"spec":{"interval":"10m","prune":true,"targetNamespace":%q,"sourceRef":{"kind":"GitRepository","name":"g"}}}`, e.ns))
		e.make("helm.toolkit.fluxcd.io/v2", "helmreleases", `{"apiVersion":"helm.toolkit.fluxcd.io/v2","kind":"HelmRelease","metadata":{"name":"h"},
			"spec":{"interval":"10m","suspend":false,"chartRef":{"kind":"OCIRepository","name":"c"}}}`)
		e.make("keda.sh/v1alpha1", "scaledobjects", `{"apiVersion":"keda.sh/v1alpha1","kind":"ScaledObject","metadata":{"name":"s"},
			"spec":{"scaleTargetRef":{"name":"sv-app"},"triggers":[{"type":"cron"}]}}`)
		list := func() []kube.Pausable {
			l, err := e.cluster.Pausables(e.ctx, e.ns)
			e.ok(err)
			return l
		}
		before := list()
		if len(before) != 4 {
			e.Fatalf("got %+v", before)
		}
		told := map[string]string{"Application": `{"prune":true,"selfHeal":true}`, "Kustomization": "", "HelmRelease": "false", "ScaledObject": ""}
		for _, p := range before {
			var present strings.Builder
			if len(p.Present) > 0 {
				var v any
				e.ok(json.Unmarshal(p.Present, &v))
				e.ok(json.NewEncoder(&present).Encode(v))
			}
			if got := strings.TrimSpace(present.String()); p.Paused || got != told[p.Kind] || p.UID == "" || p.Note != "" {
				e.Errorf("%s: paused %v, present %q, uid %q, note %q", p.Kind, p.Paused, got, p.UID, p.Note)
			}
			e.kind(e.settingHands().Resume(e.ctx, p), kube.Conflict)
			e.ok(e.settingHands().Pause(e.ctx, p))
			e.kind(e.settingHands().Pause(e.ctx, p), kube.Conflict)
		}
		for _, p := range list() {
			if !p.Paused {
				e.Errorf("%s is not paused: %s", p.Kind, p.Present)
			}
			e.ok(e.settingHands().Pause(e.ctx, p)) // as it is
		}
		for _, p := range before {
			e.ok(e.settingHands().Resume(e.ctx, p))
		}
		for i, p := range list() {
			if p.Paused || string(p.Present) != string(before[i].Present) {
				e.Errorf("%s: present %s, was %s", p.Kind, p.Present, before[i].Present)
			}
		}
	}},
}
