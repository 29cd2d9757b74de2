package commitment

import "bytes"

// Of some lines it is looked at which level and which time they have: often enough to know what a log can contain, and seldom enough
// to cost nothing.
const (
	sampleFirst = 64 // every one of the first lines
	sampleEvery = 64 // and one of so many after that
	sampleLine  = 8 << 10
)

// levels are the levels that were seen.
type levels struct{ debug, info, above bool }

func (l *levels) add(o levels) {
	l.debug, l.info, l.above = l.debug || o.debug, l.info || o.info, l.above || o.above
}

func (l levels) known() bool { return l.debug || l.info || l.above }

func (l *levels) see(line []byte) {
	switch word := levelOf(line); string(word) {
	case "TRACE", "DEBUG":
		l.debug = true
	case "INFO":
		l.info = true
	case "WARN", "WARNING", "ERROR":
		l.above = true
	}
}

// levelOf is the level of a line in JSON, however often it was wrapped, or in text: `"level":"INFO"` or "] INFO ".
func levelOf(line []byte) []byte {
	for rest := line; ; {
		i := bytes.Index(rest, []byte(`level`))
		if i < 0 {
			break
		}
		rest = rest[i+5:]
		if word := bytes.TrimLeft(rest, `\": `); len(rest) > 0 && (rest[0] == '"' || rest[0] == '\\') && len(word) < len(rest) {
			return letters(word)
		}
	}
	if i := bytes.Index(line, []byte("] ")); i >= 0 {
		return letters(line[i+2:])
	}
	return nil
}

func letters(b []byte) []byte {
	n := 0
	for n < len(b) && b[n] >= 'A' && b[n] <= 'Z' {
		n++
	}
	return b[:n]
}

// clock is what the times of the lines say. Only times with a zone count: text logs have the local time of a machine.
type clock struct {
	seen          bool
	from, to      Instant
	first, last   Instant // in the order of the lines
	steps, back   int
	furthest      Instant // how far a line was before the one above it
	furthestAfter Instant // the time of the line above
}

// backMin is how far back a line's time must be to be remarkable; lines of several threads are not in strict order.
const backMin = Instant(60e6)

func (c *clock) see(line []byte) {
	if at, ok := timeOf(line); ok {
		c.add(clock{seen: true, from: at, to: at, first: at, last: at})
	}
}

func (c *clock) add(o clock) {
	if !o.seen {
		return
	}
	if !c.seen {
		*c = o
		return
	}
	c.step(c.last, o.first)
	c.from, c.to, c.last = min(c.from, o.from), max(c.to, o.to), o.last
	c.steps, c.back = c.steps+o.steps, c.back+o.back
	if o.furthest > c.furthest {
		c.furthest, c.furthestAfter = o.furthest, o.furthestAfter
	}
}

func (c *clock) step(above, below Instant) {
	c.steps++
	if by := above - below; by > backMin {
		c.back++
		if by > c.furthest {
			c.furthest, c.furthestAfter = by, above
		}
	}
}

// jumped says whether the clock seems to have been set back: most lines are in order and a few are not. Exports with the latest line
// first are not meant.
func (c clock) jumped() bool { return c.back > 0 && c.back*10 <= c.steps }

var timeKeys = [][]byte{[]byte(`timestamp`), []byte(`"time`)}

// timeOf is the time of a line, where it says its zone.
func timeOf(line []byte) (Instant, bool) {
	if len(line) > 0 && line[0] == '2' {
		if _, ok := criOf(line); ok {
			stamp, _, _ := bytes.Cut(line, []byte(" "))
			return parseStamp(stamp)
		}
	}
	for _, key := range timeKeys {
		for rest := line; ; { // the word may stand in a message too
			i := bytes.Index(rest, key)
			if i < 0 {
				break
			}
			rest = rest[i+len(key):]
			value := bytes.TrimLeft(rest[:min(len(rest), 80)], `\": `)
			if end := bytes.IndexAny(value, `\" ,}`); end > 0 {
				if at, ok := parseStamp(value[:end]); ok {
					return at, true
				}
			}
		}
	}
	return 0, false
}

// parseStamp reads RFC 3339 with any fraction and any zone.
func parseStamp(b []byte) (Instant, bool) {
	if dot := bytes.IndexByte(b, '.'); dot > 0 {
		end := dot + 1
		for end < len(b) && b[end] >= '0' && b[end] <= '9' {
			end++
		}
		if end-dot > 7 { // finer than microseconds
			b = append(append([]byte(nil), b[:dot+7]...), b[end:]...)
		}
	}
	return parseInstant(b)
}
