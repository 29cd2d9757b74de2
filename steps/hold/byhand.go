package hold

import (
	"fmt"
	"slices"
	"strings"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps/action"
	"canton.example/svrescue/steps/node"
	"canton.example/svrescue/steps/wire"
)

// standsAtZero is where it is said that an autoscaler leaves a target alone that wants no replicas, unless its minimum is 0.
const standsAtZero = "kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#implicit-maintenance-mode-deactivation"

// byHandOnly are findings on those whom this tool does not pause: it says what to do, and sees where it can that it was done.
func byHandOnly(now others, f On) []wire.Finding {
	found := autoscalers(now, f)
	marks := map[string][]string{} // who -> the workloads that carry its mark
	var order []string
	for _, c := range partsHeld(*f.Node) {
		for _, rival := range c.Rivals {
			if strings.HasPrefix(rival, "HorizontalPodAutoscaler ") {
				continue // looked at as it is now
			}
			if marks[rival] == nil {
				order = append(order, rival)
			}
			marks[rival] = append(marks[rival], c.Ref.Name)
		}
	}
	slices.Sort(order)
	for _, rival := range order {
		if f, ok := mark(rival, marks[rival], now); ok {
			found = append(found, f)
		}
	}
	if now.unread != "" && len(order) == 0 {
		found = append(found, wire.Finding{ID: "others-unread", Verdict: wire.Attention,
			Text: "not all kinds of GitOps and autoscaler could be read: " + now.unread, Next: "No workload of the node carries the mark of one"})
	}
	return found
}

// autoscalers says of each HorizontalPodAutoscaler on the node's workloads what it will do. One whose minimum is above 0 stands still while
// its target wants no replicas, and acts again afterwards by itself; one whose minimum is 0 does not stand still.
func autoscalers(now others, f On) []wire.Finding {
	var found []wire.Finding
	for _, a := range now.scaled {
		if i := slices.IndexFunc(a.Owners, func(o kube.Owner) bool { return o.Kind == "ScaledObject" }); i >= 0 {
			if f, ok := byKEDA(a, a.Owners[i].Name, now); ok {
				found = append(found, f)
			}
			continue
		}
		if !slices.ContainsFunc(partsHeld(*f.Node), func(c node.Component) bool { return c.Ref.Kind == a.TargetKind && c.Ref.Name == a.TargetName }) {
			continue
		}
		finding := wire.Finding{ID: "autoscaler-" + a.Name, Verdict: wire.Attention,
			Text:     fmt.Sprintf("autoscaler %s leaves %s alone while it wants no replicas, and scales it between %d and %d again afterwards", a.Name, a.TargetName, a.Min, a.Max),
			Next:     "It needs no pausing. The run goes back to the count that it found, and the autoscaler decides from there",
			Evidence: []wire.Evidence{{Source: standsAtZero, Seen: "a target that was set to 0 is not scaled, where minReplicas is above 0"}}}
		if a.Min == 0 {
			finding.Verdict = wire.Violated
			finding.Text = fmt.Sprintf("autoscaler %s has minReplicas 0, so it scales %s up also from no replicas", a.Name, a.TargetName)
			finding.Next = fmt.Sprintf(`Set its minimum to 1, look again, and set it back afterwards: kubectl -n %s patch hpa %s --type=merge -p '{"spec":{"minReplicas":1}}'`, f.Namespace, a.Name)
			finding.Waive = "its metrics cannot make it act while the node is down"
		}
		found = append(found, finding)
	}
	return found
}

// byKEDA is what is said of an autoscaler that KEDA made: what counts is KEDA's own object, which is paused where it can be read.
func byKEDA(a kube.Autoscaler, object string, now others) (wire.Finding, bool) {
	if slices.ContainsFunc(now.found, func(h Hold) bool { return h.Actor.Kind == "ScaledObject" && h.Actor.Name == object }) {
		return wire.Finding{}, false
	}
	return wire.Finding{ID: "autoscaler-" + a.Name, Verdict: wire.Undetermined,
		Text: fmt.Sprintf("KEDA scales %s %s, and its ScaledObject %s could not be read", strings.ToLower(a.TargetKind), a.TargetName, object),
		Next: fmt.Sprintf("Pause it and go on with a reason: kubectl -n %s annotate scaledobject %s autoscaling.keda.sh/paused=true", a.Namespace, object)}, true
}

// mark is what is said of an actor that is known only by the mark that it leaves on workloads.
func mark(rival string, on []string, now others) (wire.Finding, bool) {
	names := strings.Join(on, ", ")
	covered := func(kinds ...string) bool {
		return slices.ContainsFunc(now.found, func(h Hold) bool { return slices.Contains(kinds, h.Actor.Kind) })
	}
	unread := ""
	if now.unread != "" {
		unread = " (" + now.unread + ")"
	}
	finding := wire.Finding{ID: "rival-" + rival, Verdict: wire.Undetermined}
	switch {
	case rival == "Argo CD":
		if covered("Application") {
			return finding, false
		}
		finding.Text = fmt.Sprintf("%s carry the mark of Argo CD, and no Application of theirs could be found%s", names, unread)
		finding.Next = "Find it, stop its automatic sync and that of the Application that manages it, and go on with a reason: argocd app set NAME --sync-policy none"
	case rival == "Flux":
		if covered("Kustomization", "HelmRelease") {
			return finding, false
		}
		finding.Text = fmt.Sprintf("%s carry the mark of Flux, and no Kustomization or HelmRelease of theirs could be found%s", names, unread)
		finding.Next = "Find it, suspend it, and go on with a reason: flux suspend kustomization NAME, flux suspend helmrelease NAME"
	case rival == "Pulumi":
		finding.Verdict = wire.Attention
		finding.Text = names + " were made by Pulumi, which acts only when it is run"
		finding.Next = "See that nobody and no pipeline runs pulumi up or pulumi refresh until this run is over; suspend the Stack where the Pulumi operator runs it"
	case strings.HasPrefix(rival, "Stakater Reloader"):
		finding.Verdict = wire.Attention
		finding.Text = names + " are restarted by Stakater Reloader when a Secret or ConfigMap changes; it leaves replica counts alone"
		finding.Next = "Change no Secret or ConfigMap of the node until this run is over"
	default:
		finding.Verdict = wire.Violated
		finding.Text = fmt.Sprintf("%s are controlled by %s, which this tool does not know and cannot pause", names, rival)
		finding.Next = "Pause it as its own manual says, or scale its operator to 0, and go on with a reason; let it act again afterwards"
		finding.Waive = "it is paused, or it leaves replica counts and claims alone"
	}
	return finding, true
}

// Foretell are findings on those who will be paused; what for is what they are paused for: "the restore".
func (f On) Foretell(what string) []wire.Finding {
	var found []wire.Finding
	for _, h := range f.Held {
		text := fmt.Sprintf("%s acts on namespace %s and will be paused for the time of %s", action.ActorName(h.Actor), f.Namespace, what)
		if h.Actor.Paused {
			text = action.ActorName(h.Actor) + " is paused already and will stay so"
		}
		found = append(found, wire.Finding{ID: "acts-" + h.Actor.UID, Verdict: wire.Attention, Text: text, Evidence: []wire.Evidence{{Source: "to pause it", Seen: kube.CommandPause(f.Where, h.Actor)}}})
	}
	return found
}
