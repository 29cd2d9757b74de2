package dump

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/steps/postgres"
)

// want is how much of a table has to be read.
type want int

const (
	nothing want = iota
	anyRow       // whether it has a row
	allRows      // its rows
)

// The tables that tell. All nodes of Canton have the tables of all of them, because they share their migrations (digital-asset/canton,
// community/common/src/main/resources/db/migration/canton/postgres/stable), so a table says something only if it has rows.
// The names with "domain" are those of Canton 3.2 and older. Splice's apps share theirs too (canton-network/splice,
// apps/common/src/main/resources/db/migration): there the names of the stores tell.
const (
	parametersTable  = "lapi_parameters"
	offsetsTable     = "store_last_ingested_offsets"
	descriptorsTable = "store_descriptors"
)

var markers = map[string]postgres.Role{
	"sequencer_members":                    postgres.Sequencer,
	"sequencer_lower_bound":                postgres.Sequencer,
	"seq_block_height":                     postgres.Sequencer,
	"sequencer_synchronizer_configuration": postgres.Sequencer,
	"sequencer_domain_configuration":       postgres.Sequencer,
	"mediator_synchronizer_configuration":  postgres.Mediator,
	"mediator_domain_configuration":        postgres.Mediator,
	"med_response_aggregations":            postgres.Mediator,
}

// stores are names of stores that one app alone has, as they stand in store_descriptors (canton-network/splice, DbScanStore,
// DbSvDsoStore, DbSvSvStore, DbValidatorStore).
var stores = map[string]postgres.Role{
	"DbScanStore": postgres.Scan, "DbSvDsoStore": postgres.SV, "DbSvSvStore": postgres.SV, "DbValidatorStore": postgres.Validator,
}

func wanted(table string) want {
	switch table {
	case parametersTable, offsetsTable, descriptorsTable:
		return allRows
	}
	if _, ok := markers[table]; ok {
		return anyRow
	}
	return nothing
}

// field is a value of a row; null where it is NULL.
type field struct {
	text string
	null bool
}

// row is a row by the names of its columns.
type row map[string]field

// facts are what the tables of one schema say.
type facts struct {
	exists map[string]bool // tables that are defined or have data here
	rows   map[string]int  // rows seen, for those that are wanted
	data   map[string]bool // a block of data was there, and ended
	bad    map[string]string
	roles  map[postgres.Role]bool // by markers that have rows
	apps   map[postgres.Role]bool // by the names of stores

	end, pruned *int64
	published   *time.Time
	participant string
	newest      *int64 // migration
	kept        []postgres.Store
	byInsert    map[string]bool
}

func newFacts() *facts {
	return &facts{exists: map[string]bool{}, rows: map[string]int{}, data: map[string]bool{}, bad: map[string]string{}, roles: map[postgres.Role]bool{}, apps: map[postgres.Role]bool{}}
}

// fail notes why a table is not determined; the first reason stays.
func (f *facts) fail(table, format string, args ...any) {
	if f.bad[table] == "" {
		f.bad[table] = fmt.Sprintf(format, args...)
	}
}

// needed are the columns without which rows of a table say nothing.
var needed = map[string][]string{
	parametersTable:  {"ledger_end"},
	offsetsTable:     {"store_id", "migration_id", "last_ingested_offset"},
	descriptorsTable: {"descriptor"},
}

// columns notes whether the columns of a table are those that are known.
func (f *facts) columns(table string, columns []string) {
	for _, c := range needed[table] {
		if !slices.Contains(columns, c) {
			f.fail(table, "%s has no column %s that is known", table, c)
		}
	}
}

// add takes one row of a table.
func (f *facts) add(table string, r row) {
	f.rows[table]++
	if role, ok := markers[table]; ok {
		f.roles[role] = true
		return
	}
	if f.bad[table] != "" {
		return
	}
	switch table {
	case parametersTable:
		f.parameters(r)
	case offsetsTable:
		f.offset(r)
	case descriptorsTable:
		f.descriptor(r)
	}
}

func (f *facts) parameters(r row) {
	if f.rows[parametersTable] > 1 {
		f.fail(parametersTable, "%s has %d rows, where one is expected", parametersTable, f.rows[parametersTable])
		return
	}
	read := func(column string) *int64 {
		v, ok := r[column]
		if !ok || v.null {
			return nil
		}
		n, err := postgres.ParseLedgerEnd(v.text)
		if err != nil {
			f.fail(parametersTable, "%s of %s: %v", column, parametersTable, err)
			return nil
		}
		return &n
	}
	f.end = read("ledger_end")
	if f.end == nil {
		f.end = new(int64) // NULL is an empty ledger
	}
	f.pruned = read("participant_pruned_up_to_inclusive")
	f.participant = r["participant_id"].text
	if n, err := parseNumber(r["ledger_end_publication_time"]); err == nil && n > 0 { // microseconds (digital-asset/canton, ParameterStorageBackendImpl.scala)
		t := time.UnixMicro(n).UTC()
		f.published = &t
	}
}

// offset folds the rows, so that memory does not grow with them: of the highest migration, only what OfStores needs is kept.
func (f *facts) offset(r row) {
	var s postgres.Store
	for column, to := range map[string]*int64{"store_id": &s.ID, "migration_id": &s.Migration} {
		n, err := parseNumber(r[column])
		if err != nil {
			f.fail(offsetsTable, "%s of %s: %v", column, offsetsTable, err)
			return
		}
		*to = n
	}
	if v := r["last_ingested_offset"]; !v.null {
		n, err := postgres.ParseStoreOffset(v.text)
		if err != nil {
			f.fail(offsetsTable, "last_ingested_offset of %s: %v", offsetsTable, err)
			return
		}
		s.Offset = &n
	}
	switch {
	case f.newest == nil || s.Migration > *f.newest:
		f.newest, f.kept = &s.Migration, []postgres.Store{s}
	case s.Migration == *f.newest:
		f.kept = extremes(append(f.kept, s))
	}
}

// extremes keeps the rows with the lowest and the highest offset, or one without any.
func extremes(rows []postgres.Store) []postgres.Store {
	var low, high *postgres.Store
	for i := range rows {
		r := &rows[i]
		if r.Offset == nil {
			continue
		}
		if low == nil || *r.Offset < *low.Offset {
			low = r
		}
		if high == nil || *r.Offset > *high.Offset {
			high = r
		}
	}
	switch {
	case low == nil:
		return rows[:1]
	case low == high:
		return []postgres.Store{*low}
	}
	return []postgres.Store{*low, *high}
}

func (f *facts) descriptor(r row) {
	var d struct {
		Name string `json:"name"`
	}
	if json.Unmarshal([]byte(r["descriptor"].text), &d) == nil {
		if role, ok := stores[d.Name]; ok {
			f.apps[role] = true
		}
	}
}

// role says whose data the schema holds, and what is unclear about it.
func (f *facts) role(schema string) (postgres.Role, string) {
	named := postgres.Role(strings.ToLower(schema))
	if f.exists[offsetsTable] {
		if named.App() {
			return named, ""
		}
		if len(f.apps) == 1 {
			for role := range f.apps {
				return role, ""
			}
		}
		return postgres.Unknown, fmt.Sprintf("Schema %q holds the stores of an app, but which app is not known", schema)
	}
	found := maps.Clone(f.roles)
	if f.rows[parametersTable] > 0 {
		found[postgres.Participant] = true
	}
	switch len(found) {
	case 0:
		if f.exists[parametersTable] && (named == postgres.Participant || named == postgres.Sequencer || named == postgres.Mediator) {
			return named, ""
		}
		if f.exists[parametersTable] {
			return postgres.Unknown, fmt.Sprintf("Schema %q is that of a Canton node, but holds no row that tells of which", schema)
		}
		return postgres.Unknown, ""
	case 1:
		for role := range found {
			return role, ""
		}
	}
	var names []string
	for role := range found {
		names = append(names, string(role))
	}
	slices.Sort(names)
	return postgres.Unknown, fmt.Sprintf("Schema %q holds data of several nodes: %s", schema, strings.Join(names, " and "))
}

// position is what the schema says of how far its role had got; nil for roles that have none.
func (f *facts) position(role postgres.Role, name string) *postgres.Position {
	var table string
	p := postgres.Position{Role: role, Name: name}
	switch {
	case role == postgres.Participant:
		table = parametersTable
	case role.App(), role == postgres.Unknown && f.exists[offsetsTable]: // an app, whichever
		table = offsetsTable
	default:
		return nil
	}
	switch {
	case f.bad[table] != "":
		p.Why = f.bad[table]
	case !f.data[table]:
		p.Why = "the dump has no data of " + table
	case role == postgres.Participant && f.rows[table] == 0:
		p.Why = table + " has no row: the participant was never started"
	case role == postgres.Participant:
		p.LedgerEnd, p.PrunedUpTo, p.Participant = f.end, f.pruned, f.participant
	default:
		p = postgres.OfStores(role, name, f.kept)
	}
	p.From = "dump"
	return &p
}

// inserted notes that rows of a table came by INSERT, which has no end of its own.
func (f *facts) inserted(table string) {
	if f.byInsert == nil {
		f.byInsert = map[string]bool{}
	}
	f.byInsert[table] = true
}

// unsettle gives up what came by INSERT in a database whose end was not seen: more rows may have followed.
func (d *database) unsettle() {
	for _, f := range d.schemas {
		for t := range f.byInsert {
			f.fail(t, "the dump ends early, and rows of %s may be missing", t)
		}
	}
}
