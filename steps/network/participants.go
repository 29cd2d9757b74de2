package network

import (
	"context"
	"regexp"
	"strconv"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

// tellApart tells the participants of a node apart where there are several, as a recovered network leaves them: the one that the SV app's rendered
// environment names is the current one, and the others are left alone. Which variable the charts name it by was not verified, so every value counts
// in which a participant's address stands. Where none or several are named, all stay as they are, and the finding says so.
func tellApart(ctx context.Context, w steps.World, n *node.Node) ([]wire.Finding, error) {
	all := n.Of(node.Participant)
	if len(all) < 2 {
		return nil, nil
	}
	used := map[string]bool{}
	for _, c := range n.Of(node.SVApp) {
		app, found, err := w.Kube.Workload(ctx, c.Ref.Kind, c.Ref.Namespace, c.Ref.Name)
		if err != nil {
			return nil, err
		}
		for _, p := range all {
			used[p.Ref.Name] = used[p.Ref.Name] || found && names(app, p.Ref.Name)
		}
	}
	var current, others []string
	for _, p := range all {
		if used[p.Ref.Name] {
			current = append(current, p.Ref.Name)
		} else {
			others = append(others, p.Ref.Name)
		}
	}
	if len(current) != 1 {
		return []wire.Finding{{ID: "participants", Verdict: wire.Attention, Text: "which of these participants the SV app uses its environment does not tell, so all of them count: " + strings.Join(append(current, others...), ", "),
			Next: "Look in the values of the SV app which participant it has, and whether the others are still needed"}}, nil
	}
	for i := range n.Components {
		c := &n.Components[i]
		switch {
		case c.Part != node.Participant || c.Role != "":
		case c.Ref.Name == current[0]:
			c.Role = node.Current
		case numbered(c.Ref.Name) > numbered(current[0]):
			c.Role = node.Successor
		default:
			c.Role = node.Legacy
		}
	}
	return nil, nil
}

// names says whether the address of a service stands in the environment of a workload.
func names(w kube.Workload, service string) bool {
	address := regexp.MustCompile(`(?:^|[^\w.-])` + regexp.QuoteMeta(service) + `(?:[^\w-]|$)`)
	for _, c := range w.Containers {
		for _, e := range c.Env {
			if address.MatchString(e.Value) {
				return true
			}
		}
	}
	return false
}

// numbered is the migration ID at the end of a participant's name (reference/deployment.md 3.2), -1 where there is none.
func numbered(name string) int {
	id, err := strconv.Atoi(name[strings.LastIndex(name, "-")+1:])
	if err != nil {
		return -1
	}
	return id
}
