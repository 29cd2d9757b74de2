package rehearsal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/kube"
	helm "canton.example/svrescue/kube/release"
	cluster "canton.example/svrescue/kube/sim"
	"canton.example/svrescue/svapp"
	"canton.example/svrescue/svapp/commitment"
	"canton.example/svrescue/svapp/dump"
	"canton.example/svrescue/svapp/sim"
	"k8s.io/utils/clock"
	"sigs.k8s.io/yaml"
)

// chartsOf puts the stand-in charts of a node into a folder, by release, and answers what each renders now.
func chartsOf(t *testing.T, plan Loss) (folder string, releases []charted) {
	t.Helper()
	o := lossNode(time.Now())
	s, err := o.Scenario()
	if err != nil {
		t.Fatal(err)
	}
	if releases, _, err = chartedNode(s, plan); err != nil {
		t.Fatal(err)
	}
	folder = t.TempDir()
	for _, r := range releases {
		for name, text := range map[string]string{"Chart.yaml": "apiVersion: v2\nname: " + r.chart + "\nversion: " + lossRelease + "\n", "values.yaml": "{}\n", "templates/all.yaml": r.template} {
			if err := errors.Join(os.MkdirAll(filepath.Join(folder, r.name, "templates"), 0o700), os.WriteFile(filepath.Join(folder, r.name, name), []byte(text), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return folder, releases
}

// rendered are the objects of a chart of the folder with values.
func rendered(t *testing.T, folder, chart, name string, values map[string]any) []kube.Object {
	t.Helper()
	all, err := helm.Charts(filepath.Join(folder, chart))
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	text, err := yaml.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	v, err := helm.ReadValues(text)
	if err != nil {
		t.Fatal(err)
	}
	made, err := all[0].Render(t.Context(), name, namespace, v, kube.Offers{})
	if err != nil {
		t.Fatal(err)
	}
	objects, err := made.Objects()
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

// What the charts in Helm's records render is what runs.
func TestTheChartsOfALostNetworkRenderTheNode(t *testing.T) {
	for _, plan := range []Loss{{}, {Stuck: 3}} {
		folder, releases := chartsOf(t, plan)
		for _, r := range releases {
			now, err := kube.Objects([]byte(r.manifest))
			if err != nil {
				t.Fatal(err)
			}
			texts := map[string]string{}
			for _, o := range now {
				text, _ := o.YAML()
				texts[o.Kind()+"/"+o.Name()] = string(text)
			}
			for _, o := range rendered(t, folder, r.name, r.name, r.values) {
				text, _ := o.YAML()
				stripped, err := bare(o)
				if err != nil {
					t.Fatal(err)
				}
				if want := texts[o.Kind()+"/"+o.Name()]; want != stripped && want != string(text) {
					t.Errorf("%s: %s/%s\nrendered:\n%s\nruns:\n%s", r.name, o.Kind(), o.Name(), text, want)
				}
				delete(texts, o.Kind()+"/"+o.Name())
			}
			if len(texts) > 0 {
				t.Errorf("%s does not render %v", r.name, texts)
			}
		}
	}
}

// put puts objects into the world, in place of those that are there.
func (r *rig) put(objects []kube.Object) {
	r.t.Helper()
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

// renewed puts the Deployment of an app in place of the one that is there.
func (r *rig) renewed(app string, objects []kube.Object) {
	r.t.Helper()
	deployments := kube.Place{Group: "apps", Version: "v1", Resource: "deployments", Namespaced: true}
	c := r.cluster()
	old, found, err := c.Find(r.t.Context(), deployments, namespace, app)
	if err != nil || !found {
		r.t.Fatal(found, err)
	}
	if err := c.Hands([]kube.Access{deployments.Access("delete", namespace, app)}, false).Remove(r.t.Context(), deployments, namespace, app, old.UID); err != nil {
		r.t.Fatal(err)
	}
	time.Sleep(time.Minute)
	for _, o := range objects {
		if o.Kind() == "Deployment" && o.Name() == app {
			r.put([]kube.Object{o})
		}
	}
}

// next are the values of a release with the next migration ID, with migration.migrating where it has one.
func next(t *testing.T, values map[string]any, migrating bool) map[string]any {
	t.Helper()
	text, err := yaml.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := yaml.Unmarshal([]byte(strings.NewReplacer("global-domain-3", "global-domain-4", "participant-3", "participant-4", "testnet-3", "testnet-4", "_3", "_4", "id: 3", "id: 4", "26356", "26456").Replace(string(text))), &v); err != nil {
		t.Fatal(err)
	}
	if m, ok := v["migration"].(map[string]any); ok {
		m["migrating"] = migrating
	}
	return v
}

// svSettings reach the SV app, with its own user's token.
func (r *rig) svSettings() svapp.Settings {
	r.t.Helper()
	s := r.settings(namespace, "sv-app", svPort)
	tokens, err := svapp.TokenFrom("the test", strings.NewReader(token(svAudience)))
	if err != nil {
		r.t.Fatal(err)
	}
	s.Tokens = tokens
	return s
}

// merged is a migration dump of the node as of a time, with what the SV app answers.
func (r *rig) merged(at time.Time) []byte {
	r.t.Helper()
	sv, err := svapp.NewSV(r.svSettings())
	if err != nil {
		r.t.Fatal(err)
	}
	ids, err := sv.Identities(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	var data bytes.Buffer
	patience := svapp.SnapshotPatience{Clock: clock.RealClock{}, Answer: time.Hour, Stall: time.Minute}
	if err := sv.Snapshot(r.t.Context(), svapp.SnapshotQuery{At: at}, patience, func(body io.Reader, _ int64) error { _, err := io.Copy(&data, body); return err }); err != nil {
		r.t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := dump.Merge(&out, strings.NewReader(ids.Reveal()), &data, dump.MergeOptions{}); err != nil {
		r.t.Fatal(err)
	}
	return out.Bytes()
}

// The whole way by hand: new nodes that wait, dumps that the SV app does not start from, the one that it does, the quorum, and what is known then.
func TestLostNetworkGoesThrough(t *testing.T) {
	inScenario(t, networkClean(), nil, func(t *testing.T, r *rig) {
		ctx, tick := t.Context(), lastTick(r.began)
		folder, releases := chartsOf(t, Loss{})
		log, err := commitment.Scan(ctx, []commitment.Source{{Name: "log", Open: func() (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(r.log(namespace, "participant-3"))), nil
		}}}, commitment.Options{})
		if err != nil || len(log.Agreements) != ticksRunning*lossOthers || len(log.Mismatches) != 0 || log.Scanned.Decoys == 0 || log.Agreements[len(log.Agreements)-1].To.Time() != tick {
			t.Errorf("%+v, %v", log.Scanned, err)
		}
		at := tick.Add(-15 * time.Minute)
		good := r.merged(at)
		values := map[string]map[string]any{}
		for _, one := range releases {
			values[one.name] = one.values
			if strings.Contains(one.name, "-3") {
				r.put(rendered(t, folder, one.name, strings.Replace(one.name, "-3", "-4", 1), next(t, one.values, false)))
			}
		}
		time.Sleep(time.Minute)
		for _, part := range []string{"global-domain-4-cometbft", "global-domain-4-sequencer", "global-domain-4-mediator", "participant-4"} {
			if !r.is(namespace, part) {
				t.Errorf("%s is not ready: %s", part, r.log(namespace, part))
			}
		}
		comet := r.pods.loss.comet(cluster.Pod{Owner: "global-domain-4-cometbft"})
		if height, _ := comet.Reached(); height != 0 {
			t.Errorf("a new chain has height %d", height)
		}
		migrating := rendered(t, folder, "sv", "sv", next(t, values["sv"], true))
		refusals := []struct {
			dump []byte
			says string
		}{
			{nil, "Failed to find domain migration dump file at " + migrationDump},
			{good[:len(good)/2], "Failed to parse domain migration dump file: "},
			{bytes.Replace(good, []byte(`"migration_id":4`), []byte(`"migration_id":3`), 1), "Migration id from the dump 3 does not match the configured migration id in ths SV 4."},
		}
		for _, c := range refusals {
			if c.dump != nil {
				r.pods.loss.onClaim().Put(migrationDump, c.dump)
			}
			r.renewed("sv-app", migrating)
			time.Sleep(time.Minute)
			if log := r.log(namespace, "sv-app"); !strings.Contains(log, c.says) || r.is(namespace, "sv-app") {
				t.Errorf("it says %s\nwant %s", log, c.says)
			}
		}
		r.pods.loss.onClaim().Put(migrationDump, good)
		r.renewed("sv-app", migrating)
		began := time.Now()
		time.Sleep(time.Minute)
		if log := r.log(namespace, "sv-app"); !strings.Contains(log, "Sequencer is not initialized, initializing from dump") || strings.Contains(log, "resumed domain") || r.is(namespace, "sv-app") {
			t.Errorf("while it waits for the others: %s", log)
		}
		r.until(namespace, "sv-app", 10*time.Minute)
		if waited := time.Since(began); waited < 2*time.Minute {
			t.Errorf("ready after %v", waited)
		}
		for _, app := range []string{"scan", "validator"} {
			r.renewed(app+"-app", rendered(t, folder, app, app, next(t, values[app], true)))
			r.until(namespace, app+"-app", 5*time.Minute)
		}
		r.checkMigrated(t, at, tick)
		if height, _ := r.pods.loss.comet(cluster.Pod{Owner: "global-domain-4-cometbft"}).Reached(); height == 0 {
			t.Error("the new chain makes no blocks")
		}
		r.renewed("sv-app", rendered(t, folder, "sv", "sv", next(t, values["sv"], false)))
		r.until(namespace, "sv-app", time.Minute)
	})
}

// checkMigrated looks at what the node and the others tell when the new synchronizer runs.
func (r *rig) checkMigrated(t *testing.T, at, tick time.Time) {
	t.Helper()
	ctx := t.Context()
	v, err := svapp.NewValidator(r.settings(namespace, "validator-app", walletPort))
	if err != nil {
		t.Fatal(err)
	}
	if b, _, err := v.Balance(ctx); err != nil || b.EffectiveUnlocked != "9007199254740993.0000000001" {
		t.Errorf("%+v, %v", b, err)
	}
	scan, err := svapp.NewScan(r.settings(namespace, "scan-app", scanPort))
	if err != nil {
		t.Fatal(err)
	}
	own := lost().party()
	if h, found, err := scan.HoldingsSummary(ctx, 4, time.Now(), own); err != nil || !found {
		t.Error(err)
	} else if one, _ := h.Of(own); one.Total != "9007199254741243.5000000001" {
		t.Errorf("%+v", one)
	}
	if s, found, err := scan.SnapshotTime(ctx, tick.Add(time.Minute), 4); err != nil || !found || s.After(at) {
		t.Errorf("a snapshot of %v, %v", s, err)
	}
	if sv, err := svapp.NewSV(r.svSettings()); err != nil {
		t.Error(err)
	} else if _, err := sv.Identities(ctx); err != nil {
		t.Error(err)
	}
	time.Sleep(time.Hour)
	log := r.log(namespace, "participant-4")
	for _, says := range []string{"SynchronizerParametersState", "Commitment correct for sender PAR::SV-01::1220"} {
		if !strings.Contains(log, says) {
			t.Errorf("the new participant does not say %s", says)
		}
	}
	if d, err := r.scan(0).DSO(ctx); err != nil || time.Since(d.RoundAt) > time.Hour {
		t.Errorf("the others' scans: %v, %v", d.RoundAt, err)
	}
}

// The exports of a lost network are refused and cut as scenarios say it.
func TestTheExportsOfALostNetwork(t *testing.T) {
	for name, c := range map[string]struct {
		plan  Loss
		after time.Duration // from the last commitments
		want  []string      // causes, one for each request; "": an answer
	}{
		"whole":        {Loss{}, -15 * time.Minute, []string{""}},
		"too late, X":  {Loss{}, 18 * time.Minute, []string{"INVALID_ACS_SNAPSHOT_TIMESTAMP"}},
		"too late, Y":  {Loss{Generation: sim.Y}, 18 * time.Minute, []string{"INVALID_TIMESTAMP_PARTY_MANAGEMENT_ERROR"}},
		"pruned":       {Loss{Pruned: 5 * time.Minute}, -15 * time.Minute, []string{"UNAVAILABLE_ACS_SNAPSHOT"}},
		"cut":          {Loss{CutAt: 90, CutTimes: 1}, -15 * time.Minute, []string{"broke", ""}},
		"takes a time": {Loss{Slow: 1}, -15 * time.Minute, []string{"taking too long", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			s := networkClean()
			s.Loss, s.World, s.Saved = &c.plan, c.plan.world, c.plan.files
			inScenario(t, s, nil, func(t *testing.T, r *rig) {
				sv, err := svapp.NewSV(r.svSettings())
				if err != nil {
					t.Fatal(err)
				}
				for n, want := range c.want {
					q := svapp.SnapshotQuery{At: lastTick(r.began).Add(c.after)}
					err := sv.Snapshot(t.Context(), q, svapp.SnapshotPatience{Clock: clock.RealClock{}, Answer: time.Hour, Stall: time.Minute}, func(body io.Reader, _ int64) error {
						got, err := dump.ReadSnapshot(body)
						if err == nil && got.Snapshot.MigrationID != nil && *got.Snapshot.MigrationID != 4 {
							t.Errorf("%+v", got)
						}
						return err
					})
					if text := fmt.Sprint(err); (want == "") != (err == nil) || want != "broke" && !strings.Contains(text, want) {
						t.Errorf("request %d: %v, want %q", n+1, err, want)
					}
					time.Sleep(10 * time.Minute)
				}
				if _, most, _, _ := r.pods.loss.snapshots.Load(); most != 1 {
					t.Errorf("%d exports at the same time", most)
				}
			})
		})
	}
}
