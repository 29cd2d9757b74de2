package command

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"math"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/engine"
	"canton.example/svrescue/steps/rehearsal"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/linear"
	"github.com/spf13/cobra"
)

// planned is the document that plan prints.
type planned struct {
	Version int           `json:"version"` // 1
	Path    string        `json:"path"`
	Subject wire.Subject  `json:"subject"`
	Steps   []plannedStep `json:"steps"`
	Open    string        `json:"open,omitempty"` // why the plan goes no further
	Next    string        `json:"next,omitempty"` // what to do about it
}

type plannedStep struct {
	ID      string      `json:"id"`
	Title   string      `json:"title"`
	Summary string      `json:"summary"`
	Effect  wire.Effect `json:"effect"`
	Asks    []steps.Ask `json:"asks"`
	// Questions are all that a run may put about the step, so that an answers file can be written in advance.
	Questions []plannedQuestion `json:"questions"`
	Findings  []wire.Finding    `json:"findings,omitempty"`
	Actions   []wire.Preview    `json:"actions,omitempty"`
	Later     string            `json:"later,omitempty"`
}

// plannedQuestion is a question that a run may put.
type plannedQuestion struct {
	ID      string            `json:"id"` // as an answers file names it: STEP.QUESTION
	Kind    wire.QuestionKind `json:"kind"`
	Help    string            `json:"help"`
	Effect  wire.Effect       `json:"effect"`            // the worst that an answer sends
	Choices []string          `json:"choices,omitempty"` // ids; none: only the run knows them, or a text is wanted
	Default string            `json:"default,omitempty"`
	Word    string            `json:"word,omitempty"`  // what must be typed
	Bound   *wire.Bound       `json:"bound,omitempty"` // what an answer in a file must name besides
}

func (p *program) planCommand() *cobra.Command {
	c := &cobra.Command{Use: "plan PATH", Short: "Show the steps of a path, their actions and commands, for the real node",
		Long: "Looks at the real node and prints what a path would send, step by step, with commands that a person could type. What\n" +
			"can be tried without changing anything is tried. Questions are answered by their proposed answer, or from --answers.\n" +
			"With --format json it lists every question that a run may ask, and what an answer that destroys must name.\n\n" +
			"Exit codes: 0 the whole plan is printed; 2 the command line or the configuration is wrong; 3 a precondition does not\n" +
			"hold, the plan goes no further; 4 an answer is needed.",
		Example: "  svrescue plan restore\n  svrescue plan restore --namespace sv --format json",
		Args:    onePath, ValidArgsFunction: completePaths,
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.plan(cmd.Context(), args[0])
		}}
	c.Flags().StringVar(&p.flags.answers, "answers", "", "answer from this file")
	c.Flags().StringVar(&p.flags.dumps, "dumps", "", "the folder with the dump files, where databases are restored from such")
	p.lostFlags(c)
	return c
}

// memory is a journal that is not kept.
type memory struct{ seq uint64 }

func (m *memory) Append(e wire.Event) (wire.Event, error) {
	m.seq++
	e.Seq = m.seq
	return e, nil
}

func (m *memory) Head() (uint64, string) { return m.seq, "" }

// scratch are artifacts that are not kept.
type scratch map[string][]byte

func (s scratch) Read(name string) ([]byte, error) {
	if data, ok := s[name]; ok {
		return data, nil
	}
	return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
}
func (s scratch) Open(name string) (io.ReadCloser, error) {
	data, err := s.Read(name)
	return io.NopCloser(bytes.NewReader(data)), err
}
func (s scratch) Room() (int64, error)                 { return math.MaxInt64, nil }
func (s scratch) Write(name string, data []byte) error { s[name] = data; return nil }
func (s scratch) Create(name string, content func(io.Writer) error) error {
	var b bytes.Buffer
	if err := content(&b); err != nil {
		return err
	}
	return s.Write(name, b.Bytes())
}
func (s scratch) Only([]steps.Ref) steps.FileWriter { return s }

func (p *program) plan(ctx context.Context, path string) error {
	if err := p.forLost(path); err != nil {
		return err
	}
	spec, err := p.real(ctx, path, wire.DryRun)
	if err != nil {
		return err
	}
	var file *linear.File
	if p.flags.answers != "" {
		info, err := findPath(path)
		if err != nil {
			return err
		}
		if file, err = p.answersFile(info); err != nil {
			return err
		}
	}
	spec.ID = "plan"
	if err := p.folders(&spec); err != nil {
		return err
	}
	quietLogs(p.Err)
	k, err := p.knows(spec, p.Clock)
	if err != nil {
		return err
	}
	m, hub, err := newMachine(spec, "", scratch{}, p.Clock, p.Boot, &memory{}, nil, nil, p.operator(), hostname(), k)
	if err != nil {
		return err
	}
	stop := make(chan struct{})
	var put map[string]wire.Question
	var met *wire.Failure
	go func() {
		defer close(stop)
		put, met = answerAll(ctx, hub, m, file)
	}()
	err = m.Run(ctx)
	hub.Close()
	<-stop
	view := m.View()
	if err != nil && view.Parked == "" {
		return err
	}
	d := planOf(path, view, put, m.Bound())
	if d.Open != "" && met != nil {
		d.Next = met.Next
	}
	if p.json() {
		err = p.printDocument(d)
	} else {
		err = p.print(planText(d))
	}
	switch {
	case err != nil:
		return err
	case view.Ended != nil && view.Ended.Outcome == wire.Refused:
		return exit(exitRefused, fmt.Errorf("the plan goes no further: %s", view.Ended.Text))
	case view.Parked != "":
		return exit(exitParked, fmt.Errorf("the plan goes no further: %s", view.Parked))
	}
	return nil
}

// answerAll answers from the file, else by what is proposed; a question without either parks the plan. It returns, when the hub has
// closed, the questions that were put, by name, and the error that the last of them was about, nil if it was about none.
func answerAll(ctx context.Context, hub *engine.Hub, m machine, file *linear.File) (put map[string]wire.Question, met *wire.Failure) {
	put = map[string]wire.Question{}
	viewer := hub.Join()
	defer viewer.Leave()
	v := wire.View{Current: -1}
	for e := range viewer.C {
		v = wire.Fold(v, e)
		if e.Kind == wire.KindRefusal && v.Question != nil { // the question stays open, and there is no other answer
			if m.Say(ctx, wire.Message{Kind: wire.SayPark, By: "plan (the answer given for " + v.Question.Name + " does not fit: " + e.Text + ")"}) != nil {
				break
			}
		}
		if e.Kind != wire.KindAsk || v.Question == nil {
			continue
		}
		q := *v.Question
		put[q.Name], met = q, q.Error
		a, ok := wire.Answer{}, false
		if file != nil {
			a, ok = file.Answer(ctx, v, q)
		}
		if !ok {
			a, ok = rehearsal.Good(q)
		}
		msg := wire.Message{Kind: wire.SayPark, By: "no answer for " + q.Name}
		if ok {
			a.Question, a.Hash = q.ID, q.Hash
			msg = wire.Message{Kind: wire.SayAnswer, Answer: &a, By: "plan"}
		}
		if m.Say(ctx, msg) != nil {
			break
		}
	}
	return put, met
}

func planOf(path string, v wire.View, put map[string]wire.Question, bound *wire.Bound) planned {
	d := planned{Version: 1, Path: path, Subject: v.Subject, Steps: []plannedStep{}}
	info, err := findPath(path)
	if err != nil {
		return d
	}
	for i := range v.Steps {
		s := &v.Steps[i]
		step := plannedStep{ID: s.ID, Title: s.Title, Summary: s.Summary, Effect: s.Effect, Asks: info.Asks[s.ID], Later: s.Later}
		if step.Asks == nil {
			step.Asks = []steps.Ask{}
		}
		step.Questions = questionsOf(info, s.ID, v.Subject.Word(), put, bound)
		for _, phase := range []wire.Phase{wire.PhaseVerify, wire.PhaseCheck, wire.PhaseTrial} {
			if s.Effect.Rank() == 0 && phase == wire.PhaseVerify || s.Effect.Rank() > 0 && phase != wire.PhaseVerify {
				step.Findings = append(step.Findings, s.Findings[phase]...)
			}
		}
		for _, a := range s.Actions {
			step.Actions = append(step.Actions, a.Preview)
		}
		d.Steps = append(d.Steps, step)
	}
	switch {
	case v.Ended != nil && v.Ended.Outcome != wire.Rehearsed:
		d.Open = v.Ended.Text
	case v.Parked != "":
		d.Open = v.Parked
	}
	return d
}

// questionsOf lists what a run may ask about a step. Of a question that the plan has met more is known.
func questionsOf(info pathInfo, step, word string, put map[string]wire.Question, bound *wire.Bound) []plannedQuestion {
	all := []plannedQuestion{}
	for _, a := range info.Asks[step] {
		all = append(all, plannedQuestion{ID: step + "." + a.Name, Kind: a.Kind, Help: a.Help, Effect: wire.Observe})
	}
	for _, a := range info.May[step] {
		q := plannedQuestion{ID: step + "." + a.Name, Kind: a.Kind, Help: a.Help, Effect: a.Effect, Choices: a.Choices}
		if a.Kind == wire.AskWord {
			q.Word, q.Bound = word, bound
		}
		all = append(all, q)
	}
	for i, q := range all {
		met, ok := put[q.ID]
		if !ok || len(q.Choices) > 0 {
			continue
		}
		all[i].Default, all[i].Word = met.Default, met.Word
		for _, c := range met.Choices {
			if c.Refuse == "" {
				all[i].Choices = append(all[i].Choices, c.ID)
			}
		}
	}
	return all
}

func planText(d planned) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "Plan of %s for %s, namespace %s, cluster %s\n", d.Path, d.Subject.Word(), d.Subject.Namespace, d.Subject.Cluster)
	for i, s := range d.Steps {
		fmt.Fprintf(&b, "\n%d. %s (%s, %s)\n   %s\n", i+1, s.Title, s.ID, s.Effect.Words(), s.Summary)
		for _, ask := range s.Asks {
			fmt.Fprintf(&b, "   asks %s.%s: %s\n", s.ID, ask.Name, ask.Help)
		}
		if s.Later != "" {
			fmt.Fprintf(&b, "   %s\n", s.Later)
		}
		for n, a := range s.Actions {
			fmt.Fprintf(&b, "   %d.%d %s (%s)\n", i+1, n+1, a.Title, a.Effect.Words())
			if a.Lost != "" {
				fmt.Fprintf(&b, "       lost: %s\n", a.Lost)
			}
			for _, command := range a.Commands {
				fmt.Fprintf(&b, "       $ %s\n", bytes.ReplaceAll([]byte(command), []byte("\n"), []byte("\n         ")))
			}
		}
		for _, f := range s.Findings {
			if f.Verdict != wire.Holds {
				fmt.Fprintf(&b, "   %s: %s\n", f.Verdict, f.Text)
			}
		}
	}
	if d.Open != "" {
		fmt.Fprintf(&b, "\nThe plan goes no further: %s\n", d.Open)
		if d.Next != "" {
			fmt.Fprintf(&b, "Next: %s\n", d.Next)
		}
	}
	return b.Bytes()
}
