package restore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
)

// restoredOutside is the answer that the provider's restore is done.
const restoredOutside = "restored"

func restoreDatabases() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore/restore-databases", Title: "Restore databases", Effect: wire.Repeatable,
		Summary: "Loads the dumps beside the old databases, in the cluster and outside, and puts them in place together; sees what a provider restores.",
		Asks:    []steps.Ask{{Name: "managed", Kind: wire.AskChoice, Help: "restored: the provider has restored the managed servers to the times of the set"}},
		Inputs: func(_ context.Context, _ steps.World, f Facts) ([]wire.Question, error) {
			if f.Set == nil || len(f.Set.Managed) == 0 || f.ManagedDone {
				return nil, nil
			}
			return []wire.Question{askRestored(f.Set.Managed)}, nil
		},
		Take: func(f *Facts, _, value string) error {
			f.ManagedDone = value == restoredOutside
			return nil
		},
		Check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			if needSet(f) != nil {
				return nil, nil
			}
			found, err := quiet(ctx, w, f)
			if err != nil || len(f.Set.Dumps) == 0 {
				return found, err
			}
			held, err := stillHeld(ctx, w, f)
			if err != nil {
				return nil, err
			}
			found = append(found, held...)
			up, err := running(ctx, w, needed(databases(f)), "databases")
			return append(found, up...), err
		},
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needSet(f); err != nil {
				return nil, err
			}
			return loads(f), nil
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			if err := needSet(*f); err != nil {
				return nil, err
			}
			found, err := inPlace(ctx, w, *f)
			if err == nil {
				f.Aside, err = aside(ctx, w, *f)
			}
			return found, err
		},
		Undo: func(f Facts) ([]steps.Action, string) {
			if f.Set == nil {
				return nil, "nothing was loaded"
			}
			return slices.Concat(openClient(f), unload(f), closeClient(f)), "nothing was loaded"
		},
		Remedies: func(error) []steps.Remedy {
			return []steps.Remedy{{Choice: wire.ChoiceRetry, Detail: "a half that was loaded is dropped and loaded again; the old databases were not touched"}}
		},
	}
}

// loads plans: every dump beside its database, the comparison, then one change of names for each server. Nothing is put in place before
// everything is loaded and compared.
func loads(f Facts) []steps.Action {
	actions := openClient(f) // it may have ended since it was made
	if len(f.Set.Dumps) == 0 {
		return actions
	}
	compare := action.CompareLoaded{Run: f.Run}
	for _, d := range f.Set.Dumps {
		actions = append(actions, action.LoadDump{Dump: d, Run: f.Run})
		compare.Databases = append(compare.Databases, d.Database)
		compare.Expected = append(compare.Expected, d.Position)
	}
	actions = append(actions, compare)
	for _, s := range swaps(f, false) {
		actions = append(actions, s)
	}
	return actions
}

func swaps(f Facts, back bool) []action.SwapDatabases {
	var refs []kube.WorkloadRef
	for _, c := range applications(*f.Node) {
		refs = append(refs, c.Ref)
	}
	var all []action.SwapDatabases
	for _, d := range f.Set.Dumps {
		i := slices.IndexFunc(all, func(s action.SwapDatabases) bool { return s.Server.String() == d.Database.Server.String() })
		if i < 0 {
			i = len(all)
			all = append(all, action.SwapDatabases{Server: d.Database.Server, Run: f.Run, Back: back, Stopped: refs})
		}
		all[i].Names = append(all[i].Names, d.Database.Name)
		if old := postgres.OldName(d.Database.Name, f.Run); slices.Contains(f.Aside, old+" on "+d.Database.Server.String()) {
			all[i].Kept = append(all[i].Kept, d.Database.Name)
		}
	}
	return all
}

// clientPod is the pod through which servers outside the cluster are reached, where there are any: a private address is one that this
// machine may not reach, and the cluster does.
func clientPod(f Facts) (kube.ClientSpec, bool) {
	for _, s := range f.Node.Servers() {
		if image := cmp.Or(f.ClientImage, s.Image); s.Managed() && image != "" {
			return action.ClientOf(f.Namespace, image, f.Run), true
		}
	}
	return kube.ClientSpec{}, false
}

// closeClient takes the pod away again.
func closeClient(f Facts) []steps.Action {
	if f.Node == nil {
		return nil
	}
	spec, needed := clientPod(f)
	if !needed {
		return nil
	}
	return []steps.Action{action.CloseClient{Where: f.Where, Namespace: spec.Namespace, Name: spec.Name}}
}

func unload(f Facts) []steps.Action {
	var actions []steps.Action
	for _, s := range swaps(f, true) {
		actions = append(actions, s)
	}
	for _, d := range f.Set.Dumps {
		actions = append(actions, action.DropLoaded{Database: d.Database, Run: f.Run})
	}
	return actions
}

// quiet proves that no app writes to the databases meanwhile.
func quiet(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	return action.Standing(ctx, w, applications(*f.Node))
}

// aside are the old databases that the run keeps under other names. Where there was none before, none is kept.
func aside(ctx context.Context, w steps.World, f Facts) ([]string, error) {
	var all []string
	for _, d := range f.Set.Dumps {
		stored, _, err := w.Databases.Databases(ctx, d.Database.Server)
		if err != nil {
			return nil, err
		}
		if old := postgres.OldName(d.Database.Name, f.Run); slices.ContainsFunc(stored, func(x postgres.Stored) bool { return x.Name == old }) {
			all = append(all, old+" on "+d.Database.Server.String())
		}
	}
	return all, nil
}

// inPlace proves that every database of the set is there under its name, and what it is made from.
func inPlace(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	finding := wire.Finding{ID: "databases", Verdict: wire.Holds}
	var wrong []string
	look := func(s postgres.Server, name, mark string) error {
		stored, version, err := w.Databases.Databases(ctx, s)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(stored, func(d postgres.Stored) bool { return d.Name == name })
		seen := "is not there"
		if i >= 0 {
			seen = fmt.Sprintf("%s, PostgreSQL %s", action.Size(stored[i].Bytes), version)
		}
		if i < 0 || !strings.HasPrefix(stored[i].Comment, mark) {
			wrong = append(wrong, name+" on "+s.String())
		}
		finding.Evidence = append(finding.Evidence, wire.Evidence{Source: name + " on " + s.String(), Seen: seen, At: w.Clock.Now()})
		return nil
	}
	n := 0
	for _, d := range f.Set.Dumps {
		n++
		if err := look(d.Database.Server, d.Database.Name, action.Mark(f.Run)); err != nil {
			return nil, err
		}
	}
	for _, m := range f.Set.Managed {
		for _, d := range f.Node.On(m.Server) {
			n++
			if err := look(m.Server, d.Name, ""); err != nil {
				return nil, err
			}
		}
	}
	switch {
	case len(wrong) > 0:
		finding.Verdict, finding.Text, finding.Next = wire.Violated, "not in place: "+strings.Join(wrong, ", "), "Do this step again"
	case n == 0:
		finding.Text = "the set has no dumps and no managed databases: there is nothing to load"
	default:
		finding.Text = fmt.Sprintf("all %d databases are in place", n)
	}
	return []wire.Finding{finding}, nil
}

// askRestored shows what the provider is asked to do, and waits until the operator says that it is done. The address must stay the same, or be
// changed for the components: a restore to a point in time makes a new server with every provider.
func askRestored(managed []backup.Managed) wire.Question {
	q := wire.Question{Name: "managed", Kind: wire.AskChoice, Title: "Has the managed service been restored?",
		Text: "Every provider restores to a point in time into a new server. Give it the name of the old one, or change persistence.host of the components, before you answer. Nothing has been started yet.",
		Choices: []wire.Choice{{ID: restoredOutside, Label: "Yes: the restored servers answer at the same addresses", Detail: "they are compared with SQL before any app starts"},
			{ID: wire.ChoicePark, Label: "Not yet: park", Detail: "ends the worker here; svrescue resume goes on"}}} // two: nobody but a person can say yes
	for _, m := range managed {
		q.Text += "\n" + providerCommand(m)
	}
	return q
}

// providerCommand is the provider's own restore of a server, told by its host. The words in capitals are the operator's to fill in.
func providerCommand(m backup.Managed) string {
	at := m.Target.UTC().Format(time.RFC3339)
	name, rest, _ := strings.Cut(m.Server.Host, ".")
	switch {
	case strings.HasSuffix(rest, ".rds.amazonaws.com"):
		return "aws rds restore-db-instance-to-point-in-time --source-db-instance-identifier " + name + " --target-db-instance-identifier " + name + "-restored --restore-time " + at
	case strings.HasSuffix(rest, "postgres.database.azure.com"):
		return "az postgres flexible-server restore --resource-group GROUP --source-server " + name + " --name " + name + "-restored --restore-time " + at
	}
	return "gcloud sql instances clone INSTANCE-OF-" + m.Server.Host + " NEW-INSTANCE --point-in-time " + at + "   (Cloud SQL; other services have the like)"
}

// databases are the database workloads of the node that the set restores: on new volumes, or loaded as they run.
func databases(f Facts) []node.Component {
	found := replaced(f)
	for _, c := range f.Node.Of(node.Postgres) {
		if slices.ContainsFunc(found, func(x node.Component) bool { return x.Ref == c.Ref }) {
			continue
		}
		if slices.ContainsFunc(f.Node.Servers(), func(s postgres.Server) bool { return s.Workload == c.Ref.Name && f.Set.Loads(s) }) {
			found = append(found, c)
		}
	}
	return found
}
