package release

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v4/pkg/release/common"
	rspb "helm.sh/helm/v4/pkg/release/v1"
	"helm.sh/helm/v4/pkg/storage/driver"

	"canton.example/svrescue/kube"
)

// Upgrade puts another revision of a release in force, as `helm upgrade` does it: a record of it as pending, every object that differs, the
// record as deployed, the one before as superseded. Helm's own upgrade is not used, because it would render once more, run hooks, and refuse
// to go on with what an interrupted try has left ("another operation is in progress").
//
// It can be taken back and done again, tries times: each time it is the next revision, as with Helm. At every moment one revision is deployed.
// Old revisions are not removed: Helm's next own upgrade does that, down to the number that it keeps. Only releases that are applied on the
// client's side are upgraded; see Upgradable.
type Upgrade struct {
	Name      string    `json:"name"`
	Namespace string    `json:"namespace"`
	From      int       `json:"from"`   // the revision in force when it was shown
	Newest    int       `json:"newest"` // the newest revision then, which is another one where that failed
	Parts     []Touched `json:"parts"`
	// Mark begins the description in Helm's record, and tells the revisions of this run from any other.
	Mark string `json:"mark"`
	// What is what the upgrade is for, for that description: "migration ID 4".
	What string `json:"what,omitempty"`
}

// tries is how often an upgrade can be done that was taken back in between.
const tries = 3

// done and taken back, by turns.
func (u Upgrade) try(n int) int  { return u.Newest + 1 + 2*n }
func (u Upgrade) back(n int) int { return u.Newest + 2 + 2*n }

// Upgraded is how far an upgrade has got.
type Upgraded struct {
	Revision int    // of the upgrade; 0: there is none, or it was taken back
	Status   string // of that revision: pending-upgrade, deployed, ...
	Newest   int    // the newest revision of all
	Back     int    // the revision with which it is being taken back, or was
	Taken    string // why it cannot be done, nor taken back: somebody else has changed the release since it was shown

	settled bool // no older revision is deployed
}

// Done says that the upgrade is in force, or was until somebody else upgraded again.
func (u Upgraded) Done() bool {
	return u.Revision > 0 && u.Back == 0 && (u.Status == common.StatusDeployed.String() && u.settled || u.Taken != "" && u.Status == common.StatusSuperseded.String())
}

// Settled says that no revision is marked as deployed beside the one that is in force.
func (u Upgraded) Settled() bool { return u.settled }

// Look reads how far the upgrade has got.
func (u Upgrade) Look(ctx context.Context, site Site) (Upgraded, error) {
	state, _, err := u.look(ctx, site)
	return state, err
}

func (u Upgrade) look(ctx context.Context, site Site) (Upgraded, []entry, error) {
	records := In(site, u.Namespace)
	all, err := records.history(ctx, u.Name)
	if err != nil {
		return Upgraded{}, nil, err
	}
	from := slices.IndexFunc(all, func(e entry) bool { return e.revision == u.From })
	if len(all) == 0 || all[len(all)-1].revision < u.Newest || from < 0 {
		return Upgraded{Taken: fmt.Sprintf("release %s is no longer as it was shown: the record of revision %d is gone", u.Name, max(u.From, u.Newest))}, all, nil
	}
	state := Upgraded{Newest: all[len(all)-1].revision}
	for _, e := range all {
		if e.revision == u.Newest && (e.status.IsPending() || e.status == common.StatusUninstalling || e.status == common.StatusUninstalled) {
			state.Taken = fmt.Sprintf("revision %d of release %s is %s: somebody is at it", e.revision, u.Name, e.status)
		}
		if e.revision <= u.Newest {
			continue
		}
		s, err := records.open(ctx, e)
		if err != nil {
			return state, all, err
		}
		if s.Problem != "" || !strings.HasPrefix(s.Description, u.Mark) {
			state.Taken = fmt.Sprintf("somebody else has changed release %s since it was shown: revision %d is %s (%s)", u.Name, e.revision, e.status, cmp.Or(s.Description, s.Problem, "without a word"))
			break
		}
		state.Taken = ""
		switch {
		case s.rls.Info.RollbackRevision == 0:
			state.Revision, state.Status, state.Back = e.revision, s.Status, 0
		case e.status == common.StatusPendingRollback:
			state.Back = e.revision
		default:
			state.Revision, state.Status, state.Back = 0, "", e.revision
		}
	}
	state.settled = !slices.ContainsFunc(all, func(e entry) bool {
		return e.status == common.StatusDeployed && e.revision < max(state.Revision, state.Back) && e.revision >= u.From
	})
	return state, all, nil
}

// shown refuses what is not what was shown: every object that differs must be among the parts.
func (u Upgrade) shown(was, now placed) error {
	verbs := map[identity]Verb{}
	for _, p := range u.Parts {
		verbs[p.identity()] = p.Verb
		if _, ok := now.objects[p.identity()]; ok != (p.Verb == Makes || p.Verb == Changes) {
			return fmt.Errorf("release %s is not the one that was shown: %s", u.Name, p)
		}
	}
	for _, p := range now.parts {
		old, had := was.objects[p.identity()]
		if verb := verbs[p.identity()]; verb == "" && (!had || !reflect.DeepEqual(old.Content(), now.objects[p.identity()].Content())) {
			return fmt.Errorf("release %s is not the one that was shown: %s differs", u.Name, p)
		}
	}
	return nil
}

// fromTo reads the revision that was in force, and places both.
func (u Upgrade) fromTo(ctx context.Context, site Site, now Stored) (was Stored, before, after placed, err error) {
	was, ok, err := In(site, u.Namespace).At(ctx, u.Name, u.From)
	switch {
	case err != nil:
		return
	case !ok:
		err = &Taken{fmt.Sprintf("revision %d of release %s is no longer kept", u.From, u.Name)}
		return
	case now.rls == nil || now.Name != u.Name || now.Namespace != u.Namespace:
		err = errors.New("release " + u.Name + " is not the one that was shown")
		return
	}
	if err = Upgradable(was); err != nil {
		return
	}
	if before, err = was.placed(ctx, site); err != nil {
		return
	}
	if after, err = now.placed(ctx, site); err != nil {
		return
	}
	err = u.shown(before, after)
	return
}

// Try lets the server judge the record and every object that is to be touched; hands must be such that only try. It answers how many objects
// were tried.
func (u Upgrade) Try(ctx context.Context, site Site, hands Hands, now Stored) (int, error) {
	state, err := u.Look(ctx, site)
	switch {
	case err != nil:
		return 0, err
	case state.Done():
		return 0, nil
	case state.Taken != "":
		return 0, &Taken{state.Taken}
	}
	was, before, after, err := u.fromTo(ctx, site, now)
	if err != nil {
		return 0, err
	}
	if state.Revision == 0 {
		rls := u.next(was, now, state.Newest+1, time.Time{})
		if err := newBook(ctx, site, hands, u.Namespace, u.Name).create(rls); err != nil {
			return 0, err
		}
	}
	tried := 0
	return tried, touch{u.Name, u.Namespace, site, hands}.all(ctx, u.Parts, before, after, func(done int, _ string) { tried = done + 1 })
}

// next is the record of the upgrade, as pending.
func (u Upgrade) next(was, now Stored, revision int, at time.Time) *rspb.Release {
	rls := now.copyOf()
	rls.Version, rls.ApplyMethod, rls.Labels = revision, string(rspb.ApplyMethodClientSideApply), maps.Clone(was.rls.Labels)
	rls.Info.FirstDeployed, rls.Info.LastDeployed, rls.Info.Deleted, rls.Info.RollbackRevision = was.rls.Info.FirstDeployed, at.UTC(), time.Time{}, 0
	rls.SetStatus(common.StatusPendingUpgrade, u.describe("upgrading"))
	return rls
}

func (u Upgrade) describe(what string) string {
	text := u.Mark + " " + what
	if u.What != "" {
		text += " for " + u.What
	}
	return text
}

// Do upgrades the release to what now is. It may be called again after an end at any point. Over a revision of somebody else it does
// nothing (*Taken). It does not wait until anything runs.
func (u Upgrade) Do(ctx context.Context, site Site, hands Hands, now Stored, at time.Time, report func(done int, what string)) error {
	state, _, err := u.look(ctx, site)
	switch {
	case err != nil || state.Done():
		return err
	case state.Taken != "":
		return &Taken{state.Taken}
	}
	was, before, after, err := u.fromTo(ctx, site, now)
	if err != nil {
		return err
	}
	revision := state.Revision
	if revision == 0 || state.Back > 0 {
		revision = state.Newest + 1
		if revision > u.try(tries-1) {
			return &Taken{fmt.Sprintf("release %s was upgraded and taken back %d times by this run: derive it anew", u.Name, tries)}
		}
	}
	rls := u.next(was, now, revision, at)
	if revision != state.Revision {
		err := u.begin(ctx, site, hands, rls)
		if err != nil {
			return err
		}
	}
	if err := (touch{u.Name, u.Namespace, site, hands}).all(ctx, u.Parts, before, after, report); err != nil {
		return err
	}
	report(len(u.Parts), "Helm's record")
	rls.SetStatus(common.StatusDeployed, u.describe("upgraded"))
	return u.end(ctx, site, hands, rls)
}

// Back takes the upgrade back, as `helm rollback` does it: the next revision has what revision From had. It may be called again after an end at
// any point, and where the upgrade itself ended before its end. What somebody had changed by hand before the upgrade, and the upgrade set
// back, is not changed again.
func (u Upgrade) Back(ctx context.Context, site Site, hands Hands, at time.Time, report func(done int, what string)) error {
	state, all, err := u.look(ctx, site)
	switch {
	case err != nil:
		return err
	case state.Revision > 0 && state.Taken != "":
		return &Taken{state.Taken}
	case state.Revision == 0 && state.Back == 0:
		return nil
	}
	records := In(site, u.Namespace)
	was, ok, err := records.At(ctx, u.Name, u.From)
	if err != nil {
		return err
	}
	if !ok || was.Problem != "" {
		return &Taken{fmt.Sprintf("revision %d of release %s is no longer kept: there is nothing to go back to", u.From, u.Name)}
	}
	if state.Revision == 0 { // it was taken back; what came before may still be marked as deployed
		return u.supersede(ctx, site, hands, all, state.Back)
	}
	upgraded, ok, err := records.At(ctx, u.Name, state.Revision)
	if err != nil {
		return err
	}
	if !ok || upgraded.Problem != "" {
		return &Taken{fmt.Sprintf("revision %d of release %s cannot be read", state.Revision, u.Name)}
	}
	before, err := upgraded.placed(ctx, site)
	if err != nil {
		return err
	}
	after, err := was.placed(ctx, site)
	if err != nil {
		return err
	}
	revision := cmp.Or(state.Back, state.Newest+1)
	rls := was.copyOf()
	rls.Version, rls.Info.LastDeployed, rls.Info.RollbackRevision, rls.Info.Deleted = revision, at.UTC(), u.From, time.Time{}
	rls.SetStatus(common.StatusPendingRollback, fmt.Sprintf("%s rolling back to %d", u.Mark, u.From))
	if state.Back == 0 {
		if err := u.begin(ctx, site, hands, rls); err != nil {
			return err
		}
	}
	parts := u.backwards()
	if err := (touch{u.Name, u.Namespace, site, hands}).all(ctx, parts, before, after, report); err != nil {
		return err
	}
	report(len(parts), "Helm's record")
	rls.SetStatus(common.StatusDeployed, fmt.Sprintf("%s rolled back to %d", u.Mark, u.From))
	return u.end(ctx, site, hands, rls)
}

// begin writes the record of a revision that is begun. It is what keeps two from upgrading at once: only one of them can make it.
func (u Upgrade) begin(ctx context.Context, site Site, hands Hands, rls *rspb.Release) error {
	err := newBook(ctx, site, hands, u.Namespace, u.Name).create(rls)
	if !errors.Is(err, driver.ErrReleaseExists) && kube.KindOf(err) != kube.AlreadyExists {
		return err
	}
	state, err := u.Look(ctx, site) // an answer was lost, or somebody was faster
	if err == nil && state.Taken != "" {
		err = &Taken{state.Taken}
	}
	return err
}

// end writes that the revision is deployed, and then that those before it are superseded. Helm does it the other way round, and an end in
// between leaves it with no revision in force.
func (u Upgrade) end(ctx context.Context, site Site, hands Hands, rls *rspb.Release) error {
	state, err := u.Look(ctx, site) // objects take their time, and somebody may have gone on meanwhile
	if err == nil && state.Taken != "" {
		err = &Taken{state.Taken}
	}
	if err != nil {
		return err
	}
	if err := newBook(ctx, site, hands, u.Namespace, u.Name).update(rls); err != nil {
		return err
	}
	all, err := In(site, u.Namespace).history(ctx, u.Name)
	if err != nil {
		return err
	}
	return u.supersede(ctx, site, hands, all, rls.Version)
}

// supersede marks what was in force, or was begun by this run, before a revision.
func (u Upgrade) supersede(ctx context.Context, site Site, hands Hands, all []entry, revision int) error {
	records, book := In(site, u.Namespace), newBook(ctx, site, hands, u.Namespace, u.Name)
	for _, e := range all {
		ours := e.revision > u.Newest && e.revision < revision
		if e.status == common.StatusSuperseded || e.status == common.StatusFailed && !ours || e.revision != u.From && !ours {
			continue
		}
		s, err := records.open(ctx, e)
		if err != nil {
			return err
		}
		if s.Problem != "" {
			continue
		}
		rls := s.copyOf()
		rls.Info.Status = common.StatusSuperseded
		if err := book.update(rls); err != nil {
			return err
		}
	}
	return nil
}
