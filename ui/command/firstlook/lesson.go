package firstlook

import (
	"strings"

	"canton.example/svrescue/steps/rehearsal"
	"canton.example/svrescue/ui/wizard"
)

// LessonOf is an incident as the screen rehearses it: what can be concluded, and what is said of each conclusion.
func LessonOf(incident rehearsal.Incident) *wizard.Lesson {
	l := &wizard.Lesson{Title: incident.ID}
	for _, c := range rehearsal.Conclusions() {
		l.Conclusions = append(l.Conclusions, wizard.Item{ID: c.ID, Title: c.Title, Detail: c.Means})
	}
	l.Told = func(id string) wizard.Told {
		good := incident.Concludes()
		to := wizard.Told{Right: id == good.ID}
		first := good.Title + ": that is what a good operator concludes."
		if !to.Right {
			first = "You concluded: " + rehearsal.FindConclusion(id).Title + ". A good operator concludes: " + good.Title + "."
		}
		matter := "What was the matter: " + strings.Join(incident.Faults, "; ") + "."
		if len(incident.Faults) == 0 {
			matter = "What was the matter: nothing."
		}
		to.Text = []string{first, matter, "What a good operator does: " + incident.Does, "It teaches " + incident.Teaches + "."}
		if good.ID == "restore" {
			to.Text = append(to.Text, "The way itself is practised with: svrescue rehearse restore-clean")
		}
		return to
	}
	return l
}
