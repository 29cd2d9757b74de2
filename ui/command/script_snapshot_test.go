package command_test

import (
	"context"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"time"

	svapp "canton.example/svrescue/svapp/sim"
	"github.com/rogpeppe/go-internal/testscript"
	"k8s.io/utils/clock"
)

// svApp NAME RELEASE GENERATION [FAULT]: an SV app with data snapshots on loopback, whose participant was pruned up to 10:00 of 11 January 2026
// and is clean up to 12:00. Its address is in the variable NAME, a token for it in the file NAME.token, and one for another API in
// NAME.ledger. Faults: cut, busy, no-users, down.
func svApp(ts *testscript.TestScript, _ bool, args []string) {
	const audience = "https://sv.acme.example/api"
	day := time.Date(2026, 1, 11, 0, 0, 0, 0, time.UTC)
	s := &svapp.Snapshots{Generation: svapp.Generation(args[2]), PrunedTo: day.Add(10 * time.Hour), Clean: day.Add(12 * time.Hour), LedgerEnd: day.Add(13 * time.Hour), Every: time.Hour,
		MigrationID: 3, Genesis: 3000, ACS: 200_000, Party: "Acme-SV::1220aa", Clock: clock.RealClock{}}
	switch strings.Join(args[3:], " ") {
	case "cut":
		s.CutAfter = 50_000
	case "busy":
		s.Takes, s.Limit = time.Second, 50*time.Millisecond
	case "no-users":
		s.NoUsers = true
	case "down":
		s.Fails = func(int) (int, string) { return 503, "io exception" }
	}
	app := svapp.App{Base: svapp.SV, ID: "Acme-SV", Version: args[1], Snapshots: s, Part: func(context.Context, string) error { return nil },
		Allow: svapp.Unsafe("unsafe", audience, time.Now, "sv")}
	server := httptest.NewServer(app.Handler())
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.URL)
	for name, audience := range map[string]string{"token": audience, "ledger": "https://ledger.acme.example"} {
		ts.Check(os.WriteFile(ts.MkAbs(args[0]+"."+name), []byte(svapp.UnsafeToken("unsafe", audience, "sv", time.Time{})), 0o600))
	}
	ts.Value(svAppsKey{}).(map[string]*svapp.Snapshots)[args[0]] = s
}

type svAppsKey struct{}

// load NAME ASKED FORCED: so many exports were asked of that app, and so many with force; never two ran at once.
func load(ts *testscript.TestScript, _ bool, args []string) {
	_, most, asked, forced := ts.Value(svAppsKey{}).(map[string]*svapp.Snapshots)[args[0]].Load()
	if got := []string{strconv.Itoa(asked), strconv.Itoa(forced)}; got[0] != args[1] || got[1] != args[2] || most > 1 {
		ts.Fatalf("%s exports were asked for, %s with force, and %d ran at once", got[0], got[1], most)
	}
}
