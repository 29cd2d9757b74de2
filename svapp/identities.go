package svapp

import (
	"context"
	"encoding/json"

	"canton.example/svrescue/internal/secret"
)

// identitiesAnswer is the answer with the node identities. It says nothing of itself where it does not fit.
type identitiesAnswer struct{ text secret.String }

func (a *identitiesAnswer) UnmarshalJSON(b []byte) error {
	var shape struct {
		Identities *json.RawMessage `json:"identities"`
	}
	if json.Unmarshal(b, &shape) != nil || shape.Identities == nil {
		return &misfit{"", "has no identities"}
	}
	a.text = secret.New(string(b))
	return nil
}

// Identities fetches the node identities: what the SV app answers, as it is, to be kept as a file. It holds the private keys of participant,
// sequencer and mediator (reference/apis.md 5.1). The token's user must be participant admin from release 0.5.5 on, and all three nodes must
// run. Package dump tells what it is and whose.
func (s *SV) Identities(ctx context.Context) (secret.String, error) {
	var a identitiesAnswer
	err := s.do(ctx, ask{what: "fetch the node identities", path: "/v0/admin/domain/identities-dump", token: true, into: &a})
	return a.text, err
}
