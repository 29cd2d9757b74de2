package network

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/svapp"
)

const (
	migrateLook = 10 * time.Second
	// migratePatience is how long the apps may take before the operator is asked. Waiting for other SVs is normal, and it never ends by itself.
	migratePatience = 2 * time.Hour
	peersEvery      = 6 // looks between two at the scans of others
	peerTime        = 5 * time.Second
)

// migratePhases are what the SV app logs while it starts from a dump (reference/apis.md 9.4).
var migratePhases = []struct {
	name string
	says *regexp.Regexp
}{
	{"the dump is read", regexp.MustCompile(`Init new domain nodes from snapshot|Loading participant identities dump from file`)},
	{"keys and topology are imported", regexp.MustCompile(`AuthorizedStore snapshot is imported|Uploading node keys`)},
	{"the sequencer is initialised", regexp.MustCompile(`Sequencer is not initialized, initializing from dump`)},
	{"the synchronizer has resumed", regexp.MustCompile(`resumed domain`)},
}

// signed is what a participant logs as SVs sign the parameters of the new synchronizer, which it needs to begin (reference/deployment.md 15). How
// often it does so for each SV was not verified.
var signed = regexp.MustCompile(`Persisted.*SynchronizerParametersState`)

// app is one of the apps that migrate.
type app struct {
	part node.Part
	action.Wanted
}

// followMigration waits until the apps are ready, follows in the SV app's log how far it is, and recognises the ways in which it fails. The new
// synchronizer begins when more than two thirds of the SVs are there: until then the apps are not ready, and nothing is wrong.
type followMigration struct {
	namespace   string
	apps        []app
	participant action.Pods // of the new synchronizer; its selector is found
	peers       []svapp.Address
	svs         int // of the network; 0: not known
}

func (m followMigration) Key() string         { return "follow the migration" }
func (m followMigration) Effect() wire.Effect { return wire.Observe }
func (m followMigration) Refs() []steps.Ref   { return nil }

func (m followMigration) Show() wire.Preview {
	p := wire.Preview{Title: m.Key(), After: "sv, scan and validator are ready, and no failure that is known stands in the SV app's log. That takes more than two thirds of the SVs: waiting for them is normal"}
	for _, a := range m.apps {
		p.Commands = append(p.Commands, fmt.Sprintf("kubectl -n %s logs -f %s", m.namespace, a.Workload))
	}
	return p
}

func (m followMigration) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (m followMigration) Probe(ctx context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	progress, done, err := m.see(ctx, w)
	var evidence []wire.Evidence
	for _, item := range progress.Items {
		evidence = append(evidence, wire.Evidence{Source: item.Name, Seen: item.State})
	}
	switch {
	case err != nil && kube.KindOf(err) != "" && kube.KindOf(err) != kube.Unknown:
		return wire.ActionUnknown, nil, err
	case err == nil && done:
		return wire.ActionDone, evidence, nil
	}
	return wire.ActionPending, evidence, ctx.Err()
}

func (m followMigration) Do(ctx context.Context, h steps.Hands, report func(wire.Progress)) error {
	var others []wire.Item
	looks := 0
	err := steps.Poll(ctx, h, migrateLook, migratePatience, "the apps to work on the new synchronizer", report, func(ctx context.Context) (wire.Progress, bool, error) {
		p, done, err := m.see(ctx, h.World)
		if err == nil && !done && looks%peersEvery == 0 {
			others = m.others(ctx, h.World)
		}
		looks++
		p.Items = append(p.Items, others...)
		return p, done, err
	})
	if waiting, ok := err.(*steps.StillWaiting); ok {
		waiting.Next = "The new synchronizer begins when more than two thirds of the SVs are there: ask on the call who is missing, and wait longer. Where all others are through, read the log of sv-app"
	}
	return err
}

// see looks once. What the logs said before the SV app was last started does not count: whoever cures a failure starts it anew.
func (m followMigration) see(ctx context.Context, w steps.World) (wire.Progress, bool, error) {
	p := wire.Progress{Unit: "phases", Total: int64(len(migratePhases) + len(m.apps))}
	ready, reached := true, -1
	for _, a := range m.apps {
		log, _, err := action.ReadPodLog(ctx, w, m.Key(), m.namespace, []action.Wanted{a.Wanted}, time.Time{})
		if err != nil {
			return p, false, err
		}
		ready = ready && log.Ready
		if a.part == node.SVApp {
			for n, phase := range migratePhases {
				if phase.says.MatchString(log.Text) {
					reached = n
				}
			}
			for n, phase := range migratePhases {
				item := wire.Item{Name: phase.name, State: "not seen in the log", Done: n <= reached}
				switch {
				case item.Done:
					item.State = "done"
				case log.Ready: // levels of logs differ, and old lines are rotated away
					item.State = "not seen in the log, and over"
				}
				p.Items = append(p.Items, item)
			}
		}
		p.Items = append(p.Items, wire.Item{Name: a.Workload.Name, State: log.State, Done: log.Ready})
		if fail, ok := migrateFailureIn(log.Text); ok && !log.Ready {
			return p, false, &MigrationFailed{Kind: fail.id, Pod: log.Pod, fail: fail, where: log.Command}
		}
	}
	for _, item := range p.Items {
		if item.Done {
			p.Done++
		}
	}
	if !ready {
		p.Text = "waiting for more than two thirds of the SVs, which is normal"
		if reached < 0 {
			p.Text = "the apps start; then they wait for more than two thirds of the SVs, which is normal"
		}
		if m.svs > 0 {
			p.Text += fmt.Sprintf(": %d of %d", 2*m.svs/3+1, m.svs)
		}
		p.Items = append(p.Items, m.signatures(ctx, w)...)
	}
	return p, ready, ctx.Err()
}

// signatures count what the new participant logs as SVs sign. It decides nothing.
func (m followMigration) signatures(ctx context.Context, w steps.World) []wire.Item {
	if m.participant.Workload.Name == "" {
		return nil
	}
	now, found, err := w.Kube.Workload(ctx, m.participant.Workload.Kind, m.namespace, m.participant.Workload.Name)
	if err != nil || !found {
		return nil
	}
	log, _, err := action.ReadPodLog(ctx, w, m.Key(), m.namespace, []action.Wanted{{Pods: action.Pods{Workload: m.participant.Workload, Selector: now.Selector}, Replicas: now.Replicas}}, time.Time{})
	if err != nil {
		return nil
	}
	n := len(signed.FindAllStringIndex(log.Text, -1))
	return []wire.Item{{Name: now.Name, State: fmt.Sprintf("%d lines on the synchronizer's parameters in its log", n), Done: true,
		Note: "each is most likely one signature more; that was not verified"}}
}

// others says which of the other SVs' scans work. One that does not is most likely not through yet; one that is not reached says nothing.
func (m followMigration) others(ctx context.Context, w steps.World) (items []wire.Item) {
	if w.Apps == nil {
		return nil
	}
	for _, a := range m.peers {
		item := wire.Item{Name: "the scan of " + plain.Line(a.SVName), State: "it works", Done: true}
		within, cancel := context.WithTimeout(ctx, peerTime)
		err := w.Apps.Scan(within, a.URL, func(scan *svapp.Scan) error {
			ready, err := scan.Ready(within)
			if err == nil && !ready {
				item.State, item.Done = "not ready: that SV is most likely not through yet", false
			}
			return err
		})
		cancel()
		if err != nil {
			item.State, item.Done = "not reached, which says nothing: "+plain.Cut(strings.TrimSuffix(why(err), "."), 80), false
		}
		items = append(items, item)
	}
	return items
}
