// Package nodes reads what there is of a node in its namespace and puts it together.
package nodes

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/node"
)

// ChartSelector finds workloads that a Helm chart made, whatever their names.
const ChartSelector = "helm.sh/chart"

// none says that no super validator was found.
func none(where, seen string) error {
	return &steps.Problem{Tried: "looking for a super validator in " + where, Seen: seen,
		Next: "Name its namespace with --namespace, or another cluster with --context. If the node is lost altogether, restore it from its record, or from its saved Helm values: svrescue run restore-lost"}
}

// All looks through the namespaces that may be read for super validators; none is an error. A namespace that was asked for is the only one
// looked at.
func All(ctx context.Context, w steps.World, wanted, context_, serial string) ([]node.Node, error) {
	all, where, err := Each(ctx, w, wanted, context_, serial)
	if err != nil {
		return nil, err
	}
	var found []node.Node
	seen := ""
	for _, n := range all {
		if n.IsSV() {
			found = append(found, n)
		} else {
			seen += fmt.Sprintf("; %s has %d workloads, but not both an SV app and a participant", n.Subject.Namespace, len(n.Components))
		}
	}
	if len(found) == 0 {
		if seen == "" {
			seen = "; there are no workloads that a Helm chart made"
		}
		return nil, none(where, "none was found"+seen)
	}
	return found, nil
}

// Each reads every namespace that holds workloads and may be read, whatever they are. A namespace that was asked for is the only one looked at.
// where says in words what was looked through.
func Each(ctx context.Context, w steps.World, wanted, context_, serial string) (all []node.Node, where string, err error) {
	namespaces := []string{wanted}
	where = "namespace " + wanted
	if wanted == "" {
		where = "all namespaces"
		if namespaces, err = w.Kube.NamespacesWith(ctx, ChartSelector); err != nil {
			if kube.KindOf(err) != kube.Forbidden {
				return nil, where, err
			}
			namespaces = []string{w.Kube.Target().Namespace}
			where = "namespace " + namespaces[0] + " (looking through all of them is not allowed)"
		}
	}
	for _, ns := range namespaces {
		n, err := In(ctx, w, ns, context_, serial)
		var ambiguous *node.Ambiguous
		if err != nil && !errors.As(err, &ambiguous) {
			return nil, where, err
		}
		if len(n.Components) > 0 {
			all = append(all, n)
		}
	}
	return all, where, nil
}

// In reads a namespace and puts the node together. Where something must not be read, all that is missing is named at once.
func In(ctx context.Context, w steps.World, namespace, context_, serial string) (node.Node, error) {
	n, err := put(ctx, w, namespace, context_, serial)
	if kube.KindOf(err) == kube.Forbidden {
		err = unreadable(ctx, w, namespace, err)
	}
	return n, err
}

// unreadable tells which permissions to read are missing; the error as it was where the server does not tell.
func unreadable(ctx context.Context, w steps.World, namespace string, err error) error {
	verdicts, asking := w.Kube.Allowed(ctx, kube.AccessReads(namespace))
	if asking != nil {
		return err
	}
	var denied []string
	for _, v := range verdicts {
		if !v.Allowed {
			denied = append(denied, v.Access.String())
		}
	}
	if len(denied) == 0 {
		return err
	}
	return &steps.Problem{Tried: "reading namespace " + namespace, Err: err,
		Seen: fmt.Sprintf("%d of the %d permissions to read that a run needs are missing: %s", len(denied), len(verdicts), strings.Join(denied, ", ")),
		Next: "Have a cluster administrator grant them, or log in as somebody who has them; then look again"}
}

func put(ctx context.Context, w steps.World, namespace, context_, serial string) (node.Node, error) {
	seen := node.Seen{Namespace: namespace, Context: context_, Serial: serial}
	var err error
	if seen.Workloads, err = w.Kube.Workloads(ctx, namespace); err != nil {
		return node.Node{}, err
	}
	if len(seen.Workloads) == 0 {
		return node.Node{}, nil
	}
	if seen.Claims, err = w.Kube.Claims(ctx, namespace); err != nil {
		return node.Node{}, err
	}
	if seen.Volumes, err = w.Kube.Volumes(ctx); err != nil {
		return node.Node{}, err
	}
	if seen.Classes, err = w.Kube.StorageClasses(ctx); err != nil {
		return node.Node{}, err
	}
	if seen.Autoscalers, err = w.Kube.Autoscalers(ctx, namespace); err != nil && !kube.IsMissing(err) {
		return node.Node{}, err
	}
	if seen.Releases, err = release.In(w.Kube, namespace).List(ctx); err != nil && !kube.IsMissing(err) {
		return node.Node{}, err
	}
	return node.Discover(seen)
}
