package svapp

import (
	"cmp"
	"context"
	"time"
)

// Try is what came of one way to an app.
type Try struct {
	Way   string `json:"way"`
	Error *Error `json:"error,omitempty"` // nil: the app told its version
}

// Choose takes the first of the ways on which the app itself answers, be it with an error. Every way that was tried comes back, for the
// screen. Where none leads to the app the error is that of the last one. The release is empty where the app answered with an error.
func Choose(ctx context.Context, app App, ways []Way, s Settings) (way Way, release string, tries []Try, err error) {
	s.Timeout = cmp.Or(s.Timeout, 10*time.Second)
	err = setup("reach "+app.String(), "no way to it is configured", "name its public address, or let the tool open a tunnel")
	for _, w := range ways {
		s.Way = w
		var version Version
		c, problem := newClient(app, s)
		if err = problem; problem == nil {
			version, err = c.Version(ctx)
		}
		if Reached(err) {
			try := Try{Way: w.Name}
			if err != nil {
				try.Error = asError(ctx, err, "")
			}
			return w, version.Release, append(tries, try), nil
		}
		tries = append(tries, Try{Way: w.Name, Error: asError(ctx, err, "reach "+app.String())})
		if ctx.Err() != nil {
			break
		}
	}
	return Way{}, "", tries, err
}
