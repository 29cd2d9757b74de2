package triage_test

import (
	"fmt"
	"slices"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
	. "canton.example/svrescue/steps/triage"
	"canton.example/svrescue/steps/wire"
)

var now = time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)

const (
	acme    = "Acme-SV::1220aa"
	dso     = "DSO::1220dd"
	other   = "Other-SV::1220bb"
	another = "DSO::1220ff"
)

func ago(d time.Duration) time.Time { return now.Add(-d) }

func read(source string) Reading { return Reading{Source: source, At: ago(4 * time.Second)} }

func failed(source, why string) Reading {
	return Reading{Source: source, At: ago(4 * time.Second), Problem: why}
}

func component(part node.Part, kind, name, serial string, role node.Role) node.Component {
	return node.Component{Part: part, Ref: kube.WorkloadRef{Kind: kind, Namespace: "sv", Name: name}, Replicas: 1, Ready: 1, Serial: serial, Role: role}
}

// whole is the evidence of a node on which nothing is wrong: Splice 0.5.10, CometBFT, 13 SVs, one set of 02:00, one identities backup.
func whole() Evidence {
	e := Evidence{
		Own: Own{Reading: read("svrescue.yaml"), Name: "Acme-SV", Party: acme, DSO: dso},
		Cluster: Cluster{Reading: read("workloads of namespace sv"), Driver: "cometbft", Node: node.Node{Release: "0.5.10", Serial: "4", Components: []node.Component{
			component(node.Postgres, kube.StatefulSet, "apps-pg", "", ""), component(node.Postgres, kube.StatefulSet, "participant-pg", "", ""),
			component(node.Postgres, kube.StatefulSet, "sequencer-pg", "", ""), component(node.Postgres, kube.StatefulSet, "mediator-pg", "", ""),
			component(node.CometBFT, kube.Deployment, "global-domain-4-cometbft", "4", node.Current), component(node.Sequencer, kube.Deployment, "global-domain-4-sequencer", "4", node.Current),
			component(node.Mediator, kube.Deployment, "global-domain-4-mediator", "4", node.Current), component(node.Participant, kube.Deployment, "participant-4", "", ""),
			component(node.SVApp, kube.Deployment, "sv-app", "", ""), component(node.ScanApp, kube.Deployment, "scan-app", "", ""), component(node.Validator, kube.Deployment, "validator-app", "", ""),
		}}},
		Pods: Pods{Reading: read("events and logs of namespace sv")},
		Storage: Storage{Reading: read("claims of namespace sv"), Stores: []Store{
			{Claim: "pg-data-apps-pg-0", Parts: []node.Part{node.SVApp, node.ScanApp, node.Validator}, State: StoreBound, Volume: "pv-apps", Used: 41},
			{Claim: "pg-data-participant-pg-0", Parts: []node.Part{node.Participant}, State: StoreBound, Volume: "pv-participant", Used: 61},
			{Claim: "pg-data-sequencer-pg-0", Parts: []node.Part{node.Sequencer}, State: StoreBound, Volume: "pv-sequencer", Used: 55},
			{Claim: "global-domain-4-cometbft-cometbft-data", Parts: []node.Part{node.CometBFT}, State: StoreBound, Volume: "pv-cometbft", Used: 38},
		}},
		Leftovers: Leftovers{Volumes: Search{Reading: read("volumes of the cluster")}, Claims: Search{Reading: read("claims of namespace sv")}, Secrets: Search{Reading: read("secrets of namespace sv")}},
		Databases: Databases{Reading: read("the four PostgreSQL servers"), All: []Database{
			{Name: "participant_4", Role: postgres.Participant, State: DatabaseWhole}, {Name: "sequencer_4", Role: postgres.Sequencer, State: DatabaseWhole},
			{Name: "mediator_4", Role: postgres.Mediator, State: DatabaseWhole}, {Name: "cantonnet_sv", Role: postgres.SV, State: DatabaseWhole},
			{Name: "cantonnet_scan", Role: postgres.Scan, State: DatabaseWhole}, {Name: "cantonnet_validator", Role: postgres.Validator, State: DatabaseWhole},
		}},
		Chain: Chain{Reading: read("CometBFT /status"), Network: "mainnet-4", Peers: 12, Samples: []Block{
			{Height: 900100, Time: ago(42 * time.Second), At: ago(40 * time.Second)}, {Height: 900120, Time: ago(6 * time.Second), At: ago(4 * time.Second)}}},
		Apps:    Apps{Reading: read("SV app"), Version: "0.5.10", MigrationID: 4, Numbered: true, Lags: []Lag{{node.Participant, 4 * time.Second, ago(4 * time.Second)}}},
		Peers:   Peers{Reading: read("scans of the other SVs"), SVs: 13},
		Pruning: Pruning{Reading: read("values of release sv"), Retention: node.Retention{Period: 30 * 24 * time.Hour, From: "declared in svrescue.yaml"}, LastAck: ago(2 * time.Minute)},
		Backups: Backups{Snapshots: Place{Reading: read("VolumeSnapshots of namespace sv"), Sets: []Set{goodSet()}}, Dumps: Place{Reading: read("no folder with dumps is configured")},
			Managed: Place{Reading: read("no managed database service")}},
		Identities: Identities{Reading: read("identities backups in /backups"), Files: []IdentitiesFile{{Name: "identities-1113.json", Taken: ago(9 * 24 * time.Hour), Party: acme, DSO: dso, Keys: 9}}},
		KMS:        KMS{Reading: read("values of release participant-4"), State: KMSNone},
		Hold:       Hold{Reading: read("the Lease of namespace sv")},
	}
	for i := range 12 {
		e.Peers.Scans = append(e.Peers.Scans, Peer{Reading: read(fmt.Sprintf("scan of SV-%02d", i+1)), Name: fmt.Sprintf("SV-%02d", i+1), DSO: dso, Round: 81244, RoundAt: ago(5 * time.Minute),
			SVs: []string{acme, "SV-01::1220", "SV-02::1220"}})
	}
	return e
}

func goodSet() Set {
	return Set{Name: "02:00", Begin: ago(time.Hour), Serial: "4", Keys: true, Checks: []wire.Finding{
		{ID: "whole", Verdict: wire.Holds, Text: "every store of the node has a source"}, {ID: "ready", Verdict: wire.Holds, Text: "every snapshot is ready to use"},
		{ID: "offset-order-cantonnet_sv", Verdict: wire.Holds, Text: "cantonnet_sv has read to offset 59, participant_4 ends at 62"}, {ID: "order", Verdict: wire.Holds, Text: "the apps were cut before the participant"}}}
}

// change is one thing that is otherwise than in whole.
type change func(*Evidence)

func with(changes ...change) Evidence {
	e := whole()
	for _, c := range changes {
		c(&e)
	}
	return e
}

func trouble(part node.Part, name string, kind Kind, seen string) change {
	return func(e *Evidence) {
		e.Pods.Troubles = append(e.Pods.Troubles, Trouble{Part: part, Name: name, Kind: kind, Why: kube.Explanation{Summary: seen}})
		down(name)(e)
	}
}

func down(names ...string) change {
	return func(e *Evidence) {
		for i, c := range e.Cluster.Node.Components {
			if slices.Contains(names, c.Ref.Name) {
				e.Cluster.Node.Components[i].Ready = 0
			}
		}
	}
}

func scaled(names ...string) change {
	return func(e *Evidence) {
		for i, c := range e.Cluster.Node.Components {
			if slices.Contains(names, c.Ref.Name) {
				e.Cluster.Node.Components[i].Replicas, e.Cluster.Node.Components[i].Ready = 0, 0
			}
		}
	}
}

func database(role postgres.Role, state DatabaseState) change {
	return func(e *Evidence) {
		for i, d := range e.Databases.All {
			if d.Role == role {
				e.Databases.All[i].State = state
			}
		}
	}
}

func store(claim string, state StoreState) change {
	return func(e *Evidence) {
		for i, s := range e.Storage.Stores {
			if s.Claim == claim {
				e.Storage.Stores[i].State = state
			}
		}
	}
}

const participantClaim = "pg-data-participant-pg-0"

// lostParticipant is a participant whose volume is gone.
func lostParticipant(e *Evidence) {
	store(participantClaim, StoreMissing)(e)
	database(postgres.Participant, DatabaseSilent)(e)
	down("participant-pg", "participant-4", "sv-app", "scan-app", "validator-app")(e)
	e.Apps.Reading = failed("SV app", "it does not answer: connection refused")
}

// emptyParticipant is one whose server runs and does not have it any more.
func emptyParticipant(e *Evidence) {
	database(postgres.Participant, DatabaseGone)(e)
	down("participant-4", "sv-app")(e)
}

func noSets(e *Evidence)  { e.Backups.Snapshots.Sets = nil }
func noFiles(e *Evidence) { e.Identities.Files = nil }

func sets(all ...Set) change { return func(e *Evidence) { e.Backups.Snapshots.Sets = all } }

func setWith(f func(*Set)) Set {
	s := goodSet()
	f(&s)
	return s
}

func check(id string, v wire.Verdict, text string) change {
	return func(e *Evidence) {
		s := goodSet()
		s.Checks = append(slices.DeleteFunc(s.Checks, func(f wire.Finding) bool { return f.ID == id }), wire.Finding{ID: id, Verdict: v, Text: text})
		e.Backups.Snapshots.Sets = []Set{s}
	}
}

func says(declared, backups, identities Answer) change {
	return func(e *Evidence) {
		e.Answers.By, e.Answers.At = "you", ago(time.Minute)
		e.Answers.DeclaredLost, e.Answers.BackupsElsewhere, e.Answers.IdentitiesElsewhere = declared, backups, identities
	}
}

// scans changes the first n scans.
func scans(from, to int, f func(*Peer)) change {
	return func(e *Evidence) {
		for i := from; i < to; i++ {
			f(&e.Peers.Scans[i])
		}
	}
}

func silent(p *Peer)     { p.Reading = failed(p.Source, "connection timed out") }
func stale(p *Peer)      { p.RoundAt = ago(6 * time.Hour) }
func votedOut(p *Peer)   { p.SVs, p.Offboarded = []string{"SV-01::1220", "SV-02::1220"}, []string{acme} }
func foreign(p *Peer)    { p.DSO = another }
func fromFuture(p *Peer) { p.RoundAt = now.Add(24 * time.Hour) }

// standing is a chain that has not moved for hours.
func standing(e *Evidence) {
	e.Chain.Samples = []Block{{Height: 900120, Time: ago(6 * time.Hour), At: ago(40 * time.Second)}, {Height: 900120, Time: ago(6 * time.Hour), At: ago(4 * time.Second)}}
}

// deadNetwork is one whose ledger stands still on all scans.
func deadNetwork(e *Evidence) {
	scans(0, 12, stale)(e)
	standing(e)
}

func release(version string) change {
	return func(e *Evidence) {
		e.Cluster.Node.Release, e.Apps.Version = version, version
	}
}

func cantonbft(e *Evidence) {
	e.Cluster.Driver = "cantonbft"
	e.Cluster.Node.Components = slices.DeleteFunc(e.Cluster.Node.Components, func(c node.Component) bool { return c.Part == node.CometBFT })
	e.Chain = Chain{Reading: failed("CometBFT", "CometBFT is not configured")}
}

// held is a run that works on the node.
func held(e *Evidence) {
	e.Hold.Held, e.Hold.By, e.Hold.Run, e.Hold.Step = true, "bob on bastion", "r-1122-0241", "restore/volumes"
}

// replaced is a claim that a StatefulSet made anew, so that its server has an empty volume, while the old one is still there.
func replaced(doomed bool) change {
	return func(e *Evidence) {
		emptyParticipant(e)
		e.Storage.Stores[1].Volume, e.Storage.Stores[1].Made = "pv-new", ago(20*time.Minute)
		policy := "Retain"
		if doomed {
			policy = "Delete"
		}
		leftover(volumes, Leftover{Name: "pv-participant", Claim: participantClaim, Parts: []node.Part{node.Participant}, Seen: "released, reclaim policy " + policy, Doomed: doomed})(e)
	}
}

func made(at time.Time) change {
	return func(e *Evidence) {
		for i := range e.Storage.Stores {
			e.Storage.Stores[i].Made = at
		}
	}
}

func kms(state KMSState) change {
	return func(e *Evidence) { e.KMS.State = state }
}

func leftover(search func(*Evidence) *Search, l Leftover) change {
	return func(e *Evidence) { s := search(e); s.Found = append(s.Found, l) }
}

func volumes(e *Evidence) *Search { return &e.Leftovers.Volumes }
func claims(e *Evidence) *Search  { return &e.Leftovers.Claims }
func secrets(e *Evidence) *Search { return &e.Leftovers.Secrets }

func unread(part func(*Evidence) *Reading) change {
	return func(e *Evidence) { *part(e) = Reading{} }
}
