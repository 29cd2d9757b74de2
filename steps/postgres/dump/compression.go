package dump

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/ulikunitz/xz"
)

// headSize is how much of a stream is looked at to recognise it: a tar header and the header comments of SQL fit in.
const headSize = 4096

// window is the largest look-back that is accepted of zstd: what zstd itself accepts unless it is told otherwise.
const window = 128 << 20

// body is a stream without its outer compression.
type body struct {
	*bufio.Reader
	compression Compression
	release     func()
}

func (b *body) close() {
	if b.release != nil {
		b.release()
	}
}

// unwrap takes the outer compression off. The body it returns has the compression also where it fails.
func unwrap(r io.Reader) (*body, error) {
	raw := bufio.NewReaderSize(r, 256<<10)
	head, err := raw.Peek(16)
	if len(head) == 0 && err != nil && err != io.EOF {
		return &body{compression: None}, err
	}
	b := &body{compression: compressionOf(head)}
	var inner io.Reader
	switch b.compression {
	case None:
		b.Reader = raw
		return b, nil
	case Gzip:
		inner, err = gzip.NewReader(raw)
	case Zstd:
		var d *zstd.Decoder
		if d, err = zstd.NewReader(raw, zstd.WithDecoderMaxWindow(window), zstd.WithDecoderLowmem(true), zstd.WithDecoderConcurrency(2)); err == nil {
			inner, b.release = d, d.Close
		}
	case XZ:
		inner, err = xz.ReaderConfig{DictCap: 1 << 20}.NewReader(raw)
	case Bzip2:
		inner = bzip2.NewReader(raw)
	case LZ4:
		inner = readLZ4(raw)
	}
	if err != nil {
		return b, err
	}
	b.Reader = bufio.NewReaderSize(inner, 256<<10)
	return b, nil
}

func compressionOf(head []byte) Compression {
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return Gzip
	case bytes.HasPrefix(head, []byte{0x28, 0xb5, 0x2f, 0xfd}), len(head) >= 4 && head[0]&0xf0 == 0x50 && bytes.HasPrefix(head[1:], []byte{0x2a, 0x4d, 0x18}):
		return Zstd // the second form is a skippable frame, which parallel compressors put in front
	case bytes.HasPrefix(head, []byte("\xfd7zXZ\x00")):
		return XZ
	case len(head) >= 10 && bytes.HasPrefix(head, []byte("BZh")) && (bytes.Equal(head[4:10], []byte{0x31, 0x41, 0x59, 0x26, 0x53, 0x59}) || bytes.Equal(head[4:10], []byte{0x17, 0x72, 0x45, 0x38, 0x50, 0x90})):
		return Bzip2 // a first block, or the end of an empty stream
	case bytes.HasPrefix(head, []byte{0x04, 0x22, 0x4d, 0x18}):
		return LZ4
	}
	return None
}

// sentenceOf says what an error of reading means.
func sentenceOf(c Compression, err error) string {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "Reading it was stopped"
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return fmt.Sprintf("Its zstd compression looks back further than %d MiB (zstd --long); decompress the file first", window>>20)
	case c == None && errors.Is(err, io.ErrUnexpectedEOF):
		return "It ends too early: it was cut off, or is one part of a file that was split"
	case c == None:
		return "It cannot be read: " + reason(err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fmt.Sprintf("Its %s compression ends too early: it was cut off, or is one part of a file that was split", c)
	}
	return fmt.Sprintf("Its %s compression is damaged: %s", c, reason(err))
}

// inner is the compression inside an archive, by the numbers of its header.
type inner byte

const (
	innerNone inner = iota
	innerZlib
	innerLZ4
	innerZstd
)

func (c inner) known() bool { return c <= innerZstd }

// open decompresses one data stream of a custom archive.
func (c inner) open(r io.Reader) (io.Reader, func(), error) {
	switch c {
	case innerNone:
		return r, func() {}, nil
	case innerZlib:
		z, err := zlib.NewReader(r)
		if err != nil {
			return nil, nil, err
		}
		return z, func() { z.Close() }, nil
	case innerLZ4:
		return readLZ4(r), func() {}, nil
	case innerZstd:
		d, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(window), zstd.WithDecoderLowmem(true), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, nil, err
		}
		return d, d.Close, nil
	}
	return nil, nil, fmt.Errorf("compression %d is not known", c)
}

// readLZ4 hides the WriteTo of the library's reader, which io.Copy would call and which fails where Read has come to the end.
func readLZ4(r io.Reader) io.Reader { return struct{ io.Reader }{lz4.NewReader(r)} }
