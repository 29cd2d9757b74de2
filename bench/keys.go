package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/creack/pty"
)

// codes are what a terminal does not show.
var codes = regexp.MustCompile(`\x1b\[[0-9;?]*[a-zA-Z]`)

// presses is how often a key is pressed in each state.
const presses = 60

// seat is a pseudo terminal with svrescue in it, and all that it has written.
type seat struct {
	file *os.File
	cmd  *exec.Cmd
	mu   sync.Mutex
	seen bytes.Buffer
	more chan struct{}
}

func sit(env []string, program string, args ...string) (*seat, error) {
	s := &seat{cmd: exec.Command(program, args...), more: make(chan struct{}, 1)}
	s.cmd.Env = env
	var err error
	if s.file, err = pty.StartWithSize(s.cmd, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		return nil, err
	}
	go func() {
		buffer := make([]byte, 8192)
		for {
			n, err := s.file.Read(buffer)
			s.mu.Lock()
			s.seen.Write(buffer[:n])
			s.mu.Unlock()
			select {
			case s.more <- struct{}{}:
			default:
			}
			if err != nil {
				return
			}
		}
	}()
	return s, nil
}

func (s *seat) close() { s.cmd.Process.Kill(); s.cmd.Wait(); s.file.Close() }

// await returns how many milliseconds pass until the text is written, from now on.
func (s *seat) await(text string) (float64, error) {
	began, limit := time.Now(), time.After(30*time.Second)
	for {
		s.mu.Lock()
		there := bytes.Contains(codes.ReplaceAll(s.seen.Bytes(), nil), []byte(text))
		s.mu.Unlock()
		if there {
			return ms(time.Since(began)), nil
		}
		select {
		case <-s.more:
		case <-limit:
			return 0, fmt.Errorf("%q did not come on the screen", text)
		}
	}
}

// press forgets what was written, presses keys, and waits for the text.
func (s *seat) press(keys, text string) (float64, error) {
	s.mu.Lock()
	s.seen.Reset()
	s.mu.Unlock()
	if _, err := s.file.WriteString(keys); err != nil {
		return 0, err
	}
	return s.await(text)
}

// toggles opens and closes the help again and again, and returns how long its first line took to come.
func (s *seat) toggles() ([]float64, error) {
	var all []float64
	for range presses {
		took, err := s.press("?", "They work now")
		if err != nil {
			return nil, err
		}
		all = append(all, took)
		if _, err := s.press("q", "help"); err != nil { // closes the dialog
			return nil, err
		}
		time.Sleep(30 * time.Millisecond)
	}
	return all, nil
}

// keys measures the time from a key to the screen while a question is open and nothing else happens, and while the engine works; and how
// long attach takes to show a run that is there.
func keys(env []string, state, svrescue string) error {
	s, err := sit(env, svrescue, "rehearse", "restore-clean", "--speed", "1")
	if err != nil {
		return err
	}
	defer s.close()
	if _, err := s.await("enter choose"); err != nil {
		return err
	}
	defer stopAll(state)
	idle, err := s.toggles()
	if err != nil {
		return err
	}
	var attach []float64
	for range rounds {
		began := time.Now()
		a, err := sit(env, svrescue, "attach")
		if err != nil {
			return err
		}
		_, err = a.await("Which backup run is restored?")
		attach = append(attach, ms(time.Since(began)))
		a.close()
		if err != nil {
			return err
		}
	}
	if _, err := s.press("\r", "enter send"); err != nil {
		return err
	}
	time.Sleep(time.Second)
	if _, err := s.press("testnet/Acme-SV\r", "send this?"); err != nil {
		return err
	}
	time.Sleep(time.Second)
	if _, err := s.press("y", "running"); err != nil {
		return err
	}
	busy, err := s.toggles()
	if err != nil {
		return err
	}
	fmt.Printf("%-44s %8s %8s\n", "", "p50", "p95")
	row := func(name string, v []float64) {
		fmt.Printf("%-44s %8.1f %8.1f ms\n", name, quantile(v, .5), quantile(v, .95))
	}
	row("key to screen, a question is open", idle)
	row("key to screen, the engine works", busy)
	row("attach, until the question is shown", attach)
	return nil
}

// stopAll ends the worker and the world of the runs in a state folder of our own: their command lines name it.
func stopAll(state string) {
	processes, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range processes {
		line, err := os.ReadFile(path)
		words := strings.Split(string(line), "\x00")
		if err != nil || len(words) < 3 || !strings.HasPrefix(words[2], state) {
			continue
		}
		var pid int
		if _, err := fmt.Sscan(filepath.Base(filepath.Dir(path)), &pid); err == nil {
			if process, err := os.FindProcess(pid); err == nil {
				process.Kill()
			}
		}
	}
}
