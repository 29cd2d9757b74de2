package contract

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/steps/postgres"
)

// Tables of a participant's keys and users, with the columns that are read.
func topologyTable(rows ...[]string) Table {
	return Table{"participant", postgres.TopologyTable, [][2]string{{"transaction_type", "integer"}, {"namespace", "varchar"}, {"identifier", "varchar"}, {"rejection_reason", "varchar"},
		{"is_proposal", "boolean"}, {"sequenced", "bigint"}}, rows}
}

func usersTable(at ...time.Time) Table {
	t := Table{"participant", postgres.UsersTable, [][2]string{{"created_at", "bigint"}}, nil}
	for _, a := range at {
		t.Rows = append(t.Rows, []string{strconv.FormatInt(a.UnixMicro(), 10)})
	}
	return t
}

func accounts(t *testing.T, w *World) {
	now := real.Now().UTC().Truncate(time.Second)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	us := func(at time.Time) string { return strconv.FormatInt(at.UnixMicro(), 10) }
	hour := time.Hour
	ledger := ledgerTable("participant", "59", "PAR::sv::1220", "12")
	keys := func(kind, namespace, identifier, reason, proposal string, at string) []string {
		return []string{kind, namespace, identifier, reason, proposal, at}
	}
	own := topologyTable(keys("4", "1220", "sv", "NULL", "false", us(ago(5*hour))), keys("1", "1220", "", "NULL", "false", us(ago(9*hour))),
		keys("4", "1220", "sv", "it was wrong", "false", us(ago(hour))), keys("4", "1220", "sv", "NULL", "true", us(ago(hour))), keys("4", "1220", "med", "NULL", "false", us(ago(hour))),
		keys("4", "1221", "sv", "NULL", "false", us(ago(hour))), keys("9", "1220", "sv", "NULL", "false", us(ago(hour))))
	for _, c := range []struct {
		name              string
		tables            []Table
		since             time.Time
		changed           time.Time
		users             int
		keysWhy, usersWhy string
	}{
		{"all", []Table{ledger, own, usersTable(ago(4*hour), ago(2*hour), ago(hour))}, ago(3 * hour), ago(5 * hour), 2, "", ""},
		{"a namespace that was delegated since", []Table{ledger, topologyTable(keys("4", "1220", "sv", "NULL", "false", us(ago(5*hour))), keys("1", "1220", "", "NULL", "false", us(ago(hour)))), usersTable()},
			ago(hour), ago(hour), 0, "", ""},
		{"from the beginning", []Table{ledger, topologyTable(keys("4", "1220", "sv", "NULL", "false", "-62135596800000000")), usersTable(ago(hour))}, time.Time{}, time.Time{}, 0, "", "no backup set"},
		{"milliseconds", []Table{ledger, topologyTable(keys("4", "1220", "sv", "NULL", "false", strconv.FormatInt(now.UnixMilli(), 10))),
			{"participant", postgres.UsersTable, [][2]string{{"created_at", "bigint"}}, [][]string{{strconv.FormatInt(now.UnixNano(), 10)}}}}, ago(hour), time.Time{}, 0, "unit", "unit"},
		{"of another participant", []Table{ledger, topologyTable(keys("4", "1221", "sv", "NULL", "false", us(now))), usersTable()}, ago(hour), time.Time{}, 0, "no mapping of this participant", ""},
		{"no tables", []Table{ledger}, ago(hour), time.Time{}, 0, "no table common_topology_transactions", "no table lapi_users"},
		{"no columns", []Table{ledger, {"participant", postgres.TopologyTable, [][2]string{{"id", "bigint"}}, nil}, {"participant", postgres.UsersTable, [][2]string{{"id", "bigint"}}, nil}},
			ago(hour), time.Time{}, 0, "its form is not known", "its form is not known"},
		{"nobody", []Table{ledgerTable("participant", "59", "NULL", "12"), own, usersTable(ago(hour))}, ago(2 * hour), time.Time{}, 1, "ID is not known", ""},
		{"nothing", nil, ago(hour), time.Time{}, 0, "no table lapi_parameters", "no table lapi_parameters"},
	} {
		w.Seed(t, c.name, c.tables)
		a, err := w.databases(real).Accounts(t.Context(), postgres.Database{Role: postgres.Participant, Name: c.name, Schema: "participant", Server: w.server()}, c.since)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		says := func(why, want string) bool { return strings.Contains(why, want) && (why == "") == (want == "") }
		if !a.KeysChanged.Equal(c.changed) || a.Users != c.users || !says(a.KeysWhy, c.keysWhy) || !says(a.UsersWhy, c.usersWhy) {
			t.Errorf("%s: %+v", c.name, a)
		}
	}
}
