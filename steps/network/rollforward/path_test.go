package rollforward

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/assets"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/engine"
	"canton.example/svrescue/steps/wire"
	"k8s.io/utils/clock"
)

// journal is one in memory.
type journal struct{ events []wire.Event }

func (j *journal) Append(e wire.Event) (wire.Event, error) {
	e.Seq = uint64(len(j.events)) + 1
	j.events = append(j.events, e)
	return e, nil
}

// drive runs steps of the path; answer answers each question, false leaves it open until the run parks.
func (r *rig) drive(j *journal, facts Facts, some []steps.Step[Facts], answer func(wire.Question) (wire.Answer, bool)) (wire.View, Facts) {
	r.t.Helper()
	path := New()
	path.Steps = some
	var last Facts
	for i := range path.Steps { // the facts are the engine's: what the last step has seen of them is kept
		verify := path.Steps[i].Verify
		path.Steps[i].Verify = func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			found, err := verify(ctx, w, f)
			last = *f
			return found, err
		}
	}
	facts.Wanted, facts.Run, facts.Where = "sv", "r-1", kube.Where{Context: "test"}
	m, err := engine.New(engine.Config[Facts]{Path: path, Facts: facts, World: r.world,
		Run: wire.Run{ID: "r-1", Acting: wire.Live, Operator: "you", Host: "here"},
		Hands: func(refs []steps.Ref, dry bool) steps.Hands {
			var allowed []kube.Access
			for _, ref := range refs {
				if ref.Kube != nil {
					allowed = append(allowed, *ref.Kube)
				}
			}
			return steps.Hands{World: r.world, Files: r.files.only(refs), Kube: r.world.Kube.Hands(allowed, dry)}
		},
		Journal: j, Past: slices.Clone(j.events), Clock: clock.RealClock{}, ParkAfter: 30 * time.Minute})
	if err != nil {
		r.t.Fatal(err)
	}
	viewer, past := m.Hub.Join(), uint64(len(j.events))
	go func() {
		for e := range viewer.C {
			if e.Kind != wire.KindAsk || e.Seq <= past {
				continue
			}
			a, ok := answer(*e.Question)
			if !ok {
				viewer.Leave()
				return
			}
			a.Question, a.Hash = e.Question.ID, e.Question.Hash
			m.Say(r.t.Context(), wire.Message{Kind: wire.SayAnswer, Answer: &a, By: "you"})
		}
	}()
	if err := m.Run(r.t.Context()); err != nil && err != engine.ErrInterrupted {
		r.t.Error(err)
	}
	m.Hub.Close()
	viewer.Leave()
	synctest.Wait()
	return m.View(), last
}

// script answers questions by name, each with the next of its answers; "@x" chooses x, "" takes the default.
func script(asked *[]wire.Question, answers map[string][]string) func(wire.Question) (wire.Answer, bool) {
	return func(q wire.Question) (wire.Answer, bool) {
		*asked = append(*asked, q)
		time.Sleep(time.Minute) // people read before they answer
		name := strings.TrimPrefix(q.Name, prefix)
		left := answers[name]
		if len(left) == 0 {
			if q.Kind == wire.AskText && q.Default != "" {
				return wire.Answer{Text: q.Default}, true
			}
			return wire.Answer{}, false
		}
		answers[name] = left[1:]
		if choice, ok := strings.CutPrefix(left[0], "@"); ok {
			choice, reason, _ := strings.Cut(choice, "|")
			return wire.Answer{Choice: choice, Text: reason}, true
		}
		return wire.Answer{Text: left[0]}, true
	}
}

func firstSteps() []steps.Step[Facts] {
	return []steps.Step[Facts]{inventory(), releaseGate(), declare(), parameterCard()}
}

// call are the answers of a call about a synchronizer that broke two hours ago.
func (r *rig) call() map[string][]string {
	last := r.stood.UTC()
	return map[string][]string{
		"release-gate.situation": {"@broken"}, "go.who": {"alice of Acme-SV"}, "go.where": {"the incident call"},
		"parameter-card.last-good":           {last.Format("2006-01-02 15:04:05")},
		"parameter-card.max-sequencing":      {stamp(last.Add(3 * time.Hour))},
		"parameter-card.upgrade-time":        {stamp(last.Add(3*time.Hour + 5*time.Second))},
		"parameter-card.participant-upgrade": {"@left-out"}, "parameter-card.protocol": {"34"}, "parameter-card.driver": {"@cometbft"},
	}
}

func (r *rig) must(v wire.View, asked []wire.Question) {
	r.t.Helper()
	if v.Ended == nil || v.Ended.Outcome != wire.Recovered {
		last := asked[len(asked)-1]
		r.t.Fatalf("it ended with %+v, parked %q; asked last %s: %s\n%s\n%+v", v.Ended, v.Parked, last.Name, last.Title, last.Text, last.Error)
	}
}

// From the inventory to the settled card, with an SV that has another value.
func TestTheCallComesToACard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.7.5")
		last := r.stood.UTC().Truncate(time.Second)
		want := Agreed{Situation: Broken, Network: "MainNet", LastGood: last, TopologyExport: last, TrafficExport: last, MaxSequencing: r.stood.UTC().Add(3 * time.Hour),
			LowerBound: r.stood.UTC().Add(3 * time.Hour), Upgrade: r.stood.UTC().Add(3*time.Hour + 5*time.Second), CurrentSerial: 4, NewSerial: 5, ProtocolVersion: "34", Chart: "0.7.5", Driver: CometBFT}
		other := want
		other.Upgrade = other.Upgrade.Add(time.Hour)
		var asked []wire.Question
		answers := r.call()
		answers["parameter-card.card"] = []string{"@change", "@theirs:Beta-SV", "@theirs:Gamma-SV", "@settle"}
		answers["parameter-card.change"] = []string{"@new-serial"}
		answers["parameter-card.new-serial"] = []string{"7", "5"}
		answers["parameter-card.their-card"] = []string{strings.ReplaceAll(want.Card().Text(), "\n", " "), strings.ReplaceAll(other.Card().Text(), "\n", " ")}
		answers["parameter-card.last-good"] = []string{last.Add(2 * time.Hour).Format("2006-01-02 15:04:05"), last.Format("2006-01-02 15:04:05")} // a time zone is forgotten at first
		answers["parameter-card.card"] = append([]string{"@change"}, answers["parameter-card.card"]...)
		answers["parameter-card.change"] = append([]string{"@last-good"}, answers["parameter-card.change"]...)
		answers["parameter-card.topology-export"], answers["parameter-card.traffic-export"] = []string{stamp(last)}, []string{stamp(last)}
		answers["parameter-card.remedy"] = []string{"@accept|Gamma corrects its card; Delta is away"}
		v, f := r.drive(&journal{}, Facts{}, firstSteps(), script(&asked, answers))
		r.must(v, asked)
		if f.Agreed == nil || f.Card.Fingerprint() != want.Card().Fingerprint() || v.Card == nil || !v.Card.Frozen {
			t.Fatalf("settled %+v\n%+v", f.Agreed, v.Card)
		}
		found := v.Step(prefix + "parameter-card").Findings[wire.PhaseVerify]
		for id, says := range map[string]string{"card-Beta-SV": "the same fingerprint", "card-Gamma-SV": "upgrade time is", "silent": "given by Delta-SV", "values": "fit together"} {
			if got := find(t, found, id); !strings.Contains(got.Text, says) {
				t.Errorf("%s: %s", id, got.Text)
			}
		}
		if got := said(v.Step(prefix + "release-gate").Findings[wire.PhaseVerify]); got != "holds release, holds ordering, holds serial, holds announced, attention preview" {
			t.Errorf("the gate: %s", got)
		}
		i := slices.IndexFunc(asked, func(q wire.Question) bool { return q.Name == prefix+"parameter-card.card" })
		if !strings.HasPrefix(asked[i].Text, "The") || !strings.Contains(asked[i].Text, "lies after the last block that this node's CometBFT has shown") {
			t.Errorf("of a time of another zone the card says %s", asked[i].Text)
		}
		if len(f.differing()) != 1 {
			t.Errorf("SVs with another card: %+v", f.differing())
		}
		if f.Gate.Chain == nil || f.Gate.Driver != CometBFT || f.Gate.Release != "0.7.5" {
			t.Errorf("the gate: %+v", f.Gate)
		}
	})
}

// A card whose values do not fit together cannot be settled.
func TestAWrongTimeZoneIsNotSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.7.5")
		var asked []wire.Question
		answers := r.call()
		answers["parameter-card.upgrade-time"] = []string{r.stood.Add(time.Hour).Format(time.RFC3339)}
		r.drive(&journal{}, Facts{}, firstSteps(), script(&asked, answers))
		q := asked[len(asked)-1]
		if q.Name != prefix+"parameter-card.card" || q.Choices[0].Refuse == "" || !strings.Contains(q.Text, "time zone") {
			t.Errorf("asked %s: %+v\n%s", q.Name, q.Choices, q.Text)
		}
	})
}

func TestGate(t *testing.T) {
	for _, c := range []struct {
		name, release string
		situation     Situation
		announce      time.Duration // from now; 0: none
		silent        bool
		want          string
	}{
		{"an old release", "0.5.10", Broken, 0, false, "violated release"},
		{"broken", "0.6.2", Broken, 0, false, "holds release"},
		{"an upgrade that can still be cancelled", "0.7.5", Broken, time.Hour, false, "violated announced"},
		{"an upgrade of the past", "0.7.5", Broken, -time.Hour, false, "attention announced"},
		{"an upgrade that failed", "0.7.5", NothingSequenced, -time.Hour, false, "holds announced, attention nothing"},
		{"an upgrade that nobody announced", "0.7.5", NothingSequenced, 0, false, "undetermined announced"},
		{"a scan that does not tell", "0.7.5", Broken, 0, true, "undetermined announced"},
		{"a scan that cannot tell", "0.6.4", Broken, 0, true, "attention announced"},
		{"a successor that broke", "0.7.5", SuccessorBroken, 0, false, "attention keep"},
		{"a successor that broke, before a second legacy one was known", "0.6.4", SuccessorBroken, 0, false, "violated additional-legacy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t, c.release)
				switch {
				case c.silent:
					r.tells["/api/scan/v0/lsu"] = nil
				case c.announce != 0:
					at := time.Now().Add(c.announce).UTC().Format(time.RFC3339)
					r.tells["/api/scan/v0/lsu"] = map[string]any{"lsu": map[string]any{"topologyFreezeTime": at, "upgradeTime": at, "successorPhysicalSynchronizerId": "global-domain::1220dd::35-5"}}
				}
				f := Facts{Situation: c.situation, Namespace: "sv"}
				if _, err := inventory().Verify(t.Context(), r.world, &f); err != nil {
					t.Fatal(err)
				}
				g, found, err := gate(t.Context(), r.world, f)
				if err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(said(found), c.want) {
					t.Errorf("found %s\nwant  %s", said(found), c.want)
				}
				for _, one := range found {
					if one.Verdict != wire.Holds && one.Next == "" {
						t.Errorf("%s does not say what to do", one.ID)
					}
				}
				if f.Gate = &g; c.announce != 0 && announcedProtocol(f) != "35" {
					t.Errorf("the announced protocol version is %q", announcedProtocol(f))
				}
			})
		})
	}
}

// logs makes workloads log lines, each that long after now.
func (r *rig) logs(lines map[string][]sim.Line) {
	r.t.Helper()
	workloads := map[string]sim.Workload{"*": {StartDelay: sim.D(0)}}
	for name, log := range lines {
		pods, err := r.world.Kube.Pods(r.t.Context(), "sv", "app="+name)
		if err != nil || len(pods) != 1 {
			r.t.Fatalf("the pods of %s are %+v, %v", name, pods, err)
		}
		started := *pods[0].Containers[len(pods[0].Containers)-1].Started
		for i := range log {
			log[i].After.Duration += time.Since(started)
		}
		workloads["sv/"+name] = sim.Workload{StartDelay: sim.D(0), Log: log}
	}
	r.sim.Set(sim.Knobs{Workloads: workloads})
}

// agreed are facts after the card, of a node that was looked at.
func (r *rig) agreed(a Agreed) Facts {
	r.t.Helper()
	f := Facts{Situation: a.Situation, Namespace: "sv", Agreed: &a, Call: Call{SVs: []string{ownName, "Beta-SV", "Gamma-SV", "Delta-SV"}}, Gate: &Gate{Release: "0.7.5", Driver: CometBFT}}
	if _, err := inventory().Verify(r.t.Context(), r.world, &f); err != nil {
		r.t.Fatal(err)
	}
	c := a.Card()
	f.Card = &c
	return f
}

// values are those of a synchronizer that broke two hours ago.
func (r *rig) values() Agreed {
	last := r.stood.UTC()
	return Agreed{Situation: Broken, Network: "MainNet", LastGood: last, TopologyExport: last, TrafficExport: last, MaxSequencing: last.Add(130 * time.Minute), LowerBound: last.Add(130 * time.Minute),
		Upgrade: last.Add(131 * time.Minute), CurrentSerial: 4, NewSerial: 5, ProtocolVersion: "34", Chart: "0.7.5", Driver: CometBFT}
}

// The wait ends when the maximum has passed and the logs are quiet, and a log that says nothing is told.
func TestWaitForTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.7.5")
		r.logs(map[string][]sim.Line{"participant": {{Text: `{"message":"Processing event at 12"}`}, {After: *sim.D(3 * time.Minute), Text: `{"message":"Processing event at 13"}`}}, "scan-app": {{Text: `{"message":"Ingested transaction x"}`}}})
		f := r.agreed(r.values())
		began := time.Now()
		var asked []wire.Question
		v, _ := r.drive(&journal{}, f, []steps.Step[Facts]{waitEnd()}, script(&asked, map[string][]string{"wait-end.remedy": {"@accept|the collected logs say so"}}))
		r.must(v, asked)
		if waited := time.Since(began); waited < 13*time.Minute || waited > 16*time.Minute {
			t.Errorf("it took %v", waited)
		}
		if got := said(v.Step(prefix + "wait-end").Findings[wire.PhaseVerify]); got != "holds maximum, holds end-participant, undetermined end-sv-app, holds end-scan-app" {
			t.Errorf("found %s", got)
		}
		failed := r.values()
		failed.Situation = NothingSequenced
		v, _ = r.drive(&journal{}, r.agreed(failed), []steps.Step[Facts]{waitEnd()}, script(&asked, nil))
		r.must(v, asked)
	})
}

// The text for validators has the sequencers that scan lists, and what it cannot know is not in it.
func TestValidators(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.7.5")
		one := func(sv string, serial int) map[string]any {
			return map[string]any{"migrationId": -1, "synchronizerSerial": serial, "id": "SEQ::" + sv + "::1220aa", "url": fmt.Sprintf("https://sequencer-%d.%s.example.com", serial, sv), "svName": sv, "availableAfter": "2026-10-05T12:00:00Z"}
		}
		r.tells["/api/scan/v0/dso-sequencers"] = map[string]any{"domainSequencers": []any{map[string]any{"domainId": "global-domain::1220dd", "sequencers": []any{one("acme", 4), one("beta", 5), one("acme", 5)}}}}
		var asked []wire.Question
		v, _ := r.drive(&journal{}, r.agreed(r.values()), []steps.Step[Facts]{validators()}, script(&asked, nil))
		r.must(v, asked)
		text := string(r.files.files[ValidatorsFile])
		for _, want := range []string{"global-domain::1220dd::34-5", `tryFromProtoPrimitive("acme::1220aa")`, `Endpoint("sequencer-5.beta.example.com", Port.tryCreate(443))`, "upgradeTime = None", pastIndex, "Processing event at"} {
			if !strings.Contains(text, want) {
				t.Errorf("the text lacks %s:\n%s", want, text)
			}
		}
		if strings.Contains(text, "sequencer-4") {
			t.Error("an old sequencer is in the text")
		}
		if got := said(v.Step(prefix + "validators").Findings[wire.PhaseVerify]); got != "attention text, attention sequencers" {
			t.Errorf("found %s", got)
		}
		failed := r.values()
		failed.Situation = NothingSequenced
		r.tells["/api/scan/v0/roll-forward-lsu"] = map[string]any{"rollForwardLsu": map[string]any{"upgradeTime": "2026-10-05T12:00:00Z", "currentPhysicalSynchronizerId": "global-domain::1220dd::34-4", "successorPhysicalSynchronizerId": "global-domain::1220dd::34-5"}}
		v, _ = r.drive(&journal{}, r.agreed(failed), []steps.Step[Facts]{validators()}, script(&asked, nil))
		r.must(v, asked)
		if text := string(r.files.files[ValidatorsFile]); !strings.Contains(text, "follows by itself") || strings.Contains(text, "perform_manual_lsu") {
			t.Errorf("the text is\n%s", text)
		}
		if got := said(v.Step(prefix + "validators").Findings[wire.PhaseVerify]); !strings.HasSuffix(got, "holds told") {
			t.Errorf("found %s", got)
		}
	})
}

// Every step has its prose, a summary, and ids and questions of its own.
func TestEveryStepIsTold(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range New().Steps {
		if seen[s.ID] || !strings.HasPrefix(s.ID, prefix) || s.Summary == "" || s.Verify == nil || assets.Prose(s.ID) == "" {
			t.Errorf("step %s is not whole", s.ID)
		}
		seen[s.ID] = true
		for _, a := range s.Asks {
			if a.Help == "" || seen[s.ID+"."+a.Name] {
				t.Errorf("question %s.%s is not whole", s.ID, a.Name)
			}
			seen[s.ID+"."+a.Name] = true
		}
	}
}

// While scan is silent because it was only just started the log of the SV app is no proof; where its release does not tell the serial it is.
func TestASilentScanIsWaitedFor(t *testing.T) {
	moved := state{app: progressed{phases: make([]bool, len(phases)), trouble: -1}, silent: "no connection"}
	moved.app.phases[len(phases)-1] = true
	if moved.done(5) || !strings.Contains(moved.text(), "scan does not tell the serial yet") || find(t, moved.findings(5), "serial").Verdict != wire.Undetermined {
		t.Errorf("silent: %v, %s, %+v", moved.done(5), moved.text(), moved.findings(5))
	}
	moved.never = true
	if !moved.done(5) || find(t, moved.findings(5), "serial").Verdict != wire.Attention {
		t.Errorf("of an older release: %v, %+v", moved.done(5), moved.findings(5))
	}
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.7.5")
		r.logs(map[string][]sim.Line{"sv-app": svLog(len(phases))})
		r.tells["/api/scan/v0/active-synchronizer-serial"] = nil
		s, err := r.agreed(r.values()).following().see(t.Context(), r.world)
		if err != nil || !s.never || !s.done(5) {
			t.Errorf("an absent endpoint: %+v, %v", s, err)
		}
		delete(r.pods.handlers, "scan-app:5012")
		if s, err = r.agreed(r.values()).following().see(t.Context(), r.world); err != nil || s.never || s.done(5) {
			t.Errorf("a scan that does not run: %+v, %v", s, err)
		}
	})
}
