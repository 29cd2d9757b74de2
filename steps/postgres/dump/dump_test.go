package dump_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/postgres/dump"
)

func read(t *testing.T, path string, o dump.Options) []dump.Artifact {
	t.Helper()
	all, err := dump.Read(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// one is the only artifact at path.
func one(t *testing.T, path string, o dump.Options) dump.Artifact {
	t.Helper()
	all := read(t, path, o)
	if len(all) != 1 {
		t.Fatalf("%s: %d artifacts, want one: %+v", path, len(all), all)
	}
	return all[0]
}

func p(n int64) *int64 { return &n }

// positions are what testdata/make.sh puts into the databases.
var positions = map[string]postgres.Position{
	"participant_0":       {Role: postgres.Participant, LedgerEnd: p(62), PrunedUpTo: p(40), Participant: "sv-1"},
	"empty_0":             {Role: postgres.Participant, LedgerEnd: p(0), Participant: "new"},
	"cantonnet_sv":        {Role: postgres.SV, LastIngested: p(62), MigrationID: p(1), Behind: p(42)},
	"cantonnet_scan":      {Role: postgres.Scan, LastIngested: p(60), MigrationID: p(1), Behind: p(59)},
	"cantonnet_validator": {Role: postgres.Validator, LastIngested: p(61), MigrationID: p(1), Behind: p(48)},
	"sequencer_0":         {Role: postgres.Sequencer},
	"mediator_0":          {Role: postgres.Mediator},
}

func same(a, b *int64) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

func checkPosition(t *testing.T, a dump.Artifact, database string) {
	t.Helper()
	want, got := positions[database], a.Position
	if a.Role != want.Role {
		t.Errorf("role %s, want %s", a.Role, want.Role)
	}
	if want.Role == postgres.Sequencer || want.Role == postgres.Mediator {
		if got != nil {
			t.Errorf("a %s has a position: %+v", want.Role, *got)
		}
		return
	}
	if got == nil {
		t.Fatal("no position")
	}
	if got.Why != "" || !got.Known() || got.From != "dump" || got.Role != want.Role || got.Participant != want.Participant || !same(got.LedgerEnd, want.LedgerEnd) ||
		!same(got.PrunedUpTo, want.PrunedUpTo) || !same(got.LastIngested, want.LastIngested) || !same(got.MigrationID, want.MigrationID) || !same(got.Behind, want.Behind) {
		t.Errorf("position %+v, want %+v", *got, want)
	}
}

// Every dump that testdata/make.sh made with a real server says what is in it.
func TestDumpsOfRealServers(t *testing.T) {
	files, err := filepath.Glob("testdata/*_*.1*")
	if err != nil || len(files) < 50 {
		t.Fatalf("%d files in testdata: %v", len(files), err)
	}
	for _, path := range files {
		base := filepath.Base(path)
		database, rest, _ := strings.Cut(base, ".")
		if strings.HasSuffix(base, ".tar") || strings.Contains(base, ".inserts.") || strings.Contains(base, ".schema.") {
			continue
		}
		t.Run(base, func(t *testing.T) {
			for _, deep := range []bool{false, true} {
				a := one(t, path, dump.Options{Deep: deep})
				checkPosition(t, a, database)
				if a.Complete == nil || !*a.Complete || len(a.Problems) > 0 {
					t.Errorf("complete %v, problems %q", a.Complete, a.Problems)
				}
				kind := dump.Plain
				switch {
				case strings.HasSuffix(base, ".custom"):
					kind = dump.Custom
				case strings.HasSuffix(base, ".dir"):
					kind = dump.Directory
				}
				compression := map[string]dump.Compression{".gz": dump.Gzip, ".zstd": dump.Zstd, ".lz4": dump.LZ4, ".bz2": dump.Bzip2, ".xz": dump.XZ}[filepath.Ext(base)]
				if compression == "" {
					compression = dump.None
				}
				if a.Kind != kind || a.Compression != compression || a.Path != path || a.Found {
					t.Errorf("kind %s, compression %s, path %s, found %v", a.Kind, a.Compression, a.Path, a.Found)
				}
				if major := rest[:2]; !strings.HasPrefix(a.ServerVersion, major+".") || !strings.HasPrefix(a.DumperVersion, major+".") {
					t.Errorf("versions %q and %q, want %s", a.ServerVersion, a.DumperVersion, major)
				}
				if named := kind != dump.Plain || strings.Contains(base, "create"); named != (a.Database == database) {
					t.Errorf("database %q", a.Database)
				}
				archive := kind != dump.Plain
				if archive != (a.Started != nil) && !strings.Contains(base, "verbose") {
					t.Errorf("started %v", a.Started)
				}
				if archive && (a.Started.ZoneKnown || a.Started.Wall.Year() != 2026) {
					t.Errorf("started %+v: its zone is not in the file", a.Started)
				}
			}
		})
	}
}

func TestClusterDumpsOfRealServers(t *testing.T) {
	for _, path := range []string{"testdata/all.15.sql", "testdata/all.18.sql"} {
		all := read(t, path, dump.Options{})
		var names []string
		for i, a := range all {
			names = append(names, a.Database)
			if a.Kind != dump.Cluster || a.Path != path || a.Complete == nil || !*a.Complete || a.Order != i {
				t.Errorf("%s of %s: %+v", a.Database, path, a)
			}
			if _, ok := positions[a.Database]; ok {
				checkPosition(t, a, a.Database)
			} else if a.Role != postgres.Unknown {
				t.Errorf("%s is %s", a.Database, a.Role)
			}
		}
		if want := []string{"template1", "cantonnet_scan", "cantonnet_sv", "cantonnet_validator", "empty_0", "it's odd", "mediator_0", "participant_0", "postgres", "sequencer_0"}; !slices.Equal(names, want) {
			t.Errorf("%s has %q, want %q", path, names, want)
		}
	}
}

// Without the names of the columns, or without data, the role is known and the position is not.
func TestWhatADumpDoesNotSay(t *testing.T) {
	for pattern, why := range map[string]string{
		"testdata/cantonnet_sv.*.inserts.sql":     "do not name their columns",
		"testdata/participant_0.*.inserts.custom": "do not name their columns",
		"testdata/participant_0.*.schema.sql":     "has no data of lapi_parameters",
	} {
		files, _ := filepath.Glob(pattern)
		if len(files) == 0 {
			t.Fatal(pattern)
		}
		for _, path := range files {
			a := one(t, path, dump.Options{})
			database, _, _ := strings.Cut(filepath.Base(path), ".")
			if a.Role != positions[database].Role || a.Position == nil || a.Position.Known() || !strings.Contains(a.Position.Why, why) || !*a.Complete {
				t.Errorf("%s: %+v, position %+v", path, a, a.Position)
			}
		}
	}
}

func TestVerboseDumpsHaveTheirTimes(t *testing.T) {
	a := one(t, "testdata/cantonnet_scan.15.verbose.sql", dump.Options{})
	if a.Started == nil || a.Ended == nil || !a.Started.ZoneKnown || !a.Ended.ZoneKnown || a.Ended.Wall.Before(a.Started.Wall) {
		t.Errorf("started %+v, ended %+v", a.Started, a.Ended)
	}
}

// The zone that the operator states makes the header's time an instant.
func TestZone(t *testing.T) {
	zone := time.FixedZone("", 2*3600)
	path := "testdata/participant_0.15.custom"
	wall, at := one(t, path, dump.Options{}).Started, one(t, path, dump.Options{Zone: zone}).Started
	if wall.ZoneKnown || !at.ZoneKnown || wall.Wall.Format(time.DateTime) != at.Wall.Format(time.DateTime) || wall.Wall.Sub(at.Wall) != 2*time.Hour {
		t.Errorf("%+v and %+v", wall, at)
	}
}

// A file that was cut off is never whole, wherever it was cut.
func TestCutAnywhere(t *testing.T) {
	files, _ := filepath.Glob("testdata/*.1*")
	dir := t.TempDir()
	for _, path := range files {
		info, err := os.Stat(path)
		if err != nil || info.IsDir() || strings.HasSuffix(path, ".tar") {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		end := len(data)
		if i := bytes.LastIndex(data, []byte("dump complete")); i > 0 { // what follows the mark are empty comments
			end = i + len("dump complete") - 1
		}
		var cuts []int
		for i := range 15 {
			cuts = append(cuts, 1+i*(end-1)/15)
		}
		for i := range 8 {
			cuts = append(cuts, end-1-i)
		}
		cut := filepath.Join(dir, "cut")
		for _, n := range cuts {
			if err := os.WriteFile(cut, data[:n], 0o600); err != nil {
				t.Fatal(err)
			}
			for _, a := range read(t, cut, dump.Options{}) {
				if a.Kind.Database() && (a.Complete == nil || *a.Complete) || len(a.Problems) == 0 {
					t.Errorf("%s cut to %d of %d bytes: %s, complete %v, problems %q", path, n, len(data), a.Kind, a.Complete, a.Problems)
				}
			}
		}
	}
}

// A bit that turned over in compressed data is found, or harmless; nothing panics.
func TestDamagedAnywhere(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"participant_0.18.custom", "participant_0.18.lz4.custom", "participant_0.18.zstd.custom", "cantonnet_sv.18.sql.gz", "cantonnet_sv.18.sql.zstd", "cantonnet_sv.15.sql.bz2", "cantonnet_sv.15.sql.xz", "all.15.sql"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		bad := filepath.Join(dir, "bad")
		found := 0
		for i := range 25 {
			turned := bytes.Clone(data)
			at := 11 + i*(len(data)-12)/25
			turned[at] ^= 1 << (i % 8)
			if err := os.WriteFile(bad, turned, 0o600); err != nil {
				t.Fatal(err)
			}
			for _, a := range read(t, bad, dump.Options{Deep: true}) {
				if a.Complete == nil || !*a.Complete {
					found++
				}
			}
		}
		if strings.HasSuffix(name, ".gz") && found < 23 { // all but what stands in the name and the time of its header
			t.Errorf("%s: %d of 25 turned bits were found", name, found)
		}
	}
}

func copyDir(t *testing.T, from string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "dump")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return to
}

// Each file of a directory archive has to be there, and whole.
func TestDirectoryArchivesWithoutAFile(t *testing.T) {
	for _, from := range []string{"testdata/cantonnet_sv.15.dir", "testdata/cantonnet_sv.15.raw.dir", "testdata/cantonnet_sv.18.lz4.dir", "testdata/cantonnet_sv.18.zstd.dir"} {
		files, _ := filepath.Glob(from + "/[0-9]*")
		if len(files) < 3 {
			t.Fatalf("%s has %d files", from, len(files))
		}
		for _, f := range files {
			for _, damage := range []string{"missing", "empty", "cut", "link"} {
				dir := copyDir(t, from)
				path := filepath.Join(dir, filepath.Base(f))
				data, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.Remove(path); err != nil {
					t.Fatal(err)
				}
				switch damage {
				case "empty":
					err = os.WriteFile(path, nil, 0o600)
				case "cut":
					err = os.WriteFile(path, data[:len(data)-3], 0o600)
				case "link":
					err = os.Symlink("/etc/passwd", path)
				}
				if err != nil {
					t.Fatal(err)
				}
				if a := one(t, dir, dump.Options{}); a.Complete == nil || *a.Complete || len(a.Problems) == 0 || a.Kind != dump.Directory {
					t.Errorf("%s %s: complete %v, problems %q", damage, f, a.Complete, a.Problems)
				}
			}
		}
	}
}

// Of a folder every file is read, in order, and what is no backup is said of it.
func TestFolders(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, data []byte) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700), os.WriteFile(filepath.Join(dir, name), data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	sql, err := os.ReadFile("testdata/participant_0.15.sql")
	if err != nil {
		t.Fatal(err)
	}
	write("b/participant", sql)
	write("a-empty.sql", nil)
	write("notes.txt", []byte("hello"))
	write("utf16.sql", []byte("\xff\xfe-\x00-\x00"))
	write("identities.json", []byte(`{"id":"PAR::x::1220","keys":[{"keyPair":"c2VjcmV0","name":"namespace"}],"authorizedStoreSnapshot":"eA==","version":"0.6.11"}`))
	write("sv.json", []byte(`{"identities":{"sv_party_id":"x::1220","participant":{"id":"PAR::x::1220","keys":[{}],"authorizedStoreSnapshot":""},"sequencer":{"id":"SEQ::x::1220","keys":[{}],"authorizedStoreSnapshot":""}}}`))
	write("other.json", []byte(`{"id":"x"}`))
	write("cut.json", []byte(`{"id":"PAR::x"`))
	if err := os.CopyFS(filepath.Join(dir, "b", "archive"), os.DirFS("testdata/cantonnet_sv.15.dir")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Symlink("participant", filepath.Join(dir, "b", "latest")), os.Symlink(dir, filepath.Join(dir, "b", "round")), syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600)); err != nil {
		t.Fatal(err)
	}
	var got []string
	var read, total int64
	all, err := dump.Read(t.Context(), dir, dump.Options{Progress: func(r, n int64) { read, total = r, n }})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		rel, _ := filepath.Rel(dir, a.Path)
		problem := ""
		if len(a.Problems) > 0 {
			problem, _, _ = strings.Cut(a.Problems[0], ":")
		}
		got = append(got, strings.TrimSpace(rel+" "+string(a.Kind)+" "+string(a.Role)+" "+problem))
		if !a.Found {
			t.Errorf("%s was not found in a folder", a.Path)
		}
	}
	want := []string{"a-empty.sql unknown unknown It is empty", "b/archive directory sv", "b/latest unknown unknown It is a symbolic link, which is not followed inside a folder; name it itself if it is meant",
		"b/participant plain participant", "b/round unknown unknown It is a symbolic link, which is not followed inside a folder; name it itself if it is meant",
		"cut.json unknown unknown It is a JSON document that ends early", "identities.json identities participant", "notes.txt unknown unknown It is no backup that is known",
		"other.json unknown unknown It is a JSON document, but no identities dump", "pipe unknown unknown It is neither a file nor a folder, and was not opened",
		"sv.json identities sv The identities of the sequencer or of the mediator are missing in it", "utf16.sql unknown unknown It is text in UTF-16, as a redirection in PowerShell writes it; psql cannot load that. Make the dump with --file"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if total == 0 || read < total {
		t.Errorf("progress ended at %d of %d", read, total)
	}
}

func TestEndOfTheContextEndsReading(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := dump.Read(ctx, "testdata/all.15.sql", dump.Options{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := dump.Read(t.Context(), "testdata/nothing", dump.Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// What loading a dump installs is told, since not every user may install it.
func TestExtensionsOfADump(t *testing.T) {
	for _, file := range []string{"testdata/extensions.15.custom", "testdata/extensions.15.sql"} {
		if a := one(t, file, dump.Options{}); !slices.Equal(a.Extensions, []string{"pg_trgm", "uuid-ossp"}) {
			t.Errorf("%s: %q", file, a.Extensions)
		}
	}
}
