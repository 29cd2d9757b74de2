package rehearsal

import (
	"slices"

	"canton.example/svrescue/steps/triage"
)

// Conclusion is what an operator comes to at the end of an incident: what they would do next.
type Conclusion struct {
	ID    string
	Title string
	Means string
}

// Conclusions are all there are, the least first.
func Conclusions() []Conclusion {
	return []Conclusion{
		{"nothing", "Nothing has to be done for this node", "It is well, whatever else is to be told to others."},
		{"wait", "Wait, and look again", "It starts or catches up by itself."},
		{"first-aid", "Take the first aid, and no recovery", "The cause is no disaster."},
		{"others", "Talk to the other SVs before anything is changed", "What is the matter is not this node's alone."},
		{triage.Restore, "Restore the node from its backup", "Its data is lost, and there is a backup set."},
		{triage.Reonboard, "Re-onboard the SV and recover its assets", "Nothing can be restored, and the keys can still be had."},
		{triage.Network, "Recover the network together with the other SVs", "The SVs have declared it lost."},
	}
}

// FindConclusion returns the one with that id.
func FindConclusion(id string) Conclusion {
	all := Conclusions()
	if i := slices.IndexFunc(all, func(c Conclusion) bool { return c.ID == id }); i >= 0 {
		return all[i]
	}
	return Conclusion{ID: id, Title: id}
}

// IsIncident returns the incident with that id, and whether there is one. A scenario is none here.
func IsIncident(id string) (Incident, bool) {
	all := Incidents()
	if i := slices.IndexFunc(all, func(i Incident) bool { return i.ID == id }); i >= 0 {
		return all[i], true
	}
	return Incident{}, false
}

// Concludes is what a good operator comes to.
func (i Incident) Concludes() Conclusion {
	if i.Recommended != "" {
		return FindConclusion(i.Recommended)
	}
	switch i.Situation {
	case triage.Healthy:
		return FindConclusion("nothing")
	case triage.Waiting:
		return FindConclusion("wait")
	case triage.Fixable:
		return FindConclusion("first-aid")
	}
	return FindConclusion("others")
}
