package node

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"canton.example/svrescue/kube"
)

// charts maps a chart's name to the part it makes; a chart that makes several parts maps to none and its workloads are
// told apart by splice-component or by their container (reference/deployment.md 3.2).
var charts = map[string]Part{
	"splice-cometbft":      CometBFT,
	"splice-global-domain": "",
	"splice-participant":   Participant,
	"splice-sv-node":       "",
	"splice-scan":          "",
	"splice-validator":     "",
	"splice-info":          Info,
	"splice-postgres":      Postgres,
	"postgresql":           Postgres,
}

// containers maps the name of a main container to its part.
var containers = map[string]Part{
	"cometbft": CometBFT, "sequencer": Sequencer, "mediator": Mediator, "participant": Participant,
	"sv-app": SVApp, "scan-app": ScanApp, "validator-app": Validator, "postgres-exporter": Exporter,
}

var chartLabel = regexp.MustCompile(`^(.*?)-(v?\d+\.\d+\.\d+.*)$`)

// splitChart turns "splice-participant-0.6.4" into name and version. A label may carry "_" for "+" of the version.
func splitChart(label string) (name, version string) {
	if m := chartLabel.FindStringSubmatch(label); m != nil {
		return m[1], strings.ReplaceAll(strings.TrimPrefix(m[2], "v"), "_", "+")
	}
	return label, ""
}

func recognise(w kube.Workload) Component {
	c := Component{Part: Other, Ref: w.Ref(), UID: w.UID, Replicas: w.Replicas, Ready: w.Ready, Selector: w.Selector,
		Claims: w.ClaimNames(), Chart: w.Labels["helm.sh/chart"], Release: w.Labels["app.kubernetes.io/instance"]}
	for _, k := range w.Containers {
		c.Liveness = max(c.Liveness, k.Liveness)
	}
	if release := w.Annotations["meta.helm.sh/release-name"]; release != "" {
		c.Release = release
	}
	chart, _ := splitChart(c.Chart)
	part, splice := charts[chart]
	component := Part(w.Labels["splice-component"])
	switch {
	case part == Postgres && w.Kind != kube.StatefulSet: // the exporter beside a database has its chart
		c.Part = byContainer(w, splice)
	case splice && part != "":
		c.Part = part
	case slices.Contains([]Part{CometBFT, Sequencer, Mediator, Participant}, component):
		c.Part = component
	default:
		c.Part = byContainer(w, splice)
	}
	if c.Part == CometBFT || c.Part == Sequencer || c.Part == Mediator {
		c.Serial = serialOf(w, c.Release)
	}
	c.Rivals = rivals(w)
	return c
}

func byContainer(w kube.Workload, splice bool) Part {
	for _, k := range w.Containers {
		if k.Init {
			continue
		}
		if part, ok := containers[k.Name]; ok {
			return part
		}
		if splice && strings.HasSuffix(k.Name, "web-ui") {
			return UI
		}
	}
	if splice && strings.HasSuffix(w.Name, "web-ui") {
		return UI
	}
	// A database that no known chart made: a StatefulSet whose claim is mounted where PostgreSQL keeps its data.
	if w.Kind == kube.StatefulSet && slices.ContainsFunc(w.Mounts, func(m kube.Mount) bool {
		return strings.HasPrefix(m.Path, "/var/lib/postgresql") || strings.HasPrefix(m.Path, "/bitnami/postgresql")
	}) {
		return Postgres
	}
	return Other
}

var number = regexp.MustCompile(`(?:^|-)(\d+)(?:-|$)`)

// serialOf is the migration or serial ID of a synchronizer's workload: the last number in the name of its release or of
// itself, else a label. The label migration_id comes last: from 0.6.2 on it is frozen and the same for every synchronizer
// of the node (reference/deployment.md 16.2).
func serialOf(w kube.Workload, release string) string {
	for _, name := range []string{release, w.Name} {
		found := ""
		for rest := name; ; {
			m := number.FindStringSubmatchIndex(rest)
			if m == nil {
				break
			}
			found, rest = rest[m[2]:m[3]], rest[m[3]:]
		}
		if found != "" {
			return found
		}
	}
	for _, label := range []string{"serial_id", "migration_id"} {
		if id := cmp.Or(w.Labels[label], w.PodLabels[label]); id != "" {
			return id
		}
	}
	return ""
}

// rivals are other actors that may set the replica count back or restart pods (reference/deployment.md 16.30).
func rivals(w kube.Workload) []string {
	found := map[string]bool{}
	for key := range w.Labels {
		switch {
		case strings.HasPrefix(key, "argocd.argoproj.io/"):
			found["Argo CD"] = true
		case strings.HasPrefix(key, "kustomize.toolkit.fluxcd.io/"), strings.HasPrefix(key, "helm.toolkit.fluxcd.io/"):
			found["Flux"] = true
		}
	}
	for key := range w.Annotations {
		switch {
		case strings.HasPrefix(key, "argocd.argoproj.io/"):
			found["Argo CD"] = true
		case strings.HasPrefix(key, "reloader.stakater.com/"):
			found["Stakater Reloader (restarts pods when a Secret or ConfigMap changes)"] = true
		case strings.HasPrefix(key, "pulumi.com/"):
			found["Pulumi"] = true
		}
	}
	for _, owner := range w.Owners {
		if owner.Controller {
			found[fmt.Sprintf("%s %s", owner.Kind, owner.Name)] = true
		}
	}
	for _, manager := range w.Managers {
		switch {
		case strings.HasPrefix(manager, "argocd"):
			found["Argo CD"] = true
		case manager == "kustomize-controller", manager == "helm-controller":
			found["Flux"] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// serves tells whose data a database holds: the parts whose containers name it as their host, else, when none does, the
// part that its own name names.
func serves(db Component, workloads []kube.Workload, parts map[string]Part) []Part {
	var found []Part
	for _, w := range workloads {
		part := parts[w.Kind+"/"+w.Name]
		if !slices.Contains(SynchronizerParts, part) && !slices.Contains(AppParts, part) {
			continue
		}
		if mentions(w, db.Ref.Name, db.Ref.Namespace) {
			found = append(found, part)
		}
	}
	if len(found) == 0 {
		for _, part := range []Part{Sequencer, Mediator, Participant} {
			if strings.Contains(db.Ref.Name, string(part)) {
				found = append(found, part)
			}
		}
		if strings.Contains(db.Ref.Name, "apps") {
			found = append(found, AppParts...)
		}
	}
	slices.SortFunc(found, func(a, b Part) int { return cmp.Compare(a, b) })
	return slices.Compact(found)
}

// mentions says whether a container of w is given the database as a host, by its name alone or as a service name.
func mentions(w kube.Workload, name, namespace string) bool {
	host := regexp.MustCompile(`(^|[^a-zA-Z0-9.-])` + regexp.QuoteMeta(name) + `(\.` + regexp.QuoteMeta(namespace) + `(\.svc[a-z.]*)?)?($|[^a-zA-Z0-9.-])`)
	for _, k := range w.Containers {
		for _, e := range k.Env {
			if host.MatchString(e.Value) {
				return true
			}
		}
	}
	return false
}
