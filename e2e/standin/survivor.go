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
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/rehearsal"
)

// survivor is a component of a node whose network has lost its CometBFT layer. It tells what it was given, and behaves and answers as the network says.
type survivor struct {
	network string // http://host of the network's pod
	pod     sim.Pod
	web     *http.Client
	joined  bool
	said    int // lines of its log
}

// of the chart: how an app is told of its database (reference/deployment.md 3.6).
var inProperties = regexp.MustCompile(`(databaseName|serverName) = "([^"]*)"`)

// newSurvivor reads what the chart tells the component.
func newSurvivor(c *component, environ []string) *survivor {
	s := &survivor{web: &http.Client{Timeout: 30 * time.Second}, pod: sim.Pod{Container: c.name, Started: c.started, Env: map[string]string{}, Labels: map[string]string{"app.kubernetes.io/version": c.version}}}
	env := map[string]string{}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		env[name] = value
		if strings.HasPrefix(name, rehearsal.VarPrefix) || strings.HasPrefix(name, "ADDITIONAL_CONFIG") {
			s.pod.Env[name] = value
		}
	}
	s.network, s.pod.Namespace, s.pod.Name, s.pod.Owner = env["LOST_NETWORK"], env["POD_NAMESPACE"], env["POD_NAME"], env["WORKLOAD"]
	d := &database{user: "cnadmin", password: env["SPLICE_APP_POSTGRES_PASSWORD"], query: "SELECT 1"}
	for _, m := range inProperties.FindAllStringSubmatch(env["ADDITIONAL_CONFIG_PERSISTENCE"], -1) {
		if m[1] == "databaseName" {
			d.name = m[2]
		} else {
			d.address = m[2] + ":5432"
		}
	}
	for _, prefix := range []string{"CANTON_DOMAIN_POSTGRES_", "CANTON_PARTICIPANT_POSTGRES_"} {
		if host := env[prefix+"SERVER"]; host != "" {
			d.address, d.password, d.name = host+":"+env[prefix+"PORT"], env[prefix+"PASSWORD"], env["CANTON_"+strings.ToUpper(c.name)+"_POSTGRES_DB"]
		}
	}
	if d.name != "" {
		c.database = d
	}
	return s
}

// live is a look at what the network says: the log that the component writes, whether it ends, and why it is not ready.
func (s *survivor) live(ctx context.Context) (string, error) {
	var b behaviour
	switch {
	case !s.joined:
		if err := s.readDump(); err != nil {
			return "", err
		}
		s.pod.Started = time.Now()
		if err := s.call(ctx, http.MethodPost, s.network+"/pods", s.pod, &b); err != nil {
			return "the network does not answer: " + err.Error(), nil
		}
		s.joined = true
	default:
		if err := s.call(ctx, http.MethodGet, s.network+"/pods/"+s.pod.Namespace+"/"+s.pod.Name, nil, &b); err != nil {
			return "the network does not answer: " + err.Error(), nil
		}
	}
	for ; s.said < len(b.Log); s.said++ {
		fmt.Println(b.Log[s.said])
	}
	up := time.Since(s.pod.Started)
	switch w := b.Life; {
	case w == nil:
		return "", nil
	case w.Crash != nil && (w.Crash.After == nil || up >= w.Crash.After.Duration):
		fmt.Println(strings.Join(w.Crash.Log, "\n"))
		return "", errors.New("exiting")
	case w.Crash != nil, w.NeverReady, w.ReadyDelay != nil && up < w.ReadyDelay.Duration:
		return "starting", nil
	}
	return "", nil
}

// readDump reads the migration dump from the claim, where the SV app is told to start from it.
func (s *survivor) readDump() error {
	if !strings.Contains(s.pod.Env[rehearsal.OnboardingVar], "domain-migration") {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(rehearsal.LostDumpFolder, rehearsal.LostDumpFile))
	switch {
	case errors.Is(err, os.ErrNotExist): // what it says then, the network knows
		return nil
	case err != nil:
		return fmt.Errorf("read the migration dump: %w", err)
	}
	s.pod.Files = map[string]map[string]string{rehearsal.LostDumpFolder: {rehearsal.LostDumpFile: string(text)}}
	return nil
}

// leave says that the component ends.
func (s *survivor) leave(ctx context.Context) {
	s.call(ctx, http.MethodDelete, s.network+"/pods/"+s.pod.Namespace+"/"+s.pod.Name, nil, nil)
}

// asked passes on what the component is asked on a port.
func (s *survivor) asked(port int) http.Handler {
	to, err := url.Parse(s.network)
	if err != nil {
		return http.NotFoundHandler()
	}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.URL.Path = fmt.Sprintf("/ports/%s/%s/%d%s", s.pod.Namespace, s.pod.Name, port, r.In.URL.Path)
		r.Out.URL.RawPath = ""
	}}
}

// routes are those of a component: what its probes ask it answers by itself, and of the chain the SV app asks the real one.
func (c *component) survivorRoutes() http.Handler {
	m := http.NewServeMux()
	m.Handle("GET /metrics", c.survivor.asked(10013))
	if c.role.base == "" {
		return m
	}
	own, others := c.app().Handler(), c.survivor.asked(c.role.http[0])
	m.Handle(c.role.base+"/", others)
	for _, path := range []string{"/livez", "/readyz"} {
		m.Handle("GET "+c.role.base+path, own)
	}
	if c.cometbft != "" {
		m.Handle("GET "+c.role.base+"/v0/admin/domain/cometbft/status", own)
		m.HandleFunc("POST "+c.role.base+"/v0/admin/domain/cometbft/json-rpc", func(w http.ResponseWriter, r *http.Request) {
			got, err := c.survivor.web.Post(c.cometbft, "application/json", r.Body)
			if err != nil {
				http.Error(w, `{"error":"CometBFT does not answer"}`, http.StatusServiceUnavailable) // the wording was not verified
				return
			}
			defer got.Body.Close()
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(got.StatusCode)
			io.Copy(w, got.Body)
		})
	}
	return m
}

// call sends a document and reads the answer, where one is wanted.
func (s *survivor) call(ctx context.Context, method, to string, what, into any) error {
	body, err := json.Marshal(what)
	if err != nil {
		return err
	}
	q, err := http.NewRequestWithContext(ctx, method, to, bytes.NewReader(body))
	if err != nil {
		return err
	}
	got, err := s.web.Do(q)
	if err != nil {
		return err
	}
	defer got.Body.Close()
	if got.StatusCode != http.StatusOK {
		return errors.New(got.Status)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(got.Body).Decode(into)
}
