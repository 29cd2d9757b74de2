package sim

import (
	"context"
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	authv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/clock"
)

func configMap(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"k": "v"}}
}

func create(t *testing.T, c *kubernetes.Clientset, name string) *corev1.ConfigMap {
	t.Helper()
	m, err := c.CoreV1().ConfigMaps("default").Create(bg, configMap(name), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestAuthorisation(t *testing.T) {
	users := map[string]User{
		"admin": {Name: "admin", Admin: true},
		"op": {Name: "op", Rules: []Rule{
			{Verbs: []string{"get", "list"}, Groups: []string{""}, Resources: []string{"configmaps"}, Namespaces: []string{"default"}},
			{Verbs: []string{"patch"}, Groups: []string{"apps"}, Resources: []string{"deployments/*"}, Namespaces: []string{"default"}, Names: []string{"d"}},
		}},
	}
	inWorld(t, Options{Users: users}, func(t *testing.T, s *Server, cfg *rest.Config) {
		op := rest.CopyConfig(cfg)
		op.BearerToken = "op"
		c := client(t, op)
		_, err := c.CoreV1().ConfigMaps("default").List(bg, metav1.ListOptions{})
		if err != nil {
			t.Error(err)
		}
		for _, f := range []struct {
			err  error
			want string
		}{
			{func() error { _, err := c.CoreV1().Pods("kube-system").Get(bg, "p", metav1.GetOptions{}); return err }(),
				`pods "p" is forbidden: User "op" cannot get resource "pods" in API group "" in the namespace "kube-system"`},
			{func() error {
				_, err := c.AppsV1().Deployments("default").Patch(bg, "e", types.MergePatchType, []byte("{}"), metav1.PatchOptions{}, "scale")
				return err
			}(), `deployments.apps "e" is forbidden: User "op" cannot patch resource "deployments/scale" in API group "apps" in the namespace "default"`},
			{func() error {
				_, err := c.CoreV1().PersistentVolumes().List(bg, metav1.ListOptions{})
				return err
			}(), `persistentvolumes is forbidden: User "op" cannot list resource "persistentvolumes" in API group "" at the cluster scope`},
		} {
			if !apierrors.IsForbidden(f.err) || f.err.Error() != f.want {
				t.Errorf("got %v\nwant %s", f.err, f.want)
			}
		}
		review := func(name string) bool {
			r, err := c.AuthorizationV1().SelfSubjectAccessReviews().Create(bg, &authv1.SelfSubjectAccessReview{Spec: authv1.SelfSubjectAccessReviewSpec{
				ResourceAttributes: &authv1.ResourceAttributes{Verb: "patch", Group: "apps", Resource: "deployments", Subresource: "scale", Namespace: "default", Name: name}}}, metav1.CreateOptions{})
			if err != nil {
				t.Fatal(err)
			}
			return r.Status.Allowed
		}
		if !review("d") || review("e") {
			t.Error("access reviews disagree with the rules")
		}
		s.Set(Knobs{Deny: []Rule{{Verbs: []string{"list"}, Resources: []string{"configmaps"}}}})
		if _, err := client(t, cfg).CoreV1().ConfigMaps("default").List(bg, metav1.ListOptions{}); !apierrors.IsForbidden(err) {
			t.Errorf("a denied administrator got %v", err)
		}
		bad := rest.CopyConfig(cfg)
		bad.BearerToken = "stolen"
		if _, err := client(t, bad).CoreV1().Pods("default").List(bg, metav1.ListOptions{}); !apierrors.IsUnauthorized(err) {
			t.Errorf("an unknown token got %v", err)
		}
		if n := len(s.Writes()); n != 1 || s.Writes()[0].Code != 403 || s.Writes()[0].User != "op" {
			t.Errorf("writes %+v", s.Writes())
		}
	})
}

func TestFaults(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, s *Server, cfg *rest.Config) {
		c := client(t, cfg)
		get := func(ctx context.Context, name string) error {
			_, err := c.CoreV1().ConfigMaps("default").Get(ctx, name, metav1.GetOptions{})
			return err
		}
		create(t, c, "a")
		s.Set(Knobs{Faults: []Fault{
			{Verb: "get", Resource: "configmaps", Name: "a", Skip: 1, Count: 2, Code: 503},
			{Verb: "create", Resource: "configmaps", Name: "", After: true, Do: "close"},
			{Verb: "get", Name: "slow", Delay: D(5 * time.Second), Count: -1},
			{Verb: "get", Name: "never", Do: "hang"},
		}})
		var codes []string
		for range 4 {
			codes = append(codes, string(apierrors.ReasonForError(get(bg, "a"))))
		}
		if got := strings.Join(codes, ","); got != ",ServiceUnavailable,ServiceUnavailable," {
			t.Errorf("reasons %s", got)
		}
		if _, err := c.CoreV1().ConfigMaps("default").Create(bg, configMap("b"), metav1.CreateOptions{}); err == nil {
			t.Error("the answer of the create came through")
		}
		if err := get(bg, "b"); err != nil {
			t.Errorf("the create did not take effect: %v", err)
		}
		begun := time.Now()
		if err := get(bg, "slow"); !apierrors.IsNotFound(err) || time.Since(begun) != 5*time.Second {
			t.Errorf("slow: %v after %v", err, time.Since(begun))
		}
		ctx, stop := context.WithTimeout(bg, time.Minute)
		defer stop()
		if err := get(ctx, "never"); err == nil || ctx.Err() == nil {
			t.Errorf("never: %v", err)
		}
	})
}

func TestOutageCutsWatches(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, s *Server, cfg *rest.Config) {
		c := client(t, cfg)
		s.Set(Knobs{Outages: []Outage{{From: *D(time.Minute), Until: *D(2 * time.Minute)}}})
		w, err := c.CoreV1().ConfigMaps("default").Watch(bg, metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		for range w.ResultChan() {
		}
		if d := time.Since(begun); d != time.Minute {
			t.Errorf("the watch ended after %v", d)
		}
		if _, err := c.CoreV1().ConfigMaps("default").List(bg, metav1.ListOptions{}); err == nil || apierrors.ReasonForError(err) != metav1.StatusReasonUnknown {
			t.Errorf("during the outage: %v", err)
		}
		time.Sleep(time.Minute)
		if _, err := c.CoreV1().ConfigMaps("default").List(bg, metav1.ListOptions{}); err != nil {
			t.Errorf("after the outage: %v", err)
		}
	})
}

func TestWatchTooOld(t *testing.T) {
	inWorld(t, Options{Keep: 4}, func(t *testing.T, s *Server, cfg *rest.Config) {
		c := client(t, cfg)
		old := create(t, c, "first").ResourceVersion
		for _, n := range strings.Split("abcdefgh", "") {
			create(t, c, n)
		}
		w, err := c.CoreV1().ConfigMaps("default").Watch(bg, metav1.ListOptions{ResourceVersion: old})
		if err != nil {
			t.Fatal(err)
		}
		e := <-w.ResultChan()
		if e.Type != watch.Error || !apierrors.IsResourceExpired(apierrors.FromObject(e.Object)) {
			t.Errorf("got %s %v", e.Type, e.Object)
		}
		if _, open := <-w.ResultChan(); open {
			t.Error("the watch stayed open")
		}
	})
}

func TestWatchList(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, s *Server, cfg *rest.Config) {
		c := client(t, cfg)
		create(t, c, "a")
		yes := true
		w, err := c.CoreV1().ConfigMaps("default").Watch(bg, metav1.ListOptions{SendInitialEvents: &yes, AllowWatchBookmarks: true, ResourceVersionMatch: metav1.ResourceVersionMatchNotOlderThan})
		if err != nil {
			t.Fatal(err)
		}
		defer w.Stop()
		if e := <-w.ResultChan(); e.Type != watch.Added {
			t.Errorf("first %s", e.Type)
		}
		e := <-w.ResultChan()
		if e.Type != watch.Bookmark || e.Object.(*corev1.ConfigMap).Annotations[metav1.InitialEventsAnnotationKey] != "true" {
			t.Errorf("second %s %v", e.Type, e.Object)
		}
	})
}

// TestEverythingEndsWithRun has a watch, a followed log and a hanging request open when the server ends.
func TestEverythingEndsWithRun(t *testing.T) {
	inStoppable(t, Options{}, func(t *testing.T, s *Server, cfg *rest.Config, stop func()) {
		c := client(t, cfg)
		p := start(t, c, "d")
		time.Sleep(10 * time.Second)
		s.Set(Knobs{Faults: []Fault{{Verb: "create", Resource: "configmaps", Do: "hang"}}})
		w, err := c.CoreV1().ConfigMaps("default").Watch(bg, metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		log, err := c.CoreV1().Pods("default").GetLogs(p.Name, &corev1.PodLogOptions{Follow: true}).Stream(bg)
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		hung := make(chan error)
		go func() {
			_, err := c.CoreV1().ConfigMaps("default").Create(bg, configMap("a"), metav1.CreateOptions{})
			hung <- err
		}()
		time.Sleep(time.Minute)
		begun := time.Now()
		stop()
		for range w.ResultChan() {
		}
		if _, err := io.ReadAll(log); err != nil {
			t.Errorf("log: %v", err)
		}
		if <-hung == nil {
			t.Error("the hanging request was answered")
		}
		if d := time.Since(begun); d > 0 {
			t.Errorf("it took %v", d)
		}
	})
}

func TestHTTP(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, s *Server, cfg *rest.Config) {
		hc, err := rest.HTTPClientFor(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer hc.CloseIdleConnections()
		do := func(method, path, accept, media, body string) (*http.Response, string) {
			t.Helper()
			r, _ := http.NewRequest(method, "http://sim"+path, strings.NewReader(body))
			if accept != "" {
				r.Header.Set("Accept", accept)
			}
			r.Header.Set("Content-Type", media)
			resp, err := hc.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			b, _ := io.ReadAll(resp.Body)
			return resp, string(b)
		}
		s.Set(Knobs{ClockSkew: D(time.Hour)})
		const maps = "/api/v1/namespaces/default/configmaps"
		for _, x := range []struct {
			method, path, accept, media, body string
			code                              int
			contains                          string
		}{
			{"GET", maps, protobuf, "", "", 406, "only the following media types are accepted"},
			{"GET", maps, protobuf + ",application/json", "", "", 200, `"kind":"ConfigMapList"`},
			{"GET", maps, "application/json;as=Table;v=v1;g=meta.k8s.io,application/json", "", "", 200, `"kind":"ConfigMapList"`},
			{"POST", maps, "", "text/csv", "a,b", 415, "unknown format"},
			{"POST", maps, "", "application/json", `{"metadata":{"name":"a"},"datta":{}}`, 201, ""},
			{"POST", maps + "?fieldValidation=Strict", "", "application/json", `{"metadata":{"name":"b"},"datta":{}}`, 400, `unknown field \"datta\"`},
			{"POST", maps + "?dryRun=yes", "", "application/json", `{"metadata":{"name":"b"}}`, 422, "dryRun"},
			{"POST", "/api/v1/namespaces/kube-system/configmaps", "", "application/json", `{"metadata":{"name":"b","namespace":"default"}}`, 400, "does not match the namespace sent"},
			{"GET", "/api/v1/nosuch", "", "", "", 404, "could not find the requested resource"},
			{"PUT", maps, "", "", "", 405, "MethodNotAllowed"},
			{"GET", "/readyz", "", "", "", 200, "ok"},
			{"GET", "/version", "", "", "", 200, gitVersion},
		} {
			resp, got := do(x.method, x.path, x.accept, x.media, x.body)
			if resp.StatusCode != x.code || !strings.Contains(got, x.contains) {
				t.Errorf("%s %s: %d %s", x.method, x.path, resp.StatusCode, got)
			}
			if at, err := http.ParseTime(resp.Header.Get("Date")); err != nil || at.Sub(time.Now().Truncate(time.Second)) != time.Hour {
				t.Errorf("Date %q, now %v", resp.Header.Get("Date"), time.Now())
			}
		}
	})
}

func TestWritesRecordsDryRuns(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, s *Server, cfg *rest.Config) {
		c := client(t, cfg)
		create(t, c, "a")
		all := metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}}
		if err := c.CoreV1().ConfigMaps("default").Delete(bg, "a", all); err != nil {
			t.Fatal(err)
		}
		if _, err := c.CoreV1().ConfigMaps("default").Get(bg, "a", metav1.GetOptions{}); err != nil {
			t.Error(err)
		}
		w := s.Writes()
		if len(w) != 2 || w[0].DryRun || !w[1].DryRun || w[1].Verb != "delete" || w[1].Name != "a" || w[0].Code != 201 || w[0].Body == w[1].Body || !w[0].Time.Equal(time.Now()) {
			t.Errorf("%+v", w)
		}
	})
}

// TestKubeconfig goes the whole way of a rehearsal: TLS on loopback, a kubeconfig file, a client made from it.
func TestKubeconfig(t *testing.T) {
	pair, ca, err := Certificate()
	if err != nil {
		t.Fatal(err)
	}
	s := New(Options{Clock: clock.RealClock{}})
	if err := s.LoadScenario(nodeScenario(t)); err != nil { // with a clock that moves
		t.Fatal(err)
	}
	h := httptest.NewUnstartedServer(s)
	h.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	h.StartTLS()
	defer h.Close()
	cfg, err := clientcmd.RESTConfigFromKubeConfig(Kubeconfig(h.URL, "admin", ca, "sv"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := client(t, cfg).CoreV1().Pods("sv").List(bg, metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range l.Items {
		if !podReady(&p) {
			t.Errorf("%s is not ready", p.Name)
		}
	}
	if len(l.Items) == 0 {
		t.Error("no pods")
	}
}

func TestLoadRefusesWhatIsNotServed(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, s *Server, _ *rest.Config) {
		for _, doc := range []string{"apiVersion: v9\nkind: Pod\nmetadata: {name: a}", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: x}\ndatta: {}"} {
			if s.LoadYAML([]byte(doc)) == nil {
				t.Errorf("loaded %s", doc)
			}
		}
		if err := s.Load(&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "d", Namespace: "x"}}); err == nil {
			t.Error("loaded an invalid deployment")
		}
	})
}
