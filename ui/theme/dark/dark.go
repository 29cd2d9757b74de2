// Package dark tells Lip Gloss the background of the terminal before anybody asks the terminal for it.
//
// Bubble Tea v1 asks in a package init and waits five seconds for an answer that a mute terminal never gives. Go
// initialises packages in the order of their import paths once their imports are ready; this package imports Lip Gloss
// alone and its path sorts before github.com/charmbracelet/bubbletea, so its init comes first and the question is never
// put. It must therefore import nothing that imports Bubble Tea. The terminal test of ui/wizard fails when the order breaks.
package dark

import (
	"io"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
)

// init also points the default renderer away from the terminal: no style of ours uses it, and no style of a library may
// make it look.
func init() {
	r := lipgloss.NewRenderer(io.Discard, termenv.WithProfile(termenv.Ascii))
	r.SetHasDarkBackground(true)
	lipgloss.SetDefaultRenderer(r)
}
