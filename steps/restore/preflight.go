package restore

import (
	"context"
	"fmt"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
	"sigs.k8s.io/yaml"
)

// maxSkew is how far our clock may be from the cluster's before ages and orders read here mean little.
const maxSkew = 30 * time.Second

// preflight tries everything that can be tried without changing anything. later are the steps whose plans it looks at.
func preflight(later []steps.Step[Facts]) steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore/preflight", Title: "Preflight", Effect: wire.Observe,
		Summary: "Checks permissions, classes, clocks and other actors before anything is changed.",
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			var found []wire.Finding
			for _, look := range []func(context.Context, steps.World, Facts) ([]wire.Finding, error){
				reachable, loggedIn, alone, permitted(later), helpful, tried(later), classes, space, besideFits, outsideAllows, zones, replaceable, survives,
			} {
				more, err := look(ctx, w, *f)
				if err != nil {
					return nil, err
				}
				found = append(found, more...)
			}
			return found, nil
		},
	}
}

func reachable(ctx context.Context, w steps.World, _ Facts) ([]wire.Finding, error) {
	r, err := w.Kube.Reach(ctx)
	if err != nil {
		return nil, err
	}
	found := []wire.Finding{{ID: "reach", Verdict: wire.Holds, Text: fmt.Sprintf("Kubernetes %s answers at %s", r.Version, w.Kube.Server()),
		Evidence: []wire.Evidence{{Source: "user", Seen: r.User, At: w.Clock.Now()}}}}
	skew := wire.Finding{ID: "clock", Verdict: wire.Holds, Text: "this machine's clock agrees with the cluster's"}
	switch {
	case r.ServerTime == nil:
		skew.Verdict, skew.Text, skew.Next = wire.Attention, "the cluster's clock is not known", "Ages of backups are told by this machine's clock"
	case r.Skew.Abs() > maxSkew:
		skew.Verdict, skew.Text = wire.Attention, fmt.Sprintf("this machine's clock is %s off the cluster's", r.Skew.Round(time.Second))
		skew.Next = "Correct this machine's clock: ages of backups are told by it"
	}
	return append(found, skew), nil
}

// permitted asks the cluster for every verb on every object that the plans of the later steps refer to.
func permitted(later []steps.Step[Facts]) func(context.Context, steps.World, Facts) ([]wire.Finding, error) {
	return func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
		accesses, err := accessesOf(later, f)
		if err != nil {
			return nil, err
		}
		verdicts, err := w.Kube.Allowed(ctx, accesses)
		if err != nil {
			return nil, err
		}
		var denied []string // by verb and resource, in the order of the plan
		count := map[string]int{}
		seen := map[kube.Access]bool{}
		var evidence []wire.Evidence
		for _, v := range verdicts {
			if seen[v.Access] {
				continue
			}
			seen[v.Access] = true
			if !v.Allowed {
				every := v.Access
				every.Namespace, every.Name = "", ""
				if count[every.String()]++; count[every.String()] == 1 {
					denied = append(denied, every.String())
				}
				evidence = append(evidence, wire.Evidence{Source: v.Access.String(), Seen: strings.TrimSuffix("denied: "+v.Reason, ": ")})
			}
		}
		if len(denied) == 0 {
			return []wire.Finding{{ID: "permissions", Verdict: wire.Holds, Text: fmt.Sprintf("all %d permissions that the steps and their undo need are there", len(seen))}}, nil
		}
		for i, d := range denied {
			denied[i] = fmt.Sprintf("%s (%d)", d, count[d])
		}
		return []wire.Finding{{ID: "permissions", Verdict: wire.Violated, Text: fmt.Sprintf("%d of %d permissions are missing: %s", len(evidence), len(seen), strings.Join(denied, ", ")),
			Next:  "Get them granted and look again; or go on, and whoever has them does those steps by hand while this tool watches",
			Waive: "steps that need them are done by hand by somebody who has them", Evidence: evidence}}, nil
	}
}

// tried sends what can be sent now as a trial, so that admission webhooks and validation speak before anything is
// changed. What needs an earlier step first is counted, not guessed; a webhook that cannot judge a trial is no stop.
func tried(later []steps.Step[Facts]) func(context.Context, steps.World, Facts) ([]wire.Finding, error) {
	return func(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
		var found []wire.Finding
		good, waits := 0, 0
		for _, s := range later {
			if s.Plan == nil || s.Effect.Rank() == 0 {
				continue
			}
			actions, err := s.Plan(f)
			if err != nil {
				return nil, err
			}
			for _, a := range actions {
				if a.Effect().Rank() == 0 {
					continue
				}
				tried, err := a.Trial(ctx, w.Dry(a.Refs()))
				switch kind := kube.KindOf(err); {
				case err == nil && len(tried) > 0 && wire.WorstVerdict(tried) == wire.Holds:
					good++
				case err == nil:
					waits++
				case ctx.Err() != nil || kube.IsTransient(err):
					return nil, err
				case kind == kube.Forbidden: // told by the permissions
				case kind == kube.Invalid && strings.Contains(err.Error(), "dry run"), kind == kube.Server:
					found = append(found, wire.Finding{ID: "trial-" + a.Key(), Verdict: wire.Attention,
						Text: "the server could not try to " + a.Key() + ": " + steps.FailureOf(a.Key(), err).Seen, Next: "Whether it would be taken is not determined"})
				default:
					failure := steps.FailureOf(a.Key(), err)
					found = append(found, wire.Finding{ID: "trial-" + a.Key(), Verdict: wire.Violated, Text: "the server would not " + a.Key() + ": " + failure.Seen, Next: failure.Next})
				}
			}
		}
		return append(found, wire.Finding{ID: "trial", Verdict: wire.Holds,
			Text: fmt.Sprintf("the server would take the %d changes that can be tried now; %d more can be tried only after an earlier step", good, waits)}), nil
	}
}

func refsOf(actions []steps.Action) []steps.Ref {
	var refs []steps.Ref
	for _, a := range actions {
		refs = append(refs, a.Refs()...)
	}
	return refs
}

// classes checks that each claim can be made again: its class exists, its driver is the one that made the snapshot.
func classes(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	now, err := w.Kube.StorageClasses(ctx)
	if err != nil {
		return nil, err
	}
	drivers := map[string]string{}
	if contents, err := w.Kube.SnapshotContents(ctx); err == nil {
		for _, c := range contents {
			drivers[c.Name] = c.Driver
		}
	}
	byName := map[string]kube.StorageClass{}
	for _, c := range now {
		byName[c.Name] = c
	}
	var found []wire.Finding
	for _, m := range f.Set.Members {
		claim, _ := f.Node.Claim(m.Claim)
		class, ok := byName[className(*f.Node, claim)]
		driver := drivers[m.Snapshot.Content]
		switch {
		case !ok:
			found = append(found, wire.Finding{ID: "class-" + m.Claim, Verdict: wire.Violated,
				Text: fmt.Sprintf("claim %s has class %q, which does not exist", m.Claim, className(*f.Node, claim)), Next: "Create the class again, as it was"})
		case driver != "" && driver != class.Provisioner:
			found = append(found, wire.Finding{ID: "class-" + m.Claim, Verdict: wire.Violated,
				Text: fmt.Sprintf("snapshot %s was made by driver %s, class %s is of %s", m.Snapshot.Name, driver, class.Name, class.Provisioner),
				Next: "A driver restores only its own snapshots"})
		case driver == "" && !m.Empty:
			found = append(found, wire.Finding{ID: "class-" + m.Claim, Verdict: wire.Attention,
				Text: "which driver made snapshot " + m.Snapshot.Name + " could not be read", Next: "If it is not that of class " + class.Name + ", the claim will stay Pending"})
		}
	}
	if len(found) == 0 {
		found = append(found, wire.Finding{ID: "classes", Verdict: wire.Holds, Text: "the class of every claim exists, and its driver made the snapshot"})
	}
	return found, nil
}

// className is the class of a claim as found; for a claim that is gone, that of another claim of the same owner or of
// the same kind of owner.
func className(n node.Node, claim node.Claim) string {
	if claim.Class != "" || claim.UID != "" {
		return claim.Class
	}
	for _, other := range n.Claims {
		if other.UID != "" && other.Stateful == claim.Stateful {
			return other.Class
		}
	}
	return ""
}

// space says what the storage must hold while the old volumes are kept. Whether it has that much cannot be read from
// Kubernetes, so this is for the operator to know, not a proof.
func space(_ context.Context, _ steps.World, f Facts) ([]wire.Finding, error) {
	var bytes int64
	for _, m := range f.Set.Members {
		claim, _ := f.Node.Claim(m.Claim)
		bytes += largest(claim, m).Bytes
	}
	return []wire.Finding{{ID: "space", Verdict: wire.Attention,
		Text: action.Size(bytes) + " more storage are used while the old volumes are kept; whether the storage has them cannot be seen from here",
		Next: "Look at the quota of the storage itself. A claim that gets no volume stays Pending, and the step can be taken back"}}, nil
}

// zones tells of volumes that can be reached from some zones only: a class that binds at once may put the new volume into
// another zone than its pod can run in.
func zones(_ context.Context, _ steps.World, f Facts) ([]wire.Finding, error) {
	var found []wire.Finding
	for _, m := range f.Set.Members {
		claim, _ := f.Node.Claim(m.Claim)
		if len(claim.Old.Zones) > 0 && claim.Binding != waitForFirstConsumer {
			found = append(found, wire.Finding{ID: "zone-" + m.Claim, Verdict: wire.Attention,
				Text: fmt.Sprintf("the volume of %s is in zone %s, and class %s chooses a zone without looking at the pod", m.Claim, strings.Join(claim.Old.Zones, ", "), claim.StorageClass.Name),
				Next: "The step that restores volumes proves that the new one is in the same zone; if it is not, take the step back and restrict the class to that zone"})
		}
	}
	return found, nil
}

// replaceable checks that nobody outside this node's plan uses the claims that are replaced.
func replaceable(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	stopped := map[string]bool{}
	for _, c := range append(applications(*f.Node), replaced(f)...) {
		stopped[c.Ref.Kind+"/"+c.Ref.Name] = true
	}
	var found []wire.Finding
	for _, c := range f.Node.Components {
		if stopped[c.Ref.Kind+"/"+c.Ref.Name] || c.Replicas == 0 {
			continue
		}
		for _, claim := range c.Claims {
			if _, replaced := f.Set.Member(claim); replaced {
				found = append(found, wire.Finding{ID: "user-" + c.Ref.Name, Verdict: wire.Violated,
					Text: fmt.Sprintf("%s uses claim %s too and is not part of the plan", c.Ref, claim), Next: "Scale it down by hand first"})
			}
		}
	}
	for _, db := range replaced(f) {
		for _, other := range f.Node.LeftAlone() {
			for _, part := range db.Serves {
				if part == other.Part {
					found = append(found, wire.Finding{ID: "shared-" + db.Ref.Name + other.Ref.Name, Verdict: wire.Attention,
						Text: fmt.Sprintf("%s may also hold the data of %s (%s), which is left running", db.Ref.Name, other.Ref.Name, other.Role),
						Next: "If it does, stop " + other.Ref.Name + " by hand first; its data goes back to the backup too"})
				}
			}
		}
	}
	if len(found) == 0 {
		found = append(found, wire.Finding{ID: "users", Verdict: wire.Holds, Text: "no other workload uses the claims that are replaced"})
	}
	return found, nil
}

// survives checks that no database takes its claims along when it is scaled down: that comes before its volumes are kept,
// so their data would be gone.
func survives(ctx context.Context, w steps.World, f Facts) ([]wire.Finding, error) {
	var found []wire.Finding
	for _, c := range replaced(f) {
		if c.Ref.Kind != kube.StatefulSet {
			continue
		}
		text, err := w.Kube.Manifest(ctx, kube.Access{Group: "apps", Resource: "statefulsets", Namespace: c.Ref.Namespace, Name: c.Ref.Name})
		if err != nil {
			return nil, err
		}
		var set struct {
			Spec struct {
				Policy struct {
					WhenScaled string `json:"whenScaled"`
				} `json:"persistentVolumeClaimRetentionPolicy"`
			} `json:"spec"`
		}
		if err := yaml.Unmarshal(text, &set); err != nil {
			return nil, fmt.Errorf("the manifest of %s cannot be read: %w", c.Ref, err)
		}
		if set.Spec.Policy.WhenScaled == "Delete" {
			found = append(found, wire.Finding{ID: "retention-" + c.Ref.Name, Verdict: wire.Violated,
				Text: c.Ref.String() + " deletes its claims when it is scaled down (persistentVolumeClaimRetentionPolicy.whenScaled is Delete): its data would be gone",
				Next: "Set it to Retain first, in the values that made it"})
		}
	}
	return found, nil
}
