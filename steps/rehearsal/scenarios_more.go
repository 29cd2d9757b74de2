package rehearsal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/wire"
)

func reversed() Scenario {
	return Scenario{ID: "restore-reversed", Path: "restore", Title: "A reversed set, and an operator who insists", Expect: wire.Aborted,
		Teaches: "that a reversed set comes up green, without any error, and is wrong: only comparing the offsets shows it, before an app starts",
		Faults:  []string{"in the only backup run the participant was taken before the apps"},
		World: func(now time.Time) (sim.Scenario, error) {
			o := node(now)
			o.Runs = o.Runs[:1]
			o.Runs[0].WrongOrder = true
			return world(o)
		},
		// Insists on the clocks being wrong, sees the databases come up, and takes everything back.
		Operator: func(_ context.Context, _ Elsewhere, v wire.View, q wire.Question) (wire.Answer, bool) {
			switch {
			case q.Name == "restore/prove-set.remedy":
				return wire.Answer{Choice: wire.ChoiceAccept, Text: "the clock of the storage was wrong that day"}, true
			case q.Name == "restore/prove-restored.remedy" || turned(v):
				return takeBack(q)
			}
			return wire.Answer{}, false
		}}
}

// turned says whether the run takes back what it did.
func turned(v wire.View) bool {
	return slices.ContainsFunc(v.Timeline, func(e wire.Entry) bool { return strings.Contains(e.Text, "taken back") })
}

// takeBack takes back what can be, and then ends the run.
func takeBack(q wire.Question) (wire.Answer, bool) {
	if strings.HasSuffix(q.Name, ".undo") {
		return wire.Answer{Choice: wire.ChoiceYes, Text: q.Word}, true
	}
	for _, want := range []string{wire.ChoiceUndo, wire.ChoiceAbort} {
		for _, c := range q.Choices {
			if c.ID == want && c.Refuse == "" {
				return wire.Answer{Choice: want}, true
			}
		}
	}
	return wire.Answer{}, false
}

func tooOld() Scenario {
	return Scenario{ID: "restore-too-old", Path: "restore", Title: "A set that is older than the retention", Expect: wire.Refused,
		Teaches: "the runway: what is older than the sequencers' retention can be restored, but never catches up",
		Faults:  []string{"the only backup run is 40 days old; sequencers keep 30 days"},
		World: func(now time.Time) (sim.Scenario, error) {
			o := node(now)
			o.Runs = []sim.Backup{backupRun(now, 40*24*time.Hour)}
			return world(o)
		}}
}

const application = `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: sv-node, namespace: argocd}
spec:
  project: default
  source: {repoURL: "https://git.example.com/sv-node.git", path: sv, targetRevision: main}
  destination: {server: "https://kubernetes.default.svc", namespace: %s}
  syncPolicy: {automated: {prune: true, selfHeal: true}}
`

func gitOps() Scenario {
	return Scenario{ID: "restore-gitops", Path: "restore", Title: "A GitOps controller that scales back", Expect: wire.Recovered,
		Teaches: "that others who act on the node are paused first, seen to stay paused, and let go at the end",
		Faults:  []string{"Argo CD puts replica counts back within seconds, and makes claims again that are gone"},
		World: func(now time.Time) (sim.Scenario, error) {
			o := node(now)
			w, err := world(o)
			if err != nil {
				return w, err
			}
			w.Objects += "\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: argocd}\n---\n" + fmt.Sprintf(application, namespace)
			g := sim.GitOps{Kind: "Application", Namespace: "argocd", Name: "sv-node", Every: sim.D(5 * time.Second), Manages: map[string]int32{}}
			for _, name := range []string{"sv-app", "scan-app", "validator-app", "participant", "global-domain-0-sequencer", "global-domain-0-mediator",
				"global-domain-0-cometbft", "apps-pg", "participant-pg", "sequencer-pg", "mediator-pg"} {
				g.Manages[namespace+"/"+name] = 1
			}
			for _, claim := range o.Claims() {
				g.Claims = append(g.Claims, namespace+"/"+claim)
			}
			w.Knobs.GitOps = []sim.GitOps{g}
			return w, nil
		}}
}
