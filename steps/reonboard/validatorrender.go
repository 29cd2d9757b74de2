package reonboard

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/charts"
	"sigs.k8s.io/yaml"
)

// server is the host of PostgreSQL, and whether it is installed beside the validator. An identifier that was frozen before keeps its server;
// another one gets a new server, since the databases of an import that failed are no place for the next.
func (f Facts) server() (host string, port int, own bool) {
	a := f.Validator.Answers
	if a.Database != newServer {
		host, text, ok := strings.Cut(a.Database, ":")
		if port, err := strconv.Atoi(text); ok && err == nil {
			return host, port, false
		}
		return host, 5432, false
	}
	for _, t := range f.Validator.Tries {
		if t.Identifier == f.Validator.Identifier {
			return t.Server, 5432, true
		}
	}
	if n := len(f.Validator.Tries); n > 0 {
		return postgresRelease + "-" + strconv.Itoa(n+1), 5432, true
	}
	return postgresRelease, 5432, true
}

// recipe is what the values are made from, as far as facts and the lost node's values tell.
func (f Facts) recipe(m material) recipe {
	v, t := f.Validator, f.told(m)
	host, port, own := f.server()
	r := recipe{SV: f.Old.SV, Identifier: v.Identifier, Migration: f.Old.MigrationID, Scans: f.scans(), BFT: v.Answers.Scan == scansTogether,
		Users: t.users, JWKS: t.jwks, Audience: t.audience, Ledger: t.ledger, Host: host, Port: port, Own: own, Open: t.disabled, Tolerant: v.Answers.Fatal == goOn}
	r.Version, _ = readSplice(f.version())
	r.Bitnami = r.Version.bitnami()
	if !r.BFT {
		r.Scans = []string{v.Answers.Scan}
	}
	if v.Answers.Class != none {
		r.Class = v.Answers.Class
	}
	return r
}

// wantedChart is a chart that is needed, and under which name it is an artifact of the run when it comes from a registry.
type wantedChart struct {
	release string
	names   []string // one of these
	version string   // empty: any
}

func (w wantedChart) artifact() string { return "charts/" + w.names[0] + "-" + w.version + ".tgz" }

// wantedCharts are the charts of the releases, in the order in which they are installed.
func (f Facts) wantedCharts() []wantedChart {
	var all []wantedChart
	if host, _, own := f.server(); own {
		s, _ := readSplice(f.version())
		switch registry := charts.IsRegistry(f.Validator.Answers.Charts); {
		case s.bitnami() && registry:
			all = append(all, wantedChart{host, []string{"postgresql"}, charts.BitnamiVersion})
		case s.bitnami():
			all = append(all, wantedChart{host, []string{"postgresql"}, ""})
		default:
			all = append(all, wantedChart{host, []string{"splice-postgres"}, f.version()})
		}
	}
	return append(all, wantedChart{participantRelease, []string{"splice-participant"}, f.version()}, wantedChart{validatorRelease, []string{"splice-validator"}, f.version()})
}

// chartOf finds the chart of a release: in the folder, or among the artifacts of the run.
func (f Facts) chartOf(files steps.FileReader, want wantedChart) (release.Chart, error) {
	place := f.Validator.Answers.Charts
	if charts.IsRegistry(place) {
		data, err := files.Read(want.artifact())
		if err != nil {
			return release.Chart{}, &steps.Problem{Tried: "reading the chart " + want.names[0] + " that was fetched", Seen: err.Error(), Next: "Look again, and it is fetched again"}
		}
		c, err := release.ReadChart(want.artifact(), data)
		if err != nil {
			return c, &steps.Problem{Tried: "reading the chart " + want.names[0] + " that was fetched", Seen: err.Error(), Next: "Look again, and it is fetched again"}
		}
		return c, nil
	}
	have, err := release.Charts(place)
	if err != nil {
		return release.Chart{}, &steps.Problem{Tried: "reading the charts in " + place, Seen: err.Error(), Next: "Put them back as they were"}
	}
	return charts.Pick(have, want.version, want.names...)
}

// render makes the releases of the recovery validator from the values in the facts, and the operator's own over them.
func (f Facts) render(ctx context.Context, w steps.World) (charts.Made, error) {
	var all []charts.Release
	for _, want := range f.wantedCharts() {
		c, err := f.chartOf(w.Files, want)
		if err != nil {
			return charts.Made{}, err
		}
		v, err := release.ReadValues([]byte(f.Validator.Values[want.release]))
		if err != nil {
			return charts.Made{}, &steps.Problem{Tried: "reading the values of release " + want.release + " that were derived", Seen: err.Error(), Next: "Answer the questions again"}
		}
		own, err := ownValues(f.Validator.Answers.Extra, want.release)
		if err != nil {
			return charts.Made{}, err
		}
		all = append(all, charts.Of(want.release, c, v.With(own)))
	}
	return charts.MakeOf(ctx, w.Kube, f.Validator.Namespace, all)
}

// ownValues are those of a file of the operator's for a release; none where there is no such file.
func ownValues(folder, name string) (release.Values, error) {
	if folder == "" || folder == none {
		return release.Values{}, nil
	}
	at := filepath.Join(folder, name+"-values.yaml")
	data, err := os.ReadFile(at)
	if errors.Is(err, fs.ErrNotExist) {
		return release.Values{}, nil
	}
	if err == nil {
		var v release.Values
		if v, err = release.ReadValues(data); err == nil {
			return v, nil
		}
	}
	return release.Values{}, &steps.Problem{Tried: "reading your values in " + at, Seen: err.Error(), Next: "Correct them, and try again"}
}

// validatorAgain renders the releases anew for a plan; they must be what was shown.
func (f Facts) validatorAgain() *again {
	return &again{render: f.render, digest: f.Validator.Digest, changed: steps.Problem{Seen: "it is not what was shown: the charts, your own values, or what this cluster offers have changed since, or a chart writes down the time",
		Next: "Put them back as they were; or take this step back and answer the questions of Validator values again"}}
}

// deployments says what rendered releases make, in their order, and what pods need that none of them makes.
func deployments(ctx context.Context, site release.Site, made charts.Made) (all []Deployment, needs []Need, err error) {
	makes := map[string]bool{} // kind/name
	type pods struct {
		workload string
		needs    []kube.Needed
	}
	var wants []pods
	for i, r := range made.Releases {
		s := made.Rendered[i].Stored
		parts, err := s.Rendered(ctx, site)
		if err != nil {
			return nil, nil, err
		}
		objects, err := s.Objects()
		if err != nil {
			return nil, nil, err
		}
		d := Deployment{Name: r.Name, Chart: r.Chart.Name, Version: r.Chart.Version, Place: r.Chart.Path, Files: r.Files, Parts: parts, Hooks: s.Hooks()}
		for _, o := range objects {
			makes[o.String()] = true
			o = o.Marked(made.Namespace, nil, nil)
			if wl, ok := o.Workload(); ok && wl.Replicas > 0 && !strings.HasSuffix(wl.Name, "-web-ui") {
				d.Workloads = append(d.Workloads, action.Wanted{Pods: action.Pods{Workload: wl.Ref(), Selector: wl.Selector}, Replicas: wl.Replicas})
			}
			if n := o.Needs(); len(n) > 0 {
				wants = append(wants, pods{o.String(), n})
			}
		}
		all = append(all, d)
	}
	for _, p := range wants {
		for _, n := range p.needs {
			if !makes[n.Kind+"/"+n.Name] {
				needs = joinNeed(needs, n, p.workload)
			}
		}
	}
	slices.SortStableFunc(needs, func(a, b Need) int { return cmp.Or(strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name)) })
	return all, needs, nil
}

// joinNeed joins what several workloads need of one object.
func joinNeed(all []Need, n kube.Needed, by string) []Need {
	i := slices.IndexFunc(all, func(x Need) bool { return x.Kind == n.Kind && x.Name == n.Name })
	if i < 0 {
		return append(all, Need{Needed: n, By: []string{by}})
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

// valuesYAML is values as YAML.
func valuesYAML(values map[string]any) (string, error) {
	data, err := yaml.Marshal(values)
	if err != nil {
		return "", fmt.Errorf("values cannot be written as YAML: %w", err)
	}
	return string(data), nil
}
