package svapp

import (
	"regexp"
	"strconv"
	"strings"
)

// CantonCode is what the description of a Canton error begins with: CODE(category,correlation8): text (reference/apis.md 1.1).
type CantonCode struct {
	Name        string `json:"name"`     // such as INVALID_ACS_SNAPSHOT_TIMESTAMP
	Category    int    `json:"category"` // the numbers are Canton's; not all were verified
	Correlation string `json:"correlation,omitempty"`
}

var cantonCode = regexp.MustCompile(`^([A-Z][A-Z0-9_]{2,79})\((\d{1,3}),([0-9A-Za-z]{0,16})\): ?`)

// readCanton finds the code of an error text, if it begins with one.
func readCanton(text string) *CantonCode {
	m := cantonCode.FindStringSubmatch(withoutGRPC(text))
	if m == nil {
		return nil
	}
	category, err := strconv.Atoi(m[2])
	if err != nil {
		return nil
	}
	return &CantonCode{Name: m[1], Category: category, Correlation: m[3]}
}

// withoutGRPC takes off what Java prints before the description of a gRPC error.
func withoutGRPC(text string) string {
	text = strings.TrimPrefix(text, "io.grpc.StatusRuntimeException: ")
	if name, rest, ok := strings.Cut(text, ": "); ok && grpcNames[name] {
		return rest
	}
	return text
}

var grpcNames = map[string]bool{
	"CANCELLED": true, "UNKNOWN": true, "INVALID_ARGUMENT": true, "DEADLINE_EXCEEDED": true, "NOT_FOUND": true, "ALREADY_EXISTS": true,
	"PERMISSION_DENIED": true, "RESOURCE_EXHAUSTED": true, "FAILED_PRECONDITION": true, "ABORTED": true, "OUT_OF_RANGE": true,
	"UNIMPLEMENTED": true, "INTERNAL": true, "UNAVAILABLE": true, "DATA_LOSS": true, "UNAUTHENTICATED": true,
}

// kindByCanton classifies by the code where the status alone would mislead: the same cause has status 400, 429 or 500 by the
// generation of Canton (reference/apis.md 3.4).
func kindByCanton(code *CantonCode, text string) Kind {
	if code == nil {
		return ""
	}
	switch code.Name {
	case "INVALID_ACS_SNAPSHOT_TIMESTAMP":
		return TooLate
	case "UNAVAILABLE_ACS_SNAPSHOT":
		return Pruned
	case "INCONSISTENT_ACS_SNAPSHOT":
		return Unavailable // pruning ran at the same time
	case "INVALID_TIMESTAMP_PARTY_MANAGEMENT_ERROR":
		switch {
		case strings.Contains(text, "Not all events have been processed"):
			return TooLate
		case strings.Contains(text, "does not yet have a ledger offset before or at"):
			return Pruned
		}
	}
	return ""
}
