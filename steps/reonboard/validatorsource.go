package reonboard

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/charts"
	"canton.example/svrescue/steps/wire"
)

// Where the lost node's values come from, where they are in no folder.
const (
	fromCluster = "cluster" // Helm's records in the namespace of the lost node
	fromNothing = "none"    // they are lost; what is needed is asked for
)

// ofLost reads the values that the operator has of the lost node, and says what is to be known of them. Values never get into a sentence.
func ofLost(ctx context.Context, w steps.World, f Facts) (material, []wire.Finding, error) {
	switch source := f.Validator.Answers.Source; source {
	case "", fromNothing:
		return material{}, nil, nil
	case fromCluster:
		return ofRecords(ctx, w, f)
	default:
		return ofFolder(source)
	}
}

func ofFolder(folder string) (material, []wire.Finding, error) {
	read, unknown, err := charts.ReadFolder(folder)
	if err != nil {
		return nil, nil, err
	}
	m := material{}
	var found []wire.Finding
	from := wire.Finding{ID: "source", Verdict: wire.Holds, Text: "the lost node's values are read from " + folder}
	for _, r := range read {
		for _, c := range r.Charts {
			m[c] = m[c].With(r.Values)
		}
		from.Evidence = append(from.Evidence, wire.Evidence{Source: strings.Join(r.Files, ", "), Seen: strings.Join(r.Charts, " or ")})
	}
	found = append(found, from)
	if len(unknown) > 0 {
		found = append(found, wire.Finding{ID: "unknown-files", Verdict: wire.Attention, Text: "these files are not read, since nothing tells which chart they are for: " + strings.Join(unknown, ", "),
			Next: "If one of them matters, such as that for a KMS, name it in " + charts.ListFile + " and answer these questions again"})
	}
	return m, found, nil
}

// ofRecords reads what Helm keeps of the lost node's releases.
func ofRecords(ctx context.Context, w steps.World, f Facts) (material, []wire.Finding, error) {
	list, err := release.In(w.Kube, f.Old.Namespace).List(ctx)
	if err != nil {
		return nil, nil, err
	}
	m := material{}
	from := wire.Finding{ID: "source", Verdict: wire.Holds, Text: "the lost node's values are read from Helm's records in namespace " + f.Old.Namespace}
	var unread []string
	for _, r := range list {
		if r.Problem != "" {
			unread = append(unread, r.Name)
			continue
		}
		v, err := release.ReadValues([]byte(r.Values.Reveal()))
		if err != nil {
			unread = append(unread, r.Name)
			continue
		}
		m[r.Chart] = m[r.Chart].With(v)
		from.Evidence = append(from.Evidence, wire.Evidence{Source: "release " + r.Name, Seen: r.Chart + " " + r.ChartVersion})
	}
	found := []wire.Finding{from}
	if len(unread) > 0 {
		found = append(found, wire.Finding{ID: "unread", Verdict: wire.Attention, Text: "Helm's records of these releases cannot be read: " + strings.Join(unread, ", "), Next: "What they would have told is asked for"})
	}
	return m, found, nil
}

// recordsThere says whether Helm has a record of the lost node's participant or validator.
func recordsThere(ctx context.Context, w steps.World, f Facts) bool {
	if f.Old.Namespace == "" || w.Kube == nil {
		return false
	}
	list, err := release.In(w.Kube, f.Old.Namespace).List(ctx)
	return err == nil && slices.ContainsFunc(list, func(r release.Release) bool {
		return r.Problem == "" && (r.Chart == "splice-participant" || r.Chart == "splice-validator")
	})
}

// untaken says what of the lost node's values is not taken over although the validator may need it.
func untaken(m material) []wire.Finding {
	var found []wire.Finding
	for _, chart := range []string{"splice-participant", "splice-validator"} {
		v := m[chart]
		if _, literal := envReferences(v); len(literal) > 0 {
			found = append(found, wire.Finding{ID: "env-" + chart, Verdict: wire.Attention,
				Text: fmt.Sprintf("environment variables of %s are not taken over, since they hold values that can be secrets: %s", chart, strings.Join(literal, ", ")),
				Next: "If the validator needs one, such as for its KMS, put it into a values file of your own and name its folder"})
		}
		if slices.ContainsFunc(v.Keys(), func(path string) bool { return strings.Contains(path, "secretOverrides") }) {
			found = append(found, wire.Finding{ID: "overrides-" + chart, Verdict: wire.Attention, Text: chart + " had secretOverrides: another program gives it its secrets, and they are not taken over",
				Next: "Make the Secrets that are asked for, or put secretOverrides into a values file of your own and name its folder"})
		}
	}
	if m["splice-participant"].Text("kms.type") == kmsDriver {
		found = append(found, wire.Finding{ID: "kms-driver", Verdict: wire.Attention, Text: "the KMS of the lost participant was reached by a driver, whose configuration is not taken over",
			Next: "Put kms into a values file of your own and name its folder"})
	}
	return found
}

// storageClasses are the storage classes of the cluster, the default one first; none where they may not be read.
func storageClasses(ctx context.Context, w steps.World) ([]kube.StorageClass, error) {
	all, err := w.Kube.StorageClasses(ctx)
	if kube.KindOf(err) == kube.Forbidden {
		return nil, nil
	}
	slices.SortStableFunc(all, func(a, b kube.StorageClass) int {
		switch {
		case a.Default == b.Default:
			return strings.Compare(a.Name, b.Name)
		case a.Default:
			return -1
		}
		return 1
	})
	return all, err
}
