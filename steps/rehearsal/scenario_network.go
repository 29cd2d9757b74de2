package rehearsal

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	netpath "canton.example/svrescue/steps/network"
	"canton.example/svrescue/steps/wire"
)

// NetworkHintsIn is what is proposed of a network that is to be recovered, from the folder of a world: what the operator has of the others and of this
// node.
func NetworkHintsIn(folder string) netpath.Hints {
	h := netpath.Hints{Logs: there(filepath.Join(folder, LogsFolder)), Identities: there(filepath.Join(folder, IdentitiesFolder, IdentitiesFile))}
	files, err := os.ReadDir(filepath.Join(folder, ReportsFolder))
	if err != nil {
		return h // this scenario has none
	}
	for _, file := range files {
		h.Reports = append(h.Reports, filepath.Join(folder, ReportsFolder, file.Name()))
	}
	return h
}

// there is a path where there is something.
func there(path string) []string {
	if _, err := os.Stat(path); err != nil {
		return nil
	}
	return []string{path}
}

// recovering is a scenario of the path.
func recovering(id, title, teaches string, expect wire.Outcome, plan Loss, faults ...string) Scenario {
	return Scenario{ID: id, Path: "network", Title: title, Teaches: teaches, Expect: expect, Faults: faults, Loss: &plan,
		World: plan.world, Saved: plan.files, Operator: networkOperator}
}

// networkOperator is on the call with the other SVs, and knows what was said there.
func networkOperator(_ context.Context, _ Elsewhere, v wire.View, q wire.Question) (wire.Answer, bool) {
	switch q.Name {
	case "network/go.who":
		return wire.Answer{Text: "alice of " + nameOfPeer(0) + ", for all SVs"}, true
	case "network/go.where":
		return wire.Answer{Text: "the incident call"}, true
	case "network/identities.source":
		return wire.Answer{Choice: offered(q, "app", "file")}, true
	case "network/agree.next":
		return nextOnCall(q), true
	case "network/agree.card":
		return wire.Answer{Choice: "settle"}, true
	case "network/go.remedy", "network/agree.remedy":
		if i := slices.IndexFunc(q.Choices, func(c wire.Choice) bool { return c.ID == wire.ChoiceAccept }); i >= 0 && q.Choices[i].Refuse == "" {
			return wire.Answer{Choice: wire.ChoiceAccept, Text: "it was compared by voice on the call"}, true
		}
	}
	return wire.Answer{}, false
}

// nextOnCall adds the reports of the others, and then takes the latest time at which a quorum agrees.
func nextOnCall(q wire.Question) wire.Answer {
	if !strings.Contains(q.Text, fmt.Sprintf("Reports: %d of ", lossOthers+1)) {
		return wire.Answer{Choice: "add"}
	}
	return wire.Answer{Choice: agreedTime(q)}
}

// agreedTime is the first time that a quorum agrees on, of those that a question offers.
func agreedTime(q wire.Question) string {
	for _, c := range q.Choices {
		if strings.HasPrefix(c.ID, "at:") && !c.Reason && c.Refuse == "" {
			return c.ID
		}
	}
	return ""
}

// laterThan is a time some while after the one that a choice of the question names.
func laterThan(q wire.Question, d time.Duration) string {
	at, err := time.Parse(time.RFC3339Nano, strings.TrimPrefix(agreedTime(q), "at:"))
	if err != nil {
		return ""
	}
	return at.Add(d).UTC().Format(time.RFC3339)
}
