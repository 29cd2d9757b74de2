package upload_test

import (
	"context"
	"errors"
	"io"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/upload/podfiles"
)

// disk is a container with a small file system.
type disk struct{ *podfiles.Disk }

func files(folders ...string) *disk { return &disk{podfiles.New(folders...)} }

func (d *disk) read(name string) ([]byte, bool) { return d.File(name) }

func (d *disk) Exec(ctx context.Context, argv []string, in io.Reader, out, errs io.Writer) error {
	if errs == nil {
		errs = io.Discard
	}
	code, known := d.Disk.Exec(ctx, argv, in, out, errs)
	switch {
	case !known:
		return errors.New("no such command")
	case code != 0:
		return &kube.ExitError{Code: code}
	}
	return nil
}
