package contract

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
)

var loaded = []Table{
	storesTable("sv", []string{"1", "0", "00000000000000000a"}, []string{"2", "1", "00000000000000003e"}),
	{"sv", "filling", [][2]string{{"line", "text"}}, slices.Repeat([][]string{{"nothing; much\\'s here \"at all\" $$ -- \t or there"}}, 5000)},
}

func load(ctx context.Context, w *World, file string, report func(wire.Progress)) error {
	wr := w.writer(real, append(changes("create", fresh), changes("load", fresh)...)...)
	if err := wr.Create(ctx, w.server(), fresh, "cantonnet_sv"); err != nil {
		return err
	}
	return wr.Load(ctx, w.server(), fresh, postgres.Source{File: file, Database: "cantonnet_sv"}, report)
}

func isLoaded(t *testing.T, w *World) {
	t.Helper()
	p, err := w.databases(real).Position(t.Context(), postgres.Database{Role: postgres.SV, Name: fresh, Schema: "sv", Server: w.server()})
	if err != nil || p.LastIngested == nil || *p.LastIngested != 62 || *p.MigrationID != 1 {
		t.Errorf("loaded: %+v, %v", p, err)
	}
}

func loadForms(t *testing.T, w *World) {
	w.Seed(t, "cantonnet_sv", loaded)
	for form, file := range w.Dumps(t, "cantonnet_sv") {
		var last wire.Progress
		if err := load(t.Context(), w, file, func(p wire.Progress) { last = p }); err != nil {
			t.Errorf("%s: %v", form, err)
			continue
		}
		isLoaded(t, w)
		if last.Done == 0 || form != Gzip && last.Total == 0 || last.Unit != "bytes" {
			t.Errorf("%s: progress %+v", form, last)
		}
		if err := w.writer(real, changes("drop", fresh)...).Drop(t.Context(), w.server(), fresh); err != nil {
			t.Error(err)
		}
	}
	is(t, w, "cantonnet_sv")
}

// A try whose end was not seen has left all of it, or a half.
func loadAgain(t *testing.T, w *World) {
	w.Seed(t, "cantonnet_sv", loaded)
	dumps := w.Dumps(t, "cantonnet_sv")
	w.Seed(t, fresh, loaded[1:])
	if err := w.writer(real, changes("comment", fresh)...).Comment(t.Context(), w.server(), fresh, "a comment"); err != nil {
		t.Fatal(err)
	}
	for _, form := range []Form{Custom, Plain} {
		if err := load(t.Context(), w, dumps[form], nil); err != nil {
			t.Errorf("%s: %v", form, err)
		}
		isLoaded(t, w)
	}
	stored, _, _ := w.databases(real).Databases(t.Context(), w.server())
	if !slices.ContainsFunc(stored, func(s postgres.Stored) bool { return s.Name == fresh && s.Comment == "a comment" }) {
		t.Errorf("the comment is gone: %+v", stored)
	}
	if a, b := w.Locale(t, "cantonnet_sv"), w.Locale(t, fresh); a != b {
		t.Errorf("made again with %q, like one with %q", b, a)
	}
}

func loadCut(t *testing.T, w *World) {
	w.Seed(t, "cantonnet_sv", loaded)
	for form, file := range w.Dumps(t, "cantonnet_sv") {
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			largest, size := "", int64(0)
			files, _ := filepath.Glob(filepath.Join(file, "*.dat*"))
			for _, f := range files {
				if i, err := os.Stat(f); err == nil && i.Size() > size && filepath.Base(f) != "toc.dat" {
					largest, size = f, i.Size()
				}
			}
			file, info = largest, nil
			if err := os.Truncate(largest, size/2); err != nil {
				t.Fatal(err)
			}
			file = filepath.Dir(largest)
		} else if err := os.Truncate(file, info.Size()*6/10); err != nil {
			t.Fatal(err)
		}
		err = load(t.Context(), w, file, nil)
		if err == nil {
			t.Errorf("%s: a dump that is cut was loaded", form)
		} else if strings.Contains(err.Error(), "nothing; much") {
			t.Errorf("%s: the error shows a row: %v", form, err)
		}
		t.Logf("%s: %v", form, err)
	}
	if n, there := w.Count(t, "cantonnet_sv", loaded[1]); !there || n != len(loaded[1].Rows) {
		t.Errorf("the database that is in use was touched: %d rows", n)
	}
}

// A command that reads its input takes a connection that breaks for the end of it: what came so far must not count as loaded.
func loadBroken(t *testing.T, w *World) {
	w.Seed(t, "cantonnet_sv", loaded)
	dumps := w.Dumps(t, "cantonnet_sv")
	for _, form := range []Form{Plain, Custom, Directory, Cluster} {
		info, err := os.Stat(dumps[form])
		if err != nil {
			t.Fatal(err)
		}
		w.cutAfter = info.Size() * 95 / 100
		if info.IsDir() {
			w.cutAfter = 2000
		}
		if err := load(t.Context(), w, dumps[form], nil); kube.KindOf(err) != kube.Unreachable {
			t.Errorf("%s: %v", form, err)
		}
		if form == Plain || form == Cluster {
			if n, there := w.Count(t, fresh, loaded[0]); there {
				t.Errorf("%s: a part of it was committed: %d rows", form, n)
			}
		}
		w.cutAfter = 0
		if err := load(t.Context(), w, dumps[form], nil); err != nil {
			t.Errorf("%s, again: %v", form, err)
		}
		isLoaded(t, w)
	}
}

// A server outside the cluster is reached from here, or else through a pod of the run.
func outside(t *testing.T, w *World) {
	w.Seed(t, "cantonnet_sv", loaded)
	dumps := w.Dumps(t, "cantonnet_sv")
	server := w.outside()
	if _, _, err := w.databases(real).Databases(t.Context(), server); err != nil {
		t.Errorf("directly: %v", err)
	}
	w.clientPod = true
	all := append(append(changes("create", fresh), changes("load", fresh)...), changes("drop", fresh)...)
	for i := range all {
		all[i].Server = server.String()
	}
	wr := w.databases(real).Writer(all, false)
	for _, form := range []Form{Plain, Custom} {
		if err := errors.Join(wr.Create(t.Context(), server, fresh, "cantonnet_sv"), wr.Load(t.Context(), server, fresh, postgres.Source{File: dumps[form]}, nil)); err != nil {
			t.Errorf("%s through a pod: %v", form, err)
		}
		isLoaded(t, w)
		if err := wr.Drop(t.Context(), server, fresh); err != nil {
			t.Error(err)
		}
	}
	server.Host = "a b; id"
	var p *steps.Problem
	if _, _, err := w.databases(real).Databases(t.Context(), server); !errors.As(err, &p) {
		t.Errorf("a host that is none: %v", err)
	}
}

func loadFull(t *testing.T, w *World) {
	if w.Fill == nil {
		t.Skip("the disk cannot be filled here")
	}
	w.Seed(t, "cantonnet_sv", loaded)
	file := w.Dumps(t, "cantonnet_sv")[Plain]
	if err := w.writer(real, changes("create", fresh)...).Create(t.Context(), w.server(), fresh, ""); err != nil {
		t.Fatal(err)
	}
	w.Count(t, fresh, loaded[0]) // a first session writes files of its own
	w.Fill(t, 100<<10)
	err := load(t.Context(), w, file, nil)
	if err == nil || !strings.Contains(err.Error(), "full") {
		t.Errorf("on a full disk: %v", err)
	}
	is(t, w, "cantonnet_sv", fresh)
}
