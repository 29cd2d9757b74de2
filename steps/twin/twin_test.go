package twin

import (
	"testing"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

func TestCompare(t *testing.T) {
	key := func(b byte) *[32]byte { return &[32]byte{b} }
	part := func(p node.Part) node.Component {
		return node.Component{Part: p, Ref: kube.WorkloadRef{Kind: kube.Deployment, Namespace: "o", Name: string(p)}}
	}
	all := []node.Component{part(node.SVApp), part(node.CometBFT), part(node.Participant)}
	base := identity{name: "Acme", svKey: key(1), chainKeys: [][32]byte{*key(2)}, databases: map[string][]string{"participant": {"p on a.sv:5432"}}}
	for _, c := range []struct {
		name       string
		other      identity
		parts      int
		certain    bool
		comparable bool
	}{
		{"another node", identity{name: "Other", svKey: key(9), chainKeys: [][32]byte{*key(8)}, parts: all, databases: map[string][]string{"participant": {"p on a.o:5432"}}}, 0, false, true},
		{"same name", identity{name: "Acme", parts: all}, 3, false, true},
		{"same SV key under another name", identity{name: "Other", svKey: key(1), parts: all}, 3, false, true},
		{"same CometBFT key", identity{name: "Other", chainKeys: [][32]byte{*key(2)}, parts: all}, 1, false, true},
		{"same database", identity{name: "Other", parts: all, databases: map[string][]string{"participant": {"p on a.sv:5432"}}}, 1, true, true},
		{"a validator with a database of its own", identity{parts: all[2:], databases: map[string][]string{"participant": {"p on a.o:5432"}}}, 0, false, true},
		{"a validator whose database cannot be read", identity{parts: all[2:]}, 0, false, false},
		{"nothing can be read", identity{parts: all}, 0, false, false},
		{"keys cannot be read, and there is a chain", identity{parts: all, databases: map[string][]string{"participant": {"p on a.o:5432"}}}, 0, false, false},
	} {
		s := compare(base, c.other)
		if len(s.parts) != c.parts || (len(s.certain) > 0) != c.certain || s.comparable != c.comparable {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
}

func TestHostIn(t *testing.T) {
	for host, want := range map[string]string{
		"participant-pg": "participant-pg.sv:5432", "participant-pg.sv": "participant-pg.sv:5432", "participant-pg.sv.svc.cluster.local": "participant-pg.sv:5432",
		"Participant-PG.sv.svc": "participant-pg.sv:5432", "db.example.com": "db.example.com:5432", "10.1.2.3": "10.1.2.3:5432", "db.example.com.": "db.example.com:5432",
	} {
		if got := hostIn(host, 0, "sv"); got != want {
			t.Errorf("%s: %s, want %s", host, got, want)
		}
	}
}

func TestTwoParticipantsOnOneDatabase(t *testing.T) {
	p := func(name string, replicas int32) node.Component {
		return node.Component{Part: node.Participant, Replicas: replicas, Ref: kube.WorkloadRef{Kind: kube.Deployment, Namespace: "sv", Name: name}}
	}
	own := identity{databases: map[string][]string{"a": {"d"}, "b": {"d"}, "c": {"e"}}}
	for _, c := range []struct {
		parts []node.Component
		want  string
	}{
		{[]node.Component{p("a", 1), p("b", 1), p("c", 1)}, "violated twice-d"},
		{[]node.Component{p("a", 1), p("b", 0), p("c", 1)}, ""},
	} {
		own.parts = c.parts
		if got := said(twice(Of{}, own)); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestPublicPart(t *testing.T) {
	a, b := `{"address":"A","pub_key":{"type":"t","value":"k"},"priv_key":{"value":"x"}}`, "{\n \"pub_key\": {\"value\": \"k\"}}"
	if publicPart(a) != publicPart(b) || publicPart(a) != "k" || publicPart(" odd \n") != "odd" {
		t.Error(publicPart(a), publicPart(b))
	}
}

// said are the findings as "verdict id".
func said(found []wire.Finding) string {
	text := ""
	for _, f := range found {
		text += string(f.Verdict) + " " + f.ID
	}
	return text
}
