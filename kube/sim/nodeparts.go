package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"

	snapv1 "github.com/kubernetes-csi/external-snapshotter/client/v8/apis/volumesnapshot/v1"
	corev1 "k8s.io/api/core/v1"
	apiresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// secrets are invented: no value in them opens anything.
func (b *nodeBuilder) secrets() {
	add := func(name string, pairs ...string) {
		s := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: b.Namespace}, Data: map[string][]byte{}}
		for i := 0; i < len(pairs); i += 2 {
			s.Data[pairs[i]] = []byte(pairs[i+1])
		}
		b.add(s)
	}
	for _, pg := range []string{"sequencer-pg", "mediator-pg", "participant-pg", "apps-pg"} {
		add(pg+"-secret", "postgresPassword", "invented-"+pg)
	}
	for _, app := range []string{"sv", "validator"} {
		pairs := []string{"ledger-api-user", app + "-client@clients", "url", "https://auth.example.com/.well-known/openid-configuration",
			"client-id", app + "-client", "client-secret", "invented-" + app, "audience", "https://ledger.example.com"}
		if token := map[string]string{"sv": b.Token, "validator": b.ValidatorToken}[app]; token != "" {
			pairs = append(pairs, "token", token)
		}
		add("splice-app-"+app+"-ledger-api-auth", pairs...)
	}
	for _, ui := range []string{"sv", "wallet", "cns"} {
		add("splice-app-"+ui+"-ui-auth", "url", "https://auth.example.com", "client-id", ui+"-ui")
	}
	add("splice-app-sv-key", "public", "invented-public-key-of-"+b.SVName, "private", "invented-private-key-of-"+b.SVName)
	add("cometbft-keys", "node_key.json", `{"priv_key":{"type":"invented for `+b.SVName+`"}}`, "priv_validator_key.json", `{"address":"INVENTED FOR `+b.SVName+`"}`)
}

// synchronizer adds sequencer, mediator and CometBFT of one number; only the current one runs.
func (b *nodeBuilder) synchronizer(id int, current bool) {
	rel := fmt.Sprintf("global-domain-%d", id)
	comet := rel + "-cometbft"
	marks := map[string]string{"migration_id": fmt.Sprint(b.MigrationID)}
	n := int32(1)
	if !current {
		n = 0
	}
	b.claim(comet+"-cometbft-data", b.DataSize, "splice-cometbft", comet)
	b.deployment(part{name: comet, chart: "splice-cometbft", component: "cometbft", release: comet, container: "cometbft",
		ports: ports("p2p", 26656, "rpc", 26657), claim: comet + "-cometbft-data", mount: "/cometbft/data", files: "cometbft-keys", extra: marks, replicas: n})
	l := b.labels(comet, "splice-cometbft", "cometbft", comet)
	b.service(comet+"-cometbft-p2p", comet, l, ports("p2p", 26656)...)
	b.service(comet+"-cometbft-rpc", comet, l, ports("rpc", 26657, "metrics", 26660)...)
	b.deployment(part{name: rel + "-sequencer", chart: "splice-global-domain", component: "sequencer", release: rel, container: "sequencer",
		ports: ports("public", 5008, "admin", 5009), db: b.db("sequencer", fmt.Sprintf("sequencer_%d", id)), extra: marks, replicas: n})
	b.service(rel+"-sequencer", rel+"-sequencer", b.labels(rel+"-sequencer", "splice-global-domain", "sequencer", rel), ports("public", 5008, "admin", 5009, "metrics", 10013)...)
	b.deployment(part{name: rel + "-mediator", chart: "splice-global-domain", component: "mediator", release: rel, container: "mediator",
		ports: ports("admin", 5007, "metrics", 10013), db: b.db("mediator", fmt.Sprintf("mediator_%d", id)), extra: marks, replicas: n})
	b.service(rel+"-mediator", rel+"-mediator", b.labels(rel+"-mediator", "splice-global-domain", "mediator", rel), ports("admin", 5007, "metrics", 10013)...)
}

// db is the database of a component; the apps share one server.
func (b *nodeBuilder) db(schema, name string) *partDB {
	server := map[string]string{"sv": "apps-pg", "scan": "apps-pg", "validator": "apps-pg"}[schema]
	if server == "" {
		server = schema + "-pg"
	}
	d := partDB{server: server, secret: server + "-secret", name: name, schema: schema}
	if host, ok := b.Managed[server]; ok {
		d.server = host
	}
	return &d
}

// familyA tells whether the release still recovers with migration dumps (reference/deployment.md 1).
func familyA(release string) bool {
	var a, m, p int
	if n, _ := fmt.Sscanf(release, "%d.%d.%d", &a, &m, &p); n < 3 {
		return false
	}
	return a == 0 && (m < 6 || m == 6 && p <= 1)
}

func (b *nodeBuilder) apps() {
	name := b.Participant()
	marks := map[string]string{"migration_id": fmt.Sprint(b.MigrationID)}
	b.deployment(part{name: name, chart: "splice-participant", component: "participant", release: name, container: "participant",
		ports: ports("ledger", 5001, "admin", 5002, "json", 7575, "metrics", 10013), db: b.db("participant", fmt.Sprintf("participant_%d", b.MigrationID)), secrets: []string{"splice-app-sv-ledger-api-auth"}, extra: marks, replicas: 1})
	b.service(name, name, b.labels(name, "splice-participant", "participant", name), ports("ledger", 5001, "admin", 5002, "json", 7575, "metrics", 10013)...)
	sv := part{name: "sv-app", chart: "splice-sv-node", release: "sv", container: "sv-app", ports: ports("http", 5014), replicas: 1,
		db: b.db("sv", "cantonnet_sv"), secrets: []string{"splice-app-sv-ledger-api-auth"}, files: "splice-app-sv-key", extra: map[string]string{"migration": fmt.Sprint(b.MigrationID)}}
	if familyA(b.Release) {
		sv.claim, sv.mount = "sv-app-global-domain-migration-pvc", "/domain-upgrade-dump"
		b.claim(sv.claim, "20G", "splice-sv-node", "sv")
	}
	b.deployment(sv)
	b.service("sv-app", "sv-app", b.labels("sv-app", "splice-sv-node", "", "sv"), ports("http", 5014, "metrics", 10013)...)
	b.deployment(part{name: "scan-app", chart: "splice-scan", release: "scan", container: "scan-app", ports: ports("http", 5012), replicas: 1,
		db: b.db("scan", "cantonnet_scan"), secrets: []string{"splice-app-sv-ledger-api-auth"}, extra: map[string]string{"migration": fmt.Sprint(b.MigrationID)}})
	b.service("scan-app", "scan-app", b.labels("scan-app", "splice-scan", "", "scan"), ports("http", 5012, "metrics", 10013)...)
	b.deployment(part{name: "validator-app", chart: "splice-validator", release: "validator", container: "validator-app", ports: ports("http", 5003), replicas: 1,
		db: b.db("validator", "cantonnet_validator"), secrets: []string{"splice-app-validator-ledger-api-auth"}})
	b.service("validator-app", "validator-app", b.labels("validator-app", "splice-validator", "", "validator"), ports("http", 5003, "metrics", 10013)...)
	for _, ui := range []part{
		{name: "sv-web-ui", chart: "splice-sv-node", release: "sv", secrets: []string{"splice-app-sv-ui-auth"}},
		{name: "scan-web-ui", chart: "splice-scan", release: "scan"},
		{name: "wallet-web-ui", chart: "splice-validator", release: "validator", secrets: []string{"splice-app-wallet-ui-auth"}},
		{name: "ans-web-ui", chart: "splice-validator", release: "validator", secrets: []string{"splice-app-cns-ui-auth"}},
		{name: "info", chart: "splice-info", release: "info"},
	} {
		ui.container, ui.ports, ui.replicas = ui.name, ports("http", 8080), 1
		b.deployment(ui)
		b.service(ui.name, ui.name, b.labels(ui.name, ui.chart, "", ui.release), ports("http", 80)...)
	}
}

// Claims names the claims of the current node that hold data, in the order in which a backup takes them: the apps before
// the participant (reference/backups.md), the others around them.
func (o NodeOptions) Claims() []string {
	o.defaults()
	all := []string{"pg-data-apps-pg-0", "pg-data-participant-pg-0", "pg-data-sequencer-pg-0", "pg-data-mediator-pg-0",
		fmt.Sprintf("global-domain-%d-cometbft-cometbft-data", o.SerialID)}
	return slices.DeleteFunc(all, func(claim string) bool {
		server := strings.TrimSuffix(strings.TrimPrefix(claim, "pg-data-"), "-0")
		return o.Managed[server] != ""
	})
}

func snapshotClass(name string) *snapv1.VolumeSnapshotClass {
	c := &snapv1.VolumeSnapshotClass{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{defaultSnapClass: "true"}},
		Driver: driverName, DeletionPolicy: snapv1.VolumeSnapshotContentDelete}
	c.SetGroupVersionKind(rSnapClass.gvk())
	return c
}

// PastSnapshot is a snapshot that was taken before the world began.
type PastSnapshot struct {
	Namespace string    `json:"namespace"`
	Claim     string    `json:"claim"`
	Name      string    `json:"name"`
	Class     string    `json:"class"`
	Taken     time.Time `json:"taken"`
	Text      string    `json:"text"` // what the volume held then
	NotReady  bool      `json:"notReady,omitempty"`
}

// backups lists the snapshots of every run: five minutes apart, the participant after the apps unless the order is wrong.
func (o NodeOptions) backups() []PastSnapshot {
	var out []PastSnapshot
	for _, run := range o.Runs {
		claims := o.Claims()
		if run.WrongOrder && len(claims) > 1 {
			claims[0], claims[1] = claims[1], claims[0]
		}
		at := o.Start.Add(-run.Age).UTC().Truncate(time.Second)
		for _, c := range claims {
			if !slices.Contains(run.Missing, c) {
				out = append(out, PastSnapshot{Namespace: o.Namespace, Claim: c, Name: c + "-" + strings.ToLower(run.ID), Class: o.SnapshotClass, Taken: at,
					Text: o.text(c, at), NotReady: slices.Contains(run.NotReady, c)})
			}
			at = at.Add(5 * time.Minute)
		}
	}
	return out
}

// AddSnapshot puts a snapshot of the past into the world, with its content and its text. Its claim must be bound.
func (s *Server) AddSnapshot(p PastSnapshot) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	source := s.handleOf(p.Namespace, p.Claim)
	class := s.store.get(rSnapClass, "", p.Class)
	if source == "" || class == nil {
		return fmt.Errorf("sim: snapshot %s/%s: claim %s is not bound or class %s is missing", p.Namespace, p.Name, p.Claim, p.Class)
	}
	snap := &snapv1.VolumeSnapshot{
		ObjectMeta: metav1.ObjectMeta{Name: p.Name, Namespace: p.Namespace, Finalizers: []string{snapshotSource, snapshotBound}},
		Spec:       snapv1.VolumeSnapshotSpec{VolumeSnapshotClassName: &p.Class, Source: snapv1.VolumeSnapshotSource{PersistentVolumeClaimName: &p.Claim}},
	}
	o, err := s.create(rSnapshot, raw(rSnapshot, snap), false)
	if err != nil {
		return fmt.Errorf("sim: snapshot: %w", err)
	}
	content := "snapcontent-" + string(o.GetUID())
	handle := "snap-" + string(o.GetUID())
	s.disks[handle] = disk{text: p.Text, size: s.disks[source].size, stuck: p.NotReady}
	cl := as[snapv1.VolumeSnapshotClass](class)
	vsc := &snapv1.VolumeSnapshotContent{ObjectMeta: metav1.ObjectMeta{Name: content, Finalizers: []string{contentBound}},
		Spec: snapv1.VolumeSnapshotContentSpec{DeletionPolicy: cl.DeletionPolicy, Driver: cl.Driver, VolumeSnapshotClassName: &p.Class,
			Source: snapv1.VolumeSnapshotContentSource{VolumeHandle: &source},
			VolumeSnapshotRef: corev1.ObjectReference{APIVersion: rSnapshot.apiVersion(), Kind: "VolumeSnapshot",
				Namespace: p.Namespace, Name: p.Name, UID: o.GetUID()}}}
	if _, err := s.create(rContent, raw(rContent, vsc), false); err != nil {
		return fmt.Errorf("sim: snapshot: %w", err)
	}
	taken := metav1.NewTime(p.Taken)
	size, ready := s.disks[source].size, !p.NotReady
	knob := pick(s.knobs.Snapshots, p.Namespace, p.Name)
	cst := snapv1.VolumeSnapshotContentStatus{CreationTime: ptr(p.Taken.UnixNano()), ReadyToUse: &ready, SnapshotHandle: &handle, RestoreSize: &size}
	sst := snapv1.VolumeSnapshotStatus{BoundVolumeSnapshotContentName: &content, CreationTime: &taken, ReadyToUse: &ready, RestoreSize: apiresource.NewQuantity(size, apiresource.BinarySI)}
	if knob.NoRestoreSize || p.NotReady {
		cst.RestoreSize, sst.RestoreSize = nil, nil
	}
	s.setStatus(key{rContent, "", content}, cst)
	s.setStatus(key{rSnapshot, p.Namespace, p.Name}, sst)
	for _, k := range []key{{rContent, "", content}, {rSnapshot, p.Namespace, p.Name}} {
		s.edit(k, func(x *object) { x.SetCreationTimestamp(taken) })
	}
	return nil
}
