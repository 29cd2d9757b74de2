package command

import (
	"context"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/engine/lease"
	"canton.example/svrescue/steps/engine/runs"
	"canton.example/svrescue/steps/wire"
	"canton.example/svrescue/ui/linear"
	"github.com/spf13/cobra"
)

func (p *program) takeOverFlag(c *cobra.Command) {
	c.Flags().StringVar(&p.flags.takeOver, "take-over", "", "without a full screen: take the node over from the operator of this name, once their run was seen not to renew its Lease for 30 s")
}

// refuseSecond refuses a run without a person, after one read, where somebody else holds the node. A person is asked later, and
// --take-over looks for longer. What cannot be read is left to the run, which tells of it.
func (p *program) refuseSecond(ctx context.Context, spec runs.Spec, namespace string, answers linear.Answerer) error {
	if spec.Acting != wire.Live || spec.World != wire.Real || namespace == "" || answers == nil || p.flags.takeOver != "" {
		return nil
	}
	cluster, err := connect(spec, p.Clock)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, reaching)
	defer cancel()
	l, found, err := cluster.Lease(ctx, namespace)
	if err != nil || !found || l.Holder == "" {
		return nil
	}
	holder := lease.HolderOf(l)
	if holder.Run == spec.ID && holder.Host == hostname() {
		return nil // an earlier worker of the same run
	}
	return exit(exitHeld, secondRefused(namespace, holder))
}

func secondRefused(namespace string, holder wire.Holder) error {
	next := "Talk to " + holder.Name()
	if watch := holder.Watch(); watch != "" {
		next += "; on " + holder.Host + " the run is watched with: " + watch
	}
	return &steps.Problem{Tried: "holding the node in namespace " + namespace, Seen: holder.Sentence(),
		Next: next + ". If that run is gone for good, give the same command with: --take-over " + holder.Name() + ". The Lease is: " + kube.CommandLease(kube.Where{}, namespace)}
}

// takingOver answers for an operator who wants the node from somebody of this name, and leaves all other questions to others.
type takingOver struct {
	name    string
	others  linear.Answerer // nil: none
	watched bool
}

func (t *takingOver) Answer(ctx context.Context, v wire.View, q wire.Question) (wire.Answer, bool) {
	switch {
	case strings.HasSuffix(q.Name, ".held"):
		if t.watched || v.Lease.Holder.Name() != t.name {
			return wire.Answer{}, false // it lives, or is somebody else
		}
		t.watched = true
		return wire.Answer{Choice: wire.ChoiceWait}, true
	case strings.HasSuffix(q.Name, ".take-over"):
		return wire.Answer{Choice: wire.ChoiceYes, Text: t.name}, q.Word == t.name
	case t.others == nil:
		return wire.Answer{}, false
	}
	return t.others.Answer(ctx, v, q)
}
