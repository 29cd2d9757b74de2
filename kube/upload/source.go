package upload

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// Block is what dd reads and writes at once, and Chunk what is hashed, and sent again, as one: after a cut at most one chunk that had not come
// whole is lost, besides what was still on its way.
const (
	Block = 1 << 20
	Chunk = 16 * Block
)

// File is what can be copied: it can be read again where a copy was cut. *os.File is one.
type File interface {
	io.Reader
	io.ReaderAt
	io.Closer
	Name() string
	Stat() (fs.FileInfo, error)
}

// Source is a file of this machine with the hashes of all of it and of each chunk.
type Source struct {
	file   File
	size   int64
	stamp  time.Time // when it was changed last
	sum    string
	chunks []string
	block  int64
	chunk  int64
}

// Size is that of the file in bytes.
func (s *Source) Size() int64 { return s.size }

// SHA256 is that of the file, in hexadecimal.
func (s *Source) SHA256() string { return s.sum }

// Open hashes a file. report is told how far that is. Whoever has the source closes it.
func Open(ctx context.Context, path string, report func(done, total int64)) (*Source, error) {
	return open(ctx, path, Block, Chunk, report)
}

// From hashes a file that is open already, from its beginning. The source closes it, also where From fails.
func From(ctx context.Context, file File, report func(done, total int64)) (*Source, error) {
	return from(ctx, file, Block, Chunk, report)
}

func open(ctx context.Context, path string, block, chunk int64, report func(done, total int64)) (*Source, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return from(ctx, file, block, chunk, report)
}

func from(ctx context.Context, file File, block, chunk int64, report func(done, total int64)) (*Source, error) {
	s := &Source{file: file, block: block, chunk: chunk}
	if err := s.read(ctx, report); err != nil {
		file.Close()
		return nil, err
	}
	return s, nil
}

// Close ends the reading of the file.
func (s *Source) Close() error { return s.file.Close() }

func (s *Source) read(ctx context.Context, report func(done, total int64)) error {
	info, err := s.file.Stat()
	switch {
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return &Refused{Why: s.file.Name() + " is no regular file", Next: "name a file: what is cut can only be gone on with where it can be read again"}
	}
	s.size, s.stamp = info.Size(), info.ModTime()
	all, part := sha256.New(), sha256.New()
	buffer := make([]byte, min(s.chunk, 1<<20))
	for at := int64(0); at < s.size; {
		if err := ctx.Err(); err != nil {
			return err
		}
		part.Reset()
		end := min(at+s.chunk, s.size)
		for at < end {
			n, err := io.ReadFull(s.file, buffer[:min(int64(len(buffer)), end-at)])
			if err != nil {
				return fmt.Errorf("%s cannot be read to its end: %w", s.file.Name(), err)
			}
			all.Write(buffer[:n])
			part.Write(buffer[:n])
			at += int64(n)
			if report != nil {
				report(at, s.size)
			}
		}
		s.chunks = append(s.chunks, hex.EncodeToString(part.Sum(nil)))
	}
	s.sum = hex.EncodeToString(all.Sum(nil))
	return nil
}

// changed says whether the file is another one by now.
func (s *Source) changed() bool {
	info, err := s.file.Stat()
	return err != nil || info.Size() != s.size || !info.ModTime().Equal(s.stamp)
}

// record is what tells in the pod which file the part is of.
func (s *Source) record() string {
	return fmt.Sprintf("svrescue-upload 1 %d %s %d", s.size, s.sum, s.chunk)
}

// span are the bytes of the chunks from one number to before another.
func (s *Source) span(from, to int) (start, end int64) {
	return int64(from) * s.chunk, min(int64(to)*s.chunk, s.size)
}
