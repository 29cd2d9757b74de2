package command_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"

	"canton.example/svrescue/kube/sim"
	"github.com/rogpeppe/go-internal/testscript"
)

// cutExec SKIP BYTES COUNT: after so many commands in pods that pass, so many lose their connection after so many bytes.
func cutExec(ts *testscript.TestScript, _ bool, args []string) {
	w := ts.Value(worldsKey{}).(*worlds)
	var n [3]int
	for i := range n {
		var err error
		n[i], err = strconv.Atoi(args[i])
		ts.Check(err)
	}
	knobs := w.server.Knobs()
	knobs.Faults = append(knobs.Faults, sim.Fault{Resource: "pods/exec", Do: "cut", Skip: n[0], Bytes: int64(n[1]), Count: n[2]})
	w.server.Set(knobs)
}

// scale DEPLOYMENT REPLICAS: somebody scales it, and its pods have gone, or are ready, when it returns.
func scale(ts *testscript.TestScript, _ bool, args []string) {
	w := ts.Value(worldsKey{}).(*worlds)
	ask := func(method, path, body string) string {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+admin)
		r.Header.Set("Content-Type", "application/merge-patch+json")
		answer := httptest.NewRecorder()
		w.server.ServeHTTP(answer, r)
		if answer.Code != http.StatusOK {
			ts.Fatalf("%s %s: %d %s", method, path, answer.Code, answer.Body)
		}
		return answer.Body.String()
	}
	ask(http.MethodPatch, "/apis/apps/v1/namespaces/sv/deployments/"+args[0], fmt.Sprintf(`{"spec":{"replicas":%s}}`, args[1]))
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		pods := ask(http.MethodGet, "/api/v1/namespaces/sv/pods", "")
		if has := strings.Contains(pods, `"name":"`+args[0]+"-"); has == (args[1] != "0") {
			return
		}
		if time.Now().After(end) {
			ts.Fatalf("the pods of %s do not follow", args[0])
		}
	}
}

// pods NAME: there is a pod whose name begins so.
func pods(ts *testscript.TestScript, neg bool, args []string) {
	w := ts.Value(worldsKey{}).(*worlds)
	r := httptest.NewRequest(http.MethodGet, "/api/v1/namespaces/sv/pods", nil)
	r.Header.Set("Authorization", "Bearer "+admin)
	answer := httptest.NewRecorder()
	w.server.ServeHTTP(answer, r)
	if has := strings.Contains(answer.Body.String(), `"name":"`+args[0]); has == neg {
		ts.Fatalf("a pod %s is there: %v", args[0], has)
	}
}
