package release

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/release/common"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
)

// Pending is a release whose newest revision Helm has begun and not ended: somebody is at it, or it was interrupted. Helm itself refuses to go
// on ("another operation is in progress").
type Pending struct {
	Name        string    `json:"name"`
	Namespace   string    `json:"namespace"`
	Revision    int       `json:"revision"`
	Status      string    `json:"status"` // pending-install, pending-upgrade, pending-rollback
	Since       time.Time `json:"since"`
	By          []string  `json:"by,omitempty"` // the programs that wrote the record: Helm does not tell the person
	Description string    `json:"description,omitempty"`
	Deployed    int       `json:"deployed,omitempty"` // the revision that counts when this one has failed; 0: there is none
}

// Pending are the releases of the namespace that Helm has not ended with, by name.
func (r Records) Pending(ctx context.Context) ([]Pending, error) {
	secrets, err := r.cluster.Secrets(ctx, r.ns, "owner=helm")
	if err != nil {
		return nil, err
	}
	list, _ := newest(r.ns, secrets)
	var all []Pending
	for _, l := range list {
		if !common.Status(l.Status).IsPending() {
			continue
		}
		i := slices.IndexFunc(secrets, func(s kube.SecretName) bool {
			return s.Labels["name"] == l.Name && s.Labels["version"] == fmt.Sprint(l.Revision)
		})
		p := Pending{Name: l.Name, Namespace: r.ns, Revision: l.Revision, Status: l.Status, Since: secrets[i].Created, Deployed: l.Deployed}
		for _, m := range secrets[i].Managers {
			p.By = append(p.By, plain.Line(m))
		}
		s, err := r.open(ctx, entry{l.Revision, common.Status(l.Status), secrets[i]})
		if err != nil {
			return nil, err
		}
		if s.Problem == "" && !s.Updated.IsZero() {
			p.Since, p.Description = s.Updated, s.Description
		}
		all = append(all, p)
	}
	return all, nil
}

// Who is who is at it and since when, as far as Helm tells: "by helm since 2026-05-01 03:00:00 UTC".
func (p Pending) Who() string {
	return fmt.Sprintf("by %s since %s", cmp.Or(strings.Join(p.By, ", "), "a program that is not told"), p.Since.UTC().Format("2006-01-02 15:04:05 UTC"))
}

// AccessFail is everything that Fail sends.
func (p Pending) AccessFail() []kube.Access {
	return []kube.Access{secrets.Access("update", p.Namespace, recordOf(p.Name, p.Revision))}
}

// Stands says whether the release is still as it was: the same revision, not ended, and the newest. Failed says that it was marked as failed since.
func (p Pending) Stands(ctx context.Context, site Cluster) (stands, failed bool, err error) {
	all, err := In(site, p.Namespace).history(ctx, p.Name)
	if err != nil || len(all) == 0 {
		return false, false, err
	}
	last := all[len(all)-1]
	return last.revision == p.Revision && last.status.IsPending(), last.revision == p.Revision && last.status == common.StatusFailed, nil
}

// Fail marks the revision as failed in Helm's record, and changes nothing else. It is as Helm marks a revision itself whose upgrade ended with an
// error. One that somebody has gone on with since is left as it is (*Taken).
func (p Pending) Fail(ctx context.Context, site Site, hands Hands, mark string) error {
	records := In(site, p.Namespace)
	all, err := records.history(ctx, p.Name)
	if err != nil {
		return err
	}
	if len(all) == 0 || all[len(all)-1].revision != p.Revision {
		return &Taken{fmt.Sprintf("somebody has gone on with release %s: its newest revision is no longer %d", p.Name, p.Revision)}
	}
	last := all[len(all)-1]
	switch {
	case last.status == common.StatusFailed:
		return nil
	case !last.status.IsPending():
		return &Taken{fmt.Sprintf("somebody has ended revision %d of release %s: it is %s", p.Revision, p.Name, last.status)}
	}
	s, err := records.open(ctx, last)
	switch {
	case err != nil:
		return err
	case s.Problem != "":
		return &Unusable{Why: s.Problem, Next: "Look at it by hand: helm history " + p.Name}
	case !s.Updated.Equal(p.Since):
		return &Taken{fmt.Sprintf("somebody has begun revision %d of release %s anew, at %s", p.Revision, p.Name, s.Updated.UTC().Format("15:04:05 UTC"))}
	}
	rls := s.copyOf()
	rls.SetStatus(common.StatusFailed, fmt.Sprintf("%s marked as failed; it was %s %s", mark, p.Status, p.Who()))
	return newBook(ctx, site, hands, p.Namespace, p.Name).update(rls)
}
