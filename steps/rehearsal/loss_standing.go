package rehearsal

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/kube/upload/podfiles"
	"k8s.io/utils/clock"
)

// Lost is a network that is recovered by all SVs together, and all who tell of it, where the pods are real ones: stand-ins in them say what they were
// given, and behave and answer as this says.
type Lost struct {
	pods *pods

	mu    sync.Mutex
	known map[string]bool // workloads that have run before, by namespace/workload
}

// What stand-ins tell of themselves beside the variables whose names begin with VarPrefix.
const (
	VarPrefix      = "STANDIN_"
	OnboardingVar  = onboardingVar
	LostDumpFolder = migrationMount
	LostDumpFile   = "domain_migration_dump.json"
)

// NewLost makes a network that has just lost its CometBFT layer.
func NewLost(clk clock.WithTicker, plan Loss) *Lost {
	l := &Lost{pods: newPods(clk, Scenario{Loss: &plan}), known: map[string]bool{}}
	l.pods.loss.disk = func(in sim.Pod, _ string) *podfiles.Disk {
		d := podfiles.New(migrationMount)
		if text, there := in.Files[migrationMount][LostDumpFile]; there {
			d.Put(migrationDump, []byte(text))
		}
		return d
	}
	return l
}

// Started is a start of a pod, which has what is in its migration dump's file as a file of its mount. What is answered says what it logs, when it is
// ready, and whether it ends. What is answered about a participant may change until it has ended. A part of the old synchronizer has run since a day
// before the network was lost when it starts for the first time.
func (l *Lost) Started(in sim.Pod) (sim.Pod, *sim.Workload) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if at := placeOf(in); !l.known[at] && !isNew(in.Owner) && configuredID(in) == oldID {
		l.known[at], in.Started = true, l.pods.began.Add(-24*time.Hour)
	}
	return in, l.pods.Started(in)
}

// Log is what a start has logged by now.
func (l *Lost) Log(in sim.Pod, w *sim.Workload) (lines []string) {
	if w == nil {
		return nil
	}
	l.pods.loss.mu.Lock()
	defer l.pods.loss.mu.Unlock()
	for _, line := range w.Log {
		if l.pods.clock.Since(in.Started) >= line.After.Duration {
			lines = append(lines, line.Text)
		}
	}
	return lines
}

// Ended is the end of what Started began.
func (l *Lost) Ended(in sim.Pod) { l.pods.Ended(in) }

// Answers is what listens on a port of a pod; nil: nothing of the network's.
func (l *Lost) Answers(in sim.Pod, port int) http.Handler {
	return l.pods.loss.handler(in, port, l.pods.release(in))
}

// Peer is the scan of another SV, from 0; nil where there is none.
func (l *Lost) Peer(i int) http.Handler {
	if i < 0 || i >= lossOthers {
		return nil
	}
	_, host, _ := strings.Cut(l.pods.loss.svs[1+i].ScanURL, "//")
	return l.pods.loss.peer(host)
}

// State is how far the recovery is: whether this SV has migrated, and with data of which time.
func (l *Lost) State() (migrated bool, asOf time.Time) {
	l.pods.loss.mu.Lock()
	defer l.pods.loss.mu.Unlock()
	return !l.pods.loss.since.IsZero(), l.pods.loss.asOf
}

// Agreed is a time that the SVs can agree on: within the last period of commitments, and with all events processed.
func (l *Lost) Agreed() time.Time { return l.pods.loss.tick.Add(-15 * time.Minute) }

// LostOthers is how many other SVs such a network has.
const LostOthers = lossOthers

// LostKey is the text of a private key in the identities dump of the node.
func LostKey() (string, error) { return lost().pair() }

// LostChart is a release of the node of a lost network, with a stand-in of its chart.
type LostChart struct {
	Release, Chart, Version string
	Template                string // of all objects
	Values                  map[string]any
}

// LostCharts are the releases of the node in the order of their installation, and the Secrets that operators make beside them, by their names.
func LostCharts() (all []LostChart, secrets []kube.Object, err error) {
	s, err := lossNode(time.Unix(0, 0)).Scenario()
	if err != nil {
		return nil, nil, err
	}
	releases, rest, err := chartedNode(s, Loss{})
	if err != nil {
		return nil, nil, err
	}
	for _, r := range releases {
		all = append(all, LostChart{Release: r.name, Chart: r.chart, Version: lossRelease, Template: r.template, Values: r.values})
	}
	objects, err := kube.Objects(bytes.TrimSpace([]byte(strings.TrimPrefix(rest, "---\n"))))
	for _, o := range objects {
		if o.Kind() == "Secret" {
			secrets = append(secrets, o)
		}
	}
	return all, secrets, err
}
