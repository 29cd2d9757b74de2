package dump

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// source is one thing to read: a file, or a folder that is a directory archive.
type source struct {
	path      string
	directory bool
	size      int64
	modified  time.Time
	found     bool   // in a folder
	problem   string // why it is not read at all
	unread    bool   // though it may be a backup
}

// find lists what lies at path. A symbolic link that was named itself is followed; one inside a folder is not: it often is
// "latest" beside the file that it points to, which would then be read twice.
func find(path string) ([]source, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	switch {
	case err != nil:
		return []source{{path: path, problem: "It cannot be read: " + reason(err), unread: true}}, nil
	case !info.IsDir():
		return []source{of(path, info)}, nil
	}
	return walk(path, info, false), nil
}

func of(path string, info fs.FileInfo) source {
	s := source{path: path, size: info.Size(), modified: info.ModTime()}
	if !info.Mode().IsRegular() {
		s.size, s.problem = 0, "It is neither a file nor a folder, and was not opened"
	}
	return s
}

func walk(folder string, info fs.FileInfo, found bool) []source {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return []source{{path: folder, found: found, problem: "The folder cannot be read: " + reason(err), unread: true}}
	}
	if isArchive(folder) {
		s := source{path: folder, directory: true, modified: info.ModTime(), found: found}
		for _, e := range entries {
			if i, err := e.Info(); err == nil && i.Mode().IsRegular() {
				s.size += i.Size()
			}
		}
		return []source{s}
	}
	var all []source
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return compareNames(a.Name(), b.Name()) })
	for _, e := range entries {
		path := filepath.Join(folder, e.Name())
		info, err := e.Info()
		switch {
		case err != nil:
			all = append(all, source{path: path, found: true, problem: "It cannot be read: " + reason(err), unread: true})
		case info.Mode()&fs.ModeSymlink != 0:
			all = append(all, source{path: path, found: true, problem: "It is a symbolic link, which is not followed inside a folder; name it itself if it is meant"})
		case info.IsDir():
			all = append(all, walk(path, info, true)...)
		default:
			s := of(path, info)
			s.found = true
			all = append(all, s)
		}
	}
	if len(all) == 0 && !found {
		all = append(all, source{path: folder, problem: "The folder is empty"})
	}
	return all
}

func compareNames(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// isArchive says whether a folder is a directory archive: it has a table of contents that begins as one.
func isArchive(folder string) bool {
	f, c, err := openMember(folder, "toc.dat")
	if err != nil {
		return false
	}
	defer c()
	head := make([]byte, len(magic))
	_, err = io.ReadFull(f, head)
	return err == nil && hasMagic(head)
}

// openMember opens a file of a directory archive by the name that its table of contents has for it: as it is, or with the ending
// of a compression, in the order in which pg_restore looks for them. Symbolic links and what is no file are refused.
func openMember(folder, name string) (io.Reader, func(), error) {
	return openMetered(nil, folder, name)
}

func openMetered(m *meter, folder, name string) (io.Reader, func(), error) {
	if name != filepath.Base(name) || name == "." || name == ".." {
		return nil, nil, fmt.Errorf("%q is no name of a file in the folder", name)
	}
	for _, ending := range []string{"", ".gz", ".lz4", ".zst"} {
		path := filepath.Join(folder, name+ending)
		info, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, nil, fmt.Errorf("%s is no file", name+ending)
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, nil, err
		}
		var r io.Reader = f
		if m != nil {
			r = m.reader(f)
		}
		b, err := unwrap(r)
		if err != nil {
			f.Close()
			return nil, nil, err
		}
		return b, func() { b.close(); f.Close() }, nil
	}
	return nil, nil, fs.ErrNotExist
}
