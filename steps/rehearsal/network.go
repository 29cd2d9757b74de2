package rehearsal

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"canton.example/svrescue/kube/sim"
	svapp "canton.example/svrescue/svapp/sim"
)

// Net is the network of a rehearsal beyond the node: twelve other SVs, whose scans answer the addresses of the cluster and nobody else.
type Net struct {
	Standing time.Duration // how long the ledger has stood still when the world begins; 0: it runs
	VotedOut bool          // the other SVs have offboarded this one
	Silent   int           // how many of the others' scans do not answer
	Stale    int           // how many show what was six hours ago
}

const (
	others    = 12
	dsoParty  = "DSO::1220rehearsaldso"
	ownParty  = svName + "::1220rehearsal"
	syncID    = "global-domain::1220rehearsaldso"
	roundTime = 10 * time.Minute
)

// ledger is the time that the ledger has got to.
func (p *pods) ledger() time.Time {
	if p.net.Standing > 0 {
		return p.began.Add(-p.net.Standing)
	}
	return p.clock.Now()
}

// comet is the node's chain. One that stands still for all says nothing of catching up.
func (p *pods) comet(times svapp.Times) svapp.Comet {
	return svapp.Comet{ID: strings.Repeat("a1", 20), Network: network + "-0", Moniker: svName, VotingPower: 1, Peers: others, Lag: p.lag, Times: times}
}

// Who may use the SV app of a rehearsal, and for which audience a token must be: as in deployments that sign tokens with a secret that all
// know (reference/apis.md 8.4).
const (
	svAudience = "https://sv.acme.example/api"
	svUser     = "sv-client@clients"

	validatorAudience = "https://validator.acme.example/api"
	validatorUser     = "validator-client@clients"
	signedWith        = "unsafe"
)

// token is one for the SV app's own user.
func token(audience string) string {
	return svapp.UnsafeToken(signedWith, audience, svUser, time.Time{})
}

// validatorToken is one for the validator app's own user.
func validatorToken() string { return tokenFor(validatorAudience) }

func tokenFor(audience string) string {
	return svapp.UnsafeToken(signedWith, audience, validatorUser, time.Time{})
}

// app is the SV app, scan or the validator app of the node.
func (p *pods) app(in sim.Pod) svapp.App {
	a := svapp.App{Base: svapp.SV, ID: svName, Version: p.release(in), Built: "2026-01-20T10:11:12Z", Port: svPort,
		Uptime: func() time.Duration { return p.clock.Since(in.Started) }, NotReady: func() string { return "" },
		Part: func(context.Context, string) error { return nil }, Network: func() svapp.Network { return p.seen(p.ledger(), false) },
		Allow: svapp.Unsafe(signedWith, svAudience, p.clock.Now, svUser), Identities: p.identities}
	switch in.Container {
	case "scan-app":
		a.Base, a.Port = svapp.Scan, scanPort
	case "validator-app":
		a.Base, a.Port = svapp.Validator, walletPort
	}
	if p.tenants != nil {
		p.living(&a, in)
	}
	return a
}

// living makes an app one of the scenario's ledger.
func (p *pods) living(a *svapp.App, in sim.Pod) {
	a.NotReady = func() string { return p.tenants.notReady(in) }
	a.Network = func() svapp.Network { return p.tenants.books.See(svapp.Sight{}) }
	a.Party, a.Identities = p.tenants.partyOf(in.Namespace), nil
	if in.Container != "validator-app" {
		return
	}
	users := append([]string{validatorUser}, usersOf(in)...)
	a.Allow = svapp.Unsafe(signedWith, cmp.Or(in.Env[audienceVar], validatorAudience), p.clock.Now, users...)
	a.Admin = svapp.Unsafe(signedWith, cmp.Or(in.Env[audienceVar], validatorAudience), p.clock.Now, validatorUser)
	a.Ledger, a.Operator = p.tenants.books, validatorUser
	a.Purse = func(user string) *svapp.Purse { return p.tenants.purse(in.Namespace, user) }
}

// release is that of the charts, which the pod is labelled with.
func (p *pods) release(in sim.Pod) string {
	if v := in.Labels["app.kubernetes.io/version"]; v != "" {
		return v
	}
	return release
}

// peer is the scan of another SV, by its host, or, where the ledger lives, its SV app; nil where there is none, or it does not answer.
func (p *pods) peer(host string) http.Handler {
	if p.network != nil {
		return p.network.peer(host)
	}
	for i := range others {
		if p.tenants != nil && host == p.place().host("sv", i) {
			return svapp.App{Base: svapp.SV, ID: nameOfPeer(i), Version: release, Built: "2026-01-20T10:11:12Z", Port: svPort, Uptime: func() time.Duration { return time.Hour },
				NotReady: func() string { return "" }, Part: func(context.Context, string) error { return nil }, Network: p.sightOf(i), Allow: func(*http.Request) int { return http.StatusForbidden }}.Handler()
		}
		if host != p.place().host("scan", i) {
			continue
		}
		if i < p.net.Silent {
			return nil
		}
		return svapp.App{Base: svapp.Scan, ID: nameOfPeer(i), Version: release, Built: "2026-01-20T10:11:12Z", Port: scanPort,
			Uptime: func() time.Duration { return time.Hour }, NotReady: func() string { return "" },
			Network: p.sightOf(i)}.Handler()
	}
	return nil
}

// sightOf is how the scan of a peer sees the network: the last are behind, and of those before them some lie.
func (p *pods) sightOf(i int) func() svapp.Network {
	behind := time.Duration(0)
	if i >= others-p.net.Stale {
		behind = 6 * time.Hour
	}
	if p.tenants == nil {
		return func() svapp.Network { return p.seen(p.ledger().Add(-behind), p.net.VotedOut) }
	}
	sight := svapp.Sight{}
	if i >= others-p.net.Stale-p.tenants.plan.Lying && behind == 0 {
		sight = p.tenants.plan.lies()
	}
	sight.Behind = behind
	return func() svapp.Network { return p.tenants.books.See(sight) }
}

func nameOfPeer(i int) string { return fmt.Sprintf("SV-%02d", i+1) }
func hostOfPeer(i int) string { return Place{}.host("scan", i) }

// place is where the network is.
func (p *pods) place() Place {
	if p.tenants == nil {
		return Place{}
	}
	return p.tenants.plan.Place
}

// seen is what a scan knows of the network when the ledger has got to a time.
func (p *pods) seen(at time.Time, without bool) svapp.Network {
	round := at.Truncate(roundTime)
	n := svapp.Network{DSO: dsoParty, Synchronizer: syncID, Threshold: 9, Round: round.Unix() / int64(roundTime/time.Second), RoundAt: round}
	own := svapp.Member{Name: svName, Party: ownParty, Participant: "PAR::" + participantID, Weight: 10000, ScanURL: "http://scan.acme.rehearsal.example"}
	if without {
		n.Offboarded = append(n.Offboarded, own)
	} else {
		n.SVs = append(n.SVs, own)
	}
	for i := range others {
		n.SVs = append(n.SVs, svapp.Member{Name: nameOfPeer(i), Party: nameOfPeer(i) + "::1220rehearsal", Participant: "PAR::" + nameOfPeer(i) + "::1220rehearsal", Weight: 10000,
			ScanURL: "http://" + hostOfPeer(i)})
	}
	return n
}
