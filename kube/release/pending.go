package release

import (
	"context"
	"errors"
	"time"

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

// AccessFail is everything that Fail sends.
func (p Pending) AccessFail() []kube.Access { return nil }

// Fail marks the revision as failed in Helm's record, and changes nothing else. It is as Helm marks a revision itself whose upgrade ended with an
// error. One that somebody has ended since is left as it is (*Taken).
func (p Pending) Fail(ctx context.Context, site Site, hands Hands, mark string) error {
	return errors.ErrUnsupported
}
