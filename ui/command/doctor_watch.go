package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"canton.example/svrescue/steps/doctor"
	"k8s.io/utils/clock"
)

// watching looks again and again until the context ends. show is told each report with the one before, of which the first has none.
func watching(ctx context.Context, clk clock.WithTicker, every time.Duration, look func(context.Context) (doctor.Report, error), show func(now doctor.Report, before *doctor.Report, at time.Time) error) error {
	var before *doctor.Report
	for {
		now, err := look(ctx)
		if err != nil {
			return err
		}
		if err := show(now, before, clk.Now()); err != nil {
			return err
		}
		before = &now
		timer := clk.NewTimer(every)
		select {
		case <-ctx.Done():
			timer.Stop()
			return exit(exitInterrupted, errors.New("doctor was interrupted"))
		case <-timer.C():
		}
	}
}

// watch prints the whole report once, and then what changed, one line for each. As documents, each report is a line.
func (d *doctoring) watch(ctx context.Context) error {
	if d.flags.output != "" {
		return usage("--watch prints as it goes; -o is for one report")
	}
	err := watching(ctx, d.Clock, d.options.every, func(ctx context.Context) (doctor.Report, error) {
		r, _, err := d.look(ctx)
		return r, err
	}, func(now doctor.Report, before *doctor.Report, at time.Time) error {
		switch {
		case d.json():
			if err := d.metrics(now); err != nil {
				return err
			}
			return writeLine(d.Out, now)
		case before == nil:
			if err := d.tell(now, d.from.Clock.Now()); err != nil {
				return err
			}
			_, err := fmt.Fprintf(d.Out, "\nLooking again every %s; ctrl+c leaves.\n", d.options.every)
			return err
		}
		if err := d.metrics(now); err != nil { // a disk that is full now may not be later, and the watch goes on
			fmt.Fprintln(d.Err, "svrescue: "+sentence(err))
		}
		return writeChanges(d.Out, now, *before, at)
	})
	if c := (coded{}); errors.As(err, &c) && c.code == exitInterrupted {
		return told(exitInterrupted) // whoever pressed ctrl+c knows
	}
	return err
}

// writeChanges tells what is not what it was, one line each; or in one line that nothing changed, so that a log shows that somebody looked.
func writeChanges(w io.Writer, now, before doctor.Report, at time.Time) error {
	all := now.Changed(before)
	for _, c := range all {
		if _, err := fmt.Fprintln(w, changed(at, c)); err != nil {
			return err
		}
	}
	if len(all) > 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "%s  looked, and nothing changed\n", at.UTC().Format("2006-01-02 15:04:05 MST"))
	return err
}

func writeLine(w io.Writer, r doctor.Report) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(r)
}
