package svapp_test

import (
	"net/http/httptest"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"

	"canton.example/svrescue/svapp"
	"canton.example/svrescue/svapp/sim"
)

// govern is a network of four SVs, of which three have to agree.
func govern(t *testing.T, votes ...sim.VotePlan) (*clocktesting.FakeClock, *sim.Ledger) {
	t.Helper()
	clk := clocktesting.NewFakeClock(noon)
	o := sim.LedgerOptions{Clock: clk, DSO: dsoParty, Synchronizer: global, MigrationID: 4, Votes: votes, SVs: []sim.Member{{Name: "Acme-SV", Party: acmeOld, Participant: "PAR::" + acmeOld},
		{Name: "Beta-SV", Party: beta, Participant: "PAR::" + beta}, {Name: "Gamma-SV", Party: "Gamma-SV::1220cc", Participant: "PAR::Gamma-SV::1220cc"},
		{Name: "Delta-SV", Party: "Delta-SV::1220d0", Participant: "PAR::Delta-SV::1220d0"}},
		Coins: []sim.Coin{{Owner: acmeOld, Amount: "12.5"}, {Owner: acmeOld, Amount: "1.0", Locked: true}}}
	l, err := sim.NewLedger(o)
	if err != nil {
		t.Fatal(err)
	}
	return clk, l
}

func scanOf(t *testing.T, l *sim.Ledger, s sim.Sight) *svapp.Scan {
	t.Helper()
	server := httptest.NewServer(sim.App{Base: sim.Scan, ID: "Beta-SV", Version: "0.6.4", Network: func() sim.Network { return l.See(s) }}.Handler())
	t.Cleanup(server.Close)
	c, err := svapp.NewScan(svapp.Settings{Way: svapp.Way{Name: "test", Base: server.URL, Through: server.Client().Transport}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func member(t *testing.T, s *svapp.Scan, party string) svapp.Membership {
	t.Helper()
	d, err := s.DSO(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return d.Membership(party)
}

func yes(after time.Duration, names ...string) (all []sim.PlannedBallot) {
	for i, name := range names {
		all = append(all, sim.PlannedBallot{SV: name, After: after * time.Duration(i), Accept: true})
	}
	return all
}

// Votes come in one after the other: the contract changes, what tracks it stays, and who is offboarded shows only in the DSO rules
// (reference/apis.md 2.6).
func TestVoteThatIsAccepted(t *testing.T) {
	target := 5 * time.Hour
	clk, l := govern(t, sim.VotePlan{Opens: time.Hour, Requester: "Beta-SV", Offboard: acmeOld, Reason: "node lost", URL: "https://example.org/1", Lasts: 24 * time.Hour, Effective: &target,
		Ballots: yes(time.Hour, "Beta-SV", "Gamma-SV", "Delta-SV")})
	s, ctx := scanOf(t, l, sim.Sight{}), t.Context()
	if votes, err := s.OpenVotes(ctx); err != nil || len(votes) != 0 {
		t.Fatal(votes, err)
	}
	clk.Step(time.Hour)
	first, err := s.OpenVotes(ctx)
	if err != nil || len(first) != 1 || first[0].Offboards != acmeOld || first[0].Action != "SRARC_OffboardSv" || first[0].Requester != "Beta-SV" || len(first[0].Cast) != 1 {
		t.Fatal(first, err)
	}
	clk.Step(time.Hour)
	second, err := s.OpenVotes(ctx)
	if err != nil || len(second) != 1 || second[0].Tracking != first[0].Tracking || second[0].ContractID == first[0].ContractID || len(second[0].Cast) != 2 {
		t.Fatal(second, err)
	}
	if _, found, err := s.Vote(ctx, first[0].ContractID); found || err != nil {
		t.Error("the contract of an earlier version is still there", err)
	}
	clk.Step(time.Hour)
	closed, err := s.ClosedVotes(ctx, "SRARC_OffboardSv", 10)
	if err != nil || len(closed) != 1 || closed[0].Outcome != "VRO_Accepted" || closed[0].EffectiveAt == nil || !closed[0].EffectiveAt.Equal(noon.Add(6*time.Hour)) {
		t.Fatalf("%+v, %v", closed, err)
	}
	if got := member(t, s, acmeOld); got != svapp.IsSV {
		t.Error("accepted, and carried out before it is effective:", got)
	}
	clk.Step(3 * time.Hour)
	if got := member(t, s, acmeOld); got != svapp.Offboarded {
		t.Error(got)
	}
	// A scan that is behind, and one that lies.
	if got := member(t, scanOf(t, l, sim.Sight{Behind: time.Hour}), acmeOld); got != svapp.IsSV {
		t.Error("stale:", got)
	}
	if got := member(t, scanOf(t, l, sim.Sight{StillSV: acmeOld}), acmeOld); got != svapp.IsSV {
		t.Error("lying:", got)
	}
}

func TestVotesThatFail(t *testing.T) {
	for name, c := range map[string]struct {
		ballots []sim.PlannedBallot
		want    string
	}{
		"rejected": {append(yes(time.Hour, "Beta-SV"), sim.PlannedBallot{SV: "Gamma-SV", After: time.Hour}, sim.PlannedBallot{SV: "Delta-SV", After: 2 * time.Hour}), "VRO_Rejected"},
		"expired":  {yes(time.Hour, "Beta-SV", "Gamma-SV"), "VRO_Expired"},
	} {
		t.Run(name, func(t *testing.T) {
			clk, l := govern(t, sim.VotePlan{Requester: "Beta-SV", Offboard: acmeOld, Lasts: 24 * time.Hour, Ballots: c.ballots})
			s := scanOf(t, l, sim.Sight{})
			clk.Step(25 * time.Hour)
			closed, err := s.ClosedVotes(t.Context(), "", 10)
			if err != nil || len(closed) != 1 || closed[0].Outcome != c.want {
				t.Fatalf("%+v, %v", closed, err)
			}
			if got := member(t, s, acmeOld); got != svapp.IsSV {
				t.Error(got)
			}
			// Another try, which goes through.
			l.Propose(sim.VotePlan{Requester: "Gamma-SV", Offboard: acmeOld, Lasts: 24 * time.Hour, Ballots: yes(time.Hour, "Beta-SV", "Gamma-SV", "Delta-SV")})
			clk.Step(3 * time.Hour)
			if got := member(t, s, acmeOld); got != svapp.Offboarded {
				t.Error(got)
			}
		})
	}
}

// An SV joins under the name of one that was offboarded: by name it cannot be told from the old one, by party it can (reference/apis.md 2.4).
func TestOnboarding(t *testing.T) {
	clk, l := govern(t, sim.VotePlan{Opens: 2 * time.Minute, Requester: "Beta-SV", Offboard: acmeOld, Lasts: 24 * time.Hour, Ballots: yes(time.Minute, "Beta-SV", "Gamma-SV", "Delta-SV")})
	server := httptest.NewServer(sim.App{Base: sim.SV, ID: "Beta-SV", Version: "0.6.4", Network: func() sim.Network { return l.See(sim.Sight{}) }}.Handler())
	t.Cleanup(server.Close)
	sv, err := svapp.NewSV(svapp.Settings{Way: svapp.Way{Name: "test", Base: server.URL, Through: server.Client().Transport}})
	if err != nil {
		t.Fatal(err)
	}
	l.Join(sim.JoinPlan{SV: sim.Member{Name: "Acme-SV", Party: acme, Participant: "PAR::" + acme, Weight: 10000}, Confirm: yes(time.Minute, "Beta-SV", "Gamma-SV", "Delta-SV"), Completes: 5 * time.Minute})
	l.Join(sim.JoinPlan{SV: sim.Member{Name: "Evil-SV", Party: "Evil-SV::1220ff"}, Unapproved: true})
	state := func(who string) svapp.Onboarding {
		t.Helper()
		o, _, err := sv.Onboarding(t.Context(), who)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	if o := state(acme); o.State != "unknown" {
		t.Errorf("while the name is taken: %+v", o)
	}
	if o := state("Acme-SV"); o.State != "completed" { // the old one
		t.Errorf("%+v", o)
	}
	if _, found, err := sv.Onboarding(t.Context(), "Evil-SV::1220ff"); found || err != nil {
		t.Error(found, err)
	}
	clk.Step(5 * time.Minute)
	if o := state(acme); o.State != "requested" || o.Required != 3 || len(o.ConfirmedBy) == 0 {
		t.Errorf("%+v", o)
	}
	clk.Step(3 * time.Minute)
	if o := state(acme); o.State != "confirmed" {
		t.Errorf("%+v", o)
	}
	clk.Step(5 * time.Minute)
	if o := state(acme); o.State != "completed" || o.Name != "Acme-SV" {
		t.Errorf("%+v", o)
	}
	s := scanOf(t, l, sim.Sight{})
	if member(t, s, acme) != svapp.IsSV || member(t, s, acmeOld) != svapp.Offboarded {
		t.Error(member(t, s, acme), member(t, s, acmeOld))
	}
}

// Holdings are those of a snapshot, not of the present; a scan may show others.
func TestHoldingsOfTheLedger(t *testing.T) {
	clk, l := govern(t)
	s, ctx := scanOf(t, l, sim.Sight{}), t.Context()
	h, found, err := s.HoldingsSummary(ctx, 4, noon, acmeOld)
	same(t, "holdings", h, err, svapp.HoldingsAt{RecordTime: noon, MigrationID: 4,
		Parties: []svapp.Holding{{Party: acmeOld, Unlocked: "12.5000000000", Locked: "1.0000000000", Total: "13.5000000000"}}})
	if !found {
		t.Error("no snapshot")
	}
	clk.Step(4 * time.Hour)
	at, _, err := s.SnapshotTime(ctx, noon.Add(4*time.Hour), 4)
	same(t, "snapshot", at, err, noon.Add(3*time.Hour))
	at, _, err = scanOf(t, l, sim.Sight{Behind: 2 * time.Hour}).SnapshotTime(ctx, noon.Add(4*time.Hour), 4)
	same(t, "snapshot of one that is behind", at, err, noon)
	h, _, err = scanOf(t, l, sim.Sight{Owns: map[string]string{acmeOld: "1000000.0000000000"}}).HoldingsSummary(ctx, 4, noon.Add(4*time.Hour), acmeOld)
	if one, _ := h.Of(acmeOld); err != nil || one.Total != "1000000.0000000000" {
		t.Error(h, err)
	}
	who, _, err := s.ParticipantOf(ctx, global, acmeOld)
	same(t, "participant", who, err, "PAR::"+acmeOld)
	l.Host(acmeOld, "PAR::recovery-1::1220aa")
	who, _, err = s.ParticipantOf(ctx, global, acmeOld)
	same(t, "participant after it was taken over", who, err, "PAR::recovery-1::1220aa")
}
