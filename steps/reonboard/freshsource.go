package reonboard

import (
	"context"
	"fmt"
	"slices"

	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/charts"
)

// freshMaterial are the values of the SV that the operator has, by chart, from where they are told to be. They can hold secrets, and get into no
// sentence.
func (f Facts) freshMaterial(ctx context.Context, w steps.World) (material, error) {
	switch source := f.Fresh.Answers.Source; source {
	case "":
		return material{}, nil
	case fromCluster:
		m, _, err := ofRecords(ctx, w, f)
		return m, err
	default:
		m, _, err := ofFolder(source)
		if err != nil {
			return material{}, nil // it is said when it is rendered
		}
		return m, nil
	}
}

// freshFrom says where the values of the fresh SV come from.
func (f Facts) freshFrom() string {
	if f.Fresh.Answers.Source == fromCluster {
		return "Helm's records in namespace " + f.Old.Namespace
	}
	return "saved values"
}

// freshHow says how the objects that are shown were made.
func (f Facts) freshHow() string {
	if f.Fresh.Answers.Source == fromCluster {
		return "rendered with the values that helm get values prints of the lost node's release in namespace " + f.Old.Namespace
	}
	return "rendered"
}

// recordedFile is how a command names the values of a recorded release: helm get values prints them.
func recordedFile(name string) string { return name + "-values-of-the-lost-node.yaml" }

// chartsOfAnSV are those that are fetched where Helm's records tell the values: which releases they are of is seen only in the cluster. The page of
// information is not among them.
func (f Facts) chartsOfAnSV() []string {
	postgres := f.oneOf([]string{"splice-postgres", "postgresql"})
	all := []string{postgres}
	for _, name := range svOrder {
		if name != "splice-postgres" && name != "postgresql" && name != infoChart {
			all = append(all, name)
		}
	}
	return all
}

const infoChart = "splice-info"

// renderRecorded renders the releases that Helm has records of in the namespace of the lost node, with their values, into that of the fresh SV. The
// page of information is left to be installed by hand.
func (f Facts) renderRecorded(ctx context.Context, w steps.World, s charts.Saved) (charts.Made, error) {
	tried := "reading Helm's records in namespace " + f.Old.Namespace
	have := s.Have
	if have == nil {
		var err error
		if have, err = release.Charts(s.Charts); err != nil {
			return charts.Made{}, &steps.Problem{Tried: "reading the charts in " + s.Charts, Seen: err.Error(), Next: "Put them back as they were"}
		}
	}
	list, err := release.In(w.Kube, f.Old.Namespace).List(ctx)
	if err != nil {
		return charts.Made{}, err
	}
	var all []charts.Release
	for _, r := range list {
		if r.Problem != "" {
			return charts.Made{}, &steps.Problem{Tried: tried, Seen: fmt.Sprintf("that of release %s cannot be read", r.Name), Next: "Name a folder with the saved values"}
		}
		if !slices.Contains(svOrder, r.Chart) || r.Chart == infoChart {
			continue
		}
		v, err := release.ReadValues([]byte(r.Values.Reveal()))
		if err != nil {
			return charts.Made{}, &steps.Problem{Tried: tried, Seen: fmt.Sprintf("the values of release %s cannot be read", r.Name), Next: "Name a folder with the saved values"}
		}
		version := ""
		if slices.ContainsFunc(have, func(c release.Chart) bool { return c.Name == r.Chart && c.Version == f.version() }) {
			version = f.version()
		}
		c, err := charts.Pick(have, version, r.Chart)
		if err != nil {
			return charts.Made{}, err
		}
		all = append(all, charts.Of(r.Name, c, v.Without(s.Drop[r.Chart]...).With(s.Over[r.Chart])))
	}
	if len(all) == 0 {
		return charts.Made{}, &steps.Problem{Tried: tried, Seen: "there is none of an SV", Next: "Name a folder with the saved values"}
	}
	return charts.MakeOf(ctx, w.Kube, s.Namespace, all)
}
