package wizard

import (
	"context"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	tea "github.com/charmbracelet/bubbletea"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// hangupMsg says that nobody can press a key any more.
type hangupMsg struct{}

// runProgram runs a model on the alternate screen. It returns hangup when the program ended because the terminal, its
// input or the process around it went away. Bubble Tea v1 dies on SIGHUP and runs on for ever at the end of its input, so
// both are turned into messages here.
func runProgram(ctx context.Context, model tea.Model, in io.Reader, out io.Writer) (hangup bool, err error) {
	ended := make(chan struct{})
	var once sync.Once
	end := func() { once.Do(func() { close(ended) }) }

	p := tea.NewProgram(model, tea.WithAltScreen(), tea.WithInput(watchInput(in, end)), tea.WithOutput(out),
		tea.WithoutSignalHandler())

	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, os.Interrupt)
	defer signal.Stop(signals)
	if s, ok := out.(*screen); ok {
		s.lost = end
	}
	stop := make(chan struct{})
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		select {
		case <-stop:
			return
		case <-ctx.Done():
		case <-signals:
		case <-ended:
		}
		p.Send(hangupMsg{})
		hangup = true
	}()
	_, err = p.Run()
	close(stop)
	<-gone
	select {
	case <-ended:
		hangup = true
	default:
	}
	if err != nil && unusable(in, out) {
		return true, nil // the terminal went away under the program: nothing is lost, and nothing was sent
	}
	if err != nil && (hangup || ctx.Err() != nil) {
		return true, nil
	}
	return hangup, err
}

// unusable says that the terminal which was there at the start has gone.
func unusable(in io.Reader, out io.Writer) bool {
	if s, ok := out.(*screen); ok && s.failed() {
		return true
	}
	if f, ok := in.(*os.File); ok {
		if _, err := term.GetState(int(f.Fd())); err != nil {
			return true
		}
	}
	return false
}

// watchInput calls end when in has no more to give: at its end, or when reading fails.
func watchInput(in io.Reader, end func()) io.Reader {
	switch f := in.(type) {
	case nil:
		return nil
	case *os.File:
		return &inputFile{File: f, end: end}
	}
	return &inputReader{r: in, end: end}
}

type inputFile struct {
	*os.File // raw mode and cancelling need the descriptor
	end      func()
}

func (f *inputFile) Read(p []byte) (int, error) {
	n, err := f.File.Read(p)
	if err != nil {
		f.end()
	}
	return n, err
}

type inputReader struct {
	r   io.Reader
	end func()
}

func (r *inputReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	if err != nil {
		r.end()
	}
	return n, err
}

// screen serialises writes, so that a clipboard sequence never lands inside a frame, and notices a terminal that takes no
// more. It passes for a file where the output is one: Bubble Tea asks the descriptor for the size.
type screen struct {
	w    io.Writer
	file *os.File // nil when w is not a file
	lost func()

	mu  sync.Mutex
	err error
}

func newScreen(w io.Writer) *screen {
	s := &screen{w: w}
	s.file, _ = w.(*os.File)
	return s
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, err := s.w.Write(p)
	if err != nil && s.err == nil {
		s.err = err
		if s.lost != nil {
			s.lost()
		}
	}
	return n, err
}

func (s *screen) failed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err != nil
}

func (s *screen) Read([]byte) (int, error) { return 0, io.EOF }
func (s *screen) Close() error             { return nil }

// Fd is an impossible descriptor where there is no file; every question about it fails.
func (s *screen) Fd() uintptr {
	if s.file == nil {
		return ^uintptr(0)
	}
	return s.file.Fd()
}

// canSuspend says whether somebody is there to bring a stopped program back. Where this program is the first of its
// session (ssh -t host svrescue), the kernel throws the stop signal away and Bubble Tea would wait for ever.
func canSuspend() bool {
	ours, err := unix.Getsid(0)
	theirs, err2 := unix.Getsid(os.Getppid())
	return err == nil && err2 == nil && ours == theirs
}

// sizeOf asks the kernel, not the terminal, so that the first frame has the right size.
func sizeOf(w io.Writer) (width, height int) {
	if f, ok := w.(*os.File); ok {
		if w, h, err := term.GetSize(int(f.Fd())); err == nil && w > 0 && h > 0 {
			return w, h
		}
	}
	return 80, 24
}
