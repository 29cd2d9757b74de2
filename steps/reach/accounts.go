package reach

import (
	"context"
	"time"

	"canton.example/svrescue/steps/postgres"
)

// Accounts is what a participant's database tells of its keys, and of its users made after a time.
func (d *Databases) Accounts(ctx context.Context, of postgres.Database, since time.Time) (postgres.Accounts, error) {
	conn, err := d.open(ctx, of.Server, of.Name)
	if err != nil {
		return postgres.Accounts{}, err
	}
	defer conn.Close()
	return conn.Accounts(ctx, of, since, d.options.Clock.Now())
}
