package command

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"canton.example/svrescue/internal/durable"
	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps"
)

// child is a process of this program in a session of its own.
type child struct {
	pid   int
	code  int
	ended chan struct{} // closed when it has ended; code is set then
}

// spawn starts this program again with other arguments: in its own session, with no descriptor of the terminal, its
// output in a file that only the owner may read.
func (p *program) spawn(log string, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("finding this program to start it again: %w", err)
	}
	out, err := os.OpenFile(log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, durable.FilePerm)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd := exec.Command(self, args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	cmd.Dir = "/"
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &child{pid: cmd.Process.Pid, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // its exit code says all
		c.code = cmd.ProcessState.ExitCode()
		close(c.ended)
	}()
	return c, nil
}

// failure tells how a child that should run has ended, with the last line it said.
func (c *child) failure(doing, log string) error {
	last := "it said nothing"
	if err := writable(log); err != nil {
		last = "it could not write what it has to say: " + err.Error()
	} else if data, err := os.ReadFile(log); err == nil {
		if text := strings.TrimSpace(string(data)); text != "" {
			lines := strings.Split(text, "\n")
			for i, line := range lines {
				if strings.HasPrefix(line, "svrescue: ") {
					lines = lines[i:]
					break
				}
			}
			last = strings.TrimPrefix(plain.Cut(plain.Line(strings.Join(lines, " ")), 600), "svrescue: ")
		}
	}
	code := c.code
	if code < 0 {
		code = exitFailed
	}
	return exit(code, &steps.Problem{Tried: doing, Seen: last, Next: "What it said is in " + log})
}

// writable tries whether a file takes one more line.
func writable(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, durable.FilePerm)
	if err != nil {
		return err
	}
	_, err = f.WriteString("\n")
	return errors.Join(err, f.Close())
}

// randomText is n random bytes as text.
func randomText(n int) (string, error) {
	data := make([]byte, n)
	if _, err := rand.Read(data); err != nil {
		return "", err
	}
	return hex.EncodeToString(data), nil
}
