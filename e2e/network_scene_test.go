//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"canton.example/svrescue/e2e/node"
	"canton.example/svrescue/e2e/rig"
	"canton.example/svrescue/steps/rehearsal"
)

// Names of the node before and after.
const (
	oldComet = "global-domain-3-cometbft"
	newComet = "global-domain-4-cometbft"
)

// lostNetwork is a node of a release up to 0.6.1, installed by Helm, whose CometBFT has lost its quorum, and the network around it.
type lostNetwork struct {
	cluster   *rig.Cluster
	network   *node.LostNetwork
	namespace string
	agreed    time.Time // what the call decides on
	stands    int64     // height at which the old chain stands
	private   string    // a private key of the identities dump
}

// loseNetwork sets the scene; the charts that the node is installed from are written below home.
func loseNetwork(t *testing.T, ctx context.Context, prefix, home string) *lostNetwork {
	t.Helper()
	l := &lostNetwork{cluster: rig.Start(t)}
	l.cluster.LoadChain(t)
	rig.Helm(t)
	var err error
	l.private, err = rehearsal.LostKey()
	must(t, err)
	// the others have migrated when this SV has, and say so at once
	plan := rehearsal.Loss{Prompt: true, Migrates: []time.Duration{-time.Minute, -time.Minute, -time.Minute, -time.Minute, -time.Minute, -time.Minute}}
	space := l.cluster.Namespace(t, prefix+"-net")
	plan.Scans = l.scans(t, space)
	l.network, err = node.StartLostNetwork(ctx, l.cluster, space, plan)
	must(t, err)
	state, err := l.network.Recovery(ctx)
	must(t, err)
	l.agreed = state.Agreed

	l.namespace = l.cluster.Namespace(t, prefix)
	must(t, l.network.Secrets(ctx, l.namespace, cometKeys(t)))
	charts := filepath.Join(home, "charts")
	releases, err := l.network.SaveCharts(charts, l.namespace)
	must(t, err)
	for _, r := range releases {
		_, err := l.cluster.RunHelm(ctx, t, l.namespace, "install", r.Release, filepath.Join(charts, r.Chart), "--server-side=false", "--values", filepath.Join(charts, "of-"+r.Release+".yaml"))
		must(t, err)
	}
	must(t, rig.Poll(ctx, "the node is not ready", l.ready))
	l.takeQuorum(t, ctx)
	return l
}

// scans are addresses at which the scans of the other SVs are reached from this machine, as public ones are.
func (l *lostNetwork) scans(t *testing.T, namespace string) (all []string) {
	t.Helper()
	through, err := rest.TransportFor(l.cluster.Config)
	must(t, err)
	api, err := url.Parse(l.cluster.Config.Host)
	must(t, err)
	api.Path = "/"
	for i := range rehearsal.LostOthers {
		to := api.JoinPath("api/v1/namespaces", namespace, "services/http:network:80/proxy/peers", strconv.Itoa(i))
		scan := httptest.NewServer(&httputil.ReverseProxy{Transport: through, Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }})
		t.Cleanup(scan.Close)
		all = append(all, scan.URL)
	}
	return all
}

// ready says whether every workload of the node that should run does.
func (l *lostNetwork) ready(ctx context.Context) (bool, error) {
	deployments, err := l.cluster.Kube.AppsV1().Deployments(l.namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return false, err
	}
	for _, d := range deployments.Items {
		if d.Status.ObservedGeneration != d.Generation || d.Status.ReadyReplicas != *d.Spec.Replicas || d.Status.UpdatedReplicas != *d.Spec.Replicas {
			return false, fmt.Errorf("%s has %d of %d ready", d.Name, d.Status.ReadyReplicas, *d.Spec.Replicas)
		}
	}
	return len(deployments.Items) > 0, nil
}

// cometKeys are new keys, as CometBFT writes them.
func cometKeys(t *testing.T) map[string]string {
	t.Helper()
	typed := func(kind string, value []byte) map[string]any {
		return map[string]any{"type": "tendermint/" + kind + "Ed25519", "value": value}
	}
	files := map[string]any{}
	for _, name := range []string{"node_key.json", "priv_validator_key.json"} {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		must(t, err)
		sum := sha256.Sum256(public)
		files[name] = map[string]any{"address": strings.ToUpper(hex.EncodeToString(sum[:20])), "pub_key": typed("PubKey", public), "priv_key": typed("PrivKey", private)}
	}
	all := map[string]string{}
	for name, file := range files {
		text, err := json.Marshal(file)
		must(t, err)
		all[name] = string(text)
	}
	return all
}

// chainStatus is what a CometBFT says of its chain.
type chainStatus struct {
	Node struct {
		Network string `json:"network"`
	} `json:"node_info"`
	Sync struct {
		Height int64 `json:"latest_block_height,string"`
	} `json:"sync_info"`
}

// ask asks the RPC of a CometBFT of the node.
func (l *lostNetwork) ask(ctx context.Context, comet, method string, params map[string]string, into any) error {
	text, err := l.cluster.Kube.CoreV1().Services(l.namespace).ProxyGet("http", comet+"-cometbft-rpc", "26657", method, params).DoRaw(ctx)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, &struct{ Result any }{into})
}

// takeQuorum makes somebody validator with most of the power who is not there: the chain stands still from the second block on after that.
func (l *lostNetwork) takeQuorum(t *testing.T, ctx context.Context) {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	must(t, err)
	tx := fmt.Sprintf("val:%s!100", base64.StdEncoding.EncodeToString(public))
	var done struct {
		Deliver struct{ Code int } `json:"deliver_tx"`
		Height  int64              `json:"height,string"`
	}
	must(t, rig.Poll(ctx, "the chain takes no transaction", func(ctx context.Context) (bool, error) {
		err := l.ask(ctx, oldComet, "broadcast_tx_commit", map[string]string{"tx": "0x" + hex.EncodeToString([]byte(tx))}, &done)
		return done.Height > 0 && done.Deliver.Code == 0, err
	}))
	l.stands = done.Height + 1
	must(t, rig.Poll(ctx, "the old chain does not come to where it stands", func(ctx context.Context) (bool, error) {
		var now chainStatus
		err := l.ask(ctx, oldComet, "status", nil, &now)
		return now.Sync.Height == l.stands && now.Node.Network == "testnet-3", err
	}))
}

// answers writes what the operator of this SV says, who is on the call with the others. What is proposed is right, as far as it is derived from
// the node.
func (l *lostNetwork) answers(t *testing.T, o *operator) string {
	t.Helper()
	answers := l.onCall("network/go.", "network/agree.decided-", "network/stop-old.")
	for _, proposed := range []string{"new-values.migration-id", "new-values.chain-id", "new-values.address", "new-values.sequencer-url", "new-values.chart-version",
		"agree.svs", "agree.margin", "agree.migration-id", "agree.chain-id", "agree.port", "agree.chart-version", "agree.roles"} {
		answers["network/"+proposed] = "default"
	}
	for name, answer := range map[string]any{
		"network/go.remedy":    insists("it was compared by voice on the call"),
		"network/agree.remedy": insists("it was compared by voice on the call"),
		// nobody but the other SVs can tell whether they reach the new synchronizer
		"network/new-synchronizer.remedy": insists("the others have tried it"),
		"network/verify.remedy":           insists("it was compared by voice on the call"),
		"network/identities.source":       "app",
		"network/new-values.charts":       "record",
		"network/new-values.more":         "none",
		"network/safety-backup.class":     "rig",
		"network/own-report.more":         "none",
		"network/agree.next":              "typed",
		"network/agree.timestamp":         l.agreed.UTC().Format(time.RFC3339),
		"network/agree.card":              "settle",
		"network/snapshot.source":         "app",
		"network/app-values.charts":       "record",
	} {
		answers[name] = answer
	}
	return l.file(t, o, "answers.yaml", answers)
}

// cleanUpAnswers are those of the clean-up, days later.
func (l *lostNetwork) cleanUpAnswers(t *testing.T, o *operator) string {
	t.Helper()
	answers := l.onCall("network-clean-up/decided.")
	answers["network-clean-up/decided.legacy"], answers["network-clean-up/values.charts"] = "drop", "record"
	return l.file(t, o, "clean-up.yaml", answers)
}

// onCall are answers to the questions who decided something, where and when.
func (l *lostNetwork) onCall(steps ...string) map[string]any {
	all := map[string]any{}
	for _, step := range steps {
		all[step+"who"], all[step+"where"], all[step+"when"] = "alice of SV-01, for all SVs", "the incident call", "default"
	}
	return all
}

func (l *lostNetwork) file(t *testing.T, o *operator, name string, answers map[string]any) string {
	t.Helper()
	b, err := yaml.Marshal(map[string]any{"confirm": true, "word": "testnet/Acme-SV", "answers": answers})
	must(t, err)
	path := filepath.Join(o.home, name)
	must(t, os.WriteFile(path, b, 0o600))
	return path
}

// insists goes on against advice.
func insists(why string) map[string]string { return map[string]string{"choice": "accept", "text": why} }

// watchArguments looks at what all processes were started with, until it is ended: none must hold a private key.
func (l *lostNetwork) watchArguments(t *testing.T) (end func()) {
	t.Helper()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, line := range lines {
				if b, _ := os.ReadFile(line); bytes.Contains(b, []byte(l.private)) {
					t.Errorf("%s holds a private key of the dump", line)
					return
				}
			}
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
			}
		}
	}()
	return func() { close(stop); <-done }
}

// expectKeysKept says that the private keys of the dump are in the artifacts that need them and nowhere else in what a run keeps and says.
func (l *lostNetwork) expectKeysKept(t *testing.T, folder string, said ...result) {
	t.Helper()
	may := map[string]bool{"artifacts/identities.json": true, "artifacts/domain_migration_dump.json": true, "artifacts/identities-after.json": true}
	with := 0
	must(t, filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		if !bytes.Contains(b, []byte(l.private)) {
			return err
		}
		with++
		if name, _ := filepath.Rel(folder, path); !may[name] {
			t.Errorf("%s holds a private key of the dump", name)
		}
		return err
	}))
	if with != len(may) {
		t.Errorf("%d files of the run hold the private keys, want %d", with, len(may))
	}
	for _, r := range said {
		if strings.Contains(r.String(), l.private) {
			t.Error("a private key was printed")
		}
	}
}
