package release

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"slices"
	"strconv"

	"helm.sh/helm/v4/pkg/release/common"
	rspb "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
)

// entry is a revision of a release, as the labels of its record tell.
type entry struct {
	revision int
	status   common.Status
	record   kube.SecretName
}

// history lists the revisions of a release that Helm keeps, the oldest first.
func (r Records) history(ctx context.Context, name string) ([]entry, error) {
	secrets, err := r.cluster.Secrets(ctx, r.ns, "owner=helm,name="+name)
	if err != nil {
		return nil, err
	}
	var all []entry
	for _, s := range secrets {
		if n, err := strconv.Atoi(s.Labels["version"]); err == nil && s.Labels["name"] == name {
			all = append(all, entry{n, common.Status(s.Labels["status"]), s})
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return cmp.Compare(a.revision, b.revision) })
	return all, nil
}

// open reads the record of a revision. One that cannot be decoded, or is gone, has a Problem.
func (r Records) open(ctx context.Context, e entry) (Stored, error) {
	bad := Stored{Release: Release{Name: e.record.Labels["name"], Namespace: r.ns, Revision: e.revision, Status: e.status.String()}}
	text, ok, err := r.cluster.SecretValue(ctx, r.ns, e.record.Name, "release")
	if err != nil {
		return bad, err
	}
	if !ok {
		bad.Problem = "it was removed while it was read"
		return bad, nil
	}
	s, err := Decode(text)
	if err != nil {
		bad.Problem = plain.Line("record " + e.record.Name + " cannot be decoded: " + err.Error())
		return bad, nil
	}
	s.rls.Labels = map[string]string{} // what somebody has marked the release with; Helm keeps it from revision to revision
	for k, v := range e.record.Labels {
		if !slices.Contains(driver.GetSystemLabels(), k) {
			s.rls.Labels[k] = v
		}
	}
	return s, nil
}

// At answers what Helm keeps of one revision of a release; false where it keeps none. One whose record cannot be decoded has a Problem.
func (r Records) At(ctx context.Context, name string, revision int) (Stored, bool, error) {
	all, err := r.history(ctx, name)
	if err != nil {
		return Stored{}, false, err
	}
	i := slices.IndexFunc(all, func(e entry) bool { return e.revision == revision })
	if i < 0 {
		return Stored{}, false, nil
	}
	s, err := r.open(ctx, all[i])
	return s, err == nil, err
}

// book writes records by Helm's own driver, through guarded hands.
type book struct {
	driver *driver.Secrets
	name   string
}

func newBook(ctx context.Context, site Site, hands Hands, ns, name string) book {
	d := driver.NewSecrets(&writer{ctx: ctx, site: site, hands: hands, ns: ns})
	d.SetLogger(slog.NewTextHandler(io.Discard, nil))
	return book{d, name}
}

func (b book) create(r *rspb.Release) error {
	return cause(b.driver.Create(recordOf(b.name, r.Version), r))
}
func (b book) update(r *rspb.Release) error {
	return cause(b.driver.Update(recordOf(b.name, r.Version), r))
}

// Newest are the newest revisions of all releases of the namespace, by name, whatever their state.
func (r Records) Newest(ctx context.Context) (map[string]int, error) {
	secrets, err := r.cluster.Secrets(ctx, r.ns, "owner=helm")
	if err != nil {
		return nil, err
	}
	list, _ := newest(r.ns, secrets)
	all := map[string]int{}
	for _, l := range list {
		all[l.Name] = l.Revision
	}
	return all, nil
}
