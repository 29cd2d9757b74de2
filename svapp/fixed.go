package svapp

import (
	"context"
	"io"
	"strings"
	"sync"
	"time"

	"k8s.io/utils/clock"

	"canton.example/svrescue/internal/secret"
)

// There is no token from the command line: other users of the machine could read it there.

// maxToken is the length that no token has.
const maxToken = 64 << 10

// TokenFromEnv takes the token from a variable of the environment.
func TokenFromEnv(getenv func(string) string, name string) (Tokens, error) {
	return TokenFrom("the environment variable "+name, strings.NewReader(getenv(name)))
}

// TokenFrom reads a token once, such as from standard input; from names it on screens. What is read may be the whole value of a header,
// as copied from a browser. Its errors are of kind Setup and do not show what was read.
func TokenFrom(from string, r io.Reader) (Tokens, error) {
	t, err := readToken(from, r)
	if err != nil {
		return nil, err
	}
	return &fixed{t}, nil
}

type fixed struct{ token Token }

func (f *fixed) Token(context.Context, time.Duration) (Token, error) { return f.token, nil }

// TokenFromFile takes the token from a file, which open opens. The file is read again when its token is about to expire or was
// refused, since somebody else may have put a new one there.
func TokenFromFile(name string, open func() (io.ReadCloser, error), clk clock.PassiveClock) Tokens {
	if clk == nil {
		clk = clock.RealClock{}
	}
	return &fromFile{name: name, open: open, clock: clk}
}

type fromFile struct {
	name  string
	open  func() (io.ReadCloser, error)
	clock clock.PassiveClock
	mu    sync.Mutex
	token Token
}

func (f *fromFile) Token(_ context.Context, good time.Duration) (Token, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.token.Value.Empty() && !f.token.Expires.IsZero() && f.token.goodFor(f.clock.Now(), good) {
		return f.token, nil
	}
	return f.read()
}

func (f *fromFile) renew(context.Context, Token) (Token, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.read()
}

func (f *fromFile) read() (Token, error) {
	r, err := f.open()
	if err != nil {
		return Token{}, setup("read the token from file "+f.name, clean(err.Error()), "check the name and the rights of the file")
	}
	defer r.Close()
	t, err := readToken("file "+f.name, r)
	if err == nil {
		f.token = t
	}
	return t, err
}

func readToken(from string, r io.Reader) (Token, error) {
	tried := "read the token from " + from
	data, err := io.ReadAll(io.LimitReader(r, maxToken+1))
	if err != nil {
		return Token{}, setup(tried, "it cannot be read to its end", "check what it is")
	}
	text := strings.TrimSpace(string(data))
	if kind, rest, ok := strings.Cut(text, " "); ok && (strings.EqualFold(kind, "Bearer") || strings.EqualFold(kind, "Authorization:")) {
		text = strings.TrimSpace(rest)
		if kind, rest, ok = strings.Cut(text, " "); ok && strings.EqualFold(kind, "Bearer") {
			text = strings.TrimSpace(rest)
		}
	}
	switch {
	case text == "":
		return Token{}, setup(tried, "it is empty", "put the token there")
	case len(data) > maxToken, strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return Token{}, setup(tried, "what is there is no token", "put the token alone there, on one line")
	}
	return newToken(secret.New(text), from), nil
}
