package rehearsal

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/postgres"
	pg "canton.example/svrescue/steps/postgres/sim"
)

// The data of the rehearsals' node: what a volume held at a time follows from the time alone, so that every backup has the offsets that a
// node had then.
const (
	postgresVersion = "15.4"
	participantID   = svName + "::1220rehearsal"
	pruned          = 400000
	gib             = 1 << 30
)

// ledgerEnd is where the participant's ledger ended at a time: an event each ten seconds.
func ledgerEnd(at time.Time) int64 {
	return 800000 + int64(at.Sub(time.Date(1999, 12, 1, 0, 0, 0, 0, time.UTC))/(10*time.Second))
}

// stateOf is what a database server's volume held at a time; false for a claim that is none's.
func stateOf(o sim.NodeOptions, claim string, at time.Time) (pg.State, bool) {
	server := strings.TrimSuffix(strings.TrimPrefix(claim, "pg-data-"), "-0")
	return serverState(o, server, at)
}

func serverState(o sim.NodeOptions, server string, at time.Time) (pg.State, bool) {
	s := pg.Fresh(postgresVersion, "cnadmin", "invented-"+server, "cantonnet")
	s.Capacity = 20 * gib
	end := ledgerEnd(at)
	number := func(n int64) *int64 { return &n }
	app := func(role postgres.Role, behind int64) *pg.Database {
		return &pg.Database{Role: role, Schema: string(role), Bytes: gib, Stores: []postgres.Store{{ID: 1, Offset: number(end - behind)}, {ID: 2, Offset: number(end - behind - 1)}}}
	}
	switch server {
	case "participant-pg":
		s.Databases[fmt.Sprintf("participant_%d", o.MigrationID)] = &pg.Database{Role: postgres.Participant, Schema: "participant", LedgerEnd: &end, PrunedUpTo: number(pruned), Participant: participantID, Bytes: 3 * gib}
	case "apps-pg":
		s.Databases["cantonnet_sv"] = app(postgres.SV, 2)
		s.Databases["cantonnet_scan"] = app(postgres.Scan, 4)
		s.Databases["cantonnet_validator"] = app(postgres.Validator, 1)
	case "sequencer-pg":
		s.Databases[fmt.Sprintf("sequencer_%d", o.SerialID)] = &pg.Database{Role: postgres.Sequencer, Schema: "sequencer", Bytes: 2 * gib}
	case "mediator-pg":
		s.Databases[fmt.Sprintf("mediator_%d", o.SerialID)] = &pg.Database{Role: postgres.Mediator, Schema: "mediator", Bytes: gib}
	default:
		return s, false
	}
	return s, true
}

// dataAt is the text of a claim's volume at a time.
func dataAt(o sim.NodeOptions, claim string, at time.Time) string {
	s, is := stateOf(o, claim, at)
	if !is {
		return fmt.Sprintf("blocks as of %s", at.UTC().Format(time.RFC3339))
	}
	return textOf(s)
}

func textOf(s pg.State) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("rehearsal: a state that is not JSON: %v", err)) // only texts and numbers are in it
	}
	return string(text)
}
