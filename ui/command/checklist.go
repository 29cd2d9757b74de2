package command

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/linear"
	"github.com/spf13/cobra"
)

// listed is the document that checklist prints.
type listed struct {
	Version int             `json:"version"` // 1
	Path    string          `json:"path"`
	Title   string          `json:"title"`
	Steps   []wire.StepInfo `json:"steps"`
}

func (p *program) checklistCommand() *cobra.Command {
	var tick bool
	c := &cobra.Command{Use: "checklist PATH", Short: "Print a path as a checklist, or tick it off",
		Example: "  svrescue checklist restore > restore.md\n  svrescue checklist restore --tick",
		Long: "Prints a path as a Markdown checklist. With --tick it is gone through on the screen: you act by your own means, tick the\n" +
			"steps, and the tool keeps the time and your notes. No cluster is needed and nothing is sent.\n\n" +
			"Exit codes: 0 done; 1 ended before its end; 2 the command line is wrong; 4 to be gone on with.",
		Args: onePath, ValidArgsFunction: completePaths,
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := findPath(args[0])
			if err != nil {
				return err
			}
			if tick {
				answers, err := p.answers(path)
				if err != nil {
					return err
				}
				return p.tick(cmd.Context(), path.Name, answers)
			}
			if p.json() {
				return p.printDocument(listed{Version: 1, Path: path.Name, Title: path.Title, Steps: path.Steps})
			}
			return p.print(Checklist(path.Name))
		}}
	c.Flags().StringVar(&p.flags.answers, "answers", "", "with --tick: answer from this file instead of asking")
	c.Flags().BoolVar(&tick, "tick", false, "go through it on the screen")
	return c
}

// tick goes through a path as a checklist. Nobody has to be asked where answers are nil: a person sits there.
func (p *program) tick(ctx context.Context, path string, answers linear.Answerer) error {
	return p.start(ctx, runs.Spec{Path: path, Acting: wire.Checklist, World: wire.Real, Kubeconfig: p.kubeconfig(),
		Context: p.config.Context, Namespace: p.config.Namespace}, answers)
}

// Runbook is the checklists of all paths as one document, docs/runbook.md.
func Runbook() []byte {
	var b bytes.Buffer
	b.WriteString("<!-- Generated from the paths: make runbook writes it anew. -->\n")
	for _, path := range paths() {
		b.WriteString("\n")
		b.Write(Checklist(path.Name))
	}
	return b.Bytes()
}

// Checklist is a path as Markdown. The runbook in docs is made of it, so that both tell the same.
func Checklist(name string) []byte {
	path, err := findPath(name)
	if err != nil {
		return nil
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %s (`%s`)\n", path.Title, path.Name)
	for i, s := range path.Steps {
		fmt.Fprintf(&b, "\n- [ ] **%d. %s** (`%s`, %s): %s\n", i+1, s.Title, s.ID, s.Effect.Words(), s.Summary)
		for _, ask := range path.Asks[s.ID] {
			fmt.Fprintf(&b, "  - asks `%s.%s`: %s\n", s.ID, ask.Name, ask.Help)
		}
		for _, paragraph := range strings.Split(s.Why, "\n\n") {
			if paragraph != "" {
				fmt.Fprintf(&b, "\n  %s\n", strings.ReplaceAll(paragraph, "\n", " "))
			}
		}
	}
	return b.Bytes()
}
