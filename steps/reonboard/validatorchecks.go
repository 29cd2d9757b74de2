package reonboard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

// dumpHere says whether the identities that were proven are in the run.
func dumpHere(w steps.World, f Facts) wire.Finding {
	finding := wire.Finding{ID: "identities", Verdict: wire.Violated,
		Next: "Put them there again, readable by you only, and look again: svrescue identities extract FILE -o " + IdentitiesFile + ", moved into the folder artifacts of this run"}
	if f.Identities == nil || f.Identities.SHA256 == "" {
		finding.Text = "no identities were proven: without them there is nothing that the validator could take over"
		return finding
	}
	data, err := w.Files.Read(IdentitiesFile)
	if err != nil {
		finding.Text = "the identities are not in the folder of this run: they are not carried to another machine with it"
		return finding
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != f.Identities.SHA256 {
		finding.Text = "the identities in the folder of this run are not those that were proven: the checksum differs"
		return finding
	}
	return wire.Finding{ID: "identities", Verdict: wire.Holds, Text: fmt.Sprintf("the identities of %s are in the run as they were proven", f.Identities.Participant)}
}

// sameHint compares the hint in the values that are installed, the operator's own included, with that of the lost party: the party of a validator is its
// hint and the namespace of its participant (reference/apis.md 1), and under another hint it would be a new one, with nothing.
func sameHint(f Facts) (wire.Finding, error) {
	lost := hint(f.Old.Party)
	finding := wire.Finding{ID: "party-hint", Verdict: wire.Holds, Text: "validatorPartyHint is " + lost + ", as in the lost party"}
	v, err := release.ReadValues([]byte(f.Validator.Values[validatorRelease]))
	if err != nil {
		return finding, err
	}
	own, err := ownValues(f.Validator.Answers.Extra, validatorRelease)
	if err != nil {
		return finding, err
	}
	if hint := v.With(own).Text("validatorPartyHint"); hint != lost {
		finding.Verdict = wire.Violated
		finding.Text = fmt.Sprintf("validatorPartyHint is %q, and the lost party %s has the hint %s: the validator would come up with a new party, which owns nothing", hint, f.Old.Party, lost)
		finding.Next = "Put validatorPartyHint: " + lost + " into a values file of your own, " + validatorRelease + "-values.yaml, name its folder, and answer the questions of Validator values again"
		finding.Waive = "the operators of the network have said that this hint is the right one"
	}
	return finding, nil
}

// oldNodeStopped proves, right before it matters, that the lost participant does not run: two participants with its keys damage both.
func oldNodeStopped(ctx context.Context, w steps.World, f Facts) (wire.Finding, error) {
	finding := wire.Finding{ID: "fence", Verdict: wire.Holds}
	if f.Old.Node == nil || f.Old.Namespace == "" {
		if f.Fence.Gone != "" {
			finding.Text = "nothing of the lost node is in the cluster, and you attested that it runs nowhere"
			return finding, nil
		}
		finding.Verdict, finding.Text = wire.Undetermined, "nothing of the lost node is in the cluster, and nobody attested that it runs nowhere else"
		finding.Next, finding.Waive = "Go through the step Fence", "the lost participant runs nowhere"
		return finding, nil
	}
	parts := f.Old.Node.Of(append(slices.Clone(node.SynchronizerParts), node.AppParts...)...)
	var alive []string
	for _, c := range parts {
		pods, err := w.Kube.Pods(ctx, f.Old.Namespace, c.Selector)
		if err != nil {
			return finding, err
		}
		for _, p := range pods {
			if p.Phase != "Succeeded" && p.Phase != "Failed" {
				alive = append(alive, p.Name)
			}
		}
	}
	if len(alive) > 0 {
		finding.Verdict, finding.Text = wire.Violated, fmt.Sprintf("the lost node runs in namespace %s: %s", f.Old.Namespace, strings.Join(alive, ", "))
		finding.Next = "Stop it again, and find out who started it: two participants with the same keys must never run at the same time"
		return finding, nil
	}
	finding.Text = "no pod of the lost node runs in namespace " + f.Old.Namespace
	return finding, nil
}

// partyOffboarded asks the peers' scans again, by party. A scan that is behind is outvoted by the others and named.
func partyOffboarded(ctx context.Context, w steps.World, f Facts) (wire.Finding, error) {
	finding := wire.Finding{ID: "offboarded"}
	yes, no := 0, 0
	var still []string
	for _, p := range f.Peers {
		var dso svapp.DSO
		err := peerSays(ctx, w, p, func(s *svapp.Scan) (err error) { dso, err = s.DSO(ctx); return err })
		if ctx.Err() != nil {
			return finding, ctx.Err()
		}
		seen := ""
		switch {
		case err != nil:
			seen = steps.FailureOf("", err).Seen
		case dso.Membership(f.Old.Party) == svapp.Offboarded:
			yes, seen = yes+1, "offboarded"
		default:
			no, seen = no+1, string(dso.Membership(f.Old.Party))
			still = append(still, p.SV)
		}
		finding.Evidence = append(finding.Evidence, wire.Evidence{Source: "the scan of " + p.SV, Seen: seen})
	}
	switch {
	case yes > no:
		finding.Verdict, finding.Text = wire.Holds, f.Old.Party+" is offboarded"
		if no > 0 {
			finding.Verdict, finding.Text = wire.Attention, finding.Text+"; the scans of these say otherwise, and are behind or wrong: "+strings.Join(still, ", ")
			finding.Next = "Do not choose one of them as the validator's scan"
		}
	case no > 0:
		finding.Verdict, finding.Text = wire.Violated, f.Old.Party+" is not offboarded, as the scans of these say: "+strings.Join(still, ", ")
		finding.Next = "Wait for the vote. A validator must not take a party over that is still an SV"
	case !f.Vote.Offboarded.IsZero():
		finding.Verdict, finding.Text = wire.Undetermined, "no scan answers now; the run saw that "+f.Old.Party+" was offboarded"
		finding.Next, finding.Waive = "Look again when a scan answers", "nothing can have made it an SV again since"
	default:
		finding.Verdict, finding.Text = wire.Undetermined, "no scan answers, and the run has not seen that "+f.Old.Party+" was offboarded"
		finding.Next, finding.Waive = "Look again when a scan answers", "several operators have seen it offboarded, by its party"
	}
	return finding, nil
}

// secretKeysByName are the keys of Secrets that charts mount whole, by the end of their name (reference/deployment.md 3.7).
var secretKeysByName = []struct {
	suffix string
	keys   []string
}{
	{"-ledger-api-auth", []string{"ledger-api-user", "url", "client-id", "client-secret", "audience"}},
	{"-ui-auth", []string{"url", "client-id"}},
	{"-pg-secret", []string{passwordKey}},
	{databaseSecret, []string{passwordKey}},
	{"cometbft-keys", []string{"node_key.json", "priv_validator_key.json"}},
	{"splice-app-sv-key", []string{"public", "private"}},
	{"splice-app-sv-cometbft-governance-key", []string{"public", "private"}},
}

// keysOf are the keys that a Secret must have: those that pods name, or else those that the documentation asks for.
func keysOf(n Need) []string {
	if n.Pull || len(n.Keys) > 0 {
		return n.Keys
	}
	for _, d := range secretKeysByName {
		if strings.HasSuffix(n.Name, d.suffix) {
			return d.keys
		}
	}
	return nil
}

// needsLacking says what of the needs is not there in a namespace, each with the command that makes it. Values are never looked at.
func needsLacking(ctx context.Context, w steps.World, where kube.Where, ns string, needs []Need) ([]lack, error) {
	var all []lack
	for _, n := range needs {
		if n.Optional {
			continue
		}
		x := lack{what: n.Kind + " " + n.Name, by: n.By}
		switch n.Kind {
		case "Secret":
			keys := keysOf(n)
			x.command = kube.CommandSecret(where, ns, n.Name, "", keys)
			if n.Pull {
				x.command = kube.CommandSecret(where, ns, n.Name, "kubernetes.io/dockerconfigjson", nil)
			}
			have, there, err := w.Kube.SecretKeys(ctx, ns, n.Name)
			if err != nil {
				return nil, err
			}
			missing := slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return slices.Contains(have, k) })
			if there && len(missing) == 0 {
				continue
			}
			if there {
				x.what += " with the key " + strings.Join(missing, ", ")
			}
		default:
			place := kube.Place{Version: "v1", Resource: map[string]string{"ConfigMap": "configmaps", "ServiceAccount": "serviceaccounts"}[n.Kind], Namespaced: true}
			_, there, err := w.Kube.Find(ctx, place, ns, n.Name)
			if err != nil {
				return nil, err
			}
			if there {
				continue
			}
			x.command = "kubectl -n " + ns + " create " + strings.ToLower(n.Kind) + " " + n.Name + " …"
		}
		all = append(all, x)
	}
	return all, nil
}

// lack is something that pods need and that is not there.
type lack struct {
	what    string
	by      []string
	command string
}
