//go:build e2e

package node

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"

	"canton.example/svrescue/e2e/rig"
	"canton.example/svrescue/steps/rehearsal"
)

// LostNetwork is the pod that plays a network which has lost its CometBFT layer (e2e/standin), in a namespace of its own.
type LostNetwork struct {
	Namespace string
	rig       *rig.Cluster
}

// StartLostNetwork makes it. It returns when the pod is ready: from then on the network is lost.
func StartLostNetwork(ctx context.Context, cluster *rig.Cluster, namespace string, plan rehearsal.Loss) (*LostNetwork, error) {
	text, err := json.Marshal(plan)
	if err != nil {
		return nil, err
	}
	on := New(cluster, Config{Namespace: namespace})
	w := workload{name: "network", container: "network", role: "lost-network", ports: ports("http", 8080), env: []v1.EnvVar{{Name: "PLAN", Value: string(text)}},
		readiness: &v1.Probe{PeriodSeconds: 1, ProbeHandler: get("/admin/state", 8080)}}
	for _, o := range []runtime.Object{on.deployment(w), service("network", "network", "http", 8080)} {
		if err := on.apply(ctx, o); err != nil {
			return nil, err
		}
	}
	n := &LostNetwork{namespace, cluster}
	return n, rig.Poll(ctx, "the network does not answer", func(ctx context.Context) (bool, error) { // a ready pod is not yet behind its service
		_, err := n.Recovery(ctx)
		return err == nil, err
	})
}

// Recovery is how far the recovery is: whether the SV app of the node has started the new synchronizer from a dump, with data of which time, and a
// time that the SVs can agree on.
type Recovery struct {
	Migrated     bool
	AsOf, Agreed time.Time
}

// Recovery asks the network.
func (n *LostNetwork) Recovery(ctx context.Context) (r Recovery, err error) {
	text, err := n.rig.Kube.CoreV1().Services(n.Namespace).ProxyGet("http", "network", "80", "admin/state", nil).DoRaw(ctx)
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(text, &r)
}

// SaveCharts writes the charts of a node of this network, and gives its releases in the order of their installation: those of the rehearsal, whose
// pods here are real ones.
func (n *LostNetwork) SaveCharts(folder, namespace string) ([]rehearsal.LostChart, error) {
	all, _, err := rehearsal.LostCharts()
	if err != nil {
		return nil, err
	}
	for i, c := range all {
		where := filepath.Join(folder, c.Chart)
		template, err := n.dressed(c)
		if err != nil {
			return nil, err
		}
		for name, text := range map[string]string{"Chart.yaml": fmt.Sprintf("apiVersion: v2\nname: %s\nversion: %s\nappVersion: %s\n", c.Chart, c.Version, c.Version), "values.yaml": "{}\n", "templates/all.yaml": template} {
			if err := write(where, name, []byte(text)); err != nil {
				return nil, err
			}
		}
		text, err := yaml.Marshal(c.Values)
		if err != nil {
			return nil, err
		}
		text = []byte(strings.NewReplacer("standard-rwo", "rig", "20Gi", "1Gi", "scan-app.sv:", "scan-app."+namespace+":").Replace(string(text)))
		if err := write(folder, "of-"+c.Release+".yaml", text); err != nil {
			return nil, err
		}
		all[i].Template = template
	}
	return all, nil
}

// Secrets makes what operators make beside Helm, with keys that CometBFT takes.
func (n *LostNetwork) Secrets(ctx context.Context, namespace string, comet map[string]string) error {
	_, secrets, err := rehearsal.LostCharts()
	if err != nil {
		return err
	}
	for _, o := range secrets {
		text, err := o.YAML()
		if err != nil {
			return err
		}
		var s v1.Secret
		if err := yaml.Unmarshal(text, &s); err != nil {
			return err
		}
		s.Namespace = namespace
		if s.Name == "cometbft-keys" {
			s.Data, s.StringData = nil, comet
		}
		if _, err := n.rig.Kube.CoreV1().Secrets(namespace).Create(ctx, &s, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	return nil
}

var (
	containerName = regexp.MustCompile(`\n        name: (\S+|\{\{ [^}]* \}\})\n        ports:`)
	anyImage      = regexp.MustCompile(`image: ghcr\.io/[^\n]*`)
	targetPorts   = regexp.MustCompile(`\n    targetPort: 0`)
	serverOf      = regexp.MustCompile(`(?:POSTGRES_SERVER\n          value: |serverName = ")([^\n"]+)`)
	databaseOf    = regexp.MustCompile(`(?:POSTGRES_DB\n          value: |databaseName = ")([^\n"]+)`)
)

// dressed is the template of a chart whose pods run: images of the cluster, probes, users, and what a stand-in is told.
func (n *LostNetwork) dressed(c rehearsal.LostChart) (string, error) {
	text := strings.ReplaceAll(c.Template, "port: 80\n    targetPort: 0", "port: 80\n    targetPort: 8080")
	text = strings.ReplaceAll(targetPorts.ReplaceAllString(text, ""), "standard-rwo", "rig")
	docs := strings.Split(text, "---\n")
	for i, doc := range docs {
		m := containerName.FindStringSubmatch(doc)
		if m == nil {
			continue
		}
		var err error
		if docs[i], err = n.dressedPod(doc, c.Chart, m[1]); err != nil {
			return "", err
		}
	}
	return strings.Join(docs, "---\n"), nil
}

func (n *LostNetwork) dressedPod(doc, chart, container string) (string, error) {
	var env, image, user string
	probe := "{httpGet: {path: /, port: 8080}, periodSeconds: 5, timeoutSeconds: 10}"
	add := func(name, value string) { env += fmt.Sprintf("        - name: %s\n          value: %s\n", name, value) }
	image, user = "standin:rig", "1001"
	switch container {
	case "cometbft":
		image, probe = "chain:rig", "{httpGet: {path: /health, port: 26657}, periodSeconds: 2, timeoutSeconds: 10}"
		add("CHAIN_ID", "{{ .Values.genesis.chainId | quote }}")
		add("MONIKER", "{{ .Values.node.identifier | quote }}")
		add("KEYS", "/files")
		add("DATA", "/cometbft/data")
	case "sequencer", "mediator", "participant":
		probe = "{grpc: {port: 5061}, periodSeconds: 2, timeoutSeconds: 10}"
		add("ROLE", container)
	case "sv-app", "scan-app", "validator-app":
		probe = map[string]string{"sv-app": "{httpGet: {path: /api/sv/readyz, port: 5014}", "scan-app": "{httpGet: {path: /api/scan/readyz, port: 5012}", "validator-app": "{httpGet: {path: /api/validator/readyz, port: 5003}"}[container] + ", periodSeconds: 2, timeoutSeconds: 10}"
		add("ROLE", container)
		if container == "sv-app" {
			add("COMETBFT", "{{ .Values.cometBFT.connectionUri | quote }}")
		}
	case "info":
		add("ROLE", "info")
	default:
		add("ROLE", "web-ui")
	}
	if chart == "splice-postgres" {
		start, err := json.Marshal([]string{"sh", "-c", pgStart})
		if err != nil {
			return "", err
		}
		env, user = "", "999"
		probe = `{exec: {command: [psql, -U, cnadmin, -d, cantonnet, -c, SELECT 1]}, periodSeconds: 5, timeoutSeconds: 10}`
		doc = strings.Replace(doc, "        image: postgres:14\n", "        image: postgres:rig\n        imagePullPolicy: Never\n        command: "+string(start)+"\n", 1)
	}
	if env != "" {
		add("VERSION", "{{ .Chart.Version | quote }}")
		env += fieldOf("POD_NAME", "metadata.name") + fieldOf("POD_NAMESPACE", "metadata.namespace") + fieldOf("WORKLOAD", "metadata.labels['app']")
	}
	if strings.HasSuffix(container, "-app") || strings.HasPrefix(probe, "{grpc") {
		add("LOST_NETWORK", "http://network."+n.Namespace)
	}
	if at := strings.Index(doc, "      containers:\n      - image:"); at >= 0 {
		doc = strings.Replace(doc, "      containers:\n      - image:", "      containers:\n      - env:\n"+env+"        image:", 1)
	} else {
		doc = strings.Replace(doc, "      containers:\n      - env:\n", "      containers:\n      - env:\n"+env, 1)
	}
	doc = strings.Replace(doc, "      containers:\n", "      terminationGracePeriodSeconds: 10\n      securityContext: {runAsUser: "+user+", runAsGroup: "+user+", fsGroup: "+user+"}\n      containers:\n", 1)
	if liveness := strings.Replace(probe, "port: 5061}, periodSeconds: 2", "port: 5061, service: liveness}, periodSeconds: 6, failureThreshold: 5", 1); liveness != probe {
		doc = strings.Replace(doc, "        resources: {}\n", "        livenessProbe: "+liveness+"\n        resources: {}\n", 1)
	}
	doc = strings.Replace(doc, "        resources: {}\n", "        readinessProbe: "+probe+"\n", 1)
	doc = anyImage.ReplaceAllString(doc, "image: "+image+"\n        imagePullPolicy: Never")
	server, database := serverOf.FindStringSubmatch(doc), databaseOf.FindStringSubmatch(doc)
	if server == nil || database == nil {
		return doc, nil
	}
	// the init container makes the component's database where there is none (reference/deployment.md 3.6)
	psql := "psql -h " + server[1] + " -U cnadmin -d cantonnet"
	script := fmt.Sprintf(`
        command:
        - sh
        - -c
        - |
          until %[1]s -c 'SELECT 1' > /dev/null; do sleep 1; done
          %[1]s -Atc "SELECT 1 FROM pg_database WHERE datname = '%[2]s'" | grep -q 1 || %[1]s -c 'CREATE DATABASE %[2]s'`, psql, database[1])
	return strings.Replace(doc, "image: postgres:14\n", "image: postgres:rig\n        imagePullPolicy: Never"+script+"\n", 1), nil
}

func fieldOf(name, path string) string {
	return fmt.Sprintf("        - name: %s\n          valueFrom: {fieldRef: {fieldPath: %q}}\n", name, path)
}
