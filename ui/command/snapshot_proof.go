package command

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/svapp"
	"canton.example/svrescue/svapp/commitment"
	"canton.example/svrescue/svapp/dump"
)

// snapshotProof is whether the own participant was past a time, by its own log: it has agreed on a period that ends there or later, so it
// has processed everything up to it (reference/apis.md 3.4 and 9).
type snapshotProof struct {
	Verdict     dump.Verdict `json:"verdict"`
	Detail      string       `json:"detail"`
	Reporter    string       `json:"reporter"`
	participant string
	named       bool
}

// provenTime reads the report at a path; without a path nothing is determined.
func (p *program) provenTime(path string, at time.Time) (snapshotProof, error) {
	if path == "" {
		return snapshotProof{Verdict: dump.NotDetermined, Detail: "no report of the own participant was named (--proof)"}, nil
	}
	read, err := p.readReport(path)
	if err != nil {
		return snapshotProof{}, err
	}
	r := read.Report
	proof := snapshotProof{Verdict: dump.NotDetermined, Reporter: r.Reporter, participant: r.Participant, named: true}
	var latest *commitment.Instant
	for _, e := range r.Agreements {
		if latest == nil || e.To > *latest {
			latest = &e.To
		}
	}
	t := commitment.InstantOf(at)
	for _, e := range r.Mismatches {
		if e.From < t && t <= e.To {
			proof.Verdict = dump.Violated
			proof.Detail = fmt.Sprintf("by the report of %s its commitments and those of %s did not match in the period up to %v, in which the time lies", r.Reporter, e.Counterparty, e.To)
			return proof, nil
		}
	}
	switch {
	case latest == nil:
		proof.Detail = "the report of " + r.Reporter + " has no agreement, so until when it has processed is not proven"
	case t <= *latest:
		proof.Verdict = dump.Holds
		proof.Detail = fmt.Sprintf("by its own log %s had processed everything up to %v, when it agreed on commitments", r.Reporter, *latest)
	default:
		proof.Verdict = dump.Violated
		proof.Detail = fmt.Sprintf("by its own log %s had agreed on commitments up to %v, which is before the time", r.Reporter, *latest)
	}
	return proof, nil
}

func (s snapshotProof) holds() bool { return s.Verdict == dump.Holds }

func (s snapshotProof) document() *snapshotProof {
	if !s.named {
		return nil
	}
	return &s
}

// of says whether the report is of the node whose users act for these parties: of its namespace, or of its name where the report has no
// whole id.
func (s snapshotProof) of(parties []string) bool {
	fingerprint := dump.Namespace(s.participant)
	for _, party := range parties {
		name, _, _ := strings.Cut(party, "::")
		if fingerprint != "" && dump.Namespace(party) == fingerprint || fingerprint == "" && name == s.Reporter {
			return true
		}
	}
	return false
}

// Why force is dangerous. Older and newer releases differ, and the answer does not tell.
const forceDanger = "With force an older release leaves out what it has not processed yet, and a newer one answers a time that it has not reached with the\n" +
	"  contracts of its ledger's end. Both answer 200, and the file carries your time all the same: nothing in it shows that it is wrong."

// forceRefused is why force is not used.
func forceRefused(proof snapshotProof, q svapp.SnapshotQuery) error {
	code, word := exitUndetermined, "is not proven"
	if proof.Verdict == dump.Violated {
		code, word = exitRefused, "is disproved"
	}
	return exit(code, errors.New("nothing was asked for: --force needs a proof that this participant was past "+q.Time()+", and that "+word+": "+proof.Detail+".\n  "+forceDanger+
		"\n  Make the report with: svrescue commitments scan --pod -o own.json, and name it with --proof own.json"))
}

// offer is how to ask with force, what proves that it is safe, and what it is dangerous for.
func (g *snapshotFetching) offer() string {
	text := "  With --force it may answer. Proof that this participant was past the time: " + string(g.proof.Verdict) + "; " + g.proof.Detail + ".\n  " + forceDanger
	if !g.proof.holds() {
		return text + "\n  Without the proof --force is not used: svrescue commitments scan --pod -o own.json, then --proof own.json"
	}
	return text + "\n  To do so: the same command with --force"
}
