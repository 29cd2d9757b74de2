// Package runs is the run folder: where it lies, what is in it, and how a front end finds the worker of a run. Folders
// are 0700 and files 0600; every file is written whole or not at all, but for the journal, which has its own package.
package runs

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/internal/durable"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/engine/journal"
	"canton.example/svrescue/steps/wire"
)

// Spec is what a run was started with; it never changes. It holds no secret: a kubeconfig is named, not copied.
type Spec struct {
	ID         string      `json:"id"`
	Path       string      `json:"path"`
	Acting     wire.Acting `json:"acting"`
	World      wire.World  `json:"world"`
	Scenario   string      `json:"scenario,omitempty"`
	Seed       int64       `json:"seed,omitempty"`
	Speed      float64     `json:"speed,omitempty"`
	Origin     time.Time   `json:"origin,omitzero"`    // real time at which simulated time began
	SimOrigin  time.Time   `json:"simOrigin,omitzero"` // simulated time at Origin
	Kubeconfig string      `json:"kubeconfig,omitempty"`
	Context    string      `json:"context,omitempty"`
	Namespace  string      `json:"namespace,omitempty"`
	Dumps      string      `json:"dumps,omitempty"`      // folder with dump files that is proposed
	Record     string      `json:"record,omitempty"`     // folder with the record of a lost node that is proposed
	Values     string      `json:"values,omitempty"`     // or with its saved values
	Charts     string      `json:"charts,omitempty"`     // and its charts
	Identities []string    `json:"identities,omitempty"` // files or folders with identities backups that are proposed
	Scans      []string    `json:"scans,omitempty"`      // addresses of other SVs' scans that are proposed
	Wallet     string      `json:"wallet,omitempty"`     // address of the validator app that is proposed
	Operator   string      `json:"operator"`
	Host       string      `json:"host"`
	Started    time.Time   `json:"started"`
}

// Worker is how the worker of a run is reached.
type Worker struct {
	PID     int       `json:"pid"`
	Socket  string    `json:"socket"`
	Started time.Time `json:"started"`
}

// Folder is one run's folder.
type Folder struct{ Path string }

func (f Folder) ID() string        { return filepath.Base(f.Path) }
func (f Folder) Journal() string   { return filepath.Join(f.Path, "journal.jsonl") }
func (f Folder) WorkerLog() string { return filepath.Join(f.Path, "worker.log") }
func (f Folder) World() string     { return filepath.Join(f.Path, "world") }
func (f Folder) Report(ext string) string {
	return filepath.Join(f.Path, "report."+ext)
}

// Create makes a new run's folder under base and writes its spec.
func Create(base string, spec Spec) (Folder, error) {
	f := Folder{Path: filepath.Join(base, spec.ID)}
	if err := durable.Folder(base); err != nil {
		return f, noRoom(base, err)
	}
	if err := os.Mkdir(f.Path, durable.FolderPerm); err != nil {
		return f, noRoom(f.Path, err)
	}
	if err := f.write("run.json", spec); err != nil {
		return f, noRoom(f.Path, err)
	}
	return f, nil
}

func noRoom(path string, err error) error {
	return &steps.Problem{Tried: "making the run folder " + path, Seen: err.Error(), Err: err,
		Next: "Make room there, or name another place with --run-dir"}
}

// NewID is a run's name: what it does, when, and four letters that make it unique.
func NewID(path string, now time.Time, random []byte) string {
	const letters = "abcdefghjkmnpqrstuvwxyz23456789"
	tail := make([]byte, 4)
	for i := range tail {
		tail[i] = letters[int(random[i])%len(letters)]
	}
	return fmt.Sprintf("%s-%s-%s", path, now.UTC().Format("0102-1504"), tail)
}

// Find returns the folder of the run named id, or, for an empty id, the newest run that has not ended. An id may be
// shortened as long as it is unique.
func Find(base, id string) (Folder, error) {
	if f := (Folder{Path: filepath.Join(base, id)}); id != "" && id == filepath.Base(id) { // named in full: no journal has to be read
		if spec, err := f.Spec(); err == nil && spec.ID == id {
			return f, nil
		}
	}
	all, err := folders(base)
	if err != nil {
		return Folder{}, err
	}
	var found []Summary
	for _, f := range all {
		s := Summary{Folder: f}
		if s.Spec, err = f.Spec(); err != nil {
			s.Spec.ID = f.ID()
		}
		if id == "" && !journal.Over(f.Journal()) || id != "" && strings.HasSuffix(s.Spec.ID, "-"+id) {
			found = append(found, s)
		}
	}
	slices.SortFunc(found, newestFirst)
	switch {
	case len(found) == 0 && id == "":
		return Folder{}, &steps.Problem{Tried: "finding an open run in " + base, Seen: "there is none", Next: "List the runs with: svrescue runs"}
	case len(found) == 0:
		return Folder{}, &steps.Problem{Tried: "finding run " + id + " in " + base, Seen: "there is none of that name", Next: "List the runs with: svrescue runs"}
	case len(found) > 1:
		what := "the open run"
		if id != "" {
			what = "run " + id
		}
		var names []string
		for _, s := range found {
			names = append(names, s.Spec.ID)
		}
		return Folder{}, &steps.Problem{Tried: "finding " + what + " in " + base, Seen: "there are several: " + strings.Join(names, ", "), Next: "Name one"}
	}
	return found[0].Folder, nil
}

// Summary is one line about a run.
type Summary struct {
	Folder  Folder
	Spec    Spec
	View    wire.View
	Held    bool // a worker runs
	Ended   *wire.End
	Problem string // why the folder cannot be read
}

// State is where a run stands, in one word.
type State string

const (
	Running     State = "running"     // a worker works
	Waiting     State = "waiting"     // a worker waits for an answer
	Parked      State = "parked"      // no worker; it was parked
	Interrupted State = "interrupted" // no worker; it ended without a word
	Finished    State = "finished"
	Broken      State = "broken" // the folder or its journal cannot be read
	Empty       State = "empty"  // it never began
)

// State tells where the run stands.
func (s Summary) State() State {
	switch {
	case s.Problem != "":
		return Broken
	case s.Ended != nil:
		return Finished
	case s.Held && s.View.Question != nil:
		return Waiting
	case s.Held:
		return Running
	case s.View.Parked != "":
		return Parked
	case s.View.Seq == 0:
		return Empty
	}
	return Interrupted
}

// List reads every run under base, newest first. A folder that cannot be read is listed with its problem.
func List(base string) ([]Summary, error) {
	all, err := folders(base)
	if err != nil {
		return nil, err
	}
	var list []Summary
	for _, f := range all {
		list = append(list, f.summary())
	}
	slices.SortFunc(list, newestFirst)
	return list, nil
}

func newestFirst(a, b Summary) int { return b.Spec.Started.Compare(a.Spec.Started) }

// folders are the run folders in base; none where it is not there.
func folders(base string) (all []Folder, err error) {
	entries, err := os.ReadDir(base)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		f := Folder{Path: filepath.Join(base, entry.Name())}
		if !entry.IsDir() || strings.HasPrefix(entry.Name(), importing) {
			continue
		}
		if _, err := os.Stat(filepath.Join(f.Path, "run.json")); err != nil {
			continue // not a run
		}
		all = append(all, f)
	}
	return all, nil
}

func (f Folder) summary() Summary {
	s := Summary{Folder: f}
	var err error
	if s.Spec, err = f.Spec(); err != nil {
		s.Spec.ID, s.Problem = f.ID(), err.Error()
		return s
	}
	s.Held, _ = journal.Held(f.Journal()) // before it is read: a worker that ends meanwhile has then written how
	events, err := journal.Read(f.Journal())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.Problem = err.Error()
		return s
	}
	s.View = wire.FoldAll(events)
	s.Ended = s.View.Ended
	return s
}

// Spec reads what the run was started with.
func (f Folder) Spec() (Spec, error) {
	var spec Spec
	return spec, f.read("run.json", &spec)
}

// Worker reads how the worker is reached; it may be gone.
func (f Folder) Worker() (Worker, error) {
	var w Worker
	return w, f.read("worker.json", &w)
}

// SetWorker writes how the worker is reached.
func (f Folder) SetWorker(w Worker) error { return f.write("worker.json", w) }

func (f Folder) write(name string, value any) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(filepath.Join(f.Path, name), append(data, '\n'))
}

func (f Folder) read(name string, value any) error {
	data, err := os.ReadFile(filepath.Join(f.Path, name))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, value); err != nil {
		return fmt.Errorf("%s cannot be read: %w", filepath.Join(f.Path, name), err)
	}
	return nil
}
