//go:build e2e

package node

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"canton.example/svrescue/e2e/rig"
)

// SQL runs statements in a database, by psql in the server's pod over its local socket, and gives the rows unaligned.
func (n *Node) SQL(ctx context.Context, server, database, statements string) (string, error) {
	return n.sqlAs(ctx, "cnadmin", server, database, statements)
}

func (n *Node) sqlAs(ctx context.Context, user, server, database, statements string) (string, error) {
	return n.rig.Exec(ctx, n.home(server), server+"-0", server, statements,
		"psql", "-U", user, "-d", database, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-")
}

// answers is an error as long as the server does not. The end of the stream is not taken for success: on a busy machine an
// exec can end without telling how its command ended.
func (n *Node) answers(ctx context.Context, server string) error {
	out, err := n.rig.Exec(ctx, n.home(server), server+"-0", server, "", "psql", "-U", "cnadmin", "-d", "cantonnet", "-X", "-q", "-A", "-t", "-c", "SELECT 1")
	if err == nil && strings.TrimSpace(out) != "1" {
		err = fmt.Errorf("%s in %s answers %q", server, n.Namespace, out)
	}
	return err
}

// seedServer waits until the server answers and fills its databases.
func (n *Node) seedServer(ctx context.Context, server string) error {
	err := rig.Poll(ctx, server+" does not answer", func(ctx context.Context) (bool, error) {
		err := n.answers(ctx, server)
		return err == nil, err
	})
	if err != nil {
		return err
	}
	for _, d := range n.Databases {
		if d.Server != server {
			continue
		}
		if _, err := n.SQL(ctx, server, "cantonnet", "CREATE DATABASE "+d.Name+";"); err != nil {
			return err
		}
		if _, err := n.SQL(ctx, server, d.Name, n.tables(d)+n.rows(d, 1, n.Rows)); err != nil {
			return err
		}
	}
	return nil
}

// begin is what makes the tables of a component that joins a network.
func (n *Node) begin(d Database) string {
	s := fmt.Sprintf("CREATE SCHEMA %s;\n", d.Schema)
	if d.Component == "participant" {
		return s + positions
	}
	return s + fmt.Sprintf("CREATE TABLE %s.store_last_ingested_offsets (store_id integer, migration_id bigint, last_ingested_offset text);\n", d.Schema)
}

// positions is the table in which a participant says who it is and how far its ledger got.
const positions = `CREATE TABLE participant.lapi_parameters (ledger_end bigint, participant_id text NOT NULL,
 participant_pruned_up_to_inclusive bigint, ledger_end_sequential_id bigint, ledger_end_string_interning_id integer,
 ledger_end_publication_time bigint);
`

// tables are the two tables that prove the order of a backup set (backups.md 1), one that tells whose a database is, and one that is only
// bulk.
func (n *Node) tables(d Database) string {
	s := fmt.Sprintf("CREATE SCHEMA %[1]s; CREATE TABLE %[1]s.bulk (id bigint PRIMARY KEY, key text NOT NULL, payload text NOT NULL);\n", d.Schema)
	switch d.Component {
	case "participant":
		s += positions + `INSERT INTO participant.lapi_parameters VALUES (0, '` + n.SV + `::` + cmp.Or(n.Key, "1220example") + `', NULL, 0, 0, 0);
`
	case "sequencer":
		s += `CREATE TABLE sequencer.sequencer_lower_bound (single_row_lock char(1) PRIMARY KEY, ts bigint NOT NULL);
INSERT INTO sequencer.sequencer_lower_bound VALUES ('X', 1);
`
	case "mediator":
		s += `CREATE TABLE mediator.med_response_aggregations (request_id bigint PRIMARY KEY, version bigint NOT NULL);
INSERT INTO mediator.med_response_aggregations VALUES (1, 1);
`
	case "sv-app", "scan-app", "validator-app":
		s += fmt.Sprintf(`CREATE TABLE %[1]s.store_last_ingested_offsets (store_id integer, migration_id bigint, last_ingested_offset text,
 PRIMARY KEY (store_id, migration_id));
INSERT INTO %[1]s.store_last_ingested_offsets SELECT s, %[2]d, '' FROM generate_series(1, 3) s;
`, d.Schema, n.Migration)
	}
	return s
}

// rows adds bulk rows and moves the position in the ledger to the last of them: the participant is always three ahead
// of what an app has read.
func (n *Node) rows(d Database, from, to int) string {
	s := fmt.Sprintf("INSERT INTO %s.bulk SELECT i, md5(i::text), repeat(md5('%s' || i), 4) FROM generate_series(%d, %d) i;\n", d.Schema, d.Name, from, to)
	switch d.Component {
	case "participant":
		s += fmt.Sprintf(`UPDATE participant.lapi_parameters SET ledger_end = %d, ledger_end_sequential_id = %d,
 ledger_end_string_interning_id = 40, ledger_end_publication_time = (extract(epoch FROM now()) * 1000000)::bigint;
`, to+3, to+3)
	case "sv-app", "scan-app", "validator-app":
		s += fmt.Sprintf("UPDATE %s.store_last_ingested_offsets SET last_ingested_offset = lpad(to_hex(%d - store_id + 1), 18, '0');\n", d.Schema, to)
	}
	return s
}

// Bulk makes a table participant.big of so many MiB in a database, in rows that compress about as badly as contracts do. The database is
// made if it is not there.
func (n *Node) Bulk(ctx context.Context, server, database string, mib int) error {
	err := rig.Poll(ctx, server+" does not answer", func(ctx context.Context) (bool, error) {
		err := n.answers(ctx, server)
		return err == nil, err
	})
	if err != nil {
		return err
	}
	_, err = n.SQL(ctx, server, "cantonnet", fmt.Sprintf("SELECT 'CREATE DATABASE %[1]s' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '%[1]s') \\gexec\n", database))
	if err != nil {
		return err
	}
	const row = 1024 // 31 digests and an identifier
	_, err = n.SQL(ctx, server, database, fmt.Sprintf(`CREATE SCHEMA IF NOT EXISTS participant;
CREATE TABLE participant.big (id bigint PRIMARY KEY, payload text NOT NULL);
ALTER TABLE participant.big ALTER payload SET STORAGE EXTERNAL;
INSERT INTO participant.big SELECT i, (SELECT string_agg(md5(i || ' ' || j), '') FROM generate_series(1, 31) j) FROM generate_series(1, %d) i;
`, mib<<20/row))
	return err
}

// chainScript writes the block store of CometBFT with $1 blocks: a line for each, the checksum last, in place by one
// rename (e2e/standin/cometbft.go).
const chainScript = `set -e
cd "$2"
awk -v n="$1" 'BEGIN { for (i = 1; i <= n; i++) printf "height %08d app-hash %08x\n", i, (i * 40503) % 4294967296 }' > blockstore.db.new
sum=$(sha256sum blockstore.db.new | cut -d' ' -f1)
echo "sha256 $sum" >> blockstore.db.new
mv blockstore.db.new blockstore.db`

// seedChain writes the first block store by a pod of its own, because CometBFT does not start without one.
func (n *Node) seedChain(ctx context.Context) error {
	user := int64(1001)
	var claim *v1.PersistentVolumeClaim
	for _, r := range n.releases() { // the claim as its release has it, labels and all
		for _, o := range r.objects {
			if c, ok := o.(*v1.PersistentVolumeClaim); ok && c.Name == n.CometBFTClaim {
				claim = c
			}
		}
	}
	if err := n.apply(ctx, claim); err != nil {
		return err
	}
	pod := &v1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "seed-cometbft"}, Spec: v1.PodSpec{
		RestartPolicy: v1.RestartPolicyNever, SecurityContext: &v1.PodSecurityContext{RunAsUser: &user},
		Volumes: []v1.Volume{volume("data", n.CometBFTClaim)},
		Containers: []v1.Container{{Name: "seed", Image: "busybox:rig", ImagePullPolicy: v1.PullNever,
			Command:      []string{"sh", "-c", chainScript, "seed", fmt.Sprint(n.Rows), "/data"},
			VolumeMounts: []v1.VolumeMount{{Name: "data", MountPath: "/data"}}}},
	}}
	if err := n.apply(ctx, pod); err != nil {
		return err
	}
	pods := n.rig.Kube.CoreV1().Pods(n.Namespace)
	err := rig.Poll(ctx, "block store is not written", func(ctx context.Context) (bool, error) {
		p, err := pods.Get(ctx, pod.Name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		if p.Status.Phase == v1.PodFailed {
			return false, fmt.Errorf("pod %s failed", pod.Name)
		}
		return p.Status.Phase == v1.PodSucceeded, nil
	})
	if err != nil {
		return err
	}
	return pods.Delete(ctx, pod.Name, metav1.DeleteOptions{})
}

// Grow lets the node go on: more rows in every database, higher offsets, more blocks. What a backup holds can be told
// from what is there afterwards.
func (n *Node) Grow(ctx context.Context) error {
	from := n.Rows + n.grown + 1
	n.grown += n.Rows/4 + 1
	to := n.Rows + n.grown
	jobs := []func() error{func() error {
		_, err := n.cometExec(ctx, chainScript, fmt.Sprint(to), "/cometbft/data")
		return err
	}}
	for _, d := range n.Databases {
		jobs = append(jobs, func() error {
			_, err := n.SQL(ctx, d.Server, d.Name, n.rows(d, from, to))
			return err
		})
	}
	return together(jobs)
}

// cometExec runs a script in the pod of CometBFT.
func (n *Node) cometExec(ctx context.Context, script string, args ...string) (string, error) {
	pod, err := n.rig.PodOf(ctx, n.Namespace, n.CometBFT)
	if err != nil {
		return "", err
	}
	return n.rig.Exec(ctx, n.Namespace, pod.Name, "cometbft", "", append([]string{"sh", "-c", script, "sh"}, args...)...)
}
