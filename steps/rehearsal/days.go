package rehearsal

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/doctor"
	pg "canton.example/svrescue/steps/postgres/sim"
)

// Day is a quiet day on a node, for doctor to say whether it could be recovered.
type Day struct {
	Incident
	// Identities is an identities backup that lies in a folder of the operator; nil: there is none. Old is how long ago it was taken.
	Identities []byte
	Old        time.Duration
	// Word is what the operator has declared at that time.
	Word func(now time.Time) ([]doctor.Copy, []doctor.Acknowledgement)
	// What doctor must come to. All other conditions that count hold.
	Violated, Open []string
}

// Days are all of them. Each incident is a day too, on which nothing is declared.
func Days() []Day { return []Day{wellKept(), neglected()} }

// FindDay returns the day or the incident with that id.
func FindDay(id string) (Day, error) {
	var ids []string
	for _, d := range Days() {
		if d.ID == id {
			return d, nil
		}
		ids = append(ids, d.ID)
	}
	i, err := FindIncident(id)
	if err != nil {
		return Day{}, fmt.Errorf("there is no day %q; there are %s, and the incidents that svrescue triage --rehearse list shows", id, strings.Join(ids, " and "))
	}
	return Day{Incident: i}, nil
}

// quiet is a day on a node whose backups are so old, with these additions to the values of its releases.
func quiet(id, title, teaches string, audience string, runs []time.Duration, values map[string]map[string]any, participant func(*pg.Database, time.Time)) Day {
	d := Day{Incident: Incident{Scenario: Scenario{ID: id, Title: title, Teaches: teaches}, Settles: 30 * time.Second}} // until all pods are ready
	d.World = func(now time.Time) (sim.Scenario, error) {
		o := node(now)
		o.Token, o.Runs = token(audience), nil
		for _, age := range runs {
			o.Runs = append(o.Runs, backupRun(now, age))
		}
		o.Text = func(o sim.NodeOptions, claim string, at time.Time) string {
			s, is := stateOf(o, claim, at)
			if !is {
				return dataAt(o, claim, at)
			}
			for _, db := range s.Databases {
				if db.Role == "participant" {
					participant(db, now)
				}
			}
			return textOf(s)
		}
		return withValues(o, values)
	}
	return d
}

func micros(at time.Time) *int64 { n := at.UnixMicro(); return &n }

func wellKept() Day {
	day := 24 * time.Hour
	d := quiet("day-well-kept", "A node that is kept well", "what readiness looks like, so that you know when it is missing", svAudience,
		[]time.Duration{time.Hour, 5 * time.Hour, 13 * day},
		map[string]map[string]any{"sv": {"synchronizers": map[string]any{"current": map[string]any{"sequencerAddress": "global-domain-0-sequencer", "sequencerPruningConfig": map[string]any{"retentionPeriod": "30 days"}}}},
			"validator": {"participantPruningSchedule": map[string]any{"cron": "0 0 3 * * ?", "maxDuration": "1h", "retention": "30d"}}},
		func(db *pg.Database, now time.Time) {
			db.KeysChanged, db.Users = micros(now.Add(-100*day)), []int64{*micros(now.Add(-90 * day)), *micros(now.Add(-20 * day))}
		})
	d.Identities, d.Old = identitiesText(), 9*day
	d.Record = func(now time.Time) (map[string][]byte, error) { return lostRecord(now, node(now)) }
	d.Word = func(now time.Time) (copies []doctor.Copy, _ []doctor.Acknowledgement) {
		for kind := range doctor.CopyKinds() {
			copies = append(copies, doctor.Copy{What: kind, Where: "the safe in Zurich", Until: now.Add(90 * day)})
		}
		return copies, nil
	}
	return d
}

func neglected() Day {
	day := 24 * time.Hour
	d := quiet("day-neglected", "A node that nobody looks after", "how much is missing before anything has happened", "https://ledger.example.com",
		[]time.Duration{26 * time.Hour},
		map[string]map[string]any{},
		func(db *pg.Database, now time.Time) {
			db.KeysChanged = micros(now.Add(-3 * day))
			for i := range 3 {
				db.Users = append(db.Users, *micros(now.Add(-time.Duration(i+1) * time.Hour)))
			}
		})
	d.Identities, d.Old = identitiesText(), 9*day
	d.Word = func(now time.Time) ([]doctor.Copy, []doctor.Acknowledgement) {
		return []doctor.Copy{{What: "sv-key", Where: "a drawer", Until: now.Add(-40 * day)}}, []doctor.Acknowledgement{{Condition: "pruning-schedule", Why: "it comes with the next release", Until: now.Add(-2 * day)}}
	}
	d.Violated = []string{"backup-age", "pruning-schedule", "identities-current", "token"}
	d.Open = []string{"backup-spacing", "restore-point", "acknowledgement-age", "copy-helm-values", "copy-sv-key", "copy-cometbft-keys", "copy-database-passwords", "copy-oidc-client"}
	return d
}

// withValues is a node on which nothing is wrong, with more in the values of its releases.
func withValues(o sim.NodeOptions, values map[string]map[string]any) (sim.Scenario, error) {
	s, err := o.Scenario()
	if err != nil {
		return s, err
	}
	releases := append(helmReleases(o), helmRelease{o.Participant(), "splice-participant", map[string]any{}},
		helmRelease{fmt.Sprintf("global-domain-%d", o.SerialID), "splice-global-domain", map[string]any{"sequencer": map[string]any{"driver": map[string]any{"type": "cometbft"}}}})
	for name, more := range values {
		i := slices.IndexFunc(releases, func(r helmRelease) bool { return r.name == name })
		for key, value := range more {
			releases[i].values[key] = value
		}
	}
	records, err := recordsOf(o, releases)
	if err != nil {
		return s, err
	}
	s.Objects += records
	s.Knobs.Workloads = map[string]sim.Workload{}
	return s, nil
}
