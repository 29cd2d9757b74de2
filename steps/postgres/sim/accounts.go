package sim

import (
	"strconv"
	"strings"

	"canton.example/svrescue/steps/postgres"
)

// accounts are the tables of a participant's keys and users, with the columns that are read of them.
func (d *Database) accounts() []Table {
	name, namespace, _ := strings.Cut(strings.TrimPrefix(d.Participant, "PAR::"), "::")
	keys := Table{Schema: d.Schema, Name: postgres.TopologyTable, Columns: [][2]string{{"transaction_type", "integer"}, {"namespace", "character varying"}, {"identifier", "character varying"},
		{"rejection_reason", "character varying"}, {"is_proposal", "boolean"}, {"sequenced", "bigint"}},
		Rows: [][]*string{{text("4"), &namespace, &name, nil, text("false"), number(d.KeysChanged)}}}
	users := Table{Schema: d.Schema, Name: postgres.UsersTable, Columns: [][2]string{{"created_at", "bigint"}}}
	for _, at := range d.Users {
		users.Rows = append(users.Rows, []*string{number(&at)})
	}
	return []Table{keys, users}
}

// keysChanged is the newest time of what the statement looks for, and how many there are.
func (d *Database) keysChanged(schema, namespace, identifier string) ([][]*string, error) {
	rows, err := d.choose(schema, postgres.TopologyTable, []string{"transaction_type", "namespace", "identifier", "rejection_reason", "is_proposal", "sequenced"})
	if err != nil {
		return nil, err
	}
	n, newest := int64(0), int64(0)
	for _, r := range rows {
		of := *r[0] == "1" || *r[0] == "4" && *r[2] == identifier
		if *r[1] != namespace || !of || r[3] != nil || *r[4] != "false" {
			continue
		}
		at, err := strconv.ParseInt(*r[5], 10, 64)
		if err != nil {
			return nil, &fault{"22P02", "invalid input syntax for type bigint"}
		}
		if n++; n == 1 || at > newest {
			newest = at
		}
	}
	return [][]*string{{number(&newest), number(&n)}}, nil
}

// usersSince counts those made after a time, and answers when the newest was made.
func (d *Database) usersSince(schema, since string) ([][]*string, error) {
	rows, err := d.choose(schema, postgres.UsersTable, []string{"created_at"})
	after, bad := strconv.ParseInt(since, 10, 64)
	if err != nil {
		return nil, err
	}
	made, newest := int64(0), int64(0)
	for _, r := range rows {
		at, err := strconv.ParseInt(*r[0], 10, 64)
		if err != nil || bad != nil {
			return nil, &fault{"22P02", "invalid input syntax for type bigint"}
		}
		if at > after {
			made++
		}
		newest = max(newest, at)
	}
	return [][]*string{{number(&made), number(&newest)}}, nil
}
