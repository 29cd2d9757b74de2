package svapp

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// Answers of a network are large, little of them is read, and encoding/json proves each part again at each depth. What is split here was proven
// to be valid JSON as a whole; parts are slices of it.

// fieldsOf are the fields of an object, of two with one name the last; false where it is none.
func fieldsOf(raw []byte) (map[string]json.RawMessage, bool) {
	i := space(raw, 0)
	if i == len(raw) || raw[i] != '{' {
		return nil, false
	}
	all := map[string]json.RawMessage{}
	for i = space(raw, i+1); raw[i] != '}'; {
		over := end(raw, i)
		var name string
		if plain := raw[i+1 : over-1]; bytes.IndexByte(plain, '\\') < 0 && utf8.Valid(plain) {
			name = string(plain)
		} else if json.Unmarshal(raw[i:over], &name) != nil {
			return nil, false
		}
		i = space(raw, space(raw, over)+1) // behind the colon
		over = end(raw, i)
		all[name] = raw[i:over:over]
		if i = space(raw, over); raw[i] == ',' {
			i = space(raw, i+1)
		}
	}
	return all, true
}

// elements are those of a list, none of null; false where it is another value.
func elements(raw []byte) ([]json.RawMessage, bool) {
	i := space(raw, 0)
	if bytes.HasPrefix(raw[i:], []byte("null")) {
		return nil, true
	}
	if i == len(raw) || raw[i] != '[' {
		return nil, false
	}
	var all []json.RawMessage
	for i = space(raw, i+1); raw[i] != ']'; {
		over := end(raw, i)
		all = append(all, raw[i:over:over])
		if i = space(raw, over); raw[i] == ',' {
			i = space(raw, i+1)
		}
	}
	return all, true
}

// space is where the next byte is that is no space.
func space(raw []byte, i int) int {
	for i < len(raw) && (raw[i] == ' ' || raw[i] == '\n' || raw[i] == '\r' || raw[i] == '\t') {
		i++
	}
	return i
}

// end is where the value ends that begins at i.
func end(raw []byte, i int) int {
	for depth := 0; i < len(raw); {
		switch raw[i] {
		case '"':
			i = quoted(raw, i)
		case '{', '[':
			depth++
			i++
		case '}', ']':
			depth--
			i++
		case ',', ':', ' ', '\n', '\r', '\t':
			i++
			continue
		default: // a number, true, false, null
			for i++; i < len(raw) && bytes.IndexByte([]byte(",:]} \n\r\t"), raw[i]) < 0; i++ {
			}
		}
		if depth == 0 {
			return i
		}
	}
	return i
}

// quoted is where the text ends that begins at i.
func quoted(raw []byte, i int) int {
	for i++; raw[i] != '"'; i++ {
		if raw[i] == '\\' {
			i++
		}
	}
	return i + 1
}
