package triage

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/steps/wire"
)

// holdItem says whether a run of this program works on the node.
func holdItem(e Evidence, now time.Time) Item {
	item := Item{ID: "lease", Verdict: NotDetermined, Source: cmp.Or(e.Hold.Source, "the Lease of the node"), At: e.Hold.At}
	h := e.Hold
	switch {
	case !h.known(now):
		item.Detail, item.At = h.why("whether somebody works on this node", now), time.Time{}
	case h.Held:
		item.Verdict, item.Detail = Violated, sentence(h.says())
	case h.Run != "" && h.Note != "":
		item.Verdict, item.Detail = Holds, sentence("no run holds the node. The last one, "+h.Run+", let it go: "+h.Note)
	default:
		item.Verdict, item.Detail = Holds, "No run of svrescue holds the node."
	}
	return item
}

func (h Hold) says() string {
	text := fmt.Sprintf("run %s of svrescue holds the node", cmp.Or(h.Run, "(its name is not told)"))
	if h.By != "" {
		text += ", for " + h.By
	}
	if h.Step != "" {
		text += ", in step " + h.Step
	}
	return text
}

// unfinished says whether the last run let the node go before it came to its end, by the words in which a run does that.
func (h Hold) unfinished(now time.Time) bool {
	if !h.known(now) || h.Held || h.Note == "" {
		return false
	}
	for _, end := range []wire.Outcome{wire.Recovered, wire.Rehearsed} {
		if strings.HasPrefix(h.Note, string(end)+":") {
			return false
		}
	}
	return true
}

// held says whether somebody works on the node: what is down then may be so on purpose, and two recoveries at once can destroy what one saves.
func (s seen) held() bool { return s.e.Hold.known(s.now) && s.e.Hold.Held }

// heldBack takes every recommendation back while a run holds the node; and where that could not be read, those of paths that give something up.
func (s seen) heldBack(paths []Path) {
	for i := range paths {
		p := &paths[i]
		if !s.e.Hold.known(s.now) && p.Path != Restore && p.Verdict == Recommended {
			p.Verdict = Possible
			p.Against = append([]Reason{{sentence("whether another run works on this node could not be read, and this path gives something up"), []string{"lease"}}}, p.Against...)
		}
		if !s.held() {
			continue
		}
		if p.Verdict == Recommended {
			p.Verdict = Possible
		}
		if p.Verdict != Impossible {
			p.Against = append([]Reason{{sentence(s.e.Hold.says() + ": begin no other"), []string{"lease"}}}, p.Against...)
		}
	}
}
