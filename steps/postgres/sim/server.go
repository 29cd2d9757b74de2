package sim

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"sync"

	"canton.example/svrescue/steps/postgres"
	"github.com/jackc/pgx/v5/pgproto3"
	"k8s.io/utils/clock"
)

// Options of New.
type Options struct {
	Clock clock.WithTicker
	// Load and Store read and write the text of the volume. An empty text is a volume that nothing was written to: Fresh says what the
	// first start makes of it.
	Load  func() string
	Store func(string)
	Fresh func() State
	// Rate is how many bytes of a dump are loaded in a second; 0: 64 MiB.
	Rate int64
	// SocketPassword: the clients in the pod need the password, too.
	SocketPassword bool
}

// Server is a simulated server. Its only memory besides the volume is who is connected.
type Server struct {
	options Options

	mu       sync.Mutex
	sessions map[*session]bool
	unknown  []string
}

// New makes a server. It is ready at once if its volume is.
func New(o Options) *Server {
	if o.Rate == 0 {
		o.Rate = 64 << 20
	}
	return &Server{options: o, sessions: map[*session]bool{}}
}

// Ready answers why the server does not run: its volume is damaged.
func (s *Server) Ready() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.state()
	return err
}

// State is a copy of what the volume holds.
func (s *Server) State() (State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	state, err := s.state()
	if err != nil {
		return State{}, err
	}
	return *state, nil
}

// Change changes what the volume holds, as somebody else than the clients would.
func (s *Server) Change(do func(*State)) error {
	return s.change(func(state *State) error { do(state); return nil })
}

// Unknown lists the statements and commands that were sent and that the product does not have.
func (s *Server) Unknown() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.unknown)
}

// Drop cuts all connections, as a server that stops does.
func (s *Server) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.sessions {
		c.conn.Close()
	}
}

// state reads the volume; mu is held.
func (s *Server) state() (*State, error) {
	text := s.options.Load()
	if text == "" && s.options.Fresh != nil {
		fresh := s.options.Fresh()
		s.options.Store(fresh.text())
		return &fresh, nil
	}
	return read(text)
}

// change reads the volume, changes it and writes it; an error leaves it as it was.
func (s *Server) change(do func(*State) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	state, err := s.state()
	if err != nil {
		return err
	}
	if err := do(state); err != nil {
		return err
	}
	s.options.Store(state.text())
	return nil
}

func (s *Server) remember(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unknown = append(s.unknown, what)
}

// session is one connection.
type session struct {
	server         *Server
	conn           net.Conn
	backend        *pgproto3.Backend
	user, app, db  string
	sql            string
	args           []string
	inside, failed bool                 // a transaction; one in which a statement has failed
	readOnly       bool                 // the transaction
	changes        []func(*State) error // of the transaction, made again on the volume when it is committed
	view           *State               // what the transaction sees
	skipping       bool                 // after an error, to the next Sync
}

// Dial connects to the server; where it does not run, nobody listens. ctx ends the connection.
func (s *Server) Dial(ctx context.Context) (net.Conn, error) {
	if err := s.Ready(); err != nil {
		return nil, errors.New("connection refused")
	}
	near, far := net.Pipe()
	go s.Serve(ctx, far)
	return near, nil
}

// Serve speaks with one client until it leaves, or ctx ends.
func (s *Server) Serve(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	c := &session{server: s, conn: conn, backend: pgproto3.NewBackend(conn, conn)}
	if !c.login() {
		return
	}
	defer func() {
		s.mu.Lock()
		delete(s.sessions, c)
		s.mu.Unlock()
	}()
	for {
		m, err := c.backend.Receive()
		if err != nil || !c.handle(ctx, m) || c.backend.Flush() != nil {
			return
		}
	}
}

func (c *session) login() bool {
	for {
		m, err := c.backend.ReceiveStartupMessage()
		if err != nil {
			return false
		}
		switch m := m.(type) {
		case *pgproto3.SSLRequest, *pgproto3.GSSEncRequest:
			if _, err := c.conn.Write([]byte{'N'}); err != nil {
				return false
			}
			continue
		case *pgproto3.StartupMessage:
			c.user, c.db, c.app = m.Parameters["user"], m.Parameters["database"], m.Parameters["application_name"]
		default:
			return false
		}
		break
	}
	c.server.mu.Lock()
	state, err := c.server.state()
	c.server.mu.Unlock()
	if err != nil {
		return false // nothing listens
	}
	refuse := func(code, message string) bool {
		c.backend.Send(&pgproto3.ErrorResponse{Severity: "FATAL", SeverityUnlocalized: "FATAL", Code: code, Message: message})
		_ = c.backend.Flush() // the client may have gone
		return false
	}
	if authenticate(c.backend, state.Password) != nil || c.user != state.User {
		return refuse("28P01", `password authentication failed for user "`+c.user+`"`)
	}
	if state.Databases[c.db] == nil {
		return refuse("3D000", `database "`+c.db+`" does not exist`)
	}
	c.server.mu.Lock()
	c.server.sessions[c] = true
	c.server.mu.Unlock()
	c.backend.Send(&pgproto3.AuthenticationOk{})
	for _, p := range [][2]string{{"server_version", state.Version}, {"client_encoding", "UTF8"}, {"standard_conforming_strings", "on"}, {"server_encoding", "UTF8"}} {
		c.backend.Send(&pgproto3.ParameterStatus{Name: p[0], Value: p[1]})
	}
	c.backend.Send(&pgproto3.BackendKeyData{ProcessID: 1, SecretKey: []byte{0, 0, 0, 1}})
	c.ready()
	return c.backend.Flush() == nil
}

func (c *session) ready() {
	status := byte('I')
	if c.inside {
		status = 'T'
	}
	if c.failed {
		status = 'E'
	}
	c.backend.Send(&pgproto3.ReadyForQuery{TxStatus: status})
}

// handle answers one message; false ends the session.
func (c *session) handle(ctx context.Context, m pgproto3.FrontendMessage) bool {
	switch m := m.(type) {
	case *pgproto3.Terminate:
		return false
	case *pgproto3.Sync:
		c.skipping = false
		c.ready()
		return true
	case *pgproto3.Query:
		c.sql, c.args = strings.TrimSuffix(strings.TrimSpace(m.String), ";"), nil
		c.run(ctx, true)
		c.skipping = false
		c.ready()
		return true
	}
	if c.skipping {
		return true
	}
	switch m := m.(type) {
	case *pgproto3.Parse:
		c.sql = m.Query
		c.backend.Send(&pgproto3.ParseComplete{})
	case *pgproto3.Bind:
		c.args = nil
		for _, p := range m.Parameters {
			c.args = append(c.args, string(p))
		}
		c.backend.Send(&pgproto3.BindComplete{})
	case *pgproto3.Describe:
		name, _, _ := postgres.Recognise(c.sql)
		if columns := widths[name]; columns > 0 {
			c.backend.Send(description(columns))
		} else {
			c.backend.Send(&pgproto3.NoData{})
		}
	case *pgproto3.Execute:
		c.run(ctx, false)
	}
	return true
}

// widths are how many columns the statements answer.
var widths = map[string]int{"limits": 3, "version": 2, "databases": 4, "names": 2, "columns": 3, "ledger": 3, "stores": 3, "contents": 1, "traits": 7, "rights": 7, "extensions": 2,
	"sessions": 3, "terminate": 1}

func description(columns int) *pgproto3.RowDescription {
	d := &pgproto3.RowDescription{}
	for range columns {
		d.Fields = append(d.Fields, pgproto3.FieldDescription{Name: []byte("?column?"), DataTypeOID: 25, DataTypeSize: -1, TypeModifier: -1})
	}
	return d
}

// fault is an error that the server answers.
type fault struct{ code, message string }

func (f *fault) Error() string { return f.message }

// run answers one statement.
func (c *session) run(ctx context.Context, describe bool) {
	rows, tag, err := c.answer(ctx)
	if err != nil {
		f, ok := err.(*fault)
		if !ok {
			f = &fault{"XX000", err.Error()}
		}
		c.failed, c.skipping = c.inside, true
		c.backend.Send(&pgproto3.ErrorResponse{Severity: "ERROR", SeverityUnlocalized: "ERROR", Code: f.code, Message: f.message})
		return
	}
	if describe && len(rows) > 0 {
		c.backend.Send(description(len(rows[0])))
	}
	for _, r := range rows {
		values := make([][]byte, len(r))
		for i, v := range r {
			if v != nil {
				values[i] = []byte(*v)
			}
		}
		c.backend.Send(&pgproto3.DataRow{Values: values})
	}
	c.backend.Send(&pgproto3.CommandComplete{CommandTag: []byte(tag)})
}
