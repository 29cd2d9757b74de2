package backup

import (
	"slices"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
)

// servers is a node with two database servers and CometBFT; outside makes a server a managed one.
func servers(outside ...string) node.Node {
	n := sv()
	n.Claims = n.Claims[2:] // CometBFT
	for _, name := range []string{"apps-pg", "participant-pg"} {
		s := postgres.Server{Namespace: "sv", Workload: name, Host: name, Port: 5432}
		if slices.Contains(outside, name) {
			s.Workload, s.Host = "", name+".db.example.com"
		} else {
			n.Claims = append(n.Claims, node.Claim{Claim: kube.Claim{Meta: kube.Meta{Name: "pg-data-" + name + "-0", UID: "u-" + name}}, Owner: name,
				Parts: map[string][]node.Part{"apps-pg": node.AppParts, "participant-pg": {node.Participant}}[name]})
		}
		for _, d := range map[string][]postgres.Database{
			"apps-pg":        {{Role: postgres.SV, Name: "cantonnet_sv"}, {Role: postgres.Scan, Name: "cantonnet_scan"}},
			"participant-pg": {{Role: postgres.Participant, Name: "participant_0"}}}[name] {
			d.Server = s
			n.Databases = append(n.Databases, d)
		}
	}
	return n
}

func number(n int64) *int64 { return &n }

// dumped is a set of dumps of every database, begun in the order of the databases, a minute apart, and at these offsets; the chain
// comes from a snapshot.
func dumped(n node.Node, offsets ...int64) Set {
	s := Set{Run: "1", Members: []Member{{Claim: "comet", Owner: "owner-comet", Parts: []node.Part{node.CometBFT},
		Snapshot: kube.Snapshot{Ready: true, Meta: kube.Meta{Name: "comet-1"}}, Taken: now.Add(-time.Hour)}}}
	for i, d := range n.Databases {
		x := Dump{Database: d, File: "/backups/" + d.Name + ".dump", Kind: "custom", Whole: true}
		if len(offsets) > i {
			p := postgres.Position{Role: d.Role, MigrationID: number(0)}
			if d.Role == postgres.Participant {
				p.LedgerEnd = number(offsets[i])
			} else {
				p.LastIngested, p.Behind = number(offsets[i]), number(offsets[i])
			}
			x.Position = &p
		}
		s.Dumps = append(s.Dumps, x)
	}
	return s
}

func TestASetOfDumps(t *testing.T) {
	for _, c := range []struct {
		name    string
		offsets []int64
		do      func(s *Set)
		id      string
		want    wire.Verdict
		text    string
		waive   bool
	}{
		{name: "in order by its data", offsets: []int64{58, 59, 60}, id: "offset-order-cantonnet_scan", want: wire.Holds, text: "59"},
		{name: "the data outranks a clock that says nothing", offsets: []int64{58, 59, 60}, id: "order", want: wire.Attention, text: "outranks"},
		{name: "the data outranks a clock that contradicts it", offsets: []int64{58, 59, 60}, id: "order", want: wire.Attention, text: "reversed", do: begun(0, 0, -1)},
		{name: "reversed by its data: nobody can override that", offsets: []int64{58, 62, 60}, id: "offset-order-cantonnet_scan", want: wire.Violated, text: "is reversed"},
		{name: "one dump does not show it", offsets: []int64{58}, id: "offset-order", want: wire.Undetermined, text: "is not known"},
		{name: "no dump shows it, and the clock contradicts", id: "order", want: wire.Violated, text: "reversed", do: begun(2, 3, 1), waive: true},
		{name: "begun in order is not finished in order", id: "order", want: wire.Undetermined, text: "does not say when it was finished", do: begun(1, 1, 9)},
		{name: "no time", id: "order", want: wire.Undetermined, text: "not known"},
		{name: "whole", id: "whole", want: wire.Holds, text: "1 snapshot, 3 dumps"},
		{name: "a database without a dump", id: "whole", want: wire.Violated, text: "nothing for database participant_0 on participant-pg",
			do: func(s *Set) { s.Dumps = s.Dumps[:2] }},
		{name: "a dump that is cut off", id: "whole", want: wire.Violated, text: "cantonnet_sv.dump is not whole: it ends", do: func(s *Set) {
			s.Dumps[0].Whole, s.Dumps[0].Problems = false, []string{"it ends in the middle"}
		}},
		{name: "no dump holds the chain", id: "whole", want: wire.Violated, text: "no snapshot of comet", do: func(s *Set) { s.Members, s.Run = nil, "" }, waive: true},
		{name: "of a database with another number", id: "migration", want: wire.Attention, text: "participant_1", do: func(s *Set) { s.Dumps[2].Name = "participant_1" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := servers()
			s := dumped(n, c.offsets...)
			if c.do != nil {
				c.do(&s)
			}
			f := verdictOf(t, Judge(s, n, now), c.id)
			if f.Verdict != c.want || !strings.Contains(f.Text, c.text) || c.waive != (f.Waive != "") {
				t.Errorf("%s: %s (waive: %s), want %s with %q", f.Verdict, f.Text, f.Waive, c.want, c.text)
			}
			if f.Verdict == wire.Violated && f.Next == "" {
				t.Errorf("%s says nothing of what to do next", f.Text)
			}
		})
	}
}

// begun gives the dumps the minutes at which they were begun.
func begun(minutes ...int) func(*Set) {
	return func(s *Set) {
		for i := range s.Dumps {
			s.Dumps[i].Started = now.Add(-time.Hour + time.Duration(minutes[i])*time.Minute)
		}
	}
}

func TestManagedServers(t *testing.T) {
	n := servers("apps-pg", "participant-pg")
	s := dumped(n)
	s.Dumps = nil
	if f := whole(s, n); f.Verdict != wire.Violated || strings.Count(f.Text, "nothing for database") != 3 {
		t.Errorf("nothing for three databases: %s", f.Text)
	}
	at := now.Add(-time.Hour)
	servers := n.Servers()
	s.Managed = []Managed{{Server: servers[0], Target: at, Apps: true}, {Server: servers[1], Target: at.Add(time.Minute), Participant: true}}
	if f := whole(s, n); f.Verdict != wire.Holds {
		t.Error(f.Text)
	}
	if f := order(s); f.Verdict != wire.Holds || !strings.Contains(f.Text, "60 s before") {
		t.Errorf("%s: %s", f.Verdict, f.Text)
	}
	s.Managed[0].Target = s.Managed[1].Target
	if f := order(s); f.Verdict != wire.Undetermined {
		t.Errorf("two servers at one time: %s: %s", f.Verdict, f.Text)
	}
	s.Managed = []Managed{{Server: servers[0], Target: at, Apps: true, Participant: true}}
	if f := order(s); f.Verdict != wire.Holds {
		t.Errorf("one server at one time: %s: %s", f.Verdict, f.Text)
	}
}

func TestRunway(t *testing.T) {
	n := sv()
	s := Set{Members: []Member{{Claim: "apps", Taken: now.Add(-20 * 24 * time.Hour)}}}
	if f := young(s, n, now); f.Verdict != wire.Holds || !strings.Contains(f.Text, "10 days are left") || !strings.Contains(f.Text, "reference value") {
		t.Error(f.Text)
	}
	n.Retention = node.Retention{Period: 10 * 24 * time.Hour, From: "the values of release sv"}
	if f := young(s, n, now); f.Verdict != wire.Violated || f.Waive == "" || !strings.Contains(f.Text, "the values of release sv") {
		t.Errorf("%s: %s", f.Verdict, f.Text)
	}
}
