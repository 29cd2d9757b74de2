package dump

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"

	"canton.example/svrescue/steps/postgres"
)

// identitiesLimit is far above any identities dump; its size does not depend on the node's data (reference/backups.md 5).
const identitiesLimit = 16 << 20

// nodeIdentities are the parts of a dump that are no secret. Keys are counted, and not looked at.
type nodeIdentities struct {
	ID       string     `json:"id"`
	Keys     []struct{} `json:"keys"`
	Snapshot *presence  `json:"authorizedStoreSnapshot"`
	Version  string     `json:"version"`
}

// presence notes that a value is there, and forgets it.
type presence struct{}

func (*presence) UnmarshalJSON([]byte) error { return nil }

func (n *nodeIdentities) ok(prefix string) bool {
	return n != nil && strings.HasPrefix(n.ID, prefix) && len(n.Keys) > 0 && n.Snapshot != nil
}

func looksJSON(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	return bytes.HasPrefix(head, []byte("{"))
}

// readIdentities recognises the dump of one node and that of an SV, with or without its wrapper (reference/apis.md 5).
func readIdentities(b *body) []Artifact {
	data, err := io.ReadAll(io.LimitReader(b, identitiesLimit+1))
	defer clear(data)
	switch {
	case err != nil:
		return unknown(b.compression, "%s", sentenceOf(b.compression, err))
	case len(data) > identitiesLimit:
		return unknown(b.compression, "It is a JSON document, but too large for an identities dump")
	}
	type sv struct {
		Party       string          `json:"sv_party_id"`
		Participant *nodeIdentities `json:"participant"`
		Sequencer   *nodeIdentities `json:"sequencer"`
		Mediator    *nodeIdentities `json:"mediator"`
	}
	var document struct {
		nodeIdentities
		sv
		Wrapped *sv `json:"identities"`
	}
	if err := json.Unmarshal(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), &document); err != nil {
		if e, ok := err.(*json.SyntaxError); ok && int(e.Offset) >= len(data) {
			return unknown(b.compression, "It is a JSON document that ends early: it was cut off")
		}
		return unknown(b.compression, "It begins as a JSON document, but is none that is known")
	}
	whole := true
	a := Artifact{Kind: Identities, Compression: b.compression, Complete: &whole}
	of := &document.sv
	if document.Wrapped != nil {
		of = document.Wrapped
	}
	switch {
	case document.ok("PAR::"):
		a.Role = postgres.Participant
	case of.Participant.ok("PAR::"):
		a.Role = postgres.SV
		if !of.Sequencer.ok("SEQ::") || !of.Mediator.ok("MED::") {
			whole = false
			a.Problems = append(a.Problems, "The identities of the sequencer or of the mediator are missing in it")
		}
	default:
		return unknown(b.compression, "It is a JSON document, but no identities dump: the ID of a participant, its keys and its topology are expected")
	}
	return []Artifact{a}
}
