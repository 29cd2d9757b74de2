//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	helm "helm.sh/helm/v4/pkg/release"
	release "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"canton.example/svrescue/e2e/node"
	"canton.example/svrescue/e2e/rig"
	"canton.example/svrescue/steps/rehearsal"
)

// replaced is an SV whose participant's data is lost, the network that it was an SV of, and what its operator has: an identities backup, values
// files, charts, and two namespaces with the Secrets of a recovery validator and of a fresh SV.
type replaced struct {
	*scene
	network          *node.Network
	validator, fresh string            // namespaces
	answers          map[string]string // to what only a person knows
	secret           map[string]string // texts that must be nowhere, by what they are
}

// pace is how many times faster than in a rehearsal the network acts: an import takes ten seconds, and a snapshot is taken twice in a minute.
const pace = 60

// replace sets the scene, and writes what the operator has below home.
func replace(t *testing.T, ctx context.Context, prefix, home string) *replaced {
	t.Helper()
	cluster := rig.Start(t)
	r := &replaced{secret: map[string]string{}}
	space := cluster.Namespace(t, prefix+"-net")
	sv := "SV-" + space
	var err error
	r.network, err = node.StartNetwork(ctx, cluster, space, sv, pace)
	must(t, err)
	lost := r.network.Place.Lost()
	r.scene = stage(t, ctx, node.Config{Namespace: prefix, SV: sv, Key: lost[strings.Index(lost, "::")+2:], Ledger: r.network.Host(), Rows: 100})
	must(t, r.node.LoseParticipant(ctx))

	identities, values, charts := filepath.Join(home, "identities.json"), filepath.Join(home, "values"), filepath.Join(home, "charts")
	backup, private, err := r.network.Place.Identities()
	must(t, err)
	must(t, os.WriteFile(identities, backup, 0o600))
	must(t, r.network.SaveFor(values, charts, r.node.Release))
	r.secret["private key of the dump"] = private

	r.validator, r.fresh = cluster.Namespace(t, prefix+"-val"), cluster.Namespace(t, prefix+"-new")
	r.secrets(t, ctx)
	var scans []string
	for i := 2; i <= 5; i++ {
		scans = append(scans, r.network.Scan(i))
	}
	r.answers = map[string]string{
		"reonboard/peers.namespace": r.node.Namespace, "reonboard/peers.scans": strings.Join(scans, ", "), "reonboard/peers.image": "postgres:rig",
		"reonboard/lost-sv.sv": lost, "reonboard/identities.source": "file", "reonboard/identities.path": identities, "reonboard/baseline.since": "not known", "reonboard/fence.attest": word(r.node),
		"reonboard/validator-values.namespace": r.validator, "reonboard/validator-values.source": values, "reonboard/validator-values.charts": charts,
		"reonboard/validator-values.identifier": sv + "-recovery", "reonboard/validator-values.scan": "bft", "reonboard/validator-values.database": "new",
		"reonboard/validator-values.class": "rig", "reonboard/validator-values.extra": "none", "reonboard/validator-values.way": "helm",
		"reonboard/validator-balance.validator-wallet": "client",
		"reonboard/fresh-values.namespace":             r.fresh, "reonboard/fresh-values.way": "helm", "reonboard/fresh-values.source": values, "reonboard/fresh-values.charts": charts,
		"reonboard/fresh-values.sponsor": r.network.Sponsor(), "reonboard/fresh-values.approved": "yes", "reonboard/fresh-sv.fresh-wallet": "client",
		"reonboard/transfer-plan.test": "1", "reonboard/transfer-plan.fee": "1", "reonboard/transfer-plan.days": "3", "reonboard/transfer-plan.accepts": "here",
	}
	return r
}

// secrets are those that the operator makes: a recovery validator's (reference/deployment.md 9.3 and 3.7), and a fresh SV's, with the lost one's key
// and new keys of CometBFT.
func (r *replaced) secrets(t *testing.T, ctx context.Context) {
	t.Helper()
	r.secret["client secret"], r.secret["token"], r.secret["database password"] = "invented-secret-of-"+r.validator, rehearsal.Token(node.Audience), "invented-password-of-"+r.validator
	client := map[string]string{"ledger-api-user": "validator-client@clients", "url": "https://login.example.invalid/.well-known/openid-configuration", "client-id": "validator-client",
		"client-secret": r.secret["client secret"], "audience": "https://canton.network.global", "token": r.secret["token"]}
	ui := map[string]string{"url": "https://login.example.invalid", "client-id": "invented-ui"}
	for namespace, secrets := range map[string]map[string]map[string]string{
		r.validator: {"postgres-secrets": {"postgresPassword": r.secret["database password"]}, "splice-app-validator-ledger-api-auth": client, "splice-app-wallet-ui-auth": ui, "splice-app-cns-ui-auth": ui},
		r.fresh: {"splice-app-validator-ledger-api-auth": client,
			"cometbft-keys": {"node_key.json": `{"invented":"anew"}`, "priv_validator_key.json": `{"pub_key":{"type":"tendermint/PubKeyEd25519","value":"invented-anew"}}`}},
	} {
		for name, data := range secrets {
			_, err := r.cluster.Kube.CoreV1().Secrets(namespace).Create(ctx, &v1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: data}, metav1.CreateOptions{})
			must(t, err)
		}
	}
	fresh := r.node.Config
	fresh.Namespace = r.fresh
	must(t, node.New(r.cluster, fresh).Secrets(ctx))
}

// file writes the answers, with more of them as pairs.
func (r *replaced) file(t *testing.T, o *operator, more ...string) string {
	t.Helper()
	for i := 0; i < len(more); i += 2 {
		r.answers[more[i]] = more[i+1]
	}
	b, err := yaml.Marshal(map[string]any{"confirm": true, "word": word(r.node), "answers": r.answers})
	must(t, err)
	path := filepath.Join(o.home, "answers.yaml")
	must(t, os.WriteFile(path, b, 0o600))
	return path
}

// until takes the path as far as the answers go: at most to the question about the receiver, whose answer nobody knows before the fresh SV is there.
// The others propose the vote when the run waits for it.
func (r *replaced) until(t *testing.T, ctx context.Context, o *operator) result {
	t.Helper()
	voted := make(chan error, 1)
	go func() {
		voted <- rig.Poll(ctx, "the run does not wait for a vote", func(ctx context.Context) (bool, error) {
			folder, ok := o.folder()
			if !ok || !journalHas(folder, `"step":"reonboard/offboarding"`) {
				return false, nil
			}
			return true, r.network.Do(ctx, "propose", nil)
		})
	}()
	end := o.plain(ctx, "run", "reonboard", "--answers", r.file(t, o))
	o.expect(end, exitParked, "run reonboard to the receiver's end")
	o.says(end, "No answer is given for reonboard/t") // test-transfer, or transfer-plan
	must(t, <-voted)
	told := r.told(t, ctx)
	party := told.Fresh[r.fresh]
	if party == "" {
		t.Fatalf("no SV was started anew in %s: %+v", r.fresh, told)
	}
	r.answers["reonboard/test-transfer.receiver"] = party[len(party)-8:]
	return end
}

func (r *replaced) told(t *testing.T, ctx context.Context) node.Told {
	t.Helper()
	told, err := r.network.Told(ctx)
	must(t, err)
	return told
}

func journalHas(folder, text string) bool {
	b, err := os.ReadFile(filepath.Join(folder, "journal.jsonl"))
	return err == nil && bytes.Contains(b, []byte(text))
}

// plain runs a command to its end. Unlike run it asks for no plan first: this path has no answer that destroys.
func (o *operator) plain(ctx context.Context, args ...string) result {
	o.t.Helper()
	cmd := o.plainCommand(ctx, append(args, "--context", o.context, "--namespace", o.namespace)...)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		o.t.Fatalf("svrescue %s: %v\n%s", strings.Join(args, " "), err, complaints.String())
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), complaints.String()}
}

// expectPaid is what the books must say at the end: nothing was made or lost, no participant ran twice, the lost party is out and the fresh one in,
// each planned payment was made once and arrived, and what the wallet keeps for fees is left behind.
func (r *replaced) expectPaid(t *testing.T, ctx context.Context) {
	t.Helper()
	told := r.told(t, ctx)
	if told.Fault != "" || len(told.Doubles) > 0 {
		t.Errorf("the books are not sound: %s; ran twice: %v", told.Fault, told.Doubles)
	}
	lost, fresh := r.network.Place.Lost(), told.Fresh[r.fresh]
	has := func(list []string, party string) bool {
		return strings.Contains(strings.Join(list, " ")+" ", party+" ")
	}
	if !has(told.Ledger.Offboarded, lost) || has(told.Ledger.SVs, lost) || !has(told.Ledger.SVs, fresh) {
		t.Errorf("offboarded are %v, SVs are %v; lost was %s, and fresh is %s", told.Ledger.Offboarded, told.Ledger.SVs, lost, fresh)
	}
	amounts := map[string]bool{}
	for id, n := range told.Created {
		one := told.Ledger.Transfers[id]
		if n != 1 || one.State != "completed" || one.Sender != lost || one.Receiver != fresh {
			t.Errorf("transfer %s was made %d times: %+v", id, n, one)
		}
		amounts[one.Amount] = true
	}
	if len(told.Created) != 2 || !amounts["1.0000000000"] || !amounts["9007199254740989.9000000001"] {
		t.Errorf("made were %v, and planned a payment of 1 and one of all the rest but 2 for fees", told.Ledger.Transfers)
	}
	if got := told.Ledger.Owned[fresh].Unlocked; got != "9007199254740990.9000000001" {
		t.Errorf("the fresh SV owns %s", got)
	}
	if left := told.Ledger.Owned[lost]; left.Unlocked != "2.0000000000" || left.Locked != "250.5000000000" {
		t.Errorf("the lost party owns %+v", left)
	}
}

// within a run folder, the worker's log among it, a report or an answer nothing secret is; the bare dump alone holds keys.
func (r *replaced) expectQuiet(t *testing.T, folder string, said ...result) {
	t.Helper()
	look := func(where string, b []byte) {
		for what, text := range r.secret {
			if bytes.Contains(b, []byte(text)) {
				t.Errorf("%s holds the %s", where, what)
			}
		}
	}
	for _, s := range said {
		look("what was printed", []byte(s.stdout+s.stderr))
	}
	must(t, filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || d.Name() == "dump_identities.json" {
			return err
		}
		b, err := os.ReadFile(path)
		look(path, b)
		return err
	}))
}

// watchArguments looks at the arguments of all processes until it is ended: none must hold a secret. Ending it gives how often it looked.
func (r *replaced) watchArguments(t *testing.T) (end func()) {
	t.Helper()
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
			for _, line := range lines {
				b, _ := os.ReadFile(line)
				for what, text := range r.secret {
					if bytes.Contains(b, []byte(text)) {
						t.Errorf("%s holds the %s", line, what)
						return
					}
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

// deployed are the releases that Helm's own library finds in a namespace, by their names; each must be deployed, in its first version.
func (r *replaced) deployed(t *testing.T, namespace string) (names []string) {
	t.Helper()
	all, err := driver.NewSecrets(r.cluster.Kube.CoreV1().Secrets(namespace)).List(func(helm.Releaser) bool { return true })
	must(t, err)
	for _, one := range all {
		is, ok := one.(*release.Release)
		if !ok || is.Info.Status != "deployed" || is.Version != 1 || is.Namespace != namespace || is.Manifest == "" {
			t.Errorf("Helm has %+v in %s", one, namespace)
			continue
		}
		names = append(names, is.Name)
	}
	slices.Sort(names)
	return names
}
