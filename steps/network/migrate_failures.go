package network

import (
	"errors"
	"regexp"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/releases"
	"canton.example/svrescue/steps/wire"
)

// migrateFailure is one way in which an SV app does not start from its dump, by what its log says (reference/apis.md 4.3 and 5.2).
type migrateFailure struct {
	id   string
	says *regexp.Regexp
	seen string
	next string
}

// migrateFailures are looked for in this order: the first that is found is told. The text of the last was not verified at its source.
var migrateFailures = []migrateFailure{
	{"migration-id", regexp.MustCompile(`Migration id from the dump \S+ does not match the configured migration id`),
		"the dump is for another migration ID than the SV app is configured with",
		"Compare migration.id of release sv with the card, and with the dump: svrescue dump check. Where the dump is wrong, its snapshot was asked of an app that had moved already: take it anew from an SV that still runs with the old ID, or borrow one"},
	{"missing", regexp.MustCompile(`Failed to find domain migration dump file at`),
		"the SV app finds no dump on its volume",
		"Look at the claim that it mounts at /domain-upgrade-dump, and upload it there: svrescue upload, with the dump in the artifacts of this run"},
	{"unreadable", regexp.MustCompile(`Failed to parse domain migration dump file`),
		"the SV app cannot read the dump",
		"Check it: svrescue dump check. A dump of another release is one cause: 0.4 dumps are not read from 0.5.8 on. Make it anew of a snapshot of the same release: svrescue dump merge, then svrescue upload --keep-old"},
	{"genesis", regexp.MustCompile(`Domain nodes cannot be initialized without a genesis dump`),
		"the dump has no genesis state",
		"Its snapshot is from an SV without its own sequencer: borrow one of another SV: svrescue dump merge --borrowed-from, then svrescue upload --keep-old"},
	{"sequencer", regexp.MustCompile(`Sequencer is not initialized with dump id`),
		"the new sequencer was initialised before, as another one than in the dump",
		"It was started with another dump or another database. Take the new sequencer down, give it a fresh database (sequencer.persistence.databaseName), and bring it up again"},
	{"mediator", regexp.MustCompile(`Mediator is not initialized with dump id`),
		"the new mediator was initialised before, as another one than in the dump",
		"It was started with another dump or another database. Take the new mediator down, give it a fresh database (mediator.persistence.databaseName), and bring it up again"},
	{"participant", regexp.MustCompile(`Node has ID \S+ instead of expected ID`),
		"the new participant was initialised before, as another one than in the dump",
		"It was started with another dump or another database. Take the new participant down, give it a fresh database (persistence.databaseName), and bring it up again"},
	{"kms-name", regexp.MustCompile(`KMS key without name in dump is not supported`),
		"a key of the dump is in a KMS and has no name, which the import needs",
		"Give each key its name in the identities, then svrescue dump merge, and svrescue upload --keep-old; a name with namespace in it is taken for a namespace key alone"},
	{"kms", regexp.MustCompile(`(?i)kms.{0,120}(access denied|not authorized|permission)`),
		"the new participant may not use the keys in its KMS, as far as the log tells",
		"Give it the same KMS and the same rights on its keys as the old one has"},
}

func migrateFailureIn(log string) (migrateFailure, bool) {
	for _, f := range migrateFailures {
		if f.says.MatchString(log) {
			return f, true
		}
	}
	return migrateFailure{}, false
}

// MigrationFailed says that the SV app does not start from its dump, and waiting does not mend it.
type MigrationFailed struct {
	Kind  string
	Pod   string
	where string // the command that shows the log
	fail  migrateFailure
}

func (e *MigrationFailed) Error() string { return e.fail.seen }

// Failure is the sentence. Lines of the log are not repeated: they can hold what is secret.
func (e *MigrationFailed) Failure() wire.Failure {
	f := wire.Failure{Tried: "following the migration", Seen: e.fail.seen + ", as the log of pod " + e.Pod + " says", Next: e.fail.next}
	if e.where != "" {
		f.Detail = []string{"the log: " + e.where}
	}
	return f
}

func migrateRemedies(err error) []steps.Remedy {
	again := steps.Remedy{Choice: wire.ChoiceRetry, Label: "Look again", Detail: "once the cause is removed and the app has started anew"}
	back := steps.Remedy{Choice: wire.ChoiceUndo, Label: "Take the upgrades back", Detail: "the releases become what they were, on the synchronizer that is lost: to make the dump or its upload anew"}
	if _, ok := errors.AsType[*MigrationFailed](err); !ok {
		return releases.Remedies(err)
	}
	return []steps.Remedy{again, back}
}
