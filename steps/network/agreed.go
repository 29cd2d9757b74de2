package network

import (
	"fmt"
	"strconv"
	"time"

	"canton.example/svrescue/steps"
)

// agreed are the values of the settled card that steps go by.
type agreed struct {
	at        time.Time // of which the data are
	migration int64     // the new migration ID
	svs       []string  // names of all SVs
}

// agreed reads them. Before the card is settled the error says which step will know.
func (f Facts) agreed() (agreed, error) {
	if f.Card == nil {
		return agreed{}, &steps.NotYet{Step: "network/agree", What: "what the SVs agreed on"}
	}
	at, err := time.Parse(time.RFC3339Nano, f.Card.Value(ValueTimestamp))
	if err != nil {
		return agreed{}, fmt.Errorf("the card has no timestamp that can be read: %q", f.Card.Value(ValueTimestamp))
	}
	migration, err := strconv.ParseInt(f.Card.Value(ValueMigrationID), 10, 64)
	if err != nil {
		return agreed{}, fmt.Errorf("the card has no migration ID that can be read: %q", f.Card.Value(ValueMigrationID))
	}
	return agreed{at.UTC(), migration, f.Agree.names()}, nil
}
