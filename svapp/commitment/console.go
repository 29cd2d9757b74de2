package commitment

import "bytes"

// What commitments.lookup_received_acs_commitments prints on the console of a participant, pasted into a file (reference/apis.md 10):
//
//	ReceivedAcsCmt(CommitmentPeriod(fromExclusive = .., toInclusive = ..),PAR::Beta-SV::1220c0ff..,Some(SHA-256:9a5a..),None,Buffered)
//
// It knows the true state in every release. Only Match is an agreement; Buffered and Outstanding say that nothing was compared.

// rowMax is how long one such row may be.
const rowMax = 8 << 10

// row is one received commitment.
type row struct {
	counterparty []byte
	period       period
	state        string
}

// parseRow reads the row at the start of b, which begins with receivedHead. whole says that its last parenthesis was there; ok, that it
// could be understood. A console breaks long lines: line breaks and the blanks after them are taken out, unless they stand for a blank.
func parseRow(b []byte) (r row, length int, whole, ok bool) {
	depth, end := 0, -1
	for i := len(receivedHead) - 1; i < min(len(b), rowMax); i++ {
		switch b[i] {
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				end = i
			}
		}
		if end >= 0 {
			break
		}
	}
	if end < 0 {
		return r, 0, false, false
	}
	var parts [][]byte
	inner := unbroken(b[len(receivedHead):end])
	from := 0
	for i, c := range inner {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				parts = append(parts, value(inner[from:i]))
				from = i + 1
			}
		}
	}
	parts = append(parts, value(inner[from:]))
	if len(parts) < 3 {
		return r, end + 1, true, false
	}
	var good bool
	if r.period, _, good = parsePeriod(parts[0]); !good {
		return r, end + 1, true, false
	}
	r.counterparty = parts[1]
	r.state = string(parts[len(parts)-1])
	switch r.state {
	case "Match", "Mismatch", "Buffered", "Outstanding":
		return r, end + 1, true, true
	}
	return r, end + 1, true, false
}

// value is an argument without blanks around it and without the name that a pretty printer puts in front of it.
func value(part []byte) []byte {
	part = bytes.TrimSpace(part)
	if name, rest, ok := bytes.Cut(part, []byte("=")); ok && !bytes.ContainsAny(name, "(:") {
		return bytes.Trim(rest, " \t\"")
	}
	return bytes.Trim(part, "\"")
}

// unbroken joins lines that a console has broken.
func unbroken(b []byte) []byte {
	if bytes.IndexByte(b, '\n') < 0 {
		return b
	}
	var out []byte
	for i, line := range bytes.Split(b, []byte("\n")) {
		line = bytes.TrimRight(line, "\r")
		if i > 0 {
			line = bytes.TrimLeft(line, " \t")
		}
		out = append(out, line...)
	}
	return out
}
