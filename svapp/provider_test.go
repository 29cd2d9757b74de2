package svapp_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"k8s.io/utils/clock"
)

// provider is an OIDC provider: it signs with RSA keys that it publishes and rotates, knows its clients by their secrets and the audiences
// that each may have, and lets tokens expire.
type provider struct {
	*httptest.Server
	clock   clock.PassiveClock
	mu      sync.Mutex
	keys    []jose.JSONWebKey // the newest signs
	clients map[string]client
	life    time.Duration
	issued  []string            // audiences, in order
	discos  int                 // how often the discovery document was read
	answer  http.HandlerFunc    // in place of the token endpoint's, if set
	forms   []map[string]string // what the clients sent
	logins  deviceLogins
}

type client struct {
	secret    string
	audiences []string
	basic     bool // sends its secret in a header
	users     bool // people log in with it, by a code
}

func newProvider(t testing.TB, clk clock.PassiveClock) *provider {
	t.Helper()
	p := &provider{clock: clk, life: time.Hour, clients: map[string]client{}}
	p.rotate(t)
	m := http.NewServeMux()
	m.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		p.discos++
		p.mu.Unlock()
		writeJSON(w, 200, map[string]any{"issuer": p.URL + "/", "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/oauth/token", "device_authorization_endpoint": p.URL + "/oauth/device/code", "jwks_uri": p.URL + "/jwks",
			"id_token_signing_alg_values_supported": []string{"RS256"}, "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}})
	})
	m.HandleFunc("GET /jwks", func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		set := jose.JSONWebKeySet{}
		for _, k := range p.keys {
			set.Keys = append(set.Keys, k.Public())
		}
		writeJSON(w, 200, set)
	})
	m.HandleFunc("POST /oauth/token", p.token)
	m.HandleFunc("POST /oauth/device/code", p.deviceCode)
	p.Server = httptest.NewTLSServer(m)
	t.Cleanup(p.Close)
	return p
}

func writeJSON(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v)
}

// rotate puts another key in the place of all others.
func (p *provider) rotate(t testing.TB) {
	t.Helper()
	key := nextKey(t)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = []jose.JSONWebKey{{Key: key, KeyID: fmt.Sprintf("key-%p", key), Algorithm: "RS256", Use: "sig"}}
}

// made are the keys of all providers here: making one takes long, so that they are used in turn. No test has as many.
var made struct {
	sync.Mutex
	keys []*rsa.PrivateKey
	next int
}

func nextKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	made.Lock()
	defer made.Unlock()
	if len(made.keys) < 4 {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			t.Fatal(err)
		}
		made.keys = append(made.keys, key)
		return key
	}
	made.next++
	return made.keys[made.next%len(made.keys)]
}

func (p *provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.ParseForm() != nil || len(r.URL.Query()) > 0 {
		writeJSON(w, 400, map[string]string{"error": "invalid_request"})
		return
	}
	sent := map[string]string{}
	for k := range r.PostForm {
		sent[k] = r.PostForm.Get(k)
	}
	p.forms = append(p.forms, sent)
	if p.answer != nil {
		p.answer(w, r)
		return
	}
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = sent["client_id"], sent["client_secret"]
	}
	c, known := p.clients[id]
	switch {
	case sent["grant_type"] == deviceGrant || sent["grant_type"] == "refresh_token":
		p.deviceToken(w, sent, c, known)
	case sent["grant_type"] != "client_credentials":
		writeJSON(w, 400, map[string]string{"error": "unsupported_grant_type"})
	case !known || c.secret != secret || c.basic != basic:
		writeJSON(w, 401, map[string]string{"error": "invalid_client", "error_description": "no client " + id + " with secret " + secret}) // a rude one
	case !slices.Contains(c.audiences, sent["audience"]):
		writeJSON(w, 403, map[string]string{"error": "access_denied", "error_description": "Client is not authorized to access " + sent["audience"]})
	default:
		p.issued = append(p.issued, sent["audience"])
		writeJSON(w, 200, map[string]any{"access_token": p.sign(id+"@clients", sent["audience"], sent["scope"]), "token_type": "Bearer", "expires_in": int(p.life.Seconds())})
	}
}

// sign makes a token with the newest key; the lock is held.
func (p *provider) sign(subject, audience, scope string) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: p.keys[len(p.keys)-1]}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		panic(err)
	}
	now := p.clock.Now()
	text, err := jwt.Signed(signer).Claims(jwt.Claims{Issuer: p.URL + "/", Subject: subject, Audience: jwt.Audience{audience}, IssuedAt: jwt.NewNumericDate(now),
		NotBefore: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(p.life)), ID: fmt.Sprint(len(p.issued))}).Claims(map[string]any{"scope": scope}).Serialize()
	if err != nil {
		panic(err)
	}
	return text
}

func (p *provider) tokens() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.issued)
}

// verifier decides on requests as an app does (reference/apis.md 8.1): signature by the provider's published keys, time, audience, and then
// what the participant knows of the user. Anybody else's token is 401, a user without the right 403.
func (p *provider) verifier(t testing.TB, audience string, users func(subject string) bool) func(*http.Request) int {
	t.Helper()
	ctx := oidc.ClientContext(t.Context(), p.Client())
	found, err := oidc.NewProvider(ctx, p.URL+"/")
	if err != nil {
		t.Fatal(err)
	}
	v := found.VerifierContext(ctx, &oidc.Config{ClientID: audience, Now: p.clock.Now})
	return func(r *http.Request) int {
		raw, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			return http.StatusUnauthorized
		}
		token, err := v.Verify(r.Context(), raw)
		switch {
		case err != nil:
			return http.StatusUnauthorized
		case !users(token.Subject):
			return http.StatusForbidden
		}
		return http.StatusOK
	}
}
