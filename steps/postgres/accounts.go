package postgres

import "time"

// Accounts is what a participant's database tells of its keys and its users. Names of tables and columns, and that times are microseconds since
// 1970, are those of Canton's published schema; they were not verified against a running release, so whatever does not fit is not known.
type Accounts struct {
	Participant string // its ID, without "PAR::"
	// KeysChanged is when the newest mapping of its keys or delegation of its namespace came; zero: with its first. KeysWhy says why it is not known.
	KeysChanged time.Time
	KeysWhy     string
	// Users is how many were made after the time that was asked for. UsersWhy says why that is not known.
	Users    int
	UsersWhy string
}

// Tables that are read for it.
const (
	TopologyTable = "common_topology_transactions"
	UsersTable    = "lapi_users"
)

// KeysChanged asks when the keys of a participant were last changed: the newest time in microseconds, and of how many transactions.
func KeysChanged(schema, identifier, namespace string) (Statement, error) {
	s, err := keysChanged.with(schema)
	s.Args = []string{namespace, identifier}
	return s, err
}

// UsersSince asks how many users were made after a time in microseconds, and when the newest one was.
func UsersSince(schema, micros string) (Statement, error) {
	s, err := usersSince.with(schema)
	s.Args = []string{micros}
	return s, err
}
