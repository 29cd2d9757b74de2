package command

import (
	"fmt"
	"io"
	"sync"
	"time"

	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

// transferLine tells how far bytes are: on a terminal one line that changes, else a line a minute. Where nothing has come for a while it says
// so, and since when.
type transferLine struct {
	to       io.Writer
	terminal bool
	clock    clock.WithTicker
	over     chan struct{}
	ended    sync.WaitGroup

	mu          sync.Mutex
	what        string
	done, total int64 // total 0: not known
	window      wire.RateWindow
	moved       time.Time
	marked      time.Time // when the window was told last
	drawn       bool
}

const (
	stillFor  = 15 * time.Second // without a byte, and it is said
	markEvery = 500 * time.Millisecond
	lineEvery = time.Minute // where there is no terminal
)

// transferring starts a line. Whoever has it calls end.
func (p *program) transferring(what string) *transferLine {
	t := &transferLine{to: p.Err, terminal: isTerminal(p.Err) && !p.theme.Plain, clock: p.Clock, over: make(chan struct{}), what: what, moved: p.Clock.Now()}
	t.ended.Go(t.tell)
	return t
}

func (t *transferLine) tell() {
	every := time.Second
	if !t.terminal {
		every = lineEvery
	}
	ticker := t.clock.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-t.over:
			return
		case <-ticker.C():
			t.mu.Lock()
			text := t.text(t.clock.Now())
			t.put(text)
			t.mu.Unlock()
		}
	}
}

func (t *transferLine) put(text string) {
	if t.terminal {
		fmt.Fprintf(t.to, "\r\x1b[K%s", text)
		t.drawn = true
		return
	}
	fmt.Fprintf(t.to, "svrescue: %s\n", text)
}

func (t *transferLine) text(now time.Time) string {
	text := t.what
	if t.done > 0 {
		text += ": " + bytesText(t.done)
		if t.total > 0 {
			text += fmt.Sprintf(" of %s, %d %%", bytesText(t.total), min(100, 100*t.done/t.total))
		}
		if rate := t.window.PerSecond(); rate > 0 {
			text += ", " + bytesText(int64(rate)) + "/s"
		}
		if left, known := t.window.Left(t.total); known && now.Sub(t.moved) < stillFor {
			text += ", " + left.Round(time.Second).String() + " left"
		}
	}
	if still := now.Sub(t.moved); still >= stillFor {
		text += fmt.Sprintf(" (nothing more for %s)", still.Round(time.Second))
	}
	return text
}

// phase begins something else, from nothing.
func (t *transferLine) phase(what string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.what != what {
		t.what, t.done, t.total, t.window, t.moved = what, 0, 0, wire.RateWindow{}, t.clock.Now()
	}
}

// at says how far it is. total 0: not known.
func (t *transferLine) at(done, total int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.total = total
	if done == t.done {
		return
	}
	now := t.clock.Now()
	t.done, t.moved = done, now
	if now.Sub(t.marked) >= markEvery || done == total { // a window keeps every mark, and this is called for every few KB
		t.marked, t.window = now, t.window.Add(now, done)
	}
}

// say writes a line of its own, above the one that changes.
func (t *transferLine) say(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clear()
	fmt.Fprintf(t.to, "svrescue: "+format+"\n", args...)
}

func (t *transferLine) clear() {
	if t.drawn {
		fmt.Fprint(t.to, "\r\x1b[K")
		t.drawn = false
	}
}

func (t *transferLine) end() {
	close(t.over)
	t.ended.Wait()
	t.clear()
}
