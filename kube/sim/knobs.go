package sim

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Duration is a time.Duration that is written as "1m30s" in JSON and YAML.
type Duration = metav1.Duration

// D makes a Duration.
func D(d time.Duration) *Duration { return &Duration{Duration: d} }

// Knobs is everything about the world that a scenario may turn. It is plain data; Set replaces all of it at once.
// Map keys are "namespace/name"; "namespace/*" and "*" are fallbacks, the most exact entry wins as a whole.
type Knobs struct {
	Workloads map[string]Workload `json:"workloads,omitempty"` // by Deployment, StatefulSet or bare Pod
	Snapshots map[string]Snapshot `json:"snapshots,omitempty"` // by VolumeSnapshot
	Claims    map[string]Claim    `json:"claims,omitempty"`    // by PersistentVolumeClaim
	Faults    []Fault             `json:"faults,omitempty"`
	Outages   []Outage            `json:"outages,omitempty"`
	Latency   *Duration           `json:"latency,omitempty"` // added to every request
	ClockSkew *Duration           `json:"clockSkew,omitempty"`
	Deny      []Rule              `json:"deny,omitempty"` // taken away from every user, admin included
	GitOps    []GitOps            `json:"gitOps,omitempty"`
	Holders   []Holder            `json:"holders,omitempty"`
	Errands   []Errand            `json:"errands,omitempty"`
}

// Workload says how the pods of one workload behave. Nil durations mean the defaults named.
type Workload struct {
	StartDelay      *Duration `json:"startDelay,omitempty"`  // ContainerCreating to Running; 1 s
	ReadyDelay      *Duration `json:"readyDelay,omitempty"`  // Running to Ready; 2 s
	Termination     *Duration `json:"termination,omitempty"` // SIGTERM to gone, never longer than the grace period; 1 s
	NeverReady      bool      `json:"neverReady,omitempty"`
	NeverTerminates bool      `json:"neverTerminates,omitempty"` // the kubelet is silent: only a delete with grace 0 removes the pod
	ImagePullError  string    `json:"imagePullError,omitempty"`  // text of the failure; the pod is in ErrImagePull / ImagePullBackOff
	Crash           *Crash    `json:"crash,omitempty"`
	Log             []Line    `json:"log,omitempty"`    // written by every container start
	Repeat          *Line     `json:"repeat,omitempty"` // written again every After while the container runs; %d is a counter
}

// Crash makes the container of a workload end.
type Crash struct {
	After        *Duration `json:"after,omitempty"`        // after its start; 1 s
	ExitCode     int32     `json:"exitCode,omitempty"`     // 1; 137 for OOMKilled
	Reason       string    `json:"reason,omitempty"`       // Error, or OOMKilled
	Times        int       `json:"times,omitempty"`        // 0: every time
	AfterRestore bool      `json:"afterRestore,omitempty"` // only when one of its volumes came from a snapshot
	Log          []string  `json:"log,omitempty"`          // the last lines before the end
}

// Line is a log line, After the start of its container.
type Line struct {
	After Duration `json:"after,omitempty"`
	Text  string   `json:"text"`
}

// Snapshot says how taking one snapshot goes.
type Snapshot struct {
	Never         bool      `json:"never,omitempty"` // stays readyToUse false
	After         *Duration `json:"after,omitempty"` // until readyToUse; 2 s
	Error         string    `json:"error,omitempty"` // status.error.message
	NoRestoreSize bool      `json:"noRestoreSize,omitempty"`
}

// Claim says how provisioning one claim goes.
type Claim struct {
	Never       bool      `json:"never,omitempty"`       // the provisioner never answers
	Error       string    `json:"error,omitempty"`       // every attempt fails with this text
	After       *Duration `json:"after,omitempty"`       // time to make an empty volume; 1 s
	RestoreRate int64     `json:"restoreRate,omitempty"` // bytes per second from a snapshot; 1 GiB
}

// Fault changes the answer to requests. Empty or "*" matches anything; Resource may name a subresource ("pods/log").
type Fault struct {
	Verb      string `json:"verb,omitempty"` // get list watch create update patch delete deletecollection
	Resource  string `json:"resource,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	Skip      int    `json:"skip,omitempty"`  // matching requests that pass before the first fault
	Count     int    `json:"count,omitempty"` // matching requests to spoil; 0 means one, negative means all

	Do      string    `json:"do,omitempty"`    // "status" (default), "hang", "close"; for pods/exec and pods/portforward "cut" too
	After   bool      `json:"after,omitempty"` // spoil the answer after the request took effect; "cut" then lets the command end, and tells nobody
	Bytes   int64     `json:"bytes,omitempty"` // with "cut": how much passes, both ways together, before the connection breaks
	Code    int       `json:"code,omitempty"`  // with "status"; 500
	Reason  string    `json:"reason,omitempty"`
	Message string    `json:"message,omitempty"`
	Retry   int       `json:"retryAfter,omitempty"` // seconds
	Delay   *Duration `json:"delay,omitempty"`      // before the rest; alone it only delays
}

// Outage is a time without API, measured from the start of the world. Watches that are open are cut.
type Outage struct {
	From  Duration `json:"from"`
	Until Duration `json:"until"`
}

// GitOps is a controller that keeps putting back what is recorded elsewhere, on behalf of one object, while that is there and not paused.
type GitOps struct {
	Kind      string           `json:"kind"` // Application (with selfHeal), Kustomization, HelmRelease or ScaledObject
	Namespace string           `json:"namespace"`
	Name      string           `json:"name"`
	Manages   map[string]int32 `json:"manages,omitempty"` // replicas of Deployments and StatefulSets, by "namespace/name"
	Claims    []string         `json:"claims,omitempty"`  // made again, empty, when they are gone; by "namespace/name"
	Every     *Duration        `json:"every,omitempty"`   // 10 s
	Commit    *Commit          `json:"commit,omitempty"`  // what somebody changes in its repository; nil: nothing
}

// Commit is what a colleague commits to the repository of a GitOps controller, which puts it in force from then on while it is not paused.
type Commit struct {
	Stopped string   `json:"stopped"` // a Deployment, by "namespace/name"; it is committed some time after that was scaled to 0
	After   Duration `json:"after"`
	Objects string   `json:"objects"` // YAML documents, as they become; marks in their metadata stay, and claims that are there do too
}

// Holder is somebody outside who renews a Lease that is there, and lets go of it at last. A Lease without one is not renewed.
type Holder struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	Identity  string    `json:"identity"`        // a Lease of another holder is left alone
	Every     *Duration `json:"every,omitempty"` // 5 s
	Until     *Duration `json:"until,omitempty"` // from the start of the world until it is released; nil: never
}

// Errand is somebody outside who makes what only people have, such as Secrets, some time after its namespace is made. What is there by then is
// left alone.
type Errand struct {
	Namespace string   `json:"namespace"`
	After     Duration `json:"after"`
	Objects   string   `json:"objects"` // YAML documents, of that namespace
}

// Write is one request that asked for a change, as it arrived. Access reviews are not writes.
type Write struct {
	Time      time.Time `json:"time"`
	User      string    `json:"user"`
	Verb      string    `json:"verb"`
	Path      string    `json:"path"`     // with query
	Resource  string    `json:"resource"` // with subresource
	Namespace string    `json:"namespace,omitempty"`
	Name      string    `json:"name,omitempty"`
	Body      string    `json:"body"` // SHA-256 of the body, hex
	DryRun    bool      `json:"dryRun,omitempty"`
	Code      int       `json:"code"` // HTTP status sent; 0 while the request runs or when none was sent
}

// pick returns the most exact entry of m for ns/name.
func pick[T any](m map[string]T, ns, name string) T {
	for _, k := range []string{ns + "/" + name, ns + "/*", "*/" + name, "*"} {
		if v, ok := m[k]; ok {
			return v
		}
	}
	var zero T
	return zero
}

func orElse(d *Duration, def time.Duration) time.Duration {
	if d == nil {
		return def
	}
	return d.Duration
}
