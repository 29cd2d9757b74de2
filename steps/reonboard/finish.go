package reonboard

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/reonboard/payment"
	"canton.example/svrescue/steps/wire"
)

// bootstrapSecret holds the participant's dump that the recovery validator was started from (reference/deployment.md 9.3).
const bootstrapSecret = "participant-bootstrap-dump"

// finish takes away the pod through which scans were asked, and names what else is to be cleaned up: that may be the last copy of the keys, and when
// it is not needed any more is for people to say. Nobody who was paused is let go: they would start the lost node again, beside the recovery
// validator that has its keys.
func finish() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "reonboard/finish", Title: "Finish", Effect: wire.Repeatable,
		Summary: "Proves once more that every payment has arrived, takes away the pod that asked scans, and lists what is to be cleaned up later.",
		Plan: func(f Facts) ([]steps.Action, error) {
			if err := needPlan(f); err != nil {
				return nil, err
			}
			return closePod(f), nil
		},
		Undo: func(f Facts) ([]steps.Action, string) { return openPod(f), "nothing was taken away" },
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			if err := needPlan(*f); err != nil {
				return nil, err
			}
			found, err := settled(ctx, w, *f)
			if err != nil {
				return nil, err
			}
			left, err := cleanUp(ctx, w, *f)
			if err != nil {
				return nil, err
			}
			named, err := namesOld(ctx, w, *f)
			return slices.Concat(found, left, named), err
		},
	}
}

// settled proves from what is stored that all has arrived.
func settled(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	a := accountOf(f)
	in, _, is, err := a.payer(w, nil).Book.Load(ctx)
	if err != nil {
		return nil, err
	}
	finding := wire.Finding{ID: "payments", Verdict: wire.Holds}
	if !is || !in.Done() {
		return []wire.Finding{{ID: "payments", Verdict: wire.Violated, Text: "not every payment is recorded as completed", Next: "Go back to the step that is open, and keep the recovery validator running"}}, nil
	}
	finding.Text = fmt.Sprintf("%s was moved from %s to %s", in.Moved().Words(), in.From, in.To)
	for _, p := range in.Payments {
		last, _ := in.Last(p.Number)
		finding.Evidence = append(finding.Evidence, wire.Evidence{Source: last.Tracking, Seen: fmt.Sprintf("%s, %s (attempt %d)", last.Amount.Words(), last.State, last.Number), At: last.Seen.At})
	}
	return []wire.Finding{finding}, nil
}

// cleanUp lists what the recovery leaves.
func cleanUp(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	ns := f.Validator.Namespace
	found := []wire.Finding{{ID: "validator", Verdict: wire.Attention, Text: "the recovery validator still runs in namespace " + ns,
		Next:     "Keep it while its wallet holds anything, or anything locked or unclaimed may still come free. Then uninstall its releases; its databases hold the lost SV's identity, so never start it again beside another node of it",
		Evidence: []wire.Evidence{{Source: "namespace " + ns, Seen: "release " + f.Validator.Release}}}}
	_, there, err := w.Kube.SecretKeys(ctx, ns, bootstrapSecret)
	if err != nil {
		return nil, err
	}
	if there {
		found = append(found, wire.Finding{ID: "keys", Verdict: wire.Attention, Text: fmt.Sprintf("secret %s/%s still holds the private keys of the lost participant, unless they are in a KMS", ns, bootstrapSecret),
			Next: "Delete it when the recovery validator is gone: kubectl -n " + ns + " delete secret " + bootstrapSecret})
	}
	if f.Identities != nil {
		found = append(found, wire.Finding{ID: "identities-file", Verdict: wire.Attention, Text: "this run's folder holds " + IdentitiesFile + ", which has the same keys, unless they are in a KMS",
			Next: "Delete it together with the secret; the journal and the report do not need it"})
	}
	if len(f.Fence.Held) > 0 {
		finding := wire.Finding{ID: "held", Verdict: wire.Attention, Text: fmt.Sprintf("%s of the lost node stay paused", count(len(f.Fence.Held), "controller")),
			Next: "Take the lost node out of what they install before anybody lets them go: they would start it again, with the keys that the recovery validator has"}
		for _, h := range f.Fence.Held {
			finding.Evidence = append(finding.Evidence, wire.Evidence{Source: h.Actor.Kind + " " + h.Actor.Namespace + "/" + h.Actor.Name, Seen: "paused by this run, or when it was found"})
		}
		found = append(found, finding)
	}
	if len(f.Fence.Kept) > 0 {
		finding := wire.Finding{ID: "kept", Verdict: wire.Attention, Text: fmt.Sprintf("%d claims and databases of the lost node were kept", len(f.Fence.Kept)),
			Next: "They may be the last copy of its keys: delete them only when nothing of the old party is needed any more, and never start a node on them"}
		for _, k := range f.Fence.Kept {
			finding.Evidence = append(finding.Evidence, wire.Evidence{Source: k, Seen: "kept"})
		}
		found = append(found, finding)
	}
	return append(found, wire.Finding{ID: "record", Verdict: wire.Attention, Text: fmt.Sprintf("configmap %s/%s records the payments", ns, payment.Name(f.Old.Party, f.Transfers.Receiver)),
		Next: "Keep it as long as the recovery validator: without it another run could not tell what was paid. It holds no secret"}), nil
}

// namesOld finds Helm values that name the lost SV's party: extraBeneficiaries, sweeps, accepting by itself (reference/deployment.md 9.4). Coins that
// they send there need the recovery validator to be had again.
func namesOld(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	var namespaces []string
	for _, ns := range []string{f.Fresh.Namespace, f.Old.Namespace, f.Validator.Namespace} {
		if ns != "" && !slices.Contains(namespaces, ns) {
			namespaces = append(namespaces, ns)
		}
	}
	finding := wire.Finding{ID: "names-old", Verdict: wire.Holds, Text: "no Helm values in " + strings.Join(namespaces, ", ") + " name the lost SV's party"}
	var named, unread []string
	for _, ns := range namespaces {
		releases, err := release.In(w.Kube, ns).List(ctx)
		if err != nil {
			return nil, err
		}
		for _, r := range releases {
			name := ns + "/" + r.Name
			values, err := release.ReadValues([]byte(r.Values.Reveal()))
			switch {
			case r.Problem != "" || err != nil:
				unread = append(unread, name)
			case len(values.Holding([]string{f.Old.Party})) > 0:
				named = append(named, name)
				finding.Evidence = append(finding.Evidence, wire.Evidence{Source: "values of release " + name, Seen: "they name " + f.Old.Party, At: w.Clock.Now()})
			}
		}
	}
	switch {
	case len(named) > 0:
		finding.Verdict, finding.Text = wire.Attention, "the Helm values of "+strings.Join(named, ", ")+" name the lost SV's party"
		finding.Next = "Look for extraBeneficiaries, sweeps and transfers that are accepted by themselves, and put " + f.Transfers.Receiver + " in its place; ask other operators for theirs too"
	case len(unread) > 0:
		finding.Verdict, finding.Text = wire.Attention, "the Helm values of "+strings.Join(unread, ", ")+" cannot be read, so whether they name the lost SV's party is not known"
		finding.Next = "Look yourself: helm get values"
	default:
		finding.Next = "Ask other operators for theirs: beneficiaries of theirs may name it too"
		finding.Verdict = wire.Attention
	}
	return []wire.Finding{finding}, nil
}
