package rehearsal

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/postgres"
	pg "canton.example/svrescue/steps/postgres/sim"
	"canton.example/svrescue/steps/wire"
	"github.com/google/go-cmp/cmp"
)

// held is what a server of the managed service holds.
func held(t *testing.T, r *rig, host string) pg.State {
	t.Helper()
	var s pg.State
	if err := json.Unmarshal([]byte(r.pods.outsideData(host)), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func checkNoPod(t *testing.T, r *rig) {
	t.Helper()
	if pods, err := r.cluster().Pods(t.Context(), namespace, "svrescue/client"); err != nil || len(pods) > 0 {
		t.Errorf("%d pods of the run are left, %v", len(pods), err)
	}
}

// Dumps go into servers outside the cluster beside what is there, by a user who is no superuser; what was there is kept, and is released
// later, but nothing of another node that shares the server.
func TestDumpsIntoAManagedService(t *testing.T) {
	inScenario(t, managedDumps(), nil, func(t *testing.T, r *rig) {
		v, _, _ := r.play(t.Context(), 0, r.player())
		must(t, v, wire.Recovered)
		checkShown(t, r)
		checkNoSecret(t, r)
		checkNoPod(t, r)
		participant, apps := held(t, r, managedParticipant), held(t, r, managedApps)
		p := participant.Databases["participant_0"]
		if p == nil || p.LedgerEnd == nil || *p.LedgerEnd >= ledgerEnd(r.began) || p.Owner != "cnadmin" || !strings.Contains(p.Comment, " restored at ") {
			t.Errorf("the participant's database is %+v", p)
		}
		if len(participant.Databases) != 3 { // there was no old one
			t.Errorf("the participant's server has %q", slices.Sorted(maps.Keys(participant.Databases)))
		}
		for _, name := range []string{"cantonnet_sv", "cantonnet_scan", "cantonnet_validator"} {
			now, old := apps.Databases[name], apps.Databases[postgres.OldName(name, "r-1")]
			if now == nil || old == nil || !strings.HasPrefix(now.Comment, "svrescue run r-1:") || old.Comment != "" || *old.Stores[0].Offset <= *now.Stores[0].Offset {
				t.Errorf("%s is %+v, the old one is %+v", name, now, old)
			}
		}
		checkSaid(t, v, "how much room "+managedApps+":5432 has left cannot be measured from here: its databases take 3.0 GiB now")
		checkSaid(t, v, "5 old databases are kept") // with those of sequencer and mediator

		other := postgres.OldName("cantonnet_other", "r-0")
		if err := r.pods.outside(managedApps).Change(func(s *pg.State) { s.Databases[other] = &pg.Database{} }); err != nil {
			t.Fatal(err)
		}
		r.journal = nil
		v, _, _ = r.release(t.Context(), 0, r.player())
		must(t, v, wire.Recovered)
		checkNoPod(t, r)
		got := slices.Sorted(maps.Keys(held(t, r, managedApps).Databases))
		if want := []string{"cantonnet", "cantonnet_scan", "cantonnet_sv", "cantonnet_validator", "postgres", other}; !slices.Equal(got, want) {
			t.Errorf("after the release there are %q, want %q", got, want)
		}
	})
}

// limitedScenario is one in which the servers outside allow something less.
func limitedScenario(change func(*pg.State)) Scenario {
	s := managedDumps()
	s.Managed = func(now time.Time) map[string]string { return limited(now, change) }
	return s
}

// A right that is missing is named before anything of the node is touched, and nobody can go on without it; the pod is all there is to take
// back.
func TestRightsThatAreMissing(t *testing.T) {
	for _, c := range []struct {
		name, says string
		change     func(*pg.State)
	}{
		{"to make databases", "cnadmin may not create and rename databases (ALTER ROLE \"cnadmin\" CREATEDB)", func(s *pg.State) { s.Creates = false }},
		{"of the owner", "cnadmin does not have the rights of rdsadmin, who owns cantonnet_scan", func(s *pg.State) {
			if d := s.Databases["cantonnet_scan"]; d != nil {
				d.Owner = "rdsadmin"
			}
		}},
		{"to log in", "does not answer: the server answered: password authentication failed", func(s *pg.State) { s.Password = "another" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			inScenario(t, limitedScenario(c.change), nil, func(t *testing.T, r *rig) {
				before := stands(t, r)
				asked := 0
				good := r.player()
				v, _, _ := r.play(t.Context(), 0, func(ctx context.Context, v wire.View, q wire.Question) (wire.Answer, bool) {
					if !strings.HasSuffix(q.Name, ".remedy") && !undoing(v) {
						return good(ctx, v, q)
					}
					if q.Error != nil && strings.Contains(q.Error.Seen, c.says) {
						asked++
						if q.Name != "restore/reach-servers.remedy" || slices.ContainsFunc(q.Choices, func(x wire.Choice) bool { return x.ID == wire.ChoiceAccept }) {
							t.Errorf("%s: %+v", q.Name, q.Choices)
						}
					}
					return backwards(ctx, v, q)
				})
				if v.Ended == nil || asked == 0 {
					t.Fatalf("ended %+v, asked %d times\n%s", v.Ended, asked, lines(v))
				}
				for _, w := range sent(r) {
					if w.Resource != "pods" {
						t.Errorf("sent %+v", w)
					}
				}
				checkNoPod(t, r)
				now := stands(t, r)
				for key := range before {
					if !strings.HasPrefix(key, "outside") {
						continue
					}
					if before[key] != now[key] {
						t.Errorf("%s was changed", key)
					}
				}
			})
		})
	}
}

// A node that was lost altogether finds what it had outside the cluster still there: that is put aside too, and said to be.
func TestLostNodeWithServersOutside(t *testing.T) {
	s := lostCluster()
	s.Managed = func(now time.Time) map[string]string { return limited(now, nil) }
	s.World = func(now time.Time) (sim.Scenario, error) { return lostWorld(outsiders(dumped(now))) }
	s.Record = func(now time.Time) (map[string][]byte, error) { return lostRecord(now, outsiders(node(now))) }
	lost, room := s.Operator, managedDumps().Operator
	s.Operator = func(ctx context.Context, e Elsewhere, v wire.View, q wire.Question) (wire.Answer, bool) {
		if a, ok := room(ctx, e, v, q); ok {
			return a, true
		}
		return lost(ctx, e, v, q)
	}
	inScenario(t, s, nil, func(t *testing.T, r *rig) {
		v, _, _ := r.play(t.Context(), 0, r.player())
		must(t, v, wire.Recovered)
		checkNoPod(t, r)
		apps := held(t, r, managedApps)
		if d := apps.Databases["cantonnet_sv"]; d == nil || !strings.HasPrefix(d.Comment, "svrescue run r-1:") || apps.Databases[postgres.OldName("cantonnet_sv", "r-1")] == nil {
			t.Errorf("the apps' server has %q", slices.Sorted(maps.Keys(apps.Databases)))
		}
		checkSaid(t, v, "3 old databases are kept on their servers under other names")
	})
}

// A dry run sends nothing, and says what only the pod could tell.
func TestDryRunOfDumpsOutside(t *testing.T) {
	inScenario(t, managedDumps(), nil, func(t *testing.T, r *rig) {
		r.acting = wire.DryRun
		before := stands(t, r)
		v, _, _ := r.play(t.Context(), 0, r.player())
		must(t, v, wire.Rehearsed)
		if all := sent(r); len(all) > 0 {
			t.Errorf("sent %v", all)
		}
		if diff := cmp.Diff(before, stands(t, r)); diff != "" {
			t.Error(diff)
		}
		checkSaid(t, v, "what may be done on "+managedApps+":5432 is not known yet")
	})
}
