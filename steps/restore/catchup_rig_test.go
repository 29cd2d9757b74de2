package restore

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// answerOf asks a handler as a tunnel to a pod would.
func answerOf(h http.Handler, path string) ([]byte, error) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	if w.Code != http.StatusOK {
		return nil, fmt.Errorf("%s answers %d", path, w.Code)
	}
	return w.Body.Bytes(), nil
}

// waitFor lets the time of the bubble pass until something is so.
func waitFor(t *testing.T, so func() bool) {
	t.Helper()
	for range 600 {
		if so() {
			return
		}
		time.Sleep(time.Second)
	}
	t.Fatal("it never became so")
}
