package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/triage"
)

// Incident is a world in which something has just happened, for triage to say what. Its Path is empty: which one it is is the question.
type Incident struct {
	Scenario
	// Settles is how long the world is left to itself before it is looked at; 0: Develops.
	Settles time.Duration
	// Happens is what befalls the node when the world is up; nil: nothing does.
	Happens func(context.Context, Elsewhere) error
	// Answers are those of an operator who knows.
	Answers triage.Answers

	// Does is what a good operator does, a sentence or two.
	Does string

	// What triage must come to with these answers.
	Situation   triage.Situation
	Recommended string // path; empty: none
	Aid         string // id of a first aid that must be among those named; empty: none has to be
}

// Develops is how long an incident is left to itself before it is looked at, so that what crashes has crashed a few times.
const Develops = 90 * time.Second

// Incidents are all of them, in the order in which they are best learnt.
func Incidents() []Incident {
	return []Incident{nothingWrong(), wrongImage(), fullDisk(), scaledToNothing(), goingClaim(), keptVolume(), expiredCertificate(), oneCrash(), onlySlow(),
		lostClaim(), damagedDatabase(), nothingToRestore(), memberDisabled(), votedOut(), staleScans(), standingNetwork(), lostNetwork(), emptyNamespace()}
}

// FindIncident returns the incident with that id. A scenario is one too: what is wrong with its node is the question then.
func FindIncident(id string) (Incident, error) {
	var ids []string
	for _, i := range Incidents() {
		if i.ID == id {
			return i, nil
		}
		ids = append(ids, i.ID)
	}
	s, err := Find(id)
	if err != nil {
		return Incident{}, fmt.Errorf("there is no incident %q; there are %s, and the scenarios that svrescue rehearse --list shows", id, strings.Join(ids, ", "))
	}
	return Incident{Scenario: s}, nil
}

// well is a node on which nothing is wrong, with its releases as Helm keeps them.
func well(o sim.NodeOptions) (sim.Scenario, error) { return withValues(o, nil) }

// incident is one on a node that was well until then.
func incident(id, title, teaches string, faults ...string) Incident {
	return Incident{Scenario: Scenario{ID: id, Title: title, Teaches: teaches, Faults: faults,
		World: func(now time.Time) (sim.Scenario, error) { return well(node(now)) }}}
}

// fault changes how the pods of workloads behave, and starts them anew.
func (i Incident) fault(workload sim.Workload, names ...string) Incident {
	before := i.World
	i.World = func(now time.Time) (sim.Scenario, error) {
		s, err := before(now)
		for _, name := range names {
			s.Knobs.Workloads[namespace+"/"+name] = workload
		}
		return s, err
	}
	return i.then(func(ctx context.Context, e Elsewhere) error { return restart(ctx, e, names...) })
}

func (i Incident) then(happens func(context.Context, Elsewhere) error) Incident {
	before := i.Happens
	i.Happens = func(ctx context.Context, e Elsewhere) error {
		if before != nil {
			if err := before(ctx, e); err != nil {
				return err
			}
		}
		return happens(ctx, e)
	}
	return i
}

// restart removes the pods of workloads; their controllers make new ones.
func restart(ctx context.Context, e Elsewhere, workloads ...string) error {
	pods, err := e.Cluster.Pods(ctx, e.Namespace, "")
	if err != nil {
		return err
	}
	for _, pod := range pods {
		if !slices.Contains(workloads, pod.Labels["app"]) || pod.Deleting != nil {
			continue
		}
		err := e.Cluster.Hands(kube.AccessDeletePod(pod.Namespace, pod.Name), false).DeletePod(ctx, pod.Namespace, pod.Name, pod.UID, nil)
		if err != nil && kube.KindOf(err) != kube.NotFound { // one that is gone already is as good
			return err
		}
	}
	return nil
}

func scale(ctx context.Context, e Elsewhere, w kube.Workload, to int32) error {
	return e.Cluster.Hands(kube.AccessScale(w.Ref()), false).Scale(ctx, w.Ref(), w.Replicas, to, "")
}

// crashing ends again and again with these last lines.
func crashing(lines ...string) sim.Workload {
	return sim.Workload{Crash: &sim.Crash{ExitCode: 1, After: sim.D(2 * time.Second), Log: lines}}
}

// identities is what the SV app answers of the node's identities. Its keys are invented.
func identities() any {
	nodeDump := func(id string, keys ...any) map[string]any {
		return map[string]any{"id": id, "keys": append([]any{}, keys...), "authorizedStoreSnapshot": "aW52ZW50ZWQ=", "version": release}
	}
	key := func(name string) any { return map[string]any{"keyPair": "aW52ZW50ZWQ=", "name": name} }
	return map[string]any{"identities": map[string]any{"sv_party_id": ownParty, "dso_party_id": dsoParty, "domain_alias": "global", "domain_id": syncID,
		"participant": nodeDump("PAR::"+participantID, key("namespace"), key("signing"), key("encryption")), "sequencer": nodeDump("SEQ::acme::1220rehearsal"), "mediator": nodeDump("MED::acme::1220rehearsal")}}
}

// identitiesText is that as a file.
func identitiesText() []byte {
	text, err := json.Marshal(identities())
	if err != nil {
		panic(err) // texts only
	}
	return text
}

// identitiesSecret is an identities backup of the node as somebody put it into a secret.
func identitiesSecret() string {
	doc, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "sv-identities-backup", "namespace": namespace}, "stringData": map[string]any{"content": string(identitiesText())}})
	if err != nil {
		panic(err)
	}
	return "\n---\n" + string(doc) + "\n"
}
