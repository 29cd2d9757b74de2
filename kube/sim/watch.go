package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/clock"
)

const (
	defaultWatch  = 40 * time.Minute // how long a watch lasts when the client names no timeout
	bookmarkEvery = time.Minute
)

// watcher is one open watch.
type watcher struct {
	s   *Server
	w   http.ResponseWriter
	q   *request
	sel selector
	at  int64 // version up to which everything was sent
}

type event struct {
	Type   watch.EventType `json:"type"`
	Object any             `json:"object"`
}

func (h *watcher) send(t watch.EventType, o any) {
	b, err := json.Marshal(event{t, o})
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if _, err := h.w.Write(append(b, '\n')); err != nil {
		panic(http.ErrAbortHandler)
	}
	if f, ok := h.w.(http.Flusher); ok {
		f.Flush()
	}
}

func (h *watcher) bookmark(initial bool) {
	o := &object{Object: map[string]any{"metadata": map[string]any{"resourceVersion": strconv.FormatInt(h.at, 10)}}}
	o.SetGroupVersionKind(h.q.res.gvk())
	if initial {
		o.SetAnnotations(map[string]string{metav1.InitialEventsAnnotationKey: "true"})
	}
	h.send(watch.Bookmark, o.Object)
}

// serveWatch streams changes until the client, the timeout, an outage or the server ends it.
func (s *Server) serveWatch(w http.ResponseWriter, q *request) {
	sel, err := q.selector()
	if err != nil {
		fail(w, err)
		return
	}
	h := &watcher{s: s, w: w, q: q, sel: sel}
	initial, err := h.begin()
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
	for _, o := range initial {
		h.send(watch.Added, o.Object)
	}
	if q.query.Get("sendInitialEvents") == "true" {
		h.bookmark(true)
	}
	h.follow()
}

// begin finds where the watch starts: at a version of the client's, or at the present with the present objects first.
func (h *watcher) begin() ([]*object, error) {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	v := h.q.query.Get("resourceVersion")
	all := h.q.query.Get("sendInitialEvents") == "true"
	if all && h.q.query.Get("resourceVersionMatch") != string(metav1.ResourceVersionMatchNotOlderThan) {
		return nil, invalid(h.q.res, "", forbidden("resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"))
	}
	if v == "" || v == "0" || all {
		h.at = h.s.store.version
		if h.q.query.Get("sendInitialEvents") == "false" {
			return nil, nil
		}
		var out []*object
		for _, o := range h.s.store.list(h.q.res, h.namespace()) {
			if h.sel.matches(o) {
				out = append(out, o)
			}
		}
		return out, nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return nil, apierrors.NewBadRequest(fmt.Sprintf("invalid resource version %q: %v", v, err))
	}
	h.at = n
	return nil, nil
}

func (h *watcher) namespace() string {
	if !h.q.res.namespaced {
		return ""
	}
	return h.q.ns
}

// batch returns the events after h.at that this watch sees, and moves on. gone: they are no longer kept.
func (h *watcher) batch() (out []event, signal <-chan struct{}, away time.Duration, cut bool, gone error) {
	h.s.mu.Lock()
	defer h.s.mu.Unlock()
	away, cut = h.s.outage()
	signal = h.s.signal
	log, ok := h.s.store.since(h.at)
	if !ok {
		gone = apierrors.NewResourceExpired(fmt.Sprintf("too old resource version: %d (%d)", h.at, h.s.store.dropped))
		return
	}
	for _, c := range log {
		h.at = c.rv
		if c.res != h.q.res || (h.namespace() != "" && c.obj.GetNamespace() != h.namespace()) {
			continue
		}
		was, is := h.sel.matches(c.prev), c.kind != watch.Deleted && h.sel.matches(c.obj)
		switch {
		case is && was:
			out = append(out, event{watch.Modified, c.obj.Object})
		case is:
			out = append(out, event{watch.Added, c.obj.Object})
		case was:
			last := c.obj
			if c.kind != watch.Deleted { // it left the selection: the last state that was seen, with the new version
				last = c.prev.DeepCopy()
				last.SetResourceVersion(c.obj.GetResourceVersion())
			}
			out = append(out, event{watch.Deleted, last.Object})
		}
	}
	return
}

func (h *watcher) follow() {
	life := defaultWatch
	if n, err := strconv.Atoi(h.q.query.Get("timeoutSeconds")); err == nil && n > 0 {
		life = time.Duration(n) * time.Second
	}
	end := h.s.clock.NewTimer(life)
	defer end.Stop()
	var marks <-chan time.Time
	if b := h.q.query.Get("allowWatchBookmarks"); b == "true" || b == "1" {
		t := h.s.clock.NewTicker(bookmarkEvery)
		defer t.Stop()
		marks = t.C()
	}
	for {
		events, signal, away, cut, gone := h.batch()
		if cut {
			panic(http.ErrAbortHandler)
		}
		for _, e := range events {
			h.send(e.Type, e.Object)
		}
		if gone != nil {
			st := gone.(*apierrors.StatusError).ErrStatus
			st.Kind, st.APIVersion = "Status", "v1"
			h.send(watch.Error, st)
			return
		}
		var outage clock.Timer
		var dead <-chan time.Time
		if away >= 0 {
			outage = h.s.clock.NewTimer(away)
			dead = outage.C()
		}
		stop := false
		select {
		case <-signal:
		case <-marks:
			h.bookmark(false)
		case <-dead:
		case <-end.C():
			stop = true
		case <-h.q.Context().Done():
			stop = true
		case <-h.s.done:
			stop = true
		}
		if outage != nil {
			outage.Stop()
		}
		if stop {
			return
		}
	}
}
