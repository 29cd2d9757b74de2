// Package linear shows a run as plain lines: for screen readers, dumb terminals, logs and automatic runs. It reads the
// same events as the wizard and can do all that the wizard can.
package linear

import (
	"context"
	"io"
	"strings"

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
	// Interrupts are ctrl+c of a person at a terminal; nil: it ends the context. The first asks, the second parks, none answers.
	Interrupts <-chan struct{}
	Brief      bool // tell what happened before in short: the run is come back to
}

// Run shows events until the run ends, parks, or the worker is gone. The view is what was seen. io.EOF: the input ended,
// which is no answer; the error of the context: it was left. Both times a line says how to come back.
func Run(ctx context.Context, o Options) (wire.View, error) {
	s := &session{Options: o, view: wire.View{Current: -1}, printer: &printer{out: o.Out}}
	if w, ok := o.Source.(interface{ Watching() string }); ok {
		if s.watching = w.Watching(); s.watching != "" {
			s.In, s.Answers = nil, nil
			s.line("Nothing can be answered from here: %s.", s.watching)
		}
	}
	defer s.unhide()
	err := s.run(ctx)
	return s.view, err
}

// session is one front end at work.
type session struct {
	Options
	*printer
	view     wire.View
	present  bool         // what was there before is replayed; questions are answered only now
	tried    string       // id of the last question that Answers was asked about
	open     bool         // a person was asked and has not answered
	noted    bool         // it was a note instead
	leaving  bool         // ctrl+c was pressed, and the next line says what was meant
	watching string       // why nothing is answered from here
	reason   *wire.Answer // a choice that waits for its reason
	hiding   bool         // the terminal does not show what is typed
}

func (s *session) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return s.left(ctx.Err())
		case <-s.Interrupts:
			if err := s.interrupt(); err != nil {
				return err
			}
		case e, ok := <-s.Source.Events():
			if !ok {
				return nil
			}
			if err := s.event(ctx, e); err != nil { // after the end too: the worker closes the stream when the report is written
				return err
			}
		case text, ok := <-s.lines():
			if !ok {
				return s.inputEnded()
			}
			if err := s.typed(text); err != nil {
				return err
			}
		}
	}
}

func (s *session) left(err error) error {
	s.line("Left. The work goes on, and waits at its next question. Come back with: %s", s.Come)
	return err
}

// interrupt asks what ctrl+c was meant to do, and parks when it is pressed again.
func (s *session) interrupt() error {
	if s.watching != "" {
		return s.left(context.Canceled)
	}
	if s.leaving {
		s.leaving, s.open = false, false
		return s.send(wire.Message{Kind: wire.SayPark, By: s.Operator})
	}
	s.leaving = true
	s.line("Nothing was answered. ctrl+c once more parks the run; \"leave\" leaves, and the work goes on; any other line stays here.")
	return nil
}

// lines is where a person's lines come from now. What is piped in is read only as an answer to a question; on a terminal
// every line is read, so that nothing typed too early waits for the next question.
func (s *session) lines() <-chan string {
	if s.In == nil || !s.open && s.In.Flush == nil {
		return nil
	}
	return s.In.lines
}

func (s *session) inputEnded() error {
	if s.open {
		s.line("The input ended; that is no answer. The question stays open. Come back with: %s", s.Come)
	} else {
		s.line("The input ended. The work goes on, and waits at its next question. Come back with: %s", s.Come)
	}
	return io.EOF
}

// event folds and prints one event, and sees to a question that it opens.
func (s *session) event(ctx context.Context, e wire.Event) error {
	s.view = wire.Fold(s.view, e)
	if s.view.Question == nil {
		s.open, s.noted, s.reason = false, false, nil
		s.unhide()
	}
	if e.Kind == wire.KindViewers && !s.present {
		s.present = true
		if s.view.Question == nil {
			return nil
		}
		if s.Brief {
			s.standing(s.view)
			s.question(*s.view.Question)
		}
		return s.ask(ctx)
	}
	if s.present || !s.Brief || inShort(e) {
		s.printer.event(s.view, e)
	}
	if e.Kind == wire.KindRetry && s.In != nil && e.Retry.Tries == 1 && !e.Retry.Next.IsZero() {
		s.line("           \"now\" tries at once, \"stop\" tries it no more, \"park\" parks the run.")
	}
	if !s.present || s.view.Question == nil {
		return nil
	}
	switch {
	case e.Kind == wire.KindAsk:
		return s.ask(ctx)
	case e.Kind == wire.KindRefusal && e.Answer != nil && e.Answer.Question != s.view.Question.ID:
		// It was an answer to an earlier question; this one is open still.
	case e.Kind == wire.KindRefusal && s.In == nil && s.watching == "":
		return s.park() // an answers file does not get better by trying again
	case e.Kind == wire.KindRefusal, e.Kind == wire.KindNote && (s.open || s.noted):
		s.noted = false
		s.prompt()
	}
	return nil
}

// ask finds an answer to the open question and sends it, asks a person, or parks the run.
func (s *session) ask(ctx context.Context) error {
	if s.watching != "" {
		return nil
	}
	q := *s.view.Question
	if s.Answers != nil && s.tried != q.ID {
		s.tried = q.ID
		if a, ok := s.Answers.Answer(ctx, s.view, q); ok {
			a.Question, a.Hash = q.ID, q.Hash
			err := q.Accepts(a)
			if err == nil {
				return s.send(wire.Message{Kind: wire.SayAnswer, Answer: &a, By: s.Operator})
			}
			s.line("The answer given for %s does not fit: %v.", q.Name, err)
		}
	}
	if s.In == nil {
		return s.park()
	}
	if q.Kind == wire.AskSecret && s.In.Hide == nil {
		s.line("A secret is taken only where it can be hidden: from a terminal, or by a reference in an answers file (%s: env:NAME).", q.Name)
		return s.park()
	}
	s.In.drop()
	s.prompt()
	return nil
}

// unhide makes the terminal show again what is typed.
func (s *session) unhide() {
	if s.hiding {
		s.hiding = false
		_ = s.In.Hide(false) // a terminal that has gone shows nothing
	}
}

func (s *session) park() error {
	name := s.view.Question.Name
	s.line("No answer is given for %s, so the run is parked.", name)
	return s.send(wire.Message{Kind: wire.SayPark, By: s.Operator + " (no answer for " + name + ")"})
}

// send says something to the worker. One that cannot be reached any more closes the stream of events too, and that is
// where the session ends.
func (s *session) send(msg wire.Message) error {
	if err := s.Source.Send(msg); err != nil {
		s.line("That did not reach the worker: %v.", err)
	}
	return nil
}

func (s *session) prompt() {
	s.open, s.reason = true, nil
	if s.view.Question.Kind == wire.AskSecret {
		if err := s.In.Hide(true); err != nil {
			s.open = false
			s.line("The terminal cannot be made to hide what is typed: %v.", err)
			_ = s.park() // which never fails
			return
		}
		s.hiding = true
	}
	s.same(hint(*s.view.Question))
}

// asksForCard prints the parameter card of the call where a line asks for it; false: it is another line. Where there is none, the line is an
// answer like every other.
func (s *session) asksForCard(text string) bool {
	if strings.TrimSpace(text) != "card" || s.view.Card == nil {
		return false
	}
	s.card(*s.view.Card)
	if s.open {
		s.prompt()
	}
	return true
}

// typed takes a line of a person: an answer, the reason of one, a note ("note TEXT"), the wish to park ("park"), or what is wished of
// something that is tried again ("now", "stop"), or asks for the parameter card ("card").
func (s *session) typed(text string) error {
	if s.In.Flush != nil {
		s.mid = false // the terminal has shown the line and its end
	}
	s.unhide()
	if s.leaving {
		s.leaving = false
		if strings.TrimSpace(text) == "leave" {
			return s.left(context.Canceled)
		}
		if s.open {
			s.prompt()
		}
		return nil
	}
	if s.reason == nil && s.asksForCard(text) {
		return nil
	}
	msg, said := said(text)
	if msg.Kind == wire.SayNow || msg.Kind == wire.SayStop {
		said = s.view.Retry != nil
	}
	switch {
	case said && s.reason == nil:
		msg.By = s.Operator
		s.open, s.noted = false, s.open && msg.Kind == wire.SayNote // the question is put again when the note is there
		return s.send(msg)
	case !s.open:
		s.line("No question is open, so that line is dropped. \"note TEXT\" and \"park\" are understood at any time.")
		return nil
	}
	q := *s.view.Question
	a, err := wire.Answer{}, error(nil)
	if s.reason != nil {
		a, s.reason = *s.reason, nil
		a.Text = text
	} else if a, err = parse(q, text); err == nil && needsReason(q, a) {
		s.reason = &a
		s.same("  Why? ")
		return nil
	}
	if err == nil {
		a.Question, a.Hash = q.ID, q.Hash
		err = q.Accepts(a)
	}
	if err != nil {
		s.line("  %v.", err)
		s.prompt()
		return nil
	}
	s.open = false
	return s.send(wire.Message{Kind: wire.SayAnswer, Answer: &a, By: s.Operator})
}
