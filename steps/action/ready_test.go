package action

import (
	"context"
	"errors"
	"testing"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/postgres/client"
)

type silent struct {
	steps.DatabaseReader
	err error
}

func (s silent) Databases(context.Context, postgres.Server) ([]postgres.Stored, string, error) {
	return nil, "", s.err
}

// A ready pod may hold a server that replays its log. That is waited for; what waiting does not cure is not.
func TestServersThatDoNotAnswerYet(t *testing.T) {
	for _, c := range []struct {
		name  string
		err   error
		waits bool
	}{
		{"it answers", nil, false},
		{"it starts", &client.Error{Kind: client.Starting, Seen: "the server answered: the database system is starting up (57P03)"}, true},
		{"nobody listens", &client.Error{Kind: client.Unreachable, Seen: "the server ended the conversation while logging in"}, true},
		{"no tunnel is allowed", &client.Error{Kind: client.Unreachable, Err: &kube.Error{Kind: kube.Forbidden}}, false},
		{"the password is wrong", &client.Error{Kind: client.Denied}, false},
		{"another error", errors.New("no"), false},
	} {
		if got := silence(t.Context(), steps.World{Databases: silent{err: c.err}}, postgres.Server{}); (got != "") != c.waits {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}
