package sim

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// NodeOptions say what a Super Validator node looks like. Names, labels and ports follow reference/deployment.md 3.2 to 3.7.
type NodeOptions struct {
	Namespace         string    // "sv"
	SVName            string    // "Example-SV-1"
	Network           string    // chain id prefix; "devnet"
	Release           string    // of Splice, without "v"; "0.6.4"
	MigrationID       int       // names the participant's database, and in family A (up to 0.6.1) everything else
	SerialID          int       // names sequencer, mediator and CometBFT from 0.6.2 on; negative: the migration ID
	ParticipantSuffix bool      // the participant is still called participant-<migration ID>
	Successor, Legacy bool      // a synchronizer with the next or the previous number stands beside the current one
	StorageClass      string    // "rig"; made by Node when NoClasses is false
	SnapshotClass     string    // "rig"
	NoClasses         bool      // the classes exist already
	WaitForConsumer   bool      // binding mode of the class that Node makes
	Retain            bool      // reclaim policy of that class
	Exporters         bool      // Postgres exporters
	Runs              []Backup  // snapshots to have been taken
	Start             time.Time // the present; needed with Runs
	DataSize          string    // of databases and CometBFT; "20Gi"
	// Token is a fixed token in the Secret of the SV app's client, ValidatorToken one in that of the validator app's; empty: it has none.
	Token, ValidatorToken string
	// Managed are servers outside the cluster: the name that they would have here, and their host.
	Managed map[string]string
	// Text is what a claim's volume holds at a time; nil: a sentence that tells the time.
	Text func(o NodeOptions, claim string, at time.Time) string
}

// text is what a claim's volume holds at a time.
func (o NodeOptions) text(claim string, at time.Time) string {
	if o.Text != nil {
		return o.Text(o, claim, at)
	}
	return fmt.Sprintf("data as of %s", at.UTC().Format(time.RFC3339))
}

// servers are the PostgreSQL servers in the cluster.
func (o NodeOptions) servers() []string {
	return slices.DeleteFunc([]string{"sequencer-pg", "mediator-pg", "participant-pg", "apps-pg"}, func(s string) bool { return o.Managed[s] != "" })
}

// Backup is one run of the backup: a snapshot of every claim, named <claim>-<ID>.
type Backup struct {
	ID         string
	Age        time.Duration // of its first snapshot, counted back from the start
	WrongOrder bool          // the participant's database was taken before the apps'
	Missing    []string      // claims that were left out
	NotReady   []string      // claims whose snapshot never became ready
}

func (o *NodeOptions) defaults() {
	set := func(p *string, v string) {
		if *p == "" {
			*p = v
		}
	}
	set(&o.Namespace, "sv")
	set(&o.SVName, "Example-SV-1")
	set(&o.Network, "devnet")
	set(&o.Release, "0.6.4")
	set(&o.StorageClass, "rig")
	set(&o.SnapshotClass, "rig")
	set(&o.DataSize, "20Gi")
	if o.SerialID < 0 || familyA(o.Release) {
		o.SerialID = o.MigrationID
	}
}

// Participant is the name of the node's participant Deployment.
func (o NodeOptions) Participant() string {
	if o.ParticipantSuffix {
		return fmt.Sprintf("participant-%d", o.MigrationID)
	}
	return "participant"
}

// nodeBuilder collects the objects of one node.
type nodeBuilder struct {
	NodeOptions
	out []runtime.Object
}

// Node builds the objects of a Super Validator node, for Load. Call Settle afterwards to have it running;
// NodeOptions.Scenario does all of it, with data and backups.
func Node(o NodeOptions) []runtime.Object {
	o.defaults()
	b := &nodeBuilder{NodeOptions: o}
	b.add(namespaceObject(o.Namespace))
	if !o.NoClasses {
		b.classes()
	}
	b.secrets()
	for _, pg := range b.servers() {
		b.postgres(pg)
	}
	b.synchronizer(o.SerialID, true)
	if o.Successor {
		b.synchronizer(o.SerialID+1, false)
	}
	if o.Legacy && o.SerialID > 0 {
		b.synchronizer(o.SerialID-1, false)
	}
	b.apps()
	return b.out
}

func (b *nodeBuilder) add(o ...runtime.Object) { b.out = append(b.out, o...) }

func (b *nodeBuilder) classes() {
	mode, policy := storagev1.VolumeBindingImmediate, corev1.PersistentVolumeReclaimDelete
	if b.WaitForConsumer {
		mode = storagev1.VolumeBindingWaitForFirstConsumer
	}
	if b.Retain {
		policy = corev1.PersistentVolumeReclaimRetain
	}
	b.add(&storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: b.StorageClass, Annotations: map[string]string{defaultClassNote: "true"}},
		Provisioner: driverName, VolumeBindingMode: &mode, ReclaimPolicy: &policy},
		snapshotClass(b.SnapshotClass))
}

// labels are those of the charts (reference/deployment.md 3.2).
func (b *nodeBuilder) labels(app, chart, component, release string) map[string]string {
	l := map[string]string{
		"app": app, "app.kubernetes.io/instance": release, "app.kubernetes.io/name": chart, "app.kubernetes.io/managed-by": "Helm",
		"app.kubernetes.io/version": b.Release, "helm.sh/chart": chart + "-" + b.Release,
	}
	if component != "" {
		l["splice-component"] = component
	}
	return l
}

// part is one Deployment of the node.
type part struct {
	name, chart, component, release, container string
	ports                                      []corev1.ContainerPort
	claim, mount                               string
	secrets                                    []string // each is needed through an environment variable
	files                                      string   // a secret that is mounted
	extra                                      map[string]string
	replicas                                   int32
	db                                         *partDB // its database; nil: it has none
}

// partDB is how a component is told where its database is.
type partDB struct{ server, secret, name, schema string }

// env is the environment that the charts give a component for its database (reference/deployment.md 3.6): a variable for each part
// of the address, or for the apps a block of configuration. The init container beside it makes the database.
func (d partDB) env(container string) (env []corev1.EnvVar, init corev1.Container) {
	secret := func(name string) corev1.EnvVar {
		return corev1.EnvVar{Name: name, ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
			LocalObjectReference: corev1.LocalObjectReference{Name: d.secret}, Key: "postgresPassword"}}}
	}
	app := map[string]string{"sv-app": "sv-apps.sv", "scan-app": "scan-apps.scan-app", "validator-app": "validator-apps.validator_backend"}[container]
	prefix := "CANTON_DOMAIN_POSTGRES_"
	switch {
	case app != "":
		env = []corev1.EnvVar{{Name: "ADDITIONAL_CONFIG_PERSISTENCE", Value: fmt.Sprintf(`canton.%s.storage {
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
`, app, d.name, d.schema, d.server)}, secret("SPLICE_APP_POSTGRES_PASSWORD")}
	default:
		if container == "participant" {
			prefix = "CANTON_PARTICIPANT_POSTGRES_"
			env = append(env, corev1.EnvVar{Name: prefix + "SCHEMA", Value: d.schema})
		}
		env = append(env, corev1.EnvVar{Name: prefix + "SERVER", Value: d.server}, corev1.EnvVar{Name: prefix + "PORT", Value: "5432"}, secret(prefix+"PASSWORD"),
			corev1.EnvVar{Name: "CANTON_" + strings.ToUpper(container) + "_POSTGRES_DB", Value: d.name})
	}
	return env, corev1.Container{Name: "pg-init", Image: "postgres:14", Env: []corev1.EnvVar{secret("PGPASSWORD")}}
}

func (b *nodeBuilder) meta(name string, labels map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: b.Namespace, Labels: labels,
		Annotations: map[string]string{"meta.helm.sh/release-name": labels["app.kubernetes.io/instance"], "meta.helm.sh/release-namespace": b.Namespace}}
}

func (b *nodeBuilder) deployment(p part) {
	l := b.labels(p.name, p.chart, p.component, p.release)
	for k, v := range p.extra {
		l[k] = v
	}
	c := corev1.Container{Name: p.container, Ports: p.ports,
		Image: fmt.Sprintf("ghcr.io/digital-asset/decentralized-canton-sync/docker/%s:%s", strings.TrimPrefix(p.chart, "splice-"), b.Release)}
	spec := corev1.PodSpec{}
	if p.claim != "" {
		spec.Volumes = append(spec.Volumes, claimVolume("data", p.claim))
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "data", MountPath: p.mount})
	}
	if p.files != "" {
		spec.Volumes = append(spec.Volumes, corev1.Volume{Name: "files", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: p.files}}})
		c.VolumeMounts = append(c.VolumeMounts, corev1.VolumeMount{Name: "files", MountPath: "/files", ReadOnly: true})
	}
	for i, s := range p.secrets {
		k := "postgresPassword"
		if !strings.HasSuffix(s, "-pg-secret") {
			k = "client-secret"
		}
		if strings.HasSuffix(s, "-ui-auth") {
			k = "client-id"
		}
		c.Env = append(c.Env, corev1.EnvVar{Name: fmt.Sprintf("SECRET_%d", i), ValueFrom: &corev1.EnvVarSource{
			SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: s}, Key: k}}})
	}
	if p.db != nil {
		env, init := p.db.env(p.container)
		c.Env = append(c.Env, env...)
		spec.InitContainers = append(spec.InitContainers, init)
	}
	spec.Containers = []corev1.Container{c}
	b.add(&appsv1.Deployment{ObjectMeta: b.meta(p.name, l), Spec: appsv1.DeploymentSpec{
		Replicas: &p.replicas, Strategy: appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType},
		Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": p.name}},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: l}, Spec: spec},
	}})
}

func claimVolume(name, claim string) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim}}}
}

func (b *nodeBuilder) claimSpec(size string) corev1.PersistentVolumeClaimSpec {
	return corev1.PersistentVolumeClaimSpec{StorageClassName: &b.StorageClass, AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
		Resources: corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: apiresource.MustParse(size)}}}
}

func (b *nodeBuilder) claim(name, size, chart, release string) {
	m := b.meta(name, b.labels(name, chart, "", release))
	m.Annotations["helm.sh/resource-policy"] = "keep"
	b.add(&corev1.PersistentVolumeClaim{ObjectMeta: m, Spec: b.claimSpec(size)})
}

func (b *nodeBuilder) service(name, app string, labels map[string]string, ports ...corev1.ContainerPort) {
	s := &corev1.Service{ObjectMeta: b.meta(name, labels), Spec: corev1.ServiceSpec{Selector: map[string]string{"app": app}}}
	for _, p := range ports {
		s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{Name: p.Name, Port: p.ContainerPort})
	}
	b.add(s)
}

func ports(pairs ...any) []corev1.ContainerPort {
	var out []corev1.ContainerPort
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, corev1.ContainerPort{Name: pairs[i].(string), ContainerPort: int32(pairs[i+1].(int))})
	}
	return out
}

func (b *nodeBuilder) postgres(name string) {
	l := b.labels(name, "splice-postgres", "", name)
	db := map[string]string{
		"sequencer-pg": fmt.Sprintf("sequencer_%d", b.SerialID), "mediator-pg": fmt.Sprintf("mediator_%d", b.SerialID),
		"participant-pg": fmt.Sprintf("participant_%d", b.MigrationID), "apps-pg": "cantonnet_sv",
	}[name]
	spec := corev1.PodSpec{Containers: []corev1.Container{{
		Name: name, Image: "postgres:14", Ports: ports("postgres", 5432),
		Env: []corev1.EnvVar{
			{Name: "POSTGRES_USER", Value: "cnadmin"}, {Name: "POSTGRES_DB", Value: "cantonnet"}, {Name: "PGDATA", Value: "/var/lib/postgresql/data/pgdata"},
			{Name: "POSTGRES_PASSWORD", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{
				LocalObjectReference: corev1.LocalObjectReference{Name: name + "-secret"}, Key: "postgresPassword"}}},
		},
		VolumeMounts: []corev1.VolumeMount{{Name: "pg-data", MountPath: "/var/lib/postgresql/data"}},
	}}}
	b.add(&appsv1.StatefulSet{ObjectMeta: b.meta(name, l), Spec: appsv1.StatefulSetSpec{
		Replicas: ptr(int32(1)), ServiceName: name,
		Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: l}, Spec: spec},
		VolumeClaimTemplates: []corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Name: "pg-data"},
			Spec: b.claimSpec(b.DataSize)}},
	}})
	b.service(name, name, l, ports("postgres", 5432)...)
	if b.Exporters {
		b.deployment(part{name: "pge-" + name + "-" + strings.ReplaceAll(db, "_", "-"), chart: "splice-postgres", release: name,
			container: "postgres-exporter", ports: ports("metrics", 9187), secrets: []string{name + "-secret"}, replicas: 1})
	}
}

// Scenario builds the starting world of a node: well, old, with its data and its backups.
func (o NodeOptions) Scenario() (Scenario, error) {
	o.defaults()
	var docs []string
	for _, x := range Node(o) {
		gvk, err := kindOf(x)
		if err != nil {
			return Scenario{}, err
		}
		b, err := json.Marshal(x)
		if err != nil {
			return Scenario{}, err
		}
		docs = append(docs, string(withKind(b, findKind(gvk))))
	}
	sc := Scenario{Objects: strings.Join(docs, "\n---\n"), Contents: map[string]string{}, Backups: o.backups()}
	for _, c := range o.Claims() {
		sc.Contents[o.Namespace+"/"+c] = o.text(c, o.Start)
	}
	return sc, nil
}
