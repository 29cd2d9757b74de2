// Package client talks to PostgreSQL servers, from 14 on. It sends the statements of steps/postgres and nothing else, reads in
// transactions that cannot write, and answers errors as sentences in which no password can be.
package client

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/steps/postgres"
	"github.com/jackc/pgx/v5/pgconn"
	"k8s.io/utils/clock"
)

// Settings say where a server is and how to log in.
type Settings struct {
	Server   string // what people call it
	Host     string // for TLS and, without Dial, where to connect
	Port     int
	User     string
	Password secret.String
	Database string                                  // to log in to
	Dial     func(context.Context) (net.Conn, error) // opens a way to the server; nil: the network
	// Tunnel says that the way is protected by itself as far as the server, so that TLS is used only where the server insists on it.
	// Otherwise TLS comes first, and no password is sent in the clear.
	Tunnel  bool
	Clock   clock.WithTicker
	Timeout time.Duration // of connecting; 0: 20 s
}

const connecting = 20 * time.Second

// Conn is a session. It is for one goroutine at a time.
type Conn struct {
	settings Settings
	pg       *pgconn.PgConn
	way      *way
}

// Connect logs in.
func Connect(ctx context.Context, s Settings) (*Conn, error) {
	tried := "log in to the database " + s.Database + " of " + s.Server + " as " + s.User
	if s.Dial == nil {
		if err := postgres.CheckHost(s.Host, s.Port); err != nil {
			return nil, &Error{Kind: Setup, Tried: tried, Seen: err.Error(), Next: "Name the host and the port of the server"}
		}
	}
	if strings.ContainsAny(s.Password.Reveal(), "\x00\n") {
		return nil, &Error{Kind: Setup, Tried: tried, Seen: "the password has a line break or a NUL byte in it, which no PostgreSQL client can send",
			Next: "Look at how the secret was made: a line break at its end is the usual fault"}
	}
	within, cancel := context.WithTimeout(ctx, cmp.Or(s.Timeout, connecting))
	defer cancel()
	w := &way{ctx: within, dial: s.Dial}
	if s.Dial == nil {
		w.dial = func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(s.Host, strconv.Itoa(s.Port)))
		}
	}
	config, err := s.config(w)
	if err != nil {
		return nil, &Error{Kind: Setup, Tried: tried, Seen: err.Error(), Next: "Unset the PG… variables of the environment"}
	}
	pg, err := pgconn.ConnectConfig(within, config)
	if err != nil {
		w.close()
		return nil, s.refused(ctx, tried, err, w.failure())
	}
	return &Conn{settings: s, pg: pg, way: w}, nil
}

// way opens connections for one login and remembers them. When a statement is given up, or a connection breaks, pgconn opens another
// one in the background to cancel what may still run, and keeps the old one for a while: neither is wanted once the caller has gone on. So
// only the login may dial, which is told by its context, and what was opened is closed with the session.
type way struct {
	ctx  context.Context
	dial func(context.Context) (net.Conn, error)

	mu     sync.Mutex
	opened []net.Conn
	err    error
}

var errOneWay = errors.New("no other connection is opened beside the session")

func (w *way) open(ctx context.Context, _, _ string) (net.Conn, error) {
	if ctx != w.ctx {
		return nil, errOneWay
	}
	conn, err := w.dial(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err = err; err == nil {
		w.opened = append(w.opened, conn)
	}
	return conn, err
}

// failure is why the last way could not be opened.
func (w *way) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

func (w *way) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, conn := range w.opened {
		conn.Close()
	}
}

// config is made without a connection string that says anything: pgconn would fill its gaps from the environment, from
// ~/.pgpass and from service files, so each field is set here.
func (s Settings) config(w *way) (*pgconn.Config, error) {
	config, err := pgconn.ParseConfig("host=localhost port=5432 user=x dbname=x sslmode=disable passfile='' sslcert='' sslkey='' sslrootcert='' target_session_attrs=any")
	if err != nil {
		return nil, errors.New("the PostgreSQL settings of the environment cannot be read")
	}
	config.Host, config.Port = s.Host, uint16(s.Port)
	config.User, config.Password, config.Database = s.User, s.Password.Reveal(), s.Database
	config.RuntimeParams = map[string]string{"application_name": "svrescue", "client_encoding": "UTF8"}
	config.Fallbacks, config.ValidateConnect, config.AfterConnect, config.OAuthTokenProvider = nil, nil, nil, nil
	config.SSLNegotiation, config.SSLCertMode, config.ChannelBinding, config.RequireAuth = "", "", "prefer", ""
	config.MinProtocolVersion, config.MaxProtocolVersion = "3.0", "3.0"
	config.MaxProtocolMessageBodyLen = 64 << 20
	config.ConnectTimeout = 0 // the context bounds it, and must arrive at the dialling as it is
	config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	config.DialFunc = w.open
	// Without verification, as with sslmode=prefer: it keeps onlookers out, and the password is not sent but proven.
	encrypted := &tls.Config{InsecureSkipVerify: true, ServerName: s.Host, MinVersion: tls.VersionTLS12}
	fallback := &pgconn.FallbackConfig{Host: config.Host, Port: config.Port}
	if s.Tunnel {
		config.TLSConfig, fallback.TLSConfig = nil, encrypted
	} else {
		config.TLSConfig, fallback.TLSConfig = encrypted, nil
		config.RequireAuth = "!password"
	}
	config.Fallbacks = []*pgconn.FallbackConfig{fallback}
	if config.Host == "" {
		config.Host, fallback.Host = "localhost", "localhost"
	}
	if config.Port == 0 {
		config.Port, fallback.Port = 5432, 5432
	}
	return config, nil
}

// refused explains why there is no session. The error of pgconn holds the whole configuration, password included, so it goes no
// further than here.
func (s Settings) refused(ctx context.Context, tried string, err, dialled error) error {
	e := &Error{Kind: Unreachable, Tried: tried}
	if ctx.Err() != nil {
		e.Kind, e.Seen, e.Err = Canceled, "it was given up", ctx.Err()
		return e
	}
	var answer *pgconn.PgError
	switch {
	case errors.As(err, &answer):
		e.answered(answer)
		if e.Kind == Missing {
			e.Seen = "the server has no database " + s.Database
		}
	case dialled != nil:
		e.Seen, e.Err = dialled.Error(), dialled
		e.Next = "Check that the server runs and that it can be reached from here"
	case errors.Is(err, context.DeadlineExceeded):
		e.Seen, e.Next, e.Err = "no answer in time", "Check that the server runs and is not overloaded", context.DeadlineExceeded
	case strings.Contains(err.Error(), "authentication method requirement"):
		e.Kind, e.Seen = Denied, "the server asks for the password in the clear, which is not sent over this way"
		e.Next = "Let the server use scram-sha-256"
	default:
		e.Seen, e.Next = "the server ended the conversation while logging in", "Look at the log of the server"
	}
	return e
}

// Close ends the session.
func (c *Conn) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = c.pg.Close(ctx) // the session is over in any case
	c.way.close()
}

// row is one row as texts; NULL is nil.
type row []*string

func (r row) text(i int) string {
	if i >= len(r) || r[i] == nil {
		return ""
	}
	return *r[i]
}

func (r row) texts() []string {
	all := make([]string, len(r))
	for i := range r {
		all[i] = r.text(i)
	}
	return all
}

// send sends one statement and answers its rows.
func (c *Conn) send(ctx context.Context, s postgres.Statement) ([]row, error) {
	args := make([][]byte, len(s.Args))
	for i, a := range s.Args {
		args[i] = []byte(a)
	}
	result := c.pg.ExecParams(ctx, s.SQL, args, nil, nil, nil).Read()
	if result.Err != nil {
		return nil, c.failed(ctx, s, result.Err)
	}
	rows := make([]row, 0, len(result.Rows))
	for _, values := range result.Rows {
		r := make(row, len(values))
		for i, v := range values {
			if v != nil {
				text := string(v)
				r[i] = &text
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// failed explains an error of a statement. tried is filled in by the caller, who knows what it was for.
func (c *Conn) failed(ctx context.Context, s postgres.Statement, err error) *Error {
	e := &Error{Kind: Lost, Tried: "run the statement " + s.Name + " on " + c.settings.Server}
	var answer *pgconn.PgError
	switch {
	case errors.As(err, &answer) && !(ctx.Err() != nil && answer.Code == queryCanceled):
		e.answered(answer)
	case ctx.Err() != nil:
		e.Kind, e.Seen, e.Err = Canceled, "it was given up; whether it was done is not known", ctx.Err()
	default:
		e.Seen, e.Next = "the connection was lost; whether it was done is not known", "Try again: what is done already is not done twice"
	}
	return e
}

// within sends statements in one transaction. An error takes all of them back.
func (c *Conn) within(ctx context.Context, begin postgres.Statement, limit time.Duration, do func() error) error {
	if _, err := c.send(ctx, begin); err != nil {
		return err
	}
	_, err := c.send(ctx, postgres.Limits(limit.Milliseconds(), lockWait.Milliseconds()))
	if err == nil {
		err = do()
	}
	if err == nil {
		_, err = c.send(ctx, postgres.Commit())
		return err
	}
	if !c.pg.IsClosed() {
		back, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_, _ = c.send(back, postgres.Rollback()) // a session that is lost is rolled back by the server
	}
	return err
}

const (
	lookTime   = 30 * time.Second // for a statement that reads; the size of a large database takes some seconds
	changeTime = 60 * time.Second
	lockWait   = 10 * time.Second
)

// look reads in one transaction that cannot write.
func (c *Conn) look(ctx context.Context, do func() error) error {
	return c.within(ctx, postgres.Look(), lookTime, do)
}

// trying says what the error was met at.
func trying(err error, format string, args ...any) error {
	var e *Error
	if errors.As(err, &e) {
		e.Tried = fmt.Sprintf(format, args...)
	}
	return err
}
