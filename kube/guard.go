package kube

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/utils/clock"
)

// NotShown is the refusal of the guard: the request was never sent, because it is not among what was shown to the operator. It is a
// defect of the program, never of the cluster.
type NotShown struct {
	Access Access // what the request would have done; zero if the request could not be read
	Method string
	Path   string
	Why    string
}

func (e *NotShown) Error() string {
	what := e.Access.String()
	if e.Access == (Access{}) {
		what = clean(e.Method+" "+e.Path, 200)
	}
	return fmt.Sprintf("not sent: %s (%s)", what, e.Why)
}

// NotHeld is the refusal of a write because the run does not hold its node at this moment. The write was not sent, and may be sent when it does.
type NotHeld struct{ Why string }

func (e *NotHeld) Error() string { return "not sent: " + e.Why }

// maxGuarded bounds how much of a request the guard reads to find the name of a new object. The API server takes 3 MiB.
const maxGuarded = 4 << 20

// guard is the last transport before the wire. It turns each request into an Access and lets it pass or refuses it.
type guard struct {
	next    http.RoundTripper
	scheme  string // of the API server
	host    string
	prefix  string       // path of the API server's address, without a slash at the end; often empty
	allowed []Access     // writes that may pass
	dryRun  bool         // every write is made one that the server only tries
	held    func() error // asked before each write that is no trial; nil: nothing has to be held
	clock   clock.PassiveClock
	date    *atomic.Pointer[dated]
	refused *atomic.Uint64 // counts the requests of somebody whom the server does not know; nil: nobody does
}

// dated is the clock of the server beside ours: it was read somewhere between the question and the answer.
type dated struct{ server, asked, answered time.Time }

// skew is the server's clock minus ours, the least that explains what was seen: a slow answer is no wrong clock. The date that a server
// tells has no fraction of a second.
func (d dated) skew() time.Duration {
	server := d.server.Add(500 * time.Millisecond)
	return max(min(0, server.Sub(d.asked)), server.Sub(d.answered))
}

func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	out, err := g.check(req)
	if err != nil {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, err
	}
	sent := g.clock.Now()
	resp, err := g.next.RoundTrip(out)
	if err != nil {
		if utilnet.IsProbableEOF(err) || utilnet.IsConnectionReset(err) || utilnet.IsHTTP2ConnectionLost(err) {
			err = errCut
		}
		return nil, err
	}
	patience(resp)
	if resp.StatusCode == http.StatusUnauthorized && g.refused != nil {
		g.refused.Add(1)
	}
	if g.date != nil {
		if t, perr := http.ParseTime(resp.Header.Get("Date")); perr == nil {
			g.date.Store(&dated{server: t.UTC(), asked: sent, answered: g.clock.Now()})
		}
	}
	return resp, err
}

// errCut stands for a broken connection, and patience takes the Retry-After off every answer, so that client-go does not try again by
// itself, up to ten times and in silence. Whether and when to try again is for the caller to decide and to show.
var errCut = errors.New("the connection was cut before an answer came")

// check answers the request to send, or a *NotShown.
func (g *guard) check(req *http.Request) (*http.Request, error) {
	refuse := func(a Access, why string) (*http.Request, error) {
		return nil, &NotShown{Access: a, Method: req.Method, Path: req.URL.Path, Why: why}
	}
	if req.URL.Scheme != g.scheme || req.URL.Host != g.host {
		// A redirect to elsewhere would carry the operator's credentials with it.
		return refuse(Access{}, "it goes to another server")
	}
	a, resource, err := parseRequest(req.Method, req.URL, g.prefix)
	if err != nil {
		return refuse(Access{}, err.Error())
	}
	if !resource {
		if req.Method == http.MethodGet || req.Method == http.MethodHead {
			return req, nil
		}
		return refuse(Access{}, "it is not about a resource")
	}
	if !a.writes() || review(a) {
		return req, nil
	}
	var body []byte
	readBody := a.Verb == "create" && a.Subresource == "" || g.dryRun && req.Method == http.MethodDelete
	if readBody && req.Body != nil {
		if body, err = io.ReadAll(io.LimitReader(req.Body, maxGuarded+1)); err != nil {
			return refuse(a, "its content could not be read")
		}
		if len(body) > maxGuarded {
			return refuse(a, "its content is too long")
		}
		req.Body.Close()
	}
	if a.Verb == "create" && a.Subresource == "" {
		if a, err = named(a, req.Header.Get("Content-Type"), body); err != nil {
			return refuse(a, err.Error())
		}
	}
	if !slices.ContainsFunc(g.allowed, func(ok Access) bool { return ok.Covers(a) }) {
		return refuse(a, "it is not among what was shown")
	}
	if g.dryRun && a.opens() {
		return refuse(a, "it cannot be tried without doing it")
	}
	if g.held != nil && !g.dryRun && !a.opens() {
		if err := g.held(); err != nil {
			return nil, err
		}
	}
	if !readBody && !g.dryRun {
		return req, nil
	}
	out := req.Clone(req.Context())
	if g.dryRun {
		q := out.URL.Query()
		q.Set("dryRun", "All")
		out.URL.RawQuery = q.Encode()
		if req.Method == http.MethodDelete && len(body) > 0 {
			// A server that finds options in the body does not look at the address: without this line a trial would delete.
			if body, err = dryDelete(req.Header.Get("Content-Type"), body); err != nil {
				return refuse(a, err.Error())
			}
		}
	}
	if readBody {
		out.Body = io.NopCloser(bytes.NewReader(body))
		out.ContentLength = int64(len(body))
		out.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	}
	return out, nil
}

// review lets a client ask what it may do and who it is; both are posted, and neither changes anything.
func review(a Access) bool {
	return a == access("create", groupAuthz, "selfsubjectaccessreviews", "", "") ||
		a == access("create", groupAuthn, "selfsubjectreviews", "", "")
}

// named takes the name of a new object from its body, because the address of a creation does not hold it.
func named(a Access, contentType string, body []byte) (Access, error) {
	if !isJSON(contentType) {
		return a, errors.New("its content is not JSON")
	}
	// Keys are matched by case, as the server does; decoding into a struct would not.
	var o, meta map[string]json.RawMessage
	if err := json.Unmarshal(body, &o); err != nil {
		return a, errors.New("its content is not an object")
	}
	var name, ns string
	if raw, ok := o["metadata"]; ok {
		if err := json.Unmarshal(raw, &meta); err != nil {
			return a, errors.New("its content is not an object")
		}
	}
	for key, to := range map[string]*string{"name": &name, "namespace": &ns} {
		if raw, ok := meta[key]; ok {
			if err := json.Unmarshal(raw, to); err != nil {
				return a, errors.New("its content is not an object")
			}
		}
	}
	if ns != "" && ns != a.Namespace {
		return a, errors.New("its content names another namespace than its address")
	}
	a.Name = name // empty for a generated name, which only a wildcard covers
	return a, nil
}

func dryDelete(contentType string, body []byte) ([]byte, error) {
	if !isJSON(contentType) {
		return nil, errors.New("its options are not JSON")
	}
	var o map[string]any
	if err := json.Unmarshal(body, &o); err != nil || o == nil {
		return nil, errors.New("its options are not an object")
	}
	for k := range o {
		if strings.EqualFold(k, "dryRun") {
			delete(o, k)
		}
	}
	o["dryRun"] = []string{"All"}
	return json.Marshal(o)
}

func isJSON(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && t == "application/json"
}

// parseRequest reads a method and an address the way the API server does, but refuses everything that could be read in two ways.
// The second answer is false for addresses that are not about resources (/version, /apis).
func parseRequest(method string, u *url.URL, prefix string) (Access, bool, error) {
	path := u.EscapedPath()
	if strings.ContainsAny(path, "%\\;") {
		return Access{}, false, errors.New("its address has an escape")
	}
	if prefix != "" {
		rest, ok := strings.CutPrefix(path, prefix)
		if !ok || rest != "" && rest[0] != '/' {
			return Access{}, false, errors.New("its address is not below the server's")
		}
		path = rest
	}
	path = strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/")
	var seg []string
	if path != "" {
		seg = strings.Split(path, "/")
	}
	for _, s := range seg {
		if s == "" || s == "." || s == ".." {
			return Access{}, false, errors.New("its address is not in plain form")
		}
	}
	var a Access
	switch {
	case len(seg) > 2 && seg[0] == "api" && seg[1] == "v1":
		seg = seg[2:]
	case len(seg) > 3 && seg[0] == "apis":
		a.Group = seg[1]
		seg = seg[3:]
	case len(seg) > 2 && seg[0] == "api":
		return Access{}, false, errors.New("its address is of an unknown version")
	default:
		return Access{}, false, nil
	}
	if seg[0] == "watch" || seg[0] == "proxy" {
		return Access{}, false, errors.New("its address is of a form that is no longer used")
	}
	if seg[0] == "namespaces" && len(seg) > 2 && seg[2] != "status" && seg[2] != "finalize" {
		a.Namespace = seg[1]
		seg = seg[2:]
	}
	a.Resource = seg[0]
	if len(seg) > 1 {
		a.Name = seg[1]
	}
	if len(seg) > 2 {
		a.Subresource = seg[2]
	}
	if len(seg) > 3 && a.Subresource != "proxy" {
		return Access{}, false, errors.New("its address is too deep")
	}
	var err error
	a.Verb, err = verb(method, a, u)
	return a, err == nil, err
}

func verb(method string, a Access, u *url.URL) (string, error) {
	if a.opens() && a.Subresource != "proxy" {
		// Servers authorise these as creations, whichever method opens the stream.
		if method == http.MethodGet || method == http.MethodPost {
			return "create", nil
		}
		return "", errors.New("its method does not fit its address")
	}
	switch method {
	case http.MethodGet, http.MethodHead:
		if w := u.Query().Get("watch"); w == "true" || w == "1" {
			return "watch", nil
		}
		if a.Name == "" {
			return "list", nil
		}
		return "get", nil
	case http.MethodPost:
		if a.Name != "" && a.Subresource == "" {
			return "", errors.New("its method does not fit its address")
		}
		return "create", nil
	case http.MethodPut, http.MethodPatch:
		if a.Name == "" {
			return "", errors.New("its method does not fit its address")
		}
		if method == http.MethodPut {
			return "update", nil
		}
		return "patch", nil
	case http.MethodDelete:
		if a.Name == "" {
			return "deletecollection", nil
		}
		return "delete", nil
	}
	return "", errors.New("its method is unknown")
}
