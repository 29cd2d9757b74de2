package engine

import (
	"slices"
	"time"

	"canton.example/svrescue/steps/wire"
)

// dated gives evidence that has no time of its own the one at which the look began: none of it was read before. Evidence that a step has of an
// earlier look says so by its own time. What the step returned is left as it is.
func dated(findings []wire.Finding, began time.Time) []wire.Finding {
	findings = slices.Clone(findings)
	for i := range findings {
		findings[i].Evidence = slices.Clone(findings[i].Evidence)
		for j := range findings[i].Evidence {
			if e := &findings[i].Evidence[j]; e.At.IsZero() {
				e.At = began.UTC()
			}
		}
	}
	return findings
}
