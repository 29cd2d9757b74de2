package rollforward

import (
	"context"
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

// What a participant logs of ACS commitments (reference/apis.md 9).
const (
	commitmentCorrect  = "Commitment correct for sender"
	commitmentMismatch = "ACS_COMMITMENT_MISMATCH"
)

// resolveMismatches is what upstream's page for validators says.
const resolveMismatches = "Nodes that saw different tails of the old synchronizer differ. Resolve them after the move by Canton's process for ACS commitment mismatches: " +
	"both sides look the commitments up on their consoles (commitments.lookup_received_acs_commitments), find the contracts that differ, and repair them"

// commitments looks in the participant's log whether it agrees with others since the successor took over.
func commitments(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	since := f.Agreed.Upgrade
	if since.IsZero() && f.Gate != nil && f.Gate.Announced != nil {
		since = f.Gate.Announced.At
	}
	if day := w.Clock.Now().Add(-24 * time.Hour); since.Before(day) {
		since = day
	}
	correct, mismatch := 0, 0
	for _, c := range f.Node.Of(node.Participant) {
		err := listenTo(c).lines(ctx, w, since, func(line string) bool {
			switch {
			case strings.Contains(line, commitmentMismatch):
				mismatch++
			case strings.Contains(line, commitmentCorrect):
				correct++
			}
			return false
		})
		if err != nil {
			return nil, err
		}
	}
	var found []wire.Finding
	if mismatch > 0 {
		found = append(found, wire.Finding{ID: "mismatches", Verdict: wire.Attention, Text: fmt.Sprintf("mismatches of ACS commitments that the participant has logged since %s: %d", stamp(since), mismatch), Next: resolveMismatches})
	}
	c := wire.Finding{ID: "commitments", Verdict: wire.Holds, Text: fmt.Sprintf("commitments that agree, as the participant has logged since %s: %d", stamp(since), correct)}
	if correct == 0 {
		c.Verdict, c.Text = wire.Attention, "the participant has logged no commitment that agrees since "+stamp(since)
		c.Next = "They come with the next period, and newer releases of Canton do not log them at INFO: look again later, or look them up on the console"
	}
	return append(found, c), nil
}
