package linear

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"

	"canton.example/svrescue/steps/wire"
)

// Prompter reads answers as lines.
type Prompter struct {
	lines chan string
	// Flush makes the terminal forget what was typed and not read; nil where the input is no terminal. What was typed
	// before a question was printed is no answer to it.
	Flush func()
	// Hide makes the terminal not show what is typed, or show it again; nil where the input is no terminal. Then nothing secret is asked for.
	Hide func(hidden bool) error
}

// NewPrompter reads lines from in until it ends.
func NewPrompter(in io.Reader) *Prompter {
	p := &Prompter{lines: make(chan string)}
	go func() {
		defer close(p.lines)
		scanner := bufio.NewScanner(in)
		for scanner.Scan() {
			p.lines <- scanner.Text()
		}
	}()
	return p
}

// drop forgets what was typed on a terminal before now.
func (p *Prompter) drop() {
	if p.Flush == nil {
		return
	}
	p.Flush()
	select {
	case <-p.lines: // read already, but not taken; an end of input stays one
	default:
	}
}

// said reads a line that is understood at any time, or, as now and stop, while something is tried again.
func said(line string) (wire.Message, bool) {
	line = strings.TrimSpace(line)
	if text, ok := strings.CutPrefix(line, "note "); ok { // never empty: the line was trimmed
		return wire.Message{Kind: wire.SayNote, Text: strings.TrimSpace(text)}, true
	}
	kind, ok := map[string]wire.MessageKind{"park": wire.SayPark, "now": wire.SayNow, "stop": wire.SayStop}[line]
	return wire.Message{Kind: kind}, ok
}

func hint(q wire.Question) string {
	switch q.Kind {
	case wire.AskText:
		if q.Default != "" {
			return fmt.Sprintf("  A value (Enter alone takes %s), \"note TEXT\", or \"park\": ", q.Default)
		}
		return "  A value, \"note TEXT\", or \"park\": "
	case wire.AskSecret:
		if q.Default != "" {
			return fmt.Sprintf("  The secret, which is not shown (Enter alone: %s), \"note TEXT\", or \"park\": ", q.Default)
		}
		return "  The secret, which is not shown, \"note TEXT\", or \"park\": "
	case wire.AskWord:
		return fmt.Sprintf("  Type %s to send it, a number for another choice, \"note TEXT\", or \"park\": ", q.Word)
	}
	return fmt.Sprintf("  A number from 1 to %d, \"note TEXT\", or \"park\": ", len(q.Choices))
}

// parse reads a line as an answer. An empty line is none, except for a text that has a default.
func parse(q wire.Question, line string) (wire.Answer, error) {
	line = strings.TrimSpace(line)
	if q.Kind == wire.AskText {
		return wire.Answer{Text: line}, nil
	}
	if q.Kind == wire.AskSecret {
		return wire.Answer{Hidden: wire.Hide(line)}, nil
	}
	if line == "" {
		return wire.Answer{}, fmt.Errorf("an empty line is no answer")
	}
	if q.Kind == wire.AskWord && line == q.Word {
		return wire.Answer{Choice: wire.ChoiceYes, Text: line}, nil
	}
	n, err := strconv.Atoi(line)
	if (err != nil || n < 1 || n > len(q.Choices)) && q.Kind == wire.AskWord {
		return wire.Answer{}, fmt.Errorf("%q is neither %s nor one of 1 to %d", line, q.Word, len(q.Choices))
	}
	if err != nil || n < 1 || n > len(q.Choices) {
		return wire.Answer{}, fmt.Errorf("%q is not one of 1 to %d", line, len(q.Choices))
	}
	choice := q.Choices[n-1]
	if q.Kind == wire.AskWord && choice.ID == wire.ChoiceYes {
		return wire.Answer{}, fmt.Errorf("type %s itself to send it", q.Word)
	}
	return wire.Answer{Choice: choice.ID}, nil
}

func needsReason(q wire.Question, a wire.Answer) bool {
	for _, c := range q.Choices {
		if c.ID == a.Choice {
			return c.Reason && c.Refuse == ""
		}
	}
	return false
}
