// Package sim is a PostgreSQL server in memory, for rehearsals and tests. It speaks the wire protocol and answers the statements and
// commands of steps/postgres and no others: one that it does not know is an error to the client and is remembered, so that a test fails.
// What it promises is written down in package contract, whose cases run against a real server too.
//
// Its data are a short JSON text, which its owner keeps: on a simulated volume, say, where snapshots copy it. A text that is not JSON is
// a damaged volume, on which the server does not start.
package sim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"canton.example/svrescue/steps/postgres"
)

// State is what a server has on its volume.
type State struct {
	Version  string `json:"version"` // "15.4"; decides what the clients in the pod can read, too
	User     string `json:"user"`    // who may log in; a superuser, unless Limited
	Password string `json:"password,omitempty"`
	// Limited: the user is no superuser, as at a provider; with Creates it may make databases. It has no rights on what others own.
	Limited   bool                 `json:"limited,omitempty"`
	Creates   bool                 `json:"creates,omitempty"`
	Capacity  int64                `json:"capacity,omitempty"` // bytes of the volume; 0: plenty
	Databases map[string]*Database `json:"databases"`
}

// Database is one database. Its tables are those of its role, and Tables.
type Database struct {
	Role   postgres.Role `json:"role,omitempty"`
	Schema string        `json:"schema,omitempty"`

	LedgerEnd   *int64           `json:"ledgerEnd,omitempty"` // of a participant; nil: NULL
	PrunedUpTo  *int64           `json:"prunedUpTo,omitempty"`
	Participant string           `json:"participant,omitempty"`
	Stores      []postgres.Store `json:"stores,omitempty"` // of an app

	// KeysChanged and Users are times in microseconds since 1970, of a participant's newest mapping of keys and of its users; KeysChanged nil: it has
	// none of these tables.
	KeysChanged *int64  `json:"keysChanged,omitempty"`
	Users       []int64 `json:"users,omitempty"`

	Tables  []Table `json:"tables,omitempty"`
	Partial bool    `json:"partial,omitempty"` // a load that failed left something
	Bytes   int64   `json:"bytes,omitempty"`
	Comment string  `json:"comment,omitempty"`
	Owner   string  `json:"owner,omitempty"` // empty: the user

	Encoding string `json:"encoding,omitempty"` // empty: UTF8
	Collate  string `json:"collate,omitempty"`  // empty: C
	Ctype    string `json:"ctype,omitempty"`    // empty: C
	Provider string `json:"provider,omitempty"` // empty: libc
	Locale   string `json:"locale,omitempty"`

	// Others are sessions of somebody else, such as an exporter. They come back so many times after they were ended.
	Others  int `json:"others,omitempty"`
	Returns int `json:"returns,omitempty"`
}

// Table is a table as it is, for forms of the tables that no role has.
type Table struct {
	Schema  string      `json:"schema"`
	Name    string      `json:"name"`
	Columns [][2]string `json:"columns"` // name, type
	Rows    [][]*string `json:"rows,omitempty"`
}

// Fresh is what initdb and the first start leave: the administration database, and nothing in it.
func Fresh(version, user, password, admin string) State {
	return State{Version: version, User: user, Password: password, Databases: map[string]*Database{"postgres": {Bytes: emptyBytes}, admin: {Bytes: emptyBytes}}}
}

const emptyBytes = 7 << 20 // what a new database takes on disk

// read reads the text of a volume.
func read(text string) (*State, error) {
	var s State
	if err := json.Unmarshal([]byte(text), &s); err != nil || s.Databases == nil {
		return nil, fmt.Errorf("the data directory is damaged: %.200s", text)
	}
	return &s, nil
}

func (s *State) text() string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("sim: a state that is not JSON: %v", err)) // only texts and numbers are in it
	}
	return string(text)
}

// owns says whether the user has the rights of the owner.
func (s *State) owns(owner string) bool { return !s.Limited || owner == "" || owner == s.User }

func (s *State) major() int { return postgres.ParseVersion(s.Version) }

func (s *State) bytes() (sum int64) {
	for _, d := range s.Databases {
		sum += d.Bytes
	}
	return sum
}

func (s *State) capacity() int64 {
	if s.Capacity == 0 {
		return 1 << 40
	}
	return s.Capacity
}

func (d *Database) empty() bool { return d.Role == "" && len(d.Tables) == 0 && !d.Partial }

func number(n *int64) *string {
	if n == nil {
		return nil
	}
	text := strconv.FormatInt(*n, 10)
	return &text
}

func text(s string) *string { return &s }

// tables are all that can be asked for.
func (d *Database) tables() []Table {
	all := slices.Clone(d.Tables)
	switch {
	case d.Partial: // what was loaded so far is not what anybody looks for
	case d.Role == postgres.Participant:
		var id *string
		if d.Participant != "" {
			id = &d.Participant
		}
		all = append(all, Table{Schema: d.Schema, Name: postgres.LedgerTable,
			Columns: [][2]string{{postgres.LedgerEndColumn, "bigint"}, {postgres.ParticipantColumn, "character varying"}, {postgres.PrunedColumn, "bigint"}},
			Rows:    [][]*string{{number(d.LedgerEnd), id, number(d.PrunedUpTo)}}})
		if d.KeysChanged != nil {
			all = append(all, d.accounts()...)
		}
	case d.Role.App():
		t := Table{Schema: d.Schema, Name: postgres.StoresTable,
			Columns: [][2]string{{postgres.OffsetColumn, "text"}, {postgres.MigrationColumn, "bigint"}, {postgres.StoreColumn, "integer"}}}
		for _, r := range d.Stores {
			row := []*string{nil, number(&r.Migration), number(&r.ID)}
			if r.Offset != nil {
				row[0] = text(fmt.Sprintf("%018x", *r.Offset))
			}
			t.Rows = append(t.Rows, row)
		}
		all = append(all, t)
	}
	return all
}
