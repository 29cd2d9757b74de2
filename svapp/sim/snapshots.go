package sim

import (
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/clock"
)

// Generation is how Canton exports contracts (reference/apis.md 3.4).
type Generation string

const (
	X      Generation = "X"       // by the timestamp
	Y      Generation = "Y"       // by the offset at it
	YExact Generation = "Y-exact" // by the offset at it, and without force only where something happened exactly then
)

// Snapshots are the data snapshots of an SV app up to 0.6.1 (reference/apis.md 3). What it has is set before it serves.
type Snapshots struct {
	Generation  Generation
	Clean       time.Time // up to which all events are processed
	LedgerEnd   time.Time
	PrunedTo    time.Time     // there is no state at or before it
	Every       time.Duration // something happens at its multiples; for Y-exact
	MigrationID int64         // that the app is configured with
	Genesis     int64         // bytes of the genesis state
	ACS         int64         // bytes of the contracts, unpacked
	NoUsers     bool          // as G2 of reference/apis.md 3
	Party       string        // of the SV

	Takes time.Duration // for one export
	Limit time.Duration // of the server for one request, after which the export goes on; 0: none
	Clock clock.Clock
	// CutAfter and StopAfter are bytes of the body after which the connection is dropped, or nothing more comes; 0: never.
	CutAfter, StopAfter int64
	CutFirst            int // only so many requests are cut or stopped; 0: all
	// Slow is how long the first SlowFirst exports take, instead of Takes.
	Slow      time.Duration
	SlowFirst int
	// Fails answers in place of the export, by the number of the request, from 1; status 0: it does not.
	Fails func(request int) (status int, text string)

	mu                   sync.Mutex
	running, most, asked int
	forced               int
}

// Load is how many exports run, how many ran at the same time at most, how many requests came, and how many of those with force.
func (s *Snapshots) Load() (running, most, asked, forced int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running, s.most, s.asked, s.forced
}

func (s *Snapshots) begin(force bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if force {
		s.forced++
	}
	s.running++
	s.most = max(s.most, s.running)
	return s.asked
}

func (s *Snapshots) end() {
	s.mu.Lock()
	s.running--
	s.mu.Unlock()
}

func (s *Snapshots) serve(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	asked := q.Get("timestamp")
	at, err := time.Parse(time.RFC3339Nano, asked)
	if err != nil || !strings.HasSuffix(asked, "Z") {
		answer(w, http.StatusInternalServerError, failure("An unexpected error occurred."))
		return
	}
	force := q.Get("force") == "true"
	done := make(chan struct{})
	number, takes := s.begin(force), s.Takes
	if number <= s.SlowFirst {
		takes = s.Slow
	}
	go func() { // nobody stops an export
		defer close(done)
		defer s.end()
		s.Clock.Sleep(takes)
	}()
	var late <-chan time.Time
	if s.Limit > 0 {
		timer := s.Clock.NewTimer(s.Limit)
		defer timer.Stop()
		late = timer.C()
	}
	select {
	case <-done:
	case <-late:
		answer(w, http.StatusServiceUnavailable, failure("The server is taking too long to respond to the request at http://"+r.Host+r.URL.String()))
		return
	case <-r.Context().Done():
		return
	}
	if s.Fails != nil {
		if code, text := s.Fails(number); code != 0 {
			answer(w, code, failure(text))
			return
		}
	}
	if code, text := s.refusal(at, force); code != 0 {
		answer(w, code, failure(text))
		return
	}
	of := at
	if s.Generation != X && at.After(s.Clean) {
		of = s.LedgerEnd // stamped with what was asked for all the same
	}
	s.write(w, q.Get("migration_id"), at, of, s.CutFirst == 0 || number <= s.CutFirst)
}

// refusal is that of the export (reference/apis.md 3.4 and 11).
func (s *Snapshots) refusal(at time.Time, force bool) (int, string) {
	const domain = "global-domain::1220dd00"
	t := stamp(at)
	early, late := !at.After(s.PrunedTo), at.After(s.Clean)
	if s.Generation == X {
		switch {
		case early:
			return http.StatusBadRequest, "UNAVAILABLE_ACS_SNAPSHOT(9,9d2c7be1): The participant does not support serving an ACS snapshot at the requested timestamp " + t + " on domain " + domain
		case late && !force:
			return http.StatusTooManyRequests, "INVALID_ACS_SNAPSHOT_TIMESTAMP(2,9d2c7be1): The participant does not yet support serving an ACS snapshot at the requested timestamp " + t + " on domain " + domain
		}
		return 0, ""
	}
	none := fmt.Sprintf("INVALID_TIMESTAMP_PARTY_MANAGEMENT_ERROR(12,9d2c7be1): No ledger offset found for the requested timestamp %s on synchronizer %s (using force flag = %v): ", t, domain, force)
	switch {
	case early:
		return http.StatusInternalServerError, none + "The participant does not yet have a ledger offset before or at the requested timestamp: " + t
	case late && !force:
		return http.StatusInternalServerError, none + "Not all events have been processed fully and/or published to the Ledger API DB until the requested timestamp: " + t
	case s.Generation == YExact && !force && !at.Truncate(s.Every).Equal(at):
		// The name of this code and its text were not read in any source.
		return http.StatusBadRequest, "INVALID_STATE_PARTY_MANAGEMENT_ERROR(9,9d2c7be1): The record time of the offset differs from the requested timestamp " + t
	}
	return 0, ""
}

// write is the answer: at is what is stamped on it, and of the time of its contracts, which they begin with. breaks: it may end early.
func (s *Snapshots) write(w http.ResponseWriter, migration string, at, of time.Time, breaks bool) {
	if migration == "" {
		migration = strconv.FormatInt(s.MigrationID+1, 10)
	}
	format := "ledger_api"
	if s.Generation == X {
		format = "admin_api"
	}
	w.Header().Set("Content-Type", "application/json")
	to := io.Writer(w)
	if after := max(s.CutAfter, s.StopAfter); after > 0 && breaks {
		to = &broken{to: w, left: after}
	}
	write := func() error {
		if _, err := fmt.Fprintf(to, "{\"created_at\": %q,\n \"migration_id\": %s,\n \"data_snapshot\": {\n  \"genesis_state\": \"", stamp(at), migration); err != nil {
			return err
		}
		if err := encode(to, func(to io.Writer) error { return noise(to, "genesis", s.Genesis) }); err != nil {
			return err
		}
		if _, err := io.WriteString(to, "\",\n  \"acs_snapshot\": \""); err != nil {
			return err
		}
		if err := encode(to, func(to io.Writer) error {
			packed, err := gzip.NewWriterLevel(to, gzip.HuffmanOnly)
			if err != nil {
				return err
			}
			if err := noise(packed, "contracts as of "+stamp(of), s.ACS); err != nil {
				return err
			}
			return packed.Close()
		}); err != nil {
			return err
		}
		users := fmt.Sprintf(",\n \"participant_users\": {\"identityProviders\": [], \"users\": [{\"id\": \"sv\", \"primaryParty\": %q, \"rights\": [{\"kind\": \"participantAdmin\"}]}]}", s.Party)
		if s.NoUsers {
			users = ""
		}
		_, err := fmt.Fprintf(to, "\",\n  \"acs_timestamp\": %q,\n  \"dars\": [{\"hash\": %q, \"content\": \"UEsDBAoAAAAAAA==\"}],\n  \"synchronizer_was_paused\": false,\n  \"separate_payload_files\": false,\n  \"acs_format\": %q}%s}",
			stamp(at), strings.Repeat("9f", 32), format, users)
		return err
	}
	if write() == nil {
		return
	}
	if s.StopAfter > 0 {
		w.(http.Flusher).Flush()
		s.Clock.Sleep(24 * time.Hour)
	}
	panic(http.ErrAbortHandler) // the connection is dropped
}

func encode(to io.Writer, inside func(io.Writer) error) error {
	e := base64.NewEncoder(base64.StdEncoding, to)
	if err := inside(e); err != nil {
		return err
	}
	return e.Close()
}

// noise is a text and then bytes that do not pack, the same each time.
func noise(to io.Writer, text string, bytes int64) error {
	if _, err := io.WriteString(to, text+"\n"); err != nil {
		return err
	}
	_, err := io.Copy(to, io.LimitReader(rand.NewChaCha8([32]byte{1}), bytes))
	return err
}

// broken takes so many bytes and no more.
type broken struct {
	to   io.Writer
	left int64
}

func (b *broken) Write(p []byte) (int, error) {
	if int64(len(p)) <= b.left {
		b.left -= int64(len(p))
		return b.to.Write(p)
	}
	n, _ := b.to.Write(p[:b.left])
	b.left = 0
	return n, io.ErrShortWrite
}
