package svapp

import (
	"strings"
	"testing"

	"canton.example/svrescue/internal/secret"
)

func TestHide(t *testing.T) {
	for in, want := range map[string]string{
		"token eyJhbGciOiJSUzI1NiJ9.eyJzdWIi.c2ln is bad": "token (secret) is bad",
		"cut eyJhbGciOiJSUzI1NiJ9.eyJz":                   "cut (secret)",
		"Authorization: Bearer abcdefghijklmnopqrstuvwx":  "Authorization: Bearer (secret)",
		"client_secret=abc&audience=x":                    "client_secret=(secret)&audience=x",
		`{"access_token": "abc", "x": 1}`:                 `{"access_token": (secret)", "x": 1}`,
		"echo of s3cr/et, s3cr%2Fet and czNjci9ldA==":     "echo of (secret), (secret) and (secret)",
		"no secret: party Acme-SV::1220aa, Bearer":        "no secret: party Acme-SV::1220aa, Bearer",
	} {
		if got := hide(in, secret.New("s3cr/et"), secret.New("a"), secret.String{}); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

func FuzzHide(f *testing.F) {
	f.Add("Bearer "+canary, canary)
	f.Add("x", "eyJhbGciOiJSUzI1NiJ9.eyJzdWIi.c2ln")
	f.Fuzz(func(t *testing.T, around, s string) {
		if len(s) < 8 || strings.Contains(hidden, s) || strings.ContainsAny(s, "() \n\t") || strings.ContainsFunc(s, func(r rune) bool { return r < '!' || r > '~' }) {
			t.Skip()
		}
		for _, text := range []string{around + s + around, s, around + " " + s} {
			if got := clean(text, secret.New(s)); strings.Contains(got, s) && !strings.Contains(strings.ReplaceAll(hidden+" "+hidden, s, ""), s) && !strings.Contains(around, s) {
				t.Errorf("%q is in %q", s, got)
			}
		}
	})
}
