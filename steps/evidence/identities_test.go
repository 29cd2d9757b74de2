package evidence

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"canton.example/svrescue/steps/triage"
)

const (
	pair        = `{"keyPair":"aW52ZW50ZWQtcHJpdmF0ZS1rZXk=","name":"namespace"}`
	participant = `{"id":"PAR::Acme-SV::1220aa","keys":[` + pair + `,` + pair + `],"authorizedStoreSnapshot":"CgsKBw==","version":"0.6.11"}`
	full        = `{"sv_party_id":"Acme-SV::1220aa","dso_party_id":"DSO::1220dd","domain_id":"d","participant":` + participant + `,"sequencer":{},"mediator":{}}`
)

// Identities dumps are recognised by their shape, and of their keys only the number is kept.
func TestIdentitiesAreRecognised(t *testing.T) {
	for _, c := range []struct {
		name, text string
		is         bool
		want       triage.IdentitiesFile
		problem    string
	}{
		{"the answer of the SV app", `{"identities":` + full + `}`, true, triage.IdentitiesFile{Party: "Acme-SV::1220aa", DSO: "DSO::1220dd", Namespace: "1220aa", Keys: 2}, ""},
		{"what is inside it", full, true, triage.IdentitiesFile{Party: "Acme-SV::1220aa", DSO: "DSO::1220dd", Namespace: "1220aa", Keys: 2}, ""},
		{"a participant's alone names no party", participant, true, triage.IdentitiesFile{Namespace: "1220aa", Keys: 2}, ""},
		{"keys in a KMS", strings.ReplaceAll(full, pair, `{"type":"signing","keyId":"arn:aws:kms:x","name":"namespace"}`), true,
			triage.IdentitiesFile{Party: "Acme-SV::1220aa", DSO: "DSO::1220dd", Namespace: "1220aa", Remote: 2}, ""},
		{"without a participant", `{"identities":{"sv_party_id":"Acme-SV::1220aa","dso_party_id":"DSO::1220dd"}}`, true,
			triage.IdentitiesFile{Party: "Acme-SV::1220aa", DSO: "DSO::1220dd"}, "no participant"},
		{"without the topology", strings.Replace(full, `"authorizedStoreSnapshot":"CgsKBw==",`, "", 1), true,
			triage.IdentitiesFile{Party: "Acme-SV::1220aa", DSO: "DSO::1220dd"}, "no snapshot"},
		{"a sequencer's", strings.Replace(participant, "PAR::", "SEQ::", 1), true, triage.IdentitiesFile{}, "is none"},
		{"cut off", full[:len(full)-40], true, triage.IdentitiesFile{Party: "Acme-SV::1220aa", DSO: "DSO::1220dd"}, "cut off"},
		{"an error that was saved as a dump", `{"error":"The supplied authentication is not authorized"}`, false, triage.IdentitiesFile{}, ""},
		{"some other JSON", `{"id":1,"keys":"none"}`, false, triage.IdentitiesFile{}, ""},
		{"a text", "no JSON at all", false, triage.IdentitiesFile{}, ""},
		{"nothing", "", false, triage.IdentitiesFile{}, ""},
	} {
		got, is, err := identitiesOf(strings.NewReader(c.text))
		if err != nil || is != c.is || (got.Problem == "") != (c.problem == "") || !strings.Contains(got.Problem, c.problem) {
			t.Errorf("%s: %v, problem %q", c.name, is, got.Problem)
			continue
		}
		got.Problem = ""
		if got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// A folder's dumps are found, and one that others can read is told.
func TestIdentitiesInAFolder(t *testing.T) {
	folder := t.TempDir()
	for name, mode := range map[string]os.FileMode{"own.json": 0o600, "open.json": 0o644} {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(full), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, "readme.txt"), []byte("not one"), 0o600); err != nil {
		t.Fatal(err)
	}
	found, err := IdentitiesIn(folder)
	if err != nil || len(found) != 2 {
		t.Fatalf("%+v, %v", found, err)
	}
	for _, f := range found {
		if f.Open != strings.HasSuffix(f.Name, "open.json") || f.Taken.IsZero() || f.Party == "" {
			t.Errorf("%+v", f)
		}
	}
	one, err := IdentitiesIn(filepath.Join(folder, "readme.txt"))
	if err != nil || len(one) != 1 || one[0].Problem == "" {
		t.Errorf("a file that was named and is none: %+v, %v", one, err)
	}
	if _, err := IdentitiesIn(filepath.Join(folder, "nowhere")); err == nil {
		t.Error("a path that does not exist is no error")
	}
}
