package dump

import (
	"archive/tar"
	"bufio"
	"bytes"
	"io"
	"path"
)

// isTar tells a tar file by its magic (POSIX ustar and GNU).
func isTar(head []byte) bool { return len(head) > 262 && bytes.Equal(head[257:262], []byte("ustar")) }

// readTar says what a tar file is. It is not read further: unpacked, both a dump of pg_dump -Ft and a folder that somebody packed are
// directory archives, which can be restored in parallel too.
func readTar(b *body) []Artifact {
	t := tar.NewReader(b)
	for range 100 {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return unread(b.compression, "It is a tar file that cannot be read: %s", sentenceOf(b.compression, err))
		}
		if path.Base(h.Name) != "toc.dat" {
			continue
		}
		r := bufio.NewReader(t)
		head, _ := r.Peek(len(magic))
		if !hasMagic(head) {
			continue
		}
		found := Artifact{Kind: Unknown, Compression: b.compression, Unread: true}
		if a, err := readHeader(r, nil); err == nil {
			found.Database, found.ServerVersion, found.DumperVersion = a.database, a.serverVersion, a.dumperVersion
		}
		found.Problems = []string{"It is a dump in a tar file, which is not read: unpack it into a folder of its own (tar -xf) and name that folder; pg_restore reads it too"}
		return []Artifact{found}
	}
	return unread(b.compression, "It is a tar file, which is not looked into: unpack it into a folder of its own and name that folder")
}
