package evidence

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps/doctor"
	"canton.example/svrescue/steps/triage"
)

// Managed is what is known of the newest backup of a server outside the cluster: the operator's word, or a program that prints its time.
type Managed struct {
	Server       string // HOST:PORT
	Taken, Until time.Time
	Command      []string
}

// askLimit is how long a program of the operator may take.
const askLimit = 20 * time.Second

// readManaged takes the operator's word for each server, or asks their programs, all at once.
func (r Readiness) readManaged(ctx context.Context, l *look, deliver func(func(*doctor.Evidence))) error {
	run := r.Run
	if run == nil {
		run = runProgram
	}
	var all sync.WaitGroup
	for _, m := range r.Managed {
		all.Go(func() {
			known := doctor.Managed{Reading: triage.Reading{Source: "the configuration", At: l.Clock.Now()}, Server: m.Server, Taken: m.Taken, Until: m.Until}
			if len(m.Command) > 0 {
				known.Source = "the program " + plain.Line(m.Command[0])
				known.Taken, known.Problem = askTime(ctx, run, m.Command)
				known.At = l.Clock.Now()
			}
			deliver(func(e *doctor.Evidence) { e.Managed = append(e.Managed[:len(e.Managed):len(e.Managed)], known) })
		})
	}
	all.Wait()
	return nil
}

// askTime runs a program and reads the time that it prints. What it says instead is not repeated: it may hold anything.
func askTime(ctx context.Context, run func(context.Context, []string) ([]byte, error), argv []string) (time.Time, string) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	said, err := run(ctx, argv)
	var ended *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return time.Time{}, fmt.Sprintf("the program %s did not end in %s", plain.Line(argv[0]), askLimit)
	case errors.As(err, &ended):
		return time.Time{}, fmt.Sprintf("the program %s ended with exit code %d", plain.Line(argv[0]), ended.ExitCode())
	case err != nil:
		return time.Time{}, plain.Cut(plain.Line(err.Error()), 160)
	}
	at, err := ParseTime(said)
	if err != nil {
		return time.Time{}, "the program " + plain.Line(argv[0]) + " printed " + err.Error()
	}
	return at, ""
}

// maxTime is more than a printed time is long.
const maxTime = 100

// errTime does not repeat what was printed.
var errTime = errors.New("no time: it must print one alone, such as 2026-11-22T01:00:00Z, or the seconds since 1970")

// ParseTime reads a time as a program prints it: RFC 3339, with its zone, or whole seconds since 1970; nothing else but white space around it.
// Seconds outside the years 2000 to 2200 are refused: they would be milliseconds, or something else altogether.
func ParseTime(said []byte) (time.Time, error) {
	if len(said) > maxTime {
		return time.Time{}, errTime
	}
	text := strings.TrimSpace(string(said))
	at, err := time.Parse(time.RFC3339, text)
	if seconds, no := strconv.ParseInt(text, 10, 64); no == nil && text[0] != '+' {
		at, err = time.Unix(seconds, 0), nil
	}
	if year := at.UTC().Year(); err != nil || year < 2000 || year > 2200 {
		return time.Time{}, errTime
	}
	return at.UTC(), nil
}

// runProgram runs a program without a shell. It gets nothing to read, and what it prints on standard error is dropped.
func runProgram(ctx context.Context, argv []string) ([]byte, error) {
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	c.WaitDelay = time.Second // whoever it left behind may hold the output open
	var out limited
	c.Stdout = &out
	err := c.Run()
	return out.Bytes(), err
}

// limited keeps the beginning of what is written to it, enough to see that it is no time.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if room := maxTime + 1 - l.Len(); room > 0 {
		l.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
