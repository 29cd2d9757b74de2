package reonboard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/engine"
	"canton.example/svrescue/steps/wire"
	svsim "canton.example/svrescue/svapp/sim"
	"k8s.io/utils/clock"
)

// journal is one in memory.
type journal struct{ events []wire.Event }

func (j *journal) Append(e wire.Event) (wire.Event, error) {
	e.Seq = uint64(len(j.events)) + 1
	j.events = append(j.events, e)
	return e, nil
}

// played is a run of the steps up to the offboarding, as the engine drives them; a cut ends the worker where it is.
func played(t *testing.T, l *lostWorld, j *journal, cut time.Duration, answers map[string][]string) (wire.View, error) {
	t.Helper()
	path := New()
	last := slices.IndexFunc(path.Steps, func(s steps.Step[Facts]) bool { return s.ID == "reonboard/offboarding" })
	path.Steps = path.Steps[:last+1]
	hands := func(refs []steps.Ref, dry bool) steps.Hands {
		var accesses []kube.Access
		for _, r := range refs {
			if r.Kube != nil {
				accesses = append(accesses, *r.Kube)
			}
		}
		return steps.Hands{World: l.world, Kube: l.world.Kube.Hands(accesses, dry), Files: l.files}
	}
	m, err := engine.New(engine.Config[Facts]{Path: path, Run: wire.Run{ID: "r-20260131-1400-ab12", Acting: wire.Live, Operator: "you", Host: "here"}, World: l.world, Hands: hands,
		Facts: Facts{Run: "r-20260131-1400-ab12", Where: kube.Where{Context: "test"}}, Journal: j, Past: slices.Clone(j.events), Clock: clock.RealClock{}, ParkAfter: 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	if cut > 0 {
		timer := time.AfterFunc(cut, stop)
		defer timer.Stop()
	}
	viewer := m.Hub.Join()
	unanswered := ""
	go func() {
		replayed := false
		for e := range viewer.C {
			replayed = replayed || e.Kind == wire.KindViewers // what was before has been told by then
			if e.Kind != wire.KindAsk || !replayed {
				continue
			}
			q := *e.Question
			a := wire.Answer{Question: q.ID, Hash: q.Hash}
			given := answers[q.Name]
			switch {
			case q.Kind == wire.AskConfirm:
				a.Choice = wire.ChoiceYes
			case len(given) == 0:
				unanswered = fmt.Sprintf("%s: %s %+v", q.Name, q.Title, q.Error)
				stop()
				return
			default:
				a.Choice, a.Text = given[0], given[0]
				answers[q.Name] = given[1:]
			}
			m.Say(ctx, wire.Message{Kind: wire.SayAnswer, Answer: &a, By: "you"})
		}
	}()
	err = m.Run(ctx)
	m.Hub.Close()
	viewer.Leave()
	synctest.Wait()
	if unanswered != "" {
		t.Fatalf("nobody answers %s", unanswered)
	}
	return m.View(), err
}

func TestTheWayToTheOffboarding(t *testing.T) {
	pair, mine := inventedKey(t)
	path := written(t, t.TempDir(), "identities.json", svDump(mine, participantDump(mine, fmt.Sprintf(`{"keyPair":"%s","name":"namespace"}`, pair))), 0)
	lost := "Acme-SV::" + mine
	synctest.Test(t, func(t *testing.T) {
		l := newLostWorld(t, lost, acmeNode())
		ballots := func(names ...string) svsim.Vote {
			v := vote("c1", names...)
			v.Offboard = lost
			return v
		}
		l.scans.change(func(n *svsim.Network) {
			n.Snapshots = []time.Time{time.Now().Add(-time.Hour)}
			n.Amulets = []svsim.Amulet{{Owner: lost, Amount: "99.0000000000"}}
		})
		for _, h := range []happening{
			{4 * time.Minute, func(n *svsim.Network) { n.Votes = []svsim.Vote{ballots("SV-1")} }},
			{6 * time.Minute, closing(ballots("SV-1", "!SV-2", "!SV-3", "!SV-4"), "VRO_Rejected")},
			{10 * time.Minute, func(n *svsim.Network) { n.Votes = []svsim.Vote{ballots("SV-1", "SV-2")} }},
			{14 * time.Minute, closing(ballots("SV-1", "SV-2", "SV-3", "SV-4"), "VRO_Accepted")},
			{16 * time.Minute, offboard(lost)},
		} {
			time.AfterFunc(h.after+7*time.Second, func() { l.scans.change(h.change) })
		}
		answers := map[string][]string{
			"reonboard/peers.namespace": {"sv"}, "reonboard/peers.scans": {"https://scan.sv-2.example"}, "reonboard/lost-sv.sv": {lost},
			"reonboard/identities.source": {"file"}, "reonboard/identities.path": {path}, "reonboard/baseline.since": {"not known"}, "reonboard/fence.attest": {"testnet/Acme-SV"},
			"reonboard/offboarding.request": {"asked"}, "reonboard/offboarding.remedy": {wire.ChoiceRetry},
		}
		j := &journal{}
		if _, err := played(t, l, j, 12*time.Minute, answers); err == nil {
			t.Fatal("it ended before the SV was offboarded")
		}
		v, err := played(t, l, j, 0, answers) // another worker takes it up from the journal
		if err != nil || v.Ended == nil || v.Ended.Outcome != wire.Recovered {
			t.Fatalf("%v, %+v", err, v.Ended)
		}
		for name, left := range answers {
			if len(left) > 0 {
				t.Errorf("%s was not asked", name)
			}
		}
		var states, all string
		for _, s := range v.Steps {
			states += string(s.State) + " "
		}
		if states != "done done done done done done done " {
			t.Error(states)
		}
		for _, e := range j.events {
			all += string(e.Facts) + fmt.Sprintf("%+v", e)
		}
		if strings.Contains(all, pair) {
			t.Error("a key is in the journal")
		}
		if v.Subject.Word() != "testnet/Acme-SV" || v.Subject.Namespace != "sv" {
			t.Errorf("%+v", v.Subject)
		}
		for _, name := range []string{IdentitiesFile, requestText, requestBody} {
			if len(l.files[name]) == 0 {
				t.Errorf("%s was not written", name)
			}
		}
		l.facts.Old.Party = lost
		if found, err := identitiesHere(l.world, Facts{Old: Old{Party: lost}, Identities: &Identities{SHA256: sum(l.files[IdentitiesFile]), Participant: "PAR::Acme-SV::" + mine}}); err != nil || found[0].Verdict != wire.Holds {
			t.Errorf("%+v, %v", found, err)
		}
	})
}
