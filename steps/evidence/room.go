package evidence

import (
	"context"
	"errors"
	"sync"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps/doctor"
	"canton.example/svrescue/steps/triage"
)

// readRoom compares what is free on this machine with what the node's databases have. A dump is smaller than its database as a rule, and how much
// smaller is not known before it is taken.
func (r Readiness) readRoom(ctx context.Context, l *look, deliver func(func(*doctor.Evidence))) error {
	if r.Scratch == "" || r.Room == nil {
		return errors.New("no folder for them is known")
	}
	d := doctor.Disk{Reading: triage.Reading{Source: "this machine and the database servers"}, Folder: plain.Line(r.Scratch)}
	var err error
	if d.Free, err = r.Room(r.Scratch); err != nil {
		return err
	}
	n, err := l.node()
	if err != nil {
		return err
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, server := range n.Servers() {
		all.Go(func() {
			stored, err := l.stored(ctx, server)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				d.Unread = append(d.Unread, server.String())
				return
			}
			for _, own := range n.On(server) {
				for _, s := range stored {
					if s.Name == own.Name {
						d.Need += s.Bytes
					}
				}
			}
		})
	}
	all.Wait()
	d.At = l.Clock.Now()
	deliver(func(e *doctor.Evidence) { e.Disk = d })
	return nil
}
