//go:build e2e

package node

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Form is how a dump is written.
type Form string

// The forms that backups of real nodes have.
const (
	Custom    Form = "custom"
	Directory Form = "directory"
	Plain     Form = "plain"
	Gzip      Form = "plain.gz"
	Zstd      Form = "plain.zst"
	Cluster   Form = "cluster" // pg_dumpall, of a whole server
)

// Dump backs up databases into a folder on this machine, as an operator does: pg_dump in the server's pod, its output kept here. forms
// are by component or, for Cluster, by server. The participant comes last.
func (n *Node) Dump(ctx context.Context, folder string, forms map[string]Form) error {
	for _, s := range Servers {
		if forms[s] != Cluster {
			continue
		}
		err := n.dumpTo(ctx, s, filepath.Join(folder, s+"-all.sql"), Plain, "pg_dumpall", "-U", "cnadmin")
		if err != nil {
			return err
		}
	}
	for _, d := range n.Databases { // the participant is the last of them
		form, ok := forms[d.Component]
		if !ok {
			continue
		}
		// names that say nothing: dumps are told by what is in them
		path := filepath.Join(folder, "backup-of-"+d.Component)
		format := "plain"
		switch form {
		case Custom, Directory:
			format = string(form)
		}
		args := []string{"pg_dump", "-U", "cnadmin", "-d", d.Name, "--format=" + format}
		if form == Directory {
			args = []string{"sh", "-c", `set -e; rm -rf /tmp/dump; "$@" --file=/tmp/dump --jobs=2 >&2; tar -cf - -C /tmp/dump .; rm -rf /tmp/dump`, "sh"}
			args = append(args, "pg_dump", "-U", "cnadmin", "-d", d.Name, "--format=directory")
		}
		if err := n.dumpTo(ctx, d.Server, path, form, args...); err != nil {
			return fmt.Errorf("%s of %s: %w", form, d.Name, err)
		}
	}
	return nil
}

// dumpTo keeps the output of a command in a server's pod.
func (n *Node) dumpTo(ctx context.Context, server, path string, form Form, command ...string) error {
	if form == Directory {
		r, w := io.Pipe()
		done := make(chan error, 1)
		go func() { done <- unpack(r, path) }()
		err := n.rig.Stream(ctx, n.home(server), server+"-0", server, nil, w, command...)
		w.CloseWithError(err)
		return errors.Join(err, <-done)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	var out io.WriteCloser = f
	switch form {
	case Gzip:
		out = gzip.NewWriter(f)
	case Zstd:
		if out, err = zstd.NewWriter(f); err != nil {
			return err
		}
	}
	if err := n.rig.Stream(ctx, n.home(server), server+"-0", server, nil, out, command...); err != nil {
		return err
	}
	return out.Close()
}

// unpack writes the files of a tar stream into a new folder.
func unpack(r io.Reader, folder string) error {
	defer io.Copy(io.Discard, r)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		f, err := os.OpenFile(filepath.Join(folder, filepath.Base(h.Name)), os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, t)
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
}

// RestoreManaged is what a provider does: its servers are put back to what dumps in plain form hold.
func (n *Node) RestoreManaged(ctx context.Context, folder string) error {
	for _, d := range n.Databases {
		if n.Managed[d.Server] == "" {
			continue
		}
		if _, err := n.SQL(ctx, d.Server, "cantonnet", "DROP DATABASE "+d.Name+" WITH (FORCE);\nCREATE DATABASE "+d.Name+";\n"); err != nil {
			return err
		}
		text, err := os.ReadFile(filepath.Join(folder, "backup-of-"+d.Component))
		if err != nil {
			return err
		}
		if _, err := n.SQL(ctx, d.Server, d.Name, string(text)); err != nil {
			return err
		}
	}
	return nil
}

// Limit makes the node's user on the servers outside an ordinary one, as a managed service does: no superuser, and with or without the right
// to make databases.
func (n *Node) Limit(ctx context.Context, creates bool) error {
	right := map[bool]string{true: "CREATEDB", false: "NOCREATEDB"}[creates]
	for server := range n.Managed {
		if _, err := n.sqlAs(ctx, "provider", server, "cantonnet", "ALTER ROLE cnadmin NOSUPERUSER "+right+";"); err != nil {
			return err
		}
	}
	return nil
}

// Provide makes the user of the provider on the servers outside, who can do what the node's cannot.
func (n *Node) Provide(ctx context.Context) error {
	for server := range n.Managed {
		if _, err := n.SQL(ctx, server, "cantonnet", "CREATE ROLE provider SUPERUSER LOGIN;"); err != nil {
			return err
		}
	}
	return nil
}

// BackupChain takes a set of the block store of CometBFT alone, which no dump has.
func (n *Node) BackupChain(ctx context.Context, runID string) error {
	return n.snapshot(ctx, n.CometBFTClaim, runID)
}

// Stored are the names of all databases on all servers, as SERVER/NAME, without those that every server has.
func (n *Node) Stored(ctx context.Context) ([]string, error) {
	var all []string
	for _, s := range Servers {
		out, err := n.SQL(ctx, s, "cantonnet", "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname NOT IN ('postgres', 'cantonnet') ORDER BY datname;")
		if err != nil {
			return nil, err
		}
		for _, name := range strings.Fields(out) {
			all = append(all, s+"/"+name)
		}
	}
	return all, nil
}

// LoseTables is damage that leaves every server running: the participant's tables are gone, those of the SV app are empty.
func (n *Node) LoseTables(ctx context.Context) error {
	p, sv := n.database("participant"), n.database("sv-app")
	if _, err := n.SQL(ctx, p.Server, p.Name, "DROP SCHEMA participant CASCADE;"); err != nil {
		return err
	}
	if _, err := n.SQL(ctx, sv.Server, sv.Name, "TRUNCATE sv.bulk, sv.store_last_ingested_offsets;"); err != nil {
		return err
	}
	return n.WaitCrashing(ctx, n.Participant)
}
