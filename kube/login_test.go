package kube

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// doorkeeper is a server that knows one token at a time, and a kubeconfig that leads to it.
func doorkeeper(t *testing.T) (c *Cluster, now *atomic.Value, write func(user string)) {
	t.Helper()
	now = &atomic.Value{}
	now.Store("old")
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.Header.Get("Authorization") != "Bearer "+now.Load().(string):
			answer(401, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Unauthorized","code":401,"message":"Unauthorized"}`)(w, r)
		case r.URL.Path == "/version":
			answer(200, `{"gitVersion":"v1.35.1"}`)(w, r)
		case strings.HasSuffix(r.URL.Path, "selfsubjectreviews"):
			answer(201, `{"kind":"SelfSubjectReview","apiVersion":"authentication.k8s.io/v1","status":{"userInfo":{"username":"alice"}}}`)(w, r)
		default:
			answer(200, `{"kind":"Lease","apiVersion":"coordination.k8s.io/v1","metadata":{"name":"svrescue"}}`)(w, r)
		}
	}))
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "config")
	at, ca := server.URL, base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	write = func(user string) {
		t.Helper()
		text := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"here","clusters":[{"name":"c","cluster":{"server":%q,"certificate-authority-data":%q}}],
"contexts":[{"name":"here","context":{"cluster":"c","user":"u"}}],"users":[{"name":"u","user":%s}]}`, at, ca, user)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(`{"token":"old"}`)
	c, err := Connect(Target{Kubeconfig: file}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c, now, write
}

// What was made before a new login knows it too: whoever reads, and whoever writes.
func TestANewLoginIsTakenFromTheKubeconfig(t *testing.T) {
	c, now, write := doorkeeper(t)
	hands := c.Hands(nil, false)
	reads := func() (Kind, Kind) {
		_, _, err := c.Lease(t.Context(), "sv")
		_, other := hands.kube.CoreV1().RESTClient().Get().AbsPath("/version").DoRaw(t.Context())
		return KindOf(err), KindOf(other)
	}
	if a, b := reads(); a != "" || b != "" {
		t.Fatal(a, b)
	}
	now.Store("new")
	if a, b := reads(); a != Unauthorized || b != Unauthorized {
		t.Fatal(a, b)
	}
	if err := c.LogIn(t.Context()); KindOf(err) != Unauthorized {
		t.Fatalf("with the old kubeconfig: %v", err)
	}
	write(`{"token":"new"}`)
	if err := c.LogIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if a, b := reads(); a != "" || b != "" {
		t.Fatal(a, b)
	}
	if got := hands.rest().BearerToken; got != "new" {
		t.Error("streams have the old token")
	}
	write(`{{`)
	if err := c.LogIn(t.Context()); KindOf(err) != Setup {
		t.Errorf("a file that is half written: %v", err)
	}
	if a, b := reads(); a != "" || b != "" {
		t.Fatal(a, b)
	}
}

// A kubeconfig that leads elsewhere now is not followed: the run is about the cluster that it began with.
func TestANewLoginToAnotherClusterIsNone(t *testing.T) {
	c, _, write := doorkeeper(t)
	other, _, _ := doorkeeper(t)
	text, err := os.ReadFile(c.named.Kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	write(`{"token":"new"}`)
	os.WriteFile(c.named.Kubeconfig, []byte(strings.ReplaceAll(string(text), c.server, other.server)), 0o600)
	if err := c.LogIn(t.Context()); KindOf(err) != Setup || !strings.Contains(err.Error(), other.server) {
		t.Errorf("%v", err)
	}
}

// client-go runs a credential plugin again after a 401, so that the request after it has fresh credentials; and what goes wrong in one is a
// matter of the login, and nothing that passes by itself.
func TestCredentialPlugins(t *testing.T) {
	c, now, write := doorkeeper(t)
	dir := t.TempDir()
	token, plugin := filepath.Join(dir, "token"), filepath.Join(dir, "plugin")
	os.WriteFile(token, []byte("old"), 0o600)
	script := "#!/bin/sh\n[ -s " + token + " ] || exit 7\necho '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{\"token\":\"'$(cat " + token + ")'\"}}'\n"
	if err := os.WriteFile(plugin, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	user := func(mode string) string {
		return fmt.Sprintf(`{"exec":{"apiVersion":"client.authentication.k8s.io/v1","command":%q,"args":["--client-secret=hunter2"],"interactiveMode":%q}}`, plugin, mode)
	}
	write(user("Never"))
	if err := c.LogIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	now.Store("new")
	os.WriteFile(token, []byte("new"), 0o600)
	_, _, first := c.Lease(t.Context(), "sv")
	_, _, second := c.Lease(t.Context(), "sv")
	if KindOf(first) != Unauthorized || second != nil {
		t.Errorf("first %v, then %v", first, second)
	}
	if got := c.HowToLogIn(); !strings.Contains(got, "plugin") || strings.Contains(got, "hunter2") {
		t.Errorf("says %q", got)
	}
	os.WriteFile(token, nil, 0o600)
	now.Store("newer")
	c.Lease(t.Context(), "sv") // it is run again, and fails from here on
	write(user("IfAvailable"))
	err := c.LogIn(t.Context())
	if KindOf(err) != Unauthorized || IsTransient(err) || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("a plugin that fails: %v", err)
	}
	write(user("Always"))
	if err := c.LogIn(t.Context()); KindOf(err) != Unauthorized || IsTransient(err) || !strings.Contains(err.Error(), "terminal") {
		t.Errorf("a plugin that wants a terminal: %v", err)
	}
	if got := c.HowToLogIn(); !strings.Contains(got, "interactiveMode: Never") {
		t.Errorf("says %q", got)
	}
}

func TestCredential(t *testing.T) {
	ends := time.Date(2026, 3, 1, 4, 22, 0, 0, time.UTC)
	jwt := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
	}
	good := jwt(fmt.Sprintf(`{"exp":%d,"sub":"alice"}`, ends.Unix()))
	file := filepath.Join(t.TempDir(), "token")
	os.WriteFile(file, []byte(good+"\n"), 0o600)
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	plugin := func(command string, mode clientcmdapi.ExecInteractiveMode) *rest.Config {
		return &rest.Config{ExecProvider: &clientcmdapi.ExecConfig{Command: command, InteractiveMode: mode, Args: []string{"--secret=hunter2"}}}
	}
	for name, c := range map[string]struct {
		config *rest.Config
		want   Credential
	}{
		"a JWT":                   {&rest.Config{BearerToken: good}, Credential{Kind: "token", Ends: ends}},
		"one in a file":           {&rest.Config{BearerToken: "x", BearerTokenFile: file}, Credential{Kind: "token", Ends: ends, File: file}},
		"one without an end":      {&rest.Config{BearerToken: jwt(`{"sub":"alice"}`)}, Credential{Kind: "token"}},
		"one that is broken":      {&rest.Config{BearerToken: "a.b.c"}, Credential{Kind: "token"}},
		"a token":                 {&rest.Config{BearerToken: "t0ken"}, Credential{Kind: "token"}},
		"a certificate":           {&rest.Config{TLSClientConfig: rest.TLSClientConfig{CertData: cert}}, Credential{Kind: "certificate", Ends: ends}},
		"a broken certificate":    {&rest.Config{TLSClientConfig: rest.TLSClientConfig{CertData: []byte("x")}}, Credential{Kind: "certificate"}},
		"a plugin":                {plugin("/bin/sh", clientcmdapi.NeverExecInteractiveMode), Credential{Kind: "plugin", Plugin: "sh", Wants: WantsNone}},
		"one that may ask":        {plugin("/bin/sh", ""), Credential{Kind: "plugin", Plugin: "sh", Wants: WantsIfAny}},
		"one that is not there":   {plugin("no-such-plugin", clientcmdapi.AlwaysExecInteractiveMode), Credential{Kind: "plugin", Plugin: "no-such-plugin", Wants: WantsAlways, Missing: true}},
		"something else, or none": {&rest.Config{Username: "alice"}, Credential{}},
	} {
		got := credentialOf(c.config)
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
		if text, _ := json.Marshal(got); strings.Contains(string(text), "hunter2") || strings.Contains(string(text), good) {
			t.Errorf("%s: the secret is in %s", name, text)
		}
	}
}

// The server's wish reaches whoever decides about the next try, whatever form the answer has, and client-go does not wait by itself.
func TestTheServersPatience(t *testing.T) {
	for name, c := range map[string]struct {
		code       int
		media, say string
		seen       string
	}{
		"plain text":                 {429, "text/plain; charset=utf-8", "Too many requests, please try again later.\n", "429 Too many requests, please try again later."},
		"a status without the time":  {503, "application/json", `{"kind":"Status","apiVersion":"v1","status":"Failure","code":503,"reason":"ServiceUnavailable","message":"busy"}`, "503 busy"},
		"a page of something before": {503, "text/html", "<html>gone</html>", "503 the server is currently unable to handle the request"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked++
				w.Header().Set("Retry-After", "17")
				w.Header().Set("Content-Type", c.media)
				w.WriteHeader(c.code)
				w.Write([]byte(c.say))
			}))
			defer server.Close()
			cl, err := Connect(Target{Kubeconfig: kubeconfig(t, server.URL)}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			_, _, err = cl.Lease(t.Context(), "sv")
			if RetryAfter(err) != 17*time.Second || !IsTransient(err) || asked != 1 || Explain(err).Seen != c.seen {
				t.Errorf("after %s, asked %d times: %v", RetryAfter(err), asked, err)
			}
		})
	}
}
