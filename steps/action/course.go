package action

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/steps/wire"
)

// How a catch-up is judged over time.
const (
	sustained     = 3                // readings in a row in which everything is in step: one may be luck
	trendSpan     = 5 * time.Minute  // how far back a trend looks
	trendNeeds    = time.Minute      // how far apart its ends must be
	trendSlope    = 0.02             // seconds of lag per second below which a lag stands still: 6 s in 5 minutes
	telling       = 2 * time.Minute  // without progress until it is said
	blindPatience = 5 * time.Minute  // for what cannot be read, while pods start
	stuckPatience = 5 * time.Minute  // for a chain without a new block
	dullPatience  = 45 * time.Minute // without any progress until the operator is asked
)

// course is how the lags went. It is fed with readings and reads no clock.
type course struct {
	began  time.Time
	tracks []*track
	good   int // readings in a row with everything that is known in step
}

// track is how one component's lag went.
type track struct {
	last  Lag
	marks []lagMark // of the last trendSpan
	low   time.Duration
	lowAt time.Time // when the lag last was clearly lower than ever before
	moved time.Time // when the chain or the sequencer last showed a new block
	seen  bool      // it was read at least once
	blind time.Time // since when it cannot be read
}

type lagMark struct {
	at     time.Time
	behind time.Duration
}

// stalled says that a chain shows no new block, and since when.
type stalled struct {
	lag   Lag
	since time.Time
}

// outlook is what one more reading means.
type outlook struct {
	progress wire.Progress
	over     bool          // everything that can be read is in step, and has been
	blind    bool          // what is not in step cannot be read, or nothing can
	stalled  *stalled      // a chain stands still
	dull     time.Duration // no progress for so long that somebody should look; 0: not so
}

// add takes a reading. The lags are always of the same components in the same order.
func (c *course) add(now time.Time, lags []Lag) outlook {
	if c.tracks == nil {
		c.began = now
		for range lags {
			c.tracks = append(c.tracks, &track{})
		}
	}
	for i, l := range lags {
		c.tracks[i].add(now, l)
	}
	n := outlook{}
	known, inStep, blind := 0, 0, 0
	var since time.Time // of the last progress of what is behind
	for _, t := range c.tracks {
		switch t.verdict(now) {
		case wire.Holds:
			known, inStep = known+1, inStep+1
		case wire.Violated:
			known++
			if t.lowAt.After(since) {
				since = t.lowAt
			}
			if t.last.Of.Follows == ByChain && now.Sub(t.moved) >= stuckPatience {
				n.stalled = &stalled{t.last, t.moved}
			}
		default:
			if t.last.Denied || now.Sub(t.blind) >= blindPatience {
				blind++
			}
		}
	}
	if known > 0 && inStep == known {
		c.good++
	} else {
		c.good = 0
	}
	unread := len(lags) - known
	n.over = c.good >= sustained && unread == blind
	n.blind = known == 0 && blind == len(lags)
	idle := time.Duration(0)
	if !since.IsZero() {
		idle = now.Sub(since)
	}
	if idle >= dullPatience {
		n.dull = idle
	}
	n.progress = c.shown(now, inStep, idle)
	return n
}

func (t *track) add(now time.Time, l Lag) {
	before := t.last
	t.last = l
	if !l.Known {
		if t.blind.IsZero() {
			t.blind = now
		}
		t.marks = nil
		return
	}
	t.blind = time.Time{}
	if !t.seen || !before.Known || l.Height != before.Height || !l.Block.Equal(before.Block) || before.Known && l.Of.Follows == BySequencer && l.Behind != before.Behind {
		t.moved = now
	}
	if !t.seen || l.Behind < t.low-max(time.Second, t.low/200) {
		t.low, t.lowAt = l.Behind, now
	}
	t.seen = true
	t.marks = append(t.marks, lagMark{now, l.Behind})
	for len(t.marks) > 2 && now.Sub(t.marks[1].at) >= trendSpan {
		t.marks = t.marks[1:]
	}
}

// verdict is that of the last reading, but a sequencer whose delay has not changed for a while says nothing: the gauge keeps
// its last value when no block comes.
func (t *track) verdict(now time.Time) wire.Verdict {
	v := t.last.Verdict()
	if v == wire.Holds && t.stale(now) {
		return wire.Violated
	}
	return v
}

func (t *track) stale(now time.Time) bool {
	return t.last.Of.Follows == BySequencer && t.last.Known && now.Sub(t.moved) >= telling
}

// slope is how many seconds the lag falls in a second; false where that cannot be told yet.
func (t *track) slope() (float64, bool) {
	if len(t.marks) < 2 {
		return 0, false
	}
	first, last := t.marks[0], t.marks[len(t.marks)-1]
	span := last.at.Sub(first.at)
	if span < trendNeeds {
		return 0, false
	}
	return (first.behind - last.behind).Seconds() / span.Seconds(), true
}

func trend(slope float64) string {
	switch {
	case slope > trendSlope:
		return "falling"
	case slope < -trendSlope:
		return "rising"
	}
	return "standing"
}

// shown is the reading as the operator sees it.
func (c *course) shown(now time.Time, inStep int, idle time.Duration) wire.Progress {
	p := wire.Progress{Unit: "components", Done: int64(inStep), Total: int64(len(c.tracks))}
	var left time.Duration
	behind, endKnown := 0, true
	for _, t := range c.tracks {
		item := wire.Item{Name: t.last.Of.Workload.Name, Note: t.last.Seen}
		slope, told := t.slope()
		switch v := t.verdict(now); {
		case v == wire.Undetermined:
			item.State = "not determined"
		case v == wire.Holds:
			item.State, item.Done = Span(t.last.Behind)+" behind", true
		case t.stale(now):
			item.State = "no new block for " + Span(now.Sub(t.moved))
			behind, endKnown = behind+1, false
		default:
			item.State = Span(t.last.Behind) + " behind"
			if told {
				item.State += ", " + trend(slope)
			}
			if still := now.Sub(t.lowAt); still >= telling {
				item.Note = strings.TrimPrefix(item.Note+"; no progress for "+Span(still), "; ")
			}
			behind++
			if !told || slope <= trendSlope {
				endKnown = false
			} else {
				left = max(left, time.Duration(float64(t.last.Behind-InStep)/slope))
			}
		}
		p.Items = append(p.Items, item)
	}
	switch {
	case behind > 0 && idle >= telling:
		p.Text = "no progress for " + Span(idle)
	case behind > 0 && endKnown:
		p.Text = "in step " + roughly(left) + " if it goes on like this"
	case behind > 0:
		p.Text = "catching up; when it will be in step cannot be told yet"
	case inStep == len(c.tracks):
		p.Text = fmt.Sprintf("in step, seen %d of %d times", min(c.good, sustained), sustained)
	case inStep > 0:
		p.Text = "what can be read is in step; waiting for the rest to be read"
	default:
		p.Text = "nothing can be read yet"
	}
	return p
}

// roughly says when something will be, without more precision than a rate allows.
func roughly(d time.Duration) string {
	switch {
	case d < 5*time.Minute:
		return "in a few minutes"
	case d < 90*time.Minute:
		return fmt.Sprintf("in about %d min", (int64(d.Minutes())+5)/10*10)
	case d < 36*time.Hour:
		return fmt.Sprintf("in about %d h", int64(d.Hours()+0.5))
	case d < 60*24*time.Hour:
		return fmt.Sprintf("in about %d days", int64(d.Hours()/24+0.5))
	}
	return "in more than two months"
}

// open are the items that are not done.
func open(items []wire.Item) []wire.Item {
	return slices.DeleteFunc(slices.Clone(items), func(i wire.Item) bool { return i.Done })
}
