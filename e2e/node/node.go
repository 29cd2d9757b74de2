//go:build e2e

// Package node puts a whole Super Validator node of family B (reference/deployment.md 1) into a namespace of the test
// cluster: the workloads, labels, probes and claims of section 3, real PostgreSQL servers with the tables by which a
// backup set is proven (reference/backups.md 1), and stand-ins that come up only when their data is whole.
//
// It can back the node up, let it go on, damage it so that it crash-loops, and say whether what is there now is what
// was there then.
package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"canton.example/svrescue/e2e/rig"
)

// Config says which node to make.
type Config struct {
	Namespace string
	Network   string // "devnet": part of the chain ID
	SV        string // onboarding name
	Release   string // 0.6.2 to 0.6.7: family B that still has the value migration.id
	Serial    int    // in the names of sequencer, mediator and CometBFT
	Migration int    // frozen; in the participant's database
	Rows      int    // in each bulk table
	// Late names the claims of storage class rig-wait (WaitForFirstConsumer); all others are of class rig (Immediate).
	Late          []string
	Managed       map[string]string // servers outside: the namespace that stands for the provider, which the test plays
	Small         map[string]string // claims of volumes that can be filled, to their size: "200m"
	SnapshotClass string            // rig (no restoreSize) or rig-sized
	Replicas      map[string]int32  // of a Deployment, where not 1
	TermDelay     map[string]string // of a Deployment: how long its pod takes to end, "5s"
	Key           string            // fingerprint of the participant's namespace; empty: one that says that it is invented
	Ledger        string            // host of the network that hears of its participant (Network); empty: none does
	Joins         bool              // its apps are the network's, and begin on empty volumes
	Lag           string            // how far the node is behind its network when it starts, "5m"; 20 s of that pass in a second
}

// Node is a node on the cluster.
type Node struct {
	Config
	*Names
	rig   *rig.Cluster
	grown int // rows beyond Config.Rows
}

// New describes a node; nothing is sent. What is left empty in the configuration gets the value of a small node.
func New(cluster *rig.Cluster, c Config) *Node {
	if c.Network == "" {
		c.Network = "devnet"
	}
	if c.SV == "" {
		c.SV = "SV-" + c.Namespace // no two nodes of the cluster are the same, or each would be taken for the other's double
	}
	if c.Release == "" {
		c.Release = "0.6.4"
	}
	if c.Rows == 0 {
		c.Rows = 2000
	}
	if c.SnapshotClass == "" {
		c.SnapshotClass = "rig"
	}
	n := &Node{Config: c, Names: names(c.Serial, c.Migration), rig: cluster}
	if n.Late == nil {
		n.Late = []string{n.CometBFTClaim, "pg-data-participant-pg-0"}
	}
	return n
}

// Create makes the node: data first, then everything that runs on it. It returns when the objects are there; the pods
// become ready later (WaitReady).
func (n *Node) Create(ctx context.Context) error {
	for server, provider := range n.Managed {
		if err := n.MakeServer(ctx, server, provider); err != nil {
			return err
		}
	}
	releases := n.releases()
	var late []release
	for _, r := range releases {
		if n.Managed[r.name] != "" {
			continue
		}
		if !r.first {
			late = append(late, r)
			continue
		}
		if err := n.install(ctx, r); err != nil {
			return err
		}
	}
	for _, o := range n.loose() {
		if err := n.apply(ctx, o); err != nil {
			return err
		}
	}
	jobs := []func() error{func() error { return n.seedChain(ctx) }}
	for _, server := range Servers {
		jobs = append(jobs, func() error { return n.seedServer(ctx, server) })
	}
	if err := together(jobs); err != nil {
		return err
	}
	for _, r := range late {
		if err := n.install(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// MakeServer makes a server without Helm: one that a provider keeps, or one that stands alone.
func (n *Node) MakeServer(ctx context.Context, server, provider string) error {
	p := *n
	p.Namespace = provider
	secret := &v1.Secret{ObjectMeta: metav1.ObjectMeta{Name: server + "-secret"}, StringData: map[string]string{"postgresPassword": "invented-" + server}}
	for _, o := range append(n.pgObjects(server), secret) {
		if err := p.apply(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

// home is the namespace in which a server's pod runs.
func (n *Node) home(server string) string {
	if provider := n.Managed[server]; provider != "" {
		return provider
	}
	return n.Namespace
}

// host is what the components are told of a server.
func (n *Node) host(server string) string {
	if provider := n.Managed[server]; provider != "" {
		return server + "." + provider + ".svc.cluster.local"
	}
	return server
}

// Claims are those of the node's own namespace that hold data, apps first.
func (n *Node) Claims() []string {
	return slices.DeleteFunc(n.Names.Claims(), func(claim string) bool {
		return n.Managed[strings.TrimSuffix(strings.TrimPrefix(claim, "pg-data-"), "-0")] != ""
	})
}

// CreateSmall makes the claims of Config.Small before anything uses them, and gives their volumes.
func (n *Node) CreateSmall(ctx context.Context) (map[string]string, error) {
	volumes := map[string]string{}
	for name := range n.Small {
		server := strings.TrimSuffix(strings.TrimPrefix(name, "pg-data-"), "-0")
		claim := n.claim(name, name, "1Gi")
		claim.Labels = map[string]string{"app": server}
		if err := n.apply(ctx, claim); err != nil {
			return nil, err
		}
		err := rig.Poll(ctx, "claim "+name+" is not bound", func(ctx context.Context) (bool, error) {
			c, err := n.rig.Kube.CoreV1().PersistentVolumeClaims(n.Namespace).Get(ctx, name, metav1.GetOptions{})
			if err != nil {
				return false, err
			}
			volumes[name] = c.Spec.VolumeName
			return c.Status.Phase == v1.ClaimBound, nil
		})
		if err != nil {
			return nil, err
		}
	}
	return volumes, nil
}

// Twin runs the SV app of this node, keys and all, in another namespace too.
func (n *Node) Twin(ctx context.Context, namespace string) error {
	t := New(n.rig, n.Config)
	t.Namespace = namespace
	for _, o := range n.loose() {
		if err := t.apply(ctx, o); err != nil {
			return err
		}
	}
	for _, r := range t.releases() {
		if r.name == "sv" {
			return t.install(ctx, r)
		}
	}
	return errors.New("there is no release sv")
}

// install makes the objects of a Helm release and the Secret in which Helm remembers it.
func (n *Node) install(ctx context.Context, r release) error {
	for _, o := range r.objects {
		if err := n.apply(ctx, o); err != nil {
			return fmt.Errorf("release %s: %w", r.name, err)
		}
	}
	record, err := r.record(time.Now())
	if err != nil {
		return err
	}
	return n.apply(ctx, record)
}

// apply creates one object; one that is there already is left alone.
func (n *Node) apply(ctx context.Context, o runtime.Object) error {
	k, opt := n.rig.Kube, metav1.CreateOptions{}
	var err error
	switch o := o.(type) {
	case *appsv1.Deployment:
		_, err = k.AppsV1().Deployments(n.Namespace).Create(ctx, o, opt)
	case *appsv1.StatefulSet:
		_, err = k.AppsV1().StatefulSets(n.Namespace).Create(ctx, o, opt)
	case *v1.Service:
		_, err = k.CoreV1().Services(n.Namespace).Create(ctx, o, opt)
	case *v1.Secret:
		_, err = k.CoreV1().Secrets(n.Namespace).Create(ctx, o, opt)
	case *v1.ConfigMap:
		_, err = k.CoreV1().ConfigMaps(n.Namespace).Create(ctx, o, opt)
	case *v1.PersistentVolumeClaim:
		_, err = k.CoreV1().PersistentVolumeClaims(n.Namespace).Create(ctx, o, opt)
	case *v1.Pod:
		_, err = k.CoreV1().Pods(n.Namespace).Create(ctx, o, opt)
	default:
		return fmt.Errorf("no client for %T", o)
	}
	if apierrors.IsAlreadyExists(err) {
		return nil
	}
	return err
}

// WaitReady waits until every pod that should be there is there and ready, and every server answers.
func (n *Node) WaitReady(ctx context.Context) error {
	return rig.Poll(ctx, "node in "+n.Namespace+" is not ready", func(ctx context.Context) (bool, error) {
		missing, err := n.NotReady(ctx)
		if err != nil {
			return false, err
		}
		if len(missing) > 0 {
			return false, fmt.Errorf("not ready: %v", missing)
		}
		for _, s := range Servers {
			if err := n.answers(ctx, s); err != nil {
				return false, err
			}
		}
		return true, nil
	})
}

// NotReady names the workloads that do not have all replicas ready.
func (n *Node) NotReady(ctx context.Context) ([]string, error) {
	var missing []string
	sets, err := n.rig.Kube.AppsV1().StatefulSets(n.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, s := range sets.Items {
		if s.Status.ObservedGeneration != s.Generation || s.Status.ReadyReplicas != *s.Spec.Replicas || s.Status.Replicas != *s.Spec.Replicas || *s.Spec.Replicas == 0 {
			missing = append(missing, s.Name)
		}
	}
	deployments, err := n.rig.Kube.AppsV1().Deployments(n.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, d := range deployments.Items {
		want := n.replicas(d.Name)
		if d.Status.ObservedGeneration != d.Generation || d.Status.ReadyReplicas != want || d.Status.UpdatedReplicas != want || *d.Spec.Replicas != want {
			missing = append(missing, d.Name)
		}
	}
	if len(sets.Items) < len(Servers)-len(n.Managed) || len(deployments.Items) < len(n.Workloads()) {
		missing = append(missing, "objects that are not there")
	}
	return missing, nil
}

func (n *Node) replicas(deployment string) int32 {
	if r, ok := n.Replicas[deployment]; ok {
		return r
	}
	return 1
}

// together runs the jobs side by side and joins their errors.
func together(jobs []func() error) error {
	errs := make([]error, len(jobs))
	var wg sync.WaitGroup
	for i, job := range jobs {
		wg.Go(func() { errs[i] = job() })
	}
	wg.Wait()
	return errors.Join(errs...)
}
