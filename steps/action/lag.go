package action

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// InStep is how far behind a component may be that counts as caught up: upstream's bound for each of them
// (reference/deployment.md 8.4).
const InStep = 30 * time.Second

// ahead is how far a component may seem to be ahead of the clock before the clock is what is wrong.
const ahead = 10 * time.Second

// What the components tell of themselves on their metrics port. Upstream's monitor-sv-catchup.sh judges by the first and the last;
// the delay is a gauge that is 0 until a block is processed and keeps its last value when none comes, so the height stands beside it.
const (
	metricsPort    = 10013
	metricsPath    = "/metrics"
	blockDelay     = "daml_sequencer_block_delay"  // ms
	blockHeight    = "daml_sequencer_block_height" // of the last processed block
	lastSequencing = "daml_sequencer_client_handler_last_sequencing_time_micros"
)

// Follows says what a component's lag is read from.
type Follows string

// The four components whose lag tells whether a node is in step with its network.
const (
	ByChain     Follows = "cometbft"
	BySequencer Follows = "sequencer"
	ByClient    Follows = "client" // participant and mediator: the time of the last event that they handled
)

// Followed is one component whose lag is watched.
type Followed struct {
	Part    string // "participant", for people
	Follows Follows
	Pods
}

// Lag is how far one component was behind when it was read.
type Lag struct {
	Of     Followed
	Known  bool
	Behind time.Duration // only where Known; counted from when it was asked, so that a slow answer is no lag
	Seen   string        // what it said, or why it could not be told
	Source string        // where that was read
	Denied bool          // the permission to read it is missing
	Height int64         // of the chain or of the sequencer's blocks, 0 where it is not told
	Block  time.Time     // of the chain's last block
	Peers  int           // of the chain, -1 where it is not told
	Event  time.Time     // of the last event that a client of the sequencer has handled
	Chain  string        // the chain's ID, which ends in the migration or serial ID; "" where it is not told
	// CatchingUp is what the chain says of itself. It is shown, and never judged by: one that stands still says false.
	CatchingUp bool
	took       time.Duration // how long the answer took; what is newer than the question by no more than that is not ahead
}

// Verdict is what the reading says of the component being in step.
func (l Lag) Verdict() wire.Verdict {
	switch {
	case !l.Known:
		return wire.Undetermined
	case l.Behind <= InStep:
		return wire.Holds
	}
	return wire.Violated
}

// Skew is how far the cluster's clock is from ours. Lags are told by the cluster's: its components run there, and this machine may be
// anybody's.
type Skew struct {
	Known bool
	By    time.Duration // the cluster's clock minus ours
}

// ReadSkew asks the cluster for its time. A cluster that does not tell is no error; lags are then told by this machine's clock.
func ReadSkew(ctx context.Context, w steps.World) Skew {
	r, err := w.Kube.Reach(ctx)
	if err != nil || r.ServerTime == nil {
		return Skew{}
	}
	return Skew{Known: true, By: r.Skew}
}

// ReadLags reads how far each component is behind. What cannot be read is told in its place: one pod that is starting must not hide
// how the others do. The error is of the context, or that the login to the cluster has expired.
func ReadLags(ctx context.Context, w steps.World, components []Followed, skew Skew) ([]Lag, error) {
	var lags []Lag
	for _, c := range components {
		l := Lag{Of: c, Peers: -1}
		var err error
		switch c.Follows {
		case ByChain:
			err = l.readChain(ctx, w, skew)
		case BySequencer:
			err = l.readSequencer(ctx, w)
		default:
			err = l.readClient(ctx, w, skew)
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if kube.KindOf(err) == kube.Unauthorized {
			return nil, err // or it would be waited for hours, while nobody is told to log in again
		}
		if err != nil {
			l.Known, l.Seen, l.Denied = false, whyNotRead(err), kube.KindOf(err) == kube.Forbidden
		}
		if l.Known && l.Behind+l.took < -ahead {
			l.Known, l.Seen = false, fmt.Sprintf("it is %s ahead of the clock that lags are told by", Span(-l.Behind-l.took))
		}
		l.Behind = max(l.Behind, 0)
		lags = append(lags, l)
	}
	return lags, nil
}

// whyNotRead is the error of a read in the words of a list.
func whyNotRead(err error) string { return plain.Cut(steps.FailureOf("", err).Seen, 160) }

func (l *Lag) readChain(ctx context.Context, w steps.World, skew Skew) error {
	l.Source = fmt.Sprintf("%s, %s on port %d", l.Of.Workload.Name, chainStatus, chainPort)
	asked := w.Clock.Now()
	data, err := w.Pods.Get(ctx, l.Of.Workload.Namespace, l.Of.Selector, chainPort, chainStatus)
	if err != nil {
		return err
	}
	l.took = w.Clock.Since(asked)
	c, err := parseChain(data)
	if err != nil {
		return err
	}
	if data, err := w.Pods.Get(ctx, l.Of.Workload.Namespace, l.Of.Selector, chainPort, chainPeers); err == nil {
		if n, err := parsePeers(data); err == nil {
			l.Peers = n
		}
	}
	if c.height == 0 {
		return errors.New("it has no block yet")
	}
	l.Known, l.Height, l.Block, l.Chain, l.CatchingUp = true, c.height, c.blockTime, c.network, c.catchingUp
	l.Behind = asked.Add(skew.By).Sub(c.blockTime)
	l.Seen = fmt.Sprintf("chain %s, height %d, block time %s, %s", cmp.Or(c.network, "not named"), c.height, c.blockTime.UTC().Format("2006-01-02 15:04:05"), peers(l.Peers))
	if c.catchingUp {
		l.Seen += ", it says it is catching up"
	}
	return nil
}

func peers(n int) string {
	switch n {
	case -1:
		return "number of peers not told"
	case 1:
		return "1 peer"
	}
	return fmt.Sprintf("%d peers", n)
}

func (l *Lag) readSequencer(ctx context.Context, w steps.World) error {
	l.Source = fmt.Sprintf("%s, %s on port %d", l.Of.Workload.Name, metricsPath, metricsPort)
	found, err := l.metrics(ctx, w, blockDelay, blockHeight)
	if err != nil {
		return err
	}
	delay, ok := worst(found[blockDelay], l.Of.Part, false)
	if !ok {
		return noMetric(blockDelay)
	}
	height, told := worst(found[blockHeight], l.Of.Part, false)
	if told {
		l.Height = int64(min(height.value, math.MaxInt64/2))
	}
	if delay.value == 0 && l.Height == 0 {
		return errors.New("it has processed no block since it started")
	}
	l.Known, l.Behind = true, millis(delay.value)
	l.Seen = fmt.Sprintf("%s %.0f ms", blockDelay, delay.value)
	if told {
		l.Seen += fmt.Sprintf(", block %d", l.Height)
	}
	return nil
}

func (l *Lag) readClient(ctx context.Context, w steps.World, skew Skew) error {
	l.Source = fmt.Sprintf("%s, %s on port %d", l.Of.Workload.Name, metricsPath, metricsPort)
	asked := w.Clock.Now()
	found, err := l.metrics(ctx, w, lastSequencing)
	if err != nil {
		return err
	}
	l.took = w.Clock.Since(asked)
	last, ok := worst(found[lastSequencing], l.Of.Part, true)
	if !ok {
		return noMetric(lastSequencing)
	}
	if last.value <= 0 {
		return errors.New("it has handled no event since it started")
	}
	at := time.UnixMicro(int64(min(last.value, 1<<53)))
	l.Known, l.Behind, l.Event = true, asked.Add(skew.By).Sub(at), at.UTC()
	l.Seen = "last event of " + at.UTC().Format("2006-01-02 15:04:05") + named(last.labels)
	return nil
}

// metrics reads the wanted metrics; the exporter sends no others where it knows the parameter, as upstream's watchdog relies on.
func (l *Lag) metrics(ctx context.Context, w steps.World, wanted ...string) (map[string][]sample, error) {
	path := metricsPath
	for i, name := range wanted {
		path += []string{"?", "&"}[min(i, 1)] + "name[]=" + name
	}
	data, err := w.Pods.Get(ctx, l.Of.Workload.Namespace, l.Of.Selector, metricsPort, path)
	if err != nil {
		return nil, err
	}
	return samples(data, wanted...), nil
}

func noMetric(name string) error { return errors.New("it has no metric " + name) }

// worst is the value furthest behind: the largest, or the smallest where it is a time. Values that name another component
// are not of this one.
func worst(all []sample, part string, smallest bool) (sample, bool) {
	all = slices.DeleteFunc(slices.Clone(all), func(s sample) bool {
		c, told := s.labels["component"]
		return told && c != "" && c != part || math.IsInf(s.value, 0)
	})
	if len(all) == 0 {
		return sample{}, false
	}
	by := func(a, b sample) int { return cmp.Compare(a.value, b.value) }
	if smallest {
		return slices.MinFunc(all, by), true
	}
	return slices.MaxFunc(all, by), true
}

// named says which synchronizer a value is of, where its labels tell.
func named(labels map[string]string) string {
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if strings.Contains(key, "synchronizer") || strings.Contains(key, "domain") {
			return ", " + key + " " + plain.Cut(plain.Line(labels[key]), 60)
		}
	}
	return ""
}

func millis(ms float64) time.Duration {
	return time.Duration(min(max(ms, -1e12), 1e12) * float64(time.Millisecond))
}

// Span writes a time as a person says it: 4 s, 3 min, 2 h 5 min, 9 days.
func Span(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int64(d/time.Second))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int64(d/time.Minute))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int64(d/time.Hour), int64(d/time.Minute)%60)
	}
	return fmt.Sprintf("%d days", int64(d/(24*time.Hour)))
}
