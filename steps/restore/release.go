package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/nodes"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/wire"
)

// ReleaseFacts are what the release of old volumes knows.
type ReleaseFacts struct {
	Wanted  string       `json:"wanted,omitempty"`
	Where   kube.Where   `json:"where"`
	Run     string       `json:"run,omitempty"` // id of this run; marks its pod
	Subject wire.Subject `json:"subject"`
	Volumes []OldVolume  `json:"volumes,omitempty"`
	// Databases are those that a restore has kept, or left behind, on servers that answer.
	Databases []OldDatabase `json:"databases,omitempty"`
	// Outside are the databases of the node on servers outside the cluster that this machine does not reach, and that a pod may.
	Outside []postgres.Database `json:"outside,omitempty"`
	Looked  bool                `json:"looked,omitempty"`
}

// OldDatabase is a database that a restore has put aside.
type OldDatabase struct {
	Server postgres.Server `json:"server"`
	Name   string          `json:"name"`
	Bytes  int64           `json:"bytes"`
}

// OldVolume is a volume that a restore has kept.
type OldVolume struct {
	Name  string `json:"name"`
	UID   string `json:"uid"`
	Claim string `json:"claim"`
	Run   string `json:"run"`
	Size  string `json:"size"`
}

// Release returns the later, separate run that gives away the volumes and databases which restores have kept.
func Release() steps.Path[ReleaseFacts] {
	return steps.Path[ReleaseFacts]{Name: "release-old-volumes", Title: "Release the old volumes of earlier restores", Version: 2,
		Subject: func(f ReleaseFacts) wire.Subject { return f.Subject },
		Ending: func(f ReleaseFacts) string {
			if len(f.Volumes)+len(f.Databases) == 0 {
				return "there was nothing kept to release"
			}
			return fmt.Sprintf("%d old volumes and %d old databases are gone, with their data", len(f.Volumes), len(f.Databases))
		},
		Steps: []steps.Step[ReleaseFacts]{
			{ID: "release-old-volumes/find", Title: "Find kept volumes", Effect: wire.Observe,
				Summary: "Finds the volumes that restores have kept and that no claim uses, and the databases that they have put aside.",
				Verify:  findKept},
			releaseReach(),
			{ID: "release-old-volumes/release", Title: "Release them", Effect: wire.Destroy,
				Summary: "Sets the volumes back to Delete, so that the storage driver removes them with their data, and drops the databases.",
				Check:   stillUnused,
				Plan: func(f ReleaseFacts) ([]steps.Action, error) {
					if !f.Looked {
						return nil, &steps.NotYet{Step: "release-old-volumes/find", What: "which volumes are kept"}
					}
					var actions []steps.Action
					for _, v := range f.Volumes {
						actions = append(actions, action.ReleaseVolume{Where: f.Where, Volume: v.Name, UID: v.UID, Claim: v.Claim, Size: v.Size, Run: v.Run})
					}
					for _, d := range f.Databases {
						actions = append(actions, action.DropOld{Server: d.Server, Name: d.Name, Bytes: d.Bytes})
					}
					return actions, nil
				},
				Verify: func(ctx context.Context, w steps.World, f *ReleaseFacts) ([]wire.Finding, error) {
					for _, d := range f.Databases {
						state, _, err := (action.DropOld{Server: d.Server, Name: d.Name}).Probe(ctx, w)
						if err != nil || state != wire.ActionDone {
							return []wire.Finding{{ID: "gone", Verdict: wire.Violated, Text: d.Name + " is still there", Next: "Do this step again"}}, err
						}
					}
					for _, v := range f.Volumes {
						if _, found, err := w.Kube.Volume(ctx, v.Name); err != nil || found {
							return []wire.Finding{{ID: "gone", Verdict: wire.Violated, Text: "pv/" + v.Name + " is still there", Next: "Look at its events: the storage driver removes it"}}, err
						}
					}
					return []wire.Finding{{ID: "gone", Verdict: wire.Holds, Text: fmt.Sprintf("%d volumes and %d databases are gone", len(f.Volumes), len(f.Databases))}}, nil
				}},
			releaseFinish(),
		}}
}

func findKept(ctx context.Context, w steps.World, f *ReleaseFacts) ([]wire.Finding, error) {
	volumes, err := w.Kube.Volumes(ctx)
	if err != nil {
		return nil, err
	}
	volumes = slices.DeleteFunc(volumes, func(v kube.Volume) bool {
		return v.Annotations[action.KeptBy] == "" || v.Claim == nil || v.Phase != "Released" || v.ReclaimPolicy != kube.Retain ||
			f.Wanted != "" && v.Claim.Namespace != f.Wanted
	})
	if err := whoseVolumes(ctx, w, f, volumes); err != nil {
		return nil, err
	}
	f.Volumes, f.Looked = nil, true
	var evidence []wire.Evidence
	for _, v := range volumes {
		run := v.Annotations[action.KeptBy]
		f.Volumes = append(f.Volumes, OldVolume{Name: v.Name, UID: v.UID, Claim: v.Claim.Name, Run: run, Size: v.Capacity.Text})
		evidence = append(evidence, wire.Evidence{Source: "pv/" + v.Name, Seen: "was " + v.Claim.Name + ", kept by run " + run + ", " + v.Capacity.Text, At: w.Clock.Now()})
	}
	found := []wire.Finding{{ID: "kept", Verdict: wire.Holds, Evidence: evidence,
		Text: fmt.Sprintf("%d volumes of %s are kept by earlier restores and used by no claim", len(f.Volumes), whereOf(*f))}}
	return append(found, findAside(ctx, w, f)...), nil
}

// findAside looks on the database servers of the node for what restores have put aside there.
func findAside(ctx context.Context, w steps.World, f *ReleaseFacts) []wire.Finding {
	namespace := cmp.Or(f.Subject.Namespace, f.Wanted)
	f.Databases, f.Outside = nil, nil
	if namespace == "" { // no volume names one
		found, err := nodes.All(ctx, w, "", f.Where.Context, "")
		if err != nil || len(found) != 1 {
			return []wire.Finding{{ID: "databases", Verdict: wire.Attention, Text: "no volume tells which node this is about, so no databases were looked through", Next: "Name the namespace of the node with --namespace"}}
		}
		namespace, f.Subject = found[0].Subject.Namespace, found[0].Subject
	}
	n, err := nodes.In(ctx, w, namespace, f.Where.Context, "")
	var ambiguous *node.Ambiguous
	if err != nil && !errors.As(err, &ambiguous) {
		return []wire.Finding{{ID: "databases", Verdict: wire.Attention, Text: "the databases of the node were not looked through: " + err.Error(), Next: "Databases that a restore has put aside stay where they are"}}
	}
	finding := wire.Finding{ID: "databases", Verdict: wire.Holds}
	var found []wire.Finding
	for _, c := range applications(n) {
		if c.Replicas == 0 || c.Ready < c.Replicas {
			found = append(found, wire.Finding{ID: "up-" + c.Ref.Name, Verdict: wire.Violated, Text: fmt.Sprintf("%s has %d of %d replicas ready: a restore of this node may not be finished", c.Ref, c.Ready, c.Replicas),
				Next:  "What a restore keeps is needed until the node has proven itself, and to take the restore back: finish it first (svrescue runs)",
				Waive: "no restore of this node is under way, and the old data is not needed any more"})
		}
	}
	var silent []string
	for _, s := range n.Servers() {
		stored, _, err := w.Databases.Databases(ctx, s)
		switch {
		case err != nil && s.Managed() && s.Image != "":
			f.Outside = append(f.Outside, n.On(s)...)
			continue
		case err != nil:
			silent = append(silent, s.String())
			continue
		}
		more, evidence := asideOn(s, stored, n.On(s), w.Clock.Now())
		f.Databases, finding.Evidence = append(f.Databases, more...), append(finding.Evidence, evidence...)
	}
	finding.Text = fmt.Sprintf("%d databases were put aside by restores", len(f.Databases))
	if len(silent) > 0 {
		finding.Verdict, finding.Next = wire.Attention, "Run this again when they answer, if a restore has put databases aside there"
		finding.Text += "; " + strings.Join(silent, ", ") + " did not answer"
	}
	if len(f.Outside) > 0 {
		finding.Text += "; " + names(serversOf(f.Outside)) + " will be looked at through a pod"
	}
	return append(found, finding)
}

// asideOn are the databases on a server that restores have put aside and that nobody uses. On a server outside the cluster, which several
// nodes may share, those alone that were made of a database of this node.
func asideOn(s postgres.Server, stored []postgres.Stored, own []postgres.Database, now time.Time) (found []OldDatabase, evidence []wire.Evidence) {
	for _, d := range stored {
		inUse := slices.ContainsFunc(own, func(x postgres.Database) bool { return x.Name == d.Name })
		ours := slices.ContainsFunc(own, func(x postgres.Database) bool { return postgres.MadeOf(d.Name, x.Name) })
		if !postgres.Ours(d.Name) || inUse || d.Sessions > 0 || s.Managed() && !ours {
			continue
		}
		found = append(found, OldDatabase{Server: s, Name: d.Name, Bytes: d.Bytes})
		evidence = append(evidence, wire.Evidence{Source: d.Name + " on " + s.String(), Seen: strings.TrimSuffix(action.Size(d.Bytes)+", "+d.Comment, ", "), At: now})
	}
	return found, evidence
}

func names(servers []postgres.Server) string {
	var all []string
	for _, s := range servers {
		all = append(all, s.String())
	}
	return strings.Join(all, ", ")
}

// whoseVolumes finds out in which namespace the volumes were kept, where none was asked for, and which node it holds:
// its name is the word that is typed before they go.
func whoseVolumes(ctx context.Context, w steps.World, f *ReleaseFacts, volumes []kube.Volume) error {
	var namespaces []string
	for _, v := range volumes {
		if !slices.Contains(namespaces, v.Claim.Namespace) {
			namespaces = append(namespaces, v.Claim.Namespace)
		}
	}
	switch {
	case len(namespaces) > 1:
		slices.Sort(namespaces)
		return &steps.Problem{Tried: "finding the volumes that restores have kept", Seen: "there are some of several namespaces: " + strings.Join(namespaces, ", "),
			Next: "Name one with --namespace"}
	case len(namespaces) == 0:
		return nil
	}
	f.Subject.Namespace = namespaces[0]
	n, err := nodes.In(ctx, w, namespaces[0], f.Where.Context, "")
	var ambiguous *node.Ambiguous
	if err != nil && !errors.As(err, &ambiguous) {
		if kube.IsMissing(err) {
			return nil
		}
		return err
	}
	if n.IsSV() {
		f.Subject = n.Subject
	}
	return nil
}

func whereOf(f ReleaseFacts) string {
	if f.Subject.Namespace == "" {
		return "all namespaces"
	}
	return "namespace " + f.Subject.Namespace
}

func stillUnused(ctx context.Context, w steps.World, f ReleaseFacts) ([]wire.Finding, error) {
	for _, v := range f.Volumes {
		now, found, err := w.Kube.Volume(ctx, v.Name)
		if err != nil {
			return nil, err
		}
		if found && (now.UID != v.UID || now.Phase != "Released") {
			return []wire.Finding{{ID: "unused", Verdict: wire.Violated, Text: fmt.Sprintf("pv/%s is %s now", v.Name, now.Phase),
				Next: "Somebody took it into use. Start anew to see what is left"}}, nil
		}
	}
	return []wire.Finding{{ID: "unused", Verdict: wire.Holds, Text: "no claim uses them"}}, nil
}
