package commitment

import (
	"fmt"
	"time"
)

// Lookup is the command on a participant's console that knows the true state of commitments in every release (reference/apis.md 10).
const Lookup = "commitments.lookup_received_acs_commitments"

// warnings say what the logs could not contain, and what in them was strange.
func (t *tally) warnings() (all []string) {
	warn := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	k := t.kinds
	lookup := "Look the commitments up on the participant's console with " + Lookup + ", and scan what it prints."
	found := k[Agreements] + k[RowsMatch]
	spoken := int64(0)
	for _, n := range k {
		spoken += n
	}
	switch {
	case k[Matching]+k[Disabled] > 0 && k[Agreements] == 0:
		warn("This participant's release does not log which commitments agree (Canton 3.6 and later); that none is found here says nothing. %s", lookup)
	case k[Matching]+k[Disabled] > 0:
		warn("Some of these lines are of a release that does not log which commitments agree (Canton 3.6 and later): what came after the upgrade is missing. %s", lookup)
	case found > 0:
	case t.lines == 0:
		warn("There was nothing to read.")
	case spoken == 0 && t.levels.known() && !t.levels.debug:
		warn("No line is about commitments, and none of the lines that were looked at has level DEBUG: earlier Canton releases say agreements at DEBUG only, and of such a one these logs cannot contain them. %s", lookup)
	case spoken == 0:
		warn("No line is about commitments: these are not the logs of a participant, or not of the time that is looked for.")
	case t.levels.known() && !t.levels.debug:
		warn("No line says that a commitment agrees, and none of the lines that were looked at has level DEBUG: earlier Canton releases say agreements at DEBUG only, and of such a one these logs cannot contain them. %s", lookup)
	default:
		warn("Lines are about commitments and none says that one agrees, although the level would let it. %s", lookup)
	}
	if n := k[Nameless]; n > 0 {
		warn("%s not say with whom or for which period, and cannot be held against any time: search the logs for ACS_COMMITMENT_MISMATCH.", count(n, "mismatch does", "mismatches do"))
	}
	if n := k[Cut]; n > 0 {
		warn("%s cut off or of a form that is not known, and not counted.", count(n, "line that says agreement is", "lines that say agreement are"))
	}
	if n := t.early; n > 0 {
		warn("%s after the time of the line that says so: the clock of the participant's machine was behind, or jumped.", count(n, "agreed period ends", "agreed periods end"))
	}
	if t.clock.jumped() {
		warn("The times of the lines go back by %v after %v: files overlap or are out of order, or the clock of the machine was set.",
			time.Duration(t.clock.furthest)*time.Microsecond, t.clock.furthestAfter)
	}
	return all
}

// count is a number with its noun.
func count(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
