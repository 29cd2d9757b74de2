package svapp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// peer is a scan that answers like this.
func peer(t *testing.T, name string, o over) Peer {
	t.Helper()
	s, err := NewScan(Settings{Way: Way{Name: "public host scan." + name, Base: "https://scan." + name, Through: o}})
	if err != nil {
		t.Fatal(err)
	}
	return Peer{SV: name, Scan: s}
}

// party answers with a DSO party after a while, if the request is not given up before.
func party(id string, after time.Duration) over {
	return func(r *http.Request) (*http.Response, error) {
		select {
		case <-time.After(after):
			return says(200, `{"dso_party_id":"`+id+`"}`)(r)
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
}

func dsoParty(ctx context.Context, s *Scan) (string, error) { return s.DSOParty(ctx) }

func itself(s string) string { return s }

func TestPeers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := over(func(*http.Request) (*http.Response, error) { return nil, errors.New("connection reset") })
		peers := []Peer{peer(t, "a", party("DSO::1", time.Second)), peer(t, "b", party("DSO::2", 0)), peer(t, "c", party("DSO::1", 3*time.Second)), peer(t, "d", broken),
			peer(t, "e", says(502, nginx)), peer(t, "f", says(503, `{"error":"io exception"}`)), peer(t, "g", party("DSO::1", time.Hour)), peer(t, "h", says(403, "RBAC: access denied"))}
		p := AskPeers(t.Context(), peers, Bounds{}, dsoParty, itself)
		want := []Outcome{Answered, Disagrees, Answered, NoAnswer, NoAnswer, Failing, NoAnswer, NoAnswer}
		for i, r := range p.Replies {
			if r.Outcome != want[i] || r.SV != peers[i].SV || r.Way != "public host scan."+r.SV {
				t.Errorf("%s: %s by %s, %v", r.SV, r.Outcome, r.Way, r.Error)
			}
			if (r.Error != nil) != (r.Outcome != Answered && r.Outcome != Disagrees) {
				t.Errorf("%s: %v", r.SV, r.Error)
			} else if r.Error != nil {
				checkSentence(t, r.Error)
			}
		}
		if p.Agreeing != 2 || p.Value != "DSO::1" || p.Replies[1].Value != "DSO::2" || p.Count(NoAnswer) != 4 {
			t.Errorf("%+v", p)
		}
		if r := p.Replies[6]; r.Took != 10*time.Second || r.Error.Kind != Timeout {
			t.Errorf("the slow one took %s: %v", r.Took, r.Error)
		}
	})
}

func TestPeersThatSplit(t *testing.T) {
	for _, c := range []struct {
		name    string
		answers []string
		agree   int
		differ  int
	}{
		{"nobody", nil, 0, 0},
		{"one", []string{"x"}, 1, 0},
		{"all", []string{"x", "x", "x"}, 3, 0},
		{"even", []string{"x", "y"}, 0, 0},
		{"even among three kinds", []string{"x", "x", "y", "y", "z"}, 0, 0},
		{"most", []string{"y", "x", "x", "z"}, 2, 2},
	} {
		var peers []Peer
		for i, a := range c.answers {
			peers = append(peers, peer(t, fmt.Sprint("sv-", i), says(200, `{"dso_party_id":"`+a+`"}`)))
		}
		p := AskPeers(t.Context(), peers, Bounds{}, dsoParty, itself)
		if p.Agreeing != c.agree || p.Count(Disagrees) != c.differ || p.Count(Answered) != len(c.answers)-c.differ {
			t.Errorf("%s: %+v", c.name, p)
		}
	}
}

func TestPeersAreAskedWithinBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		slow := over(func(r *http.Request) (*http.Response, error) {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			return party("x", 4*time.Second)(r)
		})
		var peers []Peer
		for i := range 9 {
			peers = append(peers, peer(t, fmt.Sprint("sv-", i), slow))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		p := AskPeers(ctx, peers, Bounds{AtOnce: 2, Each: 5 * time.Second}, dsoParty, itself)
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("it took %s", took)
		}
		if most.Load() != 2 || p.Count(Answered) != 4 || p.Count(NoAnswer) != 2 || p.Count(NotAsked) != 3 {
			t.Errorf("%d at once; %+v", most.Load(), p)
		}
		for _, r := range p.Replies {
			if r.Outcome == NotAsked {
				checkSentence(t, r.Error)
			}
		}
	})
}

func TestChoose(t *testing.T) {
	named := func(name string, o over) Way { return Way{Name: name, Base: "https://x.example.org", Through: o} }
	broken := named("broken", func(*http.Request) (*http.Response, error) { return nil, errors.New("connection reset") })
	blocked := named("blocked", says(403, "RBAC: access denied"))
	other := named("other", says(200, page("Welcome")))
	good := named("good", says(200, `{"version":"0.6.4","commit_ts":"x"}`))
	ill := named("ill", says(503, `{"error":"io exception"}`))
	for _, c := range []struct {
		name    string
		ways    []Way
		chosen  string
		release string
		tries   []Kind
	}{
		{"the first that works", []Way{broken, blocked, other, good, ill}, "good", "0.6.4", []Kind{Unreachable, Blocked, Elsewhere, ""}},
		{"an app that is ill is reached", []Way{broken, ill, good}, "ill", "", []Kind{Unreachable, Unavailable}},
		{"none", []Way{broken, blocked}, "", "", []Kind{Unreachable, Blocked}},
		{"no way", nil, "", "", nil},
		{"one that is none", []Way{{Name: "x"}, good}, "good", "0.6.4", []Kind{Setup, ""}},
	} {
		w, release, tries, err := Choose(t.Context(), SVApp, c.ways, Settings{Tokens: fixedToken(t, canary)})
		if w.Name != c.chosen || release != c.release || len(tries) != len(c.tries) || (err == nil) != (c.chosen != "") {
			t.Errorf("%s: %s %s %v, %v", c.name, w.Name, release, tries, err)
			continue
		}
		for i, try := range tries {
			if (try.Error == nil) != (c.tries[i] == "") || try.Error != nil && try.Error.Kind != c.tries[i] || try.Way != c.ways[i].Name {
				t.Errorf("%s: %+v", c.name, try)
			}
		}
		if err != nil {
			checkSentence(t, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, tries, err := Choose(ctx, SVApp, []Way{broken, good}, Settings{}); KindOf(err) != Canceled || len(tries) != 1 {
		t.Error(tries, err)
	}
}
