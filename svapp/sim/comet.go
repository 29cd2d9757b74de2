package sim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// Comet serves the RPC of a CometBFT node on port 26657: /health, /status and /net_info, in the shapes of the real one, which writes
// integers as strings (rpc/core/types/responses.go of cometbft/cometbft).
type Comet struct {
	ID          string // 40 hexadecimal digits
	Network     string // chain ID: "testnet-0"
	Moniker     string
	VotingPower int
	Peers       int
	Lag         Lag
	Times       Times
	// New is a chain that begins with its first block at Genesis; zero: it has none yet.
	New     bool
	Genesis time.Time
}

// Handler serves the RPC.
func (c Comet) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { rpc(w, map[string]any{}) })
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { rpc(w, c.status()) })
	mux.HandleFunc("GET /net_info", func(w http.ResponseWriter, _ *http.Request) {
		peers := make([]any, c.Peers)
		for i := range peers {
			peers[i] = map[string]any{"node_info": map[string]any{"id": fmt.Sprintf("%040x", i+1), "network": c.Network, "moniker": fmt.Sprintf("sv-%d", i+1)},
				"is_outbound": true, "remote_ip": fmt.Sprintf("10.0.0.%d", i+1)}
		}
		rpc(w, map[string]any{"listening": true, "listeners": []string{"Listener(@)"}, "n_peers": strconv.Itoa(c.Peers), "peers": peers})
	})
	return mux
}

// Result is the result of a method of the RPC; of those that the SV app passes on, status alone is played.
func (c Comet) Result(method string) (any, bool) {
	if method != "status" {
		return nil, false
	}
	return c.status(), true
}

// Reached is the height and the time of the last block that the node has now.
func (c Comet) Reached() (height int64, at time.Time) {
	at = c.Lag.Reached(c.Times()).Truncate(blockTime)
	switch {
	case !c.New:
		return blocks(at), at
	case c.Genesis.IsZero() || at.Before(c.Genesis):
		return 0, time.Unix(0, 0) // as the real one tells of a store without blocks
	}
	return 1 + int64(at.Sub(c.Genesis)/blockTime), at
}

func (c Comet) status() any {
	height, at := c.Reached()
	now, _, _ := c.Times()
	hash := func(n int64) string { return fmt.Sprintf("%064X", n) }
	first := min(max(height-5040000, 1), height) // what the charts keep (reference/deployment.md 8.1)
	return map[string]any{
		"node_info": map[string]any{
			"protocol_version": map[string]any{"p2p": "8", "block": "11", "app": "0"},
			"id":               c.ID, "listen_addr": "tcp://0.0.0.0:26656", "network": c.Network, "version": "0.37.15",
			"channels": "40202122233038606100", "moniker": c.Moniker, "other": map[string]any{"tx_index": "off", "rpc_address": "tcp://0.0.0.0:26657"},
		},
		"sync_info": map[string]any{
			"latest_block_hash": hash(height), "latest_app_hash": hash(height), "latest_block_height": strconv.FormatInt(height, 10),
			"latest_block_time": at.UTC().Format(time.RFC3339Nano), "earliest_block_hash": hash(first), "earliest_app_hash": hash(first),
			"earliest_block_height": strconv.FormatInt(first, 10), "earliest_block_time": at.Add(-time.Duration(height-first) * blockTime).UTC().Format(time.RFC3339Nano),
			// A node that waits for others does not say that it catches up (reference/apis.md 2.3).
			"catching_up": now.Sub(at) > time.Minute && !c.standing() && height > 0,
		},
		"validator_info": map[string]any{"address": "INVENTED", "pub_key": map[string]any{"type": "tendermint/PubKeyEd25519", "value": "aW52ZW50ZWQ="},
			"voting_power": strconv.Itoa(c.VotingPower)},
	}
}

func (c Comet) standing() bool {
	_, _, starts := c.Times()
	return starts < c.Lag.StuckUntil
}

// rpc prints a result as CometBFT does for a request by address.
func rpc(w http.ResponseWriter, result any) {
	data, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": -1, "result": result})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(data) // a client that has gone needs no answer
}
