package network

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// exportFile is the artifact that tells of a request for a snapshot which may still go on in the SV app: so a process that takes up another's
// place does not ask at the same time.
const exportFile = "snapshot-export.json"

// export is a request whose end is not known.
type export struct {
	Of    string    `json:"of"`    // the time that was asked for
	Begun time.Time `json:"begun"` // when it was sent
	Seen  time.Time `json:"seen"`  // when somebody waited for it last
	Over  bool      `json:"over"`  // it was answered
}

// An export that nobody waits for any more is given as long as somebody waited for it, between these: nothing tells when it ends
// (reference/apis.md 1.1).
const (
	leastExport, mostExport = 10 * time.Minute, time.Hour
	exportLook              = 15 * time.Second // how often it is told that an answer is waited for
)

// until is when another request may be made.
func (e export) until() time.Time {
	return e.Seen.Add(min(max(leastExport, e.Seen.Sub(e.Begun)), mostExport))
}

func (e export) write(files steps.FileWriter) error {
	data, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return files.Write(exportFile, append(data, '\n'))
}

// awaitExport waits while an export may go on that an earlier process asked for.
func awaitExport(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	var e export
	data, err := h.World.Files.Read(exportFile)
	if err != nil || json.Unmarshal(data, &e) != nil || e.Over {
		return nil
	}
	clk := h.World.Clock
	for {
		left := e.until().Sub(clk.Now())
		if left <= 0 {
			return nil
		}
		report(wire.Progress{Text: fmt.Sprintf("the export of %s that was asked for at %s UTC may still go on in the SV app, which does not stop it when nobody waits; asking again at %s UTC",
			e.Of, e.Begun.UTC().Format("15:04:05"), e.until().UTC().Format("15:04:05"))})
		timer := clk.NewTimer(min(left, exportLook))
		select {
		case <-timer.C():
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// waited is a request that is waited for: how long is told, and kept.
type waited struct {
	hands steps.Hands
	stop  chan struct{}
	ended chan struct{}
	once  sync.Once

	mu sync.Mutex
	export
}

// beginExport keeps that a request is made now. Whoever has it calls end.
func beginExport(ctx context.Context, h steps.Hands, of string, report func(wire.Progress)) (*waited, error) {
	now := h.World.Clock.Now().UTC()
	w := &waited{hands: h, stop: make(chan struct{}), ended: make(chan struct{}), export: export{Of: of, Begun: now, Seen: now}}
	if err := w.write(h.Files); err != nil {
		return nil, err
	}
	ticker := h.World.Clock.NewTicker(exportLook)
	go func() {
		defer close(w.ended)
		defer ticker.Stop()
		for looks := 1; ; looks++ {
			report(wire.Progress{Text: fmt.Sprintf("waiting for the SV app, which makes all of the snapshot of %s before it answers: %s so far", of, h.World.Clock.Now().Sub(now).Round(time.Second))})
			select {
			case <-w.stop:
				return
			case <-ctx.Done():
				return
			case <-ticker.C():
			}
			if looks%4 == 0 { // once a minute; where it cannot be kept, less is known after a crash
				_ = w.seen(false)
			}
		}
	}()
	return w, nil
}

func (w *waited) seen(over bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Seen, w.Over = w.hands.World.Clock.Now().UTC(), over
	return w.write(w.hands.Files)
}

// answered ends the waiting: the answer has begun.
func (w *waited) answered() {
	w.once.Do(func() { close(w.stop) })
	<-w.ended
}

// end keeps how it ended: whether the app may still go on with it.
func (w *waited) end(goesOn bool) error {
	w.answered()
	return w.seen(!goesOn)
}
