package reonboard

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
)

// downDatabases are those of servers that are not up yet.
type downDatabases struct{ steps.DatabaseReader }

func (downDatabases) Databases(context.Context, postgres.Server) ([]postgres.Stored, string, error) {
	return nil, "", errors.New("it has no pod")
}

// A run that stops right after it installed the server finds it without a pod. It made it empty: nobody need look. Where an earlier try had
// this server already, or somebody else installed it, what it holds is not known.
func TestServerThatIsNotUpYet(t *testing.T) {
	for _, c := range []struct {
		name    string
		tries   func(v Validator) []Try
		run     string // that looks; empty: the one that installed it
		verdict wire.Verdict
	}{
		{name: "installed by this run", verdict: wire.Holds},
		{name: "with an earlier try on it", tries: func(v Validator) []Try { return []Try{{v.Identifier, v.Server}} }, verdict: wire.Undetermined},
		{name: "installed by another run", run: "reonboard-0102-0304-efgh", verdict: wire.Undetermined},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := validatorRig(t)
				if _, err := r.derive(nil); err != nil {
					t.Fatal(err)
				}
				actions, err := validatorDeploy().Plan(r.facts)
				if err != nil {
					t.Fatal(err)
				}
				r.makesSecrets()
				for _, a := range actions {
					if err := r.do(a); err != nil {
						t.Fatal(err)
					}
					if strings.HasPrefix(a.Key(), "install release postgres") {
						break
					}
				}
				r.world.Databases = downDatabases{}
				if c.tries != nil {
					r.facts.Validator.Tries = c.tries(r.facts.Validator)
				}
				if c.run != "" {
					r.facts.Run = c.run
				}
				found, err := serverFree(t.Context(), r.world, r.facts)
				if err != nil {
					t.Fatal(err)
				}
				if v, text := verdictOf(t, found, "server"); v != c.verdict {
					t.Errorf("%s: %s", v, text)
				}
			})
		})
	}
}
