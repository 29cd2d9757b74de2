package rehearsal

import (
	"context"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/steps/network/card"
	"canton.example/svrescue/steps/wire"
)

// rollScenarios are those of a network that rolls forward, in the order in which they are best learnt.
func rollScenarios() []Scenario {
	return []Scenario{rollClean(), rollFailedUpgrade(), rollTemplateTrap(), rollOtherValue(), rollLateCap(), rollValidatorBehind(), rollPastIndex(), rollSuccessorBroken(), rollDrains(), rollCancelled()}
}

// rollClean is an ordinary call: one of the others comes later than this SV.
func rollClean() Scenario {
	return rolling("roll-forward-clean", "The synchronizer of the network is broken", "the whole way: the card of the call, the cap, the successor, the roll-forward, its promotion", Roll{})
}

func rollFailedUpgrade() Scenario {
	return rolling("roll-forward-failed-upgrade", "An announced upgrade failed, and nothing was sequenced", "the other variant: no cap, the serial after the next, and validators that follow by themselves", Roll{Failed: true},
		"the successor of the announced upgrade never sequenced anything, and still stands beside the old synchronizer")
}

func rollTemplateTrap() Scenario {
	s := rolling("roll-forward-template-trap", "The chart would not roll forward", "that the chart takes joinWithKeyOnboarding before rollForwardLsu without a word, and where that is seen", Roll{},
		"joinWithKeyOnboarding is in the values of the SV app, and is left in at first")
	s.Operator = firstly(rollSteps+"roll-forward-diff.join", func(wire.View, wire.Question) wire.Answer { return wire.Answer{Choice: "leave"} },
		func(ctx context.Context, e Elsewhere, v wire.View, q wire.Question) (wire.Answer, bool) {
			if q.Name == rollSteps+"roll-forward-diff.remedy" {
				return wire.Answer{Choice: wire.ChoiceAsk}, true
			}
			return rollOperator(Roll{})(ctx, e, v, q)
		})
	return s
}

func rollOtherValue() Scenario {
	s := rolling("roll-forward-other-value", "One SV has another value", "what a card that differs looks like, and that it is cleared up before anything is changed", Roll{},
		"the upgrade time of "+nameOfPeer(0)+" is another one")
	s.Operator = firstly(rollSteps+"parameter-card.their-card", func(v wire.View, _ wire.Question) wire.Answer { return wire.Answer{Text: otherCard(v.Card.Text)} }, s.Operator)
	return s
}

// otherCard is the card of an SV that has another upgrade time.
func otherCard(text string) string {
	c, err := card.Parse(text)
	if err != nil {
		return text
	}
	for i, v := range c.Values {
		if at, err := time.Parse(time.RFC3339, v.Text); err == nil && v.Name == "upgrade time" {
			c.Values[i].Text = card.Stamp(at.Add(time.Hour))
		}
	}
	return strings.ReplaceAll(c.Text(), "\n", " ")
}

func rollLateCap() Scenario {
	return rolling("roll-forward-late-cap", "A sequencer that does not take the cap in time", "what it means when the time comes before the old sequencer has it, and what the call has to know then", Roll{SlowSequencer: 35 * time.Minute},
		"the old sequencer takes 35 minutes to start anew, and the maximum sequencing time passes meanwhile")
}

func rollValidatorBehind() Scenario {
	return rolling("roll-forward-validator-behind", "A validator is left behind", "how it shows that a node saw another end of the old synchronizer, how that is resolved, and why the old one is kept", Roll{Behind: 1},
		"a validator has not taken in everything before it moved: commitments with it do not match")
}

func rollPastIndex() Scenario {
	s := rolling("roll-forward-past-index", "A participant that is past its upgrade time", "that a participant that is told a time moves only from exactly there, and how it is moved without one", Roll{},
		"the participants are told the last good record time, and that of this SV has gone on a little after it")
	operator := s.Operator
	s.Operator = func(ctx context.Context, e Elsewhere, v wire.View, q wire.Question) (wire.Answer, bool) {
		switch {
		case q.Name == rollSteps+"parameter-card.participant-upgrade":
			return wire.Answer{Choice: "last-good"}, true
		case q.Name == rollSteps+"watch.remedy" && offers(q, "without-upgrade-time"):
			return wire.Answer{Choice: "without-upgrade-time"}, true
		}
		return operator(ctx, e, v, q)
	}
	return s
}

func rollSuccessorBroken() Scenario {
	return rolling("roll-forward-successor-broken", "An upgrade took place, and its successor broke", "three synchronizers side by side: which is the broken one, what is kept of the original, and the serial after the next", Roll{Broke: true},
		"the successor of an announced upgrade sequenced something before it broke, and the values of the apps still call the original the current one")
}

func rollDrains() Scenario {
	return rolling("roll-forward-drains", "A node that has much to take in", "that the maximum is not the end: the SV app rolls forward only when nothing was taken in for ten minutes", Roll{Drains: drains},
		"participant and apps go on taking in for more than an hour what was sequenced before the synchronizer broke")
}

// drains is longer than it takes until the maximum.
const drains = 75 * time.Minute

func rollCancelled() Scenario {
	s := rolling("roll-forward-cancel-first", "An announced upgrade that is still to come", "that an upgrade is cancelled as long as its time has not come, by whom and how, instead of being rolled forward", Roll{Ahead: 6 * time.Hour},
		"the upgrade is announced for six hours from now, and it is plain that it will fail")
	operator := s.Operator
	s.Expect = wire.Refused
	s.Operator = func(ctx context.Context, e Elsewhere, v wire.View, q wire.Question) (wire.Answer, bool) {
		switch q.Name {
		case rollSteps + "release-gate.situation":
			return wire.Answer{Choice: "nothing-sequenced"}, true
		case rollSteps + "release-gate.remedy":
			return wire.Answer{Choice: wire.ChoiceAbort}, true
		}
		return operator(ctx, e, v, q)
	}
	return s
}

func offers(q wire.Question, id string) bool {
	return slices.ContainsFunc(q.Choices, func(c wire.Choice) bool { return c.ID == id })
}
