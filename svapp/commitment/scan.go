package commitment

import (
	"context"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
)

// Options say how to scan.
type Options struct {
	Reporter    string // name of the SV whose logs these are
	Participant string // its full id
	Workers     int    // how many logs are read at a time; 0: one for each core
	// Progress is told now and then how much was read of what there is, in bytes as they lie there; from several goroutines. It may be nil.
	Progress func(read int64)
}

// Result is a report, and what it stands on.
type Result struct {
	Report
	Kinds  []KindCount // how many lines of each kind, without those of which there were none
	Lines  int64
	Unread int // logs of which nothing could be read
}

// KindCount is how many lines of a kind there were.
type KindCount struct {
	Kind  Kind
	Lines int64
}

// Silent says that nothing was found that tells of any commitment whether it agrees.
func (r Result) Silent() bool { return len(r.Agreements) == 0 && len(r.Mismatches) == 0 }

// Scan reads logs, several at a time, and answers what they say; the same for the same logs in the same order. A log that cannot be read to
// its end is a warning. The only error is that of ctx: a read of a pipe that is under way then is left behind.
func Scan(ctx context.Context, from []Source, o Options) (Result, error) {
	workers := o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	done := make(chan struct{})
	var result Result
	var err error
	go func() {
		defer close(done)
		result, err = scanAll(ctx, from, o, min(workers, max(1, len(from))))
	}()
	select {
	case <-done:
		return result, err
	case <-ctx.Done():
		return Result{}, ctx.Err()
	}
}

// outcome is what one log said.
type outcome struct {
	tally   *tally
	trouble string
	unread  bool
}

func scanAll(ctx context.Context, from []Source, o Options, workers int) (Result, error) {
	var next, read atomic.Int64
	outcomes := make([]chan outcome, len(from))
	for i := range outcomes {
		outcomes[i] = make(chan outcome, 1)
	}
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			blocks := newBlocks(blockSize, lineMax)
			for {
				i := int(next.Add(1)) - 1
				if i >= len(from) {
					return
				}
				outcomes[i] <- scanOne(ctx, from[i], blocks, len(from) < runtime.GOMAXPROCS(0), func(n int) {
					if all := read.Add(int64(n)); o.Progress != nil {
						o.Progress(all)
					}
				})
			}
		})
	}
	total, result := newTally(), Result{}
	var troubles []string
	for i := range outcomes { // in the order of the logs, so that the result does not depend on who was first
		one := <-outcomes[i]
		total.add(one.tally)
		if one.trouble != "" {
			troubles = append(troubles, one.trouble)
		}
		if one.unread {
			result.Unread++
		}
	}
	group.Wait()
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	result.Report = total.report(len(from)-result.Unread, troubles, o)
	result.Lines = total.lines
	for kind, lines := range total.kinds {
		if lines > 0 {
			result.Kinds = append(result.Kinds, KindCount{Kind(kind), lines})
		}
	}
	return result, nil
}

func scanOne(ctx context.Context, from Source, blocks [2]block, ahead bool, progress func(int)) outcome {
	s := newScanner(blocks, lineMax)
	s.ahead = ahead
	out := outcome{tally: s.t}
	if ctx.Err() != nil {
		return out
	}
	packing := ""
	file, err := from.Open()
	if err == nil {
		defer file.Close()
		var r io.Reader
		var release func()
		if r, packing, release, err = unpack(counted{file, progress}); err == nil {
			defer release()
			err = s.read(ctx, r)
		}
	}
	if err != nil && ctx.Err() == nil {
		out.trouble, out.unread = trouble(from.Name, packing, s.t.bytes, err), s.t.bytes == 0
	}
	return out
}

// counted tells how much is read.
type counted struct {
	io.Reader
	progress func(int)
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.progress(n)
	return n, err
}

// report is the tally as the document of an SV.
func (t *tally) report(files int, troubles []string, o Options) Report {
	names, doubtful := whole(t.names)
	r := Report{Version: 1, Reporter: o.Reporter, Participant: o.Participant, Warnings: []string{},
		Scanned:    Scanned{Files: files, Bytes: t.bytes, Matches: t.kinds[Agreements] + t.kinds[RowsMatch]},
		Agreements: entries(t.agreed, names), Mismatches: entries(t.mismatched, names)}
	for kind, lines := range t.kinds {
		if Kind(kind).Decoy() {
			r.Scanned.Decoys += lines
		}
	}
	if t.clock.seen {
		r.Scanned.From, r.Scanned.To = &t.clock.from, &t.clock.to
	}
	r.Warnings = append(append(append(r.Warnings, troubles...), t.warnings()...), doubtful...)
	return r
}
