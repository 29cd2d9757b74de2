package reonboard

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
	svsim "canton.example/svrescue/svapp/sim"
)

func TestTheRequestIsWhatTheSVAppTakes(t *testing.T) {
	old := Old{SV: "Acme-SV", Party: lostParty, DSO: dsoOfTest, Network: "MainNet"}
	var sent struct {
		Requester, Description string
		URL                    *string
		Action                 struct {
			Tag   string
			Value struct {
				DSOAction struct {
					Tag   string
					Value map[string]string
				}
			}
		}
		Expiration struct{ Microseconds string }
	}
	if err := json.Unmarshal(body(old), &sent); err != nil {
		t.Fatal(err)
	}
	inner := sent.Action.Value.DSOAction
	if sent.Requester != requester || sent.URL == nil || sent.Description == "" || sent.Action.Tag != "ARC_DsoRules" || inner.Tag != "SRARC_OffboardSv" || len(inner.Value) != 1 || inner.Value["sv"] != lostParty ||
		sent.Expiration.Microseconds != "604800000000" {
		t.Errorf("%s", body(old))
	}
	message := string(text(old))
	for _, want := range []string{"Acme-SV on MainNet", lostParty, dsoOfTest, `"Offboard Member"`, "/api/sv/v0/admin/sv/voterequest/create", "PARTY-OF-YOUR-SV", `"microseconds": "604800000000"`} {
		if !strings.Contains(message, want) {
			t.Errorf("%q is not in the text:\n%s", want, message)
		}
	}
	if actions, err := requestVote().Plan(Facts{Old: old, Vote: Vote{Offboarded: time.Now()}}); err != nil || len(actions) != 0 {
		t.Errorf("%v, %v", actions, err)
	}
	files := kept{}
	w := writeRequest{old}
	if state, _, _ := w.Probe(t.Context(), steps.World{Files: files}); state != wire.ActionPending {
		t.Error(state)
	}
	if err := w.Do(t.Context(), steps.Hands{Files: files}, nil); err != nil {
		t.Fatal(err)
	}
	if state, _, _ := w.Probe(t.Context(), steps.World{Files: files}); state != wire.ActionDone || string(files[requestText]) != message || string(files[requestBody]) != string(body(old)) {
		t.Error(state, files)
	}
}

// vote is a vote on the lost SV.
func vote(id string, ballots ...string) svsim.Vote {
	v := svsim.Vote{ContractID: id, Tracking: "track-1", Requester: "SV-1", Offboard: lostParty, Before: time.Now().Add(7 * 24 * time.Hour), Ballots: map[string]bool{}}
	for _, b := range ballots {
		name, against := strings.CutPrefix(b, "!")
		v.Ballots[name] = !against
	}
	return v
}

func closing(v svsim.Vote, outcome string) func(*svsim.Network) {
	return func(n *svsim.Network) {
		n.Votes, n.Results = nil, append(n.Results, svsim.Result{Vote: v, Completed: time.Now(), Outcome: outcome})
	}
}

// happening is what the ledger does after a time.
type happening struct {
	after  time.Duration
	change func(*svsim.Network)
}

// awaited waits as the engine would while things happen, and keeps the texts that it showed.
func awaited(t *testing.T, l *lostWorld, story ...happening) (shown []string, took time.Duration, err error) {
	t.Helper()
	for _, h := range story {
		timer := time.AfterFunc(h.after+7*time.Second, func() { l.scans.change(h.change) })
		defer timer.Stop()
	}
	began := time.Now()
	a := awaitOffboarded{peers: l.facts.Peers, old: l.facts.Old}
	err = a.Do(t.Context(), steps.Hands{World: l.world}, func(p wire.Progress) {
		if len(shown) == 0 || shown[len(shown)-1] != p.Text {
			shown = append(shown, p.Text)
		}
	})
	return shown, time.Since(began), err
}

func TestVotesComeInSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLostWorld(t, lostParty)
		full := vote("c3", "SV-1", "SV-2", "SV-3", "SV-4")
		effective := time.Now().Add(50 * time.Minute)
		shown, took, err := awaited(t, l,
			happening{time.Minute, func(n *svsim.Network) { n.Votes = []svsim.Vote{vote("c1", "SV-1")} }},
			happening{20 * time.Minute, func(n *svsim.Network) { n.Votes = []svsim.Vote{vote("c2", "SV-1", "SV-2", "!SV-5")} }},
			happening{40 * time.Minute, func(n *svsim.Network) {
				closing(full, "VRO_Accepted")(n)
				n.Results[0].EffectiveAt = &effective
			}},
			happening{50 * time.Minute, offboard(lostParty)})
		if err != nil || took < 50*time.Minute || took > 50*time.Minute+time.Minute {
			t.Fatalf("%v after %s", err, took)
		}
		for i, want := range []string{"no vote is open", "1 for it, 0 against, 4 are needed, 3 missing", "2 for it, 1 against", "accepted, effective at", "is offboarded, by the scans of SV-1, SV-2"} {
			if i >= len(shown) || !strings.Contains(shown[i], want) {
				t.Fatalf("%d: %q in %q", i, want, shown)
			}
		}
		l.journaled()
		if got := l.proves(offboarding()); got != "holds offboarded" {
			t.Error(got)
		}
		if v := l.facts.Vote; v.Offboarded.IsZero() || len(v.Told) != 5 || v.Tracking != "track-1" {
			t.Errorf("%+v", v)
		}
	})
}

func TestWhatIsNoProof(t *testing.T) {
	for _, c := range []struct {
		name  string
		scans func(*scans)
		done  bool
	}{
		{"an accepted vote", func(s *scans) { s.change(closing(vote("c"), "VRO_Accepted")) }, false},
		{"a name that is gone from the list, while the party is still an SV", func(s *scans) { s.change(func(n *svsim.Network) { n.SVs[0].Name = "Renamed" }) }, false},
		{"one scan alone", func(s *scans) { n := s.state; offboard(lostParty)(&n); s.stale["SV-3"] = n }, false},
		{"two of five", func(s *scans) {
			var n svsim.Network
			s.change(func(now *svsim.Network) { n = *now })
			n.SVs = append([]svsim.Member{}, n.SVs...)
			offboard(lostParty)(&n)
			s.stale["SV-3"], s.stale["SV-4"] = n, n
		}, false},
		{"a party that is in neither list", func(s *scans) { s.change(func(n *svsim.Network) { n.SVs = n.SVs[1:] }) }, false},
		{"all of them", func(s *scans) { s.change(offboard(lostParty)) }, true},
		{"one stale, and one silent", func(s *scans) {
			s.stale["SV-1"] = s.state
			s.change(offboard(lostParty))
			s.down[s.url(2)] = true
		}, true},
		{"the party, while its name is an SV again", func(s *scans) {
			s.change(offboard(lostParty))
			s.change(func(n *svsim.Network) { n.SVs = append(n.SVs, member("Acme-SV", "Acme-SV::1220cc")) })
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLostWorld(t, lostParty)
			c.scans(l.scans)
			state, _, err := awaitOffboarded{peers: l.facts.Peers, old: l.facts.Old}.Probe(t.Context(), l.world)
			if err != nil || (state == wire.ActionDone) != c.done {
				t.Errorf("%q, %v", state, err)
			}
			found, err := offboarding().Verify(t.Context(), l.world, &l.facts)
			if (err == nil) != c.done || (err == nil) != !l.facts.Vote.Offboarded.IsZero() {
				t.Errorf("%s, %v", verdictsOf(found), err)
			}
			if c.name == "one stale, and one silent" {
				if f := findingOf(t, found, "outvoted"); !strings.Contains(f.Text, "SV-1") {
					t.Errorf("%+v", f)
				}
				findingOf(t, found, "silent")
			}
		})
	}
}

func TestAVoteThatIsLostIsToldOnceAndTheWaitGoesOn(t *testing.T) {
	for outcome, says := range map[string]string{"VRO_Rejected": "rejected", "VRO_Expired": "expired before enough had voted", "VRO_AcceptedButActionFailed": "the action failed"} {
		t.Run(outcome, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLostWorld(t, lostParty)
				l.scans.change(func(n *svsim.Network) { n.Votes = []svsim.Vote{vote("c1", "SV-1", "!SV-2", "!SV-3")} })
				_, _, err := awaited(t, l, happening{30 * time.Minute, closing(vote("c1", "SV-1", "!SV-2", "!SV-3"), outcome)})
				var closed *voteLost
				if !errors.As(err, &closed) || !strings.Contains(closed.Seen, says) || steps.IsTransient(err) {
					t.Fatalf("%v", err)
				}
				remedies := offboarding().Remedies(err)
				if len(remedies) != 1 || remedies[0].Choice != wire.ChoiceRetry {
					t.Errorf("%+v", remedies)
				}
				found, err := offboarding().Check(t.Context(), l.world, l.facts)
				if err != nil || verdictsOf(found) != "attention vote" || !strings.Contains(found[0].Text, says) {
					t.Errorf("%+v, %v", found, err)
				}
				second := vote("d1", "SV-1", "SV-2", "SV-3", "SV-4")
				second.Tracking = "track-2"
				shown, _, err := awaited(t, l, happening{time.Minute, func(n *svsim.Network) { n.Votes = []svsim.Vote{second} }},
					happening{2 * time.Minute, closing(second, "VRO_Accepted")}, happening{3 * time.Minute, offboard(lostParty)})
				if err != nil || !strings.Contains(shown[0], "no vote is open; the last one, of SV-1, was ") {
					t.Fatalf("%v, %q", err, shown)
				}
				if l.proves(offboarding()) != "holds offboarded" || l.facts.Vote.Tracking != "track-2" {
					t.Errorf("%+v", l.facts.Vote)
				}
			})
		})
	}
}

// A vote that is lost while no process looks is told of once by the next one; one that was closed before the lost SV was named is not.
func TestAVoteThatIsLostUnseen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLostWorld(t, lostParty)
		l.scans.change(closing(vote("c1", "SV-1", "!SV-2", "!SV-3"), "VRO_Rejected"))
		for _, c := range []struct {
			since time.Time
			told  bool
		}{{time.Now().Add(-40 * 24 * time.Hour * 365), true}, {time.Now().Add(time.Hour), false}, {time.Time{}, false}} {
			l.facts.Vote.Since = c.since
			actions, err := offboarding().Plan(l.facts)
			if err != nil {
				t.Fatal(err)
			}
			wait := actions[len(actions)-1].(awaitOffboarded)
			for try := range 2 {
				ctx, stop := context.WithTimeout(t.Context(), time.Hour)
				err = wait.Do(ctx, steps.Hands{World: l.world}, func(wire.Progress) {})
				stop()
				var closed *voteLost
				if errors.As(err, &closed) != (c.told && try == 0) {
					t.Errorf("since %s, try %d: %v", c.since, try, err)
				}
			}
		}
	})
}

func TestTheWaitOutlivesScansThatFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLostWorld(t, lostParty)
		for i := range 5 {
			url := l.scans.url(i + 1)
			time.AfterFunc(time.Minute, func() { l.scans.mu.Lock(); l.scans.down[url] = true; l.scans.mu.Unlock() })
			time.AfterFunc(9*time.Minute, func() { l.scans.mu.Lock(); delete(l.scans.down, url); l.scans.mu.Unlock() })
		}
		shown, took, err := awaited(t, l, happening{5 * time.Minute, offboard(lostParty)})
		if err != nil || took < 9*time.Minute || took > 9*time.Minute+time.Minute || !strings.Contains(strings.Join(shown, "\n"), "no scan answers now") {
			t.Errorf("%v after %s: %q", err, took, shown)
		}
	})
}

func TestAnOffboardedPartyPassesAtOnce(t *testing.T) {
	l := newLostWorld(t, lostParty)
	l.scans.change(offboard(lostParty))
	step := offboarding()
	if got := askedAlong(t, l, step, nil); len(got) != 0 {
		t.Errorf("it is asked for %v", got)
	}
	l.facts.Vote.Offboarded = time.Now()
	if actions, err := step.Plan(l.facts); err != nil || len(actions) != 0 {
		t.Errorf("%v, %v", actions, err)
	}
	if got := l.proves(step); got != "holds offboarded" {
		t.Error(got)
	}
}

func TestTheTextIsShownUnlessAVoteIsOpen(t *testing.T) {
	l := newLostWorld(t, lostParty)
	step := offboarding()
	open, err := step.Inputs(t.Context(), l.world, l.facts)
	if err != nil || len(open) != 1 || !strings.Contains(open[0].Text, lostParty) || !strings.Contains(open[0].Text, "voterequest/create") {
		t.Fatalf("%+v, %v", open, err)
	}
	l.scans.change(func(n *svsim.Network) { n.Votes = []svsim.Vote{vote("c1", "SV-1")} })
	if open, err := step.Inputs(t.Context(), l.world, l.facts); err != nil || len(open) != 0 {
		t.Errorf("%+v, %v", open, err)
	}
}

func TestWhereOneScanIsAllThatCanBeAskedThatIsSaid(t *testing.T) {
	l := newLostWorld(t, lostParty)
	l.facts.Peers = l.facts.Peers[:1]
	l.scans.change(offboard(lostParty))
	if got := l.proves(offboarding()); got != "undetermined offboarded" {
		t.Error(got)
	}
}

func TestScansThatAreGoneForGoodAreDecidedAboutByAPerson(t *testing.T) {
	l := newLostWorld(t, lostParty)
	stale := l.scans.state
	l.scans.change(offboard(lostParty))
	for i := 3; i < 6; i++ {
		l.scans.down[l.scans.url(i)] = true
	}
	if got := l.proves(offboarding()); got != "undetermined offboarded, attention silent" {
		t.Error(got)
	}
	l.scans.stale["SV-2"] = stale // one contradicts: nobody can decide that
	if _, err := offboarding().Verify(t.Context(), l.world, &l.facts); err == nil {
		t.Error("one scan against another is no proof")
	}
}

func TestThePodThatAsksIsMadeAgain(t *testing.T) {
	l := newLostWorld(t, lostParty)
	l.facts.Old.Namespace, l.facts.Reach.Image = "sv", "postgres:17"
	actions, err := offboarding().Plan(l.facts)
	if err != nil || len(actions) != 2 || actions[0].Key() != "open pod/svrescue-client-1400-ab12" {
		t.Errorf("%v, %v", actions, err)
	}
}

func TestMembershipOfVotes(t *testing.T) {
	v := viewed{is: sight{dso: svapp.DSO{SVs: []svapp.Member{{Name: "A"}, {Name: "B"}, {Name: "C"}}}, open: &svapp.Vote{Cast: []svapp.Ballot{{SV: "A", Accepts: true}, {SV: "B"}}}}}
	got := ""
	for _, i := range v.items() {
		got += i.Name + " " + i.State + ", "
	}
	if got != "A for it, B against it, C has not voted, " {
		t.Error(got)
	}
}
