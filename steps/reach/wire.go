package reach

import (
	"context"
	"net"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/postgres"
	"k8s.io/utils/clock"
)

// Artifacts are the files of a run: anyone may read them, and an action writes those that its references name.
type Artifacts interface {
	steps.FileReader
	Only(refs []steps.Ref) steps.FileWriter
}

// Wire makes the world of a run, and its hands: they may touch what the references of the running action cover, and nothing else.
// cluster is nil for a run that looks at nothing. dial connects from this machine to servers outside the cluster; nil: the network.
// held is asked before each write; while it answers an error nothing is sent. nil: nothing has to be held. web says how apps are reached, and with
// what one logs in to them.
func Wire(cluster *kube.Cluster, files Artifacts, clk clock.WithTicker, run string,
	dial func(ctx context.Context, network, address string) (net.Conn, error), held func() error, web AppOptions) (steps.World, func(refs []steps.Ref, dryRun bool) steps.Hands) {

	world := steps.World{Kube: cluster, Files: files, Clock: clk, Charts: release.Registry{}, Dial: dial}
	if dial == nil {
		world.Dial = new(net.Dialer).DialContext
	}
	var databases *Databases
	var apps *Apps
	if cluster != nil {
		o := Options{Cluster: cluster, Clock: clk, Run: run, Dial: dial}
		databases = NewDatabases(o)
		world.Databases, world.Pods, world.Volumes = databases, NewPods(o), NewVolumes(cluster)
		apps = NewApps(o, cluster, web)
		world.Apps, world.Keys = apps, apps.Keys()
	}
	return world, func(refs []steps.Ref, dryRun bool) steps.Hands {
		var accesses []kube.Access
		var changes []postgres.Change
		var money []steps.WalletChange
		for _, ref := range refs {
			switch {
			case ref.Kube != nil:
				accesses = append(accesses, *ref.Kube)
			case ref.SQL != nil:
				changes = append(changes, *ref.SQL)
			case ref.Wallet != nil:
				money = append(money, *ref.Wallet)
			}
		}
		return steps.Hands{World: world, Kube: cluster.HandsWhile(held, accesses, dryRun), Files: files.Only(refs), Databases: databases.writer(held, changes, dryRun),
			Wallets: apps.Wallets(held, money, dryRun)}
	}
}
