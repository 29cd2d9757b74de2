package rehearsal

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/svapp/commitment"
)

// Folders of a world of a lost network.
const (
	ReportsFolder = "reports" // the reports of the other SVs
	LogsFolder    = "logs"    // rotated parts of the participant's log
)

// olderIdentities is an older identities backup in IdentitiesFolder.
const olderIdentities = "identities-2025-12-14.json"

// How many ticks the running participant's log has, and how many the rotated part before them.
const (
	ticksRunning = 4
	ticksRotated = 3
)

// What the reports of SVs, by number from 0, have of the last tick: one has lost its last lines, as logs that are written with delay do, and two did
// not agree with each other.
const (
	lostLines     = 1
	mismatchingA  = 4
	mismatchingB  = 5
	afterPeriod   = 7 * time.Second // from the end of a period until its commitments are compared
	loggerOfLines = `"logger_name":"c.d.c.p.p.AcsCommitmentProcessor:participant=participant/psid=global-domain","thread_name":"canton-env-ec-41"`
)

// agreed says whether two SVs agreed on the period that ends so many ticks before the last one, as the first of them says it. -1 is the own SV.
func (plan Loss) agreed(who, with, ticks int) bool {
	switch {
	case slices.Contains(plan.Never, who), slices.Contains(plan.Never, with):
		return false
	case ticks > 0:
		return true
	}
	return who != lostLines && !mismatching(who, with)
}

func mismatching(who, with int) bool {
	return who == mismatchingA && with == mismatchingB || who == mismatchingB && with == mismatchingA
}

// numberOf is the holder of a number.
func numberOf(i int) holder {
	if i < 0 {
		return lost()
	}
	return holderOf(nameOfPeer(i))
}

// period is that of commitments which ends at a time, as logs have it (reference/apis.md 9.2).
func period(to time.Time) string {
	return fmt.Sprintf("CommitmentPeriod(fromExclusive = %s, toInclusive = %s)", to.Add(-lossTick).UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339))
}

// shortened is the ID of a participant as logs have it.
func shortened(h holder) string {
	return fmt.Sprintf("PAR::%s::%s...", h.name, h.fingerprint()[:12])
}

// logged is a line of the participant, in the shape of reference/apis.md 9.3.
func logged(at time.Time, level, message string) string {
	return fmt.Sprintf(`{"@timestamp":%q,"message":%q,%s,"level":%q,"span-id":"5b1e0a77c2d94e01","trace-id":"9d2c7be1f0a34c5d8e6f7a8b9c0d1e2f","span-name":"MessageDispatcher.handle"}`,
		at.UTC().Format("2006-01-02T15:04:05.000Z"), message, loggerOfLines, level)
}

// stampedLine is a line and its time.
type stampedLine struct {
	at   time.Time
	text string
}

// commitments are what the own participant logs of the period that ends at a time: it buffers and checks, which proves nothing, and then says that a
// commitment is correct, at times twice.
func (plan Loss) commitments(to time.Time, ticks int) (all []stampedLine) {
	add := func(after time.Duration, level, message string) {
		at := to.Add(afterPeriod + after)
		all = append(all, stampedLine{at, logged(at, level, message)})
	}
	for i := range lossOthers {
		h, after := numberOf(i), time.Duration(i)*time.Second
		add(after, "INFO", "Checking commitment (purportedly by) "+shortened(h)+" for period "+period(to))
		if !plan.agreed(-1, i, ticks) {
			continue
		}
		add(after+200*time.Millisecond, "INFO", "Commitment correct for sender "+shortened(h)+" and period "+period(to))
		if i == 0 { // what was buffered is compared again
			add(after+900*time.Millisecond, "INFO", "Commitment correct for sender "+shortened(h)+" and period "+period(to))
		}
	}
	add(time.Minute, "INFO", "Deleted buffered commitments and set last computed and sent timestamp set to "+to.UTC().Format(time.RFC3339))
	return all
}

// mismatch is the line about a commitment that does not match (reference/apis.md 9.3).
func mismatch(to time.Time, h holder) stampedLine {
	at := to.Add(afterPeriod)
	return stampedLine{at, fmt.Sprintf(`{"@timestamp":%q,"message":"ACS_COMMITMENT_MISMATCH(5,e37a6a5b): The local commitment does not match the remote commitment",%s,"level":"WARN","error-code":"ACS_COMMITMENT_MISMATCH(5,e37a6a5b)","location":"AcsCommitmentProcessor.scala:1032","local":"Vector((%s, SHA-256:cfd7fd917fb9...))","remote":"AcsCommitment(\n  synchronizerId = global-domain::1220dd..,\n  sender = %s,\n  counterParticipant = %s,\n  period = %[3]s,\n  commitment = SHA-256:e2c0cf0361cb...\n)","trace-id":"e37a6a5b9c0d1e2f3a4b5c6d7e8f9a0b"}`,
		at.UTC().Format("2006-01-02T15:04:05.000Z"), loggerOfLines, period(to), shortened(h), shortened(lost()))}
}

// said is the log of the old participant, whose container started at a time.
func (l *loss) said(started time.Time) (log []sim.Line) {
	for ticks := ticksRunning - 1; ticks >= 0; ticks-- {
		to := l.tick.Add(-time.Duration(ticks) * lossTick)
		lines := l.plan.commitments(to, ticks)
		for _, i := range l.plan.Never {
			lines = append(lines, mismatch(to, numberOf(i)))
		}
		for _, line := range lines {
			log = append(log, sim.Line{After: *sim.D(line.at.Sub(started)), Text: line.text})
		}
	}
	at := l.stood().Add(30 * time.Second)
	return append(log, sim.Line{After: *sim.D(at.Sub(started)), Text: logged(at, "WARN", "Failed to send commitment message batch for period "+period(l.tick.Add(lossTick))+": sequencer does not answer")})
}

// commits has the new participant say what it persists of the new synchronizer and, from when that runs, that its commitments are correct. Its lock is held.
func (l *loss) commits() {
	runs := l.runs()
	if runs.IsZero() || l.fresh == nil {
		return
	}
	log := []sim.Line{{After: *sim.D(max(runs.Sub(l.fresh.started), 0)), Text: logged(runs, "DEBUG", "Persisted topology transactions (SynchronizerParametersState) with 5 signatures")}}
	first := runs.Truncate(lossTick).Add(lossTick)
	if l.plan.Prompt {
		first = runs
	}
	for i := range 4 {
		for _, line := range (Loss{}).commitments(first.Add(time.Duration(i)*lossTick), 1) {
			log = append(log, sim.Line{After: *sim.D(line.at.Sub(l.fresh.started)), Text: line.text})
		}
	}
	l.fresh.life.Log = log
}

// rotated is the part of the log that the kubelet has rotated away, as its files on the cluster's node are: packed, each line with the runtime's prefix.
func (plan Loss) rotated(tick time.Time) ([]byte, error) {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	for ticks := ticksRunning + ticksRotated - 1; ticks >= ticksRunning; ticks-- {
		for _, line := range plan.commitments(tick.Add(-time.Duration(ticks)*lossTick), ticks) {
			if _, err := fmt.Fprintf(zip, "%s stdout F %s\n", line.at.UTC().Format(time.RFC3339Nano), line.text); err != nil {
				return nil, err
			}
		}
	}
	err := zip.Close()
	return packed.Bytes(), err
}

// report is what another SV sends.
func (plan Loss) report(who int, tick time.Time) ([]byte, error) {
	own := numberOf(who)
	r := commitment.Report{Version: 1, Reporter: own.name, Participant: strings.TrimPrefix(own.participant(), "PAR::"), Agreements: []commitment.Entry{}, Mismatches: []commitment.Entry{}, Warnings: []string{}}
	for ticks := ticksRunning + ticksRotated - 1; ticks >= 0; ticks-- {
		to := tick.Add(-time.Duration(ticks) * lossTick)
		for with := -1; with < lossOthers; with++ {
			if with == who {
				continue
			}
			e := commitment.Entry{Counterparty: strings.TrimSuffix(strings.TrimPrefix(shortened(numberOf(with)), "PAR::"), "..."), From: commitment.InstantOf(to.Add(-lossTick)), To: commitment.InstantOf(to)}
			switch {
			case plan.agreed(who, with, ticks):
				r.Agreements = append(r.Agreements, e)
			case mismatching(who, with), slices.Contains(plan.Never, who), slices.Contains(plan.Never, with):
				r.Mismatches = append(r.Mismatches, e)
			}
		}
	}
	slices.SortFunc(r.Agreements, func(a, b commitment.Entry) int { return compareEntries(a, b) })
	slices.SortFunc(r.Mismatches, func(a, b commitment.Entry) int { return compareEntries(a, b) })
	r.Scanned = commitment.Scanned{Files: 2, Matches: int64(len(r.Agreements))}
	return json.MarshalIndent(r, "", "  ")
}

func compareEntries(a, b commitment.Entry) int {
	if a.To != b.To {
		return int((a.To - b.To) / commitment.Instant(time.Second/time.Microsecond))
	}
	return strings.Compare(a.Counterparty, b.Counterparty)
}

// files are what the operator of a recovery has in folders: the reports of the others, the rotated log, and an identities backup where there is one.
func (plan Loss) files(now time.Time) (map[string][]byte, error) {
	tick, files := lastTick(now), map[string][]byte{}
	var err error
	for i := range lossOthers {
		if files[fmt.Sprintf("%s/%s.json", ReportsFolder, nameOfPeer(i))], err = plan.report(i, tick); err != nil {
			return nil, err
		}
	}
	if files[LogsFolder+"/0.log.20260111-101500.gz"], err = plan.rotated(tick); err != nil {
		return nil, err
	}
	if plan.Backup == "" {
		return files, nil
	}
	if files[IdentitiesFolder+"/"+IdentitiesFile], err = holderOf(plan.Backup).dumpedBy(lossRelease); err != nil {
		return nil, err
	}
	files[IdentitiesFolder+"/"+olderIdentities], err = lost().dumpedBy(lossRelease)
	return files, err
}
