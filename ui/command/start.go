package command

import (
	"context"
	"path/filepath"
	"time"

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

// real is the spec of a run on the real cluster. The kubeconfig and its context are checked before a folder is made.
func (p *program) real(path string, acting wire.Acting) (runs.Spec, error) {
	spec := runs.Spec{Path: path, Acting: acting, World: wire.Real, Kubeconfig: kubeconfigOf(p.config.Kubeconfig),
		Context: p.config.Context, Namespace: p.config.Namespace}
	cluster, err := connect(spec, p.Clock)
	if err != nil {
		return spec, err
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
		if client, err := p.dial(folder); err == nil {
			return client, nil // the operator asked to try again, and it has come up meanwhile
		}
		return p.startWorker(ctx, folder)
	}
}
