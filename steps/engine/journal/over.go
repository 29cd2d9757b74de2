package journal

import (
	"bytes"
	"encoding/json"
	"io"
	"os"

	"canton.example/svrescue/steps/wire"
)

// lastBytes is more than the record of an end has.
const lastBytes = 64 << 10

// Over says whether the last record of the journal at path is the end of its run. It looks at that record alone, so that runs which are over
// can be passed over quickly; false where it cannot tell.
func Over(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return false
	}
	data := make([]byte, min(info.Size(), lastBytes))
	if _, err := f.ReadAt(data, info.Size()-int64(len(data))); err != nil && err != io.EOF {
		return false
	}
	data = bytes.TrimSuffix(data, []byte("\n"))
	var r record
	var e wire.Event
	return json.Unmarshal(data[bytes.LastIndexByte(data, '\n')+1:], &r) == nil && json.Unmarshal(r.Event, &e) == nil && e.Kind == wire.KindEnd
}
