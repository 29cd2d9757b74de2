package rehearsal

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/steps/wire"
)

// rolling is a scenario of the path for releases from 0.6.2 on.
func rolling(id, title, teaches string, plan Roll, faults ...string) Scenario {
	return Scenario{ID: id, Path: "network-roll-forward", Title: title, Teaches: teaches, Expect: wire.Recovered, Faults: faults, Roll: &plan,
		World: plan.world, Operator: rollOperator(plan)}
}

const rollSteps = "network/roll-forward/"

// How long after the question for it the call puts the maximum sequencing time, and how much later the successor takes over.
const (
	timeToCap = 20 * time.Minute
	takesOver = time.Minute
)

// rollOperator is on the call with the other SVs, and knows what was said there.
func rollOperator(plan Roll) plays {
	return func(_ context.Context, _ Elsewhere, v wire.View, q wire.Question) (wire.Answer, bool) {
		text := func(s string) (wire.Answer, bool) { return wire.Answer{Text: s}, s != "" }
		choose := func(s string) (wire.Answer, bool) { return wire.Answer{Choice: s}, true }
		switch strings.TrimPrefix(q.Name, rollSteps) {
		case "release-gate.situation":
			switch {
			case plan.Failed:
				return choose("nothing-sequenced")
			case plan.Broke:
				return choose("successor-broken")
			}
			return choose("broken")
		case "go.who":
			return text("alice of " + nameOfPeer(0) + ", for all SVs")
		case "go.where":
			return text("the incident call")
		case "go.remedy": // what the tool cannot see the others have looked at
			return acceptedOnCall(q)
		case "cap-old.remedy": // it starts, only late
			return choose(wire.ChoiceRetry)
		case "deploy-successor.remedy": // a rehearsal has no way from here to a public address
			return wire.Answer{Choice: wire.ChoiceAccept, Text: "another SV reaches it"}, true
		case "parameter-card.last-good":
			return text(lastBlockIn(q.Text))
		case "parameter-card.max-sequencing":
			return text(v.Last.Add(timeToCap).UTC().Truncate(time.Minute).Format(time.RFC3339))
		case "parameter-card.upgrade-time":
			at, err := time.Parse(time.RFC3339, q.Default)
			if err != nil { // none: that of the announcement
				return text(q.Default)
			}
			return text(at.Add(takesOver).Format(time.RFC3339))
		case "parameter-card.protocol":
			return text(rollProtocol)
		case "parameter-card.card":
			return choose(nextCard(q))
		case "parameter-card.their-card":
			return text(v.Card.Fingerprint)
		case "watch.remedy": // the others come
			return choose(wire.ChoiceRetry)
		case "charts.place": // Helm has kept them
			return text("record")
		case "remove-old-diff.when": // upstream keeps it for 30 days
			return choose("keep")
		}
		return wire.Answer{}, false
	}
}

var lastBlock = regexp.MustCompile(`last block at (\S+Z)`)

// lastBlockIn is the time of the last block, as the question for the last good record time tells it.
func lastBlockIn(text string) string {
	if m := lastBlock.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

// nextCard compares with the cards of all, and settles.
func nextCard(q wire.Question) string {
	i := slices.IndexFunc(q.Choices, func(c wire.Choice) bool {
		return strings.HasPrefix(c.ID, "theirs:") && !strings.Contains(c.Detail, "has the same fingerprint")
	})
	if i < 0 {
		return "settle"
	}
	return q.Choices[i].ID
}

// firstly plays something else at the first time that a question is asked.
func firstly(name string, first func(v wire.View, q wire.Question) wire.Answer, then plays) plays {
	return func(ctx context.Context, e Elsewhere, v wire.View, q wire.Question) (wire.Answer, bool) {
		if q.Name == name && !slices.ContainsFunc(v.Answers, func(a wire.Answered) bool { return a.Name == name }) {
			return first(v, q), true
		}
		return then(ctx, e, v, q)
	}
}
