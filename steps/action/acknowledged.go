package action

import (
	"context"
	"errors"
	"math"
	"strings"
	"time"

	"canton.example/svrescue/steps"
)

// acknowledgements is when each member last acknowledged, as a sequencer knows it, in microseconds. Its label is the member; upstream's info
// component reads it. A sequencer that has started lately knows it only of those who have acknowledged since (names read in upstream's code, not
// verified against a running release).
const acknowledgements = "daml_sequencer_block_acknowledgments_micros"

// ReadAcknowledged asks this node's sequencer when it last heard of a participant, whose ID is without "PAR::". zero: it has not since it started.
func ReadAcknowledged(ctx context.Context, w steps.World, sequencer Pods, participant string) (time.Time, error) {
	if participant == "" {
		return time.Time{}, errors.New("the participant's ID is not known")
	}
	l := Lag{Of: Followed{Part: "sequencer", Pods: sequencer}}
	found, err := l.metrics(ctx, w, acknowledgements)
	if err != nil {
		return time.Time{}, err
	}
	if len(found[acknowledgements]) == 0 {
		return time.Time{}, noMetric(acknowledgements)
	}
	var last time.Time
	for _, s := range found[acknowledgements] {
		if !sameMember(s.labels["sender"], participant) || s.value <= 0 || s.value > math.MaxInt64/2 {
			continue
		}
		if at := time.UnixMicro(int64(s.value)).UTC(); at.After(last) {
			last = at
		}
	}
	return last, nil
}

// sameMember says whether a label names the participant: in full, or with its fingerprint cut short, as Canton prints members in places.
func sameMember(label, participant string) bool {
	id, is := strings.CutPrefix(label, "PAR::")
	if !is {
		return false
	}
	short := strings.TrimRight(id, ".…")
	_, fingerprint, _ := strings.Cut(short, "::")
	return id == participant || short != id && len(fingerprint) >= 8 && strings.HasPrefix(participant, short)
}
