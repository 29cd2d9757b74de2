//go:build e2e

package node

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"canton.example/svrescue/e2e/rig"
	"canton.example/svrescue/steps/rehearsal"
)

// Network is the pod that plays the network of a re-onboarding (e2e/standin), in a namespace of its own. The other SVs' scans have a Service each.
type Network struct {
	Namespace string
	Place     rehearsal.Place
	rig       *rig.Cluster
}

const (
	peers   = 12               // other SVs in a network
	imports = 10 * time.Minute // how long an import takes, before the pace: as many seconds at 60
)

// StartNetwork makes the network in which an SV was lost. Some scans are silent, behind or lying, as on an ordinary day.
func StartNetwork(ctx context.Context, cluster *rig.Cluster, namespace, sv string, pace float64) (*Network, error) {
	n := &Network{Namespace: namespace, rig: cluster, Place: rehearsal.Place{SV: sv, Hosts: "%s-sv-%02d." + namespace, Pace: pace}}
	books, err := json.Marshal(rehearsal.Books{Lying: 1, Import: rehearsal.Import{Takes: imports}, Place: n.Place})
	if err != nil {
		return nil, err
	}
	net, err := json.Marshal(rehearsal.Net{Silent: 1, Stale: 1})
	if err != nil {
		return nil, err
	}
	on := New(cluster, Config{Namespace: namespace})
	w := workload{name: "network", container: "network", role: "network", ports: ports("http", 8080), readiness: &v1.Probe{PeriodSeconds: 1, ProbeHandler: get("/admin/state", 8080)},
		env: []v1.EnvVar{{Name: "BOOKS", Value: string(books)}, {Name: "NET", Value: string(net)}}}
	objects := []runtime.Object{on.deployment(w), service("network", "network", "http", 8080)}
	for i := range peers {
		objects = append(objects, service(fmt.Sprintf("scan-sv-%02d", i+1), "network", "http", 8080), service(fmt.Sprintf("sv-sv-%02d", i+1), "network", "http", 8080))
	}
	for _, o := range objects {
		if err := on.apply(ctx, o); err != nil {
			return nil, err
		}
	}
	return n, rig.Poll(ctx, "the network is not ready", func(ctx context.Context) (bool, error) {
		d, err := cluster.Kube.AppsV1().Deployments(namespace).Get(ctx, "network", metav1.GetOptions{})
		return err == nil && d.Status.ReadyReplicas == 1, err
	})
}

// Host is where the network's own pod answers, and Scan the address of the scan of another SV, counted from 1.
func (n *Network) Host() string       { return "network." + n.Namespace }
func (n *Network) Scan(sv int) string { return fmt.Sprintf("http://scan-sv-%02d.%s", sv, n.Namespace) }
func (n *Network) Sponsor() string    { return fmt.Sprintf("http://sv-sv-%02d.%s", 3, n.Namespace) }

// Told is what the network's books say.
type Told struct {
	Ledger struct {
		SVs, Offboarded []string
		Burnt           string
		Owned           map[string]struct{ Unlocked, Locked string }
		Transfers       map[string]struct {
			Form, Sender, Receiver, Amount, State string
			Made                                  int
		}
	}
	Created map[string]int
	Fault   string
	Fresh   map[string]string
	Doubles []string
	Holds   bool
}

// Told asks the network.
func (n *Network) Told(ctx context.Context) (Told, error) {
	var t Told
	text, err := n.rig.Kube.CoreV1().Services(n.Namespace).ProxyGet("http", "network", "80", "admin/state", nil).DoRaw(ctx)
	if err != nil {
		return t, err
	}
	return t, json.Unmarshal(text, &t)
}

// Do has the network do something: propose, hold?skip=N or release.
func (n *Network) Do(ctx context.Context, what string, params map[string]string) error {
	q := n.rig.Kube.CoreV1().RESTClient().Post().Namespace(n.Namespace).Resource("services").Name("http:network:80").SubResource("proxy").Suffix("admin/" + what)
	for name, value := range params {
		q.Param(name, value)
	}
	return q.Do(ctx).Error()
}

// membership is what a component is told of its network.
func (n *Node) membership() []v1.EnvVar {
	if n.Ledger == "" {
		return nil
	}
	field := func(name, path string) v1.EnvVar {
		return v1.EnvVar{Name: name, ValueFrom: &v1.EnvVarSource{FieldRef: &v1.ObjectFieldSelector{FieldPath: path}}}
	}
	env := []v1.EnvVar{{Name: "LEDGER", Value: "http://" + n.Ledger}, field("POD_NAME", "metadata.name"), field("POD_NAMESPACE", "metadata.namespace")}
	if n.Joins {
		env = append(env, v1.EnvVar{Name: "JOINS", Value: "true"}, v1.EnvVar{Name: "PARTICIPANT", Value: n.Participant + ":7575"})
	}
	return env
}

// Audience is that of tokens for the API of the node's validator, and User who has its wallet.
const (
	Audience = "https://validator.sv.example.invalid/api"
	User     = "auth0|example"
)

// SaveFor writes values files and charts of a node that joins a network: a whole SV, and, with values of its own, a standalone validator. The charts
// take the values of the documentation's examples by which these differ (reference/deployment.md 4), and nothing of them is from Splice.
func (n *Network) SaveFor(values, charts, release string) error {
	of := New(n.rig, Config{Namespace: "joins", SV: n.Place.SV, Release: release, Ledger: n.Host(), Joins: true, Late: []string{}})
	var list []map[string]any
	for _, r := range of.releases() {
		file := "of-" + r.name + ".yaml"
		list = append(list, map[string]any{"name": r.name, "chart": r.chart, "chartVersion": r.version, "values": []string{file}})
		switch r.chart {
		case "splice-sv-node":
			r.values["joinWithKeyOnboarding"] = map[string]any{"sponsorApiUrl": n.Sponsor()}
		case "splice-validator":
			r.values["auth"] = map[string]any{"audience": Audience, "jwksUrl": "https://login.example.invalid/.well-known/jwks.json"}
		}
		text, err := yaml.Marshal(r.values)
		if err != nil {
			return err
		}
		if err := write(values, file, text); err != nil {
			return err
		}
		chart := filepath.Join(charts, r.chart)
		more, defaults := joining(r)
		if err := r.save(chart, more); err != nil {
			return err
		}
		if err := write(chart, "values.yaml", []byte(defaults)); err != nil {
			return err
		}
	}
	text, err := yaml.Marshal(map[string]any{"version": 1, "releases": list})
	if err != nil {
		return err
	}
	return write(values, "releases.yaml", text)
}

// mark is a volume in the place of which the chart of the validator has the dump, where there is one.
const mark = "in-place-of-the-dump"

// markDump puts it into the Deployment of the validator app, with what this is told and with the Secrets of its logins (reference/deployment.md 3.7).
func markDump(r release) {
	for _, o := range r.objects {
		d, is := o.(*appsv1.Deployment)
		if !is {
			continue
		}
		if ui := map[string]string{"wallet-web-ui": "splice-app-wallet-ui-auth", "ans-web-ui": "splice-app-cns-ui-auth"}[d.Name]; ui != "" {
			d.Spec.Template.Spec.Containers[0].Env = append(d.Spec.Template.Spec.Containers[0].Env, fromSecret("SPLICE_APP_UI_AUTH_CLIENT_ID", ui, "client-id"))
		}
		if d.Name == "validator-app" {
			pod := &d.Spec.Template.Spec
			pod.Volumes = append(pod.Volumes, v1.Volume{Name: mark, VolumeSource: v1.VolumeSource{EmptyDir: &v1.EmptyDirVolumeSource{}}})
			pod.Containers[0].VolumeMounts = append(pod.Containers[0].VolumeMounts, v1.VolumeMount{Name: mark, MountPath: rehearsal.DumpMount})
			for _, name := range []string{rehearsal.IdentifierVar, rehearsal.HintVar, rehearsal.MigrateVar, rehearsal.AudienceVar, rehearsal.UsersVar} {
				pod.Containers[0].Env = append(pod.Containers[0].Env, v1.EnvVar{Name: name, Value: "value of " + name})
			}
			for _, key := range []string{"url", "client-id", "client-secret", "ledger-api-user"} {
				pod.Containers[0].Env = append(pod.Containers[0].Env, fromSecret("SPLICE_APP_VALIDATOR_"+strings.ToUpper(strings.ReplaceAll(key, "-", "_")), "splice-app-validator-ledger-api-auth", key))
			}
		}
	}
}

// joining are the changes by which a chart takes values, and its defaults.
func joining(r release) (changes []string, defaults string) {
	value := func(name, from string) {
		changes = append(changes, "value: value of "+name, "value: {{ "+from+" | quote }}")
	}
	switch r.chart {
	case "splice-postgres":
		return []string{r.name + "-secret", "{{ .Values.persistence.secretName }}", "storageClassName: rig", "storageClassName: {{ .Values.db.volumeStorageClass }}"}, "db: {volumeSize: 20Gi, volumeStorageClass: rig}\npersistence: {}\n"
	case "splice-participant":
		return []string{"participant-pg-secret", "{{ .Values.persistence.secretName }}", "participant-pg", "{{ .Values.persistence.host }}", "participant_0", "{{ .Values.persistence.databaseName }}"}, "persistence: {}\n"
	case "splice-validator":
		markDump(r)
		changes = []string{"apps-pg-secret", "{{ .Values.persistence.secretName }}", "apps-pg", "{{ .Values.persistence.host }}",
			"cantonnet_validator", `{{ .Values.persistence.databaseName | default "cantonnet_validator" }}`,
			"participant:5001,scan-app:5012", "participant:5001{{ if .Values.svValidator }},scan-app:5012{{ end }}",
			"        - mountPath: " + rehearsal.DumpMount + "\n          name: " + mark + "\n", "{{- if .Values.participantIdentitiesDumpImport }}\n        - {name: bootstrap-dump, mountPath: " + rehearsal.DumpMount + ", readOnly: true}\n{{- end }}\n",
			"      - emptyDir: {}\n        name: " + mark + "\n", "{{- with .Values.participantIdentitiesDumpImport }}\n      - {name: bootstrap-dump, secret: {secretName: {{ .secretName }}}}\n{{- end }}\n"}
		value(rehearsal.IdentifierVar, `.Values.participantIdentitiesDumpImport.newParticipantIdentifier | default ""`)
		value(rehearsal.HintVar, `.Values.validatorPartyHint | default ""`)
		value(rehearsal.MigrateVar, `.Values.migrateValidatorParty | default false`)
		value(rehearsal.AudienceVar, `.Values.auth.audience`)
		value(rehearsal.UsersVar, `join " " .Values.validatorWalletUsers`)
		return changes, "svValidator: false\npersistence: {}\nauth: {}\nvalidatorWalletUsers: []\nparticipantIdentitiesDumpImport: {}\n"
	}
	return nil, "{}\n"
}
