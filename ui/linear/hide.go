package linear

import (
	"os"

	"golang.org/x/sys/unix"
)

// HideOn makes a terminal not show what is typed, but for the end of a line, or show it again.
func HideOn(terminal *os.File) func(hidden bool) error {
	return func(hidden bool) error {
		t, err := unix.IoctlGetTermios(int(terminal.Fd()), unix.TCGETS)
		if err != nil {
			return err
		}
		t.Lflag |= unix.ECHO
		if hidden {
			t.Lflag = t.Lflag&^unix.ECHO | unix.ECHONL | unix.ICANON
		}
		return unix.IoctlSetTermios(int(terminal.Fd()), unix.TCSETS, t)
	}
}
