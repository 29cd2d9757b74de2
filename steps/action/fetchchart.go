package action

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/charts"
	"canton.example/svrescue/steps/wire"
)

// FetchChart fetches a chart from a registry into the run.
type FetchChart struct {
	Registry, Chart, Version string // the registry as oci://HOST/PATH
}

// Artifact is where the chart is in the run.
func (c FetchChart) Artifact() string { return "charts/" + c.Chart + "-" + c.Version + ".tgz" }

// Fetched reads the chart that was fetched. Its error is a *steps.Problem.
func (c FetchChart) Fetched(files steps.FileReader) (release.Chart, error) {
	data, err := files.Read(c.Artifact())
	if err == nil {
		var chart release.Chart
		if chart, err = release.ReadChart(c.Artifact(), data); err == nil {
			return chart, nil
		}
	}
	return release.Chart{}, &steps.Problem{Tried: "reading the chart " + c.Chart + " that was fetched", Seen: err.Error(), Err: err, Next: "Look again, and it is fetched again"}
}

func (c FetchChart) address() string     { return charts.AddressIn(c.Registry, c.Chart) }
func (c FetchChart) Key() string         { return "fetch chart " + c.Chart + " " + c.Version }
func (c FetchChart) Effect() wire.Effect { return wire.Observe } // nothing but the run's own folder changes
func (c FetchChart) Refs() []steps.Ref   { return []steps.Ref{{File: c.Artifact()}} }

func (c FetchChart) Show() wire.Preview {
	return wire.Preview{Title: c.Key(), After: "it is in the run folder under artifacts/" + c.Artifact(), Commands: []string{"helm pull " + c.address() + " --version " + c.Version}}
}

func (c FetchChart) Trial(ctx context.Context, h steps.Hands) ([]wire.Finding, error) {
	if _, err := c.pull(ctx, h.World); err != nil {
		return nil, err
	}
	return []wire.Finding{{ID: c.Key(), Verdict: wire.Holds, Text: "the registry has it"}}, nil
}

func (c FetchChart) Probe(_ context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	data, err := w.Files.Read(c.Artifact())
	if errors.Is(err, fs.ErrNotExist) {
		return wire.ActionPending, nil, nil
	}
	if err != nil {
		return wire.ActionUnknown, nil, err
	}
	chart, err := release.ReadChart(c.Artifact(), data)
	if err != nil || chart.Name != c.Chart || chart.Version != c.Version {
		return wire.ActionPending, []wire.Evidence{{Source: c.Artifact(), Seen: "it is not whole"}}, nil
	}
	return wire.ActionDone, []wire.Evidence{{Source: c.Artifact(), Seen: chart.String()}}, nil
}

func (c FetchChart) Do(ctx context.Context, h steps.Hands, _ func(wire.Progress)) error {
	data, err := c.pull(ctx, h.World)
	if err != nil {
		return err
	}
	return h.Files.Write(c.Artifact(), data)
}

func (c FetchChart) pull(ctx context.Context, w steps.World) ([]byte, error) {
	var data []byte
	err := errors.New("no registry can be asked from here")
	if w.Charts != nil {
		data, err = w.Charts.Pull(ctx, c.address(), c.Version)
	}
	if err != nil && ctx.Err() == nil {
		return nil, &steps.Problem{Tried: c.Key() + " from " + c.Registry, Seen: err.Error(), Err: err,
			Next: fmt.Sprintf("Log in to the registry (helm registry login), or fetch it where the network is (helm pull %s --version %s) and name the folder", c.address(), c.Version)}
	}
	return data, err
}
