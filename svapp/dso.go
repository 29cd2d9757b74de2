package svapp

import (
	"context"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
)

// DSO is who belongs to the network, as one SV's app sees it (reference/apis.md 2.5). Another SV's may be behind or wrong: ask several.
type DSO struct {
	Party     string `json:"party"`   // the DSO party
	SVParty   string `json:"svParty"` // of the SV whose app answered
	Threshold int    `json:"threshold"`
	Rules     string `json:"rules"`           // contract ID of the DsoRules
	Round     int64  `json:"round,omitempty"` // latest mining round; 0 where its payload has another shape than is known (not verified)
	// RoundAt is when the contract of that round was created; zero where the answer does not tell it in a form that is known.
	RoundAt time.Time `json:"roundAt,omitzero"`
	SVs     []Member  `json:"svs"`
	// Offboarded are the parties that once were SVs. An SV that was onboarded anew under its old name is in SVs by its new party, and
	// here by its old one.
	Offboarded []Member    `json:"offboarded"`
	Sequencers []Sequencer `json:"sequencers,omitempty"` // of current SVs only
}

// Member is an SV of the DsoRules.
type Member struct {
	Party         string `json:"party"`
	Name          string `json:"name,omitempty"` // of an offboarded one it may be missing
	ParticipantID string `json:"participantID,omitempty"`
	RewardWeight  string `json:"rewardWeight,omitempty"`
	JoinedRound   string `json:"joinedRound,omitempty"`
}

// Membership is what the DsoRules say of a party.
type Membership string

const (
	IsSV       Membership = "an SV"
	Offboarded Membership = "offboarded"
	Stranger   Membership = "unknown to the DSO rules"
)

// Membership looks a party up, never a name: after an onboarding under the same name a name tells nothing (reference/apis.md 7).
func (d DSO) Membership(party string) Membership {
	for _, m := range d.SVs {
		if m.Party == party {
			return IsSV
		}
	}
	for _, m := range d.Offboarded {
		if m.Party == party {
			return Offboarded
		}
	}
	return Stranger
}

// Named are the current SVs of that name: one or none.
func (d DSO) Named(name string) []Member {
	var found []Member
	for _, m := range d.SVs {
		if m.Name == name {
			found = append(found, m)
		}
	}
	return found
}

type dsoInfo struct {
	SVParty   string                `json:"sv_party_id"`
	Party     string                `json:"dso_party_id"`
	Threshold int                   `json:"voting_threshold"`
	Round     held[lenient[round]]  `json:"latest_mining_round"`
	Rules     held[dsoRules]        `json:"dso_rules"`
	States    []held[lenient[node]] `json:"sv_node_states"`
}

// held is a ContractWithState (reference/apis.md 1), of which the payload is read.
type held[T any] struct {
	Contract struct {
		ID      string `json:"contract_id"`
		Payload T      `json:"payload"`
		Created string `json:"created_at,omitempty"`
	} `json:"contract"`
}

// round is the payload of a mining round, as far as it is read.
type round struct {
	Round struct {
		Number damlInt `json:"number"`
	} `json:"round"`
}

type dsoRules struct {
	SVs        pairs[svInfo] `json:"svs"`
	Offboarded pairs[svInfo] `json:"offboardedSvs"`
}

type svInfo struct {
	Name          string `json:"name,omitempty"`
	ParticipantID string `json:"participantId,omitempty"`
	RewardWeight  string `json:"svRewardWeight,omitempty"`
	Joined        *struct {
		Number string `json:"number,omitempty"`
	} `json:"joinedAsOfRound,omitempty"`
}

// node is the payload of an SvNodeState. Whose it is was not verified, so that may be missing.
type node struct {
	SV    string `json:"sv,omitempty"`
	Name  string `json:"svName,omitempty"`
	State *struct {
		Nodes pairs[struct {
			Sequencer *struct {
				URL string `json:"url,omitempty"`
			} `json:"sequencer,omitempty"`
		}] `json:"synchronizerNodes,omitempty"`
	} `json:"state,omitempty"`
}

// DSO asks who belongs to the network. No token is needed up to release 0.8; from there on scan's is the one to ask (reference/apis.md 2.1).
func (s *SV) DSO(ctx context.Context) (DSO, error) { return s.dso(ctx) }

// DSO asks who belongs to the network. No token is needed.
func (s *Scan) DSO(ctx context.Context) (DSO, error) { return s.dso(ctx) }

func (c *Client) dso(ctx context.Context) (DSO, error) {
	var a dsoInfo
	if err := c.do(ctx, ask{what: "read the DSO rules", path: "/v0/dso", into: &a}); err != nil {
		return DSO{}, err
	}
	d := DSO{Party: plain.Line(a.Party), SVParty: plain.Line(a.SVParty), Threshold: a.Threshold, Rules: plain.Line(a.Rules.Contract.ID)}
	if r := a.Round.Contract.Payload.Value; r != nil {
		d.Round = int64(r.Round.Number)
		if at, err := time.Parse(time.RFC3339Nano, a.Round.Contract.Created); err == nil {
			d.RoundAt = at.UTC()
		}
	}
	d.SVs, d.Offboarded = members(a.Rules.Contract.Payload.SVs), members(a.Rules.Contract.Payload.Offboarded)
	for _, s := range a.States {
		n := s.Contract.Payload.Value
		if n == nil || n.State == nil {
			continue
		}
		for _, p := range n.State.Nodes {
			if p.Value.Sequencer != nil && p.Value.Sequencer.URL != "" {
				d.Sequencers = append(d.Sequencers, Sequencer{Synchronizer: plain.Line(p.Key), SVName: plain.Line(n.Name), URL: plain.Line(p.Value.Sequencer.URL)})
			}
		}
	}
	return d, nil
}

func members(all pairs[svInfo]) []Member {
	list := make([]Member, 0, len(all))
	for _, p := range all {
		m := Member{Party: plain.Line(p.Key), Name: plain.Line(p.Value.Name), ParticipantID: plain.Line(p.Value.ParticipantID), RewardWeight: plain.Line(p.Value.RewardWeight)}
		if p.Value.Joined != nil {
			m.JoinedRound = plain.Line(p.Value.Joined.Number)
		}
		list = append(list, m)
	}
	return list
}

// Namespace is the fingerprint of a party or member ID: what follows the last "::" (reference/apis.md 1).
func Namespace(id string) string {
	if i := strings.LastIndex(id, "::"); i >= 0 {
		return id[i+2:]
	}
	return ""
}
