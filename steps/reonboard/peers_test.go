package reonboard

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
	svsim "canton.example/svrescue/svapp/sim"
)

func acmeNode() sim.NodeOptions {
	return sim.NodeOptions{Namespace: "sv", SVName: "Acme-SV", Network: "testnet"}
}

func TestQuorum(t *testing.T) {
	for asked, want := range map[int]int{0: 2, 1: 2, 2: 2, 3: 2, 4: 3, 5: 3, 9: 5} {
		if got := quorum(asked); got != want {
			t.Errorf("of %d scans %d must agree, want %d", asked, got, want)
		}
	}
}

// askedAlong answers the questions of a step as they come.
func askedAlong(t *testing.T, l *lostWorld, s steps.Step[Facts], answers map[string]string) (asked []string) {
	t.Helper()
	for {
		open, err := s.Inputs(t.Context(), l.world, l.facts)
		if err != nil {
			t.Fatal(err)
		}
		if len(open) == 0 {
			return asked
		}
		q := open[0]
		value, has := answers[q.Name]
		if !has {
			value = q.Default
		}
		if value == "" || len(asked) > 9 {
			t.Fatalf("nothing answers %q: %+v", q.Name, q)
		}
		if err := s.Take(&l.facts, q.Name, value); err != nil {
			t.Fatalf("%s: %v", q.Name, err)
		}
		asked = append(asked, q.Name)
	}
}

func TestPeers(t *testing.T) {
	for _, c := range []struct {
		name    string
		scans   func(*scans)
		answers map[string]string
		asked   string
		plan    string
		want    string
		peers   int
	}{
		{"the sponsor names the others", nil, map[string]string{"namespace": "sv"}, "namespace scans", "", "holds node, holds peers, holds release, holds migration", 5},
		{"one is named that another lists as well", nil, map[string]string{"namespace": "sv", "scans": "https://scan.sv-2.example/, https://scan.sv-1.example"}, "namespace scans", "",
			"holds node, holds peers, holds release, holds migration", 5},
		{"some do not answer", func(s *scans) { s.down[s.url(4)] = true; s.down[s.url(5)] = true }, map[string]string{"namespace": "sv"}, "namespace scans", "",
			"holds node, holds peers, attention silent, holds release, holds migration", 3},
		{"one is of another network", func(s *scans) { s.stale["SV-5"] = svsim.Network{DSO: "DSO::1220ee", SVs: s.state.SVs} }, map[string]string{"namespace": "sv"}, "namespace scans", "",
			"holds node, holds peers, attention outvoted, holds release, holds migration", 4},
		{"they do not answer this machine", func(s *scans) {
			for i := 2; i < 6; i++ {
				s.down[s.url(i)] = true
			}
		}, map[string]string{"namespace": "sv", "image": "postgres:17"}, "namespace scans image", "open pod/svrescue-client-1400-ab12",
			"holds node, undetermined peers, attention silent, holds release, holds migration", 1},
		{"they do not answer, and no pod is wanted", func(s *scans) {
			for i := 2; i < 6; i++ {
				s.down[s.url(i)] = true
			}
		}, map[string]string{"namespace": "sv", "image": "none"}, "namespace scans image", "", "holds node, undetermined peers, attention silent, holds release, holds migration", 1},
		{"nothing is left", nil, map[string]string{"namespace": nothingLeft, "validator": "sv", "scans": "https://scan.sv-3.example"}, "namespace validator scans", "",
			"attention node, holds peers, holds release, holds migration", 6},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLostWorld(t, lostParty, acmeNode())
				l.facts.Old, l.facts.Peers = Old{}, nil
				if c.scans != nil {
					c.scans(l.scans)
				}
				step := peers()
				if got := strings.Join(askedAlong(t, l, step, c.answers), " "); got != c.asked {
					t.Errorf("asked %s, want %s", got, c.asked)
				}
				l.journaled()
				actions, err := step.Plan(l.facts)
				if err != nil {
					t.Fatal(err)
				}
				plan := ""
				for _, a := range actions {
					plan += a.Key()
				}
				if plan != c.plan {
					t.Errorf("planned %q, want %q", plan, c.plan)
				}
				if got := l.proves(step); got != c.want {
					t.Errorf("%s\nwant %s", got, c.want)
				}
				o := l.facts.Old
				if len(l.facts.Peers) != c.peers || o.DSO != dsoOfTest || o.Release != "0.6.4" || o.MigrationID != 3 && c.peers > 1 || o.Synchronizer != "global-domain::1220dd" {
					t.Errorf("%+v", l.facts)
				}
			})
		})
	}
}

func TestAScanIsKnownByThePartyItAnswersFor(t *testing.T) {
	l := newLostWorld(t, lostParty)
	l.facts.Old, l.facts.Reach.Scans = Old{}, []string{l.scans.url(1)}
	l.scans.change(func(n *svsim.Network) { // a second address, at which the first SV of the list answers once more
		n.SVs = append(n.SVs, svsim.Member{Name: "Ghost", Party: "Ghost::1220ff", ScanURL: l.scans.url(8)})
	})
	s := survey(t.Context(), l.world, l.facts)
	seen := map[string]bool{}
	for _, p := range s.agreed() {
		if seen[p.Party] {
			t.Errorf("%s is counted twice: %+v", p.Party, s.agreed())
		}
		seen[p.Party] = true
	}
	if len(s.poll.Replies) != 7 || len(seen) != 6 {
		t.Errorf("%d addresses, %d SVs", len(s.poll.Replies), len(seen))
	}
}

func TestScansThatDoNotAgreeOnTheNetworkAreNoBasis(t *testing.T) {
	l := newLostWorld(t, lostParty)
	l.facts.Reach.Nothing, l.facts.Reach.Scans = true, []string{l.scans.url(1), l.scans.url(2)}
	l.scans.change(func(n *svsim.Network) {
		for i := range n.SVs {
			n.SVs[i].ScanURL = ""
		}
	})
	l.scans.stale["SV-2"] = svsim.Network{DSO: "DSO::1220ee"}
	_, err := peers().Verify(t.Context(), l.world, &l.facts)
	if err == nil || !strings.Contains(err.Error(), "do not agree") {
		t.Fatalf("%v", err)
	}
}

func TestWhatIsLeftMayBeAPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLostWorld(t, lostParty, acmeNode())
		if err := l.sim.LoadYAML([]byte("apiVersion: v1\nkind: Namespace\nmetadata: {name: half}\n---\napiVersion: apps/v1\nkind: Deployment\n" +
			"metadata: {name: participant, namespace: half, labels: {helm.sh/chart: splice-participant-0.6.4}}\n" +
			"spec: {replicas: 1, selector: {matchLabels: {app: participant}}, template: {metadata: {labels: {app: participant}}, spec: {containers: [{name: participant, image: x}]}}}\n")); err != nil {
			t.Fatal(err)
		}
		l.facts.Old = Old{}
		open, err := peers().Inputs(t.Context(), l.world, l.facts)
		if err != nil || len(open) != 1 || len(open[0].Choices) != 3 || open[0].Choices[0].ID != "half" || !strings.Contains(open[0].Choices[0].Detail, "not a whole SV") || open[0].Default != "" {
			t.Fatalf("%+v, %v", open, err)
		}
		l.facts.Old.Namespace = "half"
		found, err := whatIsLeft(t.Context(), l.world, &l.facts)
		if err != nil || verdictsOf(found) != "attention node" || len(applications(*l.facts.Old.Node)) != 1 {
			t.Errorf("%+v, %v", found, err)
		}
	})
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"https://scan.sv-1.example", "https://scan.sv-1.example"},
		{"https://scan.sv-1.example/, http://b:8080", "https://scan.sv-1.example http://b:8080"},
		{"", ""}, {"scan.sv-1.example", ""}, {"https://user:word@scan.example", ""}, {"https://scan.example/api/scan", ""}, {"ftp://scan.example", ""},
	} {
		got, err := addresses(c.text)
		if strings.Join(got, " ") != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q: %v, %v", c.text, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "word") {
			t.Errorf("a password is shown: %v", err)
		}
	}
}

func TestLostSV(t *testing.T) {
	anew := "Acme-SV::1220cc"
	for _, c := range []struct {
		name    string
		scans   func(*scans)
		answer  string
		asked   string
		want    string
		is      string
		offered string // the proposed answer
	}{
		{"an SV", nil, "", "sv", "holds party", "Acme-SV PAR::Acme-SV::1220aa false", lostParty},
		{"a stale scan is outvoted", func(s *scans) { n := s.state; n.SVs = n.SVs[1:]; s.stale["SV-2"] = n }, "", "sv", "holds party, attention outvoted", "Acme-SV PAR::Acme-SV::1220aa false", lostParty},
		{"one is silent", func(s *scans) { s.down[s.url(2)] = true }, "", "sv", "holds party, attention silent", "Acme-SV PAR::Acme-SV::1220aa false", lostParty},
		{"offboarded already", func(s *scans) { s.change(offboard(lostParty)) }, "", "sv", "holds party, attention offboarded", "Acme-SV PAR::Acme-SV::1220aa true", lostParty},
		{"offboarded, and another has its name now", func(s *scans) {
			s.change(offboard(lostParty))
			s.change(func(n *svsim.Network) { n.SVs = append(n.SVs, member("Acme-SV", anew)) })
		}, lostParty, "sv", "holds party, attention offboarded", "Acme-SV PAR::Acme-SV::1220aa true", anew},
		{"too few to be sure", func(s *scans) {
			for i := 3; i < 6; i++ {
				s.down[s.url(i)] = true
			}
		}, "", "sv", "undetermined party, attention silent", "Acme-SV PAR::Acme-SV::1220aa false", lostParty},
		{"another node than the one in the namespace", nil, "SV-4::1220b4", "sv", "holds party, violated node-name", "SV-4 PAR::SV-4::1220b4 false", lostParty},
		{"a stranger", nil, "Nobody::1220ff", "sv", "violated party, violated node-name", "Nobody  false", lostParty},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLostWorld(t, lostParty, acmeNode())
				l.facts.Old.Party, l.facts.Old.SV, l.facts.Old.Participant = "", "", ""
				if c.scans != nil {
					c.scans(l.scans)
				}
				step := lostSV()
				open, err := step.Inputs(t.Context(), l.world, l.facts)
				if err != nil || len(open) != 1 || open[0].Default != c.offered || !strings.Contains(open[0].Choices[0].Detail, "::1220") {
					t.Fatalf("%+v, %v", open, err)
				}
				answers := map[string]string{}
				if c.answer != "" {
					answers["sv"] = c.answer
				}
				if got := strings.Join(askedAlong(t, l, step, answers), " "); got != c.asked {
					t.Errorf("asked %s, want %s", got, c.asked)
				}
				if got := l.proves(step); got != c.want {
					t.Errorf("%s\nwant %s", got, c.want)
				}
				o := l.facts.Old
				if got := strings.Join([]string{o.SV, o.Participant, map[bool]string{true: "true", false: "false"}[!l.facts.Vote.Offboarded.IsZero()]}, " "); got != c.is {
					t.Errorf("%s, want %s", got, c.is)
				}
				for _, p := range l.facts.Peers {
					if p.Party == o.Party {
						t.Error("the lost SV is asked about itself")
					}
				}
				before := l.facts.Peers
				step.Forget(&l.facts)
				if l.facts.Old.Party != "" || len(l.facts.Peers) != len(before) {
					t.Errorf("%+v", l.facts)
				}
			})
		})
	}
}

func TestTheNetworkIsAskedForWhereNothingTellsIt(t *testing.T) {
	l := newLostWorld(t, lostParty)
	l.facts.Old.Party, l.facts.Old.SV, l.facts.Old.Network = "", "", ""
	if got := askedAlong(t, l, lostSV(), map[string]string{"sv": lostParty, "network": "MainNet"}); strings.Join(got, " ") != "sv network" {
		t.Error(got)
	}
	if err := lostSV().Take(&l.facts, "network", "a/b"); err == nil {
		t.Error("a/b is no name of a network")
	}
}

func TestAskNamesWhoFails(t *testing.T) {
	l := newLostWorld(t, lostParty)
	l.scans.down[l.scans.url(3)] = true
	poll := ask(context.Background(), l.world, l.facts.Peers, func(ctx context.Context, scan *svapp.Scan) (string, error) { return scan.DSOParty(ctx) }, func(s string) string { return s })
	f, some := silent(poll)
	if !some || f.Verdict != wire.Attention || f.Text != "no answer from the scan of SV-3" || poll.Agreeing != 4 {
		t.Errorf("%+v, %+v", f, poll)
	}
}
