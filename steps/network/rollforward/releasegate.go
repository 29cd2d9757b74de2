package rollforward

import (
	"context"
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/network"
	"canton.example/svrescue/steps/network/card"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// preview is how upstream marks the procedure.
const preview = "Upstream's page on logical synchronizer upgrades calls itself a preview that may change, and leaves values files open"

// cancelCommand is how an SV takes part in cancelling an announced upgrade (reference/deployment.md 11). It needs a token of the SV API.
const cancelCommand = "curl -X POST -H \"Authorization: Bearer $TOKEN\" https://sv.sv.YOUR_HOSTNAME/api/sv/v0/admin/synchronizer/lsu/cancel"

func releaseGate() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "network/roll-forward/release-gate", Title: "Release gate", Effect: wire.Observe,
		Summary: "Looks which Splice release runs here and what is known of the broken synchronizer, and refuses where rolling forward cannot work.",
		Asks: []steps.Ask{{Name: "situation", Kind: wire.AskChoice,
			Help: "broken: the synchronizer sequences nothing any more; nothing-sequenced: an announced upgrade failed, and its successor sequenced nothing; successor-broken: an upgrade went ahead, and its successor broke"}},
		Inputs: func(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
			if f.Situation != "" || f.Node == nil {
				return nil, nil
			}
			a, err := announcedTo(ctx, w, *f.Node)
			return []wire.Question{situationQuestion(a, *f.Node, w.Clock.Now())}, err
		},
		Take: func(f *Facts, ask, value string) error {
			switch s := Situation(value); s {
			case Broken, NothingSequenced, SuccessorBroken:
				f.Situation = s
				return nil
			}
			return fmt.Errorf("%q is no situation", plain.Cut(plain.Line(value), 40))
		},
		Forget: func(f *Facts) { f.Situation, f.Gate = "", nil },
		Check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			if f.Node == nil {
				return nil, nil
			}
			_, found, err := gate(ctx, w, f)
			return found, err
		},
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			g, found, err := gate(ctx, w, *f)
			if err != nil {
				return nil, err
			}
			if g.Chain, err = network.Look(ctx, w, *f.Node); err != nil {
				return nil, err
			}
			f.Gate = &g
			return append(found, wire.Finding{ID: "preview", Verdict: wire.Attention, Text: strings.ToLower(preview[:1]) + preview[1:],
				Next: "Have every value confirmed on the call, and mind what the screens say is not verified"}), nil
		},
	}
}

// announced is what the own scan tells of an upgrade.
type announced struct {
	upgrade svapp.Upgrade
	is      bool
	silent  string // why it is not known; empty: it is
}

func announcedTo(ctx context.Context, w steps.World, n node.Node) (announced, error) {
	var a announced
	err := network.AskOwnScan(ctx, w, n, func(s *svapp.Scan) (err error) {
		a.upgrade, a.is, err = s.Upgrade(ctx)
		return err
	})
	if err != nil {
		a.silent = plain.Cut(plain.Line(steps.FailureOf("", err).Seen), 160)
	}
	return a, ctx.Err()
}

func (a announced) text(now time.Time) string {
	switch {
	case a.silent != "":
		return "Whether an upgrade is announced is not known: this node's scan does not tell (" + a.silent + ")."
	case a.is && !a.upgrade.At.After(now):
		return fmt.Sprintf("An upgrade to %s was announced for %s, which has passed.", a.upgrade.Successor, card.Stamp(a.upgrade.At))
	case a.is:
		return fmt.Sprintf("An upgrade to %s is announced for %s.", a.upgrade.Successor, card.Stamp(a.upgrade.At))
	}
	return "This node's scan knows of no announced upgrade."
}

func situationQuestion(a announced, n node.Node, now time.Time) wire.Question {
	text := a.text(now)
	for _, c := range n.LeftAlone() {
		if c.Part == node.Sequencer {
			text += fmt.Sprintf(" Beside the current synchronizer %s there is %s, %s.", n.Serial, c.Ref.Name, c.Role)
		}
	}
	return wire.Question{Name: "situation", Kind: wire.AskChoice, Title: "What has happened to the synchronizer?", Text: text, Choices: []wire.Choice{
		{ID: string(Broken), Label: "It sequences nothing any more", Detail: "All SVs roll forward from the last good record time."},
		{ID: string(NothingSequenced), Label: "An upgrade failed with nothing sequenced",
			Detail: "The failed successor is thrown away, and validators follow by themselves. That nothing was sequenced, neither transactions nor topology, has to be certain for all SVs."},
		{ID: string(SuccessorBroken), Label: "An upgrade happened, then its successor broke",
			Detail: "As the first; the original and the broken successor both stay up, so that nodes can catch up. There are three synchronizers for a while."}}}
}

// gate judges what the node shows.
func gate(ctx context.Context, w steps.World, f Facts) (Gate, []wire.Finding, error) {
	var g Gate
	seen, err := network.ReleasesOf(ctx, w, *f.Node)
	if err != nil {
		return g, nil, err
	}
	found := []wire.Finding{releaseFinding(seen)}
	if len(seen.New) > 0 {
		g.Release = network.Core(seen.New[0])
	}
	driver, how, err := driverOf(ctx, w, f)
	if err != nil {
		return g, nil, err
	}
	g.Driver = driver
	found = append(found, orderingFinding(driver, how), serials(f))
	a, err := announcedTo(ctx, w, *f.Node)
	if err != nil {
		return g, nil, err
	}
	if a.is {
		g.Announced = &a.upgrade
	}
	return g, append(found, situation(f, g.Release, a, w.Clock.Now())...), nil
}

func releaseFinding(seen network.Releases) wire.Finding {
	f := wire.Finding{ID: "release", Verdict: wire.Violated, Evidence: seen.Evidence}
	switch {
	case len(seen.Old) > 0 && len(seen.New) > 0:
		f.Text = seen.Between()
		f.Next = "Which recovery can work depends on the release. Finish the upgrade or take it back, and look again"
	case len(seen.Old) > 0:
		f.Text = "Splice " + seen.Old[0] + " cannot roll forward: that came with 0.6.2"
		f.Next = "Up to 0.6.1 a network is recovered with migration dumps: svrescue run network"
	case len(seen.New) == 0:
		f.Text = "which Splice release runs here could not be seen, and this must not be done on a guess"
		f.Next = "Bring the SV app up so that its /version answers, or look what its image is; then look again"
	default:
		f.Verdict, f.Text = wire.Holds, "Splice "+seen.New[0]+" recovers a network by rolling forward"
	}
	return f
}

// driverOf is the ordering layer of the broken synchronizer, and by what that is seen: the variables that the chart gives the sequencer, else a
// CometBFT of the same number beside it (reference/deployment.md 1: never by the release).
func driverOf(ctx context.Context, w steps.World, f Facts) (Driver, wire.Evidence, error) {
	for _, c := range f.old(node.Sequencer) {
		workload, there, err := w.Kube.Workload(ctx, c.Ref.Kind, c.Ref.Namespace, c.Ref.Name)
		if err != nil {
			return "", wire.Evidence{}, err
		}
		if !there {
			continue
		}
		env := environment(workload, "sequencer")
		for variable, driver := range map[string]Driver{"ADDITIONAL_CONFIG_SEQUENCER_DRIVER_COMETBFT": CometBFT, "ADDITIONAL_CONFIG_SEQUENCER_DRIVER_BFT": CantonBFT} {
			if _, has := env[variable]; has {
				return driver, wire.Evidence{Source: c.Ref.String(), Seen: "it has " + variable}, nil
			}
		}
	}
	if comets := f.old(node.CometBFT); len(comets) > 0 {
		return CometBFT, wire.Evidence{Source: comets[0].Ref.String(), Seen: "it has the number of the sequencer"}, nil
	}
	return "", wire.Evidence{}, nil
}

func orderingFinding(d Driver, how wire.Evidence) wire.Finding {
	if d == "" {
		return wire.Finding{ID: "ordering", Verdict: wire.Attention, Text: "what orders the broken synchronizer is not seen: neither CometBFT nor CantonBFT",
			Next: "The ordering layer of the successor is asked for and is on the card"}
	}
	return wire.Finding{ID: "ordering", Verdict: wire.Holds, Text: "the broken synchronizer is ordered by " + d.name(), Evidence: []wire.Evidence{how}}
}

func (d Driver) name() string {
	return map[Driver]string{CometBFT: "CometBFT", CantonBFT: "CantonBFT"}[d]
}

func serials(f Facts) wire.Finding {
	now, ok := f.currentSerial()
	if !ok {
		return wire.Finding{ID: "serial", Verdict: wire.Violated, Text: "the serial of the broken synchronizer is not known", Next: "Answer the inventory again, with the number of the current synchronizer"}
	}
	return wire.Finding{ID: "serial", Verdict: wire.Holds, Text: fmt.Sprintf("the broken synchronizer has serial %d, so the next is usually %d", now, nextSerial(now, f.Situation))}
}

// nextSerial is the serial of the successor, as it usually is.
func nextSerial(now int, s Situation) int {
	if s == NothingSequenced {
		return now + 2
	}
	return now + 1
}

// situation compares what the operator says has happened with what is announced. The text of a finding does not change as time goes by but once, when
// the announced time passes.
func situation(f Facts, release string, a announced, now time.Time) []wire.Finding {
	id, to := "announced", a.text(now)
	to = strings.ToLower(to[:1]) + strings.TrimSuffix(to[1:], ".")
	one := func(v wire.Verdict, text, next string) []wire.Finding {
		return []wire.Finding{{ID: id, Verdict: v, Text: text, Next: next}}
	}
	switch {
	case a.silent != "" && !since(release, 0, 6, 11):
		return one(wire.Attention, "whether an upgrade is announced is not known: scan tells it from 0.6.11 on", "Look in the SV UI. One that is announced and has not come yet is cancelled first: "+cancelCommand)
	case a.silent != "":
		return one(wire.Undetermined, to, "Look in the SV UI. One that is announced and has not come yet is cancelled first: "+cancelCommand)
	case a.is && a.upgrade.At.After(now):
		cancel := one(wire.Violated, to+", which is still to come: it can be cancelled", "A threshold of SVs cancels it, each at its own SV app: "+cancelCommand+
			" . Then scan tells of none: look again, and end the run where nothing else is broken. Up to 0.6.13 it fails where a successor is configured")
		cancel[0].Waive = "the SVs have decided not to cancel it"
		return cancel
	case f.Situation == NothingSequenced && !a.is:
		return one(wire.Undetermined, "this node's scan knows of no announced upgrade, and this situation is that of one that failed", "Look whether the upgrade was cancelled, or whether the situation is another")
	case f.Situation == NothingSequenced:
		return append(one(wire.Holds, to, ""), wire.Finding{ID: "nothing", Verdict: wire.Attention, Text: "that the failed successor sequenced nothing is your word: it cannot be seen from here",
			Next: "Have every SV say so on the call. One transaction or one change of topology makes it the other situation"})
	case f.Situation == SuccessorBroken:
		return keepAll(f, release)
	case a.is:
		return one(wire.Attention, to, "If that is the upgrade that failed, the situation is another: answer this step again")
	}
	return one(wire.Holds, to, "")
}

// keepAll is for three synchronizers at once.
func keepAll(f Facts, release string) []wire.Finding {
	found := []wire.Finding{{ID: "keep", Verdict: wire.Attention, Text: "three synchronizers will stand side by side for a while",
		Next: "Keep the original and the broken successor up as long as they still serve what they sequenced, so that nodes can catch up: the less they differ, the fewer ACS mismatches there are"}}
	up := false
	for _, c := range f.original() {
		up = up || c.Ready > 0
	}
	if !up {
		found = append(found, wire.Finding{ID: "original", Verdict: wire.Attention, Text: "the sequencer of the original synchronizer does not run here", Next: "Nodes that have not caught up on it cannot do so with this SV"})
	}
	if !since(release, 0, 6, 5) {
		found = append(found, wire.Finding{ID: "additional-legacy", Verdict: wire.Violated, Text: "Splice " + release + " knows one legacy synchronizer only; a second one came with 0.6.5",
			Next: "Upgrade the SV app first", Waive: "the original synchronizer is not kept in the SV app"})
	}
	return found
}

// original are the sequencers of the synchronizer before the upgrade that went ahead.
func (f Facts) original() []node.Component {
	if brokenSerial(*f.Node, f.Situation) != f.Node.Serial {
		return of(*f.Node, node.Sequencer, f.Node.Serial)
	}
	var all []node.Component // the broken one is current in the values: the original is a legacy one
	for _, c := range f.Node.LeftAlone() {
		if c.Part == node.Sequencer && c.Role == node.Legacy {
			all = append(all, c)
		}
	}
	return all
}

// since says whether a release is that one or later. One that cannot be read is not.
func since(release string, major, minor, patch int) bool {
	var a, b, c int
	if n, _ := fmt.Sscanf(release, "%d.%d.%d", &a, &b, &c); n < 3 {
		return false
	}
	switch {
	case a != major:
		return a > major
	case b != minor:
		return b > minor
	}
	return c >= patch
}
