package svapp

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	clocktesting "k8s.io/utils/clock/testing"
)

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func fakeClock(at time.Time) *clocktesting.FakePassiveClock {
	return clocktesting.NewFakePassiveClock(at)
}

func TestFixedTokens(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"alone", "abc.def", "abc.def"},
		{"with a line end", "abc\r\n", "abc"},
		{"as copied from a header", "Authorization: Bearer abc\n", "abc"},
		{"with its kind", "bearer abc", "abc"},
		{"empty", " \n", ""},
		{"two lines", "abc\ndef", ""},
		{"not text", "ab\x00c", ""},
		{"too long", strings.Repeat("x", maxToken+1), ""},
		{"a page", page(canary), ""},
	} {
		tokens, err := TokenFrom("standard input", strings.NewReader(c.in))
		if c.want == "" {
			if e := checkSentence(t, err); e.Kind != Setup {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		got, err := tokens.Token(t.Context(), time.Hour)
		if err != nil || got.Value.Reveal() != c.want {
			t.Errorf("%s: %q, %v", c.name, got.Value.Reveal(), err)
		}
		if strings.Contains(fmt.Sprintf("%v %+v %#v", got, got, tokens), c.want) {
			t.Errorf("%s: a printed form shows the token", c.name)
		}
	}
	if _, err := TokenFromEnv(func(name string) string { return map[string]string{"T": "abc"}[name] }, "T"); err != nil {
		t.Error(err)
	}
}

// A file is read again when its token ends, or was refused: somebody else puts a new one there.
func TestTokenOfAFile(t *testing.T) {
	clk := fakeClock(noon)
	content, opened := "", 0
	token := func(exp time.Time) string {
		return "eyJhbGciOiJub25lIn0." + encode(fmt.Sprintf(`{"sub":"u","exp":%d}`, exp.Unix())) + ".x"
	}
	tokens := TokenFromFile("/run/token", func() (io.ReadCloser, error) {
		opened++
		if content == "" {
			return nil, errors.New("open /run/token: permission denied")
		}
		return io.NopCloser(strings.NewReader(content)), nil
	}, clk)
	if _, err := tokens.Token(t.Context(), time.Minute); KindOf(err) != Setup || !strings.Contains(err.Error(), "permission denied") {
		t.Error(err)
	}
	content = token(noon.Add(time.Hour))
	for range 3 {
		if _, err := tokens.Token(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	if opened != 2 {
		t.Errorf("opened %d times", opened)
	}
	content = token(noon.Add(2 * time.Hour))
	clk.SetTime(noon.Add(59*time.Minute + 30*time.Second))
	if got, err := tokens.Token(t.Context(), time.Minute); err != nil || got.Value.Reveal() != content || opened != 3 {
		t.Errorf("%v, opened %d times", err, opened)
	}
}

func TestATokenGoesNowhereElse(t *testing.T) {
	var sent []string
	record := over(func(r *http.Request) (*http.Response, error) {
		sent = append(sent, r.URL.String()+" "+r.Header.Get("Authorization"))
		return says(307, "", "Location: https://elsewhere.example.org/api/sv/v0/admin/authorization")(r)
	})
	for _, c := range []struct {
		base    string
		private bool
		kind    Kind
		sent    int
	}{
		{"https://sv.example.org", false, Elsewhere, 1},
		{"http://sv.example.org", false, Setup, 0},
		{"http://sv-app.sv:5014", true, Elsewhere, 1},
		{"http://127.0.0.1:5014", false, Elsewhere, 1},
	} {
		sent = nil
		s, err := NewSV(Settings{Way: Way{Name: "test", Base: c.base, Through: record, Private: c.private}, Tokens: fixedToken(t, canary)})
		if err != nil {
			t.Fatal(err)
		}
		e := checkSentence(t, s.Authorized(t.Context()))
		if e.Kind != c.kind || len(sent) != c.sent {
			t.Errorf("%s: %v; sent %v", c.base, e, sent)
		}
		sent = nil
		_, _ = s.Version(t.Context())
		if len(sent) != 1 || strings.Contains(sent[0], canary) {
			t.Errorf("%s: an endpoint that needs no token got one: %v", c.base, sent)
		}
	}
	s, err := NewSV(Settings{Way: way(record)})
	if err != nil {
		t.Fatal(err)
	}
	if e := checkSentence(t, s.Authorized(t.Context())); e.Kind != NoToken {
		t.Error(e)
	}
}
