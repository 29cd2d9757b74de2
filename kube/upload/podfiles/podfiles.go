// Package podfiles plays a container that files are copied into: a small file system, and the commands of package upload, by their names.
package podfiles

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"canton.example/svrescue/kube/upload"
)

// Disk is the file system. It is safe for concurrent use.
type Disk struct {
	// Missing are programs that the image does not have, and Room the bytes that are left; 0: plenty.
	Missing []string
	Room    int64

	mu      sync.Mutex
	folders map[string]bool
	files   map[string][]byte
	grown   chan struct{} // closed, and made anew, when something was written
}

// New is a disk with folders.
func New(folders ...string) *Disk {
	d := &Disk{folders: map[string]bool{}, files: map[string][]byte{}, grown: make(chan struct{})}
	for _, f := range folders {
		d.folders[f] = true
	}
	return d
}

// File is what is at a path.
func (d *Disk) File(name string) ([]byte, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	data, there := d.files[name]
	return slices.Clone(data), there
}

// Put writes a file.
func (d *Disk) Put(name string, data []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.files[name] = slices.Clone(data)
}

// Names are the files that there are, in order.
func (d *Disk) Names() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var names []string
	for name := range d.files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Exec runs a command of package upload; false for any other.
func (d *Disk) Exec(ctx context.Context, argv []string, stdin io.Reader, stdout, stderr io.Writer) (code int, known bool) {
	name, args, ours := upload.Recognise(argv)
	if !ours {
		return 0, false
	}
	at := args[0]
	part := at + upload.Part
	if name == upload.Write {
		return d.write(ctx, part, number(args[1])*number(args[2]), number(args[3]), number(args[4]), stdin, stdout, stderr), true
	}
	if name == upload.Follow {
		return d.follow(ctx, part, number(args[2]), stdout), true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	switch name {
	case upload.Look:
		d.look(at, args[1:], stdout)
	case upload.Begin:
		d.files[at+upload.Record], d.files[part] = []byte(args[1]+"\n"), nil
	case upload.Chunks:
		data, there := d.files[part]
		if !there {
			return 72, true
		}
		size := number(args[1]) * number(args[2])
		for _, text := range strings.Fields(args[3]) {
			start := min(number(text)*size, int64(len(data)))
			fmt.Fprintf(stdout, "%s  -\n", sum(data[start:min(start+size, int64(len(data)))]))
		}
	case upload.Settle:
		data := d.files[part]
		fmt.Fprintln(stdout, len(data))
	case upload.Hash:
		fmt.Fprintf(stdout, "%s  -\n", sum(d.files[at]))
	case upload.Finish:
		return d.finish(at, args[1], stdout), true
	}
	return 0, true
}

func (d *Disk) look(at string, programs []string, to io.Writer) {
	for _, p := range programs {
		if slices.Contains(d.Missing, p) {
			fmt.Fprintln(to, "missing", p)
		}
	}
	if d.folders[path.Dir(at)] {
		fmt.Fprintln(to, "folder yes\nwritable yes")
	}
	if d.folders[at] {
		fmt.Fprintln(to, "is-folder yes")
	} else if data, there := d.files[at]; there {
		fmt.Fprintln(to, "there", len(data))
	}
	if data, there := d.files[at+upload.Part]; there {
		fmt.Fprintln(to, "part", len(data))
	}
	if data, there := d.files[at+upload.Record]; there {
		fmt.Fprint(to, "record ", string(data))
	}
	room := int64(1 << 40)
	if d.Room > 0 {
		room = d.Room - d.used()
	}
	fmt.Fprintf(to, "room %d\nlooked yes\n", room>>10)
}

func (d *Disk) used() (n int64) {
	for _, data := range d.files {
		n += int64(len(data))
	}
	return n
}

func (d *Disk) finish(at, old string, to io.Writer) int {
	data, there := d.files[at+upload.Part]
	if !there {
		return 72
	}
	if d.folders[at] {
		return 73
	}
	if was, there := d.files[at]; there {
		if old == "" {
			return 73
		}
		d.files[at+"."+old] = was
	}
	d.files[at] = data
	delete(d.files, at+upload.Part)
	delete(d.files, at+upload.Record)
	fmt.Fprintf(to, "600 1000 1000 %d\n", len(data))
	return 0
}

// write takes what comes until its end, whatever the end is, and tells of each chunk that it has.
func (d *Disk) write(ctx context.Context, part string, chunk, at, end int64, in io.Reader, stdout, stderr io.Writer) int {
	buffer := make([]byte, 32<<10)
	for told := at + chunk; ; {
		n, err := in.Read(buffer)
		d.mu.Lock()
		data, there := d.files[part]
		switch {
		case !there:
			d.mu.Unlock()
			fmt.Fprintln(stderr, "svrescue: stop")
			_, _ = io.Copy(io.Discard, in)
			return 72
		case d.Room > 0 && d.used()+int64(n) > d.Room:
			d.mu.Unlock()
			fmt.Fprintln(stderr, "dd: error writing: No space left on device\nsvrescue: stop")
			_, _ = io.Copy(io.Discard, in)
			return 1
		}
		if end := at + int64(n); end > int64(len(data)) {
			data = append(data, make([]byte, end-int64(len(data)))...)
		}
		copy(data[at:], buffer[:n])
		d.files[part] = data
		close(d.grown)
		d.grown = make(chan struct{})
		d.mu.Unlock()
		for at += int64(n); at >= min(told, end) && told < end+chunk; told += chunk {
			fmt.Fprintln(stdout, min(told, end))
		}
		if err != nil || ctx.Err() != nil {
			return 0
		}
	}
}

// follow waits until the part has its size. Unlike the real one it reads all of it only then.
func (d *Disk) follow(ctx context.Context, part string, size int64, to io.Writer) int {
	for {
		d.mu.Lock()
		data, there := d.files[part]
		if int64(len(data)) >= size || !there {
			fmt.Fprintf(to, "%s  -\n", sum(data))
			d.mu.Unlock()
			return 0
		}
		grown := d.grown
		d.mu.Unlock()
		select {
		case <-grown:
		case <-ctx.Done():
			return 1
		}
	}
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}

func number(text string) int64 {
	n, _ := strconv.ParseInt(text, 10, 64) // the commands are made by package upload
	return n
}
