package firstlook

import (
	"strings"

	"canton.example/svrescue/steps/evidence"
	"canton.example/svrescue/steps/triage"
	"canton.example/svrescue/ui/wizard"
)

// put fills in what was judged.
func (l *Looker) put(look *wizard.Look, to evidence.Judgement) {
	if look.Doing != "" { // nothing is asked yet
		return
	}
	look.Node, look.Asked, look.Open = to.Node, len(evidence.Sources()), to.Open
	if look.Over {
		look.Open = nil
	}
	look.Headline, look.Mood, look.Calm = headline(to.Result)
	if look.Failed != nil {
		look.Headline = "No cluster could be looked at"
	}
	look.Summary = to.Summary
	for _, a := range to.FirstAid {
		switch {
		case a.ID == "missing" && look.Over:
			a.First = "The evidence says why it could not be read: put that right, and look again."
		case a.ID == "reach-the-cluster" && look.Failed == nil:
			look.Headline, look.Summary = "Not determined: the cluster cannot be read", a.Seen+" "+a.Means
			if to.Waits("components") && !look.Over {
				look.Headline = "Not determined: the cluster has not answered yet"
			}
		}
		look.Aids = append(look.Aids, wizard.Aid{Seen: a.Seen, Means: a.Means, First: a.First})
	}
	if look.Calm && len(to.FirstAid) > 0 && to.Situation != triage.Healthy { // the summary says all over again what the first aid says
		look.Summary = to.FirstAid[0].Seen + " " + to.FirstAid[0].Means
	}
	if to.Situation == triage.Healthy { // what is to be done besides has to say about what
		for _, a := range to.FirstAid {
			look.Summary += " " + a.Seen
		}
	}
	for _, i := range to.Evidence {
		s := wizard.Seen{Name: name(i.ID), Detail: i.Detail, Source: i.Source, At: i.At, Mark: mark(i)}
		if to.Waits(i.ID) && !look.Over && i.Verdict == triage.NotDetermined && !isAnswer(i.ID) {
			s.Mark = wizard.MarkOpen
		}
		look.Seen = append(look.Seen, s)
	}
	for _, p := range to.Paths {
		look.Paths = append(look.Paths, l.path(p, Seen{Reached: look.Failed == nil, Empty: to.Empty, Release: to.Release.Splice}))
	}
	if !look.Stands { // what is asked may still be seen
		return
	}
	for _, q := range to.Posed {
		look.Queries = append(look.Queries, wizard.Query{ID: q.ID, Text: q.Text, Why: q.Why, Said: string(to.Answers.Said(q.ID))})
	}
}

// headline is the situation in a few words, how it is drawn, and whether no recovery is needed.
func headline(r triage.Result) (string, wizard.Mood, bool) {
	switch r.Situation {
	case triage.Healthy:
		return "ALL IS WELL: no recovery is needed", wizard.MoodGood, true
	case triage.Fixable:
		return "NO DISASTER: first aid is needed, and no recovery", wizard.MoodAct, true
	case triage.Waiting:
		return "NO DISASTER: the node needs time, and no recovery", wizard.MoodGood, true
	case triage.VotedOut:
		return recovery("The other SVs have voted this SV out", r), wizard.MoodGrave, false
	case triage.NetworkStanding:
		return "The network stands still, not this node alone", wizard.MoodGrave, false
	case triage.AssetsLost:
		return "Nothing was found that could bring the assets back", wizard.MoodGrave, false
	case triage.NetworkLost:
		return recovery("The SVs have declared the network lost", r), wizard.MoodGrave, false
	case triage.NodeDisabled:
		return recovery("The sequencers have disabled this node", r), wizard.MoodGrave, false
	case triage.NodeLost:
		return recovery("Data of this node is lost", r), wizard.MoodGrave, false
	}
	return "Not determined: what is the matter is not known", wizard.MoodOpen, false
}

func recovery(what string, r triage.Result) string {
	if path := r.Recommended(); path != "" {
		return what + ": " + path + " is recommended"
	}
	return what
}

func mark(i triage.Item) wizard.Mark {
	switch {
	case i.Verdict == triage.Holds:
		return wizard.MarkHolds
	case i.Verdict != triage.Violated:
		return wizard.MarkUnsure
	case isAnswer(i.ID), i.ID == "kms", i.ID == "identities", i.ID == "record": // what need not be there
		return wizard.MarkAbsent
	}
	return wizard.MarkWrong
}

// isAnswer says whether an item is the operator's word.
func isAnswer(id string) bool { return triage.Asks(id) }

func name(id string) string {
	if id == "kms" {
		return "KMS"
	}
	return strings.ReplaceAll(id, "-", " ")
}

// titles of the recoveries, as the documentation of Splice calls them.
var titles = map[string]string{
	triage.Restore:   "restore the node from its backup",
	triage.Reonboard: "re-onboard the SV and recover its assets",
	triage.Network:   "recover the network together with the other SVs",
}

func (l *Looker) path(p triage.Path, seen Seen) wizard.PathSeen {
	to := wizard.PathSeen{Name: p.Path, Title: titles[p.Path], Verdict: strings.ReplaceAll(string(p.Verdict), "-", " "),
		Recommended: p.Verdict == triage.Recommended, Impossible: p.Verdict == triage.Impossible,
		For: texts(p.For), Against: texts(p.Against), Lost: p.Lost, Needs: p.Needs, Takes: p.Takes}
	if l.Ways != nil {
		to.Open, to.Closed = l.Ways(p.Path, seen)
	}
	if to.Impossible {
		to.Open, to.Closed = nil, "It cannot be begun: it is impossible as things are."
	}
	return to
}

func texts(reasons []triage.Reason) []string {
	var all []string
	for _, r := range reasons {
		all = append(all, r.Text)
	}
	return all
}
