package triage

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// seen is all that the rules found, for the rules that build on them.
type seen struct {
	e       Evidence
	now     time.Time
	rel     Release
	chain   chainState
	net     network
	cond    condition
	backups backups
	keys    keys
	aids    []aid
}

// Judge says what the evidence means at that time.
func Judge(e Evidence, now time.Time) Result {
	s := seen{e: inOrder(e), now: now}
	var items []Item
	add := func(more ...Item) { items = append(items, more...) }

	rel, item := releaseOf(s.e, now)
	add(item)
	rel.Ordering, item = orderingOf(s.e, now)
	s.rel = rel
	numbers := synchronizers(s.e, rel, now)
	add(item, numbers)
	s.chain, item = chainOf(s.e, rel, now)
	add(item)
	var more []Item
	s.net, more = networkOf(s.e, now)
	add(more...)
	s.cond, more = conditionOf(s.e, s.chain, now)
	add(more...)
	s.backups, more = backupsOf(s.e, now)
	add(more...)
	s.keys, more = keysOf(s.e, s.cond, s.backups, now)
	add(more...)
	add(holdItem(s.e, now))
	add(s.e.Answers.item(askDeclared, s.e.Answers.DeclaredLost), s.e.Answers.item(askBackups, s.e.Answers.BackupsElsewhere),
		s.e.Answers.item(askIdentities, s.e.Answers.IdentitiesElsewhere), s.e.Answers.item(askPurpose, s.e.Answers.OnPurpose))
	if s.cond.empty {
		add(s.e.Answers.item(askNamespace, s.e.Answers.RightNamespace), recordItem(s.e, now))
	}
	s.aids = firstAid(s.e, s.cond, s.chain, s.net, now)
	if numbers.Verdict == Violated {
		s.aids = append(s.aids, aid{cause: true, FirstAid: FirstAid{ID: "wrong-number", Seen: numbers.Detail, Means: "The values of the node do not belong together. No data is touched by that.",
			First: "Compare the migration ID in the values of the SV app with the one of the network, and put the wrong one right.", Evidence: []string{"synchronizers"}}})
	}

	r := Result{Version: Version, Release: rel, Evidence: items, FirstAid: []FirstAid{}}
	r.Paths = []Path{s.restore(), s.reonboard(), s.network()}
	s.heldBack(r.Paths)
	r.Situation, r.Summary = s.situation(r.Recommended())
	for _, a := range append(s.aids, s.besides(r.Situation)...) {
		r.FirstAid = append(r.FirstAid, a.FirstAid)
	}
	if r.Situation == Unclear {
		r.FirstAid = append(r.FirstAid, missing(items)...)
	}
	r.Questions = s.questions(r.Situation)
	r.Evidence = relevant(r)
	return r
}

// relevant is the evidence without the answers that nobody gave and on which nothing stands.
func relevant(r Result) []Item {
	cited := map[string]bool{}
	for _, p := range r.Paths {
		for _, reason := range slices.Concat(p.For, p.Against) {
			for _, id := range reason.Evidence {
				cited[id] = true
			}
		}
	}
	for _, a := range r.FirstAid {
		for _, id := range a.Evidence {
			cited[id] = true
		}
	}
	return slices.DeleteFunc(r.Evidence, func(i Item) bool {
		_, answer := asked[i.ID]
		return answer && i.Verdict == NotDetermined && !cited[i.ID]
	})
}

func recordItem(e Evidence, now time.Time) Item {
	item := Item{ID: "record", Verdict: NotDetermined, Source: cmp.Or(e.Record.Source, "the record of the node"), At: e.Record.At}
	switch {
	case !e.Record.known(now):
		item.Detail, item.At = e.Record.why("the record of the node", now), time.Time{}
	case e.Record.Made.IsZero():
		item.Verdict, item.Detail = Violated, "There is no record of the node, so its releases, values and secrets have to be put together by hand."
	default:
		item.Verdict, item.Detail = Holds, sentence("there is a record of the node, made "+span(now.Sub(e.Record.Made))+" ago")
	}
	return item
}

// damaged says whether data of the node is lost, for certain or by what a log says while no better cause is seen.
func (s seen) damaged() bool {
	if len(s.cond.lost) > 0 || s.cond.pruned || s.vanished() {
		return true
	}
	return len(s.cond.doubtful) > 0 && !s.excused() && !s.databasesWhole()
}

// vanished says whether the whole node is gone, by what was seen and by the operator's word that it is looked for in the right place.
func (s seen) vanished() bool {
	return s.cond.empty && s.e.Answers.RightNamespace == Yes && !uninstalled(s.e, s.cond, s.now)
}

// nearlyFull says which volume is about to be full; empty: none.
func (s seen) nearlyFull() string {
	if !s.e.Storage.known(s.now) {
		return ""
	}
	for _, store := range s.e.Storage.Stores {
		if store.Used >= 90 && store.Used < 100 {
			return fmt.Sprintf("the volume of claim %s is %d percent used", store.Claim, store.Used)
		}
	}
	return ""
}

func (s seen) databasesWhole() bool {
	return s.e.Databases.known(s.now) && len(s.e.Databases.All) > 0 &&
		!slices.ContainsFunc(s.e.Databases.All, func(d Database) bool { return d.State != DatabaseWhole })
}

// excused says whether a cause was found that is no disaster.
func (s seen) excused() bool { return slices.ContainsFunc(s.aids, func(a aid) bool { return a.cause }) }

// beyond says whether no backup could help, because the sequencers or the other SVs do not take this node back.
func (s seen) beyond() bool { return s.cond.disabled || s.net.membership == isOffboarded }

// lostNetwork says whether the network stands still and the SVs have declared it lost.
func (s seen) lostNetwork() bool {
	return s.net.state == networkStands && s.e.Answers.DeclaredLost == Yes && s.chain != chainRuns
}

// healthy says whether the node was seen to be well. One without a chain of its own is known to go on only by the scans of others.
func (s seen) healthy() bool {
	return s.cond.up && !s.cond.behind && len(s.aids) == 0 && s.net.membership != isNeither && (s.chain != chainNotThere || s.net.state == networkRuns)
}
