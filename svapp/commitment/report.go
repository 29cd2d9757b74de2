package commitment

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"canton.example/svrescue/internal/plain"
)

// Report is what the logs of one SV say: the document of `svrescue commitments scan`, which the SVs exchange.
type Report struct {
	Version     int      `json:"version"`     // 1
	Reporter    string   `json:"reporter"`    // name of the SV; may be empty
	Participant string   `json:"participant"` // its full id, without "PAR::"; may be empty
	Scanned     Scanned  `json:"scanned"`
	Agreements  []Entry  `json:"agreements"` // unique, by to_inclusive, counterparty and from_exclusive
	Mismatches  []Entry  `json:"mismatches"` // likewise
	Warnings    []string `json:"warnings"`
}

// Scanned is what was read.
type Scanned struct {
	Files   int      `json:"files"`
	Bytes   int64    `json:"bytes"`   // without compression
	Matches int64    `json:"matches"` // lines that say agreement, repeated ones too
	Decoys  int64    `json:"decoys"`  // lines about commitments that say neither agreement nor mismatch
	From    *Instant `json:"from"`    // the earliest and the latest time that lines have; null where none says its zone
	To      *Instant `json:"to"`
}

// Entry is a period for which the reporter found the counterparty's commitment equal to its own, or not equal.
type Entry struct {
	Counterparty string  `json:"counterparty"` // "Beta-SV::1220c0ffee12": without "PAR::", and as much of the fingerprint as the log has
	From         Instant `json:"from_exclusive"`
	To           Instant `json:"to_inclusive"`
}

func byTime(a, b Entry) int {
	return cmp.Or(cmp.Compare(a.To, b.To), strings.Compare(a.Counterparty, b.Counterparty), cmp.Compare(a.From, b.From))
}

// reportMax is how large a report may be that is read: some million agreements.
const reportMax = 512 << 20

// ReadReport reads the document of one SV. An error is part of a sentence about it: "... is no report: it has no agreements".
func ReadReport(r io.Reader) (Report, error) {
	var shape struct {
		Report
		Version    *int     `json:"version"`
		Agreements *[]Entry `json:"agreements"`
		Mismatches *[]Entry `json:"mismatches"`
	}
	data, err := io.ReadAll(io.LimitReader(r, reportMax+1))
	switch {
	case err != nil:
		return Report{}, fmt.Errorf("it cannot be read: %w", err)
	case len(data) > reportMax:
		return Report{}, fmt.Errorf("it is larger than %d MiB", reportMax>>20)
	case len(bytes.TrimSpace(data)) == 0:
		return Report{}, fmt.Errorf("it is empty")
	}
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch err := json.Unmarshal(data, &shape); {
	case errors.As(err, &syntax):
		return Report{}, fmt.Errorf("it is not JSON, from byte %d on", syntax.Offset)
	case errors.As(err, &kind):
		return Report{}, fmt.Errorf("it has %s where a report has another kind of value, at byte %d", kind.Value, kind.Offset)
	case err != nil:
		return Report{}, err
	}
	switch {
	case shape.Version == nil:
		return Report{}, fmt.Errorf("it has no version")
	case *shape.Version != 1:
		return Report{}, fmt.Errorf("it has version %d, and this program reads version 1", *shape.Version)
	case shape.Agreements == nil:
		return Report{}, fmt.Errorf("it has no agreements, not even an empty list")
	case shape.Mismatches == nil:
		return Report{}, fmt.Errorf("it has no mismatches, not even an empty list")
	}
	report := shape.Report
	report.Version, report.Agreements, report.Mismatches = 1, *shape.Agreements, *shape.Mismatches
	if p := report.Participant; p != "" {
		clean, ok := parseParticipant([]byte(p))
		if !ok {
			return Report{}, fmt.Errorf("its participant %q is no id of one", p)
		}
		report.Participant = clean
	}
	report.Reporter = strings.TrimSpace(report.Reporter)
	if report.Reporter == "" {
		report.Reporter, _ = split(report.Participant)
	}
	if plain.Line(report.Reporter) != report.Reporter {
		return Report{}, fmt.Errorf("its reporter has characters that cannot be shown")
	}
	if report.Reporter == "" {
		return Report{}, fmt.Errorf("it does not say whose it is: make it again with --as NAME")
	}
	for _, list := range []*[]Entry{&report.Agreements, &report.Mismatches} {
		for i, e := range *list {
			name, ok := parseParticipant([]byte(e.Counterparty))
			if !ok {
				return Report{}, fmt.Errorf("its counterparty %q is no participant", e.Counterparty)
			}
			if e.From >= e.To {
				return Report{}, fmt.Errorf("its period from %v to %v with %s ends before it begins", e.From, e.To, name)
			}
			(*list)[i].Counterparty = name
		}
		slices.SortFunc(*list, byTime)
		*list = slices.Compact(*list)
	}
	return report, nil
}

// entries are the agreements or mismatches of a tally, with the names that renamed gives.
func entries(of map[entry]struct{}, names []string) []Entry {
	all := make([]Entry, 0, len(of))
	for e := range of {
		all = append(all, Entry{names[e.party], e.from, e.to})
	}
	slices.SortFunc(all, byTime)
	return slices.Compact(all)
}

// whole gives each name the longest form in which it occurs, since logs and consoles shorten fingerprints differently. A name that could be
// two participants stays as it is, and is told.
func whole(names []string) (full []string, doubtful []string) {
	full = slices.Clone(names)
	byName := map[string][]string{}
	for _, n := range names {
		name, fingerprint := split(n)
		byName[name] = append(byName[name], fingerprint)
	}
	for i, n := range names {
		name, fingerprint := split(n)
		longest, clash := fingerprint, ""
		for _, other := range byName[name] {
			if !strings.HasPrefix(other, fingerprint) {
				continue
			}
			if !compatible(other, longest) {
				clash = other
			} else if len(other) > len(longest) {
				longest = other
			}
		}
		if clash != "" {
			doubtful = append(doubtful, fmt.Sprintf("%s can be %s::%s or %s::%s: the log has shortened it too much", n, name, min(clash, longest), name, max(clash, longest)))
			continue
		}
		full[i] = name + "::" + longest
	}
	slices.Sort(doubtful)
	return full, doubtful
}
