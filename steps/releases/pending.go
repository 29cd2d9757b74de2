package releases

import (
	"errors"
	"fmt"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/wire"
)

// PendingFindings say of each release that Helm has not ended with: which revision, since when, what wrote it, and the ways out. They are
// wire.Violated: such a release cannot be upgraded.
func PendingFindings(where kube.Where, all []Running) []wire.Finding {
	var found []wire.Finding
	for _, r := range all {
		if r.Pending == nil {
			continue
		}
		p := *r.Pending
		f := wire.Finding{ID: "pending-" + p.Name, Verdict: wire.Violated, Text: unfinished(p), Next: wayOut(p),
			Evidence: []wire.Evidence{{Source: kube.CommandHelm(where, p.Namespace, "history", p.Name), Seen: fmt.Sprintf("revision %d: %s", p.Revision, p.Status)}}}
		if p.Description != "" {
			f.Evidence[0].Seen += " (" + p.Description + ")"
		}
		found = append(found, f)
	}
	return found
}

// MarkFailed is the action that marks the revision as failed, so that the last deployed one counts again.
func MarkFailed(s Site, p release.Pending) steps.Action {
	return action.MarkFailed{Pending: p, Run: s.Run}
}

// ChoiceMarkFailed is the choice of Remedies that marks what was interrupted as failed.
const ChoiceMarkFailed = "mark-failed"

// Remedies are the choices after an *Unfinished: to wait, or to mark what was interrupted as failed. nil for any other error.
func Remedies(err error) []steps.Remedy {
	u, ok := errors.AsType[*Unfinished](err)
	if !ok {
		return nil
	}
	var actions []steps.Action
	var names []string
	for _, p := range u.Pending {
		names = append(names, fmt.Sprintf("revision %d of %s", p.Revision, p.Name))
		actions = append(actions, MarkFailed(Site{Run: u.Run}, p))
	}
	return []steps.Remedy{
		{Choice: wire.ChoiceRetry, Label: "Look again", Detail: "somebody may be at it at this moment; then it ends by itself"},
		{Choice: ChoiceMarkFailed, Label: "Mark it as failed", Actions: actions,
			Detail: "only if it was interrupted and nobody is at it: " + strings.Join(names, ", ") + " counts as failed, and what is deployed counts again; objects stay as they are"},
	}
}
