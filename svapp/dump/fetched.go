package dump

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"canton.example/svrescue/internal/jsonwalk"
	"canton.example/svrescue/internal/plain"
)

// Fetched is a whole snapshot that something can be started from, as far as it alone tells.
type Fetched struct {
	Snapshot
	GenesisBytes int64 // of the genesis state, decoded
	ACSBytes     int64 // of the contracts, decoded and unpacked
}

// ReadSnapshot reads a data snapshot to its end while it comes, in the same memory whatever its size: its shape, its base64, the gzip of its
// contracts, its packages (reference/apis.md 3.2 and 4.3). A *Refused says why nothing can be started from it. All other errors are those of
// reading.
func ReadSnapshot(from io.Reader) (Fetched, error) {
	var f Fetched
	genesis, acs := decode(false), decode(true)
	defer genesis.close()
	defer acs.close()
	odd := 0
	see := readers{genesis: genesis, acs: acs, dar: func(hash string, content Payload) {
		if raw, err := hex.DecodeString(hash); odd == 0 && (err != nil || len(raw) != 32 || !strings.HasPrefix(content.Start, "UEsDB")) {
			odd = f.Data.DARs
		}
	}}
	refuse := func(format string, args ...any) (Fetched, error) {
		return f, &Refused{"the snapshot", fmt.Sprintf(format, args...)}
	}
	r := jsonwalk.NewReader(unmarked(from))
	kind, err := r.Kind()
	if err == nil && kind != jsonwalk.Object {
		return refuse("it is %s, and no snapshot", kind)
	}
	if err == nil {
		err = r.Object(func(name string) error { return f.member(r, name, see) })
	}
	if err == nil {
		err = r.End()
	}
	if why := f.early(); why != "" {
		return refuse("%s", why)
	}
	if why, broken := brokenText(err); broken {
		return refuse("%s", why)
	}
	if err != nil {
		return f, err
	}
	if why := f.problem(); why != "" {
		return refuse("%s", why)
	}
	if f.GenesisBytes, err = genesis.close(); err != nil {
		return refuse("its genesis_state is not whole: %v", err)
	}
	if f.ACSBytes, err = acs.close(); err != nil {
		return refuse("its acs_snapshot is not whole: %v", err)
	}
	switch {
	case f.Data.DARs == 0:
		return refuse("it has no packages (dars), without which no contract can be used")
	case odd > 0:
		return refuse("package %d of it has no hash, or is no package", odd)
	}
	return f, nil
}

// Fits says why a whole snapshot is not the one that was asked for: made for another time, or for another migration ID, where one is named. nil:
// it is. Its times echo the request (reference/apis.md 3.2): that they fit proves nothing of the content.
func (f Fetched) Fits(at time.Time, migration *int64) error {
	for _, said := range []struct{ name, text string }{{"acs_timestamp", f.Data.At}, {"created_at", f.CreatedAt}} {
		if t, err := time.Parse(time.RFC3339Nano, said.text); err != nil || !t.Equal(at) {
			return &Refused{"the snapshot", fmt.Sprintf("its %s is %s, and %s was asked for", said.name, plain.Cut(plain.Line(said.text), 40), at.UTC().Format(time.RFC3339Nano))}
		}
	}
	if migration != nil && *f.MigrationID != *migration {
		return &Refused{"the snapshot", fmt.Sprintf("its migration ID is %d, and %d was asked for", *f.MigrationID, *migration)}
	}
	return nil
}
