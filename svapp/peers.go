package svapp

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Outcome is what came of asking one peer.
type Outcome string

const (
	Answered  Outcome = "answered"
	Disagrees Outcome = "disagrees"   // answered otherwise than most: it is behind, or wrong, or the others are
	Failing   Outcome = "failing"     // its app answered with an error
	NoAnswer  Outcome = "unreachable" // this machine got no answer from its app. Whether it is down is not known
	NotAsked  Outcome = "not asked"   // the time was over before its turn
)

// Peer is a scan to ask, by the name of its SV.
type Peer struct {
	SV   string
	Scan *Scan
}

// Peers makes peers of the scans that a scan names, each by its public address, with the same settings but for the way. They get no tokens:
// the addresses come from the network. An address that cannot be used is answered beside them.
func (o Out) Peers(scans []Address, s Settings) (peers []Peer, unusable []Try) {
	s.Tokens = nil
	for _, a := range scans {
		var scan *Scan
		w, err := o.Public(a.URL)
		if err == nil {
			s.Way = w
			scan, err = NewScan(s)
		}
		if err != nil {
			unusable = append(unusable, Try{Way: a.SVName, Error: asError(context.Background(), err, "reach the scan of "+a.SVName)})
			continue
		}
		peers = append(peers, Peer{SV: a.SVName, Scan: scan})
	}
	return peers, unusable
}

// Reply is what one peer said.
type Reply[T any] struct {
	SV      string        `json:"sv"`
	Way     string        `json:"way"` // by which it was asked
	Outcome Outcome       `json:"outcome"`
	Value   T             `json:"value"`           // only when answered or disagrees
	Error   *Error        `json:"error,omitempty"` // in all other cases
	Took    time.Duration `json:"took"`            // nanoseconds
}

// Poll is what the peers said, in the order in which they were given.
type Poll[T any] struct {
	Replies []Reply[T] `json:"replies"`
	// Agreeing is how many gave the answer that most gave; 0 where nobody answered or two answers are equally frequent. Then no peer
	// counts as one that disagrees.
	Agreeing int `json:"agreeing"`
	Value    T   `json:"value"` // that answer
}

// Count is how many peers had this outcome.
func (p Poll[T]) Count(o Outcome) int {
	n := 0
	for _, r := range p.Replies {
		if r.Outcome == o {
			n++
		}
	}
	return n
}

// Bounds are those of a poll.
type Bounds struct {
	AtOnce int                // peers that are asked at the same time; 0: 8
	Each   time.Duration      // for each peer; 0: 10 s. The whole has the time of the context
	Clock  clock.PassiveClock // for the time that each took; nil: the real clock
}

// AskPeers asks several scans the same and compares the answers: one alone may be behind, or wrong (reference/apis.md 7). same answers what two
// answers must have in common to agree. It returns when all peers are done.
func AskPeers[T any, K comparable](ctx context.Context, peers []Peer, b Bounds, question func(context.Context, *Scan) (T, error), same func(T) K) Poll[T] {
	if b.Clock == nil {
		b.Clock = clock.RealClock{}
	}
	p := Poll[T]{Replies: make([]Reply[T], len(peers))}
	room := make(chan struct{}, max(cmp.Or(b.AtOnce, 8), 1))
	var all sync.WaitGroup
	for i, peer := range peers {
		p.Replies[i] = Reply[T]{SV: peer.SV, Way: peer.Scan.Way(), Outcome: NotAsked}
		select {
		case <-ctx.Done():
		case room <- struct{}{}:
		}
		if ctx.Err() != nil {
			p.Replies[i].Error = &Error{Kind: Canceled, Tried: "ask the scan of " + peer.SV, Seen: "the time was over before its turn", Next: "ask again", err: ctx.Err()}
			continue
		}
		all.Go(func() {
			defer func() { <-room }()
			askOne(ctx, peer, b, question, &p.Replies[i])
		})
	}
	all.Wait()
	return Settle(p.Replies, same)
}

func askOne[T any](ctx context.Context, peer Peer, b Bounds, question func(context.Context, *Scan) (T, error), r *Reply[T]) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(b.Each, 10*time.Second))
	defer cancel()
	began := b.Clock.Now()
	value, err := question(ctx, peer.Scan)
	took, way := b.Clock.Now().Sub(began), r.Way
	*r = ReplyOf(ctx, peer.SV, value, err)
	r.Took, r.Way = took, way
}

// ReplyOf is what came of asking the scan of an SV, for those who ask by a way of their own. ctx is that of the question.
func ReplyOf[T any](ctx context.Context, sv string, value T, err error) Reply[T] {
	switch {
	case err == nil:
		return Reply[T]{SV: sv, Outcome: Answered, Value: value}
	case Reached(err):
		return Reply[T]{SV: sv, Outcome: Failing, Error: asError(ctx, err, "ask the scan of "+sv)}
	}
	return Reply[T]{SV: sv, Outcome: NoAnswer, Error: asError(ctx, err, "ask the scan of "+sv)}
}

// asError is any error as one of this package.
func asError(ctx context.Context, err error, tried string) *Error {
	e := noAnswer(ctx, err)
	if e.Tried == "" {
		e.Tried = tried
	}
	return e
}

// Settle finds the answer that most gave, and who gave another. same is that of AskPeers.
func Settle[T any, K comparable](replies []Reply[T], same func(T) K) Poll[T] {
	p := Poll[T]{Replies: replies}
	votes := map[K]int{}
	keys := make([]K, len(p.Replies))
	for i, r := range p.Replies {
		if r.Outcome == Answered {
			keys[i] = same(r.Value)
			votes[keys[i]]++
		}
	}
	if len(votes) == 0 {
		return p
	}
	counts := make([]int, 0, len(votes))
	for _, n := range votes {
		counts = append(counts, n)
	}
	slices.SortFunc(counts, func(a, b int) int { return b - a })
	if len(counts) > 1 && counts[0] == counts[1] {
		return p
	}
	for i := range p.Replies {
		r := &p.Replies[i]
		if r.Outcome != Answered {
			continue
		}
		if votes[keys[i]] != counts[0] {
			r.Outcome = Disagrees
		} else if p.Agreeing == 0 {
			p.Agreeing, p.Value = counts[0], r.Value
		}
	}
	return p
}
