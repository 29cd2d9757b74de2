package contract

import (
	"errors"
	"slices"
	"testing"

	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/postgres/client"
)

func rightsOfAll(t *testing.T, w *World) {
	w.Seed(t, "cantonnet_sv", nil)
	r, err := w.databases(real).Rights(t.Context(), w.server())
	if err != nil || r.User != "cnadmin" || !r.Super || r.Of["cantonnet_sv"] != (postgres.Right{Owner: "cnadmin", Owns: true, Gives: true}) {
		t.Errorf("%+v, %v", r, err)
	}
	if trusted, there := r.Extensions["plpgsql"]; !there || !trusted {
		t.Errorf("extensions %v", r.Extensions)
	}
}

// What a managed service lets its users do is enough for a restore beside: make a database, load it, give both other names, drop one. What
// others own is told before, and is not touched.
func plainUser(t *testing.T, w *World) {
	w.Seed(t, "cantonnet_sv", loaded)
	w.Seed(t, "cantonnet_scan", nil)
	dumps := w.Dumps(t, "cantonnet_sv")
	server := w.outside()
	server.User = w.Plain(t, "cantonnet_sv")
	w.clientPod = true
	r, err := w.databases(real).Rights(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	if missing := r.Missing([]string{"cantonnet_sv", "cantonnet_0"}); r.Super || len(missing) > 0 {
		t.Errorf("superuser %v, missing for its own database: %q", r.Super, missing)
	}
	if missing := r.Missing([]string{"cantonnet_scan"}); len(missing) != 1 {
		t.Errorf("missing for another's database: %q", missing)
	}
	if version, err := w.databases(real).Programs(t.Context(), server); err != nil || version < 14 {
		t.Errorf("programs of version %d, %v", version, err)
	}
	all := slices.Concat(changes("create", fresh), changes("load", fresh), changes("comment", fresh), renames(swap), changes("drop", fresh, old),
		[]postgres.Change{{Verb: "rename", Name: "cantonnet_scan", To: "mine"}})
	for i := range all {
		all[i].Server = server.String()
	}
	wr := w.databases(real).Writer(all, false)
	for _, form := range []Form{Plain, Custom} {
		if err := errors.Join(wr.Create(t.Context(), server, fresh, "cantonnet_sv"), wr.Load(t.Context(), server, fresh, postgres.Source{File: dumps[form]}, nil)); err != nil {
			t.Fatalf("%s: %v", form, err)
		}
		isLoaded(t, w)
		if form == Plain {
			if err := wr.Drop(t.Context(), server, fresh); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := errors.Join(wr.Comment(t.Context(), server, fresh, "loaded"), wr.Rename(t.Context(), server, swap), wr.Drop(t.Context(), server, old)); err != nil {
		t.Error(err)
	}
	if err := wr.Rename(t.Context(), server, []postgres.Rename{{From: "cantonnet_scan", To: "mine"}}); client.KindOf(err) != client.Forbidden {
		t.Errorf("renamed what is another's: %v", err)
	}
	// Where there is nothing to be like, the database is the user's own, and not of whoever owns the administration database.
	if err := wr.Create(t.Context(), server, fresh, "not there"); err != nil {
		t.Error(err)
	}
}
