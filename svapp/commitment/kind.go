package commitment

import "bytes"

// Kind is what a line says about commitments.
type Kind int

// The kinds, in the order in which they are told.
const (
	Agreements     Kind = iota // "Commitment correct for sender", whole
	RowsMatch                  // rows of the console with Match
	Mismatches                 // with whom and for which period could be read
	RowsMismatch               // rows of the console with Mismatch
	Nameless                   // mismatches that do not say with whom
	Cut                        // agreements that were cut off, or are of a form that is not known
	RowsOpen                   // rows of the console with Buffered or Outstanding: nothing was compared
	RowsStrange                // rows that cannot be understood, and rows of sent commitments
	Checking                   // the comparison begins
	Matching                   // the same in Canton 3.6, which says nothing where commitments agree
	Disabled                   // the processor that says so is switched off
	Buffering                  // a commitment came early
	Progress                   // own progress
	Ignoring                   // a commitment for a pruned or skipped period
	CatchUp                    // periods of a catch-up
	EmptyACS                   // the other side has contracts and this one has none
	WrongSignature             // an alarm
	NotSent                    // own commitments could not be sent
	Other                      // anything else of the processor
	kinds
)

// Decoy says whether a line of this kind looks like an agreement or a mismatch to a search for words and is none.
func (k Kind) Decoy() bool {
	switch k {
	case Agreements, RowsMatch, Mismatches, RowsMismatch, Nameless:
		return false
	}
	return true
}

// String is the kind for people, in the plural.
func (k Kind) String() string {
	return [kinds]string{
		Agreements: `"Commitment correct for sender": agreements`, RowsMatch: "rows of a console, Match: agreements",
		Mismatches: "mismatches", RowsMismatch: "rows of a console, Mismatch", Nameless: "mismatches that do not say with whom",
		Cut: "agreements that are cut off", RowsOpen: "rows of a console, not compared yet", RowsStrange: "rows of a console of another kind",
		Checking: `"Checking commitment": not compared yet`, Matching: `"Matching received": Canton 3.6, not compared yet`,
		Disabled: "the commitment processor is disabled", Buffering: "commitments that came early", Progress: "own progress",
		Ignoring: "commitments for pruned or skipped periods", CatchUp: "periods of a catch-up", EmptyACS: "no contract on this side",
		WrongSignature: "commitments with a wrong signature", NotSent: "own commitments that could not be sent", Other: "others of the processor",
	}[k]
}

// phrases tell the kinds of lines that are neither agreement nor mismatch (reference/apis.md 9.2), the frequent ones first.
var phrases = []struct {
	text []byte
	kind Kind
}{
	{[]byte("Checking commitment"), Checking},
	{[]byte("Matching received ACS commitment"), Matching},
	{[]byte("Processing "), Progress}, // N remote commitments
	{[]byte("Deleted buffered commitments"), Progress},
	{[]byte("Checked buffered remote commitments"), Progress},
	{[]byte("Buffering AcsCommitment"), Buffering},
	{[]byte("Ignoring incoming commitment"), Ignoring},
	{[]byte("is a catch-up period"), CatchUp},
	{[]byte("send a non-empty ACS"), EmptyACS},
	{[]byte("Received wrong signature for ACS commitment"), WrongSignature},
	{[]byte("Failed to send commitment message"), NotSent},
	{[]byte("commitment processor is disabled"), Disabled},
}

func kindOf(line []byte) Kind {
	for _, p := range phrases {
		if bytes.Contains(line, p.text) {
			return p.kind
		}
	}
	return Other
}
