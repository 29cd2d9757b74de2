package engine

import (
	"sync"

	"canton.example/svrescue/steps/wire"
)

// maxQueued is how many events wait for a slow viewer before those that are not durable are dropped.
const maxQueued = 256

// Hub passes events to viewers. Durable events are kept and never dropped; a viewer that joins late receives all of
// them, then the last progress of each running action, how the node is held and what is tried again, then an event of kind viewers, then what comes. It is safe for several goroutines.
type Hub struct {
	mu       sync.Mutex
	durable  []wire.Event
	progress map[string]wire.Event
	halt     *wire.Event
	lease    *wire.Event // the last of its kind
	retry    *wire.Event // the last of its kind, while it is tried again
	viewers  map[*Viewer]bool
	changed  chan struct{} // closed and replaced when the number of viewers changes
	ended    chan struct{} // closed by Close
}

// Viewer receives events. C is closed when the hub closes or the viewer leaves.
type Viewer struct {
	C     <-chan wire.Event
	hub   *Hub
	queue []wire.Event
	wake  chan struct{}
	left  chan struct{} // closed by Leave
	once  sync.Once
}

// NewHub starts with the events that are already in the journal.
func NewHub(past []wire.Event) *Hub {
	return &Hub{durable: append([]wire.Event(nil), past...), progress: map[string]wire.Event{},
		viewers: map[*Viewer]bool{}, changed: make(chan struct{}), ended: make(chan struct{})}
}

// Publish passes an event to every viewer. It never blocks.
func (h *Hub) Publish(e wire.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e.Facts = nil // front ends have no use for them
	key := e.Step + " " + e.Action
	switch {
	case e.Kind == wire.KindProgress:
		h.progress[key] = e
	case e.Kind == wire.KindHalt:
		h.halt = &e
	case e.Kind == wire.KindLease:
		h.lease = &e
	case e.Kind == wire.KindRetry:
		h.retry = &e
	case e.Kind.Durable():
		h.durable = append(h.durable, e)
		switch e.Kind {
		case wire.KindResult:
			delete(h.progress, key)
		case wire.KindRetried, wire.KindAsk, wire.KindPark, wire.KindEnd:
			h.retry = nil
		}
		if over := e.Kind == wire.KindEnd || e.Kind == wire.KindPark; over && h.lease != nil && h.lease.Lease.State != wire.LeaseForeign {
			h.lease = nil // what is let go of is not told to those who join later
		}
	}
	for v := range h.viewers {
		v.push(e)
	}
}

// Join adds a viewer. Call Leave when it is gone.
func (h *Hub) Join() *Viewer {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make(chan wire.Event)
	v := &Viewer{C: out, hub: h, wake: make(chan struct{}, 1), left: make(chan struct{})}
	v.queue = append(v.queue, h.durable...)
	for _, e := range h.progress {
		v.queue = append(v.queue, e)
	}
	for _, e := range []*wire.Event{h.lease, h.retry} {
		if e != nil {
			v.queue = append(v.queue, *e)
		}
	}
	if h.halt != nil {
		v.queue = append(v.queue, *h.halt)
	}
	h.viewers[v] = true
	// Never dropped, however long the past is: it tells the viewer that what follows is the present.
	v.queue = append(v.queue, wire.Event{Kind: wire.KindViewers, Viewers: len(h.viewers)})
	h.count()
	go v.deliver(out)
	return v
}

// Leave removes the viewer; what is still queued for it is dropped.
func (v *Viewer) Leave() {
	v.hub.mu.Lock()
	if v.hub.viewers[v] {
		delete(v.hub.viewers, v)
		v.hub.count()
	}
	v.queue = nil
	v.hub.mu.Unlock()
	v.once.Do(func() { close(v.left) })
}

// Close lets every viewer take what is queued for it and then closes its channel.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case <-h.ended:
	default:
		close(h.ended)
	}
}

// Viewers is how many there are; the channel closes when that changes.
func (h *Hub) Viewers() (int, <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.viewers), h.changed
}

// count tells everybody how many viewers there are now. The lock is held.
func (h *Hub) count() {
	close(h.changed)
	h.changed = make(chan struct{})
	for v := range h.viewers {
		v.push(wire.Event{Kind: wire.KindViewers, Viewers: len(h.viewers)})
	}
}

// push queues an event. The hub's lock is held.
func (v *Viewer) push(e wire.Event) {
	if !e.Kind.Durable() && e.Kind != wire.KindHalt && len(v.queue) >= maxQueued {
		return
	}
	v.queue = append(v.queue, e)
	select {
	case v.wake <- struct{}{}:
	default:
	}
}

func (v *Viewer) deliver(out chan<- wire.Event) {
	defer close(out)
	for {
		v.hub.mu.Lock()
		batch := v.queue
		v.queue = nil
		v.hub.mu.Unlock()
		for _, e := range batch {
			select {
			case out <- e:
			case <-v.left:
				return
			}
		}
		if len(batch) > 0 {
			continue
		}
		select {
		case <-v.wake:
		case <-v.left:
			return
		case <-v.hub.ended:
			v.hub.mu.Lock()
			rest := len(v.queue)
			v.hub.mu.Unlock()
			if rest == 0 {
				return
			}
		}
	}
}
