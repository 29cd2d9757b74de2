package durable

import (
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Room is how many bytes are free for this user in a folder, or where it would be made.
func Room(folder string) (int64, error) {
	for at := folder; ; at = filepath.Dir(at) {
		var s unix.Statfs_t
		err := unix.Statfs(at, &s)
		if err == nil {
			return int64(s.Bavail) * s.Bsize, nil
		}
		if !errors.Is(err, unix.ENOENT) || at == filepath.Dir(at) {
			return 0, fmt.Errorf("the room in %s cannot be told: %w", folder, err)
		}
	}
}
