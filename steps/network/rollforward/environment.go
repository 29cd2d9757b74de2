package rollforward

import (
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/network/card"
)

// stamp is how times are written into configurations: as on the card.
func stamp(t time.Time) string { return card.Stamp(t) }

// environment is what a container of a workload gets, as far as the template holds it literally. What comes from Secrets is not in it.
func environment(w kube.Workload, container string) map[string]string {
	for _, c := range w.Containers {
		if c.Name == container && !c.Init {
			return environmentOf(c)
		}
	}
	return nil
}

func environmentOf(c kube.Container) map[string]string {
	env := map[string]string{}
	for _, v := range c.Env {
		if v.From == "" {
			env[v.Name] = v.Value // the last one counts, as for Kubernetes
		}
	}
	return env
}
