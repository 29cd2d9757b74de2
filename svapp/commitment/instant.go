package commitment

import (
	"encoding/json"
	"fmt"
	"time"
)

// Instant is a time of Canton: microseconds since 1970 in UTC. It reaches back to Canton's first moment, 0001-01-01T00:00:00Z.
type Instant int64

// Time is the same as a time.Time in UTC.
func (i Instant) Time() time.Time { return time.UnixMicro(int64(i)).UTC() }

// InstantOf cuts a time to whole microseconds.
func InstantOf(t time.Time) Instant { return Instant(t.UnixMicro()) }

// String is the instant as Java prints it, and so as it stands in logs: a fraction has three or six digits, or is not there.
func (i Instant) String() string {
	switch {
	case i%1e6 == 0:
		return i.Time().Format("2006-01-02T15:04:05Z")
	case i%1e3 == 0:
		return i.Time().Format("2006-01-02T15:04:05.000Z")
	}
	return i.Time().Format("2006-01-02T15:04:05.000000Z")
}

// MarshalText writes RFC 3339 in UTC.
func (i Instant) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalJSON reads a string of RFC 3339 in any zone. null is no instant.
func (i *Instant) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err != nil || text == "" {
		return fmt.Errorf("%.40s is no time of RFC 3339", data)
	}
	at, ok := parseInstant([]byte(text))
	if !ok {
		return fmt.Errorf("%q is no time of RFC 3339 with at most microseconds", text)
	}
	*i = at
	return nil
}

// parseInstant reads RFC 3339. What is finer than a microsecond is no time of Canton.
func parseInstant(b []byte) (Instant, bool) {
	if at, ok := parseUTC(b); ok {
		return at, true
	}
	t, err := time.Parse(time.RFC3339Nano, string(b))
	if err != nil || t.Nanosecond()%1000 != 0 || t.UTC().Year() < 1 || t.UTC().Year() > 9999 {
		return 0, false
	}
	return InstantOf(t), true
}

// parseUTC is the form that logs have, "2026-01-11T08:30:00Z" with or without a fraction, without the cost of a layout: every line of a
// log that says something has two of them.
func parseUTC(b []byte) (Instant, bool) {
	if len(b) < 20 || b[4] != '-' || b[7] != '-' || b[10] != 'T' || b[13] != ':' || b[16] != ':' || b[len(b)-1] != 'Z' {
		return 0, false
	}
	year, ok1 := digits(b[0:4])
	month, ok2 := digits(b[5:7])
	day, ok3 := digits(b[8:10])
	hour, ok4 := digits(b[11:13])
	minute, ok5 := digits(b[14:16])
	second, ok6 := digits(b[17:19])
	if !(ok1 && ok2 && ok3 && ok4 && ok5 && ok6) || year == 0 || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	micros := 0
	if fraction := b[19 : len(b)-1]; len(fraction) > 0 {
		if fraction[0] != '.' || len(fraction) == 1 || len(fraction) > 7 {
			return 0, false
		}
		n, ok := digits(fraction[1:])
		if !ok {
			return 0, false
		}
		for i := len(fraction); i < 7; i++ {
			n *= 10
		}
		micros = n
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, micros*1000, time.UTC)
	if int(t.Month()) != month || t.Day() != day {
		return 0, false
	}
	return InstantOf(t), true
}

func digits(b []byte) (int, bool) {
	n := 0
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, true
}
