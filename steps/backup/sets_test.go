package backup

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

var now = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

// sv is a node of apps, participant and CometBFT.
func sv() node.Node {
	claim := func(name string, parts ...node.Part) node.Claim {
		return node.Claim{Claim: kube.Claim{Meta: kube.Meta{Name: name, UID: "u-" + name}}, Owner: "owner-" + name, Parts: parts}
	}
	return node.Node{Serial: "3", Release: "0.5.1", Claims: []node.Claim{
		claim("apps", node.AppParts...), claim("part", node.Participant), claim("comet", node.CometBFT)}}
}

// snap is a snapshot of claim in run, cut so long ago; negative is not known.
func snap(claim, run string, ago time.Duration) kube.Snapshot {
	s := kube.Snapshot{Meta: kube.Meta{Name: claim + "-" + run, UID: "s-" + claim + run}, SourceClaim: claim, Ready: true, Content: "content-" + claim + run}
	if ago >= 0 {
		at := now.Add(-ago).Truncate(time.Second)
		s.Taken = &at
	}
	return s
}

func exactly(s kube.Snapshot, at time.Time) kube.SnapshotContent {
	return kube.SnapshotContent{Meta: kube.Meta{Name: s.Content}, Taken: &at}
}

func whole3(run string, age time.Duration) []kube.Snapshot {
	return []kube.Snapshot{snap("apps", run, age), snap("part", run, age-5*time.Minute), snap("comet", run, age-10*time.Minute)}
}

func TestGrouping(t *testing.T) {
	foreign := snap("grafana", "2", time.Hour)
	loose := snap("apps", "x", time.Hour)
	loose.Name = "before-upgrade"
	bare := snap("apps", "", time.Hour)
	all := slices.Concat(whole3("1", 9*time.Hour), whole3("2", 5*time.Hour), whole3("3", 7*time.Hour)[:2], []kube.Snapshot{foreign, loose, bare})
	sets, rest := Sets(sv(), all, nil)
	var got []string
	for _, s := range sets {
		got = append(got, fmt.Sprintf("%s:%d-%v", s.Run, len(s.Members), s.Missing))
	}
	if want := "2:3-[] 3:2-[comet] 1:3-[]"; strings.Join(got, " ") != want {
		t.Errorf("sets %v, want %s: newest first", got, want)
	}
	slices.Sort(rest)
	if strings.Join(rest, " ") != "apps- before-upgrade" {
		t.Errorf("loose %v", rest)
	}
	if m, ok := sets[0].Member("part"); !ok || m.Snapshot.Name != "part-2" || m.Owner != "owner-part" {
		t.Errorf("member %+v", m)
	}
	if _, ok := sets[1].Member("comet"); ok {
		t.Error("a member that is missing was found")
	}
	// Two snapshots of one claim in one run can come only from a list that names one twice; it is never guessed which.
	twice, _ := Sets(sv(), append(whole3("1", time.Hour), snap("apps", "1", 2*time.Hour)), nil)
	if !slices.Equal(twice[0].Twice, []string{"apps"}) || Restorable(Judge(twice[0], sv(), now)) {
		t.Errorf("twice: %+v", twice[0])
	}
}

func verdictOf(t *testing.T, findings []wire.Finding, id string) wire.Finding {
	t.Helper()
	i := slices.IndexFunc(findings, func(f wire.Finding) bool { return f.ID == id })
	if i < 0 {
		t.Fatalf("no finding %s", id)
	}
	return findings[i]
}

func TestJudge(t *testing.T) {
	second := now.Add(-time.Hour).Truncate(time.Second)
	for _, c := range []struct {
		name string
		do   func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent
		id   string
		want wire.Verdict
		text string
	}{
		{name: "in order", id: "order", want: wire.Holds, text: "5 min before"},
		{name: "all of it", id: "whole", want: wire.Holds},
		{name: "a claim without a snapshot", id: "whole", want: wire.Violated, text: "no snapshot of comet",
			do: func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent { s[2].SourceClaim = "gone"; return nil }},
		{name: "not ready", id: "ready", want: wire.Violated, text: "comet-1 is not ready",
			do: func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent { s[2].Ready = false; return nil }},
		{name: "failed, whatever it says of ready", id: "ready", want: wire.Violated, text: "has failed: quota",
			do: func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent { s[2].Error = "quota"; return nil }},
		{name: "being deleted", id: "ready", want: wire.Violated, text: "is being deleted",
			do: func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent { s[0].Deleting = &now; return nil }},
		{name: "reversed", id: "order", want: wire.Violated, text: "reversed",
			do: func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent {
				s[0].Taken, s[1].Taken = s[1].Taken, s[0].Taken
				return nil
			}},
		{name: "the same second", id: "order", want: wire.Undetermined, text: "same second",
			do: func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent { s[1].Taken = s[0].Taken; return nil }},
		{name: "the same second, told apart by nanoseconds", id: "order", want: wire.Holds, text: "2ms before",
			do: func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent {
				return []kube.SnapshotContent{exactly(s[0], second.Add(time.Millisecond)), exactly(s[1], second.Add(3*time.Millisecond))}
			}},
		{name: "reversed by a nanosecond", id: "order", want: wire.Violated,
			do: func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent {
				return []kube.SnapshotContent{exactly(s[0], second.Add(3)), exactly(s[1], second.Add(2))}
			}},
		{name: "the same nanosecond", id: "order", want: wire.Undetermined,
			do: func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent {
				return []kube.SnapshotContent{exactly(s[0], second.Add(3)), exactly(s[1], second.Add(3))}
			}},
		{name: "only one clock is fine, in the same second", id: "order", want: wire.Undetermined,
			do: func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent {
				s[1].Taken = &second
				return []kube.SnapshotContent{exactly(s[0], second.Add(3))}
			}},
		{name: "no time of the apps", id: "order", want: wire.Undetermined, text: "apps-1 is not known",
			do: func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent { s[0].Taken = nil; return nil }},
		{name: "no time of the participant", id: "order", want: wire.Undetermined, text: "part-1 is not known",
			do: func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent { s[1].Taken = nil; return nil }},
		{name: "no participant", id: "order", want: wire.Undetermined, text: "does not show both",
			do: func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent { n.Claims[1].Parts = nil; return nil }},
		{name: "one claim for both", id: "order", want: wire.Holds, text: "at one moment",
			do: func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent {
				n.Claims[0].Parts, n.Claims[1].Parts = append([]node.Part{node.Participant}, node.AppParts...), nil
				return nil
			}},
		{name: "the validator beside the participant, the other apps before", id: "order", want: wire.Holds, text: "5 min before",
			do: func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent {
				n.Claims[1].Parts = []node.Part{node.Participant, node.Validator}
				return nil
			}},
		{name: "the validator beside the participant, the other apps after", id: "order", want: wire.Violated,
			do: func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent {
				n.Claims[1].Parts = []node.Part{node.Participant, node.Validator}
				s[0].Taken, s[1].Taken = s[1].Taken, s[0].Taken
				return nil
			}},
		{name: "apps in two claims, one of them too late", id: "order", want: wire.Violated,
			do: func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent {
				n.Claims[2].Parts = []node.Part{node.ScanApp}
				return nil
			}},
		{name: "both in two claims", id: "order", want: wire.Undetermined, text: "means nothing",
			do: func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent {
				both := append([]node.Part{node.Participant}, node.AppParts...)
				n.Claims[0].Parts, n.Claims[1].Parts = both, both
				return nil
			}},
		{name: "no annotation", id: "migration", want: wire.Holds},
		{name: "this migration", id: "migration", want: wire.Holds,
			do: func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent { annotate(s, "3"); return nil }},
		{name: "another migration", id: "migration", want: wire.Violated, text: "is of migration 2, the node runs 3",
			do: func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent { annotate(s, "2"); return nil }},
		{name: "another number since 0.6.2", id: "migration", want: wire.Attention, text: "two numbers",
			do: func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent {
				annotate(s, "2")
				n.Release = "0.6.4"
				return nil
			}},
		{name: "young", id: "age", want: wire.Holds},
		{name: "too old", id: "age", want: wire.Violated,
			do: func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent {
				at := now.Add(-Retention - time.Second)
				s[2].Taken = &at
				return nil
			}},
		{name: "just young enough", id: "age", want: wire.Holds,
			do: func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent {
				at := now.Add(-Retention)
				s[2].Taken = &at
				return nil
			}},
		{name: "no time at all", id: "age", want: wire.Undetermined,
			do: func(s []kube.Snapshot, n *node.Node) []kube.SnapshotContent {
				for i := range s {
					s[i].Taken = nil
				}
				return nil
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, snapshots := sv(), whole3("1", time.Hour)
			var contents []kube.SnapshotContent
			if c.do != nil {
				contents = c.do(snapshots, &n)
			}
			sets, _ := Sets(n, snapshots, contents)
			findings := Judge(sets[0], n, now)
			f := verdictOf(t, findings, c.id)
			if f.Verdict != c.want || !strings.Contains(f.Text, c.text) {
				t.Errorf("%s: %s, want %s with %q", f.Verdict, f.Text, c.want, c.text)
			}
			if bad := c.want == wire.Violated || c.want == wire.Undetermined; bad == Restorable(findings) {
				t.Errorf("restorable: %v", !bad)
			}
			if f.Verdict != wire.Holds && f.Next == "" {
				t.Errorf("%s says nothing of what to do next", f.Text)
			}
		})
	}
}

func annotate(s []kube.Snapshot, id string) {
	for i := range s {
		s[i].Annotations = map[string]string{"migrationId": id, "note": "hunter2"}
	}
}

// The order of what the API lists makes no difference, and no snapshot is in two sets.
func FuzzSets(f *testing.F) {
	f.Add("apps-1", "apps", int64(0), "part-1", "part", int64(60))
	f.Add("apps", "apps", int64(-1), "-", "", int64(1))
	f.Fuzz(func(t *testing.T, name1, claim1 string, ago1 int64, name2, claim2 string, ago2 int64) {
		one := kube.Snapshot{Meta: kube.Meta{Name: name1}, SourceClaim: claim1}
		two := kube.Snapshot{Meta: kube.Meta{Name: name2}, SourceClaim: claim2}
		at1, at2 := now.Add(-time.Duration(ago1)), now.Add(-time.Duration(ago2))
		one.Taken, two.Taken = &at1, &at2
		a, _ := Sets(sv(), []kube.Snapshot{one, two}, nil)
		b, _ := Sets(sv(), []kube.Snapshot{two, one}, nil)
		if fmt.Sprint(a) != fmt.Sprint(b) {
			t.Errorf("%v\n%v", a, b)
		}
		for _, s := range a {
			if Restorable(Judge(s, sv(), now)) {
				t.Errorf("two snapshots of three claims are restorable: %v", s)
			}
		}
	})
}

// On another cluster the storage's snapshots are brought in by hand: they name no claim, because there is none yet.
func TestBroughtInByHand(t *testing.T) {
	n := sv()
	longer := n.Claims[0]
	longer.Name = "apps-old"
	n.Claims = append(n.Claims, longer)
	all := whole3("1", time.Hour)
	for i := range all {
		all[i].SourceClaim, all[i].SourceContent, all[i].Created = "", all[i].Content, now
	}
	all[1].Taken = &now // not before it was brought in: when the storage cut it is not known
	other := snap("apps-old", "1", time.Hour)
	other.SourceClaim = ""
	stray := snap("grafana", "1", time.Hour)
	stray.SourceClaim = ""
	sets, rest := Sets(n, append(all, other, stray), nil)
	if len(sets) != 1 || sets[0].Run != "1" || len(sets[0].Members) != 4 || len(rest) != 0 ||
		sets[0].Members[0].Taken.IsZero() || !sets[0].Members[1].Taken.IsZero() {
		t.Errorf("%+v, loose %v", sets, rest)
	}
}
