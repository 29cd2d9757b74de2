package rollforward

import (
	"canton.example/svrescue/kube"
)

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
