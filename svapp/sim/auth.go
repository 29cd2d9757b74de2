package sim

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// guarded lets a request pass that Allow lets pass. Refusals are plain texts, and keep their reason to themselves (reference/apis.md 1.2;
// the wording was not verified).
func (a App) guarded(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		code := http.StatusOK
		if a.Allow != nil {
			code = a.Allow(r)
		}
		text := "The supplied authentication is not authorized to access this resource"
		switch code {
		case http.StatusOK:
			h(w, r)
			return
		case http.StatusUnauthorized:
			w.Header().Set("WWW-Authenticate", `Bearer realm="splice"`)
			text = "The supplied authentication is invalid"
			if r.Header.Get("Authorization") == "" {
				text = "The resource requires authentication, which was not supplied with the request"
			}
		}
		w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
		w.WriteHeader(code)
		_, _ = w.Write([]byte(text)) // a client that has gone needs no answer
	}
}

// Unsafe is the mode hs-256-unsafe (reference/apis.md 8.4): tokens are signed with a secret that everybody knows. It lets the users pass whose
// token has the audience; others that are signed well are 403, since the participant does not know them.
func Unsafe(key, audience string, now func() time.Time, users ...string) func(*http.Request) int {
	return func(r *http.Request) int {
		token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		parts := strings.Split(token, ".")
		if !ok || len(parts) != 3 {
			return http.StatusUnauthorized
		}
		var header struct {
			Algorithm string `json:"alg"`
		}
		var claims struct {
			Subject  string `json:"sub"`
			Audience any    `json:"aud"`
			Expires  int64  `json:"exp"`
		}
		given, err := base64.RawURLEncoding.DecodeString(parts[2])
		switch {
		case err != nil || !readPart(parts[0], &header) || !readPart(parts[1], &claims):
		case header.Algorithm != "HS256" || !hmac.Equal(given, mac(key, parts[0]+"."+parts[1])):
		case claims.Subject == "" || claims.Expires != 0 && claims.Expires <= now().Unix() || !has(claims.Audience, audience):
		case !slices.Contains(users, claims.Subject):
			return http.StatusForbidden
		default:
			return http.StatusOK
		}
		return http.StatusUnauthorized
	}
}

// UnsafeToken is a token for Unsafe. A zero time: it never expires.
func UnsafeToken(key, audience, user string, expires time.Time) string {
	claims := map[string]any{"aud": audience, "sub": user}
	if !expires.IsZero() {
		claims["exp"] = expires.Unix()
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return ""
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(body)
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac(key, signed))
}

func mac(key, text string) []byte {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(text))
	return h.Sum(nil)
}

func readPart(part string, into any) bool {
	data, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(data, into) == nil
}

// has says whether the audience, a text or a list, holds the one that is wanted.
func has(audience any, wanted string) bool {
	list, ok := audience.([]any)
	if !ok {
		return audience == wanted
	}
	return slices.Contains(list, any(wanted))
}
