package record

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

// Source is what is saved. Everything is only read.
type Source struct {
	Cluster *kube.Cluster
	Node    node.Node
	// More are objects besides those of the namespace, such as the snapshots that a restore uses. One that is gone is an error.
	More []kube.Access
	By   string // version of svrescue
}

// kinds are the resources of the namespace whose objects are saved.
var kinds = []struct{ group, resource string }{
	{"apps", "deployments"}, {"apps", "statefulsets"}, {"", "persistentvolumeclaims"}, {"", "services"}, {"", "configmaps"},
	{"", "serviceaccounts"}, {"autoscaling", "horizontalpodautoscalers"}, {"networking.k8s.io", "ingresses"},
}

// Accesses is what a whole record reads of a namespace and for its sake, besides what every run reads (kube.AccessReads).
func Accesses(namespace string) []kube.Access {
	all := []kube.Access{{Verb: "get", Group: "storage.k8s.io", Resource: "storageclasses"}}
	for _, k := range kinds {
		for _, verb := range []string{"list", "get"} {
			all = append(all, kube.Access{Verb: verb, Group: k.group, Resource: k.resource, Namespace: namespace})
		}
	}
	return all
}

// everywhere are the objects that every namespace has by itself.
var everywhere = []string{"kube-root-ca.crt", "istio-ca-root-cert", "default"}

// saving is a record that is being written.
type saving struct {
	Source
	index  Index
	write  Writer
	report func(wire.Progress)
}

// Save writes the record and its index. What may not be read, or is not served, is listed as missing; any other error ends it before
// the index is written.
func (s Source) Save(ctx context.Context, now time.Time, write Writer, report func(wire.Progress)) (Index, error) {
	subject := s.Node.Subject
	w := &saving{Source: s, write: write, report: report, index: Index{Version: Version, Made: now.UTC(), By: s.By, Network: subject.Network, SV: subject.SV,
		Cluster: subject.Cluster, Namespace: subject.Namespace, Release: s.Node.Release, Helm: []Helm{}, Secrets: []kube.SecretShape{}, Files: []File{}}}
	for _, part := range []func(context.Context) error{w.objects, w.volumes, w.more, w.releases, w.secrets} {
		if err := part(ctx); err != nil {
			return w.index, err
		}
	}
	data, err := json.MarshalIndent(w.index, "", "  ")
	if err != nil {
		return w.index, err
	}
	report(wire.Progress{Text: "index", Done: int64(len(w.index.Files)), Unit: "files"})
	return w.index, w.put(IndexFile, append(data, '\n'))
}

func (w *saving) put(name string, data []byte) error {
	if err := w.write(name, data); err != nil {
		return &steps.Problem{Tried: "writing " + name + " of the record", Seen: err.Error(), Err: err, Next: "Make room, or choose a disk that has some, and try again"}
	}
	if name != IndexFile {
		w.index.Files = append(w.index.Files, File{Name: name, SHA256: sum(data)})
	}
	w.report(wire.Progress{Text: name, Done: int64(len(w.index.Files)), Unit: "files"})
	return nil
}

// absent notes what could not be read where that makes the record poorer, not wrong.
func (w *saving) absent(what string, err error) error {
	switch kube.KindOf(err) {
	case kube.Forbidden:
		w.index.Missing = append(w.index.Missing, what+": not allowed to read them")
		return nil
	case kube.NotFound: // a kind that is not served, or an object that went in between
		return nil
	}
	return err
}

func (w *saving) objects(ctx context.Context) error {
	ns := w.Node.Subject.Namespace
	for _, k := range kinds {
		names, err := w.Cluster.Names(ctx, k.group, k.resource, ns)
		if err = w.absent(k.resource, err); err != nil {
			return err
		}
		for _, m := range names {
			if slices.Contains(everywhere, m.Name) {
				continue
			}
			if err := w.manifest(ctx, kube.Access{Group: k.group, Resource: k.resource, Namespace: ns, Name: m.Name}, true); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *saving) manifest(ctx context.Context, a kube.Access, mayBeGone bool) error {
	text, err := w.Cluster.Manifest(ctx, a)
	if err != nil && mayBeGone {
		return w.absent(a.Resource+" "+a.Name, err)
	}
	if err != nil {
		return err
	}
	return w.put(a.Resource+"/"+a.Name+".yaml", text)
}

// volumes saves the volumes of the node's claims and their classes: what a claim on another cluster has to look like.
func (w *saving) volumes(ctx context.Context) error {
	classes := map[string]bool{}
	for _, c := range w.Node.Claims {
		if c.Old.Name != "" {
			if err := w.manifest(ctx, kube.Access{Resource: "persistentvolumes", Name: c.Old.Name}, true); err != nil {
				return err
			}
		}
		if name := c.StorageClass.Name; name != "" && !classes[name] {
			classes[name] = true
			if err := w.manifest(ctx, kube.Access{Group: "storage.k8s.io", Resource: "storageclasses", Name: name}, true); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *saving) more(ctx context.Context) error {
	for _, a := range w.More {
		if err := w.manifest(ctx, a, false); err != nil {
			return err
		}
	}
	return nil
}

func (w *saving) releases(ctx context.Context) error {
	list, err := release.In(w.Cluster, w.Node.Subject.Namespace).InForce(ctx)
	if err = w.absent("the releases of Helm", err); err != nil {
		return err
	}
	for _, s := range list {
		w.index.Helm = append(w.index.Helm, Helm{Name: s.Name, Chart: s.Chart, Version: s.ChartVersion, Revision: s.Revision, Status: s.Status, Charted: s.HasChart(), Problem: s.Problem})
		if s.Problem != "" {
			w.index.Missing = append(w.index.Missing, fmt.Sprintf("release %s: %s", s.Name, s.Problem))
			continue
		}
		for _, f := range []struct{ name, text string }{
			{StoredFile(s.Name), s.Record().Reveal()}, {"helm/" + s.Name + "-values.yaml", s.Values.Reveal()}, {"helm/" + s.Name + "-manifest.yaml", s.Manifest.Reveal()},
		} {
			if err := w.put(f.name, []byte(f.text)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Secrets that are made by programs and not by the operator.
var made = []string{"helm.sh/release.v1", "kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token"}

func (w *saving) secrets(ctx context.Context) error {
	ns := w.Node.Subject.Namespace
	names, err := w.Cluster.Secrets(ctx, ns, "owner!=helm")
	if err = w.absent("secrets", err); err != nil {
		return err
	}
	for _, n := range names {
		shape, found, err := w.Cluster.SecretShape(ctx, ns, n.Name)
		if err = w.absent("secret "+n.Name, err); err != nil {
			return err
		}
		if found && !slices.Contains(made, shape.Type) {
			w.index.Secrets = append(w.index.Secrets, shape)
		}
	}
	return nil
}
