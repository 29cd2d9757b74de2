package evidence

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	want := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	for text, is := range map[string]bool{
		"2026-11-22T01:00:00Z": true, " 2026-11-22T02:00:00+01:00\r\n": true, "1795309200": true, "1795309200\n": true, "2026-11-22T01:00:00.000Z": true,
		"": false, "2026-11-22": false, "2026-11-22T01:00:00": false, "2026-11-22 01:00:00Z": false, "1795309200000": false, "1795309200.5": false, "+1795309200": false,
		"-1": false, "0": false, "0x6b01": false, "1_795_309_200": false, "yesterday": false, "2026-11-22T01:00:00Z\n2026-11-22T01:00:00Z": false, "null": false,
		strings.Repeat(" ", 200) + "1795309200": false, "9999999999999999999999": false,
	} {
		got, err := ParseTime([]byte(text))
		if (err == nil) != is || is && !got.Equal(want) {
			t.Errorf("%q: %s, %v", text, got, err)
		}
		if err != nil && err != errTime {
			t.Errorf("%q: %v may repeat what was printed", text, err)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	f.Add([]byte("2026-11-22T01:00:00Z"))
	f.Add([]byte("1795309200\n"))
	f.Fuzz(func(t *testing.T, said []byte) {
		if at, err := ParseTime(said); err == nil && (at.Year() < 2000 || at.Year() > 2200 || at.Location() != time.UTC) {
			t.Errorf("%q is read as %s", said, at)
		}
	})
}

// A program is run as it stands, without a shell, and what it says that is no time is not repeated.
func TestAProgramIsAsked(t *testing.T) {
	folder := t.TempDir()
	script := func(name, text string) string {
		path := folder + "/" + name
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for _, c := range []struct {
		name string
		argv []string
		want string // of the problem; empty: a time came
	}{
		{"a time", []string{script("a", "echo 1795309200; echo canary >&2")}, ""},
		{"its arguments are not looked into by a shell", []string{script("b", `test "$1" = '$(echo x); y' && echo 2026-11-22T01:00:00Z`), "$(echo x); y"}, ""},
		{"something else", []string{script("c", "echo canary")}, "printed no time"},
		{"much", []string{script("d", "yes canary | head -c 1000000")}, "printed no time"},
		{"a failure", []string{script("e", "echo 1795309200; echo canary >&2; exit 4")}, "ended with exit code 4"},
		{"nobody", []string{folder + "/none"}, "no such file"},
	} {
		at, problem := askTime(t.Context(), runProgram, c.argv)
		if (c.want == "") != (problem == "") || !strings.Contains(problem, c.want) || at.IsZero() != (c.want != "") {
			t.Errorf("%s: %s, %q", c.name, at, problem)
		}
		if strings.Contains(problem, "canary") {
			t.Errorf("%s: what it said is repeated: %s", c.name, problem)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, problem := askTime(ended, runProgram, []string{"/bin/true"}); !strings.Contains(problem, "did not end") {
		t.Error(problem)
	}
}
