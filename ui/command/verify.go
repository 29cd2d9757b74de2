package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/engine/journal"
	"canton.example/svrescue/steps/engine/lease"
	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/wire"
	"github.com/spf13/cobra"
)

// verified is the document that `runs verify` prints.
type verified struct {
	Version int             `json:"version"` // 1
	Run     string          `json:"run"`
	Records int             `json:"records"` // whole records of the journal; 0 where the chain is broken
	Checks  []verifiedCheck `json:"checks"`
	Verdict string          `json:"verdict"`
}

type verifiedCheck struct {
	ID      string `json:"id"`
	Verdict string `json:"verdict"` // holds, violated, not-determined
	Detail  string `json:"detail"`
}

func (p *program) verifyCommand() *cobra.Command {
	return &cobra.Command{Use: "verify [RUN]", Short: "Check that the journal of a run is what was written", Args: atMostOneRun, ValidArgsFunction: p.completeRuns,
		Example: "  svrescue runs verify\n  svrescue runs verify restore-0412-0309-k7qd --format json",
		Long: "Checks the journal of a run in two ways, and says which of them could be checked. Each record carries the hash of the one\n" +
			"before, so a record that was changed, left out or put in shows, with its line. That the end was cut off, or all of it\n" +
			"written anew, does not show there; for that the Lease of the node mirrors where the journal stood. It does so from the\n" +
			"first change of a run on, until another run takes the Lease. Without RUN the only open run is meant.\n\n" +
			"Exit codes: 0 both hold; 1 failed, or there is no such run; 3 the journal was altered; 6 the chain holds, and the Lease\n" +
			"could not be compared.",
		RunE: func(cmd *cobra.Command, args []string) error {
			folder, err := p.findRun(args)
			if err != nil {
				return err
			}
			return p.verify(cmd.Context(), folder)
		}}
}

func (p *program) verify(ctx context.Context, folder runs.Folder) error {
	d := verified{Version: 1, Run: folder.ID()}
	events, hashes, torn, err := journal.Chain(folder.Journal())
	var broken *journal.BrokenError
	chain := wire.Finding{ID: "journal/chain", Verdict: wire.Holds, Text: fmt.Sprintf("each of the %d records follows the one before it", len(hashes))}
	switch {
	case notThere(err):
		return exit(exitFailed, fmt.Errorf("run %s never began: it has no journal, so there is nothing to check", folder.ID()))
	case errors.As(err, &broken):
		chain.Verdict, chain.Text = wire.Violated, fmt.Sprintf("it was altered at line %d: %s", broken.Line, broken.Why)
	case err != nil:
		return err
	case torn:
		chain.Text += "; its last line was cut while it was written, which is no alteration"
	}
	head := wire.Finding{ID: "journal/head", Verdict: wire.Undetermined, Text: "not compared, because the chain does not hold"}
	if broken == nil {
		head = p.compareHead(ctx, folder, wire.FoldAll(events), hashes)
	}
	d.Records = len(hashes)
	all := []wire.Finding{chain, head}
	for _, f := range all {
		d.Checks = append(d.Checks, verifiedCheck{ID: f.ID, Verdict: verdictWord(f.Verdict), Detail: f.Text})
	}
	verdict := wire.WorstVerdict(all)
	d.Verdict = verdictWord(verdict)
	if p.json() {
		err = p.printDocument(d)
	} else {
		var b bytes.Buffer
		fmt.Fprintf(&b, "The journal of run %s\n", d.Run)
		for _, c := range d.Checks {
			fmt.Fprintf(&b, "%-15s %s: %s\n", c.Verdict, c.ID, c.Detail)
		}
		err = p.print(b.Bytes())
	}
	switch {
	case err != nil:
		return err
	case verdict == wire.Violated:
		return exit(exitRefused, fmt.Errorf("the journal of run %s is not what was written. Keep its folder as it is, and do not resume it", d.Run))
	case verdict != wire.Holds:
		return told(exitUndetermined)
	}
	return nil
}

// compareHead compares the journal with what the Lease of its node mirrors of it.
func (p *program) compareHead(ctx context.Context, folder runs.Folder, v wire.View, hashes []string) wire.Finding {
	f := wire.Finding{ID: "journal/head", Verdict: wire.Undetermined}
	unknown := func(format string, args ...any) wire.Finding {
		f.Text = "not compared: " + fmt.Sprintf(format, args...)
		return f
	}
	spec, err := folder.Spec()
	switch {
	case err != nil:
		return unknown("%v", err)
	case spec.Acting != wire.Live:
		return unknown("a run that changes nothing takes no Lease")
	case v.Subject.Namespace == "":
		return unknown("the run has not found its node, so it has taken no Lease")
	}
	cluster, err := connect(spec, clockOf(spec, p.Clock))
	if err != nil {
		return unknown("%s", steps.FailureOf("", err).Seen)
	}
	ctx, cancel := context.WithTimeout(ctx, reaching)
	defer cancel()
	l, found, err := cluster.Lease(ctx, v.Subject.Namespace)
	switch {
	case err != nil:
		return unknown("the Lease cannot be read: %s", steps.FailureOf("", err).Seen)
	case !found:
		return unknown("there is no Lease %s in namespace %s", kube.LeaseName, v.Subject.Namespace)
	}
	c := lease.Compare(l, folder.ID(), hashes)
	switch {
	case c.Cannot != "":
		return unknown("%s", c.Cannot)
	case c.Altered != "":
		f.Verdict, f.Text = wire.Violated, c.Altered
	default:
		f.Verdict = wire.Holds
		f.Text = fmt.Sprintf("record %d is the one that the Lease mirrors", c.Seq)
		if more := uint64(len(hashes)) - c.Seq; more > 0 {
			f.Text += fmt.Sprintf("; the %d after it are younger than its last heartbeat", more)
		}
	}
	return f
}
