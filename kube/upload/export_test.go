package upload

import (
	"context"
	"errors"
)

// OpenSized is Open with other sizes than those of the program.
func OpenSized(path string, block, chunk int64) (*Source, error) {
	return open(context.Background(), path, block, chunk, nil)
}

// Stalled says whether an error is a pod that took nothing.
func Stalled(err error) bool { return errors.Is(err, errStalled) }

// Name is that of the source's file.
func (s *Source) Name() string { return s.file.Name() }
