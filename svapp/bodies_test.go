package svapp_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"canton.example/svrescue/svapp"
)

func TestBodies(t *testing.T) {
	packed := func(body []byte) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		_, _ = z.Write(body)
		_ = z.Close()
		return b.Bytes()
	}
	good := []byte(`{"version":"0.6.4","commit_ts":"x","new":{"field":[1]}}`)
	for _, c := range []struct {
		name     string
		encoding string
		body     []byte
		length   int // 0: that of the body
		kind     svapp.Kind
		seen     string
	}{
		{"as it is", "", good, 0, "", ""},
		{"packed", "gzip", packed(good), 0, "", ""},
		{"a bomb", "gzip", packed(bytes.Repeat([]byte(" "), 8<<20)), 0, svapp.TooLarge, "more than 1 MiB"},
		{"too large", "", bytes.Repeat([]byte(" "), 2<<20), 0, svapp.TooLarge, "more than 1 MiB"},
		{"cut by the network", "", good[:20], 60, svapp.Cut, "ended early"},
		{"cut by the app", "", good[:20], 0, svapp.Cut, "ended early"},
		{"cut while packed", "gzip", packed(good)[:20], 0, svapp.Cut, "ended early"},
		{"packed in name only", "gzip", good, 0, svapp.Malformed, "unpacked"},
		{"packed otherwise", "br", good, 0, svapp.Malformed, "unpacked"},
		{"empty", "", nil, 0, svapp.Cut, "ended early"},
		{"no JSON", "", []byte("ok"), 0, svapp.Malformed, "no JSON"},
		{"two answers", "", append(good, good...), 0, svapp.Malformed, "no JSON"},
		{"a list", "", []byte("[]"), 0, svapp.Malformed, "the answer is no object"},
		{"null", "", []byte("null"), 0, svapp.Malformed, "no object"},
		{"a field is missing", "", []byte(`{"version":"x"}`), 0, svapp.Malformed, "commit_ts is missing"},
		{"a field is null", "", []byte(`{"version":null,"commit_ts":"x"}`), 0, svapp.Malformed, "version is missing"},
		{"a field in another case", "", []byte(`{"Version":"x","commit_ts":"x"}`), 0, svapp.Malformed, "version is missing"},
		{"a field of another type", "", []byte(`{"version":{"canary":1},"commit_ts":"x"}`), 0, svapp.Malformed, "version is not a text"},
		{"an error with status 200", "", []byte(`{"error":"not now"}`), 0, svapp.Server, "not now"},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Accept-Encoding") != "gzip" || r.Header.Get("User-Agent") != "svrescue" {
					t.Errorf("%v", r.Header)
				}
				if c.encoding != "" {
					w.Header().Set("Content-Encoding", c.encoding)
				}
				w.Header().Set("Content-Length", fmt.Sprint(max(c.length, len(c.body))))
				_, _ = w.Write(c.body)
			}))
			t.Cleanup(server.Close)
			way, err := svapp.Out{}.Public(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			s, err := svapp.NewScan(svapp.Settings{Way: way, MaxBody: 1 << 20})
			if err != nil {
				t.Fatal(err)
			}
			v, err := s.Version(t.Context())
			if c.kind == "" {
				if err != nil || v.Release != "0.6.4" {
					t.Error(v, err)
				}
				return
			}
			refused(t, err, c.kind, c.seen)
		})
	}
}

func TestPatience(t *testing.T) {
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	for name, h := range map[string]http.HandlerFunc{
		"no answer": func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-release:
			case <-r.Context().Done():
			}
		},
		"half an answer": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, `{"version"`)
			w.(http.Flusher).Flush()
			select {
			case <-release:
			case <-r.Context().Done():
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(h)
			t.Cleanup(server.Close)
			way, err := svapp.Out{}.Public(server.URL)
			if err != nil {
				t.Fatal(err)
			}
			s, err := svapp.NewScan(svapp.Settings{Way: way, Timeout: 100 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Version(t.Context())
			refused(t, err, svapp.Timeout, "no answer in time")
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err = s.Version(ctx)
			refused(t, err, svapp.Canceled)
			if !errors.Is(err, context.Canceled) {
				t.Error("its cause is lost")
			}
		})
	}
	other, err := net.Listen("tcp", "127.0.0.1:0") // such as gRPC, which speaks first
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	go func() {
		for {
			c, err := other.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(c, "\x00\x00\x12\x04\x00 canary \r\n\r\n")
			c.Close()
		}
	}()
	way, err := svapp.Out{}.Public("http://" + other.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, err = version(t, way)
	if k := svapp.KindOf(err); k != svapp.Elsewhere && k != svapp.Unreachable { // the connection may be cut first
		t.Error(err)
	}
	silent(t, err)
	cut := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(cut.Close)
	way, err = svapp.Out{}.Public(cut.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, err = version(t, way)
	refused(t, err, svapp.Unreachable, "cut before an answer")
}
