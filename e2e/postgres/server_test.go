//go:build e2e

// Package postgres runs the contract of package reach against real PostgreSQL servers, one of each version that is installed.
package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"canton.example/svrescue/steps/reach/contract"
)

// password has what a password can have.
const password = `p"w'd \ $HOME ü %s;`

// server is a real server on loopback, run by the account postgres where the tests are root's.
type server struct {
	bin, folder string
	port        int
	as          *syscall.Credential
	small       bool // its volume is one that can be filled
}

func (s *server) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	if _, err := os.Stat(s.bin + "/" + name); err == nil {
		name = s.bin + "/" + name // not that of another version
	}
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = s.folder
	c.Env = []string{"PATH=" + s.bin + ":/usr/bin:/bin", "PGDATA=" + s.folder + "/volume/pgdata", "LC_ALL=C.UTF-8", "PGPASSWORD=" + password, "PGUSER=cnadmin", "PGHOST=127.0.0.1", "PGPORT=" + strconv.Itoa(s.port)}
	if s.as != nil {
		c.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	}
	return c
}

// do runs a program that has to succeed, and answers what it said.
func (s *server) do(t testing.TB, input string, name string, args ...string) string {
	t.Helper()
	c := s.command(context.Background(), name, args...)
	c.Stdin = strings.NewReader(input)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func (s *server) sql(t testing.TB, database, sql string) string {
	t.Helper()
	return s.do(t, sql, "psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", "dbname='"+strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(database)+"'")
}

// start makes a server in a folder of its own. volume, if not empty, is where its data are to be.
func start(t testing.TB, bin string) *server {
	t.Helper()
	folder, err := os.MkdirTemp("", "svrescue-pg-")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{bin: bin, folder: folder}
	t.Cleanup(func() { os.RemoveAll(folder) })
	if os.Geteuid() == 0 {
		account, err := user.Lookup("postgres")
		if err != nil {
			t.Skip("root cannot run a server, and there is no account postgres")
		}
		uid, _ := strconv.Atoi(account.Uid)
		gid, _ := strconv.Atoi(account.Gid)
		s.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		if err := os.Chown(folder, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	l.Close()
	s.do(t, "", "mkdir", "volume")
	volume := folder + "/volume"
	if s.small = os.Geteuid() == 0 && syscall.Mount("tmpfs", volume, "tmpfs", 0, "size=300m") == nil; s.small {
		t.Cleanup(func() { _ = syscall.Unmount(volume, syscall.MNT_DETACH) }) // the folder stays if it fails, which is seen
		if err := os.Chown(volume, int(s.as.Uid), int(s.as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	s.do(t, password+"\n", "sh", "-c", "cat > pw")
	s.do(t, "", "initdb", "-D", folder+"/volume/pgdata", "-U", "cnadmin", "--pwfile=pw", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync")
	s.do(t, "", "pg_ctl", "-D", folder+"/volume/pgdata", "-w", "-l", folder+"/log", "-o",
		fmt.Sprintf("-c listen_addresses=127.0.0.1 -c port=%d -c unix_socket_directories=%s -c fsync=off -c max_prepared_transactions=2", s.port, s.sockets()), "start")
	t.Cleanup(func() {
		_ = s.command(context.Background(), "pg_ctl", "-D", folder+"/volume/pgdata", "-m", "immediate", "stop").Run() // it may be gone
	})
	s.sql(t, "postgres", "CREATE DATABASE "+contract.Admin)
	return s
}

// reset takes away what a case has made.
func (s *server) reset(t testing.TB) {
	t.Helper()
	if err := os.RemoveAll(s.folder + "/volume/filling"); err != nil {
		t.Fatal(err)
	}
	for _, held := range strings.Fields(s.sql(t, "postgres", "SELECT database FROM pg_prepared_xacts")) {
		s.sql(t, held, "ROLLBACK PREPARED 'held'")
	}
	s.sql(t, "postgres", `SELECT format('DROP DATABASE %I WITH (FORCE)', datname) FROM pg_database WHERE NOT datistemplate AND datname NOT IN ('postgres', '`+contract.Admin+`') \gexec`)
}

// plain makes a user who is no superuser.
func (s *server) plain(t testing.TB, owns string) string {
	t.Helper()
	s.sql(t, "postgres", "CREATE ROLE plain LOGIN CREATEDB PASSWORD "+literal(password)+";\nALTER DATABASE "+identifier(owns)+" OWNER TO plain")
	t.Cleanup(func() { s.sql(t, "postgres", "DROP ROLE plain") }) // when the case has taken away what it owns
	return "plain"
}

// sockets is where the clients look by themselves, if the server may write there.
func (s *server) sockets() string {
	if s.command(context.Background(), "test", "-w", "/var/run/postgresql").Run() == nil {
		return "/var/run/postgresql"
	}
	return s.folder
}

func world(s *server) *contract.World {
	w := &contract.World{
		Password: password, Port: s.port,
		Dial: func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)))
		},
		Exec:    s.exec,
		Seed:    s.seed,
		Count:   s.count,
		Session: s.session,
		Hold:    s.hold,
		Dumps:   s.dumps,
		Locale:  s.locale,
		Plain:   s.plain,
	}
	if s.small {
		w.Fill = s.fill
	}
	return w
}

// fill leaves so many bytes of the volume.
func (s *server) fill(t testing.TB, left int64) {
	t.Helper()
	var room syscall.Statfs_t
	if err := syscall.Statfs(s.folder+"/volume", &room); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.folder+"/volume/filling", make([]byte, int64(room.Bavail)*room.Bsize-left), 0o600); err != nil {
		t.Fatal(err)
	}
}

// exec runs a command as a container would: without what this test has in its environment.
func (s *server) exec(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) int {
	c := s.command(ctx, argv[0], argv[1:]...)
	c.Env = append(c.Env[:2:2], "PGHOST=192.0.2.1", "PGUSER=nobody", "PGOPTIONS=-c wrong=1", "PGPASSWORD=wrong", "LC_ALL=C.UTF-8")
	c.Stdin, c.Stdout, c.Stderr = stdin, stdout, stderr
	err := c.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return exit.ExitCode()
	case err != nil && c.ProcessState == nil:
		fmt.Fprintln(stderr, err)
		return 127
	}
	return 0 // the command ended well, whether or not it read all
}

func identifier(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
func literal(text string) string {
	if text == "NULL" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

func (s *server) seed(t testing.TB, name string, tables []contract.Table) {
	t.Helper()
	s.sql(t, "postgres", "CREATE DATABASE "+identifier(name)+" TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'")
	var b strings.Builder
	for _, table := range tables {
		full := identifier(table.Schema) + "." + identifier(table.Name)
		fmt.Fprintf(&b, "CREATE SCHEMA IF NOT EXISTS %s;\nCREATE TABLE %s (", identifier(table.Schema), full)
		for i, c := range table.Columns {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(identifier(c[0]) + " " + c[1])
		}
		b.WriteString(");\n")
		for i, row := range table.Rows {
			if i == 0 {
				b.WriteString("INSERT INTO " + full + " VALUES\n")
			} else {
				b.WriteString(",\n")
			}
			values := make([]string, len(row))
			for j, v := range row {
				values[j] = literal(v)
			}
			b.WriteString("(" + strings.Join(values, ", ") + ")")
		}
		b.WriteString(";\n")
	}
	s.sql(t, name, b.String())
}

func (s *server) count(t testing.TB, name string, table contract.Table) (int, bool) {
	full := identifier(table.Schema) + "." + identifier(table.Name)
	if s.sql(t, name, "SELECT to_regclass('"+full+"') IS NULL") == "t" {
		return 0, false
	}
	n, err := strconv.Atoi(s.sql(t, name, "SELECT count(*) FROM "+full))
	if err != nil {
		t.Fatal(err)
	}
	return n, true
}

func (s *server) session(t testing.TB, name string) {
	t.Helper()
	c := s.command(context.Background(), "psql", "-X", "-A", "-t", "-q", "-d", name)
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = c.Wait() }) // it may have been ended
	io.WriteString(in, "SELECT 'connected';\n")
	if line, err := io.ReadAll(io.LimitReader(out, 9)); err != nil || string(line) != "connected" {
		t.Fatalf("session on %s: %q, %v", name, line, err)
	}
}

// hold prepares a transaction, which only its own database can end.
func (s *server) hold(t testing.TB, name string) {
	s.sql(t, name, "BEGIN; CREATE TABLE held (); PREPARE TRANSACTION 'held';")
}

func (s *server) dumps(t testing.TB, name string) map[contract.Form]string {
	t.Helper()
	if _, err := os.Stat(s.bin + "/pg_dump"); err != nil {
		t.Skip("there is no pg_dump of this version")
	}
	folder, err := os.MkdirTemp(s.folder, "dumps-")
	if err != nil {
		t.Fatal(err)
	}
	if s.as != nil {
		if err := os.Chown(folder, int(s.as.Uid), int(s.as.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	at := func(n string) string { return filepath.Join(folder, n) }
	s.do(t, "", "pg_dump", "-Fc", "-f", at("custom"), name)
	s.do(t, "", "pg_dump", "-Fd", "-f", at("directory"), name)
	s.do(t, "", "pg_dump", "-f", at("plain"), name)
	s.do(t, "", "pg_dump", "-C", "-c", "--if-exists", "-f", at("create"), name)
	s.do(t, "", "pg_dumpall", "-f", at("cluster"))
	var zipped bytes.Buffer
	c := s.command(context.Background(), "gzip", "-c", at("plain"))
	c.Stdout = &zipped
	if err := errors.Join(c.Run(), os.WriteFile(at("zipped"), zipped.Bytes(), 0o644)); err != nil {
		t.Fatal(err)
	}
	return map[contract.Form]string{contract.Custom: at("custom"), contract.Directory: at("directory"), contract.Plain: at("plain"),
		contract.Create: at("create"), contract.Cluster: at("cluster"), contract.Gzip: at("zipped")}
}

func (s *server) locale(t testing.TB, name string) string {
	return s.sql(t, "postgres", "SELECT pg_get_userbyid(datdba), encoding, datcollate, datctype, to_jsonb(d)->>'datlocprovider' FROM pg_database d WHERE datname = "+literal(name))
}
