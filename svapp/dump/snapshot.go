package dump

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"canton.example/svrescue/internal/jsonwalk"
)

// Snapshot is what is known of a node's data as the SV app exports it: the answer of data-snapshot (reference/apis.md 3.2).
type Snapshot struct {
	MigrationID *int64
	CreatedAt   string // RFC 3339
	Data        *Data  // nil: not in it
	Users       *Users
	// Identities says that there are some in it too: it is a whole migration dump then.
	Identities bool
	// Extra are the names at the top that no reader needs.
	Extra []string
}

// Data is what is known of the data_snapshot in it.
type Data struct {
	Genesis  Payload
	ACS      Payload
	At       string // acs_timestamp, RFC 3339; it echoes the request and proves nothing of the content
	Format   string // acs_format; empty: not said, which its reader takes for admin_api
	DARs     int
	Separate bool // genesis and ACS are names of files on the writer's volume
	// Problem says what in it is not as the apps write it.
	Problem string
}

// Payload is a long text in base64.
type Payload struct {
	There bool
	Bytes int64  // of the text
	Start string // its first letters
}

// Users is what is known of the participant_users.
type Users struct {
	// Parties are those that its users are or act for, each once, in order.
	Parties []string
}

// ActFor says whether one of the users is, or acts for, an SV: by its name or its party.
func (u *Users) ActFor(sv string) bool {
	return slices.ContainsFunc(u.Parties, func(party string) bool {
		name, _, _ := strings.Cut(party, "::")
		return name == sv || party == sv
	})
}

const startKept = 8

// start keeps the first letters of what is written, and counts all.
type start struct {
	text  []byte
	total int64
}

func (s *start) Write(part []byte) (int, error) {
	if room := startKept + 1 - len(s.text); room > 0 {
		s.text = append(s.text, part[:min(room, len(part))]...)
	}
	s.total += int64(len(part))
	return len(part), nil
}

// payload passes a value that should be a text, and gives its inside to also, if that is not nil.
func payload(r *jsonwalk.Reader, to *Payload, also io.Writer) error {
	kind, err := r.Kind()
	if err != nil || kind != jsonwalk.String {
		return errors.Join(err, r.Skip())
	}
	var s start
	var sink io.Writer = &s
	if also != nil {
		sink = io.MultiWriter(&s, also)
	}
	if err := r.CopyTo(sink); err != nil {
		return err
	}
	*to = Payload{There: s.total > 2, Bytes: s.total - 2, Start: strings.Trim(string(s.text), `"`)}
	return nil
}

// readers see long texts as they pass; nil ones see nothing. What they get has the quotes around it.
type readers struct {
	genesis, acs io.Writer
	dar          func(hash string, content Payload)
}

func (d *Data) member(r *jsonwalk.Reader, name string, see readers) error {
	switch name {
	case "genesis_state":
		return payload(r, &d.Genesis, see.genesis)
	case "acs_snapshot":
		return payload(r, &d.ACS, see.acs)
	case "acs_timestamp":
		return text(r, &d.At)
	case "acs_format":
		return text(r, &d.Format)
	case "separate_payload_files":
		raw, err := r.Raw(maxText)
		d.Separate = string(raw) == "true"
		return err
	case "dars":
		kind, err := r.Kind()
		if err != nil || kind != jsonwalk.Array {
			d.Problem = "its packages (dars) are no list"
			return errors.Join(err, r.Skip())
		}
		return r.Array(func() error {
			d.DARs++
			if see.dar == nil {
				return r.Skip()
			}
			var hash string
			var content Payload
			err := object(r, func(name string) error {
				switch name {
				case "hash":
					return text(r, &hash)
				case "content":
					return payload(r, &content, nil)
				}
				return r.Skip()
			})
			if err == nil {
				see.dar(hash, content)
			}
			return err
		})
	}
	return r.Skip()
}

func (u *Users) member(r *jsonwalk.Reader, name string) error {
	kind, err := r.Kind()
	if err != nil {
		return err
	}
	if name != "users" || kind != jsonwalk.Array {
		return r.Skip()
	}
	return r.Array(func() error {
		return object(r, func(name string) error {
			switch name {
			case "primaryParty":
				return u.party(r)
			case "rights":
				return array(r, func() error { return u.right(r) })
			}
			return r.Skip()
		})
	})
}

func (u *Users) right(r *jsonwalk.Reader) error {
	return object(r, func(name string) error {
		if name == "party" {
			return u.party(r)
		}
		return r.Skip()
	})
}

func (u *Users) party(r *jsonwalk.Reader) error {
	var party string
	err := text(r, &party)
	if party != "" && !slices.Contains(u.Parties, party) && len(u.Parties) < maxKeys {
		u.Parties = append(u.Parties, party)
	}
	return err
}

// member passes one member of a snapshot's top.
func (s *Snapshot) member(r *jsonwalk.Reader, name string, see readers) error {
	switch name {
	case "migration_id":
		raw, err := r.Raw(maxText)
		if id, wrong := strconv.ParseInt(string(raw), 10, 64); wrong == nil {
			s.MigrationID = &id
		}
		return err
	case "created_at":
		return text(r, &s.CreatedAt)
	case "data_snapshot":
		kind, err := r.Kind()
		if err != nil || kind != jsonwalk.Object {
			return errors.Join(err, r.Skip())
		}
		s.Data = &Data{}
		return r.Object(func(name string) error { return s.Data.member(r, name, see) })
	case "participant_users":
		kind, err := r.Kind()
		if err != nil || kind != jsonwalk.Object {
			return errors.Join(err, r.Skip())
		}
		s.Users = &Users{}
		return r.Object(func(name string) error { return s.Users.member(r, name) })
	case "identities":
		s.Identities = true
	default:
		s.Extra = append(s.Extra, name)
	}
	return r.Skip()
}

// problem says why nothing can be started from the snapshot; empty: nothing is known against it.
func (s *Snapshot) problem() string {
	d := s.Data
	switch {
	case s.Identities:
		return "it holds identities: it is a whole migration dump, or the two inputs are exchanged"
	case slices.Contains(s.Extra, "error"):
		return "it is an error that was saved as a snapshot"
	case d == nil:
		return "it has no data_snapshot"
	case s.MigrationID == nil:
		return "it has no migration_id that is a whole number"
	case s.Users == nil:
		return "it has no participant_users: it is from a release that did not write them"
	case !instant(s.CreatedAt):
		return "its created_at is no time"
	case !d.Genesis.There:
		return "it has no genesis_state, without which no synchronizer can be started"
	case !d.ACS.There:
		return "it has no acs_snapshot"
	case !instant(d.At):
		return "its acs_timestamp is no time"
	case d.Separate:
		return "its payloads are in files of their own (separate_payload_files), on the volume of the app that wrote it"
	case d.Problem != "":
		return d.Problem
	}
	return ""
}

// instant says whether a text is a time as Java's Instant prints it.
func instant(text string) bool {
	_, err := time.Parse(time.RFC3339Nano, text)
	return err == nil && strings.HasSuffix(text, "Z")
}

// quoted is a text as JSON has it.
func quoted(text string) string {
	b, _ := json.Marshal(text)
	return string(b)
}

// brokenText is why a document could not be read to its end.
func brokenText(err error) (string, bool) {
	var e *jsonwalk.Error
	switch {
	case errors.As(err, &e) && e.Cut && e.Offset == 0:
		return "it is empty", true
	case errors.As(err, &e) && e.Cut:
		return fmt.Sprintf("it is cut off after %d bytes", e.Offset), true
	case errors.As(err, &e) && e.Offset == 0:
		return "it is not JSON", true
	case errors.As(err, &e):
		return fmt.Sprintf("it is damaged at byte %d: %s", e.Offset, e.Seen), true
	case errors.Is(err, jsonwalk.ErrTooLong):
		return "a part of it is larger than the apps write it", true
	}
	return "", false
}
