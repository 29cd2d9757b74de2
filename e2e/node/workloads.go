//go:build e2e

package node

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// workload is what differs from one Deployment to the next.
type workload struct {
	name, container, role string
	component             string // label splice-component
	ports                 []v1.ContainerPort
	liveness, readiness   *v1.Probe
	env                   []v1.EnvVar
	init                  []v1.Container
	volumes               []v1.Volume
	mounts                []v1.VolumeMount
}

// patience is how long a probe may take. Upstream leaves it at 1 s (deployment.md 3.4), which ends healthy pods where
// several nodes and a compiler share two cores.
const patience = 10

// deployment has what all Splice Deployments have: Recreate, a selector by app alone, user 1001 (deployment.md 3.2, 3.5).
func (n *Node) deployment(w workload) *appsv1.Deployment {
	replicas, user := n.replicas(w.name), int64(1001)
	labels := map[string]string{"app": w.name}
	if w.component != "" {
		labels["splice-component"] = w.component
	}
	env := append([]v1.EnvVar{{Name: "ROLE", Value: w.role}, {Name: "VERSION", Value: n.Release}}, w.env...)
	for _, p := range []*v1.Probe{w.liveness, w.readiness} {
		if p != nil {
			p.TimeoutSeconds = patience
		}
	}
	if d := n.TermDelay[w.name]; d != "" {
		env = append(env, v1.EnvVar{Name: "TERM_DELAY", Value: d})
	}
	if n.Lag != "" {
		env = append(env, v1.EnvVar{Name: "LAG", Value: n.Lag})
	}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: w.name, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": w.name}},
			Strategy: appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType},
			Template: v1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: v1.PodSpec{
				SecurityContext: &v1.PodSecurityContext{RunAsUser: &user, RunAsGroup: &user, FSGroup: &user},
				InitContainers:  w.init, Volumes: w.volumes,
				Containers: []v1.Container{{
					Name: w.container, Image: "standin:rig", ImagePullPolicy: v1.PullNever, Env: env, Ports: w.ports,
					LivenessProbe: w.liveness, ReadinessProbe: w.readiness, VolumeMounts: w.mounts,
				}},
			}},
		},
	}
}

// canton is a participant, sequencer or mediator: gRPC health on 5061 (deployment.md 3.4).
func (n *Node) canton(name, role string, ports []v1.ContainerPort, needs string) workload {
	service := "liveness"
	w := workload{name: name, container: role, role: role, ports: ports,
		liveness: &v1.Probe{InitialDelaySeconds: 600, PeriodSeconds: 60, FailureThreshold: 5,
			ProbeHandler: v1.ProbeHandler{GRPC: &v1.GRPCAction{Port: 5061, Service: &service}}},
		readiness: &v1.Probe{InitialDelaySeconds: 5, PeriodSeconds: 5, FailureThreshold: 3,
			ProbeHandler: v1.ProbeHandler{GRPC: &v1.GRPCAction{Port: 5061}}},
		env: []v1.EnvVar{{Name: "NEEDS", Value: needs}},
	}
	if role != "participant" {
		w.component = role
	}
	query := "SELECT 1"
	if role == "participant" {
		query = "SELECT ledger_end FROM participant.lapi_parameters"
	}
	if role == "participant" {
		w.env = append(w.env, n.membership()...)
	}
	return n.onDatabase(w, role, query)
}

// app is one of the three Splice apps: probes over HTTP (deployment.md 3.4).
func (n *Node) app(name, base string, port int32, needs string, env ...v1.EnvVar) workload {
	d := n.database(name)
	w := workload{name: name, container: name, role: name, ports: ports("http", port, "metrics", int32(10013)),
		liveness:  &v1.Probe{InitialDelaySeconds: 60, PeriodSeconds: 10, ProbeHandler: get(base+"/livez", port)},
		readiness: &v1.Probe{PeriodSeconds: 5, ProbeHandler: get(base+"/readyz", port)},
		env:       append([]v1.EnvVar{{Name: "NEEDS", Value: needs}}, env...),
	}
	if n.Joins {
		w.env = append(w.env, n.membership()...)
	}
	return n.onDatabase(w, name, "SELECT max(last_ingested_offset) FROM "+d.Schema+".store_last_ingested_offsets")
}

// onDatabase adds the init container that creates the component's database if it is absent (deployment.md 3.6), and
// tells the stand-in what to read from it.
func (n *Node) onDatabase(w workload, component, query string) workload {
	d := n.database(component)
	password := fromSecret("PGPASSWORD", d.Server+"-secret", "postgresPassword")
	psql := "psql -h " + n.host(d.Server) + " -U cnadmin -d cantonnet"
	w.init = []v1.Container{{Name: "pg-init", Image: "postgres:rig", ImagePullPolicy: v1.PullNever, Env: []v1.EnvVar{password},
		Command: []string{"sh", "-c", fmt.Sprintf(`until %[1]s -c 'SELECT 1' > /dev/null; do sleep 1; done
%[1]s -Atc "SELECT 1 FROM pg_database WHERE datname = '%[2]s'" | grep -q 1 || %[1]s -c 'CREATE DATABASE %[2]s'`, psql, d.Name)}}}
	w.env = append(w.env, chartEnv(component, d, n.host(d.Server))...)
	w.env = append(w.env,
		v1.EnvVar{Name: "DATABASE", Value: n.host(d.Server) + ":5432/" + d.Name},
		v1.EnvVar{Name: "DB_USER", Value: "cnadmin"},
		fromSecret("DB_PASSWORD", d.Server+"-secret", "postgresPassword"),
		v1.EnvVar{Name: "DB_QUERY", Value: query})
	if n.Joins && query != "SELECT 1" {
		w.env = append(w.env, v1.EnvVar{Name: "DB_INIT", Value: n.begin(d)})
	}
	return w
}

// chartEnv is what the charts tell a component of its database: variables for a Canton node (c-part, c-seq, c-med), a block of
// configuration for an app (c-sv, c-scan, c-val).
func chartEnv(component string, d Database, host string) []v1.EnvVar {
	path := map[string]string{"sv-app": "sv-apps.sv", "scan-app": "scan-apps.scan-app", "validator-app": "validator-apps.validator_backend"}[component]
	if path != "" {
		return []v1.EnvVar{{Name: "ADDITIONAL_CONFIG_PERSISTENCE", Value: fmt.Sprintf(`canton.%s.storage {
  config {
    properties = {
      databaseName = "%s"
      currentSchema = "%s"
      serverName = "%s"
      portNumber = 5432
      user = "cnadmin"
      password = ${SPLICE_APP_POSTGRES_PASSWORD}
    }
  }
}
`, path, d.Name, d.Schema, host)}, fromSecret("SPLICE_APP_POSTGRES_PASSWORD", d.Server+"-secret", "postgresPassword")}
	}
	prefix := "CANTON_DOMAIN_POSTGRES_"
	if component == "participant" {
		prefix = "CANTON_PARTICIPANT_POSTGRES_"
	}
	env := []v1.EnvVar{{Name: prefix + "SERVER", Value: host}, {Name: prefix + "PORT", Value: "5432"},
		{Name: "CANTON_" + strings.ToUpper(component) + "_POSTGRES_DB", Value: d.Name}, fromSecret(prefix+"PASSWORD", d.Server+"-secret", "postgresPassword")}
	if component == "participant" {
		env = append(env, v1.EnvVar{Name: prefix + "SCHEMA", Value: d.Schema})
	}
	return env
}

// comet is CometBFT on its claim. The liveness probe starts after 600 s (deployment.md 3.4).
func (n *Node) comet() workload {
	w := workload{name: n.CometBFT, container: "cometbft", role: "cometbft", component: "cometbft",
		ports:     ports("p2p", 26656, "rpc", 26657, "metrics", 26660),
		liveness:  &v1.Probe{InitialDelaySeconds: 600, ProbeHandler: get("/health", 26657)},
		readiness: &v1.Probe{PeriodSeconds: 5, ProbeHandler: get("/health", 26657)},
		env: []v1.EnvVar{{Name: "DATA", Value: "/cometbft/data"}, {Name: "MONIKER", Value: n.SV},
			{Name: "CHAIN_ID", Value: fmt.Sprintf("%s-%d", n.Network, n.Serial)}},
		volumes: []v1.Volume{volume("cometbft-data", n.CometBFTClaim)},
		mounts:  []v1.VolumeMount{{Name: "cometbft-data", MountPath: "/cometbft/data"}},
	}
	if n.Joins {
		w.env = append(w.env, v1.EnvVar{Name: "FRESH", Value: "true"})
	}
	return w
}

// plain is a user interface or the info page.
func plain(name, role string) workload {
	return workload{name: name, container: name, role: role, ports: ports("http", 8080),
		readiness: &v1.Probe{PeriodSeconds: 5, ProbeHandler: get("/", 8080)}}
}

// service in front of a workload; ports as name, number pairs. A port named http of a UI is 80 in front of 8080.
func service(name, app string, pairs ...any) runtime.Object {
	s := &v1.Service{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"app": app}},
		Spec: v1.ServiceSpec{Selector: map[string]string{"app": app}}}
	for _, p := range ports(pairs...) {
		front := p.ContainerPort
		if front == 8080 {
			front = 80
		}
		s.Spec.Ports = append(s.Spec.Ports, v1.ServicePort{Name: p.Name, Port: front, TargetPort: intstr.FromInt32(p.ContainerPort)})
	}
	return s
}

func ports(pairs ...any) []v1.ContainerPort {
	var list []v1.ContainerPort
	for i := 0; i < len(pairs); i += 2 {
		var number int32
		switch p := pairs[i+1].(type) {
		case int:
			number = int32(p)
		case int32:
			number = p
		}
		list = append(list, v1.ContainerPort{Name: pairs[i].(string), ContainerPort: number})
	}
	return list
}

func get(path string, port int32) v1.ProbeHandler {
	return v1.ProbeHandler{HTTPGet: &v1.HTTPGetAction{Path: path, Port: intstr.FromInt32(port)}}
}

func volume(name, claim string) v1.Volume {
	return v1.Volume{Name: name, VolumeSource: v1.VolumeSource{PersistentVolumeClaim: &v1.PersistentVolumeClaimVolumeSource{ClaimName: claim}}}
}
