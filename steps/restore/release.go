package restore

import (
	"context"
	"fmt"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/wire"
)

// ReleaseFacts are what the release of old volumes knows.
type ReleaseFacts struct {
	Wanted  string       `json:"wanted,omitempty"`
	Where   kube.Where   `json:"where"`
	Subject wire.Subject `json:"subject"`
	Volumes []OldVolume  `json:"volumes,omitempty"`
	Looked  bool         `json:"looked,omitempty"`
}

// OldVolume is a volume that a restore has kept.
type OldVolume struct {
	Name  string `json:"name"`
	UID   string `json:"uid"`
	Claim string `json:"claim"`
	Run   string `json:"run"`
	Size  string `json:"size"`
}

// Release returns the later, separate run that gives away the volumes which restores have kept.
func Release() steps.Path[ReleaseFacts] {
	return steps.Path[ReleaseFacts]{Name: "release-old-volumes", Title: "Release the old volumes of earlier restores", Version: 1,
		Subject: func(f ReleaseFacts) wire.Subject { return f.Subject },
		Ending: func(f ReleaseFacts) string {
			if len(f.Volumes) == 0 {
				return "there was no kept volume to release"
			}
			return fmt.Sprintf("%d old volumes are gone, with their data", len(f.Volumes))
		},
		Steps: []steps.Step[ReleaseFacts]{
			{ID: "release-old-volumes/find", Title: "Find kept volumes", Effect: wire.Observe,
				Summary: "Finds the volumes that restores in this namespace have kept and that no claim uses.",
				Verify:  findKept},
			{ID: "release-old-volumes/release", Title: "Release them", Effect: wire.Destroy,
				Summary: "Sets them back to Delete, so that the storage driver removes them with their data.",
				Check:   stillUnused,
				Plan: func(f ReleaseFacts) ([]steps.Action, error) {
					if !f.Looked {
						return nil, &steps.NotYet{Step: "release-old-volumes/find", What: "which volumes are kept"}
					}
					var actions []steps.Action
					for _, v := range f.Volumes {
						actions = append(actions, action.ReleaseVolume{Where: f.Where, Volume: v.Name, UID: v.UID, Claim: v.Claim, Size: v.Size, Run: v.Run})
					}
					return actions, nil
				},
				Verify: func(ctx context.Context, w steps.World, f *ReleaseFacts) ([]wire.Finding, error) {
					for _, v := range f.Volumes {
						if _, found, err := w.Kube.Volume(ctx, v.Name); err != nil || found {
							return []wire.Finding{{ID: "gone", Verdict: wire.Violated, Text: "pv/" + v.Name + " is still there", Next: "Look at its events: the storage driver removes it"}}, err
						}
					}
					return []wire.Finding{{ID: "gone", Verdict: wire.Holds, Text: fmt.Sprintf("%d volumes are gone", len(f.Volumes))}}, nil
				}},
		}}
}

func findKept(ctx context.Context, w steps.World, f *ReleaseFacts) ([]wire.Finding, error) {
	volumes, err := w.Kube.Volumes(ctx)
	if err != nil {
		return nil, err
	}
	f.Volumes, f.Looked = nil, true
	var evidence []wire.Evidence
	for _, v := range volumes {
		run := v.Annotations[action.KeptBy]
		if run == "" || v.Claim == nil || v.Claim.Namespace != f.Wanted || v.Phase != "Released" || v.ReclaimPolicy != kube.Retain {
			continue
		}
		f.Volumes = append(f.Volumes, OldVolume{Name: v.Name, UID: v.UID, Claim: v.Claim.Name, Run: run, Size: v.Capacity.Text})
		evidence = append(evidence, wire.Evidence{Source: "pv/" + v.Name, Seen: "was " + v.Claim.Name + ", kept by run " + run + ", " + v.Capacity.Text, At: w.Clock.Now()})
	}
	return []wire.Finding{{ID: "kept", Verdict: wire.Holds, Evidence: evidence,
		Text: fmt.Sprintf("%d volumes of namespace %s are kept by earlier restores and used by no claim", len(f.Volumes), f.Wanted)}}, nil
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
