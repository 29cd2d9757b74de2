package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"canton.example/svrescue/svapp/sim"
)

// chain is the block store of CometBFT on its claim: blockstore.db, one line for each block and a last line
// "sha256 HEX" over all before it. Checksum and data are one file so that a new state can be put in place by one rename.
type chain struct {
	folder, id, moniker string
	blocks              atomic.Int64
	size                int64     // of the file that was last found whole
	changed             time.Time // when that was written
}

// begin makes a store of one block where there is none: a node that joins a chain.
func (c *chain) begin() error {
	path := filepath.Join(c.folder, "blockstore.db")
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		return err
	}
	block := []byte("height 00000001 app-hash 00000001\n")
	return os.WriteFile(path, fmt.Appendf(block, "sha256 %x\n", sha256.Sum256(block)), 0o600)
}

// check fails when the store is missing or is not what was written.
func (c *chain) check() (failure error) {
	path := filepath.Join(c.folder, "blockstore.db")
	if info, err := os.Stat(path); err == nil {
		if info.Size() == c.size && info.ModTime().Equal(c.changed) {
			return nil
		}
		defer func() {
			if failure == nil {
				c.size, c.changed = info.Size(), info.ModTime()
			}
		}()
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("failed to open block store: %w", err)
	}
	body, sum, ok := bytes.Cut(b, []byte("sha256 "))
	if !ok {
		return fmt.Errorf("corrupted block store %s: the checksum at its end is missing", path)
	}
	want, got := string(bytes.TrimSpace(sum)), sha256.Sum256(body)
	if want != hex.EncodeToString(got[:]) {
		return fmt.Errorf("corrupted block store %s: checksum mismatch, want %.16s, got %.16s", path, want, hex.EncodeToString(got[:]))
	}
	c.blocks.Store(int64(bytes.Count(body, []byte("\n"))))
	return nil
}

func (c *chain) height() int64 { return c.blocks.Load() }

// rpc is what CometBFT tells others of itself (apis.md 2.3). Its heights follow from the time, not from the stored blocks.
func (c *component) rpc() sim.Comet {
	id := sha256.Sum256([]byte(c.chain.moniker))
	return sim.Comet{ID: hex.EncodeToString(id[:20]), Network: c.chain.id, Moniker: c.chain.moniker, VotingPower: 1, Peers: 3, Lag: c.lag, Times: c.times}
}
