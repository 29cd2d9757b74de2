package svapp

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
)

// Vote is a vote request of the DSO as one contract (reference/apis.md 2.6). Each vote that is cast replaces the contract: follow Tracking.
type Vote struct {
	ContractID  string     `json:"contractID,omitempty"` // empty in results
	Tracking    string     `json:"tracking,omitempty"`   // stays the same while votes are cast
	Action      string     `json:"action"`               // tag such as SRARC_OffboardSv, that of ARC_DsoRules where it is one
	Offboards   string     `json:"offboards,omitempty"`  // the party that the action would offboard
	Requester   string     `json:"requester"`            // the SV's name, not its party
	Reason      string     `json:"reason,omitempty"`
	ReasonURL   string     `json:"reasonURL,omitempty"`
	VoteBefore  time.Time  `json:"voteBefore,omitzero"`
	EffectiveAt *time.Time `json:"effectiveAt,omitempty"` // nil: at once when the threshold is reached
	Cast        []Ballot   `json:"cast"`
}

// Ballot is one SV's vote.
type Ballot struct {
	SV      string `json:"sv"` // its name
	Accepts bool   `json:"accepts"`
}

// VoteResult is a vote that is closed. Accepted with an EffectiveAt in the future is not carried out yet; the proof of an offboarding
// is DSO.Offboarded.
type VoteResult struct {
	Vote        Vote       `json:"vote"`
	Completed   time.Time  `json:"completed"`
	Outcome     string     `json:"outcome"` // VRO_Accepted, VRO_Rejected, VRO_Expired; up to 0.6.1 VRO_AcceptedButActionFailed
	EffectiveAt *time.Time `json:"effectiveAt,omitempty"`
	Abstaining  []string   `json:"abstaining,omitempty"`
}

type votePayload struct {
	Requester string  `json:"requester"`
	Action    variant `json:"action"`
	Reason    struct {
		URL  string `json:"url,omitempty"`
		Body string `json:"body,omitempty"`
	} `json:"reason,omitempty"`
	VoteBefore time.Time `json:"voteBefore,omitempty"`
	Votes      pairs[struct {
		SV     string `json:"sv"`
		Accept bool   `json:"accept"`
	}] `json:"votes"`
	Tracking  string     `json:"trackingCid,omitempty"`
	Effective *time.Time `json:"targetEffectiveAt,omitempty"`
}

type voteContract struct {
	ID      string      `json:"contract_id"`
	Payload votePayload `json:"payload"`
}

// OpenVotes lists the vote requests that are open, as this scan sees them. No token is needed (reference/apis.md 7).
func (s *Scan) OpenVotes(ctx context.Context) ([]Vote, error) { return s.openVotes(ctx, false) }

// OpenVotes lists the vote requests that are open. It needs a token (reference/apis.md 2.1).
func (s *SV) OpenVotes(ctx context.Context) ([]Vote, error) { return s.openVotes(ctx, true) }

func (c *Client) openVotes(ctx context.Context, token bool) ([]Vote, error) {
	var a struct {
		Requests []voteContract `json:"dso_rules_vote_requests"`
	}
	if err := c.do(ctx, ask{what: "list the open votes", path: "/v0/admin/sv/voterequests", token: token, into: &a}); err != nil {
		return nil, err
	}
	list := make([]Vote, 0, len(a.Requests))
	for _, r := range a.Requests {
		list = append(list, r.Payload.vote(r.ID))
	}
	return list, nil
}

// Vote looks one vote request up by its contract ID, of which a later vote makes another; not found where it is not there any more.
// No token is needed (reference/apis.md 7; the shape is that of 2.1).
func (s *Scan) Vote(ctx context.Context, contractID string) (Vote, bool, error) {
	var a struct {
		Request voteContract `json:"dso_rules_vote_request"`
	}
	err := s.do(ctx, ask{what: "read a vote", path: "/v0/voterequests/" + segment(contractID), into: &a})
	if absent(err) {
		return Vote{}, false, nil
	}
	if err != nil {
		return Vote{}, false, err
	}
	return a.Request.Payload.vote(a.Request.ID), true, nil
}

// ClosedVotes lists results of votes on one kind of action, such as SRARC_OffboardSv, at most limit of them; an empty action means all. No token is
// needed (reference/apis.md 2.6 and 7).
func (s *Scan) ClosedVotes(ctx context.Context, action string, limit int) ([]VoteResult, error) {
	body := struct {
		Action    *string `json:"actionName"`
		Accepted  *bool   `json:"accepted"`
		Requester *string `json:"requester"`
		From      *string `json:"effectiveFrom"`
		To        *string `json:"effectiveTo"`
		Limit     int     `json:"limit"`
	}{Limit: limit}
	if action != "" {
		body.Action = &action
	}
	var a struct {
		Results []struct {
			Request    votePayload `json:"request"`
			Completed  time.Time   `json:"completedAt"`
			Abstaining []string    `json:"abstainingSvs,omitempty"`
			Outcome    variant     `json:"outcome"`
		} `json:"dso_rules_vote_results"`
	}
	if err := s.do(ctx, ask{what: "list the closed votes", method: http.MethodPost, path: "/v0/admin/sv/voteresults", body: body, into: &a}); err != nil {
		return nil, err
	}
	list := make([]VoteResult, 0, len(a.Results))
	for _, r := range a.Results {
		v := VoteResult{Vote: r.Request.vote(""), Completed: r.Completed.UTC(), Outcome: plain.Line(r.Outcome.Tag), Abstaining: cleaned(r.Abstaining)}
		var value struct {
			At *time.Time `json:"effectiveAt"`
		}
		if json.Unmarshal(r.Outcome.Value, &value) == nil {
			v.EffectiveAt = value.At
		}
		list = append(list, v)
	}
	return list, nil
}

func (p votePayload) vote(id string) Vote {
	v := Vote{ContractID: plain.Line(id), Tracking: plain.Line(p.Tracking), Requester: plain.Line(p.Requester), Reason: plain.Line(p.Reason.Body), ReasonURL: plain.Line(p.Reason.URL),
		VoteBefore: p.VoteBefore, EffectiveAt: p.Effective, Cast: make([]Ballot, 0, len(p.Votes))}
	if v.Tracking == "" { // the first version has none, and is tracked by its own
		v.Tracking = v.ContractID
	}
	v.Action, v.Offboards = action(p.Action)
	for _, b := range p.Votes {
		v.Cast = append(v.Cast, Ballot{SV: plain.Line(b.Value.SV), Accepts: b.Value.Accept})
	}
	return v
}

// action names what would be done, and whom it would offboard. SRARC_OffboardMember is an older name (reference/apis.md 2.6); the name of
// the party's field in it was not verified.
func action(a variant) (name, offboards string) {
	inner := a
	if a.Tag == "ARC_DsoRules" {
		var rules struct {
			Action variant `json:"dsoAction"`
		}
		if json.Unmarshal(a.Value, &rules) == nil && rules.Action.Tag != "" {
			inner = rules.Action
		}
	}
	if strings.HasPrefix(inner.Tag, "SRARC_Offboard") {
		var who struct {
			SV string `json:"sv"`
		}
		if json.Unmarshal(inner.Value, &who) == nil {
			offboards = plain.Line(who.SV)
		}
	}
	return plain.Line(inner.Tag), offboards
}

func cleaned(all []string) []string {
	for i := range all {
		all[i] = plain.Line(all[i])
	}
	return all
}
