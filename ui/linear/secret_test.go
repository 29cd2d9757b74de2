package linear

import (
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/steps/wire"
	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

const canary = "canary-of-a-token"

func token() wire.Event {
	return wire.Event{Kind: wire.KindAsk, Step: "restore/scale-down", Question: &wire.Question{ID: "q7", Name: "restore/scale-down.token", Step: "restore/scale-down",
		Kind: wire.AskSecret, Title: "Token", Default: "log in another way"}}
}

// A secret is typed at a terminal that does not show it, and shows again what is typed when the question is over.
func TestASecretIsNotShown(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	defer slave.Close()
	echoes := func() bool {
		state, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
		if err != nil {
			t.Fatal(err)
		}
		return state.Lflag&unix.ECHO != 0
	}
	in := NewPrompter(slave)
	in.Flush, in.Hide = func() {}, HideOn(slave)
	out := &watched{grown: make(chan struct{}, 1000)}
	e := newEngine()
	done := make(chan error, 1)
	go func() {
		_, err := Run(t.Context(), Options{Source: e, Out: out, In: in, Operator: "alice", Come: "svrescue attach abcd"})
		done <- err
	}()
	go e.play(append(begin(), present, token(), end())...)
	out.until(t, "The secret, which is not shown (Enter alone: log in another way)")
	if echoes() {
		t.Error("the terminal shows what is typed")
	}
	io.WriteString(master, canary+"\n")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !echoes() {
		t.Error("the terminal still hides what is typed")
	}
	if len(e.heard) != 1 || e.heard[0].Answer == nil || e.heard[0].Answer.Hidden.Reveal() != canary || e.heard[0].Answer.Text != "" {
		t.Errorf("it said %+v", e.heard)
	}
	shown := make([]byte, 4096)
	n, _ := master.Read(shown)
	if strings.Contains(string(shown[:n]), "canary") || strings.Contains(out.text(), "canary") {
		t.Error("the secret was shown")
	}
}

// Where nothing hides what comes in, a secret is not asked for.
func TestASecretIsNotReadFromAPipe(t *testing.T) {
	out, e, err := show(t, strings.NewReader(canary+"\n"), Options{}, append(begin(), present, token(), end())...)
	if err != nil && !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if !strings.Contains(out, "from a terminal, or by a reference in an answers file") || len(e.heard) != 1 || e.heard[0].Kind != wire.SayPark || strings.Contains(out, "canary") {
		t.Errorf("%+v\n%s", e.heard, out)
	}
}

func TestASecretInAnAnswersFile(t *testing.T) {
	q := *token().Question
	secretly := func(name string) bool { return name == q.Name }
	for _, bad := range []string{canary, "{choice: 'env:A', text: why}", "stdin", "{text: 'env:A'}", "file:relative"} {
		f, err := ParseFile([]byte("answers:\n  " + q.Name + ": " + bad))
		if err != nil {
			t.Fatal(err)
		}
		if err := f.ReadSecrets(secret.Places{}, func(string) {}, secretly); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", bad, err)
		}
	}
	folder := t.TempDir()
	if err := os.WriteFile(folder+"/token", []byte(canary+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	places := secret.Places{Getenv: func(name string) string { return map[string]string{"A": canary}[name] }, Open: func(path string) (io.ReadCloser, error) { return os.Open(path) }}
	for value, want := range map[string]string{"env:A": canary, "file:" + folder + "/token": canary, "default": "", "env:NOT_THERE": "-", "file:/not/there": "-"} {
		f, err := ParseFile([]byte("answers: {" + q.Name + ": '" + value + "'}"))
		if err != nil {
			t.Fatal(err)
		}
		told := ""
		if err := f.ReadSecrets(places, func(text string) { told = text }, secretly); err != nil {
			t.Fatal(err)
		}
		a, ok := f.Answer(t.Context(), wire.View{}, q)
		a.Question = q.ID
		if ok != (want != "-") || ok && (a.Hidden.Reveal() != want || q.Accepts(a) != nil) || (told == "") == (want == "-") || strings.Contains(told, "canary") {
			t.Errorf("%s: %v, %q", value, ok, told)
		}
	}
	// A file that was not looked at gives no secrets, whatever it says.
	f, err := ParseFile([]byte("answers: {" + q.Name + ": 'env:A'}"))
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := f.Answer(t.Context(), wire.View{}, q); ok {
		t.Error("answered")
	}
}
