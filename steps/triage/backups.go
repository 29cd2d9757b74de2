package triage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
)

// backups is what is there to restore from.
type backups struct {
	best     *judged
	searched bool // every place was looked through
	unread   []string
	found    int
	keys     []string // sets that hold the participant's database, restorable or not
}

// judged is a set and what is to be said of it.
type judged struct {
	Set
	verdict Verdict  // holds: it can be restored; violated: it cannot; not-determined
	against []string // sentences
	notes   []string // sentences: it holds, and one should know
	proven  bool     // by the offsets in its data, not by clocks alone
	// keysUnsure: it may be a set of a participant's database that was made anew
	keysUnsure bool
	runway     runway
}

// runway is how long a restore of a set can still be begun. left counts only where known is set.
type runway struct {
	known   bool
	left    time.Duration
	detail  string
	assumed bool // the retention is not known; the reference value stands in, and is named
}

const provenText = "the offsets in its data prove that apps and participant are in order"

// A set this young is taken although nobody has said what the retention is: a quarter of the reference value, rounded down to days.
const youngEnough = 7 * 24 * time.Hour

func backupsOf(e Evidence, now time.Time) (backups, []Item) {
	b := backups{searched: true}
	var all []judged
	at := time.Time{}
	var sources []string
	for _, place := range []struct {
		name string
		Place
	}{{"the list of volume snapshots", e.Backups.Snapshots}, {"the folder with dumps", e.Backups.Dumps}, {"the managed database service", e.Backups.Managed}} {
		if !place.known(now) {
			b.searched = false
			b.unread = append(b.unread, place.why(place.name, now))
			continue
		}
		sources = append(sources, cmp.Or(place.Source, place.name))
		if at.IsZero() || place.At.Before(at) {
			at = place.At
		}
		for _, s := range place.Sets {
			all = append(all, judge(s, e, now))
			if s.Keys && !all[len(all)-1].keysUnsure {
				b.keys = append(b.keys, s.Name)
			}
		}
	}
	b.found = len(all)
	rank := map[Verdict]int{Holds: 0, NotDetermined: 1, Violated: 2}
	slices.SortStableFunc(all, func(x, y judged) int {
		return cmp.Or(cmp.Compare(rank[x.verdict], rank[y.verdict]), y.Begin.Compare(x.Begin), cmp.Compare(x.Name, y.Name))
	})
	set := Item{ID: "backup-set", Verdict: NotDetermined, Source: list(sources), At: at}
	if len(sources) == 0 {
		set.Source = "backups"
	}
	if len(all) > 0 {
		b.best = &all[0]
		set.Verdict, set.Detail = b.best.verdict, b.best.says(now)
		if len(all) > 1 {
			set.Detail = sentences(set.Detail, count(len(all)-1, "other set was", "other sets were")+" found")
		}
		if !b.searched && set.Verdict == Violated {
			set.Verdict = NotDetermined
		}
	} else if b.searched {
		set.Verdict, set.Detail = Violated, "No backup set was found in any place that was searched."
	}
	set.Detail = sentences(append([]string{set.Detail}, b.unread...)...)
	return b, []Item{set, runwayItem(e, b, now)}
}

func (j judged) says(now time.Time) string {
	head := "the newest usable set is " + j.Name
	switch j.verdict {
	case Violated:
		head = "no set that was found can be restored; the newest is " + j.Name
	case NotDetermined:
		head = "set " + j.Name + " may be usable"
	}
	if !j.Begin.IsZero() {
		head += ", " + span(now.Sub(j.Begin)) + " old"
	}
	texts := append([]string{head}, j.against...)
	if j.proven {
		texts = append(texts, provenText)
	}
	return sentences(append(texts, j.notes...)...)
}

// judge says whether a set can be restored. What the checks say counts, save for the age: the runway is judged here.
func judge(s Set, e Evidence, now time.Time) judged {
	j := judged{Set: s, verdict: Holds}
	for _, f := range s.Checks {
		text := cmp.Or(f.Text, f.ID)
		switch {
		case f.ID == "age" || f.ID == backup.DumpAge || f.ID == backup.DumpCometBFT:
		case f.Verdict == wire.Violated:
			j.verdict = Violated
			j.against = append(j.against, sentence(text))
		case f.Verdict == wire.Undetermined:
			if j.verdict == Holds {
				j.verdict = NotDetermined
			}
			j.against = append(j.against, sentence(text))
		case f.Verdict == wire.Attention:
			j.notes = append(j.notes, sentence(text))
		case strings.HasPrefix(f.ID, postgres.OffsetOrder) || f.ID == backup.DumpOffsets:
			j.proven = true
		}
	}
	j.proven = j.proven && j.verdict == Holds
	if len(s.Checks) == 0 {
		j.verdict = NotDetermined
		j.against = append(j.against, "Nobody has checked yet whether this set is whole and in order.")
	}
	if s.Serial != "" && e.Cluster.known(now) && e.Cluster.Node.Serial != "" && s.Serial != e.Cluster.Node.Serial {
		was := fmt.Sprintf("the set is of synchronizer %s and the node runs %s", s.Serial, e.Cluster.Node.Serial)
		if legacyRuns(e.Cluster.Node, s.Serial) {
			if j.verdict == Holds {
				j.verdict = NotDetermined
			}
			j.against = append(j.against, sentence(was+": it can be restored on the old synchronizer first, whose nodes still run here, and moved afterwards"))
		} else {
			j.verdict = Violated
			j.against = append(j.against, sentence(was+": it could be restored only on the old synchronizer, and that does not run here any more"))
		}
	}
	if since, is := madeAnew(e, now); is && !s.Begin.IsZero() && !s.Begin.Before(since) {
		if j.verdict == Holds {
			j.verdict = NotDetermined
		}
		j.keysUnsure = true
		j.against = append(j.against, sentence("it was taken after the claim of the participant's database was made anew, at "+clock(since)+", so it may hold the new, empty database"))
	}
	j.keysUnsure = j.keysUnsure || participantGone(e, now) && !e.Storage.known(now) // when its claim was made is not known
	j.runway = runwayOf(s.Begin, e.Pruning, now)
	switch {
	case s.Begin.IsZero():
		if j.verdict == Holds {
			j.verdict = NotDetermined
		}
		j.against = append(j.against, "When it was taken is not known, so neither is whether the sequencers still have what it would have to read.")
	case j.runway.known && j.runway.left <= 0:
		j.verdict = Violated
		j.against = append(j.against, j.runway.detail)
	case j.runway.assumed && now.Sub(s.Begin) > youngEnough:
		if j.verdict == Holds {
			j.verdict = NotDetermined
		}
		j.against = append(j.against, j.runway.detail)
	case s.Begin.Sub(now) > skew:
		j.verdict = NotDetermined
		j.against = append(j.against, "It says that it was taken at a time that is still to come, so a clock is wrong and its age is not known.")
	}
	return j
}

// runwayOf is how long the data of that time can still be caught up from: sequencers prune what is older than their retention, and
// disable a member that they have not heard for so long (reference/backups.md 3). The earlier of the two ends counts.
func runwayOf(begin time.Time, p Pruning, now time.Time) runway {
	if begin.IsZero() {
		return runway{detail: "How long a restore can still be begun is not known, since the age of the backup is not."}
	}
	age := max(now.Sub(begin), 0)
	if !p.known(now) || p.Period <= 0 {
		why := "how long the sequencers keep what a silent node has to read is not known"
		if !p.known(now) {
			why = strings.TrimSuffix(p.why("the retention of the sequencers", now), ".")
		}
		text := fmt.Sprintf("with the reference value of %s, %s would be left, but each SV sets its own", span(backup.Retention), span(backup.Retention-age))
		if age >= backup.Retention {
			text = fmt.Sprintf("the data is %s old, which is more than the reference value of %s, but each SV sets its own", span(age), span(backup.Retention))
		}
		return runway{assumed: true, detail: sentences(why, text)}
	}
	r := runway{known: true, left: p.Period - age}
	from := cmp.Or(p.From, "where that was read is not known")
	text := fmt.Sprintf("the sequencers keep %s (%s; other SVs may keep less), and the data is %s old", span(p.Period), from, span(age))
	if !p.LastAck.IsZero() {
		silent := max(now.Sub(p.LastAck), 0)
		text += fmt.Sprintf("; this node was last heard %s ago", span(silent))
		r.left = min(r.left, p.Period-silent)
	}
	if r.left <= 0 {
		r.detail = sentences(text, "the runway is over: the node could not catch up any more, and sequencers disable a node that is silent for so long")
		return r
	}
	r.detail = sentences(fmt.Sprintf("a restore can be begun for another %s, until %s", span(r.left), clock(now.Add(r.left))), text)
	return r
}

func runwayItem(e Evidence, b backups, now time.Time) Item {
	item := Item{ID: "runway", Verdict: NotDetermined, Source: cmp.Or(e.Pruning.Source, "the retention of the sequencers"), At: e.Pruning.At}
	var r runway
	switch {
	case b.best != nil && (b.best.verdict != Violated || b.best.runway.known && b.best.runway.left <= 0):
		r = b.best.runway
	case e.Pruning.known(now) && e.Pruning.Period > 0 && !e.Pruning.LastAck.IsZero():
		left := e.Pruning.Period - max(now.Sub(e.Pruning.LastAck), 0)
		r = runway{known: true, left: left, detail: sentence(fmt.Sprintf("this node was last heard %s ago, and sequencers disable one that is silent for %s (%s): %s are left",
			span(now.Sub(e.Pruning.LastAck)), span(e.Pruning.Period), cmp.Or(e.Pruning.From, "where that was read is not known"), span(left)))}
	default:
		r = runway{detail: "There is no backup set that could be restored, so there is no runway to tell."}
		if !e.Pruning.known(now) {
			r.detail = e.Pruning.why("the retention of the sequencers", now)
		}
	}
	item.Detail = r.detail
	switch {
	case r.known && r.left > 0:
		item.Verdict = Holds
	case r.known:
		item.Verdict = Violated
	}
	if !e.Pruning.known(now) {
		item.At = time.Time{}
	}
	return item
}
