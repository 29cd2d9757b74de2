package secret

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"
)

// Reference says where a secret is, and is none itself: "env:NAME", "file:/PATH" or "stdin". Empty: nowhere.
type Reference string

// Stdin is the reference to standard input, which can be read once.
const Stdin Reference = "stdin"

var variable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// errReference does not repeat what was written, because it may be the secret itself.
var errReference = errors.New("is no reference to a secret: write it as env:NAME, file:/PATH or stdin, and never the secret itself")

// Check says why a text is no reference; its error follows the name of whatever holds it.
func (r Reference) Check() error {
	kind, where, _ := strings.Cut(string(r), ":")
	switch {
	case r == Stdin, kind == "env" && variable.MatchString(where), kind == "file" && filepath.IsAbs(where):
		return nil
	}
	return errReference
}

// Name is the reference for people.
func (r Reference) Name() string {
	switch kind, where, _ := strings.Cut(string(r), ":"); kind {
	case "env":
		return "the environment variable " + where
	case "file":
		return "file " + where
	}
	return "standard input"
}

// File is the path where the reference is to a file.
func (r Reference) File() (string, bool) { return strings.CutPrefix(string(r), "file:") }

// Places are what references are read from.
type Places struct {
	Getenv func(string) string
	Open   func(path string) (io.ReadCloser, error)
	Stdin  io.Reader
}

// maxSecret is the length in bytes that no secret has.
const maxSecret = 64 << 10

// Read fetches the secret, without the line break at its end. The error does not show what was read.
func (p Places) Read(r Reference) (String, error) {
	if err := r.Check(); err != nil {
		return String{}, fmt.Errorf("what was named %w", err)
	}
	var from io.Reader = p.Stdin
	if name, ok := strings.CutPrefix(string(r), "env:"); ok {
		from = strings.NewReader(p.Getenv(name))
	} else if path, ok := r.File(); ok {
		file, err := p.Open(path)
		if err != nil {
			return String{}, err
		}
		defer file.Close()
		from = file
	}
	data, err := io.ReadAll(io.LimitReader(from, maxSecret+1))
	text := strings.TrimRight(string(data), "\r\n")
	switch {
	case err != nil:
		return String{}, errors.New("it cannot be read to its end")
	case text == "":
		return String{}, errors.New("there is nothing in it")
	case len(data) > maxSecret:
		return String{}, errors.New("it is longer than a secret can be")
	}
	return New(text), nil
}
