package runs

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/steps/engine/journal"
	"canton.example/svrescue/steps/wire"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// carried is a run with artifacts, some of them secret.
func carried(t testing.TB) Folder {
	t.Helper()
	f, err := Create(filepath.Join(t.TempDir(), "runs"), Spec{ID: "reonboard-0301-1200-abcd", Path: "reonboard", World: wire.Real, Acting: wire.Live, Kubeconfig: "/there/kubeconfig"})
	if err != nil {
		t.Fatal(err)
	}
	j, _, err := journal.Open(f.Journal())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []wire.Event{{Kind: wire.KindRun, Run: &wire.Run{ID: "reonboard-0301-1200-abcd"}}, {Kind: wire.KindNote, Text: "a note"}} {
		if _, err := j.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	j.Close()
	for name, content := range map[string]string{"artifacts/values/validator.yaml": "a: 1\n", "artifacts/dump_identities.json": `{"keys":"canary"}`, "artifacts/snapshot.json": `{"canary":1}`, "artifacts/domain_migration_dump.json": `{"canary":1}`, "artifacts/snapshot-source.json": `{}`,
		"artifacts/other.json": strings.Repeat("x", 70_000) + `"keyPair":"canary"`, "artifacts/tls.key": "canary", "artifacts/empty": "", "worker.log": "a line\n",
		"worker.json": "{}", "world/state.json": "canary", "report.md": "# Report\n"} {
		at := filepath.Join(f.Path, name)
		if err := os.MkdirAll(filepath.Dir(at), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(f.Path, "artifacts/link")); err != nil {
		t.Fatal(err)
	}
	return f
}

func exportOf(t testing.TB, f Folder) ([]byte, Index) {
	t.Helper()
	var b bytes.Buffer
	x, err := f.Export(&b, noon, "alice", "ops1")
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), x
}

func asItIs(*Spec) error { return nil }

func TestARunIsCarried(t *testing.T) {
	f := carried(t)
	data, x := exportOf(t, f)
	var left []string
	for _, l := range x.Left {
		left = append(left, l.Name)
	}
	if got := strings.Join(left, " "); got != "artifacts/domain_migration_dump.json artifacts/dump_identities.json artifacts/link artifacts/other.json artifacts/snapshot.json artifacts/tls.key" {
		t.Errorf("left out: %s", got)
	}
	base := filepath.Join(t.TempDir(), "there")
	g, y, err := Import(base, bytes.NewReader(data), func(s *Spec) error { s.Kubeconfig = "/here/kubeconfig"; return nil })
	if err != nil || y.Run != x.Run || y.Head != x.Head || y.Records != 2 || g.ID() != f.ID() {
		t.Fatalf("%+v, %v", y, err)
	}
	for _, name := range []string{"artifacts/values/validator.yaml", "artifacts/empty", "worker.log", "report.md", "journal.jsonl"} {
		want, _ := os.ReadFile(filepath.Join(f.Path, name))
		got, err := os.ReadFile(filepath.Join(g.Path, name))
		if err != nil || !bytes.Equal(want, got) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, name := range append(left, "worker.json", "world") {
		if _, err := os.Lstat(filepath.Join(g.Path, name)); err == nil {
			t.Errorf("%s was carried", name)
		}
	}
	spec, err := g.Spec()
	if err != nil || spec.Kubeconfig != "/here/kubeconfig" || spec.ID != f.ID() {
		t.Errorf("%+v, %v", spec, err)
	}
	err = filepath.WalkDir(g.Path, func(at string, _ os.DirEntry, _ error) error {
		info, err := os.Lstat(at)
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is open to others: %v", at, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if _, _, err := Import(base, bytes.NewReader(data), asItIs); !errors.Is(err, ErrThere) {
		t.Errorf("imported twice: %v", err)
	}
	if all, err := List(base); err != nil || len(all) != 1 {
		t.Errorf("%d runs, %v", len(all), err)
	}
}

func TestAWorkerThatHoldsTheRun(t *testing.T) {
	f := carried(t)
	j, _, err := journal.Open(f.Journal())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := journal.Hold(f.Journal()); !errors.Is(err, journal.ErrHeld) {
		t.Error(err)
	}
	j.Close()
	held, err := journal.Hold(f.Journal())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := journal.Open(f.Journal()); !errors.Is(err, journal.ErrHeld) {
		t.Errorf("a worker began while it was held: %v", err)
	}
	held.Close()
}

// entry is a member of an archive that a test makes.
type entry struct {
	name, content string
	kind          byte
}

// packed makes an archive of an index and files, which need not fit.
func packed(t testing.TB, index any, files ...entry) []byte {
	t.Helper()
	head, err := json.Marshal(index)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, f := range append([]entry{{indexName, string(head), tar.TypeReg}}, files...) {
		h := &tar.Header{Name: f.name, Size: int64(len(f.content)), Typeflag: f.kind, Mode: 0o777}
		if f.kind != tar.TypeReg {
			h.Size, h.Linkname = 0, "/etc/passwd"
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if f.kind == tar.TypeReg {
			_, _ = io.WriteString(w, f.content)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// opened takes an archive apart.
func opened(t testing.TB, data []byte) (Index, []entry) {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	var x Index
	var files []entry
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return x, files
		}
		content, err2 := io.ReadAll(r)
		if err != nil || err2 != nil {
			t.Fatal(err, err2)
		}
		if h.Name == indexName {
			if err := json.Unmarshal(content, &x); err != nil {
				t.Fatal(err)
			}
			continue
		}
		files = append(files, entry{h.Name, string(content), h.Typeflag})
	}
}

func sumOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

func TestArchivesThatAreRefused(t *testing.T) {
	whole, _ := exportOf(t, carried(t))
	at := func(files []entry, name string) *entry {
		return &files[slices.IndexFunc(files, func(f entry) bool { return f.name == name })]
	}
	// put replaces a file, and tells the index.
	put := func(x *Index, files []entry, name, content string) {
		at(files, name).content = content
		i := slices.IndexFunc(x.Members, func(m Member) bool { return m.Name == name })
		x.Members[i].Size, x.Members[i].SHA256 = int64(len(content)), sumOf(content)
	}
	for name, c := range map[string]struct {
		change func(x *Index, files *[]entry)
		want   string
	}{
		"later version":    {func(x *Index, _ *[]entry) { x.Version = 2 }, "later svrescue"},
		"no version":       {func(x *Index, _ *[]entry) { x.Version = 0 }, "no version"},
		"out of the place": {func(x *Index, _ *[]entry) { x.Run = "../../etc" }, "names no run"},
		"traversal": {func(x *Index, f *[]entry) {
			x.Members[0].Name = "artifacts/../../../x"
			(*f)[0].name = "artifacts/../../../x"
		}, "no file of a run"},
		"absolute":          {func(x *Index, f *[]entry) { x.Members[0].Name, (*f)[0].name = "/etc/x", "/etc/x" }, "no file of a run"},
		"how it is reached": {func(x *Index, f *[]entry) { x.Members[0].Name, (*f)[0].name = "worker.json", "worker.json" }, "no file of a run"},
		"twice":             {func(x *Index, f *[]entry) { x.Members[1] = x.Members[0] }, "twice"},
		"no spec": {func(x *Index, _ *[]entry) {
			x.Members = slices.DeleteFunc(x.Members, func(m Member) bool { return m.Name == "run.json" })
		}, "does not name run.json"},
		"another file":    {func(_ *Index, f *[]entry) { (*f)[0].name = "artifacts/other" }, "should be"},
		"a link":          {func(_ *Index, f *[]entry) { (*f)[0].kind = tar.TypeSymlink }, "should be"},
		"another size":    {func(_ *Index, f *[]entry) { at(*f, "report.md").content = "short" }, "size"},
		"another content": {func(_ *Index, f *[]entry) { at(*f, "report.md").content = "# repOrt\n" }, "its hash differs"},
		"one more":        {func(_ *Index, f *[]entry) { *f = append(*f, entry{"artifacts/more", "x", tar.TypeReg}) }, "does not name"},
		"one less":        {func(_ *Index, f *[]entry) { *f = (*f)[:len(*f)-1] }, "ends before"},
		"a broken chain": {func(x *Index, f *[]entry) {
			put(x, *f, "journal.jsonl", strings.Replace(at(*f, "journal.jsonl").content, "a note", "a lie!", 1))
		}, "damaged at line 2"},
		"a cut journal": {func(x *Index, f *[]entry) {
			first, _, _ := strings.Cut(at(*f, "journal.jsonl").content, "\n")
			put(x, *f, "journal.jsonl", first+"\n")
		}, "not as long"},
		"another run": {func(x *Index, f *[]entry) {
			put(x, *f, "run.json", `{"id":"reonboard-0301-1200-efgh","path":"reonboard","world":"real"}`)
		}, "of another run"},
		"a rehearsal": {func(x *Index, f *[]entry) {
			put(x, *f, "run.json", `{"id":"reonboard-0301-1200-abcd","path":"reonboard","world":"simulated"}`)
		}, "rehearsal"},
	} {
		t.Run(name, func(t *testing.T) {
			x, files := opened(t, whole)
			c.change(&x, &files)
			base := filepath.Join(t.TempDir(), "a", "b")
			_, _, err := Import(base, bytes.NewReader(packed(t, x, files...)), asItIs)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
			if left, _ := filepath.Glob(filepath.Join(base, "*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
			if hidden, _ := filepath.Glob(filepath.Join(base, ".*")); len(hidden) > 0 {
				t.Errorf("left behind: %v", hidden)
			}
		})
	}
	for cut := range len(whole) - 1 {
		if cut%97 != 0 && cut < len(whole)-20 {
			continue
		}
		if _, _, err := Import(filepath.Join(t.TempDir(), "r"), bytes.NewReader(whole[:cut]), asItIs); err == nil {
			t.Errorf("taken over after %d of %d bytes", cut, len(whole))
		}
	}
}

// Whatever an archive holds, nothing is written outside the folder of the run, and what is taken over is what its index says.
func FuzzUnpack(f *testing.F) {
	whole, _ := exportOf(f, carried(f))
	z, err := gzip.NewReader(bytes.NewReader(whole))
	if err != nil {
		f.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(plain)
	f.Add(plain[:2000])
	f.Add([]byte(strings.Replace(string(plain), "artifacts/empty", "artifacts/../..", 2)))
	f.Fuzz(func(t *testing.T, data []byte) {
		outer := t.TempDir()
		within := filepath.Join(outer, "run")
		if err := os.Mkdir(within, 0o700); err != nil {
			t.Fatal(err)
		}
		x, err := unpack(bytes.NewReader(data), within)
		entries, readErr := os.ReadDir(outer)
		if readErr != nil || len(entries) != 1 {
			t.Fatalf("something was written beside the run: %v, %v", entries, readErr)
		}
		if err != nil {
			return
		}
		named := map[string]string{}
		for _, m := range x.Members {
			named[m.Name] = m.SHA256
		}
		found := map[string]string{}
		err = filepath.WalkDir(within, func(at string, e os.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			name, _ := filepath.Rel(within, at)
			content, err := os.ReadFile(at)
			found[filepath.ToSlash(name)] = sumOf(string(content))
			return err
		})
		if err != nil || !maps.Equal(named, found) {
			t.Errorf("named %v, found %v: %v", named, found, err)
		}
	})
}
