package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"canton.example/svrescue/internal/secret"
	"canton.example/svrescue/steps/postgres"
	"k8s.io/utils/clock"
)

func TestRenamesAreOrderedAndComparedWithWhatIsThere(t *testing.T) {
	swap := []postgres.Rename{{From: "new", To: "sv"}, {From: "sv", To: "old"}}
	ordered, err := order(swap)
	if err != nil || ordered[0].From != "sv" || ordered[1].From != "new" {
		t.Errorf("order = %v, %v", ordered, err)
	}
	for _, bad := range [][]postgres.Rename{
		nil,
		{{From: "a", To: "a"}},
		{{From: "a", To: "b"}, {From: "b", To: "a"}},
		{{From: "a", To: "b"}, {From: "a", To: "c"}},
		{{From: "a", To: "c"}, {From: "b", To: "c"}},
	} {
		if _, err := order(bad); KindOf(err) != Refused {
			t.Errorf("%v was accepted: %v", bad, err)
		}
	}
	for _, c := range []struct {
		have string
		done bool
		kind Kind
	}{
		{"new sv", false, ""},
		{"sv old", true, ""},
		{"new sv old", false, Conflict},
		{"sv", false, Conflict},
		{"new", false, Conflict},
		{"", false, Conflict},
		{"new old", false, Conflict},
	} {
		have := map[string]string{}
		for _, n := range strings.Fields(c.have) {
			have[n] = ""
		}
		if done, err := compare(swap, have); done != c.done || KindOf(err) != c.kind {
			t.Errorf("with %q: done %v, %v; want %v, kind %q", c.have, done, err, c.done, c.kind)
		}
	}
}

func TestOffsetsAreReadAsTheirColumnMeansThem(t *testing.T) {
	for _, c := range []struct {
		kind, text string
		want       int64
		bad        bool
	}{
		{"text", "00000000000000003e", 62, false},
		{"character varying", "3e", 62, false},
		{"bigint", "62", 62, false},
		{"bigint", "-1", 0, true},
		{"bytea", "\\x3e", 0, true},
		{"text", "zz", 0, true},
	} {
		got, err := number(c.kind, c.text, postgres.ParseStoreOffset)
		if (err != nil) != c.bad || err == nil && got != c.want {
			t.Errorf("number(%s, %s) = %d, %v", c.kind, c.text, got, err)
		}
	}
}

// An error of a login holds no password, however it is printed, and the environment has no say in where it goes.
func TestNoPasswordInErrors(t *testing.T) {
	t.Setenv("PGPASSWORD", "from-environment")
	t.Setenv("PGHOST", "elsewhere")
	t.Setenv("PGSSLMODE", "verify-full")
	closed := errors.New("way closed")
	s := Settings{Server: "apps-pg", Host: "apps-pg", Port: 5432, User: "cnadmin", Password: secret.New("hunter2 invented"), Database: "cantonnet",
		Clock: clock.RealClock{}, Tunnel: true, Dial: func(context.Context) (net.Conn, error) { return nil, closed }}
	_, err := Connect(t.Context(), s)
	if KindOf(err) != Unreachable || !errors.Is(err, closed) {
		t.Errorf("Connect = %v", err)
	}
	s.Dial = func(context.Context) (net.Conn, error) {
		near, far := net.Pipe()
		go func() {
			_, _ = far.Read(make([]byte, 4096)) // whatever was sent
			far.Close()
		}()
		return near, nil
	}
	_, err2 := Connect(t.Context(), s)
	if KindOf(err2) != Unreachable {
		t.Errorf("Connect = %v", err2)
	}
	for _, err := range []error{err, err2} {
		for _, form := range []string{"%v", "%+v", "%#v", "%s"} {
			if text := fmt.Sprintf(form, err); strings.Contains(text, "hunter2") || strings.Contains(text, "from-environment") {
				t.Errorf("%s shows the password: %s", form, text)
			}
		}
	}
	s.Password = secret.New("two\nlines")
	if _, err := Connect(t.Context(), s); KindOf(err) != Setup || strings.Contains(err.Error(), "two") {
		t.Errorf("a password of two lines: %v", err)
	}
}
