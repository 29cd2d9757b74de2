package journal

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Hold keeps workers away from the journal at path until what it returns is closed; it changes nothing. ErrHeld means that one has it.
func Hold(path string) (io.Closer, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_SH|unix.LOCK_NB); err != nil {
		file.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, ErrHeld
		}
		return nil, err
	}
	return file, nil
}
