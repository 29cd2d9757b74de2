package svapp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"canton.example/svrescue/svapp"
	"canton.example/svrescue/svapp/sim"
)

const (
	dsoParty = "DSO::1220dd00000000000000000000000000000000000000000000000000000000000000"
	acme     = "Acme-SV::1220ee00000000000000000000000000000000000000000000000000000000000000"
	acmeOld  = "Acme-SV::1220aa00000000000000000000000000000000000000000000000000000000000000"
	beta     = "Beta-SV::1220bb00000000000000000000000000000000000000000000000000000000000000"
	global   = "global-domain::1220dd00000000000000000000000000000000000000000000000000000000000000"
)

// network has an SV that was lost and onboarded again under its name, and a vote that goes on.
func network() sim.Network {
	later := noon.Add(time.Hour)
	member := func(name, party string) sim.Member {
		host := strings.ToLower(name)
		return sim.Member{Name: name, Party: party, Participant: "PAR::" + party, Weight: 10000, Joined: 3, ScanURL: "https://scan." + host + ".example.org",
			SequencerURL: "https://sequencer-0." + host + ".example.org", SequencerID: "SEQ::" + party, Available: noon.Add(-time.Hour)}
	}
	vote := sim.Vote{ContractID: "00f1", Tracking: "00f0", Requester: "Beta-SV", Offboard: acmeOld, Reason: "node lost", URL: "https://example.org/1", Before: later,
		EffectiveAt: &later, Ballots: map[string]bool{"Beta-SV": true, "Acme-SV": false}}
	return sim.Network{DSO: dsoParty, Synchronizer: global, MigrationID: 4, Threshold: 2, Round: 4711, RoundAt: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), SVs: []sim.Member{member("Acme-SV", acme), member("Beta-SV", beta)},
		Offboarded: []sim.Member{{Name: "Acme-SV", Party: acmeOld, Participant: "PAR::" + acmeOld}}, Votes: []sim.Vote{vote},
		Results: []sim.Result{{Vote: vote, Completed: noon, Outcome: "VRO_Accepted", EffectiveAt: &later}, {Vote: vote, Completed: noon, Outcome: "VRO_Expired"}},
		Amulets: []sim.Amulet{{ContractID: "00a1", Owner: acmeOld, Amount: "9007199254740993.0000000001", Created: noon}, {ContractID: "00a2", Owner: acmeOld, Amount: "0.5000000000", Locked: true, Created: noon},
			{ContractID: "00a3", Owner: beta, Amount: "7.0000000000", Created: noon}},
		Snapshots: []time.Time{noon.Add(-2 * time.Hour), noon.Add(-time.Hour)}, Schedule: &sim.Schedule{Time: later, MigrationID: 5}}
}

const unsafeAudience = "https://canton.network.global"

// served is a node: its apps with the network above, and a chain.
type served struct {
	network  sim.Network
	release  string
	notReady string
	parts    error // what the sequencer and the mediator answer
	chain    *sim.Comet
	wallet   *sim.Wallet
}

func (n *served) app(base string) http.Handler {
	a := sim.App{Base: base, ID: "Acme-SV", Version: n.release, Built: "2026-01-20T10:11:12Z", Port: 5014, Uptime: func() time.Duration { return 90 * time.Second },
		NotReady: func() string { return n.notReady }, Part: func(context.Context, string) error { return n.parts }, Network: func() sim.Network { return n.network },
		Allow:  sim.Unsafe("unsafe", unsafeAudience, func() time.Time { return noon }, "sv"),
		Wallet: func(*http.Request) *sim.Wallet { return n.wallet }}
	if n.chain != nil {
		a.Chain = n.chain.Result
		a.CometBFT = func(context.Context) (sim.CometBFT, error) {
			return sim.CometBFT{ID: n.chain.ID, VotingPower: n.chain.VotingPower}, n.parts
		}
	}
	return a.Handler()
}

func (n *served) settings(t *testing.T, base, user string) svapp.Settings {
	t.Helper()
	server := httptest.NewServer(n.app(base))
	t.Cleanup(server.Close)
	tokens, err := svapp.TokenFrom("the test", strings.NewReader(sim.UnsafeToken("unsafe", unsafeAudience, user, noon.Add(time.Hour))))
	if err != nil {
		t.Fatal(err)
	}
	return svapp.Settings{Way: svapp.Way{Name: "test", Base: server.URL, Through: server.Client().Transport}, Tokens: tokens}
}

func (n *served) scan(t *testing.T) *svapp.Scan {
	t.Helper()
	s, err := svapp.NewScan(n.settings(t, sim.Scan, "sv"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (n *served) sv(t *testing.T, user string) *svapp.SV {
	t.Helper()
	s, err := svapp.NewSV(n.settings(t, sim.SV, user))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (n *served) validator(t *testing.T) *svapp.Validator {
	t.Helper()
	v, err := svapp.NewValidator(n.settings(t, sim.Validator, "sv"))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// same fails where a result is another one, or does not survive JSON.
func same[T any](t *testing.T, what string, got T, err error, want T) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s: %s", what, diff)
	}
	data, err := json.Marshal(got)
	var back T
	if err == nil {
		err = json.Unmarshal(data, &back)
	}
	if err != nil || !cmp.Equal(got, back) {
		t.Errorf("%s does not survive JSON: %v\n%s", what, err, data)
	}
}

func TestHealth(t *testing.T) {
	n := &served{network: network(), release: "0.5.10"}
	s := n.sv(t, "sv")
	ctx := t.Context()
	v, err := s.Version(ctx)
	same(t, "version", v, err, svapp.Version{Release: "0.5.10", CommitTime: "2026-01-20T10:11:12Z"})
	st, err := s.Status(ctx)
	same(t, "status", st, err, svapp.NodeStatus{State: svapp.Running, Active: true, ID: "Acme-SV", Uptime: "PT90S", Ports: map[string]int32{"http": 5014}})
	ready, err := s.Ready(ctx)
	same(t, "ready", ready, err, true)
	n.notReady = "it starts"
	ready, err = s.Ready(ctx)
	same(t, "not ready", ready, err, false)
	st, err = s.Status(ctx)
	same(t, "status before", st, err, svapp.NodeStatus{State: svapp.NotInitialized})
	if err := s.Alive(ctx); err != nil {
		t.Error(err)
	}
}

// Not ready is the app's word; an ingress that does not reach it says nothing about it.
func TestReadyThroughAnIngress(t *testing.T) {
	n := &served{network: network(), release: "0.5.10"}
	status, listed := 0, true
	server := httptest.NewServer(sim.Ingress{App: n.app(sim.SV), Status: func() int { return status }, Listed: func(*http.Request) bool { return listed }})
	t.Cleanup(server.Close)
	s, err := svapp.NewSV(svapp.Settings{Way: svapp.Way{Name: "public host", Base: server.URL, Through: server.Client().Transport}})
	if err != nil {
		t.Fatal(err)
	}
	if ready, err := s.Ready(t.Context()); !ready || err != nil {
		t.Error(ready, err)
	}
	for _, status = range []int{502, 503, 504} {
		_, err := s.Ready(t.Context())
		refused(t, err, svapp.Ingress, fmt.Sprintf("a web page titled %d", status))
	}
	status, listed = 0, false
	_, err = s.Ready(t.Context())
	refused(t, err, svapp.Blocked, "lets only listed addresses in")
}

func TestSV(t *testing.T) {
	n := &served{network: network(), release: "0.6.4", parts: errors.New("io exception"),
		chain: &sim.Comet{ID: strings.Repeat("ab", 20), Network: "testnet-4", VotingPower: 10, Lag: sim.Lag{}, Times: func() (time.Time, time.Time, int) { return noon, noon.Add(-time.Hour), 0 }}}
	s, ctx := n.sv(t, "sv"), t.Context()
	if err := s.Authorized(ctx); err != nil {
		t.Error(err)
	}
	refused(t, n.sv(t, "somebody").Authorized(ctx), svapp.Forbidden, "somebody", "participant first")
	id, err := s.MigrationID(ctx)
	same(t, "migration ID", id, err, 4)
	// A node that is down is told with status 200.
	m, found, err := s.Mediator(ctx)
	same(t, "mediator", m, err, svapp.NodeStatus{State: svapp.Failed, Cause: "io.grpc.StatusRuntimeException: UNAVAILABLE: io exception"})
	if !found {
		t.Error("no mediator")
	}
	if _, _, err := s.CometBFT(ctx); svapp.KindOf(err) != svapp.Unavailable || !svapp.Reached(err) {
		t.Error(err)
	}
	n.parts = nil
	q, found, err := s.Sequencer(ctx)
	same(t, "sequencer", q, err, svapp.NodeStatus{State: svapp.Running, Active: true, ID: "sequencer", Uptime: "PT90S"})
	if !found {
		t.Error("no sequencer")
	}
	c, found, err := s.CometBFT(ctx)
	same(t, "CometBFT", c, err, svapp.CometBFT{ID: strings.Repeat("ab", 20), VotingPower: 10})
	if !found {
		t.Error("no CometBFT")
	}
	chain, found, err := s.Chain(ctx)
	at := noon.Add(-time.Second)
	height, _ := n.chain.Reached()
	same(t, "chain", chain, err, svapp.Chain{NodeID: strings.Repeat("ab", 20), Network: "testnet-4", Height: height, Time: at, VotingPower: 10})
	if !found {
		t.Error("no chain")
	}
	o, found, err := s.Onboarding(ctx, acme)
	same(t, "onboarding", o, err, svapp.Onboarding{State: "completed", Name: "Acme-SV", ContractID: "00dd"})
	o, _, err = s.Onboarding(ctx, acmeOld)
	same(t, "onboarding of the old party", o, err, svapp.Onboarding{State: "unknown"})
	if !found {
		t.Error("no onboarding")
	}
	votes, err := s.OpenVotes(ctx)
	if err != nil || len(votes) != 1 {
		t.Error(votes, err)
	}
	n.chain = nil
	s = n.sv(t, "sv")
	_, found, err = s.CometBFT(ctx)
	same(t, "no CometBFT", found, err, false)
	_, found, err = s.Chain(ctx)
	same(t, "no chain", found, err, false)
	n.release = "0.6.1"
	_, err = n.sv(t, "sv").MigrationID(ctx)
	refused(t, err, svapp.NoEndpoint)
}

func TestMembership(t *testing.T) {
	n := &served{network: network(), release: "0.6.4"}
	d, err := n.scan(t).DSO(t.Context())
	one := func(name, party string) svapp.Member {
		return svapp.Member{Party: party, Name: name, ParticipantID: "PAR::" + party, RewardWeight: "10000", JoinedRound: "3"}
	}
	same(t, "DSO", d, err, svapp.DSO{Party: dsoParty, SVParty: acme, Threshold: 2, Rules: "00dd", Round: 4711, RoundAt: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), SVs: []svapp.Member{one("Acme-SV", acme), one("Beta-SV", beta)},
		Offboarded: []svapp.Member{{Party: acmeOld, Name: "Acme-SV", ParticipantID: "PAR::" + acmeOld}},
		Sequencers: []svapp.Sequencer{{Synchronizer: global, SVName: "Acme-SV", URL: "https://sequencer-0.acme-sv.example.org"}, {Synchronizer: global, SVName: "Beta-SV", URL: "https://sequencer-0.beta-sv.example.org"}}})
	for party, want := range map[string]svapp.Membership{acme: svapp.IsSV, acmeOld: svapp.Offboarded, "x::1220": svapp.Stranger} {
		if got := d.Membership(party); got != want {
			t.Errorf("%s is %s", party, got)
		}
	}
	if got := d.Named("Acme-SV"); len(got) != 1 || got[0].Party != acme {
		t.Errorf("%v", got)
	}
	if svapp.Namespace(d.SVs[0].ParticipantID) != svapp.Namespace(acme) {
		t.Error("namespaces differ")
	}
	own, err := n.sv(t, "sv").DSO(t.Context())
	same(t, "the SV app's view", own, err, d)
}

func TestScan(t *testing.T) {
	n := &served{network: network(), release: "0.6.4"}
	s, ctx := n.scan(t), t.Context()
	party, err := s.DSOParty(ctx)
	same(t, "DSO party", party, err, dsoParty)
	scans, err := s.Scans(ctx)
	same(t, "scans", scans, err, []svapp.Address{{Synchronizer: global, SVName: "Acme-SV", URL: "https://scan.acme-sv.example.org"}, {Synchronizer: global, SVName: "Beta-SV", URL: "https://scan.beta-sv.example.org"}})
	all, err := s.Sequencers(ctx)
	if len(all) != 2 {
		t.Fatal(all, err)
	}
	same(t, "sequencers", all[0], err, svapp.Sequencer{Synchronizer: global, ID: "SEQ::" + acme, MigrationID: 4, AvailableAfter: noon.Add(-time.Hour), SVName: "Acme-SV", URL: "https://sequencer-0.acme-sv.example.org"})
	bft, err := s.BFTSequencers(ctx)
	same(t, "ordering sequencers", bft, err, []svapp.BFTSequencer{})
	host, found, err := s.ParticipantOf(ctx, global, acmeOld)
	same(t, "participant", host, err, "PAR::"+acmeOld)
	if !found {
		t.Error("no participant")
	}
	_, found, err = s.ParticipantOf(ctx, global, "nobody::1220")
	same(t, "nobody's participant", found, err, false)
	if _, _, err = s.ParticipantOf(ctx, global, dsoParty); err == nil {
		t.Error("a party on many participants has one")
	}
	name, found, err := s.NameOf(ctx, beta)
	same(t, "name", name, err, svapp.Name{Party: beta, Name: "beta-sv.sv.cns"})
	who, _, err := s.Named(ctx, name.Name)
	same(t, "who", who, err, name)
	if !found {
		t.Error("no name")
	}
	_, found, err = s.NameOf(ctx, "x::1220")
	same(t, "no name", found, err, false)
	sched, found, err := s.Schedule(ctx)
	same(t, "schedule", sched, err, svapp.Schedule{Time: noon.Add(time.Hour), MigrationID: 5})
	if !found {
		t.Error("no schedule")
	}
	n.network.Schedule = nil
	_, found, err = s.Schedule(ctx)
	same(t, "no schedule", found, err, false)
}

func TestVotes(t *testing.T) {
	n := &served{network: network(), release: "0.6.4"}
	n.network.Votes[0].Ballots = map[string]bool{"Beta-SV": true}
	s, ctx := n.scan(t), t.Context()
	later := noon.Add(time.Hour)
	want := svapp.Vote{ContractID: "00f1", Tracking: "00f0", Action: "SRARC_OffboardSv", Offboards: acmeOld, Requester: "Beta-SV", Reason: "node lost", ReasonURL: "https://example.org/1",
		VoteBefore: later, EffectiveAt: &later, Cast: []svapp.Ballot{{SV: "Beta-SV", Accepts: true}}}
	open, err := s.OpenVotes(ctx)
	same(t, "open votes", open, err, []svapp.Vote{want})
	one, found, err := s.Vote(ctx, "00f1")
	same(t, "vote", one, err, want)
	if !found {
		t.Error("no vote")
	}
	_, found, err = s.Vote(ctx, "00f0") // the contract that the last vote replaced
	same(t, "replaced vote", found, err, false)
	n.network.Votes[0].Tracking = ""
	one, _, err = s.Vote(ctx, "00f1")
	if err != nil || one.Tracking != "00f1" {
		t.Errorf("the first version is tracked by %q, %v", one.Tracking, err)
	}
	closed, err := s.ClosedVotes(ctx, "SRARC_OffboardSv", 50)
	if err != nil || len(closed) != 2 || closed[0].Outcome != "VRO_Accepted" || !closed[0].EffectiveAt.Equal(later) || closed[1].EffectiveAt != nil || closed[0].Vote.Offboards != acmeOld {
		t.Errorf("%+v, %v", closed, err)
	}
	if closed, err = s.ClosedVotes(ctx, "", 1); err != nil || len(closed) != 1 {
		t.Errorf("%+v, %v", closed, err)
	}
	if closed, err = s.ClosedVotes(ctx, "SRARC_SetConfig", 50); err != nil || len(closed) != 0 {
		t.Errorf("%+v, %v", closed, err)
	}
}
