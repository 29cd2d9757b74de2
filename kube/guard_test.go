package kube

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"k8s.io/utils/clock"
)

type wire struct{ got *http.Request }

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w.got = r
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(""))}, nil
}

func guarding(prefix string, dryRun bool, allowed ...Access) (*guard, *wire) {
	w := &wire{}
	return &guard{next: w, scheme: "https", host: "api:6443", prefix: prefix, allowed: allowed, dryRun: dryRun, clock: clock.RealClock{}}, w
}

func request(t *testing.T, method, address, body string) *http.Request {
	t.Helper()
	if strings.HasPrefix(address, "/") {
		address = "https://api:6443" + address
	}
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	return r
}

func TestParseRequest(t *testing.T) {
	for _, c := range []struct{ method, path, want string }{
		{"GET", "/api/v1/namespaces/sv/pods", "list pods sv/*"},
		{"GET", "/api/v1/pods", "list pods"},
		{"GET", "/api/v1/namespaces/sv/pods?watch=true", "watch pods sv/*"},
		{"GET", "/api/v1/namespaces/sv/pods/p-0", "get pods sv/p-0"},
		{"HEAD", "/api/v1/namespaces/sv/pods/p-0", "get pods sv/p-0"},
		{"GET", "/api/v1/namespaces/sv/pods/p-0/log?tailLines=1", "get pods/log sv/p-0"},
		{"GET", "/api/v1/namespaces", "list namespaces"},
		{"GET", "/api/v1/namespaces/sv", "get namespaces sv"},
		{"DELETE", "/api/v1/namespaces/sv", "delete namespaces sv"},
		{"PUT", "/api/v1/namespaces/sv/finalize", "update namespaces/finalize sv"},
		{"PATCH", "/api/v1/namespaces/sv/status", "patch namespaces/status sv"},
		{"POST", "/api/v1/namespaces/sv/persistentvolumeclaims", "create persistentvolumeclaims sv/*"},
		{"DELETE", "/api/v1/namespaces/sv/persistentvolumeclaims/data", "delete persistentvolumeclaims sv/data"},
		{"DELETE", "/api/v1/namespaces/sv/persistentvolumeclaims", "deletecollection persistentvolumeclaims sv/*"},
		{"DELETE", "/api/v1/persistentvolumes", "deletecollection persistentvolumes"},
		{"PATCH", "/api/v1/persistentvolumes/pv-1", "patch persistentvolumes pv-1"},
		{"PUT", "/apis/apps/v1/namespaces/sv/deployments/sv-app/scale", "update deployments.apps/scale sv/sv-app"},
		{"PATCH", "/apis/apps/v1/namespaces/sv/deployments/sv-app", "patch deployments.apps sv/sv-app"},
		{"POST", "/apis/snapshot.storage.k8s.io/v1/namespaces/sv/volumesnapshots", "create volumesnapshots.snapshot.storage.k8s.io sv/*"},
		{"POST", "/api/v1/namespaces/sv/pods/p-0/eviction", "create pods/eviction sv/p-0"},
		{"POST", "/api/v1/namespaces/sv/pods/p-0/exec?command=ls", "create pods/exec sv/p-0"},
		{"GET", "/api/v1/namespaces/sv/pods/p-0/exec?command=ls", "create pods/exec sv/p-0"},
		{"GET", "/api/v1/namespaces/sv/pods/p-0/portforward", "create pods/portforward sv/p-0"},
		{"GET", "/api/v1/namespaces/sv/services/https:sv-app:5014/proxy/api/sv/readyz", "get services/proxy sv/https:sv-app:5014"},
		{"POST", "/api/v1/nodes/node-1/proxy/run", "create nodes/proxy node-1"},
		{"GET", "/version", ""},
		{"GET", "/api/v1", ""},
		{"GET", "/apis/apps/v1", ""},
		{"GET", "/", ""},
	} {
		u, err := url.Parse("https://api:6443" + c.path)
		if err != nil {
			t.Fatal(err)
		}
		a, resource, err := parseRequest(c.method, u, "")
		if err != nil {
			t.Errorf("%s %s: %v", c.method, c.path, err)
			continue
		}
		got := ""
		if resource {
			got = a.String()
		}
		if got != c.want {
			t.Errorf("%s %s = %q, want %q", c.method, c.path, got, c.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ method, path string }{
		{"GET", "/api/v1/namespaces/sv/pods/..%2f..%2fsecrets"},
		{"DELETE", "/api/v1/namespaces/sv/pods/../persistentvolumeclaims/data"},
		{"DELETE", "/api/v1/namespaces/sv//pods/x"},
		{"DELETE", "/api/v1/namespaces/sv/pods/./x"},
		{"GET", "/api/v1/watch/namespaces/sv/pods"},
		{"POST", "/api/v1/proxy/namespaces/sv/pods/x"},
		{"DELETE", "/api/v2/namespaces/sv/pods/x"},
		{"DELETE", "/api/v1/namespaces/sv/pods/x/status/more"},
		{"POST", "/api/v1/namespaces/sv/pods/x"},
		{"PUT", "/api/v1/namespaces/sv/pods"},
		{"PATCH", "/api/v1/namespaces/sv/pods"},
		{"DELETE", "/api/v1/namespaces/sv/pods/x/exec"},
		{"CONNECT", "/api/v1/namespaces/sv/pods/x/proxy"},
		{"delete", "/api/v1/namespaces/sv/pods/x"},
		{"MOVE", "/api/v1/namespaces/sv/pods/x"},
	} {
		u, err := url.Parse("https://api:6443" + c.path)
		if err != nil {
			t.Fatal(err)
		}
		if a, _, err := parseRequest(c.method, u, ""); err == nil {
			t.Errorf("%s %s was read as %q", c.method, c.path, a)
		}
	}
}

func TestGuard(t *testing.T) {
	scale := access("update", groupApps, "deployments", "sv", "sv-app")
	scale.Subresource = "scale"
	claim := access("create", "", "persistentvolumeclaims", "sv", "data")
	anyPod := access("delete", "", "pods", "sv", "")
	const (
		claims = "/api/v1/namespaces/sv/persistentvolumeclaims"
		sar    = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
	)
	for _, c := range []struct {
		name, method, path, body string
		allowed                  []Access
		pass                     bool
	}{
		{"reading needs no permission", "GET", claims, "", nil, true},
		{"HEAD reads", "HEAD", claims + "/x", "", nil, true},
		{"watching reads", "GET", claims + "?watch=1", "", nil, true},
		{"a review changes nothing", "POST", sar, "{}", nil, true},
		{"who we are changes nothing", "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "{}", nil, true},
		{"a review of somebody else is not ours to ask", "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", "{}", nil, false},
		{"only posting a review is free", "DELETE", sar, "", nil, false},
		{"a review in another group", "POST", "/apis/evil/v1/selfsubjectaccessreviews", "{}", nil, false},
		{"nothing is allowed by default", "DELETE", claims + "/data", "", nil, false},
		{"exec by GET is a write", "GET", "/api/v1/namespaces/sv/pods/p/exec?command=rm", "", nil, false},
		{"attach by GET is a write", "GET", "/api/v1/namespaces/sv/pods/p/attach", "", nil, false},
		{"a proxy by GET is a write", "GET", "/api/v1/namespaces/sv/services/s/proxy/drop", "", nil, false},
		{"portforward is a write", "POST", "/api/v1/namespaces/sv/pods/p/portforward", "", nil, false},
		{"what was shown", "PUT", "/apis/apps/v1/namespaces/sv/deployments/sv-app/scale", "{}", []Access{scale}, true},
		{"another name", "PUT", "/apis/apps/v1/namespaces/sv/deployments/scan-app/scale", "{}", []Access{scale}, false},
		{"another namespace", "PUT", "/apis/apps/v1/namespaces/sv-2/deployments/sv-app/scale", "{}", []Access{scale}, false},
		{"another verb", "PATCH", "/apis/apps/v1/namespaces/sv/deployments/sv-app/scale", "{}", []Access{scale}, false},
		{"without the subresource", "PUT", "/apis/apps/v1/namespaces/sv/deployments/sv-app", "{}", []Access{scale}, false},
		{"another resource", "PUT", "/apis/apps/v1/namespaces/sv/statefulsets/sv-app/scale", "{}", []Access{scale}, false},
		{"another group", "PUT", "/apis/extensions/v1/namespaces/sv/deployments/sv-app/scale", "{}", []Access{scale}, false},
		{"every name where none is named", "DELETE", "/api/v1/namespaces/sv/pods/p", "", []Access{anyPod}, true},
		{"every name is not every namespace", "DELETE", "/api/v1/namespaces/sv-2/pods/p", "", []Access{anyPod}, false},
		{"every name is not the collection", "DELETE", "/api/v1/namespaces/sv/pods", "", []Access{anyPod}, false},
		{"every name is not a subresource", "DELETE", "/api/v1/namespaces/sv/pods/p/status", "", []Access{anyPod}, false},
		{"a creation by its name", "POST", claims, `{"metadata":{"name":"data","namespace":"sv"}}`, []Access{claim}, true},
		{"a creation of another name", "POST", claims, `{"metadata":{"name":"data2"}}`, []Access{claim}, false},
		{"a creation of a generated name", "POST", claims, `{"metadata":{"generateName":"data"}}`, []Access{claim}, false},
		{"a creation whose name is spelt in another case", "POST", claims, `{"metadata":{"name":"evil","Name":"data"}}`, []Access{claim}, false},
		{"a creation with metadata in another case", "POST", claims, `{"Metadata":{"name":"data"}}`, []Access{claim}, false},
		{"a creation for another namespace", "POST", claims, `{"metadata":{"name":"data","namespace":"x"}}`, []Access{claim}, false},
		{"a creation that is not JSON", "POST", claims, "k8s\x00", []Access{claim}, false},
		{"a creation that is a list", "POST", claims, "[]", []Access{claim}, false},
		{"another server", "DELETE", "https://evil:6443/api/v1/namespaces/sv/pods/p", "", []Access{anyPod}, false},
		{"reading from another server", "GET", "https://evil:6443/version", "", nil, false},
		{"without TLS", "GET", "http://api:6443/version", "", nil, false},
		{"a write that is not about a resource", "POST", "/logs", "", []Access{{}, anyPod}, false},
		{"metrics", "GET", "/metrics", "", nil, true},
	} {
		g, w := guarding("", false, c.allowed...)
		_, err := g.RoundTrip(request(t, c.method, c.path, c.body))
		var refused *NotShown
		switch {
		case c.pass && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case !c.pass && !errors.As(err, &refused):
			t.Errorf("%s: err = %v", c.name, err)
		case c.pass != (w.got != nil):
			t.Errorf("%s: sent = %v", c.name, w.got != nil)
		}
		if c.pass && w.got != nil {
			if b, _ := io.ReadAll(w.got.Body); string(b) != c.body {
				t.Errorf("%s: body %q became %q", c.name, c.body, b)
			}
		}
	}
}

func TestGuardRefusesProtobufCreations(t *testing.T) {
	g, w := guarding("", false, access("create", "", "pods", "sv", ""))
	r := request(t, "POST", "/api/v1/namespaces/sv/pods", `{"metadata":{"name":"p"}}`)
	r.Header.Set("Content-Type", "application/vnd.kubernetes.protobuf")
	if _, err := g.RoundTrip(r); err == nil || w.got != nil {
		t.Fatalf("err = %v, sent = %v", err, w.got != nil)
	}
}

func TestGuardPrefix(t *testing.T) {
	pod := access("delete", "", "pods", "sv", "p")
	for path, pass := range map[string]bool{
		"/k8s/clusters/c-1/api/v1/namespaces/sv/pods/p":  true,
		"/k8s/clusters/c-12/api/v1/namespaces/sv/pods/p": false,
		"/api/v1/namespaces/sv/pods/p":                   false,
	} {
		g, _ := guarding("/k8s/clusters/c-1", false, pod)
		if _, err := g.RoundTrip(request(t, "DELETE", path, "")); (err == nil) != pass {
			t.Errorf("%s: err = %v", path, err)
		}
	}
}

// A server takes dryRun from the address, except for deletions with options in the body: there it reads the body alone.
func TestDryRun(t *testing.T) {
	all := []Access{
		access("delete", "", "pods", "sv", ""), access("create", "", "pods", "sv", ""), access("patch", "", "pods", "sv", ""),
		access("update", "", "pods", "sv", ""), access("deletecollection", "", "pods", "sv", ""),
	}
	for _, c := range []struct{ method, path, body string }{
		{"DELETE", "/api/v1/namespaces/sv/pods/p", `{"preconditions":{"uid":"u-1"},"gracePeriodSeconds":0}`},
		{"DELETE", "/api/v1/namespaces/sv/pods/p", `{"preconditions":{"uid":"u-1"},"dryRun":[],"DryRun":null}`},
		{"DELETE", "/api/v1/namespaces/sv/pods", `{"preconditions":{"uid":"u-1"}}`},
		{"DELETE", "/api/v1/namespaces/sv/pods/p", ""},
		{"POST", "/api/v1/namespaces/sv/pods?dryRun=", `{"metadata":{"name":"p"}}`},
		{"PUT", "/api/v1/namespaces/sv/pods/p?dryRun=None", `{}`},
		{"PATCH", "/api/v1/namespaces/sv/pods/p?fieldManager=x", `[]`},
	} {
		g, w := guarding("", true, all...)
		if _, err := g.RoundTrip(request(t, c.method, c.path, c.body)); err != nil {
			t.Errorf("%s %s: %v", c.method, c.path, err)
			continue
		}
		if q := w.got.URL.Query()["dryRun"]; len(q) != 1 || q[0] != "All" {
			t.Errorf("%s %s: dryRun in the address is %q", c.method, c.path, q)
		}
		body, _ := io.ReadAll(w.got.Body)
		if int64(len(body)) != w.got.ContentLength {
			t.Errorf("%s %s: %d bytes are announced as %d", c.method, c.path, len(body), w.got.ContentLength)
		}
		if c.method == "DELETE" && c.body != "" {
			var o struct {
				DryRun        []string
				Preconditions struct{ UID string }
			}
			if err := json.Unmarshal(body, &o); err != nil || len(o.DryRun) != 1 || o.DryRun[0] != "All" || o.Preconditions.UID != "u-1" {
				t.Errorf("%s %s: options are %s", c.method, c.path, body)
			}
			if strings.Count(strings.ToLower(string(body)), "dryrun") != 1 {
				t.Errorf("%s %s: dryRun more than once in %s", c.method, c.path, body)
			}
		}
	}
	exec := access("create", "", "pods", "sv", "p")
	exec.Subresource = "exec"
	g, w := guarding("", true, exec)
	if _, err := g.RoundTrip(request(t, "GET", "/api/v1/namespaces/sv/pods/p/exec", "")); err == nil || w.got != nil {
		t.Errorf("a command in a pod was sent for trial: %v", err)
	}
	g, w = guarding("", true)
	if _, err := g.RoundTrip(request(t, "GET", "/api/v1/namespaces/sv/pods/p", "")); err != nil || w.got.URL.RawQuery != "" {
		t.Errorf("a read became %v, %v", w.got.URL, err)
	}
	g, w = guarding("", true, all...)
	r := request(t, "DELETE", "/api/v1/namespaces/sv/pods/p", "k8s\x00")
	r.Header.Set("Content-Type", "application/vnd.kubernetes.protobuf")
	if _, err := g.RoundTrip(r); err == nil || w.got != nil {
		t.Errorf("options that cannot be read were sent for trial: %v", err)
	}
}

func FuzzParseRequest(f *testing.F) {
	for _, s := range []string{"/api/v1/namespaces/sv/pods/p/exec", "/apis/apps/v1/namespaces/sv/deployments/d/scale", "/version",
		"/api/v1/namespaces/sv/status", "/api/v1/namespaces//pods", "/api/v1/namespaces/sv/pods/..", "/api/v1/persistentvolumes/pv%2f1",
		"/apis/g/v/watch/x", "/api/v1/nodes/n/proxy/a/b", "//", "/api/v1/namespaces/a/namespaces/b"} {
		f.Add("DELETE", s)
		f.Add("GET", s)
		f.Add("POST", s)
	}
	f.Fuzz(func(t *testing.T, method, path string) {
		u, err := url.Parse("https://api:6443" + path)
		if err != nil || u.Host != "api:6443" {
			return
		}
		a, resource, err := parseRequest(method, u, "")
		if err != nil || !resource {
			if err == nil && strings.HasPrefix(u.EscapedPath(), "/api/v1/") && strings.Trim(u.EscapedPath(), "/") != "api/v1" {
				t.Fatalf("%s %q is below /api/v1 and was not read as a resource", method, path)
			}
			return
		}
		// What was read, written again, must be the address: nothing of it may have been overlooked.
		seg := []string{"", "apis", a.Group}
		parts := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
		if a.Group == "" {
			seg = []string{"", "api", "v1"}
		} else {
			seg = append(seg, parts[2])
		}
		if a.Namespace != "" {
			seg = append(seg, "namespaces", a.Namespace)
		}
		seg = append(seg, a.Resource)
		if a.Name != "" {
			seg = append(seg, a.Name)
		}
		if a.Subresource != "" {
			seg = append(seg, a.Subresource)
		}
		want, got := strings.Join(seg, "/"), "/"+strings.Trim(u.EscapedPath(), "/")
		if a.Subresource == "proxy" && strings.HasPrefix(got, want+"/") {
			got = want
		}
		if got != want {
			t.Fatalf("%s %q was read as %v, which is %q", method, path, a, want)
		}
		if !a.writes() && method != "GET" && method != "HEAD" {
			t.Fatalf("%s %q is taken for a read", method, path)
		}
	})
}

// Hands that ask before each write send it only while the answer is yes; reads, trials and access reviews are not asked about.
func TestHandsWhileHeld(t *testing.T) {
	held := &NotHeld{Why: "bob holds it"}
	var state error = held
	asked := 0
	allowed := []Access{{Verb: "patch", Resource: "configmaps", Namespace: "sv", Name: "a"}}
	for _, c := range []struct {
		name, method string
		dryRun       bool
		state        error
		sent         bool
		asks         int
	}{
		{"a write", http.MethodPatch, false, held, false, 1},
		{"a write while it is held", http.MethodPatch, false, nil, true, 1},
		{"a trial", http.MethodPatch, true, held, true, 0},
		{"a read", http.MethodGet, false, held, true, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			g, w := guarding("", c.dryRun, allowed...)
			state, asked = c.state, 0
			g.held = func() error { asked++; return state }
			req := request(t, c.method, "/api/v1/namespaces/sv/configmaps/a", "[]")
			_, err := g.RoundTrip(req)
			if sent := w.got != nil; sent != c.sent || asked != c.asks {
				t.Errorf("sent %v, asked %d times: %v", sent, asked, err)
			}
			if !c.sent && KindOf(err) != Paused {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A slow answer is no wrong clock: the skew is the least that explains when the server read its clock.
func TestSkew(t *testing.T) {
	at := func(seconds int) time.Time { return time.Date(2026, 5, 1, 3, 0, seconds, 0, time.UTC) }
	for _, c := range []struct {
		name                    string
		server, asked, answered int
		want                    time.Duration
	}{
		{"a clock that agrees", 10, 10, 11, 0},
		{"a slow answer", 20, 10, 50, 0},
		{"ahead, answered at once", 100, 10, 10, 90*time.Second + 500*time.Millisecond},
		{"ahead, by no less than", 100, 10, 50, 50*time.Second + 500*time.Millisecond},
		{"behind", 10, 100, 101, -89*time.Second - 500*time.Millisecond},
	} {
		if got := (dated{server: at(c.server), asked: at(c.asked), answered: at(c.answered)}).skew(); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}
