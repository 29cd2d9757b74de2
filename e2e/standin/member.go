package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/rehearsal"
	"canton.example/svrescue/svapp/dump"
)

// member is a component of a network whose ledger is another pod: it tells what it was given, and answers as the ledger says.
type member struct {
	ledger      string // http://host of the network's pod
	participant string // http://host:port of the own participant
	pod         sim.Pod
	web         *http.Client
	joined      atomic.Bool
}

// bootstrap is what an app has its participant be: what a dump makes of it under a new identifier, or a participant.
type bootstrap struct{ Dump, Identifier, Participant string }

func newMember(env func(string) string, role string) *member {
	m := &member{ledger: env("LEDGER"), participant: "http://" + env("PARTICIPANT"), web: &http.Client{Timeout: 20 * time.Second},
		pod: sim.Pod{Namespace: env("POD_NAMESPACE"), Name: env("POD_NAME"), Container: role, Owner: role, Labels: map[string]string{"app.kubernetes.io/version": env("VERSION")}, Env: map[string]string{}, Files: map[string]map[string]string{}}}
	for _, name := range []string{rehearsal.IdentifierVar, rehearsal.HintVar, rehearsal.MigrateVar, rehearsal.AudienceVar, rehearsal.UsersVar, rehearsal.DatabaseVar} {
		m.pod.Env[name] = env(name)
	}
	return m
}

// join is done once, when all that the component needs is there. What is said of it is how a real one would go on from there.
func (c *component) join(ctx context.Context) error {
	m := c.member
	switch c.name {
	case "participant":
		server, err := c.database.run(ctx, "SELECT system_identifier FROM pg_control_system()")
		if err != nil {
			return err
		}
		m.pod.Env[rehearsal.ServerVar] = server // of this server and no other: one on an empty volume has another
	case "validator-app":
		content, err := os.ReadFile(path.Join(rehearsal.DumpMount, "content"))
		switch {
		case err == nil:
			m.pod.Files[rehearsal.DumpMount] = map[string]string{"content": string(content)}
			c.log.Info("Loading participant identities dump", "bytes", len(content))
			if err := m.initialise(ctx, bootstrap{Dump: string(content), Identifier: m.pod.Env[rehearsal.IdentifierVar]}); err != nil {
				return err
			}
		case m.pod.Env[rehearsal.IdentifierVar] != "":
			return fmt.Errorf("a dump was to be imported: %w", err)
		}
	}
	m.pod.Started = time.Now()
	var how joined
	if err := m.post(ctx, m.ledger+"/pods", m.pod, &how); err != nil {
		return err
	}
	if c.name == "sv-app" && how.Participant != "" {
		if err := m.initialise(ctx, bootstrap{Participant: how.Participant}); err != nil {
			return err
		}
	}
	if w := how.Workload; w != nil {
		for _, line := range w.Log {
			time.AfterFunc(line.After.Duration, func() { fmt.Println(line.Text) })
		}
		if w.Crash != nil {
			if w.Crash.After != nil {
				time.Sleep(w.Crash.After.Duration)
			}
			fmt.Println(strings.Join(w.Crash.Log, "\n"))
			return errors.New("exiting")
		}
	}
	m.joined.Store(true)
	return nil
}

// initialise has the participant of the same node become somebody, and fails when it is somebody else.
func (m *member) initialise(ctx context.Context, b bootstrap) error {
	return m.post(ctx, m.participant+"/standin/bootstrap", b, nil)
}

// speak tells the network which participant runs here.
func (c *component) speak(ctx context.Context, ended bool) error {
	id, err := c.database.run(ctx, "SELECT participant_id FROM participant.lapi_parameters")
	if err != nil {
		return err
	}
	if id != "" {
		id = "PAR::" + id
	}
	return c.member.post(ctx, c.member.ledger+"/participants", running{Namespace: c.member.pod.Namespace, Pod: c.member.pod.Name, Participant: id, Ended: ended}, nil)
}

// leave says that the component ends.
func (c *component) leave(ctx context.Context) {
	if c.name == "participant" {
		if err := c.speak(ctx, true); err != nil {
			c.log.Warn("Not told: " + err.Error())
		}
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodDelete, c.member.ledger+"/pods/"+c.member.pod.Namespace+"/"+c.member.pod.Name, nil)
	if err != nil {
		return
	}
	if got, err := c.member.web.Do(q); err == nil {
		got.Body.Close()
	}
}

// become answers an app that initialises this participant: by a dump, which is parsed here, or as somebody. The database keeps it.
func (c *component) become(w http.ResponseWriter, r *http.Request) {
	refuse := func(format string, a ...any) {
		text := fmt.Sprintf(format, a...)
		c.log.Error(text)
		http.Error(w, text, http.StatusConflict)
	}
	var b bootstrap
	if err := json.NewDecoder(r.Body).Decode(&b); err != nil {
		refuse("The request cannot be read")
		return
	}
	id := b.Participant
	if b.Dump != "" {
		ids, err := dump.Read(strings.NewReader(b.Dump))
		if id = rehearsal.Imported(ids, b.Identifier); err != nil || id == "" {
			refuse("Could not parse participant bootstrap dump: it is no NodeIdentitiesDump")
			return
		}
	}
	was, err := c.database.run(r.Context(), "SELECT participant_id FROM participant.lapi_parameters")
	switch {
	case err != nil:
		refuse("The database cannot be read: %v", err)
	case id == "" || strings.ContainsAny(id, `'\`):
		refuse("%q is no participant", id)
	case was == "":
		if _, err := c.database.run(r.Context(), "INSERT INTO participant.lapi_parameters VALUES (0, '"+strings.TrimPrefix(id, "PAR::")+"', NULL, 0, 0, 0)"); err != nil {
			refuse("The database cannot be written: %v", err)
			return
		}
		c.log.Info("Initialised", "participant", id)
	case "PAR::"+was != id:
		refuse("Node has ID PAR::%s instead of expected ID %s.", was, id)
	}
}

// asked passes on what the component's app is asked once it has joined. Before that there is nothing but whether it is alive and ready.
func (c *component) asked(own http.Handler) http.Handler {
	to, err := url.Parse(c.member.ledger)
	if err != nil {
		return own
	}
	on := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.URL.Path = "/app/" + c.member.pod.Namespace + "/" + c.member.pod.Name + r.In.URL.Path
		r.Out.URL.RawPath = ""
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch what := strings.TrimPrefix(r.URL.Path, c.role.base); {
		case c.member.joined.Load() && (what != "/readyz" || c.why() == ""):
			on.ServeHTTP(w, r)
		case what == "/livez" || what == "/readyz":
			own.ServeHTTP(w, r)
		default:
			http.Error(w, "starting", http.StatusServiceUnavailable)
		}
	})
}

// post sends a document and reads the answer, if one is wanted. An answer that is not 200 is an error with its text.
func (m *member) post(ctx context.Context, to string, what, into any) error {
	body, err := json.Marshal(what)
	if err != nil {
		return err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(body))
	if err != nil {
		return err
	}
	got, err := m.web.Do(q)
	if err != nil {
		return err
	}
	defer got.Body.Close()
	if got.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(got.Body, 1000))
		return &refusal{strings.TrimSpace(string(text))}
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(got.Body).Decode(into)
}

// refusal is an answer that says no, which ends the component; what did not answer is asked again.
type refusal struct{ text string }

func (r *refusal) Error() string { return r.text }
