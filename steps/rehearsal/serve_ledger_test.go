package rehearsal

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"k8s.io/utils/clock"
)

// The ledger lives in the world's process: it is part of what State answers, and of what is left when the world has ended, and it goes on
// while nobody is connected, by the time of the world.
func TestLedgerIsPartOfTheWorld(t *testing.T) {
	folder := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	began := time.Now()
	fast := Clock{Real: clock.RealClock{}, Origin: began, SimOrigin: began, Speed: 20000}
	go func() { ended <- Serve(ctx, answerLost(), fast, clock.RealClock{}, 1, credential, folder) }()
	var a Address
	within := func(what string, is func() bool) {
		t.Helper()
		for end := time.Now().Add(time.Minute); !is(); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal(what)
			}
		}
	}
	within("the world does not answer", func() bool {
		var err error
		a, err = ReadAddress(folder)
		return err == nil && Alive(ctx, a)
	})
	type state struct {
		Ledger struct {
			Offboarded []string          `json:"offboarded"`
			Owned      map[string]any    `json:"owned"`
			Hosts      map[string]string `json:"hosts"`
		} `json:"ledger"`
	}
	within("the lost SV is not offboarded", func() bool {
		text, err := State(ctx, a)
		var s state
		if err != nil || json.Unmarshal(text, &s) != nil || s.Ledger.Hosts[lost().party()] != lost().participant() {
			t.Fatalf("%v: %.300s", err, text)
		}
		return len(s.Ledger.Offboarded) == 1 && s.Ledger.Offboarded[0] == lost().party()
	})
	h := HintsIn(folder)
	for _, path := range append(h.Identities, h.Values, h.Charts) {
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			t.Error(path, err)
		}
	}
	if err := Stop(ctx, a); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(folder, LastState))
	var s state
	if err != nil || json.Unmarshal(text, &s) != nil || len(s.Ledger.Owned) != 2 {
		t.Errorf("%v: %.300s", err, text)
	}
}
