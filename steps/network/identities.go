package network

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

const (
	fromApp  = "app"
	fromFile = "file"
)

func identities() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "network/identities", Title: "Identities", Effect: wire.Observe,
		Summary: "Fetches an identities dump while the SV app still answers, or takes a backup, and checks whose it is.",
		Asks: []steps.Ask{
			{Name: "source", Kind: wire.AskChoice, Help: "app: the SV app is asked now; file: a backup is taken"},
			{Name: "backup", Kind: wire.AskText, Help: "the file with the backup"},
		},
		Inputs: identitiesInputs,
		Take: func(f *Facts, ask, value string) error {
			if ask == "source" {
				f.Source = value
				return nil
			}
			file, err := backupFile(value)
			if err == nil {
				f.Backup = file
			}
			return err
		},
		Forget: func(f *Facts) { f.Source, f.Backup, f.Identities = "", "", nil },
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needNode(f); err != nil {
				return nil, err
			}
			switch f.Source {
			case fromApp:
				return []steps.Action{fetchIdentities{app: svApp(f), node: *f.Node}}, nil
			case fromFile:
				return []steps.Action{copyIdentities{file: f.Backup, node: *f.Node}}, nil
			}
			return nil, &steps.NotYet{Step: "network/identities", What: "where the identities come from"}
		},
		Verify: verifyIdentities,
		Remedies: func(err error) []steps.Remedy {
			return []steps.Remedy{{Choice: wire.ChoiceAsk, Label: "Take them from elsewhere", Detail: "asks again whether the app is asked, or which backup is taken"}}
		},
	}
}

// svApp is the SV app of this node, as it is logged in to.
func svApp(f Facts) steps.App {
	app := f.Hints.SV
	app.Name, app.Kind = cmp.Or(app.Name, "the SV app"), svapp.SVApp
	app.Login = cmp.Or(f.Login, app.Login, steps.LoginClient)
	if found := f.Node.Of(node.SVApp); len(found) > 0 {
		app.Namespace, app.Workload = found[0].Ref.Namespace, found[0].Ref.Name
	}
	return app
}

func identitiesInputs(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
	switch {
	case f.Source == "":
		app := wire.Choice{ID: fromApp, Label: "Fetch a fresh one from the SV app",
			Detail: "participant, sequencer and mediator must run for it. It changes nothing."}
		if w.Apps == nil {
			app.Refuse = "this run has no login for the SV app. Fetch it in another terminal with svrescue identities fetch, and take the file"
		} else if _, err := w.Apps.Token(ctx, svApp(f)); err != nil && ctx.Err() == nil && kube.KindOf(err) != kube.Unauthorized {
			app.Detail += " There is no token for it now: " + plain.Cut(why(err), 160)
		}
		return []wire.Question{{Name: "source", Kind: wire.AskChoice, Title: "Where does the identities dump come from?",
			Text:    "It holds the keys of participant, sequencer and mediator, with which the new synchronizer starts. A fresh one is best, since keys may have been changed since a backup.",
			Choices: []wire.Choice{app, {ID: fromFile, Label: "Take a backup", Detail: "A file that was made by svrescue identities fetch, or by the documented request."}}}}, nil
	case f.Source == fromFile && f.Backup == "":
		q := wire.Question{Name: "backup", Kind: wire.AskText, Title: "Which file holds the backup of the identities?",
			Text: "The file of this SV, with participant, sequencer and mediator in it. It is copied into the run folder, readable by you only."}
		if len(f.Hints.Identities) > 0 {
			q.Default = f.Hints.Identities[0]
		}
		return []wire.Question{q}, nil
	}
	return nil, nil
}

// backupFile is a file that a person named. Of a folder it says what is in it.
func backupFile(value string) (string, error) {
	path, err := filepath.Abs(strings.TrimSpace(value))
	if err != nil || strings.TrimSpace(value) == "" {
		return "", fmt.Errorf("%q is no path", plain.Line(value))
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", fmt.Errorf("there is no file %s that can be read", plain.Line(path))
	case info.IsDir():
		files, _ := filepath.Glob(filepath.Join(path, "*.json"))
		if len(files) == 0 {
			return "", fmt.Errorf("%s is a folder without JSON files: name the file", plain.Line(path))
		}
		return "", fmt.Errorf("%s is a folder: name one file of it, such as %s", plain.Line(path), plain.Line(files[len(files)-1]))
	case !info.Mode().IsRegular() || info.Size() > maxIdentities:
		return "", fmt.Errorf("%s is no identities dump: those have kilobytes", plain.Line(path))
	}
	return path, nil
}
