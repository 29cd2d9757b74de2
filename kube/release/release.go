// Package release reads the records that Helm keeps of its releases, and installs a release again from its record, or as saved values and
// a chart render it. It is the only package that knows Helm.
//
// Helm keeps one Secret of type helm.sh/release.v1 per revision. Values and manifest in it can hold passwords, so they come as
// secret.String, whose printed and JSON form is a placeholder. Needed rights: list and get secrets in the namespace.
package release

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"time"

	rspb "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"sigs.k8s.io/yaml"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/kube"
)

// Release is the newest revision of a release.
type Release struct {
	Name         string    `json:"name"`
	Namespace    string    `json:"namespace"`
	Chart        string    `json:"chart"`        // such as splice-sv-node
	ChartVersion string    `json:"chartVersion"` // such as 0.6.1
	AppVersion   string    `json:"appVersion,omitempty"`
	Revision     int       `json:"revision"`
	Status       string    `json:"status"` // of the newest revision, such as deployed, failed, pending-upgrade
	Description  string    `json:"description,omitempty"`
	Updated      time.Time `json:"updated"`
	// Deployed is the revision that is in force: an older one where the newest failed or is pending, 0 if there is none.
	Deployed int `json:"deployed"`
	// ServerSide says that Helm applied it on the server's side. Releases made by Helm 3 are not, and must be upgraded as they were made.
	ServerSide bool          `json:"serverSide,omitempty"`
	Values     secret.String `json:"values"`   // YAML of what the operator set; empty if nothing
	Manifest   secret.String `json:"manifest"` // YAML of the rendered objects
	// Problem says why the record cannot be read; then only name, namespace, revision, status and deployed are known.
	Problem string `json:"problem,omitempty"`
}

// Lister finds releases.
type Lister interface {
	List(ctx context.Context) ([]Release, error)
}

// Cluster is what this package needs of a cluster; *kube.Cluster has it.
type Cluster interface {
	Secrets(ctx context.Context, ns, selector string) ([]kube.SecretName, error)
	SecretValue(ctx context.Context, ns, name, key string) (secret.String, bool, error)
}

var _ Cluster = (*kube.Cluster)(nil)

// Records reads the releases of one namespace.
type Records struct {
	cluster Cluster
	ns      string
}

var _ Lister = Records{}

// In prepares to read the releases of a namespace.
func In(c Cluster, ns string) Records { return Records{c, ns} }

// readers bounds how many records are fetched at once; one can be as big as 1 MiB.
const readers = 4

// List answers the newest revision of each release, by name. Only these records are fetched, not the ten of each that Helm keeps. A record
// that cannot be decoded is listed with its Problem: Helm itself would leave it out in silence. Errors are *kube.Error.
func (r Records) List(ctx context.Context) ([]Release, error) {
	secrets, err := r.cluster.Secrets(ctx, r.ns, "owner=helm")
	if err != nil {
		return nil, err
	}
	list, keys := newest(r.ns, secrets)
	errs := make([]error, len(list))
	slots := make(chan struct{}, readers)
	var wg sync.WaitGroup
	for i := range list {
		slots <- struct{}{}
		wg.Go(func() {
			errs[i] = r.read(ctx, &list[i], keys[i])
			<-slots
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// newest picks, from the labels alone, the newest revision of each release, and the name of its secret.
func newest(ns string, secrets []kube.SecretName) ([]Release, []string) {
	at := map[string]int{}
	var list []Release
	key := map[string]string{}
	for _, s := range secrets {
		name, status := s.Labels["name"], s.Labels["status"]
		revision, err := strconv.Atoi(s.Labels["version"])
		if name == "" || err != nil {
			continue // not a release record, whatever it is
		}
		i, ok := at[name]
		if !ok {
			i = len(list)
			at[name] = i
			list = append(list, Release{Name: name, Namespace: ns})
		}
		if revision > list[i].Revision {
			list[i].Revision, list[i].Status, key[name] = revision, status, s.Name
		}
		if status == "deployed" && revision > list[i].Deployed {
			list[i].Deployed = revision
		}
	}
	slices.SortFunc(list, func(a, b Release) int { return cmp.Compare(a.Name, b.Name) })
	keys := make([]string, len(list))
	for i := range list {
		keys[i] = key[list[i].Name]
	}
	return list, keys
}

func (r Records) read(ctx context.Context, out *Release, key string) error {
	d := driver.NewSecrets(&one{ctx: ctx, cluster: r.cluster, ns: r.ns})
	d.SetLogger(slog.NewTextHandler(io.Discard, nil))
	got, err := d.Get(key)
	var failed *kube.Error
	switch {
	case errors.As(err, &failed):
		return failed
	case errors.Is(err, driver.ErrReleaseNotFound):
		out.Problem = "it was removed while it was read"
		return nil
	case err != nil:
		out.Problem = plain.Cut(plain.Line(fmt.Sprintf("record %s cannot be decoded: %v", key, err)), 200)
		return nil
	}
	rls, ok := got.(*rspb.Release)
	if !ok || rls.Info == nil || rls.Chart == nil || rls.Chart.Metadata == nil {
		out.Problem = "record " + key + " is incomplete"
		return nil
	}
	if err := out.fill(rls); err != nil {
		out.Problem = "record " + key + ": " + err.Error()
	}
	return nil
}

// fill takes over what the record tells.
func (out *Release) fill(rls *rspb.Release) error {
	out.Chart, out.ChartVersion, out.AppVersion = rls.Chart.Metadata.Name, rls.Chart.Metadata.Version, rls.Chart.Metadata.AppVersion
	out.Status, out.Description = rls.Info.Status.String(), plain.Line(rls.Info.Description)
	out.Updated, out.ServerSide = rls.Info.LastDeployed.UTC(), rls.ApplyMethod == string(rspb.ApplyMethodServerSideApply)
	out.Manifest = secret.New(rls.Manifest)
	if len(rls.Config) > 0 {
		values, err := yaml.Marshal(rls.Config)
		if err != nil {
			return errors.New("its values cannot be written as YAML")
		}
		out.Values = secret.New(string(values))
	}
	return nil
}

// one is a client for secrets as Helm's driver wants it, of which only Get works: the driver asks without a context of the caller, and
// nothing here is to write.
type one struct {
	typedv1.SecretInterface // nil: everything but Get panics
	ctx                     context.Context
	cluster                 Cluster
	ns                      string
}

func (o *one) Get(_ context.Context, name string, _ metav1.GetOptions) (*corev1.Secret, error) {
	v, ok, err := o.cluster.SecretValue(o.ctx, o.ns, name, "release")
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, name)
	}
	return &corev1.Secret{Data: map[string][]byte{"release": []byte(v.Reveal())}}, nil
}
