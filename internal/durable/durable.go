// Package durable writes files that are either wholly there or not there at all, also after a power cut.
package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	// FilePerm and FolderPerm are for files that only their owner may read.
	FilePerm   fs.FileMode = 0o600
	FolderPerm fs.FileMode = 0o700
)

// WriteFile replaces path by data: written beside it under a temporary name, synced, renamed, and the folder synced.
// After an error the old content stands as it was.
func WriteFile(path string, data []byte) error { return Write(path, whole(data)) }

// Write is WriteFile for content that is made while it is written.
func Write(path string, content func(io.Writer) error) error { return write(path, FilePerm, content) }

// PublishFile does the same with a file that everybody may read: for what another program, of another user, is to take. Nothing secret
// belongs in it. Its temporary name begins with a dot and has another ending, so that nobody takes half of it.
func PublishFile(path string, data []byte) error { return write(path, 0o644, whole(data)) }

// NewFile writes a file that must not be there yet, as WriteFile does. One that has come meanwhile stands as it was.
func NewFile(path string, data []byte) (err error) {
	temp := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".new")
	if err := WriteFile(temp, data); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, ignoreGone(os.Remove(temp))) }()
	if err := os.Link(temp, path); err != nil { // unlike a rename, it replaces nothing
		return err
	}
	return SyncFolder(filepath.Dir(path))
}

func whole(data []byte) func(io.Writer) error {
	return func(to io.Writer) error {
		_, err := to.Write(data)
		return err
	}
}

func write(path string, perm fs.FileMode, content func(io.Writer) error) (err error) {
	folder := filepath.Dir(path)
	temp, err := os.CreateTemp(folder, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreGone(os.Remove(temp.Name())))
		}
	}()
	if err := temp.Chmod(perm); err != nil {
		temp.Close()
		return err
	}
	if err := content(temp); err != nil {
		temp.Close()
		return err
	}
	if err := temp.Sync(); err != nil {
		temp.Close()
		return err
	}
	if err := temp.Close(); err != nil {
		return err
	}
	if err := os.Rename(temp.Name(), path); err != nil {
		return err
	}
	return SyncFolder(folder)
}

// Folder makes path and what is missing above it, readable by the owner only, and refuses a folder that others can
// write to.
func Folder(path string) error {
	if err := os.MkdirAll(path, FolderPerm); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("%s can be written to by others (%v): chmod 700 %s", path, info.Mode().Perm(), path)
	}
	return nil
}

// SyncFolder makes the names in a folder durable.
func SyncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
