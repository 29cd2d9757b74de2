package commitment

import (
	"bytes"
	"strings"

	"canton.example/svrescue/internal/plain"
)

// A participant is written "Beta-SV::1220c0ffee12": its name, and its fingerprint or the start of it. Logs put "PAR::" in front or do
// not, and two or three dots after a fingerprint that they have shortened (reference/apis.md 9.2).

// ParseParticipant reads an id of a participant, and answers it without "PAR::" and without the dots of a shortened fingerprint.
func ParseParticipant(id string) (string, bool) { return parseParticipant([]byte(id)) }

// parseParticipant reads a participant out of a log, and answers it without "PAR::" and without dots.
func parseParticipant(b []byte) (string, bool) {
	b = bytes.TrimPrefix(b, []byte("PAR::"))
	name, fingerprint, ok := bytes.Cut(b, []byte("::"))
	if !ok || len(name) == 0 || len(name) > 255 {
		return "", false
	}
	if bytes.ContainsAny(name, ` "\,()`) || plain.Clean(string(name)) != string(name) {
		return "", false
	}
	fingerprint = bytes.TrimRight(fingerprint, ".")
	if !isFingerprint(string(fingerprint)) {
		return "", false
	}
	return string(name) + "::" + string(fingerprint), true
}

// isFingerprint says whether s is a fingerprint of Canton or the start of one: 1220, which is SHA-256, and hexadecimal digits.
func isFingerprint(s string) bool {
	if !strings.HasPrefix(s, "1220") || len(s) > 4+64 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// split is a participant's name and fingerprint. The fingerprint is empty where there is only a name.
func split(participant string) (name, fingerprint string) {
	name, fingerprint, _ = strings.Cut(participant, "::")
	return name, fingerprint
}

// compatible says whether two fingerprints can be of one participant: one is the start of the other.
func compatible(a, b string) bool { return strings.HasPrefix(a, b) || strings.HasPrefix(b, a) }
