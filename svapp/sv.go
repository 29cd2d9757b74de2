package svapp

import (
	"context"

	"canton.example/svrescue/internal/plain"
)

// Authorized asks whether the token may act as the SV party (reference/apis.md 2.1, isAuthorized). It is the cheap check of a token; it
// does not prove participant admin, which the dumps need from release 0.5.5 on.
func (s *SV) Authorized(ctx context.Context) error {
	return s.do(ctx, ask{what: "check the token", path: "/v0/admin/authorization", token: true})
}

// Sequencer asks for the state of the SV's sequencer; not found where it has none of its own. It needs a token (reference/apis.md 2.1).
func (s *SV) Sequencer(ctx context.Context) (NodeStatus, bool, error) {
	return s.part(ctx, "sequencer")
}

// Mediator asks for the state of the SV's mediator; not found where it has none of its own. It needs a token (reference/apis.md 2.1).
func (s *SV) Mediator(ctx context.Context) (NodeStatus, bool, error) { return s.part(ctx, "mediator") }

func (s *SV) part(ctx context.Context, name string) (NodeStatus, bool, error) {
	n, err := s.status(ctx, ask{what: "read the status of the " + name, path: "/v0/admin/domain/" + name + "/status", token: true})
	if absent(err) {
		return n, false, nil
	}
	return n, err == nil, err
}

// MigrationID asks for the migration ID that the app runs with; releases up to 0.6.1 do not have the endpoint and answer an error of
// kind NoEndpoint (reference/apis.md 2.1; what an absent route answers was not verified).
func (s *SV) MigrationID(ctx context.Context) (int64, error) {
	var a struct {
		ID int64 `json:"migration_id"`
	}
	err := s.do(ctx, ask{what: "read the migration ID", path: "/v0/migration-id", into: &a})
	return a.ID, err
}

// Onboarding is how far the onboarding of an SV is (reference/apis.md 2.4).
type Onboarding struct {
	State       string   `json:"state"`                                // requested, confirmed, completed or unknown
	Name        string   `json:"name,omitempty"`                       // of the SV
	ContractID  string   `json:"contract_id,omitempty"`                // SvOnboardingRequest, SvOnboardingConfirmed or DsoRules, by the state
	ConfirmedBy []string `json:"confirmed_by,omitempty"`               // names of SVs; only when requested
	Required    int      `json:"required_num_confirmations,omitempty"` // only when requested
}

// Onboarding asks a sponsor for the onboarding of a party; not found where the candidate is not approved. Parties only: by name
// the answer is completed as soon as any SV of that name is onboarded, the lost one included (reference/apis.md 2.4).
func (s *SV) Onboarding(ctx context.Context, party string) (Onboarding, bool, error) {
	var o Onboarding
	err := s.do(ctx, ask{what: "read the onboarding status of " + plain.Line(party), path: "/v0/onboard/sv/status/" + segment(party), into: &o})
	if absent(err) {
		return Onboarding{}, false, nil
	}
	o.State, o.Name, o.ContractID, o.ConfirmedBy = plain.Line(o.State), plain.Line(o.Name), plain.Line(o.ContractID), cleaned(o.ConfirmedBy)
	return o, err == nil, err
}
