package releases

import (
	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// PendingFindings say of each release that Helm has not ended with: which revision, since when, what wrote it, and the ways out. They are
// wire.Violated: such a release can be neither upgraded nor read reliably. A check that has them is followed by PendingRemedies.
func PendingFindings(where kube.Where, all []Running) []wire.Finding { return nil }

// MarkFailed is the action that marks the revision as failed, so that the last deployed one counts again.
func MarkFailed(s Site, p release.Pending) steps.Action { return nil }
