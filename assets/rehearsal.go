package assets

import (
	"embed"
	"io/fs"
	"path"
)

//go:embed rehearsal/dumps
var dumps embed.FS

// Dumps are the dump files of the rehearsals, by name: real ones, made by rehearsal/make.sh. ahead.dump is a scan that has read further
// than the participant has written.
func Dumps() (map[string][]byte, error) {
	const folder = "rehearsal/dumps"
	files := map[string][]byte{}
	entries, err := fs.ReadDir(dumps, folder)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if files[e.Name()], err = dumps.ReadFile(path.Join(folder, e.Name())); err != nil {
			return nil, err
		}
	}
	return files, nil
}
