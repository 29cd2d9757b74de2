package upload_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"canton.example/svrescue/kube"
	"canton.example/svrescue/kube/upload"
	"k8s.io/utils/clock"
)

// The unit of the tests: a file of some chunks is copied in moments.
const (
	testBlock = 1 << 10
	testChunk = 16 * testBlock
)

func sourceOf(t *testing.T, data []byte) *upload.Source {
	t.Helper()
	file := filepath.Join(t.TempDir(), "dump.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := upload.OpenSized(file, testBlock, testChunk)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func random(seed uint64, n int) []byte {
	data := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(data)
	return data
}

// shell runs the commands with the programs of this machine.
type shell struct{ path string }

func (s shell) Exec(ctx context.Context, argv []string, in io.Reader, out, errs io.Writer) error {
	c := exec.CommandContext(ctx, argv[0], argv[1:]...)
	c.Stdin, c.Stdout, c.Stderr = in, out, errs
	if s.path != "" {
		c.Env = []string{"PATH=" + s.path}
	}
	err := c.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return &kube.ExitError{Code: exit.ExitCode()}
	}
	return err
}

// cutting breaks connections as networks, servers and kubelets do: before the command begins; in its input, of which it then sees an end as if
// it were whole, while it may go on writing; in its output; and after it ended. It may also damage a byte on the way.
type cutting struct {
	upload.Pod
	random *rand.Rand
	left   int // how many more
	damage int // of how many inputs one byte
	late   sync.WaitGroup
	mu     sync.Mutex // guards random, left and damage
}

var errCutOff = &kube.Error{Kind: kube.Unreachable, Tried: "run a command", Seen: "the connection was cut"}

func (c *cutting) Exec(ctx context.Context, argv []string, in io.Reader, out, errs io.Writer) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if name, _, _ := upload.Recognise(argv); name == upload.Follow { // it runs beside another one
		lose := c.left > 0 && c.random.IntN(3) == 0
		c.mu.Unlock()
		err := c.Pod.Exec(ctx, argv, in, out, errs)
		c.mu.Lock()
		if lose {
			err = errCutOff
		}
		return err
	}
	if in != nil && c.damage > 0 {
		c.damage--
		in = &damaged{in: in, at: c.random.IntN(40 * testBlock)}
	}
	if c.left == 0 || c.random.IntN(3) == 0 {
		return c.Pod.Exec(ctx, argv, in, out, errs)
	}
	c.left--
	switch how := c.random.IntN(4); {
	case how == 0:
		return errCutOff
	case how == 1 && in != nil: // the command ends late; more than three chunks are sent only to who says what it wrote
		part, err := io.ReadAll(io.LimitReader(in, int64(c.random.IntN(3*testChunk))))
		if err != nil {
			return err
		}
		c.late.Go(func() { _ = c.Pod.Exec(context.Background(), argv, bytes.NewReader(part), io.Discard, io.Discard) })
		return errCutOff
	case how == 2 && in == nil && out != nil: // what a connection has brought so far of an output is not held back
		var all bytes.Buffer
		_ = c.Pod.Exec(ctx, argv, in, &all, errs)
		out.Write(all.Bytes()[:c.random.IntN(all.Len()+1)])
		return errCutOff
	}
	_ = c.Pod.Exec(ctx, argv, in, out, errs)
	return errCutOff
}

type damaged struct {
	in io.Reader
	at int
}

func (d *damaged) Read(p []byte) (int, error) {
	n, err := d.in.Read(p)
	if d.at >= 0 && d.at < n {
		p[d.at] ^= 0x40
	}
	d.at -= n
	return n, err
}

// hasty waits a thousandth of what it is told.
type hasty struct{ clock.RealClock }

func (h hasty) NewTimer(d time.Duration) clock.Timer { return h.RealClock.NewTimer(d / 1000) }

func options(path string) upload.Options {
	return upload.Options{Path: path, Clock: hasty{}, Follow: 3 * testChunk, Stall: time.Minute, Patience: 24 * time.Hour}
}

// Two hundred files over connections that are cut at random: each arrives whole, or not at all.
func TestRandomCuts(t *testing.T) {
	for seed := range uint64(200) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			data := random(seed, r.IntN(12*testChunk))
			disk := files("/dump")
			pod := &cutting{Pod: disk, random: r, left: 1 + r.IntN(12), damage: r.IntN(2)}
			arrives(t, pod, disk.read, sourceOf(t, data), data, "/dump/d.json")
			pod.late.Wait()
			if got, _ := disk.read("/dump/d.json"); !bytes.Equal(got, data) {
				t.Errorf("seed %d: a late command changed the file", seed)
			}
		})
	}
}

// The same with the real programs of this machine.
func TestRandomCutsWithRealPrograms(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 2))
		data := random(seed, r.IntN(12*testChunk))
		folder := t.TempDir()
		pod := &cutting{Pod: shell{}, random: r, left: 1 + r.IntN(3), damage: r.IntN(2)}
		path := filepath.Join(folder, "d e'$(x).json")
		arrives(t, pod, func(name string) ([]byte, bool) { b, err := os.ReadFile(name); return b, err == nil }, sourceOf(t, data), data, path)
		pod.late.Wait()
		got, err := os.ReadFile(path)
		info, _ := os.Stat(path)
		entries, _ := os.ReadDir(folder)
		if err != nil || !bytes.Equal(got, data) || info.Mode().Perm() != 0o600 || len(entries) != 1 {
			t.Errorf("seed %d: %v, %v, %v", seed, err, info, entries)
		}
	}
}

// arrives copies, and goes on as long as it is cut; at no time is there a file of the name that is not whole.
func arrives(t *testing.T, pod upload.Pod, read func(string) ([]byte, bool), s *upload.Source, data []byte, path string) {
	t.Helper()
	o := options(path)
	o.Cut = func(error, time.Duration) {
		if got, there := read(path); there && !bytes.Equal(got, data) {
			t.Fatalf("a half of it has its name")
		}
	}
	got, err := upload.Copy(t.Context(), pod, s, o)
	if err != nil {
		t.Fatal(err)
	}
	there, _ := read(path)
	if !bytes.Equal(there, data) {
		t.Errorf("%d bytes of %d arrived, and not as they were: %+v", len(there), len(data), got)
	}
}

// After a cut, no more is sent again than one chunk and what was on its way; a new process takes the chunks that fit from the pod.
func TestResumesWhereItWasCut(t *testing.T) {
	data := random(1, 20*testChunk+77)
	disk := files("/dump")
	cutAt := int64(13*testChunk + 5*testBlock)
	pod := &once{Pod: disk, after: cutAt}
	o := options("/dump/d")
	o.Patience = 0
	if _, err := upload.Copy(t.Context(), pod, sourceOf(t, data), o); err == nil {
		t.Fatal("it was not cut")
	}
	got, err := upload.Copy(t.Context(), disk, sourceOf(t, data), o)
	if err != nil || got.Resumed != 13*testChunk || got.Sent != int64(len(data))-13*testChunk || got.Cuts != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	if again := got.Sent + cutAt - int64(len(data)); again > testChunk {
		t.Errorf("%d bytes were sent again", again)
	}
	// What was damaged while nobody looked is sent again, and no more than its chunk.
	half := random(2, 9*testChunk)
	_, _ = upload.Copy(t.Context(), &once{Pod: disk, after: 6 * testChunk}, sourceOf(t, half), optionsOnce("/dump/e"))
	part, _ := disk.read("/dump/e" + upload.Part)
	part[2*testChunk+3] ^= 1
	disk.Put("/dump/e"+upload.Part, part)
	got, err = upload.Copy(t.Context(), disk, sourceOf(t, half), optionsOnce("/dump/e"))
	if there, _ := disk.read("/dump/e"); err != nil || got.Sent != 4*testChunk || !bytes.Equal(there, half) {
		t.Errorf("%+v, %v", got, err)
	}
}

func optionsOnce(path string) upload.Options {
	o := options(path)
	o.Patience = 0
	return o
}

// once cuts the first input after some bytes.
type once struct {
	upload.Pod
	after int64
	done  bool
}

func (o *once) Exec(ctx context.Context, argv []string, in io.Reader, out, errs io.Writer) error {
	if in == nil || o.done {
		return o.Pod.Exec(ctx, argv, in, out, errs)
	}
	o.done = true
	_ = o.Pod.Exec(ctx, argv, io.LimitReader(in, o.after), out, errs)
	return errCutOff
}

// A connection that damages what it carries never makes a file.
func TestDamageIsNeverTakenForWhole(t *testing.T) {
	disk := files("/dump")
	data := random(3, 5*testChunk)
	_, err := upload.Copy(t.Context(), &spoiling{disk}, sourceOf(t, data), options("/dump/d"))
	if _, there := disk.read("/dump/d"); err == nil || there || !strings.Contains(err.Error(), "damages data") {
		t.Errorf("%v, the file is there: %v", err, there)
	}
}

// spoiling damages the first byte of each input.
type spoiling struct{ *disk }

func (s *spoiling) Exec(ctx context.Context, argv []string, in io.Reader, out, errs io.Writer) error {
	if in != nil {
		in = &damaged{in: in}
	}
	return s.disk.Exec(ctx, argv, in, out, errs)
}

func TestRefusals(t *testing.T) {
	data := random(4, 3*testChunk)
	other := random(5, 3*testChunk)
	for _, c := range []struct {
		name, path string
		world      func(d *disk)
		change     func(o *upload.Options)
		why        string
	}{
		{"a relative path", "d", nil, nil, "no whole path"},
		{"no folder", "/elsewhere/d", nil, nil, "no folder /elsewhere"},
		{"a folder", "/dump", func(d *disk) { d.Disk = files("/", "/dump").Disk }, nil, "is a folder"},
		{"another file", "/dump/d", func(d *disk) { d.Put("/dump/d", other) }, nil, "is there already and is another file"},
		{"a part of another file", "/dump/d", func(d *disk) {
			d.Put("/dump/d"+upload.Part, other)
			d.Put("/dump/d"+upload.Record, []byte("svrescue-upload 1 49152 abc 16384\n"))
		}, nil, "to become a file of 49152 bytes with SHA-256 abc"},
		{"a part of nobody knows what", "/dump/d", func(d *disk) { d.Put("/dump/d"+upload.Part, other) }, nil, "nothing tells what it is of"},
		{"no program", "/dump/d", func(d *disk) { d.Missing = []string{"dd", "sha256sum", "sync"} }, nil, "has no dd, sha256sum"},
		{"no room", "/dump/d", func(d *disk) { d.Room = 2 * testChunk }, nil, "has room for"},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk := files("/dump")
			if c.world != nil {
				c.world(disk)
			}
			before := fmt.Sprint(disk.Names())
			_, err := upload.Copy(t.Context(), disk, sourceOf(t, data), options(c.path))
			var r *upload.Refused
			if !errors.As(err, &r) || !strings.Contains(r.Why, c.why) || r.Next == "" {
				t.Errorf("%v", err)
			}
			if now := fmt.Sprint(disk.Names()); now != before {
				t.Errorf("%s became %s", before, now)
			}
		})
	}
}

// What is there is moved aside where that was asked for, and the same file is not sent twice.
func TestWhatIsThereAlready(t *testing.T) {
	disk := files("/dump")
	old, data := random(6, testChunk), random(7, 3*testChunk)
	disk.Put("/dump/d", old)
	o := options("/dump/d")
	o.KeepOld = true
	got, err := upload.Copy(t.Context(), disk, sourceOf(t, data), o)
	was, _ := disk.read(got.Old)
	now, _ := disk.read("/dump/d")
	if err != nil || !strings.HasPrefix(got.Old, "/dump/d.old-") || !bytes.Equal(was, old) || !bytes.Equal(now, data) || got.Mode != "600" {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = upload.Copy(t.Context(), disk, sourceOf(t, data), options("/dump/d"))
	if err != nil || !got.Already || got.Sent != 0 {
		t.Errorf("%+v, %v", got, err)
	}
	disk.Put("/dump/e"+upload.Part, old)
	o = options("/dump/e")
	o.StartOver = true
	if got, err = upload.Copy(t.Context(), disk, sourceOf(t, data), o); err != nil || got.Resumed != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// A volume that is full ends the copy at once, and what came is kept.
func TestFullVolume(t *testing.T) {
	d := files("/dump")
	data := random(8, 8*testChunk)
	full := &filling{disk: d, to: 5 * testChunk}
	_, err := upload.Copy(t.Context(), full, sourceOf(t, data), options("/dump/d"))
	var r *upload.Refused
	if !errors.As(err, &r) || r.Why != "the volume is full" {
		t.Fatal(err)
	}
	d.Room = 0
	got, err := upload.Copy(t.Context(), d, sourceOf(t, data), options("/dump/d"))
	if err != nil || got.Resumed < 4*testChunk {
		t.Errorf("%+v, %v", got, err)
	}
}

// filling is a volume that somebody else fills.
type filling struct {
	*disk
	to int64
}

func (f *filling) Exec(ctx context.Context, argv []string, in io.Reader, out, errs io.Writer) error {
	if in != nil {
		f.Room = f.to
	}
	return f.disk.Exec(ctx, argv, in, out, errs)
}

// A file that is changed while it is sent is not taken for a damaged line.
func TestSourceChanges(t *testing.T) {
	s := sourceOf(t, random(1, 3*testChunk))
	if err := os.WriteFile(s.Name(), random(2, 3*testChunk), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(s.Name(), time.Time{}, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	_, err := upload.Copy(t.Context(), files("/dump"), s, options("/dump/d"))
	var r *upload.Refused
	if !errors.As(err, &r) || !strings.Contains(r.Why, "was changed while it was sent") {
		t.Error(err)
	}
}
