package sim

import (
	"fmt"
	"net/http"
)

// Ingress stands before an app as an ingress controller does: it answers with pages of its own where the app is not there or the client
// is not listed. The pages are composed here; of real ones the reference says only that they are HTML or text.
type Ingress struct {
	App    http.Handler
	Listed func(*http.Request) bool // nil: everybody is
	Status func() int               // 0: the app answers; else 502, 503 or 504
}

func (i Ingress) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case i.Listed != nil && !i.Listed(r):
		page(w, http.StatusForbidden)
	case i.Status != nil && i.Status() != 0:
		page(w, i.Status())
	default:
		i.App.ServeHTTP(w, r)
	}
}

func page(w http.ResponseWriter, code int) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(code)
	name := fmt.Sprintf("%d %s", code, http.StatusText(code))
	_, _ = fmt.Fprintf(w, "<html>\r\n<head><title>%s</title></head>\r\n<body>\r\n<center><h1>%s</h1></center>\r\n</body>\r\n</html>\r\n", name, name)
}
