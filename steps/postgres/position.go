// Package postgres is what is known about the databases of a Splice node: whose data a database holds, how far it has read or
// written, and what that proves about a set of backups (reference/backups.md 1). It is pure: dump files are read by
// postgres/dump, servers are asked by postgres/client.
package postgres

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
)

// Role is whose data a database holds.
type Role string

const (
	Participant Role = "participant"
	Validator   Role = "validator"
	SV          Role = "sv"
	Scan        Role = "scan"
	Sequencer   Role = "sequencer"
	Mediator    Role = "mediator"
	Unknown     Role = "unknown"
)

// App says whether the role is one of the apps that read the participant's ledger and remember how far.
func (r Role) App() bool { return r == Validator || r == SV || r == Scan }

// Position is how far a database has got: where an app's stores have read the participant's ledger to, or where a
// participant's ledger ends. Offsets are those of the participant's ledger API: counted from 1, and comparable only within
// the life of one participant.
type Position struct {
	Role Role   `json:"role"`
	Name string `json:"name"` // what the operator knows the database by: "cantonnet_sv", "participant_0"
	// From says where it was read: "dump", "database".
	From string `json:"from,omitempty"`

	// Of a participant. LedgerEnd is nil where it is not known, and 0 where the ledger is empty (NULL in the table).
	LedgerEnd   *int64 `json:"ledgerEnd,omitempty"`
	PrunedUpTo  *int64 `json:"prunedUpTo,omitempty"` // nil: never pruned, or not known
	Participant string `json:"participant,omitempty"`

	// Of an app. LastIngested is the highest offset of its stores in MigrationID, the highest migration that has rows; nil where no
	// store has an offset there. An older migration never stands in for it.
	LastIngested *int64 `json:"lastIngested,omitempty"`
	MigrationID  *int64 `json:"migrationId,omitempty"`
	// Behind is the lowest offset among the stores of MigrationID, nil where none has one.
	Behind *int64 `json:"behind,omitempty"`

	// Why says what is missing where the position is not determined.
	Why string `json:"why,omitempty"`
}

// Known says whether the position tells what its role must tell.
func (p Position) Known() bool {
	if p.Role == Participant {
		return p.LedgerEnd != nil
	}
	return p.LastIngested != nil && p.MigrationID != nil
}

// Store is one row of store_last_ingested_offsets. Offset is nil where the column is NULL: the store was made and has read nothing.
type Store struct {
	ID, Migration int64
	Offset        *int64
}

// OfStores puts an app's position together from all rows of its table.
func OfStores(role Role, name string, rows []Store) Position {
	p := Position{Role: role, Name: name}
	if len(rows) == 0 {
		p.Why = "store_last_ingested_offsets has no rows"
		return p
	}
	highest := rows[0].Migration
	for _, r := range rows {
		highest = max(highest, r.Migration)
	}
	p.MigrationID = &highest
	for _, r := range rows {
		if r.Migration != highest || r.Offset == nil {
			continue
		}
		if p.LastIngested == nil || *r.Offset > *p.LastIngested {
			p.LastIngested = r.Offset
		}
		if p.Behind == nil || *r.Offset < *p.Behind {
			p.Behind = r.Offset
		}
	}
	if p.LastIngested == nil {
		p.Why = fmt.Sprintf("no store has an offset in migration %d, the newest", highest)
	}
	return p
}

// ParseStoreOffset reads last_ingested_offset: hexadecimal text, zero-padded, 18 characters as written by Splice
// (reference/backups.md 1). Shorter and longer texts are read too; what is not hexadecimal or does not fit is an error.
func ParseStoreOffset(text string) (int64, error) {
	if text == "" {
		return 0, fmt.Errorf("the offset is empty")
	}
	digits := cmp.Or(strings.TrimLeft(text, "0"), "0")
	n, err := strconv.ParseUint(digits, 16, 63)
	if err != nil {
		return 0, fmt.Errorf("%q is no offset of a store: hexadecimal digits are expected", text)
	}
	return int64(n), nil
}

// ParseLedgerEnd reads ledger_end: a decimal number where the column is a bigint, and hexadecimal text, zero-padded, in the
// oldest copies of the schema (reference/backups.md 1). Text that could be both is told apart by its padding: the old form always
// has 18 characters and begins with 0.
func ParseLedgerEnd(text string) (int64, error) {
	if len(text) == 18 && text[0] == '0' {
		return ParseStoreOffset(text)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is no ledger end: a number is expected", text)
	}
	return n, nil
}

// Equal says whether two positions tell the same, whatever they are of and wherever they were read.
func (p Position) Equal(q Position) bool {
	same := func(a, b *int64) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }
	return same(p.LedgerEnd, q.LedgerEnd) && same(p.PrunedUpTo, q.PrunedUpTo) && same(p.LastIngested, q.LastIngested) && same(p.MigrationID, q.MigrationID)
}
