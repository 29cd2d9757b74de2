package doctor

import (
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/steps/triage"
)

// Metrics is the report in the text format of Prometheus, for the textfile collector of the node exporter. A condition has one sample for
// each verdict, of which one is 1, so that an alert can ask for the verdict by name. at is when the evidence was judged: a file that is not
// written anew any more shows by it.
func (r Report) Metrics(at time.Time) []byte {
	var b strings.Builder
	family := func(name, help string) {
		fmt.Fprintf(&b, "# HELP svrescue_doctor_%s %s\n# TYPE svrescue_doctor_%s gauge\n", name, help, name)
	}
	family("condition", "1 for the verdict that the condition has. counts is false for facts and for what somebody has acknowledged.")
	for _, c := range r.Conditions {
		for _, v := range []triage.Verdict{triage.Holds, triage.Violated, triage.NotDetermined} {
			is := 0
			if c.Verdict == v {
				is = 1
			}
			fmt.Fprintf(&b, "svrescue_doctor_condition{id=%q,verdict=%q,counts=\"%t\"} %d\n", c.ID, v, c.Counts(), is)
		}
	}
	family("exit_code", "0: all that counts holds. 3: something is violated. 6: something is not determined.")
	fmt.Fprintf(&b, "svrescue_doctor_exit_code %d\n", r.ExitCode())
	if r.Runway.Known { // absent where it is not known: no number would be true
		family("runway_seconds", "How long a restore of the newest usable backup set can still be begun, should the node fall silent now.")
		fmt.Fprintf(&b, "svrescue_doctor_runway_seconds %d\n", int64(r.Runway.Left.Seconds()))
	}
	family("evaluated_timestamp_seconds", "When this was evaluated.")
	fmt.Fprintf(&b, "svrescue_doctor_evaluated_timestamp_seconds %d\n", at.Unix())
	return []byte(b.String())
}
