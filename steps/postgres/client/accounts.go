package client

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"canton.example/svrescue/steps/postgres"
)

// Accounts is what a participant's database tells of its keys, and of its users made after a time; the session must be on it. What it does not
// tell in the way that is known is no error: it says why.
func (c *Conn) Accounts(ctx context.Context, d postgres.Database, since, now time.Time) (a postgres.Accounts, err error) {
	err = c.look(ctx, func() error {
		a = postgres.Accounts{}
		rows, err := c.send(ctx, postgres.Columns(postgres.LedgerTable))
		if err != nil {
			return err
		}
		schema, types, why := find(rows, d.Schema, postgres.LedgerTable, []string{postgres.ParticipantColumn})
		if why != "" {
			a.KeysWhy, a.UsersWhy = why, why
			return nil
		}
		p, err := c.ledger(ctx, d, schema, types)
		if err != nil {
			return err
		}
		a.Participant = strings.TrimPrefix(p.Participant, "PAR::")
		if a.KeysChanged, a.KeysWhy, err = c.keysChanged(ctx, schema, a.Participant, now); err != nil {
			return err
		}
		a.Users, a.UsersWhy, err = c.users(ctx, schema, since, now)
		return err
	})
	var e *Error
	if errors.As(err, &e) && (e.Code == noTable || e.Code == noColumn || e.Code == noPrivilege) {
		return postgres.Accounts{Participant: a.Participant, KeysWhy: e.Seen, UsersWhy: e.Seen}, nil
	}
	return a, trying(err, "read keys and users of %s on %s", d.Name, c.settings.Server)
}

func (c *Conn) keysChanged(ctx context.Context, schema, participant string, now time.Time) (time.Time, string, error) {
	name, namespace, ok := strings.Cut(participant, "::")
	if !ok {
		return time.Time{}, "the participant's ID is not known", nil
	}
	rows, err := c.send(ctx, postgres.Columns(postgres.TopologyTable))
	if err != nil {
		return time.Time{}, "", err
	}
	needed := []string{"sequenced", "transaction_type", "namespace", "identifier", "rejection_reason", "is_proposal"}
	if _, _, why := find(rows, schema, postgres.TopologyTable, needed); why != "" {
		return time.Time{}, why, nil
	}
	statement, err := postgres.KeysChanged(schema, name, namespace)
	if err != nil {
		return time.Time{}, err.Error(), nil
	}
	if rows, err = c.send(ctx, statement); err != nil {
		return time.Time{}, "", err
	}
	if len(rows) != 1 || rows[0].text(1) == "0" {
		return time.Time{}, fmt.Sprintf("%s.%s has no mapping of this participant's keys", schema, postgres.TopologyTable), nil
	}
	at, why := micros(rows[0].text(0), now)
	return at, why, nil
}

func (c *Conn) users(ctx context.Context, schema string, since, now time.Time) (int, string, error) {
	if since.IsZero() {
		return 0, "there is no backup set since which they could be counted", nil
	}
	rows, err := c.send(ctx, postgres.Columns(postgres.UsersTable))
	if err != nil {
		return 0, "", err
	}
	if _, _, why := find(rows, schema, postgres.UsersTable, []string{"created_at"}); why != "" {
		return 0, why, nil
	}
	statement, err := postgres.UsersSince(schema, strconv.FormatInt(since.UnixMicro(), 10))
	if err != nil {
		return 0, err.Error(), nil
	}
	if rows, err = c.send(ctx, statement); err != nil {
		return 0, "", err
	}
	if len(rows) != 1 {
		return 0, "the users cannot be counted", nil
	}
	if _, why := micros(rows[0].text(1), now); why != "" {
		return 0, why, nil
	}
	n, err := strconv.Atoi(rows[0].text(0))
	if err != nil {
		return 0, "the users cannot be counted", nil
	}
	return n, "", nil
}

// micros reads a time in microseconds since 1970; zero: there is none, or it was there from the beginning, to which Canton gives the smallest time
// there is. Milliseconds or seconds would lie in the first years, nanoseconds in times to come: they are not taken for what they are not.
func micros(text string, now time.Time) (time.Time, string) {
	n, err := strconv.ParseInt(text, 10, 64)
	at := time.UnixMicro(n).UTC()
	switch {
	case err == nil && n <= 0:
		return time.Time{}, ""
	case err != nil || at.Year() < 1990 || at.After(now.Add(24*time.Hour)):
		return time.Time{}, "the times in it are in a unit that is not known"
	}
	return at, ""
}
