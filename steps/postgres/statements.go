package postgres

import (
	"fmt"
	"strings"
)

// Statement is one thing that is sent to a server. Every statement of the product is made here, by name, so that what can be sent can be
// read in one place, and so that the simulated server knows each one.
type Statement struct {
	Name string
	SQL  string
	Args []string // of $1, $2…, as texts
}

// Tables that tell how far a database has got (reference/backups.md 1), and their columns.
const (
	LedgerTable = "lapi_parameters"
	StoresTable = "store_last_ingested_offsets"

	LedgerEndColumn   = "ledger_end"
	PrunedColumn      = "participant_pruned_up_to_inclusive"
	ParticipantColumn = "participant_id"

	StoreColumn     = "store_id"
	MigrationColumn = "migration_id"
	OffsetColumn    = "last_ingested_offset"
)

// form is the shape of a statement: %I stands for a name, %L for a text, %C for a column or NULL in its place.
type form struct{ name, text string }

// Names are qualified throughout: a database that was restored from a dump may hold functions that have the names of the server's own.
var (
	// Transactions.
	look     = form{"look", "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"}
	begin    = form{"begin", "BEGIN"}
	commit   = form{"commit", "COMMIT"}
	rollback = form{"rollback", "ROLLBACK"}
	// Limits hold for the transaction only: behind a connection pooler, a session is other people's too.
	limits = form{"limits", "SELECT pg_catalog.set_config('statement_timeout', $1, true), pg_catalog.set_config('lock_timeout', $2, true), pg_catalog.set_config('search_path', 'pg_catalog', true)"}

	// Reads.
	version   = form{"version", "SELECT pg_catalog.current_setting('server_version_num'), pg_catalog.current_setting('server_version')"}
	databases = form{"databases", "SELECT d.datname::text, CASE WHEN pg_catalog.has_database_privilege(d.oid, 'CONNECT') THEN pg_catalog.pg_database_size(d.oid) ELSE -1 END::text, " +
		"(SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity a WHERE a.datid = d.oid AND a.pid <> pg_catalog.pg_backend_pid())::text, " +
		"COALESCE(pg_catalog.shobj_description(d.oid, 'pg_database'), '') FROM pg_catalog.pg_database d WHERE NOT d.datistemplate ORDER BY 1"}
	listed  = form{"names", "SELECT d.datname::text, COALESCE(pg_catalog.shobj_description(d.oid, 'pg_database'), '') FROM pg_catalog.pg_database d ORDER BY 1"}
	columns = form{"columns", "SELECT n.nspname::text, a.attname::text, pg_catalog.format_type(a.atttypid, NULL) FROM pg_catalog.pg_attribute a " +
		"JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace " +
		"WHERE c.relname = $1 AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, 2"}
	ledger = form{"ledger", "SELECT %C, %C, %C FROM %I.lapi_parameters"}
	stores = form{"stores", "SELECT %C, %C, %C FROM %I.store_last_ingested_offsets"}
	// Transactions of the codes 1 (delegation of a namespace) and 4 (owner to keys), in force or once in force.
	keysChanged = form{"keys changed", "SELECT COALESCE(pg_catalog.max(t.sequenced), 0)::text, pg_catalog.count(*)::text FROM %I.common_topology_transactions t " +
		"WHERE t.namespace = $1 AND (t.transaction_type = 1 OR t.transaction_type = 4 AND t.identifier = $2) AND t.rejection_reason IS NULL AND NOT t.is_proposal"}
	usersSince = form{"users since", "SELECT (pg_catalog.count(*) FILTER (WHERE u.created_at > $1::bigint))::text, COALESCE(pg_catalog.max(u.created_at), 0)::text FROM %I.lapi_users u"}
	// Objects with numbers from 16384 on are those that were made after initdb: a new database from template0 has none.
	contents = form{"contents", "SELECT ((SELECT pg_catalog.count(*) FROM pg_catalog.pg_class WHERE oid >= 16384) + (SELECT pg_catalog.count(*) FROM pg_catalog.pg_namespace WHERE oid >= 16384) + " +
		"(SELECT pg_catalog.count(*) FROM pg_catalog.pg_type WHERE oid >= 16384) + (SELECT pg_catalog.count(*) FROM pg_catalog.pg_proc WHERE oid >= 16384) + " +
		"(SELECT pg_catalog.count(*) FROM pg_catalog.pg_extension WHERE oid >= 16384))::text"}
	// The columns of the locale have other names from one version to the next; as JSON, a column that is not there is no error.
	// PostgreSQL 15 brought datlocprovider and daticulocale, 16 daticurules, and 17 calls daticulocale datlocale.
	traits = form{"traits", "SELECT pg_catalog.pg_get_userbyid(d.datdba)::text, pg_catalog.pg_encoding_to_char(d.encoding)::text, d.datcollate::text, d.datctype::text, " +
		"COALESCE(pg_catalog.to_jsonb(d) ->> 'datlocprovider', ''), COALESCE(pg_catalog.to_jsonb(d) ->> 'datlocale', pg_catalog.to_jsonb(d) ->> 'daticulocale', ''), " +
		"COALESCE(pg_catalog.to_jsonb(d) ->> 'daticurules', '') FROM pg_catalog.pg_database d WHERE d.datname = $1"}
	// Who creates a database, gives it another name or removes it must be allowed to make databases (a superuser is) and hold the rights of
	// its owner; to make one for an owner, PostgreSQL 16 and later want the right to act as that owner (SET), earlier ones membership.
	rights = form{"rights", "SELECT r.rolname::text, r.rolsuper::text, r.rolcreatedb::text, d.datname::text, pg_catalog.pg_get_userbyid(d.datdba)::text, " +
		"pg_catalog.pg_has_role(d.datdba, 'USAGE')::text, " +
		"pg_catalog.pg_has_role(d.datdba, CASE WHEN pg_catalog.current_setting('server_version_num')::integer >= 160000 THEN 'SET' ELSE 'MEMBER' END)::text " +
		"FROM pg_catalog.pg_roles r CROSS JOIN pg_catalog.pg_database d WHERE r.rolname = current_user AND NOT d.datistemplate ORDER BY 4"}
	extensions = form{"extensions", "SELECT e.name::text, pg_catalog.bool_or(e.trusted OR NOT e.superuser)::text FROM pg_catalog.pg_available_extension_versions e GROUP BY 1 ORDER BY 1"}
	sessions   = form{"sessions", "SELECT COALESCE(a.usename::text, ''), COALESCE(a.application_name, ''), pg_catalog.count(*)::text FROM pg_catalog.pg_stat_activity a " +
		"WHERE a.datname = $1 AND a.pid <> pg_catalog.pg_backend_pid() GROUP BY 1, 2 ORDER BY 1, 2"}

	// Changes. Sessions that this user may not end are left out: one of them would make an error of the whole statement.
	terminate = form{"terminate", "SELECT pg_catalog.count(*) FILTER (WHERE pg_catalog.pg_terminate_backend(a.pid))::text FROM pg_catalog.pg_stat_activity a " +
		"JOIN pg_catalog.pg_roles r ON r.oid = a.usesysid WHERE a.datname = $1 AND a.pid <> pg_catalog.pg_backend_pid() AND " +
		"((SELECT me.rolsuper FROM pg_catalog.pg_roles me WHERE me.rolname = current_user) OR NOT r.rolsuper AND " +
		"(pg_catalog.pg_has_role(a.usesysid, 'USAGE') OR pg_catalog.pg_has_role('pg_signal_backend', 'USAGE')))"}
	create        = form{"create", "CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING %L LC_COLLATE %L LC_CTYPE %L"}
	createLibc    = form{"create", create.text + " LOCALE_PROVIDER libc"}
	createICU     = form{"create", create.text + " LOCALE_PROVIDER icu ICU_LOCALE %L"}
	createRules   = form{"create", create.text + " LOCALE_PROVIDER icu ICU_LOCALE %L ICU_RULES %L"}
	createBuiltin = form{"create", create.text + " LOCALE_PROVIDER builtin BUILTIN_LOCALE %L"}
	drop          = form{"drop", "DROP DATABASE IF EXISTS %I WITH (FORCE)"}
	rename        = form{"rename", "ALTER DATABASE %I RENAME TO %I"}
	comment       = form{"comment", "COMMENT ON DATABASE %I IS %L"}
	uncomment     = form{"comment", "COMMENT ON DATABASE %I IS NULL"}
)

var forms = []form{look, begin, commit, rollback, limits, version, databases, listed, columns, ledger, stores, keysChanged, usersSince, contents, traits, rights, extensions, sessions, terminate,
	create, createLibc, createICU, createRules, createBuiltin, drop, rename, comment, uncomment}

// Look begins a transaction that can only read, and sees one moment.
func Look() Statement { return look.plain() }

// Begin begins a transaction that changes.
func Begin() Statement    { return begin.plain() }
func Commit() Statement   { return commit.plain() }
func Rollback() Statement { return rollback.plain() }

// Limits bounds, within a transaction, how long a statement may take and wait, in milliseconds.
func Limits(statement, lock int64) Statement {
	return limits.plain(fmt.Sprint(statement), fmt.Sprint(lock))
}

// Version asks for the version as a number (150004) and as a text ("15.4 (Debian 15.4-1)").
func Version() Statement { return version.plain() }

// Databases lists the databases that are no templates: name, bytes (-1: not allowed to see), sessions of others, comment.
func Databases() Statement { return databases.plain() }

// Names lists all databases: name, comment.
func Names() Statement { return listed.plain() }

// Columns asks where a table is and what columns it has: schema, column, type.
func Columns(table string) Statement { return columns.plain(table) }

// Contents counts what a database holds beyond what a new one does.
func Contents() Statement { return contents.plain() }

// TraitsOf asks for what CREATE DATABASE must say to make a database like this one; ReadTraits reads the row.
func TraitsOf(database string) Statement { return traits.plain(database) }

// RightsOf asks what the user of the session may do: user, superuser, may create databases, and for each database its name, its owner,
// whether the user has the owner's rights, and whether it may make a database that belongs to that owner. ReadRights reads the rows.
func RightsOf() Statement { return rights.plain() }

// Extensions lists the extensions that the server has: name, whether a user who is no superuser can install it.
func Extensions() Statement { return extensions.plain() }

// Sessions lists who else is connected to a database: user, application, number.
func Sessions(database string) Statement { return sessions.plain(database) }

// Terminate ends the sessions of others on a database, as far as this user may, and counts them.
func Terminate(database string) Statement { return terminate.plain(database) }

// Ledger reads the participant's position in the order end, pruned, participant; a column that is not there is given as "".
func Ledger(schema, end, pruned, participant string) (Statement, error) {
	return ledger.with(end, pruned, participant, schema)
}

// Stores reads the rows of an app's stores in the order store, migration, offset.
func Stores(schema string) (Statement, error) {
	return stores.with(StoreColumn, MigrationColumn, OffsetColumn, schema)
}

// Traits are what is decided about a database when it is made.
type Traits struct {
	Owner, Encoding, Collate, Ctype string
	Provider                        string // "": a server before 15; c: libc, i: ICU, b: builtin (from 17)
	Locale, Rules                   string // of ICU and builtin
}

// ReadTraits reads the row of TraitsOf.
func ReadTraits(row []string) (Traits, error) {
	if len(row) != 7 {
		return Traits{}, fmt.Errorf("%d columns describe a database where 7 were asked for", len(row))
	}
	return Traits{row[0], row[1], row[2], row[3], row[4], row[5], row[6]}, nil
}

// Create makes an empty database. It starts from template0, which alone allows any encoding and locale and which nobody adds to.
func Create(name string, t Traits) (Statement, error) {
	parts := []string{name, t.Owner, t.Encoding, t.Collate, t.Ctype}
	switch {
	case t.Provider == "":
		return create.with(parts...)
	case t.Provider == "c":
		return createLibc.with(parts...)
	case t.Provider == "i" && t.Rules == "":
		return createICU.with(append(parts, t.Locale)...)
	case t.Provider == "i":
		return createRules.with(append(parts, t.Locale, t.Rules)...)
	case t.Provider == "b":
		return createBuiltin.with(append(parts, t.Locale)...)
	}
	return Statement{}, fmt.Errorf("the locale provider %q of the server is not known", t.Provider)
}

// Drop removes a database of ours and ends the sessions on it. Another database is refused: nothing else is ever dropped.
func Drop(name string) (Statement, error) {
	if !Ours(name) {
		return Statement{}, fmt.Errorf("the database %q was not made by a run of this program, so it is not dropped", name)
	}
	return drop.with(name)
}

// RenameTo gives a database another name. It waits 5 s for sessions on it to end, and lets no new one begin until the transaction ends.
func RenameTo(r Rename) (Statement, error) { return rename.with(r.From, r.To) }

// Comment sets the comment of a database; empty takes it away.
func Comment(name, text string) (Statement, error) {
	if text == "" {
		return uncomment.with(name)
	}
	return comment.with(name, text)
}

func (f form) plain(args ...string) Statement {
	return Statement{Name: f.name, SQL: f.text, Args: args}
}

// with puts the parts into their places, each quoted as its place wants it.
func (f form) with(parts ...string) (Statement, error) {
	var b strings.Builder
	text := f.text
	for _, part := range parts {
		before, after, ok := strings.Cut(text, "%")
		if !ok || after == "" {
			return Statement{}, fmt.Errorf("statement %s has no place for %q", f.name, part)
		}
		quoted, err := literal(part)
		switch {
		case after[0] == 'I':
			quoted, err = Identifier(part)
		case after[0] == 'C' && part == "":
			quoted = "NULL::text"
		case after[0] == 'C':
			quoted, err = Identifier(part)
			quoted += "::text"
		}
		if err != nil {
			return Statement{}, err
		}
		b.WriteString(before + quoted)
		text = after[1:]
	}
	b.WriteString(text)
	return Statement{Name: f.name, SQL: b.String()}, nil
}

// Recognise finds which statement of the product a text is, and the names and texts that were put into it, in their order. It is for
// what stands in for a server.
func Recognise(sql string) (name string, parts []string, ok bool) {
	for _, f := range forms {
		if parts, ok := f.match(sql); ok {
			return f.name, parts, true
		}
	}
	return "", nil, false
}

func (f form) match(sql string) (parts []string, ok bool) {
	text := f.text
	for {
		before, after, more := strings.Cut(text, "%")
		if !more {
			return parts, sql == text
		}
		if sql, ok = strings.CutPrefix(sql, before); !ok {
			return nil, false
		}
		var part string
		switch after[0] {
		case 'L':
			part, sql, ok = unquote(sql, '\'')
		case 'C':
			if rest, null := strings.CutPrefix(sql, "NULL::text"); null {
				sql = rest
				break
			}
			if part, sql, ok = unquote(sql, '"'); ok {
				sql, ok = strings.CutPrefix(sql, "::text")
			}
		default:
			part, sql, ok = unquote(sql, '"')
		}
		if !ok {
			return nil, false
		}
		parts = append(parts, part)
		text = after[1:]
	}
}
