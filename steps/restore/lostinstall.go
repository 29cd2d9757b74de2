package restore

import (
	"context"
	"fmt"

	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/charts"
)

// installation is the action that puts a release in place: as it was in force when the record was made, or as saved values render it.
func installation(f Facts, r LostRelease) action.InstallRelease {
	lost := LostNode{Folder: f.Lost.Folder, Values: f.Lost.Values, Charts: f.Lost.Charts, Digest: f.Lost.Digest}
	saved := f.saved()
	i := action.InstallRelease{Where: f.Where, Chart: r.Chart, Version: r.Version, Installation: r.installation(f), Hooks: r.Hooks, How: "recorded",
		Helm: []string{"install", r.Name, charts.Address(r.Chart), "--version", r.Version, "-f", lost.Folder + "/helm/" + r.Name + "-values.yaml"},
		Stored: func(ctx context.Context, w steps.World) (release.Stored, error) {
			return lost.stored(ctx, w.Kube, saved, r.Name)
		}}
	if lost.fromValues() {
		i.How, i.Helm = "rendered", []string{"install", r.Name, r.ChartPath}
		for _, file := range r.Files {
			i.Helm = append(i.Helm, "-f", file)
		}
	}
	return i
}

// count is a number of things, as one says it.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// stored reads a release, which must be of what was read before.
func (l LostNode) stored(ctx context.Context, c charts.Cluster, saved charts.Saved, name string) (release.Stored, error) {
	r, err := openLost(ctx, c, l, saved)
	if err != nil {
		return release.Stored{}, err
	}
	if r.Digest != l.Digest {
		p := &steps.Problem{Tried: "reading release " + name + " from " + l.source(), Seen: "it is another record than the one that was read and shown",
			Next: "Put the record back as it was; or start a new run, which reads it again"}
		if l.fromValues() {
			p.Seen = "they do not make what was read and shown: the values, the charts, or what this cluster offers have changed since, or a chart writes down the time"
			p.Next = "Put them back as they were; or start a new run, which renders them again"
		}
		return release.Stored{}, p
	}
	return r.Stored(name)
}
