package dump

import (
	"fmt"
	"io"
	"os"
)

// Stream is a backup as bytes to be sent somewhere: a custom archive, SQL, or a directory archive as a tar stream of its files
// without a folder around them.
type Stream struct {
	io.ReadCloser
	Kind        Kind
	Compression Compression // that was taken off
}

// Open opens a backup for sending: to pg_restore (Custom), to psql (Plain, Cluster), or to tar, and then to pg_restore (Directory). A
// Directory stream fails at its end if a file changed its size meanwhile. What is none of these is an error.
func Open(path string) (Stream, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Stream{}, err
	}
	if info.IsDir() {
		if !isArchive(path) {
			return Stream{}, fmt.Errorf("%s is a folder, but no directory archive: it has no toc.dat of pg_dump", path)
		}
		return Stream{pack(path), Directory, None}, nil
	}
	if !info.Mode().IsRegular() {
		return Stream{}, fmt.Errorf("%s is neither a file nor a folder", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return Stream{}, err
	}
	b, err := unwrap(f)
	if err != nil {
		f.Close()
		return Stream{}, fmt.Errorf("%s: %s", path, sentenceOf(b.compression, err))
	}
	s := Stream{ReadCloser: opened{b, f}, Kind: Unknown, Compression: b.compression}
	head, _ := b.Peek(headSize)
	switch {
	case hasMagic(head):
		s.Kind = Custom
	case looksSQL(head):
		s.Kind = Plain
		if isCluster(head) {
			s.Kind = Cluster
		}
	default:
		s.Close()
		return Stream{}, fmt.Errorf("%s is neither an archive of pg_dump nor SQL of pg_dump or pg_dumpall", path)
	}
	return s, nil
}

type opened struct {
	*body
	file *os.File
}

func (o opened) Close() error {
	o.body.close()
	return o.file.Close()
}
