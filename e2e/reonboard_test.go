//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"canton.example/svrescue/e2e/rig"
)

// TestReonboard replaces a lost SV without a terminal, from the first question to the last payment: nobody is asked but for the end of the receiver's
// party, which nobody knows before the fresh SV is there.
func TestReonboard(t *testing.T) {
	t.Parallel()
	binary(t)
	ctx := within(t, 12*time.Minute)
	took := stopwatch(t)
	o := newOperator(t, rig.Start(t), "")
	r := replace(t, ctx, "reo", o.home)
	o.namespace = r.node.Namespace
	took("lost")
	arguments := r.watchArguments(t)
	begun := r.until(t, ctx, o)
	took("fresh SV")
	end := o.plain(ctx, "resume", o.runID(), "--answers", r.file(t, o))
	o.expect(end, exitDone, "resume with the receiver's end")
	arguments()
	took("paid")
	r.expectPaid(t, ctx)
	r.expectInstalled(t, ctx, o)
	r.expectWhole(t, ctx, o)
	folder, _ := o.folder()
	expectPrivate(t, folder)
	report := o.plain(ctx, "report", o.runID())
	o.expect(report, exitDone, "report")
	r.expectQuiet(t, folder, begun, end, report)
}

// expectInstalled is what Helm and the Secrets must say: the releases are deployed, the Secret for the import holds the bare dump and nothing else,
// and those that the operator has made are as they were.
func (r *replaced) expectInstalled(t *testing.T, ctx context.Context, o *operator) {
	t.Helper()
	want := map[string][]string{
		r.validator: {"participant", "postgres", "validator"},
		r.fresh:     {"apps-pg", "global-domain-0", "global-domain-0-cometbft", "info", "mediator-pg", "participant", "participant-pg", "scan", "sequencer-pg", "sv", "validator"},
	}
	for namespace, names := range want {
		if got := r.deployed(t, namespace); !slices.Equal(got, names) {
			t.Errorf("Helm has %v in %s, want %v", got, namespace, names)
		}
	}
	folder, _ := o.folder()
	bare, err := os.ReadFile(filepath.Join(folder, "artifacts", "dump_identities.json"))
	must(t, err)
	dump, err := r.cluster.Kube.CoreV1().Secrets(r.validator).Get(ctx, "participant-bootstrap-dump", metav1.GetOptions{})
	must(t, err)
	if !bytes.Equal(dump.Data["content"], bare) || len(dump.Data) != 1 || !bytes.Contains(bare, []byte(r.secret["private key of the dump"])) {
		t.Errorf("Secret participant-bootstrap-dump has %d values, and its content of %d bytes is not the bare dump of %d bytes", len(dump.Data), len(dump.Data["content"]), len(bare))
	}
	for name, keys := range map[string]map[string]string{"postgres-secrets": {"postgresPassword": r.secret["database password"]}, "splice-app-validator-ledger-api-auth": {"client-secret": r.secret["client secret"]},
		"splice-app-wallet-ui-auth": {"client-id": "invented-ui"}, "splice-app-cns-ui-auth": {"client-id": "invented-ui"}} {
		s, err := r.cluster.Kube.CoreV1().Secrets(r.validator).Get(ctx, name, metav1.GetOptions{})
		must(t, err)
		for key, value := range keys {
			if string(s.Data[key]) != value {
				t.Errorf("Secret %s has another value for %s than the operator gave it", name, key)
			}
		}
	}
	helm, err := exec.LookPath("helm")
	if err != nil {
		t.Log("there is no helm on this machine: what it would list was read with its library alone")
		return
	}
	for _, verb := range [][]string{{"list", "--deployed", "--short"}, {"status", "validator"}, {"get", "manifest", "validator"}, {"get", "values", "validator"}} {
		cmd := exec.CommandContext(ctx, helm, append(verb, "-n", r.validator, "--kubeconfig", r.cluster.Kubeconfig)...)
		out, err := cmd.CombinedOutput()
		if err != nil || verb[0] == "list" && string(bytes.TrimSpace(out)) != "participant\npostgres\nvalidator" {
			t.Errorf("helm %v: %v\n%s", verb, err, out)
		}
	}
}

// expectWhole asks the recovery validator's participant to become another one: its database says who it is, and it refuses. The same again is no
// other one.
func (r *replaced) expectWhole(t *testing.T, ctx context.Context, o *operator) {
	t.Helper()
	folder, _ := o.folder()
	bare, err := os.ReadFile(filepath.Join(folder, "artifacts", "dump_identities.json"))
	must(t, err)
	wrapped, _, err := r.network.Place.Identities()
	must(t, err)
	for _, c := range []struct {
		dump       []byte
		identifier string
		code       int
	}{{bare, r.answers["reonboard/validator-values.identifier"], 200}, {bare, "another", 409}, {wrapped, r.answers["reonboard/validator-values.identifier"], 409}} {
		body, err := json.Marshal(map[string]string{"Dump": string(c.dump), "Identifier": c.identifier})
		must(t, err)
		err = r.cluster.Kube.CoreV1().RESTClient().Post().Namespace(r.validator).Resource("services").Name("http:participant:json").SubResource("proxy").Suffix("standin/bootstrap").Body(body).Do(ctx).Error()
		code := 200
		if status := apierrors.APIStatus(nil); errors.As(err, &status) {
			code = int(status.Status().Code)
		}
		if code != c.code {
			t.Errorf("the participant answers %d, want %d, to a dump of %d bytes under the identifier %s: %v", code, c.code, len(c.dump), c.identifier, err)
		}
	}
}

// TestReonboardCarried goes on by keyboard from the plan of the payments, and kills the worker in the middle of the big one: the ledger has taken it,
// and the answer is on its way. Then the run is carried to another machine, which has none of the first one's files, and goes on there, by
// keyboard again. It is paid once.
func TestReonboardCarried(t *testing.T) {
	t.Parallel()
	binary(t)
	ctx := within(t, 12*time.Minute)
	took := stopwatch(t)
	here := newOperator(t, rig.Start(t), "")
	r := replace(t, ctx, "carry", here.home)
	here.namespace = r.node.Namespace
	took("lost")
	typed := r.beforePlan()
	r.until(t, ctx, here)
	took("fresh SV")
	r.dieAtPayment(t, ctx, here, typed)
	took("killed")
	there := r.carry(t, ctx, here)
	r.acceptByKeyboard(t, ctx, there)
	took("paid")
	r.expectPaid(t, ctx)
	folder, _ := there.folder()
	expectPrivate(t, folder)
	r.expectQuiet(t, folder)
	if _, err := os.Stat(filepath.Join(folder, "artifacts", "dump_identities.json")); !os.IsNotExist(err) {
		t.Errorf("the dump with the keys was carried: %v", err)
	}
}

// dieAtPayment goes on by keyboard until the ledger has made the second payment and its answer is held back. Then the worker is killed: nothing in
// the journal says what came of the payment.
func (r *replaced) dieAtPayment(t *testing.T, ctx context.Context, o *operator, typed map[string]string) {
	t.Helper()
	must(t, r.network.Do(ctx, "hold", map[string]string{"skip": "1"}))
	p := r.atKeyboard(t, o, paymentScreens)
	working, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		pressed, err := p.Operate(working, r.payByKeyboard(typed))
		ended <- fmt.Errorf("pressed %q: %w", pressed, err)
	}()
	err := rig.Poll(ctx, "the second payment is not made", func(ctx context.Context) (bool, error) {
		select {
		case err := <-ended:
			t.Fatalf("%v\n%s", err, o.workerLog())
		default:
		}
		told, err := r.network.Told(ctx)
		return told.Holds, err
	})
	folder, _ := o.folder()
	if err == nil {
		err = killWorker(folder)
	}
	stop()
	what := <-ended
	if err != nil {
		t.Fatalf("%v\n%v\n%s", err, what, o.workerLog())
	}
	t.Log(what)
	p.expectSeen(t)
	p.Close()
	if made := r.told(t, ctx).Created; len(made) != 2 {
		t.Fatalf("made were %v", made)
	}
	must(t, r.network.Do(ctx, "release", nil))
}

// carry takes the run of one machine to another one. The first is gone then, with all that it had.
func (r *replaced) carry(t *testing.T, ctx context.Context, from *operator) *operator {
	t.Helper()
	to := newOperator(t, r.cluster, r.node.Namespace)
	file := filepath.Join(to.home, "run.tar.gz")
	run := func(o *operator, args ...string) {
		t.Helper()
		out, err := o.plainCommand(ctx, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		r.expectQuiet(t, filepath.Join(o.home, "state"), result{stdout: string(out)})
	}
	run(from, "runs", "export", from.runID(), "-o", file)
	for _, had := range []string{"identities.json", "values", "charts", "state", "run"} {
		must(t, os.RemoveAll(filepath.Join(from.home, had)))
	}
	run(to, "runs", "import", file)
	must(t, os.Remove(file))
	return to
}

// acceptByKeyboard takes the run up and brings it to its end.
func (r *replaced) acceptByKeyboard(t *testing.T, ctx context.Context, o *operator) {
	t.Helper()
	p := r.atKeyboard(t, o, acceptScreens)
	pressed, err := p.Operate(ctx, r.payByKeyboard(nil))
	if err != nil {
		t.Fatalf("%v\n%q\n%s", err, pressed, o.workerLog())
	}
	t.Log(pressed)
	if code, err := p.Wait(ctx); err != nil || code != exitDone {
		t.Errorf("the program ended with %d, %v", code, err)
	}
	p.expectSeen(t)
}
