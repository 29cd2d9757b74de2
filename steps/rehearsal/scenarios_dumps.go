package rehearsal

import (
	"encoding/json"
	"time"

	"canton.example/svrescue/assets"
	"canton.example/svrescue/kube/sim"
	pg "canton.example/svrescue/steps/postgres/sim"
	"canton.example/svrescue/steps/wire"
)

// dumped is a node whose only snapshot is of CometBFT: its databases are backed up by pg_dump.
func dumped(now time.Time) sim.NodeOptions {
	o := node(now)
	run := backupRun(now, 5*time.Hour)
	for _, claim := range o.Claims() {
		if _, database := stateOf(o, claim, now); database {
			run.Missing = append(run.Missing, claim)
		}
	}
	o.Runs = []sim.Backup{run}
	return o
}

// someDumps are the dump files without the one that is ahead; change may spoil them.
func someDumps(change func(map[string][]byte)) func() (map[string][]byte, error) {
	return func() (map[string][]byte, error) {
		files, err := assets.Dumps()
		if err != nil {
			return nil, err
		}
		if change != nil {
			change(files)
		}
		delete(files, "ahead.dump")
		return files, nil
	}
}

func dropped() Scenario {
	return Scenario{ID: "restore-dumps", Path: "restore", Title: "A database that somebody dropped", Expect: wire.Recovered,
		Teaches: "restoring from pg_dump files, beside the old databases and in place in one transaction",
		Faults:  []string{"the participant's database is gone; its server runs", "the databases are backed up by pg_dump, CometBFT by a snapshot"},
		Dumps:   someDumps(nil),
		World: func(now time.Time) (sim.Scenario, error) {
			o := dumped(now)
			w, err := world(o)
			if err == nil {
				w.Contents[namespace+"/pg-data-participant-pg-0"], err = without(o, now, "participant_0")
			}
			return w, err
		}}
}

// without is the participant's server without one of its databases.
func without(o sim.NodeOptions, now time.Time, name string) (string, error) {
	var s pg.State
	if err := json.Unmarshal([]byte(dataAt(o, "pg-data-participant-pg-0", now)), &s); err != nil {
		return "", err
	}
	delete(s.Databases, name)
	return textOf(s), nil
}

func dumpsAnew() Scenario {
	return Scenario{ID: "restore-dumps-anew", Path: "restore", Title: "A database server that does not start", Expect: wire.Recovered,
		Teaches: "loading dumps on new, empty volumes, while the damaged ones are kept",
		Faults:  []string{"the participant's database server does not start: its data is damaged", "the databases are backed up by pg_dump, CometBFT by a snapshot"},
		Dumps:   someDumps(nil),
		World:   func(now time.Time) (sim.Scenario, error) { return world(dumped(now)) }}
}

func truncatedDump() Scenario {
	return Scenario{ID: "restore-truncated-dump", Path: "restore", Title: "A dump that is cut off", Expect: wire.Refused,
		Teaches: "that a dump which is cut off is found before anything is touched, however good its beginning looks",
		Faults:  []string{"the dump of the participant ends too early"},
		Dumps:   someDumps(func(files map[string][]byte) { files["participant_0.dump"] = files["participant_0.dump"][:1900] }),
		World:   func(now time.Time) (sim.Scenario, error) { return world(dumped(now)) }}
}

func dumpsAhead() Scenario {
	return Scenario{ID: "restore-reversed-dumps", Path: "restore", Title: "Dumps of which one is ahead", Expect: wire.Refused,
		Teaches: "that the data of a dump tells the order when its clock does not, and that nobody can override it",
		Faults:  []string{"the scan was dumped after the participant: it has read further than the participant had written"},
		Dumps:   someDumps(func(files map[string][]byte) { files["cantonnet_scan.dump"] = files["ahead.dump"] }),
		World:   func(now time.Time) (sim.Scenario, error) { return world(dumped(now)) }}
}
