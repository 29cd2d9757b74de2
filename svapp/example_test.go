package svapp_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"time"

	"canton.example/svrescue/svapp"
	"canton.example/svrescue/svapp/sim"
)

func Example() {
	app := sim.App{Base: sim.Scan, ID: "Acme-SV", Version: "0.6.4", Built: "2026-01-20T10:11:12Z", Uptime: func() time.Duration { return 0 },
		NotReady: func() string { return "" }, Network: network}
	server := httptest.NewServer(app.Handler()) // in place of a scan of the network
	defer server.Close()

	ctx := context.Background()
	way, err := svapp.Out{}.Public(server.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	scan, err := svapp.NewScan(svapp.Settings{Way: way})
	if err != nil {
		fmt.Println(err)
		return
	}
	version, err := scan.Version(ctx)
	fmt.Println(version.Release, err)
	dso, err := scan.DSO(ctx)
	fmt.Println(dso.Membership(acmeOld), err)
	// Output:
	// 0.6.4 <nil>
	// offboarded <nil>
}
