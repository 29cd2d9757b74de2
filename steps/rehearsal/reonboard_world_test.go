package rehearsal

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/kube"
	helm "canton.example/svrescue/kube/release"
	cluster "canton.example/svrescue/kube/sim"
	pg "canton.example/svrescue/steps/postgres/sim"
	"canton.example/svrescue/svapp"
	"canton.example/svrescue/svapp/dump"
	"canton.example/svrescue/svapp/sim"
)

// install puts a release of a stand-in chart into the world, as Helm would.
func (r *rig) install(ns, name, chart, values string) {
	r.t.Helper()
	all, err := helm.Charts(r.hints.Charts)
	if err != nil {
		r.t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(c helm.Chart) bool { return c.Name == chart })
	if i < 0 {
		r.t.Fatalf("no chart %s in %v", chart, all)
	}
	v, err := helm.ReadValues([]byte(values))
	if err != nil {
		r.t.Fatal(err)
	}
	offers, err := r.cluster().Offers(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	made, err := all[i].Render(r.t.Context(), name, ns, v, offers)
	if err != nil {
		r.t.Fatal(err)
	}
	objects, err := made.Objects()
	if err != nil {
		r.t.Fatal(err)
	}
	for _, o := range objects {
		text, err := o.YAML()
		if err != nil {
			r.t.Fatal(err)
		}
		if err := r.world.LoadYAML(text); err != nil {
			r.t.Fatal(err)
		}
	}
}

// bareDump is what the Secret participant-bootstrap-dump holds: the participant's part of the operator's backup.
func (r *rig) bareDump() []byte {
	r.t.Helper()
	file, err := os.Open(filepath.Join(r.hints.Identities[0], IdentitiesFile))
	if err != nil {
		r.t.Fatal(err)
	}
	defer file.Close()
	bare, err := dump.Extract(file, dump.SVDump)
	if err != nil {
		r.t.Fatal(err)
	}
	return bare
}

// validator installs the recovery validator under an identifier, on a server of that name.
func (r *rig) validator(server, identifier string) {
	r.t.Helper()
	if err := r.world.LoadYAML([]byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: validator}\n")); err != nil {
		r.t.Fatal(err)
	}
	time.Sleep(5 * time.Minute) // until the colleague has made the Secrets
	if err := r.world.LoadYAML(fmt.Appendf(nil, "apiVersion: v1\nkind: Secret\nmetadata: {name: participant-bootstrap-dump, namespace: validator}\nstringData: {content: %q}\n", r.bareDump())); err != nil {
		r.t.Fatal(err)
	}
	r.install("validator", server, "splice-postgres", "db: {volumeSize: 50Gi}\npersistence: {secretName: postgres-secrets}\n")
	r.until("validator", server, time.Minute)
	r.install("validator", "participant", "splice-participant", fmt.Sprintf("persistence: {host: %s, secretName: postgres-secrets, databaseName: participant_0}\n"+
		"participantAdminUserNameFrom: {secretKeyRef: {name: splice-app-validator-ledger-api-auth, key: ledger-api-user}}\nadditionalEnvVars: [{name: A, value: \"1\"}, {name: B, value: \"2\"}]\n", server))
	r.until("validator", "participant", time.Minute)
	r.install("validator", "validator", "splice-validator", fmt.Sprintf("persistence: {host: %s, secretName: postgres-secrets}\nvalidatorPartyHint: %s\nnodeIdentifier: %[3]s\nmigrateValidatorParty: true\n"+
		"participantIdentitiesDumpImport: {secretName: participant-bootstrap-dump, newParticipantIdentifier: %[3]s}\nvalidatorWalletUsers: [\"auth0|example\"]\n", server, svName, identifier))
}

// fresh installs the fresh SV in its namespace.
func (r *rig) fresh() {
	r.t.Helper()
	for _, name := range []string{"sequencer-pg", "mediator-pg", "participant-pg", "apps-pg"} {
		r.install(freshNamespace, name, "splice-postgres", "")
	}
	time.Sleep(time.Minute)
	for _, one := range [][2]string{{"global-domain-0-cometbft", "splice-cometbft"}, {"global-domain-0", "splice-global-domain"}, {"participant", "splice-participant"}} {
		r.install(freshNamespace, one[0], one[1], "")
	}
	r.until(freshNamespace, "participant", time.Minute)
	for _, one := range [][2]string{{"sv", "splice-sv-node"}, {"scan", "splice-scan"}} {
		r.install(freshNamespace, one[0], one[1], "onboardingName: "+svName+"\n")
	}
	r.until(freshNamespace, "sv-app", time.Hour)
	r.install(freshNamespace, "validator", "splice-validator", "svValidator: true\n")
	r.until(freshNamespace, "validator-app", 10*time.Minute)
}

// is says whether a workload is ready.
func (r *rig) is(ns, app string) bool {
	pods, err := r.cluster().Pods(r.t.Context(), ns, "app="+app)
	return err == nil && len(pods) == 1 && pods[0].Ready
}

func (r *rig) until(ns, app string, within time.Duration) {
	r.t.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(time.Second) {
		if r.is(ns, app) {
			return
		}
	}
	r.t.Fatalf("%s/%s is not ready within %v: %s", ns, app, within, r.log(ns, app))
}

// log is what the container of an app has said in its last runs.
func (r *rig) log(ns, app string) string {
	r.t.Helper()
	pods, err := r.cluster().Pods(r.t.Context(), ns, "app="+app)
	if err != nil || len(pods) != 1 {
		r.t.Fatal(pods, err)
	}
	now, err := r.cluster().Logs(r.t.Context(), ns, pods[0].Name, kube.LogOptions{})
	if err != nil {
		r.t.Fatal(err)
	}
	before, err := r.cluster().Logs(r.t.Context(), ns, pods[0].Name, kube.LogOptions{Previous: true})
	if err != nil {
		before = ""
	}
	return before + now
}

// settings reach the app of a pod through the world, with the validator's own user.
func (r *rig) settings(ns, app string, port int) svapp.Settings {
	r.t.Helper()
	tokens, err := svapp.TokenFrom("the test", strings.NewReader(validatorToken()))
	if err != nil {
		r.t.Fatal(err)
	}
	return svapp.Settings{Tokens: tokens, Way: svapp.Tunnel(ns+"/"+app, app, func(ctx context.Context) (net.Conn, error) {
		c := r.cluster()
		pods, err := c.Pods(ctx, ns, "app="+app)
		if err != nil || len(pods) != 1 {
			return nil, errors.Join(errors.New("no pod"), err)
		}
		return c.Hands(kube.AccessTunnel(ns, pods[0].Name), false).Tunnel(ctx, ns, pods[0].Name, port)
	})}
}

func (r *rig) wallet(ns string) (*svapp.Validator, *svapp.Payer) {
	r.t.Helper()
	v, err := svapp.NewValidator(r.settings(ns, "validator-app", walletPort))
	if err != nil {
		r.t.Fatal(err)
	}
	p, err := svapp.NewPayer(r.settings(ns, "validator-app", walletPort))
	if err != nil {
		r.t.Fatal(err)
	}
	return v, p
}

// scan is that of a peer, as a pod of the cluster reaches it; nil where it does not answer.
func (r *rig) scan(i int) *svapp.Scan {
	r.t.Helper()
	h := r.pods.peer(hostOfPeer(i))
	if h == nil {
		return nil
	}
	s, err := svapp.NewScan(svapp.Settings{Way: svapp.Tunnel(nameOfPeer(i), hostOfPeer(i), func(context.Context) (net.Conn, error) { return serveHTTP(context.Background(), h), nil })})
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// voted lets the others hear of what is asked of them, and vote.
func (r *rig) voted() {
	r.t.Helper()
	if _, err := r.scan(1).OpenVotes(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	time.Sleep(time.Hour)
}

func (r *rig) membership(i int, party string) svapp.Membership {
	r.t.Helper()
	d, err := r.scan(i).DSO(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return d.Membership(party)
}

// Every world of a re-onboarding can be built, and its files are what an operator would have.
func TestReonboardWorlds(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range reonboardScenarios() {
		if seen[s.ID] || s.Teaches == "" || s.Title == "" || s.Expect == "" {
			t.Errorf("%+v", s)
		}
		seen[s.ID] = true
		t.Run(s.ID, func(t *testing.T) {
			inScenario(t, s, nil, func(t *testing.T, r *rig) {
				file, err := os.Open(filepath.Join(r.hints.Identities[0], IdentitiesFile))
				if err != nil {
					t.Fatal(err)
				}
				defer file.Close()
				i, err := dump.Read(file)
				if err != nil || i.Problem() != "" || i.Shape != dump.SVDump || !i.Whole() {
					t.Errorf("%s, %v", i.Problem(), err)
				}
				if own := i.Owner(lost().party()); own == (s.ID == "reonboard-foreign-identities") {
					t.Error("whose identities:", i.Party)
				}
				if !slices.ContainsFunc(i.Participant.Keys, func(k dump.Key) bool {
					if s.ID == keysInKMS().ID {
						return k.Remote != "" && k.Namespace()
					}
					return k.Proven && k.Fingerprint == i.Namespace()
				}) {
					t.Errorf("no key is proven to be the namespace's: %+v", i.Participant.Keys)
				}
				if r.membership(1, lost().party()) != svapp.IsSV || r.scan(0) != nil {
					t.Error("the scans of the others")
				}
				h, found, err := r.scan(1).HoldingsSummary(t.Context(), 0, time.Now(), lost().party())
				if one, _ := h.Of(lost().party()); err != nil || !found || one.Total != lostTotal || one.Locked != lostLocked {
					t.Error(h, err)
				}
				time.Sleep(time.Minute)
				if r.is(namespace, "participant-pg") || r.is(namespace, "participant") {
					t.Error("the lost node runs", r.is(namespace, "participant-pg"), r.log(namespace, "participant"))
				}
				if err := r.pods.tenants.books.Check(); err != nil {
					t.Error(err)
				}
			})
		})
	}
	if len(seen) < 8 {
		t.Errorf("%d scenarios", len(seen))
	}
}

// The whole way by hand: votes, the recovery validator, the fresh SV under the old name, a transfer. Kubernetes and the ledger tell one story.
func TestReonboardWorldGoesThrough(t *testing.T) {
	inScenario(t, reonboardClean(), nil, func(t *testing.T, r *rig) {
		ctx, old := t.Context(), lost()
		if early, err := r.scan(1).OpenVotes(ctx); err != nil || len(early) != 0 {
			t.Fatal(early, err) // the others hear of it by this question
		}
		time.Sleep(voteOpens + 2*voteEach)
		votes, err := r.scan(1).OpenVotes(ctx)
		if err != nil || len(votes) != 1 || votes[0].Offboards != old.party() || len(votes[0].Cast) == 0 {
			t.Fatal(votes, err)
		}
		time.Sleep(time.Hour)
		for i, want := range map[int]svapp.Membership{1: svapp.Offboarded, 9: svapp.Offboarded, 10: svapp.IsSV, 11: svapp.IsSV} { // 10 lies, 11 is behind
			if got := r.membership(i, old.party()); got != want {
				t.Errorf("scan %d: %s", i, got)
			}
		}
		r.validator("postgres", "recovery-1")
		time.Sleep(time.Minute)
		v, _ := r.wallet("validator")
		if u, found, err := v.WalletUser(ctx); err != nil || !found || u.Installed {
			t.Errorf("during the import: %+v, %v", u, err)
		}
		if r.is("validator", "validator-app") {
			t.Error("ready before its contracts are there")
		}
		r.until("validator", "validator-app", 5*time.Minute)
		from, pay := r.wallet("validator")
		b, _, err := from.Balance(ctx)
		if err != nil || b.EffectiveUnlocked != "9007199254740992.9000000001" || b.EffectiveLocked != lostLocked {
			t.Fatal(b, err)
		}
		if who, _, err := r.scan(1).ParticipantOf(ctx, syncID, old.party()); err != nil || who != "PAR::recovery-1::"+old.fingerprint() {
			t.Error(who, err)
		}
		if log := r.log("validator", "validator-app"); !strings.Contains(log, "AuthorizedStore snapshot is imported") {
			t.Error(log)
		}
		r.fresh()
		to, take := r.wallet(freshNamespace)
		u, found, err := to.WalletUser(ctx)
		if err != nil || !found || !u.Installed || !strings.HasPrefix(u.Party, svName+"::1220") || u.Party == old.party() {
			t.Fatalf("%+v, %v", u, err)
		}
		if r.membership(1, u.Party) != svapp.IsSV || r.membership(1, old.party()) != svapp.Offboarded {
			t.Error("who is an SV")
		}
		id, err := pay.Offer(ctx, svapp.Payment{Receiver: u.Party, Amount: "9007199254740992.0", Description: "SV recovery", Expires: time.Now().Add(time.Hour), TrackingID: "t-1"})
		if err != nil {
			t.Fatal(err)
		}
		if err := take.AcceptOffer(ctx, id); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if s, _, err := from.OfferState(ctx, "t-1"); err != nil || s.Status != "completed" {
			t.Error(s, err)
		}
		if b, _, err := to.Balance(ctx); err != nil || b.EffectiveUnlocked != "9007199254740992.0000000000" {
			t.Error(b, err)
		}
		if err := r.pods.tenants.books.Check(); err != nil || r.pods.tenants.books.Created()["t-1"] != 1 {
			t.Error(err)
		}
		world := settled(t, r).(map[string]any)
		if l, _ := world["ledger"].(map[string]any); l == nil || l["transfers"].(map[string]any)["t-1"].(map[string]any)["state"] != "completed" {
			t.Errorf("%v", world["ledger"])
		}
	})
}

// A recovery validator whose pod goes before an accepted offer is completed leaves it accepted, and goes on when it is back.
func TestValidatorGoesBeforeCompletion(t *testing.T) {
	inScenario(t, reonboardClean(), nil, func(t *testing.T, r *rig) {
		ctx := t.Context()
		r.voted()
		r.validator("postgres", "recovery-1")
		r.until("validator", "validator-app", 5*time.Minute)
		r.fresh()
		_, pay := r.wallet("validator")
		to, take := r.wallet(freshNamespace)
		u, _, err := to.WalletUser(ctx)
		if err != nil {
			t.Fatal(err)
		}
		id, err := pay.Offer(ctx, svapp.Payment{Receiver: u.Party, Amount: "1.0", Description: "test", Expires: time.Now().Add(time.Hour), TrackingID: "t-1"})
		if err != nil {
			t.Fatal(err)
		}
		if err := take.AcceptOffer(ctx, id); err != nil {
			t.Fatal(err)
		}
		e := Elsewhere{Cluster: r.cluster(), Namespace: "validator"}
		w, _, err := e.Cluster.Workload(ctx, kube.Deployment, "validator", "validator-app")
		if err != nil {
			t.Fatal(err)
		}
		if err := scale(ctx, e, w, 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		if b, _, err := to.Balance(ctx); err != nil || b.EffectiveUnlocked != "0.0000000000" {
			t.Error(b, err)
		}
		w, _, err = e.Cluster.Workload(ctx, kube.Deployment, "validator", "validator-app")
		if err != nil {
			t.Fatal(err)
		}
		if err := scale(ctx, e, w, 1); err != nil {
			t.Fatal(err)
		}
		r.until("validator", "validator-app", 10*time.Minute)
		time.Sleep(time.Minute)
		from, _ := r.wallet("validator")
		if s, _, err := from.OfferState(ctx, "t-1"); err != nil || s.Status != "completed" {
			t.Error(s, err)
		}
	})
}

// The ways in which an import fails show where the documentation says that they show (reference/deployment.md 9.5).
func TestFailedImports(t *testing.T) {
	t.Run("ACS_COMMITMENT_MISMATCH", func(t *testing.T) {
		inScenario(t, importMismatch(), nil, func(t *testing.T, r *rig) {
			r.voted()
			r.validator("postgres", "recovery-1")
			time.Sleep(6 * time.Minute)
			if log := r.log("validator", "validator-app"); r.is("validator", "validator-app") || !strings.Contains(log, "Unknown secret") || !strings.Contains(log, "ValidatorLicense not found") {
				t.Error(log)
			}
			if log := r.log("validator", "participant"); !strings.Contains(log, ACSMismatch) {
				t.Error(log)
			}
			shown := r.pods.tenants.databases(cluster.Pod{Namespace: "validator", Owner: "postgres"}, "", func() pg.State { return pg.Fresh(postgresVersion, "cnadmin", "", "cantonnet") })
			if !strings.Contains(shown, `"participant_0":{"role":"participant"`) || !strings.Contains(shown, `"participant":"recovery-1::`) {
				t.Error("the server does not show the participant's database:", shown)
			}
			// The same database does not take another identity; a new one does, and there the import goes through.
			r.validator("postgres", "recovery-2")
			time.Sleep(6 * time.Minute)
			if log := r.log("validator", "validator-app"); r.is("validator", "validator-app") || !strings.Contains(log, "Node has ID PAR::recovery-1") {
				t.Error(log)
			}
			r.validator("postgres-2", "recovery-2")
			time.Sleep(20 * time.Minute)
			r.until("validator", "validator-app", 5*time.Minute)
			v, _ := r.wallet("validator")
			if b, found, err := v.Balance(t.Context()); err != nil || !found || b.EffectiveLocked != lostLocked {
				t.Error(b, found, err)
			}
		})
	})
	for fails, shows := range map[string][2]string{
		MissingAuthorizers: {"participant", "Missing authorizers: ReferencedAuthorizations(extraKeys"},
		NotMigrated:        {"validator-app", "was not migrated"},
	} {
		t.Run(fails, func(t *testing.T) {
			s := reonboardClean()
			s.Books.Import = Import{Fails: fails}
			inScenario(t, s, nil, func(t *testing.T, r *rig) {
				r.voted()
				r.validator("postgres", "recovery-1")
				time.Sleep(6 * time.Minute)
				if log := r.log("validator", shows[0]); !strings.Contains(log, shows[1]) {
					t.Error(log)
				}
				if ready := r.is("validator", "validator-app"); ready != (fails == NotMigrated) {
					t.Error("ready:", ready)
				}
				v, _ := r.wallet("validator")
				if _, found, err := v.Balance(t.Context()); found || err != nil {
					t.Error("it has the money all the same", err)
				}
			})
		})
	}
	t.Run("keys in a KMS that the values do not have", func(t *testing.T) {
		inScenario(t, keysInKMS(), nil, func(t *testing.T, r *rig) {
			r.voted()
			r.validator("postgres", "recovery-1")
			time.Sleep(6 * time.Minute)
			if log := r.log("validator", "validator-app"); r.is("validator", "validator-app") || !strings.Contains(log, "the participant has no KMS") {
				t.Error(log)
			}
		})
	})
	t.Run("identities of another SV", func(t *testing.T) {
		inScenario(t, foreignIdentities(), nil, func(t *testing.T, r *rig) {
			r.voted()
			r.validator("postgres", "recovery-1")
			r.until("validator", "validator-app", 10*time.Minute)
			v, _ := r.wallet("validator")
			u, _, err := v.WalletUser(t.Context())
			if err != nil || u.Party != svName+"::"+holderOf(nameOfPeer(4)).fingerprint() {
				t.Error(u, err)
			}
			if b, _, err := v.Balance(t.Context()); err != nil || b.EffectiveUnlocked != "0.0000000000" {
				t.Error(b, err)
			}
		})
	})
}

// Votes go as the scenarios say.
func TestReonboardVotes(t *testing.T) {
	for id, c := range map[string]struct {
		in      func() Scenario
		after   time.Duration
		outcome []string
		ends    svapp.Membership
	}{
		"rejected": {voteRejected, time.Hour, []string{"VRO_Rejected"}, svapp.IsSV},
		"expired":  {voteExpires, 3 * time.Hour, []string{"VRO_Accepted", "VRO_Expired"}, svapp.Offboarded},
	} {
		t.Run(id, func(t *testing.T) {
			inScenario(t, c.in(), nil, func(t *testing.T, r *rig) {
				if _, err := r.scan(1).OpenVotes(t.Context()); err != nil {
					t.Fatal(err) // the others hear of it by this question
				}
				time.Sleep(c.after)
				closed, err := r.scan(1).ClosedVotes(t.Context(), "SRARC_OffboardSv", 10)
				if err != nil {
					t.Fatal(err)
				}
				var outcomes []string
				for _, v := range closed {
					outcomes = append(outcomes, v.Outcome)
				}
				if !slices.Equal(outcomes, c.outcome) || r.membership(1, lost().party()) != c.ends {
					t.Error(outcomes, r.membership(1, lost().party()))
				}
			})
		})
	}
}

// What is lost on the way is not made twice: the knobs of the scenarios about money.
func TestReonboardFaults(t *testing.T) {
	for _, s := range []Scenario{answerLost(), operatorMachineLost()} {
		t.Run(s.ID, func(t *testing.T) {
			inScenario(t, s, nil, func(t *testing.T, r *rig) {
				r.voted()
				r.validator("postgres", "recovery-1")
				r.until("validator", "validator-app", 5*time.Minute)
				_, pay := r.wallet("validator")
				p := svapp.Payment{Receiver: holderOf(nameOfPeer(0)).party(), Amount: "1.0", Description: "test", Expires: time.Now().Add(time.Hour), TrackingID: "t-1"}
				if _, err := pay.Offer(t.Context(), p); svapp.KindOf(err) != svapp.Unreachable {
					t.Fatal(err)
				}
				_, pay = r.wallet("validator")
				if _, err := pay.Offer(t.Context(), p); err == nil || r.pods.tenants.books.Created()["t-1"] != 1 {
					t.Error(err, r.pods.tenants.books.Created())
				}
			})
		})
	}
	inScenario(t, offerExpires(), nil, func(t *testing.T, r *rig) {
		books := r.pods.tenants.books
		app := sim.App{Base: sim.Validator, ID: "v", Version: "0.6.4", Ledger: books, Operator: "u", Purse: func(string) *sim.Purse { return &sim.Purse{Party: lost().party()} }}
		v, err := svapp.NewValidator(svapp.Settings{Tokens: r.settings("", "", 0).Tokens, Way: svapp.Tunnel("t", "t", func(context.Context) (net.Conn, error) { return serveHTTP(context.Background(), app.Handler()), nil })})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(24 * time.Hour)
		if b, _, err := v.Balance(t.Context()); err != nil || b.HoldingFees == "0.0000000000" || b.EffectiveUnlocked == "9007199254740992.9000000001" {
			t.Error("no fees:", b, err)
		}
	})
}
