package rehearsal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/svapp/dump"
	svapp "canton.example/svrescue/svapp/sim"
)

// Where the SV app looks for a migration dump (reference/deployment.md 3.5 and 10.4).
const (
	migrationMount = "/domain-upgrade-dump"
	migrationDump  = migrationMount + "/domain_migration_dump.json"
	migrationClaim = "sv-app-global-domain-migration-pvc"
)

// fixedID is how an additional variable fixes the migration ID of an app in a rehearsal. What the key is called was not verified.
var fixedID = regexp.MustCompile(`domain-migration-id\s*=\s*"?(\d+)`)

// configuredID is the migration ID that an app is configured with.
func configuredID(in sim.Pod) int64 {
	text := in.Env[migrationVar]
	for name, value := range in.Env {
		if m := fixedID.FindStringSubmatch(value); m != nil && strings.HasPrefix(name, "ADDITIONAL_CONFIG") {
			text = m[1]
		}
	}
	id, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return oldID
	}
	return id
}

// refused is an SV app that ends, as one does that does not start from its dump: INVALID_ARGUMENT, and the reason (reference/apis.md 4.3).
func refused(format string, args ...any) *sim.Workload {
	message, err := json.Marshal("INVALID_ARGUMENT: " + fmt.Sprintf(format, args...))
	if err != nil {
		return gone(unreachable) // a text is always JSON
	}
	return gone(`{"level":"ERROR","message":` + string(message) + `,"logger_name":"o.l.s.s.SvApp:SV=sv"}`)
}

// svApp is an SV app that was started anew. With the onboarding domain-migration it initialises the new nodes from the dump on its volume.
func (l *loss) svApp(in sim.Pod) *sim.Workload {
	id := configuredID(in)
	if !strings.Contains(in.Env[onboardingVar], "domain-migration") {
		switch {
		case id == oldID:
			return nil
		case l.since.IsZero():
			return refused("the sequencer of migration ID %d is not initialized", id) // the wording was not verified
		}
		return readyAt(l.runs(), in.Started)
	}
	if l.plan.Over > 0 { // its nodes are initialised; what the real app makes of its dump then was not verified
		return readyAt(l.runs(), in.Started)
	}
	file, there := l.disk(in, migrationDump).File(migrationDump)
	if !there {
		return refused("Failed to find domain migration dump file at %s", migrationDump)
	}
	m, err := dump.CheckMigration(bytes.NewReader(file), &id)
	if err != nil {
		return refused("Failed to parse domain migration dump file: %v", err)
	}
	if why := refusal(m, id); why != "" {
		return refused("%s", why)
	}
	asOf, err := time.Parse(time.RFC3339Nano, m.Snapshot.Data.At)
	if err != nil {
		return refused("Failed to parse domain migration dump file: %v", err)
	}
	for _, node := range []struct{ place, dumped, name string }{{in.Env[sequencerVar], m.Identities.Sequencer.ID, "Sequencer"}, {in.Env[mediatorVar], m.Identities.Mediator.ID, "Mediator"},
		{in.Env[participantVar], m.Identities.Participant.ID, "Participant"}} {
		at := in.Namespace + "/" + node.place
		switch was := l.ids[at]; {
		case l.up[at] == "":
			return gone(unreachable)
		case !isNew(node.place), was != "" && was != node.dumped: // the old nodes are initialised too, and with another synchronizer
			return refused("%s is not initialized with dump id", node.name)
		}
		l.ids[at] = node.dumped
	}
	const takes = 30 * time.Second
	if l.since.IsZero() {
		l.since, l.asOf = in.Started.Add(takes), asOf
		l.commits()
	}
	line := func(after time.Duration, text string) sim.Line {
		return sim.Line{After: *sim.D(after), Text: `{"level":"INFO","message":"` + text + `","logger_name":"o.l.s.s.m.DomainMigrationInitializer:SV=sv"}`}
	}
	log := []sim.Line{line(2*time.Second, "Init new domain nodes from snapshot"), line(4*time.Second, "Sequencer is not initialized, initializing from dump")}
	ready := l.runs().Add(20 * time.Second)
	return readyAt(ready, in.Started, append(log, line(max(ready.Sub(in.Started)-5*time.Second, 5*time.Second), "resumed domain"))...)
}

// refusal is why the SV app does not start from a dump, in its own words where they are known (reference/apis.md 4.3); empty: it does.
func refusal(m dump.Migration, id int64) string {
	for _, f := range m.Findings {
		if f.Verdict != dump.Violated {
			continue
		}
		switch {
		case f.ID == "migration-id":
			return fmt.Sprintf("Migration id from the dump %d does not match the configured migration id in ths SV %d. Please check if the SV app is configured with the correct migration id", *m.Snapshot.MigrationID, id)
		case f.ID != "whole" && m.Snapshot.Data != nil && !m.Snapshot.Data.Genesis.There:
			return "Domain nodes cannot be initialized without a genesis dump"
		}
		return "Failed to parse domain migration dump file: " + f.Detail
	}
	return ""
}

// follower is scan or the validator app, started anew: with the new migration ID it is ready when the new synchronizer runs.
func (l *loss) follower(in sim.Pod) *sim.Workload {
	runs := l.runs()
	switch {
	case configuredID(in) == oldID:
		return nil
	case runs.IsZero(): // the SV app may still come
		return &sim.Workload{NeverReady: true, Termination: sim.D(3 * time.Second), Crash: &sim.Crash{ExitCode: 1, After: sim.D(2 * time.Minute), Log: []string{unreachable}}}
	}
	return readyAt(runs.Add(30*time.Second), in.Started)
}

// app is an app of the node.
func (l *loss) app(in sim.Pod, release string) svapp.App {
	next := configuredID(in) > oldID
	a := svapp.App{Base: svapp.SV, ID: svName, Version: release, Built: "2026-01-20T10:11:12Z", Port: svPort, Party: l.own.party(),
		Uptime:   func() time.Duration { return l.clock.Since(in.Started) },
		NotReady: func() string { return l.notReady(next) },
		Part: func(_ context.Context, name string) error {
			if !l.isUp(in.Namespace, in.Env[map[string]string{"sequencer": sequencerVar, "mediator": mediatorVar}[name]]) {
				return errors.New("io exception")
			}
			return nil
		},
		Network: func() svapp.Network { return l.network(next) },
		Allow:   svapp.Unsafe(signedWith, svAudience, l.clock.Now, svUser)}
	switch in.Container {
	case "scan-app":
		a.Base, a.Port = svapp.Scan, scanPort
	case "validator-app":
		a.Base, a.Port = svapp.Validator, walletPort
		a.Allow = svapp.Unsafe(signedWith, validatorAudience, l.clock.Now, validatorUser)
		a.Wallet = func(*http.Request) *svapp.Wallet { return l.wallet(next) }
	default:
		a.CometBFT = func(context.Context) (svapp.CometBFT, error) { return l.chainSeen(in) }
		a.Chain = func(method string) (any, bool) {
			comet, there := l.cometOf(in)
			if !there {
				return nil, false
			}
			return l.comet(comet).Result(method)
		}
		a.Snapshots = l.snapshots
		if !l.plan.NoIdentities || next {
			a.Identities = l.identities
		}
	}
	return a
}

func (l *loss) notReady(next bool) string {
	if next && !l.migrated() {
		return "it is being initialised"
	}
	return ""
}

// chainSeen is what the SV app sees of the chain that it is configured with.
func (l *loss) chainSeen(in sim.Pod) (svapp.CometBFT, error) {
	if _, there := l.cometOf(in); !there {
		return svapp.CometBFT{}, errors.New("CometBFT at " + chainOf(in) + " does not answer") // the wording was not verified
	}
	return svapp.CometBFT{ID: strings.Repeat("a1", 20), VotingPower: 1}, nil
}

// chainOf is the CometBFT that an SV app is configured with, and cometOf its pod; false: it does not run.
func chainOf(in sim.Pod) string { return fmt.Sprintf("global-domain-%d-cometbft", configuredID(in)) }

func (l *loss) cometOf(in sim.Pod) (sim.Pod, bool) {
	at := in.Namespace + "/" + chainOf(in)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.comets[at], l.up[at] != ""
}

// identities are those of the node's three nodes.
func (l *loss) identities() any {
	text, err := l.own.dumpedBy(lossRelease)
	if err != nil {
		return map[string]any{}
	}
	return json.RawMessage(text)
}
