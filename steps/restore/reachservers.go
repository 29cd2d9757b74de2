package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
)

// reachServers makes the pod through which dumps are loaded into servers outside the cluster, and proves before anything of the node is touched
// that they can be loaded there.
func reachServers() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore/reach-servers", Title: "Reach servers", Effect: wire.Repeatable,
		Summary: "Makes the pod through which dumps are loaded into servers outside the cluster, and proves what these allow before anything is touched.",
		Asks:    []steps.Ask{{Name: "image", Kind: wire.AskText, Help: "the image of the pod that loads dumps into servers outside the cluster: it has sh, bash or nc, psql and pg_restore; default: the one with which the charts make databases"}},
		Inputs: func(_ context.Context, _ steps.World, f Facts) ([]wire.Question, error) {
			if f.Set == nil || f.ClientImage != "" || len(loadedOutside(f)) == 0 {
				return nil, nil
			}
			return []wire.Question{askImage(f)}, nil
		},
		Take: func(f *Facts, _, value string) error {
			if value == "" || strings.ContainsAny(value, " \t") {
				return errors.New("name an image, such as postgres:17")
			}
			f.ClientImage = value
			return nil
		},
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needSet(f); err != nil {
				return nil, err
			}
			if len(loadedOutside(f)) == 0 {
				return nil, nil
			}
			return openClient(f), nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			if err := needSet(*f); err != nil {
				return nil, err
			}
			if len(loadedOutside(*f)) == 0 {
				return []wire.Finding{{ID: "servers", Verdict: wire.Holds, Text: "no dump is loaded into a server outside the cluster"}}, nil
			}
			if len(f.Before) == 0 { // the participant may be one that only the pod reaches
				f.Before = positionsNow(ctx, w, *f)
			}
			return proven(outsideReady(ctx, w, *f))
		},
		Undo: func(f Facts) ([]steps.Action, string) {
			return closeClient(f), "no pod was made"
		},
	}
}

// askImage proposes the image with which the charts make the databases. Its programs are those of the charts, whatever the server's are.
func askImage(f Facts) wire.Question {
	var made []string
	q := wire.Question{Name: "image", Kind: wire.AskText, Title: "Which image has the programs that load the dumps?"}
	for _, d := range f.Set.Dumps {
		if !d.Database.Server.Managed() {
			continue
		}
		if q.Default == "" {
			q.Default = d.Database.Server.Image
		}
		if major := postgres.ParseVersion(d.Dumper); major > 0 && !slices.Contains(made, fmt.Sprint(major)) {
			made = append(made, fmt.Sprint(major))
		}
	}
	q.Text = "A pod of it is made in namespace " + f.Namespace + " and taken away at the end. It needs sh, bash or nc, psql and pg_restore."
	if len(made) > 0 {
		slices.Sort(made)
		q.Text += " The dumps were made by pg_dump " + strings.Join(made, ", ") + "; whether the programs fit them and the server is looked at before anything is touched."
	}
	return q
}

// proven turns what is violated into an error: in a step that changes something, the operator could go on without a proof.
func proven(found []wire.Finding, err error) ([]wire.Finding, error) {
	var violated []string
	next := ""
	for _, f := range found {
		if f.Verdict == wire.Violated {
			violated, next = append(violated, f.Text), cmp.Or(next, f.Next)
		}
	}
	if len(violated) > 0 {
		return nil, &steps.Problem{Tried: "proving that dumps can be loaded outside the cluster", Seen: strings.Join(violated, "; "), Next: next + ". Nothing of the node was touched"}
	}
	return found, err
}

// answering proves that servers outside the cluster answer.
func answering(ctx context.Context, w steps.World, servers []postgres.Server) ([]wire.Finding, error) {
	finding := wire.Finding{ID: "servers", Verdict: wire.Holds}
	var silent []string
	for _, s := range servers {
		_, version, err := w.Databases.Databases(ctx, s)
		switch {
		case kube.IsTransient(err):
			return nil, err
		case err != nil:
			failure := steps.FailureOf("asking "+s.String(), err)
			silent = append(silent, s.String()+" does not answer: "+strings.TrimSuffix(failure.Seen, "."))
			finding.Next = "Bring it back where it is managed; or " + freshInstance(s)
		default:
			finding.Evidence = append(finding.Evidence, wire.Evidence{Source: s.String(), Seen: "answers, PostgreSQL " + version, At: w.Clock.Now()})
		}
	}
	finding.Text = fmt.Sprintf("all %d servers outside the cluster that dumps are loaded into answer", len(servers))
	if len(silent) > 0 {
		finding.Verdict, finding.Text = wire.Violated, strings.Join(silent, "; ")
	}
	return []wire.Finding{finding}, nil
}

// openClient makes the pod through which servers outside the cluster are reached.
func openClient(f Facts) []steps.Action {
	spec, needed := clientPod(f)
	if !needed {
		return nil
	}
	return []steps.Action{action.OpenClient{Where: f.Where, Spec: spec}}
}
