// Package charts makes the record of a node (package record) from what an operator has where nobody made one in peace: saved values and
// the charts. Which values file is of which release is told by its name, by the documentation, by a list beside the files, or asked for;
// what Helm would install is rendered by Helm's own library. The record is never written down: it is made anew whenever it is read, from
// the same files, so that no copy of passwords in values is left anywhere. It has the same digest as long as they stay the same.
package charts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/record"
)

// Cluster is what rendering asks a cluster: which release of Kubernetes it is and which kinds it serves, as Helm does.
type Cluster interface {
	Offers(ctx context.Context) (kube.Offers, error)
}

var _ Cluster = (*kube.Cluster)(nil)

// Made is a record that was made from values and charts, and what is to be known of how.
type Made struct {
	record.Record
	Releases []Release
	Rendered []release.Rendered // in the same order
	Unused   []string           // values files that the list does not name
}

// Make renders every release. Its errors are *steps.Problem, and hold no value.
func Make(ctx context.Context, c Cluster, s Saved) (Made, error) {
	releases, unused, err := match(s)
	if err != nil {
		return Made{}, err
	}
	for i := range releases {
		r := &releases[i]
		r.values = r.values.Without(s.Drop[r.Chart.Name]...).With(s.Over[r.Chart.Name])
	}
	m, err := makeOf(ctx, c, s.Namespace, releases)
	m.Unused = unused
	return m, err
}

func makeOf(ctx context.Context, c Cluster, namespace string, releases []Release) (Made, error) {
	offers, err := c.Offers(ctx)
	if err != nil {
		return Made{}, err
	}
	m := Made{Releases: releases}
	w := writer{files: map[string][]byte{}, index: record.Index{Version: record.Version, Namespace: namespace, Secrets: []kube.SecretShape{}}}
	for _, r := range releases {
		rendered, err := r.Chart.Render(ctx, r.Name, namespace, r.values, offers)
		if err != nil {
			return Made{}, cannot(r, err)
		}
		if err := w.add(r, rendered); err != nil {
			return Made{}, err
		}
		m.Rendered = append(m.Rendered, rendered)
	}
	m.Record, err = w.record()
	return m, err
}

func cannot(r Release, err error) error {
	p := &steps.Problem{Tried: "rendering release " + r.Name + " from " + r.Chart.Path, Seen: err.Error(), Err: err, Next: "Correct the values file, and try again"}
	if u, ok := errors.AsType[*release.Unusable](err); ok {
		p.Seen, p.Next = "the chart "+r.Chart.String()+" "+u.Why, u.Next
	}
	return p
}

// writer puts a record together in memory.
type writer struct {
	files map[string][]byte
	index record.Index
}

func (w *writer) put(name string, data []byte) {
	sum := sha256.Sum256(data)
	w.files[name] = data
	w.index.Files = append(w.index.Files, record.File{Name: name, SHA256: hex.EncodeToString(sum[:])})
}

// add puts in the release, and the claims that its StatefulSets will make: in a record of peace they are there as they were.
func (w *writer) add(r Release, x release.Rendered) error {
	w.put(record.StoredFile(r.Name), []byte(x.Record().Reveal()))
	w.index.Helm = append(w.index.Helm, record.Helm{Name: r.Name, Chart: x.Chart, Version: x.ChartVersion, Revision: x.Revision, Status: x.Status, Charted: x.HasChart()})
	objects, err := x.Objects()
	if err != nil {
		return err
	}
	for _, o := range objects {
		claims, err := o.Stateful(w.index.Namespace)
		if err != nil {
			return &steps.Problem{Tried: "reading " + o.String() + " of release " + r.Name, Seen: "its claims cannot be told", Err: err, Next: "Look at its volumeClaimTemplates"}
		}
		for _, c := range claims {
			text, err := c.YAML()
			if err != nil {
				return err
			}
			w.put("persistentvolumeclaims/"+c.Name()+".yaml", text)
		}
	}
	return nil
}

func (w *writer) record() (record.Record, error) {
	data, err := json.Marshal(w.index)
	if err != nil {
		return record.Record{}, err
	}
	w.files[record.IndexFile] = data
	return record.Open(func(name string) ([]byte, error) {
		if data, ok := w.files[name]; ok {
			return data, nil
		}
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	})
}

// Versions are the versions of the charts of Splice among the releases, each with the releases that have it. More than one says that the
// charts were put together from several versions.
func (m Made) Versions() map[string][]string {
	all := map[string][]string{}
	for _, r := range m.Releases {
		if strings.HasPrefix(r.Chart.Name, "splice-") {
			all[r.Chart.Version] = append(all[r.Chart.Version], r.Name)
		}
	}
	return all
}
