package command_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// Secrets that are put in at every entrance, and must come out nowhere: the credential of the kubeconfig, the environment, answers files
// that are not right, dump files, and the passwords, client secrets and private keys of the simulated node, which begin with invented.
const (
	canaryKubeconfig  = "canary-kubeconfig"
	canaryEnvironment = "canary-environment"
	canaryAnswers     = "canary-answers"
	canaryDump        = "canary-dump"
)

var canaries = []string{canaryKubeconfig, canaryEnvironment, canaryAnswers, canaryDump, "invented-", "invented for"}

// found are the canaries in a text, each with what stands around it.
func found(data []byte) []string {
	var all []string
	for _, c := range canaries {
		if i := bytes.Index(data, []byte(c)); i >= 0 {
			all = append(all, fmt.Sprintf("%q", data[max(i-80, 0):min(i+80, len(data))]))
		}
	}
	return all
}

// noSecrets looks for canaries in the run folders of an operator: journal, report, logs, artifacts. What is in world is the simulated
// cluster itself, with its kubeconfig. It also looks at the arguments of the processes that run for them.
func (h home) noSecrets(t *testing.T) {
	t.Helper()
	look := func(where string, data []byte) {
		t.Helper()
		for _, seen := range found(data) {
			t.Errorf("a secret is in %s: %s", where, seen)
		}
	}
	for _, base := range h.bases() {
		err := filepath.WalkDir(base, func(path string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil: // a process that ends takes its files with it
				return nil
			case entry.IsDir() && entry.Name() == "world":
				return fs.SkipDir
			case !entry.Type().IsRegular():
				return nil
			}
			data, err := os.ReadFile(path)
			if err == nil {
				look(path, data)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		if line, err := os.ReadFile(path); err == nil && strings.Contains(string(line), string(h)) {
			look("the arguments of a process", line)
		}
	}
}

// bases are the folders of all runs and records of the operator.
func (h home) bases() []string {
	all := []string{h.in("state")}
	more, _ := filepath.Glob(h.in("*/*/run.json"))
	for _, f := range more {
		if dir := filepath.Dir(f); !strings.HasPrefix(dir, h.in("state")) {
			all = append(all, dir)
		}
	}
	return all
}

// scanned is a test whose log, which is all that a script's commands have printed, is looked through for canaries. What the script
// itself writes into files is in the archive and not in the log.
type scanned struct{ *testing.T }

func (s scanned) Run(name string, f func(testscript.T)) {
	s.T.Run(name, func(t *testing.T) { f(scanned{t}) })
}

// Verbose keeps the whole log; it is shown only where it was asked for, or where the script has failed.
func (s scanned) Verbose() bool { return true }

func (s scanned) Log(args ...any) {
	text := strings.ReplaceAll(fmt.Sprint(args...), "="+canaryEnvironment, "=") // a script's log begins with its environment
	for _, seen := range found([]byte(text)) {
		s.T.Errorf("a secret was printed: %s", seen)
	}
	if testing.Verbose() || s.T.Failed() {
		s.T.Log(args...)
		return
	}
	s.T.Cleanup(func() {
		if s.T.Failed() {
			s.T.Log(args...)
		}
	})
}

// The net has no hole: what is put into a file or a line is found.
func TestCanariesAreFound(t *testing.T) {
	for _, c := range canaries {
		if len(found([]byte("x "+c+" y"))) != 1 {
			t.Errorf("%s is not found", c)
		}
	}
	if len(found([]byte("nothing"))) > 0 {
		t.Error("found in nothing")
	}
}
