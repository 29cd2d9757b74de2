package releases

import (
	"slices"

	"canton.example/svrescue/kube"
)

// Environ is one container of a workload.
type Environ struct {
	Workload  kube.WorkloadRef
	Container string
	Env       []kube.EnvVar
}

// Environment are the containers of the workloads that objects make, with their variables: what counts is what reaches the pod, not
// what stands in a values file (reference/deployment.md 16.24). Literal values can be passwords.
func Environment(objects []kube.Object) []Environ {
	var all []Environ
	for _, o := range objects {
		w, ok := o.Workload()
		if !ok {
			continue
		}
		for _, c := range w.Containers {
			all = append(all, Environ{w.Ref(), c.Name, slices.Clone(c.Env)})
		}
	}
	return all
}
