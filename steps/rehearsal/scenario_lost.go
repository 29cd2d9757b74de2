package rehearsal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/sim"
	"canton.example/svrescue/steps/record"
	"canton.example/svrescue/steps/wire"
)

// lostKey is the Secret that somebody has made anew without one of its keys.
const lostKey = "splice-app-sv-key"

func lostCluster() Scenario {
	return Scenario{ID: "restore-lost-cluster", Path: "restore-lost", Title: "The whole cluster is lost", Expect: wire.Recovered,
		Teaches: "what a record made in peace is for, and which Secrets must be kept elsewhere",
		Faults:  []string{"the node's cluster is gone; a snapshot of its CometBFT was brought into an empty namespace of another", "the databases are backed up by pg_dump", "the Secret " + lostKey + " was made anew without its private key"},
		Dumps:   someDumps(nil),
		World:   func(now time.Time) (sim.Scenario, error) { return lostWorld(dumped(now)) },
		Record:  func(now time.Time) (map[string][]byte, error) { return lostRecord(now, node(now)) },
		Operator: func(ctx context.Context, e Elsewhere, _ wire.View, q wire.Question) (wire.Answer, bool) {
			if q.Name != "restore-lost/secrets.remedy" {
				return wire.Answer{}, false
			}
			return wire.Answer{Choice: wire.ChoiceRetry}, makeKey(ctx, e) == nil
		}}
}

// lostWorld is an empty namespace: the Secrets that the operator has put there, and the storage's snapshots of the node that is gone.
func lostWorld(o sim.NodeOptions) (sim.Scenario, error) {
	s, err := world(o)
	if err != nil {
		return s, err
	}
	objects, err := kube.Objects([]byte(s.Objects))
	if err != nil {
		return s, err
	}
	var docs bytes.Buffer
	for _, object := range objects {
		switch object.Kind() {
		case "Namespace", "StorageClass", "VolumeSnapshotClass":
		case "Secret":
			if strings.HasPrefix(object.Name(), "sh.helm.release.") || object.Name() == lostKey {
				continue
			}
		default:
			continue
		}
		text, err := object.YAML()
		if err != nil {
			return s, err
		}
		docs.WriteString("---\n")
		docs.Write(text)
	}
	docs.WriteString(secretDoc(lostKey, "public"))
	snapshots := map[string]string{}
	for _, b := range s.Backups {
		snapshots[b.Namespace+"/"+b.Name] = b.Text
		docs.WriteString(broughtIn(o, b))
	}
	s.Objects, s.Snapshots, s.Contents, s.Backups = docs.String(), snapshots, nil, nil
	return s, nil
}

// broughtIn is a snapshot of the storage that somebody has made known to a cluster which did not take it.
func broughtIn(o sim.NodeOptions, b sim.PastSnapshot) string {
	return fmt.Sprintf(`---
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshotContent
metadata: {name: %[2]s-content, creationTimestamp: %[6]q}
spec:
  deletionPolicy: Retain
  driver: csi.rig.local
  source: {snapshotHandle: storage-%[2]s}
  volumeSnapshotClassName: %[3]s
  volumeSnapshotRef: {namespace: %[1]s, name: %[2]s}
status: {readyToUse: true, snapshotHandle: storage-%[2]s, creationTime: %[4]d, restoreSize: %[5]d}
---
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshot
metadata: {name: %[2]s, namespace: %[1]s, creationTimestamp: %[6]q}
spec:
  volumeSnapshotClassName: %[3]s
  source: {volumeSnapshotContentName: %[2]s-content}
`, b.Namespace, b.Name, o.SnapshotClass, b.Taken.UnixNano(), int64(20*gib), o.Start.UTC().Add(-time.Hour).Format(time.RFC3339))
}

// secretDoc is a Secret with invented values under these keys.
func secretDoc(name string, keys ...string) string {
	data := map[string]string{}
	for _, k := range keys {
		data[k] = "invented-" + k + "-key-of-" + svName
	}
	doc, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": name, "namespace": namespace}, "stringData": data})
	if err != nil {
		panic(err) // strings only
	}
	return "---\n" + string(doc) + "\n"
}

// makeKey makes the Secret anew, with both of its keys, as the step asks for.
func makeKey(ctx context.Context, e Elsewhere) error {
	secrets := kube.Place{Version: "v1", Resource: "secrets", Namespaced: true}
	objects, err := kube.Objects([]byte(secretDoc(lostKey, "public", "private")))
	if err != nil {
		return err
	}
	old, found, err := e.Cluster.Find(ctx, secrets, e.Namespace, lostKey)
	if err != nil {
		return err
	}
	hands := e.Cluster.Hands([]kube.Access{secrets.Access("delete", e.Namespace, lostKey), secrets.Access("create", e.Namespace, lostKey)}, false)
	if found {
		if err := hands.Remove(ctx, secrets, e.Namespace, lostKey, old.UID); err != nil {
			return err
		}
	}
	return hands.Create(ctx, secrets, objects[0], "operator")
}

// lostRecord is the record that was made of the node while it was well.
func lostRecord(now time.Time, o sim.NodeOptions) (map[string][]byte, error) {
	s, err := o.Scenario()
	if err != nil {
		return nil, err
	}
	objects, err := kube.Objects([]byte(s.Objects))
	if err != nil {
		return nil, err
	}
	index := record.Index{Version: record.Version, Made: now.Add(-20 * 24 * time.Hour).UTC(), Network: network, SV: svName, Cluster: "lost", Namespace: namespace, Release: release}
	for _, object := range objects {
		if object.Kind() == "Secret" {
			index.Secrets = append(index.Secrets, kube.SecretShape{Name: object.Name(), Type: "Opaque", Keys: object.DataKeys()})
		}
	}
	releases, manifests, err := installedReleases(o, objects)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	put := func(name string, data []byte) {
		sum := sha256.Sum256(data)
		files[name] = data
		index.Files = append(index.Files, record.File{Name: name, SHA256: hex.EncodeToString(sum[:])})
	}
	for _, r := range releases {
		text, err := helmRecord(o, r, manifests[r.name])
		if err != nil {
			return nil, err
		}
		put("helm/"+r.name+".release", []byte(text))
		index.Helm = append(index.Helm, record.Helm{Name: r.name, Chart: r.chart, Version: release, Revision: 1, Status: "deployed", Charted: true})
	}
	for _, claim := range o.Claims() {
		put("persistentvolumeclaims/"+claim+".yaml", []byte(fmt.Sprintf(`apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: %s, namespace: %s}
spec: {storageClassName: %s, accessModes: [ReadWriteOnce], resources: {requests: {storage: %s}}}
`, claim, namespace, o.StorageClass, o.DataSize)))
	}
	data, err := json.MarshalIndent(index, "", "  ")
	files[record.IndexFile] = data
	return files, err
}

// installedReleases are all releases of the node, and the manifest of each by its name.
func installedReleases(o sim.NodeOptions, objects []kube.Object) ([]helmRelease, map[string]string, error) {
	releases, manifests := helmReleases(o), map[string]string{}
	for _, object := range objects {
		name := object.Annotations()["meta.helm.sh/release-name"]
		if name == "" {
			continue
		}
		chart := strings.TrimSuffix(object.Labels()["helm.sh/chart"], "-"+release)
		if !slices.ContainsFunc(releases, func(r helmRelease) bool { return r.name == name }) {
			releases = append(releases, helmRelease{name: name, chart: chart})
		}
		text, err := object.YAML()
		if err != nil {
			return nil, nil, err
		}
		manifests[name] += "---\n" + string(text)
	}
	return releases, manifests, nil
}
