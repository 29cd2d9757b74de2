package command

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

// Only a typed yes is one; Enter alone and the end of input are not.
func TestAgrees(t *testing.T) {
	for typed, want := range map[string]bool{"y\n": true, "Yes\n": true, " yes \r\n": true, "\n": false, "": false, "n\n": false, "y": false, "yess\n": false, "later\ny\n": false} {
		in, to, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := to.WriteString(typed); err != nil {
			t.Fatal(err)
		}
		to.Close()
		null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		d := &doctoring{program: &program{System: System{In: in, Err: null}}}
		if got, err := d.agrees("Really?"); got != want || err != nil {
			t.Errorf("%q: %t, %v", typed, got, err)
		}
		in.Close()
		null.Close()
	}
}

// A new file in a folder has a name that no other has, whatever the SV is called; one that was named and is there is refused.
func TestWhereIdentitiesAreKept(t *testing.T) {
	folder := t.TempDir()
	d := &doctoring{program: &program{System: System{Clock: clocktesting.NewFakeClock(time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC))}}}
	for sv, want := range map[string]string{"Acme-SV": "identities-Acme-SV-20261122T030000Z.json", "": "identities-20261122T030000Z.json", "../../x y": "identities-x-y-20261122T030000Z.json"} {
		got, err := d.newFile(folder, sv)
		if err != nil || got != filepath.Join(folder, want) {
			t.Errorf("%q: %s, %v", sv, got, err)
		}
	}
	file := filepath.Join(folder, "id.json")
	if got, err := d.newFile(file, "x"); err != nil || got != file {
		t.Errorf("%s, %v", got, err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.newFile(file, "x"); codeOf(t.Context(), err) != exitRefused {
		t.Error(err)
	}
}
