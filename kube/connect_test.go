package kube

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestConnectErrors(t *testing.T) {
	dir := t.TempDir()
	broken := filepath.Join(dir, "broken")
	os.WriteFile(broken, []byte("{{{"), 0o600)
	empty := filepath.Join(dir, "empty")
	os.WriteFile(empty, []byte(`{"apiVersion":"v1","kind":"Config"}`), 0o600)
	good := kubeconfig(t, "https://api:6443")
	for _, c := range []struct {
		target Target
		want   string
	}{
		{Target{Kubeconfig: filepath.Join(dir, "none")}, "no kubeconfig found at " + filepath.Join(dir, "none")},
		{Target{Kubeconfig: broken}, "the kubeconfig at " + broken + " is not one"},
		{Target{Kubeconfig: empty}, "has no current context; it has none"},
		{Target{Kubeconfig: good, Context: "y"}, "context y is not in the kubeconfig at " + good + "; it has here, there"},
	} {
		_, err := Connect(c.target, Options{})
		if err == nil || !strings.Contains(err.Error(), c.want) || KindOf(err) != Setup || IsTransient(err) {
			t.Errorf("%+v: %v", c.target, err)
		}
	}
}

func TestConnectResolves(t *testing.T) {
	good := kubeconfig(t, "https://api:6443")
	for _, c := range []struct{ in, want Target }{
		{Target{Kubeconfig: good}, Target{good, "here", "sv"}},
		{Target{Kubeconfig: good, Context: "there"}, Target{good, "there", "default"}},
		{Target{Kubeconfig: good, Namespace: "sv-2"}, Target{good, "here", "sv-2"}},
	} {
		cl, err := Connect(c.in, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if cl.Target() != c.want || cl.Server() != "https://api:6443" {
			t.Errorf("%+v became %+v at %s", c.in, cl.Target(), cl.Server())
		}
	}
}

func TestReach(t *testing.T) {
	ours := time.Date(2026, 5, 1, 3, 0, 0, 0, time.UTC)
	version := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", ours.Add(90*time.Second).Format(http.TimeFormat))
		answer(200, `{"gitVersion":"v1.35.1","major":"1"}`)(w, r)
	}
	cl, s := serveAt(t, frozen(ours), "/k8s/c-1", map[string]http.HandlerFunc{
		"GET /k8s/c-1/version": version,
		"POST /k8s/c-1/apis/authentication.k8s.io/v1/selfsubjectreviews": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", ours.Add(90*time.Second).Format(http.TimeFormat))
			answer(201, `{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1","status":{"userInfo":{"username":"op","groups":["g"]}}}`)(w, r)
		},
	})
	r, err := cl.Reach(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	if r.Version != "v1.35.1" || r.User != "op" || len(r.Groups) != 1 || r.Skew != 90*time.Second+500*time.Millisecond || !r.ServerTime.Equal(ours.Add(90*time.Second)) {
		t.Errorf("%+v", r)
	}
	if a := s.last(); a.agent != "svrescue/test" || a.contentType != "application/json" {
		t.Errorf("sent as %+v", a)
	}
}

func TestReachSomethingElse(t *testing.T) {
	cl, _ := serve(t, map[string]http.HandlerFunc{"GET /version": answer(200, "<html><title>Welcome</title></html>")})
	if _, err := cl.Reach(testContext(t)); KindOf(err) != Unreachable || !strings.Contains(err.Error(), "Welcome") || strings.Contains(err.Error(), "<") {
		t.Errorf("%v", err)
	}
}

func TestReachWithoutLogin(t *testing.T) {
	cl, _ := serve(t, map[string]http.HandlerFunc{
		"GET /version": answer(200, `{"gitVersion":"v1.30.0"}`),
		"POST /apis/authentication.k8s.io/v1/selfsubjectreviews": status4(401, "Unauthorized", "Unauthorized"),
	})
	if r, err := cl.Reach(testContext(t)); KindOf(err) != Unauthorized || r.Version != "v1.30.0" {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestTokenWithoutTLS(t *testing.T) {
	for server, want := range map[string]string{
		"http://127.0.0.1:1": "t0ken", "http://[::1]:1": "t0ken", "http://10.0.0.1:1": "", "http://localhost:1": "", "https://10.0.0.1:1": "t0ken",
	} {
		cl, err := Connect(Target{Kubeconfig: kubeconfig(t, server)}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if cl.config.Load().BearerToken != want {
			t.Errorf("%s would get token %q", server, cl.config.Load().BearerToken)
		}
	}
}
