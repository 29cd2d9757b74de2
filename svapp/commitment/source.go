package commitment

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"canton.example/svrescue/internal/plain"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Source is a log that can be read.
type Source struct {
	Name string // for people
	Size int64  // as it lies there, compressed or not; 0 where it is not known
	Open func() (io.ReadCloser, error)
}

// Files are the logs that paths name: files, and all that is in folders, each once. An error is a path that does not exist or cannot be
// looked at.
func Files(paths []string) ([]Source, error) {
	var all []Source
	seen := map[string]bool{}
	add := func(path string, size int64) {
		key := path
		if real, err := filepath.EvalSymlinks(path); err == nil {
			key = real
		}
		if absolute, err := filepath.Abs(key); err == nil {
			key = absolute
		}
		if !seen[key] {
			seen[key] = true
			all = append(all, Source{Name: path, Size: size, Open: func() (io.ReadCloser, error) { return os.Open(path) }})
		}
	}
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			add(path, info.Size())
			continue
		}
		// A folder that is a link is walked by its content: a link itself is not gone into.
		if real, err := filepath.EvalSymlinks(path); err == nil {
			path = real
		}
		err = filepath.WalkDir(path, func(at string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if e.IsDir() {
				return nil
			}
			info, err := os.Stat(at) // links of Kubernetes in /var/log/containers lead to files
			if err != nil || !info.Mode().IsRegular() {
				return nil
			}
			add(at, info.Size())
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// windowMax is the largest look-back that is accepted of zstd: what zstd itself accepts unless it is told otherwise.
const windowMax = 128 << 20

// errPacked is a compression that is not read here.
type errPacked string

func (e errPacked) Error() string {
	return fmt.Sprintf("it is packed with %s, which is not read here: unpack it first", string(e))
}

// unpack takes the compression off, by the first bytes and not by the name, and answers which one it was; none is empty.
func unpack(r io.Reader) (inner io.Reader, packing string, release func(), err error) {
	head := make([]byte, 6)
	n, err := readFull(r, head)
	if err != nil && err != io.EOF {
		return nil, "", nil, err
	}
	head = head[:n]
	whole := io.MultiReader(bytes.NewReader(head), r)
	has := func(magic string) bool { return bytes.HasPrefix(head, []byte(magic)) }
	switch {
	case has("\x1f\x8b"):
		z, err := gzip.NewReader(bufio.NewReaderSize(whole, 128<<10))
		if err != nil {
			return nil, "gzip", nil, err
		}
		return z, "gzip", func() { z.Close() }, nil
	case has("\x28\xb5\x2f\xfd"), n >= 4 && head[0]&0xf0 == 0x50 && has(string(head[:1])+"\x2a\x4d\x18"): // the second is a skippable frame
		d, err := zstd.NewReader(whole, zstd.WithDecoderMaxWindow(windowMax), zstd.WithDecoderLowmem(true), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, "zstd", nil, err
		}
		return d, "zstd", d.Close, nil
	case has("\xfd7zXZ\x00"):
		return nil, "", nil, errPacked("xz")
	case has("PK\x03\x04"):
		return nil, "", nil, errPacked("zip")
	case has("\x04\x22\x4d\x18"):
		return nil, "", nil, errPacked("lz4")
	case has("BZh") && has(string(head[:min(n, 4)])+"1A"):
		return nil, "", nil, errPacked("bzip2")
	}
	return whole, "", func() {}, nil
}

// trouble says what an error of reading means for what was found.
func trouble(name, packing string, read int64, err error) string {
	name = plain.Line(name)
	var packed errPacked
	var path *fs.PathError
	switch {
	case errors.As(err, &packed):
		return fmt.Sprintf("%s was not read: %v.", name, err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Sprintf("%s is cut off: its compression ends too early. What came before, %d bytes, counts.", name, read)
	case errors.Is(err, zstd.ErrWindowSizeExceeded):
		return fmt.Sprintf("%s was not read: its zstd compression looks back further than %d MiB. Unpack it first.", name, windowMax>>20)
	case errors.As(err, &path):
		err = path.Err
	case packing != "":
		err = fmt.Errorf("its %s compression is damaged there", packing)
	}
	if read > 0 {
		return fmt.Sprintf("%s was read to byte %d only: %s. What came before counts.", name, read, plain.Line(err.Error()))
	}
	return fmt.Sprintf("%s was not read: %s.", name, plain.Line(err.Error()))
}
