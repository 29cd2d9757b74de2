package sim

import (
	"net/http"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// faultState counts the requests that one entry of Knobs.Faults has matched.
type faultState struct{ seen int }

// sleep waits for d on the server's clock; it ends early with the request or the server.
func (s *Server) sleep(r *http.Request, d time.Duration) {
	if d <= 0 {
		return
	}
	t := s.clock.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C():
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	case <-s.done:
		panic(http.ErrAbortHandler)
	}
}

func (s *Server) latency(r *http.Request) {
	s.mu.Lock()
	d := orElse(s.knobs.Latency, 0)
	s.mu.Unlock()
	s.sleep(r, d)
}

// dropIfAway drops the connection of a request that arrives while the API is away.
func (s *Server) dropIfAway() {
	s.mu.Lock()
	_, away := s.outage()
	s.mu.Unlock()
	if away {
		panic(http.ErrAbortHandler)
	}
}

// outage returns the time until the API goes away (negative: never), and whether it is away now. The mutex is held.
func (s *Server) outage() (time.Duration, bool) {
	since := s.clock.Since(s.start)
	next := time.Duration(-1)
	for _, o := range s.knobs.Outages {
		if since >= o.From.Duration && since < o.Until.Duration {
			return 0, true
		}
		if d := o.From.Duration - since; d > 0 && o.Until.Duration > o.From.Duration && (next < 0 || d < next) {
			next = d
		}
	}
	return next, false
}

// fault picks the first entry that spoils this request and counts it.
func (s *Server) fault(q *request) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.knobs.Faults {
		m := Rule{Verbs: word(f.Verb), Resources: word(f.Resource), Namespaces: word(f.Namespace), Names: word(f.Name)}
		if !m.matches(attributes{verb: q.verb, resource: q.res.name, sub: q.sub, ns: q.ns, name: q.name}) {
			continue
		}
		st := &s.faults[i]
		count := max(f.Count, 1)
		if f.Count >= 0 && st.seen >= f.Skip+count {
			continue
		}
		st.seen++
		if st.seen > f.Skip {
			return f, true
		}
	}
	return Fault{}, false
}

func word(v string) []string {
	if v == "" {
		return nil
	}
	return []string{v}
}

// spoil carries a fault out; it returns false when the request should go on as if nothing had happened.
func (s *Server) spoil(w http.ResponseWriter, q *request, f Fault) bool {
	s.sleep(q.Request, orElse(f.Delay, 0))
	switch {
	case f.Do == "hang":
		select {
		case <-q.Context().Done():
		case <-s.done:
		}
		panic(http.ErrAbortHandler)
	case f.Do == "close":
		panic(http.ErrAbortHandler)
	case f.Delay != nil && f.Do == "" && f.Code == 0 && !f.After:
		return false
	}
	fail(w, faultStatus(q, f))
	return true
}

// faultStatus phrases the fault as the real server phrases that code, unless the fault brings its own words.
func faultStatus(q *request, f Fault) error {
	var st *apierrors.StatusError
	switch f.Code {
	case http.StatusTooManyRequests:
		st = apierrors.NewTooManyRequests("the server has received too many requests and has asked us to try again later", max(f.Retry, 1))
	case http.StatusServiceUnavailable:
		st = apierrors.NewServiceUnavailable("the server is currently unable to handle the request")
	case http.StatusGatewayTimeout:
		st = apierrors.NewTimeoutError("request did not complete within the allotted timeout", f.Retry)
	case http.StatusConflict:
		st = conflict(q.res, q.name, modified).(*apierrors.StatusError)
	case 0, http.StatusInternalServerError:
		st = plainStatus(http.StatusInternalServerError, metav1.StatusReasonInternalError, "Internal error occurred: etcdserver: request timed out")
	default:
		st = apierrors.NewGenericServerResponse(f.Code, q.verb, q.res.gr(), q.name, "", f.Retry, true)
	}
	if f.Reason != "" {
		st.ErrStatus.Reason = metav1.StatusReason(f.Reason)
	}
	if f.Message != "" {
		st.ErrStatus.Message = f.Message
	}
	return st
}
