package network

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/engine"
	"canton.example/svrescue/steps/network/card"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp/commitment"
	"k8s.io/utils/clock"
)

// line is what a participant logs of a period of half an hour that ends at a time.
func line(who string, to time.Time) string {
	return fmt.Sprintf(`{"@timestamp":%q,"message":"Commitment correct for sender PAR::%s::1220%x... and period CommitmentPeriod(fromExclusive = %s, toInclusive = %s)","logger_name":"c.d.c.p.p.AcsCommitmentProcessor:participant=participant","level":"INFO"}`,
		to.Add(7*time.Second).Format(time.RFC3339), who, who, to.Add(-30*time.Minute).Format(time.RFC3339), to.Format(time.RFC3339))
}

// logged makes the participant say that it agreed with the others until the network ended.
func (r *rig) logged() (ticks []time.Time) {
	last := r.stood.Truncate(30 * time.Minute)
	workload := sim.Workload{StartDelay: sim.D(0)}
	for i := 4; i >= 0; i-- {
		tick := last.Add(-time.Duration(i) * 30 * time.Minute)
		ticks = append(ticks, tick)
		for _, who := range []string{"Beta-SV", "Gamma-SV", "Delta-SV"} {
			workload.Log = append(workload.Log, sim.Line{Text: line(who, tick)})
		}
	}
	r.sim.Set(sim.Knobs{Workloads: map[string]sim.Workload{"sv/participant-3": workload, "*": {StartDelay: sim.D(0)}}})
	for range 300 {
		pods, err := r.world.Kube.Pods(r.t.Context(), "sv", "app=participant-3")
		if err != nil {
			r.t.Fatal(err)
		}
		if len(pods) == 1 && pods[0].Ready {
			return ticks
		}
		time.Sleep(time.Second)
	}
	r.t.Fatal("the participant does not start")
	return nil
}

// reportOf is what another SV sends: that it agreed with some until a tick each.
func reportOf(name string, ticks []time.Time, with ...string) string {
	rep := commitment.Report{Version: 1, Reporter: name, Agreements: []commitment.Entry{}, Mismatches: []commitment.Entry{}, Warnings: []string{}}
	for _, tick := range ticks {
		for _, who := range with {
			print := fmt.Sprintf("1220%x", who)
			if who == ownName {
				print = ownPrint
			}
			rep.Agreements = append(rep.Agreements, commitment.Entry{Counterparty: who + "::" + print, From: commitment.InstantOf(tick.Add(-30 * time.Minute)), To: commitment.InstantOf(tick)})
		}
	}
	text, _ := json.Marshal(rep)
	return string(text)
}

// journal is one in memory.
type journal struct{ events []wire.Event }

func (j *journal) Append(e wire.Event) (wire.Event, error) {
	e.Seq = uint64(len(j.events)) + 1
	j.events = append(j.events, e)
	return e, nil
}

// theCall is the path without the new synchronizer and the steps that change the cluster.
func theCall() steps.Path[Facts] {
	p := upTo("network/agree")
	p.Steps = slices.DeleteFunc(p.Steps, func(s steps.Step[Facts]) bool { return s.Effect.Rank() > 0 || s.ID == "network/new-values" })
	return p
}

// drive runs a path; answer answers each question, false leaves it open until the run parks.
func (r *rig) drive(path steps.Path[Facts], j *journal, answer func(wire.Question) (wire.Answer, bool)) wire.View {
	r.t.Helper()
	m, err := engine.New(engine.Config[Facts]{Path: path, Facts: Facts{Wanted: "sv", Run: "r-1", Where: kube.Where{Context: "test"}}, World: r.world,
		Run:     wire.Run{ID: "r-1", Acting: cmp.Or(r.acting, wire.Live), Operator: "you", Host: "here"},
		Hands:   r.handsFor,
		Journal: j, Past: slices.Clone(j.events), Clock: clock.RealClock{}, ParkAfter: 30 * time.Minute})
	if err != nil {
		r.t.Fatal(err)
	}
	viewer, past := m.Hub.Join(), uint64(len(j.events))
	go func() {
		for e := range viewer.C {
			if e.Kind != wire.KindAsk || e.Seq <= past { // those of the journal were answered, or their worker is gone
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
	return m.View()
}

// script answers questions by name, each with the next of its answers; "@x" chooses x, "" takes the default.
func script(t *testing.T, asked *[]wire.Question, answers map[string][]string) func(wire.Question) (wire.Answer, bool) {
	return func(q wire.Question) (wire.Answer, bool) {
		*asked = append(*asked, q)
		time.Sleep(time.Minute) // people read before they answer
		left := answers[q.Name]
		if len(left) == 0 {
			if q.Kind == wire.AskText && q.Default != "" {
				return wire.Answer{Text: q.Default}, true
			}
			return wire.Answer{}, false
		}
		answers[q.Name] = left[1:]
		if choice, ok := strings.CutPrefix(left[0], "@"); ok {
			choice, reason, _ := strings.Cut(choice, "|")
			return wire.Answer{Choice: choice, Text: reason}, true
		}
		return wire.Answer{Text: left[0]}, true
	}
}

// upTo is the path as far as a step.
func upTo(id string) steps.Path[Facts] {
	p := New()
	i := slices.IndexFunc(p.Steps, func(s steps.Step[Facts]) bool { return s.ID == id })
	p.Steps = p.Steps[:i+1]
	return p
}

// The whole path, driven by an engine over a simulated cluster: from the inventory to the settled card.
func TestTheCallComesToACard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		ticks := r.logged()
		agreed := ticks[3]
		same := func() string { // what Beta reads out is known only when the card is there
			c := card.Card{Purpose: "network recovery of MainNet", Values: []card.Value{
				{Name: ValueTimestamp, Text: card.Stamp(agreed.Add(-15 * time.Minute))}, {Name: ValueAgreedAt, Text: card.Stamp(agreed)}, {Name: ValueMargin, Text: "15 min"},
				{Name: ValueMigrationID, Text: "4"}, {Name: ValueChainID, Text: "MainNet-4"}, {Name: ValuePort, Text: "26456"}, {Name: ValueChart, Text: "0.5.10"},
				{Name: ValueRoles, Text: "lead: alice of Acme-SV"}, {Name: ValueSVs, Text: "Acme-SV, Beta-SV, Delta-SV, Gamma-SV"}}}
			return c.Text()
		}()
		other := strings.ReplaceAll(strings.ReplaceAll(same, "26456", "26457"), "fingerprint:      "+mustParse(t, same).Fingerprint(), "fingerprint:      "+mustParse(t, changed(same)).Fingerprint())
		var asked []wire.Question
		v := r.drive(theCall(), &journal{}, script(t, &asked, map[string][]string{
			"network/go.who":            {"alice of Acme-SV"},
			"network/go.where":          {"the incident call"},
			"network/identities.source": {"@app"},
			"network/agree.next":        {"@add", "@add", "@at:" + card.Stamp(agreed)},
			"network/agree.report":      {"this is none", reportOf("Beta-SV", ticks[:4], ownName, "Gamma-SV"), reportOf("Gamma-SV", ticks[:4], ownName, "Beta-SV")},
			"network/agree.card":        {"@theirs:Beta-SV", "@theirs:Gamma-SV", "@settle"},
			"network/agree.their-card":  {strings.ReplaceAll(same, "\n", " "), strings.ReplaceAll(other, "\n", " ")},
			"network/agree.remedy":      {"@accept|Gamma corrects its port; Delta is away"},
		}))
		if v.Ended == nil || v.Ended.Outcome != wire.Recovered {
			last := asked[len(asked)-1]
			t.Fatalf("it ended with %+v, parked %q; asked last %s: %s\n%s\n%+v", v.Ended, v.Parked, last.Name, last.Title, last.Text, last.Error)
		}
		if v.Card == nil || !v.Card.Frozen || v.Card.Fingerprint != mustParse(t, same).Fingerprint() {
			t.Errorf("the card is %+v, wanted\n%s", v.Card, same)
		}
		found := v.Step("network/agree").Findings[wire.PhaseVerify]
		want := "holds card, holds timestamp, holds decided, holds own-commitment, holds own-sequencer, holds own-participant, holds members, attention left-out, attention lost"
		if got := said(found); !strings.HasPrefix(got, want) {
			t.Errorf("found %s\nwant  %s", got, want)
		}
		for id, says := range map[string]string{"card-Beta-SV": "Beta-SV has the same fingerprint", "card-Gamma-SV": "CometBFT port is 26457 there and 26456 here",
			"card-Delta-SV": "Delta-SV has not given its fingerprint", "waiting": "no report of Delta-SV", "left-out": "Delta-SV", "lost": "45 minutes at least"} {
			if f := find(t, found, id); !strings.Contains(f.Text, says) {
				t.Errorf("%s: %s", id, f.Text)
			}
		}
		if got := said(v.Step("network/go").Findings[wire.PhaseVerify]); got != "holds declared, holds against-chain, holds against-network" {
			t.Errorf("the decision: %s", got)
		}
		for _, id := range []string{"network/save-logs", "network/identities", "network/own-report"} {
			if s := v.Step(id); s.State != wire.StepDone {
				t.Errorf("%s is %s: %s", id, s.State, s.Reason)
			}
		}
		if strings.Contains(fmt.Sprint(v), "cHJpdmF0ZQ") {
			t.Error("a key is in the view")
		}
		if !strings.Contains(string(r.files.files[IdentitiesFile]), "cHJpdmF0ZQ") {
			t.Error("the identities are not kept")
		}
	})
}

func mustParse(t *testing.T, text string) card.Card {
	t.Helper()
	c, err := card.Parse(text)
	if err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	return c
}

// changed is the card with another port, and the fingerprint that it then has.
func changed(text string) string {
	c := card.Card{Purpose: "network recovery of MainNet"}
	for l := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(l), ":")
		if ok && !strings.HasPrefix(name, "svrescue") && name != "fingerprint" {
			c.Values = append(c.Values, card.Value{Name: name, Text: strings.ReplaceAll(strings.TrimSpace(value), "26456", "26457")})
		}
	}
	return c.Text()
}

// From 0.6.2 on the path goes no further than the gate, and says what to do instead.
func TestANewerReleaseIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.6.4")
		var asked []wire.Question
		v := r.drive(theCall(), &journal{}, script(t, &asked, map[string][]string{"network/release-gate.remedy": {"@abort"}}))
		if v.Ended == nil || v.Ended.Outcome != wire.Refused {
			t.Fatalf("it ended with %+v after %d questions", v.Ended, len(asked))
		}
		f := find(t, v.Step("network/release-gate").Findings[wire.PhaseCheck], "release")
		if f.Verdict != wire.Violated || f.Waive != "" || !strings.Contains(f.Next, "rollForwardLsu") {
			t.Errorf("%+v", f)
		}
	})
}

// A run that parks in the middle of the call is gone on with where it was: reports that were added are there.
func TestTheCallIsTakenUpAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		ticks := r.logged()
		var asked []wire.Question
		j := &journal{}
		answers := map[string][]string{
			"network/go.who": {"alice"}, "network/go.where": {"the call"}, "network/go.remedy": {"@accept|the call knows"}, "network/identities.source": {"@app"},
			"network/agree.next": {"@add", "@add"}, "network/agree.report": {reportOf("Beta-SV", ticks, ownName, "Gamma-SV"), reportOf("Gamma-SV", ticks, ownName, "Beta-SV")},
		}
		v := r.drive(theCall(), j, script(t, &asked, answers))
		if v.Parked == "" || v.Card != nil {
			t.Fatalf("it ended with %+v", v.Ended)
		}
		fetched := string(r.files.files[takenFile])
		asked = nil
		answers["network/agree.next"] = []string{"@at:" + card.Stamp(ticks[4])}
		v = r.drive(theCall(), j, script(t, &asked, answers))
		if v.Card == nil || v.Card.Frozen || asked[0].Name != "network/agree.next" || !strings.Contains(asked[0].Text, "Reports: 3 of 4 SVs") {
			t.Fatalf("the first question is %s: %s; the card %+v", asked[0].Name, asked[0].Text, v.Card)
		}
		asked = nil
		answers["network/agree.card"] = []string{"@settle"}
		answers["network/agree.remedy"] = []string{"@accept|they were heard on the call"}
		v = r.drive(theCall(), j, script(t, &asked, answers))
		if v.Ended == nil || v.Ended.Outcome != wire.Recovered || v.Card == nil || !v.Card.Frozen {
			t.Fatalf("it ended with %+v, parked %q, the card %+v", v.Ended, v.Parked, v.Card)
		}
		if string(r.files.files[takenFile]) != fetched {
			t.Error("the identities were fetched again")
		}
	})
}

// The same path asks again where the operator wants the values anew, and keeps the reports.
func TestTheValuesAreAskedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		ticks := r.logged()
		var asked []wire.Question
		v := r.drive(theCall(), &journal{}, script(t, &asked, map[string][]string{
			"network/go.who": {"alice"}, "network/go.where": {"the call"}, "network/go.remedy": {"@accept|the call knows"}, "network/identities.source": {"@app"},
			"network/agree.next":   {"@add", "@add", "@at:" + card.Stamp(ticks[4]) + "|to lose less", "@at:" + card.Stamp(ticks[3])},
			"network/agree.report": {reportOf("Beta-SV", ticks, ownName, "Gamma-SV"), reportOf("Gamma-SV", ticks[:4], ownName, "Beta-SV")},
			"network/agree.card":   {"@settle", "@settle"},
			"network/agree.remedy": {"@ask", "@accept|they were heard on the call"},
		}))
		if v.Ended == nil || v.Ended.Outcome != wire.Recovered {
			t.Fatalf("it ended with %+v, parked %q at %s", v.Ended, v.Parked, asked[len(asked)-1].Name)
		}
		if want := card.Stamp(ticks[3].Add(-15 * time.Minute)); !strings.Contains(v.Card.Text, want) {
			t.Errorf("the card is\n%s, without %s", v.Card.Text, want)
		}
		n := 0
		for _, q := range asked {
			if q.Name == "network/agree.svs" {
				n++
			}
		}
		if n != 1 {
			t.Errorf("the SVs were asked for %d times", n)
		}
	})
}

// From the settled card on: the snapshot is taken, put together with the identities, and is on the SV app's volume at the end.
func TestTheDumpGetsToTheApp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, "0.5.10")
		path := upTo("network/upload")
		path.Steps = slices.DeleteFunc(path.Steps, func(s steps.Step[Facts]) bool {
			return (s.Effect.Rank() > 0 || s.ID == "network/new-values") && s.ID != "network/upload"
		})
		ticks := r.logged()
		r.scale("sv-app", 1, 1)
		r.apps.snapshots.Clean = ticks[3].Add(-time.Minute) // the participant gets no further
		r.apps.snapshots.PrunedTo = ticks[0].Add(-2 * time.Hour)
		var asked []wire.Question
		v := r.drive(path, &journal{}, script(t, &asked, map[string][]string{
			"network/go.who": {"alice of Acme-SV"}, "network/go.where": {"the call"}, "network/go.remedy": {"@accept|the call knows"}, "network/identities.source": {"@app"},
			"network/agree.next":      {"@add", "@add", "@at:" + card.Stamp(ticks[4]) + "|to lose less", "@at:" + card.Stamp(ticks[3])},
			"network/agree.report":    {reportOf("Beta-SV", ticks, ownName, "Gamma-SV"), reportOf("Gamma-SV", ticks[:4], ownName, "Beta-SV")},
			"network/agree.card":      {"@settle", "@settle"},
			"network/agree.remedy":    {"@accept|they were heard on the call", "@accept|they were heard on the call"},
			"network/snapshot.source": {"@app", "@app"},
			"network/snapshot.remedy": {"@agree-again"},
			"network/upload.confirm":  {"@yes"},
		}))
		if v.Ended == nil || v.Ended.Outcome != wire.Recovered {
			last := asked[len(asked)-1]
			t.Fatalf("it ended with %+v, parked %q; asked last %s: %s\n%s\n%+v", v.Ended, v.Parked, last.Name, last.Title, last.Text, last.Error)
		}
		if want := card.Stamp(ticks[3].Add(-15 * time.Minute)); !strings.Contains(v.Card.Text, want) {
			t.Errorf("the card is\n%s, without %s", v.Card.Text, want)
		}
		if got, there := r.disk.File(dumpPath); !there || string(got) != string(r.files.files[DumpFile]) {
			t.Error("the dump is not on the volume")
		}
		if _, most, _, forced := r.apps.snapshots.Load(); most != 1 || forced != 0 {
			t.Errorf("%d exports at once, %d with force", most, forced)
		}
		if strings.Contains(fmt.Sprint(v), "cHJpdmF0ZQ") {
			t.Error("a key is in the view")
		}
	})
}
