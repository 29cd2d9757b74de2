package network

import (
	"context"
	"fmt"

	"canton.example/svrescue/steps"
	"canton.example/svrescue/steps/wire"
)

// ValidatorsFile is the artifact with the text that tells validators to go.
const ValidatorsFile = "validators.txt"

// validatorsText is what validators do, with the values of the call (reference/deployment.md 10.8). It is read on any platform: what each validator
// has by itself stands in capitals.
func validatorsText(f Facts) string {
	at := f.Card.Value(ValueTimestamp)
	return fmt.Sprintf(`The network is recovered on migration ID %[1]s. Validators can go now. Use exactly this timestamp: %[2]s

1. While participant and validator app still run as they are, take the data of that time. TOKEN is one of the validator's own
   service user, with the audience of the validator API:

   curl -sSf "https://wallet.validator.YOUR_HOSTNAME/api/validator/v0/admin/domain/data-snapshot?timestamp=%[2]s&force=true" \
     -H "authorization: Bearer TOKEN" | jq '.data_snapshot' > dump.json

   dump.json must not be "null", and must be whole. Where the answer is 400 or 429, this participant cannot give the data of that
   time: stop here, and recover from an identities backup instead (re-onboarding).

2. Copy it into the pod of the validator app:

   kubectl cp dump.json NAMESPACE/VALIDATOR_APP_POD:%[3]s

3. Set the migration ID %[1]s in the values of participant and validator, migration.migrating: true in those of the validator, and
   upgrade both with charts of version %[4]s, with all other values files as before:

   helm upgrade participant ... --version %[4]s
   helm upgrade validator ... --version %[4]s

4. Wait until the validator app is ready, look at your balance, and unset migration.migrating again.

What happened after %[2]s is lost. Traffic that was bought is not on the new synchronizer: balances begin at zero.
`, f.Card.Value(ValueMigrationID), at, dumpPath, f.Card.Value(ValueChart))
}

// tellValidators writes the text. Its commands are the text itself, so that it is copied as commands are.
type tellValidators struct{ text string }

func (a tellValidators) Key() string         { return "write the text for the validators" }
func (a tellValidators) Effect() wire.Effect { return wire.Observe }
func (a tellValidators) Refs() []steps.Ref   { return []steps.Ref{{File: ValidatorsFile}} }

func (a tellValidators) Show() wire.Preview {
	return wire.Preview{Title: a.Key(), Commands: []string{a.text}, After: "artifacts/" + ValidatorsFile + " in the run folder. It is sent by you, when the call says so"}
}

func (a tellValidators) Trial(context.Context, steps.Hands) ([]wire.Finding, error) { return nil, nil }

func (a tellValidators) Probe(_ context.Context, w steps.World) (wire.ActionState, []wire.Evidence, error) {
	if text, err := w.Files.Read(ValidatorsFile); err == nil && string(text) == a.text {
		return wire.ActionDone, nil, nil
	}
	return wire.ActionPending, nil, nil
}

func (a tellValidators) Do(_ context.Context, h steps.Hands, _ func(wire.Progress)) error {
	return h.Files.Write(ValidatorsFile, []byte(a.text))
}
