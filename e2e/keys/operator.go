//go:build e2e

package keys

import (
	"context"
	"fmt"
	"regexp"
	"time"
)

// A Rule is what an operator does when a screen shows something. The answer is typed, then the keys are pressed.
type Rule struct {
	See   *regexp.Regexp
	Type  string
	Press []string
	End   bool // the work is over: press the keys and stop
	Stop  bool // this must not happen: stop with an error
}

// settled is how long the screen must stand still before the operator acts: a question takes no keys in its first
// moment, because keys typed before it appeared are thrown away.
const settled = 700 * time.Millisecond

// emptyLine is ctrl+u.
const emptyLine = "\x15"

// patience is how long an operator waits for an answer to be taken before giving the same one again, and tries how often
// before giving up.
const (
	patience = 3 * time.Second
	tries    = 40
)

// Operate follows the rules, first match first, until one ends the work, the program ends, or a screen does not change
// whatever is pressed. It gives the list of what was pressed; the same again is counted, not repeated.
func (t *Terminal) Operate(ctx context.Context, rules []Rule) ([]string, error) {
	var pressed []string
	var last *Rule
	var at time.Time
	var again int
	for {
		if t.Ended() {
			return pressed, fmt.Errorf("the program ended before the work was over\n%s", t.Screen())
		}
		screen := t.Screen()
		rule := match(rules, screen)
		// a screen with a running clock is never still for long: then patience decides
		if rule != nil && rule.Stop && t.Quiet() > settled {
			return pressed, fmt.Errorf("the screen shows what it must not: %s\n%s", rule.See, screen)
		}
		ready := rule != nil && (rule.End || t.Quiet() > settled || time.Since(at) > patience)
		if ready && (rule != last || time.Since(at) > patience) {
			text := rule.Type
			if text != "" {
				text = emptyLine + text // what an earlier answer left, of which a part was thrown away
			}
			if err := t.Type(text); err != nil {
				return pressed, err
			}
			if err := t.Press(rule.Press...); err != nil {
				return pressed, err
			}
			if again++; rule != last {
				again = 1
				pressed = append(pressed, "")
			}
			pressed[len(pressed)-1] = fmt.Sprintf("%q %q %v, %d times", rule.See, rule.Type, rule.Press, again)
			if rule.End {
				return pressed, nil
			}
			if again >= tries {
				return pressed, fmt.Errorf("the screen stays the same, however often it is answered: %s\n%s", rule.See, screen)
			}
			last, at = rule, time.Now()
		}
		select {
		case <-ctx.Done():
			return pressed, fmt.Errorf("the work is not over: %w\n%s", ctx.Err(), t.Screen())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func match(rules []Rule, screen string) *Rule {
	for i := range rules {
		if rules[i].See.MatchString(screen) {
			return &rules[i]
		}
	}
	return nil
}
