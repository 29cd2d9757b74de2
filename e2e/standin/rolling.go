package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"canton.example/svrescue/svapp/sim"
)

// roller is a component of a node whose network rolls forward to a successor synchronizer (reference/deployment.md 11). The SV app does what its
// environment tells it, with the sequencers and mediators that are there, and moves the participant; the participant remembers on which serial it is;
// scan tells what the participant says, and lists the SVs that it was given.
type roller struct {
	env         map[string]string
	participant string // http://host:port
	web         *http.Client
	stood       time.Time // when the last round was opened
	serial      atomic.Int64
	done        bool // the SV app has nothing left to do
}

func newRoller(environ []string) (*roller, error) {
	r := &roller{env: map[string]string{}, web: &http.Client{Timeout: 5 * time.Second}}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		r.env[name] = value
	}
	r.participant = "http://" + r.env["PARTICIPANT"]
	var err error
	if r.stood, err = time.Parse(time.RFC3339, r.env["ROLLS"]); err != nil {
		return nil, fmt.Errorf("ROLLS: %w", err)
	}
	if text := r.env["SERIAL"]; text != "" {
		serial, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("SERIAL: %w", err)
		}
		r.serial.Store(serial)
	}
	return r, nil
}

// What the charts write into the environment of the SV app.
var (
	rollsTo      = regexp.MustCompile(`(?s)type = "roll-forward-lsu".*new-physical-synchronizer-serial = (\d+)`)
	synchronizer = regexp.MustCompile(`(?s)local-synchronizer-nodes\.(\S+) \{.*?address = "([^"]+)".*?address = "([^"]+)"`)
	dumpPath     = regexp.MustCompile(`domain-migration-dump-path = "([^"]+)"`)
)

// roll is a look of the SV app: why it is not ready; an error is what it does not start with. What it logs on its way is what upstream's app does.
func (c *component) roll(ctx context.Context) (string, error) {
	r := c.roller
	to := rollsTo.FindStringSubmatch(r.env["ADDITIONAL_CONFIG_SV_ONBOARDING"])
	if c.name != "sv-app" || r.done || to == nil {
		return "", nil
	}
	sync := map[string][]string{} // sequencer and mediator by the name of their synchronizer
	for name, text := range r.env {
		if m := synchronizer.FindStringSubmatch(text); m != nil && strings.HasPrefix(name, "ADDITIONAL_CONFIG_SV_DOMAIN") {
			sync[m[1]] = m[2:]
		}
	}
	export := dumpPath.FindStringSubmatch(r.env["ADDITIONAL_CONFIG_GLOBAL_DOMAIN_UPGRADE_DUMP_PATH"])
	switch {
	case sync["legacy"] == nil:
		//lint:ignore ST1005 the words of the real one
		return "", errors.New("Legacy node must be set for roll-forward LSU")
	case sync["current"] == nil:
		return "", errors.New("there is no current synchronizer")
	case export == nil:
		//lint:ignore ST1005 the words of the real one
		return "", errors.New("Domain migration dump path must be set for LSU")
	}
	c.log.Info("Using export timestamps from the configuration")
	if err := reach(ctx, sync["legacy"][0]+":5009"); err != nil {
		return err.Error(), nil
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(export[1]), "exported-by-the-stand-in.json"), []byte("{}\n"), 0o600); err != nil {
		return "", err
	}
	c.log.Info("Initializing sequencer and mediators from the data of the old nodes")
	for _, part := range []struct{ says, address string }{{"Initializing sequencer from predecessor", sync["current"][0] + ":5009"}, {"Initializing mediator", sync["current"][1] + ":5007"}} {
		if err := reach(ctx, part.address); err != nil {
			return err.Error(), nil
		}
		c.log.Info(part.says)
	}
	c.log.Info("initiating manual LSU")
	serial, err := strconv.ParseInt(to[1], 10, 64)
	if err != nil {
		return "", err
	}
	if err := r.move(ctx, moved{Serial: serial, Sequencer: sync["current"][0] + ":5008"}); err != nil {
		return "the participant is not moved: " + err.Error(), nil
	}
	c.log.Info("Manual LSU completed")
	r.done = true
	return "", nil
}

// moved is where a participant is, or is to go.
type moved struct {
	Serial    int64  `json:"serial"`
	Sequencer string `json:"sequencer"`
}

// move has the participant go to a synchronizer.
func (r *roller) move(ctx context.Context, to moved) error {
	body, err := json.Marshal(to)
	if err != nil {
		return err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, r.participant+"/standin/lsu", bytes.NewReader(body))
	if err != nil {
		return err
	}
	got, err := r.web.Do(q)
	if err != nil {
		return err
	}
	defer got.Body.Close()
	if got.StatusCode != http.StatusOK {
		return errors.New(got.Status)
	}
	return nil
}

// where asks the participant on which serial it is.
func (r *roller) where(ctx context.Context) (int64, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, r.participant+"/standin/lsu", nil)
	if err != nil {
		return 0, err
	}
	got, err := r.web.Do(q)
	if err != nil {
		return 0, err
	}
	defer got.Body.Close()
	var at moved
	return at.Serial, json.NewDecoder(got.Body).Decode(&at)
}

func reach(ctx context.Context, address string) error {
	conn, err := (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("%s is not reachable: %w", address, err)
	}
	return conn.Close()
}

// lsuRoutes are what a participant and a scan answer besides.
func (c *component) lsuRoutes(m *http.ServeMux) {
	r := c.roller
	switch c.name {
	case "participant":
		m.HandleFunc("GET /standin/lsu", func(w http.ResponseWriter, _ *http.Request) { answer(w, moved{Serial: r.serial.Load()}) })
		m.HandleFunc("POST /standin/lsu", func(w http.ResponseWriter, q *http.Request) {
			var to moved
			if err := json.NewDecoder(q.Body).Decode(&to); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			if err := reach(q.Context(), to.Sequencer); err != nil {
				http.Error(w, err.Error(), http.StatusServiceUnavailable)
				return
			}
			r.serial.Store(to.Serial)
			c.log.Info(fmt.Sprintf("Commitment correct for sender PAR::beta::1220bb, on serial %d", to.Serial))
		})
	case "scan-app":
		m.HandleFunc("GET /api/scan/v0/lsu", func(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]any{}) })
		m.HandleFunc("GET /api/scan/v0/roll-forward-lsu", func(w http.ResponseWriter, _ *http.Request) { answer(w, map[string]any{}) })
		m.HandleFunc("GET /api/scan/v0/active-synchronizer-serial", r.told(func(serial int64) any { return map[string]any{"serial": serial} }))
		m.HandleFunc("GET /api/scan/v0/dso-sequencers", r.told(r.sequencers))
	}
}

// told answers with what follows from the serial of the participant.
func (r *roller) told(what func(serial int64) any) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		serial, err := r.where(q.Context())
		if err != nil {
			http.Error(w, `{"error":"the participant does not answer"}`, http.StatusServiceUnavailable)
			return
		}
		answer(w, what(serial))
	}
}

const invented = "1220dddddddddddd"

// peers are names and addresses of scans of all SVs, the own one first, without an address.
func (r *roller) peers() (all [][2]string) {
	for pair := range strings.SplitSeq(r.env["PEERS"], ",") {
		name, address, _ := strings.Cut(pair, "=")
		all = append(all, [2]string{name, address})
	}
	return all
}

// sequencers are those of all SVs, of the first synchronizer and of the one to which they have rolled forward: the others have when this SV has.
func (r *roller) sequencers(serial int64) any {
	var all []any
	for at := int64(3); at <= serial; at++ {
		for _, p := range r.peers() {
			host := strings.ToLower(p[0])
			all = append(all, map[string]any{"migrationId": -1, "synchronizerSerial": at, "id": "SEQ::" + p[0] + "::" + invented, "svName": p[0],
				"url": fmt.Sprintf("https://sequencer-%d.%s.example.invalid", at, host), "availableAfter": r.stood})
		}
	}
	return map[string]any{"domainSequencers": []any{map[string]any{"domainId": "global-domain::" + invented, "sequencers": all}}}
}

// network is what scan knows: it stands still.
func (r *roller) network() sim.Network {
	n := sim.Network{DSO: "DSO::" + invented, Synchronizer: "global-domain::" + invented, MigrationID: 3, Threshold: 3, Round: 100, RoundAt: r.stood}
	for i, p := range r.peers() {
		party := fmt.Sprintf("%s::1220%012d", p[0], i)
		n.SVs = append(n.SVs, sim.Member{Name: p[0], Party: party, Participant: "PAR::" + party, ScanURL: p[1]})
	}
	return n
}
