package restore

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
)

func outsideDatabases(hosts ...string) (all []postgres.Database) {
	for _, h := range hosts {
		all = append(all, postgres.Database{Name: "db_of_" + h, Server: postgres.Server{Host: h, Port: 5432, User: "cnadmin", Admin: "cantonnet", Image: "postgres:14"}})
	}
	return all
}

// Each server outside the cluster has one source, and any mix of them is a choice that says what it does.
func TestSourcesOfServersOutside(t *testing.T) {
	for hosts, want := range map[int]int{1: 2, 2: 4, 3: 8, 4: 16, 5: 2} {
		databases := outsideDatabases([]string{"a", "b", "c", "d", "e"}[:hosts]...)
		q := askOutside(serversOf(databases), "")
		if len(q.Choices) != want || q.Default != fromProvider {
			t.Errorf("%d servers: %d choices, default %s", hosts, len(q.Choices), q.Default)
		}
		seen := map[string]bool{}
		for _, c := range q.Choices {
			loaded, provided := divide(databases, Facts{Outside: c.ID})
			if len(loaded)+len(provided) != hosts || seen[c.ID] {
				t.Errorf("%s: %d loaded, %d provided of %d", c.ID, len(loaded), len(provided), hosts)
			}
			seen[c.ID] = true
			for _, d := range loaded {
				if c.ID != fromDumps && !strings.Contains(c.Label, d.Server.String()) {
					t.Errorf("%q loads %s and does not say so", c.Label, d)
				}
			}
			for _, d := range provided {
				if c.ID != fromProvider && !strings.Contains(c.Detail, d.Server.String()) {
					t.Errorf("%q leaves %s to the provider and does not say so", c.Detail, d)
				}
			}
		}
	}
}

// Dumps are proposed where the folder has some, and nothing else is taken for one.
func TestDumpsAreProposedWhereThereAreSome(t *testing.T) {
	folder := t.TempDir()
	servers := serversOf(outsideDatabases("a"))
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("notes.txt", "the dumps are elsewhere\n")
	if q := askOutside(servers, folder); q.Default != fromProvider {
		t.Error("a note is taken for a dump")
	}
	write("backup", "--\n-- PostgreSQL database dump\n--\n\n")
	for _, at := range []string{folder, filepath.Join(folder, "backup")} {
		if q := askOutside(servers, at); q.Default != fromDumps || !strings.Contains(q.Text, at) {
			t.Errorf("%s: default %s, %s", at, q.Default, q.Text)
		}
	}
	if q := askOutside(servers, filepath.Join(folder, "gone")); q.Default != fromProvider {
		t.Error("a folder that is not there has dumps")
	}
}

// What a server does not allow is violated, what only its provider knows is not determined.
func TestWhatAServerOutsideAllows(t *testing.T) {
	d := outsideDatabases("a")[0]
	f := Facts{Set: &backup.Set{Dumps: []backup.Dump{{Database: d, Bytes: 1 << 30, Extensions: []string{"postgis", "file_fdw", "pg_trgm"}}}}}
	rights := postgres.Rights{User: "cnadmin", Creates: true, Of: map[string]postgres.Right{d.Name: {Owner: "cnadmin", Owns: true, Gives: true}},
		Extensions: map[string]bool{"file_fdw": false, "pg_trgm": true}}
	verdict := func(found []wire.Finding, id string) wire.Finding {
		i := slices.IndexFunc(found, func(f wire.Finding) bool { return strings.HasPrefix(f.ID, id) })
		if i < 0 {
			return wire.Finding{}
		}
		return found[i]
	}
	found := allows(d.Server, rights, f)
	if x := verdict(found, "rights-"); x.Verdict != wire.Holds {
		t.Error(x)
	}
	if x := verdict(found, "extensions-"); x.Verdict != wire.Violated || !strings.Contains(x.Text, "install postgis, which") {
		t.Error(x)
	}
	if x := verdict(found, "extension-rights-"); x.Verdict != wire.Undetermined || !strings.Contains(x.Text, "install file_fdw, for which") {
		t.Error(x)
	}
	rights.Creates = false
	if x := verdict(allows(d.Server, rights, f), "rights-"); x.Verdict != wire.Violated || x.Waive != "" || x.Next == "" {
		t.Error(x)
	}
	f.Set.Dumps[0].Kind = "directory"
	if found := unpacked(d.Server, f); len(found) != 1 || found[0].Verdict != wire.Undetermined {
		t.Errorf("a directory archive: %v", found)
	}
	room := roomOutside(d.Server, []postgres.Stored{{Name: d.Name, Bytes: 3 << 30}, {Name: "other", Bytes: 2 << 30}}, f)
	if room.Verdict != wire.Undetermined || !strings.Contains(room.Text, "take 5.0 GiB now, and loading beside them needs about 4.3 GiB more") || !strings.Contains(room.Next, "fresh instance") {
		t.Error(room)
	}
	if room := roomOutside(d.Server, nil, f); !strings.Contains(room.Text, "is not there now, and its dump of 1.0 GiB grows") {
		t.Error(room)
	}
	if _, err := proven([]wire.Finding{{Verdict: wire.Violated, Text: "x", Next: "y"}, room}, nil); err == nil {
		t.Error("what is violated could be accepted")
	}
	if found, err := proven([]wire.Finding{room}, nil); err != nil || len(found) != 1 {
		t.Errorf("%v, %v", found, err)
	}
}

// Dumps into servers outside make no empty volumes: those servers have none of the node's.
func TestAnewIsForServersInTheCluster(t *testing.T) {
	d := outsideDatabases("a")[0]
	f := Facts{Room: anew, Set: &backup.Set{Dumps: []backup.Dump{{Database: d}}}}
	if got := loadedOutside(f); len(got) != 1 || got[0].Host != "a" {
		t.Errorf("loaded outside: %v", got)
	}
	f.Set.Dumps[0].Database.Server.Workload = "apps-pg"
	if got := loadedOutside(f); len(got) != 0 {
		t.Errorf("a server in the cluster is outside: %v", got)
	}
	if finding := keptDatabases(f); finding != nil {
		t.Errorf("nothing was put aside, and it says %v", finding)
	}
}
