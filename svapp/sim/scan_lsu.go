package sim

import "net/http"

// upgrades serves what scan tells of logical synchronizer upgrades: the shapes are those that svapp reads. That all three came with the same release
// was not verified (reference/deployment.md 11 has the first, of 0.6.11).
func (a App) upgrades(get func(path string, body func(Network, *http.Request) (any, error))) {
	get("/v0/lsu", func(n Network, _ *http.Request) (any, error) {
		if n.Upgrade == nil {
			return map[string]any{}, nil
		}
		return map[string]any{"lsu": map[string]any{"topologyFreezeTime": stamp(n.Upgrade.Freeze), "upgradeTime": stamp(n.Upgrade.At), "successorPhysicalSynchronizerId": n.Upgrade.Successor}}, nil
	})
	get("/v0/roll-forward-lsu", func(n Network, _ *http.Request) (any, error) {
		if n.RollForward == nil {
			return map[string]any{}, nil
		}
		r := n.RollForward
		return map[string]any{"rollForwardLsu": map[string]any{"upgradeTime": stamp(r.At), "currentPhysicalSynchronizerId": r.Current, "successorPhysicalSynchronizerId": r.Successor}}, nil
	})
	get("/v0/active-synchronizer-serial", func(n Network, _ *http.Request) (any, error) {
		if n.Serial == 0 {
			return nil, absent("The serial is not known") // wording not verified
		}
		return map[string]any{"serial": n.Serial}, nil
	})
}
