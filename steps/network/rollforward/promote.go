package rollforward

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/releases"
	"canton.example/svrescue/steps/wire"
)

// now is the answer that it is time. Its choice has the effect of the step, so that neither Enter alone nor a run without a person takes it for being the
// only one: days pass before it is. keep is the answer that it is left to others.
const (
	now  = "now"
	keep = "keep"
)

// promote takes out of the SV app and scan what made them roll forward, and makes the successor the current synchronizer where it is not already.
func promote() change {
	return change{name: "promote", title: "Promote the successor", diffTitle: "Promotion: what changes", pods: "the SV app and scan", effect: wire.Repeatable, ready: true,
		shown:   "Days later: derives the SV app and scan without rollForwardLsu, with the successor as current and the old synchronizer as legacy.",
		summary: "Starts the SV app and scan as they are to stay: the successor is current, the old synchronizer legacy.",
		asks:    []steps.Ask{{Name: "when", Kind: wire.AskChoice, Help: "now: the network runs on the successor, and everybody who has to follow has; park until then"}},
		inputs: func(_ context.Context, _ steps.World, f Facts, _ []releases.Running) ([]wire.Question, error) {
			if f.Promoting {
				return nil, nil
			}
			return []wire.Question{{Name: "when", Kind: wire.AskChoice, Title: "Is the successor to be promoted now?",
				Text: "This comes days later: leave, and resume this run then. Up to then a restart of the SV app finds everything done and goes on." +
					" When exactly is not said by upstream. Where validators follow by themselves, scan has to tell them until the last one has." +
					" Upstream's page takes the old synchronizer out of scan's values now, while its chart knows a legacy one: here it stays until it is removed.",
				Choices: []wire.Choice{{ID: now, Label: "Now", Detail: "The network runs on the successor.", Effect: wire.Repeatable}}}}, nil
		},
		take: func(f *Facts, _, value string) error {
			if value != now {
				return fmt.Errorf("%q is no choice", value)
			}
			f.Promoting = true
			return nil
		},
		forget: func(f *Facts) { f.Promoting = false },
		wants:  promoteWants, judge: judgePromoted,
		check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			s, err := f.following().see(ctx, w)
			if err != nil {
				return nil, err
			}
			return s.findings(f.Agreed.NewSerial)[1:], nil
		},
	}
}

func promoteWants(f Facts, all []releases.Running, _ int) ([]releases.Want, error) {
	sv, err := f.running(all, node.SVApp)
	if err != nil {
		return nil, err
	}
	values, err := valuesOf(sv)
	if err != nil {
		return nil, err
	}
	edit := releases.Edit{Set: map[string]any{}, Drop: []string{"rollForwardLsu"}}
	if f.Rolling.Layout == CurrentSuccessor {
		edit.Set["synchronizers.legacy"], edit.Set["synchronizers.current"] = values.at("synchronizers.current"), values.at("synchronizers.successor")
		edit.Drop = append(edit.Drop, "synchronizers.successor")
	}
	if f.Rolling.Join == joinDrop {
		sponsor := map[string]any{}
		for key, address := range f.Rolling.Sponsor {
			sponsor[key] = address
		}
		edit.Set[joinKey] = sponsor
	}
	for _, from := range []string{strconv.Itoa(f.Agreed.CurrentSerial), f.Node.Serial} { // the values may not have followed an upgrade that broke
		if address, ok := renumber(values.text("decentralizedSynchronizerUrl"), from, strconv.Itoa(f.Agreed.NewSerial)); ok {
			edit.Set["decentralizedSynchronizerUrl"] = address
			break
		}
	}
	scan, err := f.running(all, node.ScanApp)
	if err != nil {
		return nil, err
	}
	scanValues, err := valuesOf(scan)
	if err != nil {
		return nil, err
	}
	scanEdit := releases.Edit{Set: map[string]any{}, Drop: []string{"rollForwardLsu"}}
	if f.Rolling.Layout == CurrentSuccessor {
		scanEdit.Set["synchronizers.legacy"], scanEdit.Set["synchronizers.current"] = scanValues.at("synchronizers.current"), scanValues.at("synchronizers.successor")
		scanEdit.Drop = append(scanEdit.Drop, "synchronizers.successor")
	}
	what := "serial " + strconv.Itoa(f.Agreed.NewSerial) + " is current"
	return []releases.Want{{Release: sv.Name, What: what, Source: f.source(""), Edit: edit}, {Release: scan.Name, What: what, Source: f.source(""), Edit: scanEdit}}, nil
}

// judgePromoted says whether the apps start as they are to stay.
func judgePromoted(f Facts, all []kube.Workload) []wire.Finding {
	next, err := f.nextName(f.oldName(node.Sequencer))
	if err != nil {
		return []wire.Finding{{ID: "layout", Verdict: wire.Violated, Text: steps.FailureOf("", err).Seen, Next: steps.FailureOf("", err).Next}}
	}
	var found []wire.Finding
	for _, c := range f.Node.Of(node.SVApp) {
		env := f.environmentOf(all, c.Ref.Name, string(node.SVApp))
		found = append(found, settled(env, f.Rolling.Join == joinDrop))
		got, err := svSequencers(env)
		found = append(found, laid("layout-sv", "the SV app", got, err, LegacyCurrent, f.oldName(node.Sequencer), next))
	}
	for _, c := range f.Node.Of(node.ScanApp) {
		env := f.environmentOf(all, c.Ref.Name, string(node.ScanApp))
		got, err := scanSequencers(env)
		found = append(found, laid("layout-scan", "scan", got, err, LegacyCurrent, f.oldName(node.Sequencer), next))
		quiet := wire.Finding{ID: "validators-follow", Verdict: wire.Holds, Text: "scan tells validators nothing more"}
		if _, has := env["ADDITIONAL_CONFIG_ROLL_FORWARD_LSU"]; has {
			quiet = wire.Finding{ID: "validators-follow", Verdict: wire.Violated, Text: "scan still tells validators to follow", Next: "Take rollForwardLsu out of its values"}
		}
		found = append(found, quiet)
	}
	return found
}

// settled judges the onboarding of an SV app that has rolled forward: no longer that, and its key again where it had it.
func settled(env map[string]string, joins bool) wire.Finding {
	const id = "onboarding"
	text, has := env[OnboardingVariable]
	set, err := settings(text)
	kind := set["_onboarding.type"]
	switch {
	case env == nil:
		return wire.Finding{ID: id, Verdict: wire.Undetermined, Text: "what the SV app gets is not seen", Next: "Look whether its pod runs"}
	case err != nil:
		return wire.Finding{ID: id, Verdict: wire.Undetermined, Text: "what " + OnboardingVariable + " means could not be read: " + err.Error(), Next: "Look at it"}
	case kind == RollForwardLSU:
		return wire.Finding{ID: id, Verdict: wire.Violated, Text: "the SV app still rolls forward", Next: "Take rollForwardLsu out of its values"}
	case joins && kind != JoinWithKey:
		return wire.Finding{ID: id, Verdict: wire.Violated, Text: "the SV app does not start with its key, as it did before", Next: "Put joinWithKeyOnboarding back into its values"}
	case !has:
		return wire.Finding{ID: id, Verdict: wire.Attention, Text: "the SV app gets no " + OnboardingVariable, Next: "That is as it was before the roll-forward only where it had none"}
	}
	return wire.Finding{ID: id, Verdict: wire.Holds, Text: "the SV app no longer rolls forward"}
}

// thirtyDays is how long upstream keeps the old synchronizer.
const thirtyDays = 30 * 24 * time.Hour

// removeOld lets the apps forget the old synchronizer, after the retention.
func removeOld() change {
	return change{name: "remove-old", title: "Remove the old synchronizer", diffTitle: "Removal: what changes", pods: "the SV app and scan", effect: wire.Repeatable, ready: true,
		shown:   "After the retention: derives the SV app and scan without the old synchronizer.",
		summary: "Starts the SV app and scan without the old synchronizer. Its releases are then uninstalled by hand.",
		asks:    []steps.Ask{{Name: "when", Kind: wire.AskChoice, Help: "now: nobody needs the old synchronizer any more; keep: it stays, the run ends, and it is removed by hand; or park until then"}},
		idle: func(f Facts) string {
			if !f.Keeping {
				return ""
			}
			var names []string
			for _, c := range f.before() {
				names = append(names, c.Release)
			}
			return "the old synchronizer stays. When nobody needs it any more: take synchronizers.legacy, and additionalLegacy where there is one, out of the values of the SV app and scan, upgrade both, and uninstall " +
				strings.Join(names, ", ")
		},
		inputs: func(_ context.Context, _ steps.World, f Facts, _ []releases.Running) ([]wire.Question, error) {
			if f.Removing {
				return nil, nil
			}
			return []wire.Question{{Name: "when", Kind: wire.AskChoice, Title: "Is the old synchronizer to be removed now?",
				Text: "Nodes that are behind, and nodes that are restored from a backup of before, catch up on it. Upstream keeps it for 30 days: leave, and resume this run then.",
				Choices: []wire.Choice{{ID: now, Label: "Now", Detail: "Nobody needs it any more.", Effect: wire.Repeatable},
					{ID: keep, Label: "It stays, and this run ends", Detail: "It is removed by hand, when nobody needs it any more."}}}}, nil
		},
		take: func(f *Facts, _, value string) error {
			switch value {
			case now:
				f.Removing = true
			case keep:
				f.Keeping = true
			default:
				return fmt.Errorf("%q is no choice", value)
			}
			return nil
		},
		forget: func(f *Facts) { f.Removing, f.Keeping = false, false },
		wants: func(f Facts, all []releases.Running, _ int) ([]releases.Want, error) {
			var wants []releases.Want
			for _, part := range []node.Part{node.SVApp, node.ScanApp} {
				r, err := f.running(all, part)
				if err != nil {
					return nil, err
				}
				drop := []string{"synchronizers.legacy"}
				if part == node.SVApp {
					drop = append(drop, "synchronizers.additionalLegacy")
				}
				wants = append(wants, releases.Want{Release: r.Name, What: "without serial " + strconv.Itoa(f.Agreed.CurrentSerial), Source: f.source(""), Edit: releases.Edit{Drop: drop}})
			}
			return wants, nil
		},
		judge: func(f Facts, all []kube.Workload) []wire.Finding {
			var found []wire.Finding
			for _, part := range []node.Part{node.SVApp, node.ScanApp} {
				for _, c := range f.Node.Of(part) {
					env := f.environmentOf(all, c.Ref.Name, string(part))
					one := wire.Finding{ID: "forgotten-" + c.Ref.Name, Verdict: wire.Holds, Text: c.Ref.Name + " knows nothing of the old synchronizer"}
					if env == nil {
						one.Verdict, one.Text, one.Next = wire.Undetermined, "what "+c.Ref.Name+" gets is not seen", "Look whether its pod runs"
					}
					for name, value := range env {
						if strings.Contains(value, f.oldName(node.Sequencer)) {
							one.Verdict, one.Text, one.Next = wire.Violated, c.Ref.Name+" still has the old sequencer in "+name, "Take it out of its values"
						}
					}
					found = append(found, one)
				}
			}
			return found
		},
		check: func(_ context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			keep, from := f.Node.Retention.Period, f.Node.Retention.From
			if keep < thirtyDays {
				keep, from = thirtyDays, "upstream's page"
			}
			until := f.bounded().Upgrade.Add(keep)
			if w.Clock.Now().Before(until) {
				return []wire.Finding{{ID: "retention", Verdict: wire.Violated, Text: "the old synchronizer is to be kept until " + stamp(until) + " (" + from + ")", Next: "Park, and resume this run then",
					Waive: "nobody needs the old synchronizer any more, and no backup of before the roll-forward will be restored"}}, nil
			}
			return []wire.Finding{{ID: "retention", Verdict: wire.Holds, Text: "the old synchronizer was kept until " + stamp(until)}}, nil
		},
		proof: func(_ context.Context, _ steps.World, f *Facts) ([]wire.Finding, error) {
			found := []wire.Finding{}
			for _, c := range f.before() {
				found = append(found, wire.Finding{ID: "uninstall-" + c.Release, Verdict: wire.Attention, Text: "release " + c.Release + ", of serial " + c.Serial + ", is still installed: this tool does not remove it",
					Next: fmt.Sprintf("helm uninstall %s -n %s. Its claims and its databases stay, and are removed by hand", c.Release, f.Node.Subject.Namespace)})
			}
			return found, nil
		},
	}
}
