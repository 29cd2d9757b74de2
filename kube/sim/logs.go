package sim

import (
	"fmt"
	"net/http"
	"sort"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

type logLine struct {
	at   time.Time
	text string
}

// damageLines is what a program says that finds its data damaged.
func damageLines(workload string) []string {
	switch {
	case strings.Contains(workload, "cometbft"):
		return []string{"panic: failed to load validators: leveldb: manifest corrupted"}
	case strings.HasSuffix(workload, "-pg") || workload == "postgres":
		return []string{"PANIC:  could not locate a valid checkpoint record", "LOG:  startup process (PID 27) was terminated by signal 6: Aborted"}
	}
	return []string{"cannot read stored state, giving up"}
}

// keptRepeats is how many repeated lines a log keeps; older ones are rotated away.
const keptRepeats = 2000

// linesOf is what one start of the pod's container has written up to now, and how many lines before it are rotated away.
func (s *Server) linesOf(p *corev1.Pod, a attempt, now time.Time) (lines []logLine, rotated int) {
	end := now
	if !a.end.IsZero() {
		end = a.end
	}
	w := s.workloadOf(p)
	all := []logLine{{a.start, "starting " + s.workloadName(p)}}
	for _, l := range w.Log {
		all = append(all, logLine{a.start.Add(l.After.Duration), l.Text})
	}
	if r := w.Repeat; r != nil && r.After.Duration > 0 {
		last := int(end.Sub(a.start) / r.After.Duration)
		if last > keptRepeats {
			rotated = last - keptRepeats
			all = all[:0]
		}
		for n := rotated + 1; n <= last; n++ {
			text := strings.ReplaceAll(r.Text, "%d", strconv.Itoa(n))
			all = append(all, logLine{a.start.Add(time.Duration(n) * r.After.Duration), text})
		}
	}
	for _, l := range all {
		if !l.at.After(end) {
			lines = append(lines, l)
		}
	}
	sort.SliceStable(lines, func(i, j int) bool { return lines[i].at.Before(lines[j].at) })
	for _, l := range a.last {
		lines = append(lines, logLine{a.end, l})
	}
	return lines, rotated
}

// logView is one request for the log of a container.
type logView struct {
	pod              *corev1.Pod
	previous, stamps bool
	tail             int // lines; negative means all
	since            time.Time
	limit            int // bytes; negative means all
	follow           bool
}

func (s *Server) logView(q *request) (v logView, err error) {
	o, err := s.find(q)
	if err != nil {
		return v, err
	}
	v.pod, v.tail, v.limit = as[corev1.Pod](o), -1, -1
	container := q.query.Get("container")
	var all []string
	for _, c := range v.pod.Spec.Containers {
		all = append(all, c.Name)
	}
	switch {
	case container == "" && len(all) > 1:
		return v, apierrors.NewBadRequest(fmt.Sprintf("a container name must be specified for pod %s, choose one of: %v", q.name, all))
	case container != "" && !oneOf(all, container):
		return v, apierrors.NewBadRequest(fmt.Sprintf("container %s is not valid for pod %s", container, q.name))
	case container == "":
		container = all[0]
	}
	yes := func(k string) bool { return q.query.Get(k) == "true" || q.query.Get(k) == "1" }
	v.previous, v.stamps, v.follow = yes("previous"), yes("timestamps"), yes("follow")
	if n, e := strconv.Atoi(q.query.Get("tailLines")); e == nil {
		v.tail = n
	}
	if n, e := strconv.Atoi(q.query.Get("limitBytes")); e == nil {
		v.limit = n
	}
	if n, e := strconv.Atoi(q.query.Get("sinceSeconds")); e == nil {
		v.since = s.now().Add(-time.Duration(n) * time.Second)
	}
	if t, e := time.Parse(time.RFC3339, q.query.Get("sinceTime")); e == nil {
		v.since = t
	}
	run := s.runs[v.pod.UID]
	switch {
	case v.pod.Spec.NodeName == "": // no kubelet to ask: an empty log
		v.tail = 0
	case run == nil || len(run.attempts) == 0:
		return v, apierrors.NewBadRequest(fmt.Sprintf("container %q in pod %q is waiting to start: %s", container, q.name, waitingReason(v.pod)))
	case v.previous && len(run.attempts) < 2 && run.running():
		return v, apierrors.NewBadRequest(fmt.Sprintf("previous terminated container %q in pod %q not found", container, q.name))
	}
	return v, nil
}

func waitingReason(p *corev1.Pod) string {
	for _, c := range p.Status.ContainerStatuses {
		if c.State.Waiting != nil {
			return c.State.Waiting.Reason
		}
	}
	return "ContainerCreating"
}

// lines returns what the view shows now, the number of lines before it, and whether more may follow.
func (s *Server) lines(v logView) (all []logLine, rotated int, more bool) {
	run := s.runs[v.pod.UID]
	if run == nil || len(run.attempts) == 0 {
		return nil, 0, false
	}
	a := run.attempts[len(run.attempts)-1]
	if v.previous && run.running() {
		a = run.attempts[len(run.attempts)-2]
	}
	all, rotated = s.linesOf(v.pod, a, s.now())
	return all, rotated, a.end.IsZero()
}

func (v logView) format(all []logLine) string {
	var b strings.Builder
	for _, l := range all {
		if v.stamps {
			b.WriteString(l.at.UTC().Format("2006-01-02T15:04:05.000000000Z "))
		}
		b.WriteString(l.text)
		b.WriteByte('\n')
	}
	return b.String()
}

func (v logView) cut(all []logLine) []logLine {
	if !v.since.IsZero() {
		i := sort.Search(len(all), func(i int) bool { return !all[i].at.Before(v.since) })
		all = all[i:]
	}
	if v.tail >= 0 && len(all) > v.tail {
		all = all[len(all)-v.tail:]
	}
	return all
}

// serveLog answers pods/log; with follow it looks for new lines four times a second until the container ends.
func (s *Server) serveLog(w http.ResponseWriter, q *request) {
	s.mu.Lock()
	v, err := s.logView(q)
	var all []logLine
	rotated, more := 0, false
	if err == nil {
		all, rotated, more = s.lines(v)
	}
	s.mu.Unlock()
	if err != nil {
		fail(w, err)
		return
	}
	text := v.format(v.cut(all))
	if v.limit >= 0 && len(text) > v.limit {
		text = text[:v.limit]
	}
	replyText(w, text)
	if !v.follow {
		return
	}
	for sent := rotated + len(all); more; {
		if f, ok := w.(http.Flusher); ok {
			f.Flush()
		}
		t := s.clock.NewTimer(250 * time.Millisecond)
		select {
		case <-t.C():
		case <-q.Context().Done():
		case <-s.done:
		}
		t.Stop()
		if q.Context().Err() != nil || s.ended() {
			return
		}
		s.mu.Lock()
		all, rotated, more = s.lines(v)
		_, away := s.outage()
		s.mu.Unlock()
		if away {
			panic(http.ErrAbortHandler)
		}
		if n := rotated + len(all); n > sent {
			w.Write([]byte(v.format(all[max(sent-rotated, 0):])))
			sent = n
		}
	}
}

func (s *Server) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}
