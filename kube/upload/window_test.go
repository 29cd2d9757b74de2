package upload_test

import (
	"bytes"
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube/upload"
)

// A container that died and goes on taking what nobody writes gets three chunks of it, and no more: those are sent again.
func TestWhatNobodyWritesIsNotSentOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := random(11, 40*testChunk+77)
		d := files("/dump")
		pod := &swallowing{disk: d, after: 13*testChunk + 5*testBlock}
		o := options("/dump/d")
		o.Cut = func(err error, _ time.Duration) {
			if !upload.Stalled(err) {
				t.Error(err)
			}
		}
		got, err := upload.Copy(t.Context(), pod, sourceOf(t, data), o)
		there, _ := d.read("/dump/d")
		if again := got.Sent - int64(len(data)); err != nil || !bytes.Equal(there, data) || got.Cuts != 1 || again != 3*testChunk {
			t.Errorf("%d bytes were sent again, %d were swallowed: %+v, %v", again, pod.swallowed, got, err)
		}
	})
}

// swallowing dies when its first input has brought some bytes: what comes then is taken, and never written. Nobody tells that it died.
type swallowing struct {
	*disk
	after, swallowed int64
}

func (s *swallowing) Exec(ctx context.Context, argv []string, in io.Reader, out, errs io.Writer) error {
	if in == nil || s.after == 0 {
		return s.disk.Exec(ctx, argv, in, out, errs)
	}
	before := io.LimitReader(in, s.after)
	s.after = 0
	_ = s.disk.Exec(ctx, argv, before, out, errs)
	go func() { s.swallowed, _ = io.Copy(io.Discard, in) }()
	<-ctx.Done()
	return ctx.Err()
}

// A pod that takes nothing is given up after a while, and tried again until the patience ends.
func TestStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := files("/dump")
		data := random(9, 8*testChunk)
		o := options("/dump/d")
		cuts := 0
		o.Cut = func(err error, _ time.Duration) {
			if cuts++; !upload.Stalled(err) {
				t.Error(err)
			}
		}
		began := time.Now()
		got, err := upload.Copy(t.Context(), &deaf{disk: d, times: 2}, sourceOf(t, data), o)
		if took := time.Since(began); err != nil || cuts != 2 || got.Cuts != 2 || took < 2*o.Stall || took > 3*o.Stall {
			t.Errorf("%+v, %v after %s", got, err, took)
		}
		o.Path, o.Patience = "/dump/e", 10*time.Minute
		if _, err = upload.Copy(t.Context(), &deaf{disk: d, times: 1000}, sourceOf(t, data), o); !upload.Stalled(err) {
			t.Error(err)
		}
	})
}

// deaf takes some of an input and then nothing more, for the first times.
type deaf struct {
	*disk
	times int
}

func (d *deaf) Exec(ctx context.Context, argv []string, in io.Reader, out, errs io.Writer) error {
	if in == nil || d.times == 0 {
		return d.disk.Exec(ctx, argv, in, out, errs)
	}
	d.times--
	_, _ = io.CopyN(io.Discard, in, 100)
	<-ctx.Done()
	return ctx.Err()
}
