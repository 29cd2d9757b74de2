package svapp

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
)

// over answers requests in place of a network.
type over func(*http.Request) (*http.Response, error)

func (o over) RoundTrip(r *http.Request) (*http.Response, error) { return o(r) }

// says answers every request alike. Headers are "Name: value".
func says(code int, body string, headers ...string) over {
	return func(r *http.Request) (*http.Response, error) {
		h := http.Header{}
		for _, one := range headers {
			name, value, _ := strings.Cut(one, ": ")
			h.Add(name, value)
		}
		return &http.Response{StatusCode: code, Status: http.StatusText(code), Header: h, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r}, nil
	}
}

func way(o http.RoundTripper) Way {
	return Way{Name: "test", Base: "https://scan.sv.example.org", Through: o}
}

const canary = "canary-3f9aQ/+z=S3cret"

// fixedToken is a source of one token.
func fixedToken(t testing.TB, value string) Tokens {
	t.Helper()
	tokens, err := TokenFrom("the test", strings.NewReader(value))
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func scanOver(t testing.TB, o http.RoundTripper) *Scan {
	t.Helper()
	s, err := NewScan(Settings{Way: way(o)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// checkSentence fails where an error is not a clean sentence with all its parts.
func checkSentence(t testing.TB, err error) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("not an *Error: %#v", err)
	}
	text := e.Error()
	if e.Kind == "" || e.Tried == "" || e.Seen == "" || e.Next == "" {
		t.Errorf("a part is missing: %#v", e)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) }) || len(text) > 4000 {
		t.Errorf("not one clean line: %q", text)
	}
	if strings.Contains(text, "canary") || strings.Contains(text, "S3cret") {
		t.Errorf("a secret is shown: %s", text)
	}
	return e
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
