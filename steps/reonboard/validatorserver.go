package reonboard

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
)

// installation of a release in the validator's namespace.
func (f Facts) installation(d Deployment) release.Installation {
	return release.Installation{Name: d.Name, Namespace: f.Validator.Namespace, Parts: d.Parts, Mark: action.Mark(f.Run), From: "derived values"}
}

// postgresServer is the validator's database server.
func (f Facts) postgresServer() postgres.Server {
	host, port, own := f.server()
	s := postgres.Server{Namespace: f.Validator.Namespace, Host: host, Port: port, User: databaseUser, Secret: databaseSecret, Key: passwordKey, Admin: adminDatabase}
	if !own {
		return s
	}
	s.Workload, s.Container = host, host
	for _, d := range f.Validator.Releases {
		if d.Name == host && len(d.Workloads) > 0 {
			s.Workload, s.Selector = d.Workloads[0].Workload.Name, d.Workloads[0].Selector
		}
		if d.Chart == "postgresql" {
			s.Container = "postgresql" // of Bitnami's chart; not verified
		}
	}
	return s
}

// serverFree refuses a server that holds another participant's database: it could be the lost node's, which may be the last copy of its keys,
// and from 0.6.8 on the chart refuses it anyway (reference/deployment.md 16.10).
func serverFree(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	s := f.postgresServer()
	again := slices.ContainsFunc(f.Validator.Tries, func(t Try) bool { return t.Identifier == f.Validator.Identifier && t.Server == f.Validator.Server })
	if !s.Managed() {
		_, there, err := w.Kube.Workload(ctx, kube.StatefulSet, s.Namespace, s.Workload)
		if err != nil {
			return nil, err
		}
		if !there {
			return claimsFree(ctx, w, f, s, again)
		}
	}
	ours, made := again, false
	for _, d := range f.Validator.Releases {
		if d.Name != participantRelease && d.Name != s.Host {
			continue
		}
		state, err := f.installation(d).Look(ctx, w.Kube)
		if err != nil {
			return nil, err
		}
		if d.Name == participantRelease {
			ours = ours || state.Ours
		} else {
			made = state.Ours && !slices.ContainsFunc(f.Validator.Tries, func(t Try) bool { return t.Server == f.Validator.Server })
		}
	}
	undetermined := wire.Finding{ID: "server", Verdict: wire.Undetermined, Waive: "the server holds no participant's database, or only that of this validator",
		Next: fmt.Sprintf("Look by yourself: psql -h %s -p %d -U %s %s -c '\\l'", s.Host, s.Port, s.User, s.Admin)}
	if w.Databases == nil {
		undetermined.Text = fmt.Sprintf("which databases %s holds cannot be read from here", s)
		return []wire.Finding{undetermined}, nil
	}
	have, _, err := w.Databases.Databases(ctx, s)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil && made { // the run was interrupted before the server was up; no claim lay there when it was installed
		return []wire.Finding{{ID: "server", Verdict: wire.Holds, Text: s.Workload + " was installed by this run with an empty volume, and does not answer yet"}}, nil
	}
	if err != nil {
		undetermined.Text = fmt.Sprintf("which databases %s holds: %s", s, steps.FailureOf("reading them", err).Seen)
		return []wire.Finding{undetermined}, nil
	}
	own := recipe{Migration: f.Old.MigrationID}.database()
	var others []string
	mine := false
	for _, d := range have {
		switch {
		case d.Name == own && ours:
			mine = true
		case strings.HasPrefix(d.Name, "participant"):
			others = append(others, d.Name)
		}
	}
	switch {
	case len(others) > 0:
		return []wire.Finding{{ID: "server", Verdict: wire.Violated, Text: fmt.Sprintf("%s holds the database of another participant: %s", s, strings.Join(others, ", ")),
			Next: "Leave it alone: it may hold the last copy of keys. Answer these questions again, with a server of its own for the validator"}}, nil
	case mine:
		return []wire.Finding{{ID: "server", Verdict: wire.Holds, Text: fmt.Sprintf("%s holds %s, which is of this run, and no other participant's database", s, own)}}, nil
	}
	return []wire.Finding{{ID: "server", Verdict: wire.Holds, Text: fmt.Sprintf("%s holds no participant's database", s)}}, nil
}

// claimsFree looks for the data of a server that is not there any more: a new one of the same name would take it up.
func claimsFree(ctx context.Context, w steps.World, f Facts, s postgres.Server, again bool) ([]wire.Finding, error) {
	claims, err := w.Kube.Claims(ctx, s.Namespace)
	if kube.KindOf(err) == kube.NotFound {
		err = nil
	}
	if err != nil {
		return nil, err
	}
	for _, c := range claims {
		if !strings.HasSuffix(c.Name, "-"+s.Workload+"-0") {
			continue
		}
		if again {
			return []wire.Finding{{ID: "server", Verdict: wire.Attention, Text: fmt.Sprintf("claim %s of the earlier try with this identifier is taken up again", c.Name),
				Next: "Right for going on with that import; for a fresh one, choose another identifier"}}, nil
		}
		return []wire.Finding{{ID: "server", Verdict: wire.Violated, Text: fmt.Sprintf("claim %s of an earlier server is still there, and %s would take up its data", c.Name, s.Workload),
			Next: "After an import that failed here, answer the questions of Validator values again: with another identifier, which gets a server of its own, or with the same one, to go on with that data. If it is of somebody else, name another namespace"}}, nil
	}
	return []wire.Finding{{ID: "server", Verdict: wire.Holds, Text: s.Workload + " is installed with an empty volume"}}, nil
}
