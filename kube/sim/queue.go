package sim

import (
	"container/heap"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	corev1 "k8s.io/api/core/v1"
)

// lag is how long a controller takes to notice a change: long enough for a client to see observedGeneration lag behind.
const lag = 10 * time.Millisecond

// task is one thing for a controller to look at. Controllers are level-triggered: running a task twice does no harm, and a
// controller that waits for a time schedules itself again whenever it runs.
type task struct {
	what     string // deployment, replicaset, statefulset, pod, claim, volume, snapshot, content, namespace, gitops, errand, holder, gc
	res      *resource
	ns, name string
}

type item struct {
	task
	at  time.Time
	seq int
	pos int
}

// queue orders tasks by time, then by the order in which they were added. A task is in it once, at its earliest time.
type queue struct {
	heap  itemHeap
	known map[task]*item
	seq   int
}

func (q *queue) add(t task, at time.Time) {
	if q.known == nil {
		q.known = map[task]*item{}
	}
	if it := q.known[t]; it != nil {
		if at.Before(it.at) {
			it.at = at
			heap.Fix(&q.heap, it.pos)
		}
		return
	}
	q.seq++
	it := &item{task: t, at: at, seq: q.seq}
	q.known[t] = it
	heap.Push(&q.heap, it)
}

func (q *queue) next() (time.Time, bool) {
	if len(q.heap) == 0 {
		return time.Time{}, false
	}
	return q.heap[0].at, true
}

// pop takes the first task that is due.
func (q *queue) pop(now time.Time) (task, bool) {
	if len(q.heap) == 0 || q.heap[0].at.After(now) {
		return task{}, false
	}
	it := heap.Pop(&q.heap).(*item)
	delete(q.known, it.task)
	return it.task, true
}

type itemHeap []*item

func (h itemHeap) Len() int { return len(h) }
func (h itemHeap) Less(i, j int) bool {
	if !h[i].at.Equal(h[j].at) {
		return h[i].at.Before(h[j].at)
	}
	return h[i].seq < h[j].seq
}
func (h itemHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i]; h[i].pos, h[j].pos = i, j }
func (h *itemHeap) Push(x any)   { it := x.(*item); it.pos = len(*h); *h = append(*h, it) }
func (h *itemHeap) Pop() any {
	old := *h
	it := old[len(old)-1]
	*h = old[:len(old)-1]
	return it
}

// work runs every task that is due. The mutex is held.
func (s *Server) work(now time.Time) {
	for n := 0; ; n++ {
		t, ok := s.queue.pop(now)
		if !ok {
			return
		}
		if n > 1_000_000 {
			panic("sim: controllers do not come to rest at " + t.what + " " + path(t.ns, t.name))
		}
		switch t.what {
		case "deployment":
			s.syncDeployment(t.ns, t.name)
		case "replicaset":
			s.syncReplicaSet(t.ns, t.name)
		case "statefulset":
			s.syncStatefulSet(t.ns, t.name)
		case "pod":
			s.syncPod(t.ns, t.name)
		case "claim":
			s.syncClaim(t.ns, t.name)
		case "volume":
			s.syncVolume(t.name)
		case "snapshot":
			s.syncSnapshot(t.ns, t.name)
		case "content":
			s.syncContent(t.name)
		case "namespace":
			s.syncNamespace(t.name)
		case "gitops":
			s.reconcile(t.name)
		case "errand":
			s.run(t.name)
		case "holder":
			s.renew(t.name)
		case "gc":
			s.collect(t.res, t.ns, t.name)
		}
	}
}

// soon schedules a task after the controllers' lag, and at once while settling.
func (s *Server) soon(what, ns, name string) { s.later(what, ns, name, lag) }

// later schedules a task after d.
func (s *Server) later(what, ns, name string, d time.Duration) {
	s.queue.add(task{what: what, ns: ns, name: name}, s.due(d))
}

// due is when something that waits for d is to be done. While settling, the lag is nothing.
func (s *Server) due(d time.Duration) time.Time {
	if s.settled && d <= lag {
		return time.Time{}
	}
	return s.clock.Now().Add(d)
}

// delay is a duration of a scenario: zero while settling.
func (s *Server) delay(d *Duration, def time.Duration) time.Duration {
	if s.settled {
		return 0
	}
	return orElse(d, def)
}

var controllerOf = map[*resource]string{
	rDeployment: "deployment", rReplicaSet: "replicaset", rStatefulSet: "statefulset", rPod: "pod", rClaim: "claim",
	rVolume: "volume", rSnapshot: "snapshot", rContent: "content", rNamespace: "namespace",
}

// enqueueFor tells the controllers about one change.
func (s *Server) enqueueFor(c change) {
	ns, name := c.obj.GetNamespace(), c.obj.GetName()
	if what := controllerOf[c.res]; what != "" {
		s.soon(what, ns, name)
	}
	if o := owner(c.obj); o != nil {
		for r, what := range controllerOf {
			if r.kind == o.Kind {
				s.soon(what, ns, o.Name)
			}
		}
	}
	if c.kind == watch.Deleted {
		s.enqueueDependents(c.obj)
		for _, ref := range c.obj.GetOwnerReferences() { // it may wait for its dependents
			for _, r := range table {
				if r.kind == ref.Kind {
					s.queueCollect(r, ns, ref.Name)
				}
			}
		}
		if n := s.store.get(rNamespace, "", ns); n != nil && n.GetDeletionTimestamp() != nil {
			s.soon("namespace", "", ns)
		}
	}
	if len(c.obj.GetOwnerReferences()) > 0 || (c.obj.GetDeletionTimestamp() != nil && len(c.obj.GetFinalizers()) > 0) {
		s.queueCollect(c.res, ns, name)
	}
	switch c.res {
	case rNamespace:
		s.send(name)
	case rPod:
		for _, n := range claimsOf(as[corev1.Pod](c.obj)) {
			s.soon("claim", ns, n)
		}
	case rClaim:
		s.enqueuePodsOf(ns, name)
		if v := as[corev1.PersistentVolumeClaim](c.obj).Spec.VolumeName; v != "" {
			s.soon("volume", "", v)
		}
		s.enqueueAllIn("snapshot", rSnapshot, ns)
	case rVolume:
		s.enqueueAllIn("claim", rClaim, "")
	case rSnapshot:
		s.enqueueAllIn("claim", rClaim, ns)
		s.soon("content", "", "snapcontent-"+string(c.obj.GetUID()))
	case rContent:
		s.enqueueAllIn("snapshot", rSnapshot, "")
	case rClass:
		s.enqueueAllIn("claim", rClaim, "")
	case rSnapClass:
		s.enqueueAllIn("snapshot", rSnapshot, "")
	}
	if c.res.name == "secrets" || c.res.name == "configmaps" {
		s.enqueueAllIn("pod", rPod, ns)
	}
}

func (s *Server) enqueueAllIn(what string, r *resource, ns string) {
	for _, o := range s.store.list(r, ns) {
		s.soon(what, o.GetNamespace(), o.GetName())
	}
}

func (s *Server) enqueuePodsOf(ns, claim string) {
	for _, o := range s.store.list(rPod, ns) {
		for _, n := range claimsOf(as[corev1.Pod](o)) {
			if n == claim {
				s.soon("pod", ns, o.GetName())
			}
		}
	}
}

func (s *Server) enqueueAll() {
	for _, r := range table {
		if what := controllerOf[r]; what != "" {
			s.enqueueAllIn(what, r, "")
		}
	}
	for i := range s.knobs.GitOps {
		s.soon("gitops", "", strconv.Itoa(i))
	}
	for i := range s.knobs.Holders {
		s.soon("holder", "", strconv.Itoa(i))
	}
}

func (s *Server) queueCollect(r *resource, ns, name string) {
	s.queue.add(task{what: "gc", res: r, ns: ns, name: name}, s.due(lag))
}

func (s *Server) enqueueDependents(o *object) {
	for _, r := range table {
		for _, d := range s.store.list(r, o.GetNamespace()) {
			for _, ref := range d.GetOwnerReferences() {
				if ref.UID == o.GetUID() {
					s.queueCollect(r, d.GetNamespace(), d.GetName())
				}
			}
		}
	}
}

// claimsOf lists the claims that a pod mounts.
func claimsOf(p *corev1.Pod) []string {
	var out []string
	for _, v := range p.Spec.Volumes {
		if v.PersistentVolumeClaim != nil {
			out = append(out, v.PersistentVolumeClaim.ClaimName)
		}
	}
	return out
}

func ptr[T any](v T) *T { return &v }

func (s *Server) stamp() metav1.Time { return metav1.NewTime(s.now().UTC().Truncate(time.Second)) }
