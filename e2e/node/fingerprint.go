//go:build e2e

package node

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Fingerprint is what the data of a node is: "database/schema.table" to its rows and the MD5 of theirs in order,
// "cometbft/blockstore.db" to its SHA-256.
type Fingerprint map[string]string

// tableSums asks one line for each table: name, number of rows, MD5 over those of the rows.
const tableSums = `SET work_mem = '256MB'; -- a full volume has no room for a sort
SELECT format('SELECT %L, count(*), md5(coalesce(string_agg(md5(t::text), '''' ORDER BY md5(t::text)), '''')) FROM %I.%I t',
  schemaname || '.' || tablename, schemaname, tablename)
FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY schemaname, tablename
\gexec
`

// Fingerprint reads all data of the running node.
func (n *Node) Fingerprint(ctx context.Context) (Fingerprint, error) {
	f, err := n.FingerprintDatabases(ctx)
	if err != nil {
		return nil, err
	}
	out, err := n.cometExec(ctx, `sha256sum < "$1"`, "/cometbft/data/blockstore.db")
	f["cometbft/blockstore.db"] = strings.TrimSpace(out)
	return f, err
}

// FingerprintDatabases reads the data of the databases alone, which also answer while the node stands.
func (n *Node) FingerprintDatabases(ctx context.Context) (Fingerprint, error) {
	f := Fingerprint{}
	var mu sync.Mutex
	var jobs []func() error
	for _, d := range n.Databases {
		jobs = append(jobs, func() error {
			out, err := n.SQL(ctx, d.Server, d.Name, tableSums)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			for line := range strings.Lines(out) {
				table, sum, ok := strings.Cut(strings.TrimSpace(line), "|")
				if !ok {
					return fmt.Errorf("%s answers %q", d.Name, line)
				}
				f[d.Name+"/"+table] = sum
			}
			return nil
		})
	}
	return f, together(jobs)
}

// Databases is the part of it that is in databases.
func (f Fingerprint) Databases() Fingerprint {
	some := maps.Clone(f)
	delete(some, "cometbft/blockstore.db")
	return some
}

// CompareWith tells what differs from the wanted data, one sentence for each; none when all is equal.
func (f Fingerprint) CompareWith(want Fingerprint) []string {
	all := maps.Clone(want)
	maps.Copy(all, f)
	var differ []string
	for _, k := range slices.Sorted(maps.Keys(all)) {
		if f[k] != want[k] {
			differ = append(differ, fmt.Sprintf("%s is %q, want %q", k, f[k], want[k]))
		}
	}
	return differ
}
