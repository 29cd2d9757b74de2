package reonboard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

const (
	asksAtOnce  = 8
	asksPatient = 20 * time.Second // for one scan: it may be asked through a pod
	// witnesses is how many scans of different SVs have to say the same before something that cannot be taken back is built on it.
	witnesses = 3
)

// ask asks the scans of several SVs the same, at the same time. One that fails, is behind or lies is an outcome of its own and no error. same
// is what two answers have in common that agree.
func ask[T any, K comparable](ctx context.Context, w steps.World, peers []Peer, question func(context.Context, *svapp.Scan) (T, error), same func(T) K) svapp.Poll[T] {
	replies := make([]svapp.Reply[T], len(peers))
	room := make(chan struct{}, asksAtOnce)
	var all sync.WaitGroup
	for i, p := range peers {
		all.Go(func() {
			room <- struct{}{}
			defer func() { <-room }()
			ctx, cancel := context.WithTimeout(ctx, asksPatient)
			defer cancel()
			var value T
			err := w.Apps.Scan(ctx, p.URL, func(scan *svapp.Scan) (err error) {
				value, err = question(ctx, scan)
				return err
			})
			replies[i] = svapp.ReplyOf(ctx, p.name(), value, err)
		})
	}
	all.Wait()
	return svapp.Settle(replies, same)
}

// name is how a peer is called; one whose SV is not known yet by its address.
func (p Peer) name() string {
	if p.SV != "" {
		return p.SV
	}
	return p.URL
}

// quorum is how many of the scans that are asked must show the same before it is taken for true: more than half of them, and two at least.
func quorum(asked int) int { return max(2, asked/2+1) }

// told are the peers with that outcome.
func told[T any](p svapp.Poll[T], o svapp.Outcome) []string {
	var names []string
	for _, r := range p.Replies {
		if r.Outcome == o {
			names = append(names, r.SV)
		}
	}
	return names
}

// silent says who gave no answer, and why; false where all did. It is no reason to stop by itself.
func silent[T any](p svapp.Poll[T]) (wire.Finding, bool) {
	finding := wire.Finding{ID: "silent", Verdict: wire.Attention, Next: "They count neither way"}
	var names []string
	for _, r := range p.Replies {
		if r.Error != nil {
			names = append(names, r.SV)
			finding.Evidence = append(finding.Evidence, wire.Evidence{Source: "the scan of " + r.SV, Seen: r.Error.Seen})
		}
	}
	finding.Text = "no answer from " + scansOf(names)
	return finding, len(names) > 0
}

// differing says who answered otherwise than most, and what; false where nobody did.
func differing[T any](p svapp.Poll[T], say func(T) string) (wire.Finding, bool) {
	finding := wire.Finding{ID: "outvoted", Verdict: wire.Attention, Next: "Such a scan is behind, or wrong. It was outvoted; tell its operators"}
	for _, r := range p.Replies {
		if r.Outcome == svapp.Disagrees {
			finding.Evidence = append(finding.Evidence, wire.Evidence{Source: "the scan of " + r.SV, Seen: say(r.Value)})
		}
	}
	finding.Text = "otherwise than most: " + scansOf(told(p, svapp.Disagrees))
	return finding, len(finding.Evidence) > 0
}

// sayings are what each of those who answered said.
func sayings[T any](w steps.World, p svapp.Poll[T], say func(T) string) []wire.Evidence {
	var all []wire.Evidence
	for _, r := range p.Replies {
		if r.Error == nil {
			all = append(all, wire.Evidence{Source: "the scan of " + r.SV, Seen: say(r.Value), At: w.Clock.Now()})
		}
	}
	return all
}

func scansOf(names []string) string {
	if len(names) == 1 {
		return "the scan of " + names[0]
	}
	return "the scans of " + strings.Join(names, ", ")
}

// count is a number of things, as one says it.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// mustHold turns what is violated into an error: after a step that changes something a person could else go on without a proof that there must be.
func mustHold(tried string, found []wire.Finding) ([]wire.Finding, error) {
	i := slices.IndexFunc(found, func(f wire.Finding) bool { return f.Verdict == wire.Violated && f.Waive == "" })
	if i < 0 {
		return found, nil
	}
	p := &steps.Problem{Tried: tried, Seen: found[i].Text, Next: found[i].Next}
	for _, e := range found[i].Evidence {
		p.Detail = append(p.Detail, e.Source+": "+e.Seen)
	}
	return nil, p
}
