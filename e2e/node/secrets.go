//go:build e2e

package node

import "context"

// Secrets makes what operators make beside Helm: the Secrets and the ConfigMap. Those that are there are left alone.
func (n *Node) Secrets(ctx context.Context) error {
	for _, o := range n.loose() {
		if err := n.apply(ctx, o); err != nil {
			return err
		}
	}
	return nil
}
