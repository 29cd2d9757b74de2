package commitment

import (
	"bytes"
	"encoding/json"
)

// Lines of a log come as the participant wrote them, JSON or text, or wrapped by what has collected them: by Docker ({"log": LINE,
// "stream", "time"}), by a CRI runtime (TIME stdout F LINE), or by a collector's export, one JSON object a line with the text in message,
// jsonPayload.message or line (reference/apis.md 9.1).

// recorded is a line's wrapping by a runtime: which stream it was on, and whether the line goes on in the stream's next record.
type recorded struct {
	stream  byte // 'o' of stdout, 'e' of stderr
	partial bool
	inner   []byte
}

// criOf reads the prefix of a CRI runtime, "2026-01-11T08:31:00.001234567Z stdout F ". It is called for every line.
func criOf(line []byte) (recorded, bool) {
	if len(line) < 30 || line[4] != '-' || line[10] != 'T' {
		return recorded{}, false
	}
	space := bytes.IndexByte(line[19:min(len(line), 40)], ' ')
	if space < 0 {
		return recorded{}, false
	}
	rest := line[19+space+1:]
	if len(rest) < 8 || rest[0] != 's' || rest[1] != 't' || rest[2] != 'd' || rest[6] != ' ' {
		return recorded{}, false
	}
	r := recorded{stream: rest[3], partial: rest[7] == 'P'}
	if stream := string(rest[:6]); stream != "stdout" && stream != "stderr" || rest[7] != 'P' && rest[7] != 'F' {
		return recorded{}, false
	}
	switch rest = rest[8:]; {
	case len(rest) == 0:
	case rest[0] == ' ':
		r.inner = rest[1:]
	case rest[0] == ':': // further tags
		_, r.inner, _ = bytes.Cut(rest, []byte(" "))
	default:
		return recorded{}, false
	}
	return r, true
}

var dockerHead, dockerTail = []byte(`{"log":"`), []byte(`","stream":"std`)

// dockerOf reads the wrapper of Docker's json-file. The inner line stays escaped, since it is looked at only if there is something in it.
// A line that goes on in the next record has no line break at its end.
func dockerOf(line []byte) (recorded, bool) {
	if !bytes.HasPrefix(line, dockerHead) {
		return recorded{}, false
	}
	near := max(len(dockerHead), len(line)-200) // stream, time and perhaps attributes
	i := bytes.LastIndex(line[near:], dockerTail)
	if i < 0 {
		if i = bytes.LastIndex(line[len(dockerHead)-1:], dockerTail); i < 0 {
			return recorded{}, false
		}
		near = len(dockerHead) - 1
	}
	end := near + i
	if end < len(dockerHead) || end+len(dockerTail) >= len(line) {
		return recorded{}, false
	}
	r := recorded{stream: line[end+len(dockerTail)], inner: line[len(dockerHead):end]}
	if whole, ok := bytes.CutSuffix(r.inner, []byte(`\n`)); ok {
		r.inner = whole
	} else {
		r.partial = true
	}
	return r, r.stream == 'o' || r.stream == 'e'
}

// opened is a line without its wrappers.
type opened struct {
	text  []byte
	entry bool // it is a participant's own JSON, which holds all that is said with it
}

// unwrap takes all wrappers off.
func unwrap(line []byte) opened {
	for range 4 {
		line = bytes.TrimRight(line, "\r\n")
		if r, ok := criOf(line); ok {
			line = r.inner
			continue
		}
		trimmed := bytes.TrimLeft(line, " \t")
		if len(trimmed) == 0 || trimmed[0] != '{' {
			return opened{text: line}
		}
		inner, entry := fromObject(trimmed)
		if inner == nil || entry {
			return opened{text: line, entry: true}
		}
		line = inner
	}
	return opened{text: line}
}

// fromObject is the text in a collector's object. entry says that the object is a participant's own; nil, that it has no text.
func fromObject(line []byte) (inner []byte, entry bool) {
	type own struct {
		Message *string         `json:"message"`
		Logger  json.RawMessage `json:"logger_name"`
		Thread  json.RawMessage `json:"thread_name"`
	}
	var o struct {
		own
		Log     *string         `json:"log"`
		Line    *string         `json:"line"`
		Payload json.RawMessage `json:"jsonPayload"`
	}
	if json.Unmarshal(line, &o) != nil {
		return nil, false
	}
	text := o.Message
	if o.Payload != nil {
		var p own
		if json.Unmarshal(o.Payload, &p) == nil && p.Message != nil {
			text = p.Message
			o.own = p
		}
	}
	switch {
	case o.Log != nil:
		text = o.Log
	case o.Line != nil:
		text = o.Line
	case o.Logger != nil || o.Thread != nil:
		return nil, true
	}
	if text == nil {
		return nil, false
	}
	return []byte(*text), false
}

// begins says whether a line without wrappers begins an entry, and is not a further line of a text with several.
func (o opened) begins() bool {
	t := o.text
	if o.entry {
		return true
	}
	dated := len(t) >= 19 && t[4] == '-' && t[7] == '-' && (t[10] == ' ' || t[10] == 'T') && t[13] == ':' && t[16] == ':'
	if dated {
		_, dated = digits(t[:4])
	}
	return dated || bytes.HasPrefix(t, []byte("[")) // the console's pattern has no date
}
