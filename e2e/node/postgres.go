//go:build e2e

package node

import (
	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// pgStart makes the data directory on an empty claim and starts the server. A directory that is there without its
// PG_VERSION is refused, as initdb refuses it: damaged data must not be replaced by a fresh server. The directory gets
// its name last, so that a pod which dies half-way leaves nothing that looks whole.
const pgStart = `set -e
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  if [ -d "$PGDATA" ]; then echo "initdb: error: directory \"$PGDATA\" exists but is not empty" >&2; exit 1; fi
  rm -rf "$PGDATA.new"
  printf %s "$POSTGRES_PASSWORD" > /tmp/pw
  initdb -D "$PGDATA.new" -U "$POSTGRES_USER" --pwfile=/tmp/pw --auth-local=trust --auth-host=scram-sha-256 -E UTF8 --locale=C --no-sync > /dev/null
  rm /tmp/pw
  echo "host all all all scram-sha-256" >> "$PGDATA.new/pg_hba.conf"
  echo "CREATE DATABASE $POSTGRES_DB" | postgres --single -D "$PGDATA.new" template1 > /dev/null
  mv "$PGDATA.new" "$PGDATA"
fi
exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/var/run/postgresql \
  -c fsync=off -c autovacuum=off -c shared_buffers=16MB -c max_connections=60`

// pgObjects are the StatefulSet, Service and Secret of one server (c-pg; deployment.md 3.2, 3.4 to 3.7).
func (n *Node) pgObjects(server string) []runtime.Object {
	one, user := int32(1), int64(999)
	labels := map[string]string{"app": server}
	set := &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: server, Labels: labels},
		Spec: appsv1.StatefulSetSpec{
			Replicas: &one, ServiceName: server, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: v1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: v1.PodSpec{
				SecurityContext: &v1.PodSecurityContext{RunAsUser: &user, RunAsGroup: &user, FSGroup: &user},
				Containers: []v1.Container{{
					Name: server, Image: "postgres:rig", ImagePullPolicy: v1.PullNever,
					Command: []string{"sh", "-c", pgStart},
					Env: []v1.EnvVar{
						{Name: "POSTGRES_USER", Value: "cnadmin"},
						fromSecret("POSTGRES_PASSWORD", server+"-secret", "postgresPassword"),
						{Name: "POSTGRES_DB", Value: "cantonnet"},
						{Name: "PGDATA", Value: "/var/lib/postgresql/data/pgdata"},
					},
					Ports: []v1.ContainerPort{{Name: "postgresdb", ContainerPort: 5432}},
					LivenessProbe: &v1.Probe{InitialDelaySeconds: 60, PeriodSeconds: 10, TimeoutSeconds: patience, ProbeHandler: v1.ProbeHandler{
						Exec: &v1.ExecAction{Command: []string{"psql", "-U", "cnadmin", "-d", "template1", "-c", "SELECT 1"}}}},
					VolumeMounts: []v1.VolumeMount{{Name: "pg-data", MountPath: "/var/lib/postgresql/data"}},
				}},
			}},
			VolumeClaimTemplates: []v1.PersistentVolumeClaim{*n.claim("pg-data", "pg-data-"+server+"-0", "1Gi")},
		},
	}
	service := &v1.Service{ObjectMeta: metav1.ObjectMeta{Name: server, Labels: labels},
		Spec: v1.ServiceSpec{Selector: labels, Ports: []v1.ServicePort{{Name: "postgresdb", Port: 5432, TargetPort: intstr.FromInt32(5432)}}}}
	return []runtime.Object{service, set}
}

// claim is a claim named name whose storage class is that of the claim full.
func (n *Node) claim(name, full, size string) *v1.PersistentVolumeClaim {
	class := "rig"
	for _, l := range n.Late {
		if l == full {
			class = "rig-wait"
		}
	}
	return &v1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1.PersistentVolumeClaimSpec{
		AccessModes: []v1.PersistentVolumeAccessMode{v1.ReadWriteOnce}, StorageClassName: &class,
		Resources: v1.VolumeResourceRequirements{Requests: v1.ResourceList{v1.ResourceStorage: resource.MustParse(size)}},
	}}
}

func fromSecret(name, secret, key string) v1.EnvVar {
	return v1.EnvVar{Name: name, ValueFrom: &v1.EnvVarSource{SecretKeyRef: &v1.SecretKeySelector{
		LocalObjectReference: v1.LocalObjectReference{Name: secret}, Key: key}}}
}
