package dump

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"canton.example/svrescue/internal/jsonwalk"
	"canton.example/svrescue/internal/plain"
)

// Shape is what a file is.
type Shape string

const (
	SVDump          Shape = "sv-dump"           // the answer of the SV app: {"identities":{...}}
	SVDumpUnwrapped Shape = "sv-dump-unwrapped" // what is inside it
	ParticipantDump Shape = "participant-dump"  // that of one participant
	MigrationDump   Shape = "migration-dump"    // identities and data of a node
	Unknown         Shape = "unknown"
)

// Identities is what is known of a file with identities.
type Identities struct {
	Shape Shape
	// Party, DSO and Synchronizer are those of the SV; a participant's dump alone names none.
	// Alias is what the node calls the synchronizer.
	Party, DSO, Synchronizer, Alias  string
	Participant, Sequencer, Mediator *Node // nil: not in it
	// Broken says why the file is not whole, Else what it is when it is no dump of identities. Both may be empty.
	Broken, Else string
}

// Node is one node's part.
type Node struct {
	ID      string // "PAR::Acme-SV::1220..."
	Version string // of Splice, which wrote it
	Keys    []Key
	// Topology is how many bytes the snapshot of its topology has, and TopologyProblem why it cannot be used.
	Topology        int
	TopologyProblem string
	hasKeys         bool
}

// Counts are how many keys are in the dump itself, and how many a KMS holds.
func (n *Node) Counts() (pairs, kms int) {
	for _, k := range n.Keys {
		if k.Remote != "" {
			kms++
		} else {
			pairs++
		}
	}
	return pairs, kms
}

const (
	maxText     = 4 << 10  // bytes of an ID
	maxKey      = 64 << 10 // of one entry of the keys
	maxKeys     = 10_000
	maxTopology = 64 << 20
)

// Read recognises a document by its shape (reference/apis.md 5.1 to 5.3 and 4.1), in one pass. Its error is one of reading; a document that is
// no dump, or not whole, is told in the result.
func Read(from io.Reader) (Identities, error) {
	d := document{}
	r := jsonwalk.NewReader(unmarked(from))
	kind, err := r.Kind()
	if err == nil && kind != jsonwalk.Object {
		return Identities{Shape: Unknown, Else: "it is " + string(kind) + ", and no dump"}, nil
	}
	if err == nil {
		err = r.Object(func(name string) error { return d.member(r, name) })
	}
	if err == nil {
		err = r.End()
	}
	i := d.identities()
	var broken *jsonwalk.Error
	switch {
	case errors.As(err, &broken) && !d.begun && (broken.Offset == 0 || !broken.Cut):
		i.Else, _ = brokenText(err)
	case err != nil:
		why, broken := brokenText(err)
		if !broken && !errors.Is(err, errShape) {
			return Identities{}, err
		}
		i.Broken, i.Else = cmp.Or(why, "a part of it is larger than the apps write it"), ""
	}
	return i, nil
}

// unmarked passes the mark that some editors put before UTF-8.
func unmarked(from io.Reader) io.Reader {
	b := bufio.NewReader(from)
	if start, err := b.Peek(3); err == nil && string(start) == "\ufeff" {
		b.Discard(3)
	}
	return b
}

// errShape is a part that is more than it should be.
var errShape = errors.New("more than the apps write")

// document is what stands at the top of one.
type document struct {
	begun                           bool
	wrapped, loose                  Identities
	bare                            Node
	hasWrapped, hasID               bool
	data, migration, users, failure bool
}

func (d *document) member(r *jsonwalk.Reader, name string) error {
	d.begun = true
	switch name {
	case "identities":
		d.hasWrapped = true
		return object(r, func(name string) error { return d.wrapped.member(r, name) })
	case "data_snapshot":
		d.data = true
	case "migration_id":
		d.migration = true
	case "participant_users":
		d.users = true
	case "error":
		d.failure = true
	case "id":
		d.hasID = true
		return d.bare.member(r, name)
	case "keys", "authorizedStoreSnapshot", "version":
		return d.bare.member(r, name)
	default:
		return d.loose.member(r, name)
	}
	return r.Skip()
}

// identities says what the parts are together.
func (d *document) identities() Identities {
	switch {
	case d.hasWrapped && d.data:
		d.wrapped.Shape = MigrationDump
		return d.wrapped
	case d.hasWrapped:
		d.wrapped.Shape = SVDump
		return d.wrapped
	case d.loose.Participant != nil:
		d.loose.Shape = SVDumpUnwrapped
		return d.loose
	case d.hasID && d.bare.hasKeys:
		return Identities{Shape: ParticipantDump, Participant: &d.bare}
	case d.failure:
		return Identities{Shape: Unknown, Else: "it is an error that was saved as a dump"}
	case d.data && d.migration:
		return Identities{Shape: Unknown, Else: "it is a snapshot of a node's data, without its identities"}
	case d.loose.Party != "":
		return Identities{Shape: Unknown, Else: "it names an SV and has no participant"}
	}
	return Identities{Shape: Unknown, Else: "it is JSON, and no dump of identities"}
}

func (i *Identities) member(r *jsonwalk.Reader, name string) error {
	switch name {
	case "sv_party_id":
		return text(r, &i.Party)
	case "dso_party_id":
		return text(r, &i.DSO)
	case "domain_alias":
		return text(r, &i.Alias)
	case "domain_id":
		return text(r, &i.Synchronizer)
	case "participant":
		return node(r, &i.Participant)
	case "sequencer":
		return node(r, &i.Sequencer)
	case "mediator":
		return node(r, &i.Mediator)
	}
	return r.Skip()
}

// node reads one that may be null.
func node(r *jsonwalk.Reader, to **Node) error {
	kind, err := r.Kind()
	if err != nil || kind != jsonwalk.Object {
		return errors.Join(err, r.Skip())
	}
	n := &Node{}
	*to = n
	return object(r, func(name string) error { return n.member(r, name) })
}

func (n *Node) member(r *jsonwalk.Reader, name string) error {
	switch name {
	case "id":
		return text(r, &n.ID)
	case "version":
		return text(r, &n.Version)
	case "authorizedStoreSnapshot":
		return n.topology(r)
	case "keys":
		kind, err := r.Kind()
		if err != nil || kind != jsonwalk.Array {
			return errors.Join(err, r.Skip())
		}
		n.hasKeys = true
		return r.Array(func() error {
			raw, err := r.Raw(maxKey)
			if err != nil {
				return err
			}
			if len(n.Keys) == maxKeys {
				return errShape
			}
			n.Keys = append(n.Keys, readKey(raw))
			clear(raw)
			return nil
		})
	}
	return r.Skip()
}

func (n *Node) topology(r *jsonwalk.Reader) error {
	raw, err := r.Raw(maxTopology)
	if err != nil {
		return err
	}
	var encoded string
	switch decoded, wrong := []byte(nil), error(nil); {
	case json.Unmarshal(raw, &encoded) != nil:
		n.TopologyProblem = "it is no text"
	case encoded == "":
		n.TopologyProblem = "it is empty"
	default:
		if decoded, wrong = base64.StdEncoding.DecodeString(encoded); wrong != nil {
			n.TopologyProblem = "it is not base64"
		}
		n.Topology = len(decoded)
	}
	return nil
}

// object walks one, and passes anything else.
func object(r *jsonwalk.Reader, each func(string) error) error {
	kind, err := r.Kind()
	if err != nil || kind != jsonwalk.Object {
		return errors.Join(err, r.Skip())
	}
	return r.Object(each)
}

// array walks one, and passes anything else.
func array(r *jsonwalk.Reader, each func() error) error {
	kind, err := r.Kind()
	if err != nil || kind != jsonwalk.Array {
		return errors.Join(err, r.Skip())
	}
	return r.Array(each)
}

// text reads a text that may be null, fit for a screen.
func text(r *jsonwalk.Reader, to *string) error {
	raw, err := r.Raw(maxText)
	if err != nil {
		return err
	}
	var said *string
	if json.Unmarshal(raw, &said) == nil && said != nil {
		*to = strings.TrimSpace(plain.Line(*said))
	}
	return nil
}

// ErrNoParticipant is a document that holds no participant's dump.
var ErrNoParticipant = errors.New("there is no participant's dump in it")

// Extract is the participant's dump out of a document of any shape that holds one, byte by byte as it stands there. The result holds private
// keys: whoever has it writes it where nobody else can read it, and clears it.
func Extract(from io.Reader, shape Shape) ([]byte, error) {
	r := jsonwalk.NewReader(unmarked(from))
	var found []byte
	take := func() error {
		raw, err := r.Raw(maxTopology + maxKeys*maxKey)
		found = raw
		return err
	}
	within := func(name string) error {
		if name == "participant" {
			return take()
		}
		return r.Skip()
	}
	var err error
	switch shape {
	case ParticipantDump:
		err = take()
	case SVDumpUnwrapped:
		err = r.Object(within)
	case SVDump, MigrationDump:
		err = r.Object(func(name string) error {
			if name == "identities" {
				return r.Object(within)
			}
			return r.Skip()
		})
	default:
		return nil, ErrNoParticipant
	}
	if err == nil {
		err = r.End()
	}
	if err != nil {
		clear(found)
		return nil, err
	}
	if len(found) == 0 || bytes.Equal(found, []byte("null")) {
		return nil, ErrNoParticipant
	}
	return found, nil
}
