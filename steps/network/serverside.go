package network

import (
	"context"
	"fmt"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/releases"
	"canton.example/svrescue/steps/wire"
)

// serverSide names the releases of the apps that Helm applies on the server's side: this program cannot upgrade them, and the apps migrate by an
// upgrade, so it is said before anything is changed. What is applied from a repository is upgraded there and is left out.
func (f Facts) serverSide(ctx context.Context, w steps.World, verdict wire.Verdict) ([]wire.Finding, error) {
	all, err := releases.InForce(ctx, w, f.Namespace)
	if kube.IsMissing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var names []string
	var commands []wire.Evidence
	for _, part := range appParts {
		r, ok := making(all, f, part)
		if !ok || !r.ServerSide || r.Managed != nil {
			continue
		}
		names = append(names, r.Name)
		commands = append(commands, wire.Evidence{Source: "by hand", Seen: kube.CommandHelm(f.Where, f.Namespace, "upgrade", r.Name, "CHART", "--version", r.ChartVersion, "--reuse-values", "--server-side=false")})
	}
	if len(names) == 0 {
		return nil, nil
	}
	return []wire.Finding{{ID: "server-side", Verdict: verdict, Evidence: commands,
		Text: fmt.Sprintf("Helm applies these releases on the server's side, as Helm 4 does by default: %s. This program merges on the client's side and cannot upgrade them, since who owns which field would be mixed up", strings.Join(names, ", ")),
		Next: "Nothing is changed yet. Have Helm 4 apply each once on the client's side, by the commands beside this, where CHART is the one that each was installed with: chart and values stay as they are, and Helm writes the way into its record. Then look again"}}, nil
}
