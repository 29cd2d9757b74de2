package evidence

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/postgres"
	"canton.example/svrescue/steps/triage"
)

// readStorage are the claims with data of the node; then again with how full those of its database servers are, as the servers' own pods see it.
func readStorage(ctx context.Context, l *look, deliver func(func(*triage.Evidence))) error {
	n, err := l.node()
	if err != nil {
		return err
	}
	if _, err := l.claims(); err != nil {
		return err
	}
	s := triage.Storage{Reading: l.reading("storage")}
	for _, c := range n.Claims {
		store := triage.Store{Claim: c.Name, Parts: c.Parts, Volume: c.Volume, State: triage.StorePending, Made: c.Created, Going: c.Deleting != nil}
		store.Doomed, store.Kept = c.Old.ReclaimPolicy == "Delete", c.Old.ReclaimPolicy == "Retain"
		switch {
		case c.UID == "":
			store.State = triage.StoreMissing
		case c.Phase == "Bound":
			store.State = triage.StoreBound
		case c.Phase == "Lost":
			store.State = triage.StoreLost
		}
		s.Stores = append(s.Stores, store)
	}
	whole := s
	deliver(func(e *triage.Evidence) { e.Storage = whole })
	used := make([]int, len(n.Claims))
	var all sync.WaitGroup
	for i, c := range n.Claims {
		if s.Stores[i].State != triage.StoreBound || c.Capacity.Bytes <= 0 {
			continue
		}
		all.Go(func() {
			if free, err := l.free(ctx, n, c); err == nil { // else it is not known, which a store can say
				used[i] = percent(free, c.Capacity.Bytes)
			}
		})
	}
	all.Wait()
	s.Stores = slices.Clone(s.Stores)
	for i := range s.Stores {
		s.Stores[i].Used = used[i]
	}
	deliver(func(e *triage.Evidence) { e.Storage = s })
	return nil
}

// free is how many bytes of a claim are free, as a pod that uses it sees it: that of its database server, or of CometBFT. Whether the image of
// CometBFT has a shell and df was not verified: without them it is not known.
func (l *look) free(ctx context.Context, n node.Node, c node.Claim) (int64, error) {
	if server, has := serverOn(n, c); has {
		return l.databases.Free(ctx, server)
	}
	for _, comet := range n.Of(node.CometBFT) {
		if !slices.Contains(comet.Claims, c.Name) {
			continue
		}
		mount, has, err := l.mountOf(comet, c.Name)
		if err != nil || !has {
			return 0, errors.Join(err, errors.ErrUnsupported)
		}
		pods, err := l.running(comet)
		if err != nil || len(pods) == 0 {
			return 0, errors.Join(err, errors.ErrUnsupported)
		}
		return l.ask.Free(ctx, l.Namespace, pods[0].Name, mount.Container, mount.Path)
	}
	return 0, errors.ErrUnsupported
}

// mountOf is where a workload has a claim.
func (l *look) mountOf(c node.Component, claim string) (kube.Mount, bool, error) {
	workloads, err := l.workloads()
	for _, w := range workloads {
		if w.Ref() != c.Ref {
			continue
		}
		for _, m := range w.Mounts {
			if m.Claim == claim {
				return m, true, err
			}
		}
	}
	return kube.Mount{}, false, err
}

// segment is what PostgreSQL needs for its next file of the write-ahead log, unless it was built otherwise. With less it stops soon.
const segment = 16 << 20

// percent of a claim's size that is used; 100 only where nothing is free to go on with. What a file system keeps for itself counts as used.
func percent(free, size int64) int {
	if free <= 0 || free < segment && size > 4*segment {
		return 100
	}
	return int(min(max(100*(size-free)/size, 1), 99))
}

func serverOn(n node.Node, c node.Claim) (postgres.Server, bool) {
	for _, s := range n.Servers() {
		if s.Workload == c.Owner {
			return s, true
		}
	}
	return postgres.Server{}, false
}

// leftoverVolumes are those that were bound to a claim of this namespace and are not any more.
func leftoverVolumes(_ context.Context, l *look, deliver func(func(*triage.Evidence))) error {
	volumes, err := l.volumes()
	if err != nil {
		return err
	}
	n, err := l.node()
	if err != nil {
		return err
	}
	s := triage.Search{Reading: l.reading("leftover volumes")}
	for _, v := range volumes {
		if v.Claim == nil || v.Claim.Namespace != l.Namespace || !slices.Contains([]string{"Released", "Available", "Failed"}, v.Phase) {
			continue
		}
		seen := fmt.Sprintf("%s, reclaim policy %s", strings.ToLower(v.Phase), v.ReclaimPolicy)
		by := plain.Line(v.Annotations[action.KeptBy])
		if by != "" {
			seen += ", put aside by run " + by
		}
		if v.Capacity.Text != "" {
			seen += ", " + v.Capacity.Text
		}
		s.Found = append(s.Found, triage.Leftover{Name: v.Name, Claim: v.Claim.Name, Parts: partsOf(n, v.Claim.Name), Seen: plain.Line(seen),
			Doomed: v.ReclaimPolicy == "Delete", KeptBy: by})
	}
	deliver(func(e *triage.Evidence) { e.Leftovers.Volumes = s })
	return nil
}

// leftoverClaims are those of this namespace that no workload and no pod uses.
func leftoverClaims(_ context.Context, l *look, deliver func(func(*triage.Evidence))) error {
	claims, err := l.claims()
	if err != nil {
		return err
	}
	workloads, err := l.workloads()
	if err != nil {
		return err
	}
	pods, err := l.pods()
	if err != nil {
		return err
	}
	n, err := l.node()
	if err != nil {
		return err
	}
	used := map[string]bool{}
	for _, w := range workloads {
		for _, name := range w.ClaimNames() {
			used[name] = true
		}
	}
	for _, p := range pods {
		for _, name := range p.Claims {
			used[name] = true
		}
	}
	s := triage.Search{Reading: l.reading("leftover claims")}
	for _, c := range claims {
		if !used[c.Name] {
			s.Found = append(s.Found, triage.Leftover{Name: c.Name, Claim: c.Name, Parts: partsOf(n, c.Name), Seen: plain.Line(fmt.Sprintf("%s, %s, made %s ago", strings.ToLower(c.Phase), size(c), action.Span(l.Clock.Since(c.Created))))})
		}
	}
	deliver(func(e *triage.Evidence) { e.Leftovers.Claims = s })
	return nil
}

func size(c kube.Claim) string {
	if c.Capacity.Text != "" {
		return c.Capacity.Text
	}
	return c.Request.Text
}

// partsOf tells whose data a claim of that name holds: the node's own claim of that name, or the documented names of database servers
// and of CometBFT's claim (reference/deployment.md 3.5). nil: it cannot be told, and may be anybody's.
func partsOf(n node.Node, claim string) []node.Part {
	if c, is := n.Claim(claim); is && len(c.Parts) > 0 {
		return c.Parts
	}
	for _, known := range []struct {
		in    string
		parts []node.Part
	}{
		{"participant-pg", []node.Part{node.Participant}}, {"sequencer-pg", []node.Part{node.Sequencer}}, {"mediator-pg", []node.Part{node.Mediator}},
		{"apps-pg", node.AppParts}, {"cometbft-data", []node.Part{node.CometBFT}}, {"global-domain-migration-pvc", []node.Part{node.SVApp}},
	} {
		if strings.Contains(claim, known.in) {
			return known.parts
		}
	}
	return nil
}
