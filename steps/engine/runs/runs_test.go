package runs

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/engine/journal"
	"canton.example/svrescue/steps/wire"
)

func TestSocket(t *testing.T) {
	uid := os.Getuid()
	short, err := os.MkdirTemp("/tmp", "s")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(short)
	long := filepath.Join(short, strings.Repeat("x", maxSocket))
	f := Folder{Path: "/state/runs/a"}
	for _, c := range []struct{ name, runtime, temp, want string }{
		{"the runtime folder", filepath.Join(short, "run"), short, filepath.Join(short, "run", "svrescue")},
		{"no runtime folder", "", short, filepath.Join(short, "svrescue-")},
		{"a runtime folder whose path is too long", long, short, filepath.Join(short, "svrescue-")},
		{"no place at all", long, long, ""},
		{"a runtime folder that cannot be made", "/proc/nowhere", short, filepath.Join(short, "svrescue-")},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := f.Socket(c.runtime, c.temp, uid)
			if c.want == "" {
				if err == nil || !strings.Contains(err.Error(), "XDG_RUNTIME_DIR") {
					t.Errorf("%q %v", got, err)
				}
				return
			}
			if err != nil || !strings.HasPrefix(got, c.want) || len(got) > maxSocket {
				t.Fatalf("%q %v, want below %q", got, err, c.want)
			}
			if info, err := os.Stat(filepath.Dir(got)); err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("the folder is %v %v", info.Mode(), err)
			}
			if other, _ := (Folder{Path: "/elsewhere/runs/a"}).Socket(c.runtime, c.temp, uid); other == got {
				t.Error("runs of one name in two state directories share a socket")
			}
		})
	}
	if _, err := f.Socket(filepath.Join(short, "run"), "", uid+1); err == nil {
		t.Error("a folder of another user was taken")
	}
}

func TestArtifacts(t *testing.T) {
	root := t.TempDir()
	a := Folder{Path: root}.Artifacts()
	w := a.Only([]steps.Ref{{File: "record/"}, {File: "one.json"}})
	for _, c := range []struct {
		name string
		ok   bool
	}{
		{"record/a.yaml", true}, {"record/helm/b.yaml", true}, {"one.json", true},
		{"two.json", false}, {"record", false}, {"one.json/x", false}, {"recordings/x", false}, {"", false},
		{"record/../../escape", false}, {"record/../one.json.bak", true}, {"../one.json", false}, {"/one.json", false},
	} {
		err := w.Write(c.name, []byte("data"))
		if (err == nil) != c.ok {
			t.Errorf("write %q: %v", c.name, err)
		}
		if data, rerr := a.Read(c.name); err == nil && (rerr != nil || string(data) != "data") {
			t.Errorf("read %q: %q %v", c.name, data, rerr)
		}
	}
	filepath.Walk(root, func(path string, info os.FileInfo, err error) error {
		if path != root && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is %v", path, info.Mode())
		}
		return err
	})
	for _, name := range []string{"../x", "/etc/passwd", ""} {
		if _, err := a.Read(name); err == nil {
			t.Errorf("%q was read", name)
		}
	}
}

// An artifact that is made while it is written is there whole or as it was before.
func TestLargeArtifacts(t *testing.T) {
	a := Folder{Path: t.TempDir()}.Artifacts()
	w := a.Only([]steps.Ref{{File: "logs/"}})
	text := func(text string, err error) func(io.Writer) error {
		return func(to io.Writer) error { io.WriteString(to, text); return err }
	}
	if err := w.Create("logs/a", text("whole", nil)); err != nil {
		t.Fatal(err)
	}
	if err := w.Create("logs/a", text("half", errors.New("cut"))); err == nil {
		t.Error("an error of the content is lost")
	}
	if err := w.Create("other", text("x", nil)); err == nil {
		t.Error("what was not shown was written")
	}
	r, err := a.Open("logs/a")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if data, err := io.ReadAll(r); err != nil || string(data) != "whole" {
		t.Errorf("%q, %v", data, err)
	}
	if room, err := a.Room(); err != nil || room <= 0 {
		t.Errorf("%d bytes of room, %v", room, err)
	}
}

func FuzzArtifactName(f *testing.F) {
	f.Add("record/../../x")
	f.Add("record//x")
	f.Add("record/\x00")
	root := f.TempDir()
	a := Folder{Path: filepath.Join(root, "run")}.Artifacts()
	f.Fuzz(func(t *testing.T, name string) {
		path, err := a.path(name)
		if err == nil && path != a.root && !strings.HasPrefix(path, a.root+"/") {
			t.Errorf("%q leads to %q", name, path)
		}
	})
}

// run makes a run's folder; ended closes its journal with an outcome.
func run(t *testing.T, base, id string, started time.Time, ended bool) Folder {
	t.Helper()
	f, err := Create(base, Spec{ID: id, Path: "restore", Started: started})
	if err != nil {
		t.Fatal(err)
	}
	j, _, err := journal.Open(f.Journal())
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	j.Append(wire.Event{Kind: wire.KindRun, Run: &wire.Run{ID: id}})
	if ended {
		j.Append(wire.Event{Kind: wire.KindEnd, End: &wire.End{Outcome: wire.Recovered}})
	}
	return f
}

func TestFind(t *testing.T) {
	base := filepath.Join(t.TempDir(), "runs")
	at := time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)
	if _, err := Find(base, ""); err == nil {
		t.Error("found a run where there is no folder")
	}
	run(t, base, "restore-0301-0300-abcd", at, true)
	if _, err := Find(base, ""); err == nil {
		t.Error("found an ended run as the open one")
	}
	run(t, base, "restore-0301-0400-efgh", at.Add(time.Hour), false)
	os.Mkdir(filepath.Join(base, "not-a-run"), 0o700)
	os.WriteFile(filepath.Join(base, "file"), nil, 0o600)
	for _, c := range []struct{ id, want string }{
		{"", "restore-0301-0400-efgh"}, {"abcd", "restore-0301-0300-abcd"}, {"0300-abcd", "restore-0301-0300-abcd"},
		{"restore-0301-0300-abcd", "restore-0301-0300-abcd"}, {"bcd", ""}, {"nothing", ""},
	} {
		f, err := Find(base, c.id)
		if (err == nil) != (c.want != "") || err == nil && f.ID() != c.want {
			t.Errorf("%q: %s %v", c.id, f.ID(), err)
		}
	}
	run(t, base, "restore-0302-0400-abcd", at.Add(25*time.Hour), false)
	if _, err := Find(base, ""); err == nil || !strings.Contains(err.Error(), "several") {
		t.Errorf("two open runs: %v", err)
	}
	if f, err := Find(base, "abcd"); err == nil {
		t.Errorf("a short name of two runs found %s", f.ID())
	}
	broken := run(t, base, "restore-0303-0400-zzzz", at.Add(50*time.Hour), false)
	os.WriteFile(broken.Journal(), []byte("{}\n{}\n"), 0o600)
	all, err := List(base)
	if err != nil || len(all) != 4 || all[0].Problem == "" || all[1].Spec.ID != "restore-0302-0400-abcd" {
		t.Errorf("%v %+v", err, all)
	}
	if _, err := Create(base, Spec{ID: "restore-0302-0400-abcd"}); err == nil {
		t.Error("a run was made over another")
	}
}

func TestState(t *testing.T) {
	open := wire.View{Seq: 3}
	asked, parked := open, open
	asked.Question, parked.Parked = &wire.Question{}, "asked for"
	for _, c := range []struct {
		s    Summary
		want State
	}{
		{Summary{View: open, Held: true}, Running}, {Summary{View: asked, Held: true}, Waiting}, {Summary{View: parked}, Parked},
		{Summary{View: open}, Interrupted}, {Summary{View: asked}, Interrupted}, {Summary{View: open, Ended: &wire.End{}}, Finished},
		{Summary{Problem: "the journal is damaged", Held: true}, Broken}, {Summary{}, Empty}, {Summary{Held: true}, Running},
	} {
		if got := c.s.State(); got != c.want {
			t.Errorf("%+v is %s, want %s", c.s, got, c.want)
		}
	}
}

func TestNewID(t *testing.T) {
	id := NewID("restore", time.Date(2026, 3, 1, 3, 4, 0, 0, time.FixedZone("x", 3600)), []byte{0, 255, 30, 31})
	if !regexp.MustCompile(`^restore-0301-0204-[a-z2-9]{4}$`).MatchString(id) {
		t.Errorf("%q", id)
	}
}
