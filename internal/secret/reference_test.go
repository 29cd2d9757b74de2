package secret

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestReferences(t *testing.T) {
	places := Places{Getenv: func(name string) string { return map[string]string{"A": "from-env\n"}[name] },
		Open: func(path string) (io.ReadCloser, error) {
			if path != "/run/token" {
				return nil, errors.New("no such file")
			}
			return io.NopCloser(strings.NewReader("from-file")), nil
		}, Stdin: strings.NewReader("from-stdin\r\n")}
	for _, c := range []struct{ reference, want, name string }{
		{"env:A", "from-env", "the environment variable A"}, {"file:/run/token", "from-file", "file /run/token"}, {"stdin", "from-stdin", "standard input"},
		{"env:B", "", ""}, {"file:/run/other", "", ""}, {"file:run/token", "", ""}, {"env:", "", ""}, {"env:A B", "", ""}, {"hunter2-invented", "", ""}, {"", "", ""},
	} {
		r := Reference(c.reference)
		got, err := places.Read(r)
		if got.Reveal() != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%q: %v", c.reference, err)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows what was written: %v", err)
		}
		if c.name != "" && r.Name() != c.name {
			t.Errorf("%q is named %q", c.reference, r.Name())
		}
	}
}
