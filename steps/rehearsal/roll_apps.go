package rehearsal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"canton.example/svrescue/kube/sim"
	svapp "canton.example/svrescue/svapp/sim"
)

// physical is the ID of a physical synchronizer.
func physical(serial int64) string { return fmt.Sprintf("%s::%s-%d", syncID, rollProtocol, serial) }

// What an SV app finds in its configuration, as the stand-in of its chart renders it.
var (
	newSerial  = regexp.MustCompile(`new-physical-synchronizer-serial = (\d+)`)
	toldTime   = regexp.MustCompile(`(?s)[^-]upgrade-time = \{.*?time = "([^"]+)"`)
	sequencers = regexp.MustCompile(`(?s)local-synchronizer-nodes\.(\w+) \{.*?admin-api \{\s*address = "([^"]+)"`)
)

const (
	domainVars = "ADDITIONAL_CONFIG_SV_DOMAIN"
	followVar  = "ADDITIONAL_CONFIG_ROLL_FORWARD_LSU"
	exportsVar = "ADDITIONAL_CONFIG_GLOBAL_DOMAIN_UPGRADE_DUMP_PATH"
)

// known are the sequencers that an SV app is configured with, by the name of their synchronizer.
func known(in sim.Pod) map[string]string {
	all := map[string]string{}
	for name, value := range in.Env {
		if m := sequencers.FindStringSubmatch(value); m != nil && strings.HasPrefix(name, domainVars) {
			all[m[1]] = m[2]
		}
	}
	return all
}

// svApp is an SV app that was started anew. With the onboarding roll-forward-lsu it takes topology and traffic from the legacy synchronizer,
// initialises the current one and moves its participant; its messages are those that the path follows (steps/network/rollforward). The lock is held.
func (r *roll) svApp(in sim.Pod) *sim.Workload {
	config := in.Env[onboardingVar]
	if !strings.Contains(config, `"roll-forward-lsu"`) {
		return readyAt(r.runs().Add(10*time.Second), in.Started)
	}
	log := func(after time.Duration, text string) sim.Line {
		return sim.Line{After: *sim.D(after), Text: appLine("INFO", text)}
	}
	nodes, serial := known(in), newSerial.FindStringSubmatch(config)
	told := toldTime.FindStringSubmatch(config)
	switch {
	case nodes["legacy"] == "":
		return refused("Legacy node must be set for roll-forward LSU")
	case in.Env[exportsVar] == "":
		return refused("Domain migration dump path must be set for LSU")
	case !strings.Contains(config, "export-times") && r.announced() == nil:
		return refused("Expected exactly one LSU announcement but got List()") // what follows the first words was not verified
	case serial == nil || !r.isUp(in.Namespace, nodes["legacy"]) || !r.isUp(in.Namespace, nodes["current"]) || !r.isUp(in.Namespace, "participant"):
		return gone(unreachable)
	case r.isOn():
		return readyAt(r.runs().Add(10*time.Second), in.Started, log(2*time.Second, "Sequencer and mediator are already initialized"), log(4*time.Second, "Participant already migrated"))
	}
	begins := []sim.Line{log(2*time.Second, "Using export timestamps from the configuration"), log(6*time.Second, "Initializing sequencer and mediators from the data of the old nodes"),
		log(12*time.Second, "Initializing sequencer from predecessor"), log(25*time.Second, "Initializing mediator"), log(40*time.Second, "Nodes are initialized, initiating manual LSU")}
	if told != nil {
		at, err := time.Parse(time.RFC3339Nano, told[1])
		switch {
		case err != nil:
			return refused("the upgrade time cannot be parsed") // the wording was not verified
		case at.Before(r.stood()):
			return &sim.Workload{NeverReady: true, Log: append(begins, sim.Line{After: *sim.D(45 * time.Second), Text: appLine("WARN", "Synchronizer index is past upgrade time")})}
		case at.After(r.stood()):
			return &sim.Workload{NeverReady: true, Log: append(begins, sim.Line{After: *sim.D(45 * time.Second), Text: appLine("WARN", "Synchronizer index is not yet at upgrade time")})}
		}
	}
	r.serial, _ = strconv.ParseInt(serial[1], 10, 64)
	r.moved, r.mover = in.Started.Add(moves), in.Name
	r.commits()
	return readyAt(r.runs().Add(20*time.Second), in.Started, append(begins, log(moves, "Manual LSU completed"))...)
}

func appLine(level, text string) string {
	message, err := json.Marshal(text)
	if err != nil {
		return unreachable // a text is always JSON
	}
	return `{"level":"` + level + `","message":` + string(message) + `,"logger_name":"o.l.s.s.o.RollForwardLsuInitializer:SV=sv"}`
}

// ingested is what a component that has run since before the end has logged of what it takes in: something each minute, until nothing came any more.
func (r *roll) ingested(started time.Time, text string) (log []sim.Line) {
	for ago := 15; ago >= 0; ago-- {
		at := r.stood().Add(-time.Second - time.Duration(ago)*time.Minute)
		log = append(log, sim.Line{After: *sim.D(at.Sub(started)), Text: logged(at, "INFO", text+" "+at.Format(time.RFC3339))})
	}
	for late := time.Duration(0); late < r.plan.Drains; late += time.Minute { // of what was sequenced before
		at := r.began.Add(late)
		log = append(log, sim.Line{After: *sim.D(at.Sub(started)), Text: logged(at, "INFO", text+" "+r.stood().Format(time.RFC3339))})
	}
	return log
}

// commits has the participant say, from when the successor runs, with whom its commitments agree; with validators that saw another end of the old
// synchronizer they do not. The lock is held.
func (r *roll) commits() {
	if r.participant == nil {
		return
	}
	log := slices.Clone(r.participant.before)
	defer func() { r.participant.life.Log = log }()
	runs := r.runs()
	if runs.IsZero() {
		return
	}
	for i := range 4 {
		to := runs.Add(time.Duration(i) * lossTick)
		lines := (Loss{}).commitments(to, 1)
		for n := range r.plan.Behind {
			lines = append(lines, mismatch(to, holderOf(fmt.Sprintf("Validator-%02d", n+1))))
		}
		for _, line := range lines {
			log = append(log, sim.Line{After: *sim.D(line.at.Sub(r.participant.started)), Text: line.text})
		}
	}
}

// app is an app of the node.
func (r *roll) app(in sim.Pod, release string) svapp.App {
	a := svapp.App{Base: svapp.SV, ID: svName, Version: release, Built: "2026-08-20T10:11:12Z", Port: svPort, Party: r.own.party(),
		Uptime:   func() time.Duration { return r.clock.Since(in.Started) },
		NotReady: func() string { return "" },
		Part: func(_ context.Context, name string) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			if !r.isUp(in.Namespace, strings.Replace(known(in)["current"], "sequencer", name, 1)) {
				return errors.New("io exception")
			}
			return nil
		},
		Network:    func() svapp.Network { return r.sight(0, in.Env[followVar]) },
		Allow:      svapp.Unsafe(signedWith, svAudience, r.clock.Now, svUser),
		Identities: func() any { return identities() }}
	switch in.Container {
	case "scan-app":
		a.Base, a.Port = svapp.Scan, scanPort
	case "validator-app":
		a.Base, a.Port = svapp.Validator, walletPort
		a.Allow = svapp.Unsafe(signedWith, validatorAudience, r.clock.Now, validatorUser)
	}
	return a
}

var followTime = regexp.MustCompile(`upgrade-time = "([^"]+)"`)

// ownScanLate is how long it takes until this node's scan sees that its participant has moved.
const ownScanLate = 20 * time.Second

// sight is what the scan of an SV knows, by its place among all; follow is its configuration of what validators are told.
func (r *roll) sight(i int, follow string) svapp.Network {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock.Now()
	on := func(i int) bool { at := r.rolledAt(i); return !at.IsZero() && !now.Before(at) }
	n := svapp.Network{DSO: dsoParty, Synchronizer: syncID, MigrationID: rollMigration, Threshold: len(r.svs)*2/3 + 1, SVs: append([]svapp.Member{}, r.svs...), Upgrade: r.announced(), Serial: r.plan.broken()}
	if on(i) && (i > 0 || now.Sub(r.moved) > ownScanLate) {
		n.Serial = r.next()
	}
	for j, m := range r.svs {
		host := strings.Replace(strings.TrimPrefix(m.ScanURL, "http://"), "scan.", "", 1)
		physical := func(serial int64) svapp.Physical {
			return svapp.Physical{SV: m.Name, ID: "SEQ::" + m.Party, URL: fmt.Sprintf("https://sequencer-%d.%s", serial, host), Serial: serial, Available: r.stood().Add(-24 * time.Hour)}
		}
		n.Physical = append(n.Physical, physical(r.plan.broken()))
		if on(j) {
			n.Physical = append(n.Physical, physical(r.next()))
		}
	}
	if follow != "" {
		at := r.stood()
		if m := followTime.FindStringSubmatch(follow); m != nil {
			at, _ = time.Parse(time.RFC3339Nano, m[1]) // the chart quotes what the values have
		}
		n.RollForward = &svapp.RollForward{At: at, Current: physical(r.plan.broken()), Successor: physical(r.next())}
	}
	ledger := r.stood()
	if runs := r.runs(); !runs.IsZero() && now.After(runs) {
		ledger = now
	}
	n.RoundAt = ledger.Truncate(roundTime)
	n.Round = n.RoundAt.Unix() / int64(roundTime/time.Second)
	return n
}

// peer is the scan of another SV, by its host; nil where there is none.
func (r *roll) peer(host string) http.Handler {
	for i, m := range r.svs {
		if i > 0 && strings.HasSuffix(m.ScanURL, "//"+host) {
			return svapp.App{Base: svapp.Scan, ID: m.Name, Version: rollRelease, Built: "2026-08-20T10:11:12Z", Port: scanPort, Uptime: func() time.Duration { return time.Hour },
				NotReady: func() string { return "" }, Network: func() svapp.Network { return r.sight(i, "") }}.Handler()
		}
	}
	return nil
}

// numberOfPart is the number in the name of a part of a synchronizer; 0: it has none.
func numberOfPart(workload string) int {
	m := numberIn.FindStringSubmatch(workload)
	if m == nil {
		return 0
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0 // no node has a number that long
	}
	return n
}
