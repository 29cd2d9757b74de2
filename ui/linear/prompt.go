package linear

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"canton.example/svrescue/steps/wire"
)

// Prompter reads answers as lines. A line is read only after its question was printed: what was typed before it counts
// for nothing where the input is a terminal, because Flush drops it.
type Prompter struct {
	lines chan string
	Flush func() // drops what was typed before the question; nil where there is nothing to drop
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

// Ask prompts until the line is an answer, a note ("note TEXT") or a wish to park ("park"). io.EOF: the input ended.
func (p *Prompter) Ask(ctx context.Context, q wire.Question, out io.Writer) (wire.Message, error) {
	if p.Flush != nil {
		p.Flush()
	}
	for {
		fmt.Fprint(out, hint(q))
		line, err := p.line(ctx)
		if err != nil {
			return wire.Message{}, err
		}
		if text, ok := strings.CutPrefix(line, "note "); ok {
			return wire.Message{Kind: wire.SayNote, Text: text}, nil
		}
		if line == "park" {
			return wire.Message{Kind: wire.SayPark}, nil
		}
		a, err := parse(q, line)
		if err != nil {
			fmt.Fprintf(out, "  %v.\n", err)
			continue
		}
		if needsReason(q, a) {
			fmt.Fprint(out, "  Why? ")
			if a.Text, err = p.line(ctx); err != nil {
				return wire.Message{}, err
			}
		}
		check := a
		check.Question, check.Hash = q.ID, q.Hash
		if err := q.Accepts(check); err != nil {
			fmt.Fprintf(out, "  %v.\n", err)
			continue
		}
		return wire.Message{Kind: wire.SayAnswer, Answer: &a}, nil
	}
}

func hint(q wire.Question) string {
	switch q.Kind {
	case wire.AskText:
		if q.Default != "" {
			return fmt.Sprintf("  A value [%s], or \"park\": ", q.Default)
		}
		return "  A value, or \"park\": "
	case wire.AskWord:
		return fmt.Sprintf("  Type %s to send it, a number for another choice, or \"note TEXT\": ", q.Word)
	}
	return "  A number, or \"note TEXT\": "
}

// parse reads a line as an answer. An empty line is none, except for a text that has a default.
func parse(q wire.Question, line string) (wire.Answer, error) {
	line = strings.TrimSpace(line)
	if q.Kind == wire.AskText {
		return wire.Answer{Text: line}, nil
	}
	if line == "" {
		return wire.Answer{}, fmt.Errorf("Enter alone is no answer")
	}
	if q.Kind == wire.AskWord && line == q.Word {
		return wire.Answer{Choice: wire.ChoiceYes, Text: line}, nil
	}
	n, err := strconv.Atoi(line)
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
			return c.Reason
		}
	}
	return false
}

func (p *Prompter) line(ctx context.Context) (string, error) {
	select {
	case line, ok := <-p.lines:
		if !ok {
			return "", io.EOF
		}
		return line, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}
