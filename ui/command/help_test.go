package command_test

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/ui/command"
	"github.com/creack/pty"
)

var update = flag.Bool("update", false, "write docs/runbook.md anew")

// The runbook in docs is what the program does now.
func TestRunbook(t *testing.T) {
	const path = "../../docs/runbook.md"
	want := command.Runbook()
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/runbook.md is not what the paths are now: make runbook")
	}
}

// Every command tells what it does, with an example and its exit codes.
func TestHelp(t *testing.T) {
	o := newOperator(t)
	code, root := o.run("--help")
	if code != 0 {
		t.Fatalf("exit code %d\n%s", code, root)
	}
	commands := regexp.MustCompile(`(?m)^  ([a-z]+) {2,}\S`).FindAllStringSubmatch(root, -1)
	if len(commands) < 9 {
		t.Fatalf("only %d commands in\n%s", len(commands), root)
	}
	for _, c := range commands {
		if c[1] == "svrescue" {
			continue
		}
		code, out := o.run(c[1], "--help")
		if code != 0 {
			t.Errorf("%s --help: exit code %d", c[1], code)
		}
		if c[1] == "help" || c[1] == "completion" { // cobra's own
			continue
		}
		for _, part := range []string{"Exit code", "Examples:", "svrescue " + c[1]} {
			if !strings.Contains(out, part) {
				t.Errorf("%s --help has no %q:\n%s", c[1], part, out)
			}
		}
	}
}

// Nothing asks the terminal anything before a command runs: on one that never answers, that would take five seconds.
func TestVersionOnAMuteTerminal(t *testing.T) {
	cmd := exec.Command("svrescue", "version")
	cmd.Env = append(newOperator(t).env(), "PATH="+os.Getenv("PATH"))
	start := time.Now()
	terminal, err := pty.Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer terminal.Close()
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(4 * time.Second):
		_ = cmd.Process.Kill()
		t.Errorf("no end after %s", time.Since(start))
	}
	buffer := make([]byte, 200)
	n, _ := terminal.Read(buffer)
	if text := string(buffer[:n]); !strings.HasPrefix(text, "svrescue ") || strings.Contains(text, "\x1b") {
		t.Errorf("it wrote %q", text)
	}
}
