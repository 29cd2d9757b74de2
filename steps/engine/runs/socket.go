package runs

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"canton.example/svrescue/internal/durable"
)

// maxSocket is the longest path that the kernel takes for a Unix socket.
const maxSocket = 107

// Socket is where the worker of the run listens: in the user's runtime folder, else, where there is none, in a folder of
// the user's own under temp. The name is a hash of the run folder, so it is short and differs between state directories.
func (f Folder) Socket(runtimeDir, temp string, uid int) (string, error) {
	sum := sha256.Sum256([]byte(f.Path))
	name := hex.EncodeToString(sum[:8]) + ".sock"
	var tried []string
	for _, folder := range []string{runtimeDir, filepath.Join(temp, fmt.Sprintf("svrescue-%d", uid))} {
		if folder == "" {
			continue
		}
		if folder == runtimeDir {
			folder = filepath.Join(folder, "svrescue")
		}
		path := filepath.Join(folder, name)
		if len(path) > maxSocket {
			tried = append(tried, path+" is too long for a socket")
			continue
		}
		if err := durable.Folder(folder); err != nil {
			tried = append(tried, err.Error())
			continue
		}
		if info, err := os.Stat(folder); err != nil || !ownedBy(info, uid) {
			tried = append(tried, folder+" belongs to somebody else")
			continue
		}
		return path, nil
	}
	return "", fmt.Errorf("no place for the worker's socket: %v. Set XDG_RUNTIME_DIR to a short path that you own", tried)
}
