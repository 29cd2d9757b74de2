package sim

import (
	"bytes"
	"context"
	"net"
	"strings"
	"testing"

	"canton.example/svrescue/steps/postgres"
	"github.com/jackc/pgx/v5/pgconn"
	"k8s.io/utils/clock"
)

func rig(t *testing.T) (*Server, func(database string) *pgconn.PgConn) {
	t.Helper()
	volume := ""
	s := New(Options{Clock: clock.RealClock{}, Load: func() string { return volume }, Store: func(text string) { volume = text },
		Fresh: func() State { return Fresh("17.2", "cnadmin", "invented", "cantonnet") }})
	return s, func(database string) *pgconn.PgConn {
		c, err := pgconn.ParseConfig("host=pg user=cnadmin password=invented sslmode=prefer dbname=" + database)
		if err != nil {
			t.Fatal(err)
		}
		c.LookupFunc = func(context.Context, string) ([]string, error) { return []string{"192.0.2.1"}, nil }
		c.DialFunc = func(context.Context, string, string) (net.Conn, error) { return s.Dial(t.Context()) }
		conn, err := pgconn.ConnectConfig(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close(context.Background()) })
		return conn
	}
}

func TestWhatTheProductDoesNotSendIsAnErrorAndRemembered(t *testing.T) {
	s, connect := rig(t)
	conn := connect("cantonnet")
	if _, err := conn.Exec(t.Context(), "SELECT pg_sleep(1)").ReadAll(); err == nil {
		t.Error("an unknown statement was answered")
	}
	if r := conn.ExecParams(t.Context(), "DELETE FROM sv.store", nil, nil, nil, nil).Read(); r.Err == nil {
		t.Error("an unknown statement was answered")
	}
	if code := s.Exec(t.Context(), []string{"rm", "-rf", "/"}, nil, &bytes.Buffer{}, &bytes.Buffer{}); code != 127 {
		t.Errorf("an unknown command ended with %d", code)
	}
	if got := strings.Join(s.Unknown(), "|"); got != "SELECT pg_sleep(1)|DELETE FROM sv.store|rm -rf /" {
		t.Errorf("remembered: %s", got)
	}
	// After an error the session goes on.
	if results, err := conn.Exec(t.Context(), postgres.Version().SQL+";").ReadAll(); err != nil || string(results[0].Rows[0][0]) != "170000" {
		t.Errorf("%v, %v", results, err)
	}
}

// What a transaction did is seen by it, by others when it is committed, and by nobody when it was not.
func TestTransactions(t *testing.T) {
	s, connect := rig(t)
	conn := connect("cantonnet")
	send := func(st postgres.Statement, err error) error {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		_, err = conn.Exec(t.Context(), st.SQL).ReadAll()
		return err
	}
	has := func(name string) bool {
		state, err := s.State()
		return err == nil && state.Databases[name] != nil
	}
	rename := func(from, to string) error { return send(postgres.RenameTo(postgres.Rename{From: from, To: to})) }
	for _, do := range []func() error{
		func() error {
			return send(postgres.Create("a", postgres.Traits{Owner: "cnadmin", Encoding: "UTF8", Collate: "C", Ctype: "C", Provider: "c"}))
		},
		func() error { return send(postgres.Begin(), nil) },
		func() error { return rename("a", "b") },
		func() error { return rename("b", "c") },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	if !has("a") || has("c") {
		t.Error("others see it before it is committed")
	}
	if err := rename("a", "d"); err == nil {
		t.Error("the transaction does not see what it did")
	}
	if err := rename("c", "d"); err == nil || !strings.Contains(err.Error(), "25P02") {
		t.Errorf("after an error: %v", err)
	}
	if err := send(postgres.Commit(), nil); err != nil || !has("a") || has("c") {
		t.Errorf("a transaction that failed was committed: %v", err)
	}
	for _, st := range []postgres.Statement{postgres.Look(), postgres.Rollback()} {
		if err := send(st, nil); err != nil {
			t.Fatal(err)
		}
	}
	if send(postgres.Look(), nil) != nil || rename("a", "b") == nil {
		t.Error("a transaction that only reads has renamed")
	}
}
