package reonboard

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/charts"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// validatorWorkload is the Deployment that the chart splice-validator makes (reference/deployment.md 3.2).
const validatorWorkload = "validator-app"

func validatorDeploy() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "reonboard/validator-deploy", Title: "Recovery validator", Effect: wire.Repeatable,
		Summary: "Installs the recovery validator with the identities of the lost participant, and follows its import.",
		Check: func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
			if needValidator(f) != nil {
				return nil, nil
			}
			return beforeDeploy(ctx, w, f)
		},
		Plan: planValidator,
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			return validatorStands(ctx, w, f)
		},
		Undo:     undoValidator,
		Remedies: importRemedies,
	}
}

// needValidator is the error of a plan that comes before the values are derived, nil afterwards.
func needValidator(f Facts) error {
	if len(f.Validator.Releases) == 0 {
		return &steps.NotYet{Step: "reonboard/validator-values", What: "which releases the recovery validator is made of"}
	}
	if f.Identities == nil {
		return &steps.NotYet{Step: "reonboard/identities", What: "which identities the recovery validator has"}
	}
	return nil
}

// beforeDeploy proves what must hold when the validator's participant starts, however long ago it was proven first.
func beforeDeploy(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	fence, err := oldNodeStopped(ctx, w, f)
	if err != nil {
		return nil, err
	}
	offboarded, err := partyOffboarded(ctx, w, f)
	if err != nil {
		return nil, err
	}
	server, err := serverFree(ctx, w, f)
	if err != nil {
		return nil, err
	}
	hint, err := sameHint(f)
	if err != nil {
		return nil, err
	}
	place, err := placeFree(ctx, w, f)
	return slices.Concat([]wire.Finding{dumpHere(w, f), fence, offboarded, hint}, server, place), err
}

// planValidator makes what the pods need, and then either installs the releases, or waits until somebody else has.
func planValidator(f Facts) ([]steps.Action, error) {
	if err := needValidator(f); err != nil {
		return nil, err
	}
	v := f.Validator
	files, err := f.valuesFiles()
	if err != nil {
		return nil, err
	}
	actions := []steps.Action{
		action.MakeNamespace{Where: f.Where, Namespace: v.Namespace, Run: f.Run},
		action.SecretFromFile{Where: f.Where, Namespace: v.Namespace, Name: dumpSecret, Field: dumpKey, File: IdentitiesFile, SHA256: f.Identities.SHA256, Run: f.Run,
			What: "the identities of the lost participant, which are private keys unless a KMS holds them,"},
		writeValues{files},
	}
	needs := slices.DeleteFunc(slices.Clone(v.Needs), func(n Need) bool { return n.Kind == "Secret" && n.Name == dumpSecret })
	if len(needs) > 0 {
		actions = append(actions, waitNeeds{where: f.Where, namespace: v.Namespace, needs: needs})
	}
	follow := followImport{where: f.Where, namespace: v.Namespace}
	rendered := f.validatorAgain()
	for _, d := range v.Releases {
		switch d.Name {
		case participantRelease:
			follow.participant = d.Workloads
		case validatorRelease:
			follow.validator = d.Workloads
		}
		if v.Answers.Way == wayGitOps {
			actions = append(actions, waitReleased{what: "release " + d.Name, release: d, namespace: v.Namespace,
				how: fmt.Sprintf("It is %s %s; commit artifacts/%s/%s-values.yaml of this run for it", d.Chart, d.Version, valuesFolder, d.Name)})
			continue
		}
		actions = append(actions, action.InstallRelease{Where: f.Where, Chart: d.Chart, Version: d.Version, Installation: f.installation(d), How: "rendered", Hooks: d.Hooks,
			Helm: f.helm(d),
			Stored: func(ctx context.Context, w steps.World) (release.Stored, error) {
				return rendered.stored(ctx, w, d.Name)
			}})
		if d.Name != validatorRelease && len(d.Workloads) > 0 {
			ready := action.WaitReady{Name: "the workloads of " + d.Name, Namespace: v.Namespace, Workloads: d.Workloads}
			if host, _, own := f.server(); own && d.Name == host {
				ready.Servers = append(ready.Servers, f.postgresServer())
			}
			actions = append(actions, ready)
		}
	}
	return append(actions, follow), nil
}

// helm are the words with which Helm would install the release from the files of this run.
func (f Facts) helm(d Deployment) []string {
	chart, version := d.Place, []string(nil)
	if at := f.Validator.Answers.Charts; charts.IsRegistry(at) {
		chart, version = charts.AddressIn(at, d.Chart), []string{"--version", d.Version}
	}
	words := append([]string{"install", d.Name, chart}, version...)
	words = append(words, "-f", "artifacts/"+valuesFolder+"/"+d.Name+"-values.yaml")
	if x := f.Validator.Answers.Extra; x != "" && x != none {
		words = append(words, "-f", x+"/"+d.Name+"-values.yaml")
	}
	return words
}

// undoValidator removes what was installed, last first, and the Secret with the keys. Claims stay, and so does the namespace.
func undoValidator(f Facts) ([]steps.Action, string) {
	if needValidator(f) != nil {
		return nil, "nothing was installed"
	}
	v := f.Validator
	var actions []steps.Action
	gone := action.WaitGone{Name: "the recovery validator", Namespace: v.Namespace}
	for _, d := range slices.Backward(v.Releases) {
		if v.Answers.Way != wayGitOps {
			actions = append(actions, action.UninstallRelease{Where: f.Where, Installation: f.installation(d)})
		}
		for _, w := range d.Workloads {
			gone.Workloads = append(gone.Workloads, w.Pods)
		}
	}
	actions = append(actions, gone) // where GitOps installed it, it is taken out of its repository, and this waits for it
	return append(actions, action.RemoveSecret{Where: f.Where, Namespace: v.Namespace, Name: dumpSecret, Run: f.Run}), ""
}

// importRemedies put the cure of a failed import on the choices.
func importRemedies(err error) []steps.Remedy {
	var failed *ImportFailed
	if !errors.As(err, &failed) {
		return []steps.Remedy{{Choice: wire.ChoiceRetry, Detail: "a few restarts are normal while a node comes up"},
			{Choice: wire.ChoiceUndo, Detail: "uninstalls the recovery validator; every volume stays"}}
	}
	remedies := []steps.Remedy{{Choice: wire.ChoiceRetry, Label: "Wait on", Detail: "when it was cured by hand and the validator app was started anew: what was logged before does not count"}}
	switch failed.Kind {
	case "authorizers", "acs", "licence": // what was imported is needed for the cure
		remedies = append(remedies, steps.Remedy{Choice: wire.ChoiceUndo, Detail: "only when the cure by hand failed: uninstalls the recovery validator; every volume stays. Then answer the questions of Validator values again, with another identifier"})
	default:
		remedies = append(remedies, steps.Remedy{Choice: wire.ChoiceUndo, Detail: "uninstalls the recovery validator; every volume stays. Then answer the questions of Validator values again"})
	}
	return remedies
}

// validatorStands proves that the validator runs with the values that were shown, for the party of the lost SV, and fills in where its wallet is.
func validatorStands(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
	v := f.Validator
	v.App = f.validatorWallet()
	found, err := asRendered(ctx, w, *f)
	if err != nil {
		return nil, err
	}
	f.Validator = v
	host, err := hostedBy(ctx, w, *f)
	if err != nil {
		return nil, err
	}
	return append(found, ofParty(ctx, w, *f), host), ctx.Err()
}

// asRendered looks at the Deployment itself: what was changed on the way, by a later upgrade or by GitOps, shows only there.
func asRendered(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	app, there, err := w.Kube.Workload(ctx, kube.Deployment, f.Validator.Namespace, validatorWorkload)
	if err != nil {
		return nil, err
	}
	if !there || app.Ready < 1 {
		return []wire.Finding{{ID: "ready", Verdict: wire.Violated, Text: "the validator app is not ready", Next: "Look at its pod: kubectl -n " + f.Validator.Namespace + " describe deployment " + validatorWorkload}}, nil
	}
	found := []wire.Finding{{ID: "ready", Verdict: wire.Holds, Text: "the validator app is ready", Evidence: []wire.Evidence{{Source: app.Ref().String(), Seen: fmt.Sprintf("%d ready", app.Ready), At: w.Clock.Now()}}}}
	identified, onboarding := false, false
	for _, c := range app.Containers {
		for _, e := range c.Env {
			identified = identified || strings.Contains(e.Value, f.Validator.Identifier)
			onboarding = onboarding || e.Name == "SPLICE_APP_VALIDATOR_ONBOARDING_SECRET"
		}
	}
	if !identified {
		found = append(found, wire.Finding{ID: "identifier-set", Verdict: wire.Violated, Text: "nothing in the Deployment of the validator app names the identifier " + f.Validator.Identifier,
			Next: "It runs with other values than those that were shown. Look who changed it", Waive: "its chart sets the identifier in another way"})
	}
	if onboarding {
		found = append(found, wire.Finding{ID: "no-onboarding", Verdict: wire.Attention, Text: "the validator app has an onboarding secret, which it does not need", Next: "Take svSponsorAddress and onboardingSecretFrom out of its values"})
	}
	return found, nil
}

// ofParty asks the validator whom it works for. The names of the fields were not verified (reference/apis.md 6.1): an answer without a party
// proves nothing.
func ofParty(ctx context.Context, w steps.World, f Facts) wire.Finding {
	finding := wire.Finding{ID: "party", Verdict: wire.Attention, Text: "whom the validator works for could not be asked; its wallet tells in the next step"}
	if w.Apps == nil {
		return finding
	}
	var o svapp.Operator
	err := w.Apps.Validator(ctx, f.Validator.App, func(v *svapp.Validator) (err error) { o, err = v.Operator(ctx); return err })
	switch {
	case err != nil:
		finding.Evidence = []wire.Evidence{{Source: "the validator app", Seen: steps.FailureOf("", err).Seen}}
	case o.Party == f.Old.Party:
		return wire.Finding{ID: "party", Verdict: wire.Holds, Text: "the validator works for " + o.Party}
	case o.Party != "":
		return wire.Finding{ID: "party", Verdict: wire.Violated, Text: fmt.Sprintf("the validator works for %s, and not for %s", o.Party, f.Old.Party),
			Next: "The identities are of another node, or validatorPartyHint is not the SV's name. Take this step back before anything is transferred"}
	}
	return finding
}

// hostedBy asks the peers' scans which participant hosts the party of the lost SV.
func hostedBy(ctx context.Context, w steps.World, f Facts) (wire.Finding, error) {
	finding := wire.Finding{ID: "hosted", Verdict: wire.Undetermined, Text: "whether the network knows that the new participant hosts the party: no scan answered",
		Next: "Look again when a scan answers", Waive: "the wallet of the validator shows what the lost SV owned"}
	id := f.Validator.Identifier
	for _, p := range f.Peers {
		var participant string
		var known bool
		err := peerSays(ctx, w, p, func(s *svapp.Scan) (err error) {
			participant, known, err = s.ParticipantOf(ctx, f.Old.Synchronizer, f.Old.Party)
			return err
		})
		switch {
		case ctx.Err() != nil:
			return finding, ctx.Err()
		case err != nil:
			finding.Evidence = append(finding.Evidence, wire.Evidence{Source: "the scan of " + p.SV, Seen: steps.FailureOf("", err).Seen})
		case known && identifierOf(participant) == id:
			return wire.Finding{ID: "hosted", Verdict: wire.Holds, Text: fmt.Sprintf("the scan of %s says that %s hosts the party", p.SV, participant)}, nil
		case known:
			finding.Text = fmt.Sprintf("the scan of %s says that %s hosts the party, and not %s", p.SV, participant, id)
			finding.Next = "A scan can be behind: look again. If it stays so, the party was not migrated: look into the validator's log"
			return finding, nil
		default:
			finding.Evidence = append(finding.Evidence, wire.Evidence{Source: "the scan of " + p.SV, Seen: "it knows no participant of the party"})
		}
	}
	return finding, nil
}
