package config

import (
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // every zone is known also where the machine has no list of them

	"canton.example/svrescue/internal/secret"
)

// Kind is what may stand as the value of a key.
type Kind string

const (
	Text      Kind = "text"
	Path      Kind = "path"                                                       // of a file or folder; from the working folder where it is not absolute
	Absolute  Kind = "absolute path"                                              // the same wherever svrescue is started, as by a timer
	Folders   Kind = "list of absolute paths"                                     //
	Address   Kind = "address: https://HOST, with a path where one belongs to it" //
	Addresses Kind = "list of addresses: https://HOST"                            //
	Length    Kind = "length of time: 30d, 720h"                                  //
	Zone      Kind = "zone: Europe/Zurich, UTC, +02:00"                           //
	Secret    Kind = "reference: env:NAME, file:/PATH, stdin"                     // never a secret itself
	Entries   Kind = "list of entries"                                            // each with fields of its own
	Moment    Kind = "time or day: 2027-03-01, 2027-03-01T12:00:00Z"              // of a day, its beginning in UTC
	Words     Kind = "program with its arguments, as a list"                      //
)

func (k Kind) list() bool { return k == Folders || k == Addresses || k == Entries }

// split is a text of the environment as values: those of a list are separated as those of $PATH, or by commas for addresses.
func (k Kind) split(text string) []string {
	switch k {
	case Folders:
		return filepath.SplitList(text)
	case Addresses:
		return strings.Split(text, ",")
	case Entries:
		return splitEntries(text)
	}
	return []string{text}
}

// set puts the values where they belong. Where they are not right, it says why, as what follows the name of the key; it repeats no
// value, because people do write passwords into addresses.
func (k Key) set(c *Config, values []string) (why string) {
	if to, ok := k.field(c).(entries); ok {
		return k.setEntries(to, values)
	}
	for i, v := range values {
		values[i] = strings.TrimSpace(v)
		if why = k.Kind.wrong(values[i]); why != "" {
			return why
		}
	}
	switch to := k.field(c).(type) {
	case *string:
		*to = values[0]
	case *[]string:
		*to = values
	case *time.Duration:
		*to, _ = ParseLength(values[0])
	}
	return ""
}

func (k Kind) wrong(v string) string {
	switch k {
	case Absolute, Folders:
		if !filepath.IsAbs(v) {
			return "is not an absolute path: write it from / on, since a timer starts svrescue elsewhere"
		}
	case Address, Addresses:
		u, err := url.Parse(v)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http":
			return "is not an address: write it as https://scan.sv.example.com"
		case u.User != nil:
			return "has a user name or a password in it: write it without"
		case u.RawQuery != "" || u.Fragment != "":
			return "has more than a host and a path: leave out what follows ? or #"
		}
	case Length:
		if _, ok := ParseLength(v); !ok {
			return "is not a length of time: write it as 30d or 720h"
		}
	case Secret:
		if err := secret.Reference(v).Check(); err != nil {
			return err.Error()
		}
	case Moment:
		if _, ok := ParseMoment(v); !ok {
			return "is no time: write it as 2027-03-01 or 2027-03-01T12:00:00Z"
		}
	case Zone:
		if _, ok := ParseZone(v); !ok {
			return "is not a zone: write it as Europe/Zurich, UTC or +02:00"
		}
	}
	return ""
}

// ParseLength reads a length of time as people write it: 30d, 1.5d, or as Go does, 720h. It is more than nothing.
func ParseLength(text string) (time.Duration, bool) {
	if days, ok := strings.CutSuffix(text, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		d := time.Duration(n * 24 * float64(time.Hour))
		return d, err == nil && n < 100_000 && d > 0
	}
	d, err := time.ParseDuration(text)
	return d, err == nil && d > 0
}

// WriteLength is a length of time as ParseLength reads it, in days where it is whole days.
func WriteLength(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	}
	return d.String()
}

// ParseZone reads the name of a zone, or its distance from UTC.
func ParseZone(text string) (*time.Location, bool) {
	for _, layout := range []string{"-07:00", "-0700", "-07"} {
		if t, err := time.Parse(layout, text); err == nil {
			_, offset := t.Zone()
			return time.FixedZone("", offset), true
		}
	}
	if text == "" || text == "Local" || text[0] == '/' || text[0] == '.' {
		return nil, false
	}
	zone, err := time.LoadLocation(text)
	return zone, err == nil
}
