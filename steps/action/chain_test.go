package action

import (
	"strings"
	"testing"
	"time"
)

const status = `{"jsonrpc":"2.0","id":-1,"result":{"node_info":{"id":"ab","network":"testnet-0"},"sync_info":{"latest_block_height":"1262196",
"latest_block_time":"2026-03-01T03:00:00.818762194Z","catching_up":true},"validator_info":{"voting_power":"10"}}}`

func TestParseChain(t *testing.T) {
	got, err := parseChain([]byte(status))
	want := chain{network: "testnet-0", height: 1262196, blockTime: time.Date(2026, 3, 1, 3, 0, 0, 818762194, time.UTC), catchingUp: true}
	if err != nil || got != want {
		t.Errorf("%+v, %v", got, err)
	}
	if got, err := parseChain([]byte(strings.ReplaceAll(status, `"1262196"`, `7`))); err != nil || got.height != 7 {
		t.Errorf("a height that is a number: %+v, %v", got, err)
	}
	for name, text := range map[string]string{
		"not JSON":   "<html>502</html>",
		"an error":   `{"jsonrpc":"2.0","id":-1,"error":{"code":-32603,"message":"Internal error","data":"not ready"}}`,
		"no result":  `{"jsonrpc":"2.0"}`,
		"odd result": `{"result":[1]}`,
		"no height":  `{"result":{"sync_info":{}}}`,
		"odd height": strings.ReplaceAll(status, "1262196", "many"),
	} {
		if got, err := parseChain([]byte(text)); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestParsePeers(t *testing.T) {
	for text, want := range map[string]int{`{"result":{"n_peers":"12"}}`: 12, `{"result":{"n_peers":0}}`: 0} {
		if got, err := parsePeers([]byte(text)); err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	if _, err := parsePeers([]byte(`{"result":{"peers":[]}}`)); err == nil {
		t.Error("no number is no zero")
	}
}

func FuzzParseChain(f *testing.F) {
	f.Add([]byte(status))
	f.Add([]byte(`{"result":{"n_peers":"12"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if c, err := parseChain(data); err == nil && (c.height < 0 || c.blockTime.IsZero()) {
			t.Fatalf("%+v", c)
		}
		_, _ = parsePeers(data)
	})
}
