package rehearsal

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	netpath "canton.example/svrescue/steps/network"
	"canton.example/svrescue/steps/wire"
)

// NetworkHintsIn is what is proposed of a network that is to be recovered, from the folder of a world: what the operator has of the others and of this
// node.
func NetworkHintsIn(folder string) netpath.Hints {
	h := netpath.Hints{Charts: "record", Logs: there(filepath.Join(folder, LogsFolder)), Identities: there(filepath.Join(folder, IdentitiesFolder, IdentitiesFile))}
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
	case "network/app-values.charts": // Helm has kept them
		return wire.Answer{Text: "record"}, true
	case "network/snapshot.source":
		return wire.Answer{Choice: offered(q, "app")}, true
	case "network/go.remedy", "network/agree.remedy", "network/new-synchronizer.remedy": // what the tool cannot see the others have looked at
		return acceptedOnCall(q)
	case "network/snapshot.remedy", "network/migrate.remedy": // the agreed time is right, and waiting may help
		return wire.Answer{Choice: wire.ChoiceRetry}, true
	}
	return wire.Answer{}, false
}

// acceptedOnCall goes on without a proof that people have instead.
func acceptedOnCall(q wire.Question) (wire.Answer, bool) {
	i := slices.IndexFunc(q.Choices, func(c wire.Choice) bool { return c.ID == wire.ChoiceAccept })
	if i < 0 || q.Choices[i].Refuse != "" {
		return wire.Answer{}, false
	}
	return wire.Answer{Choice: wire.ChoiceAccept, Text: "it was compared by voice on the call"}, true
}

// nextOnCall adds the reports of the others, and then takes the latest time at which a quorum agrees.
func nextOnCall(q wire.Question) wire.Answer {
	if !allReported(q) {
		return wire.Answer{Choice: "add"}
	}
	return wire.Answer{Choice: agreedTime(q)}
}

func allReported(q wire.Question) bool {
	return strings.Contains(q.Text, fmt.Sprintf("Reports: %d of ", lossOthers+1))
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

// decides has the call decide on a timestamp itself: at the first time or from the second on, so long after the last commitments.
func decides(first bool, after time.Duration) plays {
	return func(ctx context.Context, e Elsewhere, v wire.View, q wire.Question) (wire.Answer, bool) {
		before := slices.ContainsFunc(v.Timeline, func(t wire.Entry) bool { return t.Step == "network/snapshot" })
		switch {
		case q.Name == "network/agree.next" && allReported(q) && before != first:
			return wire.Answer{Choice: "typed"}, true
		case q.Name == "network/agree.timestamp":
			last, err := lastCommitments(ctx, e)
			return wire.Answer{Text: last.Add(after).UTC().Format(time.RFC3339)}, err == nil
		case q.Name == "network/snapshot.remedy":
			return wire.Answer{Choice: "agree-again"}, true
		}
		return networkOperator(ctx, e, v, q)
	}
}

// lastCommitments is when the last period ended for which the own participant says that commitments agree.
func lastCommitments(ctx context.Context, e Elsewhere) (time.Time, error) {
	participant := fmt.Sprintf("participant-%d", oldID)
	pods, err := e.Cluster.Pods(ctx, e.Namespace, "app="+participant)
	if err != nil || len(pods) == 0 {
		return time.Time{}, fmt.Errorf("no pod of %s: %w", participant, err)
	}
	log, err := e.Cluster.Logs(ctx, e.Namespace, pods[0].Name, kube.LogOptions{})
	if err != nil {
		return time.Time{}, err
	}
	_, after, _ := strings.Cut(log[max(strings.LastIndex(log, "Commitment correct"), 0):], "toInclusive = ")
	text, _, _ := strings.Cut(after, ")")
	return time.Parse(time.RFC3339, text)
}

// plays is what a scenario's good operator does.
type plays = func(ctx context.Context, hands Elsewhere, v wire.View, q wire.Question) (wire.Answer, bool)

// otherwise answers some questions in another way than the operator of every call.
func otherwise(some plays) plays {
	return func(ctx context.Context, e Elsewhere, v wire.View, q wire.Question) (wire.Answer, bool) {
		if a, ok := some(ctx, e, v, q); ok {
			return a, true
		}
		return networkOperator(ctx, e, v, q)
	}
}
