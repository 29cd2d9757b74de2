package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/wire"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// request is what a spoiled request meets: serve answers it as the world does.
type request struct {
	*http.Request
	w     http.ResponseWriter
	serve http.HandlerFunc
}

// refuse answers with a status of Kubernetes.
func (q request) refuse(code int, reason metav1.StatusReason, message string) {
	q.w.Header().Set("Content-Type", "application/json")
	q.w.WriteHeader(code)
	json.NewEncoder(q.w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message})
}

// done lets the world do it, and keeps the answer.
func (q request) done() *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	q.serve(answer, q.Request)
	return answer
}

func (q request) hang() {
	io.Copy(io.Discard, q.Body) // until it is read the server does not see that the client has gone
	<-q.Context().Done()
	panic(http.ErrAbortHandler)
}

func (q request) internal() {
	q.refuse(500, metav1.StatusReasonInternalError, "etcdserver: request timed out")
}

// ways are what can become of a request. Those of writes alone would be another world for who reads, and not a fault.
var ways = []struct {
	name   string
	writes bool
	spoil  func(q request)
}{
	{"throttled", false, func(q request) { // as the API server does: in plain text
		q.w.Header().Set("Retry-After", "40")
		http.Error(q.w, "Too many requests, please try again later.", http.StatusTooManyRequests)
	}},
	{"an error of the server", false, request.internal},
	{"unavailable", false, func(q request) {
		q.refuse(503, metav1.StatusReasonServiceUnavailable, "the server is currently unable to handle the request")
	}},
	{"no answer in time", false, request.hang},
	{"the connection is cut", false, func(q request) { panic(http.ErrAbortHandler) }},
	{"half an answer", false, func(q request) {
		whole := q.done()
		for k, v := range whole.Header() {
			q.w.Header()[k] = v
		}
		body := whole.Body.Bytes()
		q.w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		q.w.WriteHeader(whole.Code)
		q.w.Write(body[:len(body)/2])
		http.NewResponseController(q.w).Flush()
		panic(http.ErrAbortHandler)
	}},
	{"a slow answer", false, func(q request) {
		time.Sleep(20 * time.Second)
		q.serve(q.w, q.Request)
	}},
	{"the login is unknown once", false, func(q request) { q.refuse(401, metav1.StatusReasonUnauthorized, "Unauthorized") }},
	{expiry, false, func(q request) { q.refuse(401, metav1.StatusReasonUnauthorized, "Unauthorized") }},
	{"done, and the answer is lost", true, func(q request) { q.done(); panic(http.ErrAbortHandler) }},
	{"done, and answered with an error", true, func(q request) { q.done(); q.internal() }},
	{"done, and no answer in time", true, func(q request) { q.done(); q.hang() }},
	{"a conflict", true, func(q request) {
		q.refuse(409, metav1.StatusReasonConflict, "the object has been modified; please apply your changes to the latest version and try again")
	}},
	{"forbidden, then granted", true, func(q request) { q.refuse(403, metav1.StatusReasonForbidden, "not today") }},
}

// expiry is the way in which every request from there on is refused, until somebody has logged in again.
const expiry = "the login has expired"

// place is the first request of one kind in one step: to read, to try, or to write.
type place struct {
	step, what string
	write      bool
}

// kindOf is what a request does to which resource; "" where it is none of the run's own, or opens a stream.
func kindOf(q *http.Request) (what string, write bool) {
	if strings.Contains(q.URL.Path, "coordination.k8s.io") || q.Header.Get("Upgrade") != "" {
		return "", false
	}
	p := strings.Split(strings.Trim(q.URL.Path, "/"), "/")
	switch {
	case p[0] == "api" && len(p) > 2:
		p = p[2:]
	case p[0] == "apis" && len(p) > 3:
		p = p[3:]
	default:
		return "get " + q.URL.Path, false
	}
	if p[0] == "namespaces" && len(p) > 2 {
		p = p[2:]
	}
	verb := strings.ToLower(q.Method)
	if q.Method == http.MethodGet && len(p) == 1 {
		verb = "list"
	}
	resource := p[0]
	if len(p) > 2 {
		resource += "/" + p[2]
	}
	switch {
	case q.URL.Query().Has("dryRun"):
		return "try to " + verb + " " + resource, false
	case strings.HasSuffix(resource, "reviews"):
		return "ask " + resource, false
	}
	return verb + " " + resource, q.Method != http.MethodGet
}

// stepNow is the step that the run is at.
func stepNow(r *rig) string {
	for _, e := range slices.Backward(r.journal) {
		if e.Step != "" {
			return e.Step
		}
	}
	return ""
}

// meet spoils the first request at a place. It answers whether that was met.
func (r *rig) meet(at place, way string, spoil func(request)) *atomic.Bool {
	met, renewed := &atomic.Bool{}, "Bearer "+credential+"-renewed"
	r.wire.spoil = func(w http.ResponseWriter, q *http.Request, serve http.HandlerFunc) bool {
		if q.Header.Get("Authorization") == renewed {
			q.Header.Set("Authorization", "Bearer "+credential)
			return false
		}
		what, _ := kindOf(q)
		first := what == at.what && !met.Load() && stepNow(r) == at.step
		if first {
			met.Store(true)
		}
		if !first && (way != expiry || !met.Load()) {
			return false
		}
		spoil(request{q, w, serve})
		return true
	}
	return met
}

// alone is an operator who decides nothing about errors, as an answers file does not, but for the proofs that the undisturbed run goes on without;
// and who logs in again, after a while.
func (r *rig) alone(u *undisturbed) operator {
	good := r.player()
	return func(ctx context.Context, v wire.View, q wire.Question) (wire.Answer, bool) {
		switch {
		case strings.HasSuffix(q.Name, ".login"):
			return r.logsIn(), true
		case slices.Contains(u.accepts, waived(q)):
			return good(ctx, v, q)
		case q.Kind == wire.AskRemedy && !asksRoom(q) && !asksSecrets(q) && q.Default != wire.ChoiceRetry:
			return wire.Answer{}, false
		}
		return good(ctx, v, q)
	}
}

// logsIn is an operator who logs in to the cluster again, after a while. The worker has seen it by itself before they answer.
func (r *rig) logsIn() wire.Answer {
	time.Sleep(3 * time.Minute)
	os.WriteFile(r.config, sim.Kubeconfig("http://127.0.0.1:1", credential+"-renewed", nil, namespace), 0o600)
	time.Sleep(time.Minute)
	return wire.Answer{Choice: wire.ChoicePark}
}

// TestFaultMatrix spoils one request of each kind in each step in each way, reads and trials included. With nobody there the run ends as the
// scenario ends, or parked with a sentence, and then it is taken up by an operator who tries again. Always it comes to the world of a
// run that nothing disturbed, and no claim is deleted or created twice. The whole of one scenario, and a part of it: as with TestKillMatrix.
func TestFaultMatrix(t *testing.T) {
	beside(t)
	for _, c := range faultCourses() {
		if !passedOver() && !c.rests() {
			t.Run(c.in().ID, func(t *testing.T) { faultMatrix(t, c) })
		}
	}
}

func faultCourses() []course {
	restored := func(t *testing.T, r *rig, _ wire.View) { onlyOnce(t, r); checkShown(t, r) }
	stand := func(t *testing.T, r *rig) any { return stands(t, r) }
	all := []course{{in: clean, world: stand, also: restored, sample: 3}, {in: managedDumps, world: stand, also: restored, sample: 3}}
	for i := range all {
		c := &all[i]
		c.name, c.drive, c.answer, c.ends = "spoiled "+c.in().ID, restoring, (*rig).player, recovered
	}
	return slices.Concat(all, reonboardCourses(), networkCourses(), rollCourses())
}

func faultMatrix(t *testing.T, c course) {
	u := c.alone(t)
	type spoiled struct {
		place
		way int
	}
	var cases []spoiled
	for _, p := range u.at {
		for i, way := range ways {
			if p.write || !way.writes {
				cases = append(cases, spoiled{p, i})
			}
		}
	}
	var tried, ended, parked, equal atomic.Int32
	t.Cleanup(func() {
		fmt.Printf("fault matrix in %s: %d places, %d ways: points/cases %d, tried %d, ended %d, parked %d, equal %d%s\n",
			c.in().ID, len(u.at), len(ways), len(cases), tried.Load(), ended.Load(), parked.Load(), equal.Load(), ordered())
	})
	chosen, until := pick(len(cases), anywhere(len(cases), c.sample))
	for _, i := range chosen {
		at, way := cases[i], ways[cases[i].way]
		t.Run(fmt.Sprintf("%s %s %s", at.step, at.what, way.name), func(t *testing.T) {
			t.Parallel()
			if late(until) {
				return
			}
			tried.Add(1)
			inScenario(t, c.in(), nil, func(t *testing.T, r *rig) {
				if c.prepare != nil {
					c.prepare(t, r)
				}
				met := r.meet(at.place, way.name, way.spoil)
				v, _, _ := c.drive(r, t.Context(), 0, r.alone(u))
				if v.Ended == nil {
					parked.Add(1)
					parksWithASentence(t, r, v)
					v, _, _ = c.drive(r, t.Context(), 0, c.again(r))
				} else {
					ended.Add(1)
				}
				if v.Ended == nil || !c.ends(v) {
					t.Fatalf("it ended %+v, parked %q\n%s", v.Ended, v.Parked, lines(v))
				}
				if !met.Load() {
					t.Error("the fault was not met")
				}
				c.also(t, r, v)
				if diff := u.differs(c.world(t, r)); diff != "" {
					t.Errorf("(-undisturbed +disturbed)\n%s\n%s", diff, lines(v))
				}
				if !t.Failed() {
					equal.Add(1)
				}
			})
		})
	}
}

// parksWithASentence: whoever comes back reads what was tried, what was seen, and what to do next; or is asked what the world would not tell, and why.
func parksWithASentence(t *testing.T, r *rig, v wire.View) {
	t.Helper()
	for _, e := range slices.Backward(r.journal) {
		if e.Kind != wire.KindAsk {
			continue
		}
		q, f := e.Question, e.Question.Error
		told := f != nil && f.Tried != "" && f.Seen != "" || q.Kind == wire.AskText && q.Default == "" && strings.Contains(q.Text, " does not list them: ")
		if !told || v.Parked == "" {
			t.Errorf("parked %q at %s: %+v", v.Parked, q.Name, f)
		}
		return
	}
	t.Error("it parked without a question")
}

// onlyOnce: no claim was deleted or created twice.
func onlyOnce(t *testing.T, r *rig) {
	t.Helper()
	twice := map[string]int{}
	for _, w := range sent(r) {
		if w.Resource == "persistentvolumeclaims" && w.Code >= 200 && w.Code < 300 {
			twice[w.Verb+w.Name+w.Body]++
		}
	}
	for what, n := range twice {
		if n > 1 {
			t.Errorf("%s took effect %d times", what, n)
		}
	}
}

// Taken back and done again is done: the second time the claims are those by which the old volumes were put back.
func TestForwardAgainAfterTakingBack(t *testing.T) {
	inWorld(t, nil, func(t *testing.T, r *rig) {
		v, _, _ := r.play(t.Context(), 0, r.told(told{
			"restore/start-databases.confirm": {wire.ChoiceUndo, wire.ChoiceUndo},
			"restore/restore-volumes.undo":    {wire.ChoiceYes, wire.ChoiceYes},
		}))
		must(t, v, wire.Recovered)
		checkRestored(t, r)
		checkShown(t, r)
	})
}
