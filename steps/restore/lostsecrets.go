package restore

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	records "canton.example/svrescue/steps/record"
	"canton.example/svrescue/steps/wire"
)

func lostSecrets() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore-lost/secrets", Title: "Secrets", Effect: wire.Observe,
		Summary: "Checks by name and key that every Secret is there which the node needs before it can start.",
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			r, err := openLost(ctx, w.Kube, *f.Lost, f.saved())
			if err != nil {
				return nil, err
			}
			return neededThere(ctx, w, *f, r.Index)
		},
	}
}

// documentedKeys are the keys of Secrets that charts mount as a whole or that have a fixed form (reference/deployment.md 3.7), by the end of
// their name. They are asked for where the record does not know the Secret.
var documentedKeys = []struct {
	suffix string
	keys   []string
}{
	{"cometbft-keys", []string{"node_key.json", "priv_validator_key.json"}},
	{"splice-app-sv-key", []string{"public", "private"}},
	{"splice-app-sv-cometbft-governance-key", []string{"public", "private"}},
	{"-ledger-api-auth", []string{"ledger-api-user", "url", "client-id", "client-secret", "audience"}},
	{"-ui-auth", []string{"url", "client-id"}},
	{"-pg-secret", []string{"postgresPassword"}},
	{"postgres-secrets", []string{"postgresPassword"}},
}

// irreplaceable are Secrets whose content makes the node what it is: with another content it is another node.
var irreplaceable = map[string]string{
	"cometbft-keys":     "It must hold the keys that the node had: with others the network does not know it",
	"splice-app-sv-key": "It must hold the key pair that the node had: with another it is another super validator",
}

// keysOf are the keys that a Secret must have: those that pods name, those that it had, and else those that the documentation asks for.
func keysOf(n LostNeed, i records.Index) []string {
	keys := slices.Clone(n.Keys)
	var more []string
	if shape, known := i.Secret(n.Name); known {
		more = shape.Keys
	} else {
		more = documented(n.Name)
	}
	for _, k := range more {
		if !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

// documented are the keys of a Secret that the documentation names; none for any other.
func documented(name string) []string {
	for _, d := range documentedKeys {
		if strings.HasSuffix(name, d.suffix) {
			return d.keys
		}
	}
	return nil
}

// neededThere proves that everything is there which pods refer to and no release makes. Values are never looked at.
func neededThere(ctx context.Context, w steps.World, f Facts, i records.Index) ([]wire.Finding, error) {
	var found []wire.Finding
	var good []wire.Evidence
	for _, n := range f.Lost.Needs {
		var finding *wire.Finding
		var seen string
		var err error
		switch n.Kind {
		case "Secret":
			finding, seen, err = secretThere(ctx, w, f, n, i)
		case "ConfigMap":
			finding, seen, err = mapThere(ctx, w, f, n)
		default:
			finding, seen, err = objectThere(ctx, w, f, n)
		}
		switch {
		case err != nil:
			return nil, err
		case finding == nil:
			good = append(good, wire.Evidence{Source: strings.ToLower(n.Kind) + "/" + n.Name, Seen: seen, At: w.Clock.Now()})
			continue
		case n.Optional:
			finding.Verdict = wire.Attention
			finding.Text += "; pods start without it"
		}
		found = append(found, *finding)
	}
	var others []string
	for _, name := range f.Lost.Unused {
		finding, _, err := secretThere(ctx, w, f, LostNeed{Needed: kube.Needed{Kind: "Secret", Name: name}, By: []string{"no workload by name"}}, i)
		switch {
		case err != nil:
			return nil, err
		case finding == nil:
		case documented(name) != nil: // what makes the node what it is may be needed in a way that the manifests do not show
			finding.Verdict, finding.Waive = wire.Undetermined, "it is known that nothing of the node needs it any more"
			found = append(found, *finding)
		default:
			others = append(others, name)
		}
	}
	if len(others) > 0 {
		found = append(found, wire.Finding{ID: "unused", Verdict: wire.Attention, Text: "the node had these Secrets too, which no workload refers to and which are not there: " + strings.Join(others, ", "),
			Next: "Make those that something outside the workloads needs, such as an ingress"})
	}
	all := wire.Finding{ID: "secrets", Verdict: wire.Holds, Evidence: good,
		Text: fmt.Sprintf("%d of %d Secrets, ConfigMaps and ServiceAccounts that the node needs are there, with their keys", len(good), len(f.Lost.Needs))}
	return append([]wire.Finding{all}, found...), nil
}

func secretThere(ctx context.Context, w steps.World, f Facts, n LostNeed, i records.Index) (*wire.Finding, string, error) {
	keys := keysOf(n, i)
	if n.Pull {
		keys = nil
	}
	have, there, err := w.Kube.SecretKeys(ctx, f.Namespace, n.Name)
	finding := &wire.Finding{ID: "secret-" + n.Name, Verdict: wire.Violated}
	switch {
	case kube.KindOf(err) == kube.Forbidden:
		finding.Verdict, finding.Waive = wire.Undetermined, "somebody who may read it has seen that it has these keys: "+strings.Join(keys, ", ")
		finding.Text = "whether Secret " + n.Name + " is there cannot be read"
		finding.Next = "Have somebody look who may: kubectl -n " + f.Namespace + " describe secret " + n.Name
		return finding, "", nil
	case err != nil:
		return nil, "", err
	}
	var missing []string
	for _, k := range keys {
		if !slices.Contains(have, k) {
			missing = append(missing, k)
		}
	}
	switch {
	case !there:
		finding.Text = fmt.Sprintf("Secret %s is not there, which %s needs", n.Name, strings.Join(n.By, ", "))
		finding.Next = "Make it: " + kube.CommandSecret(f.Where, f.Namespace, n.Name, typeOf(n, i), keys)
	case len(missing) > 0:
		finding.Text = fmt.Sprintf("Secret %s has no key %s, which %s needs", n.Name, strings.Join(missing, ", "), strings.Join(n.By, ", "))
		finding.Next = "Add it; the command makes the Secret anew, with all its keys: " + kube.CommandSecret(f.Where, f.Namespace, n.Name, typeOf(n, i), keys)
	default:
		return nil, "has " + strings.Join(have, ", "), nil
	}
	if why, ok := irreplaceable[n.Name]; ok {
		finding.Text += ". " + why
	}
	return finding, "", nil
}

func typeOf(n LostNeed, i records.Index) string {
	if shape, ok := i.Secret(n.Name); ok {
		return shape.Type
	}
	if n.Pull {
		return "kubernetes.io/dockerconfigjson"
	}
	return ""
}

func mapThere(ctx context.Context, w steps.World, f Facts, n LostNeed) (*wire.Finding, string, error) {
	text, err := w.Kube.Manifest(ctx, kube.Access{Resource: "configmaps", Namespace: f.Namespace, Name: n.Name})
	finding := &wire.Finding{ID: "configmap-" + n.Name, Verdict: wire.Violated, Next: "Make it as it was: " + f.Lost.Folder + "/configmaps/" + n.Name + ".yaml, without uid and resourceVersion"}
	if f.Lost.fromValues() {
		finding.Next = "Make it as it was on the cluster that is lost: no chart makes it, and values do not hold it"
	}
	switch kube.KindOf(err) {
	case "":
	case kube.NotFound:
		finding.Text = fmt.Sprintf("ConfigMap %s is not there, which %s needs", n.Name, strings.Join(n.By, ", "))
		return finding, "", nil
	default:
		return nil, "", err
	}
	objects, err := kube.Objects(text)
	if err != nil {
		return nil, "", err
	}
	have := objects[0].DataKeys()
	for _, k := range n.Keys {
		if !slices.Contains(have, k) {
			finding.Text = fmt.Sprintf("ConfigMap %s has no key %s, which %s needs", n.Name, k, strings.Join(n.By, ", "))
			return finding, "", nil
		}
	}
	return nil, "has " + strings.Join(have, ", "), nil
}

func objectThere(ctx context.Context, w steps.World, f Facts, n LostNeed) (*wire.Finding, string, error) {
	_, there, err := w.Kube.Find(ctx, kube.Place{Version: "v1", Resource: "serviceaccounts", Namespaced: true}, f.Namespace, n.Name)
	if err != nil || there {
		return nil, "is there", err
	}
	return &wire.Finding{ID: "serviceaccount-" + n.Name, Verdict: wire.Violated, Text: fmt.Sprintf("ServiceAccount %s is not there, which %s needs", n.Name, strings.Join(n.By, ", ")),
		Next: "kubectl -n " + f.Namespace + " create serviceaccount " + n.Name + ", with the rights and annotations that it had"}, "", nil
}
