package reonboard

import (
	"context"
	"fmt"
	"slices"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/charts"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

func freshSV() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "reonboard/fresh-sv", Title: "Fresh SV", Effect: wire.Repeatable,
		Summary: "Installs the fresh SV, or watches you do it, and follows its onboarding by its party.",
		Check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			if needFresh(f) != nil {
				return nil, nil
			}
			offboarded, err := partyOffboarded(ctx, w, f)
			if err != nil {
				return nil, err
			}
			stopped, err := oldNodeStopped(ctx, w, f)
			if err != nil {
				return nil, err
			}
			slate, err := cleanSlate(ctx, w, f)
			return append([]wire.Finding{offboarded, stopped}, slate...), err
		},
		Plan: planFresh,
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			return freshStands(ctx, w, f)
		},
		Undo: undoFresh,
		Remedies: func(error) []steps.Remedy {
			return []steps.Remedy{{Choice: wire.ChoiceRetry, Detail: "a few restarts are normal while a node comes up"},
				{Choice: wire.ChoiceUndo, Detail: "uninstalls what this run installed; volumes stay. A second onboarding under the same name can bar it from rewards (Splice issue 7201): look first whether this one can be saved"}}
		},
	}
}

// needFresh is the error of a plan that comes before the slate was looked at, nil afterwards.
func needFresh(f Facts) error {
	if f.Fresh.Answers.Way == "" || f.Fresh.Answers.Way == wayHelm && len(f.Fresh.Releases) == 0 {
		return &steps.NotYet{Step: "reonboard/fresh-values", What: "which releases the fresh SV is made of"}
	}
	return nil
}

// svApp is the SV app of the fresh SV. Of its calls only those are used that need no token.
func (f Facts) svApp() steps.App {
	return steps.App{Name: "the fresh SV", Kind: svapp.SVApp, Namespace: f.Fresh.Namespace, Workload: "sv-app"}
}

// byOthers stands for the releases that somebody else installs: the workloads that the documentation names (reference/deployment.md 3.2).
func byOthers(namespace string) Deployment {
	d := Deployment{Name: "sv"}
	for _, name := range []string{"sv-app", "scan-app", validatorWorkload} {
		d.Workloads = append(d.Workloads, action.Wanted{Pods: action.Pods{Workload: kube.WorkloadRef{Kind: kube.Deployment, Namespace: namespace, Name: name}, Selector: "app=" + name}, Replicas: 1})
	}
	return d
}

// planFresh installs release after release, or waits for somebody else to. Scan and validator come after the onboarding: before it they have
// nothing to work with.
func planFresh(f Facts) ([]steps.Action, error) {
	if err := needFresh(f); err != nil {
		return nil, err
	}
	ns := f.Fresh.Namespace
	follow := followOnboarding{sv: f.Old.SV, old: f.Old.Party, own: f.svApp(), peers: f.Peers}
	if s := f.Fresh.Answers.Sponsor; s != none {
		follow.sponsor = s
	}
	if f.Fresh.Answers.Way == wayGitOps {
		d := byOthers(ns)
		return []steps.Action{waitReleased{what: "the fresh SV", release: d, namespace: ns,
			how: "Install it as any SV: the same name and key pair, new keys for CometBFT, empty databases and claims, stateSync.enable where the chain is pruned, no imported identities"}, follow, action.WaitReady{Name: "the apps of the fresh SV", Namespace: ns, Workloads: d.Workloads}}, nil
	}
	actions := []steps.Action{action.MakeNamespace{Where: f.Where, Namespace: ns, Run: f.Run}}
	if len(f.Fresh.Needs) > 0 {
		actions = append(actions, waitNeeds{where: f.Where, namespace: ns, needs: f.Fresh.Needs})
	}
	ready := action.WaitReady{Name: "the databases", Namespace: ns}
	flush := func() {
		if len(ready.Workloads) > 0 {
			actions = append(actions, ready)
		}
		ready.Workloads = nil
	}
	rendered := f.freshAgain()
	for _, d := range f.Fresh.Releases {
		database := d.Chart == "splice-postgres" || d.Chart == "postgresql"
		if !database {
			flush()
			ready.Name = "the workloads of " + d.Name
		}
		actions = append(actions, action.InstallRelease{Where: f.Where, Chart: d.Chart, Version: d.Version, Installation: f.freshInstallation(d), How: f.freshHow(), Hooks: d.Hooks,
			Helm: f.freshHelm(d), Stored: func(ctx context.Context, w steps.World) (release.Stored, error) {
				return rendered.stored(ctx, w, d.Name)
			}})
		if d.Chart == "splice-sv-node" {
			actions = append(actions, follow)
		}
		if d.Chart != "splice-info" {
			ready.Workloads = append(ready.Workloads, d.Workloads...)
		}
	}
	flush()
	return actions, nil
}

// freshHelm are the words with which Helm would do the same.
func (f Facts) freshHelm(d Deployment) []string {
	words := []string{"install", d.Name, d.Place}
	if at := f.Fresh.Answers.Charts; charts.IsRegistry(at) {
		words = []string{"install", d.Name, charts.AddressIn(at, d.Chart), "--version", d.Version}
	}
	for _, file := range d.Files {
		words = append(words, "-f", file)
	}
	if f.Fresh.Answers.Source == fromCluster {
		words = append(words, "-f", recordedFile(d.Name))
	}
	for _, path := range d.LeftOut {
		words = append(words, "--set", path+"=null")
	}
	if d.Chart == "splice-cometbft" {
		words = append(words, "--set", "stateSync.enable=true")
	}
	return words
}

// undoFresh uninstalls what this run installed, last first. Claims stay.
func undoFresh(f Facts) ([]steps.Action, string) {
	switch {
	case needFresh(f) != nil:
		return nil, "nothing was installed"
	case f.Fresh.Answers.Way == wayGitOps:
		return nil, "somebody else installed it, and takes it away"
	}
	var actions []steps.Action
	gone := action.WaitGone{Name: "the fresh SV", Namespace: f.Fresh.Namespace}
	for _, d := range slices.Backward(f.Fresh.Releases) {
		actions = append(actions, action.UninstallRelease{Where: f.Where, Installation: f.freshInstallation(d)})
		for _, w := range d.Workloads {
			gone.Workloads = append(gone.Workloads, w.Pods)
		}
	}
	return append(actions, gone), ""
}

// freshStands proves that the fresh SV is one, and reads its party from its wallet.
func freshStands(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
	fresh := f.Fresh
	fresh.SVApp = f.svApp()
	fresh.Wallet = f.freshWallet()
	fresh.Party = ""
	f.Fresh = fresh
	sponsor := ""
	if s := fresh.Answers.Sponsor; s != none {
		sponsor = s
	}
	s := followOnboarding{sv: f.Old.SV, old: f.Old.Party, own: fresh.SVApp, sponsor: sponsor, peers: f.Peers}.see(ctx, w)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	member := wire.Finding{ID: "member", Verdict: wire.Violated, Text: "the DSO rules have no SV " + f.Old.SV + " with a new party, as far as scans answer", Next: "Look again; follow the log of sv-app"}
	if s.member != "" {
		member.Verdict, member.Text, member.Next = wire.Holds, fmt.Sprintf("%s is an SV again, with the party %s", f.Old.SV, s.member), ""
	}
	for _, item := range s.progress.Items {
		member.Evidence = append(member.Evidence, wire.Evidence{Source: item.Name, Seen: item.State, At: w.Clock.Now()})
	}
	comet, err := newCometKeys(ctx, w, *f) // of a node that others installed, they are seen only now
	if err != nil {
		return nil, err
	}
	found := append([]wire.Finding{member}, comet...)
	var user svapp.WalletUser
	var has bool
	if w.Apps == nil {
		return append(found, wire.Finding{ID: "wallet", Verdict: wire.Violated, Text: "the wallet cannot be asked from here", Next: "Its party is needed: go on where the cluster can be reached"}), nil
	}
	err = w.Apps.Validator(ctx, fresh.Wallet, func(v *svapp.Validator) (err error) { user, has, err = v.WalletUser(ctx); return err })
	wallet := wire.Finding{ID: "wallet", Verdict: wire.Violated}
	switch {
	case err != nil:
		return nil, err // a login that is needed, a way that is closed: asked about, and tried again
	case !has || user.Party == "":
		wallet.Text, wallet.Next = "the user "+fresh.Wallet.User+" has no wallet on the fresh SV's validator", "Log in to the wallet once, with a user of its validatorWalletUsers; then look again"
	case user.Party == f.Old.Party:
		wallet.Text, wallet.Next = "the wallet belongs to the lost party", "This is not the fresh SV's wallet: look which validator answers"
	case s.member != "" && user.Party != s.member:
		wallet.Text = fmt.Sprintf("the wallet belongs to %s, and the SV is %s", user.Party, s.member)
		wallet.Next = "Log in as a user whose wallet is the SV's; what is transferred elsewhere is not the SV's"
	case !user.Onboarded || !user.Installed:
		wallet.Text, wallet.Next = "the wallet of "+user.Party+" is not set up yet", "Look again in a minute"
	default:
		wallet.Verdict, wallet.Text = wire.Holds, "its wallet belongs to "+user.Party
		fresh.Party = user.Party
		f.Fresh = fresh
	}
	return append(found, wallet), nil
}
