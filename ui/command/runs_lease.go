package command

import (
	"context"
	"fmt"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/engine/lease"
	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/wire"
)

// glance is how long a list of runs may wait for all clusters together.
const glance = 2 * time.Second

// runLease is what the Lease of a run's node says at this moment.
type runLease struct {
	State  string       `json:"state"`           // this-run, other, free, not-read
	Holder *wire.Holder `json:"holder,omitzero"` // of this-run and other
	Why    string       `json:"why,omitempty"`   // of not-read
}

const (
	leaseOurs    = "this-run"
	leaseOther   = "other"
	leaseFree    = "free"
	leaseNotRead = "not-read"
)

// words are what a list adds to where the run stands; empty where there is nothing to add.
func (l *runLease) words() string {
	switch {
	case l == nil:
		return ""
	case l.State == leaseOther:
		return "; another run has its node now: " + l.Holder.Sentence()
	case l.State == leaseNotRead:
		return "; Lease not read: " + l.Why
	}
	return ""
}

// leased is where a Lease is read: several runs may share one.
type leased struct{ kubeconfig, context, namespace string }

// leases reads the Lease of every open run that may hold one, once for each node, all at once and within a glance. What is not answered
// by then was not read. Runs that take no Lease, that have not found their node, and rehearsals whose network is gone have no entry.
func (p *program) leases(ctx context.Context, all []runs.Summary) map[string]*runLease {
	ctx, cancel := context.WithTimeout(ctx, glance)
	defer cancel()
	asked := map[leased][]runs.Summary{}
	for _, s := range all {
		if s.State() == runs.Broken || s.Ended != nil || s.Spec.Acting != wire.Live || s.View.Subject.Namespace == "" {
			continue
		}
		if s.Spec.World == wire.Simulated && !worldAlive(ctx, s.Folder) {
			continue
		}
		at := leased{s.Spec.Kubeconfig, s.Spec.Context, s.View.Subject.Namespace}
		asked[at] = append(asked[at], s)
	}
	type answer struct {
		at     leased
		holder wire.Holder // no Operator: nobody
		err    error
	}
	answers := make(chan answer, len(asked)) // one that comes too late is dropped
	for at, of := range asked {
		go func() {
			cluster, err := connect(of[0].Spec, clockOf(of[0].Spec, p.Clock))
			if err != nil {
				answers <- answer{at: at, err: err}
				return
			}
			if c := cluster.Credential(); c.Wants == kube.WantsAlways {
				answers <- answer{at: at, err: fmt.Errorf("the login to the cluster is made by %s, which wants somebody at a terminal", c.Plugin)}
				return
			}
			l, found, err := cluster.Lease(ctx, at.namespace)
			a := answer{at: at, err: err}
			if found && l.Holder != "" {
				a.holder = lease.HolderOf(l)
			}
			answers <- a
		}()
	}
	read := map[string]*runLease{}
	for _, of := range asked {
		for _, s := range of {
			read[s.Spec.ID] = &runLease{State: leaseNotRead, Why: fmt.Sprintf("no answer within %d s", glance/time.Second)}
		}
	}
	for range asked {
		select {
		case <-ctx.Done():
			return read
		case a := <-answers:
			for _, s := range asked[a.at] {
				switch l := read[s.Spec.ID]; {
				case a.err != nil && ctx.Err() != nil: // cut short by this
				case a.err != nil:
					l.Why = steps.FailureOf("", a.err).Seen
				case a.holder.Operator == "":
					*l = runLease{State: leaseFree}
				case a.holder.Run == s.Spec.ID && a.holder.Host == hostname():
					*l = runLease{State: leaseOurs, Holder: &a.holder}
				default:
					*l = runLease{State: leaseOther, Holder: &a.holder}
				}
			}
		}
	}
	return read
}
