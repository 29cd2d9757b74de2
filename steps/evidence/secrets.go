package evidence

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/triage"
)

// telltale are names of secrets in which people keep keys of a participant: the documented one of a re-onboarding is
// participant-bootstrap-dump (reference/deployment.md 3.7). Secrets are chosen by name, since only names come without the content.
var telltale = regexp.MustCompile(`(?i)(dump|identit|bootstrap|(participant|backup|recovery).*key|key.*(participant|backup|recovery)|kms)`)

// needed are secrets that the charts want, by the documented names; none of them holds keys of the participant.
var needed = regexp.MustCompile(`^(splice-app-.*|cometbft-keys|.*-pg-secret|postgres-secrets)$`)

const maxSecrets = 8 // that are looked into

// readSecrets looks for identities backups: in secrets whose name tells of one, and in the files and folders that were named. Of what it
// reads, only whose it is and how many keys it has is kept.
func readSecrets(ctx context.Context, l *look, deliver func(func(*triage.Evidence))) error {
	search := triage.Search{Reading: l.reading("secrets")}
	ids := triage.Identities{Reading: l.reading("secrets")}
	if len(l.Identities) > 0 {
		ids.Source = plain.Line(strings.Join(l.Identities, ", ")) + " and " + ids.Source
	}
	for _, path := range l.Identities {
		files, err := IdentitiesIn(path)
		if err != nil {
			return err
		}
		ids.Files = append(ids.Files, files...)
	}
	found, leftovers, err := l.identities(ctx)
	if err != nil {
		search.Problem = problem(ctx, limit, err)
		if len(ids.Files) == 0 {
			ids.Problem = search.Problem
		}
	}
	ids.Files = append(ids.Files, found...)
	search.Found = leftovers
	deliver(func(e *triage.Evidence) { e.Leftovers.Secrets, e.Identities = search, ids })
	return nil
}

// identities are the identities backups in secrets, and the secrets that may hold keys in another form.
func (l *look) identities(ctx context.Context) (found []triage.IdentitiesFile, leftovers []triage.Leftover, err error) {
	names, err := l.secrets()
	if err != nil {
		return nil, nil, err
	}
	all := slices.DeleteFunc(slices.Clone(names), func(s kube.SecretName) bool {
		return s.Labels["owner"] == "helm" || !telltale.MatchString(s.Name) || needed.MatchString(s.Name)
	})
	for i, s := range all {
		name := "secret " + l.Namespace + "/" + s.Name
		if i >= maxSecrets {
			leftovers = append(leftovers, triage.Leftover{Name: s.Name, Seen: "its name tells of keys; it was not looked into"})
			continue
		}
		keys, _, err := l.Cluster.SecretKeys(ctx, l.Namespace, s.Name)
		if err != nil {
			return nil, nil, err
		}
		held := false
		for _, key := range keys {
			value, is, err := l.Cluster.SecretValue(ctx, l.Namespace, s.Name, key)
			if err != nil {
				return nil, nil, err
			}
			if !is {
				continue
			}
			if f, ok, err := identitiesOf(strings.NewReader(value.Reveal())); err == nil && ok {
				f.Name, f.Taken = name+" ("+key+")", s.Created
				found, held = append(found, f), true
			}
		}
		if !held {
			leftovers = append(leftovers, triage.Leftover{Name: s.Name, Seen: plain.Line(fmt.Sprintf("its name tells of keys; it has %s", strings.Join(keys, ", ")))})
		} else {
			leftovers = append(leftovers, triage.Leftover{Name: s.Name, Parts: []node.Part{node.Participant}, Seen: "it holds an identities dump"})
		}
	}
	return found, leftovers, nil
}
