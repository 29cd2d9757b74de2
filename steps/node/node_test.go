package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/release"
)

// made is a workload as a chart makes it.
type made struct {
	kind, name, chart, release, component, container string
	labels, annotations                              map[string]string
	env                                              map[string]string
	claims, templates                                []string
	mount                                            string
	replicas                                         int32
	managers                                         []string
	owner                                            string
}

func (m made) workload() kube.Workload {
	w := kube.Workload{Kind: m.kind, Meta: kube.Meta{Namespace: "sv", Name: m.name, UID: "uid-" + m.name, Labels: map[string]string{},
		Annotations: map[string]string{}, Managers: m.managers}, Replicas: m.replicas, Selector: "app=" + m.name}
	if w.Kind == "" {
		w.Kind = kube.Deployment
	}
	set := func(key, value string) {
		if value != "" {
			w.Labels[key] = value
		}
	}
	set("helm.sh/chart", m.chart)
	set("app.kubernetes.io/instance", m.release)
	set("splice-component", m.component)
	for k, v := range m.labels {
		w.Labels[k] = v
	}
	for k, v := range m.annotations {
		w.Annotations[k] = v
	}
	c := kube.Container{Name: m.container}
	for k, v := range m.env {
		c.Env = append(c.Env, kube.EnvVar{Name: k, Value: v})
	}
	w.Containers = []kube.Container{{Name: "init-db", Init: true}, c}
	for _, claim := range m.claims {
		w.Mounts = append(w.Mounts, kube.Mount{Claim: claim, Container: m.container, Path: m.mount})
	}
	for _, template := range m.templates {
		w.Templates = append(w.Templates, kube.ClaimTemplate{Name: template})
		w.Mounts = append(w.Mounts, kube.Mount{Template: template, Container: m.container, Path: m.mount})
	}
	if m.owner != "" {
		w.Owners = []kube.Owner{{Kind: "PostgresCluster", Name: m.owner, Controller: true}}
	}
	return w
}

func TestRecognise(t *testing.T) {
	for _, c := range []struct {
		name   string
		in     made
		part   Part
		serial string
	}{
		{"chart of one part", made{name: "anything", chart: "splice-participant-0.6.4", container: "x"}, Participant, ""},
		{"chart with v", made{name: "anything", chart: "splice-cometbft-v0.6.4", release: "global-domain-3-cometbft"}, CometBFT, "3"},
		{"chart with build metadata", made{name: "p", chart: "splice-participant-0.6.4-snapshot.1_abc"}, Participant, ""},
		{"chart of several, by component", made{name: "x", chart: "splice-global-domain-0.6.4", release: "global-domain-4", component: "sequencer"}, Sequencer, "4"},
		{"chart of several, by container", made{name: "x", chart: "splice-global-domain-0.5.1", release: "global-domain-4", container: "mediator"}, Mediator, "4"},
		{"renamed app", made{name: "frontend-of-mine", chart: "splice-sv-node-0.6.4", container: "sv-app"}, SVApp, ""},
		{"no chart label at all, by component", made{name: "seq", component: "sequencer", release: "domain-7"}, Sequencer, "7"},
		{"no label at all, by container", made{name: "scan", container: "scan-app"}, ScanApp, ""},
		{"validator", made{name: "validator-app", chart: "splice-validator-0.6.4", container: "validator-app"}, Validator, ""},
		{"web UI by container", made{name: "sv-web-ui", chart: "splice-sv-node-0.6.4", container: "sv-web-ui"}, UI, ""},
		{"web UI by name", made{name: "wallet-web-ui", chart: "splice-validator-0.6.4", container: "nginx"}, UI, ""},
		{"info", made{name: "info", chart: "splice-info-0.6.4", container: "info"}, Info, ""},
		{"splice-postgres", made{kind: kube.StatefulSet, name: "apps-pg", chart: "splice-postgres-0.6.4", container: "apps-pg"}, Postgres, ""},
		{"bitnami postgresql", made{kind: kube.StatefulSet, name: "apps-pg", chart: "postgresql-16.7.27", container: "postgresql", templates: []string{"data"}, mount: "/bitnami/postgresql"}, Postgres, ""},
		{"unknown chart that mounts where PostgreSQL keeps data", made{kind: kube.StatefulSet, name: "db", chart: "zalando-1.2.3", container: "postgres", templates: []string{"d"}, mount: "/var/lib/postgresql/data"}, Postgres, ""},
		{"exporter with the chart of its database", made{name: "pge-apps-pg-cantonnet-sv", chart: "splice-postgres-0.6.4", container: "postgres-exporter"}, Exporter, ""},
		{"exporter of another chart", made{name: "pge-x", chart: "prometheus-postgres-exporter-6.0.0", container: "postgres-exporter"}, Exporter, ""},
		{"something else", made{name: "grafana", chart: "grafana-8.0.0", container: "grafana"}, Other, ""},
		{"something else that calls its UI so", made{name: "my-web-ui", container: "nginx"}, Other, ""},
		{"family A: number of the release", made{name: "global-domain-3-cometbft", chart: "splice-cometbft-0.5.1", release: "global-domain-3-cometbft", labels: map[string]string{"migration_id": "3"}}, CometBFT, "3"},
		{"from 0.6.2: the release has the serial ID, the label the frozen migration ID",
			made{name: "global-domain-4-sequencer", chart: "splice-global-domain-0.6.4", release: "global-domain-4", component: "sequencer", labels: map[string]string{"migration_id": "3"}}, Sequencer, "4"},
		{"a number in front of the release's own", made{name: "x", chart: "splice-cometbft-0.6.4", release: "sv-1-global-domain-5-cometbft"}, CometBFT, "5"},
		{"no number in any name: the label", made{name: "cometbft", chart: "splice-cometbft-0.6.4", release: "cometbft", labels: map[string]string{"migration_id": "2"}}, CometBFT, "2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := recognise(c.in.workload())
			if got.Part != c.part || got.Serial != c.serial {
				t.Errorf("part %q serial %q, want %q %q", got.Part, got.Serial, c.part, c.serial)
			}
		})
	}
}

func TestRivals(t *testing.T) {
	for _, c := range []struct {
		name string
		in   made
		want string
	}{
		{"none", made{}, ""},
		{"Argo CD by label", made{labels: map[string]string{"argocd.argoproj.io/instance": "sv"}}, "Argo CD"},
		{"Argo CD by annotation", made{annotations: map[string]string{"argocd.argoproj.io/tracking-id": "sv"}}, "Argo CD"},
		{"Argo CD by field manager", made{managers: []string{"argocd-controller", "helm"}}, "Argo CD"},
		{"Flux by label", made{labels: map[string]string{"helm.toolkit.fluxcd.io/name": "sv"}}, "Flux"},
		{"Flux by field manager", made{managers: []string{"kustomize-controller"}}, "Flux"},
		{"Pulumi", made{annotations: map[string]string{"pulumi.com/patchForce": "true"}}, "Pulumi"},
		{"an operator", made{owner: "apps-pg"}, "PostgresCluster apps-pg"},
		{"two", made{labels: map[string]string{"argocd.argoproj.io/instance": "sv"}, owner: "x"}, "Argo CD, PostgresCluster x"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := strings.Join(recognise(c.in.workload()).Rivals, ", "); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// synchronizer is the three workloads of one number.
func synchronizer(id int, replicas int32) []made {
	rel := fmt.Sprintf("global-domain-%d", id)
	same := map[string]string{"migration_id": "3"} // frozen: it does not tell them apart
	return []made{
		{name: rel + "-cometbft", chart: "splice-cometbft-0.6.4", release: rel + "-cometbft", component: "cometbft", labels: same, replicas: replicas, claims: []string{rel + "-cometbft-cometbft-data"}, mount: "/cometbft/data"},
		{name: rel + "-sequencer", chart: "splice-global-domain-0.6.4", release: rel, component: "sequencer", labels: same, replicas: replicas},
		{name: rel + "-mediator", chart: "splice-global-domain-0.6.4", release: rel, component: "mediator", labels: same, replicas: replicas},
	}
}

// whole is a node but for its synchronizers.
func whole() []made {
	host := func(name string) map[string]string { return map[string]string{"DB_HOST": name} }
	pg := func(name string) made {
		return made{kind: kube.StatefulSet, name: name, chart: "splice-postgres-0.6.4", release: name, container: name, templates: []string{"pg-data"}, mount: "/var/lib/postgresql/data", replicas: 1}
	}
	return []made{
		{name: "participant", chart: "splice-participant-0.6.4", release: "participant", container: "participant", env: host("participant-pg"), replicas: 1},
		{name: "sv-app", chart: "splice-sv-node-0.6.4", release: "sv", container: "sv-app", env: host("apps-pg.sv.svc.cluster.local"), replicas: 1},
		{name: "scan-app", chart: "splice-scan-0.6.4", release: "scan", container: "scan-app", env: host("apps-pg"), replicas: 1},
		{name: "validator-app", chart: "splice-validator-0.6.4", release: "validator", container: "validator-app", env: host("apps-pg:5432"), replicas: 1},
		{name: "sv-web-ui", chart: "splice-sv-node-0.6.4", release: "sv", container: "sv-web-ui", replicas: 1},
		{name: "pge-apps-pg-cantonnet-sv", chart: "splice-postgres-0.6.4", release: "apps-pg", container: "postgres-exporter", env: host("apps-pg"), replicas: 1},
		pg("participant-pg"), pg("apps-pg"), pg("sequencer-pg"), pg("mediator-pg"),
	}
}

func seen(values string, all ...[]made) Seen {
	s := Seen{Namespace: "sv", Context: "prod"}
	for _, list := range all {
		for _, m := range list {
			s.Workloads = append(s.Workloads, m.workload())
		}
	}
	if values != "" {
		s.Releases = []release.Release{{Name: "sv", Chart: "splice-sv-node", ChartVersion: "0.6.4", Values: secret.New(values)}}
	}
	return s
}

func roles(n Node) string {
	var all []string
	for _, c := range n.Components {
		if c.Role != "" {
			all = append(all, c.Ref.Name+"="+string(c.Role))
		}
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

func TestSynchronizersAreToldApart(t *testing.T) {
	three := [][]made{whole(), synchronizer(3, 1), synchronizer(4, 1), synchronizer(5, 0)}
	all := func(legacy, current, successor int) string {
		var want []string
		for id, role := range map[int]Role{legacy: Legacy, current: Current, successor: Successor} {
			for _, part := range []string{"cometbft", "mediator", "sequencer"} {
				want = append(want, fmt.Sprintf("global-domain-%d-%s=%s", id, part, role))
			}
		}
		slices.Sort(want)
		return strings.Join(want, " ")
	}
	for _, c := range []struct {
		name, values, said string
		workloads          [][]made
		want, serial       string
		ambiguous          string
	}{
		{name: "by synchronizers.current", values: "synchronizers: {current: {sequencerAddress: global-domain-4-sequencer}}", workloads: three, want: all(3, 4, 5), serial: "4"},
		{name: "by domain, with port and namespace", values: "domain: {sequencerAddress: 'global-domain-4-sequencer.sv.svc:5008'}", workloads: three, want: all(3, 4, 5), serial: "4"},
		{name: "by the operator's word", said: "4", workloads: three, want: all(3, 4, 5), serial: "4"},
		{name: "a legacy one with a higher number", values: "synchronizers: {current: {sequencerAddress: global-domain-4-sequencer}, legacy: {sequencerAddress: global-domain-5-sequencer}, successor: {sequencerAddress: global-domain-3-sequencer}}",
			workloads: three, want: all(5, 4, 3), serial: "4"},
		{name: "nothing tells", workloads: three, ambiguous: "3 4 5"},
		{name: "values of another node", values: "synchronizers: {current: {sequencerAddress: elsewhere}}", workloads: three, ambiguous: "3 4 5"},
		{name: "values that are no YAML", values: "{{", workloads: three, ambiguous: "3 4 5"},
		{name: "one only", workloads: [][]made{whole(), synchronizer(0, 1)}, serial: "0",
			want: "global-domain-0-cometbft=current global-domain-0-mediator=current global-domain-0-sequencer=current"},
		{name: "CantonBFT: no CometBFT", workloads: [][]made{whole(), synchronizer(4, 1)[1:]}, serial: "4",
			want: "global-domain-4-mediator=current global-domain-4-sequencer=current"},
		{name: "CometBFT without a number beside one number", workloads: [][]made{whole(), synchronizer(4, 1)[1:],
			{{name: "cometbft", chart: "splice-cometbft-0.6.4", release: "cometbft", container: "cometbft"}}}, serial: "4",
			want: "cometbft=current global-domain-4-mediator=current global-domain-4-sequencer=current"},
		{name: "CometBFT without a number beside two", workloads: [][]made{whole(), synchronizer(3, 1), synchronizer(4, 1)[1:],
			{{name: "cometbft", chart: "splice-cometbft-0.6.4", release: "cometbft", container: "cometbft"}}}, ambiguous: "3 4 unnumbered"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := seen(c.values, c.workloads...)
			s.Serial = c.said
			n, err := Discover(s)
			var ambiguous *Ambiguous
			if errors.As(err, &ambiguous) {
				slices.Sort(ambiguous.Serials)
				if got := strings.Join(ambiguous.Serials, " "); got != c.ambiguous {
					t.Errorf("ambiguous %q, want %q", got, c.ambiguous)
				}
				return
			}
			if err != nil || c.ambiguous != "" {
				t.Fatalf("err %v, want ambiguous %q", err, c.ambiguous)
			}
			if got := roles(n); got != c.want || n.Serial != c.serial {
				t.Errorf("serial %s\ngot  %s\nwant %s", n.Serial, got, c.want)
			}
			for _, claim := range n.Claims {
				if claim.Parts != nil && slices.Contains(claim.Parts, CometBFT) && !strings.Contains(claim.Name, "-"+c.serial+"-") {
					t.Errorf("claim %s is not of synchronizer %s", claim.Name, c.serial)
				}
			}
		})
	}
}

func TestDatabasesAndTheirClaims(t *testing.T) {
	names := func(parts []Part) string {
		var all []string
		for _, p := range parts {
			all = append(all, string(p))
		}
		return strings.Join(all, " ")
	}
	shared := whole()[:4]
	for i := range shared {
		shared[i].env = map[string]string{"URL": "jdbc:postgresql://pg.sv.svc:5432/x"}
	}
	one := made{kind: kube.StatefulSet, name: "pg", chart: "postgresql-16.7.27", release: "pg", container: "postgresql", templates: []string{"data"}, mount: "/bitnami/postgresql", replicas: 1}
	similar := whole()[:1]
	similar[0].env = map[string]string{"DB_HOST": "pg-other.elsewhere"}
	for _, c := range []struct {
		name      string
		workloads [][]made
		want      map[string]string // claim: parts
	}{
		{"by host and by name", [][]made{whole(), synchronizer(0, 1)}, map[string]string{
			"pg-data-apps-pg-0": "scan-app sv-app validator-app", "pg-data-participant-pg-0": "participant",
			"pg-data-sequencer-pg-0": "sequencer", "pg-data-mediator-pg-0": "mediator", "global-domain-0-cometbft-cometbft-data": "cometbft"}},
		{"one server for all", [][]made{shared, {one}}, map[string]string{"data-pg-0": "participant scan-app sv-app validator-app"}},
		{"a host that merely begins so", [][]made{similar, {one}}, map[string]string{"data-pg-0": ""}},
		{"at 0 the claims are known all the same", [][]made{{func() made { o := one; o.replicas = 0; return o }()}, shared}, map[string]string{"data-pg-0": "participant scan-app sv-app validator-app"}},
		{"CometBFT at 0", [][]made{synchronizer(0, 0)}, map[string]string{"global-domain-0-cometbft-cometbft-data": "cometbft"}},
		{"migration dumps are no data of a restore", [][]made{{{name: "sv-app", chart: "splice-sv-node-0.5.1", container: "sv-app", claims: []string{"sv-app-global-domain-migration-pvc"}}}}, map[string]string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, err := Discover(seen("", c.workloads...))
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, claim := range n.Claims {
				got[claim.Name] = names(claim.Parts)
				if owner, err := n.Owner(claim); err != nil || owner.Ref.Name != claim.Owner {
					t.Errorf("owner of %s: %v %v", claim.Name, owner.Ref, err)
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) {
				t.Errorf("got  %v\nwant %v", got, c.want)
			}
		})
	}
}

func TestSubjectReleaseAndRivals(t *testing.T) {
	s := seen("onboardingName: Acme-SV\nsynchronizers: {current: {sequencerAddress: global-domain-0-sequencer}}", whole(), synchronizer(0, 1))
	s.Releases = append(s.Releases, release.Release{Name: "global-domain-0-cometbft", Chart: "splice-cometbft", ChartVersion: "0.6.4", Values: secret.New("genesis: {chainId: testnet-0}")})
	s.Autoscalers = []kube.Autoscaler{{Meta: kube.Meta{Name: "grow"}, TargetKind: kube.Deployment, TargetName: "scan-app"}}
	s.Workloads = append(s.Workloads, made{name: "late", chart: "splice-scan-0.6.10", container: "x"}.workload())
	n, err := Discover(s)
	if err != nil || n.Subject.Word() != "testnet/Acme-SV" || n.Release != "0.6.10" || !n.IsSV() || n.SerialIsMigration() {
		t.Errorf("%v %q release %q sv %v", err, n.Subject.Word(), n.Release, n.IsSV())
	}
	if got := n.Of(ScanApp)[0].Rivals; !slices.Equal(got, []string{"HorizontalPodAutoscaler grow"}) {
		t.Errorf("rivals %v", got)
	}
	for _, c := range n.Of(Postgres) {
		if c.Ref.Kind != kube.StatefulSet {
			t.Errorf("%s is taken for a database", c.Ref)
		}
	}
}

func TestANamespaceThatIsNoSV(t *testing.T) {
	for name, workloads := range map[string][]made{
		"nothing":                nil,
		"a standalone validator": {whole()[0], whole()[3], whole()[6]},
		"an SV app alone":        {whole()[1]},
		"something else":         {{name: "nginx", container: "nginx"}},
	} {
		if n, err := Discover(seen("", workloads)); err != nil || n.IsSV() {
			t.Errorf("%s: %v, is an SV: %v", name, err, n.IsSV())
		}
	}
}

// Facts are journaled: they hold what is needed and no value that somebody else wrote.
func TestTheNodeHoldsNoSecret(t *testing.T) {
	const secretText = "hunter2"
	s := seen("onboardingName: Acme-SV\npassword: "+secretText, whole(), synchronizer(0, 1))
	for i := range s.Workloads {
		s.Workloads[i].Containers[1].Env = append(s.Workloads[i].Containers[1].Env, kube.EnvVar{Name: "PASSWORD", Value: secretText})
		s.Workloads[i].Annotations["note"] = secretText
	}
	meta := kube.Meta{Namespace: "sv", Name: "pg-data-apps-pg-0", UID: "u1", Labels: map[string]string{"app": "x"}, Annotations: map[string]string{
		"helm.sh/resource-policy": "keep", "volume.kubernetes.io/selected-node": "node-1", "pv.kubernetes.io/bind-completed": "yes",
		"banzaicloud.com/last-applied": secretText, "objectset.rio.cattle.io/applied": secretText}}
	s.Claims = []kube.Claim{{Meta: meta, Volume: "pv-1", Class: "fast"}}
	s.Volumes = []kube.Volume{{Meta: kube.Meta{Name: "pv-1", UID: "v1", Annotations: map[string]string{"x": secretText}}, ReclaimPolicy: kube.Delete}}
	s.Classes = []kube.StorageClass{{Meta: kube.Meta{Name: "fast", Annotations: map[string]string{"x": secretText}}, BindingMode: "Immediate"}}
	n, err := Discover(s)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(n)
	if err != nil || strings.Contains(string(data), secretText) {
		t.Errorf("%v\n%s", err, data)
	}
	claim, _ := n.Claim("pg-data-apps-pg-0")
	if len(claim.Annotations) != 1 || claim.Labels["app"] != "x" || claim.Old.UID != "v1" || claim.Binding != "Immediate" {
		t.Errorf("claim %+v", claim)
	}
}

func FuzzChartAndSerial(f *testing.F) {
	for _, s := range []string{"splice-participant-0.6.4", "postgresql-16.7.27", "x", "", "-0.0.0", "global-domain-3-cometbft", "a--1-2-"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, chart, rel string) {
		name, version := splitChart(chart)
		if version == "" && name != chart {
			t.Errorf("%q lost something: %q", chart, name)
		}
		for _, r := range serialOf(kube.Workload{}, rel) {
			if r < '0' || r > '9' {
				t.Errorf("serial of %q: %q", rel, serialOf(kube.Workload{}, rel))
			}
		}
		_ = compareVersions(chart, rel)
		valuesOf([]release.Release{{Chart: "splice-sv-node", Values: secret.New(rel)}, {Chart: "splice-cometbft", Values: secret.New(chart)}})
	})
}
