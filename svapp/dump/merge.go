package dump

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"canton.example/svrescue/internal/jsonwalk"
)

// Refused is an input that no migration dump can be made of.
type Refused struct {
	Input string // "the identities", "the snapshot"
	Why   string
}

func (r *Refused) Error() string { return r.Input + ": " + r.Why }

// MergeOptions say what the result has to be.
type MergeOptions struct {
	// MigrationID is what the snapshot must have; nil: whatever it has.
	MigrationID *int64
	// BorrowedFrom is the name of the SV whose snapshot it is, where it is not that of the identities.
	BorrowedFrom string
}

// Merged is what is known of the result.
type Merged struct {
	Identities Identities
	Snapshot   Snapshot
	// Borrowed are the parties of the SV whose snapshot it is; empty: that of the identities.
	Borrowed []string
	// Unproven says that nothing in the snapshot tells whose it is.
	Unproven bool
}

const maxIdentities = 64 << 20

// Merge writes a migration dump: the five members that its reader needs (reference/apis.md 4.1), every value byte by byte as it stands in its
// input, in one pass over the snapshot and in the same memory whatever its size. Both inputs are checked on the way; after an error what was
// written is worth nothing.
func Merge(to io.Writer, identities, snapshot io.Reader, o MergeOptions) (Merged, error) {
	var m Merged
	whole, err := m.take(identities)
	defer clear(whole)
	if err != nil {
		return m, err
	}
	refuse := func(format string, args ...any) (Merged, error) {
		return m, &Refused{"the snapshot", fmt.Sprintf(format, args...)}
	}
	if _, err := fmt.Fprintf(to, `{"identities":%s`, whole); err != nil {
		return m, err
	}
	r := jsonwalk.NewReader(unmarked(snapshot))
	kind, err := r.Kind()
	if err == nil && kind != jsonwalk.Object {
		return refuse("it is %s, and no snapshot", kind)
	}
	if err == nil {
		err = r.Object(func(name string) error {
			if !needed[name] {
				return m.Snapshot.member(r, name, readers{})
			}
			if _, err := io.WriteString(to, ","+quoted(name)+":"); err != nil {
				return err
			}
			return r.Tee(to, func() error { return m.Snapshot.member(r, name, readers{}) })
		})
	}
	if err == nil {
		err = r.End()
	}
	if why := m.Snapshot.early(); why != "" { // said before what a file of another kind is broken by
		return refuse("%s", why)
	}
	if why, broken := brokenText(err); broken {
		return refuse("%s", why)
	}
	if err != nil {
		return m, err
	}
	if why := m.Snapshot.problem(); why != "" {
		return refuse("%s", why)
	}
	if o.MigrationID != nil && *m.Snapshot.MigrationID != *o.MigrationID {
		return refuse("its migration ID is %d, and %d was asked for", *m.Snapshot.MigrationID, *o.MigrationID)
	}
	if why := m.whose(o.BorrowedFrom); why != "" {
		return refuse("%s", why)
	}
	_, err = io.WriteString(to, "}\n")
	return m, err
}

// needed are the members of a snapshot that are members of a migration dump.
var needed = map[string]bool{"migration_id": true, "data_snapshot": true, "participant_users": true, "created_at": true}

// early is what a snapshot is instead of one, as far as it was read.
func (s *Snapshot) early() string {
	if s.Identities || slices.Contains(s.Extra, "error") {
		return s.problem()
	}
	return ""
}

// take reads the identities, and is the bytes of the value that a migration dump has.
func (m *Merged) take(from io.Reader) ([]byte, error) {
	refuse := func(format string, args ...any) ([]byte, error) {
		return nil, &Refused{"the identities", fmt.Sprintf(format, args...)}
	}
	// The first bytes tell a snapshot, which may have gigabytes, from identities, which have kilobytes.
	data, err := io.ReadAll(io.LimitReader(unmarked(from), maxIdentities+1))
	if err != nil {
		clear(data)
		return nil, err
	}
	defer clear(data)
	if len(data) > maxIdentities {
		return refuse("it is larger than identities can be; if it is the snapshot, the two inputs are exchanged")
	}
	if m.Identities, err = Read(bytes.NewReader(data)); err != nil {
		return nil, err
	}
	i := m.Identities
	switch {
	case i.Shape == MigrationDump:
		return refuse("it is a whole migration dump, whose data is older: take the identities out of a fresh one")
	case i.Broken != "":
		return refuse("%s", i.Broken)
	case i.Shape == ParticipantDump:
		return refuse("it is the dump of a participant alone; a migration dump needs those of sequencer and mediator, too")
	case i.Else != "":
		return refuse("%s", i.Else)
	}
	if why := i.loadable(); why != "" {
		return refuse("%s", why)
	}
	var value bytes.Buffer
	r := jsonwalk.NewReader(bytes.NewReader(data))
	take := func() error { return r.CopyTo(&value) }
	if i.Shape == SVDumpUnwrapped {
		err = take()
	} else {
		err = r.Object(func(name string) error {
			if name == "identities" {
				return take()
			}
			return r.Skip()
		})
	}
	if why, broken := brokenText(err); broken {
		clear(value.Bytes())
		return refuse("%s", why)
	}
	return value.Bytes(), err
}

// loadable says why the SV app would not start from these identities (reference/apis.md 4.3); empty: nothing is known against it.
func (i Identities) loadable() string {
	for _, n := range []struct {
		what, prefix string
		node         *Node
	}{{"participant", "PAR::", i.Participant}, {"sequencer", "SEQ::", i.Sequencer}, {"mediator", "MED::", i.Mediator}} {
		switch {
		case n.node == nil || n.node.ID == "":
			return "it has no " + n.what
		case !strings.HasPrefix(n.node.ID, n.prefix) || Namespace(n.node.ID) == "":
			return "what it calls a " + n.what + " is none: " + n.node.ID
		case !n.node.hasKeys:
			return "it has no keys of the " + n.what
		}
	}
	switch {
	case Namespace(i.Party) == "":
		return "it names no party of the SV"
	case Namespace(i.DSO) == "":
		return "it names no DSO party"
	case i.Alias == "":
		return "it has no domain_alias"
	case Namespace(i.Synchronizer) == "":
		return "it names no synchronizer (domain_id)"
	}
	return ""
}

// whose compares the two inputs: the users of a participant have the SV's party.
func (m *Merged) whose(borrowedFrom string) string {
	parties := m.Snapshot.Users.Parties
	own := slices.Contains(parties, m.Identities.Party)
	switch {
	case len(parties) == 0:
		m.Unproven = true
		return ""
	case own && borrowedFrom == "":
		return ""
	case own:
		return "it is that of " + m.Identities.Party + " itself, so nothing is borrowed from " + borrowedFrom
	case borrowedFrom == "":
		return "it is that of another node: its users act for " + strings.Join(parties[:min(3, len(parties))], ", ") + ", and the identities are those of " + m.Identities.Party
	}
	if m.Snapshot.Users.ActFor(borrowedFrom) {
		m.Borrowed = parties
		return ""
	}
	return "it is not that of " + borrowedFrom + ": its users act for " + strings.Join(parties[:min(3, len(parties))], ", ")
}

// IsRefused says whether an error is an input that was refused.
func IsRefused(err error) bool {
	var r *Refused
	return errors.As(err, &r)
}
