package network

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/svapp/commitment"
)

// Packed is the report of another SV as the journal keeps it: the document of svrescue commitments scan, packed with gzip, so that the agreement
// can be computed again from the journal alone.
type Packed struct {
	SV     string     `json:"sv"`
	From   string     `json:"from"` // the file, or "pasted"
	Latest *time.Time `json:"latest,omitempty"`
	Gzip   string     `json:"gzip"` // base64
}

const (
	maxReport = 64 << 20 // bytes of one that is loaded
	maxPacked = 256 << 10
)

// takeReport reads the report of another SV: pasted JSON, or the path of a file. Line ends of what was pasted may have become blanks.
func takeReport(value, own string) (Packed, error) {
	p := Packed{From: "pasted"}
	text := strings.TrimSpace(value)
	var from io.Reader = strings.NewReader(text)
	if !strings.HasPrefix(text, "{") {
		path, err := filepath.Abs(text)
		if err != nil || text == "" {
			return p, fmt.Errorf("paste a report, or name its file")
		}
		file, err := os.Open(path)
		if err != nil {
			return p, fmt.Errorf("%s is neither a report nor a file that can be read", plain.Cut(plain.Line(text), 80))
		}
		defer file.Close()
		p.From, from = path, io.LimitReader(file, maxReport+1)
	}
	r, err := commitment.ReadReport(from)
	if err != nil {
		if p.From == "pasted" && len(text) > 64<<10 {
			return p, fmt.Errorf("what was pasted is no report (%s): put one that is this long into a file, and name that", plain.Line(err.Error()))
		}
		return p, fmt.Errorf("that is no report of svrescue commitments scan: %s", plain.Line(err.Error()))
	}
	if r.Reporter == own {
		return p, fmt.Errorf("that is a report of %s, this SV itself; its own one is there already", own)
	}
	p.SV, p.Latest = r.Reporter, latestOf(r)
	p.Gzip, err = pack(r)
	return p, err
}

func pack(r commitment.Report) (string, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return "", err
	}
	if _, err := z.Write(data); err != nil {
		return "", err
	}
	if err := z.Close(); err != nil {
		return "", err
	}
	if b.Len() > maxPacked {
		return "", fmt.Errorf("the report of %s has %d agreements, which is more than can be kept here: have a report of the last days made", r.Reporter, len(r.Agreements))
	}
	return base64.StdEncoding.EncodeToString(b.Bytes()), nil
}

// report unpacks it.
func (p Packed) report() (commitment.Named, error) {
	data, err := base64.StdEncoding.DecodeString(p.Gzip)
	if err != nil {
		return commitment.Named{}, err
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return commitment.Named{}, err
	}
	r, err := commitment.ReadReport(z)
	return commitment.Named{File: "the report of " + p.SV, Report: r}, err
}
