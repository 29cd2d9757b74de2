package main

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"
)

// database asks one query of a PostgreSQL server, over a connection of its own each time: a standing connection would
// hide that the server was replaced underneath.
type database struct {
	address, name  string
	user, password string
	query          string
	init           string // makes the tables of a database that has none; empty: that is an error
	seen           string
}

// serverError is an error that the server itself answered.
type serverError struct{ code, text string }

func (e *serverError) Error() string { return fmt.Sprintf("%s (SQLSTATE %s)", e.text, e.code) }

// passing says that the server is there but not now: starting, stopping or out of connections.
func (e *serverError) passing() bool {
	return strings.HasPrefix(e.code, "57") || strings.HasPrefix(e.code, "53")
}

// empty says that a schema or a table is not there.
func (e *serverError) empty() bool { return e.code == "3F000" || e.code == "42P01" }

// note logs the position in the ledger when it differs from the last one.
func (d *database) note(log *slog.Logger, value string) {
	if value != d.seen {
		log.Info("Resuming from stored position", "database", d.name, "position", value)
	}
	d.seen = value
}

// ask runs the query (SELECT 1 if there is none). A database that was never used gets its tables.
func (d *database) ask(ctx context.Context) (string, error) {
	value, err := d.run(ctx, cmp.Or(d.query, "SELECT 1"))
	var refused *serverError
	if d.init == "" || !errors.As(err, &refused) || !refused.empty() {
		return value, err
	}
	return d.run(ctx, d.init)
}

// run connects, runs statements and gives the first column of the first row.
func (d *database) run(ctx context.Context, query string) (string, error) {
	conn, err := (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, "tcp", d.address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	w := &wire{conn}
	start := binary.BigEndian.AppendUint32(nil, 3<<16)
	for _, s := range []string{"user", d.user, "database", d.name, "application_name", "standin", ""} {
		start = append(append(start, s...), 0)
	}
	if err := w.send(0, start); err != nil {
		return "", err
	}
	if err := w.authenticate(d.password); err != nil {
		return "", err
	}
	return w.ask(query)
}

// wire is the PostgreSQL protocol, version 3: a kind, a length, a body.
type wire struct{ net.Conn }

// send writes a message; kind 0 is the first one, which has no kind.
func (w *wire) send(kind byte, body []byte) error {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(body)+4))
	if kind != 0 {
		b = append([]byte{kind}, b...)
	}
	_, err := w.Write(append(b, body...))
	return err
}

// read gives the next message; an error of the server is an error.
func (w *wire) read() (byte, []byte, error) {
	var head [5]byte
	if _, err := io.ReadFull(w, head[:]); err != nil {
		return 0, nil, err
	}
	size := binary.BigEndian.Uint32(head[1:])
	if size < 4 || size > 1<<20 {
		return 0, nil, fmt.Errorf("message of %d bytes", size)
	}
	body := make([]byte, size-4)
	if _, err := io.ReadFull(w, body); err != nil {
		return 0, nil, err
	}
	if head[0] == 'E' {
		e := &serverError{}
		for _, field := range strings.Split(string(body), "\x00") {
			switch {
			case strings.HasPrefix(field, "C"):
				e.code = field[1:]
			case strings.HasPrefix(field, "M"):
				e.text = field[1:]
			}
		}
		return 0, nil, e
	}
	return head[0], body, nil
}

// authenticate answers what the server asks, and waits until it takes queries.
func (w *wire) authenticate(password string) error {
	var s *scram
	for {
		kind, body, err := w.read()
		if err != nil {
			return err
		}
		if kind == 'Z' {
			return nil
		}
		if kind != 'R' {
			continue
		}
		if len(body) < 4 {
			return errors.New("short authentication message")
		}
		switch code, rest := binary.BigEndian.Uint32(body), body[4:]; code {
		case 0: // accepted
		case 3:
			err = w.send('p', append([]byte(password), 0))
		case 10:
			s = newScram(password)
			first := s.first()
			b := append([]byte("SCRAM-SHA-256"), 0)
			b = binary.BigEndian.AppendUint32(b, uint32(len(first)))
			err = w.send('p', append(b, first...))
		case 11:
			if s == nil {
				return errors.New("SCRAM out of order")
			}
			var final string
			if final, err = s.final(string(rest)); err == nil {
				err = w.send('p', []byte(final))
			}
		case 12: // the server's proof; a stand-in trusts its server
		default:
			return fmt.Errorf("authentication method %d is not known", code)
		}
		if err != nil {
			return err
		}
	}
}

// ask runs one simple query.
func (w *wire) ask(query string) (string, error) {
	if err := w.send('Q', append([]byte(query), 0)); err != nil {
		return "", err
	}
	value, seen := "", false
	for {
		kind, body, err := w.read()
		if err != nil {
			return "", err
		}
		switch kind {
		case 'D':
			if !seen && len(body) >= 6 {
				if n := int(int32(binary.BigEndian.Uint32(body[2:]))); n >= 0 && 6+n <= len(body) {
					value = string(body[6 : 6+n])
				}
			}
			seen = true
		case 'Z':
			w.send('X', nil)
			return value, nil
		}
	}
}
