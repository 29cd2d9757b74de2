package command

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/theme"
	"canton.example/svrescue/ui/wizard"
)

// home is what svrescue shows without a command: runs to come back to, recoveries to begin, rehearsals.
func (p *program) home(ctx context.Context) error {
	if !p.interactive() || p.flags.linear || p.theme.Plain {
		return usage("svrescue without a command opens a full screen, which this terminal cannot show: name a command; see svrescue --help")
	}
	items, err := p.homeItems()
	if err != nil {
		return err
	}
	id, err := wizard.Pick(ctx, wizard.PickOptions{Title: "svrescue", Items: items, In: p.In, Out: p.Out, Theme: theme.New(p.theme),
		Text: "Disaster recovery for a Splice Super Validator. Nothing is sent before it was shown and confirmed."})
	if errors.Is(err, wizard.ErrNothingPicked) {
		return nil
	}
	if err != nil {
		return err
	}
	verb, what, _ := strings.Cut(id, " ")
	switch verb {
	case "resume":
		folder, err := runs.Find(p.config.RunDir, what)
		if err != nil {
			return err
		}
		if err := safe(folder); err != nil {
			return err
		}
		return p.resume(ctx, folder, nil)
	case "run":
		return p.take(ctx, what, wire.Live)
	case "dry-run":
		return p.take(ctx, what, wire.DryRun)
	case "rehearse":
		return p.rehearse(ctx, "", rehearseOptions{seed: 1})
	}
	return fmt.Errorf("nothing is known of %q", id)
}

func (p *program) homeItems() ([]wizard.Item, error) {
	all, err := runs.List(p.config.RunDir)
	if err != nil {
		return nil, err
	}
	var items []wizard.Item
	for _, s := range all {
		if s.Ended != nil || s.View.Seq == 0 && s.Problem == "" {
			continue
		}
		items = append(items, wizard.Item{ID: "resume " + s.Spec.ID, Group: "Open runs", Title: s.Spec.ID,
			Detail: fmt.Sprintf("%s of %s, begun %s by %s; it %s", s.Spec.World, s.View.Subject.Word(), s.Spec.Started.Format("2006-01-02 15:04 MST"), s.Spec.Operator, standingVerb(s)),
			Badge:  standing(s), Refuse: s.Problem})
	}
	for _, path := range paths() {
		items = append(items, wizard.Item{ID: "run " + path.Name, Group: "Recover the real node", Title: path.Title,
			Detail: "Every step is shown and asked about before it is sent.", Badge: "LIVE"})
	}
	for _, path := range paths() {
		items = append(items, wizard.Item{ID: "dry-run " + path.Name, Group: "Look, without changing anything", Title: path.Title,
			Detail: "Goes through every step on the real node and sends nothing that changes it.", Badge: "dry run"})
	}
	return append(items, wizard.Item{ID: "rehearse", Group: "Practise", Title: "Rehearsals",
		Detail: "The same wizard on a simulated network on this machine.", Badge: "simulated"}), nil
}

func standingVerb(s runs.Summary) string {
	switch {
	case s.Held:
		return standing(s) + "; choosing it attaches to it"
	default:
		return "is " + standing(s) + "; choosing it goes on"
	}
}
