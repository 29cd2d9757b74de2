package contract

import (
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"canton.example/svrescue/kube"
)

var configMaps = []Case{
	{"a config map is made once, and changed only by who has read it last", func(e *Env) {
		hands := e.cluster.Hands(kube.AccessKeepConfigMap(e.ns, "a"), false)
		first := kube.ConfigMap{Meta: kube.Meta{Namespace: e.ns, Name: "a", Labels: map[string]string{"example.com/a": "b"}}, Data: map[string]string{"k": "1"}}
		_, found, err := e.cluster.ConfigMap(e.ctx, e.ns, "a")
		e.ok(err)
		if found {
			e.Fatal("it is there before it was made")
		}
		_, err = e.cluster.Hands(kube.AccessKeepConfigMap(e.ns, "a"), true).CreateConfigMap(e.ctx, first)
		e.ok(err)
		if _, found, err = e.cluster.ConfigMap(e.ctx, e.ns, "a"); err != nil || found {
			e.Fatalf("a trial made it: %v", err)
		}
		made, err := hands.CreateConfigMap(e.ctx, first)
		e.ok(err)
		_, err = hands.CreateConfigMap(e.ctx, first)
		e.kind(err, kube.AlreadyExists)
		read, found, err := e.cluster.ConfigMap(e.ctx, e.ns, "a")
		e.ok(err)
		if !found || read.Data["k"] != "1" || read.Labels["example.com/a"] != "b" || read.UID != made.UID || read.ResourceVersion != made.ResourceVersion {
			e.Fatalf("made %+v, read %+v", made, read)
		}
		second, err := hands.UpdateConfigMap(e.ctx, read, map[string]string{"k": "2"})
		e.ok(err)
		if second.Data["k"] != "2" || second.Labels["example.com/a"] != "b" || second.ResourceVersion == read.ResourceVersion {
			e.Fatalf("changed it is %+v", second)
		}
		_, err = hands.UpdateConfigMap(e.ctx, read, map[string]string{"k": "3"})
		e.kind(err, kube.Conflict)
		if read, _, err = e.cluster.ConfigMap(e.ctx, e.ns, "a"); err != nil || read.Data["k"] != "2" {
			e.Fatalf("after a conflict it is %v, %v", read.Data, err)
		}
		_, err = e.cluster.Hands(kube.AccessKeepConfigMap(e.ns, "b"), false).UpdateConfigMap(e.ctx, read, nil)
		e.kind(err, kube.Refused)
	}},
	{"of many who change a config map at once one does, and the others are told", func(e *Env) {
		_, err := e.admin.CoreV1().ConfigMaps(e.ns).Create(e.ctx, &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "a"}}, metav1.CreateOptions{})
		e.ok(err)
		read, _, err := e.cluster.ConfigMap(e.ctx, e.ns, "a")
		e.ok(err)
		hands := e.cluster.Hands(kube.AccessKeepConfigMap(e.ns, "a"), false)
		errs := make([]error, 8)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() {
				_, errs[i] = hands.UpdateConfigMap(e.ctx, read, map[string]string{"k": fmt.Sprint(i)})
			})
		}
		all.Wait()
		won := ""
		for i, err := range errs {
			switch {
			case err == nil && won == "":
				won = fmt.Sprint(i)
			case err == nil:
				e.Errorf("%s and %d both changed it", won, i)
			default:
				e.kind(err, kube.Conflict)
			}
		}
		if now, _, err := e.cluster.ConfigMap(e.ctx, e.ns, "a"); err != nil || now.Data["k"] != won || won == "" {
			e.Errorf("%q won, and it is %v, %v", won, now.Data, err)
		}
	}},
	{"one that was made anew under the name is another one", func(e *Env) {
		hands := e.cluster.Hands(kube.AccessKeepConfigMap(e.ns, "a"), false)
		m := kube.ConfigMap{Meta: kube.Meta{Namespace: e.ns, Name: "a"}, Data: map[string]string{"k": "1"}}
		old, err := hands.CreateConfigMap(e.ctx, m)
		e.ok(err)
		e.ok(e.admin.CoreV1().ConfigMaps(e.ns).Delete(e.ctx, "a", metav1.DeleteOptions{}))
		_, err = hands.UpdateConfigMap(e.ctx, old, map[string]string{"k": "2"})
		e.kind(err, kube.NotFound)
		_, err = hands.CreateConfigMap(e.ctx, m)
		e.ok(err)
		_, err = hands.UpdateConfigMap(e.ctx, old, map[string]string{"k": "2"})
		e.kind(err, kube.Conflict)
	}},
}
