package restore

import (
	"errors"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/backup"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/reach"
)

// Accesses is every verb on every object that a restore of the node from that set needs, as far as it can be told now, with what taking it back
// needs. Without a set it is what every restore needs.
func Accesses(n node.Node, set *backup.Set, namespace, context string) ([]kube.Access, error) {
	f := Facts{Wanted: namespace, Namespace: namespace, Where: kube.Where{Context: context}, Node: &n, Set: set}
	if set != nil {
		f.SetRun = set.Run
	}
	list, err := accessesOf(later(), f)
	var early *steps.NotYet
	if errors.As(err, &early) {
		err = nil
	}
	return list, err
}

// accessesOf is what the plans of the steps refer to. Where a plan is not known yet, the error is *steps.NotYet and the list has all others.
func accessesOf(later []steps.Step[Facts], f Facts) ([]kube.Access, error) {
	accesses := kube.AccessReads(f.Namespace)
	var unknown error
	for _, s := range later {
		var refs []steps.Ref
		if s.Plan != nil {
			actions, err := s.Plan(f)
			var early *steps.NotYet
			switch {
			case errors.As(err, &early):
				unknown = err
				continue
			case err != nil:
				return nil, err
			}
			refs = append(refs, refsOf(actions)...)
		}
		if s.Undo != nil {
			actions, _ := s.Undo(f)
			refs = append(refs, refsOf(actions)...)
		}
		for _, r := range refs {
			switch {
			case r.Kube != nil:
				accesses = append(accesses, *r.Kube)
			case r.SQL != nil:
				for _, server := range f.Node.Servers() {
					if server.String() == r.SQL.Server {
						accesses = append(accesses, reach.AccessesOf(*r.SQL, server)...)
					}
				}
			}
		}
	}
	for _, server := range f.Node.Servers() { // the databases are read before any app starts
		accesses = append(accesses, reach.Accesses(server)...)
		if server.Managed() {
			accesses = append(accesses, reach.Through(server)...)
		}
	}
	return append(accesses, reach.PodAccesses(f.Namespace)...), unknown // how the node catches up is read from its pods
}
