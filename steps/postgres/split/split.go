// Package split prepares a dump that is SQL for being loaded into a database with another name than it was taken from, beside databases
// that must not be touched. Only the section of one database passes. What would reach beyond the new database, or fail in it, does
// not pass: statements about databases, roles, owners and rights, and those that remove what is not there. Commands of psql, which
// can run programs, are refused.
//
// The whole is one transaction, whose COMMIT comes only behind the end mark of the dump: psql takes an input that was cut for one
// that has ended, so a cut must not look like an end.
package split

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
)

// SQL reads one database out of what pg_dump or pg_dumpall wrote. database may be empty where the dump holds only one. It ends with an
// error where the dump has no end mark, lacks the database, or holds what is not let pass; nothing is to be kept of what was read then.
func SQL(dump io.Reader, database string, cluster bool) io.Reader {
	return &splitter{in: bufio.NewReaderSize(dump, 256<<10), wanted: database, cluster: cluster, passing: !cluster, atStart: true,
		out: []byte("BEGIN;\n")}
}

type splitter struct {
	in      *bufio.Reader
	wanted  string
	chosen  bool // wanted was found in the dump, not asked for
	cluster bool

	out []byte // what is read next
	err error

	atStart  bool   // the next piece begins a line
	data     bool   // inside the data of a COPY
	passing  bool   // inside the section that is wanted
	current  string // the database of the section
	complete bool   // the end mark of the wanted section has come

	statement bool   // inside a statement
	dropping  bool   // which does not pass
	head      []byte // its beginning
	tail      []byte // its end so far
	lexer
}

func (s *splitter) Read(p []byte) (int, error) {
	for len(s.out) == 0 {
		if s.err != nil {
			return 0, s.err
		}
		s.next()
	}
	n := copy(p, s.out)
	s.out = s.out[n:]
	return n, nil
}

const (
	endMark = "-- PostgreSQL database dump complete"
	headMax = 64 << 10
	tailMax = 64
)

// next reads a line, or a part of one that is too long for the buffer.
func (s *splitter) next() {
	piece, err := s.in.ReadSlice('\n')
	starts := s.atStart
	s.atStart = err == nil
	if err != nil && err != bufio.ErrBufferFull {
		s.err = err
		if err == io.EOF {
			s.err = s.end()
		}
	}
	if len(piece) > 0 {
		if failed := s.piece(piece, starts); failed != nil {
			s.out, s.err = nil, failed
			return
		}
	}
	if s.err == io.EOF {
		s.out = append(s.out, "COMMIT;\n"...)
	}
}

// end says whether the dump may end here.
func (s *splitter) end() error {
	switch {
	case s.cluster && !s.complete && !s.passing:
		return fmt.Errorf("the file holds no database %s", s.wanted)
	case !s.complete:
		return errors.New("the dump has no end mark: it is not whole")
	}
	return io.EOF
}

// piece handles a line or a part of one. What it leaves in out is valid until the next call of next.
func (s *splitter) piece(b []byte, starts bool) error {
	s.out = s.out[:0]
	if s.data {
		if starts && (string(b) == "\\.\n" || string(b) == "\\.\r\n" || string(b) == "\\.") {
			s.data = false
		}
		s.pass(b)
		return nil
	}
	if starts && !s.statement && s.outside() {
		line := strings.TrimRight(string(b[:min(len(b), headMax)]), "\r\n")
		switch {
		case strings.HasPrefix(line, `\`):
			return s.command(line)
		case strings.HasPrefix(line, "--"):
			if line == endMark && s.passing {
				s.complete = true
				s.pass(b)
				s.passing = !s.cluster
				if s.cluster && !s.chosen {
					s.err = io.EOF // the rest is of other databases
				}
				return nil
			}
			s.pass(b)
			return nil
		}
	}
	for len(b) > 0 {
		if !s.statement && s.outside() {
			blank := len(b) - len(bytes.TrimLeft(b, " \t\r\n"))
			s.pass(b[:blank])
			if b = b[blank:]; len(b) == 0 {
				return nil
			}
			if bytes.HasPrefix(b, []byte("--")) {
				s.quote = '-'
				n, _ := s.scan(b)
				s.pass(b[:n])
				b, starts = b[n:], false
				continue
			}
			s.statement, s.head, s.tail = true, s.head[:0], s.tail[:0]
			s.dropping = starts && blank == 0 && unwanted(b)
		}
		n, ended := s.scan(b)
		if s.statement {
			s.head = append(s.head, b[:min(n, headMax-len(s.head))]...)
			s.tail = append(s.tail, b[max(0, n-tailMax):n]...)
			s.tail = s.tail[max(0, len(s.tail)-tailMax):]
		}
		if !s.dropping {
			s.pass(b[:n])
		}
		b, starts = b[n:], false
		if ended {
			s.statement, s.dropping = false, false
			if copies(s.head, s.tail) {
				s.data = true
				s.pass(b) // the rest of the line
				return nil
			}
		}
	}
	return nil
}

func (s *splitter) pass(b []byte) {
	if s.passing {
		s.out = append(s.out, b...)
	}
}

// command handles a command of psql, none of which passes.
func (s *splitter) command(line string) error {
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case `\restrict`, `\unrestrict`: // they bound what psql does with the rest, which is bounded here already
		return nil
	case `\connect`, `\c`:
	default:
		return fmt.Errorf("the dump holds the command %.40q of psql, which is not let into the server's pod", word)
	}
	name, ok := connected(rest)
	if !ok {
		return errors.New("the dump connects to a database in a form that is not known")
	}
	if !s.cluster {
		if s.current != "" && s.current != name {
			return fmt.Errorf("the dump holds several databases, %s and %s", s.current, name)
		}
		if s.wanted != "" && s.wanted != name {
			return fmt.Errorf("the dump is of the database %s, not of %s", name, s.wanted)
		}
		s.current = name
		return nil
	}
	if s.wanted == "" && name != "template1" && name != "postgres" {
		s.wanted, s.chosen = name, true
	}
	if s.chosen && s.complete {
		return fmt.Errorf("the file holds several databases, %s and %s: name the one to load", s.wanted, name)
	}
	if name == s.wanted && s.complete || s.wanted != "" && s.passing && name != s.wanted {
		return fmt.Errorf("the dump holds the database %s in a form that is not known", s.wanted)
	}
	s.current, s.passing = name, name == s.wanted
	return nil
}

// connected reads the argument of \connect as pg_dump writes it: a name, a quoted name, or "dbname='…'" behind -reuse-previous=on.
func connected(arg string) (name string, ok bool) {
	arg = strings.TrimSpace(arg)
	arg, reuse := strings.CutPrefix(arg, "-reuse-previous=on ")
	if quoted, isQuoted := strings.CutPrefix(arg, `"`); isQuoted {
		if quoted, isQuoted = strings.CutSuffix(quoted, `"`); !isQuoted {
			return "", false
		}
		arg = strings.ReplaceAll(quoted, `""`, `"`)
	}
	if !reuse {
		if strings.Contains(arg, " ") {
			return "", false
		}
		return arg, arg != ""
	}
	if arg, ok = strings.CutPrefix(arg, "dbname="); !ok {
		return "", false
	}
	if quoted, isQuoted := strings.CutPrefix(arg, "'"); isQuoted {
		if quoted, isQuoted = strings.CutSuffix(quoted, "'"); !isQuoted {
			return "", false
		}
		arg = strings.NewReplacer(`\\`, `\`, `\'`, `'`).Replace(quoted)
	}
	return arg, arg != ""
}

// What does not pass, as pg_dump writes it: at the beginning of a line, in capitals. The statements that name owners stand on one line.
var (
	unwantedStart = regexp.MustCompile(`^(?:(?:CREATE|DROP|ALTER|COMMENT ON|SECURITY LABEL (?:FOR \S+ )?ON) (?:DATABASE|ROLE|TABLESPACE)\b` +
		`|GRANT\b|REVOKE\b|ALTER DEFAULT PRIVILEGES\b|SET SESSION AUTHORIZATION\b|RESET SESSION AUTHORIZATION\b|SET ROLE\b|DROP\b` +
		`|SET transaction_timeout = 0;|CREATE SCHEMA public;)`)
	unwantedLine = regexp.MustCompile(`^ALTER [A-Z ]+ .*(?: OWNER TO | DROP CONSTRAINT (?:IF EXISTS )?)[^;']*;\r?\n?$`)
	copyHead     = regexp.MustCompile(`(?i)^COPY\s`)
	copyTail     = regexp.MustCompile(`(?i)\sFROM\s+stdin\s*;$`)
)

func unwanted(b []byte) bool {
	b = b[:min(len(b), headMax)]
	return unwantedStart.Match(b) || bytes.HasPrefix(b, []byte("ALTER ")) && unwantedLine.Match(b)
}

func copies(head, tail []byte) bool { return copyHead.Match(head) && copyTail.Match(tail) }
