package upload

import (
	"context"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/utils/clock"
)

// window is how many chunks may be on their way: sent, and not said by the pod to be in the file. A container that dies goes on taking input
// that nobody writes; so no more than that is sent again after a cut.
const window = 3

// feed is the input of the command that writes. It waits where a window of it is on its way. It ends when it is stopped; a read that is left
// behind then takes nothing more.
type feed struct {
	in     io.Reader
	took   func(n int)
	window int64

	since   atomic.Int64 // when it was asked for the last part, in nanoseconds since 1970; 0: it is being read here
	mu      sync.Mutex
	changed sync.Cond // of the fields below
	sent    int64
	there   int64 // bytes that the pod has written
	stopped bool
	err     error
}

func newFeed(in io.Reader, window int64) *feed {
	f := &feed{in: in, window: window}
	f.changed.L = &f.mu
	return f
}

func (f *feed) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for !f.stopped && f.sent-f.there >= f.window {
		f.changed.Wait()
	}
	if f.stopped {
		return 0, io.EOF
	}
	n, err := f.in.Read(p[:min(int64(len(p)), f.window-(f.sent-f.there))])
	if err != nil && err != io.EOF {
		f.err = err
	}
	if n > 0 {
		f.sent += int64(n)
		f.took(n)
	}
	f.since.Store(0)
	return n, err
}

// written is told how much of it the pod has in the file. Nobody has what was not sent.
func (f *feed) written(bytes int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.there = max(f.there, min(bytes, f.sent))
	f.changed.Broadcast()
}

// stop ends the reading, and answers what made it fail.
func (f *feed) stop() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stopped = true
	f.changed.Broadcast()
	return f.err
}

// watch gives the connection up when nothing was asked for, or nothing may be sent, during a time.
func (f *feed) watch(c clock.WithTicker, stall time.Duration, cancel context.CancelCauseFunc) (stop func()) {
	over := make(chan struct{})
	ticker := c.NewTicker(max(stall/16, time.Millisecond))
	go func() {
		defer ticker.Stop()
		for {
			select {
			case <-over:
				return
			case <-ticker.C():
			}
			now := c.Now().UnixNano()
			if !f.since.CompareAndSwap(0, now) && now-f.since.Load() >= int64(stall) {
				cancel(errStalled)
				return
			}
		}
	}()
	return func() { close(over) }
}
