package reonboard

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"canton.example/svrescue/internal/plain"
	"canton.example/svrescue/kube"
	"canton.example/svrescue/steps"
	"canton.example/svrescue/svapp/dump"
)

// opened is a source of identities that is being read.
type opened struct {
	io.ReadSeeker
	readable bool // others on this machine can read it
	taken    time.Time
	end      func()
}

// String names the source in words.
func (f From) String() string {
	if f.Secret != "" {
		return fmt.Sprintf("key %s of Secret %s in namespace %s", f.Key, f.Secret, f.Space)
	}
	return "the file " + plain.Line(f.File)
}

// chosen says whether it is known what is read.
func (f From) chosen() bool { return f.File != "" || f.Secret != "" }

// open opens the source. What it holds is in memory only, and cleared at the end where it came from a Secret.
func (f From) open(ctx context.Context, w steps.World) (opened, error) {
	if f.Secret != "" {
		value, found, err := w.Kube.SecretValue(ctx, f.Space, f.Secret, f.Key)
		if err == nil && !found {
			err = &steps.Problem{Tried: "reading " + f.String(), Seen: "there is none", Next: "Name another: svrescue resume, and answer the questions of Identities again", Err: fs.ErrNotExist}
		}
		if err != nil {
			return opened{}, err
		}
		return opened{ReadSeeker: strings.NewReader(value.Reveal()), end: func() {}}, nil
	}
	file, err := os.Open(f.File)
	if err != nil {
		return opened{}, unreadable(f, err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is no file")
	}
	if err != nil {
		file.Close()
		return opened{}, unreadable(f, err)
	}
	return opened{ReadSeeker: file, readable: info.Mode().Perm()&0o077 != 0, taken: info.ModTime(), end: func() { file.Close() }}, nil
}

func unreadable(f From, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return &steps.Problem{Tried: "reading " + f.String(), Seen: err.Error(), Err: err, Next: "Put it back, or answer the questions of Identities again and name another"}
}

// looked is what is known of a source, without a key.
type looked struct {
	dump.Identities
	readable bool
	taken    time.Time
}

// look reads what a source is.
func (f From) look(ctx context.Context, w steps.World) (looked, error) {
	from, err := f.open(ctx, w)
	if err != nil {
		return looked{}, err
	}
	defer from.end()
	i, err := dump.Read(from)
	if err != nil {
		return looked{}, unreadable(f, err)
	}
	return looked{i, from.readable, from.taken}, nil
}

// take is the participant's dump out of the source, byte by byte as it stands there, where it is that of the party. Whoever has it clears it.
func (f From) take(ctx context.Context, w steps.World, party string) ([]byte, error) {
	from, err := f.open(ctx, w)
	if err != nil {
		return nil, err
	}
	defer from.end()
	i, err := dump.Read(from)
	if err != nil {
		return nil, unreadable(f, err)
	}
	problem := i.Problem()
	if problem == "" && !i.Owner(party) {
		problem = "it is not that of " + party
	}
	if problem != "" {
		return nil, &steps.Problem{Tried: "taking the participant's dump out of " + f.String(), Seen: problem, Next: "Nothing was written. Answer the questions of Identities again and name another"}
	}
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		return nil, unreadable(f, err)
	}
	part, err := dump.Extract(from, i.Shape)
	if err != nil {
		return nil, unreadable(f, err)
	}
	return part, nil
}

func sum(data []byte) string {
	all := sha256.Sum256(data)
	return hex.EncodeToString(all[:])
}

// secretName reads NAMESPACE/NAME:KEY; without a namespace it is the one given.
func secretName(text, namespace string) (From, error) {
	name, key, has := strings.Cut(text, ":")
	space, secret, named := strings.Cut(name, "/")
	if !named {
		space, secret = namespace, name
	}
	if !has || key == "" || secret == "" || !namespaceName.MatchString(space) || strings.ContainsAny(text, " \t") {
		return From{}, fmt.Errorf("%q names no value of a Secret: write NAMESPACE/NAME:KEY, such as sv/participant-bootstrap-dump:content", text)
	}
	return From{Space: space, Secret: secret, Key: key}, nil
}

// secretKnown says whether the value is there; an error where that cannot be seen.
func secretKnown(ctx context.Context, w steps.World, f From) (bool, error) {
	keys, found, err := w.Kube.SecretKeys(ctx, f.Space, f.Secret)
	if kube.IsMissing(err) {
		return false, nil
	}
	if err != nil || !found {
		return false, err
	}
	for _, k := range keys {
		if k == f.Key {
			return true, nil
		}
	}
	return false, nil
}
