// Package assets holds embedded files: the prose of the steps. It knows nothing of what uses it.
package assets

import (
	"embed"
	"io/fs"
	"strings"
)

//go:embed prose
var files embed.FS

// Prose is why a step is there and what to know of it, for the step with that id; empty where there is none.
func Prose(step string) string {
	data, err := fs.ReadFile(files, "prose/"+step+".md")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}
