package dump

import (
	"bytes"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// readSQL reads a plain dump or a cluster dump.
func readSQL(b *body, o Options, s source) []Artifact {
	p := &plainDump{zone: o.Zone}
	err := p.read(b)
	return p.artifacts(b.compression, filepath.Base(s.path), err)
}

// read reads SQL to its end, or to the first error of reading.
func (p *plainDump) read(r io.Reader) error {
	p.scan = newScan(r, p)
	return p.scan.run()
}

// looksSQL says whether text begins as pg_dump and pg_dumpall begin theirs, after comments, empty lines and commands of psql, as
// \restrict is one.
func looksSQL(head []byte) bool {
	head = bytes.TrimPrefix(head, []byte("\xef\xbb\xbf"))
	if bytes.IndexByte(head, 0) >= 0 {
		return false
	}
	for line := range bytes.Lines(head) {
		line = bytes.TrimSpace(line)
		switch {
		case len(line) == 0, bytes.Equal(line, []byte("--")):
		case bytes.HasPrefix(line, []byte("-- PostgreSQL database")):
			return true
		case bytes.HasPrefix(line, []byte("--")), bytes.HasPrefix(line, []byte("SET ")), bytes.HasPrefix(line, []byte("SELECT pg_catalog.")),
			bytes.HasPrefix(line, []byte(`\restrict`)), bytes.HasPrefix(line, []byte(`\unrestrict`)):
		case bytes.HasPrefix(line, []byte(`\connect `)), bytes.HasPrefix(line, []byte("COPY ")), bytes.HasPrefix(line, []byte("CREATE ")),
			bytes.HasPrefix(line, []byte("INSERT INTO ")), bytes.HasPrefix(line, []byte("DROP ")):
			return true // the header was taken off
		default:
			return false
		}
	}
	return false
}

// plainDump is what is found in SQL, database by database. A header or a \connect begins the next one.
type plainDump struct {
	zone           *time.Location
	all            []*database
	cluster        bool // its header was there
	clusters       int  // how often
	whole          bool // the end of the cluster dump was
	connected      string
	searchPath     string
	dumpV          string
	started, ended *Moment
	wasCut         bool
	afterEnd       bool // a database's end was read, and nothing of another one since
	scan           *scan
}

func (p *plainDump) current() *database {
	if len(p.all) == 0 {
		p.next()
	}
	return p.all[len(p.all)-1]
}

// next begins a database.
func (p *plainDump) next() *database {
	d := &database{name: p.connected}
	p.all, p.searchPath, p.afterEnd = append(p.all, d), "", false
	return d
}

func (p *plainDump) comment(text []byte) {
	line := strings.TrimSpace(string(text[:min(len(text), 200)]))
	after := func(prefix string) (string, bool) { return strings.CutPrefix(line, prefix) }
	switch {
	case line == "PostgreSQL database cluster dump":
		p.cluster, p.whole = true, false
		p.clusters++
	case line == "PostgreSQL database cluster dump complete":
		p.whole = true
	case line == "PostgreSQL database dump":
		if len(p.all) == 0 || p.current().used || p.afterEnd {
			p.next()
		}
	case line == "PostgreSQL database dump complete":
		p.current().complete, p.afterEnd = true, true
	}
	if v, ok := after("Dumped from database version "); ok {
		p.current().serverVersion = v
	}
	if v, ok := after("Dumped by pg_dump version "); ok {
		p.current().dumperVersion = v
	}
	if v, ok := after("Dumped by pg_dumpall version "); ok && p.dumpV == "" {
		p.dumpV = v
	}
	if v, ok := after("Started on "); ok {
		p.clock(v, &p.started, func(d *database) **Moment { return &d.started })
	}
	if v, ok := after("Completed on "); ok {
		p.clock(v, &p.ended, func(d *database) **Moment { return &d.ended })
	}
}

// clock notes a time that pg_dump --verbose writes: of a database, or of the cluster outside of any.
func (p *plainDump) clock(text string, cluster **Moment, of func(*database) **Moment) {
	m := parseClock(text, p.zone)
	if m == nil {
		return
	}
	if len(p.all) == 0 || p.afterEnd && p.cluster && *of(p.current()) != nil {
		*cluster = m
		return
	}
	if to := of(p.current()); *to == nil {
		*to = m
	}
}

// parseClock reads "2026-11-22 10:15:00 UTC". Zones are written as abbreviations, and none but UTC's means one thing only.
func parseClock(text string, zone *time.Location) *Moment {
	if len(text) < len(time.DateTime) {
		return nil
	}
	name := strings.TrimSpace(text[len(time.DateTime):])
	known := zone != nil
	if name == "UTC" || name == "GMT" {
		zone, known = time.UTC, true
	}
	if zone == nil {
		zone = time.UTC
	}
	t, err := time.ParseInLocation(time.DateTime, text[:len(time.DateTime)], zone)
	if err != nil {
		return nil
	}
	return &Moment{Wall: t, ZoneKnown: known}
}

func (p *plainDump) command(text []byte) {
	name, ok := parseConnect(string(text))
	if !ok {
		return
	}
	p.connected = name
	if len(p.all) == 0 || p.current().used || p.afterEnd {
		p.next()
		return
	}
	p.current().name, p.searchPath = name, ""
}

// heads of the statements that are looked into.
var heads = [][]byte{[]byte("COPY "), []byte("SET search_path "), []byte("SET standard_conforming_strings "), []byte("SELECT pg_catalog.set_config('search_path'"),
	[]byte("CREATE TABLE "), []byte("CREATE UNLOGGED TABLE "), createExtension}

var createExtension = []byte("CREATE EXTENSION ")

var insertHead = []byte("INSERT INTO ")

func (p *plainDump) matters(head []byte) bool {
	if bytes.HasPrefix(head, insertHead) {
		t, _, ok := parseTable(head[len(insertHead):])
		p.current().used = true
		return ok && wanted(t.name) != nothing
	}
	if bytes.HasPrefix(head, []byte("CREATE ")) {
		p.current().used = p.current().used || !bytes.HasPrefix(head, []byte("CREATE DATABASE ")) && !bytes.HasPrefix(head, []byte("CREATE ROLE "))
	}
	return slices.ContainsFunc(heads, func(h []byte) bool { return bytes.HasPrefix(head, h) })
}

func (p *plainDump) long(head []byte) {
	for _, h := range [][]byte{insertHead, []byte("COPY ")} {
		if rest, ok := bytes.CutPrefix(head, h); ok {
			if t, _, ok := parseTable(rest); ok && wanted(t.name) != nothing {
				d := p.current()
				t = p.resolve(t)
				d.see(t)
				d.schema(t.schema).fail(t.name, "a statement with the rows of %s is longer than %d MiB", t.name, statementLimit>>20)
			}
		}
	}
}

func (p *plainDump) resolve(t table) table {
	if t.schema == "" {
		t.schema = p.searchPath
	}
	return t
}

func (p *plainDump) sql(statement []byte) *block {
	switch {
	case bytes.HasPrefix(statement, []byte("COPY ")):
		t, columns, ok := parseCopy(statement)
		if !ok {
			return nil
		}
		t = p.resolve(t)
		p.current().see(t)
		return p.current().copy(t, columns)
	case bytes.HasPrefix(statement, insertHead):
		p.insert(statement)
	case bytes.HasPrefix(statement, []byte("SET search_path ")):
		p.searchPath = parseSearchPath(statement)
	case bytes.HasPrefix(statement, []byte("SELECT pg_catalog.set_config")):
		p.searchPath = ""
	case bytes.HasPrefix(statement, []byte("SET standard_conforming_strings ")):
		p.scan.backslash = bytes.Contains(statement, []byte("off"))
	case bytes.HasPrefix(statement, createExtension):
		rest := bytes.TrimPrefix(bytes.TrimPrefix(statement, createExtension), []byte("IF NOT EXISTS "))
		if t, _, ok := parseTable(rest); ok { // a name is quoted alike, whatever it names
			p.current().installs(t.name)
		}
	case bytes.HasPrefix(statement, []byte("CREATE ")):
		rest := bytes.TrimPrefix(bytes.TrimPrefix(bytes.TrimPrefix(statement, []byte("CREATE ")), []byte("UNLOGGED ")), []byte("TABLE "))
		if t, _, ok := parseTable(rest); ok {
			p.current().see(p.resolve(t))
		}
	}
	return nil
}

// copy is how the data of a table are read.
func (d *database) copy(t table, columns []string) *block {
	w := wanted(t.name)
	if w == nothing {
		return &block{row: func([]byte) {}, tooBig: func() {}, end: func() {}}
	}
	f := d.schema(t.schema)
	if w == anyRow {
		seen := func() { f.add(t.name, nil) }
		return &block{want: w, row: func([]byte) { seen() }, tooBig: seen, end: func() { f.data[t.name] = true }}
	}
	f.columns(t.name, columns)
	return &block{want: w,
		row: func(line []byte) {
			r, err := parseRow(line, columns)
			if err != nil {
				f.fail(t.name, "a row of %s: %v", t.name, err)
			}
			f.add(t.name, r)
		},
		tooBig: func() { f.fail(t.name, "a row of %s is longer than %d KiB", t.name, rowLimit>>10) },
		end:    func() { f.data[t.name] = true },
	}
}

// insert reads the rows of an INSERT. Its columns have to be named in it: by their places alone they are not told apart.
func (p *plainDump) insert(statement []byte) {
	d := p.current()
	t, rest, ok := parseTable(statement[len(insertHead):])
	if !ok {
		return
	}
	t = p.resolve(t)
	d.see(t)
	f := d.schema(t.schema)
	if wanted(t.name) == anyRow {
		f.add(t.name, nil)
		return
	}
	rows, columns, err := parseValues(rest, p.scan.backslash)
	if err != nil {
		f.fail(t.name, "the rows of %s stand in INSERT statements, %v", t.name, err)
		return
	}
	f.columns(t.name, columns)
	for _, r := range rows {
		f.add(t.name, r)
	}
	f.data[t.name] = true
	f.inserted(t.name)
}

func (p *plainDump) cut() { p.wasCut = true }

// artifacts are what was found, once the stream has ended with err.
func (p *plainDump) artifacts(c Compression, base string, err error) []Artifact {
	kind := Plain
	names := map[string]bool{}
	for _, d := range p.all {
		names[d.name] = true
	}
	if p.cluster || len(names) > 1 {
		kind = Cluster
	}
	if len(p.all) == 0 {
		p.next()
	}
	if kind == Cluster { // the databases that pg_dumpall connects to before it dumps the first one
		p.all = slices.DeleteFunc(p.all, func(d *database) bool { return !d.used && !d.complete && d.serverVersion == "" && len(p.all) > 1 })
		if len(p.all) == 0 {
			p.next()
		}
	}
	var all []Artifact
	for i, d := range p.all {
		whole := err == nil && !p.wasCut && d.complete && (!p.cluster || p.whole)
		switch {
		case err != nil:
			d.problem("%s", sentenceOf(c, err))
		case p.wasCut:
			d.problem("It ends in the middle of a statement or of a table: it was cut off, or is one part of a file that was split")
		case p.cluster && !p.whole:
			d.problem(`It does not end with "PostgreSQL database cluster dump complete": it was cut off, or is one part of a file that was split`)
		case !d.complete:
			d.problem(`It does not end with "PostgreSQL database dump complete": it was cut off, or is one part of a file that was split`)
		}
		if !d.complete {
			d.unsettle()
		}
		if d.dumperVersion == "" {
			d.dumperVersion = p.dumpV
		}
		for _, a := range d.artifacts(kind, base, i, &whole) {
			a.InTurn = p.clusters == 1
			all = append(all, a)
		}
	}
	return all
}

// isCluster says of the beginning of SQL whether pg_dumpall wrote it.
func isCluster(head []byte) bool {
	return bytes.Contains(head, []byte("\n-- PostgreSQL database cluster dump")) || bytes.HasPrefix(head, []byte("-- PostgreSQL database cluster dump"))
}
