package upload

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"canton.example/svrescue/kube"
)

// seen is what there is in the pod.
type seen struct {
	missing                    []string // programs
	folder, writable, isFolder bool
	there                      bool
	size                       int64 // of what is at the path
	hasPart                    bool
	part                       int64 // its size
	record                     string
	room                       int64 // bytes; -1: not told
	looked                     bool
}

func (u *upload) look(ctx context.Context) (seen, error) {
	told, err := u.run(ctx, look(u.o.Path))
	if kube.KindOf(err) == kube.Invalid {
		return seen{}, &Refused{Why: "the image of the container has no shell (" + seenOf(err) + ")", Next: "copy the file in another way; a helper pod has the same image"}
	}
	if err != nil {
		return seen{}, err
	}
	s := seen{room: -1}
	for line := range strings.Lines(told) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		n, _ := strconv.ParseInt(value, 10, 64)
		switch key {
		case "missing":
			if slices.Contains(needed, value) {
				s.missing = append(s.missing, value)
			}
		case "folder":
			s.folder = true
		case "writable":
			s.writable = true
		case "is-folder":
			s.isFolder = true
		case "there":
			s.there, s.size = true, n
		case "part":
			s.hasPart, s.part = true, n
		case "record":
			s.record = value
		case "room":
			s.room = n << 10
		case "looked":
			s.looked = true
		}
	}
	if s.there && !u.moving {
		u.replaced = true
	}
	return s, nil
}

// Found is what is at a path in a pod.
type Found struct {
	There  bool
	Size   int64  // in bytes
	SHA256 string // as the pod hashed it; empty where nothing is there
}

// Find says what is at a path in a pod. It changes nothing there. A *Refused says why it cannot be told.
func Find(ctx context.Context, pod Pod, path string) (Found, error) {
	u := &upload{pod: pod, o: Options{Path: path}}
	s, err := u.look(ctx)
	switch {
	case err != nil:
		return Found{}, err
	case !s.looked:
		return Found{}, &Refused{Why: "the shell of the container did not do what it was told", Next: "look at the file in another way"}
	case !s.there || s.isFolder:
		return Found{}, nil
	case slices.Contains(s.missing, "sha256sum"):
		return Found{There: true, Size: s.size}, &Refused{Why: "the image of the container has no sha256sum", Next: "look at the file in another way"}
	}
	sum, err := u.sum(ctx, hash(path))
	return Found{There: true, Size: s.size, SHA256: sum}, err
}

// resumes says whether the part is of this file.
func (s seen) resumes(of *Source) bool { return s.hasPart && s.record == of.record() }

// whose is what the record says of a part, for a person.
func (s seen) whose() string {
	fields := strings.Fields(s.record)
	if len(fields) == 5 && fields[0] == "svrescue-upload" {
		return "it is to become a file of " + fields[2] + " bytes with SHA-256 " + fields[3]
	}
	return "nothing tells what it is of"
}

func seenOf(err error) string {
	var e *kube.Error
	if errors.As(err, &e) {
		return e.Seen
	}
	return err.Error()
}
