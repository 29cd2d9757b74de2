package triage

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
)

// condition is what has become of this node.
type condition struct {
	lost             []string // sentences: data that is gone or damaged for certain
	lostBy           []string // the evidence of that
	doubtful         []string // sentences: data that a log line calls damaged
	disabled         bool     // a sequencer answered that this member is disabled
	pruned           bool     // what the node would have to read next is gone
	empty            bool     // the namespace has nothing of a node in it
	down             []node.Component
	stopped          []node.Component // scaled to nothing
	up               bool             // everything that should run is ready, and nothing says otherwise
	behind           bool             // it catches up
	participantWhole bool             // its database was seen to be whole
	sequencerWhole   bool
}

// working are the parts without which a node does not do its work.
func working() []node.Part {
	return slices.Concat([]node.Part{node.Postgres}, node.SynchronizerParts, node.AppParts)
}

func conditionOf(e Evidence, chain chainState, now time.Time) (condition, []Item) {
	c := condition{}
	items := []Item{
		c.components(e, now),
		c.pods(e, now),
		c.storage(e, now),
		c.databases(e, now),
		c.apps(e, now),
	}
	c.behind = c.behind || chain == chainBehind
	c.up = c.up && chain != chainStands && chain != chainForeign && chain != chainDown && chain != chainUnknown
	for _, i := range items {
		c.up = c.up && i.Verdict == Holds
	}
	return c, items
}

func (c *condition) components(e Evidence, now time.Time) Item {
	item := Item{ID: "components", Verdict: NotDetermined, Source: cmp.Or(e.Cluster.Source, "the inventory"), At: e.Cluster.At}
	if !e.Cluster.known(now) {
		item.Detail, item.At = e.Cluster.why("what of the node runs", now), time.Time{}
		return item
	}
	parts := e.Cluster.Node.Of(working()...)
	if len(parts) == 0 {
		c.empty = true
		item.Verdict = Violated
		item.Detail = "Nothing of a node is in this namespace. Either the node is gone, or this is the wrong namespace or cluster."
		return item
	}
	var down, stopped []string
	for _, p := range parts {
		switch {
		case p.Replicas == 0:
			c.stopped, stopped = append(c.stopped, p), append(stopped, p.Ref.Name)
		case p.Ready < p.Replicas:
			c.down, down = append(c.down, p), append(down, p.Ref.Name)
		}
	}
	if len(down)+len(stopped) == 0 {
		item.Verdict, item.Detail = Holds, fmt.Sprintf("All %s of the node are ready.", count(len(parts), "part", "parts"))
		if !e.Cluster.Node.IsSV() {
			item.Verdict, item.Detail = Violated, "The namespace has no SV app or no participant, so a part of the node is missing or this is another kind of node."
		}
		c.up = item.Verdict == Holds
		return item
	}
	item.Verdict = Violated
	texts := []string{fmt.Sprintf("%d of %s of the node are ready", len(parts)-len(down)-len(stopped), count(len(parts), "part", "parts"))}
	if len(down) > 0 {
		texts = append(texts, "not ready: "+list(down))
	}
	if len(stopped) > 0 {
		texts = append(texts, "scaled down to nothing: "+list(stopped))
	}
	item.Detail = sentences(texts...)
	return item
}

func (c *condition) pods(e Evidence, now time.Time) Item {
	item := Item{ID: "pods", Verdict: Holds, Source: cmp.Or(e.Pods.Source, "events and last log lines"), At: e.Pods.At, Detail: "No event and no last log line tells of trouble."}
	if !e.Pods.known(now) {
		item.Verdict, item.Detail, item.At = NotDetermined, e.Pods.why("what events and logs say", now), time.Time{}
		return item
	}
	var texts []string
	for _, t := range e.Pods.Troubles {
		switch t.Kind {
		case Disabled:
			c.disabled = true
		case Pruned:
			c.pruned = true
		case Damaged:
			c.doubtful = append(c.doubtful, sentence("the log of "+t.Name+" says that its data is damaged: "+t.Why.Summary))
		}
		texts = append(texts, t.Name+": "+cmp.Or(t.Why.Summary, string(t.Kind)))
	}
	if len(texts) > 0 {
		item.Verdict, item.Detail = Violated, sentence(list(texts))
	}
	return item
}

func (c *condition) storage(e Evidence, now time.Time) Item {
	item := Item{ID: "storage", Verdict: Holds, Source: cmp.Or(e.Storage.Source, "claims and volumes"), At: e.Storage.At}
	if !e.Storage.known(now) {
		item.Verdict, item.Detail, item.At = NotDetermined, e.Storage.why("the node's claims", now), time.Time{}
		return item
	}
	var wrong []string
	most, fullest := 0, ""
	for _, s := range e.Storage.Stores {
		if s.State == StoreBound && s.Used > most {
			most, fullest = s.Used, s.Claim
		}
		if s.Going {
			wrong = append(wrong, "claim "+s.Claim+" was deleted and stays only as long as a pod uses it")
		}
		switch s.State {
		case StoreMissing:
			wrong = append(wrong, "claim "+s.Claim+" does not exist")
		case StoreLost:
			wrong = append(wrong, "claim "+s.Claim+" has lost its volume")
		case StorePending:
			wrong = append(wrong, "claim "+s.Claim+" is not bound to a volume")
		}
		if kept := keptFor(e, s, now); (s.State == StoreMissing || s.State == StoreLost) && len(kept) == 0 && slices.ContainsFunc(s.Parts, func(p node.Part) bool { return slices.Contains(working(), p) }) {
			c.lost = append(c.lost, sentence("the volume of "+s.Claim+" is gone, with the data of "+list(partNames(s.Parts))))
			c.lostBy = append(c.lostBy, "storage")
		}
	}
	full := ""
	if most > 0 {
		full = fmt.Sprintf("the fullest is %s, %d percent used", fullest, most)
	}
	if most >= 100 {
		wrong = append(wrong, fullest+" is full")
	}
	if len(wrong) > 0 {
		item.Verdict, item.Detail = Violated, sentences(list(wrong), full)
		return item
	}
	item.Detail = sentences(fmt.Sprintf("%s of the node %s bound", count(len(e.Storage.Stores), "claim", "claims"), either(len(e.Storage.Stores), "is", "are")), full)
	return item
}

// keptFor are released volumes that were this store's: they can be bound again, and then nothing is lost. Those that no restore has put aside
// come first.
func keptFor(e Evidence, s Store, now time.Time) (all []Leftover) {
	if !e.Leftovers.Volumes.known(now) {
		return nil
	}
	for _, v := range e.Leftovers.Volumes.Found {
		if v.Claim == s.Claim || s.Volume != "" && v.Name == s.Volume {
			all = append(all, v)
		}
	}
	slices.SortStableFunc(all, func(a, b Leftover) int { return cmp.Compare(a.KeptBy, b.KeptBy) })
	return all
}

// replacedStore is the store of a database that is gone while the volume that it was on is still there: the claim was made anew, as a
// StatefulSet does by itself, and the new volume is empty.
func replacedStore(e Evidence, role postgres.Role, now time.Time) (Store, Leftover, bool) {
	if !e.Storage.known(now) {
		return Store{}, Leftover{}, false
	}
	for _, s := range e.Storage.Stores {
		if s.State != StoreBound || !slices.ContainsFunc(s.Parts, func(p node.Part) bool { return roles[p] == role }) {
			continue
		}
		for _, v := range keptFor(e, s, now) {
			if v.KeptBy == "" && v.Name != s.Volume {
				return s, v, true
			}
		}
	}
	return Store{}, Leftover{}, false
}

func partNames(parts []node.Part) (names []string) {
	for _, p := range parts {
		names = append(names, string(p))
	}
	return names
}

func (c *condition) databases(e Evidence, now time.Time) Item {
	item := Item{ID: "databases", Verdict: Holds, Source: cmp.Or(e.Databases.Source, "the databases"), At: e.Databases.At}
	if !e.Databases.known(now) {
		item.Verdict, item.Detail, item.At = NotDetermined, e.Databases.why("the state of the databases", now), time.Time{}
		return item
	}
	var wrong, lost, silent []string
	for _, d := range e.Databases.All {
		name := fmt.Sprintf("database %s (%s)", d.Name, d.Role)
		switch d.State {
		case DatabaseWhole:
			c.participantWhole = c.participantWhole || d.Role == postgres.Participant
			c.sequencerWhole = c.sequencerWhole || d.Role == postgres.Sequencer
		case DatabaseSilent:
			if d.Seen != "" {
				name += ": " + d.Seen
			}
			silent = append(silent, name)
		case DatabaseDamaged:
			lost = append(lost, "PostgreSQL says that the data of "+name+" is damaged")
		case DatabaseOther:
			wrong = append(wrong, fmt.Sprintf("%s is not on its server, which has %s", name, d.Seen))
		case DatabaseGone:
			gone := name + " is not there any more or is empty, and its server answers"
			if _, v, is := replacedStore(e, d.Role, now); is {
				wrong = append(wrong, gone+", and volume "+v.Name+", on which it was, is still there")
			} else {
				lost = append(lost, gone)
			}
		}
	}
	for _, l := range lost {
		c.lost, c.lostBy = append(c.lost, sentence(l)), append(c.lostBy, "databases")
	}
	wrong = append(wrong, lost...)
	switch {
	case len(wrong) > 0:
		item.Verdict, item.Detail = Violated, sentence(list(wrong))
	case len(e.Databases.All) == 0:
		item.Verdict, item.Detail = NotDetermined, "No database of the node was found to be asked."
		return item
	}
	if len(silent) > 0 {
		if item.Verdict == Holds {
			item.Verdict = NotDetermined
		}
		item.Detail = sentences(item.Detail, "no answer from the server of "+list(silent), "that says nothing about the data on its disk")
	}
	if item.Verdict == Holds {
		item.Detail = fmt.Sprintf("All %s answer and have their tables.", count(len(e.Databases.All), "database", "databases"))
	}
	return item
}

// behindFor is how far a component may be behind before it is said to catch up: the limit of upstream's own check
// (reference/deployment.md 8.4).
const behindFor = 30 * time.Second

func (c *condition) apps(e Evidence, now time.Time) Item {
	item := Item{ID: "apps", Verdict: Holds, Source: cmp.Or(e.Apps.Source, "the SV app"), At: e.Apps.At, Detail: "The SV app answers, and its nodes are up to date."}
	if !e.Apps.known(now) {
		item.Verdict, item.Detail, item.At = NotDetermined, e.Apps.why("the status of the SV app", now), time.Time{}
		return item
	}
	var wrong []string
	for _, f := range e.Apps.Failed {
		wrong = append(wrong, fmt.Sprintf("the %s says: %s", f.Part, f.Seen))
	}
	worst := Lag{}
	for _, l := range e.Apps.Lags {
		if last := lastOf(e.Apps.Lags, l.Part); last == l && l.Behind > worst.Behind {
			worst = l
		}
	}
	if worst.Behind > behindFor {
		c.behind = true
		wrong = append(wrong, fmt.Sprintf("the %s is %s behind%s", worst.Part, span(worst.Behind), trend(e.Apps.Lags, worst)))
	}
	if len(wrong) > 0 {
		item.Verdict, item.Detail = Violated, sentences(append([]string{"the SV app answers"}, wrong...)...)
	}
	return item
}

func lastOf(lags []Lag, part node.Part) (last Lag) {
	for _, l := range lags {
		if l.Part == part {
			last = l
		}
	}
	return last
}

// trend says whether a component comes closer.
func trend(lags []Lag, last Lag) string {
	for _, l := range lags {
		if l.Part != last.Part || !l.At.Before(last.At) {
			continue
		}
		switch {
		case last.Behind < l.Behind:
			return ", and it comes closer"
		case last.Behind > l.Behind:
			return ", and it falls further behind"
		}
		return ", and it does not come closer"
	}
	return ""
}
