package restore

// Fence is what is known about the damaged node being stopped for good.
type Fence struct {
	Attested string `json:"attested,omitempty"` // the name that the operator typed to say that the node runs nowhere else
}
