package rehearsal

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"canton.example/svrescue/internal/durable"
	"canton.example/svrescue/kube/sim"
	"k8s.io/utils/clock"
)

// idle is how long, in real time, a world stays without a request before its process ends. A worker that was killed and
// is taken up again within it finds the world as it left it.
const idle = 30 * time.Minute

// Address is how the world is reached; it is written, with the kubeconfig, into the world's folder.
type Address struct {
	PID int    `json:"pid"`
	URL string `json:"url"`
	CA  []byte `json:"ca"` // PEM of the authority that signed the world's certificate
	// Token lets its holder ask the world anything and stop it. The file is for its owner only, as the kubeconfig is.
	Token string `json:"token"`
}

// client reaches the world and nothing else.
func (a Address) client() *http.Client {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(a.CA)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}}
}

// Files of a world's folder.
const (
	Kubeconfig   = "kubeconfig"
	LastState    = "state.json" // what State answered last; written when the world ends
	addressFile  = "address.json"
	DumpFolder   = "dumps"  // dump files that the operator has
	RecordFolder = "record" // the record of a lost node that the operator has
	ValuesFolder = "values" // or its saved values, with its charts
	ChartsFolder = "charts"
	// IdentitiesFolder is where the operator's identities backup is.
	IdentitiesFolder = "identities"
)

// Build makes a scenario's server. Its controllers run when Run is called.
func Build(s Scenario, clk clock.WithTicker, seed int64, token string) (*sim.Server, error) {
	return build(s, clk, seed, token, newPods(clk, s))
}

func build(s Scenario, clk clock.WithTicker, seed int64, token string, inside *pods) (*sim.Server, error) {
	world, err := s.World(inside.began)
	if err != nil {
		return nil, err
	}
	server := sim.New(sim.Options{Clock: clk, Seed: uint64(seed), Users: map[string]sim.User{token: {Name: "operator", Admin: true}}, Inside: inside})
	return server, server.LoadScenario(world)
}

// Serve serves a scenario on loopback until the context ends, it is told to stop, or nobody has asked anything for a
// long while. ready is called when the address is in the folder.
func Serve(ctx context.Context, s Scenario, clk clock.WithTicker, wall clock.WithTicker, seed int64, token, folder string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	inside := newPods(clk, s)
	world, err := build(s, clk, seed, token, inside)
	if err != nil {
		return err
	}
	if err := durable.Folder(folder); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("the rehearsal network cannot listen on loopback: %w", err)
	}
	certificate, ca, err := sim.Certificate()
	if err != nil {
		return err
	}
	url := "https://" + listener.Addr().String()
	busy := newWatch(wall)
	own := func(answer http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+token)) != 1 {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			answer(w, r)
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/", world)
	mux.HandleFunc("POST "+stopPath, own(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		cancel()
	}))
	mux.HandleFunc("GET "+statePath, own(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(whole(world, inside)) // who asked may be gone
	}))
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		busy.touch()
		mux.ServeHTTP(w, r)
	})}
	var running sync.WaitGroup
	running.Go(func() { world.Run(ctx) })
	running.Go(func() { busy.until(ctx, idle); cancel() })
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := lay(s, inside.began, folder); err != nil {
		return err
	}
	if err := durable.WriteFile(filepath.Join(folder, Kubeconfig), sim.Kubeconfig(url, token, ca, namespace)); err != nil {
		return err
	}
	address, err := json.Marshal(Address{PID: os.Getpid(), URL: url, CA: ca, Token: token})
	if err != nil {
		return err
	}
	if err := durable.WriteFile(filepath.Join(folder, addressFile), address); err != nil { // last: it says that all is there
		return err
	}
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	err = server.ServeTLS(listener, "", "")
	cancel()
	running.Wait()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, leave(whole(world, inside), folder))
}

// lay puts the files that the operator of a scenario has into the world's folder: dumps, and of a lost node its record, or its saved
// values and charts.
func lay(s Scenario, now time.Time, folder string) error {
	if s.Dumps != nil {
		files, err := s.Dumps()
		if err != nil {
			return err
		}
		if err := layFiles(filepath.Join(folder, DumpFolder), files); err != nil {
			return err
		}
	}
	if s.Record != nil {
		files, err := s.Record(now)
		if err != nil {
			return err
		}
		if err := layFiles(filepath.Join(folder, RecordFolder), files); err != nil {
			return err
		}
	}
	if s.Saved == nil {
		return nil
	}
	files, err := s.Saved(now)
	if err != nil {
		return err
	}
	return layFiles(folder, files)
}

func layFiles(folder string, files map[string][]byte) error {
	for name, data := range files {
		file := filepath.Join(folder, filepath.FromSlash(name))
		if err := durable.Folder(filepath.Dir(file)); err != nil {
			return err
		}
		if err := durable.WriteFile(file, data); err != nil {
			return err
		}
	}
	return nil
}

// leave writes what the world was like at its end, so that it can be looked at when its process is gone.
func leave(world map[string]any, folder string) error {
	state, err := json.Marshal(world)
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(folder, LastState), state)
}

// whole is the world with all that lives beside the cluster in it: "ledger" is the network's, where the scenario has one, "recovery" how far that of a
// network is.
func whole(world *sim.Server, inside *pods) map[string]any {
	all := world.World()
	if inside.tenants != nil {
		all["ledger"] = inside.tenants.books.State()
	}
	if inside.network != nil {
		all["recovery"] = inside.network.state()
	}
	return all
}

// Paths that no Kubernetes server has: to end the world, and to look at all of it (sim.Server.World).
const (
	stopPath  = "/svrescue/stop"
	statePath = "/svrescue/state"
)

// State is the whole present world as JSON, with what differs between equal runs normalised.
func State(ctx context.Context, a Address) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL+statePath, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+a.Token)
	response, err := a.client().Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the rehearsal network answered %s", response.Status)
	}
	return io.ReadAll(response.Body)
}

// ReadAddress returns where the world of this folder is, fs.ErrNotExist while it is not up yet.
func ReadAddress(folder string) (Address, error) {
	var a Address
	data, err := os.ReadFile(filepath.Join(folder, addressFile))
	if err != nil {
		return a, err
	}
	return a, json.Unmarshal(data, &a)
}

// Alive says whether the world answers.
func Alive(ctx context.Context, a Address) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL+"/livez", nil)
	if err != nil {
		return false
	}
	response, err := a.client().Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return true
}

// Stop ends the world. A world that is gone already is no error.
func Stop(ctx context.Context, a Address) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL+stopPath, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+a.Token)
	response, err := a.client().Do(request)
	if err != nil {
		return nil
	}
	return response.Body.Close()
}

// watch notices idleness.
type watch struct {
	wall clock.WithTicker
	mu   sync.Mutex
	last time.Time
}

func newWatch(wall clock.WithTicker) *watch { return &watch{wall: wall, last: wall.Now()} }

func (w *watch) touch() {
	w.mu.Lock()
	w.last = w.wall.Now()
	w.mu.Unlock()
}

// until returns when nothing was touched for d, or the context ends.
func (w *watch) until(ctx context.Context, d time.Duration) {
	for {
		w.mu.Lock()
		left := d - w.wall.Since(w.last)
		w.mu.Unlock()
		if left <= 0 {
			return
		}
		timer := w.wall.NewTimer(left)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C():
		}
	}
}
