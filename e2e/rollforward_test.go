//go:build e2e

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/e2e/rig"
)

// TestRollForward rolls a node forward to a successor synchronizer: Helm's releases, a real CometBFT that stands and a new one, real databases, and
// stand-in charts with the branches of upstream's. What each step says was rendered is what the pods were admitted with and what their processes
// have. The chart's trap is sprung first, and the run stops at it; then it goes on to the text for validators, and waits to be told that days have
// passed.
func TestRollForward(t *testing.T) {
	t.Parallel()
	binary(t)
	ctx := within(t, 15*time.Minute)
	took := stopwatch(t)
	o := newOperator(t, rig.Start(t), "")
	began := time.Now()
	r := endSynchronizer(t, ctx, o.home)
	o.namespace = r.namespace
	slow := time.Since(began) // a machine that is busy needs more time until the maximum
	took("ended")

	before := r.standing(t, ctx)
	answers := r.onTheCall(time.Minute + slow)
	trap := o.run(ctx, "run", "network-roll-forward", "--answers", r.file(t, o, "answers.yaml", answers))
	took("trapped")
	o.expect(trap, exitParked, "run network-roll-forward with joinWithKeyOnboarding left in the values")
	folder, _ := o.folder()
	revisions := successorStands()
	r.expectTrapped(t, ctx, folder, trap)
	r.expectRevisions(t, ctx, revisions)
	expectUntouched(t, before, r.standing(t, ctx), "global-domain-3-sequencer")
	r.expectSuccessor(t, ctx, folder)

	stopped := r.standing(t, ctx)
	answers["network/roll-forward/roll-forward-diff.remedy"] = "ask"
	answers["network/roll-forward/roll-forward-diff.join"] = "take-out"
	rolled := o.run(ctx, "resume", o.runID(), "--answers", r.file(t, o, "answers.yaml", answers))
	took("rolled")
	o.expect(rolled, exitParked, "resume, up to the promotion")
	revisions["sv"], revisions["scan"] = "2", "2"
	r.expectRevisions(t, ctx, revisions)
	expectUntouched(t, stopped, r.standing(t, ctx), "sv-app", "scan-app")
	r.expectRolled(t, ctx, folder)

	answers["network/roll-forward/promote-diff.when"] = "now"
	promoted := o.run(ctx, "resume", o.runID(), "--answers", r.file(t, o, "answers.yaml", answers))
	took("promoted")
	o.expect(promoted, exitParked, "resume, up to the removal of the old synchronizer")
	revisions["sv"], revisions["scan"] = "3", "3"
	r.expectRevisions(t, ctx, revisions)
	r.expectPromoted(t, ctx, folder)
	expectUntouched(t, before, r.standing(t, ctx), "global-domain-3-sequencer", "sv-app", "scan-app")
	expectPrivate(t, folder)
}

// successorStands are the revisions of all releases when the old sequencer is capped and the successor stands beside it.
func successorStands() map[string]string {
	return map[string]string{"participant-pg": "1", "sequencer-pg": "1", "participant": "1", oldComet: "1", "global-domain-3": "2", "sv": "1", "scan": "1", "validator": "1",
		newComet: "1", "global-domain-4": "1"}
}

// rollForwardKills are where the worker is killed.
var rollForwardKills = []killPoint{
	{"upgrade of the old sequencer", regexp.MustCompile(`^network/roll-forward/cap-old upgrade release`), 0},
	{"installation of the successor", regexp.MustCompile(`^network/roll-forward/deploy-successor install release global-domain-4 `), 0},
	{"upgrade of sv", regexp.MustCompile(`^network/roll-forward/roll-forward upgrade release sv `), 0},
}

// TestRollForwardKilled kills the worker in the middle of each change; the end is the same, and nothing is upgraded or installed twice.
func TestRollForwardKilled(t *testing.T) {
	t.Parallel()
	binary(t)
	ctx := within(t, 15*time.Minute)
	took := stopwatch(t)
	o := newOperator(t, rig.Start(t), "")
	began := time.Now()
	r := endSynchronizer(t, ctx, o.home)
	o.namespace = r.namespace
	slow := time.Since(began)
	took("ended")
	before := r.standing(t, ctx)
	call := r.onTheCall(time.Minute + slow)
	call["network/roll-forward/roll-forward-diff.join"] = "take-out"
	answers := r.file(t, o, "answers.yaml", call)
	rolled := o.runThroughKills(ctx, rollForwardKills, answers, "run", "network-roll-forward", "--answers", answers)
	took("rolled")
	o.expect(rolled, exitParked, "resume, up to the promotion")
	revisions := successorStands()
	revisions["sv"], revisions["scan"] = "2", "2"
	r.expectRevisions(t, ctx, revisions)
	expectUntouched(t, before, r.standing(t, ctx), "global-domain-3-sequencer", "sv-app", "scan-app")
	folder, _ := o.folder()
	r.expectSuccessor(t, ctx, folder)
	r.expectRolled(t, ctx, folder)
	expectPrivate(t, folder)
}

// expectTrapped says that the run stopped at the chart's trap, with the reason.
func (r *rolling) expectTrapped(t *testing.T, ctx context.Context, folder string, said result) {
	t.Helper()
	const why = "joinWithKeyOnboarding is in the values, and the chart takes it before rollForwardLsu"
	if f := judged(t, folder, "roll-forward-diff")["onboarding"]; f.Verdict != "violated" || !strings.Contains(f.Text, why) {
		t.Errorf("the trap is judged %+v", f)
	}
	if !strings.Contains(said.stdout+said.stderr, why) {
		t.Errorf("the reason is not said: %s", said)
	}
	if env := r.expectRunning(t, ctx, "sv")["sv-app"]; !strings.Contains(env["ADDITIONAL_CONFIG_SV_ONBOARDING"], `"join-with-key"`) {
		t.Errorf("the SV app runs with %q", env)
	}
}

// expectSuccessor says that the old sequencer has its maximum, and that the successor stands beside it, bounded, on a chain and databases of its own.
func (r *rolling) expectSuccessor(t *testing.T, ctx context.Context, folder string) {
	t.Helper()
	expectJudged(t, folder, "cap-old", "holds cap", "holds before")
	expectJudged(t, folder, "deploy-successor", "holds bounds", "holds database", "holds driver", "attention uninitialised", "attention ingress")
	expectJudged(t, folder, "wait-end", "holds maximum")
	const repair, capped, bounds = "canton.sequencers.sequencer.parameters.lsu-repair.", "ADDITIONAL_CONFIG_SEQUENCER_LSU_MAX_SEQUENCING_TIME", "ADDITIONAL_CONFIG_SEQUENCER_LSU_SEQUENCING_BOUNDS"
	env := r.expectRunning(t, ctx, "global-domain-3", "global-domain-4", newComet)
	stamp, upgrade := r.maximum.Format(time.RFC3339), r.maximum.Add(5*time.Second).Format(time.RFC3339)
	old, next := env["global-domain-3-sequencer"], env["global-domain-4-sequencer"]
	if got := old[capped]; got != repair+"global-max-sequencing-time-exclusive="+stamp {
		t.Errorf("the old sequencer runs with %q", got)
	}
	if got := next[bounds]; got != repair+"lsu-sequencing-bounds-override.lower-bound-sequencing-time-exclusive="+stamp+"\n"+repair+"lsu-sequencing-bounds-override.upgrade-time="+upgrade+"\n" {
		t.Errorf("the successor's sequencer runs with %q", got)
	}
	if next[capped] != "" || old[bounds] != "" {
		t.Errorf("the cap of the successor is %q, the bounds of the old one are %q", next[capped], old[bounds])
	}
	for _, mediator := range []string{"global-domain-3-mediator", "global-domain-4-mediator"} {
		if e := env[mediator]; e[capped] != "" || e[bounds] != "" {
			t.Errorf("%s gets what is the sequencer's: %q", mediator, e)
		}
	}
	if got := env[newComet]["STANDIN_EXTERNAL_ADDRESS"]; got != "global-domain-4-cometbft.sv.example.invalid:26456" {
		t.Errorf("the new CometBFT is reached at %q", got)
	}
	if got := env[newComet]["STANDIN_STATE_SYNC"]; got != "false" {
		t.Errorf("the new CometBFT has state sync %q", got)
	}
	var chain chainStatus
	must(t, rig.Poll(ctx, "the new chain makes no blocks", func(ctx context.Context) (bool, error) {
		err := r.ask(ctx, newComet, "status", nil, &chain)
		return chain.Sync.Height > 1, err
	}))
	if chain.Node.Network != "testnet-4" {
		t.Errorf("the new chain is %s", chain.Node.Network)
	}
	for server, want := range map[string]string{"participant-pg": "participant_3\n", "sequencer-pg": "mediator_3\nmediator_4\nsequencer_3\nsequencer_4\n"} {
		got, err := r.cluster.Exec(ctx, r.namespace, server+"-0", server, "", "psql", "-U", "cnadmin", "-d", "cantonnet", "-Atc", `SELECT datname FROM pg_database WHERE datname ~ '_[0-9]+$' ORDER BY datname`)
		must(t, err)
		if got != want {
			t.Errorf("%s has the databases\n%s\nwant\n%s", server, got, want)
		}
	}
}

// expectRolled says that the SV app has rolled forward with the values of the card, and that validators are told what is true.
func (r *rolling) expectRolled(t *testing.T, ctx context.Context, folder string) {
	t.Helper()
	expectJudged(t, folder, "roll-forward", "holds onboarding", "holds layout-sv", "holds layout-scan", "holds exports", "holds validators-follow")
	expectJudged(t, folder, "watch", "holds phases", "holds serial", "holds quorum", "holds commitments")
	expectJudged(t, folder, "validators", "attention text", "holds sequencers")
	env := r.expectRunning(t, ctx, "sv", "scan")
	sv := env["sv-app"]
	stamp := r.ended.Format(time.RFC3339Nano)
	for _, want := range []string{`type = "roll-forward-lsu"`, "new-physical-synchronizer-serial = 4\n", `new-physical-synchronizer-protocol-version = "34"`, `time = "` + stamp + `"`} {
		if !strings.Contains(sv["ADDITIONAL_CONFIG_SV_ONBOARDING"], want) {
			t.Errorf("the SV app runs without %s: %q", want, sv["ADDITIONAL_CONFIG_SV_ONBOARDING"])
		}
	}
	if strings.Contains(sv["ADDITIONAL_CONFIG_SV_ONBOARDING"], "upgrade-time") {
		t.Error("the participant is told an upgrade time that the card leaves out")
	}
	r.expectLayout(t, env)
	text, err := os.ReadFile(filepath.Join(folder, "artifacts", "validators.txt"))
	must(t, err)
	for _, want := range []string{"global-domain::1220dddddddddddd::34-4", `Endpoint("sequencer-4.beta-sv.example.invalid"`, `Endpoint("sequencer-4.acme-sv.example.invalid"`, "upgradeTime = None"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the text for validators lacks %s:\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "sequencer-3") {
		t.Errorf("an old sequencer is in the text for validators:\n%s", text)
	}
	pod, err := r.cluster.PodOf(ctx, r.namespace, "sv-app")
	must(t, err)
	if on, err := r.cluster.Exec(ctx, r.namespace, pod.Name, "sv-app", "", "ls", "/domain-upgrade-dump"); err != nil || on != "exported-by-the-stand-in.json\n" {
		t.Errorf("the SV app has exported %q, %v", on, err)
	}
}

// expectLayout says which synchronizers the apps that run know.
func (r *rolling) expectLayout(t *testing.T, env environment) {
	t.Helper()
	sv, scan := env["sv-app"], env["scan-app"]
	for name, sequencer := range map[string]string{"LEGACY": "global-domain-3-sequencer", "CURRENT": "global-domain-4-sequencer"} {
		if got := sv["ADDITIONAL_CONFIG_SV_DOMAIN_"+name]; !strings.Contains(got, sequencer) {
			t.Errorf("the SV app runs with %s %q", name, got)
		}
	}
	if !strings.Contains(sv["ADDITIONAL_CONFIG_SV_DOMAIN_CURRENT"], r.ingress) || scan["SPLICE_APP_SCAN_SEQUENCER_ADDRESS"] != "global-domain-4-sequencer" ||
		!strings.Contains(scan["ADDITIONAL_CONFIG_SYNCHRONIZER_LEGACY"], "global-domain-3-sequencer") {
		t.Errorf("the apps run with\n%q\n%q", sv, scan)
	}
}

// expectPromoted says that the apps run as they are to stay.
func (r *rolling) expectPromoted(t *testing.T, ctx context.Context, folder string) {
	t.Helper()
	expectJudged(t, folder, "promote", "holds onboarding", "holds layout-sv", "holds layout-scan", "holds validators-follow")
	env := r.expectRunning(t, ctx, "sv", "scan")
	if got := env["sv-app"]["ADDITIONAL_CONFIG_SV_ONBOARDING"]; !strings.Contains(got, `"join-with-key"`) || !strings.Contains(got, "https://sv.sv-1.example.invalid") {
		t.Errorf("the SV app runs with %q", got)
	}
	r.expectLayout(t, env)
	if ready, err := r.ready(ctx); !ready {
		t.Errorf("the run has promoted, and not all is ready: %v", err)
	}
	var old chainStatus
	must(t, r.ask(ctx, oldComet, "status", nil, &old))
	if old.Sync.Height != r.stands {
		t.Errorf("the old chain is at %d, and stood at %d", old.Sync.Height, r.stands)
	}
	if got, has := env["scan-app"]["ADDITIONAL_CONFIG_ROLL_FORWARD_LSU"]; has {
		t.Errorf("scan tells validators to follow: %q", got)
	}
}
