package restore

// Hold is an actor outside this tool that acts on the node's workloads, and how it stood before it was paused.
type Hold struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
}
