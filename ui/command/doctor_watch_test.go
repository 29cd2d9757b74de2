package command

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/steps/doctor"
	"canton.example/svrescue/steps/triage"
	clocktesting "k8s.io/utils/clock/testing"
)

// A watch looks at once and then every so often, tells what changed and when, and that nothing did; it ends with its context.
func TestWatching(t *testing.T) {
	clk := clocktesting.NewFakeClock(time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC))
	of := func(v triage.Verdict) doctor.Report {
		return doctor.Report{Conditions: []doctor.Condition{{ID: "clock", Verdict: v, Detail: "As it is."}, {ID: "disk", Verdict: triage.Holds, Detail: "Room."}}}
	}
	reports := []doctor.Report{of(triage.Holds), of(triage.Holds), of(triage.Violated), of(triage.NotDetermined)}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var out bytes.Buffer
	looks := 0
	ended := make(chan error)
	shown := make(chan struct{})
	go func() {
		ended <- watching(ctx, clk, 15*time.Minute, func(context.Context) (doctor.Report, error) {
			looks++
			return reports[looks-1], nil
		}, func(now doctor.Report, before *doctor.Report, at time.Time) error {
			defer func() { shown <- struct{}{} }()
			if before == nil {
				return nil
			}
			return writeChanges(&out, now, *before, at)
		})
	}()
	for i := range reports {
		<-shown
		if i+1 == len(reports) {
			break
		}
		for !clk.HasWaiters() {
			select {
			case err := <-ended:
				t.Fatal(err)
			default:
			}
		}
		clk.Step(15 * time.Minute)
	}
	cancel()
	var c coded
	if err := <-ended; !errors.As(err, &c) || c.code != exitInterrupted {
		t.Errorf("it ended with %v", err)
	}
	want := "2026-11-22 03:15:00 UTC  looked, and nothing changed\n" +
		"2026-11-22 03:30:00 UTC  violated        clock: As it is.\n" +
		"2026-11-22 03:45:00 UTC  not determined  clock: As it is.\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

// A look that fails ends the watch with its error.
func TestWatchingFails(t *testing.T) {
	broken := errors.New("broken")
	err := watching(t.Context(), clocktesting.NewFakeClock(time.Now()), time.Minute, func(context.Context) (doctor.Report, error) { return doctor.Report{}, broken },
		func(doctor.Report, *doctor.Report, time.Time) error { return nil })
	if !errors.Is(err, broken) {
		t.Error(err)
	}
}

// As documents, each look is one line.
func TestALineForEachLook(t *testing.T) {
	var out bytes.Buffer
	for range 2 {
		if err := writeLine(&out, doctor.Report{Version: 1, Conditions: []doctor.Condition{{ID: "a", Detail: "<b>"}}}); err != nil {
			t.Fatal(err)
		}
	}
	if lines := strings.Split(strings.TrimSpace(out.String()), "\n"); len(lines) != 2 || !strings.HasPrefix(lines[1], `{"version":1,`) || !strings.Contains(lines[0], "<b>") {
		t.Errorf("%q", lines)
	}
}
