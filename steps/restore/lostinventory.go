package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/charts"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/nodes"
	records "canton.example/svrescue/steps/record"
	"canton.example/svrescue/steps/wire"
)

func lostInventory() steps.Step[Facts] {
	return steps.Step[Facts]{
		ID: "restore-lost/inventory", Title: "Inventory", Effect: wire.Observe,
		Summary: "Reads the record of the lost node, or renders its saved values, and proves that its namespace is empty.",
		Asks: []steps.Ask{
			{Name: "record", Kind: wire.AskText, Help: "the folder that svrescue record wrote, or artifacts/record of an earlier run; or the folder with the saved values files"},
			{Name: "charts", Kind: wire.AskText, Help: "where there are values only: the folder with the charts"},
			{Name: "namespace", Kind: wire.AskText, Help: "where there are values only and no namespace was named: that which the node was in"},
			{Name: "synchronizer", Kind: wire.AskChoice, Help: "which synchronizer is current, where several were installed and nothing tells"},
		},
		Inputs: func(ctx context.Context, w steps.World, f Facts) ([]wire.Question, error) {
			if questions := sourceQuestions(f); len(questions) > 0 {
				return questions, nil
			}
			if f.Serial != "" {
				return nil, nil
			}
			_, lost, err := readLost(ctx, w, f)
			if err != nil {
				return nil, err
			}
			_, err = node.Discover(lost.seen)
			var ambiguous *node.Ambiguous
			if errors.As(err, &ambiguous) {
				return []wire.Question{nodes.SynchronizerQuestion(ambiguous)}, nil
			}
			return nil, err
		},
		Take:   takeLost,
		Forget: forgetLost,
		Verify: func(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
			return meetLost(ctx, w, f)
		},
	}
}

// lostRecord is what the record tells, before the cluster is asked.
type lostRecord struct {
	stored []release.Stored
	seen   node.Seen
	loose  []string // recorded workloads that no release makes
	needs  []LostNeed
}

// readLost reads the record. Workloads are those that its releases make, which is what will be there; not those that were there.
func readLost(ctx context.Context, w steps.World, f Facts) (charts.Made, lostRecord, error) {
	var l lostRecord
	r, err := openLost(ctx, w.Kube, *f.Lost, f.saved())
	if err != nil {
		return r, l, err
	}
	l.seen = node.Seen{Namespace: r.Namespace, Context: f.Where.Context, Serial: f.Serial}
	made := map[string]bool{} // kind/name
	byRelease := map[string]kube.Claim{}
	type pods struct {
		workload string
		needs    []kube.Needed
	}
	var needs []pods
	for _, h := range r.Helm {
		if h.Problem != "" {
			continue
		}
		s, err := r.Stored(h.Name)
		if err != nil {
			return r, l, err
		}
		objects, err := s.Objects()
		if err != nil {
			return r, l, err
		}
		l.stored = append(l.stored, s)
		l.seen.Releases = append(l.seen.Releases, s.Release)
		for _, o := range objects {
			made[o.String()] = true
			o = o.Marked(r.Namespace, nil, nil)
			if w, ok := o.Workload(); ok {
				l.seen.Workloads = append(l.seen.Workloads, w)
			}
			if c, ok := o.Claim(); ok {
				byRelease[c.Name] = c
			}
			if n := o.Needs(); len(n) > 0 {
				needs = append(needs, pods{o.String(), n})
			}
		}
	}
	slices.SortStableFunc(l.seen.Workloads, func(a, b kube.Workload) int {
		return strings.Compare(a.Kind+"/"+a.Name, b.Kind+"/"+b.Name)
	})
	for _, n := range needs {
		for _, need := range n.needs {
			if !made[need.Kind+"/"+need.Name] {
				l.needs = addNeed(l.needs, need, n.workload)
			}
		}
	}
	if l.seen.Claims, err = recordedClaims(r.Record, byRelease); err != nil {
		return r, l, err
	}
	for _, resource := range []string{"deployments", "statefulsets"} {
		objects, err := r.Objects(resource)
		if err != nil {
			return r, l, err
		}
		for _, o := range objects {
			if !made[o.String()] {
				l.loose = append(l.loose, o.String())
			}
		}
	}
	return r, l, nil
}

// recordedClaims are the claims as they were, or as a release makes them; none of them is there yet.
func recordedClaims(r records.Record, byRelease map[string]kube.Claim) ([]kube.Claim, error) {
	objects, err := r.Objects("persistentvolumeclaims")
	if err != nil {
		return nil, err
	}
	var claims []kube.Claim
	for _, o := range objects {
		if c, ok := o.Claim(); ok {
			delete(byRelease, c.Name)
			claims = append(claims, c)
		}
	}
	for _, c := range byRelease {
		claims = append(claims, c)
	}
	for i := range claims {
		c := &claims[i]
		c.UID, c.ResourceVersion, c.Volume, c.Phase, c.Source, c.Finalizers, c.Owners, c.Managers = "", "", "", "", nil, nil, nil, nil
	}
	slices.SortFunc(claims, func(a, b kube.Claim) int { return strings.Compare(a.Name, b.Name) })
	return claims, nil
}

// addNeed joins what several workloads need of one object.
func addNeed(all []LostNeed, n kube.Needed, by string) []LostNeed {
	i := slices.IndexFunc(all, func(x LostNeed) bool { return x.Kind == n.Kind && x.Name == n.Name && x.Pull == n.Pull })
	if i < 0 {
		return append(all, LostNeed{Needed: n, By: []string{by}})
	}
	have := &all[i]
	for _, k := range n.Keys {
		if !slices.Contains(have.Keys, k) {
			have.Keys = append(have.Keys, k)
		}
	}
	slices.Sort(have.Keys)
	have.Whole, have.Optional = have.Whole || n.Whole, have.Optional && n.Optional
	have.By = append(have.By, by)
	return all
}

// meetLost puts the node together from its record and looks at where it shall be.
func meetLost(ctx context.Context, w steps.World, f *Facts) ([]wire.Finding, error) {
	r, l, err := readLost(ctx, w, *f)
	if err != nil {
		return nil, err
	}
	if f.Wanted != "" && f.Wanted != r.Namespace {
		return nil, &steps.Problem{Tried: "restoring into namespace " + f.Wanted, Seen: "the record is of namespace " + r.Namespace + ", and addresses in its values hold that name",
			Next: "Use the same name, on whichever cluster: --namespace " + r.Namespace}
	}
	if l.seen.Classes, err = w.Kube.StorageClasses(ctx); err != nil {
		return nil, err
	}
	n, err := node.Discover(l.seen)
	if err != nil {
		return nil, err
	}
	read := fmt.Sprintf("the record of %s from %s is whole: %s, Splice %s", r.Subject(), r.Made.Format("2006-01-02 15:04 MST"), count(len(r.Helm), "release"), n.Release)
	next := "Look at what the record lacks: svrescue record --check " + f.Lost.Folder
	if f.Lost.fromValues() {
		read = fmt.Sprintf("%s make %s, Splice %s", f.Lost.source(), count(len(r.Helm), "release"), n.Release)
		next = "Put the values files of the missing releases to the others, and start anew"
	}
	if !n.IsSV() {
		return []wire.Finding{{ID: "node", Verdict: wire.Violated, Text: fmt.Sprintf("the %s of it make no super validator: it needs an SV app and a participant", count(len(l.stored), "release")),
			Next: next}}, nil
	}
	n.Subject.Network, n.Subject.SV = cmp.Or(r.Network, n.Subject.Network), cmp.Or(r.SV, n.Subject.SV)
	lost := LostNode{Hint: f.Lost.Hint, ChartsHint: f.Lost.ChartsHint, Folder: f.Lost.Folder, Values: f.Lost.Values, Charts: f.Lost.Charts, Digest: r.Digest, Made: r.Made, Needs: l.needs}
	found := []wire.Finding{{ID: "record", Verdict: wire.Holds, Text: read}}
	more, err := lostReleases(ctx, w, r, l, n, &lost)
	if err != nil {
		return nil, err
	}
	found = append(found, more...)
	found = append(found, ofValues(r, lost)...)
	found = append(found, notInRecord(r.Record, l)...)
	lost.Needs = slices.DeleteFunc(lost.Needs, func(need LostNeed) bool { // of what is not installed
		return !slices.ContainsFunc(lost.Releases, func(x LostRelease) bool {
			return slices.ContainsFunc(x.Parts, func(p release.Part) bool { return slices.Contains(need.By, p.String()) })
		})
	})
	f.Namespace, f.Node, f.Lost, f.Room = r.Namespace, &n, &lost, anew
	for _, s := range r.Secrets {
		if !slices.ContainsFunc(lost.Needs, func(x LostNeed) bool { return x.Kind == "Secret" && x.Name == s.Name }) {
			lost.Unused = append(lost.Unused, s.Name)
		}
	}
	empty, err := emptyNamespace(ctx, w, *f)
	return append(found, empty...), err
}

// lostReleases puts the releases in order, and says of each what is to be known before it is installed.
func lostReleases(ctx context.Context, w steps.World, made charts.Made, l lostRecord, n node.Node, lost *LostNode) ([]wire.Finding, error) {
	var found []wire.Finding
	var evidence []wire.Evidence
	for i, s := range l.stored {
		parts, err := s.Rendered(ctx, w.Kube)
		if err != nil {
			return nil, err
		}
		r := LostRelease{Name: s.Name, Chart: s.Chart, Version: s.ChartVersion, Charted: s.HasChart(), Parts: parts, Hooks: s.Hooks()}
		brings := s.Definitions()
		if lost.fromValues() {
			r.ChartPath, r.Files, brings = made.Releases[i].Chart.Path, made.Releases[i].Files, made.Rendered[i].Brings
		}
		data, other, aside := false, false, 0
		for _, c := range n.Components {
			if !r.makes(c.Ref) {
				continue
			}
			if c.Role == node.Legacy || c.Role == node.Successor {
				aside++
				continue
			}
			data, other = data || c.Part == node.Postgres, other || slices.Contains(slices.Concat(node.SynchronizerParts, node.AppParts), c.Part)
		}
		switch {
		case aside > 0 && !data && !other:
			found = append(found, wire.Finding{ID: "aside-" + s.Name, Verdict: wire.Attention, Text: "release " + s.Name + " is not installed: its synchronizer is not the current one",
				Next: "Where the old synchronizer still runs elsewhere, nothing is lost; else ask the other SVs"})
			continue
		case data && other:
			found = append(found, wire.Finding{ID: "mixed-" + s.Name, Verdict: wire.Violated, Text: "release " + s.Name + " makes databases and what runs on them: they cannot be installed one after the other",
				Next: "Install it by hand with the Deployments scaled to 0, then: svrescue run restore"})
		}
		r.Database = data
		if s.Status != "deployed" {
			found = append(found, wire.Finding{ID: "status-" + s.Name, Verdict: wire.Attention, Text: fmt.Sprintf("release %s was %s when the record was made", s.Name, s.Status),
				Next: "It is installed as the record has it: look at its manifest in the record first"})
		}
		if s.Namespace != l.seen.Namespace {
			found = append(found, wire.Finding{ID: "namespace-" + s.Name, Verdict: wire.Violated, Text: fmt.Sprintf("release %s is of namespace %s, the record of %s", s.Name, s.Namespace, l.seen.Namespace),
				Next: "Make a record of the right namespace; this one was put together by hand"})
		}
		for _, p := range parts {
			if p.Namespace != l.seen.Namespace {
				found = append(found, wire.Finding{ID: "outside-" + s.Name + p.String(), Verdict: wire.Attention, Text: fmt.Sprintf("release %s also makes %s outside the namespace", s.Name, p),
					Next: "It is made too, as part of the release"})
			}
		}
		if len(r.Hooks) > 0 {
			found = append(found, wire.Finding{ID: "hooks-" + s.Name, Verdict: wire.Attention, Text: "hooks of release " + s.Name + " are not run: " + strings.Join(r.Hooks, ", "),
				Next: "Run by hand what they do, if the restored node needs it"})
		}
		if len(brings) > 0 {
			found = append(found, wire.Finding{ID: "definitions-" + s.Name, Verdict: wire.Attention, Text: "the chart of release " + s.Name + " brings definitions of kinds, which are not installed: " + strings.Join(brings, ", "),
				Next: "Install them by hand first, if this cluster has not got them"})
		}
		lost.Releases = append(lost.Releases, r)
	}
	inInstallOrder(lost.Releases, n)
	var names []string
	for _, r := range lost.Releases {
		names = append(names, r.Name)
		evidence = append(evidence, wire.Evidence{Source: "release " + r.Name, Seen: fmt.Sprintf("%s %s, %s", r.Chart, r.Version, count(len(r.Parts), "object"))})
		if !r.Charted {
			found = append(found, wire.Finding{ID: "chart-" + r.Name, Verdict: wire.Attention, Text: "the record has release " + r.Name + " without its chart: it can be installed, and upgraded only with the chart",
				Next: "helm pull " + charts.Address(r.Chart) + " --version " + r.Version})
		}
	}
	return append([]wire.Finding{{ID: "releases", Verdict: wire.Holds, Text: "to be installed, in this order: " + strings.Join(names, ", "), Evidence: evidence}}, found...), nil
}

// notInRecord says what was on the cluster and will not come back by itself.
func notInRecord(r records.Record, l lostRecord) []wire.Finding {
	var found []wire.Finding
	if len(r.Missing) > 0 {
		f := wire.Finding{ID: "missing", Verdict: wire.Undetermined, Text: "the record is poorer than the node was: " + strings.Join(r.Missing, "; "),
			Next: "If it is known that the node can do without, go on; else look for another record", Waive: "what is missing is known, and is put back by hand"}
		found = append(found, f)
	}
	if len(l.loose) > 0 {
		found = append(found, wire.Finding{ID: "loose", Verdict: wire.Attention, Text: "not made by any release, so not restored: " + strings.Join(l.loose, ", "),
			Next: "Their manifests are in the record"})
	}
	return found
}
