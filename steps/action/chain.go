package action

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
)

// The RPC of CometBFT (reference/apis.md 2.3): rpc/core/types/responses.go of cometbft/cometbft has the fields of both answers.
const (
	chainPort   = 26657
	chainStatus = "/status"
	chainPeers  = "/net_info"
)

// chain is how far a CometBFT node has got, as it says itself.
type chain struct {
	network    string // the chain's ID; it holds the migration or serial ID
	height     int64
	blockTime  time.Time
	catchingUp bool // shown only: a chain that stands still says false (reference/apis.md 2.3)
}

// number is an integer that CometBFT writes as a string and others as a number.
type number int64

func (n *number) UnmarshalJSON(data []byte) error {
	i, err := strconv.ParseInt(strings.Trim(string(data), `"`), 10, 64)
	if err != nil {
		return errors.New("a number was expected, not " + plain.Cut(plain.Line(string(data)), 40))
	}
	*n = number(i)
	return nil
}

// rpcAnswer reads the result of a JSON-RPC answer.
func rpcAnswer(data []byte, result any) error {
	var answer struct {
		Result json.RawMessage `json:"result"`
		Error  *struct {
			Message string `json:"message"`
			Data    string `json:"data"`
		} `json:"error"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return errors.New("its answer is not JSON")
	}
	if answer.Error != nil {
		return errors.New(plain.Cut(plain.Line("it answers: "+answer.Error.Message+" "+answer.Error.Data), 200))
	}
	if len(answer.Result) == 0 {
		return errors.New("its answer has no result")
	}
	if err := json.Unmarshal(answer.Result, result); err != nil {
		return fmt.Errorf("its answer cannot be read: %s", plain.Cut(plain.Line(err.Error()), 200))
	}
	return nil
}

func parseChain(data []byte) (chain, error) {
	var s struct {
		Node struct {
			Network string `json:"network"`
		} `json:"node_info"`
		Sync struct {
			Height     number    `json:"latest_block_height"`
			Time       time.Time `json:"latest_block_time"`
			CatchingUp bool      `json:"catching_up"`
		} `json:"sync_info"`
	}
	if err := rpcAnswer(data, &s); err != nil {
		return chain{}, err
	}
	if s.Sync.Height < 0 || s.Sync.Time.IsZero() {
		return chain{}, errors.New("its answer tells no height and no block time")
	}
	return chain{network: plain.Line(s.Node.Network), height: int64(s.Sync.Height), blockTime: s.Sync.Time, catchingUp: s.Sync.CatchingUp}, nil
}

// parsePeers reads how many peers the node is connected to.
func parsePeers(data []byte) (int, error) {
	var s struct {
		Peers *number `json:"n_peers"`
	}
	if err := rpcAnswer(data, &s); err != nil {
		return 0, err
	}
	if s.Peers == nil {
		return 0, errors.New("its answer tells no number of peers")
	}
	return int(*s.Peers), nil
}
