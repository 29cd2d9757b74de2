package doctor

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/steps/wire"
)

var now = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

const (
	day  = 24 * time.Hour
	acme = "Acme-SV::1220aa"
	dso  = "DSO::1220dd"
)

func ago(d time.Duration) time.Time { return now.Add(-d) }
func in(d time.Duration) time.Time  { return now.Add(d) }

func read(source string) triage.Reading {
	return triage.Reading{Source: source, At: ago(4 * time.Second)}
}
func failed() triage.Reading {
	return triage.Reading{Source: "it", At: ago(4 * time.Second), Problem: "the door was closed"}
}

// set is one that can be restored, of that age.
func set(name string, age time.Duration) triage.Set {
	return triage.Set{Name: name, Begin: ago(age), Serial: "4", Keys: true, Checks: []wire.Finding{{ID: "whole", Verdict: wire.Holds}, {ID: "order", Verdict: wire.Holds}}}
}

// well is a node that could be recovered today.
func well() Evidence {
	e := Evidence{
		Evidence: triage.Evidence{
			Own:     triage.Own{Reading: read("svrescue.yaml"), Name: "Acme-SV", Party: acme, DSO: dso},
			Cluster: triage.Cluster{Reading: read("workloads"), Node: node.Node{Release: "0.6.4", Serial: "4"}},
			Pruning: triage.Pruning{Reading: read("values of release sv"), Retention: node.Retention{Period: 30 * day, From: "retention in svrescue.yaml"}, LastAck: ago(time.Minute)},
			Backups: triage.Backups{Snapshots: triage.Place{Reading: read("VolumeSnapshots"), Sets: []triage.Set{set("02:00", time.Hour), set("22:00", 5*time.Hour)}},
				Dumps: triage.Place{Reading: read("dumps")}, Managed: triage.Place{Reading: read("managed")}},
			Identities: triage.Identities{Reading: read("/backups"), Files: []triage.IdentitiesFile{{Name: "id.json", Taken: ago(9 * day), Party: acme, DSO: dso, Keys: 9}}},
			KMS:        triage.KMS{Reading: read("values of release participant"), State: triage.KMSNone},
			Record:     triage.Record{Reading: read("record"), Made: ago(3 * day)},
		},
		KeysChanged: KeysChanged{Reading: read("topology"), Last: ago(100 * day)},
		Schedule:    Schedule{Reading: read("values of release validator"), Set: true, Seen: "every day at 02:00, keeps 30d"},
		Users:       Users{Reading: read("validator")}, Parties: Parties{Reading: read("participant")},
		RollForward: RollForward{Reading: read("SV app"), Applies: true, Known: true},
		Permissions: Permissions{Reading: read("cluster"), Asked: 74}, Token: Token{Reading: read("SV app")},
		Hosts: []Host{{Reading: read("SV app"), App: "the SV app", Way: "its public host"}, {Reading: read("scan"), App: "scan", Way: "a tunnel"}},
		Disk:  Disk{Reading: read("df"), Folder: "/mnt/backup", Free: 200 << 30, Need: 100 << 30}, Clock: Clock{Reading: read("cluster"), Skew: time.Second},
	}
	for kind := range CopyKinds() {
		e.Copies = append(e.Copies, Copy{What: kind, Where: "the safe", Until: in(90 * day)})
	}
	return e
}

func outside(servers ...string) func(*Evidence) {
	return func(e *Evidence) {
		for _, s := range servers {
			e.Cluster.Node.Databases = append(e.Cluster.Node.Databases, postgres.Database{Role: postgres.Participant, Name: "p" + s, Server: postgres.Server{Host: s, Port: 5432}})
		}
	}
}

const (
	holds = triage.Holds
	bad   = triage.Violated
	open  = triage.NotDetermined
)

func TestConditions(t *testing.T) {
	oneBad := func(id string) wire.Finding { return wire.Finding{ID: id, Verdict: wire.Violated, Text: "it is not"} }
	for _, c := range []struct {
		name   string
		change func(*Evidence)
		want   map[string]triage.Verdict // of the conditions that do not hold
		says   string                    // in the detail of the first of them, by id
		all    triage.Verdict
	}{
		{"all is well", func(*Evidence) {}, nil, "", holds},
		{"a set of 4 h", func(e *Evidence) {
			e.Backups.Snapshots.Sets = []triage.Set{set("a", 4*time.Hour), set("b", 8*time.Hour)}
		}, nil, "", holds},
		{"a set that is too old", func(e *Evidence) {
			e.Backups.Snapshots.Sets = []triage.Set{set("a", 4*time.Hour+time.Minute), set("b", 8*time.Hour)}
		}, map[string]triage.Verdict{"backup-age": bad}, "Set a is 4 h old", bad},
		{"the youngest set cannot be restored, the next is old", func(e *Evidence) {
			e.Backups.Snapshots.Sets[0].Checks = []wire.Finding{oneBad("order")}
		}, map[string]triage.Verdict{"backup-age": bad, "backup-spacing": open}, "Set 22:00 is 5 h old", bad},
		{"no set, but identities", func(e *Evidence) { e.Backups.Snapshots.Sets = nil }, map[string]triage.Verdict{"backup-set": bad, "backup-age": bad, "backup-spacing": open,
			"backup-synchronizer": open, "restore-point": holds}, "", bad},
		{"nothing at all", func(e *Evidence) { e.Backups.Snapshots.Sets, e.Identities.Files = nil, nil }, map[string]triage.Verdict{"recovery-route": bad, "backup-set": bad, "backup-age": bad,
			"backup-spacing": open, "backup-synchronizer": open, "identities": bad, "identities-current": open}, "There is no backup set that can be restored, no identities backup of this node", bad},
		{"nothing but a KMS that answers", func(e *Evidence) {
			e.Backups.Snapshots.Sets, e.Identities.Files, e.KMS.State = nil, nil, triage.KMSHolds
		}, map[string]triage.Verdict{"backup-set": bad, "backup-age": bad, "backup-spacing": open, "backup-synchronizer": open, "identities": bad, "identities-current": open}, "", bad},
		{"a KMS that is silent, and nothing else", func(e *Evidence) {
			e.Backups.Snapshots.Sets, e.Identities.Files, e.KMS.State = nil, nil, triage.KMSSilent
		}, map[string]triage.Verdict{"recovery-route": open, "backup-set": bad, "backup-age": bad, "backup-spacing": open, "backup-synchronizer": open, "identities": bad, "identities-current": open},
			"No way has been seen", bad},
		{"the SV app would join with its key instead of rolling forward", func(e *Evidence) { e.RollForward.Lacks = []string{"the values have joinWithKeyOnboarding"} },
			map[string]triage.Verdict{"roll-forward": bad}, "joinWithKeyOnboarding", holds},
		{"what the SV app gets is not known", func(e *Evidence) { e.RollForward.Known = false }, map[string]triage.Verdict{"roll-forward": open}, "not what upstream's charts render", holds},
		{"a release that does not roll forward", func(e *Evidence) { e.RollForward.Applies = false }, nil, "", holds},
		{"snapshots cannot be read", func(e *Evidence) { e.Backups.Snapshots = triage.Place{Reading: failed()} }, map[string]triage.Verdict{"backup-set": open, "backup-age": open, "backup-spacing": open,
			"backup-synchronizer": open}, "", open},
		{"snapshots and identities cannot be read", func(e *Evidence) {
			e.Backups.Snapshots, e.Identities = triage.Place{Reading: failed()}, triage.Identities{Reading: failed()}
		}, map[string]triage.Verdict{"recovery-route": open, "backup-set": open, "backup-age": open, "backup-spacing": open, "backup-synchronizer": open, "identities": open,
			"identities-private": open, "identities-current": open}, "the door was closed", open},
		{"a gap wider than the retention", func(e *Evidence) {
			e.Backups.Snapshots.Sets = []triage.Set{set("a", time.Hour), set("b", 29*day), set("c", 60*day)}
		}, map[string]triage.Verdict{"backup-spacing": bad}, "widest gap is 31 days", bad},
		{"one set", func(e *Evidence) { e.Backups.Snapshots.Sets = e.Backups.Snapshots.Sets[:1] }, map[string]triage.Verdict{"backup-spacing": open}, "1 sound set was found", open},
		{"the retention is not known", func(e *Evidence) { e.Pruning.Retention = node.Retention{} }, map[string]triage.Verdict{"backup-spacing": open, "restore-point": open, "acknowledgement-age": open},
			"retention of the sequencers is not known", open},
		{"silent for too long", func(e *Evidence) { e.Pruning.LastAck = ago(31 * day) }, map[string]triage.Verdict{"recovery-route": holds, "backup-set": bad, "backup-age": bad,
			"backup-synchronizer": open, "restore-point": bad, "acknowledgement-age": bad}, "", bad},
		{"never heard", func(e *Evidence) { e.Pruning.LastAck = time.Time{} }, map[string]triage.Verdict{"acknowledgement-age": open}, "is not known", open},
		{"sets of the synchronizer before", func(e *Evidence) {
			for i := range e.Backups.Snapshots.Sets {
				e.Backups.Snapshots.Sets[i].Serial = "3"
			}
		}, map[string]triage.Verdict{"backup-set": bad, "backup-age": bad, "backup-synchronizer": bad}, "", bad},
		{"sets that do not tell their synchronizer", func(e *Evidence) {
			for i := range e.Backups.Snapshots.Sets {
				e.Backups.Snapshots.Sets[i].Serial = ""
			}
		}, map[string]triage.Verdict{"backup-synchronizer": open}, "does not tell", open},
		{"no pruning schedule", func(e *Evidence) { e.Schedule.Set = false }, map[string]triage.Verdict{"pruning-schedule": bad}, "No pruning schedule", bad},
		{"identities of another node", func(e *Evidence) { e.Identities.Files[0].Party = "Other::1220bb" }, map[string]triage.Verdict{"identities": bad, "identities-current": open}, "another node", bad},
		{"a participant's dump of this node", func(e *Evidence) { e.Identities.Files[0].Party, e.Identities.Files[0].Namespace = "", "1220aa" }, nil, "", holds},
		{"a participant's dump of another node", func(e *Evidence) { e.Identities.Files[0].Party, e.Identities.Files[0].Namespace = "", "1220bb" },
			map[string]triage.Verdict{"identities": bad, "identities-current": open}, "its namespace is 1220bb", bad},
		{"identities that others can read", func(e *Evidence) { e.Identities.Files[0].Open = true }, map[string]triage.Verdict{"identities-private": bad}, "can read id.json", bad},
		{"identities from before a change of keys", func(e *Evidence) { e.KeysChanged.Last = ago(day) }, map[string]triage.Verdict{"identities-current": bad}, "It was taken at", bad},
		{"old identities are no way that is counted on", func(e *Evidence) { e.KeysChanged.Last, e.Backups.Snapshots.Sets = ago(day), nil }, map[string]triage.Verdict{"identities-current": bad,
			"recovery-route": open, "backup-set": bad, "backup-age": bad, "backup-spacing": open, "backup-synchronizer": open}, "from before the last change of keys", bad},
		{"nobody knows when keys changed", func(e *Evidence) { e.KeysChanged.Reading = triage.Reading{} }, map[string]triage.Verdict{"identities-current": open}, "has not been read", open},
		{"identities of unknown age", func(e *Evidence) { e.Identities.Files[0].Taken = time.Time{} }, map[string]triage.Verdict{"identities-current": open}, "is not known", open},
		{"permissions are missing", func(e *Evidence) { e.Permissions.Missing = []string{"update deployments.apps/scale"} }, map[string]triage.Verdict{"permissions": bad}, "1 of 74 are missing", bad},
		{"nobody asked for permissions", func(e *Evidence) { e.Permissions.Asked = 0 }, map[string]triage.Verdict{"permissions": open}, "No permission was asked for", open},
		{"a token is refused", func(e *Evidence) { e.Token.Refused = "the audience is wrong" }, map[string]triage.Verdict{"token": bad}, "The audience is wrong", bad},
		{"no way to scan", func(e *Evidence) { e.Hosts[1].Refused = "no route" }, map[string]triage.Verdict{"reachable": bad}, "No way leads to scan: no route", bad},
		{"scan was not asked", func(e *Evidence) { e.Hosts[1].Reading = failed() }, map[string]triage.Verdict{"reachable": open}, "the door was closed", open},
		{"no app was asked", func(e *Evidence) { e.Hosts = nil }, map[string]triage.Verdict{"reachable": open}, "No app has been asked", open},
		{"no room", func(e *Evidence) { e.Disk.Free = 1 << 30 }, map[string]triage.Verdict{"disk": bad}, "1.0 GiB free", bad},
		{"room for who knows how much", func(e *Evidence) { e.Disk.Need = 0 }, map[string]triage.Verdict{"disk": open}, "is not known", open},
		{"clocks apart", func(e *Evidence) { e.Clock.Skew = -time.Hour }, map[string]triage.Verdict{"clock": bad}, "60 min apart", bad},
		{"no record", func(e *Evidence) { e.Record.Made = time.Time{} }, map[string]triage.Verdict{"copy-helm-values": bad}, "There is none", bad},
		{"nobody said where the SV key is", func(e *Evidence) {
			e.Copies = slices.DeleteFunc(e.Copies, func(c Copy) bool { return c.What == "sv-key" })
		}, map[string]triage.Verdict{"copy-sv-key": open}, "Nobody has said where a copy", open},
		{"the word has run out", func(e *Evidence) {
			for i := range e.Copies {
				if e.Copies[i].What == "sv-key" {
					e.Copies[i].Until = now
				}
			}
		}, map[string]triage.Verdict{"copy-sv-key": open}, "ran out on 2026-11-22", open},
		{"old evidence says nothing of now", func(e *Evidence) { e.Clock.At, e.Permissions.At = ago(2*time.Hour), ago(2*time.Hour) }, map[string]triage.Verdict{"permissions": open, "clock": open},
			"which says nothing of now", open},
		{"users since the backup are no fault", func(e *Evidence) { e.Users.Since, e.Parties.Stay = 3, []string{"ext::1220"} }, map[string]triage.Verdict{"users-since-backup": bad, "parties": bad}, "3 of the participant's users", holds},
		{"nor is not knowing of them", func(e *Evidence) { e.Users.Reading, e.Parties.Reading = failed(), failed() }, map[string]triage.Verdict{"users-since-backup": open, "parties": open}, "the door was closed", holds},
		{"a managed server of which nothing is known", outside("db"), map[string]triage.Verdict{"backup-managed": open}, "Nothing is known of the backups of db:5432", open},
		{"a managed server that was asked", func(e *Evidence) {
			outside("db")(e)
			e.Managed = []Managed{{Reading: read("command"), Server: "db:5432", Taken: ago(time.Hour)}}
		}, nil, "", holds},
		{"a managed server with an old backup, and one of which nothing is known", func(e *Evidence) {
			outside("a", "b")(e)
			e.Managed = []Managed{{Reading: read("command"), Server: "b:5432", Taken: ago(5 * time.Hour)}}
		}, map[string]triage.Verdict{"backup-managed": bad}, "5 h old", bad},
		{"a command that failed", func(e *Evidence) {
			outside("db")(e)
			e.Managed = []Managed{{Reading: failed(), Server: "db:5432", Taken: ago(time.Hour)}}
		}, map[string]triage.Verdict{"backup-managed": open}, "the door was closed", open},
		{"a time in the future", func(e *Evidence) {
			outside("db")(e)
			e.Managed = []Managed{{Reading: read("command"), Server: "db:5432", Taken: in(time.Hour)}}
		}, map[string]triage.Verdict{"backup-managed": open}, "cannot be right", open},
		{"nothing but a provider's backups is no way that is proven", func(e *Evidence) {
			outside("db")(e)
			e.Managed, e.Identities.Files, e.Backups.Snapshots.Sets = []Managed{{Server: "db:5432", Until: in(day)}}, nil, nil
		}, map[string]triage.Verdict{"recovery-route": open, "backup-set": bad, "backup-age": bad, "backup-spacing": open, "backup-synchronizer": open, "identities": bad, "identities-current": open},
			"The provider has backups of db:5432", bad},
		{"a word that counts", func(e *Evidence) { outside("db")(e); e.Managed = []Managed{{Server: "db:5432", Until: in(day)}} }, nil, "", holds},
		{"a word that has run out", func(e *Evidence) { outside("db")(e); e.Managed = []Managed{{Server: "db:5432", Until: ago(day)}} }, map[string]triage.Verdict{"backup-managed": open}, "ran out", open},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := well()
			c.change(&e)
			r := Judge(e, now)
			said := false
			for _, got := range r.Conditions {
				want := c.want[got.ID]
				if want == "" {
					want = holds
				}
				if got.Verdict != want {
					t.Errorf("%s: %s, want %s: %s", got.ID, got.Verdict, want, got.Detail)
				}
				if want != holds && strings.Contains(got.Detail, c.says) {
					said = true
				}
				if got.Verdict != holds && (got.Consequence == "" || got.Fix == "" && !got.Informational) {
					t.Errorf("%s does not say what follows and what to do", got.ID)
				}
				if got.Detail == "" || got.Source == "" || got.Title == "" {
					t.Errorf("%s: %+v is not whole", got.ID, got)
				}
			}
			if c.says != "" && !said {
				t.Errorf("no condition says %q", c.says)
			}
			if r.Verdict != c.all {
				t.Errorf("the whole is %s, want %s", r.Verdict, c.all)
			}
		})
	}
}

// Nothing that was not read holds, and nothing is called a fault for it.
func TestNothingWasRead(t *testing.T) {
	r := Judge(Evidence{}, now)
	for _, c := range r.Conditions {
		if c.Verdict != open {
			t.Errorf("%s: %s: %s", c.ID, c.Verdict, c.Detail)
		}
	}
	if r.ExitCode() != 6 || r.Runway.Known || !strings.Contains(r.Blocked, "What the node is made of has not been read") {
		t.Errorf("exit code %d, runway %+v", r.ExitCode(), r.Runway)
	}
}

func TestAcknowledgement(t *testing.T) {
	e := well()
	e.Schedule.Set = false
	e.KeysChanged.Reading = triage.Reading{}
	if r := Judge(e, now); r.ExitCode() != 3 {
		t.Errorf("exit code %d", r.ExitCode())
	}
	e.Acknowledged = []Acknowledgement{{Condition: "pruning-schedule", Why: "it comes with the next release", Until: in(day)}, {Condition: "clock", Why: "holds", Until: in(day)}}
	r := Judge(e, now)
	if c, _ := r.Condition("pruning-schedule"); r.ExitCode() != 6 || c.Verdict != bad || c.Acknowledged != "It comes with the next release." || !c.Until.Equal(in(day)) {
		t.Errorf("exit code %d, %+v", r.ExitCode(), c)
	}
	if c, _ := r.Condition("clock"); c.Acknowledged != "" {
		t.Error("what holds needs no word")
	}
	e.Acknowledged = append(e.Acknowledged, Acknowledgement{Condition: "identities-current", Until: in(day)})
	if r := Judge(e, now); r.ExitCode() != 0 || len(r.Notes) != 0 {
		t.Errorf("exit code %d, %v", r.ExitCode(), r.Notes)
	}
	e.Acknowledged[0].Until, e.Acknowledged[1].Condition = now, "nonsense"
	r = Judge(e, now)
	if r.ExitCode() != 3 || len(r.Notes) != 2 || !strings.Contains(r.Notes[0], "ran out on 2026-11-22 03:00 UTC") || !strings.Contains(r.Notes[1], `no condition "nonsense"`) {
		t.Errorf("exit code %d, %v", r.ExitCode(), r.Notes)
	}
}

func TestRunway(t *testing.T) {
	r := Judge(well(), now)
	if !r.Runway.Known || r.Runway.Left != 30*day-time.Hour || r.Runway.Seconds != 719*3600 {
		t.Errorf("%+v", r.Runway)
	}
	e := well()
	e.Pruning.LastAck = ago(2 * day)
	if r := Judge(e, now); r.Runway.Left != 28*day {
		t.Errorf("silent for two days: %+v", r.Runway)
	}
	e.Pruning.Retention = node.Retention{}
	if r := Judge(e, now); r.Runway.Known || !strings.Contains(r.Runway.Detail, "is not known") {
		t.Errorf("without a retention: %+v", r.Runway)
	}
}

func TestChanged(t *testing.T) {
	e := well()
	before := Judge(e, now)
	e.Clock.Skew = time.Hour
	e.Users.Since = 1
	after := Judge(e, now)
	var ids []string
	for _, c := range after.Changed(before) {
		ids = append(ids, c.ID)
	}
	if got := strings.Join(ids, " "); got != "clock users-since-backup" {
		t.Errorf("changed: %s", got)
	}
	if len(after.Changed(after)) != 0 {
		t.Error("nothing has changed")
	}
}

// The document has the keys that scripts rely on, and no null where a list belongs.
func TestDocument(t *testing.T) {
	data, err := json.Marshal(Judge(Evidence{}, now))
	if err != nil || strings.Contains(string(data), "null") || !strings.HasPrefix(string(data), `{"version":1,"verdict":"not-determined","blocked":"What the node is made of has not been read yet.","runway":{"known":false,"left_seconds":0,`) {
		t.Errorf("%v %s", err, data)
	}
}
