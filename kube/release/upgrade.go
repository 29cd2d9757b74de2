package release

import (
	"context"
	"errors"
	"time"

	"canton.example/svrescue/kube"
)

// Verb is what an upgrade does to an object.
type Verb string

const (
	Makes   Verb = "make"   // it is new in the release
	Changes Verb = "change" // it is merged as Helm does it, from what was rendered, what is rendered, and what is there
	Removes Verb = "remove" // it left the release
	Leaves  Verb = "leave"  // it left the release, and stays: its policy says so, or it holds data
)

// Touched is an object that an upgrade does something to.
type Touched struct {
	Part
	Verb Verb `json:"verb"`
}

// Upgrade puts another revision of a release in force, as `helm upgrade` does it: a record of it as pending, every object that differs, the
// record as deployed, the one before as superseded. Helm's own upgrade is not used, because it would render once more, run hooks, and refuse
// to go on with what an interrupted try has left ("another operation is in progress").
//
// It can be taken back and done again: each time it is the next revision, as with Helm. Only releases that are applied on the client's side
// are upgraded; see Refuses.
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

// Upgraded is how far an upgrade has got.
type Upgraded struct {
	Revision int    // of the upgrade; 0: there is none, or it was taken back
	Status   string // of that revision: pending-upgrade, deployed, ...
	Newest   int    // the newest revision of all
	Back     int    // the revision with which it was taken back, or is being
	Taken    string // why it can neither be done nor taken back: somebody else has changed the release since
}

// Done says that the upgrade is in force, or was until somebody upgraded again.
func (u Upgraded) Done() bool { return false }

// AccessUpgrade is everything that Do sends.
func (u Upgrade) AccessUpgrade() []kube.Access { return nil }

// AccessBack is everything that Back sends.
func (u Upgrade) AccessBack() []kube.Access { return nil }

// Look reads how far the upgrade has got.
func (u Upgrade) Look(ctx context.Context, site Site) (Upgraded, error) {
	return Upgraded{}, errors.ErrUnsupported
}

// Try lets the server judge the record and every object that is to be changed; hands must be such that only try. It answers how many
// objects were tried.
func (u Upgrade) Try(ctx context.Context, site Site, hands Hands, now Stored) (int, error) {
	return 0, errors.ErrUnsupported
}

// Do upgrades the release to what now is. It may be called again after an end at any point. Over a revision of somebody else it does
// nothing (*Taken). It does not wait until anything runs.
func (u Upgrade) Do(ctx context.Context, site Site, hands Hands, now Stored, at time.Time, report func(done int, what string)) error {
	return errors.ErrUnsupported
}

// Back takes the upgrade back, as `helm rollback` does it: the next revision has what revision From had. It may be called again after an end at
// any point, and where the upgrade itself ended before its end.
func (u Upgrade) Back(ctx context.Context, site Site, hands Hands, at time.Time, report func(done int, what string)) error {
	return errors.ErrUnsupported
}
