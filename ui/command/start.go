package command

import (
	"context"
	"path/filepath"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/engine"
	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/rehearsal"
	"canton.example/svrescue/steps/wire"
)

// begin makes the folder of a new run. Nothing runs yet.
func (p *program) begin(spec runs.Spec) (runs.Folder, error) {
	random, err := randomText(4)
	if err != nil {
		return runs.Folder{}, err
	}
	spec.Started = p.Clock.Now().UTC()
	spec.ID = runs.NewID(spec.Path, spec.Started, []byte(random))
	spec.Operator, spec.Host = p.operator(), hostname()
	if spec.World == wire.Simulated {
		spec.Origin = spec.Started
		spec.SimOrigin = spec.Started.Truncate(time.Second)
		world := runs.Folder{Path: filepath.Join(p.config.RunDir, spec.ID)}.World()
		spec.Kubeconfig = filepath.Join(world, rehearsal.Kubeconfig)
	}
	return runs.Create(p.config.RunDir, spec)
}

// reaching is how long the cluster may take for its first answer.
const reaching = 15 * time.Second

// real is the spec of a run on the real cluster. The kubeconfig, its context and whether the cluster answers are checked
// before a folder is made. The kubeconfig is named in the spec even where it is $KUBECONFIG: a run that is taken up from
// another shell must not meet another cluster whose context has the same name.
func (p *program) real(ctx context.Context, path string, acting wire.Acting) (runs.Spec, error) {
	spec := runs.Spec{Path: path, Acting: acting, World: wire.Real, Kubeconfig: p.kubeconfig(), Context: p.config.Context, Namespace: p.config.Namespace}
	cluster, err := connect(spec, p.Clock)
	if err != nil {
		return spec, err
	}
	ctx, cancel := context.WithTimeout(ctx, reaching)
	defer cancel()
	if _, err := cluster.Reach(ctx); err != nil && kube.KindOf(err) != kube.Forbidden {
		return spec, err
	}
	if path == "reonboard" || path == "network" {
		spec.Identities, spec.Scans, spec.Wallet = p.config.Backups.Identities, p.config.Peers, p.config.Hosts.Validator
	}
	if spec.Context == "" {
		spec.Context = cluster.Target().Context // the worker must not follow a later change of the current context
	}
	return spec, nil
}

// linkNew starts the world, if it is a simulated one, and the worker.
func (p *program) linkNew(folder runs.Folder, world wire.World) func(context.Context) (*engine.Client, error) {
	return func(ctx context.Context) (*engine.Client, error) {
		if world == wire.Simulated && !worldAlive(ctx, folder) {
			if err := p.startWorld(ctx, folder); err != nil {
				return nil, err
			}
		}
		client, err := p.reach(ctx, folder)
		if err == nil || !notThere(err) {
			return client, err // it is there already, or somebody holds the run whom we cannot talk to
		}
		return p.startWorker(ctx, folder)
	}
}
