package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"
	"time"

	"canton.example/svrescue/internal/durable"
	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/svapp/commitment"
	"github.com/spf13/cobra"
	"k8s.io/utils/clock"
)

func (p *program) commitmentsCommand() *cobra.Command {
	c := &cobra.Command{Use: "commitments", Short: "Find the time until which the super validators agreed",
		Long: "Finds out, from the logs of participants, until when the super validators of a network agreed with each other: the time that\n" +
			"a recovery of the network (releases up to 0.6.1) starts from. Each operator scans the own logs and sends the report to the\n" +
			"others; whoever has the reports finds the time, and all find the same. Nothing is changed anywhere.\n\n" +
			"Exit codes: those of its commands.",
		Example: "  svrescue commitments scan --as Acme-SV -o acme.json /var/log/participant\n" +
			"  svrescue commitments agree acme.json beta.json gamma.json",
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			return usage("name a command: svrescue commitments scan PATH... or svrescue commitments agree REPORT...")
		},
	}
	c.AddCommand(p.commitmentsScanCommand(), p.commitmentsAgreeCommand())
	return c
}

// scanFlags are those of commitments scan.
type scanFlags struct{ as, participant, pod string }

// foundPod stands for the pod of the node's participant, which is looked for.
const foundPod = "participant"

func (p *program) commitmentsScanCommand() *cobra.Command {
	var f scanFlags
	c := &cobra.Command{Use: "scan [PATH...]", Short: "Read a participant's logs, and report with whom it agreed until when",
		Example: "  svrescue commitments scan --as Acme-SV -o acme.json /var/log/participant\n" +
			"  svrescue commitments scan --as Acme-SV -o acme.json export.json.gz console.txt\n" +
			"  zcat old/*.gz | svrescue commitments scan --as Acme-SV --format json -\n" +
			"  svrescue commitments scan --pod --as Acme-SV -o acme.json",
		Long: "Looks in the logs of one SV's participant for the lines which say that another one's ACS commitment agrees, and for mismatches.\n" +
			"PATH is a file, a folder with all that is in it, or - for standard input; plain, gzip or zstd, known by the bytes and not by\n" +
			"the name. Lines may be text or JSON, wrapped by Docker, by a CRI runtime or by a log collector (an object a line, the text\n" +
			"in message, jsonPayload.message or line), all mixed. What " + commitment.Lookup + "\n" +
			"prints on the participant's console may be pasted into a file too: it knows the truth in every release and at every log level.\n\n" +
			"-o writes the report, JSON, to a file: send that to the other SVs. --pod reads the log of the running participant from the\n" +
			"cluster instead of files, or besides them; the cluster hands out no rotated files, so older lines may be missing.\n\n" +
			"A line that is not found proves nothing: it may have been rotated away, or never been logged. The warnings say what the\n" +
			"logs cannot contain.\n\n" +
			"Exit codes: 0 a report is made; 1 nothing could be read; 2 a PATH does not exist, or the command line is wrong; 6 not\n" +
			"determined: a report is made, and nothing tells of any commitment whether it agrees; 130 interrupted.",
		RunE: func(cmd *cobra.Command, args []string) error { return p.scanCommitments(cmd.Context(), f, args) },
	}
	c.Flags().StringVar(&f.as, "as", "", "name of the SV whose logs these are")
	c.Flags().StringVar(&f.participant, "participant", "", "full id of its participant, NAME::1220...")
	c.Flags().StringVar(&f.pod, "pod", "", "read the running participant: the node's own, or the pod that is named as --pod=NAME")
	c.Flags().Lookup("pod").NoOptDefVal = foundPod
	return c
}

func (p *program) scanCommitments(ctx context.Context, f scanFlags, args []string) error {
	o := commitment.Options{Reporter: plain.Line(f.as)}
	if strings.Contains(o.Reporter, "::") {
		return usage("--as is the name of the SV alone, like Acme-SV; the id of its participant is for --participant")
	}
	if f.participant != "" {
		var ok bool
		if o.Participant, ok = commitment.ParseParticipant(f.participant); !ok {
			return usage("--participant is an id like Acme-SV::1220c0ffee12ab, not %q", f.participant)
		}
	}
	if len(args) == 0 && f.pod == "" {
		return usage("commitments scan needs logs: name files or folders, - for standard input, or --pod. See: svrescue commitments scan --help")
	}
	from, total, err := p.commitmentLogs(args)
	if err != nil {
		return err
	}
	var pods []podLog
	if f.pod != "" {
		var sv string
		if pods, sv, err = p.participantLogs(ctx, f.pod); err != nil {
			return err
		}
		for _, l := range pods {
			from, total = append(from, l.source), 0
		}
		if o.Reporter == "" {
			o.Reporter = sv
		}
	}
	if o.Reporter == "" {
		o.Reporter, _, _ = strings.Cut(o.Participant, "::")
	}
	if isTerminal(p.Err) {
		line := &scanLine{to: p.Err, clock: p.Clock, began: p.Clock.Now(), total: total}
		o.Progress = line.show
		defer line.clear()
	}
	r, err := commitment.Scan(ctx, from, o)
	if err != nil {
		return exit(exitInterrupted, errors.New("reading the logs was interrupted, and no report is made"))
	}
	for _, l := range pods {
		r.Warnings = append(r.Warnings, l.remarks(r.Scanned)...)
	}
	for i, w := range r.Warnings {
		r.Warnings[i] = plain.Line(w)
	}
	if len(from) > 0 && r.Unread == len(from) {
		return fmt.Errorf("none of the logs could be read, and no report is made: %s", strings.Join(r.Warnings, " "))
	}
	if err := p.printScan(r); err != nil {
		return err
	}
	if r.Silent() {
		return told(exitUndetermined)
	}
	return nil
}

// printScan puts the report into the file that -o names and prints the rest.
func (p *program) printScan(r commitment.Result) error {
	if p.json() {
		return p.printDocument(r.Report)
	}
	if p.flags.output != "" {
		report, err := marshal(r.Report)
		if err == nil {
			err = durable.WriteFile(p.flags.output, report)
		}
		if err != nil {
			return fmt.Errorf("the report could not be written: %w", err)
		}
	}
	_, err := p.Out.Write(p.scanText(r))
	return err
}

// commitmentLogs are the logs that paths name, and how large they are together; 0 where that is not known.
func (p *program) commitmentLogs(paths []string) (from []commitment.Source, total int64, err error) {
	input := false
	for _, path := range paths {
		if path == "-" {
			if input {
				return nil, 0, usage("standard input, -, can be read once")
			}
			input = true
			if isTerminal(p.In) {
				fmt.Fprintln(p.Err, "svrescue: reading what you type or paste; ctrl+d on a line of its own ends it")
			}
			from = append(from, commitment.Source{Name: "standard input", Open: func() (io.ReadCloser, error) { return io.NopCloser(p.In), nil }})
		}
	}
	files, err := commitment.Files(withoutInput(paths))
	if errors.Is(err, fs.ErrNotExist) {
		var at *fs.PathError
		errors.As(err, &at)
		return nil, 0, usage("there is no %s", plain.Line(at.Path))
	} else if err != nil {
		return nil, 0, fmt.Errorf("the logs could not be listed: %w", err)
	}
	for _, f := range files {
		total += f.Size
	}
	if input {
		total = 0
	}
	return append(from, files...), total, nil
}

func withoutInput(paths []string) (files []string) {
	for _, path := range paths {
		if path != "-" {
			files = append(files, path)
		}
	}
	return files
}

// scanLine is a line on a terminal that says how far a scan is, once it takes longer than a second. It may be told from anywhere.
type scanLine struct {
	to    io.StringWriter
	clock clock.PassiveClock
	began time.Time
	total int64

	mu    sync.Mutex
	last  time.Time
	ended bool
}

func (s *scanLine) show(read int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	if s.ended || now.Sub(s.began) < time.Second || now.Sub(s.last) < 200*time.Millisecond {
		return
	}
	s.last = now
	rate := float64(read) / now.Sub(s.began).Seconds()
	text := fmt.Sprintf("reading: %s, %s/s", bytesText(read), bytesText(int64(rate)))
	if s.total > 0 && rate > 0 {
		left := time.Duration(float64(max(0, s.total-read)) / rate * float64(time.Second)).Round(time.Second)
		text = fmt.Sprintf("reading: %s of %s, %s/s, %s left", bytesText(read), bytesText(s.total), bytesText(int64(rate)), left)
	}
	s.to.WriteString("\r\x1b[K" + text)
}

func (s *scanLine) clear() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended = true; !s.last.IsZero() {
		s.to.WriteString("\r\x1b[K")
	}
}
