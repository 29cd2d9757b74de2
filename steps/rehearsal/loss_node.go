package rehearsal

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/postgres"
	pg "canton.example/svrescue/steps/postgres/sim"
)

// lossNode is a node of a release that recovers with migration dumps: names have the migration ID in them (reference/deployment.md 3.2).
func lossNode(now time.Time) sim.NodeOptions {
	o := node(now)
	o.Release, o.MigrationID, o.SerialID, o.ParticipantSuffix, o.Runs = lossRelease, oldID, oldID, true, nil
	o.Token, o.ValidatorToken = token(svAudience), validatorToken()
	return o
}

// world is that node, with Helm's records and the charts in them.
func (plan Loss) world(now time.Time) (sim.Scenario, error) {
	o := lossNode(now)
	s, err := o.Scenario()
	if err != nil {
		return s, err
	}
	s.Knobs.Workloads = map[string]sim.Workload{"*": {ReadyDelay: sim.D(4 * time.Second), Termination: sim.D(3 * time.Second)}}
	s.Knobs.Claims = map[string]sim.Claim{"*": {RestoreRate: 2 << 30}}
	if plan.Flux {
		if s.Knobs.GitOps, err = plan.controllers(o, s); err != nil {
			return s, err
		}
	}
	s.Objects, err = lossObjects(o, s, plan)
	return s, err
}

// databases adds to what a server's volume holds the databases that the init containers of the new nodes have made there: what runs in the world
// writes nothing by itself.
func (l *loss) databases(in sim.Pod, text string, fresh func() pg.State) string {
	l.mu.Lock()
	made := l.made[in.Namespace+"/"+in.Owner]
	l.mu.Unlock()
	var state pg.State
	switch {
	case len(made) == 0:
		return text
	case text == "":
		state = fresh()
	case json.Unmarshal([]byte(text), &state) != nil || state.Databases == nil:
		return text
	}
	for name, role := range made {
		if state.Databases[name] == nil {
			state.Databases[name] = &pg.Database{Role: role, Schema: string(role), Bytes: 3 << 20}
		}
	}
	return textOf(state)
}

// makes notes the database of a node that starts. Its lock is held.
func (l *loss) makes(in sim.Pod) {
	prefix := "CANTON_DOMAIN_POSTGRES_"
	if in.Container == "participant" {
		prefix = "CANTON_PARTICIPANT_POSTGRES_"
	}
	server, _, _ := strings.Cut(in.Env[prefix+"SERVER"], ".")
	name := in.Env[fmt.Sprintf("CANTON_%s_POSTGRES_DB", strings.ToUpper(in.Container))]
	if server == "" || name == "" {
		return
	}
	at := in.Namespace + "/" + server
	if l.made[at] == nil {
		l.made[at] = map[string]postgres.Role{}
	}
	l.made[at][name] = map[string]postgres.Role{"sequencer": postgres.Sequencer, "mediator": postgres.Mediator, "participant": postgres.Participant}[in.Container]
}
