package releases

import (
	"context"
	"errors"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
)

// Edit is what is changed of values. It is journaled and shown: it holds no secret. Paths are such as "migration.id".
type Edit struct {
	Set  map[string]any   `json:"set,omitempty"`  // by path; what is there is replaced, a map with all that is in it
	Add  map[string][]any `json:"add,omitempty"`  // by path of a list: items at its end; one with the same "name" takes the place of that one
	Drop []string         `json:"drop,omitempty"` // paths; what is not there is no error
}

// Want says what is to be derived from a running release. It is journaled.
type Want struct {
	Release string `json:"release"`      // the running one
	As      string `json:"as,omitempty"` // the name of a new release beside it; empty: the running one is upgraded
	Edit    Edit   `json:"edit"`
	Source  Source `json:"source,omitzero"`
	// What it is for, in a few words, for Helm's record: "migration ID 4".
	What string `json:"what,omitempty"`
}

// Source is where the chart comes from. The zero one is Helm's own record of the running release, which lacks charts that the chart is made
// of (as those of Splice are, of splice-util-lib): then Chart says so, and a folder or a registry has to be named.
type Source struct {
	Place   string `json:"place,omitempty"`   // a folder with charts or one chart; a registry as oci://HOST/PATH; empty: the record
	Version string `json:"version,omitempty"` // empty: that of the running release
}

// Fetch is the action that fetches the chart for a release into the run folder; nil where the source is no registry.
func (s Source) Fetch(r Running) steps.Action { return nil }

// Chart is the chart, out of the record, the folder, or what Fetch has fetched. Its errors are *steps.Problem.
func (s Source) Chart(files steps.FileReader, r Running) (release.Chart, error) {
	return release.Chart{}, errors.ErrUnsupported
}

// Derived is a release as it is to be, and how it differs. It is journaled, holds no secret, and is all that the actions need.
type Derived struct {
	Want      Want     `json:"want"`
	Namespace string   `json:"namespace"`
	Name      string   `json:"name"` // of the release that is upgraded, or is new
	Chart     string   `json:"chart"`
	Version   string   `json:"version"`
	Was       string   `json:"was"`             // the version of the running chart
	Values    []string `json:"values"`          // how the values differ: "migration.id: 3 -> 4"
	Objects   []string `json:"objects"`         // how the objects differ: "Deployment/sv-app env MIGRATION_ID: 3 -> 4"
	Hooks     []string `json:"hooks,omitempty"` // of the chart, which are not run
	Asked     []string `json:"asked,omitempty"` // objects of the cluster that templates asked for, and were told are not there
	Patch     string   `json:"patch"`           // the changed values as YAML, as they are merged over those in a repository
	// Workloads are those of the release, with the replicas that it wants.
	Workloads []action.Wanted `json:"workloads,omitempty"`
	Managed   *Manager        `json:"managed,omitempty"`
	// Upgrade is set where the running release is upgraded, Parts where a new one is installed.
	Upgrade *release.Upgrade `json:"upgrade,omitempty"`
	Parts   []release.Part   `json:"parts,omitempty"`
	// Digest is of all that is rendered, of the chart and of the values: what is applied has the same.
	Digest string `json:"digest"`
}

// New says that a release is installed beside the running one.
func (d Derived) New() bool { return d.Upgrade == nil }

// Derive derives a release from a running one, renders it, and compares. It changes nothing. r is as InForce has it. Its errors are
// *steps.Problem or *kube.Error, and hold no value.
func Derive(ctx context.Context, w steps.World, r Running, want Want) (Derived, error) {
	return Derived{}, errors.ErrUnsupported
}

// Render renders it again, from the record as it is now. What comes out otherwise than it was shown is an error (*steps.Problem).
func (d Derived) Render(ctx context.Context, w steps.World) (release.Stored, error) {
	return release.Stored{}, errors.ErrUnsupported
}

// Site says where and in which run actions are made.
type Site struct {
	Where kube.Where
	Run   string
}

// Actions put it in force: one that upgrades or installs, or, where it is managed from a repository, one that writes the patch into the run
// folder and one that waits until the cluster shows what was rendered. They do not wait until pods are ready.
func (d Derived) Actions(s Site) []steps.Action { return nil }

// Undo takes it back: the upgrade by the next revision with the old content, a new release by uninstalling it (its claims stay). Where it is
// managed from a repository there are no actions, and the second answer says what to commit.
func (d Derived) Undo(s Site) (actions []steps.Action, byHand string) { return nil, "" }

// Environment are the containers of the workloads that objects make, with their variables: what counts is what reaches the pod, not
// what stands in a values file (reference/deployment.md 16.24). Literal values can be passwords.
func Environment(objects []kube.Object) []Environ { return nil }

// Environ is one container of a workload.
type Environ struct {
	Workload  kube.WorkloadRef
	Container string
	Env       []kube.EnvVar
}
