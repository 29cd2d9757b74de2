package network

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp/commitment"
	"k8s.io/utils/clock"
)

// noMore is the answer that there are no older logs.
const noMore = "none"

func ownReport() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "network/own-report", Title: "Own report", Effect: wire.Observe,
		Summary: "Reads in the participant's logs with whom it agreed until when, and makes the report for the other SVs.",
		Asks:    []steps.Ask{{Name: "more", Kind: wire.AskText, Help: "a file or folder with older logs of the participant, or none"}},
		Inputs: func(_ context.Context, _ steps.World, f Facts) ([]wire.Question, error) {
			if f.More != "" {
				return nil, nil
			}
			q := wire.Question{Name: "more", Kind: wire.AskText, Title: "Are there older logs of this participant?", Default: noMore,
				Text: "A file or a folder: rotated files of the cluster's node, an export of the log collector, or what " + commitment.Lookup +
					" printed on the participant's console, which knows the truth in every release. They are read, not copied. " + noMore + ": the saved logs are all there is."}
			if len(f.Hints.Logs) > 0 {
				q.Default = f.Hints.Logs[0]
			}
			return []wire.Question{q}, nil
		},
		Take: func(f *Facts, _, value string) error {
			value = strings.TrimSpace(value)
			if value == "" || value == noMore {
				f.More = noMore
				return nil
			}
			path, err := filepath.Abs(value)
			if err == nil {
				_, err = os.Stat(path)
			}
			if err != nil {
				return fmt.Errorf("there is no file or folder %s that can be read", plain.Line(value))
			}
			f.More = path
			return nil
		},
		Forget: func(f *Facts) { f.More, f.Report = "", nil },
		Plan: func(f Facts) ([]steps.Action, error) {
			if f.Logs == nil && f.Node == nil {
				return nil, &steps.NotYet{Step: "network/save-logs", What: "which logs there are"}
			}
			return []steps.Action{makeReport{logs: digestOf(f), more: f.More, sv: f.Node.Subject.SV, participant: participantOf(f)}}, nil
		},
		Verify: func(_ context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			r, digest, err := readReport(w.Files)
			if err != nil {
				return []wire.Finding{{ID: "report", Verdict: wire.Violated, Text: "there is no whole report in the run folder", Next: "Do this step again"}}, nil
			}
			f.Report = &OwnReport{Reporter: r.Reporter, SHA256: digest, Made: w.Clock.Now().UTC()}
			if at := latestOf(r); at != nil {
				f.Report.Latest = at
			}
			return reportFindings(r), nil
		},
	}
}

func digestOf(f Facts) string {
	if f.Logs == nil {
		return ""
	}
	return f.Logs.SHA256
}

func participantOf(f Facts) string {
	if f.Identities == nil {
		return ""
	}
	return strings.TrimPrefix(f.Identities.Participant, "PAR::")
}

// latestOf is the end of the latest period for which the reporter agreed with anybody.
func latestOf(r commitment.Report) *time.Time {
	if len(r.Agreements) == 0 {
		return nil
	}
	at := r.Agreements[len(r.Agreements)-1].To.Time() // they are in the order of their ends
	return &at
}

func reportFindings(r commitment.Report) []wire.Finding {
	seen := []wire.Evidence{{Source: "artifacts/" + ReportFile, Seen: fmt.Sprintf("%d files, %d bytes, %d lines that say agreement, %d agreements, %d mismatches",
		r.Scanned.Files, r.Scanned.Bytes, r.Scanned.Matches, len(r.Agreements), len(r.Mismatches))}}
	f := wire.Finding{ID: "report", Verdict: wire.Holds, Evidence: seen}
	if at := latestOf(r); at == nil {
		f.Verdict, f.Text = wire.Undetermined, "the logs say of no commitment that it agrees"
		f.Next = "Look the commitments up on the participant's console with " + commitment.Lookup + ", save what it prints, and answer this step again with that file"
	} else {
		with := map[string]bool{}
		for _, e := range r.Agreements {
			with[e.Counterparty] = true
		}
		f.Text = fmt.Sprintf("%s agreed with %d participants, at the latest until %v", r.Reporter, len(with), commitment.InstantOf(*at))
	}
	found := []wire.Finding{f, {ID: "send", Verdict: wire.Attention, Text: "the report for the other SVs is artifacts/" + ReportFile + " in the run folder; nothing in it is secret",
		Next: "Send it to them now, and have theirs sent to you"}}
	if len(r.Mismatches) > 0 {
		m := wire.Finding{ID: "mismatches", Verdict: wire.Attention, Text: fmt.Sprintf("%d periods do not match with a counterparty", len(r.Mismatches)),
			Next: "Tell the call: an SV with a mismatch at the agreed time cannot be a member together with this one"}
		for _, e := range r.Mismatches[max(0, len(r.Mismatches)-8):] {
			m.Evidence = append(m.Evidence, wire.Evidence{Source: plain.Line(e.Counterparty), Seen: fmt.Sprintf("from %v until %v", e.From, e.To)})
		}
		found = append(found, m)
	}
	for i, text := range r.Warnings {
		found = append(found, wire.Finding{ID: fmt.Sprintf("warning-%d", i+1), Verdict: wire.Attention, Text: plain.Line(text)})
	}
	return found
}

// readReport reads the own report and its checksum.
func readReport(files steps.FileReader) (commitment.Report, string, error) {
	data, err := files.Read(ReportFile)
	if err != nil {
		return commitment.Report{}, "", err
	}
	r, err := commitment.ReadReport(bytes.NewReader(data))
	return r, sum(data), err
}

// madeFile says what the report was made from.
const madeFile = "report-source.txt"

// makeReport scans the saved logs, and older ones that were named.
type makeReport struct {
	logs            string // digest of LogsIndex; empty: none were saved
	more            string
	sv, participant string
}

func (a makeReport) Key() string         { return "read the participant's logs" }
func (a makeReport) Effect() wire.Effect { return wire.Observe }
func (a makeReport) Refs() []steps.Ref   { return []steps.Ref{{File: ReportFile}, {File: madeFile}} }

func (a makeReport) Show() wire.Preview {
	from := "LOGS"
	if a.more != "" && a.more != noMore {
		from += " " + a.more
	}
	return wire.Preview{Title: "look in the participant's logs for commitments that agree", Commands: []string{"svrescue commitments scan --as " + a.sv + " -o report.json " + from},
		After: "artifacts/" + ReportFile + " in the run folder: that goes to the other SVs"}
}

func (a makeReport) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (a makeReport) mark(report string) string {
	return strings.Join([]string{a.logs, a.more, a.sv, a.participant, report}, "\n")
}

func (a makeReport) Probe(_ context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	_, digest, err := readReport(w.Files)
	made, merr := w.Files.Read(madeFile)
	if err != nil || merr != nil || string(made) != a.mark(digest) {
		return wire.ActionPending, []wire.Evidence{{Source: ReportFile, Seen: "not made from these logs"}}, nil
	}
	return wire.ActionDone, []wire.Evidence{{Source: ReportFile, Seen: "made from these logs"}}, nil
}

func (a makeReport) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	tried := "reading the participant's logs"
	var from []commitment.Source
	var total int64
	if a.logs != "" {
		saved, err := readLogs(h.World.Files)
		if err != nil {
			return &steps.Problem{Tried: tried, Seen: "the saved logs are not whole any more: " + err.Error(), Next: "Save them again", Err: err}
		}
		from = sourcesOf(h.World.Files, saved)
	}
	if a.more != "" && a.more != noMore {
		files, err := commitment.Files([]string{a.more})
		if err != nil {
			return &steps.Problem{Tried: tried, Seen: plain.Line(err.Error()), Next: "Put the older logs where they can be read, or answer this step again", Err: err}
		}
		from = append(from, files...)
	}
	for _, s := range from {
		total += s.Size
	}
	teller := &teller{text: "reading logs", clock: h.World.Clock, total: total, report: report}
	defer teller.stop()
	r, err := commitment.Scan(ctx, from, commitment.Options{Reporter: a.sv, Participant: a.participant, Progress: teller.tell})
	if err != nil {
		return err
	}
	if len(from) > 0 && r.Unread == len(from) {
		return &steps.Problem{Tried: tried, Seen: "none of the logs could be read", Next: "Look at the warnings, and take other logs", Detail: r.Warnings}
	}
	for i, text := range r.Warnings {
		r.Warnings[i] = plain.Line(text)
	}
	data, err := json.MarshalIndent(r.Report, "", "  ")
	if err != nil {
		return err
	}
	data = append(data, '\n')
	if err := h.Files.Write(ReportFile, data); err != nil {
		return err
	}
	return h.Files.Write(madeFile, []byte(a.mark(sum(data))))
}

// teller tells how far bytes are, a few times in a second. It is told by several goroutines, and by those of a scan that was left.
type teller struct {
	text   string
	clock  clock.PassiveClock
	total  int64
	report func(wire.Progress)

	mu   sync.Mutex
	last time.Time
	over bool
}

func (t *teller) tell(read int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := t.clock.Now(); !t.over && now.Sub(t.last) >= 200*time.Millisecond {
		t.last = now
		t.report(wire.Progress{Text: t.text, Done: read, Total: t.total, Unit: "bytes"})
	}
}

func (t *teller) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.over = true
}
