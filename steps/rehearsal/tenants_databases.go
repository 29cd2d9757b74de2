package rehearsal

import (
	"encoding/json"
	"fmt"
	"strings"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/postgres"
	pg "canton.example/svrescue/steps/postgres/sim"
)

// databases adds to what a server's volume holds the databases of the participants that were initialised on it: a participant of the world writes
// nothing by itself.
func (t *tenants) databases(in sim.Pod, text string, fresh func() pg.State) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.spaces[in.Namespace]
	if s == nil {
		return text
	}
	var state pg.State
	switch {
	case text == "":
		state = fresh()
	case json.Unmarshal([]byte(text), &state) != nil || state.Databases == nil:
		return text
	}
	added := false
	for database, participant := range s.identities {
		name, on := strings.CutPrefix(database, fmt.Sprintf("%s %d ", in.Owner, s.blank[in.Owner]))
		if !on || state.Databases[name] != nil {
			continue
		}
		state.Databases[name], added = &pg.Database{Role: postgres.Participant, Schema: "participant", Participant: strings.TrimPrefix(participant, "PAR::"), Bytes: 3 << 20}, true
	}
	if !added {
		return text
	}
	return textOf(state)
}
