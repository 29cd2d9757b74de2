package reonboard

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

const (
	svKeySecret    = "splice-app-sv-key"
	cometKeySecret = "cometbft-keys"
)

// cleanSlate proves that a fresh SV finds nothing of the lost one, but its name and its key pair (reference/deployment.md 9.4). It holds while
// the fresh SV is being installed too: what this run has made counts as its own.
func cleanSlate(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	names, err := nameFree(ctx, w, f)
	if err != nil {
		return nil, err
	}
	key, err := sameKey(ctx, w, f)
	if err != nil {
		return nil, err
	}
	comet, err := newCometKeys(ctx, w, f)
	if err != nil {
		return nil, err
	}
	claims, err := noOldClaims(ctx, w, f)
	return slices.Concat([]wire.Finding{approval(f)}, names, key, comet, claims), err
}

func approval(f Facts) wire.Finding {
	if f.Fresh.Answers.Approved == approvedYes {
		return wire.Finding{ID: "approved", Verdict: wire.Holds, Text: "you say that the peers have approved " + f.Old.SV + " and its key"}
	}
	return wire.Finding{ID: "approved", Verdict: wire.Violated, Text: "the peers have not approved " + f.Old.SV + " and its key yet",
		Next: "Ask them to put name, public key and weight into their approved identities; then answer the questions again"}
}

// nameFree asks the peers' scans whether the name is in the DSO rules still, and whether it was tried before. Parties are told apart, never
// names.
func nameFree(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	finding := wire.Finding{ID: "name", Verdict: wire.Undetermined, Text: "whether the name " + f.Old.SV + " is free: no scan of a peer answered",
		Next: "Look again when one answers", Waive: "several operators have seen that no SV of this name is in the DSO rules"}
	former := map[string]bool{} // offboarded parties of the name, but for that of the lost SV
	free, lost, other := 0, 0, ""
	for _, p := range f.Peers {
		var dso svapp.DSO
		err := peerSays(ctx, w, p, func(s *svapp.Scan) (err error) { dso, err = s.DSO(ctx); return err })
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			finding.Evidence = append(finding.Evidence, wire.Evidence{Source: "the scan of " + p.SV, Seen: steps.FailureOf("", err).Seen})
			continue
		}
		seen := "no SV of this name"
		switch named := dso.Named(f.Old.SV); {
		case len(named) == 0:
			free++
		case named[0].Party == f.Old.Party:
			lost++
			seen = "the lost SV is in the DSO rules"
		default:
			other, seen = named[0].Party, "an SV with the party "+named[0].Party
		}
		for _, m := range dso.Offboarded {
			if m.Name == f.Old.SV && m.Party != f.Old.Party {
				former[m.Party] = true
			}
		}
		finding.Evidence = append(finding.Evidence, wire.Evidence{Source: "the scan of " + p.SV, Seen: seen})
	}
	switch {
	case lost > free:
		finding.Verdict, finding.Text = wire.Violated, "an SV of the name "+f.Old.SV+" is in the DSO rules still, with the lost party"
		finding.Next, finding.Waive = "Wait for the offboarding: nobody joins under a name that is there", ""
	case other != "":
		finding.Verdict, finding.Text = wire.Attention, fmt.Sprintf("an SV of the name %s is in the DSO rules already, with the party %s", f.Old.SV, other)
		finding.Next, finding.Waive = "Right if that is the fresh SV, which joined before", ""
	case free > 0:
		finding.Verdict, finding.Text, finding.Next, finding.Waive = wire.Holds, "no SV of the name "+f.Old.SV+" is in the DSO rules", "", ""
	}
	found := []wire.Finding{finding}
	if len(former) > 0 {
		found = append(found, wire.Finding{ID: "second-try", Verdict: wire.Violated, Text: fmt.Sprintf("the name %s was onboarded and offboarded %d more times: another onboarding under a name that failed can bar this name from rewards for good", f.Old.SV, len(former)),
			Next: "Ask the maintainers before you go on (Splice issue 7201)", Waive: "it is known what it may cost, and this name is wanted all the same"})
	}
	return found, nil
}

// sameKey looks whether the SV's key pair is there, and whether it is the lost SV's, by its public half.
func sameKey(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	finding := wire.Finding{ID: "sv-key", Verdict: wire.Violated}
	public, there, err := w.Kube.SecretValue(ctx, f.Fresh.Namespace, svKeySecret, "public")
	if kube.KindOf(err) == kube.Forbidden {
		finding.Verdict, finding.Text = wire.Undetermined, "whether Secret "+svKeySecret+" is there may not be read"
		finding.Next, finding.Waive = "Have somebody look who may", "it is there, and holds the key pair of the lost SV"
		return []wire.Finding{finding}, nil
	}
	if err != nil {
		return nil, err
	}
	keys, _, err := w.Kube.SecretKeys(ctx, f.Fresh.Namespace, svKeySecret)
	if err != nil {
		return nil, err
	}
	if !there || !slices.Contains(keys, "private") {
		finding.Text = fmt.Sprintf("Secret %s with the keys public and private is not in namespace %s: the fresh SV must have the key pair of the lost one", svKeySecret, f.Fresh.Namespace)
		finding.Next = "Make the namespace, if it is not there, then the Secret, with the values that the lost node had: " + kube.CommandSecret(f.Where, f.Fresh.Namespace, svKeySecret, "", []string{"public", "private"})
		return []wire.Finding{finding}, nil
	}
	if f.Old.Namespace == "" || f.Old.Namespace == f.Fresh.Namespace {
		finding.Verdict, finding.Text = wire.Attention, "the SV has a key pair; nothing is left of the lost SV's to compare it with"
		if f.Old.Namespace != "" {
			finding.Text = "the SV has the key pair that is in the namespace of the lost node"
		}
		finding.Next = "Make sure that its public key is the one that the peers approved"
		return []wire.Finding{finding}, nil
	}
	old, known, err := w.Kube.SecretValue(ctx, f.Old.Namespace, svKeySecret, "public")
	switch {
	case err != nil && kube.KindOf(err) != kube.Forbidden:
		return nil, err
	case err != nil || !known:
		finding.Verdict, finding.Text, finding.Next = wire.Attention, "the SV has a key pair; that of the lost SV is not there to compare it with", "Make sure that its public key is the one that the peers approved"
	case strings.TrimSpace(old.Reveal()) != strings.TrimSpace(public.Reveal()):
		finding.Text, finding.Next = "the SV has another key pair than the lost one: the network takes it for somebody else", "Put the key pair of the lost SV there"
	default:
		finding.Verdict, finding.Text = wire.Holds, "the SV has the key pair of the lost one"
	}
	return []wire.Finding{finding}, nil
}

// newCometKeys proves that the fresh node does not sign with the keys of the lost one: that can damage the chain (reference/deployment.md 9.4).
// Keys are compared in memory, and not shown.
func newCometKeys(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	name := cometKeySecret
	m, err := f.freshMaterial(ctx, w)
	if err != nil {
		return nil, err
	}
	if x := m["splice-cometbft"].Text("node.keysSecret"); x != "" {
		name = x
	}
	finding := wire.Finding{ID: "comet-keys", Verdict: wire.Holds}
	_, there, err := w.Kube.SecretKeys(ctx, f.Fresh.Namespace, name)
	switch {
	case kube.KindOf(err) == kube.Forbidden:
		return []wire.Finding{{ID: "comet-keys", Verdict: wire.Undetermined, Text: "whether Secret " + name + " holds new keys may not be read", Next: "Have somebody look who may", Waive: "the keys of CometBFT are new"}}, nil
	case err != nil:
		return nil, err
	case !there && f.Fresh.Answers.Way == wayHelm && !slices.ContainsFunc(f.Fresh.Needs, func(n Need) bool { return n.Name == name }):
		finding.Text = "no release of the fresh SV has a CometBFT with keys of its own"
		return []wire.Finding{finding}, nil
	case !there:
		finding.Verdict, finding.Text = wire.Attention, fmt.Sprintf("there is no Secret %s in namespace %s yet", name, f.Fresh.Namespace)
		if f.Fresh.Answers.Way == wayHelm { // they are compared before anything runs with them
			finding.Verdict = wire.Violated
		}
		finding.Next = "Where the node has a CometBFT, make new keys for it, never the old ones: " + kube.CommandSecret(f.Where, f.Fresh.Namespace, name, "", []string{"node_key.json", "priv_validator_key.json"})
		return []wire.Finding{finding}, nil
	}
	if f.Old.Namespace == f.Fresh.Namespace {
		m, _, err := w.Kube.SecretMatches(ctx, f.Fresh.Namespace, name, "", "")
		if err != nil {
			return nil, err
		}
		if !f.Vote.Offboarded.IsZero() && m.Created.After(f.Vote.Offboarded) {
			finding.Text = "the keys of CometBFT were made after the offboarding"
			return []wire.Finding{finding}, nil
		}
		return []wire.Finding{{ID: "comet-keys", Verdict: wire.Violated, Text: fmt.Sprintf("Secret %s is in the namespace of the lost node, and was made before it was offboarded", name),
			Next: "Make new keys, under this name or another one", Waive: "the keys in it were replaced by new ones"}}, nil
	}
	var same []string
	compared := 0
	for _, key := range []string{"node_key.json", "priv_validator_key.json"} {
		now, ok, err := w.Kube.SecretValue(ctx, f.Fresh.Namespace, name, key)
		if err != nil {
			return nil, err
		}
		for _, was := range []string{name, cometKeySecret} {
			if f.Old.Namespace == "" {
				break
			}
			old, known, err := w.Kube.SecretValue(ctx, f.Old.Namespace, was, key)
			if err != nil && kube.KindOf(err) != kube.Forbidden {
				return nil, err
			}
			if err == nil && ok && known {
				compared++
				if strings.TrimSpace(old.Reveal()) == strings.TrimSpace(now.Reveal()) && !slices.Contains(same, key) {
					same = append(same, key)
				}
			}
		}
	}
	switch {
	case len(same) > 0:
		finding.Verdict, finding.Text = wire.Violated, "CometBFT has the keys of the lost node: "+strings.Join(same, ", ")
		finding.Next = "Make new keys: a second node with the old ones can damage the chain"
	case compared == 0:
		finding.Verdict, finding.Text = wire.Attention, "CometBFT has keys; those of the lost node are not there to compare them with"
		finding.Next = "Make sure that they are new"
	default:
		finding.Text = "the keys of CometBFT are not those of the lost node"
	}
	return []wire.Finding{finding}, nil
}

// noOldClaims names the claims that a fresh SV would take up. Charts keep claims when they are uninstalled (reference/deployment.md 16.32).
func noOldClaims(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	ns := f.Fresh.Namespace
	if _, there, err := w.Kube.Namespace(ctx, ns); err == nil && !there {
		return []wire.Finding{{ID: "claims", Verdict: wire.Holds, Text: "there is no namespace " + ns + " yet, and no claim in it"}}, nil
	}
	begun := false // this run has installed something here: the claims are its own
	for _, d := range f.Fresh.Releases {
		state, err := f.freshInstallation(d).Look(ctx, w.Kube)
		if err != nil {
			return nil, err
		}
		begun = begun || state.Record != "" && state.Ours
		if state.Record != "" && !state.Ours {
			return []wire.Finding{{ID: "claims", Verdict: wire.Violated, Text: fmt.Sprintf("namespace %s has a release %s already (%s), and this run did not install it", ns, d.Name, state.Record),
				Next: "Name another namespace; or find out whose it is"}}, nil
		}
	}
	claims, err := w.Kube.Claims(ctx, ns)
	if err != nil {
		return nil, err
	}
	var old, young []string
	for _, c := range claims {
		if !f.Vote.Offboarded.IsZero() && c.Created.After(f.Vote.Offboarded) {
			young = append(young, c.Name)
		} else {
			old = append(old, c.Name)
		}
	}
	switch {
	case len(old) > 0:
		return []wire.Finding{{ID: "claims", Verdict: wire.Violated, Text: fmt.Sprintf("namespace %s has claims from before the offboarding, which a fresh SV would take up: %s", ns, strings.Join(old, ", ")),
			Next: "Keep them: they may be the last copy of keys. Name a namespace of its own for the fresh SV", Waive: "none of them is of the lost node, and no release of the fresh SV uses one"}}, nil
	case len(young) > 0 && !begun && f.Fresh.Answers.Way == wayHelm:
		return []wire.Finding{{ID: "claims", Verdict: wire.Undetermined, Text: fmt.Sprintf("namespace %s has claims that this run did not make, from after the offboarding: %s", ns, strings.Join(young, ", ")),
			Next: "They may be of an earlier try to onboard: then have them removed, or name another namespace", Waive: "they are empty, or nothing of the fresh SV uses them"}}, nil
	}
	return []wire.Finding{{ID: "claims", Verdict: wire.Holds, Text: "namespace " + ns + " has no claim of the lost node"}}, nil
}
