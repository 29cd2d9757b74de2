package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/evidence"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/command/firstlook"
	"canton.example/svrescue/ui/theme"
	"canton.example/svrescue/ui/wizard"
)

// home is what svrescue shows without a command: open runs of the real node first, then what is the matter with it. From there runs,
// recoveries and rehearsals are opened.
func (p *program) home(ctx context.Context, o triageOptions) error {
	if !p.interactive() || p.flags.linear || p.theme.Plain {
		return usage("svrescue without a command opens a full screen, which this terminal cannot show: name a command, such as svrescue triage; see svrescue --help")
	}
	answers, err := p.triageAnswers()
	if err != nil {
		return err
	}
	open, err := p.openRuns()
	if err != nil {
		return err
	}
	quietLogs(io.Discard) // what goes wrong with a source is told as evidence
	looker := &firstlook.Looker{Clock: p.Clock, Answers: answers, Ways: ways, Find: func(ctx context.Context) (evidence.Options, error) {
		from := p.looking(o)
		err := p.findNode(ctx, &from)
		return from, err
	}}
	result, err := wizard.First(ctx, wizard.FirstOptions{Look: looker.Look, Answer: looker.Answer, Back: backItems(open), List: homeItems(open),
		In: p.In, Out: p.Out, Clock: p.Clock, Theme: theme.New(p.theme), Operator: p.operator()})
	if errors.Is(err, wizard.ErrNothingPicked) {
		return nil
	}
	if err != nil {
		return err
	}
	p.keep(looker)
	return p.opened(ctx, result.Chosen)
}

// keep makes what triage looked at what a recovery is begun on: the same cluster, and where a node was seen the same namespace, with the
// folders that were looked through.
func (p *program) keep(looker *firstlook.Looker) {
	from, node := looker.Found()
	p.config.Context = cmp.Or(from.Context, p.config.Context)
	if node {
		p.config.Namespace = from.Namespace
	}
	if len(from.Dumps) > 0 {
		p.config.Backups.Folders = from.Dumps
	}
	p.config.Record = cmp.Or(from.Record, p.config.Record)
	p.flags.record, p.flags.answers = "", "" // they were for triage
}

// opened begins or goes on with what was chosen on a screen.
func (p *program) opened(ctx context.Context, id string) error {
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
	case "tick":
		return p.tick(ctx, what, nil)
	case "rehearse":
		return p.rehearse(ctx, "", rehearseOptions{seed: 1})
	}
	return fmt.Errorf("nothing is known of %q", id)
}

// openRuns are the runs on this machine that have not ended, newest first.
func (p *program) openRuns() ([]runs.Summary, error) {
	all, err := runs.List(p.config.RunDir)
	if err != nil {
		return nil, err
	}
	var open []runs.Summary
	for _, s := range all {
		if s.Ended == nil && (s.View.Seq != 0 || s.Problem != "") {
			open = append(open, s)
		}
	}
	return open, nil
}

// backItems are those that are offered before anything else: of the real node.
func backItems(open []runs.Summary) (items []wizard.Item) {
	for _, s := range open {
		if s.Spec.World == wire.Real && s.Problem == "" {
			it := runItem(s)
			it.Title = "Go on with " + it.Title
			items = append(items, it)
		}
	}
	return items
}

func runItem(s runs.Summary) wizard.Item {
	what := string(s.Spec.World)
	if s.Spec.World == wire.Real {
		what = string(s.Spec.Acting)
	}
	return wizard.Item{ID: "resume " + s.Spec.ID, Title: s.Spec.ID,
		Detail: strings.TrimSpace(fmt.Sprintf("%s of %s, begun %s by %s; it %s", what, cmp.Or(s.View.Subject.Word(), "a node not known yet"), s.Spec.Started.Format("2006-01-02 15:04 MST"), s.Spec.Operator, standingVerb(s))),
		Badge:  standing(s), Refuse: s.Problem}
}

// homeItems are all that can be opened: runs to come back to, recoveries to begin, rehearsals.
func homeItems(open []runs.Summary) []wizard.Item {
	var items []wizard.Item
	for _, s := range open {
		it := runItem(s)
		if it.Title = "Go on with " + it.Title; s.Spec.World != wire.Real {
			it.Title += ", simulated"
		}
		items = append(items, it)
	}
	for _, path := range paths() {
		items = append(items, wizard.Item{ID: "dry-run " + path.Name, Title: "Dry run: " + path.Title,
			Detail: "Goes through every step on the real node and sends nothing that changes it."})
	}
	for _, path := range paths() {
		items = append(items, wizard.Item{ID: "run " + path.Name, Title: "LIVE: " + path.Title,
			Detail: "On the real node. Every step is shown and asked about before it is sent."})
	}
	return append(items, wizard.Item{ID: "rehearse", Title: "Practise: rehearsals on a simulated network on this machine"})
}

func standingVerb(s runs.Summary) string {
	switch {
	case s.Held:
		return standing(s) + "; choosing it attaches to it"
	default:
		return "is " + standing(s) + "; choosing it goes on"
	}
}

// ways are how a recovery that triage speaks of is begun. Only a path that this program goes is offered.
func ways(path string, seen firstlook.Seen) (items []wizard.Item, closed string) {
	name := triage.Goes(path, seen.Release)
	if path == triage.Restore && seen.Empty && seen.Reached {
		name = "restore-lost"
	}
	info, err := findPath(name)
	if err != nil {
		return nil, "svrescue does not lead through the path " + path + " yet. Follow the documentation of Splice " + cmp.Or(seen.Release, "for your release") + ", with a second person."
	}
	if seen.Reached {
		items = []wizard.Item{
			{ID: "dry-run " + name, Title: "Dry run: " + info.Title, Badge: "changes nothing", Detail: "Goes through every step on the real node, tries what can be tried, and sends nothing that changes it."},
			{ID: "run " + name, Title: "LIVE: " + info.Title, Badge: "on the real node", Detail: "Every step is shown and asked about before it is sent. Until the first yes nothing is changed."},
		}
	}
	return append(items, wizard.Item{ID: "tick " + name, Title: "Checklist: " + info.Title, Badge: "you act yourself",
		Detail: "You act by your own means and tick the steps; svrescue keeps the time and your notes. Nothing is sent."}), ""
}
