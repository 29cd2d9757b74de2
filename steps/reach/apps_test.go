package reach

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/svapp"
	clocktesting "k8s.io/utils/clock/testing"
)

// estate is a cluster with pods, of which each container carries requests to a server of the test, and the Secrets of its apps.
type estate struct {
	pods       []kube.Pod
	workloads  map[string]string // namespace/name of deployments, to their selector
	secrets    map[string]string // namespace/name/key
	to         string
	noTunnels  bool
	noCommands bool

	mu   sync.Mutex
	used []string // how connections were made
}

func podIn(ns, name, container string, ready bool, labels ...string) kube.Pod {
	p := kube.Pod{Phase: "Running", Ready: ready, Containers: []kube.ContainerStatus{{Name: container, State: "running"}}}
	p.Namespace, p.Name, p.Labels = ns, name, map[string]string{"app": container}
	for i := 0; i+1 < len(labels); i += 2 {
		p.Labels[labels[i]] = labels[i+1]
	}
	return p
}

func (e *estate) Pods(_ context.Context, ns, selector string) ([]kube.Pod, error) {
	var found []kube.Pod
	for _, p := range e.pods {
		if key, value, _ := strings.Cut(selector, "="); p.Namespace == ns && (selector == "" || p.Labels[key] == value) {
			found = append(found, p)
		}
	}
	return found, nil
}

func (e *estate) Workload(_ context.Context, kind, ns, name string) (kube.Workload, bool, error) {
	selector, has := e.workloads[ns+"/"+name]
	return kube.Workload{Kind: kind, Selector: selector}, has, nil
}

func (e *estate) NamespacesWith(context.Context, string) ([]string, error) {
	return []string{"others"}, nil
}

func (e *estate) SecretValue(_ context.Context, ns, name, key string) (secret.String, bool, error) {
	v, has := e.secrets[ns+"/"+name+"/"+key]
	return secret.New(v), has, nil
}

func (e *estate) Hands([]kube.Access, bool) *kube.Hands { return nil }

func (e *estate) note(how string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.used = append(e.used, how)
}

// inside is what one way may touch.
type inside struct {
	*pod
	of *estate
}

func (i inside) Tunnel(ctx context.Context, ns, name string, port int) (net.Conn, error) {
	i.of.note(fmt.Sprintf("tunnel %s/%s:%d", ns, name, port))
	if i.of.noTunnels {
		return nil, errors.New("forwarding is not allowed")
	}
	return i.pod.Tunnel(ctx, ns, name, port)
}

func (e *estate) apps(t *testing.T, o AppOptions) *Apps {
	t.Helper()
	p := &pod{to: e.to}
	if e.noCommands {
		p.code = 7
	}
	return NewApps(Options{Clock: clocktesting.NewFakeClock(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)), Run: "r-1", Inside: func(allowed []kube.Access) Inside {
		for _, a := range allowed {
			if a.Subresource == "exec" {
				e.note("command in " + a.Namespace + "/" + a.Name)
			}
		}
		return inside{p, e}
	}}, e, o)
}

// jwt is a token as far as it is read here; nobody verifies it.
func jwt(user, audience string, expires time.Time) string {
	claims, _ := json.Marshal(map[string]any{"sub": user, "aud": audience, "exp": expires.Unix()})
	return "eyJhbGciOiJIUzI1NiJ9." + base64.RawURLEncoding.EncodeToString(claims) + ".canary"
}

const walletAudience = "https://validator.example.com/api"

// purse is a validator app with a wallet; it counts what changes it.
type purse struct {
	*httptest.Server
	mu      sync.Mutex
	changes []string
	offers  string // in place of the list
	token   string // the only one that is taken; empty: any
	answer  int    // status of changes
}

func newPurse(t *testing.T) *purse {
	t.Helper()
	w := &purse{answer: 200, offers: `{"offers":[]}`}
	w.Server = httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		out.Header().Set("Content-Type", "application/json")
		path := strings.TrimPrefix(r.URL.EscapedPath(), "/api/validator")
		if path == "/version" {
			fmt.Fprint(out, `{"version":"0.6.4","commit_ts":"2026-01-20T10:11:12Z"}`)
			return
		}
		if got := r.Header.Get("Authorization"); got == "" || w.token != "" && got != "Bearer "+w.token {
			out.WriteHeader(http.StatusUnauthorized)
			return
		}
		switch {
		case r.Method == http.MethodGet && strings.HasSuffix(path, "/balance"):
			fmt.Fprint(out, `{"round":1,"effective_unlocked_qty":"12.0000000000","effective_locked_qty":"0.0000000000","total_holding_fees":"0.0000000000"}`)
		case r.Method == http.MethodGet:
			fmt.Fprint(out, strings.Replace(w.offers, "offers", strings.ReplaceAll(strings.TrimPrefix(strings.TrimPrefix(path, "/v0/wallet/"), "token-standard/"), "transfer-offers", "offers"), 1))
		default:
			w.changes = append(w.changes, r.Method+" "+path)
			out.WriteHeader(w.answer)
			fmt.Fprint(out, `{"offer_contract_id":"00aa","output":{"transfer_instruction_cid":"00bb"}}`)
		}
	}))
	t.Cleanup(w.Close)
	return w
}

func (w *purse) estate() *estate {
	return &estate{to: w.Listener.Addr().String(), workloads: map[string]string{"recovery/validator-app": "app=validator-app"},
		pods: []kube.Pod{podIn("recovery", "validator-app-0", "validator-app", false), podIn("recovery", "validator-app-1", "validator-app", true),
			podIn("recovery", "participant-0", "participant", true)},
		secrets: map[string]string{"recovery/splice-app-validator-ledger-api-auth/token": jwt("bob", walletAudience, time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC))}}
}

func recovery() steps.App {
	return steps.App{Name: "the recovery validator", Kind: svapp.ValidatorApp, Namespace: "recovery", Workload: "validator-app", Login: steps.LoginClient, Audience: walletAudience}
}

func clients() KeyOptions { return KeyOptions{Clients: &svapp.Logins{}} }

func balance(t *testing.T, a *Apps, app steps.App) (string, error) {
	t.Helper()
	var is svapp.Decimal
	err := a.Validator(t.Context(), app, func(v *svapp.Validator) error {
		b, _, err := v.Balance(t.Context())
		is = b.EffectiveUnlocked
		return err
	})
	return string(is), err
}

func TestAnAppIsReachedThroughTheCluster(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*estate, *steps.App, *purse)
		used   string
		want   string
	}{
		{"by a tunnel to its ready pod", func(*estate, *steps.App, *purse) {}, "tunnel recovery/validator-app-1:5003", ""},
		{"from another pod", func(e *estate, _ *steps.App, _ *purse) { e.noTunnels = true }, "command in recovery/participant-0", ""},
		{"by its host", func(e *estate, app *steps.App, w *purse) { e.workloads, app.Host = nil, w.URL }, "", ""},
		{"by its host where nothing is deployed", func(_ *estate, app *steps.App, w *purse) {
			app.Namespace, app.Workload, app.Host = "", "", w.URL
		}, "", ""},
		{"nothing there", func(e *estate, _ *steps.App, _ *purse) { e.workloads = nil }, "", "deployment validator-app in namespace recovery is not there"},
		{"no pod runs", func(e *estate, _ *steps.App, _ *purse) { e.pods = nil }, "", "no pod of deployment validator-app"},
		{"nothing known", func(_ *estate, app *steps.App, _ *purse) { app.Namespace = "" }, "", "neither its deployment nor"},
		{"another app", func(_ *estate, app *steps.App, _ *purse) { app.Kind = svapp.SVApp }, "", "defect"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newPurse(t)
			e, app := w.estate(), recovery()
			c.change(e, &app, w)
			if c.name == "by its host where nothing is deployed" { // its Secret is found nowhere
				app.Login = steps.LoginPasted
			}
			a := e.apps(t, AppOptions{Keys: clients()})
			if app.Login == steps.LoginPasted {
				if err := a.Keys().Paste(app, secret.New(jwt("bob", walletAudience, time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)))); err != nil {
					t.Fatal(err)
				}
			}
			got, err := balance(t, a, app)
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil || got != "12.0000000000" || c.used != "" && !strings.Contains(strings.Join(e.used, ", "), c.used) {
				t.Errorf("%q by %q: %v", got, e.used, err)
			}
		})
	}
}

func scanOf(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"version":"0.6.4","commit_ts":"2026-01-20T10:11:12Z"}`)
	}))
	t.Cleanup(s.Close)
	return s
}

func TestAScanIsAskedFromWhereItAnswers(t *testing.T) {
	server := scanOf(t)
	away := func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no way from here") }
	for _, c := range []struct {
		name string
		pods []kube.Pod
		dial func(context.Context, string, string) (net.Conn, error)
		used string // where commands ran
		want string
	}{
		{"from here", []kube.Pod{podIn("sv", "participant-0", "participant", true)},
			func(ctx context.Context, network, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, network, server.Listener.Addr().String())
			}, "", ""},
		{"from the pod of the run", []kube.Pod{podIn("sv", "participant-0", "participant", true), podIn("sv", "client", "client", true, ClientLabel, "r-1")}, away, "sv/client", ""},
		{"not from that of another run", []kube.Pod{podIn("sv", "participant-0", "participant", true), podIn("sv", "client", "client", true, ClientLabel, "r-2")}, away, "sv/participant-0", ""},
		{"a Canton node before an app", []kube.Pod{podIn("sv", "a", "validator-app", true), podIn("sv", "b", "sequencer", false)}, away, "sv/b", ""},
		{"in a namespace that nobody named", []kube.Pod{podIn("others", "m", "mediator", true), podIn("others", "web", "nginx", true)}, away, "others/m", ""},
		{"nowhere", []kube.Pod{podIn("sv", "web", "nginx", true)}, away, "", "there is no pod of a node from which it could be asked"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := &estate{pods: c.pods, to: server.Listener.Addr().String()}
			a := e.apps(t, AppOptions{Out: svapp.Out{Dial: c.dial}, Namespaces: []string{"sv", ""}})
			for range 2 { // the second time it is known
				var release string
				err := a.Scan(t.Context(), "http://scan.example.com", func(s *svapp.Scan) error {
					v, err := s.Version(t.Context())
					release = v.Release
					return err
				})
				if c.want != "" {
					if err == nil || !strings.Contains(err.Error(), c.want) {
						t.Error(err)
					}
					continue
				}
				if err != nil || release != "0.6.4" {
					t.Errorf("%q: %v", release, err)
				}
				for _, how := range e.used {
					if how != "command in "+c.used {
						t.Errorf("%s, and not in %s", how, c.used)
					}
				}
				if (len(e.used) == 0) != (c.used == "") {
					t.Errorf("ways: %q", e.used)
				}
			}
		})
	}
}

// That a scan answers neither from here nor from a pod is told with both reasons.
func TestAScanThatNobodyReaches(t *testing.T) {
	e := &estate{pods: []kube.Pod{podIn("sv", "participant-0", "participant", true)}, noCommands: true}
	a := e.apps(t, AppOptions{Out: svapp.Out{Dial: func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no way from here") }}, Namespaces: []string{"sv"}})
	err := a.Scan(t.Context(), "https://scan.example.com", func(*svapp.Scan) error { return nil })
	if svapp.KindOf(err) != svapp.Unreachable || !strings.Contains(err.Error(), "no way from here") || !strings.Contains(err.Error(), "and from the cluster: ") {
		t.Error(err)
	}
	if err := a.Scan(t.Context(), "scan.example.com", func(*svapp.Scan) error { return nil }); svapp.KindOf(err) != svapp.Setup {
		t.Error(err)
	}
}
