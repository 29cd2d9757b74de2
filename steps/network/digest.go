package network

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"

	"canton.example/svrescue/steps"
)

// digest is the SHA-256 of an artifact that may have gigabytes, and its size. Its error is that there is none, or none that can be read.
func digest(ctx context.Context, files steps.FileReader, name string) (sum string, size int64, err error) {
	file, err := files.Open(name)
	if err != nil {
		return "", 0, err
	}
	defer file.Close()
	hash := sha256.New()
	size, err = io.Copy(hash, until{ctx, file})
	return hex.EncodeToString(hash.Sum(nil)), size, err
}

// until reads as long as somebody waits for it.
type until struct {
	ctx  context.Context
	from io.Reader
}

func (u until) Read(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.from.Read(p)
}

// counting is told of each part that is written.
type counting struct {
	n    int64
	tell func(int64)
}

func (c *counting) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	c.tell(c.n)
	return len(p), nil
}
