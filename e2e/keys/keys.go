//go:build e2e

// Package keys drives a program through a pseudo terminal, as a person would: it waits until the screen shows a text and
// presses keys. The screen is that of a terminal emulator, so what is found on it is what a person would see.
package keys

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"
)

// Terminal is a program and the screen it draws on.
type Terminal struct {
	cmd    *exec.Cmd
	file   *os.File
	screen vt10x.Terminal
	ended  chan struct{}

	mu      sync.Mutex
	changed time.Time
	err     error
}

// Start runs the command on a terminal of that size.
func Start(cmd *exec.Cmd, columns, rows int) (*Terminal, error) {
	file, err := pty.StartWithSize(cmd, &pty.Winsize{Cols: uint16(columns), Rows: uint16(rows)})
	if err != nil {
		return nil, err
	}
	t := &Terminal{cmd: cmd, file: file, ended: make(chan struct{}), changed: time.Now(),
		screen: vt10x.New(vt10x.WithSize(columns, rows), vt10x.WithWriter(file))}
	go t.draw()
	return t, nil
}

// draw feeds the emulator until the program has ended.
func (t *Terminal) draw() {
	buffer := make([]byte, 32<<10)
	for {
		n, err := t.file.Read(buffer)
		if n > 0 {
			t.screen.Write(buffer[:n])
			t.mu.Lock()
			t.changed = time.Now()
			t.mu.Unlock()
		}
		if err != nil { // EIO: the other side is closed
			break
		}
	}
	t.err = t.cmd.Wait()
	t.file.Close()
	close(t.ended)
}

// Screen is what is on the screen: its lines without trailing blanks.
func (t *Terminal) Screen() string {
	t.screen.Lock()
	defer t.screen.Unlock()
	columns, rows := t.screen.Size()
	lines := make([]string, rows)
	for y := range rows {
		var b strings.Builder
		for x := range columns {
			if c := t.screen.Cell(x, y).Char; c != 0 {
				b.WriteRune(c)
			} else {
				b.WriteByte(' ')
			}
		}
		lines[y] = strings.TrimRight(b.String(), " ")
	}
	return strings.Join(lines, "\n")
}

// Quiet is for how long the screen has not changed.
func (t *Terminal) Quiet() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Since(t.changed)
}

// Await waits until the screen shows one of the texts, and says which. The error shows the screen.
func (t *Terminal) Await(ctx context.Context, texts ...string) (string, error) {
	for {
		screen := t.Screen()
		for _, text := range texts {
			if strings.Contains(screen, text) {
				return text, nil
			}
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("the screen does not show any of %q: %w\n%s", texts, ctx.Err(), t.Screen())
		case <-t.ended:
			if s := t.Screen(); s != screen { // what came last
				continue
			}
			return "", fmt.Errorf("the program ended (%v) and the screen does not show any of %q\n%s", t.err, texts, screen)
		case <-time.After(30 * time.Millisecond):
		}
	}
}

// named are the keys that are not a letter.
var named = map[string]string{
	"enter": "\r", "esc": "\x1b", "tab": "\t", "space": " ", "up": "\x1b[A", "down": "\x1b[B", "right": "\x1b[C", "left": "\x1b[D",
	"pgup": "\x1b[5~", "pgdown": "\x1b[6~", "backspace": "\x7f", "ctrl+c": "\x03", "ctrl+d": "\x04", "ctrl+z": "\x1a",
}

// Press presses keys, each a name ("enter", "ctrl+c") or a single character.
func (t *Terminal) Press(keys ...string) error {
	for _, k := range keys {
		if s, ok := named[k]; ok {
			k = s
		} else if len([]rune(k)) != 1 {
			return fmt.Errorf("no key is called %q", k)
		}
		if _, err := io.WriteString(t.file, k); err != nil {
			return err
		}
	}
	return nil
}

// Type types a text.
func (t *Terminal) Type(text string) error {
	_, err := io.WriteString(t.file, text)
	return err
}

// Wait waits for the program's end and gives its exit code.
func (t *Terminal) Wait(ctx context.Context) (int, error) {
	select {
	case <-ctx.Done():
		return 0, fmt.Errorf("the program has not ended: %w\n%s", ctx.Err(), t.Screen())
	case <-t.ended:
	}
	var exit *exec.ExitError
	if t.err == nil || errors.As(t.err, &exit) {
		return t.cmd.ProcessState.ExitCode(), nil
	}
	return 0, t.err
}

// Ended says whether the program has ended.
func (t *Terminal) Ended() bool {
	select {
	case <-t.ended:
		return true
	default:
		return false
	}
}

// Close ends the program if it still runs.
func (t *Terminal) Close() {
	if !t.Ended() {
		t.cmd.Process.Kill()
		<-t.ended
	}
}
