package lease

import (
	"context"

	"canton.example/svrescue/kube"
)

// On is the Lease on a cluster. Its hands may write the Lease and nothing else.
func On(cluster *kube.Cluster) Store { return onCluster{cluster} }

type onCluster struct{ cluster *kube.Cluster }

func (c onCluster) Read(ctx context.Context, namespace string) (kube.Lease, bool, error) {
	return c.cluster.Lease(ctx, namespace)
}

func (c onCluster) Write(ctx context.Context, l kube.Lease) (kube.Lease, error) {
	hands := c.cluster.Hands(kube.AccessLease(l.Namespace), false)
	if l.ResourceVersion == "" {
		return hands.CreateLease(ctx, l)
	}
	return hands.UpdateLease(ctx, l)
}
