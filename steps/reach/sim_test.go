package reach_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/postgres/sim"
	"canton.example/svrescue/steps/reach/contract"
	"k8s.io/utils/clock"
)

// world is a simulated server on a volume in memory, in the bubble of the test.
type world struct {
	volume string
	server *sim.Server
	cancel context.CancelFunc
	ctx    context.Context
}

func newWorld(t *testing.T) *world {
	w := &world{}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	t.Cleanup(w.cancel)
	w.server = sim.New(sim.Options{
		Clock: clock.RealClock{}, Load: func() string { return w.volume }, Store: func(s string) { w.volume = s }, SocketPassword: true,
		Fresh: func() sim.State { return sim.Fresh("15.4", "cnadmin", "invented p'w \"d", contract.Admin) },
	})
	return w
}

func (w *world) dial(context.Context) (net.Conn, error) { return w.server.Dial(w.ctx) }

func (w *world) change(t testing.TB, do func(*sim.State)) {
	t.Helper()
	if err := w.server.Change(do); err != nil {
		t.Fatal(err)
	}
}

func (w *world) database(t testing.TB, name string) *sim.Database {
	t.Helper()
	s, err := w.server.State()
	if err != nil || s.Databases[name] == nil {
		t.Fatalf("no database %s: %v", name, err)
	}
	return s.Databases[name]
}

func (w *world) contract(t *testing.T) *contract.World {
	return &contract.World{
		Password: "invented p'w \"d", Port: 5432, Dial: w.dial, Exec: w.server.Exec,
		Seed: func(t testing.TB, name string, tables []contract.Table) {
			w.change(t, func(s *sim.State) {
				d := &sim.Database{Ctype: "C.UTF-8", Bytes: 8 << 20}
				for _, table := range tables {
					d.Tables = append(d.Tables, tableOf(table))
				}
				s.Databases[name] = d
			})
		},
		Count: func(t testing.TB, name string, table contract.Table) (int, bool) {
			for _, have := range w.database(t, name).Tables {
				if have.Schema == table.Schema && have.Name == table.Name {
					return len(have.Rows), true
				}
			}
			return 0, false
		},
		Session: func(t testing.TB, name string) { w.change(t, func(s *sim.State) { s.Databases[name].Others++ }) },
		Hold: func(t testing.TB, name string) {
			w.change(t, func(s *sim.State) { s.Databases[name].Others++; s.Databases[name].Returns = 1 << 20 })
		},
		Dumps: func(t testing.TB, name string) map[contract.Form]string { return w.dumps(t, name) },
		Locale: func(t testing.TB, name string) string {
			d := w.database(t, name)
			if d.Owner == "" {
				d.Owner = "cnadmin"
			}
			return strings.Join([]string{d.Owner, orElse(d.Encoding, "UTF8"), orElse(d.Collate, "C"), orElse(d.Ctype, "C"), d.Locale}, " ")
		},
		Plain: func(t testing.TB, owns string) string {
			w.change(t, func(s *sim.State) {
				s.Limited, s.Creates = true, true
				for name, d := range s.Databases {
					if d.Owner = "provider"; name == owns {
						d.Owner = s.User
					}
				}
			})
			return "cnadmin"
		},
		Fill: func(t testing.TB, left int64) {
			w.change(t, func(s *sim.State) {
				s.Capacity = left
				for _, d := range s.Databases {
					s.Capacity += d.Bytes
				}
			})
		},
	}
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

func tableOf(table contract.Table) sim.Table {
	kinds := map[string]string{"varchar": "character varying"}
	t := sim.Table{Schema: table.Schema, Name: table.Name}
	for _, c := range table.Columns {
		t.Columns = append(t.Columns, [2]string{c[0], orElse(kinds[c[1]], c[1])})
	}
	for _, row := range table.Rows {
		values := make([]*string, len(row))
		for i, v := range row {
			if v != "NULL" {
				values[i] = &v
			}
		}
		t.Rows = append(t.Rows, values)
	}
	return t
}

// dumps are what a real pg_dump made of the same database, and SQL of the simulated one.
func (w *world) dumps(t testing.TB, name string) map[contract.Form]string {
	t.Helper()
	folder := t.TempDir()
	if err := os.CopyFS(folder, os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	write := func(file, text string) string {
		at := filepath.Join(folder, file)
		if err := os.WriteFile(at, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return at
	}
	plain := string(w.database(t, name).Dump("15.4", 300<<10))
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(z, plain) // memory
	_ = z.Close()
	create := strings.Replace(plain, "SET standard_conforming_strings = on;\n", "SET standard_conforming_strings = on;\nCREATE DATABASE "+name+";\nALTER DATABASE "+name+" OWNER TO cnadmin;\n\\connect "+name+"\n", 1)
	return map[contract.Form]string{
		contract.Custom: filepath.Join(folder, "custom"), contract.Directory: filepath.Join(folder, "directory"),
		contract.Plain: write("plain", plain), contract.Create: write("create", create), contract.Gzip: write("zipped", zipped.String()),
		contract.Cluster: write("cluster", "--\n-- PostgreSQL database cluster dump\n--\n\nCREATE ROLE cnadmin;\n\n\\connect template1\n\n--\n-- PostgreSQL database dump\n--\n\n--\n-- PostgreSQL database dump complete\n--\n\n"+
			create+"--\n-- PostgreSQL database cluster dump complete\n--\n\n"),
	}
}

func TestContractOnSimulatedServer(t *testing.T) {
	for _, c := range contract.Cases {
		t.Run(c.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				c.Run(t, w.contract(t))
				if u := w.server.Unknown(); len(u) > 0 {
					t.Errorf("the product sent what it does not have: %q", u)
				}
				w.cancel()
				synctest.Wait()
			})
		})
	}
}

// What a volume holds decides what its server is: a damaged one does not run.
func TestDamagedVolume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.volume = "damaged: checksum mismatch"
		if err := w.server.Ready(); err == nil || !strings.Contains(err.Error(), "checksum mismatch") {
			t.Errorf("Ready = %v", err)
		}
		if _, err := w.dial(t.Context()); err == nil {
			t.Error("a damaged server answers")
		}
	})
}

// Loading takes the time that its bytes take, and no more.
func TestLoadingTakesTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.server = sim.New(sim.Options{Clock: clock.RealClock{}, Load: func() string { return w.volume }, Store: func(s string) { w.volume = s }, Rate: 64 << 10,
			Fresh: func() sim.State { return sim.Fresh("15.4", "cnadmin", "x", contract.Admin) }})
		d := sim.Database{}
		w.change(t, func(s *sim.State) { s.Databases["svrescue_new_a_1"] = &sim.Database{} })
		began := time.Now()
		var said bytes.Buffer
		c := slices.Concat([]byte("x\n"), d.Dump("15.4", 640<<10))
		code := w.server.Exec(t.Context(), archive(t), bytes.NewReader(c), io.Discard, &said)
		took := time.Since(began)
		if took < 9*time.Second || took > 11*time.Second {
			t.Errorf("it took %s (exit code %d, %s)", took, code, said.String())
		}
	})
}

func archive(t *testing.T) []string {
	t.Helper()
	c, err := postgres.Plain(postgres.Place{User: "cnadmin", Port: 5432}, "svrescue_new_a_1")
	if err != nil {
		t.Fatal(err)
	}
	return c.Argv
}
