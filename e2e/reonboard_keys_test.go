//go:build e2e

package e2e

import (
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"canton.example/svrescue/e2e/keys"
)

// person is somebody at a terminal of 80x24 who goes on with a run, and what is to be read there.
type person struct {
	*keys.Terminal
	stop func()

	mu     sync.Mutex
	unseen []*regexp.Regexp
}

// The main sentences of the screens on which money moves. Lines are broken on them: a blank is any room.
var (
	paymentScreens = []string{`How many coins should the first payment move\?`, `How many coins should be set aside for each payment\?`, `For how many days should an offer be good\?`,
		`Who accepts in the fresh SV's wallet\?`, `Type the last 8 characters of the receiver's party`, `\*{8}`, `cannot be called back once it has arrived`,
		`pay 1: offer 1 to`, `accept 1: 1 from`, `pay 2: offer 9007199254740989\.9000000001`}
	acceptScreens = []string{`accept 2: 9007199254740989\.9000000001`, `wait until 2 is completed`, `(?i)recovered`}
)

// atKeyboard opens the run, and reads along.
func (r *replaced) atKeyboard(t *testing.T, o *operator, sentences []string) *person {
	t.Helper()
	terminal, err := keys.Start(o.plainCommand(t.Context(), "resume", o.runID()), 80, 24)
	must(t, err)
	p := &person{Terminal: terminal}
	for _, s := range sentences {
		p.unseen = append(p.unseen, regexp.MustCompile(strings.ReplaceAll(s, " ", `\s+`)))
	}
	done, end := make(chan struct{}), sync.Once{}
	p.stop = func() { end.Do(func() { close(done) }) }
	go func() {
		for {
			p.read(body(terminal.Screen()))
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	t.Cleanup(func() { p.stop(); terminal.Close() })
	return p
}

// body is what stands beside the list of steps, which is as wide on each line.
func body(screen string) string {
	lines := strings.Split(screen, "\n")
	for i, line := range lines {
		if cells := []rune(line); len(cells) > 26 {
			lines[i] = string(cells[26:])
		} else {
			lines[i] = ""
		}
	}
	return strings.Join(lines, "\n")
}

func (p *person) read(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var unseen []*regexp.Regexp
	for _, s := range p.unseen {
		if !s.MatchString(text) {
			unseen = append(unseen, s)
		}
	}
	p.unseen = unseen
}

func (p *person) expectSeen(t *testing.T) {
	t.Helper()
	p.stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.unseen {
		t.Errorf("no screen showed %s; the last was\n%s", s, p.Screen())
	}
}

// beforePlan takes the answers about payments out of the answers file, so that a run parks before them; they are typed.
func (r *replaced) beforePlan() map[string]string {
	typed := map[string]string{}
	for name, answer := range r.answers {
		if strings.HasPrefix(name, "reonboard/transfer-plan.") {
			typed[name] = answer
			delete(r.answers, name)
		}
	}
	return typed
}

// payByKeyboard is what a person does about payments: by what the question is, not by how it is drawn.
func (r *replaced) payByKeyboard(typed map[string]string) []keys.Rule {
	see := regexp.MustCompile
	enter := []string{"enter"}
	return []keys.Rule{
		{See: see(`(?i)\bfailed\b:|\brefused\b:|cannot go on|is not proven`), Stop: true},
		{See: see(`(?i)\brecovered\b`), Press: []string{"q"}, End: true},
		{See: see(`How many coins should the\s`), Type: typed["reonboard/transfer-plan.test"], Press: enter},
		{See: see(`How many coins should be set\s`), Type: typed["reonboard/transfer-plan.fee"], Press: enter},
		{See: see(`For how many days should an`), Type: typed["reonboard/transfer-plan.days"], Press: enter},
		{See: see(`Who accepts in the fresh SV`), Press: enter},
		{See: see(`Type the last 8 characters`), Type: r.answers["reonboard/test-transfer.receiver"], Press: enter},
		{See: see(`(?i)send this\?|\by yes\b`), Press: []string{"y"}},
	}
}
