package rollforward

import (
	"maps"
	"slices"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

// Ready says on a quiet day what of an SV app as it is deployed would make it fail to roll forward, or has to be changed for it; nothing: nothing is
// seen. known is false where its environment is not what upstream's charts render.
func Ready(n node.Node, sv kube.Workload) (lacks []string, known bool) {
	env := environment(sv, string(node.SVApp))
	text, onboards := env[OnboardingVariable]
	_, exporting := env[ExportVariable]
	if !onboards && !exporting {
		return nil, false
	}
	if set, err := settings(text); onboards && err == nil && set["_onboarding.type"] == JoinWithKey {
		lacks = append(lacks, "the values have joinWithKeyOnboarding, which the chart takes before rollForwardLsu: it has to be taken out then")
	}
	var mounted []string
	for _, m := range sv.Mounts {
		mounted = append(mounted, m.Path)
	}
	if f := exports(env, mounted); f.Verdict != wire.Holds {
		lacks = append(lacks, f.Text)
	}
	return append(lacks, successorLacks(n, env)...), true
}

// successorLacks is what is missing of a successor that is prepared.
func successorLacks(n node.Node, env map[string]string) (lacks []string) {
	named, err := svSequencers(env)
	for _, c := range n.LeftAlone() {
		if err != nil || c.Part != node.Sequencer || c.Role != node.Successor {
			continue
		}
		if !slices.Contains(slices.Collect(maps.Values(named)), c.Ref.Name) {
			lacks = append(lacks, "a successor is deployed ("+c.Ref.Name+"), and the SV app does not know it")
		}
	}
	if named["successor"] == "" {
		return lacks
	}
	for variable, text := range env {
		if set, err := settings(text); strings.HasPrefix(variable, "ADDITIONAL_CONFIG_SV_DOMAIN") && err == nil {
			const key = "canton.sv-apps.sv.local-synchronizer-nodes.successor.sequencer."
			if set[key+"admin-api.address"] != "" && set[key+"external-public-api-url"] == "" {
				lacks = append(lacks, "the successor that is prepared has no public address: it needs an ingress of its own")
			}
		}
	}
	return lacks
}
