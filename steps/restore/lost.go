package restore

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/node"
)

// LostNode is what the run of a lost node knows besides the facts of every restore. The record itself stays where it is.
type LostNode struct {
	Hint   string `json:"hint,omitempty"`   // the folder of the record, or of the values, that is proposed
	Folder string `json:"folder,omitempty"` // of the record, absolute
	Digest string `json:"digest,omitempty"` // of the record as it was read
	// Values is the folder with values files where there is no record, and Charts that of the charts; both absolute.
	Values     string `json:"values,omitempty"`
	Charts     string `json:"charts,omitempty"`
	ChartsHint string `json:"chartsHint,omitempty"`
	// Made is when the record was made.
	Made time.Time `json:"made,omitzero"`
	// Releases are those that are installed, in their order.
	Releases []LostRelease `json:"releases,omitempty"`
	// Needs are the Secrets, ConfigMaps and ServiceAccounts that no release makes and that pods refer to.
	Needs []LostNeed `json:"needs,omitempty"`
	// Unused are Secrets that the record names and no workload refers to.
	Unused []string `json:"unused,omitempty"`
}

// LostRelease is a release to install.
type LostRelease struct {
	Name     string         `json:"name"`
	Chart    string         `json:"chart"`
	Version  string         `json:"version"`
	Charted  bool           `json:"charted,omitempty"`
	Database bool           `json:"database,omitempty"` // it comes before the data is restored
	Parts    []release.Part `json:"parts"`
	Hooks    []string       `json:"hooks,omitempty"`
	// ChartPath and Files are what it was rendered from, where there is no record.
	ChartPath string   `json:"chartPath,omitempty"`
	Files     []string `json:"files,omitempty"`
}

// LostNeed is an object that must be there first, and what needs it.
type LostNeed struct {
	kube.Needed
	By []string `json:"by"` // workloads
}

// Lost returns the path that restores a node which is gone altogether, into an empty namespace: from its record or its saved values, and
// its backups.
func Lost() steps.Path[Facts] {
	later := []steps.Step[Facts]{elsewhereInLost(reachServers()), elsewhereInLost(fence()), lostClaims(), lostDatabases(), elsewhereInLost(restoreDatabases()), elsewhereInLost(proveRestored()), lostComponents(), elsewhereInLost(catchUp()), lostFinish()}
	return steps.Path[Facts]{Name: "restore-lost", Title: "Restore a lost node into an empty namespace", Version: 2,
		Subject: New().Subject,
		Ending: func(f Facts) string {
			from := "its record"
			if f.Lost != nil && f.Lost.fromValues() {
				from = "its saved values"
			}
			return "the node is installed from " + from + " and runs on " + source(f) + "; make a new record of it: svrescue record"
		},
		Steps: append([]steps.Step[Facts]{lostInventory(), lostSecrets(), elsewhereInLost(backupSet()), elsewhereInLost(proveSet()), lostPreflight(later)}, later...),
	}
}

// elsewhereInLost is a step of the restore in this path: what is not known yet is known after the inventory of this one.
func elsewhereInLost(s steps.Step[Facts]) steps.Step[Facts] {
	if s.Plan == nil {
		return s
	}
	plan := s.Plan
	s.Plan = func(f Facts) ([]steps.Action, error) {
		actions, err := plan(f)
		return actions, inLost(err)
	}
	return s
}

func inLost(err error) error {
	if notYet, ok := errors.AsType[*steps.NotYet](err); ok && notYet.Step == "restore/inventory" {
		return &steps.NotYet{Step: "restore-lost/inventory", What: notYet.What}
	}
	return err
}

// needLost is the error of a plan that comes before the record was read or a set was chosen.
func needLost(f Facts) error { return inLost(needSet(f)) }

// lostMark tells what this run installed, in Helm's records.
func lostMark(f Facts) string { return action.Mark(f.Run) }

// installation of a release in the namespace of the run.
func (r LostRelease) installation(f Facts) release.Installation {
	i := release.Installation{Name: r.Name, Namespace: f.Namespace, Parts: r.Parts, Mark: lostMark(f), From: "the record"}
	if r.ChartPath != "" {
		i.From = "saved values"
	}
	return i
}

// makes says whether the release makes that workload.
func (r LostRelease) makes(c kube.WorkloadRef) bool {
	return slices.ContainsFunc(r.Parts, func(p release.Part) bool { return p.Kind == c.Kind && p.Name == c.Name && p.Namespace == c.Namespace })
}

// owner is the release that makes a claim, if one does.
func (l LostNode) owner(claim string) (LostRelease, bool) {
	i := slices.IndexFunc(l.Releases, func(r LostRelease) bool {
		return slices.ContainsFunc(r.Parts, func(p release.Part) bool { return p.Kind == "PersistentVolumeClaim" && p.Name == claim })
	})
	if i < 0 {
		return LostRelease{}, false
	}
	return l.Releases[i], true
}

// installOrder is the order in which the releases of a node are installed (reference/deployment.md 5), by the part that comes first in it.
var installOrder = []node.Part{node.Postgres, node.CometBFT, node.Sequencer, node.Mediator, node.Participant, node.SVApp, node.ScanApp, node.Validator, node.UI, node.Info}

// rank is where a release comes. One that makes no part of a node comes last.
func rank(r LostRelease, n node.Node) int {
	best := len(installOrder)
	for _, c := range n.Components {
		if i := slices.Index(installOrder, c.Part); i >= 0 && r.makes(c.Ref) {
			best = min(best, i)
		}
	}
	return best
}

// inInstallOrder sorts releases for installing.
func inInstallOrder(releases []LostRelease, n node.Node) {
	slices.SortStableFunc(releases, func(a, b LostRelease) int {
		return cmp.Or(cmp.Compare(rank(a, n), rank(b, n)), strings.Compare(a.Name, b.Name))
	})
}

// waited are the components of a release that are waited for before the next one: those of the node, not its user interfaces.
func waited(r LostRelease, n node.Node) []node.Component {
	return slices.DeleteFunc(n.Of(append(append([]node.Part{node.Postgres}, node.SynchronizerParts...), node.AppParts...)...),
		func(c node.Component) bool { return !r.makes(c.Ref) })
}

// install plans the installation of releases. Each is followed by the wait for what it makes; databases do not depend on each other and
// are waited for together.
func install(f Facts, database bool) []steps.Action {
	var actions []steps.Action
	together := action.WaitReady{Name: "the databases", Namespace: f.Namespace}
	for _, r := range f.Lost.Releases {
		if r.Database != database {
			continue
		}
		actions = append(actions, installation(f, r))
		ready := readiness(f, r)
		if database {
			together.Workloads, together.Servers = append(together.Workloads, ready.Workloads...), append(together.Servers, ready.Servers...)
		} else if len(ready.Workloads) > 0 {
			actions = append(actions, ready)
		}
	}
	if len(together.Workloads) > 0 {
		actions = append(actions, together)
	}
	return actions
}

func readiness(f Facts, r LostRelease) action.WaitReady {
	ready := action.WaitReady{Name: "the workloads of " + r.Name, Namespace: f.Namespace}
	for _, c := range waited(r, *f.Node) {
		if c.Replicas > 0 {
			ready.Workloads = append(ready.Workloads, action.Wanted{Pods: action.Pods{Workload: c.Ref, Selector: c.Selector}, Replicas: c.Replicas})
			ready.Servers = append(ready.Servers, serversIn(f, c)...)
		}
	}
	return ready
}

// uninstall plans the way back, last installed first, until every pod is gone.
func uninstall(f Facts, database bool) []steps.Action {
	var actions []steps.Action
	gone := action.WaitGone{Name: "what was installed", Namespace: f.Namespace}
	for _, r := range slices.Backward(f.Lost.Releases) {
		if r.Database != database {
			continue
		}
		actions = append(actions, action.UninstallRelease{Where: f.Where, Installation: r.installation(f)})
		for _, c := range f.Node.Components {
			if r.makes(c.Ref) {
				gone.Workloads = append(gone.Workloads, action.Pods{Workload: c.Ref, Selector: c.Selector})
			}
		}
	}
	if len(actions) == 0 {
		return nil
	}
	return append(actions, gone)
}
