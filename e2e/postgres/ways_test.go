//go:build e2e

package postgres

import (
	"context"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/postgres/client"
	"canton.example/svrescue/steps/reach/contract"
	"k8s.io/utils/clock"
)

// each runs a test on a server of each version.
func each(t *testing.T, test func(*testing.T, *server)) {
	for _, bin := range installed(t) {
		t.Run(version(bin), func(t *testing.T) { test(t, start(t, bin)) })
	}
}

func (s *server) settings() client.Settings {
	return client.Settings{Server: "apps-pg", Host: "127.0.0.1", Port: s.port, User: "cnadmin", Password: secret.New(password), Database: contract.Admin, Clock: clock.RealClock{}}
}

func (s *server) connect(t *testing.T, c client.Settings) *client.Conn {
	t.Helper()
	conn, err := client.Connect(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

func (s *server) has(t *testing.T) []string {
	t.Helper()
	names := strings.Fields(s.sql(t, "postgres", "SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1"))
	return slices.DeleteFunc(names, func(n string) bool { return n == "postgres" || n == contract.Admin })
}

var swap = []postgres.Rename{{From: "cantonnet_sv", To: "svrescue_old_cantonnet_sv_1"}, {From: "svrescue_new_cantonnet_sv_1", To: "cantonnet_sv"}}

// An exporter that connects again as fast as it can does not keep a rename from being done, all of it.
func TestRenameUnderSessionsThatComeBack(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		s.seed(t, swap[0].From, nil)
		s.seed(t, swap[1].From, nil)
		ctx, cancel := context.WithCancel(t.Context())
		var exporters []func() error
		for _, name := range []string{swap[0].From, swap[1].From} {
			c := s.command(ctx, "sh", "-c", "while :; do psql -X -q -d "+name+" -c 'SELECT pg_sleep(1)' >/dev/null 2>&1; done")
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			exporters = append(exporters, c.Wait)
		}
		defer func() {
			cancel()
			for _, wait := range exporters {
				_ = wait() // they were killed
			}
		}()
		time.Sleep(500 * time.Millisecond)
		began := time.Now()
		if err := s.connect(t, s.settings()).Rename(t.Context(), swap); err != nil {
			t.Error(err)
		}
		t.Logf("it took %s", time.Since(began))
		if got := s.has(t); !slices.Equal(got, []string{"cantonnet_sv", "svrescue_old_cantonnet_sv_1"}) {
			t.Errorf("the databases are %v", got)
		}
	})
}

// A user who is no superuser ends the sessions that it may end, and is told who holds the database otherwise.
func TestRenameWithoutSuperuser(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		s.sql(t, "postgres", "CREATE ROLE operator LOGIN CREATEDB PASSWORD 'x'")
		for _, n := range swap {
			s.sql(t, "postgres", "CREATE DATABASE "+n.From+" OWNER operator")
		}
		c := s.settings()
		c.User, c.Password = "operator", secret.New("x")
		conn := s.connect(t, c)
		s.session(t, swap[0].From) // of the superuser
		ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
		defer cancel()
		quick := s.settings()
		quick.User, quick.Password, quick.Clock = c.User, c.Password, &leaping{}
		err := s.connect(t, quick).Rename(ctx, swap)
		if client.KindOf(err) != client.InUse || !strings.Contains(err.Error(), "of cnadmin (psql) on cantonnet_sv") {
			t.Errorf("against a superuser's session: %v", err)
		}
		s.sql(t, "postgres", "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'cantonnet_sv'")
		other := s.settings()
		other.User, other.Password, other.Database = c.User, c.Password, swap[0].From
		s.connect(t, other)
		if err := conn.Rename(t.Context(), swap); err != nil {
			t.Errorf("against a session of its own: %v", err)
		}
	})
}

// leaping is a clock on which a minute passes between two looks.
type leaping struct {
	clock.RealClock
	looks int64
}

func (l *leaping) Now() time.Time {
	l.looks++
	return time.Unix(l.looks*61, 0)
}

// A server that insists on TLS is talked to with TLS, through a tunnel and without one; a password is never sent in the clear.
func TestServersThatInsist(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		s.do(t, "", "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=pg", "-days", "2")
		for _, sql := range []string{"ALTER SYSTEM SET ssl = on", "ALTER SYSTEM SET ssl_cert_file = '" + s.folder + "/cert.pem'", "ALTER SYSTEM SET ssl_key_file = '" + s.folder + "/key.pem'"} {
			s.sql(t, "postgres", sql)
		}
		rules := func(text string) {
			t.Helper()
			if err := os.WriteFile(s.folder+"/volume/pgdata/pg_hba.conf", []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			s.do(t, "", "pg_ctl", "-D", s.folder+"/volume/pgdata", "reload")
			time.Sleep(300 * time.Millisecond)
		}
		s.do(t, "", "pg_ctl", "-D", s.folder+"/volume/pgdata", "reload")
		time.Sleep(300 * time.Millisecond)
		rules("hostssl all all all scram-sha-256\n")
		tunnel := s.settings()
		tunnel.Tunnel = true
		tunnel.Dial = func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", "127.0.0.1:"+strconv.Itoa(s.port))
		}
		for name, c := range map[string]client.Settings{"tunnel": tunnel, "network": s.settings()} {
			if _, _, err := s.connect(t, c).Databases(t.Context()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		rules("host all all all password\n")
		if _, err := client.Connect(t.Context(), s.settings()); client.KindOf(err) != client.Denied || strings.Contains(err.Error(), password) {
			t.Errorf("a server that wants the password in the clear: %v", err)
		}
		rules("host all all all md5\n")
		s.connect(t, s.settings())
		rules("host all all all reject\n")
		if _, err := client.Connect(t.Context(), s.settings()); client.KindOf(err) != client.Denied {
			t.Errorf("a server that refuses: %v", err)
		}
		rules("host all all all trust\n")
	})
}

// A database whose locale is not the system library's is made again as it was.
func TestOtherLocales(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		major := postgres.ParseVersion(version(s.bin))
		for name, locale := range map[string]struct {
			since int
			sql   string
		}{
			"icu":     {15, "LOCALE_PROVIDER icu ICU_LOCALE 'de-u-co-phonebk'"},
			"rules":   {16, "LOCALE_PROVIDER icu ICU_LOCALE 'de' ICU_RULES '&V << w <<< W'"},
			"builtin": {17, "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"},
		} {
			if major < locale.since {
				continue
			}
			s.sql(t, "postgres", "CREATE DATABASE "+name+" TEMPLATE template0 "+locale.sql+" LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'")
			made := postgres.NewName(name, "1")
			if err := s.connect(t, s.settings()).Create(t.Context(), made, name); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			of := func(name string) string {
				return s.sql(t, "postgres", "SELECT to_jsonb(d) - 'oid' - 'datname' - 'datfrozenxid' - 'datminmxid' FROM pg_database d WHERE datname = "+literal(name))
			}
			if a, b := of(name), of(made); a != b {
				t.Errorf("made %s like %s", b, a)
			}
		}
	})
}
