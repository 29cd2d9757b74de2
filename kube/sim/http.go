package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	protobuf   = "application/vnd.kubernetes.protobuf"
	maxRequest = 3 << 20 // bytes of a body, the real server's limit
)

// request is a parsed API request.
type request struct {
	*http.Request
	verb, sub string
	res       *resource
	ns, name  string
	query     url.Values
	user      User
	body      []byte
	media     string // of the body
}

func (q *request) resourceName() string {
	if q.sub != "" {
		return q.res.name + "/" + q.sub
	}
	return q.res.name
}

func (q *request) writes() bool {
	return !q.res.virtual && q.verb != "get" && q.verb != "list" && q.verb != "watch"
}

// ServeHTTP answers one request. A closed connection is expressed by panicking with http.ErrAbortHandler, as net/http wants.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	skew := orElse(s.knobs.ClockSkew, 0)
	s.mu.Unlock()
	w.Header().Set("Date", s.clock.Now().Add(skew).UTC().Format(http.TimeFormat))
	w.Header().Set("Cache-Control", "no-cache, private")
	s.dropIfAway()
	s.latency(r)

	switch r.URL.Path {
	case "/readyz", "/livez", "/healthz":
		replyText(w, "ok")
		return
	}
	user, ok := s.authenticate(r)
	if !ok {
		fail(w, plainStatus(http.StatusUnauthorized, metav1.StatusReasonUnauthorized, "Unauthorized"))
		return
	}
	if s.discovery(w, r) {
		return
	}
	q, err := parse(r)
	if err != nil {
		fail(w, err)
		return
	}
	q.user = user
	q.body, err = io.ReadAll(io.LimitReader(r.Body, maxRequest+1))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if len(q.body) > maxRequest {
		fail(w, apierrors.NewRequestEntityTooLargeError("limit is 3145728"))
		return
	}
	q.media, _, _ = mime.ParseMediaType(r.Header.Get("Content-Type"))
	s.serve(w, q)
}

// serve records, authorises, spoils and answers a parsed request.
func (s *Server) serve(w http.ResponseWriter, q *request) {
	if q.writes() {
		n := s.record(q)
		cw := &codeWriter{ResponseWriter: w}
		w = cw
		defer func() {
			s.mu.Lock()
			s.writes[n].Code = cw.code
			s.mu.Unlock()
		}()
	}
	if err := acceptable(q); err != nil {
		fail(w, err)
		return
	}
	if err := s.authorize(q); err != nil {
		fail(w, err)
		return
	}
	f, hit := s.fault(q)
	if hit && q.streams() && f.Do == "cut" {
		s.serveStream(w, q, f)
		return
	}
	late := f.After && q.verb != "watch" && q.sub != "log" && !q.streams() // a stream has no end to spoil
	if hit && !late {
		if s.spoil(w, q, f) {
			return
		}
	}
	if hit && late {
		s.handle(&discard{header: http.Header{}}, q)
		s.spoil(w, q, f)
		return
	}
	s.handle(w, q)
}

func (s *Server) record(q *request) int {
	sum := sha256.Sum256(q.body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes = append(s.writes, Write{
		Time: s.clock.Now(), User: q.user.Name, Verb: q.verb, Path: q.URL.RequestURI(), Resource: q.resourceName(),
		Namespace: q.ns, Name: q.name, Body: hex.EncodeToString(sum[:]), DryRun: q.query.Get("dryRun") != "" || bodyDryRun(q),
	})
	return len(s.writes) - 1
}

// parse resolves a path below /api/v1 or /apis/GROUP/VERSION to a resource and a verb.
func parse(r *http.Request) (*request, error) {
	q := &request{Request: r, query: r.URL.Query()}
	p := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	var group, version string
	switch {
	case len(p) >= 3 && p[0] == "api":
		version, p = p[1], p[2:]
	case len(p) >= 4 && p[0] == "apis":
		group, version, p = p[1], p[2], p[3:]
	default:
		return nil, notServed()
	}
	if p[0] == "namespaces" && len(p) >= 3 {
		if res := findResource(group, version, p[2]); res != nil && res.namespaced {
			q.ns, p = p[1], p[2:]
		}
	}
	q.res = findResource(group, version, p[0])
	if q.res == nil || len(p) > 3 {
		return nil, notServed()
	}
	if len(p) > 1 {
		q.name = p[1]
	}
	if len(p) > 2 {
		q.sub = p[2]
	}
	if q.res == rNamespace && q.name != "" {
		q.ns = q.name // what the authoriser sees
	}
	if !q.subServed() || (q.res.namespaced && q.ns == "" && q.name != "") {
		return nil, notServed()
	}
	q.verb = verbOf(r.Method, q)
	if q.verb == "" || (q.sub == "log" && q.verb != "get") || (q.res.virtual && q.verb != "create") || (q.res == rNamespace && q.verb == "deletecollection") {
		return nil, apierrors.NewMethodNotSupported(q.res.gr(), strings.ToLower(r.Method))
	}
	return q, nil
}

func (q *request) subServed() bool {
	switch q.sub {
	case "":
		return true
	case "status":
		return q.res.status
	case "scale":
		return q.res.scale
	case "log", "exec", "portforward":
		return q.res == rPod
	case "finalize":
		return q.res == rNamespace
	}
	return false
}

func verbOf(method string, q *request) string {
	watching := q.query.Get("watch") == "true" || q.query.Get("watch") == "1"
	switch {
	case q.streams() && (method == http.MethodGet || method == http.MethodPost):
		return "create"
	case q.streams():
		return ""
	case method == http.MethodGet && q.name != "" && !watching:
		return "get"
	case method == http.MethodGet && watching && q.sub == "":
		return "watch"
	case method == http.MethodGet:
		return "list"
	case method == http.MethodPost && q.name == "":
		return "create"
	case method == http.MethodPut && q.name != "":
		return "update"
	case method == http.MethodPatch && q.name != "":
		return "patch"
	case method == http.MethodDelete && q.name != "":
		return "delete"
	case method == http.MethodDelete:
		return "deletecollection"
	}
	return ""
}

// acceptable checks that the client can read JSON: the simulator writes nothing else.
func acceptable(q *request) error {
	if q.sub == "log" || q.streams() {
		return nil
	}
	accept := strings.Join(q.Header.Values("Accept"), ",")
	if accept == "" {
		return nil
	}
	for _, part := range strings.Split(accept, ",") {
		m, params, err := mime.ParseMediaType(strings.TrimSpace(part))
		if err == nil && params["as"] == "" && (m == "application/json" || m == "application/*" || m == "*/*") {
			return nil
		}
	}
	return plainStatus(http.StatusNotAcceptable, metav1.StatusReasonNotAcceptable,
		"only the following media types are accepted: application/json")
}

// handle answers a request that nothing stands in the way of.
func (s *Server) handle(w http.ResponseWriter, q *request) {
	switch {
	case q.sub == "log":
		s.serveLog(w, q)
		return
	case q.streams():
		s.serveStream(w, q, Fault{})
		return
	case q.verb == "watch":
		s.serveWatch(w, q)
		return
	}
	code, answer, err := func() (int, any, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.answer(q)
	}()
	if err != nil {
		fail(w, err)
		return
	}
	reply(w, code, answer)
}

// answer runs one verb. The mutex is held.
func (s *Server) answer(q *request) (int, any, error) {
	switch q.verb {
	case "get":
		o, err := s.read(q)
		return http.StatusOK, o, err
	case "list":
		o, err := s.listPage(q)
		return http.StatusOK, o, err
	}
	if q.res == rReview {
		o, err := s.review(q)
		return http.StatusCreated, o, err
	}
	switch q.verb {
	case "create":
		o, err := s.serveCreate(q)
		return http.StatusCreated, o, err
	case "update":
		return s.serveUpdate(q)
	case "patch":
		return s.servePatch(q)
	case "delete":
		o, err := s.serveDelete(q)
		return http.StatusOK, o, err
	case "deletecollection":
		o, err := s.serveDeleteCollection(q)
		return http.StatusOK, o, err
	}
	return 0, nil, notServed()
}

// codeWriter remembers the status code that was sent.
type codeWriter struct {
	http.ResponseWriter
	code int
}

func (w *codeWriter) WriteHeader(code int) {
	w.code = code
	w.ResponseWriter.WriteHeader(code)
}

// Unwrap lets the connection be taken over.
func (w *codeWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// discard swallows an answer that the client must not see.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(int)             {}
