package upload

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"canton.example/svrescue/kube"
)

// check has the pod hash the chunks that may be whole in a part of that size and are not known to be good.
func (u *upload) check(ctx context.Context, size int64) error {
	var numbers []int
	for i := range u.good {
		if _, end := u.source.span(i, i+1); end <= size && !u.good[i] {
			numbers = append(numbers, i)
		}
	}
	if len(numbers) == 0 {
		return nil
	}
	u.report(Checking, 0, int64(len(numbers))*u.source.chunk)
	h := &words{take: func(at int, sum string) {
		if at < len(numbers) {
			u.good[numbers[at]] = sum == u.source.chunks[numbers[at]]
			u.report(Checking, int64(at+1)*u.source.chunk, int64(len(numbers))*u.source.chunk)
		}
	}}
	for len(numbers) > 0 { // the numbers are arguments, which have a limit
		some := numbers[:min(len(numbers), 4000)]
		h.at = 0
		if err := u.pod.Exec(ctx, chunks(u.o.Path, u.source.block, u.source.chunk/u.source.block, some), nil, h, nil); err != nil {
			return err
		}
		numbers = numbers[len(some):]
	}
	return nil
}

// words reads the first word of each line, as it comes.
type words struct {
	line []byte
	at   int
	take func(at int, word string)
}

func (w *words) Write(p []byte) (int, error) {
	w.line = append(w.line, p...)
	for {
		i := bytes.IndexByte(w.line, '\n')
		if i < 0 {
			return len(p), nil
		}
		word, _, _ := strings.Cut(string(w.line[:i]), " ")
		w.take(w.at, word)
		w.at++
		w.line = w.line[i+1:]
	}
}

// send sends the chunks that the pod does not have, each row of them with one command. Where that is the end of the file and takes a while, the
// pod hashes all of the file meanwhile: what is there already, and what comes.
func (u *upload) send(ctx context.Context) error {
	u.followed = ""
	// Each connection that is cut may leave one that hashes behind, for two minutes.
	if from := slices.Index(u.good, false); u.result.Cuts < 2 && from >= 0 && !slices.Contains(u.good[from:], true) && u.source.size-u.have() >= cmp.Or(u.o.Follow, 4*Chunk) {
		ctx, cancel := context.WithCancel(ctx)
		told := make(chan string, 1)
		go func() {
			sum, _ := u.sum(ctx, follow(u.o.Path, u.source.block, u.source.size)) // without it all is hashed at the end
			told <- sum
		}()
		err := u.row(ctx, from, len(u.good))
		if err == nil {
			u.report(Verifying, 0, 0)
		} else {
			cancel()
		}
		sum := <-told
		cancel()
		if err != nil {
			return err
		}
		u.followed = sum
	}
	return u.rows(ctx)
}

// rows sends what is still missing.
func (u *upload) rows(ctx context.Context) error {
	for from := 0; from < len(u.good); {
		if u.good[from] {
			from++
			continue
		}
		to := from
		for to < len(u.good) && !u.good[to] {
			to++
		}
		if err := u.row(ctx, from, to); err != nil {
			return err
		}
		from = to
	}
	return nil
}

func (u *upload) row(ctx context.Context, from, to int) error {
	start, end := u.source.span(from, to)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	f := newFeed(io.NewSectionReader(u.source.file, start, end-start), window*u.source.chunk)
	have := u.have()
	f.took = func(n int) {
		u.result.Sent += int64(n)
		u.report(Sending, have+f.sent, u.source.size)
	}
	u.report(Sending, have, u.source.size)
	stop := f.watch(u.o.Clock, u.o.Stall, cancel)
	defer stop()
	defer context.AfterFunc(ctx, func() { _ = f.stop() })() // a command that was given up is not fed on
	said := &stderr{stop: f.stop}
	written := &words{take: func(_ int, at string) {
		if n, err := strconv.ParseInt(at, 10, 64); err == nil {
			f.written(n - start)
		}
	}}
	err := u.pod.Exec(ctx, write(u.o.Path, u.source.block, u.source.chunk, start, end), f, written, said)
	if err == nil {
		err = context.Cause(ctx) // an input that was ended here was not all of it
	}
	var exit *kube.ExitError
	switch broken := f.stop(); {
	case broken != nil:
		return fmt.Errorf("%s cannot be read: %w", u.source.file.Name(), broken)
	case errors.As(err, &exit) && strings.Contains(said.text(), "No space left"):
		return &Refused{Why: "the volume is full", Next: "make room on it, and start again: what came is kept"}
	case errors.As(err, &exit) && !transient(err):
		return fmt.Errorf("the pod could not write the file: %s", said.last(exit.Code))
	}
	if err != nil {
		return stalled(ctx, err)
	}
	for i := from; i < to; i++ {
		u.good[i] = true // as far as the command says; all of it is hashed at the end
	}
	return nil
}

var errStalled = errors.New("the pod took nothing for too long")

// stalled is why a command ended that was given up here.
func stalled(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errStalled) {
		return errStalled
	}
	return err
}

// stderr keeps the end of what the command says, and stops its input when it has given up.
type stderr struct {
	stop func() error
	mu   sync.Mutex
	b    []byte
}

const giveUp = "svrescue: stop"

func (s *stderr) Write(p []byte) (int, error) {
	s.mu.Lock()
	s.b = append(s.b, p...)
	if len(s.b) > 4<<10 {
		s.b = append(s.b[:0], s.b[len(s.b)-4<<10:]...)
	}
	over := bytes.Contains(s.b, []byte(giveUp))
	s.mu.Unlock()
	if over {
		_ = s.stop() // what made the reading fail is asked for at the end
	}
	return len(p), nil
}

func (s *stderr) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.b)
}

// last is the last thing that it said besides the counts of dd.
func (s *stderr) last(code int) string {
	text := ""
	for line := range strings.Lines(s.text()) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, giveUp) && !strings.Contains(line, "records ") && !strings.Contains(line, " copied") {
			text = line
		}
	}
	if text == "" {
		text = fmt.Sprintf("exit code %d", code)
	}
	return text
}
