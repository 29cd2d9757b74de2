package triage

import (
	"slices"
	"time"
)

// What follows is for whoever judges the same evidence on a quiet day, by the same rules.

// Known says whether the source was read, and lately.
func (r Reading) Known(now time.Time) bool { return r.known(now) }

// Why says in a sentence that what is not known, and for which reason.
func (r Reading) Why(what string, now time.Time) string { return r.why(what, now) }

// JudgedSet is a backup set, whether it can be restored, and why not.
type JudgedSet struct {
	Set
	Verdict Verdict
	Against []string // sentences
	Proven  bool     // by the offsets in its data
	// Left is how long a restore of it can still be begun; LeftKnown says whether that is known.
	Left      time.Duration
	LeftKnown bool
}

// Sets are all backup sets that were found, youngest first, those of an unknown age last; unread says in sentences which places could not be
// looked through.
func Sets(e Evidence, now time.Time) (sets []JudgedSet, unread []string) {
	b, _ := backupsOf(e, now)
	for _, place := range []Place{e.Backups.Snapshots, e.Backups.Dumps, e.Backups.Managed} {
		if !place.known(now) {
			continue
		}
		for _, s := range place.Sets {
			j := judge(s, e, now)
			sets = append(sets, JudgedSet{Set: s, Verdict: j.verdict, Against: j.against, Proven: j.proven, Left: j.runway.left, LeftKnown: j.runway.known})
		}
	}
	slices.SortStableFunc(sets, func(x, y JudgedSet) int { return y.Begin.Compare(x.Begin) })
	return sets, b.unread
}

// Item is what was found of the condition with that id.
func (r Result) Item(id string) (Item, bool) {
	i := slices.IndexFunc(r.Evidence, func(x Item) bool { return x.ID == id })
	if i < 0 {
		return Item{}, false
	}
	return r.Evidence[i], true
}

// Span is a length of time, Sentences are texts as sentences, Moment is a time, List is names, as triage says them.
func Span(d time.Duration) string      { return span(d) }
func Sentences(texts ...string) string { return sentences(texts...) }
func Moment(t time.Time) string        { return clock(t) }
func List(names []string) string       { return list(names) }
