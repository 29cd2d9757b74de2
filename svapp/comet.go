package svapp

import (
	"context"
	"net/http"
	"time"

	"canton.example/svrescue/internal/plain"
)

// CometBFT is what the SV app tells of its chain node (reference/apis.md 2.3).
type CometBFT struct {
	ID          string `json:"id"` // 40 hexadecimal digits
	CatchingUp  bool   `json:"catching_up"`
	VotingPower int64  `json:"voting_power"` // 0: not a validator, or offboarded (inference)
}

// CometBFT asks for the chain node of the SV; not found where it has none. No token is needed. A chain that stands still does not say
// that it catches up: Chain tells the time of its last block.
func (s *SV) CometBFT(ctx context.Context) (CometBFT, bool, error) {
	var c CometBFT
	err := s.do(ctx, ask{what: "read the status of CometBFT", path: "/v0/admin/domain/cometbft/status", into: &c})
	if absent(err) {
		return CometBFT{}, false, nil
	}
	return c, err == nil, err
}

// Chain is how far the chain is, as its node sees it. Beyond the ID, CatchingUp and VotingPower the fields are those of CometBFT's public
// RPC, which reference/apis.md 2.3 does not verify.
type Chain struct {
	NodeID      string    `json:"nodeID"`
	Network     string    `json:"network"` // chain ID; it holds the migration or serial ID
	Height      int64     `json:"height"`  // of the last block
	Time        time.Time `json:"time"`    // of the last block
	CatchingUp  bool      `json:"catchingUp"`
	VotingPower int64     `json:"votingPower"`
}

// Chain asks the chain node for its status through the SV app's JSON-RPC, which reads only; not found where there is none. No token
// is needed.
func (s *SV) Chain(ctx context.Context) (Chain, bool, error) {
	var a struct {
		Result struct {
			Node struct {
				ID      string `json:"id"`
				Network string `json:"network"`
			} `json:"node_info"`
			Sync struct {
				Height     damlInt   `json:"latest_block_height"` // a text, as integers of Daml are
				Time       time.Time `json:"latest_block_time"`
				CatchingUp bool      `json:"catching_up"`
			} `json:"sync_info"`
			Validator struct {
				Power damlInt `json:"voting_power"`
			} `json:"validator_info"`
		} `json:"result"`
	}
	body := map[string]any{"id": 1, "method": "status", "params": map[string]any{}}
	err := s.do(ctx, ask{what: "read how far the chain is", method: http.MethodPost, path: "/v0/admin/domain/cometbft/json-rpc", body: body, into: &a})
	if absent(err) {
		return Chain{}, false, nil
	}
	if err != nil {
		return Chain{}, false, err
	}
	r := a.Result
	return Chain{NodeID: plain.Line(r.Node.ID), Network: plain.Line(r.Node.Network), Height: int64(r.Sync.Height), Time: r.Sync.Time.UTC(), CatchingUp: r.Sync.CatchingUp,
		VotingPower: int64(r.Validator.Power)}, true, nil
}
