// Command chain is a real CometBFT node for the tests: its application is CometBFT's own key-value store, and its validator is the key that it is
// given. It is a module of its own, so that nothing of it is in the product.
//
//	CHAIN_ID   of the chain
//	MONIKER    what the node calls itself
//	KEYS       folder with node_key.json and priv_validator_key.json, as CometBFT writes them
//	DATA       folder that holds the chain: its genesis, its blocks and the application's state
//
// The genesis is made when there is none: one validator, the own key. A transaction that adds a validator with most of the power, of which no node
// has the key, takes the chain its quorum: it stands still from the next blocks on.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/cometbft/cometbft/abci/example/kvstore"
	"github.com/cometbft/cometbft/config"
	"github.com/cometbft/cometbft/libs/log"
	"github.com/cometbft/cometbft/node"
	"github.com/cometbft/cometbft/p2p"
	"github.com/cometbft/cometbft/privval"
	"github.com/cometbft/cometbft/proxy"
	"github.com/cometbft/cometbft/types"
)

func main() {
	if err := run(os.Getenv, os.Stdout); err != nil {
		fmt.Fprintln(os.Stdout, err)
		os.Exit(1)
	}
}

func run(env func(string) string, out *os.File) error {
	c := config.DefaultConfig()
	c.Moniker = env("MONIKER")
	c.RPC.ListenAddress, c.P2P.ListenAddress = "tcp://0.0.0.0:26657", "tcp://0.0.0.0:26656"
	c.Instrumentation.Prometheus, c.Instrumentation.PrometheusListenAddr = true, ":26660"
	c.TxIndex.Indexer = "null"
	root, err := os.MkdirTemp("", "cometbft") // the address book; the chain itself is on the claim
	if err != nil {
		return err
	}
	c.SetRoot(root)
	data := env("DATA")
	c.DBPath, c.PrivValidatorState, c.Genesis = data, filepath.Join(data, "priv_validator_state.json"), filepath.Join(data, "genesis.json")
	c.Consensus.WalPath = filepath.Join(data, "cs.wal", "wal")
	if err := os.MkdirAll(filepath.Join(root, "config"), 0o700); err != nil {
		return err
	}
	keys, err := p2p.LoadNodeKey(filepath.Join(env("KEYS"), "node_key.json"))
	if err != nil {
		return err
	}
	c.PrivValidatorKey = filepath.Join(env("KEYS"), "priv_validator_key.json")
	validator := privval.LoadFilePVEmptyState(c.PrivValidatorKey, c.PrivValidatorState)
	switch _, err := os.Stat(c.PrivValidatorState); {
	case err == nil:
		validator = privval.LoadFilePV(c.PrivValidatorKey, c.PrivValidatorState)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := genesis(c.Genesis, env("CHAIN_ID"), validator); err != nil {
		return err
	}
	app := proxy.NewLocalClientCreator(kvstore.NewPersistentKVStoreApplication(data))
	n, err := node.NewNode(c, validator, keys, app, node.DefaultGenesisDocProviderFunc(c), node.DefaultDBProvider, node.DefaultMetricsProvider(c.Instrumentation), log.NewFilter(log.NewTMLogger(log.NewSyncWriter(out)), log.AllowInfo()))
	if err != nil {
		return err
	}
	if err := n.Start(); err != nil {
		return err
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, os.Interrupt)
	<-end
	return n.Stop()
}

// genesis writes the beginning of a chain, unless it is there.
func genesis(path, id string, validator types.PrivValidator) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	key, err := validator.GetPubKey()
	if err != nil {
		return err
	}
	g := types.GenesisDoc{ChainID: id, GenesisTime: time.Now(), ConsensusParams: types.DefaultConsensusParams(), Validators: []types.GenesisValidator{{Address: key.Address(), PubKey: key, Power: 1}}}
	if err := g.ValidateAndComplete(); err != nil {
		return err
	}
	return g.SaveAs(path)
}
