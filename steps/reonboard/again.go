package reonboard

import (
	"context"
	"sync"

	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/charts"
)

// again renders the releases of a plan anew, when the first of them is installed. They must be what was shown; then they are good for the others
// of the plan too, and are rendered once. What is not what was shown is rendered again at the next try. It is safe for concurrent use.
type again struct {
	render  func(context.Context, steps.World) (charts.Made, error)
	digest  string        // of what was shown
	changed steps.Problem // what is said where it is another

	mu   sync.Mutex
	made *charts.Made
}

// stored is one of the releases.
func (a *again) stored(ctx context.Context, w steps.World, name string) (release.Stored, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.made == nil {
		made, err := a.render(ctx, w)
		if err != nil {
			return release.Stored{}, err
		}
		if made.Digest != a.digest {
			problem := a.changed
			problem.Tried = "rendering release " + name
			return release.Stored{}, &problem
		}
		a.made = &made
	}
	return a.made.Stored(name)
}
