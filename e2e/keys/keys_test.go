//go:build e2e

package keys

import (
	"context"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A program asks twice; the operator answers by rules, and the screen shows what was typed.
func TestOperate(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	script := `printf '\033[2J\033[HName: '; read name; printf '\033[2J\033[HHello %s, go on? (y) ' "$name"; read yes; printf 'done %s\n' "$yes"; read end; exit 4`
	term, err := Start(exec.Command("sh", "-c", script), 80, 24)
	if err != nil {
		t.Fatal(err)
	}
	defer term.Close()
	pressed, err := term.Operate(ctx, []Rule{
		{See: regexp.MustCompile(`done y`), Press: []string{"enter"}, End: true},
		{See: regexp.MustCompile(`Hello \w+, go on`), Press: []string{"y", "enter"}},
		{See: regexp.MustCompile(`^Name:`), Type: "Ada", Press: []string{"enter"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(pressed) != 3 {
		t.Errorf("pressed %v", pressed)
	}
	if code, err := term.Wait(ctx); code != 4 || err != nil {
		t.Errorf("exit code %d, %v", code, err)
	}
	if s := term.Screen(); !strings.Contains(s, "Hello Ada, go on?") {
		t.Errorf("screen\n%s", s)
	}
}
