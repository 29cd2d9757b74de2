package command_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// Ctrl+c ends a scan that waits for its input, and no report is made.
func TestScanIsInterrupted(t *testing.T) {
	cmd := exec.Command("svrescue", "commitments", "scan", "-")
	cmd.Env = append(newOperator(t).env(), "PATH="+os.Getenv("PATH"))
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer input.Close()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// More than a pipe holds, so that it has begun to read when this is written.
	if _, err := io.WriteString(input, strings.Repeat("a line of a log\n", 1<<18)); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	var ended *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &ended) || ended.ExitCode() != 130 || !strings.Contains(said.String(), "interrupted, and no report is made") {
		t.Errorf("%v: %s", err, said.String())
	}
}

// On a terminal a scan that takes long says how far it is, and takes that away at its end.
func TestScanTellsItsProgress(t *testing.T) {
	cmd := exec.Command("svrescue", "commitments", "scan", "-")
	cmd.Env = append(newOperator(t).env(), "PATH="+os.Getenv("PATH"))
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	screen, terminal, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer screen.Close()
	cmd.Stderr = terminal
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	terminal.Close()
	seen := make(chan string, 100)
	go func() {
		defer close(seen)
		buffer := make([]byte, 4096)
		for {
			n, err := screen.Read(buffer)
			if n > 0 {
				seen <- string(buffer[:n])
			}
			if err != nil {
				return
			}
		}
	}()
	all, over := "", time.After(30*time.Second)
	line := []byte(strings.Repeat("a line of a log\n", 1<<12))
	for !strings.Contains(all, "MB/s") && !strings.Contains(all, "KB/s") {
		if _, err := input.Write(line); err != nil {
			t.Fatal(err)
		}
		select {
		case text := <-seen:
			all += text
		case <-over:
			t.Fatalf("it said only %q", all)
		case <-time.After(20 * time.Millisecond):
		}
	}
	input.Close()
	_ = cmd.Wait() // 6: there is nothing in it
	for text := range seen {
		all += text
	}
	if !strings.HasPrefix(all, "\r\x1b[Kreading: ") || !strings.HasSuffix(all, "\r\x1b[K") {
		t.Errorf("it said %q", all)
	}
}
