package action

import (
	"strings"
	"testing"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/wire"
)

var began = time.Date(2026, 3, 1, 3, 0, 0, 0, time.UTC)

func of(part string, follows Follows) Followed {
	return Followed{Part: part, Follows: follows, Pods: Pods{Workload: kube.WorkloadRef{Kind: kube.Deployment, Namespace: "sv", Name: part}}}
}

var (
	comet       = of("cometbft", ByChain)
	sequencer   = of("sequencer", BySequencer)
	participant = of("participant", ByClient)
)

func behind(f Followed, d time.Duration, height int64) Lag {
	return Lag{Of: f, Known: true, Behind: d, Height: height, Block: began.Add(time.Duration(height) * time.Second), Peers: 3}
}

func unread(f Followed) Lag { return Lag{Of: f, Seen: "it has no metric x", Peers: -1} }

// run feeds readings every ten seconds until one decides something, at most for the time given.
func run(limit time.Duration, lags func(at time.Duration) []Lag) (outlook, time.Duration) {
	var c course
	for at := time.Duration(0); ; at += 10 * time.Second {
		n := c.add(began.Add(at), lags(at))
		if n.over || n.blind || n.stalled != nil || n.dull > 0 || at >= limit {
			return n, at
		}
	}
}

func moving(at time.Duration) int64 { return 1000 + int64(at.Seconds()) }

func TestCourse(t *testing.T) {
	for _, c := range []struct {
		name  string
		lags  func(time.Duration) []Lag
		want  string // over, blind, stalled, dull, or nothing
		after time.Duration
	}{
		{"in step is believed when it was seen three times", func(at time.Duration) []Lag {
			return []Lag{behind(comet, time.Second, moving(at)), behind(participant, 2*time.Second, 0)}
		}, "over", 20 * time.Second},
		{"one bad reading begins it anew", func(at time.Duration) []Lag {
			lag := time.Second
			if at == 10*time.Second {
				lag = time.Minute
			}
			return []Lag{behind(participant, lag, 0)}
		}, "over", 40 * time.Second},
		{"it takes as long as it takes", func(at time.Duration) []Lag {
			return []Lag{behind(participant, max(2*time.Hour-at, time.Second), 0)}
		}, "over", 2*time.Hour - 30*time.Second + 20*time.Second},
		{"what cannot be read does not hold up for ever", func(at time.Duration) []Lag {
			return []Lag{behind(comet, time.Second, moving(at)), unread(participant)}
		}, "over", 5 * time.Minute},
		{"a permission that is missing is known at once", func(at time.Duration) []Lag {
			denied := unread(participant)
			denied.Denied = true
			return []Lag{behind(comet, time.Second, moving(at)), denied}
		}, "over", 20 * time.Second},
		{"what cannot be read yet is waited for while the rest is behind", func(at time.Duration) []Lag {
			return []Lag{behind(comet, max(time.Hour-at, time.Second), moving(at)), unread(participant)}
		}, "over", time.Hour - 30*time.Second + 20*time.Second},
		{"nothing can be read", func(time.Duration) []Lag { return []Lag{unread(comet), unread(participant)} }, "blind", 5 * time.Minute},
		{"a chain without a new block", func(at time.Duration) []Lag {
			return []Lag{behind(comet, time.Hour+at, 1000), behind(participant, time.Hour+at, 0)}
		}, "stalled", 5 * time.Minute},
		{"a chain without a new block that is in step is no trouble", func(time.Duration) []Lag {
			return []Lag{behind(comet, time.Second, 1000)}
		}, "over", 20 * time.Second},
		{"a chain that answers again is given time", func(at time.Duration) []Lag {
			if at == 4*time.Minute {
				return []Lag{unread(comet)}
			}
			return []Lag{behind(comet, time.Hour+at, 1000)}
		}, "stalled", 4*time.Minute + 10*time.Second + 5*time.Minute},
		{"blocks come, but the lag grows", func(at time.Duration) []Lag {
			return []Lag{behind(comet, time.Hour+at/10, moving(at))}
		}, "dull", 45 * time.Minute},
		{"one that falls is progress of all", func(at time.Duration) []Lag {
			return []Lag{behind(comet, 20*time.Hour-at, moving(at)), behind(participant, time.Hour+at, 0)}
		}, "", 3 * time.Hour},
		{"a sequencer whose delay never changes has no new blocks", func(at time.Duration) []Lag {
			return []Lag{behind(sequencer, time.Second, 0), behind(participant, max(10*time.Minute-at, time.Second), 0)}
		}, "dull", 45 * time.Minute},
	} {
		n, at := run(3*time.Hour, c.lags)
		got := ""
		switch {
		case n.over:
			got = "over"
		case n.blind:
			got = "blind"
		case n.stalled != nil:
			got = "stalled"
		case n.dull > 0:
			got = "dull"
		}
		if got != c.want || at != c.after {
			t.Errorf("%s: %q after %s, want %q after %s", c.name, got, at, c.want, c.after)
		}
	}
}

func TestCourseIsShownWithoutFalsePrecision(t *testing.T) {
	show := func(minutes int, lags func(at time.Duration) []Lag) wire.Progress {
		var c course
		var p wire.Progress
		for at := time.Duration(0); at <= time.Duration(minutes)*time.Minute; at += 10 * time.Second {
			p = c.add(began.Add(at), lags(at)).progress
		}
		return p
	}
	for _, c := range []struct {
		name        string
		minutes     int
		lags        func(time.Duration) []Lag
		text, state string
	}{
		{"too early to tell", 0, func(time.Duration) []Lag { return []Lag{behind(participant, time.Hour, 0)} }, "cannot be told yet", "60 min behind"},
		{"falling", 3, func(at time.Duration) []Lag { return []Lag{behind(participant, 2*time.Hour-2*at, 0)} }, "in about 60 min", "behind, falling"},
		{"soon", 3, func(at time.Duration) []Lag { return []Lag{behind(participant, 10*time.Minute-2*at, 0)} }, "in a few minutes", "falling"},
		{"rising", 3, func(at time.Duration) []Lag { return []Lag{behind(participant, time.Hour+at, 0)} }, "no progress for 3 min", "behind, rising"},
		{"standing", 3, func(time.Duration) []Lag { return []Lag{behind(participant, time.Hour, 0)} }, "no progress for 3 min", "behind, standing"},
		{"the slowest counts", 3, func(at time.Duration) []Lag {
			return []Lag{behind(participant, 10*time.Minute-2*at, 0), behind(comet, 10*time.Hour-at, moving(at))}
		}, "in about 10 h", "falling"},
		{"in step", 0, func(time.Duration) []Lag { return []Lag{behind(participant, time.Second, 0)} }, "seen 1 of 3 times", "1 s behind"},
		{"not read", 0, func(time.Duration) []Lag { return []Lag{unread(participant)} }, "nothing can be read yet", "not determined"},
	} {
		p := show(c.minutes, c.lags)
		if !strings.Contains(p.Text, c.text) || !strings.Contains(p.Items[0].State, c.state) {
			t.Errorf("%s: %q, %q", c.name, p.Text, p.Items[0].State)
		}
	}
}

func TestRoughly(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "in a few minutes", 7 * time.Minute: "in about 10 min", 44 * time.Minute: "in about 40 min", 89 * time.Minute: "in about 90 min",
		100 * time.Minute: "in about 2 h", 30 * time.Hour: "in about 30 h", 40 * time.Hour: "in about 2 days", 1000 * 24 * time.Hour: "in more than two months",
	} {
		if got := roughly(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
}
