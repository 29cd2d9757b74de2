package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestErrors(t *testing.T) {
	const path = "GET /api/v1/namespaces/sv/pods"
	for _, c := range []struct {
		name      string
		answer    http.HandlerFunc
		kind      Kind
		transient bool
		seen      string
		next      string
	}{
		{"forbidden", status4(403, "Forbidden", `pods is forbidden: User "op" cannot list`), Forbidden, false, `403 pods is forbidden`, `grant "list pods sv/*"`},
		{"expired login", status4(401, "Unauthorized", "Unauthorized"), Unauthorized, false, "401", "log in"},
		{"gone", status4(410, "Expired", "too old"), Gone, false, "too old", ""},
		{"conflict", status4(409, "Conflict", "the object has been modified"), Conflict, false, "modified", "look at the object again"},
		{"failed test of a patch", status4(422, "Invalid", "the server rejected our request due to an error in our request (testing value /metadata/uid failed: test failed)"), Conflict, false, "422", ""},
		{"invalid", status4(422, "Invalid", "spec.x: Required value"), Invalid, false, "Required", ""},
		{"a webhook", status4(400, "BadRequest", `admission webhook "w" denied the request`), Invalid, false, "webhook", "webhook"},
		{"page of an ingress", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(502)
			fmt.Fprint(w, "<html>\r\n<head><title>502 Bad Gateway</title></head><body><center>nginx</center></body></html>")
		}, Server, true, "502 Bad Gateway", ""},
		{"server timeout", status4(504, "Timeout", "etcd"), Timeout, true, "etcd", ""},
		{"control characters", status4(500, "InternalError", "a\x1b[31mb\u202ec\nd"), Server, true, "abc d", ""},
		{"long", status4(500, "InternalError", strings.Repeat("x", 10000)), Server, true, "xxx", ""},
		{"cut", func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }, Unreachable, true, "cut before an answer", "tunnel"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl, _ := serve(t, map[string]http.HandlerFunc{path: c.answer})
			_, err := cl.Pods(testContext(t), "sv", "")
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("err = %#v", err)
			}
			if e.Kind != c.kind || IsTransient(err) != c.transient || KindOf(err) != c.kind {
				t.Errorf("kind %v, transient %v", e.Kind, IsTransient(err))
			}
			if e.Tried != "list pods in namespace sv" || !strings.Contains(e.Seen, c.seen) || !strings.Contains(e.Next, c.next) || e.Next == "" {
				t.Errorf("%v", e)
			}
			if s := e.Error(); strings.ContainsAny(s, "<>\x1b\n\r\u202e") || len(s) > 1000 {
				t.Errorf("not one clean sentence: %q", s)
			}
			if b, err := json.Marshal(e); err != nil || !strings.Contains(string(b), `"kind"`) {
				t.Errorf("JSON %s, %v", b, err)
			}
		})
	}
}

// client-go would try again by itself for minutes, without anybody seeing it.
func TestNothingIsTriedAgainInSilence(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"throttled": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "60")
			answer(429, `{"kind":"Status","apiVersion":"v1","status":"Failure","code":429,"reason":"TooManyRequests","message":"slow down","details":{"retryAfterSeconds":60}}`)(w, r)
		},
		"cut": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"cut in the answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, "{")
		},
	} {
		const path = "/api/v1/namespaces/sv/pods"
		cl, s := serve(t, map[string]http.HandlerFunc{"GET " + path: h})
		_, err := cl.Pods(testContext(t), "sv", "")
		if !IsTransient(err) || s.count("GET "+path) != 1 {
			t.Errorf("%s: asked %d times: %v (%v)", name, s.count("GET "+path), err, KindOf(err))
		}
		if e := Explain(err); e.Kind == Throttled && e.RetryAfter != time.Minute {
			t.Errorf("%s: retry after %v", name, e.RetryAfter)
		}
	}
}

func TestNobodyAnswers(t *testing.T) {
	cl, err := Connect(Target{Kubeconfig: kubeconfig(t, "http://127.0.0.1:1")}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = cl.Pods(testContext(t), "sv", "")
	if KindOf(err) != Unreachable || !IsTransient(err) || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("%v: %v", KindOf(err), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err = cl.Pods(ctx, "sv", ""); KindOf(err) != Canceled || IsTransient(err) || !errors.Is(err, context.Canceled) {
		t.Errorf("%v: %v", KindOf(err), err)
	}
}

func TestExplainOther(t *testing.T) {
	if Explain(nil) != nil || KindOf(nil) != "" {
		t.Error("nil is not nil")
	}
	inner := &Error{Kind: Gone}
	if Explain(fmt.Errorf("x: %w", inner)) != inner {
		t.Error("an explained error was explained again")
	}
	if e := Explain(errors.New("odd\x07")); e.Kind != Unknown || e.Seen != "odd" {
		t.Errorf("%v", e)
	}
}
