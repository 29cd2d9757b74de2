// Package linear shows a run as plain lines: for screen readers, dumb terminals, logs and automatic runs. It reads the
// same events as the wizard and can do all that the wizard can.
package linear

import (
	"context"
	"fmt"
	"io"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps/wire"
)

// Source is where events come from and messages go.
type Source interface {
	Events() <-chan wire.Event // closes when the worker is gone
	Send(wire.Message) error
}

// Answerer answers questions without a person; ok is false where it has no answer.
type Answerer interface {
	Answer(ctx context.Context, v wire.View, q wire.Question) (a wire.Answer, ok bool)
}

// Options say who reads and who answers. Without In and without an answer the run is parked, and the view says which
// question was open.
type Options struct {
	Source   Source
	Out      io.Writer
	In       *Prompter // nil: nobody is there to ask
	Answers  Answerer  // nil: none
	Operator string
	Come     string // command line to come back with
}

// Run shows events until the run ends, parks, or the worker is gone. The view is what was seen.
func Run(ctx context.Context, o Options) (wire.View, error) {
	v := wire.View{Current: -1}
	p := printer{out: o.Out}
	asked := ""
	for {
		select {
		case <-ctx.Done():
			return v, ctx.Err()
		case e, ok := <-o.Source.Events():
			if !ok {
				return v, nil
			}
			before := v
			v = wire.Fold(v, e)
			p.event(before, v, e)
			if v.Ended != nil {
				return v, nil
			}
			if v.Question == nil || e.Kind != wire.KindAsk && e.Kind != wire.KindRefusal {
				continue
			}
			if e.Kind == wire.KindRefusal && o.In == nil {
				continue // an answers file does not get better by trying again; it parks below at the repeat
			}
			if err := o.answer(ctx, v, &asked, p); err != nil {
				return v, err
			}
		}
	}
}

// answer finds an answer to the open question and sends it, or parks the run.
func (o Options) answer(ctx context.Context, v wire.View, asked *string, p printer) error {
	q := *v.Question
	if o.Answers != nil && *asked != q.ID {
		*asked = q.ID
		if a, ok := o.Answers.Answer(ctx, v, q); ok {
			a.Question = q.ID
			if a.Hash == "" {
				a.Hash = q.Hash
			}
			if err := q.Accepts(a); err != nil {
				p.line("The answer given for %s does not fit: %v.", q.Name, err)
			} else {
				return o.Source.Send(wire.Message{Kind: wire.SayAnswer, Answer: &a, By: o.Operator})
			}
		}
	}
	if o.In != nil {
		a, err := o.In.Ask(ctx, q, p.out)
		if err == nil {
			if a.Kind == wire.SayAnswer {
				a.Answer.Question, a.Answer.Hash = q.ID, q.Hash
			}
			a.By = o.Operator
			return o.Source.Send(a)
		}
		if err != io.EOF {
			return err
		}
		p.line("The input ended; that is no answer. The question stays open. Come back with: %s", o.Come)
		return err
	}
	p.line("No answer is given for %s, so the run is parked.", q.Name)
	return o.Source.Send(wire.Message{Kind: wire.SayPark, By: o.Operator + " (no answer for " + q.Name + ")"})
}

// printer writes lines.
type printer struct{ out io.Writer }

func (p printer) line(format string, args ...any) {
	fmt.Fprintln(p.out, strings.TrimRight(plain.Clean(fmt.Sprintf(format, args...)), " \n"))
}
