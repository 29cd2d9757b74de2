package reonboard

import (
	"regexp"

	"canton.example/svrescue/steps/wire"
)

// importFailure is one way in which the import of a participant fails, by what its logs say (reference/deployment.md 9.5, apis.md 5.4).
type importFailure struct {
	id   string
	says *regexp.Regexp
	seen string
	next string
}

// aNew is what is tried where an import cannot be gone on with.
const aNew = "take this step back, which keeps every volume, and answer the questions of Validator values again with another identifier, which gets a database of its own. " +
	"If parties have moved to this participant already, the next try needs a dump of it, or the old one with its id changed to this participant's"

// importFailures are looked for in this order: the first that is found is told. The texts of the last two were not verified at their source.
var importFailures = []importFailure{
	{"database", regexp.MustCompile(`Refusing to create participant database`),
		"the database server holds another participant's database, so the participant's is not made",
		"Leave that database alone: it may hold the last copy of keys. Take this step back and answer the questions of Validator values again, with a server of its own"},
	{"dump", regexp.MustCompile(`Could not parse participant bootstrap dump`),
		"the identities in Secret " + dumpSecret + " are not what the app reads: it takes the participant's part alone",
		"Look at them: svrescue identities check. Take this step back, and go back to the step that extracts them"},
	{"other-node", regexp.MustCompile(`Node has ID \S+ instead of expected ID`),
		"the participant's database was initialised with another identifier",
		"The database is of another try. Go on with its identifier, or " + aNew},
	{"kms-name", regexp.MustCompile(`KMS key without name in dump is not supported`),
		"a key of the dump is in a KMS and has no name, which the import needs",
		"Give each key its name in the dump; a name with namespace in it is taken for a namespace key alone. Then take this step back and extract the identities anew"},
	{"owner-keys", regexp.MustCompile(`Expected exactly one OwnerToKeyMapping for old node id|No valid key to use in OwnerToKeyMapping`),
		"the dump does not say which keys the old participant used, or has none of them",
		"This dump cannot be taken over. Look for another one, of a later day or with its keys; then take this step back"},
	{"authorizers", regexp.MustCompile(`Missing authorizers: ReferencedAuthorizations\(extraKeys`),
		"the import of the topology stands still: newer Canton wants signatures that the old mapping of keys has not, as where a node was first onboarded on Splice 0.4.1 or before",
		"Keep the participant and its state, and stop the validator app alone. From a console on the participant, propose the corrected owner-to-key mapping (ForceFlag.AlienMember; the documentation of Splice has the commands); then start the app and wait on"},
	{"acs", regexp.MustCompile(`ACS_COMMITMENT_MISMATCH`),
		"contracts were not imported as the network has them (ACS_COMMITMENT_MISMATCH)",
		importByHand},
	{"licence", regexp.MustCompile(`ValidatorLicense not found|Unknown secret`),
		"the validator finds no licence of its own, as where its contracts were not imported",
		importByHand + ". No new onboarding secret is needed: one that is asked for is a sign of this"},
	{"onboarding", regexp.MustCompile(`(?i)onboarding secret`),
		"the app asks for an onboarding secret, which a validator that takes over a party does not need",
		"Its values are not those that were derived. Look at what your own values set: svSponsorAddress and onboardingSecretFrom must not be there"},
	{"not-migrated", regexp.MustCompile(`(?i)part(y|ies)\b.{0,200}\bnot (be )?migrated`),
		"a party was not migrated: it is hosted on several participants, or it is an external one",
		"Name the parties that are to move (parties-to-migrate) in values of your own; an external party has its own procedure and needs a completely new validator"},
}

// importByHand is how contracts get into a participant whose import failed.
const importByHand = "First make all parties live on one participant (console: party_to_participant_mappings.list and .propose). Then stop the validator app, disconnect the participant (participant.synchronizers.disconnect_all()), " +
	"for each party fetch SCAN/api/scan/v0/acs/PARTY, decode acs_snapshot from base64, import it (participant.repair.import_acs, in older consoles import_acs_old), reconnect, start the app, and wait on. If that fails, " + aNew

// crashing is where the participant ends again and again and its log tells nothing that is known.
var crashing = importFailure{id: "ends",
	seen: "the participant ends again and again while it imports",
	next: "Take this step back and answer the questions of Validator values again: there you can say that a fatal error does not end it. Look at its log first: it may say why"}

// ImportFailed says that the import cannot come to an end by itself.
type ImportFailed struct {
	Kind  string
	Pod   string
	where string // the command that shows the log
	fail  importFailure
}

func (e *ImportFailed) Error() string { return e.fail.seen }

// Failure is the sentence. Lines of the log are not repeated: they can hold what is secret.
func (e *ImportFailed) Failure() wire.Failure {
	f := wire.Failure{Tried: "following the import of the identities", Seen: e.fail.seen + ", as the log of pod " + e.Pod + " says", Next: e.fail.next}
	if e.where != "" {
		f.Detail = []string{"the log: " + e.where}
	}
	return f
}

// failureIn finds the first failure that a log tells.
func failureIn(log string) (importFailure, bool) {
	for _, f := range importFailures {
		if f.says.MatchString(log) {
			return f, true
		}
	}
	return importFailure{}, false
}
