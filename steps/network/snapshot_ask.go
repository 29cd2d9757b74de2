package network

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

func snapshotInputs(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
	a, err := f.agreed()
	if err != nil || f.Node == nil {
		return nil, nil // what is asked stands on what was agreed
	}
	switch t := f.taking(); {
	case t.From == "":
		return []wire.Question{sourceQuestion(w, f, a)}, nil
	case (t.From == fromApp || t.From == withForce) && w.Apps != nil:
		return toSVApp().Inputs(ctx, w, svApp(f))
	case t.From == lent && t.Lender == "":
		q := wire.Question{Name: "lender", Kind: wire.AskChoice, Title: "Which SV lends its snapshot?", Text: "It must have been made for " + f.Card.Value(ValueTimestamp) + ", as all of them."}
		for _, sv := range a.svs {
			if f.Report == nil || sv != f.Report.Reporter {
				q.Choices = append(q.Choices, wire.Choice{ID: sv, Label: sv})
			}
		}
		return []wire.Question{q}, nil
	case (t.From == fromFile || t.From == lent) && t.File == "":
		q := wire.Question{Name: "file", Kind: wire.AskText, Title: "Which file holds the snapshot?",
			Text: "What svrescue snapshot fetch wrote, or what the documented request answered. It is checked, and copied into the run folder, readable by you only."}
		if t.From == lent {
			q.Title = "Which file holds the snapshot of " + t.Lender + "?"
			q.Text = "The snapshot alone, and not its migration dump: that holds the private keys of the lender. " + q.Text
		}
		return []wire.Question{q}, nil
	}
	return nil, nil
}

// sourceQuestion asks where the snapshot comes from. Force is among the choices only after the release has refused this time without it.
func sourceQuestion(w steps.World, f Facts, a agreed) wire.Question {
	proof := f.proof(w)
	q := wire.Question{Name: "source", Kind: wire.AskChoice, Title: "Where does the data snapshot come from?",
		Text: "It is the state of the ledger at " + f.Card.Value(ValueTimestamp) + ", and of no other time. Of this node: " + proof.Text + "."}
	app := wire.Choice{ID: fromApp, Label: "Fetch it from the SV app", Detail: "SV app, participant and sequencer must run for it. It changes nothing, and may take an hour."}
	if w.Apps == nil {
		app.Refuse = "this run has no login for the SV app. Fetch it in another terminal with svrescue snapshot fetch, and take the file"
	}
	q.Choices = append(q.Choices, app)
	if r, err := readRefusal(w.Files); err == nil && r.fits(a.at) && r.Force {
		force := wire.Choice{ID: withForce, Label: "Fetch it from the SV app, with force", Reason: true, Refuse: app.Refuse,
			Detail: "The release most likely answers only for times at which something happened. Mind: " + forceDanger + ". Proof that this participant was past the time: " + proof.Text + "."}
		if proof.Verdict != wire.Holds {
			force.Refuse = "it needs proof that this participant was past the time, and " + proof.Text
		}
		q.Choices = append(q.Choices, force)
	}
	q.Choices = append(q.Choices,
		wire.Choice{ID: fromFile, Label: "Take one of this SV that was fetched before", Detail: "A file of svrescue snapshot fetch, for the same time."},
		wire.Choice{ID: lent, Label: "Borrow that of another SV", Detail: "For an SV that did not reach the time, or whose app cannot make it. The users in it are the lender's, and of the contracts only those of the DSO are this SV's too."})
	return q
}

func takeSnapshot(f *Facts, ask, value string) error {
	if toSVApp().Is(ask) {
		app := svApp(*f)
		err := toSVApp().Take(&app, ask, value)
		f.Login = app.Login
		return err
	}
	t := f.Taking
	switch ask {
	case "source":
		t = Taking{From: value, Of: f.Card.Value(ValueTimestamp)}
	case "lender":
		t.Lender = value
	case "file":
		file, err := snapshotFile(value)
		if err != nil {
			return err
		}
		t.File = file
	default:
		return fmt.Errorf("there is no question %s", ask)
	}
	f.Taking = t
	return nil
}

// snapshotFile is a file that a person named.
func snapshotFile(value string) (string, error) {
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
		slices.Sort(files)
		if len(files) == 0 {
			return "", fmt.Errorf("%s is a folder without JSON files: name the file", plain.Line(path))
		}
		return "", fmt.Errorf("%s is a folder: name one file of it, such as %s", plain.Line(path), plain.Line(files[len(files)-1]))
	case !info.Mode().IsRegular():
		return "", fmt.Errorf("%s is no file that can be read again", plain.Line(path))
	}
	return path, nil
}
