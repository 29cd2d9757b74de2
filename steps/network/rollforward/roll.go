package rollforward

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/releases"
	"canton.example/svrescue/steps/wire"
)

const (
	joinKey   = "joinWithKeyOnboarding"
	joinDrop  = "take-out"
	joinLeave = "leave"
)

// Rolling is what the operator says of the values of the SV app and scan.
type Rolling struct {
	Layout Layout `json:"layout,omitempty"`
	Join   string `json:"join,omitempty"` // take-out or leave; empty: not asked
	// Sponsor is what joinWithKeyOnboarding was, to be put back: addresses only.
	Sponsor map[string]string `json:"sponsor,omitempty"`
}

// rollForward starts the SV app and scan with what makes them roll forward.
func rollForward() change {
	return change{name: "roll-forward", title: "Roll forward", diffTitle: "Roll-forward: what changes", effect: wire.Repeatable,
		shown:   "Derives the SV app and scan with the values of the card, and tests on what this chart renders in which way the SV app would really start.",
		summary: "Starts the SV app and scan with the values of the card. The SV app takes topology and traffic from the old synchronizer and initialises the successor.",
		asks: []steps.Ask{
			{Name: "layout", Kind: wire.AskChoice, Help: "legacy-current: the old synchronizer is legacy and the successor current, as upstream's app needs it; current-successor: as upstream's page has it for announced upgrades"},
			{Name: "join", Kind: wire.AskChoice, Help: "take-out: joinWithKeyOnboarding is taken out of the values until the successor is promoted; leave: it is left in"}},
		inputs: rollInputs, take: takeRolling, forget: func(f *Facts) { f.Rolling = Rolling{} },
		learn: func(f *Facts, all []releases.Running) error {
			running, err := f.running(all, node.SVApp)
			if err != nil {
				return err
			}
			values, err := valuesOf(running)
			if err == nil && f.Rolling.Join == joinDrop {
				f.Rolling.Sponsor = sponsorOf(values)
			}
			return err
		},
		wants: rollWants, judge: judgeRolling, lost: staysMoved, kept: isMoved, guard: func(f Facts) steps.Action { return notMoved{f.following()} },
		check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) { return f.standing(ctx, w) },
	}
}

func rollInputs(_ context.Context, _ steps.World, f Facts, all []releases.Running) ([]wire.Question, error) {
	if f.Rolling.Layout == "" {
		return []wire.Question{{Name: "layout", Kind: wire.AskChoice, Title: "Under which names does the SV app know the two synchronizers?",
			Text: "Upstream does not agree with itself. Its app rolls forward from the legacy synchronizer to the current one and does not start without a legacy one, and its tests have it so. " +
				"Its page speaks of synchronizers.successor, and makes it current after the upgrade: that is how announced upgrades are done.",
			Choices: []wire.Choice{
				{ID: string(LegacyCurrent), Label: "The old is legacy, the successor is current", Detail: "What upstream's app needs. Proposed."},
				{ID: string(CurrentSuccessor), Label: "The old is current, the successor is successor", Detail: "What upstream's page has. By the code of the app it would not start.", Reason: true}}}}, nil
	}
	sv, err := f.running(all, node.SVApp)
	if err != nil {
		return nil, err
	}
	values, err := valuesOf(sv)
	if err != nil {
		return nil, err
	}
	if f.Rolling.Join == "" && values.at(joinKey) != nil {
		return []wire.Question{{Name: "join", Kind: wire.AskChoice, Title: "What is to be done with joinWithKeyOnboarding?",
			Text: "It is in the values of the SV app, and upstream's chart takes it before rollForwardLsu, without a word: the app would start as always and not roll forward.",
			Choices: []wire.Choice{
				{ID: joinDrop, Label: "Take it out until the successor is promoted", Detail: "It is put back then, with the same addresses: " + describe(sponsorOf(values)) + "."},
				{ID: joinLeave, Label: "Leave it in", Detail: "What the chart makes of it is tested; where it wins, nothing goes on."}}}}, nil
	}
	return nil, nil
}

func takeRolling(f *Facts, ask, value string) error {
	switch {
	case ask == "layout" && (Layout(value) == LegacyCurrent || Layout(value) == CurrentSuccessor):
		f.Rolling.Layout = Layout(value)
	case ask == "join" && (value == joinDrop || value == joinLeave):
		f.Rolling.Join = value
	default:
		return fmt.Errorf("%q is no choice", plain.Cut(plain.Line(value), 40))
	}
	return nil
}

// sponsorOf is what joinWithKeyOnboarding says.
func sponsorOf(values tree) map[string]string {
	all := map[string]string{}
	for _, key := range []string{"sponsorApiUrl", "sponsorScanUrl"} {
		if s := values.text(joinKey + "." + key); s != "" {
			all[key] = plain.Line(s)
		}
	}
	return all
}

func describe(sponsor map[string]string) string {
	text := ""
	for _, key := range []string{"sponsorApiUrl", "sponsorScanUrl"} {
		if sponsor[key] != "" {
			text += ", " + key + " " + sponsor[key]
		}
	}
	if text == "" {
		return "none that are known"
	}
	return text[2:]
}

func rollWants(f Facts, all []releases.Running, _ int) ([]releases.Want, error) {
	sv, err := f.svWant(all)
	if err != nil {
		return nil, err
	}
	scan, err := f.scanWant(all)
	return []releases.Want{sv, scan}, err
}

// svWant is the SV app with rollForwardLsu and both synchronizers.
func (f Facts) svWant(all []releases.Running) (releases.Want, error) {
	running, err := f.running(all, node.SVApp)
	if err != nil {
		return releases.Want{}, err
	}
	values, err := valuesOf(running)
	if err != nil {
		return releases.Want{}, err
	}
	edit, err := f.synchronizers(values)
	if err != nil {
		return releases.Want{}, err
	}
	edit.Set["rollForwardLsu"] = f.Agreed.values()
	if f.Rolling.Join == joinDrop {
		edit.Drop = append(edit.Drop, joinKey)
	}
	if values.at("migration.migrating") == true { // a leftover that the chart would take first
		edit.Drop = append(edit.Drop, "migration.migrating")
	}
	if values.at("synchronizers.skipInitialization") == true {
		edit.Set["synchronizers.skipInitialization"] = false
	}
	return releases.Want{Release: running.Name, What: fmt.Sprintf("roll-forward to serial %d", f.Agreed.NewSerial), Source: f.source(""), Edit: edit}, nil
}

// values are those of rollForwardLsu. Times of an announced upgrade are left out: the app takes them from the announcement.
func (a Agreed) values() map[string]any {
	v := map[string]any{"newPhysicalSynchronizerSerial": a.NewSerial, "newPhysicalSynchronizerProtocolVersion": a.ProtocolVersion}
	if a.Situation == NothingSequenced {
		return v
	}
	times := map[string]any{"topologyExportTime": stamp(a.TopologyExport), "trafficExportTime": stamp(a.TrafficExport)}
	if !a.ParticipantUpgrade.IsZero() {
		times["upgradeTime"] = stamp(a.ParticipantUpgrade)
	}
	v["exportTimes"] = times
	return v
}

// synchronizers are the edits that name the two synchronizers to the SV app as the layout has it, and keep others as further legacy ones.
func (f Facts) synchronizers(values tree) (releases.Edit, error) {
	e := releases.Edit{Set: map[string]any{}}
	all := blocks(values)
	i := slices.IndexFunc(all, func(b block) bool { return b.sequencer == f.oldName(node.Sequencer) })
	if i < 0 {
		return e, noBlock(f.oldName(node.Sequencer))
	}
	old := all[i]
	next, err := f.nextBlock(old)
	if err != nil {
		return e, err
	}
	oldName, nextName := f.Rolling.Layout.names()
	e.Set["synchronizers."+oldName], e.Set["synchronizers."+nextName] = old.values, next
	if old.name == "domain" { // the form before synchronizers, which cannot stand beside it
		e.Drop = append(e.Drop, "domain", "cometBFT.enabled", "cometBFT.connectionUri", "cometBFT.externalGovernanceKey")
	}
	var more []any
	for j, b := range all {
		failed := f.Situation == NothingSequenced && b.name == "successor" // thrown away
		if j != i && b.sequencer != next["sequencerAddress"] && !failed {
			more = append(more, b.values)
		}
	}
	if len(more) > 0 {
		e.Set["synchronizers.additionalLegacy"] = more
	}
	if f.Rolling.Layout == LegacyCurrent && values.at("synchronizers.successor") != nil {
		e.Drop = append(e.Drop, "synchronizers.successor")
	}
	return e, nil
}

// scanWant is scan with both synchronizers.
func (f Facts) scanWant(all []releases.Running) (releases.Want, error) {
	running, err := f.running(all, node.ScanApp)
	if err != nil {
		return releases.Want{}, err
	}
	values, err := valuesOf(running)
	if err != nil {
		return releases.Want{}, err
	}
	sequencer, err := f.nextName(f.oldName(node.Sequencer))
	if err != nil {
		return releases.Want{}, err
	}
	mediator, err := f.nextName(f.oldName(node.Mediator))
	if err != nil {
		return releases.Want{}, err
	}
	old := map[string]any{"sequencer": f.oldName(node.Sequencer), "mediator": f.oldName(node.Mediator)}
	for _, name := range []string{"current", "successor", "legacy"} { // what else is set of it, such as the address of CantonBFT's peers
		if b := values.under("synchronizers." + name); b.text("sequencer") == old["sequencer"] && b["cantonBft"] != nil {
			old["cantonBft"] = b["cantonBft"]
		}
	}
	next := map[string]any{"sequencer": sequencer, "mediator": mediator}
	if f.Agreed.Driver == CantonBFT {
		next["cantonBft"] = map[string]any{"p2pUrl": "https://" + f.Addresses.Peer}
	}
	oldName, nextName := f.Rolling.Layout.names()
	e := releases.Edit{Set: map[string]any{"synchronizers." + oldName: old, "synchronizers." + nextName: next}}
	for _, path := range []string{"sequencerAddress", "mediatorAddress", "bftSequencers"} { // the form before synchronizers
		if values.at(path) != nil {
			e.Drop = append(e.Drop, path)
		}
	}
	if f.Rolling.Layout == LegacyCurrent && values.at("synchronizers.successor") != nil {
		e.Drop = append(e.Drop, "synchronizers.successor")
	}
	if f.Situation == NothingSequenced {
		follow := map[string]any{"enabled": true}
		if !f.Agreed.Upgrade.IsZero() {
			follow["upgradeTime"] = stamp(f.Agreed.Upgrade)
		}
		e.Set["rollForwardLsu"] = follow
	} else if values.at("rollForwardLsu") != nil {
		e.Drop = append(e.Drop, "rollForwardLsu")
	}
	return releases.Want{Release: running.Name, What: "roll-forward to serial " + strconv.Itoa(f.Agreed.NewSerial), Source: f.source(""), Edit: e}, nil
}

// judgeRolling says in which way the SV app would start, or has, and what both apps know of the synchronizers.
func judgeRolling(f Facts, all []kube.Workload) []wire.Finding {
	next, err := f.nextName(f.oldName(node.Sequencer))
	if err != nil {
		return []wire.Finding{{ID: "layout", Verdict: wire.Violated, Text: steps.FailureOf("", err).Seen, Next: steps.FailureOf("", err).Next}}
	}
	old := f.oldName(node.Sequencer)
	var found []wire.Finding
	for _, c := range f.Node.Of(node.SVApp) {
		env := f.environmentOf(all, c.Ref.Name, string(node.SVApp))
		found = append(found, f.Agreed.Onboarding(env)...)
		got, err := svSequencers(env)
		found = append(found, laid("layout-sv", "the SV app", got, err, f.Rolling.Layout, old, next))
		var mounted []string
		if w, ok := workload(all, c.Ref.Name); ok {
			for _, m := range w.Mounts {
				mounted = append(mounted, m.Path)
			}
		}
		found = append(found, exports(env, mounted))
		if f.Situation == SuccessorBroken {
			found = append(found, f.keeps(env)...)
		}
	}
	for _, c := range f.Node.Of(node.ScanApp) {
		env := f.environmentOf(all, c.Ref.Name, string(node.ScanApp))
		got, err := scanSequencers(env)
		found = append(found, laid("layout-scan", "scan", got, err, f.Rolling.Layout, old, next), f.Agreed.validators(env))
	}
	return found
}

// keeps says whether the SV app still knows the original synchronizer, on which nodes that are behind catch up.
func (f Facts) keeps(env map[string]string) []wire.Finding {
	var found []wire.Finding
	for _, c := range f.original() {
		one := wire.Finding{ID: "keeps-" + c.Ref.Name, Verdict: wire.Holds, Text: "the SV app still knows " + c.Ref.Name + " of the original synchronizer"}
		if !slices.ContainsFunc(slices.Collect(maps.Values(env)), func(v string) bool { return strings.Contains(v, c.Ref.Name) }) {
			one.Verdict, one.Text = wire.Attention, "the SV app does not know "+c.Ref.Name+" of the original synchronizer any more"
			one.Next = "Look at synchronizers.additionalLegacy in the values of its release, and whether this chart knows it"
		}
		found = append(found, one)
	}
	return found
}

// standing looks whether the old sequencer and the participant run, from which the SV app exports, and the successor, which it initialises.
func (f Facts) standing(ctx context.Context, w steps.World) ([]wire.Finding, error) {
	var found []wire.Finding
	need := func(kind, ns, name, what string) error {
		now, there, err := w.Kube.Workload(ctx, kind, ns, name)
		if err != nil {
			return err
		}
		f := wire.Finding{ID: "runs-" + name, Verdict: wire.Holds, Text: name + " runs: " + what}
		if !there || now.Ready == 0 {
			f.Verdict, f.Text, f.Next = wire.Violated, name+" does not run: "+what, "Bring it up first"
		}
		found = append(found, f)
		return nil
	}
	for _, part := range []node.Part{node.Sequencer, node.Mediator} {
		for _, c := range f.old(part) {
			if err := need(c.Ref.Kind, c.Ref.Namespace, c.Ref.Name, "topology and traffic are exported from the old synchronizer"); err != nil {
				return nil, err
			}
			next, err := f.nextName(c.Ref.Name)
			if err != nil {
				return nil, err
			}
			if err := need(c.Ref.Kind, c.Ref.Namespace, next, "it is initialised"); err != nil {
				return nil, err
			}
		}
	}
	for _, c := range f.Node.Of(node.Participant) {
		if err := need(c.Ref.Kind, c.Ref.Namespace, c.Ref.Name, "it is moved to the successor"); err != nil {
			return nil, err
		}
	}
	return found, nil
}
