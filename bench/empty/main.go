// Command empty is the peer of the first frame: a Bubble Tea program that links what svrescue links and draws one line.
package main

import (
	"fmt"
	"os"

	_ "canton.example/svrescue/kube/release" // Helm and client-go
	_ "canton.example/svrescue/ui/theme"     // the remedy that keeps the terminal from being asked
	tea "github.com/charmbracelet/bubbletea"
)

type model struct{}

func (model) Init() tea.Cmd                         { return nil }
func (m model) Update(tea.Msg) (tea.Model, tea.Cmd) { return m, nil }
func (model) View() string                          { return "first frame" }

func main() {
	if _, err := tea.NewProgram(model{}, tea.WithAltScreen()).Run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
