package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"canton.example/svrescue/steps/evidence"
	"canton.example/svrescue/steps/rehearsal"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/ui/command/firstlook"
	"canton.example/svrescue/ui/theme"
	"canton.example/svrescue/ui/wizard"
)

// rehearseIncident opens the first screen on the world of an incident. The operator says at the end what they conclude, and is told
// whether a good operator would.
func (p *program) rehearseIncident(ctx context.Context, incident rehearsal.Incident) error {
	if !p.interactive() || p.flags.linear || p.theme.Plain {
		return usage("%s is rehearsed on a full screen, which this terminal cannot show. As plain lines: svrescue triage --rehearse %s", incident.ID, incident.ID)
	}
	quietLogs(io.Discard)
	ctx, leave := context.WithCancel(ctx)
	var made sync.WaitGroup
	var world incidentWorld
	from := p.looking(triageOptions{})
	made.Add(1) // by the first look, which begins as soon as the screen is there
	var begun sync.Once
	looker := &firstlook.Looker{Clock: p.Clock, Answers: triage.Answers{By: p.operator()},
		Preparing: "making the rehearsal network, and letting happen what happens; this takes five seconds",
		Prepare: func(context.Context) (err error) {
			begun.Do(func() {
				defer made.Done()
				world, err = p.incident(ctx, incident, &from)
			})
			return err
		},
		Find: func(context.Context) (evidence.Options, error) { return from, nil }}
	result, err := wizard.First(ctx, wizard.FirstOptions{Look: looker.Look, Answer: looker.Answer, Lesson: firstlook.LessonOf(incident),
		In: p.In, Out: p.Out, Clock: p.Clock, Theme: theme.New(p.theme), Operator: p.operator()})
	leave()
	begun.Do(made.Done) // where the screen never got as far
	made.Wait()
	if world.end != nil {
		world.end()
	}
	switch {
	case err != nil && !errors.Is(err, wizard.ErrNothingPicked):
		return err
	case result.Decided == "":
		fmt.Fprintf(p.Err, "svrescue: %s was left without a conclusion\n", incident.ID)
		return nil
	case !result.Right:
		return exit(exitFailed, fmt.Errorf("%s: a good operator concludes: %s", incident.ID, lower(incident.Concludes().Title)))
	}
	fmt.Fprintf(p.Err, "svrescue: %s: the right conclusion\n", incident.ID)
	return nil
}

func lower(text string) string { return strings.ToLower(text[:1]) + text[1:] }
