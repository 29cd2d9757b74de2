package network

import (
	"context"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
)

// Variables by which the charts tell the apps that they migrate (reference/deployment.md 10.7). That of the SV app says by other types how the SV
// joins.
const (
	svOnboarding     = "ADDITIONAL_CONFIG_SV_ONBOARDING"
	domainMigration  = "domain-migration"
	validatorRestore = "ADDITIONAL_CONFIG_VALIDATOR_MIGRATION_RESTORE"
)

// arming is the variable of a workload that tells its app to migrate when it starts; empty: none does. The values of other variables are not
// looked at.
func arming(w kube.Workload) string {
	for _, c := range w.Containers {
		for _, e := range c.Env {
			if e.Name == validatorRestore || e.Name == svOnboarding && strings.Contains(e.Value, domainMigration) {
				return e.Name
			}
		}
	}
	return ""
}

// armed are the apps of a node that are told to migrate, each with the variable that tells it.
func armed(ctx context.Context, w steps.World, n node.Node) (all map[string]string, err error) {
	all = map[string]string{}
	for _, c := range n.Of(node.AppParts...) {
		now, found, err := w.Kube.Workload(ctx, c.Ref.Kind, c.Ref.Namespace, c.Ref.Name)
		if err != nil {
			return nil, err
		}
		if name := arming(now); found && name != "" {
			all[c.Ref.Name] = name
		}
	}
	return all, nil
}
