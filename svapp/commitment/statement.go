package commitment

import (
	"bytes"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// The words of the processor, in every release that has them (reference/apis.md 9.2).
var (
	agreementHead = []byte("Commitment correct for sender ")
	agreementJoin = []byte(" and period ")
	periodHead    = []byte("CommitmentPeriod(")
	mismatchCode  = []byte("COMMITMENT_MISMATCH")
	noSharedCode  = []byte("CS_MISMATCH_NO_SHARED") // its whole name is not verified
	receivedHead  = []byte("ReceivedAcsCmt(")
	sentHead      = []byte("SentAcsCmt(")
)

// period is from when, exclusive, until when, inclusive, a commitment counts.
type period struct{ from, to Instant }

// parsePeriod reads "CommitmentPeriod(fromExclusive = T, toInclusive = T)" at the start of b, and answers how long it is.
func parsePeriod(b []byte) (p period, length int, ok bool) {
	at := len(periodHead)
	if !bytes.HasPrefix(b, periodHead) {
		return p, 0, false
	}
	for n, key := range [...]string{"fromExclusive", "toInclusive"} {
		closing := byte(",)"[n])
		for at < len(b) && b[at] == ' ' {
			at++
		}
		if !bytes.HasPrefix(b[at:], []byte(key)) {
			return p, 0, false
		}
		at += len(key)
		for at < len(b) && (b[at] == ' ' || b[at] == '=') {
			at++
		}
		end := bytes.IndexByte(b[at:min(len(b), at+40)], closing)
		if end < 0 {
			return p, 0, false
		}
		t, good := parseInstant(bytes.TrimRight(b[at:at+end], " "))
		if !good {
			return p, 0, false
		}
		if n == 0 {
			p.from = t
		} else {
			p.to = t
		}
		at += end + 1
	}
	return p, at, p.from < p.to
}

// parseAgreement reads what follows "Commitment correct for sender ": the sender as it stands there, and the period.
func parseAgreement(b []byte) (sender []byte, p period, length int, ok bool) {
	end := bytes.IndexByte(b[:min(len(b), 512)], ' ')
	if end <= 0 || !bytes.HasPrefix(b[end:], agreementJoin) {
		return nil, p, 0, false
	}
	at := end + len(agreementJoin)
	p, n, ok := parsePeriod(b[at:])
	return b[:end], p, at + n, ok
}

// parseRemote finds in the text of a mismatch whose commitment it was and for which period: "sender = S, ... period =
// CommitmentPeriod(...)" of the remote commitment. The periods of the local ones stand beside it and may be others.
func parseRemote(text []byte) (sender []byte, p period, ok bool) {
	for rest := text; ; {
		i := bytes.Index(rest, []byte("sender"))
		if i < 0 {
			return nil, p, false
		}
		rest = rest[i+len("sender"):]
		value := bytes.TrimLeft(rest, " ")
		if len(value) == 0 || value[0] != '=' {
			continue
		}
		value = bytes.TrimLeft(value[1:], " ")
		end := bytes.IndexAny(value[:min(len(value), 512)], ", \n)")
		if end < 0 {
			return nil, p, false
		}
		after := value[end:min(len(value), end+2048)]
		if next := bytes.Index(after, []byte("sender")); next >= 0 {
			after = after[:next]
		}
		for {
			j := bytes.Index(after, periodHead)
			if j < 0 {
				break
			}
			if p, _, ok = parsePeriod(after[j:]); ok {
				return value[:end], p, true
			}
			after = after[j+1:]
		}
	}
}

// flatten takes JSON's escapes out of text, however often it was put into JSON: what is left reads as the participant wrote it. The
// result may share the bytes of text.
func flatten(text []byte) []byte {
	for range 6 {
		if bytes.IndexByte(text, '\\') < 0 {
			break
		}
		text = unescape(text)
	}
	return text
}

// unescape takes one round of escapes out. A backslash before any other byte goes too, and so does one at the end.
func unescape(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c != '\\' || i+1 == len(text) {
			if c != '\\' {
				out = append(out, c)
			}
			continue
		}
		i++
		switch text[i] {
		case 'n':
			out = append(out, '\n')
		case 't':
			out = append(out, '\t')
		case 'r':
			out = append(out, '\r')
		case 'b', 'f':
			out = append(out, ' ')
		case 'u':
			r, n := unicodeEscape(text[i+1:])
			if n == 0 {
				out = append(out, '?')
				continue
			}
			out = utf8.AppendRune(out, r)
			i += n
		default: // a quote, a slash, a backslash
			out = append(out, text[i])
		}
	}
	return out
}

// unicodeEscape reads what follows "\u", with the second half of a pair, and answers how many bytes it took.
func unicodeEscape(b []byte) (rune, int) {
	four := func(b []byte) (rune, bool) {
		if len(b) < 4 {
			return 0, false
		}
		n, err := strconv.ParseUint(string(b[:4]), 16, 16)
		return rune(n), err == nil
	}
	r, ok := four(b)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(r) {
		if len(b) >= 10 && b[4] == '\\' && b[5] == 'u' {
			if second, ok := four(b[6:]); ok {
				if pair := utf16.DecodeRune(r, second); pair != utf8.RuneError {
					return pair, 10
				}
			}
		}
		return utf8.RuneError, 4
	}
	return r, 4
}
